-- Planning, second part: which test waits for which, and where each name comes from.
-- Depends on: select_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.infer_edges(
    tests private.planned_test[], explicit_edges private.planned_edge[], given_names text[]
)
returns private.planned_edge[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with provided as materialized (
        select
            producers.id,
            producers.suite_id,
            producers.phase_rank,
            names.name
        from unnest(tests) as producers
        cross join lateral unnest(producers.provides) as names (name)
    ),

    required as materialized (
        select
            consumers.id,
            consumers.suite_id,
            consumers.phase_rank,
            names.name
        from unnest(tests) as consumers
        cross join lateral unnest(consumers.requires) as names (name)
        where
            names.name <> all(consumers.provides)
            and names.name <> all(given_names)
            and names.name <> all(coalesce(consumers.fixture_names, '{}'))
    )

    select coalesce(
        array_agg(row(required.id, provided.id, 'data', required.name)::private.planned_edge), '{}'
    )
    from required
    inner join provided
        on
            provided.suite_id = required.suite_id
            and provided.name = required.name
            and provided.id <> required.id
            and provided.phase_rank <= required.phase_rank
    where not exists (
        select
        from unnest(explicit_edges) as edges
        inner join provided as chosen on chosen.id = edges.upstream_id
        where edges.consumer_id = required.id and chosen.name = required.name
    );
$function$;
comment on function private.infer_edges(private.planned_test[], private.planned_edge[], text[]) is
$comment$Data edges that {{name}} implies within a suite: to every test that captures the name.

Not for names that the test captures itself, that its fixture, the environment or the run gives,
that have a default in every use, or for which an explicit dependency already stands. That there is
one producer only is for private.bind_names to see, when it is known which tests run.$comment$;

create function private.connect_tests(tests private.planned_test[], given_names text[])
returns private.planned_edge[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_explicit private.planned_edge[];
begin
    select coalesce(
        array_agg(
            row(consumers.id, upstreams.id, dependencies.kind, null)::private.planned_edge
        ),
        '{}'
    )
    into v_explicit
    from unnest(tests) as consumers
    inner join public.test_dependencies as dependencies on dependencies.test_case_id = consumers.id
    inner join unnest(tests) as upstreams on upstreams.id = dependencies.depends_on_id;

    return v_explicit || private.infer_edges(tests, v_explicit, given_names);
end;
$function$;
comment on function private.connect_tests(private.planned_test[], text[]) is
$comment$Explicit dependencies between the tests, and those that {{name}} implies within a suite.

given_names: names that the run or the environment gives, for which nothing is inferred.$comment$;

create function private.close_selection(
    tests private.planned_test[], edges private.planned_edge[], selected uuid[]
)
returns uuid[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with recursive links (consumer_id, needed_id) as materialized (
        -- what a teardown test cleans up need not have been made in this run
        select
            edges.consumer_id,
            edges.upstream_id
        from unnest(edges) as edges
        inner join unnest(tests) as consumers on consumers.id = edges.consumer_id
        inner join unnest(tests) as upstreams on upstreams.id = edges.upstream_id
        where consumers.phase <> 'teardown' or upstreams.phase = 'teardown'
        union all
        -- a test brings its suite, and a suite its setup and teardown
        select
            tests.id,
            tests.suite_id
        from unnest(tests) as tests
        union all
        select
            tests.suite_id,
            tests.id
        from unnest(tests) as tests
        where tests.phase <> 'main'
    ),

    included (id) as (
        select unnest(selected)
        union
        select links.needed_id
        from included
        inner join links on links.consumer_id = included.id
    )

    select coalesce(array_agg(tests.id), '{}')
    from unnest(tests) as tests
    inner join included on included.id = tests.id;
$function$;
comment on function private.close_selection(
    private.planned_test[], private.planned_edge[], uuid[]
) is
'The selected tests, all they depend on, and setup and teardown of every suite touched.';

create function private.sequence_tests(tests private.planned_test[])
returns private.planned_edge[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        array_agg(
            row(neighbours.id, neighbours.previous_id, 'order', null)::private.planned_edge
        ),
        '{}'
    )
    from (
        select
            tests.id,
            lag(tests.id) over (
                partition by tests.suite_id, tests.phase order by tests.position, tests.test_name
            ) as previous_id
        from unnest(tests) as tests
        where tests.execution_mode = 'sequential'
    ) as neighbours
    where neighbours.previous_id is not null;
$function$;
comment on function private.sequence_tests(private.planned_test[]) is
'Order edges of sequential suites: each test waits for the one before it, within its phase.';

create function private.find_cycle(edges private.planned_edge[])
returns uuid[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_ids uuid[];
    v_open_counts integer[]; -- upstreams not yet taken away, by position in v_ids
    v_consumers integer[]; -- consumers of the first id, then of the second, ...
    v_starts integer[]; -- where each id's consumers begin in it
    v_free integer[];
    v_taken integer := 0;
    v_path uuid[];
    v_next uuid;
begin
    with nodes as materialized (
        select
            ids.id,
            row_number() over (order by ids.id)::integer as number
        from (
            select edges.consumer_id as id from unnest(find_cycle.edges) as edges
            union
            select edges.upstream_id from unnest(find_cycle.edges) as edges
        ) as ids
    ),

    links as materialized (
        select distinct
            upstreams.number as upstream,
            consumers.number as consumer
        from unnest(find_cycle.edges) as edges
        inner join nodes as upstreams on upstreams.id = edges.upstream_id
        inner join nodes as consumers on consumers.id = edges.consumer_id
    ),

    counted as (
        select
            nodes.id,
            nodes.number,
            coalesce(incoming.count, 0)::integer as incoming_count,
            coalesce(outgoing.count, 0)::integer as outgoing_count
        from nodes
        left join (select consumer, count(*) as count from links group by consumer) as incoming
            on incoming.consumer = nodes.number
        left join (select upstream, count(*) as count from links group by upstream) as outgoing
            on outgoing.upstream = nodes.number
    )

    select
        array_agg(started.id order by started.number),
        array_agg(started.incoming_count order by started.number),
        array_agg(started.start order by started.number),
        array_agg(started.number) filter (where started.incoming_count = 0),
        (select array_agg(links.consumer order by links.upstream) from links)
    into v_ids, v_open_counts, v_starts, v_free, v_consumers
    from (
        select
            counted.*,
            (
                1 + sum(counted.outgoing_count) over (order by counted.number)
                - counted.outgoing_count
            )::integer as start
        from counted
    ) as started;

    -- Take away, one by one, what waits for nothing; what can never be taken away is on a cycle or
    -- behind one. A loop, because it is linear: sets by layer cost a statement for each test of a
    -- long chain.
    while v_taken < coalesce(cardinality(v_free), 0) loop
        v_taken := v_taken + 1;
        for v_at in v_starts[v_free[v_taken]]
            .. coalesce(v_starts[v_free[v_taken] + 1], cardinality(v_consumers) + 1) - 1 loop
            v_open_counts[v_consumers[v_at]] := v_open_counts[v_consumers[v_at]] - 1;
            if v_open_counts[v_consumers[v_at]] = 0 then
                v_free := v_free || v_consumers[v_at];
            end if;
        end loop;
    end loop;
    if v_taken = coalesce(cardinality(v_ids), 0) then
        return null;
    end if;

    -- everything left waits for something left: walk upstream until a test comes again
    select v_ids[left_over.number]
    into v_next
    from unnest(v_open_counts) with ordinality as left_over (open_count, number)
    where left_over.open_count > 0
    limit 1;
    loop
        v_path := v_path || v_next;
        select edges.upstream_id
        into v_next
        from unnest(find_cycle.edges) as edges
        where
            edges.consumer_id = v_next
            and v_open_counts[array_position(v_ids, edges.upstream_id)] > 0
        order by edges.upstream_id
        limit 1;
        exit when v_next = any(v_path);
    end loop;
    return v_path[array_position(v_path, v_next):] || v_next;
end;
$function$;
comment on function private.find_cycle(private.planned_edge[]) is
$comment$Tests of one cycle, each waiting for the next, the first repeated at the end;
null if there is none.

Source: A. B. Kahn, Topological sorting of large networks (1962).$comment$;

create function private.refuse_impossible_order(
    tests private.planned_test[], edges private.planned_edge[]
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem text;
    v_cycle uuid[];
begin
    select format(
        'the %s test "%s" depends on the %s test "%s", which runs later',
        consumers.phase, consumers.test_name, upstreams.phase, upstreams.test_name
    )
    into v_problem
    from unnest(edges) as edges
    inner join unnest(tests) as consumers on consumers.id = edges.consumer_id
    inner join unnest(tests) as upstreams on upstreams.id = edges.upstream_id
    where upstreams.phase_rank > consumers.phase_rank
    limit 1;
    if found then
        raise exception using
            errcode = 'PT422',
            message = v_problem,
            detail = 'dependency_on_later_phase',
            hint = 'Move one of the two to another phase, or remove the dependency.';
    end if;

    v_cycle := private.find_cycle(edges);
    if v_cycle is not null then
        raise exception using
            errcode = 'PT422',
            message = format(
                'these tests wait for each other: %s',
                (
                    select string_agg(
                        format('"%s"', named.test_name), ' -> ' order by cycle.ordinal
                    )
                    from unnest(v_cycle) with ordinality as cycle (id, ordinal)
                    inner join unnest(tests) as named on named.id = cycle.id
                )
            ),
            detail = 'dependency_cycle',
            hint = 'Each arrow reads "waits for". Remove one of the dependencies.';
    end if;
end;
$function$;
comment on function private.refuse_impossible_order(
    private.planned_test[], private.planned_edge[]
) is
'Raise PT422 dependency_cycle (naming the cycle) or dependency_on_later_phase.';

create function private.find_producers(
    tests private.planned_test[], edges private.planned_edge[], overridden_names text[]
)
returns table (
    consumer_id uuid, consumer_name text, name text, producer_ids uuid[], producer_names text[]
)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    with recursive provided as materialized (
        select
            producers.id,
            producers.test_name,
            names.name
        from unnest(tests) as producers
        cross join lateral unnest(producers.provides) as names (name)
    ),

    used as materialized (
        select
            consumers.id,
            consumers.test_name,
            names.name
        from unnest(tests) as consumers
        cross join lateral unnest(consumers.uses) as names (name)
        where
            names.name in (select provided.name from provided)
            -- what the run or the fixture gives hides what upstream captured
            and names.name <> all(overridden_names)
            and names.name <> all(coalesce(consumers.fixture_names, '{}'))
    ),

    direct as materialized (
        select
            ranked.id,
            ranked.name,
            ranked.producer_id
        from (
            select
                used.id,
                used.name,
                provided.id as producer_id,
                -- who asks for a value says so; a mere order gives way
                rank() over (
                    partition by used.id, used.name order by bool_and(links.kind = 'order')
                ) as preference
            from used
            inner join unnest(edges) as links on links.consumer_id = used.id
            inner join provided on provided.id = links.upstream_id and provided.name = used.name
            group by used.id, used.name, provided.id
        ) as ranked
        where ranked.preference = 1
    ),

    -- the closure is large in a long chain, so only for names that no direct upstream gives
    upstreams (consumer_id, upstream_id) as (
        select
            links.consumer_id,
            links.upstream_id
        from unnest(edges) as links
        where links.consumer_id in (
            select used.id
            from used
            where not exists (
                select from direct where direct.id = used.id and direct.name = used.name
            )
        )
        union
        select
            upstreams.consumer_id,
            links.upstream_id
        from upstreams
        inner join unnest(edges) as links on links.consumer_id = upstreams.upstream_id
    ),

    found as (
        select
            direct.id,
            direct.name,
            direct.producer_id
        from direct
        union
        select
            used.id,
            used.name,
            provided.id
        from used
        inner join upstreams on upstreams.consumer_id = used.id
        inner join provided on provided.id = upstreams.upstream_id and provided.name = used.name
        where not exists (
            select from direct where direct.id = used.id and direct.name = used.name
        )
    )

    select
        used.id,
        used.test_name,
        used.name,
        array_agg(provided.id),
        array_agg(provided.test_name order by provided.test_name)
    from found
    inner join used on used.id = found.id and used.name = found.name
    inner join provided on provided.id = found.producer_id and provided.name = found.name
    group by used.id, used.test_name, used.name;
$function$;
comment on function private.find_producers(
    private.planned_test[], private.planned_edge[], text[]
) is
$comment$Which upstream tests capture the names that a test uses: direct ones,
else any in its upstream closure.

Captures outside the closure are invisible: parallel flows cannot shadow each other.$comment$;

create function private.bind_names(
    tests private.planned_test[], edges private.planned_edge[], overridden_names text[]
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_bindings jsonb;
    v_problem text;
begin
    with producers as materialized (
        select * from private.find_producers(tests, edges, overridden_names)
    ),

    bound as (
        select
            producers.consumer_id,
            jsonb_object_agg(
                producers.name,
                jsonb_build_object(
                    'test', upstreams.id,
                    'rows', case
                        when upstreams.fixture_id is null then 'one'
                        when upstreams.fixture_id = consumers.fixture_id then 'same'
                        else 'all'
                    end
                )
            ) as names
        from producers
        inner join unnest(tests) as consumers on consumers.id = producers.consumer_id
        inner join unnest(tests) as upstreams on upstreams.id = producers.producer_ids[1]
        group by producers.consumer_id
    )

    select
        (select coalesce(jsonb_object_agg(bound.consumer_id, bound.names), '{}') from bound),
        (
            select min(format(
                'the test "%s" uses {{%s}}, which is captured by "%s"',
                producers.consumer_name, producers.name,
                array_to_string(producers.producer_names, '" and by "')
            ))
            from producers
            where cardinality(producers.producer_ids) > 1
        )
    into v_bindings, v_problem;

    if v_problem is not null then
        raise exception using
            errcode = 'PT422',
            message = v_problem,
            detail = 'ambiguous_producer',
            hint = 'Leave a data dependency on one of them only, or rename one capture.';
    end if;
    return v_bindings;
end;
$function$;
comment on function private.bind_names(
    private.planned_test[], private.planned_edge[], text[]
) is
$comment${consumer: {name: {"test": producer, "rows": "one" | "same" | "all"}}} for every captured
name in use.

overridden_names: names that the run gives. same: the producer's value for the same fixture row;
all: an array in row order. Errors: PT422 ambiguous_producer.$comment$;
