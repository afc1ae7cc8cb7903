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
        array_agg(
            row(
                required.id, provided.id, 'data', 'inferred', required.name
            )::private.planned_edge
        ),
        '{}'
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
            row(
                consumers.id, upstreams.id, dependencies.kind, 'explicit', null
            )::private.planned_edge
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
            row(
                neighbours.id, neighbours.previous_id, 'order', 'sequential', null
            )::private.planned_edge
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
            message = private.one_line(v_problem),
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

create function private.narrow_rows(
    tests private.planned_test[],
    edges private.planned_edge[],
    selected uuid[],
    selection jsonb
)
returns private.planned_test[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_keys jsonb;
begin
    with recursive fixture_keys as materialized (
        select
            fixtures.id,
            entries.row ->> 'key' as row_key
        from public.test_data_fixtures as fixtures
        cross join lateral jsonb_array_elements(fixtures.rows) as entries (row)
        where
            fixtures.id in (
                select narrowed.fixture_id from unnest(narrow_rows.tests) as narrowed
            )
    ),

    -- tests that the selection also names otherwise run with all their rows, and so do those of
    -- whose failed rows none is there any more
    chosen as (
        select
            narrowed.id,
            array_agg(fixture_keys.row_key) filter (
                where fixture_keys.row_key is not null
            ) as row_keys
        from unnest(narrow_rows.tests) as narrowed
        left join private.failed_rows(narrow_rows.selection) as failed
            on
                failed.test_case_id = narrowed.id
                and not coalesce(selection -> 'suites' ? narrowed.suite_id::text, false)
                and not coalesce(selection -> 'tests' ? narrowed.id::text, false)
        left join fixture_keys
            on
                fixture_keys.id = narrowed.fixture_id
                and fixture_keys.row_key = failed.row_key
        where narrowed.id in (select named.id from unnest(narrow_rows.selected) as named (id))
        group by narrowed.id
    ),

    links as materialized (
        select
            consumers.id as consumer_id,
            upstreams.id as upstream_id,
            coalesce(consumers.fixture_id = upstreams.fixture_id, false) as is_row_to_row,
            consumers.phase = 'teardown' and upstreams.phase <> 'teardown' as is_clean_up
        from unnest(narrow_rows.edges) as known
        inner join unnest(narrow_rows.tests) as consumers on consumers.id = known.consumer_id
        inner join unnest(narrow_rows.tests) as upstreams on upstreams.id = known.upstream_id
    ),

    needed (test_id, row_key) as (
        -- a null key stands for every row
        select
            chosen.id,
            keys.row_key
        from chosen
        cross join lateral unnest(
            coalesce(chosen.row_keys, array[null::text])
        ) as keys (row_key)
        union
        select
            links.upstream_id,
            case when links.is_row_to_row then needed.row_key end
        from needed
        inner join links on links.consumer_id = needed.test_id and not links.is_clean_up
    ),

    included as (
        select * from needed
        union
        -- what cleans up row by row has nothing to clean in the other rows
        select
            links.consumer_id,
            needed.row_key
        from needed
        inner join links on links.upstream_id = needed.test_id
        where links.is_clean_up and links.is_row_to_row
    )

    select jsonb_object_agg(narrowed.test_id, narrowed.row_keys)
    into v_keys
    from (
        select
            included.test_id,
            jsonb_agg(included.row_key) as row_keys
        from included
        group by included.test_id
        having bool_and(included.row_key is not null)
    ) as narrowed;

    for v_index in 1 .. cardinality(tests) loop
        if v_keys ? tests[v_index].id::text then
            tests[v_index].row_keys := array(
                select jsonb_array_elements_text(v_keys -> tests[v_index].id::text)
            );
        end if;
    end loop;
    return tests;
end;
$function$;
comment on function private.narrow_rows(
    private.planned_test[], private.planned_edge[], uuid[], jsonb
) is
$comment$The tests, narrowed to the fixture rows that did not pass in the run failures_of, and to
those that these rows need: the same row of a test with the same fixture, every row of any other.

selected: what the selection names, before its closure.$comment$;
