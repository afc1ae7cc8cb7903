-- Plans to look at: what a run would do, and what waits for what.
-- Depends on: queue_run. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.layer_plan(plan private.run_plan)
returns table (
    id uuid,
    name text,
    suite_id uuid,
    suite_name text,
    phase text,
    phase_rank integer,
    place integer,
    layer integer,
    row_count integer,
    is_repeatable boolean,
    is_selected boolean
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    -- between phases the run's counters hold the order, so that a layer is one of its phase
    with layered as materialized (
        select layers.*
        from private.layer_tests(array(
            select links::private.planned_edge
            from unnest(plan.edges) as links
            inner join unnest(plan.tests) as consumers on consumers.id = links.consumer_id
            inner join unnest(plan.tests) as upstreams on upstreams.id = links.upstream_id
            where consumers.phase = upstreams.phase
        )) as answers
        cross join lateral unnest(answers.ids, answers.layers) as layers (test_id, layer)
    )

    select
        planned.id,
        planned.test_name,
        planned.suite_id,
        planned.suite_name,
        planned.phase,
        planned.phase_rank,
        planned.position,
        coalesce(layered.layer, 1),
        case
            when planned.fixture_id is null then 1
            else coalesce(cardinality(planned.row_keys), jsonb_array_length(fixtures.rows))
        end,
        planned.is_repeatable,
        planned.id in (select selected.id from unnest(plan.selected) as selected (id))
    from unnest(plan.tests) as planned
    left join layered on layered.test_id = planned.id
    left join public.test_data_fixtures as fixtures on fixtures.id = planned.fixture_id;
$function$;
comment on function private.layer_plan(private.run_plan) is
$comment$The tests of a plan with their layers.

layer: 1 waits for nothing in its phase. row_count: results it will have.$comment$;

create function private.describe_plan(plan private.run_plan)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with planned as materialized (
        select * from private.layer_plan(plan)
    )

    select jsonb_build_object(
        'counts', (
            select jsonb_build_object(
                'tests', count(*),
                'results', coalesce(sum(planned.row_count), 0),
                'setup', coalesce(sum(planned.row_count) filter (where planned.phase = 'setup'), 0),
                'main', coalesce(sum(planned.row_count) filter (where planned.phase = 'main'), 0),
                'teardown', coalesce(
                    sum(planned.row_count) filter (where planned.phase = 'teardown'), 0
                )
            )
            from planned
        ),
        'layers', (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'phase', layers.phase,
                        'layer', layers.layer,
                        'tests', layers.test_count,
                        'results', layers.result_count
                    )
                    order by layers.phase_rank, layers.layer
                ), '[]'
            )
            from (
                select
                    planned.phase,
                    planned.phase_rank,
                    planned.layer,
                    count(*) as test_count,
                    sum(planned.row_count) as result_count
                from planned
                group by planned.phase, planned.phase_rank, planned.layer
            ) as layers
        ),
        'tests', (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'test', planned.id,
                        'name', planned.name,
                        'suite', planned.suite_id,
                        'suite_name', planned.suite_name,
                        'phase', planned.phase,
                        'layer', planned.layer,
                        'rows', planned.row_count,
                        'is_repeatable', planned.is_repeatable,
                        'is_selected', planned.is_selected
                    )
                    order by
                        planned.phase_rank, planned.layer, planned.suite_name, planned.place,
                        planned.name
                ), '[]'
            )
            from planned
        ),
        'edges', (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'test', links.consumer_id,
                        'waits_for', links.upstream_id,
                        -- as private.link_items has it
                        'kind', case
                            when consumers.phase = 'teardown' then 'order'
                            else links.kind
                        end,
                        'origin', links.origin,
                        'name', links.name
                    )
                    order by
                        consumers.phase_rank, consumers.layer, consumers.suite_name,
                        consumers.place, consumers.name, upstreams.name, links.origin, links.name
                ), '[]'
            )
            from unnest(plan.edges) as links
            inner join planned as consumers on consumers.id = links.consumer_id
            inner join planned as upstreams on upstreams.id = links.upstream_id
        )
    );
$function$;
comment on function private.describe_plan(private.run_plan) is
'A plan as plan_run and get_test_execution_chain tell it: counts, layers, tests, edges.';

