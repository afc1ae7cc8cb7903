-- A test and all it inherits become one document.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(37);

-- The definition of a test as it is now.
create function tests.compiled(test text)
returns jsonb
language sql
as $function$
    select private.compile_test(sources.source)
    from private.gather_sources(array[tests.id(compiled.test)]) as sources;
$function$;

-- Requests

select tests.make_suite('plain', 'shop');
select tests.make_test(
    'full', 'plain',
    '{"method": "PUT", "path": "/a", "query": [["q", "a b"], ["q", "ž"], ["x y", "{{z}}&"]],
      "body": {"kind": "json", "value": {"n": 1.50}}, "headers": [["X-One", "1"]]}'
);
select is(tests.compiled('full') #>> '{request,method}', 'PUT', 'the method is taken over');
select is(
    tests.compiled('full') #>> '{request,url}',
    '/a?q=a%20b&q=%C5%BE&x%20y={"name": "z", "path": [], "filters": []}%26',
    'fixed text of the query is percent-encoded, repeated names and order are kept'
);
select is(
    tests.compiled('full') #> '{request_slots,0}',
    '{"at": ["url"], "encode": true, "parts": ["/a", "?q=", "a%20b", "&q=", "%C5%BE", "&x%20y=",
      {"name": "z", "path": [], "filters": []}, "%26"]}',
    'its placeholders are slots of the URL'
);
select is(
    private.compile_url('/a?b=c', '[["d", "e"]]'), '["/a?b=c", "&d=", "e"]',
    'a query in the path is continued'
);
select is(
    private.compile_url('/a', '[["d", ""]]'), '["/a", "?d=", ""]', 'a parameter may be empty'
);
select is(
    tests.compiled('full') #> '{request,timeout_ms}', '{"connect": 5000, "total": 30000}',
    'time limits are taken over'
);
select is(
    (tests.compiled('full') #> '{request,body,value}')::text, '{"n": 1.50}',
    'and the body, digit by digit'
);
select is(
    tests.compiled('full') #> '{request,auth}', '{"kind": "none"}',
    'without any sign-in there is none'
);

-- Headers

select is(
    private.merge_headers('[["A", "1"], ["B", "2"], ["B", "3"]]', '[["C", "4"]]'),
    '[["C", "4"], ["A", "1"], ["B", "2"], ["B", "3"]]',
    'a test has its own headers and its suite''s'
);
select is(
    private.merge_headers('[["Accept", "x"], ["B", "2"]]', '[["aCCept", "y"]]'),
    '[["aCCept", "y"], ["B", "2"]]', 'its own go before, whatever their case'
);
select is(
    private.merge_headers('[["A", "1"]]', '[["A", "2"], ["a", "3"]]'), '[["A", "2"], ["a", "3"]]',
    'and all of them'
);
select is(private.merge_headers('[]', '[["A", "1"]]'), '[["A", "1"]]', 'a suite may have none');
select is(private.merge_headers('[["A", "1"]]', '[]'), '[["A", "1"]]', 'and so may a test');
select tests.make_suite(
    'heads', 'shop', '{"headers": [["X-Suite", "{{s}}"]], "variables": {"s": 1}}'
);
select tests.make_test('inheriting', 'heads', '{"headers": [["X-Own", "{{o}}"]]}');
select is(
    tests.compiled('inheriting') #> '{request,headers}',
    '[["X-Own", "{{o}}"], ["X-Suite", "{{s}}"]]',
    'what is inherited is part of the definition'
);
select is(
    tests.compiled('inheriting') #> '{request_slots,1,at}', '["headers", "1", "1"]',
    'its placeholders too'
);
select is(tests.compiled('inheriting') -> 'variables', '{"s": 1}', 'and the suite''s variables');

-- Sign-in

insert into public.api_credentials (organization_id, name, auth)
values (tests.id('acme'), 'robot', '{"kind": "basic", "username": "u", "password": "{{p}}"}'),
(tests.id('other'), 'theirs', '{"kind": "basic", "username": "x", "password": "{{y}}"}');
select tests.make_suite('signed', 'shop', '{"auth": {"credential": "robot"}}');
select tests.make_test('by suite', 'signed');
select tests.make_test('by itself', 'signed', '{"auth": {"kind": "bearer", "token": "t"}}');
select tests.make_test('not at all', 'signed', '{"auth": {"kind": "none"}}');
select tests.make_test('of a stranger', 'plain', '{"auth": {"credential": "theirs"}}');
select is(
    tests.compiled('by suite') #> '{request,auth}',
    '{"kind": "basic", "username": "u", "password": "{{p}}"}',
    'a credential is looked up by its name'
);
select is(
    tests.compiled('by itself') #> '{request,auth}', '{"kind": "bearer", "token": "t"}',
    'a test signs in its own way'
);
select is(tests.compiled('not at all') #> '{request,auth}', '{"kind": "none"}', 'or not at all');
select isnt(
    tests.compiled('of a stranger') #>> '{request,auth,username}', 'x',
    'the credential of another organization is not found'
);

-- Look-ups

select tests.make_test('looking', 'plain', '{
    "assertions": [
        {"source": "status", "operator": "equals", "expected": 200},
        {"source": "body", "path": "$.id", "operator": "exists"},
        {"source": "body", "path": "$.id", "operator": "matches", "expected": "^[0-9]+$"},
        {"source": "header", "name": "Content-Type", "operator": "exists"},
        {"source": "header", "name": "content-type", "operator": "contains", "expected": "json"},
        {"source": "text", "operator": "contains", "expected": "x"},
        {"source": "duration", "operator": "less_than", "expected": 100},
        {"source": "body", "path": "$.items[*].id", "operator": "contains", "expected": 1}],
    "captures": [
        {"name": "id", "source": "body", "path": "$.id"},
        {"name": "digits", "source": "body", "path": "$.id", "pattern": "[0-9]+"},
        {"name": "ids", "source": "body", "path": "$..id"}]}');
select is(
    jsonb_array_length(tests.compiled('looking') -> 'observe'), 7,
    'each look-up is made once, however many assertions and captures refer to it'
);
select is_empty(
    $$
    select lookups.lookup
    from jsonb_array_elements(tests.compiled('looking') -> 'observe') with ordinality as lookups (lookup, ordinal)
    where (lookups.lookup ->> 'id')::integer <> lookups.ordinal - 1
    $$,
    'and is known by its position'
);

-- What the nth assertion or capture refers to.
create function tests.referred(list text, number integer, key text)
returns jsonb
language sql
as $function$
    select (lookups.lookup - 'id')
    from jsonb_array_elements(tests.compiled('looking') -> 'observe') as lookups (lookup)
    where lookups.lookup -> 'id' = tests.compiled('looking') -> list -> number -> key;
$function$;

select is(tests.compiled('looking') #> '{assertions,0,observe}', null, 'a status needs no look-up');
select is(
    tests.compiled('looking') #> '{assertions,6,observe}', null, 'and neither does a duration'
);
select is(
    tests.referred('assertions', 1, 'observe'), '{"source": "body", "path": "$.id"}',
    'a body does, by its path'
);
select is(
    tests.referred('assertions', 2, 'observe_pattern'),
    '{"source": "body", "path": "$.id", "pattern": "^[0-9]+$"}',
    'a pattern is matched by the worker'
);
select is(
    tests.compiled('looking') #> '{assertions,2,observe}',
    tests.compiled('looking') #> '{assertions,1,observe}',
    'beside what it is matched against'
);
select is(
    tests.referred('assertions', 3, 'observe'), '{"source": "header", "name": "content-type"}',
    'a header is looked up by its name in lower case: one look-up however it is spelt'
);
select is(
    private.lookup_of('{"source": "header", "name": "X-{{Name}}"}') ->> 'name', 'X-{{Name}}',
    'unless it holds a {{Name}}, whose case counts'
);
select is(
    private.lookup_of('{"source": "header", "name": "captured", "header": "Location"}') ->> 'name', 'location',
    'of a capture the header is meant, not what it is captured as'
);
select is(tests.referred('assertions', 5, 'observe'), '{"source": "text"}', 'a text as a whole');
select is(
    tests.referred('captures', 1, 'observe'),
    '{"source": "body", "path": "$.id", "pattern": "[0-9]+"}',
    'a capture may be narrowed by a pattern'
);
select results_eq(
    $$
    select paths.path, coalesce((private.refer(
        jsonb_build_object('source', 'body', 'path', paths.path), '{}'
    ) ->> 'many')::boolean, false)
    from (values (1, '$.a'), (2, '$.a[0].b'), (3, '$.a[*]'), (4, '$..a'), (5, '$.a[?(@.b == 1)]'), (6, '$.a[0:2]'), (7, '$.a[0,1]'), (8, '$["a"]')) as paths (number, path)
    order by paths.number
    $$,
    $$
    values ('$.a', false), ('$.a[0].b', false), ('$.a[*]', true), ('$..a', true), ('$.a[?(@.b == 1)]', true), ('$.a[0:2]', true), ('$.a[0,1]', true), ('$["a"]', false)
    $$,
    'a path that may find several values always gives an array'
);

-- Stored once

select tests.make_test('twin one', 'plain', '{"path": "/same"}');
select tests.make_test('twin two', 'plain', '{"path": "/same"}');
select tests.queue('first', tests.only('twin one', 'twin two'));
select tests.queue('second', tests.only('twin one'));
select is(
    (
        select count(distinct results.definition_id) from public.test_results as results
        where results.run_id in (tests.run('first'), tests.run('second'))
    ),
    1::bigint, 'equal tests share one definition, from run to run'
);
update public.test_request_configs set path = '/other' where test_case_id = tests.id('twin one');
select tests.queue('third', tests.only('twin one'));
select isnt(
    (tests.result('third', 'twin one')).definition_id,
    (tests.result('second', 'twin one')).definition_id,
    'a changed test has a new one'
);
update public.test_suites set headers = '[["X-New", "1"]]' where id = tests.id('plain');
select tests.queue('fourth', tests.only('twin one'));
select isnt(
    (tests.result('fourth', 'twin one')).definition_id,
    (tests.result('third', 'twin one')).definition_id,
    'and so has one whose suite changed'
);
update public.test_cases set name = 'renamed', priority = 5, tags = '{x}' where id = tests.id('twin one');
select tests.queue('fifth', tests.only('twin one'));
select is(
    (tests.result('fifth', 'renamed')).definition_id,
    (tests.result('fourth', 'twin one')).definition_id,
    'a name, a priority and tags do not change what is executed'
);

select * from finish();
rollback;
