-- What an organization stores: measured after the fact, so that no report waits for a counter.
-- Depends on: queue, limits. Locks: projects and the tables of tests, briefly, to add triggers.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Changes are rows of their own (storage_changes), folded into the sum (organization_storage) by a
-- job: whoever writes adds a row, and nobody waits for another. A run is measured by the job, while
-- it lives and once when it is over. The use may so be a minute behind, and may pass the limit by
-- what one minute brings; what a recount finds is put right.

create table private.organization_storage (
    organization_id uuid primary key references public.organizations on delete cascade,
    stored_bytes bigint not null default 0,
    is_nearly_full boolean not null default false
);
comment on table private.organization_storage is
'Bytes that each organization stores, but for the changes that are not folded in yet.';
comment on column private.organization_storage.organization_id is 'The organization.';
comment on column private.organization_storage.stored_bytes is
'As PostgreSQL stores them; see organization_limits.max_stored_bytes.';

comment on column private.organization_storage.is_nearly_full is
'Whether it has been told that it is; see private.tell_full_storage.';

create table private.storage_changes (
    id bigint generated always as identity primary key,
    organization_id uuid not null,
    bytes bigint not null
);
comment on table private.storage_changes is 'Changes of organization_storage, until folded in.';
comment on column private.storage_changes.id is 'Identity.';
comment on column private.storage_changes.organization_id is
'The organization; it may be gone when the change is folded in.';
comment on column private.storage_changes.bytes is 'Bytes more; negative for fewer.';
create index storage_changes_organization_id_idx
on private.storage_changes (organization_id) include (bytes);

create table private.run_storage (
    run_id uuid primary key references public.test_runs on delete cascade,
    organization_id uuid not null,
    planned_on date not null,
    own_bytes bigint not null default 0,
    passed_bytes bigint not null default 0,
    failed_bytes bigint not null default 0,
    stored_bytes bigint not null generated always as (
        own_bytes + passed_bytes + failed_bytes
    ) stored,
    is_final boolean not null default false
);
comment on table private.run_storage is 'Bytes of each run: results, values and evidence.';
comment on column private.run_storage.run_id is 'The run.';
comment on column private.run_storage.organization_id is 'Its organization.';
comment on column private.run_storage.planned_on is 'test_runs.planned_on.';
comment on column private.run_storage.own_bytes is
'Of the run, its results and values, when last measured.';
comment on column private.run_storage.passed_bytes is
'Of evidence of the class passed, when last measured; 0 when it has been dropped.';
comment on column private.run_storage.failed_bytes is 'As passed_bytes, of the class failed.';
comment on column private.run_storage.stored_bytes is 'All of it.';
comment on column private.run_storage.is_final is
$comment$True once measured after its end. Set it to false to have a run measured again.$comment$;
create index run_storage_open_idx on private.run_storage (run_id) where not is_final;
create index run_storage_organization_id_idx
on private.run_storage (organization_id, planned_on, run_id)
include (own_bytes, passed_bytes, failed_bytes);
-- what was in a partition that has been dropped
create index run_storage_passed_idx on private.run_storage (planned_on) where passed_bytes > 0;
create index run_storage_failed_idx on private.run_storage (planned_on) where failed_bytes > 0;

create function private.stored_bytes(organization_id uuid)
returns bigint
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return greatest(
        0,
        coalesce(
            (
                select storage.stored_bytes
                from private.organization_storage as storage
                where storage.organization_id = stored_bytes.organization_id
            ), 0
        ) + coalesce(
            (
                select sum(changes.bytes)
                from private.storage_changes as changes
                where changes.organization_id = stored_bytes.organization_id
            ), 0
        )
    );
end;
$function$;
comment on function private.stored_bytes(uuid) is
'Bytes that an organization stores, as far as they are measured.';

create function private.refuse_exhausted_storage(organization_id uuid)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_used bigint := private.stored_bytes(refuse_exhausted_storage.organization_id);
    v_allowed bigint := (
        select limits.max_stored_bytes
        from public.organization_limits as limits
        where limits.organization_id = refuse_exhausted_storage.organization_id
    );
