-- Secrets: who sets them, where they are, where they go, and that they stay nowhere else.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/leaks.psql
select plan(59);

create function tests.setting(value text, name text default 'api_token', environment text default 'staging')
returns text
language sql
as $function$ select format('select public.set_secret(%L, %L, %L)', tests.id(environment), name, value) $function$;

-- Who sets them

select tests.act_as('olga');
select lives_ok(tests.setting('the first value'), 'an owner sets a secret');
select tests.act_as('adam');
select lives_ok(tests.setting('the second value'), 'an admin changes it');
select tests.act_as('eda');
select throws_ok(tests.setting('the third value'), 'PT404', null, 'an editor may not');
select tests.act_as('vera');
select throws_ok(tests.setting('the third value'), 'PT404', null, 'and neither may a viewer');
select tests.act_as('otto');
select throws_ok(tests.setting('the third value'), 'PT404', null, 'or a stranger');
select tests.act_as_anon();
select throws_ok(tests.setting('the third value'), '42501', null, 'or nobody');
select tests.act_as_service();
select lives_ok(tests.setting('the right value'), 'the secret key may');
select tests.act_as_owner();

-- What may be one

select throws_ok(tests.setting('short'), 'PT400', null, 'a short value is refused');
select throws_ok(tests.setting('seven..'), 'PT400', null, 'with less than 8 characters');
select lives_ok(tests.setting('12345678a', 'long_enough'), 'not with 8 or more');
select throws_ok(tests.setting('123456789012'), 'PT400', null, 'a number is refused');
select throws_ok(tests.setting('12345.6789'), 'PT400', null, 'with or without a point');
select throws_ok(tests.setting(''), 'PT400', null, 'empty text too');
select throws_ok(
    format('select public.set_secret(%L, %L, null)', tests.id('staging'), 'api_token'), 'PT400', null, 'and null'
);
select is(tests.slug_of(tests.setting('short')), 'weak_secret', 'by its slug');
select unalike(tests.message_of(tests.setting('shorty')), '%shorty%', 'which does not show it');
select throws_ok(tests.setting('the right value', 'no name'), '23514', null, 'a name is a name');
select throws_ok(
    tests.setting('the right value', 'name', 'nowhere'), 'PT404', null, 'and an environment exists'
);

-- Where they are

select results_eq(
    $$
    select name, value, secret_id is not null
    from public.environment_variables
    where environment_id = tests.id('staging') and name = 'api_token'
    $$,
    $$ values ('api_token', null::jsonb, true) $$, 'the variable holds no value'
);
select is(
    (
        select secrets.decrypted_secret
        from vault.decrypted_secrets as secrets
        inner join public.environment_variables as variables on variables.secret_id = secrets.id
        where variables.environment_id = tests.id('staging') and variables.name = 'api_token'
    ),
    'the right value', 'Vault does'
);
select is(
    (select count(*) from vault.secrets where description = 'A secret of an Assay environment.'),
    (select count(*) from public.environment_variables where secret_id is not null),
    'one entry each, however often it is changed'
);
select is_empty($$ select tests.leaks('the right value') $$, 'and it is nowhere else');
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'was_plain', '"plain text value"');
select isnt_empty(
    $$ select tests.leaks('plain text value') $$, 'a plain variable is found when it is looked for'
);
select lives_ok(
    tests.setting('plain text value', 'was_plain'), 'a plain variable becomes a secret'
);
select is_empty($$ select tests.leaks('plain text value') $$, 'and then it is nowhere');

-- Gone

create table tests.kept as select secret_id from public.environment_variables where name = 'was_plain';
delete from public.environment_variables where name = 'was_plain';
select is_empty(
    $$ select from vault.secrets where id in (select secret_id from tests.kept) $$,
    'with its variable a secret is gone from Vault'
);
select tests.make_environment('passing', 'shop');
select public.set_secret(tests.id('passing'), 'one', 'a passing value');
create table tests.passed as
select secret_id from public.environment_variables where environment_id = tests.id('passing');
select isnt_empty(
    $$ select from vault.secrets where id in (select secret_id from tests.passed) $$, 'another is there'
);
delete from public.environments where id = tests.id('passing');
select is_empty(
    $$ select from vault.secrets where id in (select secret_id from tests.passed) $$,
    'until its environment is gone'
);

-- Where they go

