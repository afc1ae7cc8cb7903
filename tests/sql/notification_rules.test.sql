-- Rules: which events they match, on each condition.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/notifications.psql
select plan(46);

select tests.make_environment('live', 'shop');

create function tests.rule_problem(settings jsonb)
returns text
language sql
as $function$
    select concat_ws(
        ' ', tests.slug_of(statement), substring(tests.message_of(statement) from '^at ([^:]+):')
    )
    from format('select tests.make_rule(%L, %L, %L)', 'x', 'ops', settings) as made (statement);
$function$;
select tests.make_channel('ops', '{"max_per_hour": 1000}');
create function tests.with_rule(settings jsonb)
returns void
language sql
as $function$
    delete from public.notification_rules where name in ('it', 'other');
    delete from private.run_streaks where project_id = tests.id('shop');
    delete from private.notices where channel_id is not null;
    delete from private.fresh_events where event_id > 0;
    select tests.make_rule('it', 'ops', settings);
$function$;

-- Every time, on failure

select tests.with_rule('{}');
select tests.end_run('passed');
select tests.end_run('failed');
select tests.end_run('cancelled');
select is(
    tests.told('ops'), array['Run passed', 'Run failed', 'Run cancelled'],
    'always: whatever became of a run'
);
select tests.with_rule('{"condition": "failure"}');
select tests.end_run('passed');
select tests.end_run('failed');
select tests.end_run('error');
select tests.end_run('timed_out');
select tests.end_run('cancelled');
select is(
    tests.told('ops'), array['Run failed', 'Run error', 'Run timed_out'],
    'failure: failed, in error and timed out'
);

-- On recovery, on first failure: edges

select tests.with_rule('{"condition": "recovery"}');
select tests.end_run('passed');
select is(tests.told('ops'), '{}', 'recovery: a first run that passes recovers from nothing');
select tests.end_run('failed');
select tests.end_run('failed');
select tests.end_run('passed', fields => '{"title": "good again"}');
select tests.end_run('passed');
select is(tests.told('ops'), array['good again'], 'the first that passes after a failure, within one batch');
select tests.end_run('failed');
select is(tests.told('ops'), '{}', 'no failure');
select tests.end_run('cancelled');
select tests.end_run('passed');
select is(tests.told('ops'), array['Run passed'], 'across batches, and a cancelled run between counts for nothing');

select tests.with_rule('{"condition": "first_failure"}');
select tests.end_run('failed', fields => '{"title": "the very first"}');
select tests.end_run('failed');
select is(tests.told('ops'), array['the very first'], 'first_failure: also of the first run there is');
select tests.end_run('error');
select is(tests.told('ops'), '{}', 'not the next one, in another batch');
select tests.end_run('passed');
select tests.end_run('timed_out');
select is(tests.told('ops'), array['Run timed_out'], 'again after one that passed');

-- What follows what

select tests.with_rule('{"condition": "first_failure"}');
select tests.end_run('failed', 'staging', 'all');
select is(cardinality(tests.told('ops')), 1, 'a run that failed');
select tests.end_run('passed', 'live', 'all');
select tests.end_run('passed', 'staging', 'smoke');
select tests.end_run('failed', 'staging', 'all');
select is(
    tests.told('ops'), '{}', 'one that passed elsewhere, or with other tests, does not come between'
);
select tests.end_run('failed', 'live', 'all', '{"title": "live"}');
select tests.end_run('failed', 'staging', 'smoke', '{"title": "smoke"}');
select is(tests.told('ops'), array['live', 'smoke'], 'each environment and selection for itself');
select tests.raise('run_finished', jsonb_build_object(
    'environment_id', tests.id('live'), 'title', 'rerun', 'payload', '{"status": "failed", "stream": null}'::jsonb
));
select is(tests.told('ops'), '{}', 'a rerun of what failed is no first failure');
select tests.with_rule('{"condition": "failure"}');
select tests.raise('run_finished', jsonb_build_object(
    'environment_id', tests.id('live'), 'title', 'rerun', 'payload', '{"status": "failed", "stream": null}'::jsonb
));
select is(tests.told('ops'), array['rerun'], 'but a failure');

