-- A key by which the API under test knows a request again: lost ones are repeated, with the same key.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/checks.psql
select plan(43);

-- The key that a test was told to send, in the claim of this name.
create function tests.key(test text, claim text, header text default 'Idempotency-Key')
returns text
language sql
as $function$
    select pairs.pair ->> 1
    from jsonb_array_elements(tests.request(key.test, key.claim) -> 'headers') as pairs (pair)
    where pairs.pair ->> 0 = key.header
$function$;

create function tests.pay(settings jsonb default '{}')
returns void
language sql
as $function$
    select tests.make_test(
        'pay', 'flow',
        '{
            "method": "POST", "idempotency_header": "Idempotency-Key",
            "body": {"kind": "json", "value": {"reference": "{{$uuid}}", "at": "{{$timestamp}}"}}
        }'::jsonb || settings
    )
$function$;

create function tests.make_due()
returns void
language sql
as $function$ update private.work_items set available_at = '-infinity' where state = 'ready' $function$;

-- Report this, and let the retry be claimed: is it the request of the claim "first"?
create function tests.retry(answer jsonb)
returns boolean
language plpgsql
as $function$
begin
    perform tests.answer('pay', retry.answer);
    perform tests.make_due();
    perform tests.claim('retried');
    return tests.request('pay', 'retried') = tests.request('pay', 'first');
end;
$function$;

savepoint empty;

-- Sent

select tests.pay();
select tests.make_test('plain', 'flow', '{"method": "POST"}');
select tests.queue('run');
select tests.claim('1');
select matches(
    tests.key('pay', '1'), '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$',
    'the header holds a random UUID'
);
select isnt(
    tests.key('pay', '1'), tests.request('pay', '1') #>> '{body,value,reference}', 'made for it alone'
);
select is(tests.key('plain', '1'), null, 'a test that names no header sends none');
select tests.answer('pay');
select is(
    (
        select details.request -> 'headers' @> jsonb_build_array(
            jsonb_build_array('Idempotency-Key', tests.key('pay', '1'))
        )
        from public.test_result_details as details
        where details.result_id = (tests.result('run', 'pay')).id
    ),
    true, 'it is in the evidence'
);
select tests.queue('again');
select tests.claim('2');
select isnt(tests.key('pay', '2'), tests.key('pay', '1'), 'another run has another');
rollback to empty;

select tests.make_fixture(
    'countries', 'shop', '[{"key": "cz", "values": {}}, {"key": "de", "values": {}}]'
);
select tests.pay('{"fixture": "countries"}');
select tests.queue('run');
select tests.claim('1');
select isnt(tests.key('pay/cz', '1'), tests.key('pay/de', '1'), 'each row of a fixture has its own');
rollback to empty;

select tests.make_suite(
    'keyed', 'shop', '{"headers": [["IDEMPOTENCY-KEY", "of the suite"], ["X-Other", "stays"]]}'
);
select tests.make_test(
    'own', 'keyed', '{"method": "POST", "idempotency_header": "Idempotency-Key"}'
);
select tests.queue('run');
select tests.claim('1');
select is(
    tests.request('own') -> 'headers',
    jsonb_build_array(
        jsonb_build_array('Idempotency-Key', tests.key('own', '1')), '["X-Other", "stays"]'::jsonb
    ),
    'it takes the place of the suite''s header of the name'
);
rollback to empty;

-- Lost

select tests.pay();
select tests.queue('run');
select tests.claim('1');
select tests.expire('pay');
select is(tests.claim('2'), '{pay}', 'a POST with a key whose worker died is handed out again');
select is(tests.request('pay', '2'), tests.request('pay', '1'), 'the same, key and body');
select tests.expire('pay');
select tests.claim('3');
select tests.expire('pay');
select tests.claim('4');
select tests.expire('pay');
select is(tests.claim('5'), '{}', 'three times');
select is((tests.result('run', 'pay')).slug, 'rescue_limit_reached', 'and no more');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

select tests.pay();
select tests.make_test('plain', 'flow', '{"method": "POST"}');
select tests.queue('run');
select is(
    tests.claim('1', 0, 10), '{pay}', 'since it may be repeated, it may be held ready by a worker'
);
rollback to empty;

insert into public.api_endpoints (id, project_id, method, path, is_safe)
values (tests.id('payments'), tests.id('shop'), 'POST', '/payments', false);
select tests.pay('{"endpoint": "payments"}');
select tests.queue('run');
select is(
    (tests.work('run', 'pay')).is_repeatable, true, 'an endpoint that is not safe is made so by the key'
);
rollback to empty;

select tests.pay('{"rescue": "never"}');
select tests.queue('run');
select tests.claim('1');
select tests.expire('pay');
select is(tests.claim('2'), '{}', 'who says never means it');
select is((tests.result('run', 'pay')).slug, 'lost', 'it is lost');
rollback to empty;

-- Retries: the same request as long as the API may have done it

