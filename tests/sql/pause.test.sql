-- Pausing a project: nothing of it is handed out until it is resumed, and no clock of it runs on.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(58);

-- The pause began an hour ago.
create function tests.pass_an_hour()
returns void
language sql
as $function$
    update public.projects set paused_at = paused_at - interval '1 hour' where paused_at is not null;
    update private.live_runs set paused_at = paused_at - interval '1 hour' where paused_at is not null;
$function$;

create function tests.deadline(run text)
returns timestamptz
language sql
as $function$
    select lives.deadline_at from private.live_runs as lives where lives.run_id = tests.run(deadline.run)
$function$;

create function tests.waiting(run text)
returns jsonb
language sql
as $function$ select public.get_run_state(tests.run(waiting.run)) -> 'waiting' $function$;

select tests.make_test('work', 'flow');
select tests.make_test('more work', 'flow', '{"priority": 1}');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.make_project('shed', 'acme');
select tests.make_environment('shed staging', 'shed');
select tests.make_suite('shed flow', 'shed');
select tests.make_test('shed work', 'shed flow');
savepoint empty;

-- What is handed out

select tests.queue('run');
select is(tests.claim('1', 1), '{work}', 'before the pause work is handed out');
select tests.act_as('eda');
select results_eq(
    $$
    select paused_at is not null, paused_by, pause_reason
    from public.pause_project(tests.id('shop'), ' The API is being moved ')
    $$,
    $$ values (true, tests.id('eda'), 'The API is being moved') $$,
    'a project is paused by somebody, for a reason'
);
select tests.act_as_owner();
select tests.queue('shed run', environment => 'shed staging');
select is(tests.claim('2'), '{"shed work"}', 'nothing of it is handed out then, of others all');
select is(
    public.claim_work(tests.worker(), gen_random_uuid(), 10) -> 'retry_ms', 'null',
    'and no worker is told to ask again soon'
);
select is(
    tests.claim('1', 1), '{work,work}', 'a claim whose reply was lost is answered as before'
);
select is(
    public.renew_work(tests.worker(), jsonb_build_array(tests.item('work'))),
    '{"lost": [], "cancelled": []}', 'what was handed out before is still renewed'
);
select is(
    tests.answer('work') -> 'accepted', jsonb_build_array(tests.item('work') -> 'item'),
    'its report is accepted'
);
select is((tests.result('run', 'work')).status, 'passed', 'and judged');
select lives_ok($$ select tests.queue('later run') $$, 'runs can be queued');
select is(tests.claim('3'), '{}', 'and wait');
select is(tests.run_status('later run'), 'queued', 'as queued ones do');
select is_empty($$ select tests.check_run('later run') $$, 'with every invariant');
select is(tests.run_status('run'), 'running', 'the one that had begun has not ended');

-- Who wonders

select is(tests.waiting('run') ->> 'slug', 'project_paused', 'the state of a run says why it waits');
select matches(
    tests.waiting('run') ->> 'message',
    '^the project "shop" is paused since 20.. *.*UTC: The API is being moved$', 'since when, and with the reason'
);
select matches(tests.waiting('run') ->> 'hint', 'resume_project', 'and what to do');
select is(
    public.get_run_report(tests.run('run')) -> 'waiting', tests.waiting('run'), 'the report says it too'
);
select is(
    (
        select array_agg(distinct entries.item ->> 'state')
        from jsonb_array_elements(
            public.get_test_readiness(tests.run('later run')) -> 'items'
        ) as entries (item)
    ),
    '{paused,waiting}', 'and so does what each of its tests waits for'
);
select is(tests.waiting('shed run'), 'null', 'a run of another project waits for nothing');

-- And back

select tests.act_as('eda');
select results_eq(
    $$ select paused_at, paused_by, pause_reason from public.resume_project(tests.id('shop')) $$,
    $$ values (null::timestamptz, null::uuid, null::text) $$, 'a project is resumed'
);
select tests.act_as_owner();
select is(tests.waiting('run'), 'null', 'its runs wait for nothing any more');
select bag_eq(
    $$ select unnest(tests.claim('4')) $$, array['work', 'more work', 'more work'],
    'and are handed out as they stood'
);
select tests.run_all();
select is(tests.run_status('run'), 'running', 'what is in flight is waited for');
select tests.send((
    select jsonb_agg(tests.report(handed_out.item)) from tests.handed_out where handed_out.claim = '4'
));
select tests.run_all();
select is(
    array[tests.run_status('run'), tests.run_status('later run')], '{passed,passed}',
    'until all runs are over'
);
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

