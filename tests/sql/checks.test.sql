-- What cannot be saved: constraints on tests, requests, expectations, fixtures and environments.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(82);

-- Saving a test with one setting.
create function tests.saving(settings jsonb)
returns text
language sql
as $function$
    select format('select tests.make_test(%L, ''flow'', %L)', md5(settings::text), settings);
$function$;

create function tests.asserting(assertion jsonb)
returns text
language sql
as $function$ select tests.saving(jsonb_build_object('assertions', jsonb_build_array(assertion))) $function$;

create function tests.capturing(capture jsonb)
returns text
language sql
as $function$ select tests.saving(jsonb_build_object('captures', jsonb_build_array(capture))) $function$;

create function tests.is_refused(statement text, description text)
returns text
language sql
as $function$ select is(tests.slug_of(statement), 'malformed_expectation', description) $function$;

create function tests.is_invalid(statement text, description text)
returns text
language sql
as $function$ select throws_ok(statement, '23514', null, description) $function$;

-- Assertions

select lives_ok(
    tests.saving('{"assertions": [
        {"source": "status", "operator": "equals", "expected": 200},
        {"source": "duration", "operator": "less_than", "expected": 500},
        {"source": "header", "name": "X", "operator": "exists"},
        {"source": "body", "path": "$.a", "operator": "one_of", "expected": [1, null]},
        {"source": "body", "path": "$.a", "operator": "equals", "expected": null},
        {"source": "body", "path": "$.a", "operator": "type", "expected": "integer"},
        {"source": "body", "path": "$.a", "operator": "length", "expected": 3},
        {"source": "body", "path": "$.a", "operator": "greater_or_equal", "expected": "2026-01-01"},
        {"source": "body", "path": "$.a", "operator": "not_exists"},
        {"source": "text", "operator": "matches", "expected": "^x"}]}'),
    'every source and kind of operator can be saved'
);
select lives_ok(
    tests.saving('{"assertions": [
        {"source": "body", "path": "$.a", "operator": "length", "expected": "{{n}}"},
        {"source": "body", "path": "$.a", "operator": "one_of", "expected": "{{list}}"},
        {"source": "body", "path": "$.a", "operator": "type", "expected": "{{type}}"}]}'),
    'a template may give what is expected'
);
select throws_ok(
    tests.asserting('{"source": "moon", "operator": "exists"}'), 'PT400', null,
    'an unknown source is refused'
);
select tests.is_refused(tests.asserting('{"source": "moon", "operator": "exists"}'), 'by its slug');
select tests.is_refused(tests.asserting('{"operator": "exists"}'), 'no source');
select tests.is_refused(tests.asserting('{"source": null, "operator": "exists"}'), 'or a null one');
select tests.is_refused(tests.asserting('"status"'), 'an assertion that is no object');
select tests.is_refused(tests.asserting('null'), 'or null');
select tests.is_refused(
    tests.asserting('{"source": "body", "operator": "exists"}'), 'a body without a path'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": 5, "operator": "exists"}'),
    'or with a number for one'
);
select tests.is_refused(
    tests.asserting('{"source": "header", "operator": "exists"}'), 'a header without a name'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "equal", "expected": 200}'),
    'a misspelled operator'
);
select tests.is_refused(tests.asserting('{"source": "status", "expected": 200}'), 'no operator');
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "equals"}'), 'nothing expected'
);
select tests.is_refused(
    tests.asserting('{"source": "text", "operator": "matches", "expected": 5}'),
    'a pattern that is no text'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "one_of", "expected": 200}'),
    'one of a number'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "one_of", "expected": null}'), 'or of null'
);
select tests.is_refused(
    tests.asserting('{"source": "text", "operator": "length", "expected": "3"}'),
    'a length that is text'
);
select tests.is_refused(
    tests.asserting('{"source": "text", "operator": "length", "expected": null}'), 'or null'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "less_than", "expected": true}'),
    'less than true'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "less_than", "expected": null}'),
    'or than null'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": "$", "operator": "type", "expected": "float"}'),
    'a type that JSON lacks'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": "$", "operator": "type", "expected": null}'),
    'or null'
);
select tests.is_invalid(tests.saving('{"assertions": {}}'), 'assertions that are no list');
select matches(
    tests.message_of(
        tests.saving(
            '{"assertions": [{"source": "status", "operator": "exists"}, {"source": "x"}]}'
        )
    ),
    '\m2\M',
    'the message says which one'
);

