-- plan_run: what queue_run would do, told without doing it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(26);

update public.projects set variables = '{"project": 1}' where id = tests.id('shop');
update public.test_suites set variables = '{"suite": 1}' where id = tests.id('flow');
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'environment', '1');
select public.set_secret(tests.id('staging'), 'secret', 'very secret');
select tests.make_fixture(
    'rows', 'shop',
    '[{"key": "a", "values": {"n": 1, "some": 1}}, {"key": "b", "values": {"n": 2}}]'
);
select tests.make_test('prepare', 'flow', '{"phase": "setup"}');
select tests.make_test('login', 'flow', jsonb_build_object('method', 'POST', 'captures', tests.capture('token')));
select tests.make_test('each', 'flow', jsonb_build_object(
    'fixture', 'rows', 'captures', tests.capture('id'),
    'path', '/{{token}}/{{n}}/{{run}}/{{suite}}/{{environment}}/{{secret}}/{{project}}/{{some | default("x")}}'
));
select tests.make_test('next', 'flow', '{"fixture": "rows", "path": "/{{id}}/{{missing}}"}');
select tests.make_test('sum', 'flow', '{"path": "/{{id}}"}');
select tests.make_test('close', 'flow', '{"phase": "teardown", "path": "/{{id}}/{{gone}}"}');
select tests.depend('sum', 'next', 'order');
select tests.make_suite('steps', 'shop', '{"execution_mode": "sequential"}');
select tests.make_test('step 1', 'steps', '{"position": 1}');
select tests.make_test('step 2', 'steps', '{"position": 2}');

create table tests.plans as
select public.plan_run(tests.id('staging'), '{}', '{"run": 1}') as plan;
grant select on tests.plans to public;

select is(
    array[
        (select count(*) from public.test_runs), (select count(*) from public.test_results),
        (select count(*) from private.definitions), (select count(*) from private.snapshots),
        (select count(*) from private.live_runs), (select count(*) from realtime.messages)
    ],
    array[0::bigint, 0, 0, 0, 0, 0], 'a plan writes nothing and tells nobody'
);
savepoint writable;
set local transaction_read_only = on;
select lives_ok(
    $$ select public.plan_run(tests.id('staging'), '{}', '{"run": 1}') $$,
    'it can be made where nothing may be written'
);
rollback to writable;
select is(
    (
        select procedures.provolatile
        from pg_proc as procedures
        where procedures.oid = 'public.plan_run(uuid, jsonb, jsonb)'::regprocedure
    ),
    's'::"char", 'and says so of itself, so that REST asks for no more'
);

-- What it tells

create function tests.told(part text)
returns jsonb
language sql
as $function$ select plans.plan -> told.part from tests.plans $function$;

create function tests.test_name(id text)
returns text
language sql
as $function$ select cases.name from public.test_cases as cases where cases.id::text = test_name.id $function$;

select is(
    tests.told('counts'),
    '{"tests": 8, "results": 10, "setup": 1, "main": 8, "teardown": 1}',
    'how many tests and results'
);
select results_eq(
    $$
    select layers ->> 'phase', layers -> 'layer', layers -> 'tests', layers -> 'results'
    from jsonb_array_elements(tests.told('layers')) as layers
    $$,
    $$
    values
    ('setup', '1'::jsonb, '1'::jsonb, '1'::jsonb), ('main', '1', '2', '2'), ('main', '2', '2', '3'),
    ('main', '3', '1', '2'), ('main', '4', '1', '1'), ('teardown', '1', '1', '1')
    $$,
    'layer by layer'
);
select results_eq(
    $$
    select told ->> 'name', told ->> 'suite_name', told ->> 'phase', told -> 'layer', told -> 'rows',
    told -> 'is_repeatable'
    from jsonb_array_elements(tests.told('tests')) as told
    $$,
    $$
    values
    ('prepare', 'flow', 'setup', '1'::jsonb, '1'::jsonb, 'true'::jsonb),
    ('login', 'flow', 'main', '1', '1', 'false'),
    ('step 1', 'steps', 'main', '1', '1', 'true'),
    ('each', 'flow', 'main', '2', '2', 'true'),
    ('step 2', 'steps', 'main', '2', '1', 'true'),
    ('next', 'flow', 'main', '3', '2', 'true'),
    ('sum', 'flow', 'main', '4', '1', 'true'),
    ('close', 'flow', 'teardown', '1', '1', 'true')
    $$,
    'the tests in that order'
);
select results_eq(
    $$
    select
        tests.test_name(told ->> 'test'), tests.test_name(told ->> 'waits_for'), told ->> 'kind',
        told ->> 'origin', told ->> 'name'
    from jsonb_array_elements(tests.told('edges')) as told
    order by 1, 2, 5
    $$,
    $$
    values
    ('close', 'each', 'order', 'inferred', 'id'),
    ('each', 'login', 'data', 'inferred', 'token'),
    ('next', 'each', 'data', 'inferred', 'id'),
    ('step 2', 'step 1', 'order', 'sequential', null),
    ('sum', 'each', 'data', 'inferred', 'id'),
    ('sum', 'next', 'order', 'explicit', null)
    $$,
    'what waits for what, and whether that was said, inferred for a name, or by sequence'
);
select results_eq(
    $$
    select told ->> 'name', told ->> 'source', tests.test_name(told ->> 'producer'), told ->> 'rows'
    from jsonb_array_elements(tests.told('names')) as told
    where tests.test_name(told ->> 'test') = 'each'
    order by 1
    $$,
    $$
    values
    ('environment', 'environment', null, null), ('n', 'fixture', null, null),
    ('project', 'project', null, null), ('run', 'run', null, null), ('secret', 'secret', null, null),
    ('some', null, null, null), ('suite', 'suite', null, null),
    ('token', 'captured', 'login', 'one')
    $$,
    'what gives each name; one that only some rows give is given to none for sure'
);
select bag_eq(
    $$
    select tests.test_name(told ->> 'test'), told ->> 'rows'
    from jsonb_array_elements(tests.told('names')) as told
    where told ->> 'name' = 'id'
    $$,
    $$ values ('next', 'same'), ('sum', 'all'), ('close', 'all') $$,
    'and of which rows'
);
select bag_eq(
    $$
    select tests.test_name(told ->> 'test'), told ->> 'name'
    from jsonb_array_elements(tests.told('unresolved')) as told
    $$,
    $$ values ('next', 'missing'), ('close', 'gone') $$,
    'names that nothing gives, but for those with a default'
);
select ok(
    not exists (select from tests.plans where plans.plan::text like '%very secret%'),
    'no secret is in it'
);
select is(
    (
        select array_agg(told ->> 'name' order by told ->> 'name')
        from jsonb_array_elements(public.plan_run(tests.id('staging'), tests.only('next')) -> 'tests') as told
        where (told ->> 'is_selected')::boolean
    ),
    array['next'], 'what was selected is told from what comes along'
);

