-- rerun_failed: what did not pass once more, with all it needs and no more rows than that.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(33);

savepoint empty;

create function tests.planned(run text)
returns setof text
language sql
as $function$
    select concat_ws('/', results.test_name, nullif(results.row_key, ''))
    from public.test_results as results
    where results.run_id = tests.run(planned.run);
$function$;

create function tests.rerun(
    run text, key text, variables jsonb default '{}', environment text default null
)
returns void
language sql
as $function$
    select public.rerun_failed(
        tests.run(run), tests.id(environment), rerun.variables, rerun.key
    );
$function$;

savepoint functions;

-- Tests

select tests.make_test('login', 'flow', jsonb_build_object('captures', tests.capture('token')));
select tests.make_test('read', 'flow', '{"path": "/{{token}}"}');
select tests.make_test('write', 'flow', '{"path": "/{{token}}"}');
select tests.make_test('alone', 'flow');
select tests.make_test('after write', 'flow');
select tests.depend('after write', 'write', 'data');
select tests.make_suite('other suite', 'shop');
select tests.make_test('elsewhere', 'other suite');
select tests.make_test('elsewhere clean', 'other suite', '{"phase": "teardown"}');
select tests.queue('first', '{}', '{"a": 1, "b": 1}');
select is(
    tests.slug_of(format('select public.rerun_failed(%L)', tests.run('first'))), 'run_not_over',
    'a run that is not over cannot be rerun: what failed is not known'
);
select tests.run_all('{"login": {"body": {"token": "t"}}, "write": {"status": 500}}');
update public.test_runs set timeout_ms = 60000, max_parallel = 3 where id = tests.run('first');
select tests.rerun('first', 'again');
select bag_eq(
    $$ select tests.planned('again') $$, array['login', 'write', 'after write'],
    'what failed and what was skipped run again, with what they need; what passed does not'
);
select results_eq(
    $$
    select environment_id, variables, selection, timeout_ms, max_parallel
    from public.test_runs
    where id = tests.run('again')
    $$,
    $$
    values (
        tests.id('staging'), '{"a": 1, "b": 1}'::jsonb,
        jsonb_build_object('failures_of', tests.run('first')), 60000, 3
    )
    $$,
    'in the same environment, with the same variables and limits, and it says of what run'
);
select is(
    (select id from public.rerun_failed(tests.run('first'), idempotency_key => 'again')),
    tests.run('again'), 'the same key is the same run'
);
select tests.make_environment('production', 'shop');
select tests.rerun('first', 'there', '{"b": 2, "c": 2}', 'production');
select results_eq(
    $$ select environment_id, variables from public.test_runs where id = tests.run('there') $$,
    $$ values (tests.id('production'), '{"a": 1, "b": 2, "c": 2}'::jsonb) $$,
    'another environment may be given, and variables over those of then'
);
select is_empty($$ select tests.check_run('again') $$, 'every invariant holds');
select tests.queue(
    'by selection', jsonb_build_object('failures_of', tests.run('first'), 'tests', jsonb_build_array(tests.id('elsewhere')))
);
select bag_eq(
    $$ select tests.planned('by selection') $$,
    array['login', 'write', 'after write', 'elsewhere', 'elsewhere clean'],
    'failures are a selection like others, and add up with tests'
);
update public.test_cases set tags = '{slow}' where id = tests.id('write');
select tests.queue(
    'by tag', jsonb_build_object('failures_of', tests.run('first'), 'tags', '["slow"]'::jsonb)
);
select bag_eq(
    $$ select tests.planned('by tag') $$, array['login', 'write'], 'and tags narrow them'
);
select tests.run_all('{"login": {"body": {"token": "t"}}}');
select is(
    tests.slug_of(format('select public.rerun_failed(%L)', tests.run('again'))), 'nothing_failed',
    'when everything passed there is nothing to run again'
);
update public.test_cases set archived_at = now() where id = tests.id('write');
select tests.rerun('first', 'without');
select bag_eq(
    $$ select tests.planned('without') $$, array['after write'],
    'what was archived since is left out'
);
update public.test_cases set is_enabled = false where id = tests.id('after write');
select is(
    tests.slug_of(format('select public.rerun_failed(%L)', tests.run('first'))), 'empty_selection',
    'and when nothing is left, that is said'
);
rollback to functions;

-- Rows