-- Captures

select lives_ok(
    tests.saving('{"captures": [
        {"name": "a", "source": "body", "path": "$.a"},
        {"name": "b_2-c", "source": "header", "header": "X"},
        {"name": "c", "source": "text", "pattern": "x(.)", "required": false, "kind": "token"}]}'),
    'every kind of capture can be saved'
);
select tests.is_refused(
    tests.capturing('{"source": "body", "path": "$.a"}'), 'a capture without a name'
);
select tests.is_refused(
    tests.capturing('{"name": "a b", "source": "body", "path": "$.a"}'),
    'or with none that could be used'
);
select tests.is_refused(
    tests.capturing('{"name": "$uuid", "source": "text"}'), 'or with that of a dynamic value'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "status"}'), 'a status is nothing to capture'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "text", "kind": "cookie"}'), 'an unknown kind'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "text", "required": "yes"}'),
    'a yes that is no boolean'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "text", "pattern": 5}'), 'a pattern that is no text'
);
select tests.is_invalid(tests.saving('{"captures": {}}'), 'captures that are no list');

-- Requests

select lives_ok(
    tests.saving(
        '{"body": {"kind": "form", "value": [["a", "b"], ["a", "c"]]}, "query": [["a", ""]],
          "headers": [["A", "b"]]}'
    ),
    'pairs may repeat a name'
);
select lives_ok(
    tests.saving('{"body": {"kind": "text", "value": "x", "content_type": "text/csv"}}'),
    'a body may be text'
);
select lives_ok(tests.saving('{"body": {"kind": "json", "value": null}}'), 'or null');
select tests.is_invalid(tests.saving('{"body": {"kind": "json"}}'), 'a body needs a value');
select tests.is_invalid(tests.saving('{"body": {"kind": "xml", "value": "x"}}'), 'of a known kind');
select tests.is_invalid(tests.saving('{"body": {"kind": "text", "value": 5}}'), 'a text is text');
select tests.is_invalid(
    tests.saving('{"body": {"kind": "form", "value": {"a": "b"}}}'), 'a form is pairs'
);
select tests.is_invalid(tests.saving('{"body": "x"}'), 'and a body an object');
select tests.is_invalid(tests.saving('{"headers": {"A": "b"}}'), 'headers are pairs');
select tests.is_invalid(tests.saving('{"headers": [["A"]]}'), 'of two');
select tests.is_invalid(tests.saving('{"headers": [["A", 5]]}'), 'texts');
select tests.is_invalid(
    tests.saving('{"query": [["A", "b", "c"]]}'), 'and no more, in the query too'
);
select tests.is_invalid(tests.saving('{"method": "get"}'), 'a method is upper case');

-- Sign-in

create function tests.is_no_auth(auth jsonb, description text)
returns text
language sql
as $function$
    select is(
        tests.slug_of(tests.saving(jsonb_build_object('auth', is_no_auth.auth))), 'malformed_auth', description
    );
$function$;

