-- queue_run: the one way into the queue.
-- Depends on: store_plan. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

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
            message = private.one_line(
                format('there is no environment %s', authorize_run.environment_id)
            ),
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

create function private.read_project(project_id uuid)
returns public.projects
language plpgsql
stable
parallel safe
security definer -- tells projects of strangers, which are refused, from one's own
set search_path = ''
as $function$
declare
    v_project public.projects;
begin
    select projects.*
    into v_project
    from public.projects
    where
        projects.id = read_project.project_id
        and (
            (select private.is_operator())
            or projects.id = any(array(select private.my_project_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no project %s', read_project.project_id)),
            detail = 'unknown_project',
            hint = 'Give the id of a project of one of your organizations.';
    end if;
    return v_project;
end;
$function$;
comment on function private.read_project(uuid) is
'A project that the caller may read. Errors: PT404 unknown_project.';

create function private.find_run(run_id uuid)
returns public.test_runs
language plpgsql
stable
parallel safe
security definer -- tells runs of strangers, which are refused, from one's own
set search_path = ''
as $function$
declare
    v_run public.test_runs;
begin
    select runs.*
    into v_run
    from public.test_runs as runs
    where
        runs.id = find_run.run_id
        and (
            (select private.is_operator())
            or runs.project_id = any(array(select private.my_project_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no run %s', find_run.run_id)),
            detail = 'unknown_run',
            hint = 'Give the id of a run of one of your projects.';
    end if;
    return v_run;
end;
$function$;
comment on function private.find_run(uuid) is
'A run that the caller may read. Errors: PT404 unknown_run.';
grant execute on function private.find_run(uuid) to authenticated, service_role;

create function private.authorize_run_change(run_id uuid, action text)
returns public.test_runs
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_run public.test_runs := private.find_run(authorize_run_change.run_id);
begin
    perform private.require_editor(v_run.project_id, action);
    return v_run;
end;
$function$;
comment on function private.authorize_run_change(uuid, text) is
$comment$A run that the caller may change; action: as for private.require_editor. Errors: PT404
unknown_run, PT403 not_allowed.$comment$;

create type private.run_request as (
    environment_id uuid,
    selection jsonb,
    variables jsonb,
    idempotency_key text,
    timeout_ms integer,
    max_parallel integer,
    commit_sha text,
    api_version text,
    trigger_kind text
);
comment on type private.run_request is 'What queue_run was asked for: its arguments.';

create function private.find_queued(project_id uuid, request private.run_request)
returns public.test_runs
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_run public.test_runs;
begin
    select runs.*
    into v_run
    from public.test_runs as runs
    where
        runs.project_id = find_queued.project_id
        and runs.idempotency_key = request.idempotency_key;
    if
        found
        and row(
            v_run.environment_id, v_run.selection, v_run.variables, v_run.idempotency_key,
            v_run.timeout_ms, v_run.max_parallel, v_run.commit_sha, v_run.api_version,
            v_run.trigger_kind
        )::private.run_request is distinct from request
    then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(
                format(
                    'the idempotency key "%s" was used with other parameters',
                    request.idempotency_key
                )
            ),
            detail = 'idempotency_conflict',
            hint = 'Use a new key for a new run.';
    end if;
    return v_run;
end;
$function$;
comment on function private.find_queued(uuid, private.run_request) is
$comment$The run that an earlier call with the same key and parameters queued; null if there is
none. Errors: PT409 idempotency_conflict.$comment$;

create type private.entered_run as (run public.test_runs, is_new boolean);
comment on type private.entered_run is
'A run, and whether this call has queued it: false when an earlier one with the same key had.';

create function private.enter_run(request private.run_request)
returns private.entered_run
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_project_id uuid := private.authorize_run(request.environment_id);
    v_plan private.run_plan;
    v_run public.test_runs;
begin
    perform private.accept(
        private.length_problem(request.idempotency_key, '/idempotency_key', 1000)
    );
    v_run := private.find_queued(v_project_id, request);
    if v_run.id is not null then
        return row(v_run, false)::private.entered_run;
    end if;
    perform private.refuse_full_organization(v_project_id);
    v_plan := private.work_out_plan(
        v_project_id, request.environment_id, request.selection, request.variables
    );

    -- Before anything is written: definitions and snapshots are shared by the runs of a project,
    -- and two batches that wrote them in different orders would wait for each other.
    perform from public.projects where id = v_project_id for no key update;
    insert into public.test_runs (
        project_id, environment_id, labels, selection, variables, idempotency_key, timeout_ms,
        max_parallel, commit_sha, api_version, trigger_kind, queued_by
    )
    select
        v_project_id,
        environments.id,
        environments.labels,
        request.selection,
        request.variables,
        request.idempotency_key,
        request.timeout_ms,
        request.max_parallel,
        request.commit_sha,
        request.api_version,
        request.trigger_kind,
        auth.uid()
    from public.environments
    where environments.id = request.environment_id
    on conflict on constraint test_runs_idempotency_key_key do nothing
    returning * into v_run;
    if not found then
        return row(private.find_queued(v_project_id, request), false)::private.entered_run;
    end if;

    perform private.create_evidence_partitions(v_run.planned_on);
    update public.test_runs
    set
        total_count = written.total_count,
        environment_snapshot_id = written.snapshot_id,
        status = 'queued'
    from private.write_plan(v_run, v_plan) as written
    where id = v_run.id
    returning test_runs.* into v_run;
    return row(v_run, true)::private.entered_run;
end;
$function$;
comment on function private.enter_run(private.run_request) is
'Plan a run and write it. Nobody is told yet.';

create function private.wake_workers(organization_ids uuid[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    -- nothing of the run: a runner that lost its rights may hear it until its token expires
    select private.announce(topics.topic, 'run_queued', '{}')
    from (
        select distinct 'workers:' || organizations.id as topic
        from unnest(organization_ids) as organizations (id)
        union all
        select 'workers'
    ) as topics;
$function$;
comment on function private.wake_workers(uuid[]) is
'Tell idle workers, those of these organizations too, that there may be work.';

create function private.announce_queued(runs public.test_runs[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.announce(
        'project:' || told.project_id, 'run_queued',
        jsonb_build_object('project', told.project_id, 'runs', told.runs)
    )
    from (
        select
            queued.project_id,
            jsonb_agg(queued.id) as runs
        from unnest(announce_queued.runs) as queued
        group by queued.project_id
    ) as told;
    perform private.wake_workers(array(
        select projects.organization_id
        from unnest(announce_queued.runs) as queued
        inner join public.projects on projects.id = queued.project_id
    ));
end;
$function$;
comment on function private.announce_queued(public.test_runs[]) is
'Wake workers, and tell who watches the projects which runs: one message a topic.';

create function private.queue_run(request private.run_request)
returns public.test_runs
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_entered private.entered_run := private.enter_run(request);
begin
    if v_entered.is_new then
        perform private.hold_run_limits(array[v_entered.run]);
        perform private.announce_queued(array[v_entered.run]);
    end if;
    return v_entered.run;
end;
$function$;
comment on function private.queue_run(private.run_request) is
'Does the work of public.queue_run.';
grant execute on function private.queue_run(private.run_request) to authenticated, service_role;

create function public.queue_run(
    environment_id uuid,
    selection jsonb default '{}',
    variables jsonb default '{}',
    idempotency_key text default null,
    timeout_ms integer default null,
    max_parallel integer default null,
    commit_sha text default null,
    api_version text default null,
    trigger_kind text default 'api'
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
    select *
    from private.queue_run(row(
        environment_id, selection, variables, idempotency_key, timeout_ms, max_parallel, commit_sha,
        api_version, coalesce(trigger_kind, 'api')
    ));
$function$;
comment on function public.queue_run(
    uuid, jsonb, jsonb, text, integer, integer, text, text, text
) is
$comment$Plan a run and put it into the queue.

environment_id: where to run. selection: {"suites": [id], "tests": [id], "failures_of": run id,
"tags": [text]}; suites, tests and what did not pass in an earlier run add up (all tests of the
project when the three are missing), tags narrow. What the selected tests depend on, and setup and
teardown of their suites, come along. variables: {name: value}, overrides
for {{name}}. idempotency_key: the same key and parameters give the same run. timeout_ms: when it
times out, if that is sooner than environments.run_timeout_ms; 1,000 to 86,400,000. max_parallel:
requests in flight, if that is less than environments.max_parallel; 1 to 1,000. commit_sha and
api_version: which code of the API is tested, as you call it, 1 to 200 characters, the former without
spaces; what history makes of them is in docs/history.md. trigger_kind: api, manual, ci, schedule or
rerun.
Returns the test_runs row, status queued. Nothing is written on error: PT400 malformed_selection,
malformed_timeout, malformed_max_parallel, malformed_commit, malformed_api_version,
malformed_trigger; PT403 not_allowed; PT404 unknown_environment, unknown_suite, unknown_test,
unknown_run; PT409 idempotency_conflict, run_not_over; PT422 empty_selection, nothing_failed, unknown_credential,
ambiguous_producer, dependency_cycle, dependency_on_later_phase; PT413 too_large; PT429
too_many_runs, too_many_tests_in_run, storage_exhausted.$comment$;
grant execute on function public.queue_run(
    uuid, jsonb, jsonb, text, integer, integer, text, text, text
)
to authenticated, service_role;
