-- queue_run: the same key is the same run, and what was queued stays as it was.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(25);

select tests.make_environment('production', 'shop');
select tests.make_project('second shop', 'acme');
select tests.make_environment('second staging', 'second shop');
select tests.make_suite('second flow', 'second shop');
select tests.make_test('elsewhere', 'second flow');
select tests.make_fixture('rows', 'shop', '[{"key": "a", "values": {"x": "old"}}]');
select tests.make_test(
    'a', 'flow',
    '{"fixture": "rows", "path": "/{{x}}/{{y}}/{{z}}/{{w}}",
      "assertions": [{"source": "status", "operator": "equals", "expected": 200}]}'
);
select tests.make_test('b', 'flow');
update public.test_suites set variables = '{"z": "old"}' where id = tests.id('flow');
update public.projects set variables = '{"w": "old"}' where id = tests.id('shop');
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'y', '"old"');
insert into public.api_credentials (organization_id, name, auth)
values (tests.id('acme'), 'robot', '{"kind": "bearer", "token": "old token {{w}}"}');
update public.test_request_configs set auth = '{"credential": "robot"}' where test_case_id = tests.id('a');

-- The same key

create function tests.queueing(
    environment text, selection jsonb, variables jsonb default '{}', key text default 'key'
)
returns text
language sql
as $function$
    select format('select public.queue_run(%L, %L, %L, %L)', tests.id(environment), selection, variables, key);
$function$;

select tests.queue('key', tests.only('a'), '{"v": 1}');
select is(
    (select id from public.queue_run(tests.id('staging'), tests.only('a'), '{"v": 1}', 'key')),
    tests.run('key'),
    'the same key and parameters give the same run'
);
select is(
    array[
        (select count(*) from public.test_runs where project_id = tests.id('shop')),
        (select count(*) from public.test_results where project_id = tests.id('shop'))
    ],
    array[1::bigint, 1], 'and nothing is planned twice'
);
select tests.claim('under way');
select is(
    (select status from public.queue_run(tests.id('staging'), tests.only('a'), '{"v": 1}', 'key')),
    'running',
    'also when it is under way, as it is then'
);
select throws_ok(
    tests.queueing('staging', tests.only('b'), '{"v": 1}'), 'PT409', null,
    'another selection is a conflict'
);
select throws_ok(
    tests.queueing('staging', tests.only('a'), '{"v": 2}'), 'PT409', null,
    'and so are other variables'
);
select throws_ok(
    tests.queueing('production', tests.only('a'), '{"v": 1}'), 'PT409', null,
    'or another environment'
);
select throws_ok(
    format(
        'select public.queue_run(%L, %L, %L, %L, 60000)', tests.id('staging'), tests.only('a'),
        '{"v": 1}', 'key'
    ),
    'PT409', null, 'or another time limit'
);
select is(
    tests.slug_of(tests.queueing('staging', tests.only('b'))), 'idempotency_conflict',
    'the slug is idempotency_conflict'
);
select lives_ok(tests.queueing('second staging', '{}'), 'another project has keys of its own');
select tests.act_as('vera');
select throws_ok(
    tests.queueing('staging', tests.only('a'), '{"v": 1}'), 'PT403', null,
    'a viewer learns nothing by guessing a key'
);
select tests.act_as_owner();

-- What was queued stays as it was

select tests.queue('before', tests.only('a'));
update public.test_data_fixtures set rows = '[{"key": "a", "values": {"x": "new"}}, {"key": "b", "values": {"x": "new"}}]'
where id = tests.id('rows');
update public.environment_variables set value = '"new"' where name = 'y';
update public.environments set base_url = 'https://new.test' where id = tests.id('staging');
update public.test_suites set variables = '{"z": "new"}', headers = '[["X-New", "1"]]' where id = tests.id('flow');
update public.projects set variables = '{"w": "new"}' where id = tests.id('shop');
update public.api_credentials set auth = '{"kind": "bearer", "token": "new token {{w}}"}' where name = 'robot';
update public.test_cases set name = 'new name' where id = tests.id('a');
update public.test_request_configs set method = 'POST', path = '/new/{{x}}/{{y}}/{{z}}/{{w}}' where test_case_id = tests.id('a');
update public.test_response_specs set assertions = '[{"source": "status", "operator": "equals", "expected": 999}]'
where test_case_id = tests.id('a');
select tests.claim('before');
select is(
    tests.request('a/a', 'before') ->> 'url', 'https://api.test/v1/old/old/old/old',
    'a run sends what it was planned with: base URL, path, fixture, environment, suite and project'
);
select is(tests.request('a/a', 'before') ->> 'method', 'GET', 'the method');
select is(
    tests.request('a/a', 'before') -> 'headers', '[["Authorization", "Bearer old token old"]]',
    'headers and sign-in'
);
select is(
    (select count(*) from public.test_results where run_id = tests.run('before')), 1::bigint,
    'the same rows'
);
select tests.answer('a/a', '{}', 'before');
select is(
    (tests.result('before', 'a/a')).status, 'passed', 'and expects what it was planned to expect'
);
select is((tests.result('before', 'a/a')).test_name, 'a', 'under the name of then');

select tests.queue('after', tests.only('a'));
select tests.claim('after');
select is(
    tests.request('new name/b', 'after') ->> 'url', 'https://new.test/new/new/new/new/new',
    'a new run sees what is now'
);
select is(tests.request('new name/b', 'after') ->> 'method', 'POST', 'all of it');
select is(
    tests.request('new name/b', 'after') -> 'headers',
    '[["X-New", "1"], ["Authorization", "Bearer new token new"]]',
    'inherited parts included'
);
select tests.answer('new name/b', '{}', 'after');
select is((tests.result('after', 'new name/b')).status, 'failed', 'and new expectations');
select is(
    (select count(*) from public.test_results where run_id = tests.run('after')), 2::bigint,
    'and new rows'
);
select is_empty($$ select tests.check_run('after') $$, 'every invariant holds');
select is_empty($$ select tests.check_run('before') $$, 'for both');

select isnt(
    (select id from public.queue_run(tests.id('staging'), tests.only('a'))),
    (select id from public.queue_run(tests.id('staging'), tests.only('a'))),
    'without a key every call is a new run'
);

-- A purged project
select tests.queue('gone', tests.only('b'));
select lives_ok(
    $$ delete from public.projects where id = tests.id('shop') $$,
    'a project can be purged while it runs, with all it holds'
);

select * from finish();
rollback;