select tests.pay(
    '{"retry": {"attempts": 5, "statuses": [409, 503], "retry_on":
      ["network", "timeout", "status", "assertion", "capture"]}}'
);
select tests.queue('run');
select tests.claim('first');
savepoint sent;
select ok(
    tests.retry('{"error": {"category": "timeout", "message": "too late"}}'),
    'a retry after a time-out is the same request with the same key'
);
select is((tests.work('run', 'pay')).retry_number, 1, 'and counts as a retry');
select is((tests.work('run', 'pay')).rendering, 0, 'of the first rendering');
rollback to sent;
select ok(
    tests.retry('{"error": {"category": "protocol", "message": "broken off"}}'),
    'so is one after a broken connection'
);
rollback to sent;
select ok(
    tests.retry('{"status": 503}'),
    'and one after an answer that says that it is not the answer: the gateway''s, perhaps'
);
rollback to sent;
select ok(tests.retry('{"status": 409}'), 'or that the first one is still at work');
rollback to sent;
select ok(
    not tests.retry('{"status": 500}'),
    'but what was answered, and judged, is asked anew'
);
select isnt(tests.key('pay', 'retried'), tests.key('pay', 'first'), 'with a new key, for a known one is answered from memory');
select is((tests.work('run', 'pay')).rendering, 1, 'as its second rendering');
select tests.answer('pay', '{"error": {"category": "timeout", "message": "too late"}}');
select tests.make_due();
select tests.claim('third');
select is(
    tests.request('pay', 'third'), tests.request('pay', 'retried'), 'which is repeated if it is not answered'
);
select tests.expire('pay');
select tests.claim('rescued');
select is(
    tests.request('pay', 'rescued'), tests.request('pay', 'third'), 'by a rescue as well'
);
select tests.answer('pay', '{}');
select results_eq(
    $$ select status, attempt_count, rescue_count from tests.result('run', 'pay') $$,
    $$ values ('passed', 3, 1) $$, 'and all of it is counted as ever'
);
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

select tests.pay('{"retry": {"attempts": 2}, "idempotency_header": null}');
select tests.queue('run');
select tests.claim('first');
select ok(
    not tests.retry('{"error": {"category": "timeout", "message": "too late"}}'),
    'without a key a retry is rendered anew, whatever happened'
);
rollback to empty;

-- Part of what a run executes

select tests.pay();
select tests.queue('run');
update public.test_request_configs set idempotency_header = null where test_case_id = tests.id('pay');
select tests.claim('1');
select isnt(tests.key('pay', '1'), null, 'editing it does not alter a run under way');
select tests.queue('later');
select tests.claim('2');
select is(tests.key('pay', '2'), null, 'a later one does as it says then');
select isnt(
    (tests.result('run', 'pay')).definition_id, (tests.result('later', 'pay')).definition_id,
    'for it is another definition'
);
rollback to empty;

-- What is refused

select tests.is_refused(
    tests.saving('{"idempotency_header": "two words"}'), 'malformed_request', '/idempotency_header',
    'a header''s name is one word'
);
select tests.is_refused(
    tests.saving('{"idempotency_header": ""}'), 'malformed_request', '/idempotency_header', 'not an empty one'
);
select tests.is_refused(
    tests.saving('{"idempotency_header": "{{name}}"}'), 'malformed_request', '/idempotency_header',
    'and no placeholder'
);
select tests.is_refused(
    tests.saving(jsonb_build_object('idempotency_header', repeat('x', 201))), 'malformed_request',
    '/idempotency_header', 'nor a long story'
);
select tests.is_refused(
    tests.saving('{"idempotency_header": "content-Length"}'), 'malformed_request', '/idempotency_header',
    'it may not say how the request is to be read'
);
select tests.is_refused(
    tests.saving('{"idempotency_header": "x-key", "headers": [["A", "b"], ["X-Key", "c"]]}'),
    'malformed_request', '/idempotency_header', 'a header that the test gives itself is not given twice'
);
select tests.is_refused(
    tests.saving(
        '{"idempotency_header": "x-key",
          "auth": {"kind": "api_key", "name": "X-KEY", "value": "{{k}}", "in": "header"}}'
    ),
    'malformed_request', '/idempotency_header', 'nor is the one that signs in'
);
select lives_ok(
    tests.saving(
        '{"idempotency_header": "Cko-Idempotency-Key", "headers": [["Idempotency-Key", "b"]],
          "auth": {"kind": "api_key", "name": "Cko-Idempotency-Key", "value": "{{k}}", "in": "query"}}'
    ),
    'any other will do'
);
select is(
    tests.message_of(
        $$
        select public.save_test(jsonb_build_object(
            'suite', tests.id('flow'), 'name', 'x',
            'request', '{"path": "/", "idempotency_header": "a b"}'::jsonb
        ))
        $$
    ),
    'at /request/idempotency_header: is no name of a header', 'a document is told where'
);
select is(
    tests.slug_of(
        $$
        select public.save_test(jsonb_build_object(
            'suite', tests.id('flow'), 'name', 'x',
            'request', '{"path": "/", "idempotency_header": true}'::jsonb
        ))
        $$
    ),
    'malformed_document', 'and that the name is text'
);

select * from finish();
rollback;
