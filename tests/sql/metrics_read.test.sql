-- aggregate_test_metrics: what people ask of metrics, folded or not.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(42);

-- Results with a verdict, put where metrics look for them: status, milliseconds and moment.
create function tests.judge(
    test text, status text, ms numeric, moment timestamptz, environment text default 'staging'
)
returns void
language plpgsql
as $function$
declare
    v_run uuid := gen_random_uuid();
begin
    insert into public.test_runs (
        id, project_id, environment_id, status, selection, total_count, finished_at
    )
    select v_run, environments.project_id, environments.id, 'passed', '{}', 1, moment
    from public.environments
    where environments.id = tests.id(judge.environment);
    insert into public.test_results (
        run_id, project_id, test_case_id, test_name, suite_name, phase, definition_id, planned_on,
        attempt_count
    )
    select v_run, cases.project_id, cases.id, cases.name, '', 'main', definitions.id, current_date, 1
    from public.test_cases as cases
    inner join private.definitions on definitions.project_id = cases.project_id
    where cases.id = tests.id(judge.test);
    update public.test_results as results
    set
        status = judge.status,
        category = case when judge.status <> 'passed' then 'assertion' end,
        slug = case when judge.status <> 'passed' then 'assertion_failed' end,
        message = case when judge.status <> 'passed' then 'message' end,
        duration_ms = judge.ms,
        finished_seq = 1,
        finished_at = judge.moment
    where results.run_id = v_run;
end;
$function$;

create function tests.ask(arguments text)
returns setof text
language plpgsql
as $function$
begin
    return query execute format(
        $$
        select concat_ws(
            ' ', to_char(bucket_at at time zone 'utc', 'MM-DD HH24'),
            (select cases.name from public.test_cases as cases where cases.id = test_case_id),
            passed_count, failed_count, error_count
        )
        from public.aggregate_test_metrics(tests.id('shop'), %s) with ordinality
        order by ordinality
        $$, arguments
    );
end;
$function$;

create function tests.slug_of_asking(arguments text)
returns text
language sql
as $function$
    select tests.slug_of(
        format('select * from public.aggregate_test_metrics(tests.id(''shop''), %s)', arguments)
    );
$function$;

select tests.make_environment('production', 'shop');
select tests.make_suite('slow', 'shop');
select tests.make_test('a', 'flow', '{"tags": ["smoke"]}');
select tests.make_test('b', 'flow', '{"tags": ["smoke", "deep"]}');
select tests.make_test('c', 'slow');

insert into private.definitions (project_id, digest, document, uses, requires, provides)
values (tests.id('shop'), '', '{}', '{}', '{}', '{}');

-- 2026-03-01 is a Sunday
select tests.judge('a', 'passed', 100, '2026-02-27 10:00+00');
select tests.judge('a', 'passed', 200, '2026-03-01 23:59:59+00');
select tests.judge('a', 'failed', 400, '2026-03-02 00:00+00');
select tests.judge('b', 'error', 30000, '2026-03-02 00:30+00');
select tests.judge('c', 'skipped', null, '2026-03-02 01:00+00');
select tests.judge('c', 'passed', 50, '2026-03-02 01:30+00', 'production');

-- Not folded, half folded, folded: the same

select tests.act_as('vera');
create temporary table answers on commit drop as
select 1 as folded, metrics.*
from public.aggregate_test_metrics(
    tests.id('shop'), '2026-02-01', '2026-04-01', by_test => true
) as metrics;
select tests.act_as_owner();
select private.fold_metrics(3);
select tests.act_as('vera');
insert into answers
select 2, metrics.*
from public.aggregate_test_metrics(
    tests.id('shop'), '2026-02-01', '2026-04-01', by_test => true
) as metrics;
select tests.act_as_owner();
select private.fold_metrics();
select tests.act_as('vera');
insert into answers
select 3, metrics.*
from public.aggregate_test_metrics(
    tests.id('shop'), '2026-02-01', '2026-04-01', by_test => true
) as metrics;
select is((select count(*) from answers where folded = 1), 5::bigint, 'a viewer sees what is not folded');
select results_eq(
    $$ select (to_jsonb(answers) - 'folded')::text from answers where folded = 2 order by 1 $$,
    $$ select (to_jsonb(answers) - 'folded')::text from answers where folded = 1 order by 1 $$,
    'half folded it is the same'
);
select results_eq(
    $$ select (to_jsonb(answers) - 'folded')::text from answers where folded = 3 order by 1 $$,
    $$ select (to_jsonb(answers) - 'folded')::text from answers where folded = 1 order by 1 $$,
    'and folded'
);
select is(
    (select count(*) from public.performance_metrics), 6::bigint, 'members read the days themselves, too'
);

-- Buckets

