-- Context, chain: get_test_execution_chain tells what runs before a test, and what is inferred.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(14);

select tests.make_test('login', 'flow', jsonb_build_object('captures', tests.capture('token')));
select tests.make_test('make', 'flow', jsonb_build_object('path', '/{{token}}', 'captures', tests.capture('id')));
select tests.make_test('read', 'flow', '{"path": "/{{id}}"}');
select tests.make_test('alone', 'flow');
select tests.make_test('close', 'flow', '{"phase": "teardown", "path": "/{{id}}"}');
select tests.depend('read', 'login', 'order');

create function tests.chain(selection jsonb default tests.only('read'), environment text default null)
returns jsonb
language sql
as $function$
    select public.get_test_execution_chain(tests.id('shop'), selection, tests.id(environment));
$function$;
create function tests.test_names(chain jsonb)
returns text[]
language sql
as $function$
    select array_agg(told.test ->> 'name' order by told.ordinal)
    from jsonb_array_elements(chain -> 'tests') with ordinality as told (test, ordinal);
$function$;

select tests.act_as('vera');
select is(
    tests.test_names(tests.chain()), array['login', 'make', 'read', 'close'],
    'the chain of a test is all it depends on, first things first, and what cleans up'
);
select is(
    (
        select jsonb_object_agg(told ->> 'name', told -> 'layer')
        from jsonb_array_elements(tests.chain() -> 'tests') as told
        where told ->> 'phase' = 'main'
    ),
    '{"login": 1, "make": 2, "read": 3}', 'each in its layer'
);
select bag_eq(
    $$
    select
        told ->> 'test' = tests.id('read')::text as is_of_read, told ->> 'kind' as kind,
        told ->> 'origin' as origin, told ->> 'name' as name
    from jsonb_array_elements(tests.chain() -> 'edges') as told
    where told ->> 'waits_for' in (tests.id('make')::text, tests.id('login')::text)
        and told ->> 'test' <> tests.id('close')::text
    $$,
    $$
    values (true, 'data', 'inferred', 'id'), (true, 'order', 'explicit', null),
    (false, 'data', 'inferred', 'token')
    $$,
    'what was inferred is told from what was said'
);
select is(
    tests.test_names(tests.chain('{}')), array['alone', 'login', 'make', 'read', 'close'],
    'a selection has a chain, and so has the whole project'
);
select is(tests.chain() -> 'names', null, 'what names stand for is for plan_run to say');
select tests.act_as_owner();
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'token', '"given"');
select tests.act_as('vera');
select is(
    (
        select count(*) from jsonb_array_elements(tests.chain(tests.only('make'), 'staging') -> 'edges') as told
        where told ->> 'origin' = 'inferred' and told ->> 'name' = 'token'
    ),
    0::bigint, 'in an environment that gives the name nothing is inferred for it'
);
select throws_ok(
    $$ select tests.chain(tests.only('read'), 'nowhere') $$, 'PT404', null,
    'an environment of another project, or none, is refused'
);
select is(
    tests.slug_of($$ select tests.chain(tests.only('nowhere')) $$), 'unknown_test',
    'an unknown test is refused'
);
select is(
    tests.slug_of($$ select public.get_test_execution_chain(tests.id('nowhere')) $$),
    'unknown_project', 'and an unknown project'
);
select tests.act_as_owner();
select tests.depend('login', 'make', 'data');
select tests.act_as('vera');
select matches(
    tests.message_of($$ select tests.chain() $$), 'wait for each other: "', 'a cycle is named'
);
select is(tests.slug_of($$ select tests.chain() $$), 'dependency_cycle', 'and refused');
select is(
    (select count(*) from public.test_runs), 0::bigint, 'nothing was written by any of this'
);

-- From the other chairs

select tests.act_as('otto');
select throws_ok(
    $$ select tests.chain() $$, 'PT404', null, 'for a stranger there is no such project'
);
select tests.act_as_anon();
select throws_ok(
    $$ select tests.chain() $$, '42501', null, 'whoever is not signed in may not ask'
);

select * from finish();
rollback;