create function private.trace_names(plan private.run_plan, variables jsonb)
returns table (
    test_id uuid, name text, source text, producer_id uuid, rows text, is_unresolved boolean
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        planned.id,
        used.name,
        givers.source,
        case when givers.source = 'captured' then (bound.binding ->> 'test')::uuid end,
        case when givers.source = 'captured' then bound.binding ->> 'rows' end,
        givers.source is null and used.name = any(planned.requires)
    from unnest(plan.tests) as planned
    inner join public.test_suites as suites on suites.id = planned.suite_id
    cross join lateral unnest(planned.uses) as used (name)
    cross join lateral (
        select plan.bindings #> array[planned.id::text, used.name] as binding
    ) as bound
    cross join lateral (
        -- the precedence of private.resolve_names; a name that only some fixture rows give comes
        -- from elsewhere in the others
        select case
            when trace_names.variables ? used.name then 'run'
            when used.name = any(planned.fixture_names) then 'fixture'
            when bound.binding is not null then 'captured'
            when suites.variables ? used.name then 'suite'
            when plan.environment -> 'variables' ? used.name then 'environment'
            when plan.environment -> 'secrets' ? used.name then 'secret'
            when plan.environment -> 'project_variables' ? used.name then 'project'
        end as source
    ) as givers;
$function$;
comment on function private.trace_names(private.run_plan, jsonb) is
$comment$What each name that a test uses is bound to.

source: run, fixture, captured, suite, environment, secret or project; null if nothing gives it.
is_unresolved: nothing gives it and the test cannot do without it.$comment$;

create function private.plan_run(environment_id uuid, selection jsonb, variables jsonb)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_plan private.run_plan := private.work_out_plan(
        private.authorize_run(plan_run.environment_id), plan_run.environment_id,
        plan_run.selection, plan_run.variables
    );
begin
    return private.describe_plan(v_plan) || (
        select jsonb_build_object(
            'names', coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'test', traced.test_id,
                        'name', traced.name,
                        'source', traced.source,
                        'producer', traced.producer_id,
                        'rows', traced.rows
                    )
                    order by traced.test_id, traced.name
                ), '[]'
            ),
            'unresolved', coalesce(
                jsonb_agg(
                    jsonb_build_object('test', traced.test_id, 'name', traced.name)
                    order by traced.test_id, traced.name
                ) filter (where traced.is_unresolved), '[]'
            )
        )
        from private.trace_names(v_plan, plan_run.variables) as traced
    );
end;
$function$;
comment on function private.plan_run(uuid, jsonb, jsonb) is 'Does the work of public.plan_run.';
grant execute on function private.plan_run(uuid, jsonb, jsonb) to authenticated, service_role;

create function public.plan_run(
    environment_id uuid, selection jsonb default '{}', variables jsonb default '{}'
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
-- as queue_run
set statement_timeout = '60s'
as $function$
    select private.plan_run(environment_id, selection, variables);
$function$;
comment on function public.plan_run(uuid, jsonb, jsonb) is
$comment$What queue_run would do with the same arguments, without doing it: nothing is written or
sent.

Returns {"counts": {"tests", "results", "setup", "main", "teardown"} (the last three are results),
"layers": [{"phase", "layer", "tests", "results"}], "tests": [{"test", "name", "suite",
"suite_name", "phase", "layer", "rows", "is_repeatable", "is_selected"}], "edges": [{"test",
"waits_for", "kind": "order" | "data" | "token", "origin": "explicit" | "inferred" | "sequential",
"name"}], "names": [{"test", "name", "source", "producer", "rows"}], "unresolved": [{"test",
"name"}]}.
layer: 1 waits for nothing in its phase. is_selected: the selection names it; the others come along.
source of a name: run, fixture, captured (by producer: of one row, the same row or all), suite,
environment, secret, project; null = nothing gives it. unresolved: names without a source and
without a default; unless a client sets them in time, these tests end as error /
unresolved_variable, in teardown as skipped / nothing_to_clean. Errors: as queue_run, but for
idempotency_conflict.$comment$;
grant execute on function public.plan_run(uuid, jsonb, jsonb) to authenticated, service_role;

create function private.get_test_execution_chain(
    project_id uuid, selection jsonb, environment_id uuid
)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- as plan_run
set search_path = ''
as $function$
begin
    perform private.read_project(get_test_execution_chain.project_id);
    if
        get_test_execution_chain.environment_id is not null
        and not exists (
            select
            from public.environments
            where
                environments.id = get_test_execution_chain.environment_id
                and environments.project_id = get_test_execution_chain.project_id
        )
    then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format(
                    'there is no environment %s in this project',
                    get_test_execution_chain.environment_id
                )
            ),
            detail = 'unknown_environment',
            hint = 'Give the id of one of its environments, or none.';
    end if;
    return private.describe_plan(private.work_out_plan(
        get_test_execution_chain.project_id, get_test_execution_chain.environment_id,
        get_test_execution_chain.selection, '{}'
    ));
end;
$function$;
comment on function private.get_test_execution_chain(uuid, jsonb, uuid) is
'Does the work of public.get_test_execution_chain.';
grant execute on function private.get_test_execution_chain(uuid, jsonb, uuid)
to authenticated, service_role;

create function public.get_test_execution_chain(
    project_id uuid, selection jsonb default '{}', environment_id uuid default null
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
-- as queue_run
set statement_timeout = '60s'
as $function$
    select private.get_test_execution_chain(project_id, selection, environment_id);
$function$;
comment on function public.get_test_execution_chain(uuid, jsonb, uuid) is
$comment$What runs before what: the tests of a selection with all they depend on, layer by layer.

selection: as in queue_run; {"tests": [id]} for the chain of one test. environment_id: nothing is
inferred for the names that it gives; null = as if no environment gave any. Any member may ask.
Returns "counts", "layers", "tests" and "edges" as plan_run does; the origin of an edge says what is
inferred. Errors: PT400 malformed_selection; PT404 unknown_project, unknown_environment,
unknown_suite, unknown_test, unknown_run; PT409 run_not_over; PT422 empty_selection, nothing_failed,
unknown_credential, ambiguous_producer, dependency_cycle, dependency_on_later_phase.$comment$;
grant execute on function public.get_test_execution_chain(uuid, jsonb, uuid)
to authenticated, service_role;