select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01' $a$) $$,
    array['02-27 00 1 0 0', '03-01 00 1 0 0', '03-02 00 1 1 1'],
    'by day, of UTC'
);
select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01', 'week' $a$) $$,
    array['02-23 00 2 0 0', '03-02 00 1 1 1'], 'by week, which begins on Monday'
);
select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01', 'month' $a$) $$,
    array['02-01 00 1 0 0', '03-01 00 2 1 1'], 'by month'
);
select results_eq(
    $$ select tests.ask($a$ '2026-03-01', '2026-03-03', 'hour' $a$) $$,
    array['03-01 23 1 0 0', '03-02 00 0 1 1', '03-02 01 1 0 0'], 'by hour'
);
select results_eq(
    $$ select tests.ask($a$ '2026-02-27 15:00+00', '2026-03-01 12:00+00', 'range' $a$) $$,
    array['02-27 00 2 0 0'], 'or in one; a day that begins or ends within the range is in it whole'
);
select results_eq(
    $$ select tests.ask($a$ '2026-03-01 05:00+00', '2026-03-02' $a$) $$,
    array['03-01 00 1 0 0'], 'the end is not in it'
);
set local timezone = 'America/New_York';
select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01 00:00+00' $a$) $$,
    array['02-27 00 1 0 0', '03-01 00 1 0 0', '03-02 00 1 1 1'],
    'whatever zone the caller is in'
);
set local timezone = 'UTC';

-- Filters

select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01', 'month', environment_id => tests.id('production') $a$) $$,
    array['03-01 00 1 0 0'], 'of one environment'
);
select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01', 'month', test_id => tests.id('a') $a$) $$,
    array['02-01 00 1 0 0', '03-01 00 1 1 0'], 'of one test'
);
select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01', 'month', suite_id => tests.id('slow') $a$) $$,
    array['03-01 00 1 0 0'], 'of one suite'
);
select results_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01', 'month', tag => 'smoke' $a$) $$,
    array['02-01 00 1 0 0', '03-01 00 1 1 1'], 'of one tag'
);
select results_eq(
    $$ select tests.ask($a$ '2026-03-02', '2026-03-03', 'hour', tag => 'deep' $a$) $$,
    array['03-02 00 0 0 1'], 'by hour, too'
);
select results_eq(
    $$ select tests.ask($a$ '2026-03-02', '2026-03-03', 'hour', environment_id => tests.id('production') $a$) $$,
    array['03-02 01 1 0 0'], 'of an environment by hour'
);

-- Each test, page by page

select bag_eq(
    $$ select tests.ask($a$ '2026-02-01', '2026-04-01', 'month', by_test => true $a$) $$,
    array['02-01 00 a 1 0 0', '03-01 00 a 1 1 0', '03-01 00 b 0 0 1', '03-01 00 c 1 0 0'],
    'each test by itself'
);
select bag_eq(
    $$ select tests.ask($a$ '2026-03-02', '2026-03-03', 'hour', by_test => true $a$) $$,
    array['03-02 00 a 0 1 0', '03-02 00 b 0 0 1', '03-02 01 c 1 0 0'], 'by hour'
);
create temporary table pages on commit drop as
with recursive walked as (
    select 1 as page, metrics.test_case_id
    from public.aggregate_test_metrics(
        tests.id('shop'), '2026-02-01', '2026-04-01', 'range', by_test => true, page_size => 1
    ) as metrics
    union all
    select walked.page + 1, metrics.test_case_id
    from walked
    cross join lateral public.aggregate_test_metrics(
        tests.id('shop'), '2026-02-01', '2026-04-01', 'range', by_test => true, page_size => 1,
        after => walked.test_case_id
    ) as metrics
)
select * from walked;
select results_eq(
    $$ select page, test_case_id from pages order by page $$,
    $$
    select row_number() over (order by id)::integer, id
    from unnest(array[tests.id('a'), tests.id('b'), tests.id('c')]) as tests (id)
    $$,
    'page by page, none twice and none left out'
);
select results_eq(
    $$
    select count(*)
    from public.aggregate_test_metrics(
        tests.id('shop'), '2026-02-27', '2026-03-03', by_test => true, page_size => 1,
        after => '00000000-0000-0000-0000-000000000000', test_id => tests.id('a')
    )
    $$,
    array[3::bigint], 'a page holds a test whole'
);
select is_empty(
    $$ select tests.ask($a$ '2026-05-01', '2026-06-01', by_test => true $a$) $$, 'nothing where nothing was'
);

-- Figures

