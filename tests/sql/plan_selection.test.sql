-- queue_run: what is selected, what comes along, and what is refused with nothing written.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(44);

-- Given two suites; the second has setup and teardown, one test of the first depends on one of it
select tests.make_suite('orders', 'shop');
select tests.make_test('a', 'flow', '{"tags": ["smoke", "fast"]}');
select tests.make_test('b', 'flow', '{"tags": ["slow"]}');
select tests.make_test('c', 'flow');
select tests.make_test('o1', 'orders', '{"tags": ["smoke"]}');
select tests.make_test('o2', 'orders');
select tests.make_test('open', 'orders', '{"phase": "setup"}');
select tests.make_test('close', 'orders', '{"phase": "teardown"}');
select tests.make_test('off', 'flow', '{"is_enabled": false, "tags": ["smoke"]}');
select tests.make_test('old', 'flow');
update public.test_cases set archived_at = now() where id = tests.id('old');
insert into public.test_cases (id, project_id, suite_id, name)
values (tests.id('empty'), tests.id('shop'), tests.id('flow'), 'empty');
select tests.depend('c', 'o1', 'data');
select tests.depend('o1', 'o2', 'order');

create function tests.planned(run text)
returns setof text
language sql
as $function$
    select results.test_name from public.test_results as results where results.run_id = tests.run(planned.run);
$function$;

create function tests.ids(variadic names text[])
returns jsonb
language sql
as $function$ select jsonb_agg(tests.id(listed.name)) from unnest(names) as listed (name) $function$;

-- Selecting

select tests.queue('all');
select bag_eq(
    $$ select tests.planned('all') $$, array['a', 'b', 'c', 'o1', 'o2', 'open', 'close'],
    'an empty selection takes every test that is enabled, not archived and has a request'
);
select tests.queue('by suite', jsonb_build_object('suites', tests.ids('orders')));
select bag_eq(
    $$ select tests.planned('by suite') $$, array['o1', 'o2', 'open', 'close'],
    'a suite takes its tests'
);
select tests.queue('by tag', '{"tags": ["smoke"]}');
select bag_eq(
    $$ select tests.planned('by tag') $$, array['a', 'o1', 'o2', 'open', 'close'],
    'a tag takes the tests that have it, with what they need'
);
select tests.queue('by tags', '{"tags": ["slow", "fast"]}');
select bag_eq(
    $$ select tests.planned('by tags') $$, array['a', 'b'], 'of several tags any will do'
);
select tests.queue(
    'suite and tag', jsonb_build_object('suites', tests.ids('flow'), 'tags', '["smoke"]'::jsonb)
);
select bag_eq($$ select tests.planned('suite and tag') $$, array['a'], 'tags narrow a suite');
select tests.queue('one', tests.only('a'));
select bag_eq(
    $$ select tests.planned('one') $$, array['a'], 'a test comes alone when it needs nothing'
);
select tests.queue(
    'suite and test', jsonb_build_object('suites', tests.ids('orders'), 'tests', tests.ids('b'))
);
select bag_eq(
    $$ select tests.planned('suite and test') $$, array['b', 'o1', 'o2', 'open', 'close'],
    'suites and tests add up'
);

-- Closing over dependencies

select tests.queue('closure', tests.only('c'));
select bag_eq(
    $$ select tests.planned('closure') $$, array['c', 'o1', 'o2', 'open', 'close'],
    'what a test depends on comes along, through other suites, with their setup and teardown'
);
update public.test_cases set is_enabled = false where id = tests.id('o2');
select tests.queue('without', tests.only('c'));
select bag_eq(
    $$ select tests.planned('without') $$, array['c', 'o1', 'open', 'close'],
    'a disabled test does not come along'
);
select results_eq(
    $$ select total_count from public.test_runs where id = tests.run('without') $$, array[4],
    'the run counts what it will do'
);

-- What a queued run looks like

select tests.act_as('eda');
select is(
    (select status from public.queue_run(tests.id('staging'), tests.only('a'), '{"v": 1}', 'mine')),
    'queued',
    'a run is queued'
);
select tests.act_as_owner();
select results_eq(
    $$
    select queued_by, environment_id, project_id, selection, variables, planned_on, started_at,
    finished_at
    from public.test_runs where id = tests.run('mine')
    $$,
    $$
    values (
        tests.id('eda'), tests.id('staging'), tests.id('shop'), tests.only('a'), '{"v": 1}'::jsonb,
        (now() at time zone 'utc')::date, null::timestamptz, null::timestamptz
    )
    $$,
    'by whoever asked, with what was asked, not yet started'
);
select results_eq(
    $$
    select status, suite_name, phase, row_key, planned_on
    from public.test_results
    where run_id = tests.run('mine')
    $$,
    $$ values ('pending', 'flow', 'main', '', (now() at time zone 'utc')::date) $$,
    'its results are pending'
);
select results_eq(
    $$
    select value_count, size_bytes
    from public.test_execution_context
    where run_id = tests.run('mine')
    $$,
    $$ values (0, 0::bigint) $$, 'its context is empty'
);
select results_eq(
    $$
    select setup_open_count, main_open_count, teardown_open_count, phase
    from private.live_runs
    where run_id = tests.run('closure')
    $$,
    $$ values (1, 3, 1, 'setup') $$, 'phases are counted, and the first that has tests is open'
);
select results_eq(
    $$ select phase from private.live_runs where run_id = tests.run('mine') $$, array['main'],
    'without setup that is main'
);
select is_empty($$ select tests.check_run('closure') $$, 'and every invariant holds');

