-- Another attempt: when, how often, after how long.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(49);

savepoint empty;

-- A retry, and then a pass

select tests.make_test(
    'try', 'flow', '{"path": "/{{$uuid}}", "retry": {"attempts": 3, "base_ms": 1000, "factor": 1}}'
);
select tests.make_test('waits', 'flow');
select tests.depend('waits', 'try', 'data');
select tests.queue('run');
select tests.claim('1');
select is(
    tests.answer('try', '{"status": 500}') -> 'accepted',
    jsonb_build_array(tests.item('try') -> 'item'),
    'a bad attempt is accepted'
);
select is(
    (tests.result('run', 'try')).status, 'pending',
    'but is not the verdict while there are attempts left'
);
select results_eq(
    $$
    select state, retry_number, executed_count, lease, rendered_at, rescue_count,
        available_at between clock_timestamp() and clock_timestamp() + interval '1.5 seconds'
    from tests.work('run', 'try')
    $$,
    $$ values ('ready', 1, 1, null::uuid, null::timestamptz, 0, true) $$,
    'it goes back into the queue, for later'
);
select is(tests.claim('too early'), '{}', 'until then it is not handed out');
select ok(
    (public.claim_work(
        tests.worker(), gen_random_uuid(), 1
    ) ->> 'retry_ms')::integer between 1 and 1500,
    'the worker is told when to ask again'
);
select is((tests.work('run', 'waits')).state, 'waiting', 'who depends on it waits on');
select results_eq(
    $$
    select attempt, outcome, slug
    from public.test_result_details
    where run_id = tests.run('run')
    $$,
    $$ values (1, 'failed', 'assertion_failed') $$, 'the attempt is kept'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds in between');
update private.work_items set available_at = '-infinity' where run_id = tests.run('run');
select is(tests.claim('2'), '{try}', 'then it is handed out');
select is(tests.item('try', '2') -> 'attempt', '2', 'as the second attempt');
select isnt(
    tests.request('try', '2') ->> 'url', tests.request('try', '1') ->> 'url', 'rendered anew'
);
select tests.answer('try');
select results_eq(
    $$
    select status, attempt_count, rescue_count, slug, http_status
    from tests.result('run', 'try')
    $$,
    $$ values ('passed', 2, 0, null, 200) $$, 'passed on retry is passed, and remembered'
);
select is(
    (select count(*) from public.assertion_results where run_id = tests.run('run')), 2::bigint,
    'the assertions of both attempts are kept'
);
select is((tests.work('run', 'waits')).state, 'ready', 'and who depended on it goes on');
rollback to empty;

-- Attempts are counted with the first

select tests.make_test('try', 'flow', '{"retry": {"attempts": 3}}');
select tests.queue('run');
select tests.run_all('{"try": {"status": 500}}');
select results_eq(
    $$ select status, attempt_count from tests.result('run', 'try') $$, $$ values ('failed', 3) $$,
    'three attempts are three requests'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- How many attempts a policy makes of an answer.
create function tests.attempts(policy jsonb, answer jsonb, more jsonb default '{}')
returns integer
language plpgsql
as $function$
declare
    v_name text := gen_random_uuid();
begin
    perform tests.make_test(v_name, 'flow', jsonb_build_object('retry', policy) || more);
    perform tests.queue(v_name, tests.only(v_name));
    perform tests.run_all(jsonb_build_object(v_name, answer));
    return (tests.result(v_name, v_name)).attempt_count;
end;
$function$;

select is(tests.attempts('{}', '{"status": 500}'), 1, 'without a policy there is one');
select is(tests.attempts('{"attempts": 1}', '{"status": 500}'), 1, 'one attempt is no retry');
select is(tests.attempts('{"attempts": 2}', '{"status": 200}'), 1, 'a pass is never repeated');
select is(
    tests.attempts('{"attempts": 2}', '{"error": {"category": "connect", "message": "m"}}'), 2,
    'a network error is, by default'
);
select is(
    tests.attempts('{"attempts": 2}', '{"error": {"category": "timeout", "message": "m"}}'), 2,
    'and so is a timeout'
);
select is(
    tests.attempts('{"attempts": 2}', '{"error": {"category": "egress_denied", "message": "m"}}'),
    1, 'a request that was refused here is not'
);
select is(
    tests.attempts('{"attempts": 2}', '{"error": {"category": "definition", "message": "m"}}'), 1,
    'nor one that cannot be made'
);
select is(
    tests.attempts('{"attempts": 2}', '{"error": {"category": "too_large", "message": "m"}}'), 1,
    'nor one whose answer is too large'
);
select is(
    tests.attempts(
        '{"attempts": 2, "retry_on": ["timeout"]}',
        '{"error": {"category": "connect", "message": "m"}}'
    ),
    1,
    'retry_on narrows it: not a network error'
);
select is(
    tests.attempts(
        '{"attempts": 2, "retry_on": ["timeout"]}',
        '{"error": {"category": "timeout", "message": "m"}}'
    ),
    2, 'but a timeout'
);
select is(
    tests.attempts('{"attempts": 2, "retry_on": ["network"]}', '{"status": 500}'), 1,
    'not an assertion'
);
select is(
    tests.attempts('{"attempts": 2, "retry_on": []}', '{"status": 500}'), 1,
    'an empty list allows nothing'
);
select is(
    tests.attempts(
        '{"attempts": 2, "retry_on": ["status"], "statuses": [502, 503]}', '{"status": 503}'
    ),
    2, 'a status in the list'
);
select is(
    tests.attempts(
        '{"attempts": 2, "retry_on": ["status"], "statuses": [502, 503]}', '{"status": 500}'
    ),
    1, 'and one that is not'
);
select is(
    tests.attempts(
        '{"attempts": 2, "statuses": [503], "retry_on": ["assertion"]}', '{"status": 503}'
    ),
    2,
    'a false assertion is reason enough'
);
select is(
    tests.attempts(
        '{"attempts": 2}', '{"status": 200, "body": {}}',
        jsonb_build_object('captures', tests.capture('x'))
    ),
    1,
    'a missing capture is not, by default'
);
select is(
    tests.attempts(
        '{"attempts": 2, "retry_on": ["capture"]}', '{"status": 200, "body": {}}',
        jsonb_build_object('captures', tests.capture('x'))
    ),
    2,
    'unless asked for'
);
select is(
    tests.attempts('{"attempts": 5, "deadline_ms": 0}', '{"status": 500}'), 1,
    'past its deadline there is no other attempt'
);
select is(
    tests.attempts('{"attempts": 5, "base_ms": 60000, "deadline_ms": 10000}', '{"status": 500}'), 1,
    'nor is one begun that would lie past it'
);
select is(
    tests.attempts(
        '{"attempts": 2, "deadline_ms": 60000}',
        '{"status": 500, "headers": [["Retry-After", "3600"]]}'
    ),
    1,
    'also when the API asks for it'
);
select is(
    tests.attempts('{"attempts": 2}', '{"status": 500}', '{"method": "POST"}'), 2,
    'a policy holds for a POST too'
);
rollback to empty;

-- The delay

select is_empty(
    $$
    select number, delay.ms
    from generate_series(0, 8) as numbers (number)
    cross join generate_series(1, 50) as seeds (seed)
    cross join lateral (
        select private.retry_delay_ms('{"base_ms": 100, "factor": 3, "cap_ms": 5000}', seeds.seed::text, numbers.number, null) as ms
    ) as delay
    where delay.ms not between least(5000, 100 * 3 ^ numbers.number) * 0.5 and least(5000, 100 * 3 ^ numbers.number) * 1.5
    $$,
    'the delay is min(cap, base * factor ^ n) times 0.5 to 1.5'
);
select ok(
    (
        select max(private.retry_delay_ms('{"base_ms": 100}', seeds.seed::text, 0, null))
        - min(private.retry_delay_ms('{"base_ms": 100}', seeds.seed::text, 0, null))
        from generate_series(1, 100) as seeds (seed)
    ) > 50,
    'spread over that range'
);
select is(
    private.retry_delay_ms('{"base_ms": 100}', 'a', 3, null),
    private.retry_delay_ms('{"base_ms": 100}', 'a', 3, null),
    'the same for the same seed'
);
select isnt(
    private.retry_delay_ms('{"base_ms": 100, "factor": 1}', 'a', 1, null),
    private.retry_delay_ms('{"base_ms": 100, "factor": 1}', 'a', 2, null),
    'another for the next attempt'
);
select ok(
    private.retry_delay_ms('{}', 'a', 0, null) between 250 and 750,
    'half a second to begin with, by default'
);
select ok(private.retry_delay_ms('{}', 'a', 1, null) between 500 and 1500, 'doubling');
select ok(
    private.retry_delay_ms('{}', 'a', 20, null) between 15000 and 45000, 'up to half a minute'
);
select ok(
    private.retry_delay_ms('{"base_ms": 100}', 'a', 100, null) between 15000 and 45000,
    'also at the hundredth'
);
select is(private.retry_delay_ms('{"base_ms": 0}', 'a', 0, null), 0.0, 'at once, if wanted');
select is(
    private.retry_delay_ms('{"base_ms": 1}', 'a', 0, '{"headers": [["retry-after", "7"]]}'),
    7000::numeric,
    'Retry-After is honoured, in seconds'
);
select cmp_ok(
    private.retry_delay_ms('{"base_ms": 30000}', 'a', 0, '{"headers": [["Retry-After", "1"]]}'),
    '>', 10000::numeric,
    'if it is longer'
);
select cmp_ok(
    private.retry_delay_ms(
        '{"base_ms": 1}', 'a', 0, '{"headers": [["Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"]]}'
    ),
    '<', 10::numeric,
    'a date in it is not'
);

select * from finish();
rollback;
