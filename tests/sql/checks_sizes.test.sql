-- What is too large, or nested too deeply, is refused before anything else looks at it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/checks.psql
select plan(43);

create function tests.as_text(size integer) returns jsonb language sql as $function$
    select to_jsonb(repeat('x', size));
$function$;

create function tests.nested(depth integer) returns jsonb language sql as $function$
    select (repeat('[', depth) || repeat(']', depth))::jsonb;
$function$;

-- A statement that sets a column of a row by its id.
create function tests.setting(relation text, key text, id uuid, field text, value text)
returns text
language sql
as $function$
    select format('update public.%I set %I = %L where %I = %L', relation, field, value, key, id);
$function$;

insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'v', '1');
insert into public.test_data_fixtures (id, project_id, name, rows)
values (tests.id('rows'), tests.id('shop'), 'rows', '[{"key": "a", "values": {}}]');
insert into public.api_credentials (id, organization_id, name, auth)
values (tests.id('login'), tests.id('acme'), 'login', '{"kind": "none"}');
insert into public.api_endpoints (id, project_id, method, path, is_safe)
values (tests.id('endpoint'), tests.id('shop'), 'GET', '/', true);
select tests.make_test('one', 'flow');

-- Every column: one statement each that breaks its size, and the place that is told

create table tests.too_large (statement text, place text);
insert into tests.too_large
select
    tests.setting(relation, key, tests.id(row_name), field, value),
    '/' || coalesce(place, field)
from (
    values
    ('organizations', 'id', 'acme', 'name', 'n' || repeat(' ', 1000), null),
    ('users', 'id', 'olga', 'display_name', repeat('x', 1001), null),
    ('projects', 'id', 'shop', 'name', 'n' || repeat(' ', 1000), null),
    ('projects', 'id', 'shop', 'description', repeat('x', 20001), null),
    ('projects', 'id', 'shop', 'variables', format('{"a": %s}', tests.as_text(262144)), null),
    ('api_credentials', 'id', 'login', 'name', repeat('x', 1001), null),
    ('api_credentials', 'id', 'login', 'auth', format('{"kind": "api_key", "value": "{{v}}", "name": %s}', tests.as_text(65536)), null),
    ('api_endpoints', 'id', 'endpoint', 'method', repeat('X', 21), null),
    ('api_endpoints', 'id', 'endpoint', 'path', repeat('x', 2001), null),
    ('api_endpoints', 'id', 'endpoint', 'summary', repeat('x', 2001), null),
    ('test_suites', 'id', 'flow', 'name', 'n' || repeat(' ', 1000), null),
    ('test_suites', 'id', 'flow', 'description', repeat('x', 20001), null),
    ('test_suites', 'id', 'flow', 'headers', format('[["a", %s]]', tests.as_text(65536)), null),
    ('test_suites', 'id', 'flow', 'variables', format('{"a": %s}', tests.as_text(262144)), null),
    ('test_suites', 'id', 'flow', 'auth', format('{"kind": "bearer", "token": %s}', tests.as_text(65536)), null),
    ('test_cases', 'id', 'one', 'name', 'n' || repeat(' ', 1000), null),
    ('test_cases', 'id', 'one', 'description', repeat('x', 20001), null),
    ('test_cases', 'id', 'one', 'tags', array_fill('x'::text, array[101])::text, null),
    ('test_cases', 'id', 'one', 'tags', array['x', repeat('x', 401)]::text, 'tags/1'),
    ('test_cases', 'id', 'one', 'retry', format('{"a": %s}', tests.as_text(4096)), null),
    ('test_request_configs', 'test_case_id', 'one', 'method', repeat('X', 21), null),
    ('test_request_configs', 'test_case_id', 'one', 'path', repeat('x', 8001), null),
    ('test_request_configs', 'test_case_id', 'one', 'query', format('[["a", %s]]', tests.as_text(65536)), null),
    ('test_request_configs', 'test_case_id', 'one', 'headers', format('[["a", %s]]', tests.as_text(65536)), null),
    ('test_request_configs', 'test_case_id', 'one', 'body', format('{"kind": "json", "value": %s}', tests.as_text(1048576)), null),
    ('test_request_configs', 'test_case_id', 'one', 'auth', format('{"kind": "bearer", "token": %s}', tests.as_text(65536)), null),
    ('test_response_specs', 'test_case_id', 'one', 'assertions', format('[%s]', tests.as_text(262144)), null),
    ('test_response_specs', 'test_case_id', 'one', 'captures', format('[%s]', tests.as_text(262144)), null),
    ('test_response_specs', 'test_case_id', 'one', 'json_schema', format('{"title": %s}', tests.as_text(262144)), null),
    ('test_data_fixtures', 'id', 'rows', 'name', repeat('x', 1001), null),
    ('test_data_fixtures', 'id', 'rows', 'rows', format('[%s]', tests.as_text(8388608)), null),
    ('environments', 'id', 'staging', 'name', repeat('x', 1001), null),
    ('environments', 'id', 'staging', 'base_url', 'https://' || repeat('x', 2000), null),
    ('environment_variables', 'environment_id', 'staging', 'value', tests.as_text(262144)::text, null)
) as given (relation, key, row_name, field, value, place);