-- After N in a row

select tests.with_rule('{"condition": "in_a_row", "in_a_row": 3}');
select tests.end_run('failed');
select tests.end_run('error');
select is(tests.told('ops'), '{}', 'in_a_row: not after two of three');
select tests.end_run('failed', fields => '{"title": "the third"}');
select tests.end_run('failed');
select is(tests.told('ops'), array['the third'], 'with the third, and not with the fourth');
select tests.end_run('passed');
select tests.end_run('failed');
select tests.end_run('failed');
select tests.end_run('passed');
select tests.end_run('failed');
select is(tests.told('ops'), '{}', 'one that passes begins anew');
select tests.end_run('failed');
select tests.end_run('failed', fields => '{"title": "three again"}');
select is(tests.told('ops'), array['three again'], 'counted on from what earlier batches left');

-- Events that are edges themselves

select tests.with_rule('{"events": ["flaky_detected", "flaky_resolved"], "condition": "first_failure"}');
select tests.raise('flaky_detected');
select tests.raise('flaky_resolved');
select is(tests.told('ops'), array['flaky detected'], 'what is bad is a first failure');
select tests.with_rule('{"events": ["failure_new", "failure_resolved", "performance_improved"], "condition": "recovery"}');
select tests.raise('failure_new');
select tests.raise('failure_resolved');
select tests.raise('performance_improved');
select is(tests.told('ops'), array['failure resolved', 'performance improved'], 'what is good a recovery');

-- Filters

select tests.with_rule('{"events": ["failure_new"]}');
select tests.raise('flaky_detected');
select is(tests.told('ops'), '{}', 'an event that is not named');
select tests.with_rule('{"min_severity": "warning"}');
select tests.end_run('passed');
select tests.end_run('failed');
select tests.raise('run_finished', '{"severity": "critical", "title": "worse"}');
select is(tests.told('ops'), array['Run failed', 'worse'], 'events at least as severe');
select tests.with_rule(jsonb_build_object('environment_ids', array[tests.id('live')]));
select tests.end_run('failed', 'staging');
select tests.end_run('failed', 'live', fields => '{"title": "live"}');
select tests.raise('run_finished', '{"title": "nowhere"}');
select is(tests.told('ops'), array['live'], 'events of these environments');
select tests.make_project('second', 'acme');
select tests.with_rule(jsonb_build_object('project_id', tests.id('second')));
select tests.end_run('failed');
select tests.raise('run_finished', jsonb_build_object('project_id', tests.id('second'), 'title', 'second'));
select is(tests.told('ops'), array['second'], 'events of this project');
select tests.with_rule('{"trigger_kinds": ["ci", "schedule"]}');
select tests.end_run('failed', fields => '{"title": "by ci"}');
select tests.raise('run_finished', '{"payload": {"status": "failed", "trigger": "manual"}}');
select is(tests.told('ops'), array['by ci'], 'runs that were queued so');

select tests.make_suite('pay', 'shop');
select tests.make_test('refund', 'pay', '{"tags": ["money"]}');
select tests.make_test('list', 'flow', '{"tags": ["fast"]}');
select tests.with_rule(jsonb_build_object('events', array['flaky_detected', 'failure_new'], 'suite_ids', array[tests.id('pay')]));
select tests.raise('flaky_detected', jsonb_build_object('test_case_id', tests.id('refund'), 'title', 'refund'));
select tests.raise('flaky_detected', jsonb_build_object('test_case_id', tests.id('list')));
select tests.raise('failure_new');
select is(tests.told('ops'), array['refund'], 'events about tests of these suites');
select tests.with_rule('{"events": ["flaky_detected"], "tags": ["fast", "slow"]}');
select tests.raise('flaky_detected', jsonb_build_object('test_case_id', tests.id('refund')));
select tests.raise('flaky_detected', jsonb_build_object('test_case_id', tests.id('list'), 'title', 'list'));
select is(tests.told('ops'), array['list'], 'or with one of these tags');
select tests.queue('of refund', tests.only('refund'));
select tests.queue('of list', tests.only('list'));
select tests.run_all();
select tests.with_rule(jsonb_build_object('suite_ids', array[tests.id('pay')]));
select tests.end_run('passed', fields => jsonb_build_object('run_id', tests.run('of refund'), 'title', 'of refund'));
select tests.end_run('passed', fields => jsonb_build_object('run_id', tests.run('of list')));
select is(tests.told('ops'), array['of refund'], 'and runs with such a test');