select tests.make_fixture('rows', 'shop', (
    select jsonb_agg(jsonb_build_object('key', key, 'values', jsonb_build_object('n', key)))
    from unnest(array['a', 'b', 'c']) as keys (key)
));
select tests.make_test(
    'make', 'flow', jsonb_build_object('fixture', 'rows', 'path', '/{{n}}', 'captures', tests.capture('id'))
);
select tests.make_test('use', 'flow', '{"fixture": "rows", "path": "/{{id}}"}');
select tests.make_test('drop', 'flow', '{"fixture": "rows", "path": "/{{id}}", "phase": "teardown"}');
select tests.make_test('begin', 'flow', '{"phase": "setup"}');
select tests.queue('rows');
select tests.run_all('{"make": {"body": {"id": 7}}, "use/b": {"status": 500}}');
select tests.rerun('rows', 'rows again');
select bag_eq(
    $$ select tests.planned('rows again') $$, array['begin', 'make/b', 'use/b', 'drop/b'],
    'of a fixture only the rows that failed run again, in what they need and what cleans up too'
);
select is(
    (tests.result('rows again', 'use/b')).row_index, 1, 'a row keeps its place'
);
select results_eq(
    $$ select total_count from public.test_runs where id = tests.run('rows again') $$, array[4],
    'the run counts only these'
);
select tests.run_all('{"make": {"body": {"id": 7}}}');
select is(
    (select status from public.test_runs where id = tests.run('rows again')), 'passed',
    'and passes with them'
);
select is(tests.request('use/b') ->> 'url', 'https://api.test/v1/7', 'each seeing its own row');
select is_empty($$ select tests.check_run('rows again') $$, 'every invariant holds');
select tests.queue('dirty');
select tests.run_all('{"make": {"body": {"id": 7}}, "use/b": {"status": 500}, "drop/a": {"status": 500}}');
select tests.rerun('dirty', 'dirty again');
select bag_eq(
    $$ select tests.planned('dirty again') $$, array['begin', 'make/b', 'use/b', 'drop/a', 'drop/b'],
    'what failed to clean up runs again, but nothing is made for it; what is made is cleaned up'
);
select tests.queue(
    'all rows', jsonb_build_object('failures_of', tests.run('rows'), 'tests', jsonb_build_array(tests.id('use')))
);
select is(
    (select count(*) from tests.planned('all rows')), 10::bigint,
    'a test that is also named itself runs with all its rows'
);
select tests.make_test('total', 'flow', '{"path": "/total/{{id}}"}');
select tests.queue('sum', tests.only('total', 'use'));
select tests.run_all('{"make": {"body": {"id": 7}}, "use/b": {"status": 500}, "total": {"status": 500}}');
select tests.rerun('sum', 'sum again');
select bag_eq(
    $$ select planned from tests.planned('sum again') as planned where planned <> 'begin' $$,
    array['total', 'make/a', 'make/b', 'make/c', 'use/b', 'drop/a', 'drop/b', 'drop/c'],
    'what waits for every row gets every row'
);
update public.test_data_fixtures
set rows = '[{"key": "b", "values": {"n": 1}}, {"key": "d", "values": {"n": 1}}]'
where id = tests.id('rows');
select tests.rerun('rows', 'rows changed');
select bag_eq(
    $$ select planned from tests.planned('rows changed') as planned where planned <> 'begin' $$,
    array['make/b', 'use/b', 'drop/b'], 'rows that came since do not come along'
);
update public.test_data_fixtures set rows = '[{"key": "d", "values": {"n": 1}}]'
where id = tests.id('rows');
select tests.rerun('rows', 'rows gone');
select bag_eq(
    $$ select planned from tests.planned('rows gone') as planned where planned <> 'begin' $$,
    array['make/d', 'use/d', 'drop/d'], 'when the failed rows are gone, all of today run'
);
delete from public.fixture_usage where test_case_id = tests.id('use');
select tests.rerun('rows', 'no fixture');
select is(
    (select count(*) from tests.planned('no fixture') as planned where planned = 'use'), 1::bigint,
    'a test that lost its fixture runs once'
);
rollback to functions;

-- Who may, and of what

select tests.make_test('a', 'flow');
select tests.queue('run');
select tests.run_all('{"a": {"status": 500}}');
create table tests.known as select tests.run('run') as run_id;
grant select on tests.known to public;
create function tests.rerunning()
returns text
language sql
as $function$ select format('select public.rerun_failed(%L)', (select run_id from tests.known)) $function$;
select is(
    tests.slug_of(format('select public.rerun_failed(%L)', tests.id('no run'))), 'unknown_run',
    'a run that does not exist is unknown'
);
select is(
    tests.slug_of(format(
        'select public.queue_run(%L, %L)', tests.id('staging'), '{"failures_of": "x"}'
    )),
    'unknown_run', 'and so is what is no id'
);
select is(
    tests.slug_of(format(
        'select public.queue_run(%L, %L)', tests.id('staging'), '{"failures_of": null}'
    )),
    'malformed_selection', 'null is malformed'
);
select is(
    tests.slug_of(format('select public.rerun_failed(%L, null, %L)', tests.id('no run'), '[]')),
    'unknown_run', 'before anything else is looked at'
);
select is(
    tests.slug_of(format('select public.rerun_failed(%L, null, %L)', (select run_id from tests.known), '[]')),
    'malformed_selection', 'variables are an object'
);
select tests.make_project('second shop', 'acme');
select tests.make_environment('second staging', 'second shop');
select is(
    tests.slug_of(format(
        'select public.rerun_failed(%L, %L)', (select run_id from tests.known), tests.id('second staging')
    )),
    'unknown_run', 'another project cannot rerun it'
);
select tests.act_as('eda');
select lives_ok(tests.rerunning(), 'an editor may');
select tests.act_as('vera');
select throws_ok(tests.rerunning(), 'PT403', null, 'a viewer may not');
select tests.act_as('otto');
select throws_ok(tests.rerunning(), 'PT404', null, 'for a stranger there is no such run');
select tests.act_as_anon();
select throws_ok(
    $$ select public.rerun_failed(null) $$, '42501', null, 'whoever is not signed in may not ask'
);

select * from finish();
rollback;