select tests.is_refused(statement, 'too_large', place, left(statement, 60))
from tests.too_large;

select throws_ok(
    tests.setting('environments', 'id', tests.id('staging'), 'name', repeat('x', 1001)), 'PT413', null,
    'what is too large is told as 413'
);

-- Depth, count, and what is costly to check

select tests.is_refused(
    tests.setting(
        'projects', 'id', tests.id('shop'), 'variables', jsonb_build_object('a', tests.nested(100))::text
    ),
    'too_large', '/variables', 'a document of more than a hundred levels'
);
select lives_ok(
    tests.setting(
        'projects', 'id', tests.id('shop'), 'variables', jsonb_build_object('a', tests.nested(99))::text
    ),
    'a hundred are not too many'
);
select tests.is_refused(
    tests.setting(
        'test_response_specs', 'test_case_id', tests.id('one'), 'assertions',
        (
            select jsonb_agg('{"source": "status", "operator": "exists"}'::jsonb)::text
            from generate_series(1, 501)
        )
    ),
    'too_large', '/assertions', 'more than 500 assertions'
);
select tests.is_refused(
    tests.setting(
        'test_response_specs', 'test_case_id', tests.id('one'), 'captures',
        (
            select jsonb_agg('{"name": "a", "source": "text"}'::jsonb)::text
            from generate_series(1, 201)
        )
    ),
    'too_large', '/captures', 'more than 200 captures'
);
select tests.is_refused(
    tests.setting(
        'test_response_specs', 'test_case_id', tests.id('one'), 'assertions',
        (
            select jsonb_agg(jsonb_build_object('source', 'text', 'operator', 'exists', 'pattern', repeat('(a+)+', 300)))::text
            from generate_series(1, 9)
        )
    ),
    'too_large', '/assertions', 'more than 12,000 characters of patterns and paths'
);
select tests.is_refused(
    tests.setting(
        'test_response_specs', 'test_case_id', tests.id('one'), 'json_schema',
        (
            select jsonb_build_object('allOf', jsonb_agg(jsonb_build_object('pattern', repeat('(a+)+', 300))))::text
            from generate_series(1, 9)
        )
    ),
    'too_large', '/json_schema', 'and of patterns in a schema'
);
select tests.is_refused(
    tests.setting(
        'test_request_configs', 'test_case_id', tests.id('one'), 'body',
        jsonb_build_object('kind', 'text', 'value', repeat('{{a}}', 2001))::text
    ),
    'too_large', '/body', 'more than 2,000 placeholders'
);
select throws_ok(
    $$ update public.test_cases set tags = '{{a}}' where id = tests.id('one') $$, '23514', null,
    'tags are a plain list'
);

select * from finish();
rollback;
