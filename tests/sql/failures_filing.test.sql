-- Filing failures: one cause, its red tests and what was skipped because of it; back, gone, told.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(41);

-- A run of all tests, or of these, with these answers; processed, as the job does.
create function tests.make_run(name text, answers jsonb, variadic only_tests text[] default '{}')
returns void
language plpgsql
as $function$
begin
    perform tests.queue(
        make_run.name, case only_tests when '{}' then '{}' else tests.only(variadic only_tests) end
    );
    -- now() stands still in here
    update public.test_runs set queued_at = clock_timestamp() where id = tests.run(make_run.name);
    perform tests.run_all(answers);
    perform private.process_finished_runs();
end;
$function$;

-- What is known of a cause, by its location.
create function tests.failure(location text)
returns public.failure_analysis
language sql
stable
as $function$
    select failures.* from public.failure_analysis as failures where failures.location = failure.location;
$function$;

select tests.make_test('a', 'flow', '{"captures": [{"name": "x", "source": "body", "path": "$.x"}]}');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow', '{"assertions": [{"source": "body", "path": "$.id", "operator": "equals", "expected": 5}]}');
select tests.make_test('after a', 'flow', '{"path": "/{{x}}"}');
select tests.make_test('after that', 'flow');
select tests.depend('after that', 'after a', 'data');
select tests.make_test('d', 'flow');

-- One cause

select tests.queue('red');
select tests.run_all($${
    "a": {"status": 503, "body": {"error": "no upstream 17"}},
    "b": {"status": 503, "body": {"error": "no upstream 4"}},
    "c": {"status": 503, "body": {"error": "no upstream 99"}},
    "d": {"error": {"category": "connect", "message": "refused by 10.0.0.1"}}
}$$);
select is_empty($$ select * from public.failure_analysis $$, 'a run that is over is not looked at at once');
select private.process_finished_runs();
select results_eq(
    $$
    select failure_class, category, location, message, occurrence_count, test_count, environment_count, skipped_count, status
    from public.failure_analysis order by location
    $$,
    $$ values
    ('connect', 'connect', 'connect_failed', 'refused by {ip}', 1::bigint, 1, 1, 0::bigint, 'open'),
    ('http_5xx', 'http_5xx', 'status 503', '{error: no upstream {n}}', 3, 3, 1, 2, 'open')
    $$,
    'three tests that fail alike have one cause, whatever they asserted; skips are its consequences'
);
select is(
    (tests.failure('status 503')).fingerprint,
    private.failure_fingerprint('http_5xx', 'status 503', '{error: no upstream {n}}'),
    'known by its fingerprint'
);
select is(
    array[(tests.failure('connect_failed')).example_message, (tests.failure('connect_failed')).example_result_id::text],
    array['refused by 10.0.0.1', (tests.result('red', 'd')).id::text], 'with an example as it was'
);
select is(
    (
        select (first_run_id, last_run_id, first_seen_at <= last_seen_at)::text
        from public.failure_analysis where location = 'status 503'
    ),
    (tests.run('red'), tests.run('red'), true)::text, 'and the runs that saw it'
);
select results_eq(
    $$
    select results.test_name, occurrences.skipped_count
    from private.failure_occurrences as occurrences
    inner join public.test_results as results on results.id = occurrences.result_id
    where occurrences.failure_id = (tests.failure('status 503')).id
    order by 1
    $$,
    $$ values ('a', 2), ('b', 0), ('c', 0) $$, 'each result that did not pass has its cause'
);
select is(
    (select count(*) from private.failure_occurrences), 4::bigint, 'and skipped ones have none of their own'
);
select bag_eq(
    $$ select failure_id, test_case_id, environment_id, occurrence_count from public.failure_tests $$,
    $$ values
    ((tests.failure('status 503')).id, tests.id('a'), tests.id('staging'), 1::bigint),
    ((tests.failure('status 503')).id, tests.id('b'), tests.id('staging'), 1),
    ((tests.failure('status 503')).id, tests.id('c'), tests.id('staging'), 1),
    ((tests.failure('connect_failed')).id, tests.id('d'), tests.id('staging'), 1)
    $$,
    'which tests failed where is kept'
);

-- Told

select results_eq(
    $$
    select event, severity, title, run_id from public.platform_events
    where event like 'failure%' order by id
    $$,
    $$ values
    ('failure_new', 'warning', 'New failure in 3 tests: status 503: {error: no upstream {n}}', tests.run('red')),
    ('failure_new', 'warning', 'New failure in one test: connect_failed: refused by {ip}', tests.run('red'))
    $$,
    'a new cause is an event, that of more tests first'
);
select is(
    (select payload - 'failure' from public.platform_events where title like '%3 tests%'),
    '{
        "class": "http_5xx", "message": "{error: no upstream {n}}", "test_count": 3, "skipped_count": 2,
        "is_regression": false, "others": 0
    }'::jsonb,
    'with its particulars'
);