begin
    perform private.refuse_above(
        v_used, v_allowed, 'storage_exhausted', 'bytes stored',
        'Delete fixtures that are not needed, or ask the operator to delete old runs or to raise '
        || 'max_stored_bytes.'
    );
end;
$function$;
comment on function private.refuse_exhausted_storage(uuid) is
'Raise PT429 storage_exhausted if an organization stores more than max_stored_bytes.';

-- Tests, fixtures and settings: counted by each statement that changes them.

create function private.add_storage_change(organization_id uuid, bytes bigint)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if bytes is null or bytes = 0 then
        return;
    end if;
    insert into private.storage_changes (organization_id, bytes)
    values (add_storage_change.organization_id, add_storage_change.bytes);
    if bytes > 0 then
        perform private.refuse_exhausted_storage(add_storage_change.organization_id);
    end if;
end;
$function$;
comment on function private.add_storage_change(uuid, bigint) is
'Count bytes for an organization; refuse what is added above its limit.';

create function private.count_added()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
begin
    perform private.add_storage_change(counted.organization_id, counted.bytes)
    from (
        select
            projects.organization_id,
            sum(pg_column_size(made.*)) as bytes
        from made
        inner join public.projects on projects.id = made.project_id
        group by projects.organization_id
        order by projects.organization_id
    ) as counted;
    return null;
end;
$function$;
comment on function private.count_added() is
'Count rows of a project that were inserted. Trigger function.';

create function private.count_changed()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- as count_added
set search_path = ''
as $function$
begin
    perform private.add_storage_change(counted.organization_id, counted.bytes)
    from (
        select
            projects.organization_id,
            sum(changed.bytes) as bytes
        from (
            select
                made.project_id,
                pg_column_size(made.*) as bytes
            from made
            union all
            select
                gone.project_id,
                -pg_column_size(gone.*)
            from gone
        ) as changed
        inner join public.projects on projects.id = changed.project_id
        group by projects.organization_id
        order by projects.organization_id
    ) as counted;
    return null;
end;
$function$;
comment on function private.count_changed() is
'Count rows of a project that were updated. Trigger function.';

create function private.count_removed()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- as count_added
set search_path = ''
as $function$
begin
    perform private.add_storage_change(counted.organization_id, counted.bytes)
    from (
        select
            projects.organization_id,
            -sum(pg_column_size(gone.*)) as bytes
        from gone
        -- of a project that is gone a recount tells
        inner join public.projects on projects.id = gone.project_id
        group by projects.organization_id
        order by projects.organization_id
    ) as counted;
    return null;
end;
$function$;
comment on function private.count_removed() is
'Count rows of a project that were deleted. Trigger function.';

do $triggers$
declare
    v_trigger record;
begin
    for v_trigger in
        select
            tables.name as relation,
            verbs.verb,
            verbs.counter,
            verbs.transition
        from (
            values
            -- what people only archive goes with its project, of which a recount tells
            ('test_suites', '{insert,update}'::text[]),
            ('test_cases', '{insert,update}'),
            ('test_request_configs', '{insert,update}'),
            ('test_response_specs', '{insert,update}'),
            ('environments', '{insert}'),
            -- no update makes these larger
            ('api_endpoints', '{insert,delete}'),
            ('test_dependencies', '{insert,delete}'),
            ('test_data_fixtures', '{insert,update,delete}'),
            ('environment_variables', '{insert,update,delete}')
        ) as tables (name, verbs)
        inner join (
            values
            ('insert', 'count_added', 'new table as made'),
            ('update', 'count_changed', 'old table as gone new table as made'),
            ('delete', 'count_removed', 'old table as gone')
        ) as verbs (verb, counter, transition)
            on verbs.verb = any(tables.verbs)
    loop
        execute format(
            'create trigger %I after %s on public.%I referencing %s for each statement '
            'execute function private.%I()',
            't900_' || v_trigger.counter, v_trigger.verb, v_trigger.relation,
            v_trigger.transition, v_trigger.counter
        );
    end loop;
