-- Ratings: what runs make of a test, told by night and when it is asked for.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(37);

create sequence tests.run_numbers;

-- Runs one after the other, an hour apart and the last just over, in which a test came out as the
-- letters say: P passed, F failed, R passed when tried again.
create function tests.happen(test text, letters text, commit_sha text default null)
returns void
language plpgsql
as $function$
declare
    v_letter text;
    v_run text;
    v_hours integer := length(letters);
begin
    foreach v_letter in array string_to_array(letters, null) loop
        v_run := 'run ' || nextval('tests.run_numbers');
        v_hours := v_hours - 1;
        perform tests.queue(v_run, tests.only(happen.test));
        perform tests.claim(v_run);
        if v_letter in ('F', 'R') then
            perform tests.answer(happen.test, '{"status": 500, "total_ms": 4000}');
            update private.work_items set available_at = '-infinity' where state = 'ready';
            perform tests.claim(v_run || ' again');
            perform tests.answer(
                happen.test, jsonb_build_object('status', case v_letter when 'F' then 500 else 200 end)
            );
        else
            perform tests.answer(happen.test);
        end if;
        update public.test_runs set commit_sha = happen.commit_sha where id = tests.run(v_run);
        perform private.process_finished_runs();
        update public.test_results
        set finished_at = now() - v_hours * interval '1 hour'
        where run_id = tests.run(v_run);
    end loop;
end;
$function$;

create function tests.rating(test text)
returns public.test_ratings
language sql
stable
as $function$
    select ratings.* from public.test_ratings as ratings where ratings.test_case_id = tests.id(test);
$function$;

create function tests.told()
returns text[]
language sql
stable
as $function$
    select coalesce(array_agg(events.event order by events.id), '{}')
    from public.platform_events as events
    where events.event like 'flaky%';
$function$;

select tests.make_test('work', 'flow', '{"retry": {"attempts": 2}}');
savepoint a_test;

-- A flaky test

select tests.happen('work', 'PPRPPPRPP');
select is(private.rate_tests(), 1, 'a test that ran is rated');
select results_eq(
    $$
    select
        verdict, confidence, since, run_count, result_count, attempt_count, failure_count, flake_count,
        contradiction_count, key_count, pass_streak, retry_ms, skipped_count, wasted_ms
    from tests.rating('work')
    $$,
    $$
    values (
        'flaky', 'medium', now(), 9, 9, 11, 2, 2, 2, 9, 2, 8000::double precision, 0,
        8000::double precision
    )
    $$,
    'one that passed only when it was tried again, twice, is flaky'
);
select is(
    (tests.rating('work')).flake_run_id, tests.run('run 7'), 'the run to look at is the last such'
);
select ok(
    (tests.rating('work')).reasons[1] like
    'failed and then passed under the same code 2 times in 9 results, at least 7.6 % of the time; last in run '
    || tests.run('run 7'),
    'the reason says how often, and where'
);
select is(tests.told(), '{flaky_detected}', 'it is told');
select results_eq(
    $$
    select project_id, environment_id, test_case_id, run_id, severity, title
    from public.platform_events
    where event = 'flaky_detected'
    $$,
    $$
    values (
        tests.id('shop'), tests.id('staging'), tests.id('work'), tests.run('run 7'), 'warning',
        '"work" is flaky in staging'
    )
    $$,
    'which test, where, and the run'
);
select private.rate_tests();
select is(tests.told(), '{flaky_detected}', 'once');
select is((tests.rating('work')).since, now(), 'rated again it is so since it became so');

-- until luck is unlikely

select private.rate_tests(as_of => now() + interval '1 day');
select is((tests.rating('work')).verdict, 'flaky', 'a few passes do not make it healthy');
update public.test_results set finished_at = finished_at - interval '12 days' where true;
select tests.happen('work', repeat('P', 40));
select private.rate_tests();
select is((tests.rating('work')).verdict, 'flaky', 'forty after two flakes in nine may still be luck');
select private.rate_tests(as_of => now() + interval '2 days');
select is((tests.rating('work')).verdict, 'healthy', 'when no failure is left in 14 days they do');
select is(tests.told(), '{flaky_detected,flaky_resolved}', 'which is told as well');
rollback to a_test;

-- Once may be chance

select tests.happen('work', 'PPPPRPPPP');
select private.rate_tests();
select results_eq(
    $$ select verdict, flake_count from tests.rating('work') $$, $$ values ('healthy', 1) $$,
    'a single flake makes no test flaky'
);
rollback to a_test;

-- The same code

select tests.happen('work', 'PPPFPPPFPP', 'c0ffee');
select private.rate_tests();
select results_eq(
    $$ select verdict, flake_count, contradiction_count, key_count from tests.rating('work') $$,
    $$ values ('flaky', 2, 1, 1) $$, 'of one commit runs contradict each other'
);
rollback to a_test;
select tests.happen('work', 'PPPFFFPPPPPP', 'c0ffee');
select private.rate_tests();
select results_eq(
    $$ select verdict, contradiction_count from tests.rating('work') $$, $$ values ('healthy', 0) $$,
    'what broke and was mended was no flake'
);
rollback to a_test;
select tests.happen('work', 'PPPP');
select tests.happen('work', 'FF');
select private.rate_tests();
select is(
    (tests.rating('work')).contradiction_count, 0, 'without a commit runs do not contradict each other'
);
select is((tests.rating('work')).key_count, 6, 'each is a state of the code of its own');
rollback to a_test;