-- Again

create table tests.before as select * from public.failure_analysis;
select private.file_failures(array[tests.run('red')]);
select bag_eq(
    $$ select * from public.failure_analysis $$, $$ select * from tests.before $$,
    'filing a run again changes nothing'
);
select tests.make_environment('production', 'shop');
select tests.queue('there', tests.only('b'), environment => 'production');
select tests.run_all('{"b": {"status": 503, "body": {"error": "no upstream 5"}}}');
select private.process_finished_runs();
select is(
    (
        select (occurrence_count, test_count, environment_count, first_run_id, last_run_id)::text
        from public.failure_analysis where location = 'status 503'
    ),
    (4::bigint, 3, 2, tests.run('red'), tests.run('there'))::text,
    'another run counts on: an environment more, and the latest run'
);
select is(
    (select count(*) from public.platform_events where event = 'failure_new'), 2::bigint,
    'a cause that is known is not told again'
);

-- Fixed by somebody, and back

select public.set_failure_status((tests.failure('status 503')).id, 'fixed', 'restarted');
select tests.make_run('more', '{"b": {"status": 503, "body": {"error": "no upstream 5"}}}', 'b');
select is(
    (select (status, regression_count, note)::text from public.failure_analysis where location = 'status 503'),
    ('open', 1, 'restarted')::text, 'one that was fixed and is seen again is open, and keeps its note'
);
select isnt((tests.failure('status 503')).regressed_at, null, 'it says since when');
select is(
    (select title from public.platform_events where event = 'failure_new' order by id desc limit 1),
    'Failure is back in 3 tests: status 503: {error: no upstream {n}}', 'and is told'
);
select tests.queue('early', tests.only('b'));
select public.set_failure_status((tests.failure('status 503')).id, 'fixed');
select tests.run_all('{"b": {"status": 503, "body": {"error": "no upstream 5"}}}');
select private.process_finished_runs();
select is(
    (select (status, regression_count, occurrence_count)::text from public.failure_analysis where location = 'status 503'),
    ('fixed', 1, 6::bigint)::text, 'a run that was queued before proves nothing, but counts'
);
select public.set_failure_status((tests.failure('status 503')).id, 'known');
select tests.make_run('known', '{"b": {"status": 503, "body": {"error": "no upstream 5"}}}', 'b');
select is((tests.failure('status 503')).status, 'known', 'one that is known stays so');

-- Gone

select tests.make_run('green 1', '{}', 'd');
select tests.make_run('green 2', '{}', 'd');
select is(
    (select (pass_count, last_passed_at is not null)::text from public.failure_tests where test_case_id = tests.id('d')),
    (2, true)::text, 'passes of the tests of a cause are counted'
);
select private.file_failures(array[tests.run('green 2')]);
select is(
    (select pass_count from public.failure_tests where test_case_id = tests.id('d')), 2, 'each run once'
);
select is((tests.failure('connect_failed')).status, 'open', 'two in a row are not enough');
select tests.make_run('refused', '{"d": {"error": {"category": "connect", "message": "refused by 10.0.0.2"}}}', 'd');
select is(
    (select pass_count from public.failure_tests where test_case_id = tests.id('d')), 0, 'a failure begins them anew'
);
select tests.make_run('other', '{"d": {"status": 404}}', 'd');
select is(
    (
        select pass_count from public.failure_tests
        where test_case_id = tests.id('d') and failure_id = (tests.failure('connect_failed')).id
    ),
    0, 'failing for another reason is no pass'
);
select tests.make_run('green ' || n, '{}', 'd') from generate_series(3, 4) as n;
select is((tests.failure('connect_failed')).status, 'open', 'still open');
select tests.make_run('green 5', '{}', 'd');
select is(
    (
        select (status, status_changed_at is not null, status_changed_by)::text
        from public.failure_analysis where location = 'connect_failed'
    ),
    ('fixed', true, null::uuid)::text, 'a cause whose test passed three runs in a row is fixed, by nobody'
);
select is(
    (select (event, severity)::text from public.platform_events where title like 'Failure gone%connect%'),
    ('failure_resolved', 'info')::text, 'and that is told'
);
select tests.make_run('refused again', '{"d": {"error": {"category": "connect", "message": "refused by 10.0.0.2"}}}', 'd');
select is(
    (select (status, regression_count)::text from public.failure_analysis where location = 'connect_failed'),
    ('open', 1)::text, 'if it comes back, it is open again'
);
select tests.make_run('all green ' || n, '{"a": {"body": {"x": 1}}, "c": {"body": {"id": 5}}}') from generate_series(1, 4) as n;
select is((tests.failure('status 503')).status, 'known', 'what somebody called known is left to people');

-- Several tests, fixture rows, tests that do not run any more