savepoint empty;
select tests.make_test(
    'call', 'flow',
    '{"method": "POST", "path": "/a/{{api_token}}", "query": [["key", "{{api_token}}"]],
      "headers": [["X-Key", "Key {{api_token}}"], ["X-Plain", "open"]],
      "body": {"kind": "json", "value": {"password": "{{api_token}}", "n": 1.50}},
      "assertions": [
        {"source": "body", "path": "$.echo", "operator": "equals", "expected": "{{api_token}}"},
        {"source": "body", "path": "$.other", "operator": "equals", "expected": "nothing"},
        {"source": "text", "operator": "contains", "expected": "{{api_token}}"}],
      "captures": [{"name": "mine", "source": "body", "path": "$.n"}]}'
);
select tests.queue('run');
select tests.claim('1');
select is(
    tests.request('call') ->> 'url',
    'https://api.test/v1/a/the%20right%20value?key=the%20right%20value',
    'the worker gets the URL with the secret'
);
select is(tests.request('call') #>> '{headers,0,1}', 'Key the right value', 'the headers');
select is(tests.request('call') #>> '{body,value,password}', 'the right value', 'and the body');
select is(
    tests.request('call') -> 'secret_headers', '["x-key"]',
    'and is told which headers must not go elsewhere'
);
create table tests.said as
select tests.answer(
    'call',
    '{"status": 200, "headers": [["X-Echo", "the right value"]],
      "body": {"echo": "the right value", "other": "not the right value!", "n": 12345678901234567890.10, "the right value": true}}'
) as reply;
select results_eq(
    $$ select status, message from tests.result('run', 'call') $$,
    $$ values ('failed', 'expected: body $.other equals "nothing"; got "not [redacted]!"') $$,
    'a message shows it redacted'
);
select results_eq(
    $$
    select request -> 'headers', request #> '{body,value}'
    from public.test_result_details
    where run_id = tests.run('run')
    $$,
    $$
    values ('[["X-Key", "[redacted]"], ["X-Plain", "open"]]'::jsonb, '{"password": "[redacted]", "n": 1.50}'::jsonb)
    $$,
    'the stored request is redacted where it was'
);
select unalike(
    (select request ->> 'url' from public.test_result_details where run_id = tests.run('run')),
    '%right%', 'also in the URL'
);
select results_eq(
    $$
    select response -> 'headers', (response ->> 'body')::jsonb -> 'other',
    (response ->> 'body')::jsonb #>> '{n}'
    from public.test_result_details where run_id = tests.run('run')
    $$,
    $$
    values ('[["X-Echo", "[redacted]"]]'::jsonb, '"not [redacted]!"'::jsonb, '12345678901234567890.10')
    $$,
    'the stored answer too, numbers unharmed'
);
select results_eq(
    $$
    select passed, expected, actual, message
    from public.assertion_results
    where run_id = tests.run('run') and assertion_index = 0
    $$,
    $$
    values (true, '"[redacted]"'::jsonb, '"[redacted]"'::jsonb, 'body $.echo equals "[redacted]"')
    $$,
    'an assertion is judged on the value, and stored without it'
);
select is_empty($$ select tests.leaks('right value') $$, 'no table holds it');
select is_empty($$ select tests.leaks('right%20value') $$, 'nor percent-encoded');
rollback to empty;

-- Sign-in

select tests.make_test('bearer', 'flow', '{"auth": {"kind": "bearer", "token": "{{api_token}}"}}');
select tests.make_test(
    'basic', 'flow',
    '{"auth": {"kind": "basic", "username": "robot", "password": "{{api_token}}"}}'
);
select tests.make_test(
    'key', 'flow', '{"auth": {"kind": "api_key", "name": "X-Api-Key", "value": "{{api_token}}"}}'
);
select tests.make_test(
    'query key', 'flow',
    '{"path": "/q?a=1", "auth": {"kind": "api_key", "name": "k y", "value": "{{api_token}}",
      "in": "query"}}'
);
select tests.make_test(
    'jwt', 'flow',
    '{"auth": {"kind": "jwt_hs256", "issuer": "me", "secret": "{{api_token}}", "ttl_s": 60,
      "claims": {"role": "x"}}}'
);
select tests.make_test(
    'none', 'flow',
    '{"auth": {"kind": "none"}, "headers": [["Authorization", "by hand"], ["Cookie", "a=b"]]}'
);
select tests.queue('run');
select tests.claim('1');
select is(
    tests.request('bearer') -> 'headers', '[["Authorization", "Bearer the right value"]]',
    'a bearer token'
);
select is(
    tests.request('basic') -> 'headers',
    '[["Authorization", "Basic cm9ib3Q6dGhlIHJpZ2h0IHZhbHVl"]]', 'user and password'
);
select is(
    tests.request('key') -> 'headers', '[["X-Api-Key", "the right value"]]', 'a key in a header'
);
select is(
    tests.request('query key') ->> 'url', 'https://api.test/v1/q?a=1&k%20y=the%20right%20value',
    'or in the query'
);
select is(
    convert_from(decode(split_part(split_part(tests.request('jwt') #>> '{headers,0,1}', ' ', 2), '.', 2) || '==', 'base64'), 'UTF8')::jsonb - 'iat' - 'exp',
    '{"iss": "me", "role": "x"}', 'a signed token has its claims'
);
select is(
    private.sign_jwt('{"sub": "1"}', 'secret key'),
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.' || rtrim(translate(encode('{"sub": "1"}', 'base64'), '+/', '-_'), '=') || '.'
    || rtrim(translate(encode(extensions.hmac(
        'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.' || rtrim(translate(encode('{"sub": "1"}', 'base64'), '+/', '-_'), '='),
        'secret key', 'sha256'
    ), 'base64'), '+/', '-_'), '='), 'and its signature'
);
select is(tests.request('jwt') -> 'auth', 'null', 'nothing is left to compute on the wire');
select is(
    tests.request('bearer') -> 'secret_headers', '["authorization"]',
    'the header it makes is secret'
);
select is(tests.request('key') -> 'secret_headers', '["x-api-key"]', 'whatever its name');
select is(
    tests.request('none') -> 'secret_headers', '["authorization", "cookie"]',
    'and so are those that are by nature'
);
select tests.send((select jsonb_agg(tests.report(handed_out.item)) from tests.handed_out));
select results_eq(
    $$
    select distinct header ->> 1
    from public.test_result_details as details
    cross join lateral jsonb_array_elements(details.request -> 'headers') as headers (header)
    where details.run_id = tests.run('run')
    $$,
    array['[redacted]'], 'and none of them is stored'
);
select is_empty($$ select tests.leaks('right value') $$, 'no table holds the secret');
select is_empty(
    $$ select tests.leaks('cm9ib3Q6dGhlIHJpZ2h0IHZhbHVl') $$, 'nor what was made of it'
);
rollback to empty;

-- Tokens that tests capture

select tests.make_test(
    'login', 'flow',
    '{"captures": [{"name": "session", "source": "body", "path": "$.session", "kind": "token"}],
      "assertions": [{"source": "body", "path": "$.session", "operator": "type",
      "expected": "number"}, {"source": "text", "operator": "contains", "expected": "sess"}]}'
);
select tests.make_test('use', 'flow', '{"headers": [["X-Session", "{{session}}"]]}');
select tests.make_test(
    'fake login', 'flow',
    '{"captures": [{"name": "shown", "source": "body", "path": "$.session"}]}'
);
select tests.queue('run', tests.only('login', 'use'));
select tests.run_all(
    '{"login": {"body": {"session": "sess-1234-abcd"}},
      "use": {"body": {"you": "are sess-1234-abcd"}}}'
);
select is(
    (tests.result('run', 'use')).status, 'skipped',
    'a test that needs a token of a failed one is skipped'
);
select is_empty(
    $$ select tests.leaks('sess-1234-abcd') $$,
    'the answer that a token came in is stored without it'
);
update public.test_response_specs set assertions = '[]' where test_case_id = tests.id('login');
select tests.queue('again', tests.only('login', 'use'));
select tests.run_all(
    '{"login": {"body": {"session": "sess-1234-abcd"}},
      "use": {"body": {"you": "are sess-1234-abcd"}}}'
);
select is(
    tests.request('use') -> 'headers', '[["X-Session", "sess-1234-abcd"]]', 'later tests send it'
);
select is(tests.request('use') -> 'secret_headers', '["x-session"]', 'as a secret');
select is_empty(
    $$ select tests.leaks('sess-1234-abcd') $$, 'and what they send and get is stored without it'
);
select tests.queue('fake', tests.only('fake login'));
select tests.run_all('{"fake login": {"body": {"session": "sess-1234-abcd"}}}');
select isnt_empty(
    $$ select tests.leaks('sess-1234-abcd') $$,
    'what was not declared a token is found when it is looked for'
);
rollback to empty;

-- Whose secrets

select tests.make_project('their shop', 'other');
select tests.make_environment('their staging', 'their shop');
select tests.make_suite('their flow', 'their shop');
select tests.make_test('spy', 'their flow', '{"path": "/{{api_token}}"}');
select tests.queue('spy', '{}', '{}', 'their staging');
select tests.claim('spy');
select is(
    (tests.result('spy', 'spy')).slug, 'unresolved_variable',
    'another project''s secret is no name here'
);

select * from finish();
rollback;