-- Who is told

select public.pause_project(tests.id('shop'));
select public.pause_project(tests.id('shop'));
select public.resume_project(tests.id('shop'));
select public.resume_project(tests.id('shop'));
select results_eq(
    $$
    select messages.event, messages.payload - 'id', messages.private
    from realtime.messages
    where messages.topic = 'project:' || tests.id('shop')
    order by messages.inserted_at
    $$,
    $$
    values
    ('project_paused', jsonb_build_object('project', tests.id('shop')), true),
    ('project_resumed', jsonb_build_object('project', tests.id('shop')), true)
    $$,
    'who watches the project is told, once each'
);
select bag_eq(
    $$ select messages.topic, messages.event from realtime.messages where messages.topic like 'workers%' $$,
    $$ values ('workers', 'run_queued'), ('workers:' || tests.id('acme'), 'run_queued') $$,
    'and resuming wakes the workers'
);
rollback to empty;

select tests.act_as('eda');
select public.pause_project(tests.id('shop'), 'Maintenance');
select public.resume_project(tests.id('shop'));
select tests.act_as_owner();
select results_eq(
    $$
    select user_id, user_role, after ->> 'pause_reason', after ->> 'paused_at' is not null
    from public.data_changes
    where table_name = 'projects' and row_id = tests.id('shop') and verb = 'update'
    order by id
    $$,
    $$ values (tests.id('eda'), 'editor', 'Maintenance', true), (tests.id('eda'), 'editor', null, false) $$,
    'the audit trail tells who paused and who resumed'
);
rollback to empty;

-- Twice

select public.pause_project(tests.id('shop'), 'One');
select tests.queue('run');
select tests.pass_an_hour();
select tests.act_as('eda');
select results_eq(
    $$
    select paused_at < now() - interval '59 minutes', paused_by, pause_reason
    from public.pause_project(tests.id('shop'))
    $$,
    $$ values (true, null::uuid, 'One') $$, 'pausing what is paused changes nothing'
);
select is(
    (public.pause_project(tests.id('shop'), 'Two')).pause_reason, 'Two', 'but the reason, if there is a new one'
);
select tests.act_as_owner();
select ok(
    (
        select lives.paused_at < now() - interval '59 minutes'
        from private.live_runs as lives where lives.run_id = tests.run('run')
    ),
    'least of all since when clocks stand still'
);
select throws_ok(
    format('select public.pause_project(%L, repeat(%L, 2001))', tests.id('shop'), 'x'), 'PT413', null,
    'a reason is no essay'
);
rollback to empty;

-- The run's time limit

select tests.queue('run');
create temporary table kept as select tests.deadline('run') as deadline;
select public.pause_project(tests.id('shop'));
select tests.queue('later run');
create temporary table kept_later as select tests.deadline('later run') as deadline;
update private.live_runs set deadline_at = now() - interval '1 second' where run_id = tests.run('run');
select private.time_out_runs();
select is(tests.run_status('run'), 'queued', 'a run does not time out while its project is paused');
update private.live_runs set deadline_at = (select deadline from kept) where run_id = tests.run('run');
select tests.pass_an_hour();
select public.resume_project(tests.id('shop'));
select ok(
    tests.deadline('run') - (select deadline from kept)
    between interval '1 hour' and interval '1 hour 1 minute',
    'its time limit has moved by the length of the pause'
);
select ok(
    tests.deadline('later run') - (select deadline from kept_later)
    between interval '1 hour' and interval '1 hour 1 minute',
    'and so has that of one that was queued meanwhile, by the time that it waited'
);
update private.live_runs set deadline_at = now() - interval '1 second' where run_id = tests.run('run');
select private.time_out_runs();
select is(tests.verdicts('run'), '{"clean: pending","more work: cancelled","work: cancelled"}', 'then it counts again');
rollback to empty;