select lives_ok(
    $$
    select tests.make_test('auth ' || kinds.number, 'flow', jsonb_build_object('auth', kinds.auth))
    from jsonb_array_elements('[
        {"kind": "none"}, {"kind": "bearer", "token": "{{t}}"},
        {"kind": "basic", "username": "u", "password": ""},
        {"kind": "api_key", "name": "X", "value": "y", "in": "query"},
        {"kind": "jwt_hs256", "secret": "s", "ttl_s": 60, "claims": {"a": 1}}, {"credential": "robot"}
    ]') with ordinality as kinds (auth, number)
    $$,
    'every kind of sign-in can be saved'
);
select throws_ok(tests.saving('{"auth": {"kind": "magic"}}'), 'PT400', null, 'an unknown kind is refused');
select tests.is_no_auth('{"kind": "magic"}', 'by its slug');
select tests.is_no_auth('"Bearer x"', 'a sign-in is an object');
select tests.is_no_auth('{}', 'with a kind');
select tests.is_no_auth('{"kind": "bearer"}', 'a bearer has a token');
select tests.is_no_auth('{"kind": "bearer", "token": 5}', 'that is text');
select tests.is_no_auth('{"kind": "basic", "username": "u"}', 'a user has a password');
select tests.is_no_auth('{"kind": "api_key", "value": "y"}', 'a key has a name');
select tests.is_no_auth('{"kind": "jwt_hs256", "issuer": "i"}', 'and a signature a secret');
select tests.is_invalid(
    tests.saving('{"auth": {"kind": "jwt_hs256", "secret": "s", "ttl_s": "an hour"}}'), 'its life is a number'
);

-- Tests

select tests.is_invalid(tests.saving('{"phase": "before"}'), 'a phase is one of three');
select tests.is_invalid(tests.saving('{"rescue": "perhaps"}'), 'and so is rescue');
select tests.is_invalid($$ select tests.make_test(' ', 'flow') $$, 'a test has a name');
select tests.make_test('named', 'flow');
select throws_ok(
    $$
    insert into public.test_cases (project_id, suite_id, name)
    values (tests.id('shop'), tests.id('flow'), 'named')
    $$,
    '23505', null, 'of its own within the suite'
);
select tests.is_invalid(
    $$ select tests.make_suite('x', 'shop', '{"execution_mode": "random"}') $$,
    'a suite is parallel or sequential'
);
select tests.is_invalid(
    $$ select tests.make_suite('x', 'shop', '{"variables": []}') $$, 'its variables are an object'
);
select throws_ok(
    $$
    insert into public.api_credentials (organization_id, name, auth)
    values (tests.id('acme'), 'x', '{}')
    $$,
    'PT400', null, 'a credential has a kind'
);
select tests.is_invalid(
    $$
    insert into public.api_credentials (organization_id, name, auth)
    values (tests.id('acme'), 'x', '{"credential": "y"}')
    $$,
    'and is not another one'
);
select tests.make_suite('second', 'shop');
select tests.make_test('far', 'second');
select tests.is_invalid(
    $$ select tests.depend('named', 'far', 'sometimes') $$, 'a dependency is one of three kinds'
);
select throws_ok(
    $$ select tests.depend('named', 'nowhere', 'data') $$, '23503', null, 'on a test that exists'
);

-- Fixtures

select tests.is_invalid(
    $$ select tests.make_fixture('x', 'shop', '[{"values": {}}]') $$, 'a row has a key'
);
select tests.is_invalid(
    $$ select tests.make_fixture('x', 'shop', '[{"key": "", "values": {}}]') $$,
    'that is not empty'
);
select tests.is_invalid(
    $$ select tests.make_fixture('x', 'shop', '[{"key": "a", "values": 5}]') $$,
    'and values with names'
);
select tests.is_invalid(
    $$ select tests.make_fixture('x', 'shop', '{"key": "a"}') $$, 'rows are a list'
);

-- Environments

select lives_ok(
    $$
    select tests.make_environment('e', 'shop', '{"base_url": "https://user@host.test:8443/api/v7"}')
    $$,
    'a base URL has host and path'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "host.test"}') $$, 'and a scheme'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "ftp://host.test"}') $$,
    'of the web'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "https://host.test/?a=b"}') $$,
    'no query'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "https://"}') $$, 'and a host'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"max_parallel": 0}') $$,
    'some request must be possible'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"rate_limit_per_s": 0}') $$, 'at some time'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"run_timeout_ms": 10}') $$,
    'and a run needs a second'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"variables": {"a b": 1}}') $$,
    'a variable has a name that can be used'
);
select tests.is_invalid(
    $$
    insert into public.environment_variables (environment_id, project_id, name)
    values (tests.id('e'), tests.id('shop'), 'x')
    $$,
    'and a value, or it is a secret'
);

select * from finish();
rollback;
