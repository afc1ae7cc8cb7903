-- claim_work: what is handed out, to whom, in which order, and how much of it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(47);

savepoint empty;

-- The item on the wire

select tests.make_test(
    'post', 'flow',
    '{"method": "POST", "headers": [["X-One", "1"]], "body": {"kind": "json", "value": {"a": 1}}}'
);
select tests.queue('run');
select is(tests.claim('first'), '{post}', 'a ready test is handed out');
select bag_eq(
    $$ select jsonb_object_keys(tests.item('post')) $$,
    array['item', 'run', 'result', 'attempt', 'lease', 'lease_ms', 'request', 'observe', 'json_schema'],
    'an item has the fields of the wire contract'
);
select bag_eq(
    $$ select jsonb_object_keys(tests.request('post')) $$,
    array[
        'method', 'url', 'headers', 'secret_headers', 'body', 'auth', 'timeout_ms', 'max_redirects',
        'verify_tls',
        'http_versions', 'max_body_bytes'
    ],
    'and so has its request'
);
select is(
    tests.request('post'),
    '{"method": "POST", "url": "https://api.test/v1/post", "headers": [["X-One", "1"]], "secret_headers": [],
      "body": {"kind": "json", "value": {"a": 1}}, "auth": null, "timeout_ms": {"connect": 5000,
      "total": 30000},
      "max_redirects": 10, "verify_tls": true, "http_versions": ["1.1"], "max_body_bytes": 5242880}',
    'rendered, with nothing left to decide'
);
select is(tests.item('post') -> 'attempt', '1', 'the first lease is attempt 1');
select is(tests.item('post') -> 'lease_ms', '30000', 'and holds 30 s');
select results_eq(
    $$
    select items.state, items.attempt, items.lease::text, items.worker_id, items.lease_until > now()
    from private.work_items as items where items.run_id = tests.run('run')
    $$,
    $$ values ('leased', 1, tests.item('post') ->> 'lease', tests.id('worker'), true) $$,
    'the queue knows the same lease'
);
select results_eq(
    $$ select status, started_at is not null from public.test_runs where id = tests.run('run') $$,
    $$ values ('running', true) $$, 'and the run is running'
);
select results_eq(
    $$ select status from public.test_results where run_id = tests.run('run') $$, array['pending'],
    'the result is not touched'
);
select is(tests.claim('second'), '{}', 'what is leased is not handed out again');
select is(
    public.claim_work(tests.worker(), gen_random_uuid(), 10) -> 'retry_ms', 'null',
    'and nothing is in sight'
);
rollback to empty;

-- Repeating a call

select tests.make_test('get', 'flow', '{"path": "/{{$uuid}}/{{$timestamp}}"}');
select tests.make_test('other', 'flow');
select tests.queue('run');
select is(
    public.claim_work(tests.worker(), tests.id('call'), 1),
    public.claim_work(tests.worker(), tests.id('call'), 1),
    'repeating a call gives the same work, rendered the same'
);
select is(
    (select count(*) from private.work_items where state = 'leased'), 1::bigint,
    'and leases nothing more'
);
select is(
    public.claim_work(tests.worker('another'), tests.id('call'), 1) #>> '{work,0,attempt}', '1',
    'the same call of another worker is another call'
);
select is(
    (select count(*) from private.work_items where state = 'leased'), 2::bigint,
    'which leases something else'
);
rollback to empty;

-- Order

select tests.make_test('late', 'flow', '{"priority": 5}');
select tests.make_test('middle b', 'flow', '{"priority": 1, "position": 2}');
select tests.make_test('middle a', 'flow', '{"priority": 1, "position": 1}');
select tests.make_test('early', 'flow', '{"priority": -3, "position": 9}');
select tests.queue('run');
select is(tests.claim('two', 2), '{early,"middle a"}', 'lower priority first, then position');
select is(tests.claim('rest'), '{"middle b",late}', 'and so on');
rollback to empty;

select tests.make_test('late', 'flow', '{"priority": 5, "position": 1}');
select tests.make_test('early', 'flow', '{"priority": 0, "position": 2}');
select tests.queue('run');
select is(
    tests.claim('both'), '{early,late}',
    'within one reply, too, the order is the order in which to make them'
);
rollback to empty;

