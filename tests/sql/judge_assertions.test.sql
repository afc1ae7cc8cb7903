-- One assertion against an answer: verdict, what was found, message, and problems of the test itself.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(63);

-- Judge one assertion of a test whose answer is given, as a worker would report it.
create function tests.judge(assertion jsonb, answer jsonb)
returns table (actual jsonb, passed boolean, problem text, message text)
language sql
as $function$
    with compiled as (
        select private.compile_expectations(jsonb_build_array(assertion), '[]') as document
    ),

    answers as (
        select tests.observe(lookups.lookup, judge.answer) as observed
        from compiled
        cross join lateral jsonb_array_elements(compiled.document -> 'observe') as lookups (lookup)
    )

    select judged.*
    from compiled
    cross join lateral (select compiled.document #> '{assertions,0}' as item) as items
    cross join lateral private.judge_assertion(
        items.item,
        tests.report('{}', judge.answer || '{"observed": []}') -> 'response',
        tests.report('{}', judge.answer || '{"observed": []}') -> 'timing_ms',
        (select answers.observed from answers where answers.observed -> 'id' = items.item -> 'observe'),
        (select answers.observed from answers where answers.observed -> 'id' = items.item -> 'observe_pattern'),
        null
    ) as judged;
$function$;

create function tests.passes(assertion jsonb, answer jsonb)
returns boolean
language sql
as $function$ select judged.passed from tests.judge(passes.assertion, passes.answer) as judged $function$;

-- Status and duration

select ok(
    tests.passes('{"source": "status", "operator": "equals", "expected": 201}', '{"status": 201}'),
    'a status is equal'
);
select ok(
    not tests.passes(
        '{"source": "status", "operator": "equals", "expected": 201}', '{"status": 200}'
    ),
    'or not'
);
select ok(
    not tests.passes(
        '{"source": "status", "operator": "equals", "expected": "201"}', '{"status": 201}'
    ),
    'a status is a number'
);
select ok(
    tests.passes(
        '{"source": "status", "operator": "one_of", "expected": [200, 204]}', '{"status": 204}'
    ),
    'one of several'
);
select ok(
    tests.passes(
        '{"source": "status", "operator": "less_than", "expected": 300}', '{"status": 204}'
    ),
    'or in a range'
);
select ok(tests.passes('{"source": "status", "operator": "exists"}', '{}'), 'it always exists');
select ok(
    tests.passes(
        '{"source": "duration", "operator": "less_than", "expected": 100}', '{"total_ms": 99.9}'
    ),
    'a duration is in milliseconds'
);
select ok(
    not tests.passes(
        '{"source": "duration", "operator": "less_than", "expected": 100}', '{"total_ms": 100}'
    ),
    'to the limit'
);

-- Body

select ok(
    tests.passes(
        '{"source": "body", "path": "$.a.b", "operator": "equals", "expected": 5}',
        '{"body": {"a": {"b": 5}}}'
    ),
    'a value in the body'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a", "operator": "equals", "expected": 5}',
        '{"body": {"a": "5"}}'
    ),
    'with its type'
);
select ok(
    tests.passes(
        '{"source": "body", "path": "$.n", "operator": "equals",
          "expected": 12345678901234567890.123}',
        '{"body": {"n": 12345678901234567890.123}}'
    ),
    'and all its digits'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.n", "operator": "equals",
          "expected": 12345678901234567890.123}',
        '{"body": {"n": 12345678901234567890.124}}'
    ),
    'which count'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a", "operator": "equals", "expected": null}', '{"body": {}}'
    ),
    'what is not there is not null'
);
select ok(
    tests.passes(
        '{"source": "body", "path": "$.a", "operator": "equals", "expected": null}',
        '{"body": {"a": null}}'
    ),
    'null is'
);
select ok(
    tests.passes(
        '{"source": "body", "path": "$.a", "operator": "exists"}', '{"body": {"a": null}}'
    ),
    'and it exists'
);
select ok(
    not tests.passes('{"source": "body", "path": "$.a", "operator": "exists"}', '{"body": {}}'),
    'what is not there does not'
);
select ok(
    tests.passes('{"source": "body", "path": "$.a", "operator": "not_exists"}', '{"body": {}}'),
    'as can be asserted'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a", "operator": "not_exists"}', '{"body": {"a": 1}}'
    ),
    'also falsely'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a", "operator": "not_equals", "expected": 1}',
        '{"body": {}}'
    ),
    'what is not there differs from nothing'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a", "operator": "not_contains", "expected": 1}',
        '{"body": {}}'
    ),
    'and lacks nothing'
);
select ok(
    tests.passes(
        '{"source": "body", "path": "$.a", "operator": "type", "expected": "array"}',
        '{"body": {"a": []}}'
    ),
    'an array is an array, also when empty'
);
select is(
    (tests.judge('{"source": "body", "path": "$.a[*]", "operator": "exists"}', '{"body": {"a": [1]}}')).actual,
    '[1]',
    'a path that may find several values gives an array, also of one'
);
select ok(
    tests.passes(
        '{"source": "body", "path": "$.a[*].b", "operator": "length", "expected": 2}',
        '{"body": {"a": [{"b": 1}, {"b": 2}]}}'
    ),
    'which has a length'
);
select ok(
    tests.passes(
        '{"source": "body", "path": "$.a[*].b", "operator": "contains", "expected": 2}',
        '{"body": {"a": [{"b": 1}, {"b": 2}]}}'
    ),
    'and elements'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a[*]", "operator": "exists"}', '{"body": {"a": []}}'
    ),
    'which exists when something was found'
);

