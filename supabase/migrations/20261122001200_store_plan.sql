-- Planning, last part: results, work items and edges of one run, written in one statement each.
-- Depends on: order_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.planned_item as (
    id bigint,
    result_id uuid,
    test_id uuid,
    row_key text,
    row_index integer,
    row_values jsonb
);
comment on type private.planned_item is
'A test, or one fixture row of it, on its way into the queue.';

create type private.planned_link as (
    from_item bigint,
    to_item bigint,
    kind text
);
comment on type private.planned_link is 'A dependency between two items on its way into the queue.';

create function private.store_definitions(project_id uuid, tests private.planned_test[])
returns table (digest bytea, definition_id bigint)
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into private.definitions (project_id, digest, document, uses, requires, provides)
    select distinct on (compiled.digest)
        store_definitions.project_id,
        compiled.digest,
        compiled.document,
        compiled.uses,
        compiled.requires,
        compiled.provides
    from unnest(tests) as compiled
    where compiled.definition_id is null
    order by compiled.digest
    -- an update: it returns the row, and waits for one just being written or swept
    on conflict on constraint definitions_digest_key do update set idle_since = null
    returning definitions.digest, definitions.id;
$function$;
comment on function private.store_definitions(uuid, private.planned_test[]) is
'Store the definitions that no run has seen yet; the id of each of these by digest.';

create function private.store_snapshots(project_id uuid, documents jsonb[])
returns table (id bigint, digest bytea)
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with given as (
        select distinct on (private.digest_of(entries.document))
            private.digest_of(entries.document) as digest,
            entries.document
        from unnest(documents) as entries (document)
    ),

    stored as (
        insert into private.snapshots (project_id, digest, document)
        select
            store_snapshots.project_id,
            given.digest,
            given.document
        from given
        order by given.digest
        -- an update: it returns the row, and waits for one just being written or swept
        on conflict on constraint snapshots_digest_key do update set used_on = excluded.used_on
        returning snapshots.id, snapshots.digest
    )

    select
        stored.id,
        stored.digest
    from stored;
$function$;
comment on function private.store_snapshots(uuid, jsonb[]) is
'Store documents that are not stored yet; the id of each by digest.';

