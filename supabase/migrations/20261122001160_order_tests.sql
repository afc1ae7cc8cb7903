-- Planning, third part: in which order tests can run, and that they can at all.
-- Depends on: select_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.layer_tests(
    edges private.planned_edge[], out ids uuid[], out layers integer[]
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_open_counts integer[]; -- upstreams not yet taken away, by position in ids
    v_consumers integer[]; -- consumers of the first id, then of the second, ...
    v_starts integer[]; -- where each id's consumers begin in it
    v_free integer[];
    v_taken integer := 0;
    v_consumer integer;
begin
    with nodes as materialized (
        select
            named.id,
            row_number() over (order by named.id)::integer as number
        from (
            select edges.consumer_id as id from unnest(layer_tests.edges) as edges
            union
            select edges.upstream_id from unnest(layer_tests.edges) as edges
        ) as named
    ),

    links as materialized (
        select distinct
            upstreams.number as upstream,
            consumers.number as consumer
        from unnest(layer_tests.edges) as edges
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
        coalesce(array_agg(started.id order by started.number), '{}'),
        array_agg(started.incoming_count order by started.number),
        array_agg(started.start order by started.number),
        array_agg(started.number) filter (where started.incoming_count = 0),
        (select array_agg(links.consumer order by links.upstream) from links)
    into ids, v_open_counts, v_starts, v_free, v_consumers
    from (
        select
            counted.*,
            (
                1 + sum(counted.outgoing_count) over (order by counted.number)
                - counted.outgoing_count
            )::integer as start
        from counted
    ) as started;

    layers := array_fill(1, array[cardinality(ids)]);

    -- Take away, one by one, what waits for nothing; what can never be taken away is on a cycle or
    -- behind one. A loop, because it is linear: sets by layer cost a statement for each test of a
    -- long chain.
    while v_taken < coalesce(cardinality(v_free), 0) loop
        v_taken := v_taken + 1;
        for v_at in v_starts[v_free[v_taken]]
            .. coalesce(v_starts[v_free[v_taken] + 1], cardinality(v_consumers) + 1) - 1 loop
            v_consumer := v_consumers[v_at];
            layers[v_consumer] := greatest(layers[v_consumer], layers[v_free[v_taken]] + 1);
            v_open_counts[v_consumer] := v_open_counts[v_consumer] - 1;
            if v_open_counts[v_consumer] = 0 then
                v_free := v_free || v_consumer;
            end if;
        end loop;
    end loop;
    if v_taken < cardinality(ids) then
        layers := array(
            select case when known.open_count = 0 then known.layer end
            from unnest(v_open_counts, layers) with ordinality as known (open_count, layer, number)
            order by known.number
        );
    end if;
end;
$function$;
comment on function private.layer_tests(private.planned_edge[]) is
$comment$Every test that an edge names, and its layer: 1 waits for nothing, each other one comes
after the highest it waits for; null on a cycle and behind one.

Source: A. B. Kahn, Topological sorting of large networks (1962).$comment$;

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
    v_layers integer[];
    v_path uuid[];
    v_next uuid;
begin
    select layered.ids, layered.layers
    into v_ids, v_layers
    from private.layer_tests(find_cycle.edges) as layered;

    -- everything left waits for something left: walk upstream until a test comes again
    select v_ids[known.number]
    into v_next
    from unnest(v_layers) with ordinality as known (layer, number)
    where known.layer is null
    limit 1;
    if not found then
        return null;
    end if;
    loop
        v_path := v_path || v_next;
        select edges.upstream_id
        into v_next
        from unnest(find_cycle.edges) as edges
        where
            edges.consumer_id = v_next
            and v_layers[array_position(v_ids, edges.upstream_id)] is null
        order by edges.upstream_id
        limit 1;
        exit when v_next = any(v_path);
    end loop;
    return v_path[array_position(v_path, v_next):] || v_next;
end;
$function$;
comment on function private.find_cycle(private.planned_edge[]) is
$comment$Tests of one cycle, each waiting for the next, the first repeated at the end;
null if there is none.$comment$;

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
    -- an aggregate, not a limit, for which the sets would be compared all with all
    select min(format(
        'the %s test "%s" depends on the %s test "%s", which runs later',
        consumers.phase, consumers.test_name, upstreams.phase, upstreams.test_name
    ))
    into v_problem
    from unnest(edges) as edges
    inner join unnest(tests) as consumers on consumers.id = edges.consumer_id
    inner join unnest(tests) as upstreams on upstreams.id = edges.upstream_id
    where upstreams.phase_rank > consumers.phase_rank;
    if v_problem is not null then
        raise exception using
            errcode = 'PT422',
            message = private.one_line(v_problem),
            detail = 'dependency_on_later_phase',
            hint = 'Move one of the two to another phase, or remove the dependency.';
    end if;

    v_cycle := private.find_cycle(edges);
    if v_cycle is not null then
        raise exception using
            errcode = 'PT422',
            message = private.one_line(
                format(
                    'these tests wait for each other: %s',
                    (
                        select string_agg(
                            format('"%s"', named.test_name), ' -> ' order by cycle.ordinal
                        )
                        from unnest(v_cycle) with ordinality as cycle (id, ordinal)
                        inner join unnest(tests) as named on named.id = cycle.id
                    )
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