-- Text and patterns

select ok(
    tests.passes(
        '{"source": "text", "operator": "contains", "expected": "b<"}', '{"text": "a b<c"}'
    ),
    'a text contains'
);
select ok(
    tests.passes(
        '{"source": "text", "operator": "matches", "expected": "^a.c$"}', '{"text": "abc"}'
    ),
    'or matches'
);
select ok(
    not tests.passes(
        '{"source": "text", "operator": "matches", "expected": "^a.c$"}', '{"text": "abcd"}'
    ),
    'or does not'
);
select ok(
    tests.passes(
        '{"source": "body", "path": "$.id", "operator": "matches", "expected": "^[a-f0-9]+$"}',
        '{"body": {"id": "0af"}}'
    ),
    'and so does a value in the body'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.id", "operator": "matches", "expected": ".*"}',
        '{"body": {}}'
    ),
    'nothing matches nothing'
);
select is(
    (tests.judge('{"source": "body", "path": "$.id", "operator": "matches", "expected": "x"}', '{"body": {"id": "0af"}}')).actual,
    '"0af"',
    'what did not match is shown'
);

-- Headers

select ok(
    tests.passes(
        '{"source": "header", "name": "Content-Type", "operator": "contains", "expected": "json"}',
        '{"headers": [["content-type", "application/json"]]}'
    ),
    'a header is found in any case'
);
select ok(
    tests.passes(
        '{"source": "header", "name": "X-Count", "operator": "equals", "expected": 5}',
        '{"headers": [["X-Count", "5"]]}'
    ),
    'its value is text, whatever is expected'
);
select ok(
    tests.passes(
        '{"source": "header", "name": "X-Count", "operator": "not_equals", "expected": 5}',
        '{"headers": [["X-Count", "5.0"]]}'
    ),
    'compared as text'
);
select ok(
    tests.passes(
        '{"source": "header", "name": "X-Count", "operator": "one_of", "expected": [5, 6]}',
        '{"headers": [["X-Count", "6"]]}'
    ),
    'in a list too'
);
select ok(
    tests.passes(
        '{"source": "header", "name": "X-Count", "operator": "greater_than", "expected": 9}',
        '{"headers": [["X-Count", "10"]]}'
    ),
    'compared by size it is a number'
);
select ok(
    not tests.passes(
        '{"source": "header", "name": "X-Count", "operator": "greater_than", "expected": 9}',
        '{"headers": [["X-Count", "ten"]]}'
    ),
    'where it reads as one'
);
select is(
    (tests.judge('{"source": "header", "name": "Via", "operator": "exists"}', '{"headers": [["Via", "a"], ["via", "b"]]}')).actual,
    '"a, b"',
    'several of one name read as one'
);
select ok(
    tests.passes(
        '{"source": "header", "name": "X-No", "operator": "not_exists"}', '{"headers": []}'
    ),
    'a header may be absent'
);
select ok(
    tests.passes(
        '{"source": "header", "name": "X-Empty", "operator": "exists"}',
        '{"headers": [["X-Empty", ""]]}'
    ),
    'or present and empty'
);

