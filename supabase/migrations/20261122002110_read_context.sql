-- Reading what tests share: the values of a run, of an environment, and what one test sees of them.
-- Depends on: context, queue_run. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function public.get_test_run_context(
    run_id uuid, after bigint default 0, page_size integer default 1000
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_run public.test_runs := private.find_run(get_test_run_context.run_id);
    v_limit integer := private.page_limit(page_size);
begin
    return (
        with page as materialized (
            select
                held.id,
                jsonb_build_object(
                    'id', held.id,
                    'name', held.name,
                    'kind', held.kind,
                    'value', held.value,
                    'size_bytes', held.size_bytes,
                    'test', held.test_case_id,
                    'test_name', cases.name,
                    'row_key', held.row_key,
                    'created_at', held.created_at
                ) as entry
            from public.test_context_values as held
            left join public.test_cases as cases on cases.id = held.test_case_id
            where held.run_id = v_run.id and held.id > coalesce(get_test_run_context.after, 0)
            order by held.id
            limit v_limit
        )

        select jsonb_build_object(
            'items', coalesce(jsonb_agg(page.entry order by page.id), '[]'),
            'next', case when count(*) = v_limit then max(page.id) end
        )
        from page
    );
end;
$function$;
comment on function public.get_test_run_context(uuid, bigint, integer) is
$comment$The values that the tests of a run share, in the order in which they came, page by page.

after: "next" of the previous page, 0 at first; or the highest id seen, for what came since.
page_size: 1 to 1,000. Returns {"items": [{"id", "name", "kind": "variable" | "token", "value",
"size_bytes", "test", "test_name", "row_key", "created_at"}], "next"}; next is null when nothing
more is there. value is null for tokens, which nobody can read. test is null for what a client
set. Of a name that is there more than once, the highest id counts. Errors: PT404 unknown_run.$comment$;
grant execute on function public.get_test_run_context(uuid, bigint, integer)
to authenticated, service_role;

create function public.get_environment_context(environment_id uuid)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_context jsonb;
begin
    select jsonb_build_object(
        'environment', environments.id,
        'name', environments.name,
        'project', projects.id,
        'base_url', environments.base_url,
        'context_max_bytes', environments.context_max_bytes,
        'context_lifetime_s', environments.context_lifetime_s,
        'names', coalesce(given.names, '[]')
    )
    into v_context
    from public.environments
    inner join public.projects on projects.id = environments.project_id
    cross join lateral (
        select
            jsonb_agg(
                jsonb_build_object(
                    'name', ranked.name, 'source', ranked.source, 'value', ranked.value
                )
                order by ranked.name
            ) as names
        from (
            select distinct on (known.name) known.*
            from (
                select
                    variables.name,
                    case when variables.secret_id is null then 'environment' else 'secret' end
                    as source,
                    variables.value
                from public.environment_variables as variables
                where variables.environment_id = environments.id
                union all
                select
                    members.key,
                    'project',
                    members.value
                from jsonb_each(projects.variables) as members
            ) as known
            order by known.name, known.source = 'project'
        ) as ranked
    ) as given
    where environments.id = get_environment_context.environment_id;
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format(
                    'there is no environment %s', get_environment_context.environment_id
                )
            ),
            detail = 'unknown_environment',
            hint = 'Give the id of an environment of one of your projects.';
    end if;
    return v_context;
end;
$function$;
comment on function public.get_environment_context(uuid) is
$comment$The names that an environment gives to every run in it, those of its project included.

Returns {"environment", "name", "project", "base_url", "context_max_bytes", "context_lifetime_s",
"names": [{"name", "source": "environment" | "secret" | "project", "value"}]}, each name once, from
where it counts. value is null for secrets, which nobody can read. A run sees it as it was when the
run was queued. Errors: PT404 unknown_environment.$comment$;
grant execute on function public.get_environment_context(uuid) to authenticated, service_role;