-- As queue_run does

select tests.queue('run', '{}', '{"run": 1}');
select results_eq(
    $$ select total_count::text from public.test_runs where id = tests.run('run') $$,
    $$ select tests.told('counts') ->> 'results' $$, 'queue_run plans as many results'
);
select bag_eq(
    $$ select distinct edges from unnest(tests.edges('run')) as edges where edges not like '%all(%' $$,
    array[
        'each/a <- login (data)', 'each/b <- login (data)', 'next/a <- each/a (data)',
        'next/b <- each/b (data)', 'step 2 <- step 1 (order)'
    ],
    'and the same dependencies'
);
select is(
    public.plan_run(tests.id('staging'), '{}', '{"run": 1}'), (select plan from tests.plans),
    'what runs have seen before is planned the same'
);
select tests.run_all('{"login": {"body": {"token": "t"}}, "each": {"body": {"id": 1}}}');
select is(
    public.plan_run(tests.id('staging'), jsonb_build_object('failures_of', tests.run('run'))) -> 'counts',
    '{"tests": 5, "results": 7, "setup": 1, "main": 5, "teardown": 1}',
    'the failures of a run can be planned'
);

-- Refusals

create function tests.planning(selection jsonb, environment text default 'staging')
returns text
language sql
as $function$
    select format('select public.plan_run(%L, %L)', tests.id(environment), selection);
$function$;

select is(tests.slug_of(tests.planning('[]')), 'malformed_selection', 'a malformed selection');
select is(
    tests.slug_of(tests.planning('{}', 'nowhere')), 'unknown_environment', 'an unknown environment'
);
select is(tests.slug_of(tests.planning(tests.only('nowhere'))), 'unknown_test', 'an unknown test');
select is(
    tests.slug_of(tests.planning('{"tags": ["none"]}')), 'empty_selection', 'an empty selection'
);
select tests.make_test('second login', 'flow', jsonb_build_object('captures', tests.capture('token')));
select is(
    tests.slug_of(tests.planning('{}')), 'ambiguous_producer', 'two producers of a name'
);
delete from public.test_cases where id = tests.id('second login');
select tests.depend('login', 'sum', 'order');
select matches(
    tests.message_of(tests.planning('{}')),
    'wait for each other: ".+" -> ".+"', 'and a cycle, which is named, are refused as by queue_run'
);
delete from public.test_dependencies where test_case_id = tests.id('login');

-- Who may

select tests.act_as('eda');
select lives_ok(tests.planning('{}'), 'an editor may');
select tests.act_as('vera');
select throws_ok(tests.planning('{}'), 'PT403', null, 'a viewer may not, who could not queue either');
select tests.act_as('otto');
select throws_ok(
    tests.planning('{}'), 'PT404', null, 'for a stranger there is no such environment'
);
select tests.act_as_anon();
select throws_ok(tests.planning('{}'), '42501', null, 'whoever is not signed in may not ask');

select * from finish();
rollback;
