-- How a run ends: by itself, cancelled, timed out; and what of several ends counts.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(59);

savepoint empty;

-- Precedence of verdicts

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow');
select tests.depend('c', 'b', 'data');
select tests.queue('all pass');
select tests.run_all();
select is(tests.run_status('all pass'), 'passed', 'all passed is passed');
select tests.queue('one fails');
select tests.run_all('{"a": {"status": 500}}');
select is(tests.run_status('one fails'), 'failed', 'one failed is failed');
select tests.queue('one fails one errs');
select tests.run_all('{"a": {"status": 500}, "b": {"error": {"category": "dns", "message": "m"}}}');
select is(tests.run_status('one fails one errs'), 'error', 'an error goes before it');
select results_eq(
    $$
    select finished_at >= started_at, started_at >= queued_at
    from public.test_runs
    where id = tests.run('all pass')
    $$,
    $$ values (true, true) $$, 'a run begins after it is queued and ends after it begins'
);
rollback to empty;

-- Cancelled before anything began

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.depend('b', 'a', 'data');
select tests.queue('run');
select is(
    (select status from public.cancel_run(tests.run('run'))), 'cancelled',
    'a run that has not begun is over at once'
);
select results_eq(
    $$
    select test_name, status, category, slug, attempt_count
    from public.test_results
    where run_id = tests.run('run') order by 1
    $$,
    $$
    values ('a', 'cancelled', 'cancelled', 'run_cancelled', 0), ('b', 'cancelled', 'cancelled', 'run_cancelled', 0)
    $$,
    'and so is everything in it'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
select is(tests.claim('1'), '{}', 'nothing of it is handed out');
select is(
    (select status from public.cancel_run(tests.run('run'))), 'cancelled',
    'cancelling again changes nothing'
);
rollback to empty;

-- Cancelled under way

select tests.make_fixture(
    'rows', 'shop', '[{"key": "1", "values": {"n": 1}}, {"key": "2", "values": {"n": 2}}]'
);
select tests.make_test('done', 'flow');
select tests.make_test('in flight', 'flow', jsonb_build_object('captures', tests.capture('x')));
select tests.make_test('rows', 'flow', '{"fixture": "rows", "path": "/{{n}}", "priority": 9}');
select tests.make_test('after rows', 'flow');
select tests.depend('after rows', 'rows', 'data');
select tests.make_test('waiting', 'flow', '{"path": "/{{x}}"}');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.queue('run');
select tests.claim('1', 2);
select tests.answer('done');
select is(
    (select status from public.cancel_run(tests.run('run'))), 'running',
    'a run with requests in flight goes on'
);
select is(
    tests.verdicts('run'),
    array['after rows: cancelled', 'clean: pending', 'done: passed', 'in flight: pending', 'rows/1: cancelled', 'rows/2: cancelled', 'waiting: cancelled'],
    'what has not begun is cancelled, what is over stays, what is in flight is waited for, teardown is to come'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds in between');
select is(tests.claim('2'), '{}', 'nothing more is handed out');
select is(
    tests.answer('in flight', '{"status": 500, "body": {"x": 5}}') -> 'cancelled',
    jsonb_build_array(tests.item('in flight') -> 'item'),
    'the worker learns that its request was in vain'
);
select results_eq(
    $$ select status, category, slug, attempt_count from tests.result('run', 'in flight') $$,
    $$ values ('cancelled', 'cancelled', 'run_cancelled', 1) $$,
    'its result is cancelled, whatever came back'
);
select results_eq(
    $$
    select outcome
    from public.test_result_details
    where run_id = tests.run('run') and retention_class = 'failed'
    $$,
    array['cancelled'], 'the attempt is kept'
);
select is(
    (select count(*) from public.assertion_results as judged where judged.run_id = tests.run('run') and judged.retention_class = 'failed'),
    0::bigint, 'and not judged'
);
select is(tests.run_status('run'), 'finishing', 'then comes teardown');
select is(tests.claim('3'), '{clean}', 'which runs all the same');
select tests.answer('clean');
select is((tests.result('run', 'clean')).status, 'passed', 'and is judged');
select is(tests.run_status('run'), 'cancelled', 'the run ends cancelled, although nothing failed');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

-- Cancelled in setup

select tests.make_test('prepare', 'flow', '{"phase": "setup", "retry": {"attempts": 5}}');
select tests.make_test('work', 'flow');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.queue('run');
select tests.claim('1');
select public.cancel_run(tests.run('run'));
select tests.answer('prepare', '{"status": 500}');
select is(
    tests.verdicts('run'), '{"clean: pending","prepare: cancelled","work: cancelled"}',
    'nothing is tried again'
);
select tests.run_all();
select is(tests.run_status('run'), 'cancelled', 'teardown runs and the run ends');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

-- Cancelled while a retry waits

select tests.make_test('try', 'flow', '{"retry": {"attempts": 5}}');
select tests.queue('run');
select tests.claim('1');
select tests.answer('try', '{"status": 500}');
select public.cancel_run(tests.run('run'));
select results_eq(
    $$ select status, attempt_count from tests.result('run', 'try') $$,
    $$ values ('cancelled', 1) $$,
    'a test that waits for another attempt is cancelled, with those it had'
);
select is(tests.run_status('run'), 'cancelled', 'and the run is over');
rollback to empty;

-- A failure before, and a cancel

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.depend('b', 'a', 'order');
select tests.queue('run');
select tests.claim('1');
select tests.answer('a', '{"error": {"category": "dns", "message": "m"}}');
select public.cancel_run(tests.run('run'));
select is(tests.run_status('run'), 'cancelled', 'cancelled goes before error');
rollback to empty;

-- Over is over

select tests.make_test('a', 'flow');
select tests.queue('run');
select tests.run_all();
select is(
    (select status from public.cancel_run(tests.run('run'))), 'passed',
    'a run that is over stays as it is'
);
rollback to empty;

-- Who may cancel

select tests.make_test('a', 'flow');
select tests.queue('run');
create table tests.known as select tests.run('run') as run_id;
grant select on tests.known to public;
select throws_ok(
    $$ select public.cancel_run(gen_random_uuid()) $$, 'PT404', null, 'an unknown run is refused'
);
select tests.act_as('otto');
select throws_ok(
    $$ select public.cancel_run((select run_id from tests.known)) $$, 'PT404', null,
    'for a stranger it does not exist'
);
select tests.act_as('vera');
select throws_ok(
    $$ select public.cancel_run((select run_id from tests.known)) $$, 'PT403', null,
    'a viewer may not'
);
select tests.act_as_anon();
select throws_ok(
    $$ select public.cancel_run((select run_id from tests.known)) $$, '42501', null,
    'nobody may not'
);
select tests.act_as('eda');
select is(
    (select status from public.cancel_run((select run_id from tests.known))), 'cancelled',
    'an editor may'
);
select tests.act_as_owner();
rollback to empty;

-- Timed out

select tests.make_environment('hasty', 'shop', '{"run_timeout_ms": 60000}');
select tests.make_test('in flight', 'flow', '{"priority": -1}');
select tests.make_test('waiting', 'flow');
select tests.depend('waiting', 'in flight', 'order');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.queue('run', '{}', '{}', 'hasty');
select tests.queue('in time', '{}', '{}', 'staging');
select ok(
    (select deadline_at between now() + interval '59 seconds' and clock_timestamp() + interval '61 seconds' from private.live_runs where run_id = tests.run('run')),
    'a run has as much time as its environment gives'
);
select tests.claim('1');
select private.time_out_runs();
select is(tests.run_status('run'), 'running', 'in time nothing happens');
update private.live_runs set deadline_at = now() - interval '1 second' where run_id = tests.run('run');
select private.time_out_runs();
select is(
    tests.verdicts('run'), '{"clean: pending","in flight: pending","waiting: cancelled"}',
    'past its deadline what has not begun is cancelled'
);
select results_eq(
    $$ select category, slug from tests.result('run', 'waiting') $$,
    $$ values ('cancelled', 'run_timed_out') $$, 'for that reason'
);
select is(tests.run_status('in time'), 'running', 'another run is left alone');
select tests.send((
    select jsonb_agg(tests.report(handed_out.item)) from tests.handed_out
    where (handed_out.item ->> 'run')::uuid = tests.run('run')
));
select is((tests.result('run', 'in flight')).status, 'cancelled', 'what was in flight is given up');
select is((tests.result('run', 'in flight')).slug, 'run_timed_out', 'for that reason too');
select is(tests.run_status('run'), 'finishing', 'teardown runs');
select tests.claim('2');
select tests.send((
    select jsonb_agg(tests.report(handed_out.item)) from tests.handed_out
    where (handed_out.item ->> 'run')::uuid = tests.run('run') and handed_out.test = 'clean'
));
select is(tests.run_status('run'), 'timed_out', 'and the run ends timed out');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
select is(
    (select count(*) from cron.job where command = 'select private.time_out_runs()'), 1::bigint,
    'this is scheduled'
);
rollback to empty;

-- A limit of the run's own

create function tests.minutes(timeout_ms integer, environment text default 'staging')
returns integer
language plpgsql
as $function$
declare
    v_run public.test_runs := public.queue_run(
        tests.id(minutes.environment), timeout_ms => minutes.timeout_ms
    );
begin
    return (
        select round(extract(epoch from lives.deadline_at - now()) / 60)
        from private.live_runs as lives
        where lives.run_id = v_run.id
    );
end;
$function$;

select tests.make_environment('hasty', 'shop', '{"run_timeout_ms": 60000}');
select tests.make_test('work', 'flow');
select is(tests.minutes(null), 60, 'a run that asks for no limit has that of its environment');
select is(tests.minutes(300000), 5, 'one that asks for less has less');
select is(tests.minutes(300000, 'hasty'), 1, 'one that asks for more has no more');
select is(
    (
        select array_agg(runs.timeout_ms order by runs.timeout_ms)
        from public.test_runs as runs
        where runs.environment_id in (tests.id('staging'), tests.id('hasty'))
    ),
    '{300000,300000,null}', 'what it asked for stands in its row'
);
rollback to empty;

-- A worker lost in a run that timed out

select tests.make_test('get', 'flow');
select tests.queue('run');
select tests.claim('1');
update private.live_runs set deadline_at = now() - interval '1 second' where run_id = tests.run('run');
select private.time_out_runs();
select tests.expire('get');
select is(tests.claim('2'), '{}', 'a request that was lost is not rescued then');
select is(tests.run_status('run'), 'timed_out', 'the run is over');
rollback to empty;

-- Both

select tests.make_test('a', 'flow');
select tests.queue('run');
select tests.claim('1');
update private.live_runs set deadline_at = now() - interval '1 second' where run_id = tests.run('run');
select private.time_out_runs();
select public.cancel_run(tests.run('run'));
select tests.answer('a');
select is(tests.run_status('run'), 'cancelled', 'cancelled goes before timed out');
rollback to empty;

-- Teardown has a deadline of its own

select tests.make_test('work', 'flow');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.make_test('clean more', 'flow', '{"phase": "teardown"}');
select tests.depend('clean more', 'clean', 'order');
select tests.queue('run');
select tests.claim('1');
select tests.answer('work');
select ok(
    (select deadline_at > clock_timestamp() + interval '1 minute' from private.live_runs where run_id = tests.run('run')),
    'teardown gets time of its own'
);
select tests.claim('2');
update private.live_runs set deadline_at = now() - interval '1 second' where run_id = tests.run('run');
select private.time_out_runs();
select is(
    (tests.result('run', 'clean more')).status, 'cancelled',
    'past that, what of it has not begun is cancelled'
);
select tests.expire('clean');
select private.rescue_expired();
select is(
    tests.run_status('run'), 'timed_out',
    'and a teardown that nobody finishes does not keep a run open'
);
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

select tests.make_test('work', 'flow');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.queue('run');
select tests.claim('1');
select public.cancel_run(tests.run('run'));
select tests.answer('work');
update private.live_runs set deadline_at = now() - interval '1 second' where run_id = tests.run('run');
select private.time_out_runs();
select is(tests.run_status('run'), 'cancelled', 'nor does it keep a cancelled one open');
select is((tests.result('run', 'clean')).status, 'cancelled', 'it is given up');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');

select * from finish();
rollback;
