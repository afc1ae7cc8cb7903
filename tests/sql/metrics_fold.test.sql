-- Metrics: what is noted with a verdict, and how it is folded into the days, once.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(35);

-- The metrics of a test, as the verdicts they count: "passed 2, failed 1".
create function tests.counted(test text)
returns text
language sql
stable
as $function$
    select string_agg(verdicts.verdict || ' ' || verdicts.number, ', ' order by verdicts.ordinal)
    from public.performance_metrics as metrics
    cross join lateral (
        values
        (1, 'passed', metrics.passed_count), (2, 'failed', metrics.failed_count),
        (3, 'error', metrics.error_count), (4, 'skipped', metrics.skipped_count),
        (5, 'cancelled', metrics.cancelled_count), (6, 'flaky', metrics.flaky_count),
        (7, 'measured', metrics.measured_count)
    ) as verdicts (ordinal, verdict, number)
    where metrics.test_case_id = tests.id(counted.test) and verdicts.number > 0;
$function$;

select tests.make_fixture(
    'rows', 'shop', '[{"key": "1", "values": {"n": 1}}, {"key": "2", "values": {"n": 2}}]'
);
select tests.make_test('good', 'flow');
select tests.make_test('bad', 'flow');
select tests.make_test('after bad', 'flow');
select tests.depend('after bad', 'bad', 'data');
select tests.make_test('late', 'flow');
select tests.make_test('rows', 'flow', '{"fixture": "rows", "path": "/{{n}}"}');
select tests.make_test('flaky', 'flow', '{"retry": {"attempts": 2}}');

-- What is noted

select tests.queue('run');
select is_empty($$ select from private.metric_deltas $$, 'planning a run notes nothing');
select tests.claim('1');
select is_empty($$ select from private.metric_deltas $$, 'nor does handing it out');
select tests.answer('good', '{"total_ms": 100}');
select results_eq(
    $$ select run_id = tests.run('run'), first_seq, last_seq from private.metric_deltas $$,
    $$ values (true, 1, 1) $$, 'a verdict is noted by its number in the run'
);
select tests.answer('bad', '{"status": 500, "total_ms": 40}');
select results_eq(
    $$ select first_seq, last_seq from private.metric_deltas order by id $$,
    $$ values (1, 1), (2, 3) $$, 'with what it skips in the same row'
);
select tests.send(jsonb_build_array(
    tests.report(tests.item('late'), '{"error": {"category": "timeout", "message": "m"}, "total_ms": 30000}'),
    tests.report(tests.item('rows/1'), '{"total_ms": 10}'),
    tests.report(tests.item('rows/2'), '{"total_ms": 20}')
));
select results_eq(
    $$ select first_seq, last_seq from private.metric_deltas order by id $$,
    $$ values (1, 1), (2, 3), (4, 6) $$, 'a batch is one row'
);
select tests.answer('flaky', '{"status": 500, "total_ms": 1}');
select is(
    (select count(*) from private.metric_deltas), 3::bigint, 'an attempt that is repeated is no verdict'
);
select is_empty($$ select from public.performance_metrics $$, 'nothing is counted on the way');

-- Folding

select is(private.fold_metrics(), 6, 'folding counts them');
select is(private.fold_metrics(), 0, 'and counts them once');
select is_empty($$ select from private.metric_deltas $$, 'the notes are gone');
select is(tests.counted('good'), 'passed 1, measured 1', 'what passed');
select is(tests.counted('bad'), 'failed 1, measured 1', 'what failed is measured, too');
select is(tests.counted('after bad'), 'skipped 1', 'what was skipped is not');
select is(tests.counted('late'), 'error 1', 'nor is what had no answer');
select is(tests.counted('rows'), 'passed 2, measured 2', 'the rows of a fixture count together');
select is(tests.counted('flaky'), null, 'what is not over is not there');
select results_eq(
    $$
    select environment_id, project_id, finished_on, duration_sum_ms, duration_min_ms, duration_max_ms
    from public.performance_metrics
    where test_case_id = tests.id('rows')
    $$,
    $$ values (tests.id('staging'), tests.id('shop'), (now() at time zone 'utc')::date, 30.000, 10.000, 20.000) $$,
    'durations are added up, of a day of UTC'
);
select results_eq(
    $$ select bins, counts from public.performance_metrics where test_case_id = tests.id('rows') $$,
    $$ values (array[private.bin_of(10), private.bin_of(20)], '{1,1}'::integer[]) $$,
    'each lies in its bin'
);
-- dns 0.1, connect 0.2, tls 0, first_byte 1.5
select results_eq(
    $$ select phase_bins, phase_counts from public.performance_metrics where test_case_id = tests.id('rows') $$,
    $$
    values (
        array[2048 + private.bin_of(0.1), 4096 + private.bin_of(0.2), 8192 + private.bin_of(1.5)]::smallint[],
        '{2,2,2}'::integer[]
    )
    $$,
    'so do the phases, but for those that did not happen'
);