-- Refusals

create function tests.queueing(selection jsonb, environment text default 'staging')
returns text
language sql
as $function$
    select format('select public.queue_run(%L, %L)', tests.id(environment), selection);
$function$;

create table tests.before as select count(*) as runs from public.test_runs;

select throws_ok(
    tests.queueing(jsonb_build_object('suites', tests.ids('nowhere'))), 'PT404', null,
    'an unknown suite is refused'
);
select is(
    tests.slug_of(tests.queueing(jsonb_build_object('suites', tests.ids('nowhere')))),
    'unknown_suite', 'by its slug'
);
select is(
    tests.slug_of(tests.queueing('{"suites": ["no uuid"]}')), 'unknown_suite',
    'and so is what is no id at all'
);
select throws_ok(
    tests.queueing(tests.only('nowhere')), 'PT404', null, 'an unknown test is refused'
);
select is(tests.slug_of(tests.queueing(tests.only('nowhere'))), 'unknown_test', 'by its slug');
select is(
    tests.slug_of(tests.queueing(tests.only('old'))), 'unknown_test',
    'an archived one is as good as unknown'
);
select throws_ok(
    tests.queueing('{}', 'nowhere'), 'PT404', null, 'an unknown environment is refused'
);
select is(tests.slug_of(tests.queueing('{}', 'nowhere')), 'unknown_environment', 'by its slug');
select throws_ok(
    tests.queueing('{"tags": ["none has it"]}'), 'PT422', null, 'an empty selection is refused'
);
select is(
    tests.slug_of(tests.queueing('{"tags": ["none has it"]}')), 'empty_selection', 'by its slug'
);
select is(
    tests.slug_of(tests.queueing(tests.only('off'))), 'empty_selection',
    'also when it names a disabled test'
);
select is(
    tests.slug_of(tests.queueing(tests.only('empty'))), 'empty_selection',
    'or one without a request'
);
select throws_ok(tests.queueing('[]'), 'PT400', null, 'a selection is an object');
select throws_ok(tests.queueing('{"suites": "all"}'), 'PT400', null, 'of lists');
select throws_ok(tests.queueing('{"tags": null}'), 'PT400', null, 'not of nulls');
select throws_ok(
    format('select public.queue_run(%L, null)', tests.id('staging')), 'PT400', null, 'and it must not be null'
);
select throws_ok(
    format($$ select public.queue_run(%L, '{}', '[]') $$, tests.id('staging')), 'PT400', null,
    'and so must variables be an object'
);
select tests.make_test('unsigned', 'flow', '{"auth": {"credential": "misspelled"}}');
select throws_ok(
    tests.queueing(tests.only('unsigned')), 'PT422', null,
    'a credential that does not exist is refused'
);
select is(
    tests.slug_of(tests.queueing(tests.only('unsigned'))), 'unknown_credential', 'by its slug'
);
select lives_ok(tests.queueing(tests.only('a')), 'other tests of the suite can be run');
delete from public.test_runs where idempotency_key is null;
update public.test_cases set is_enabled = false where id = tests.id('unsigned');
select is(
    (select count(*) from public.test_runs), (select runs from tests.before),
    'a refusal leaves no run behind'
);

-- Rights

select tests.act_as('vera');
select throws_ok(tests.queueing('{}'), 'PT403', null, 'a viewer may not run tests');
select tests.act_as('otto');
select throws_ok(
    tests.queueing('{}'), 'PT404', null, 'for a stranger the environment does not exist'
);
select tests.act_as_anon();
select throws_ok(tests.queueing('{}'), '42501', null, 'whoever is not signed in may not call it');
select tests.act_as_service();
select lives_ok(tests.queueing('{}'), 'the secret key may');
select tests.act_as_owner();
update public.environments set archived_at = now() where id = tests.id('staging');
select is(
    tests.slug_of(tests.queueing('{}')), 'unknown_environment',
    'an archived environment refuses runs'
);
update public.environments set archived_at = null where id = tests.id('staging');
update public.projects set archived_at = now() where id = tests.id('shop');
select is(
    tests.slug_of(tests.queueing('{}')), 'unknown_environment', 'and so does an archived project'
);

select * from finish();
rollback;