-- Who is told

select tests.with_rule('{}');
select tests.make_rule('other', 'ops', '{"condition": "failure"}');
select tests.end_run('failed');
select is(tests.told('ops'), array['Run failed'], 'two rules of a channel that match make one message');
select tests.with_rule('{"is_enabled": false}');
select tests.end_run('failed');
select is(tests.told('ops'), '{}', 'a rule that is disabled matches nothing');
select tests.make_channel('shop only', '{"project": "shop", "url": "https://a.test/"}');
select tests.make_rule('shop', 'shop only', '{"events": ["run_finished", "storage_nearly_full"]}');
select tests.end_run('failed');
select tests.raise('run_finished', jsonb_build_object('project_id', tests.id('second')));
select private.raise_events(array[row(
    tests.id('acme'), null, 'storage_nearly_full', 'critical', 'full', null, null, null, null, null
)::private.new_event]);
select is(tests.told('shop only'), array['Run failed'], 'a channel of a project is told of that project only');
select tests.make_channel('theirs', '{"url": "https://a.test/"}', 'other');
select tests.make_rule('theirs', 'theirs', '{"events": ["run_finished", "storage_nearly_full"]}');
select tests.end_run('failed');
select is(tests.told('theirs'), '{}', 'nobody is told of another organization');
select is(
    private.process_events(), 0, 'events are looked at once'
);

-- Written by admins, held to their shape

select tests.act_as('adam');
select lives_ok(
    $$ insert into public.notification_rules (organization_id, channel_id, name, events)
    values (tests.id('acme'), (tests.channel('ops')).id, 'mine', '{run_finished}') $$,
    'an admin writes rules'
);
select is(
    tests.count_changed($$ update public.notification_rules set condition = 'failure' where name = 'mine' $$),
    1::bigint, 'and changes them'
);
select tests.act_as_owner();
select is(tests.rule_problem('{"events": ["moon_rises"]}'), 'malformed_rule /events', 'an event that is none');
select is(tests.rule_problem('{"events": ["notification_failed"]}'), 'malformed_rule /events', 'that a message failed is told by no message');
select is(tests.rule_problem('{"events": []}'), 'malformed_rule /events', 'no event at all');
select is(tests.rule_problem('{"condition": "sometimes"}'), 'malformed_rule /condition', 'a condition that is none');
select is(tests.rule_problem('{"condition": "in_a_row"}'), 'malformed_rule /in_a_row', 'a row without a length');
select is(tests.rule_problem('{"in_a_row": 3}'), 'malformed_rule /in_a_row', 'a length without a row');
select is(
    tests.rule_problem('{"condition": "in_a_row", "in_a_row": 3, "events": ["failure_new"]}'),
    'malformed_rule /condition', 'a row of what is no run'
);
select is(tests.rule_problem('{"time_zone": "Moon/Base"}'), 'malformed_rule /time_zone', 'a time zone that is none');
select throws_ok(
    $$ select tests.make_rule('x', 'ops', '{"quiet_from": "22:00"}') $$, '23514', null,
    'quiet hours that do not end'
);
select tests.act_as('eda');
select isnt_empty($$ select from public.notification_rules $$, 'an editor sees them');
select is(
    tests.count_changed($$ update public.notification_rules set condition = 'always' where name = 'mine' $$),
    0::bigint, 'and changes none'
);

select finish();
rollback;
