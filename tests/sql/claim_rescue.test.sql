-- Leases end: what may be repeated is handed out again, the same; the rest is lost.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(50);

savepoint empty;

-- A GET

select tests.make_test(
    'get', 'flow',
    '{"path": "/{{$uuid}}/{{$timestamp}}/{{$randomInt}}", "headers": [["X-At",
      "{{$isoTimestamp}}"]]}'
);
select tests.queue('run');
select tests.claim('first');
select tests.expire('get');
select is(tests.claim('second'), '{get}', 'a GET whose worker died is handed out again');
select is(
    tests.request('get', 'second'), tests.request('get', 'first'),
    'as the same request: dynamic values and times included'
);
select is(tests.item('get', 'second') -> 'attempt', '2', 'under the next attempt');
select isnt(
    tests.item('get', 'second') -> 'lease', tests.item('get', 'first') -> 'lease', 'and a new lease'
);
select is((tests.work('run', 'get')).rescue_count, 1, 'the rescue is counted');
select is((tests.work('run', 'get')).retry_number, 0, 'and is no retry');
select tests.answer('get', '{}', 'second');
select results_eq(
    $$ select status, rescue_count, attempt_count from tests.result('run', 'get') $$,
    $$ values ('passed', 1, 1) $$, 'it passes like any other, and remembers'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- A lease that is over but not taken away

select tests.make_test('get', 'flow');
select tests.queue('run');
select tests.claim('first');
select tests.expire('get');
select is(
    tests.answer('get') -> 'accepted', jsonb_build_array(tests.item('get') -> 'item'),
    'a lease that is over still counts until somebody takes it away'
);
select is(tests.verdicts('run'), '{"get: passed"}', 'and the report decides');
rollback to empty;

-- A POST

select tests.make_test('post', 'flow', '{"method": "POST"}');
select tests.make_test('needs', 'flow');
select tests.make_test('follows', 'flow');
select tests.depend('needs', 'post', 'data');
select tests.depend('follows', 'post', 'order');
select tests.queue('run');
select tests.claim('first');
select tests.expire('post');
select is(tests.claim('second'), '{follows}', 'a POST is not sent again');
select results_eq(
    $$
    select status, category, slug, rescue_count, attempt_count, accepted_lease, http_status
    from tests.result('run', 'post')
    $$,
    $$ values ('error', 'lost', 'lost', 0, 0, null::uuid, null::integer) $$,
    'its result is error / lost'
);
select is(
    tests.verdicts('run'), '{"follows: pending","needs: skipped","post: error"}',
    'who needs it is skipped, who follows it goes on'
);
select tests.answer('follows');
select is(tests.run_status('run'), 'error', 'the run ends in error');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- How often

select tests.make_test('killer', 'flow');
select tests.queue('run');
select tests.claim('1');
select tests.expire('killer');
select tests.claim('2');
select tests.expire('killer');
select tests.claim('3');
select tests.expire('killer');
select is(tests.claim('4'), '{killer}', 'a request is rescued three times');
select tests.expire('killer');
select is(tests.claim('5'), '{}', 'and not a fourth time');
select results_eq(
    $$ select status, category, slug, rescue_count from tests.result('run', 'killer') $$,
    $$ values ('error', 'lost', 'rescue_limit_reached', 3) $$, 'it ends in error'
);
select is(tests.run_status('run'), 'error', 'and so does the run');
rollback to empty;

-- What may be repeated

insert into public.api_endpoints (id, project_id, method, path, is_safe)
values (tests.id('trigger'), tests.id('shop'), 'GET', '/trigger', false);
select tests.make_test('unsafe', 'flow', '{"endpoint": "trigger"}');
select tests.make_test('never', 'flow', '{"rescue": "never"}');
select tests.make_test('always', 'flow', '{"rescue": "always", "method": "DELETE"}');
select tests.queue('run');
select tests.claim('1');
select tests.expire('unsafe');
select tests.expire('never');
select tests.expire('always');
select is(tests.claim('2'), '{always}', 'a DELETE that the test vouches for is sent again');
select is((tests.result('run', 'unsafe')).slug, 'lost', 'a GET of an unsafe endpoint is not');
select is((tests.result('run', 'never')).slug, 'lost', 'nor one of a test that says never');
rollback to empty;

-- Without any claim

select tests.make_test('post', 'flow', '{"method": "POST"}');
select tests.queue('run');
select tests.claim('1');
select private.rescue_expired();
select is((tests.work('run', 'post')).state, 'leased', 'a lease that holds is left alone');
select tests.expire('post');
select private.rescue_expired();
select is(
    tests.run_status('run'), 'error', 'the scheduled rescue ends a run that no worker asks for'
);
select is(
    (select count(*) from cron.job where command = 'select private.rescue_expired()'), 1::bigint,
    'and it is scheduled'
);
rollback to empty;

-- A clock that was set back

select tests.make_test('one', 'flow');
select tests.make_test('two', 'flow');
select tests.queue('run');
select tests.claim('1');
update private.work_items set lease_until = clock_timestamp() + interval '10 minutes'
where id = (tests.work('run', 'one')).id;
update private.work_items set lease_until = clock_timestamp() + interval '3 seconds'
where id = (tests.work('run', 'two')).id;
select private.rescue_expired();
select ok(
    (tests.work('run', 'one')).lease_until
    between clock_timestamp() + interval '25 seconds' and clock_timestamp() + interval '30 seconds',
    'a lease that ends later than any could is cut to a whole one from now'
);
select ok(
    (tests.work('run', 'two')).lease_until < clock_timestamp() + interval '4 seconds',
    'one that may end when it does is left alone'
);
rollback to empty;

-- Renewing

select tests.make_test('one', 'flow');
select tests.make_test('two', 'flow');
select tests.queue('run');
select tests.claim('1');
select tests.expire('one');
select is(
    public.renew_work(tests.worker(), jsonb_build_array(tests.item('one'), tests.item('two'))),
    '{"lost": [], "cancelled": []}', 'leases that are held are renewed'
);
select is((tests.work('run', 'one')).lease_until > now(), true, 'for another while');
select is(tests.claim('2'), '{}', 'and nobody else gets them');
select tests.expire('one');
select tests.claim('3');
select is(
    public.renew_work(
        tests.worker(), jsonb_build_array(tests.item('one', '1'), tests.item('two'))
    ) -> 'lost',
    jsonb_build_array(tests.item('one', '1') -> 'item'), 'one that was taken away is lost'
);
select is(
    public.renew_work(
        tests.worker(),
        jsonb_build_array(tests.item('two') || jsonb_build_object('lease', gen_random_uuid()))
    ) -> 'lost',
    jsonb_build_array(tests.item('two') -> 'item'),
    'the token counts, not the number of the attempt'
);
select tests.answer('two');
select is(
    public.renew_work(tests.worker(), jsonb_build_array(tests.item('two'))) -> 'lost',
    jsonb_build_array(tests.item('two') -> 'item'), 'and so is one that was reported'
);
select public.cancel_run(tests.run('run'));
select is(
    public.renew_work(tests.worker(), jsonb_build_array(tests.item('one', '3'))),
    jsonb_build_object(
        'lost', '[]'::jsonb, 'cancelled', jsonb_build_array(tests.item('one') -> 'item')
    ),
    'the worker learns that a run was cancelled'
);
select is(
    public.renew_work(tests.worker(), '[]'), '{"lost": [], "cancelled": []}',
    'nothing to renew is fine'
);
select throws_ok(
    $$ select public.renew_work(gen_random_uuid(), '[]') $$, 'PT404', null,
    'an unknown worker is refused'
);
rollback to empty;

-- Releasing

select tests.make_test('get', 'flow', '{"path": "/{{$uuid}}"}');
select tests.make_test('post', 'flow', '{"method": "POST"}');
select tests.queue('run');
select tests.claim('1');
select is(
    public.release_work(
        tests.worker(), jsonb_build_array(tests.item('get'), tests.item('post'))
    ) -> 'released'
    @> jsonb_build_array(tests.item('get') -> 'item', tests.item('post') -> 'item'), true,
    'unsent work is handed back'
);
select bag_eq(
    $$ select unnest(tests.claim('2')) $$, array['get', 'post'], 'and handed out again, a POST too'
);
select is((tests.work('run', 'post')).rescue_count, 0, 'which is no rescue');
select is(
    public.release_work(tests.worker(), jsonb_build_array(tests.item('get', '1'))),
    '{"released": []}',
    'an old lease releases nothing'
);
select is((tests.work('run', 'get')).state, 'leased', 'of what somebody else holds');
select is(
    public.release_work(
        tests.worker(),
        jsonb_build_array(tests.item('get') || jsonb_build_object('lease', gen_random_uuid()))
    ),
    '{"released": []}', 'also under the current number'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
select public.cancel_run(tests.run('run'));
select public.release_work(
    tests.worker(), jsonb_build_array(tests.item('get'), tests.item('post'))
);
select is(tests.claim('3'), '{}', 'what is released after the run was cancelled is not handed out');
select is(tests.verdicts('run'), '{"get: cancelled","post: cancelled"}', 'it is cancelled');
select is(tests.run_status('run'), 'cancelled', 'which ends the run');
select throws_ok(
    $$ select public.release_work(gen_random_uuid(), '[]') $$, 'PT404', null,
    'an unknown worker is refused'
);
rollback to empty;

select tests.make_test('get', 'flow');
select tests.queue('run');
select tests.claim('1');
select public.cancel_run(tests.run('run'));
select tests.expire('get');
select is(tests.claim('2'), '{}', 'a GET of a cancelled run is not rescued');
select is(tests.run_status('run'), 'cancelled', 'the run is over');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');

select * from finish();
rollback;
