-- What changed in a run: each test against the last time that it came to a verdict in the environment.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/history.psql
select plan(33);

savepoint empty;

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('retried', 'flow', '{"retry": {"attempts": 2, "retry_on": ["assertion"]}}');
savepoint given;

-- The same tests, again and again

select tests.make_run('1', '{"b": 500}');
select results_eq(
    $$ select * from tests.changes('1') $$,
    array['b: newly_failing, new, since 1', 'a: new', 'retried: new'],
    'what ran nowhere before is new, and newly failing where it did not pass'
);
select tests.make_run('2', '{"b": 500}');
select results_eq(
    $$ select * from tests.changes('2') $$, array['b: still_failing, since 1'],
    'what passes as before is not told; what fails as before fails since the first time'
);
select tests.make_run('3', '{"a": 500}');
select results_eq(
    $$ select * from tests.changes('3') $$,
    array['a: newly_failing, since 3, passed in 2', 'b: newly_passing, since 1'],
    'a failure begins after the last pass; a pass ends what began with the first failure'
);
select tests.make_run('4', '{"a": 500, "b": 500}');
select results_eq(
    $$ select * from tests.changes('4') $$,
    array['b: newly_failing, since 4, passed in 3', 'a: still_failing, since 3, passed in 2'],
    'the newest first, and a failure that went away and came back is new'
);
select is(
    (select array[newly_failing_count, still_failing_count, newly_passing_count, flaky_count, new_count, removed_count] from tests.history('4')),
    array[1, 1, 0, 0, 0, 0], 'the history counts them'
);
rollback to given;

-- Flaky

select tests.make_run('1');
select tests.make_run('2', '{"retried": [500, 200]}');
select results_eq(
    $$ select * from tests.changes('2') $$, array['retried: flaky, passed in 1'],
    'what passed after a failed attempt is flaky'
);
select is(
    (select array[flaky_count, retry_count, http_call_count] from tests.history('2')), array[1, 1, 4],
    'and counted, with the retry'
);
select tests.make_run('3', '{"retried": 500}');
select results_eq(
    $$ select * from tests.changes('3') $$, array['retried: newly_failing, since 3, passed in 2'],
    'flaky is passed'
);
select tests.make_run('4', '{"retried": [500, 200]}');
select results_eq(
    $$ select * from tests.changes('4') $$, array['retried: newly_passing, flaky, since 3, passed in 2'],
    'what passes again may be flaky besides'
);
rollback to given;

-- Part of the tests, other environments

select tests.make_run('1', '{"a": 500}');
select tests.make_run('only b', selection => tests.only('b'));
select tests.make_run('3', '{"a": 500, "b": 500}');
select results_eq(
    $$ select * from tests.changes('3') $$,
    array['b: newly_failing, since 3, passed in only b', 'a: still_failing, since 1'],
    'each test is compared with the last run that it was part of'
);
select is_empty(
    $$ select * from tests.changes('only b') $$, 'a run of a part tells nothing of the rest'
);
select tests.make_environment('production', 'shop');
select tests.make_run('there', '{"a": 500}', environment => 'production');
select results_eq(
    $$ select * from tests.changes('there') $$,
    array['a: newly_failing, new, since there', 'b: new', 'retried: new'],
    'environments have nothing to do with each other'
);
select is(
    (select runs.environment_id from tests.history('there') as runs), tests.id('production'),
    'and the history says which it was'
);
rollback to given;

-- What came to no verdict

select tests.make_test('consumer', 'flow', '{"path": "/{{v}}"}');
update public.test_response_specs set captures = tests.capture('v') where test_case_id = tests.id('a');
select tests.make_run('1', '{"a": {"body": {"v": 1}}, "consumer": 500}');
select tests.make_run('2', '{"a": 500}');
select is(
    (tests.result('2', 'consumer')).status, 'skipped', 'a test that is skipped'
);
select results_eq(
    $$ select * from tests.changes('2') $$, array['a: newly_failing, since 2, passed in 1'],
    'has not changed'
);
select tests.make_run('3', '{"a": {"body": {"v": 1}}, "consumer": 500}');
select results_eq(
    $$ select * from tests.changes('3') $$,
    array['consumer: still_failing, since 1', 'a: newly_passing, since 2, passed in 1'],
    'and is compared with what was before'
);
rollback to given;

select tests.make_test('posted', 'flow', '{"method": "POST"}');
select tests.make_run('1');
select tests.queue('lost');
insert into tests.named_runs values (tests.run('lost'), 'lost');
select tests.claim('lost');
select tests.expire('posted');
select private.rescue_expired();
select tests.answer(name) from unnest(array['a', 'b', 'retried']) as tests (name);
select private.write_run_history(array[tests.run('lost')]);
select is(
    (tests.result('lost', 'posted')).slug || ' in a run that ended in ' || tests.run_status('lost'),
    'lost in a run that ended in error', 'what was lost with its worker'
);
select is_empty($$ select * from tests.changes('lost') $$, 'says nothing of the test either');
rollback to given;