select tests.make_environment('single', 'shop', '{"max_parallel": 1}');
select tests.make_test('late', 'flow', '{"priority": 5, "position": 1}');
select tests.make_test('early', 'flow', '{"priority": 0, "position": 2}');
select tests.queue('run', '{}', '{}', 'single');
select is(tests.claim('one'), '{early}', 'also when the environment takes one only');
rollback to empty;

-- Free slots and prefetch

select tests.make_test('get 1', 'flow', '{"priority": 1}');
select tests.make_test('post 1', 'flow', '{"priority": 2, "method": "POST"}');
select tests.make_test('post 2', 'flow', '{"priority": 3, "method": "POST"}');
select tests.make_test('get 2', 'flow', '{"priority": 4}');
select tests.queue('run');
select is(tests.claim('none', 0, 0), '{}', 'without free slots nothing is handed out');
select is(
    tests.claim('one', 1, 3), '{"get 1","get 2"}',
    'what may not be repeated is never handed out ahead of a free slot'
);
select is(tests.claim('two', 1, 10), '{"post 1"}', 'only for one');
select is(tests.claim('three', 0, 10), '{}', 'not for prefetch alone');
select is(tests.claim('four', 5, 0), '{"post 2"}', 'the last one for another');
rollback to empty;

select tests.make_test('get', 'flow');
select tests.make_test('head', 'flow', '{"method": "HEAD"}');
select tests.make_test('options', 'flow', '{"method": "OPTIONS"}');
select tests.make_test('put', 'flow', '{"method": "PUT"}');
select tests.make_test('vouched for', 'flow', '{"method": "POST", "rescue": "always"}');
select tests.make_test('never', 'flow', '{"rescue": "never"}');
insert into public.api_endpoints (id, project_id, method, path, is_safe)
values (tests.id('trigger'), tests.id('shop'), 'GET', '/trigger', false),
(tests.id('harmless'), tests.id('shop'), 'GET', '/harmless', true);
select tests.make_test('of an unsafe endpoint', 'flow', '{"endpoint": "trigger"}');
select tests.make_test('of a safe endpoint', 'flow', '{"endpoint": "harmless"}');
select tests.make_test(
    'of an unsafe endpoint but vouched for', 'flow', '{"endpoint": "trigger", "rescue": "always"}'
);
select tests.queue('run');
select bag_eq(
    $$ select unnest(tests.claim('prefetch', 0, 100)) $$,
    array['get', 'head', 'options', 'vouched for', 'of a safe endpoint', 'of an unsafe endpoint but vouched for'],
    'repeatable are GET, HEAD and OPTIONS of endpoints not marked unsafe, and what the test vouches for'
);
rollback to empty;

-- Phases

select tests.make_test('prepare', 'flow', '{"phase": "setup"}');
select tests.make_test('work', 'flow', '{"priority": -5}');
select tests.make_test('clean', 'flow', '{"phase": "teardown", "priority": -9}');
select tests.queue('run');
select is(tests.claim('1'), '{prepare}', 'setup first, whatever the priorities');
select is(tests.claim('2'), '{}', 'and nothing else while it is under way');
select tests.answer('prepare');
select is(tests.claim('3'), '{work}', 'then main');
select tests.answer('work');
select is(tests.run_status('run'), 'finishing', 'a run in teardown is finishing');
select is(tests.claim('4'), '{clean}', 'then teardown');
select tests.answer('clean');
select is(tests.run_status('run'), 'passed', 'then the end');
rollback to empty;

-- Parallelism, over all runs of the environment

