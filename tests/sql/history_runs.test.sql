-- test_run_history: one row for each run that is over, with what it did and what that took.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/history.psql
select plan(31);

select tests.make_test('retried', 'flow', '{"retry": {"attempts": 3, "retry_on": ["assertion"]}}');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow');
savepoint given;

-- What it did

select tests.act_as('eda');
select tests.queue('run', '{"tags": []}');
select tests.act_as_owner();
insert into tests.named_runs values (tests.run('run'), 'run');
update public.test_runs set commit_sha = '0123abc', api_version = '2.1', trigger_kind = 'ci' where id = tests.run('run');
select tests.answer_all('{"retried": {"status": 500}, "b": {"total_ms": 10}, "c": {"status": 500, "total_ms": 30}}');
select tests.answer_all('{"retried": {"total_ms": 20}}');
update public.test_runs set started_at = finished_at - interval '1.5 s' where id = tests.run('run');
select private.write_run_history(array[tests.run('run')]);
select results_eq(
    $$
    select project_id, environment_id, status, selection, commit_sha, api_version, trigger_kind, queued_by
    from tests.history('run')
    $$,
    $$
    values (
        tests.id('shop'), tests.id('staging'), 'failed', '{"tags": []}'::jsonb, '0123abc', '2.1',
        'ci', tests.id('eda')
    )
    $$,
    'a run is told with what it ran, what it tested, what started it and who'
);
select results_eq(
    $$ select queued_at, started_at, finished_at, duration_ms from tests.history('run') $$,
    $$ select queued_at, started_at, finished_at, 1500.000 from public.test_runs where id = tests.run('run') $$,
    'and with its times'
);
select is(
    (select array[total_count, passed_count, failed_count, error_count, skipped_count, cancelled_count] from tests.history('run')),
    array[3, 2, 1, 0, 0, 0], 'results are counted by status'
);
select is(
    (select array[http_call_count, retry_count, rescue_count] from tests.history('run')), array[4, 1, 0],
    'so are requests, retries and rescues'
);
select is(
    (select array[requests_ms, p50_ms, p95_ms, p99_ms, max_ms] from tests.history('run')),
    array[60, 20, 30, 30, 30]::numeric[],
    'percentiles are of the requests that decided, and each is one of them'
);
rollback to given;

select tests.queue('rescued', tests.only('b'));
insert into tests.named_runs values (tests.run('rescued'), 'rescued');
select tests.claim('rescued');
select tests.expire('b');
select private.rescue_expired();
select tests.answer_all('{}');
select private.write_run_history(array[tests.run('rescued')]);
select is(
    (select array[http_call_count, retry_count, rescue_count, flaky_count] from tests.history('rescued')),
    array[1, 0, 1, 0], 'a rescue is no retry, and does not make a test flaky'
);

select tests.queue('cancelled');
insert into tests.named_runs values (tests.run('cancelled'), 'cancelled');
select public.cancel_run(tests.run('cancelled'));
select private.write_run_history(array[tests.run('cancelled')]);
select results_eq(
    $$
    select status, cancelled_count, requests_ms, p50_ms, duration_ms
    from tests.history('cancelled')
    $$,
    $$ values ('cancelled', 3, 0.000, null::numeric, null::numeric) $$,
    'where nothing ran there is nothing to measure'
);
rollback to given;

-- Suspected infrastructure

select tests.make_test('d', 'flow');
select tests.make_run('four', '{"retried": 500, "b": 500, "c": 500, "d": 500}');
select is(
    (select is_infra_suspect from tests.history('four')), false,
    'four results are too few to suspect anything but the tests'
);
select tests.make_test('e', 'flow');
select tests.make_run('three of five', '{"b": 500, "c": 500, "d": 500}');
select is(
    (select is_infra_suspect from tests.history('three of five')), false, 'as long as some pass'
);
select tests.make_run('four of five', '{"b": 500, "c": 500, "d": 500, "e": {"error": {"category": "timeout", "message": "slow"}}}');
select is(
    (select is_infra_suspect from tests.history('four of five')), true,
    'but when four of five do not, it is rather the API as a whole'
);
rollback to given;

