-- Malformed requests, sign-ins, retry policies, variables and fixtures are refused when they are saved.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/checks.psql
select plan(72);

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
select tests.is_refused(
    tests.saving('{"body": {"kind": "json"}}'), 'malformed_request', '/body/value',
    'a body needs a value'
);
select tests.is_refused(
    tests.saving('{"body": {"kind": "xml", "value": "x"}}'), 'malformed_request', '/body/kind',
    'of a known kind'
);
select tests.is_refused(
    tests.saving('{"body": {"value": "x"}}'), 'malformed_request', '/body/kind',
    'or of any'
);
select tests.is_refused(
    tests.saving('{"body": {"kind": "text", "value": 5}}'), 'malformed_request', '/body/value',
    'a text is text'
);
select tests.is_refused(
    tests.saving('{"body": {"kind": "text", "value": "x", "content_type": 5}}'), 'malformed_request', '/body/content_type',
    'and so is its type'
);
select tests.is_refused(
    tests.saving('{"body": {"kind": "form", "value": {"a": "b"}}}'), 'malformed_request', '/body/value',
    'a form is pairs'
);
select tests.is_refused(
    tests.saving('{"body": {"kind": "form", "value": [["a", "b"], ["c"]]}}'), 'malformed_request', '/body/value/1',
    'each of two'
);
select tests.is_refused(
    tests.saving('{"body": {"kind": "json", "value": 1, "content_type": "a"}}'), 'malformed_request', '/body/content_type',
    'what has no meaning is refused'
);
select tests.is_refused(
    tests.saving('{"body": "x"}'), 'malformed_request', '/body',
    'and a body is an object'
);
select tests.is_refused(
    tests.saving('{"headers": {"A": "b"}}'), 'malformed_request', '/headers',
    'headers are pairs'
);
select tests.is_refused(
    tests.saving('{"headers": [["A"]]}'), 'malformed_request', '/headers/0',
    'of two'
);
select tests.is_refused(
    tests.saving('{"headers": [["A", "b"], ["A", 5]]}'), 'malformed_request', '/headers/1',
    'texts'
);
select tests.is_refused(
    tests.saving('{"query": [["A", "b", "c"]]}'), 'malformed_request', '/query/0',
    'and no more, in the query too'
);
select tests.is_refused(
    tests.saving('{"path": "/a/{{b | nope}}"}'), 'template_syntax', '/path, character 4',
    'a malformed placeholder is refused with its place'
);
select tests.is_refused(
    tests.saving('{"body": {"kind": "json", "value": {"a": [1, "xy{{"]}}}'), 'template_syntax',
    '/body/value/a/1, character 3', 'in every part of a request'
);
select tests.is_refused(
    tests.saving('{"query": [["a", "\\{{ {{a.}}"]]}'), 'template_syntax', '/query/0/1, character 5',
    'counted in what was written'
);
select tests.is_invalid(tests.saving('{"method": "get"}'), 'a method is upper case');

-- Sign-in

