-- save_suite: a suite with its fixtures and tests as one document, whole or not at all.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(40);

create function tests.saving(document jsonb)
returns text
language sql
as $function$ select format('select public.save_suite(%L)', document) $function$;

create function tests.shop_document(changes jsonb default '{}')
returns jsonb
language sql
as $function$
    select jsonb_build_object('project', tests.id('shop'), 'name', 'Checkout') || '{
        "execution_mode": "sequential", "headers": [["X-Shop", "1"]], "variables": {"a": 1},
        "auth": {"kind": "none"},
        "fixtures": [{"name": "prices", "rows": [{"key": "low", "values": {"price": 1}}]}],
        "tests": [
            {"name": "Fill", "request": {"path": "/cart"}},
            {"name": "Pay", "request": {"path": "/pay"}, "fixture": "prices",
             "depends_on": [{"test": "Fill", "kind": "data"}]},
            {"name": "Ship", "request": {"path": "/ship"}, "position": 9}
        ]
    }' || changes;
$function$;

create function tests.is_refused(document jsonb, slug text, message text, description text)
returns setof text
language plpgsql
as $function$
begin
    return next is(tests.slug_of(tests.saving(document)), slug, description);
    return next alike(
        tests.message_of(tests.saving(document)), message, description || ': it says where'
    );
end;
$function$;

create function tests.suite_id()
returns uuid
language sql
as $function$ select id from public.test_suites where name in ('Checkout', 'Cash desk') $function$;

create function tests.titles()
returns text[]
language sql
as $function$
    select array_agg(name order by position, name)
    from public.test_cases
    where suite_id = tests.suite_id() and archived_at is null;
$function$;

-- Creating

select tests.act_as('eda');
create temporary table saved as select public.save_suite(tests.shop_document()) as document;
select is(
    (select document - 'tests' from saved),
    jsonb_build_object('id', tests.suite_id(), 'project', tests.id('shop'), 'name', 'Checkout'),
    'an editor saves a suite and is told its id'
);
select is(
    (select jsonb_path_query_array(document, '$.tests[*].name') from saved),
    '["Fill", "Pay", "Ship"]', 'and its tests, in their order'
);
select results_eq(
    $$ select execution_mode, headers, variables, auth from public.test_suites where id = tests.suite_id() $$,
    $$ values ('sequential', '[["X-Shop", "1"]]'::jsonb, '{"a": 1}'::jsonb, '{"kind": "none"}'::jsonb) $$,
    'what the suite shares is saved'
);
select results_eq(
    $$ select name, position from public.test_cases where suite_id = tests.suite_id() order by position $$,
    $$ values ('Fill', 0), ('Pay', 1), ('Ship', 9) $$,
    'the place in the array is the position, unless a test gives one'
);
select isnt_empty(
    $$
    select from public.test_dependencies as links
    inner join public.test_cases as consumers on consumers.id = links.test_case_id
    inner join public.test_cases as upstreams on upstreams.id = links.depends_on_id
    where consumers.name = 'Pay' and upstreams.name = 'Fill'
    $$,
    'tests of one document depend on each other by name'
);
select isnt_empty(
    $$
    select from public.fixture_usage as usage
    inner join public.test_data_fixtures as fixtures on fixtures.id = usage.fixture_id
    where fixtures.name = 'prices'
    $$,
    'and use its fixtures'
);

-- Changing

create temporary table before_saving as
select to_jsonb(suites) as suite from public.test_suites as suites where id = tests.suite_id();
select lives_ok(tests.saving(tests.shop_document()), 'saving it again');
select is(
    (select to_jsonb(suites) from public.test_suites as suites where id = tests.suite_id()),
    (select suite from before_saving), 'changes nothing'
);
select is(tests.titles(), '{Fill,Pay,Ship}', 'and adds nothing');
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.suite_id(), 'name', 'Cash desk')), 'an id is enough'
);
select results_eq(
    $$ select name, execution_mode from public.test_suites where id = tests.suite_id() $$,
    $$ values ('Cash desk', 'sequential') $$, 'the rest stays'
);
select lives_ok(
    tests.saving(
        jsonb_build_object('id', tests.suite_id()) || '{"tests": [
            {"name": "Return", "request": {"path": "/return"}}, {"name": "Fill"}
        ], "fixtures": [{"name": "prices", "rows": [{"key": "high", "values": {"price": 9}}]}]}'
    ),
    'some of its tests are saved'
);
select is(tests.titles(), '{Return,Fill,Pay,Ship}', 'those it does not name stay');
select is(
    (select rows #>> '{0,key}' from public.test_data_fixtures where name = 'prices'), 'high',
    'a fixture is found by its name'
);
select lives_ok(
    tests.saving(
        jsonb_build_object('id', tests.suite_id()) || '{"is_complete": true, "tests": [{"name": "Pay"}]}'
    ),
    'a complete document'
);
select is(tests.titles(), '{Pay}', 'archives what it does not name');
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.suite_id()) || '{"is_archived": true}'),
    'a suite is archived'
);
select isnt(
    (select archived_at from public.test_suites where id = tests.suite_id()), null, 'and hidden'
);
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.suite_id()) || '{"tests": [{"name": "Fill"}]}'),
    'saving it brings it back'
);
select is(
    (select archived_at from public.test_suites where id = tests.suite_id()), null, 'in use again'
);

-- What is refused, and where

select tests.is_refused(
    tests.shop_document('{"fixtures": [{"name": "f"}]}'), 'malformed_document',
    'at /fixtures/0/rows: is missing', 'a fixture without rows'
);
select tests.is_refused(
    tests.shop_document('{"name": "new", "tests": [{"name": "a", "request": {"path": "/"}}, {"name": "b", "request": {"path": "/{{"}}]}'),
    'template_syntax', 'at /tests/1%{{%', 'a broken template in the second of two tests'
);
select is_empty(
    $$ select from public.test_suites where name = 'new' $$, 'of which nothing is written'
);
select tests.is_refused(
    tests.shop_document('{"tests": [{"name": "a", "request": {"path": "/"}}, {"name": "a", "request": {"path": "/"}}]}'),
    'malformed_document', 'at /tests/_: the test "a" stands here twice', 'one name twice'
);
select tests.is_refused(
    tests.shop_document('{"tests": [7]}'), 'malformed_document', 'at /tests/0: is not an object',
    'a test that is none'
);
select tests.is_refused(
    tests.shop_document('{"execution_mode": "random"}'), 'malformed_document',
    'at /execution_mode: is none of parallel, sequential', 'a mode that is none'
);
select tests.is_refused(
    '{"name": "x"}', 'unknown_project', 'at /project: is missing', 'no project'
);
select tests.is_refused(
    jsonb_build_object('id', tests.id('nothing')), 'unknown_suite', 'at /id: there is no suite %',
    'the id of nothing'
);

-- Who may

select tests.act_as('vera');
select is(tests.slug_of(tests.saving(tests.shop_document())), 'not_allowed', 'a viewer reads only');
select tests.act_as('otto');
select is(
    tests.slug_of(tests.saving(tests.shop_document())), 'unknown_project', 'to a stranger there is no such project'
);
select is(
    tests.slug_of(tests.saving(jsonb_build_object('id', tests.id('flow')))), 'unknown_suite',
    'and no such suite'
);
select tests.act_as_service();
select lives_ok(tests.saving(tests.shop_document()), 'the secret key may');
select tests.act_as_anon();
select throws_ok(tests.saving(tests.shop_document()), '42501', null, 'nobody may not');

select * from finish();
rollback;
