-- queue_run: the one way into the queue.
-- Depends on: store_plan. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.plan_run(
    run public.test_runs, out total_count integer, out snapshot_id bigint
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_selected uuid[];
    v_snapshot jsonb := private.snapshot_environment(run.environment_id);
    v_tests private.planned_test[];
    v_edges private.planned_edge[];
    v_included uuid[];
    v_items private.planned_item[];
    v_barriers private.planned_item[];
    v_links private.planned_link[];
    v_bindings jsonb;
begin
    perform private.refuse_unknown_ids(run.selection, run.project_id);
    v_selected := private.select_tests(run.selection, run.project_id);
    if v_selected = '{}' then
        raise exception using
            errcode = 'PT422',
            message = 'the selection holds no test that could run',
            detail = 'empty_selection',
            hint = 'Check suites, tests and tags; disabled and archived tests, '
                || 'and tests without a request, are left out.';
    end if;

    v_tests := private.load_tests(run.project_id, private.reach_tests(v_selected));
    v_edges := private.connect_tests(
        v_tests,
        array(
            select jsonb_object_keys(run.variables)
            union
            select jsonb_object_keys(v_snapshot -> 'variables')
            union
            select jsonb_object_keys(v_snapshot -> 'secrets')
        )
    );
    v_included := private.close_selection(v_tests, v_edges, v_selected);

    select array_agg(tests::private.planned_test)
    into v_tests
    from unnest(v_tests) as tests
    where tests.id = any(v_included);
    select coalesce(array_agg(edges::private.planned_edge), '{}')
    into v_edges
    from unnest(v_edges) as edges
    where edges.consumer_id = any(v_included) and edges.upstream_id = any(v_included);
    v_edges := v_edges || private.sequence_tests(v_tests);

    perform private.refuse_unknown_credentials(v_tests);
    v_bindings := private.bind_names(
        v_tests, v_edges, array(select jsonb_object_keys(run.variables))
    );
    perform private.refuse_impossible_order(v_tests, v_edges);
    v_items := private.list_items(v_tests);
    select linked.links, linked.barriers
    into v_links, v_barriers
    from private.link_items(v_tests, v_edges, v_items) as linked;

    perform private.store_plan(run, v_tests, v_items, v_barriers, v_links, v_bindings);
    total_count := cardinality(v_items);
    snapshot_id := (
        select stored.id from private.store_snapshots(run.project_id, array[v_snapshot]) as stored
    );
end;
$function$;
comment on function private.plan_run(public.test_runs) is
$comment$Write results, items and edges for a run row that was just inserted.

Returns the number of results and the snapshot of the environment.

Errors: PT404 unknown_suite, unknown_test; PT422 empty_selection, unknown_credential,
ambiguous_producer, dependency_cycle, dependency_on_later_phase.$comment$;

create function private.authorize_run(environment_id uuid)
returns uuid
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_environment public.environments;
begin
    select environments.*
    into v_environment
    from public.environments
    inner join public.projects on projects.id = environments.project_id
    where
        environments.id = authorize_run.environment_id
        and environments.archived_at is null
        and projects.archived_at is null
        and (
            (select private.is_operator())
            or environments.project_id = any(array(select private.my_project_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = format('there is no environment %s', authorize_run.environment_id),
            detail = 'unknown_environment',
            hint = 'Give the id of an environment of one of your projects that is not archived.';
    end if;

    perform private.require_editor(v_environment.project_id, 'start runs');
    return v_environment.project_id;
end;
$function$;
comment on function private.authorize_run(uuid) is
$comment$The project of an environment in which the caller may run tests. Errors: PT404
unknown_environment, PT403 not_allowed.$comment$;

create function private.queue_run(
    environment_id uuid, selection jsonb, variables jsonb, idempotency_key text
)
returns public.test_runs
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_project_id uuid := private.authorize_run(queue_run.environment_id);
    v_run public.test_runs;
begin
    if
        jsonb_typeof(selection) is distinct from 'object'
        or jsonb_typeof(variables) is distinct from 'object'
        or jsonb_typeof(coalesce(selection -> 'suites', '[]')) <> 'array'
        or jsonb_typeof(coalesce(selection -> 'tests', '[]')) <> 'array'
        or jsonb_typeof(coalesce(selection -> 'tags', '[]')) <> 'array'
        or selection - array['suites', 'tests', 'tags'] <> '{}'
    then
        raise exception using
            errcode = 'PT400',
            message =
                'selection takes suites, tests and tags, each an array; variables is an object',
            detail = 'malformed_selection',
            hint = 'For example {"suites": ["<id>"], "tags": ["smoke"]} and {"name": "value"}.';
    end if;

    insert into public.test_runs (
        project_id, environment_id, selection, variables, idempotency_key, queued_by
    )
    values (
        v_project_id,
        queue_run.environment_id,
        queue_run.selection,
        queue_run.variables,
        queue_run.idempotency_key,
        auth.uid()
    )
    on conflict on constraint test_runs_idempotency_key_key do nothing
    returning * into v_run;

    if not found then
        select runs.*
        into v_run
        from public.test_runs as runs
        where runs.project_id = v_project_id and runs.idempotency_key = queue_run.idempotency_key;
        if
            (v_run.environment_id, v_run.selection, v_run.variables)
            is distinct from (queue_run.environment_id, queue_run.selection, queue_run.variables)
        then
            raise exception using
                errcode = 'PT409',
                message = format(
                    'the idempotency key "%s" was used with other parameters',
                    queue_run.idempotency_key
                ),
                detail = 'idempotency_conflict',
                hint = 'Use a new key for a new run.';
        end if;
        return v_run;
    end if;

    update public.test_runs
    set
        total_count = planned.total_count,
        environment_snapshot_id = planned.snapshot_id,
        status = 'queued'
    from private.plan_run(v_run) as planned
    where id = v_run.id
    returning test_runs.* into v_run;

    perform private.announce(
        'workers', 'run_queued', jsonb_build_object('run', v_run.id, 'project', v_project_id)
    );
    return v_run;
end;
$function$;
comment on function private.queue_run(uuid, jsonb, jsonb, text) is
'Does the work of public.queue_run.';
grant execute on function private.queue_run(uuid, jsonb, jsonb, text)
to authenticated, service_role;

create function public.queue_run(
    environment_id uuid,
    selection jsonb default '{}',
    variables jsonb default '{}',
    idempotency_key text default null
)
returns public.test_runs
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
-- a plan of ten thousand tests takes longer than the 8 s that other calls get
set statement_timeout = '60s'
as $function$
    select * from private.queue_run(environment_id, selection, variables, idempotency_key);
$function$;
comment on function public.queue_run(uuid, jsonb, jsonb, text) is
$comment$Plan a run and put it into the queue.

environment_id: where to run. selection: {"suites": [id], "tests": [id], "tags": [text]}; suites and
tests add up (all tests of the project when both are missing), tags narrow. What the selected tests
depend on, and setup and teardown of their suites, come along. variables: {name: value}, overrides
for {{name}}. idempotency_key: the same key and parameters give the same run.
Returns the test_runs row, status queued. Nothing is written on error: PT400 malformed_selection;
PT403 not_allowed; PT404 unknown_environment, unknown_suite, unknown_test; PT409
idempotency_conflict; PT422 empty_selection, unknown_credential, ambiguous_producer,
dependency_cycle, dependency_on_later_phase.$comment$;
grant execute on function public.queue_run(uuid, jsonb, jsonb, text) to authenticated, service_role;