-- Broken, new, stale

select tests.happen('work', 'PPPFFFFF');
select private.rate_tests();
select is((tests.rating('work')).verdict, 'broken', 'one that failed five times in a row is broken');
select is((tests.rating('work')).failure_run_id, tests.run('run ' || currval('tests.run_numbers')), 'with its last failure to look at');
rollback to a_test;
select tests.happen('work', 'PPPP');
select private.rate_tests();
select is((tests.rating('work')).verdict, 'new', 'four results are too few to say');
select is(private.rate_tests(as_of => now() + interval '20 days'), 0, 'what did not run is not rated');
select is((tests.rating('work')).verdict, 'new', 'and stays what it was');
select is(private.rate_tests(as_of => now() + interval '31 days'), 1, 'for 30 days');
select results_eq(
    $$ select verdict, since from tests.rating('work') $$, $$ values ('stale', now() + interval '31 days') $$,
    'then it is stale'
);
select is(private.rate_tests(as_of => now() + interval '32 days'), 0, 'which is said once');
rollback to a_test;

-- What does not count

select tests.make_test('lost', 'flow');
select tests.queue('run', tests.only('lost'));
select tests.claim('1');
select tests.expire('lost');
select tests.claim('2');
select tests.answer('lost');
select private.process_finished_runs();
select private.rate_tests(as_of => clock_timestamp());
select results_eq(
    $$ select attempt_count, failure_count, flake_count from tests.rating('lost') $$, $$ values (1, 0, 0) $$,
    'an attempt that was lost with its worker is no failure'
);
rollback to a_test;

select tests.make_test('test ' || number, 'flow', '{"retry": {"attempts": 2}}')
from generate_series(1, 4) as numbers (number);
create function tests.shake(answers jsonb, times integer)
returns void
language plpgsql
as $function$
declare
    v_run text;
begin
    for v_time in 1 .. times loop
        v_run := 'run ' || nextval('tests.run_numbers');
        perform tests.queue(v_run);
        perform tests.claim(v_run);
        perform tests.send((
            select jsonb_agg(tests.report(handed_out.item, coalesce(answers -> handed_out.test, '{}')))
            from tests.handed_out
            where handed_out.claim = v_run
        ));
        update private.work_items set available_at = '-infinity' where state = 'ready';
        perform tests.run_all();
        perform private.process_finished_runs();
    end loop;
end;
$function$;
select tests.shake(
    '{"work": {"status": 500}, "test 1": {"status": 500}, "test 2": {"status": 500}, "test 3": {"status": 500}}', 2
);
select is(
    private.rate_tests(as_of => clock_timestamp()), 0,
    'runs in which nearly everything failed at first are set aside'
);
select tests.shake('{"work": {"status": 500}}', 2);
select private.rate_tests(as_of => clock_timestamp());
select is((tests.rating('work')).verdict, 'flaky', 'others are not');
rollback to a_test;

-- What it costs

select tests.make_test('giver', 'flow', jsonb_build_object('captures', tests.capture('x')));
select tests.make_test('taker', 'flow', '{"path": "/{{x}}"}');
select tests.queue('good', tests.only('taker'));
select tests.run_all('{"giver": {"body": {"x": 1}}, "taker": {"total_ms": 700}}');
select tests.queue('bad', tests.only('taker'));
select tests.run_all('{"giver": {"status": 500}}');
select private.process_finished_runs();
select private.rate_tests(as_of => clock_timestamp());
select results_eq(
    $$ select retry_ms, skipped_count, wasted_ms from tests.rating('giver') $$,
    $$ values (0::double precision, 1, 700::double precision) $$,
    'a failure costs what the tests that were skipped because of it usually take'
);
rollback to a_test;

-- When asked

select tests.happen('work', 'PPRPPPRPP');
select tests.make_test('steady', 'flow');
select tests.happen('steady', 'PPPPP');
create function tests.asked(window_days integer default 14, verdicts text[] default '{flaky}')
returns text[]
language sql
stable
as $function$
    select array(
        select told.test ->> 'test_name'
        from jsonb_array_elements(
            public.detect_flaky_tests(
                tests.id('shop'), asked.window_days, verdicts => asked.verdicts
            ) -> 'tests'
        ) with ordinality as told (test, ordinal)
        order by told.ordinal
    );
$function$;
select tests.act_as('vera');
select is(tests.asked(), '{work}', 'a member is told which tests are flaky');
select is(tests.asked(verdicts => '{flaky,healthy}'), '{work,steady}', 'or also others, the costliest first');
select is_empty($$ select test_case_id from public.test_ratings $$, 'and nothing is written');
select tests.act_as('otto');
select is(
    tests.slug_of(format('select public.detect_flaky_tests(%L)', tests.id('shop'))), 'unknown_project',
    'a stranger is not'
);
select tests.act_as_owner();
update public.test_results set finished_at = finished_at - interval '20 days' where test_case_id = tests.id('work');
select is(tests.asked(), '{}', 'what happened before the window does not count');
select is(tests.asked(30), '{work}', 'within a wider one it does');
select private.rate_tests(as_of => now() - interval '19 days');
select tests.act_as('vera');
select is((tests.rating('work')).verdict, 'flaky', 'members see the ratings');
select tests.act_as('otto');
select is_empty($$ select test_case_id from public.test_ratings $$, 'a stranger sees none');

select * from finish();
rollback;