end;
$triggers$;

-- Runs: measured by the job.

create type private.run_size as (own_bytes bigint, passed_bytes bigint, failed_bytes bigint);
comment on type private.run_size is 'As the columns of private.run_storage.';

create function private.measure_run(run_id uuid, planned_on date)
returns private.run_size
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_size private.run_size;
begin
    -- pg_column_size of a column tells its size as stored, without reading what is stored apart
    select
        coalesce(sum(evidence.bytes) filter (where evidence.retention_class = 'passed'), 0),
        coalesce(sum(evidence.bytes) filter (where evidence.retention_class = 'failed'), 0)
    into v_size.passed_bytes, v_size.failed_bytes
    from (
        select
            details.retention_class,
            200 + pg_column_size(details.request) + coalesce(pg_column_size(details.response), 0)
            + coalesce(pg_column_size(details.message), 0) as bytes
        from public.test_result_details as details
        where
            details.run_id = measure_run.run_id
            and details.planned_on = measure_run.planned_on
        union all
        select
            assertions.retention_class,
            150 + coalesce(pg_column_size(assertions.expected), 0)
            + coalesce(pg_column_size(assertions.actual), 0)
            + pg_column_size(assertions.message)
        from public.assertion_results as assertions
        where
            assertions.run_id = measure_run.run_id
            and assertions.planned_on = measure_run.planned_on
    ) as evidence;

    v_size.own_bytes := (
        select coalesce(
            sum(
                300 + pg_column_size(results.bindings)
                + coalesce(pg_column_size(results.message), 0)
            ), 0
        )
        from public.test_results as results
        where results.run_id = measure_run.run_id
    ) + (
        select coalesce(sum(contexts.size_bytes), 0)
        from public.test_execution_context as contexts
        where contexts.run_id = measure_run.run_id
    ) + (
        select pg_column_size(runs.*)
        from public.test_runs as runs
        where runs.id = measure_run.run_id
    );
    return v_size;
end;
$function$;
comment on function private.measure_run(uuid, date) is
'Bytes of the results, values and evidence of a run that was planned on that date.';

create function private.measure_runs()
returns integer
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with open_runs as materialized (
        select
            storage.*,
            not exists (
                select
                from private.live_runs as lives
                where lives.run_id = storage.run_id
            ) as is_over
        from private.run_storage as storage
        where not storage.is_final
        order by storage.run_id
        limit 1000
        for update skip locked
    ),

    measured as materialized (
        select
            open_runs.run_id,
            open_runs.organization_id,
            open_runs.stored_bytes,
            open_runs.is_over,
            sizes.own_bytes,
            sizes.passed_bytes,
            sizes.failed_bytes
        from open_runs
        cross join lateral private.measure_run(open_runs.run_id, open_runs.planned_on) as sizes
    ),

    kept as (
        update private.run_storage as storage
        set
            own_bytes = measured.own_bytes,
            passed_bytes = measured.passed_bytes,
            failed_bytes = measured.failed_bytes,
            is_final = measured.is_over
        from measured
        where storage.run_id = measured.run_id
    ),

    changed as (
        insert into private.storage_changes (organization_id, bytes)
        select
            sized.organization_id,
            sum(sized.bytes)
        from (
            select
                measured.organization_id,
                measured.own_bytes + measured.passed_bytes + measured.failed_bytes
                - measured.stored_bytes as bytes
            from measured
        ) as sized
        group by sized.organization_id
        having sum(sized.bytes) <> 0
    )

    select count(*)::integer from measured;
$function$;
comment on function private.measure_runs() is
'Measure runs that are under way, or over since they were last measured; how many.';

create function private.count_purged()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- fired by whoever purges a run or a project
set search_path = ''
as $function$
begin
    insert into private.storage_changes (organization_id, bytes)
    select
        gone.organization_id,
        -sum(gone.stored_bytes)
    from gone
    group by gone.organization_id;
    return null;