create function private.list_items(tests private.planned_test[])
returns private.planned_item[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select coalesce(
        array_agg(
            row(
                nextval('private.work_items_id_seq'), gen_random_uuid(), listed.id,
                listed.row_key, listed.row_index, listed.row_values
            )::private.planned_item
            order by listed.phase_rank, listed.position, listed.test_name, listed.row_index
        ),
        '{}'
    )
    from (
        select
            tests.*,
            coalesce(entries.row ->> 'key', '') as row_key,
            coalesce(entries.ordinal - 1, 0)::integer as row_index,
            entries.row -> 'values' as row_values
        from unnest(tests) as tests
        left join public.test_data_fixtures as fixtures on fixtures.id = tests.fixture_id
        left join lateral (
            select
                given.row,
                given.ordinal
            from jsonb_array_elements(fixtures.rows) with ordinality as given (row, ordinal)
            -- thousands of rows are matched by their key and not all with all
            left join unnest(tests.row_keys) as wanted (key) on wanted.key = given.row ->> 'key'
            where tests.row_keys is null or wanted.key is not null
        ) as entries on true
        order by tests.phase_rank, tests.position, tests.test_name, entries.ordinal
    ) as listed;
$function$;
comment on function private.list_items(private.planned_test[]) is
'One item a test, or a fixture row, with the identities it will have.';

create function private.link_items(
    tests private.planned_test[],
    edges private.planned_edge[],
    items private.planned_item[],
    out links private.planned_link[],
    out barriers private.planned_item[]
)
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with pairs as materialized (
        -- Within a phase only: between phases the run's counters hold the order. A teardown test
        -- needs no more than that the other is over; whether there is anything to clean shows in
        -- its values.
        select
            upstreams.id as upstream_id,
            consumers.id as consumer_id,
            case
                when consumers.phase = 'teardown' then 'order'
                -- data and token are equally strict, order is not
                else (array_agg(links.kind order by links.kind = 'order'))[1]
            end as kind,
            upstreams.fixture_id is not null
            and upstreams.fixture_id is distinct from consumers.fixture_id as needs_barrier,
            upstreams.fixture_id = consumers.fixture_id as is_row_to_row
        from unnest(edges) as links
        inner join unnest(tests) as consumers on consumers.id = links.consumer_id
        inner join unnest(tests) as upstreams on upstreams.id = links.upstream_id
        where consumers.phase = upstreams.phase
        group by
            upstreams.id, consumers.id, consumers.phase, upstreams.fixture_id, consumers.fixture_id
    ),

    barrier_items as materialized (
        select
            nextval('private.work_items_id_seq') as id,
            needed.upstream_id,
            needed.kind
        from (
            select distinct
                pairs.upstream_id,
                pairs.kind
            from pairs
            where pairs.needs_barrier
        ) as needed
    ),

    all_links as (
        select
            upstreams.id as from_item,
            consumers.id as to_item,
            pairs.kind
        from pairs
        inner join unnest(items) as upstreams on upstreams.test_id = pairs.upstream_id
        inner join unnest(items) as consumers on consumers.test_id = pairs.consumer_id
        where not pairs.needs_barrier and pairs.is_row_to_row is not true
        union all
        -- apart, so that thousands of rows are matched by their key and not all with all
        select
            upstreams.id,
            consumers.id,
            pairs.kind
        from pairs
        inner join unnest(items) as upstreams on upstreams.test_id = pairs.upstream_id
        inner join unnest(items) as consumers
            on
                consumers.test_id = pairs.consumer_id
                and consumers.row_key = upstreams.row_key
        where pairs.is_row_to_row
        union all
        select
            upstreams.id,
            barrier_items.id,
            barrier_items.kind
        from barrier_items
        inner join unnest(items) as upstreams on upstreams.test_id = barrier_items.upstream_id
        union all
        select
            barrier_items.id,
            consumers.id,
            pairs.kind
        from pairs
        inner join barrier_items
            on barrier_items.upstream_id = pairs.upstream_id and barrier_items.kind = pairs.kind
        inner join unnest(items) as consumers on consumers.test_id = pairs.consumer_id
        where pairs.needs_barrier
    )

    select
        (
            select coalesce(
                array_agg(
                    row(
                        all_links.from_item, all_links.to_item, all_links.kind
                    )::private.planned_link
                ),
                '{}'
            )
            from all_links
        ),
        (
            select coalesce(
                array_agg(
                    row(
                        barrier_items.id, null, barrier_items.upstream_id, '', 0, null
                    )::private.planned_item
                ),
                '{}'
            )
            from barrier_items
        );
$function$;
comment on function private.link_items(
    private.planned_test[], private.planned_edge[], private.planned_item[]
) is
$comment$Dependencies between items: one to many, row to row for the same fixture,
else through a barrier.

Returns the links and the barriers they need.$comment$;

create function private.store_plan(
    run public.test_runs,
    tests private.planned_test[],
    items private.planned_item[],
    barriers private.planned_item[],
    links private.planned_link[],
    bindings jsonb
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    insert into private.environment_gates (environment_id, tokens, refilled_at)
    values (run.environment_id, 0, now())
    on conflict (environment_id) do nothing;

    insert into private.organization_turns (organization_id)
    select projects.organization_id
    from public.projects
    where projects.id = run.project_id
    on conflict (organization_id) do nothing;

    insert into private.live_runs (
        run_id, project_id, organization_id, environment_id, labels, phase,
        setup_open_count, main_open_count, teardown_open_count, deadline_at, max_parallel,
        paused_at
    )
    select
        run.id,
        run.project_id,
        projects.organization_id,
        run.environment_id,
        run.labels,
        case
            when counts.setup > 0 then 'setup'
            when counts.main > 0 then 'main'
            else 'teardown'
        end,
        counts.setup,
        counts.main,
        counts.teardown,
        now() + least(run.timeout_ms, environments.run_timeout_ms) * interval '1 millisecond',
        run.max_parallel,
        -- the caller holds the project's row: no pause comes between
        case when projects.paused_at is not null then greatest(now(), projects.paused_at) end
    from public.projects
    inner join public.environments on environments.id = run.environment_id
    cross join (
        select
            count(*) filter (where tests.phase = 'setup') as setup,
            count(*) filter (where tests.phase = 'main') as main,
            count(*) filter (where tests.phase = 'teardown') as teardown
        from unnest(items) as items
        inner join unnest(tests) as tests on tests.id = items.test_id
    ) as counts
    where projects.id = run.project_id;

    insert into private.run_storage (run_id, organization_id, planned_on)
    select
        run.id,
        projects.organization_id,
        run.planned_on
    from public.projects
    where projects.id = run.project_id;

    insert into public.test_execution_context (run_id, project_id, expires_at)
    select
        run.id,
        run.project_id,
        private.context_expiry(run.environment_id);

    with definitions as materialized (
        select * from private.store_definitions(run.project_id, tests)
    ),

    fixture_rows as materialized (
        select * from private.store_snapshots(
            run.project_id,
            array(
                select items.row_values
                from unnest(items) as items
                where items.row_values is not null
            )
        )
    ),

    incoming as (
        select
            links.to_item,
            count(*) as link_count
        from unnest(links) as links
        group by links.to_item
    ),

    planned as materialized (
        select
            items.*,
            tests.test_name,
            tests.suite_name,
            tests.phase,
            tests.priority,
            tests.is_repeatable,
            coalesce(tests.definition_id, definitions.definition_id) as definition_id,
            fixture_rows.id as fixture_snapshot_id,
            coalesce(store_plan.bindings -> tests.id::text, '{}') as bindings,
            coalesce(incoming.link_count, 0) as pending_count,
            -- a run of which setup kept all away must not read as passed
            quarantined.test_case_id is not null and tests.phase <> 'setup' as is_quarantined
        from unnest(items || barriers) as items
        inner join unnest(tests) as tests on tests.id = items.test_id
        left join definitions on definitions.digest = tests.digest
        left join fixture_rows on fixture_rows.digest = private.digest_of(items.row_values)
        left join incoming on incoming.to_item = items.id
        left join
            private.quarantined_tests(run.project_id, run.environment_id)
            as quarantined (test_case_id)
            on quarantined.test_case_id = tests.id
    ),

    results as (
        insert into public.test_results (
            id, run_id, project_id, test_case_id, test_name, suite_name, phase, row_key, row_index,
            definition_id, bindings, fixture_snapshot_id, planned_on, is_quarantined
        )
        select
            planned.result_id,
            run.id,
            run.project_id,
            planned.test_id,
            planned.test_name,
            planned.suite_name,
            planned.phase,
            planned.row_key,
            planned.row_index,
            planned.definition_id,
            planned.bindings,
            planned.fixture_snapshot_id,
            run.planned_on,
            planned.is_quarantined
        from planned
        where planned.result_id is not null
        order by planned.id
    )

    insert into private.work_items (
        id, run_id, result_id, test_case_id, environment_id, definition_id, fixture_snapshot_id,
        row_key, row_index, phase, priority, is_repeatable, bindings, state, pending_count
    )
    overriding system value
    select
        planned.id,
        run.id,
        planned.result_id,
        planned.test_id,
        run.environment_id,
        planned.definition_id,
        planned.fixture_snapshot_id,
        planned.row_key,
        planned.row_index,
        planned.phase,
        planned.priority,
        planned.is_repeatable,
        planned.bindings,
        case
            when planned.result_id is null then 'barrier'
            when planned.pending_count > 0 then 'waiting'
            else 'ready'
        end,
        planned.pending_count
    from planned
    order by planned.id;

    insert into private.work_edges (from_item, to_item, kind, run_id)
    select
        links.from_item,
        links.to_item,
        links.kind,
        run.id
    from unnest(links) as links
    order by links.from_item, links.to_item;
end;
$function$;
comment on function private.store_plan(
    public.test_runs, private.planned_test[], private.planned_item[], private.planned_item[],
    private.planned_link[], jsonb
) is 'Write what private.work_out_plan worked out.';

create function private.write_plan(
    run public.test_runs, plan private.run_plan, out total_count integer, out snapshot_id bigint
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_items private.planned_item[] := private.list_items(plan.tests);
    v_barriers private.planned_item[];
    v_links private.planned_link[];
begin
    select linked.links, linked.barriers
    into v_links, v_barriers
    from private.link_items(plan.tests, plan.edges, v_items) as linked;

    perform private.store_plan(run, plan.tests, v_items, v_barriers, v_links, plan.bindings);
    total_count := cardinality(v_items);
    snapshot_id := (
        select stored.id
        from private.store_snapshots(run.project_id, array[plan.environment]) as stored
    );
end;
$function$;
comment on function private.write_plan(public.test_runs, private.run_plan) is
$comment$Write results, items and edges for a run row that was just inserted.

Returns the number of results and the snapshot of the environment.$comment$;
