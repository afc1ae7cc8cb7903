-- Changing the values of a run from outside: setting, clearing, and dropping what expired.
-- Depends on: context, queue_run. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.refuse_malformed_values(given jsonb, tokens jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_name text;
    v_problem text;
begin
    perform private.accept(private.size_problem(given, '/values', 10485760));
    perform private.accept(private.size_problem(tokens, '/tokens', 1048576));
    if
        jsonb_typeof(given) is distinct from 'object'
        or jsonb_typeof(tokens) is distinct from 'object'
    then
        v_problem := 'values and tokens are objects of names and values';
    elsif given || tokens = '{}' then
        v_problem := 'there is nothing to set';
    else
        select names.name
        into v_name
        from jsonb_object_keys(given || tokens) as names (name)
        where not private.is_name(names.name)
        limit 1;
        v_problem := case
            when found then format('"%s" cannot be a name: {{...}} could not refer to it', v_name)
            when
                exists (
                    select
                    from jsonb_each(tokens) as members
                    where jsonb_typeof(members.value) <> 'string'
                )
                then 'a token is text'
        end;
    end if;
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(v_problem),
            detail = 'malformed_values',
            hint = 'For example {"order_id": 7} as values and {"session": "..."} as tokens.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_values(jsonb, jsonb) is
$comment$Refuse what update_test_run_context does not take: PT400 malformed_values by its shape,
PT413 too_large by its size (10 MB and 1 MB).$comment$;

create function private.update_test_run_context(run_id uuid, given jsonb, tokens jsonb)
returns public.test_execution_context
language plpgsql
volatile
parallel unsafe
security definer -- the engine writes contexts
set search_path = ''
as $function$
declare
    v_run public.test_runs := private.authorize_run_change(
        update_test_run_context.run_id, 'change the values of runs'
    );
    v_context public.test_execution_context;
    v_secrets text[];
    v_values private.captured[];
begin
    perform private.refuse_malformed_values(given, tokens);
    perform private.refuse_weak_secret(members.value #>> '{}')
    from jsonb_each(tokens) as members;

    perform from private.live_runs as lives where lives.run_id = v_run.id for no key update;
    if not found then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(format('the run %s is over', v_run.id)),
            detail = 'run_over',
            hint = 'No test would see the values; give them to a new run as variables.';
    end if;

    v_secrets := (select known.secrets from private.run_secrets(array[v_run.id]) as known);
    v_values := array(
        select
            row(
                0, v_run.id, v_run.project_id, null, '', 0, members.key,
                -- what contains a secret is one
                case
                    when tokens ? members.key then 'token'
                    when private.holds_secret(members.value::text, v_secrets) then 'token'
                    else 'variable'
                end,
                members.value, octet_length(members.value::text), null
            )::private.captured
        from jsonb_each(given || tokens) as members
    );
    if private.find_oversized(v_values) <> '{}' then
        raise exception using
            errcode = 'PT413',
            message = private.one_line(
                format('the context of the run %s has no room for these values', v_run.id)
            ),
            detail = 'values_too_large',
            hint = 'Set less, or have environments.context_max_bytes raised.';
    end if;
    perform private.announce_contexts(private.store_values(v_values));

    select contexts.*
    into v_context
    from public.test_execution_context as contexts
    where contexts.run_id = v_run.id;
    return v_context;
end;
$function$;
comment on function private.update_test_run_context(uuid, jsonb, jsonb) is
'Does the work of public.update_test_run_context.';
grant execute on function private.update_test_run_context(uuid, jsonb, jsonb)
to authenticated, service_role;

create function public.update_test_run_context(
    run_id uuid, "values" jsonb default '{}', tokens jsonb default '{}'
)
returns public.test_execution_context
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.update_test_run_context(run_id, "values", tokens);
$function$;
comment on function public.update_test_run_context(uuid, jsonb, jsonb) is
$comment$Give values to a run under way: tests that are handed out from now on see them as {{name}}.

values: {name: any JSON}. tokens: {name: text}, 8 characters or more and not a number; encrypted,
and redacted in all that is stored from then on. A value that contains a secret of the run becomes a
token by itself. They go after what tests captured and before what the suite gives; the latest of a
name counts. Returns the run's row of test_execution_context. Nothing is written on error: PT400
malformed_values, weak_secret; PT403 not_allowed; PT404 unknown_run; PT409 run_over; PT413
values_too_large.$comment$;
grant execute on function public.update_test_run_context(uuid, jsonb, jsonb)
to authenticated, service_role;

create function private.empty_contexts(run_ids uuid[])
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with dropped as (
        delete from public.test_context_values where run_id = any(run_ids)
    ),

    -- to be measured again
    measured as (
        update private.run_storage set is_final = false where run_id = any(run_ids)
    ),

    emptied as (
        update public.test_execution_context as contexts
        set value_count = 0, size_bytes = 0, row_size_bytes = 0, updated_at = now()
        where contexts.run_id = any(run_ids) and contexts.value_count > 0
        returning contexts.run_id
    )

    select coalesce(array_agg(emptied.run_id), '{}') from emptied;
$function$;
comment on function private.empty_contexts(uuid[]) is
'Drop every value of these runs, which are over; the runs that had any.';

create function private.clear_run_context(run_id uuid)
returns public.test_execution_context
language plpgsql
volatile
parallel unsafe
security definer -- the engine writes contexts
set search_path = ''
as $function$
declare
    v_run public.test_runs := private.authorize_run_change(
        clear_run_context.run_id, 'change the values of runs'
    );
    v_context public.test_execution_context;
begin
    if v_run.finished_at is null then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(format('the run %s is not over', v_run.id)),
            detail = 'run_not_over',
            hint = 'Its tests may still need the values. Wait for its end, or cancel it.';
    end if;
    -- before its values, as cleanup_expired_contexts does
    perform from public.test_execution_context as contexts
    where contexts.run_id = v_run.id
    for update;
    perform private.announce_contexts(private.empty_contexts(array[v_run.id]));

    select contexts.*
    into v_context
    from public.test_execution_context as contexts
    where contexts.run_id = v_run.id;
    return v_context;
end;
$function$;
comment on function private.clear_run_context(uuid) is 'Does the work of public.clear_run_context.';
grant execute on function private.clear_run_context(uuid) to authenticated, service_role;

create function public.clear_run_context(run_id uuid)
returns public.test_execution_context
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.clear_run_context(run_id);
$function$;
comment on function public.clear_run_context(uuid) is
$comment$Drop the values of a run that is over, tokens included, without waiting for them to expire.

Results and evidence stay. Returns the run's row of test_execution_context, now empty.
Errors: PT403 not_allowed; PT404 unknown_run; PT409 run_not_over.$comment$;
grant execute on function public.clear_run_context(uuid) to authenticated, service_role;

create function private.cleanup_expired_contexts()
returns integer
language sql
volatile
parallel unsafe
security definer -- the engine writes contexts
set search_path = ''
as $function$
    select cardinality(private.empty_contexts(array(
        select contexts.run_id
        from public.test_execution_context as contexts
        where
            contexts.value_count > 0
            and contexts.expires_at < now()
            and not exists (
                select from private.live_runs as lives where lives.run_id = contexts.run_id
            )
        order by contexts.expires_at
        limit 1000
        for update skip locked
    )));
$function$;
comment on function private.cleanup_expired_contexts() is
'Does the work of public.cleanup_expired_contexts. Called by cron.';
grant execute on function private.cleanup_expired_contexts() to service_role;

create function public.cleanup_expired_contexts()
returns integer
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.cleanup_expired_contexts();
$function$;
comment on function public.cleanup_expired_contexts() is
$comment$Drop the values of runs that are over and past their expiry; how many runs that were.

At most 1,000 in one call: call again while it returns as many. A job does so every ten minutes.
Takes the secret key only.$comment$;
grant execute on function public.cleanup_expired_contexts() to service_role;
