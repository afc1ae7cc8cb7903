-- Quarantine: a test runs and is recorded, and spoils no run.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(47);

create function tests.quarantine(
    test text, owner text default 'eda', days integer default 7, environment text default null, reason text default 'Its host is slow'
)
returns public.test_quarantines
language sql
as $function$
    select * from public.quarantine_test(
        tests.id(test), tests.id(owner), reason, now() + days * interval '1 day', tests.id(environment)
    );
$function$;

-- What a run came to when these tests failed.
create function tests.outcome(name text, answers jsonb default '{"shaky": {"status": 500}}')
returns text
language plpgsql
as $function$
begin
    perform tests.queue(name);
    perform tests.run_all(answers);
    return tests.run_status(name);
end;
$function$;

select tests.make_test('shaky', 'flow', '{"retry": {"attempts": 2}}');
select tests.make_test('steady', 'flow');
savepoint two_tests;

-- What it does to a run

select is(tests.outcome('before'), 'failed', 'a test that fails spoils its run');
select results_eq(
    $$
    select owner_id, reason, environment_id, expires_at - created_at, ended_at
    from tests.quarantine('shaky')
    $$,
    $$ values (tests.id('eda'), 'Its host is slow', null::uuid, interval '7 days', null::timestamptz) $$,
    'it is put into quarantine by somebody who looks after it, for a reason and a time'
);
select is(tests.outcome('after'), 'passed', 'in quarantine it does not');
select results_eq(
    $$ select status, attempt_count, is_quarantined from tests.result('after', 'shaky') $$,
    $$ values ('failed', 2, true) $$, 'it runs, is tried again, and is recorded as it came out'
);
select is((tests.result('after', 'steady')).is_quarantined, false, 'others are not marked');
savepoint with_setup;
select tests.make_test('prepare', 'flow', '{"phase": "setup"}');
select tests.quarantine('prepare');
select is(
    tests.outcome('unprepared', '{"prepare": {"status": 500}}'), 'failed',
    'a setup test spoils its run all the same: nothing of main ran'
);
select is((tests.result('unprepared', 'prepare')).is_quarantined, false, 'and is not marked');
rollback to with_setup;
select ok(
    public.get_run_report(tests.run('after')) -> 'results' @> '[{"name": "shaky", "is_quarantined": true}]',
    'the report says so'
);
select ok(
    public.get_run_state(tests.run('after')) -> 'results' @> '[{"name": "shaky", "is_quarantined": true}]',
    'and so does what shows progress'
);
select results_eq(
    $$ select passed_count, failed_count from public.test_runs where id = tests.run('after') $$,
    $$ values (1, 1) $$, 'it is counted as what it is'
);
select is(
    tests.outcome('error', '{"shaky": {"error": {"category": "dns", "message": "m"}}}'), 'passed',
    'an error is left aside as well'
);
select is(
    tests.outcome('other', '{"shaky": {"error": {"category": "dns", "message": "m"}}, "steady": {"status": 500}}'),
    'failed', 'what else fails counts, and no more than that'
);
select is_empty($$ select * from private.check_invariants() $$, 'every invariant holds');
rollback to two_tests;

-- What depends on it

select tests.make_test('giver', 'flow', jsonb_build_object('captures', tests.capture('x')));
select tests.make_test('taker', 'flow', '{"path": "/{{x}}"}');
select tests.quarantine('giver');
select is(
    tests.outcome('run', '{"giver": {"status": 500}}'), 'passed', 'what it lets down spoils no run either'
);
select results_eq(
    $$ select status, slug, cause_result_id from tests.result('run', 'taker') $$,
    $$ select 'skipped', 'upstream_not_passed', id from tests.result('run', 'giver') $$,
    'a test that needs its value is skipped as before'
);
select is((tests.result('run', 'taker')).is_quarantined, false, 'without being in quarantine itself');
rollback to two_tests;

-- When it is decided

select tests.queue('planned before');
select tests.quarantine('shaky');
select tests.run_all('{"shaky": {"status": 500}}');
select is(
    tests.run_status('planned before'), 'failed', 'a run that was planned before counts its failure'
);
select tests.queue('planned within');
select public.release_test(tests.id('shaky'));
select tests.run_all('{"shaky": {"status": 500}}');
select is(tests.run_status('planned within'), 'passed', 'one that was planned within does not');
select is(tests.outcome('after'), 'failed', 'after its release it counts again');
select results_eq(
    $$ select ended_at = now(), ended_by from public.test_quarantines $$,
    $$ values (true, null::uuid) $$, 'the quarantine is kept, ended'
);
rollback to two_tests;