create function tests.is_no_auth(auth jsonb, place text, description text)
returns text
language sql
as $function$
    select tests.is_refused(
        tests.saving(jsonb_build_object('auth', is_no_auth.auth)), 'malformed_auth',
        '/auth' || is_no_auth.place, description
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
select tests.is_no_auth('{"kind": "magic"}', '/kind', 'by its slug');
select tests.is_no_auth('"Bearer x"', '', 'a sign-in is an object');
select tests.is_no_auth('{}', '/kind', 'with a kind');
select tests.is_no_auth('{"kind": "bearer"}', '/token', 'a bearer has a token');
select tests.is_no_auth('{"kind": "bearer", "token": 5}', '/token', 'that is text');
select tests.is_no_auth('{"kind": "basic", "username": "u"}', '/password', 'a user has a password');
select tests.is_no_auth('{"kind": "api_key", "value": "y"}', '/name', 'a key has a name');
select tests.is_no_auth('{"kind": "jwt_hs256", "issuer": "i"}', '/secret', 'and a signature a secret');
select tests.is_no_auth(
    '{"kind": "jwt_hs256", "secret": "s", "ttl_s": "an hour"}', '/ttl_s', 'its life is a number'
);
select tests.is_no_auth(
    '{"kind": "jwt_hs256", "secret": "s", "claims": []}', '/claims', 'its claims have names'
);
select tests.is_no_auth(
    '{"kind": "jwt_hs256", "secret": "s", "issuer": 5}', '/issuer', 'its issuer is text'
);
select tests.is_no_auth(
    '{"kind": "api_key", "name": "X", "value": "y", "in": "body"}', '/in', 'a key has its place'
);
select tests.is_no_auth('{"credential": 5}', '/credential', 'a credential is named by text');
select tests.is_no_auth(
    '{"kind": "bearer", "token": "t", "tokn": "u"}', '/tokn', 'a misspelled member is found'
);
select tests.is_refused(
    $$
    insert into public.api_credentials (organization_id, name, auth)
    values (tests.id('acme'), 'x', '{}')
    $$,
    'malformed_auth', '/auth/kind', 'a credential has a kind'
);
select tests.is_refused(
    $$
    insert into public.api_credentials (organization_id, name, auth)
    values (tests.id('acme'), 'x', '{"credential": "y"}')
    $$,
    'malformed_auth', '/auth/credential', 'and is not another one'
);
select tests.is_refused(
    $$
    insert into public.api_credentials (organization_id, name, auth)
    values (tests.id('acme'), 'x', '{"kind": "bearer", "token": "{{"}')
    $$,
    'template_syntax', '/auth/token, character 1', 'nor a malformed placeholder'
);
select tests.is_refused(
    format(
        'insert into public.api_credentials (organization_id, name, auth) values (%L, ''x'', %L)',
        tests.id('acme'), literals.auth
    ),
    'literal_secret', '/auth/' || literals.member, literals.member || ' is not written out'
)
from (
    values
    ('token', '{"kind": "bearer", "token": "abc"}'),
    ('password', '{"kind": "basic", "username": "{{user}}", "password": "abc"}'),
    ('value', '{"kind": "api_key", "name": "{{name}}", "value": "\\{{abc}}"}'),
    ('secret', '{"kind": "jwt_hs256", "secret": "", "issuer": "{{issuer}}"}')
) as literals (member, auth);

-- Retry policies

create function tests.is_no_policy(policy jsonb, place text, description text)
returns text
language sql
as $function$
    select tests.is_refused(
        tests.saving(jsonb_build_object('retry', policy)), 'malformed_retry', '/retry' || place,
        description
    );
$function$;

select lives_ok(
    tests.saving(
        '{"retry": {"attempts": 3, "base_ms": 200, "factor": 1.5, "cap_ms": 5000,
          "deadline_ms": 60000, "statuses": [502],
          "retry_on": ["status", "network", "timeout", "assertion", "capture"]}}'
    ),
    'a policy has all of these'
);
select tests.is_no_policy('{"attempts": "many"}', '/attempts', 'attempts are a number');
select tests.is_no_policy('{"attempts": [3]}', '/attempts', 'not a list of one');
select tests.is_no_policy('{"attempts": 0}', '/attempts', 'of one or more');
select tests.is_no_policy('{"attempts": 1.5}', '/attempts', 'whole');
select tests.is_no_policy('{"base_ms": [200]}', '/base_ms', 'a delay is a number');
select tests.is_no_policy('{"cap_ms": 86400001}', '/cap_ms', 'of a day at most');
select tests.is_no_policy('{"factor": "2"}', '/factor', 'and so is the factor');
select tests.is_no_policy('{"deadline_ms": null}', '/deadline_ms', 'and the deadline');
select tests.is_no_policy('{"statuses": 502}', '/statuses', 'statuses are a list');
select tests.is_no_policy('{"statuses": ["502"]}', '/statuses', 'of numbers');
select tests.is_no_policy('{"retry_on": ["luck"]}', '/retry_on', 'only reasons that exist are reasons');
select tests.is_no_policy('{"atempts": 3}', '/atempts', 'a misspelled name is found');
select tests.is_no_policy('[]', '', 'a policy is an object');

-- Variables

select tests.is_refused(
    $$ select tests.make_suite('x', 'shop', '{"variables": []}') $$, 'malformed_variables',
    '/variables', 'variables are an object'
);
select tests.is_refused(
    $$ select tests.make_suite('x', 'shop', '{"variables": {"a": 1, "b c": 2}}') $$,
    'malformed_variables', '/variables/b c', 'of names that a placeholder can have'
);
select tests.is_refused(
    $$ select tests.make_project('x', 'acme', '{"a/b": 1}') $$, 'malformed_variables',
    '/variables/a~1b', 'in a project too'
);
select tests.is_refused(
    $$ select tests.make_suite('x', 'shop', '{"headers": [["A"]]}') $$, 'malformed_request',
    '/headers/0', 'the headers of a suite are pairs'
);
select tests.is_refused(
    $$ select tests.make_suite('x', 'shop', '{"headers": [["A", "{{a"]]}') $$, 'template_syntax',
    '/headers/0/1, character 1', 'of templates'
);
select tests.is_refused(
    $$ select tests.make_suite('x', 'shop', '{"auth": {"kind": "bearer"}}') $$, 'malformed_auth',
    '/auth/token', 'and its sign-in is one'
);

-- Fixtures

create function tests.is_no_fixture(fixture_rows jsonb, slug text, place text, description text)
returns text
language sql
as $function$
    select tests.is_refused(
        format('select tests.make_fixture(''x'', ''shop'', %L)', fixture_rows), slug,
        '/rows' || place, description
    );
$function$;

select tests.is_no_fixture('[{"values": {}}]', 'malformed_fixture', '/0/key', 'a row has a key');
select tests.is_no_fixture(
    '[{"key": "", "values": {}}]', 'malformed_fixture', '/0/key', 'that is not empty'
);
select tests.is_no_fixture(
    '[{"key": "a", "values": {}}, {"key": "b", "values": 5}]', 'malformed_variables', '/1/values',
    'and values with names'
);
select tests.is_no_fixture('[{"key": "a"}]', 'malformed_fixture', '/0/values', 'that are there');
select tests.is_no_fixture(
    '[{"key": "a", "values": {}, "vals": {}}]', 'malformed_fixture', '/0/vals', 'and nothing else'
);
select tests.is_no_fixture('{"key": "a"}', 'malformed_fixture', '', 'rows are a list');
select tests.is_no_fixture('[5]', 'malformed_fixture', '/0', 'of objects');
select tests.is_no_fixture('[]', 'malformed_fixture', '', 'at least one');
select tests.is_no_fixture(
    '[{"key": "a", "values": {}}, {"key": "b", "values": {}}, {"key": "a", "values": {}}]',
    'malformed_fixture', '/2/key', 'with keys that differ'
);

select * from finish();
rollback;