-- Verdicts where nothing can be compared

select is(
    (select array[passed::text, problem] from tests.judge('{"source": "body", "path": "$.a", "operator": "greater_than", "expected": 1}', '{"body": {"a": "2"}}')),
    array['false', null], 'what cannot be compared is false, not an error'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a", "operator": "not_contains", "expected": 1}',
        '{"body": {"a": 5}}'
    ),
    'also when it is denied'
);
select ok(
    not tests.passes(
        '{"source": "body", "path": "$.a", "operator": "one_of", "expected": 1}',
        '{"body": {"a": 1}}'
    ),
    'or malformed'
);

-- Messages

select is(
    (tests.judge('{"source": "status", "operator": "equals", "expected": 200}', '{"status": 500}')).message,
    'expected: status equals 200; got 500', 'a failure tells what was expected and what was found'
);
select is(
    (private.judge_assertion(
        '{"source": "status", "operator": "equals", "expected": 200}',
        jsonb_build_object(
            'status', 401, 'encoding', 'utf-8',
            'body', E'{"code": 401,\n  "message": "The token tok-LongEnough-42 has expired"}'
        ),
        '{}', null, null, array['tok-LongEnough-42']
    )).message,
    'expected: status equals 200; got 401; the answer: '
    || '{"code": 401, "message": "The token [redacted] has expired"}',
    'another status than expected tells what the API said of it, redacted'
);
select is(
    length((private.judge_assertion(
        '{"source": "status", "operator": "equals", "expected": 200}',
        jsonb_build_object('status', 500, 'encoding', 'utf-8', 'body', repeat('long ', 5000)),
        '{}', null, null, null
    )).message),
    length('expected: status equals 200; got 500; the answer: ') + 160, 'in short'
);
select is(
    (private.judge_assertion(
        '{"source": "status", "operator": "equals", "expected": 200}',
        '{"status": 500, "encoding": "base64", "body": "AAAA"}', '{}', null, null, null
    )).message,
    'expected: status equals 200; got 500', 'if it is text'
);
select is(
    (tests.judge('{"source": "body", "path": "$.a", "operator": "equals", "expected": 1}', '{"body": {}}')).message,
    'expected: body $.a equals 1; found nothing', 'or that nothing was'
);
select is(
    (tests.judge('{"source": "status", "operator": "equals", "expected": 200}', '{"status": 200}')).message,
    'status equals 200', 'a success tells what was asserted'
);
select is(
    (tests.judge('{"source": "header", "name": "X-A", "operator": "exists"}', '{}')).message,
    'expected: header X-A exists; found nothing', 'an operator without an operand too'
);
select cmp_ok(
    length(
        (tests.judge('{"source": "text", "operator": "equals", "expected": "x"}', jsonb_build_object('text', repeat('y', 5000)))).message
    ),
    '<', 200, 'a long value is shortened'
);
select is_empty(
    $$
    select operators.operator
    from unnest(array['equals', 'not_equals', 'greater_than', 'greater_or_equal', 'less_than', 'less_or_equal', 'contains', 'not_contains', 'matches', 'exists', 'not_exists', 'type', 'length', 'one_of']) as operators (operator)
    where private.describe_assertion(jsonb_build_object('source', 'body', 'path', '$.a', 'operator', operators.operator, 'expected', 1)) ~ '_'
    $$,
    'every operator reads as words'
);

-- Problems of look-ups

create function tests.judge_error(slug text)
returns table (actual jsonb, passed boolean, problem text, message text)
language sql
as $function$
    select judged.*
    from private.judge_assertion(
        '{"source": "body", "path": "$.a", "operator": "exists", "observe": 0}', '{"status": 200}',
        '{}',
        jsonb_build_object(
            'id', 0, 'found', false, 'values', '[]'::jsonb, 'error',
            jsonb_build_object('slug', judge_error.slug, 'message', 'it said')
        ),
        null, null
    ) as judged;
$function$;

select results_eq(
    $$ select passed, problem, message from tests.judge_error('invalid_path') $$,
    $$ values (false, 'invalid_path', 'body $.a exists: it said') $$,
    'a broken path is a problem of the test'
);
select results_eq(
    $$ select passed, problem, message from tests.judge_error('body_not_json') $$,
    $$ values (false, null::text, 'body $.a exists: it said') $$,
    'an answer that is not JSON is the API''s fault: a failure'
);