select tests.make_fixture('rows', 'shop', '[{"key": "x", "values": {}}, {"key": "y", "values": {}}]');
select tests.make_test('e', 'flow', '{"fixture": "rows"}');
select tests.make_test('f', 'flow');
select tests.make_run('rows', '{"e": {"status": 418}, "f": {"status": 418}}', 'e', 'f');
select is(
    (select (occurrence_count, test_count)::text from public.failure_analysis where location = 'status 418'),
    (3::bigint, 2)::text, 'rows of a fixture are results of one test'
);
select tests.make_run('half ' || n, '{"e/x": {"status": 418}}', 'e', 'f') from generate_series(1, 3) as n;
select bag_eq(
    $$
    select test_case_id, pass_count from public.failure_tests
    where failure_id = (tests.failure('status 418')).id
    $$,
    $$ values (tests.id('e'), 0), (tests.id('f'), 3) $$, 'which passes when all its rows do'
);
select is((tests.failure('status 418')).status, 'open', 'a cause is open as long as one of its tests fails');
update public.test_cases set is_enabled = false where id = tests.id('e');
select tests.make_run('without e', '{}', 'f');
select private.close_failures(array(select id from public.failure_analysis));
select is((tests.failure('status 418')).status, 'fixed', 'one that does not run any more is not waited for');

-- Passed on retry

select tests.make_test('g', 'flow', '{"retry": {"attempts": 2, "base_ms": 0}}');
select tests.queue('retried', tests.only('g'));
select tests.claim('first');
select tests.answer('g', '{"status": 409}', 'first');
update private.work_items set available_at = '-infinity' where state = 'ready';
select tests.run_all('{}');
select private.process_finished_runs();
select is(tests.verdicts('retried'), '{g: passed}', 'a test that passes on retry');
select is((tests.failure('status 409')).id, null, 'is no failure');

-- Room

create function tests.crowd(size integer)
returns private.found_failure[]
language sql
as $function$
    select array(
        select row(
            null, null, tests.id('shop'), null, null, 'crowd', '', 'text ' || n, md5(n::text), '', now(),
            now() + n * interval '1 second', 0, null
        )::private.found_failure
        from generate_series(1, crowd.size) as n
    );
$function$;
select results_eq(
    $$
    select bounded.message, bounded.fingerprint
    from unnest(private.bound_failures(tests.crowd(202))) as bounded
    where bounded.message not in (select 'text ' || n from generate_series(1, 199) as n)
    order by bounded.seen_at
    $$,
    $$ values
    ('text 200', md5('200')),
    ('{various}', private.failure_fingerprint('crowd', '', '{various}')),
    ('{various}', private.failure_fingerprint('crowd', '', '{various}'))
    $$,
    'of a class two hundred causes stand for themselves, and one for the rest'
);
insert into public.failure_analysis (
    project_id, fingerprint, failure_class, location, message, example_message, example_result_id,
    first_seen_at, last_seen_at, first_run_id, last_run_id
)
select
    tests.id('shop'), md5(n::text), 'crowd', '', 'text ' || n, '', gen_random_uuid(), now(), now(),
    gen_random_uuid(), gen_random_uuid()
from generate_series(1, 199) as n;
select is(
    (
        select array_agg(bounded.message order by bounded.seen_at)
        from unnest(private.bound_failures(tests.crowd(201))) as bounded
        where bounded.message not in (select 'text ' || n from generate_series(1, 199) as n)
    ),
    array['text 200', '{various}'], 'those that are known count'
);

-- Nothing left behind

delete from public.test_runs where id = tests.run('red');
select is_empty(
    $$
    select occurrences.result_id from private.failure_occurrences as occurrences
    where occurrences.run_id = tests.run('red')
    $$,
    'what links a result goes with it'
);
select is((tests.failure('status 503')).test_count, 3, 'the cause stays');
delete from public.test_cases where id = tests.id('a');
select is(
    (select count(*) from public.failure_tests where test_case_id = tests.id('a')), 0::bigint, 'a test that is deleted is forgotten'
);
delete from public.projects where id = tests.id('shop');
select is_empty($$ select * from public.failure_analysis $$, 'and with the project all goes');

-- When everything breaks at once

select tests.make_project('big', 'acme');
insert into public.failure_analysis (
    project_id, fingerprint, failure_class, location, message, example_message, example_result_id,
    first_seen_at, last_seen_at, first_run_id, last_run_id, test_count
)
select tests.id('big'), md5(n::text), 'timeout', '', 'no ' || n, '', gen_random_uuid(), now(), now(), gen_random_uuid(), gen_random_uuid(), n
from generate_series(1, 12) as n;
select private.tell_failures(array(select id from public.failure_analysis), 'failure_new');
select results_eq(
    $$
    select count(*), min((payload ->> 'test_count')::integer), min((payload ->> 'others')::integer)
    from public.platform_events where project_id = tests.id('big')
    $$,
    $$ values (10::bigint, 3, 2) $$, 'ten tell it, and of how many others it is true'
);

select * from finish();
rollback;