-- Where

select tests.make_environment('production', 'shop');
select tests.quarantine('shaky', environment => 'production');
select is(tests.outcome('staging'), 'failed', 'in another environment it counts');
select tests.queue('there', environment => 'production');
select tests.run_all('{"shaky": {"status": 500}}');
select is(tests.run_status('there'), 'passed', 'there it does not');
select lives_ok(
    $$ select tests.quarantine('shaky') $$, 'everywhere is another quarantine than somewhere'
);
select is(
    tests.slug_of($$ select tests.quarantine('shaky') $$), 'already_quarantined',
    'the same twice is refused'
);
select is(
    tests.slug_of($$ select tests.quarantine('shaky', environment => 'production') $$),
    'already_quarantined', 'in an environment, too'
);
select is(
    (public.release_test(tests.id('shaky'), tests.id('production'))).environment_id,
    tests.id('production'), 'each is released for itself'
);
select is(tests.outcome('still'), 'passed', 'the other goes on');
rollback to two_tests;

-- Its time

select tests.quarantine('shaky');
update public.test_quarantines
set created_at = now() - interval '8 days', expires_at = now() - interval '1 minute'
where test_case_id = tests.id('shaky');
select is(tests.outcome('expired'), 'failed', 'past its time it counts, whether a job came or not');
select is(private.end_quarantines(), 1, 'a job ends it');
select is(
    (select ended_at from public.test_quarantines), (select expires_at from public.test_quarantines),
    'as of when it expired'
);
select results_eq(
    $$ select event, test_case_id, severity from public.platform_events where event like 'quarantine%' $$,
    $$ values ('quarantine_expired', tests.id('shaky'), 'warning') $$, 'and tells so'
);
select is(private.end_quarantines(), 0, 'once');
select is(
    tests.slug_of(format('select public.release_test(%L)', tests.id('shaky'))), 'not_quarantined',
    'what is over cannot be released'
);
select lives_ok($$ select tests.quarantine('shaky') $$, 'the test may be put there again');
rollback to two_tests;

-- What is refused

select is(tests.slug_of($$ select tests.quarantine('shaky', days => 15) $$), 'malformed_quarantine', 'no more than 14 days');
select is(tests.slug_of($$ select tests.quarantine('shaky', days => 0) $$), 'malformed_quarantine', 'no time that is over');
select is(tests.slug_of($$ select tests.quarantine('shaky', reason => ' ') $$), 'malformed_quarantine', 'not without a reason');
select is(tests.slug_of($$ select tests.quarantine('shaky', owner => 'otto') $$), 'unknown_member', 'nobody from outside looks after it');
select is(tests.slug_of($$ select tests.quarantine('nothing') $$), 'unknown_test', 'no test that there is not');
select is(
    tests.slug_of($$ select tests.quarantine('shaky', environment => 'nowhere') $$), 'unknown_environment',
    'no environment that there is not'
);
select throws_ok(
    format(
        $$ insert into public.test_quarantines (project_id, test_case_id, reason, expires_at) values (%L, %L, 'r', now() + interval '15 days') $$,
        tests.id('shop'), tests.id('shaky')
    ), '23514', null, 'the table says so as well'
);

-- Who

select tests.act_as('vera');
select is(tests.slug_of($$ select tests.quarantine('shaky') $$), 'not_allowed', 'a viewer may not');
select tests.act_as('otto');
select is(tests.slug_of($$ select tests.quarantine('shaky') $$), 'unknown_test', 'for a stranger the test is not there');
select tests.act_as('eda');
select is((tests.quarantine('shaky')).created_by, tests.id('eda'), 'an editor may, and is named');
select tests.act_as('vera');
select is((select count(*) from public.test_quarantines), 1::bigint, 'members see it');
select tests.act_as('otto');
select is_empty($$ select id from public.test_quarantines $$, 'a stranger sees nothing');
select tests.act_as_owner();
select results_eq(
    $$ select verb, user_id from public.data_changes where table_name = 'test_quarantines' $$,
    $$ values ('insert', tests.id('eda')) $$, 'it is in the audit trail'
);

select * from finish();
rollback;