-- An error of the test's own

select tests.make_test('broken', 'flow', '{"path": "/{{nobody}}"}');
select tests.make_run('1');
select results_eq(
    $$ select change, status, slug from public.test_run_changes where test_name = 'broken' $$,
    $$ values ('newly_failing', 'error', 'unresolved_variable') $$,
    'what ended in error did not pass, and says why'
);
rollback to given;

-- Removed

select tests.make_run('1');
update public.test_cases set archived_at = now() where id = tests.id('b');
select tests.make_run('only a', selection => tests.only('a'));
select is_empty(
    $$ select * from tests.changes('only a') $$, 'a run of another selection lacks nothing'
);
select tests.make_run('2');
select results_eq(
    $$ select * from tests.changes('2') $$, array['b: removed'],
    'what the previous run of the same selection had is removed'
);
select results_eq(
    $$ select test_name, suite_name, status, slug from public.test_run_changes where change = 'removed' $$,
    $$ values ('b', 'flow', null::text, null::text) $$, 'and told by its name of then'
);
select tests.make_run('3');
select is_empty($$ select * from tests.changes('3') $$, 'once');
update public.test_cases set archived_at = null where id = tests.id('b');
select tests.make_run('4', '{"b": 500}');
select results_eq(
    $$ select * from tests.changes('4') $$, array['b: newly_failing, since 4, passed in 1'],
    'what comes back is compared with the last time that it ran'
);
rollback to given;

-- Fixture rows

select tests.make_fixture('rows', 'shop', '[{"key": "x", "values": {"n": 1}}, {"key": "y", "values": {"n": 2}}]');
select tests.make_test('each', 'flow', '{"fixture": "rows", "path": "/{{n}}"}');
select tests.make_run('1', '{"each/x": 500}', tests.only('each'));
select tests.make_run('2', '{"each/y": 500}', tests.only('each'));
select results_eq(
    $$ select * from tests.changes('2') $$,
    array['each/y: newly_failing, since 2, passed in 1', 'each/x: newly_passing, since 1'],
    'each row stands for itself'
);
update public.test_data_fixtures set rows = '[{"key": "x", "values": {"n": 1}}]' where id = tests.id('rows');
select tests.make_run('3', '{}', tests.only('each'));
select results_eq(
    $$ select * from tests.changes('3') $$, array['each/y: removed'], 'and is removed by itself'
);
rollback to given;

-- Several at once

select tests.end_run('1', '{"a": 500}');
select tests.end_run('2', '{"a": 500, "b": 500}');
select tests.end_run('3', '{"b": 500}');
select tests.end_run('4', '{"a": 500}');
select private.write_run_history(array[tests.run('4'), tests.run('2'), tests.run('1'), tests.run('3')]);
select results_eq(
    $$ select run || ' ' || told from unnest(array['1', '2', '3', '4']) as runs (run) cross join lateral tests.changes(run) as told $$,
    array[
        '1 a: newly_failing, new, since 1', '1 b: new', '1 retried: new',
        '2 b: newly_failing, since 2, passed in 1', '2 a: still_failing, since 1',
        '3 b: still_failing, since 2, passed in 1', '3 a: newly_passing, since 1',
        '4 a: newly_failing, since 4, passed in 3', '4 b: newly_passing, since 2, passed in 1'
    ],
    'runs that are written at once are compared in the order in which they ended'
);
select tests.make_run('5', '{"a": 500, "b": 500}');
select results_eq(
    $$ select * from tests.changes('5') $$,
    array['b: newly_failing, since 5, passed in 4', 'a: still_failing, since 4, passed in 3'],
    'and the next one with the last of them'
);
create table tests.before as select * from public.test_run_changes;
select private.write_run_history(array[tests.run('5'), tests.run('1')]);
select bag_eq(
    $$ select * from public.test_run_changes $$, $$ select * from tests.before $$,
    'written again, nothing changes'
);
select tests.queue('open');
select private.write_run_history(array[tests.run('open')]);
select is_empty(
    $$ select * from public.test_run_history where run_id = tests.run('open') $$,
    'a run that is not over has no history'
);

-- What outlives what

delete from public.test_runs where project_id = tests.id('shop');
select tests.make_run('6', '{"a": 500}');
select results_eq(
    $$ select * from tests.changes('6') $$,
    array['a: still_failing, since 4, passed in 3', 'b: newly_passing, since 5, passed in 4'],
    'runs that are gone still count'
);
delete from public.test_cases where id = tests.id('a');
select is_empty(
    $$ select * from public.test_run_changes where test_case_id = tests.id('a') $$,
    'a test that is purged takes its changes along'
);
delete from public.projects where id = tests.id('shop');
select is_empty($$ select * from public.test_run_history $$, 'and a project its history');

select * from finish();
rollback;