end;
$function$;
comment on function private.count_purged() is
'Count the bytes of runs that were deleted. Trigger function.';

create trigger t900_count_purged after delete on private.run_storage
referencing old table as gone for each statement execute function private.count_purged();

create function private.fold_storage()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    lock table private.organization_storage in share row exclusive mode;
    perform private.measure_runs();
    perform private.settle_dropped_evidence();
    with folded as (
        delete from private.storage_changes
        where id in (select changes.id from private.storage_changes as changes)
        returning organization_id, bytes
    )

    insert into private.organization_storage (organization_id, stored_bytes)
    select
        folded.organization_id,
        sum(folded.bytes)
    from folded
    inner join public.organizations on organizations.id = folded.organization_id
    group by folded.organization_id
    on conflict (organization_id) do update
    set stored_bytes = organization_storage.stored_bytes + excluded.stored_bytes;
    perform private.tell_full_storage();
end;
$function$;
comment on function private.fold_storage() is
$comment$Measure runs, count what was dropped no more, fold all changes into the sums, and tell who
is nearly at the limit. Called by a job.$comment$;

create function private.recount_storage()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    lock table private.organization_storage in share row exclusive mode;
    -- one statement: what it counts and the changes it takes away are of the same moment
    with taken as (
        delete from private.storage_changes
        where id in (select changes.id from private.storage_changes as changes)
    ),

    sizes as (
        select
            relations.project_id,
            relations.bytes
        from (
            select suites.project_id, pg_column_size(suites.*) as bytes
            from public.test_suites as suites
            union all
            select cases.project_id, pg_column_size(cases.*)
            from public.test_cases as cases
            union all
            select configs.project_id, pg_column_size(configs.*)
            from public.test_request_configs as configs
            union all
            select specs.project_id, pg_column_size(specs.*)
            from public.test_response_specs as specs
            union all
            select endpoints.project_id, pg_column_size(endpoints.*)
            from public.api_endpoints as endpoints
            union all
            select dependencies.project_id, pg_column_size(dependencies.*)
            from public.test_dependencies as dependencies
            union all
            select fixtures.project_id, pg_column_size(fixtures.*)
            from public.test_data_fixtures as fixtures
            union all
            select environments.project_id, pg_column_size(environments.*)
            from public.environments
            union all
            select variables.project_id, pg_column_size(variables.*)
            from public.environment_variables as variables
            union all
            select definitions.project_id, pg_column_size(definitions.*)
            from private.definitions
            union all
            select snapshots.project_id, pg_column_size(snapshots.*)
            from private.snapshots
        ) as relations
    ),

    counted as (
        select
            projects.organization_id,
            sum(sizes.bytes) as bytes
        from sizes
        inner join public.projects on projects.id = sizes.project_id
        group by projects.organization_id
        union all
        select
            storage.organization_id,
            -- all of it is in an index
            sum(storage.own_bytes + storage.passed_bytes + storage.failed_bytes)
        from private.run_storage as storage
        group by storage.organization_id
        union all
        select
            changes.organization_id,
            sum(
                200 + coalesce(pg_column_size(changes.before), 0)
                + coalesce(pg_column_size(changes.after), 0)
            )
        from public.data_changes as changes
        group by changes.organization_id
    )

    insert into private.organization_storage (organization_id, stored_bytes)
    select
        organizations.id,
        coalesce(sum(counted.bytes), 0)
    from public.organizations
    left join counted on counted.organization_id = organizations.id
    group by organizations.id
    on conflict (organization_id) do update
    set stored_bytes = excluded.stored_bytes;
end;
$function$;
comment on function private.recount_storage() is
$comment$Count all tests, settings, definitions and audit rows anew, and add what runs were measured
at. Called by a job, each hour.$comment$;

alter table private.organization_storage enable row level security;
alter table private.storage_changes enable row level security;
alter table private.run_storage enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.organization_storage for select to public using (false);
create policy closed on private.storage_changes for select to public using (false);
create policy closed on private.run_storage for select to public using (false);