select results_eq(
    $$
    select success_rate, measured_count, mean_ms, min_ms, max_ms, flaky_count, skipped_count
    from public.aggregate_test_metrics(tests.id('shop'), '2026-03-01', '2026-04-01', 'month')
    $$,
    $$ values (0.5000, 3, 216.667, 50.000, 400.000, 0, 1) $$,
    'success is of passed, failed and error; times of passed and failed'
);
select ok(
    (
        select
            abs(p50_ms / 200 - 1) <= 0.01 and abs(p95_ms / 400 - 1) <= 0.01 and abs(p99_ms / 400 - 1) <= 0.01
        from public.aggregate_test_metrics(tests.id('shop'), '2026-03-01', '2026-04-01', 'month')
    ),
    'percentiles are within 1 %'
);
select is(
    (
        select apdex
        from public.aggregate_test_metrics(tests.id('shop'), '2026-03-01', '2026-04-01', 'month')
    ),
    0.7500, 'an error satisfies nobody'
);
select results_eq(
    $$
    select success_rate, mean_ms, p95_ms, apdex, colour
    from public.aggregate_test_metrics(
        tests.id('shop'), '2026-03-02', '2026-03-03', suite_id => tests.id('slow'), environment_id => tests.id('staging')
    )
    $$,
    $$ values (null::numeric, null::numeric, null::numeric, null::numeric, null::text) $$,
    'where nothing was judged there are none'
);
select is(
    (
        select phases
        from public.aggregate_test_metrics(tests.id('shop'), '2026-03-01', '2026-04-01', 'month')
    ),
    null, 'phases come when they are asked for'
);

-- Phases, of a real run
select tests.act_as_owner();
select tests.queue('run', tests.only('a', 'b'));
select tests.run_all();
create temporary table phases on commit drop as
select 'unfolded' as state, metrics.phases
from public.aggregate_test_metrics(
    tests.id('shop'), now() - interval '1 day', bucket => 'range', with_phases => true
) as metrics;
grant select on phases to public;
insert into phases
select 'hour', metrics.phases
from public.aggregate_test_metrics(
    tests.id('shop'), now() - interval '1 day', bucket => 'hour', with_phases => true
) as metrics;
select private.fold_metrics();
insert into phases
select 'folded', metrics.phases
from public.aggregate_test_metrics(
    tests.id('shop'), now() - interval '1 day', bucket => 'range', with_phases => true
) as metrics;
select results_eq(
    $$
    select
        (select string_agg(keys.key, ' ' order by keys.key) from jsonb_object_keys(phases) as keys (key)),
        phases #>> '{connect,count}',
        abs((phases #>> '{connect,p50_ms}')::numeric / 0.2 - 1) <= 0.01,
        abs((phases #>> '{first_byte,mean_ms}')::numeric / 1.5 - 1) <= 0.01
    from phases
    where state = 'folded'
    $$,
    $$ values ('connect dns first_byte', '2', true, true) $$, 'of those that took time'
);
select is(
    (select count(distinct phases::text) from phases), 1::bigint,
    'the same when not folded, and by hour'
);

-- Colours

create function tests.colour(settings text)
returns text
language plpgsql
as $function$
begin
    perform tests.count_changed(
        format('update public.projects set %s where id = tests.id(''shop'')', settings)
    );
    return (
        select colour
        from public.aggregate_test_metrics(
            tests.id('shop'), '2026-03-01', '2026-03-03', 'range', test_id => tests.id('a')
        )
    );
end;
$function$;
select tests.act_as('eda');
-- half of a passed, p95 is 400 ms
select is(tests.colour('apdex_ms = 500'), 'red', 'red below the yellow success rate');
select is(tests.colour('yellow_success_rate = 0.5'), 'yellow', 'yellow from there');
select is(tests.colour('green_success_rate = 0.5'), 'green', 'green from the green one, set by an editor');
select is(tests.colour('green_p95_ms = 300'), 'yellow', 'and yellow again where it is slower than green');
select is(tests.colour('green_p95_ms = 300, yellow_p95_ms = 350'), 'red', 'red where it is slower than yellow');
select throws_ok(
    $$ update public.projects set yellow_success_rate = 0.9 where id = tests.id('shop') $$, '23514', null,
    'yellow does not begin above green'
);

-- Refused

select is(tests.slug_of_asking($a$ '2026-03-01', '2026-03-02', 'year' $a$), 'unknown_bucket', 'of other buckets');
select is(tests.slug_of_asking($a$ '2026-03-02', '2026-03-01' $a$), 'malformed_range', 'of an end before the beginning');
select is(tests.slug_of_asking($a$ '2026-03-01', '2026-03-09', 'hour' $a$), 'range_too_large', 'of too many hours');
select is(tests.slug_of_asking($a$ '-infinity' $a$), 'range_too_large', 'of all times');
select is(
    tests.slug_of_asking($a$ '2026-03-01', '2026-03-02', test_id => tests.id('nobody') $a$), 'unknown_test',
    'of tests that are not there'
);
select tests.act_as('otto');
select is(tests.slug_of_asking($a$ '2026-03-01', '2026-03-02' $a$), 'unknown_project', 'of others'' projects');
select is_empty($$ select from public.performance_metrics $$, 'a stranger sees no days either');

select * from finish();
rollback;
