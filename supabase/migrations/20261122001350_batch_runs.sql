-- Several runs at once, and the failures of an earlier one again.
-- Depends on: queue_run. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.integer_problem(request jsonb, name text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when jsonb_typeof(request -> name) not in ('number', 'null') then name || ' is not a number'
        when
            (request ->> name)::numeric % 1 <> 0 or abs((request ->> name)::numeric) > 2147483647
            then name || ' is not a whole number of 32 bits'
    end;
end;
$function$;
comment on function private.integer_problem(jsonb, text) is
'Why a field of a request is no integer; null if it is one, or missing.';

create function private.texts_problem(request jsonb, names text[])
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select listed.name || ' is not text'
    from unnest(names) with ordinality as listed (name, ordinal)
    where jsonb_typeof(request -> listed.name) not in ('string', 'null')
    order by listed.ordinal
    limit 1;
$function$;
comment on function private.texts_problem(jsonb, text[]) is
'Which of these fields of a request is no text, the first; null if all are texts, null or missing.';

create function private.refuse_malformed_batch(requests jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_problem text;
begin
    if jsonb_typeof(requests) is distinct from 'array' then
        v_problem := 'requests is an array of objects';
    elsif jsonb_array_length(requests) not between 1 and 100 then
        v_problem := format('%s requests are outside 1..100', jsonb_array_length(requests));
    else
        select format('request %s: %s', problems.ordinal, problems.problem)
        into v_problem
        from (
            select
                entries.ordinal,
                case
                    when jsonb_typeof(entries.request) <> 'object' then 'it is not an object'
                    when
                        entries.request - array[
                            'environment_id', 'selection', 'variables', 'idempotency_key',
                            'timeout_ms', 'max_parallel', 'commit_sha', 'api_version',
                            'trigger_kind'
                        ] <> '{}'
                        then 'it has a field that queue_run does not take'
                    when
                        coalesce(entries.request ->> 'environment_id', '')
                        !~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
                        then 'environment_id is not a UUID'
                    else coalesce(
                        private.texts_problem(
                            entries.request,
                            '{idempotency_key,commit_sha,api_version,trigger_kind}'
                        ),
                        private.integer_problem(entries.request, 'timeout_ms'),
                        private.integer_problem(entries.request, 'max_parallel')
                    )
                end as problem
            from
                jsonb_array_elements(requests) with ordinality as entries (request, ordinal)
        ) as problems
        where problems.problem is not null
        order by problems.ordinal
        limit 1;
    end if;
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(v_problem),
            detail = 'malformed_batch',
            hint = 'For example [{"environment_id": "<id>", "selection": {"tags": ["smoke"]}, '
                || '"variables": {}, "idempotency_key": "build 7"}].';
    end if;
end;
$function$;
comment on function private.refuse_malformed_batch(jsonb) is
'Raise PT400 malformed_batch unless it is what queue_runs takes.';

create function private.queue_runs(requests jsonb)
returns setof public.test_runs
language plpgsql
volatile
parallel unsafe
security definer -- as queue_run
set search_path = ''
as $function$
declare
    v_request record;
    v_entered private.entered_run;
    v_runs public.test_runs[] := array[]::public.test_runs[];
    v_new public.test_runs[] := array[]::public.test_runs[];
    v_message text;
    v_detail text;
    v_hint text;
begin
    perform private.accept(private.size_problem(requests, '/requests', 4194304));
    perform private.refuse_malformed_batch(requests);
    -- all that private.enter_run will lock, in one order
    perform
    from public.projects
    where
        projects.id in (
            select environments.project_id
            from jsonb_to_recordset(requests) as given (environment_id uuid)
            inner join public.environments on environments.id = given.environment_id
        )
        and (
            (select private.is_operator())
            or projects.id = any(array(select private.my_edited_project_ids()))
        )
    order by projects.id
    for no key update;

    for v_request in
        select
            entries.ordinal,
            entries.request
        from jsonb_array_elements(requests) with ordinality as entries (request, ordinal)
        order by entries.ordinal
    loop
        begin
            v_entered := private.enter_run(row(
                v_request.request ->> 'environment_id',
                coalesce(v_request.request -> 'selection', '{}'),
                coalesce(v_request.request -> 'variables', '{}'),
                v_request.request ->> 'idempotency_key',
                v_request.request ->> 'timeout_ms',
                v_request.request ->> 'max_parallel',
                v_request.request ->> 'commit_sha',
                v_request.request ->> 'api_version',
                coalesce(v_request.request ->> 'trigger_kind', 'api')
            )::private.run_request);
        exception
            -- the same refusal, told of which request
            when
                sqlstate 'PT400' or sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409'
                or sqlstate 'PT413' or sqlstate 'PT422' or sqlstate 'PT429'
            then
                get stacked diagnostics
                    v_message = message_text,
                    v_detail = pg_exception_detail,
                    v_hint = pg_exception_hint;
                raise exception using
                    errcode = sqlstate,
                    message = private.one_line(
                        format('request %s: %s', v_request.ordinal, v_message)
                    ),
                    detail = v_detail,
                    hint = v_hint;
        end;
        v_runs := v_runs || v_entered.run;
        if v_entered.is_new then
            v_new := v_new || v_entered.run;
        end if;
    end loop;

    perform private.hold_run_limits(v_new);
    perform private.announce_queued(v_new);
    return query select * from unnest(v_runs);
end;
$function$;
comment on function private.queue_runs(jsonb) is 'Does the work of public.queue_runs.';
grant execute on function private.queue_runs(jsonb) to authenticated, service_role;

create function public.queue_runs(requests jsonb)
returns setof public.test_runs
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
-- as queue_run
set statement_timeout = '60s'
as $function$
    select * from private.queue_runs(requests);
$function$;
comment on function public.queue_runs(jsonb) is
$comment$Plan several runs and put them into the queue: all of them, or none.

requests: 1 to 100 objects with the arguments of queue_run: "environment_id", "selection",
"variables", "idempotency_key", "timeout_ms", "max_parallel", "commit_sha", "api_version",
"trigger_kind". Returns their test_runs rows in the same order; requests with the same key are one
run. Nothing is written on error: PT400 malformed_batch, and those of queue_run, whose message
begins with "request" and its number, from 1.$comment$;
grant execute on function public.queue_runs(jsonb) to authenticated, service_role;

create function private.rerun_failed(
    run_id uuid, environment_id uuid, variables jsonb, idempotency_key text
)
returns public.test_runs
language plpgsql
volatile
parallel unsafe
security definer -- as queue_run
set search_path = ''
as $function$
declare
    v_run public.test_runs := private.authorize_run_change(
        rerun_failed.run_id, 'start runs'
    );
begin
    perform private.refuse_malformed_selection('{}', variables);
    return private.queue_run(row(
        coalesce(rerun_failed.environment_id, v_run.environment_id),
        jsonb_build_object('failures_of', v_run.id),
        v_run.variables || variables,
        idempotency_key,
        v_run.timeout_ms,
        v_run.max_parallel,
        v_run.commit_sha,
        v_run.api_version,
        'rerun'
    ));
end;
$function$;
comment on function private.rerun_failed(uuid, uuid, jsonb, text) is
'Does the work of public.rerun_failed.';
grant execute on function private.rerun_failed(uuid, uuid, jsonb, text)
to authenticated, service_role;

create function public.rerun_failed(
    run_id uuid,
    environment_id uuid default null,
    variables jsonb default '{}',
    idempotency_key text default null
)
returns public.test_runs
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
-- as queue_run
set statement_timeout = '60s'
as $function$
    select * from private.rerun_failed(run_id, environment_id, variables, idempotency_key);
$function$;
comment on function public.rerun_failed(uuid, uuid, jsonb, text) is
$comment$Run again what did not pass in a run that is over: a new run of these tests and fixture
rows, with all they depend on.

Skipped and cancelled ones are among them. environment_id: null = where that run was. variables:
laid over those of that run. idempotency_key: as in queue_run. The same as queue_run with the selection
{"failures_of": run_id}, and timeout_ms, max_parallel, commit_sha and api_version of that run; its
trigger_kind is rerun. Returns the test_runs row of the new run.
Errors: PT404 unknown_run; PT409 run_not_over; PT422 nothing_failed; those of queue_run.$comment$;
grant execute on function public.rerun_failed(uuid, uuid, jsonb, text)
to authenticated, service_role;