-- Teardown waits, and its own time limit with it

select tests.queue('run');
select tests.claim('1', 2);
select public.pause_project(tests.id('shop'));
select tests.pass_an_hour();
select tests.answer('work');
select tests.answer('more work');
select is(tests.run_status('run'), 'finishing', 'a report during the pause moves the run on');
select is(tests.claim('2'), '{}', 'its teardown waits: what would clean up would not be answered either');
update private.live_runs set paused_at = paused_at - interval '1 hour', deadline_at = deadline_at - interval '1 hour';
select private.time_out_runs();
select is(tests.verdicts('run'), '{"clean: pending","more work: passed","work: passed"}', 'it is not given up');
select public.resume_project(tests.id('shop'));
select ok(
    tests.deadline('run') - clock_timestamp() between interval '9 minutes' and interval '11 minutes',
    'and has its ten minutes, counted without the pause'
);
select is(tests.claim('3'), '{clean}', 'when it runs');
rollback to empty;

-- Cancelling meanwhile

select tests.queue('run');
select public.pause_project(tests.id('shop'));
select public.cancel_run(tests.run('run'));
select is(
    tests.verdicts('run'), '{"clean: pending","more work: cancelled","work: cancelled"}',
    'a run that is cancelled during a pause ends but for its teardown'
);
select is(tests.claim('1'), '{}', 'which waits');
select public.resume_project(tests.id('shop'));
select tests.run_all();
select is(tests.run_status('run'), 'cancelled', 'for the end of the pause');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

-- Leases and retries

select tests.make_test(
    'flaky', 'flow', '{"priority": -1, "retry": {"attempts": 9, "base_ms": 1000, "deadline_ms": 60000, "statuses": [503]}}'
);
select tests.queue('run', tests.only('flaky', 'work'));
select tests.claim('1', 2);
select tests.answer('flaky', '{"status": 503}');
select public.pause_project(tests.id('shop'));
select tests.expire('work');
select private.rescue_expired();
select is((tests.work('run', 'work')).state, 'ready', 'a lease that runs out during a pause is taken back');
select is((tests.work('run', 'work')).rescue_count, 1, 'as a rescue like any other');
select is(tests.claim('2'), '{}', 'and is not handed out');
select is(
    public.claim_work(tests.worker(), gen_random_uuid(), 10) -> 'retry_ms', 'null',
    'no worker is told to come for the retry'
);
update private.work_items
set
    first_leased_at = first_leased_at - interval '1 hour',
    available_at = available_at - interval '1 hour';
select tests.pass_an_hour();
select public.resume_project(tests.id('shop'));
select is(tests.claim('3'), '{flaky,work}', 'when the pause is over both go at once');
select tests.answer('flaky', '{"status": 503}');
select is(
    (tests.work('run', 'flaky')).state, 'ready', 'and the deadline of the retries has not run out'
);
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

-- Invariants bite

select tests.queue('run');
update private.live_runs set paused_at = now() where run_id = tests.run('run');
select isnt_empty(
    $$ select tests.check_run('run') $$, 'a run that stands still in a project that goes on is noticed'
);
rollback to empty;

select tests.queue('run');
update public.projects set paused_at = now() where id = tests.id('shop');
select isnt_empty($$ select tests.check_run('run') $$, 'and one that goes on in a paused one');
rollback to empty;

-- Who may

select tests.act_as('vera');
select is(
    tests.slug_of(format('select public.pause_project(%L)', tests.id('shop'))), 'not_allowed', 'a viewer pauses nothing'
);
select is(
    tests.slug_of(format('select public.resume_project(%L)', tests.id('shop'))), 'not_allowed', 'nor resumes it'
);
select tests.act_as('otto');
select is(
    tests.slug_of(format('select public.pause_project(%L)', tests.id('shop'))), 'unknown_project',
    'for a stranger there is no such project'
);
select tests.act_as_service();
select throws_ok(
    format('update public.projects set paused_at = now() where id = %L', tests.id('shop')), '42501', null,
    'not even the secret key pauses by writing the column: the runs would not know'
);
select tests.act_as_owner();

select * from finish();
rollback;