create function private.context_candidates(result public.test_results)
returns table (
    name text, rank integer, source text, kind text, value jsonb, producer_id uuid, is_there boolean
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    -- the precedence of private.resolve_names; a token's value is never opened here
    select
        members.key,
        1,
        'run',
        'variable',
        members.value,
        null::uuid,
        true
    from public.test_runs as runs
    cross join lateral jsonb_each(runs.variables) as members
    where runs.id = result.run_id
    union all
    select
        members.key, 2, 'fixture', 'variable', members.value, null, true
    from private.snapshots as fixture_rows
    cross join lateral jsonb_each(fixture_rows.document) as members
    where fixture_rows.id = result.fixture_snapshot_id
    union all
    select
        bound.name,
        3,
        'captured',
        case when held.has_token then 'token' else 'variable' end,
        case
            when not held.has_token then private.captured_value(
                result.run_id, bound.name, bound.binding, result.row_key, null, null
            )
        end,
        (bound.binding ->> 'test')::uuid,
        held.has_token is not null
    from jsonb_each(result.bindings) as bound (name, binding)
    cross join lateral (
        select bool_or(captured.kind = 'token') as has_token
        from public.test_context_values as captured
        where
            captured.run_id = result.run_id
            and captured.name = bound.name
            and captured.test_case_id = (bound.binding ->> 'test')::uuid
            and (bound.binding ->> 'rows' <> 'same' or captured.row_key = result.row_key)
    ) as held
    union all
    select
        latest.name, 4, 'client', latest.kind, latest.value, null, true
    from (
        select distinct on (captured.name) captured.*
        from public.test_context_values as captured
        where captured.run_id = result.run_id and captured.test_case_id is null
        order by captured.name, captured.id desc
    ) as latest
    union all
    select
        members.key, 5, 'suite', 'variable', members.value, null, true
    from private.definitions
    cross join lateral jsonb_each(definitions.document -> 'variables') as members
    where definitions.id = result.definition_id
    union all
    select
        members.key,
        given.rank,
        given.source,
        case when given.source = 'secret' then 'secret' else 'variable' end,
        case when given.source <> 'secret' then members.value end,
        null,
        true
    from public.test_runs as runs
    inner join private.snapshots as environments
        on environments.id = runs.environment_snapshot_id
    cross join lateral (
        values
        (6, 'environment', environments.document -> 'variables'),
        (7, 'secret', environments.document -> 'secrets'),
        (8, 'project', environments.document -> 'project_variables')
    ) as given (rank, source, names)
    cross join lateral jsonb_each(given.names) as members
    where runs.id = result.run_id;
$function$;
comment on function private.context_candidates(public.test_results) is
$comment$Whatever could give a name to a result, by precedence.

is_there: false where an upstream test is to capture it and has not.$comment$;

create function private.get_aggregated_context(result_id uuid)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- snapshots are closed to clients
set search_path = ''
as $function$
declare
    v_result public.test_results;
    v_secrets text[];
begin
    select results.*
    into v_result
    from public.test_results as results
    where
        results.id = get_aggregated_context.result_id
        and (
            (select private.is_operator())
            or results.project_id = any(array(select private.my_project_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no result %s', get_aggregated_context.result_id)
            ),
            detail = 'unknown_result',
            hint = 'Give the id of a result of a run of one of your projects.';
    end if;
    v_secrets := (
        select known.secrets from private.run_secrets(array[v_result.run_id]) as known
    );

    return (
        with candidates as materialized (
            select * from private.context_candidates(v_result)
        ),

        used as (
            select unnest(definitions.uses) as name
            from private.definitions
            where definitions.id = v_result.definition_id
        ),

        chosen as (
            select distinct on (candidates.name) candidates.*
            from candidates
            where candidates.is_there
            order by candidates.name, candidates.rank
        ),

        told as (
            select
                names.name,
                jsonb_build_object(
                    'name', names.name,
                    'source', chosen.source,
                    'kind', chosen.kind,
                    'value', private.redact(chosen.value, v_secrets),
                    'producer', chosen.producer_id,
                    'is_used', names.name in (select used.name from used),
                    'waits_for', awaited.producer_id,
                    'hides', (
                        select coalesce(jsonb_agg(hidden.source order by hidden.rank), '[]')
                        from candidates as hidden
                        where
                            hidden.name = names.name
                            and hidden.is_there
                            and hidden.rank > chosen.rank
                    )
                ) as entry
            from (
                select candidates.name from candidates
                union
                select used.name from used
            ) as names
            left join chosen on chosen.name = names.name
            left join candidates as awaited
                on
                    awaited.name = names.name
                    and not awaited.is_there
                    and awaited.rank < coalesce(chosen.rank, 9)
                    and v_result.status = 'pending'
        )

        select jsonb_build_object(
            'result', v_result.id,
            'run', v_result.run_id,
            'test', v_result.test_case_id,
            'test_name', v_result.test_name,
            'row_key', v_result.row_key,
            'status', v_result.status,
            'names', coalesce(jsonb_agg(told.entry order by told.name), '[]')
        )
        from told
    );
end;
$function$;
comment on function private.get_aggregated_context(uuid) is
'Does the work of public.get_aggregated_context.';
grant execute on function private.get_aggregated_context(uuid) to authenticated, service_role;

create function public.get_aggregated_context(result_id uuid)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.get_aggregated_context(result_id);
$function$;
comment on function public.get_aggregated_context(uuid) is
$comment$Every name that a test can see in its run, where its value comes from, and what that hides.

result_id: test_results.id, of a run under way or over. Returns {"result", "run", "test",
"test_name", "row_key", "status", "names": [{"name", "source", "kind", "value", "producer",
"is_used", "waits_for", "hides"}]}. source, by precedence: run, fixture, captured (by producer),
client, suite, environment, secret, project; null = nothing gives it now. kind: variable, token or
secret; of the latter two value is null, and secrets are redacted in all others. waits_for: the test
that is still to capture it and would go before. Captured values of fixture rows are gone when no
test needs them any more. Errors: PT404 unknown_result.$comment$;
grant execute on function public.get_aggregated_context(uuid) to authenticated, service_role;

create function private.get_context_stats(project_id uuid, run_id uuid)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- past the policies, once the caller is checked
set search_path = ''
as $function$
begin
    if get_context_stats.run_id is null then
        perform private.read_project(get_context_stats.project_id);
    elsif
        (private.find_run(get_context_stats.run_id)).project_id
        is distinct from get_context_stats.project_id
    then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no run %s in this project', get_context_stats.run_id)
            ),
            detail = 'unknown_run',
            hint = 'Give the id of one of the project''s runs, or none.';
    end if;

    return (
        with contexts as materialized (
            select held.*
            from public.test_execution_context as held
            where
                held.project_id = get_context_stats.project_id
                and held.value_count > 0
                and (
                    get_context_stats.run_id is null or held.run_id = get_context_stats.run_id
                )
        )

        select jsonb_build_object(
            'contexts', count(*),
            'value_count', coalesce(sum(contexts.value_count), 0),
            'token_count', (
                select count(*)
                from public.test_context_values as tokens
                where
                    tokens.run_id in (select contexts.run_id from contexts)
                    and tokens.kind = 'token'
            ),
            'size_bytes', coalesce(sum(contexts.size_bytes), 0),
            'row_size_bytes', coalesce(sum(contexts.row_size_bytes), 0),
            'expired', count(*) filter (where contexts.expires_at < now()),
            'next_expiry_at', min(contexts.expires_at),
            'largest', (
                select coalesce(
                    jsonb_agg(
                        jsonb_build_object(
                            'run', largest.run_id,
                            'value_count', largest.value_count,
                            'size_bytes', largest.size_bytes,
                            'max_bytes', environments.context_max_bytes,
                            'expires_at', largest.expires_at
                        )
                        order by largest.size_bytes desc, largest.run_id
                    ), '[]'
                )
                from (
                    select * from contexts order by size_bytes desc, contexts.run_id limit 10
                ) as largest
                inner join public.test_runs as runs on runs.id = largest.run_id
                inner join public.environments on environments.id = runs.environment_id
            )
        )
        from contexts
    );
end;
$function$;
comment on function private.get_context_stats(uuid, uuid) is
'Does the work of public.get_context_stats.';
grant execute on function private.get_context_stats(uuid, uuid) to authenticated, service_role;

create function public.get_context_stats(project_id uuid, run_id uuid default null)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.get_context_stats(project_id, run_id);
$function$;
comment on function public.get_context_stats(uuid, uuid) is
$comment$How much the runs of a project, or one of them, hold in values.

Returns {"contexts" (runs that hold any), "value_count", "token_count", "size_bytes",
"row_size_bytes" (of these, values of fixture rows), "expired", "next_expiry_at", "largest": the ten
largest, as {"run", "value_count", "size_bytes", "max_bytes", "expires_at"}}.
Errors: PT404 unknown_project, unknown_run.$comment$;
grant execute on function public.get_context_stats(uuid, uuid) to authenticated, service_role;