select tests.make_environment('narrow', 'shop', '{"max_parallel": 3}');
select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.queue('one', '{}', '{}', 'narrow');
select tests.queue('two', '{}', '{}', 'narrow');
select tests.queue('wide', '{}', '{}', 'staging');
select is(
    cardinality(tests.claim('first')), 5,
    'an environment takes as many requests as it may, another is not held up'
);
select is(
    (
        select count(*) from private.work_items as items
        where items.state = 'leased' and items.environment_id = tests.id('narrow')
    ),
    3::bigint, 'over all its runs together'
);
select is(tests.claim('second'), '{}', 'the rest waits');
select ok(
    (public.claim_work(
        tests.worker(), gen_random_uuid(), 10
    ) ->> 'retry_ms')::integer between 1 and 1000,
    'and the worker is told to ask again soon'
);
select tests.send((
    select jsonb_agg(tests.report(handed_out.item))
    from tests.handed_out
    inner join public.test_runs as runs on runs.id = (handed_out.item ->> 'run')::uuid
    where runs.environment_id = tests.id('narrow') and handed_out.test = 'a' and runs.idempotency_key = 'one'
));
select is(cardinality(tests.claim('third')), 1, 'until one is over');
rollback to empty;

-- Fairness

select tests.make_project('their shop', 'other');
select tests.make_environment('their staging', 'their shop');
select tests.make_suite('their flow', 'their shop');
select tests.make_test('ours 1', 'flow');
select tests.make_test('ours 2', 'flow');
select tests.make_test('theirs 1', 'their flow');
select tests.make_test('theirs 2', 'their flow');
select tests.queue('ours a');
select tests.queue('ours b');
select tests.queue('ours c');
select tests.queue('theirs', '{}', '{}', 'their staging');
create table tests.served as
select calls.number, split_part((tests.claim('call ' || calls.number, 1))[1], ' ', 1) as whose
from generate_series(1, 4) as calls (number);
select results_eq(
    $$ select count(*) from tests.served where whose = 'theirs' $$, array[2::bigint],
    'two organizations take turns, however many runs one of them has'
);
select isnt(
    (select whose from tests.served where number = 1),
    (select whose from tests.served where number = 2),
    'one after the other'
);
rollback to empty;

select tests.make_test('first', 'flow');
select tests.make_test('second', 'flow');
select tests.queue('a');
select tests.queue('b');
create table tests.served as
select tests.claim(
    'call ' || calls.number, 1) as handed_out from generate_series(1, 4) as calls (number
);
select bag_eq(
    $$ select claim, item ->> 'run' from tests.handed_out where claim in ('call 1', 'call 3') $$,
    $$
    select others.claim,
    case others.run when tests.run('a') then tests.run('b') else tests.run('a') end::text
    from (
        select
            case handed_out.claim when 'call 2' then 'call 1' else 'call 3' end as claim,
            (handed_out.item ->> 'run')::uuid as run
        from tests.handed_out
        where handed_out.claim in ('call 2', 'call 4')
    ) as others
    $$,
    'and so do two runs of one organization'
);
rollback to empty;

-- Who may claim

select tests.make_test('a', 'flow');
select tests.queue('run');
create table tests.known as select public.register_worker('w', '1.0', 8, '{eu}') as id;
grant select on tests.known to public;
select results_eq(
    $$
    select name, version, capacity, labels
    from public.workers
    where id = (select id
    from tests.known)
    $$,
    $$ values ('w', '1.0', 8, '{eu}'::text[]) $$, 'a worker registers'
);
select throws_ok(
    $$ select public.register_worker('w', '1', 0) $$, '23514', null, 'with room for something'
);
select throws_ok($$ select public.register_worker(' ', '1', 1) $$, '23514', null, 'and a name');
select throws_ok(
    $$ select public.claim_work(gen_random_uuid(), gen_random_uuid(), 1) $$, 'PT404', null,
    'who never registered is refused'
);
select is(
    tests.slug_of($$ select public.claim_work(gen_random_uuid(), gen_random_uuid(), 1) $$),
    'unknown_worker', 'by slug'
);
update public.workers set last_seen_at = now() - interval '1 hour';
select public.claim_work((select id from tests.known), gen_random_uuid(), 0);
select results_eq(
    $$ select last_seen_at = now() from public.workers $$, array[true], 'a claim is a sign of life'
);
select tests.act_as('olga');
select throws_ok(
    $$ select public.claim_work((select id from tests.known), gen_random_uuid(), 1) $$, 'PT403',
    null,
    'an owner of the organization may not claim: work carries secrets'
);
select tests.act_as_service();
select is(
    jsonb_array_length(
        public.claim_work((select id from tests.known), gen_random_uuid(), 1) -> 'work'
    ),
    1,
    'the secret key may'
);

select * from finish();
rollback;
