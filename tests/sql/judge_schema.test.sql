-- A body is held to the JSON Schema of its test, as one more assertion.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/leaks.psql
select plan(14);

select tests.make_test(
    'order', 'flow', '{"json_schema": {"properties": {"id": {"type": "integer"}}}}'
);
select tests.queue('run', tests.only('order'));
select tests.run_all('{"order": {"body": {"id": 5}}}');

select is(
    tests.item('order') -> 'json_schema', '{"properties": {"id": {"type": "integer"}}}',
    'the worker gets the schema with the request'
);
select is(tests.verdicts('run'), array['order: passed'], 'nothing found against it is a pass');
select results_eq(
    $$
    select source, target, operator, expected::text, actual::text, passed, message
    from public.assertion_results
    where run_id = tests.run('run')
    order by assertion_index desc
    limit 1
    $$,
    $$
    values (
        'schema', null::text, 'valid', '[]', '[]', true, 'schema finds nothing wrong with the body'
    )
    $$,
    'and an assertion after all others'
);

select tests.queue('bad', tests.only('order'));
select tests.run_all(
    '{"order": {"body": {"id": "x"}, "schema_errors": [
        {"path": ["items", 1, "a/b"], "schema_path": ["items", "type"], "message": "is not of type ''integer''"},
        {"path": [], "schema_path": ["minimum"], "message": "is less than the minimum of Decimal(''1.10'')"},
        {"path": ["c"], "schema_path": ["const"], "message": "5 was expected"},
        {"path": ["d"], "schema_path": ["const"], "message": "6 was expected"}]}}'
);
select is(tests.verdicts('bad'), array['order: failed'], 'what was found is a failure');
select is(
    (select results.slug from public.test_results as results where results.run_id = tests.run('bad')),
    'assertion_failed', 'as of any assertion'
);
select is(
    (select results.message from public.test_results as results where results.run_id = tests.run('bad')),
    'expected: schema finds nothing wrong with the body; at /items/1/a~1b: is not of type ''integer''; '
    || 'at /: is less than the minimum of 1.10; at /c: 5 was expected (and 1 more)',
    'the message names the first three'
);
select is(
    (
        select verdicts.actual -> 0
        from public.assertion_results as verdicts
        where verdicts.run_id = tests.run('bad') and verdicts.source = 'schema'
    ),
    '{"path": "/items/1/a~1b", "schema_path": "/items/type", "message": "is not of type ''integer''"}',
    'each is kept with its places as JSON pointers'
);

select tests.queue('text', tests.only('order'));
select tests.run_all(
    '{"order": {"text": "<p>", "schema_fault": {"slug": "body_not_json", "message": "the body is not JSON"}}}'
);
select is(
    (
        select format('%s %s: %s', results.status, results.slug, results.message)
        from public.test_results as results
        where results.run_id = tests.run('text')
    ),
    'failed assertion_failed: schema finds nothing wrong with the body: the body is not JSON',
    'a body that is not JSON fails'
);

select tests.queue('cut', tests.only('order'));
select tests.run_all(
    '{"order": {"text": "[1", "schema_fault": {"slug": "body_truncated", "message": "only 2 bytes were read"}}}'
);
select is(
    (
        select format('%s %s %s', results.status, results.category, results.slug)
        from public.test_results as results
        where results.run_id = tests.run('cut')
    ),
    'error response body_truncated', 'of a body that was cut nothing can be said'
);

select tests.queue('broken', tests.only('order'));
select tests.run_all(
    '{"order": {"body": 1, "schema_fault": {"slug": "invalid_schema", "message": "it goes round"}}}'
);
select is(
    (
        select format('%s %s %s', results.status, results.category, results.slug)
        from public.test_results as results
        where results.run_id = tests.run('broken')
    ),
    'error definition invalid_schema', 'nor by a schema that cannot be applied'
);

-- Secrets

select public.set_secret(tests.id('staging'), 'api_token', 'tok-LongEnough-42');
select tests.make_test('secret', 'flow', '{"path": "/{{api_token}}", "json_schema": false}');
select tests.queue('leak', tests.only('secret'));
select tests.run_all(
    jsonb_build_object('secret', jsonb_build_object('body', 1, 'schema_errors', jsonb_build_array(
        jsonb_build_object(
            'path', jsonb_build_array('tok-LongEnough-42'), 'schema_path', '[]'::jsonb,
            'message', repeat('x', 190) || 'tok-LongEnough-42'
        )
    )))
);
select is(
    (
        select verdicts.actual #>> '{0,path}'
        from public.assertion_results as verdicts
        where verdicts.run_id = tests.run('leak') and verdicts.source = 'schema'
    ),
    '/[redacted]', 'a secret in what was found is redacted'
);
select is_empty(
    $$ select tests.leaks('tok-Long') $$, 'before it is shortened, so that no half of it stays'
);

-- Tests without a schema

select tests.make_test('plain', 'flow');
select tests.queue('plain run', tests.only('plain'));
select tests.run_all('{"plain": {"body": 1}}');
select is(tests.item('plain') -> 'json_schema', 'null', 'without a schema the worker gets null');
select is_empty(
    $$
    select from public.assertion_results
    where run_id = tests.run('plain run') and source = 'schema'
    $$,
    'and nothing is judged'
);

select * from finish();
rollback;