-- An answer as a whole

select tests.make_test('several', 'flow', '{"assertions": [
    {"source": "status", "operator": "equals", "expected": 200},
    {"source": "body", "path": "$.a", "operator": "equals", "expected": 1},
    {"source": "body", "path": "$.b", "operator": "exists"}],
    "captures": [{"name": "c", "source": "body", "path": "$.c"}]}');

create function tests.outcome_of(answer jsonb)
returns table (status text, category text, slug text, message text)
language plpgsql
as $function$
declare
    v_run text := gen_random_uuid();
begin
    perform tests.queue(v_run);
    perform tests.run_all(jsonb_build_object('several', outcome_of.answer));
    return query
    select result.status, result.category, result.slug,
    result.message from tests.result(v_run, 'several') as result;
end;
$function$;

select results_eq(
    $$ select * from tests.outcome_of('{"body": {"a": 1, "b": 2, "c": 3}}') $$,
    $$ values ('passed', null::text, null::text, null::text) $$, 'all true is passed'
);
select results_eq(
    $$ select * from tests.outcome_of('{"body": {"a": 2, "c": 3}}') $$,
    $$
    values ('failed', 'assertion', 'assertion_failed', 'expected: body $.a equals 1; got 2 (and 1 more)')
    $$,
    'one false is failed: the first is told, the others counted'
);
select results_eq(
    $$ select * from tests.outcome_of('{"body": {"a": 1, "b": 2}}') $$,
    $$ values ('failed', 'capture', 'capture_missing', 'nothing was found to capture as {{c}}') $$,
    'a required capture that found nothing is failed'
);
select results_eq(
    $$
    select status, category, slug
    from tests.outcome_of('{"error": {"category": "dns", "message": "no such host"}}')
    $$,
    $$ values ('error', 'network', 'dns_failed') $$, 'no answer is an error'
);
select results_eq(
    $$
    select categories.category, reasons.category, reasons.slug
    from unnest(array['timeout', 'dns', 'connect', 'tls', 'protocol', 'egress_denied', 'too_large', 'definition', 'unreportable', 'something new']) with ordinality as categories (category, ordinal)
    cross join lateral private.error_reason(categories.category) as reasons
    order by categories.ordinal
    $$,
    $$ values
    ('timeout', 'timeout', 'request_timeout'), ('dns', 'network', 'dns_failed'),
    ('connect', 'network', 'connect_failed'),
    ('tls', 'network', 'tls_failed'), ('protocol', 'network', 'protocol_error'),
    ('egress_denied', 'egress', 'egress_denied'),
    ('too_large', 'response', 'response_too_large'),
    ('definition', 'definition', 'invalid_definition'),
    ('unreportable', 'worker', 'unreportable'), ('something new', 'worker', 'worker_failed')
    $$,
    'every category of the wire has its reason'
);
select is(
    (select message from tests.outcome_of('{"error": {"category": "dns", "message": "no such host"}}')),
    'no such host',
    'and the worker''s words are kept'
);
select is(
    (
        select status || ' / ' || slug
        from tests.outcome_of('{"body": {}, "observed": [
            {"id": 0, "found": false, "values": [], "error": {"slug": "invalid_path",
            "message": "m"}},
            {"id": 1, "found": false, "values": [], "error": {"slug": "invalid_path",
            "message": "m"}},
            {"id": 2, "found": false, "values": [], "error": {"slug": "invalid_path", "message": "m"}}]}')
    ),
    'error / invalid_path', 'a problem of the test is an error, even where an assertion is false'
);
select is(
    (
        select status || ' / ' || slug
        from tests.outcome_of('{"text": "<html>", "observed": [
            {"id": 0, "found": false, "values": [], "error": {"slug": "body_not_json",
            "message": "m"}},
            {"id": 1, "found": false, "values": [], "error": {"slug": "body_not_json",
            "message": "m"}},
            {"id": 2, "found": false, "values": [], "error": {"slug": "body_not_json", "message": "m"}}]}')
    ),
    'failed / assertion_failed', 'an answer that is not JSON is failed'
);
select is(
    (select status || ' / ' || slug from tests.outcome_of('{"merge": {"response": null}}')),
    'error / worker_failed',
    'neither answer nor error is an error'
);

select * from finish();
rollback;