update private.work_items set available_at = '-infinity' where state = 'ready';
select tests.claim('2');
select tests.answer('flaky', '{"total_ms": 5}');
select tests.queue('again');
select tests.run_all('{"rows": {"status": 500, "total_ms": 20}, "bad": {"total_ms": 7}}');
select is(private.fold_metrics(), 8, 'a later fold counts what came since');
select is(
    tests.counted('flaky'), 'passed 2, flaky 1, measured 2',
    'passed on retry is passed, and remembered as flaky'
);
select is(tests.counted('rows'), 'passed 2, failed 2, measured 4', 'it is added to the day');
select results_eq(
    $$
    select duration_sum_ms, bins, counts, phase_counts
    from public.performance_metrics
    where test_case_id = tests.id('rows')
    $$,
    $$ values (70.000, array[private.bin_of(10), private.bin_of(20)], '{1,3}'::integer[], '{4,4,4}'::integer[]) $$,
    'histograms, too'
);
select results_eq(
    $$
    select
        sum(passed_count), sum(failed_count), sum(error_count), sum(skipped_count), sum(flaky_count),
        sum(measured_count), sum(duration_sum_ms),
        sum((select sum(occurrences) from unnest(counts) as held (occurrences)))
    from public.performance_metrics
    $$,
    $$
    select
        passed_count::bigint, failed_count::bigint, error_count::bigint, skipped_count::bigint,
        flaky_count::bigint, measured_count::bigint, duration_sum_ms,
        (select sum(occurrences) from unnest(counts) as held (occurrences))::numeric
    from private.environment_metrics
    $$,
    'the environment has the sum of its tests'
);

-- Bounds

select tests.queue('third');
select tests.claim('3');
select tests.answer('good');
select tests.answer('rows/1');
select tests.answer('rows/2');
select tests.answer('late');
select is(private.fold_metrics(2), 2, 'a call takes no more notes than come to so many results');
select is(private.fold_metrics(0), 1, 'but one');
select is(private.fold_metrics(), 1, 'the rest is for the next one');

-- Odd values

savepoint odd;
select tests.queue('odd', tests.only('good'));
select tests.claim('4');
select tests.answer(
    'good',
    '{"merge": {"timing_ms": {"dns": "soon", "connect": -1, "tls": null, "first_byte": 1e300, "total": "NaN"}}}'
);
select lives_ok($$ select private.fold_metrics() $$, 'times that are none do not stop it');
select is(
    (select measured_count from public.performance_metrics where test_case_id = tests.id('good')), 3,
    'they are not counted'
);
rollback to odd;

select tests.queue('changed', tests.only('good'));
select tests.run_all();
select private.fold_metrics();
update public.test_results set message = null where run_id = tests.run('changed');
select is_empty($$ select from private.metric_deltas $$, 'a later change of a result is no verdict');

-- Purges

savepoint purges;
select tests.queue('purged');
select tests.run_all();
create temporary table before on commit drop as
select sum(passed_count) as passed from public.performance_metrics;
delete from public.test_runs where id = tests.run('purged');
select is(private.fold_metrics(), 0, 'of a run that was purged nothing is left to count');
delete from public.test_runs where id = tests.run('run');
select is(
    (select sum(passed_count) from public.performance_metrics), (select passed from before),
    'what was counted outlives its run'
);
select tests.queue('purged');
select tests.run_all();
delete from public.test_cases where id = tests.id('good');
select lives_ok($$ select private.fold_metrics() $$, 'nor does the purge of a test stop it');
select is(tests.counted('good'), null, 'its metrics go with it');
delete from public.projects where id = tests.id('shop');
select is_empty(
    $$
    select environment_id from public.performance_metrics
    union all
    select environment_id from private.environment_metrics
    $$,
    'and all with the project'
);

select * from finish();
rollback;