-- The previous run

select tests.make_run('1');
select is(
    (select previous_run_id from tests.history('1')), null::uuid, 'the first run has no previous one'
);
select tests.make_run('2');
select is((select previous_run_id from tests.history('2')), tests.run('1'), 'the next one has it');
select tests.make_run('only b', selection => tests.only('b'));
select is(
    (select previous_run_id from tests.history('only b')), null::uuid, 'another selection is its own'
);
select tests.make_run('3', selection => '{"tags": []}');
select is(
    (select previous_run_id from tests.history('3')), tests.run('2'),
    'nothing selected is the same, however it is said'
);
select tests.make_run('c, b', selection => tests.only('c', 'b', 'c'));
select tests.make_run('b, c', selection => tests.only('b', 'c'));
select is(
    (select previous_run_id from tests.history('b, c')), tests.run('c, b'),
    'and the same tests are, in any order'
);
select tests.make_environment('production', 'shop');
select tests.make_run('there', environment => 'production');
select is(
    (select previous_run_id from tests.history('there')), null::uuid, 'environments are apart'
);
select tests.queue('cancelled');
select public.cancel_run(tests.run('cancelled'));
select private.write_run_history(array[tests.run('cancelled')]);
select tests.make_run('4');
select is(
    (select previous_run_id from tests.history('4')), tests.run('3'),
    'one that was cancelled is no measure'
);
select tests.end_run('5');
select tests.queue('cancelled again');
select public.cancel_run(tests.run('cancelled again'));
select tests.end_run('6');
select private.write_run_history(array[tests.run('6'), tests.run('cancelled again'), tests.run('5')]);
select is(
    (select array[previous_run_id, (select previous_run_id from tests.history('5'))] from tests.history('6')),
    array[tests.run('5'), tests.run('4')], 'of several that are written at once, too'
);
select tests.make_run('red', '{"b": 500}');
select public.rerun_failed(tests.run('red'), idempotency_key => 'rerun');
select tests.answer_all('{}');
insert into tests.named_runs values (tests.run('rerun'), 'rerun');
select private.write_run_history(array[tests.run('rerun')]);
select results_eq(
    $$ select trigger_kind, previous_run_id, removed_count, newly_passing_count from tests.history('rerun') $$,
    $$ values ('rerun', null::uuid, 0, 1) $$,
    'a rerun lacks nothing, and tells what passes now'
);
rollback to given;

-- Who sees it

select tests.make_run('run', '{"b": 500}');
select tests.act_as('vera');
select is((select count(*) from public.test_run_history), 1::bigint, 'a viewer reads the history');
select is((select count(*) from public.test_run_changes), 3::bigint, 'and what changed');
select throws_ok(
    $$ delete from public.test_run_history where true $$, '42501', null, 'but writes neither'
);
select throws_ok($$ update public.test_run_changes set place = 7 where true $$, '42501');
select tests.act_as('otto');
select is_empty($$ select run_id from public.test_run_history $$, 'a stranger sees nothing of it');
select is_empty($$ select run_id from public.test_run_changes $$, 'nor of the changes');
select tests.act_as_service();
select throws_ok(
    $$ insert into public.test_run_history select * from public.test_run_history $$, '42501', null,
    'not even the secret key writes history'
);
select tests.act_as_owner();

-- What outlives what

delete from public.test_runs where id = tests.run('run');
select is((select count(*) from public.test_run_history), 1::bigint, 'it stays when the run is gone');
select is(
    (select count(*) from public.test_run_changes), 3::bigint, 'with all that changed in it'
);
delete from auth.users where id = tests.id('eda');
select is((select count(*) from public.test_run_history), 1::bigint, 'and whoever queued it');
delete from public.environments where id = tests.id('staging');
select is_empty($$ select run_id from public.test_run_history $$, 'it goes with its environment');
select is_empty(
    $$ select test_case_id from private.last_verdicts $$, 'as does how its tests stood there'
);

select * from finish();
rollback;
