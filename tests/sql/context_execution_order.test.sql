-- Context, execution order: a step of report_work. Who gives a value goes before who needs it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(12);

select tests.make_test('prepare', 'flow', jsonb_build_object('phase', 'setup', 'captures', tests.capture('base')));
select tests.make_test('login', 'flow', jsonb_build_object('path', '/{{base}}', 'captures', tests.capture('token')));
select tests.make_test('make', 'flow', jsonb_build_object('path', '/{{token}}', 'captures', tests.capture('id')));
select tests.make_test('read', 'flow', '{"path": "/{{token}}/{{id}}"}');
select tests.make_test('other', 'flow', '{"path": "/{{base}}"}');
select tests.make_test('last', 'flow');
select tests.depend('last', 'read', 'order');
select tests.make_test('close', 'flow', '{"phase": "teardown", "path": "/{{id}}"}');
select tests.act_as('eda');
select public.queue_run(tests.id('staging'), '{}', '{}', 'run');
select tests.act_as_owner();

select is(tests.claim('1'), array['prepare'], 'setup goes first');
select is(tests.claim('1b'), '{}', 'and alone');
select tests.answer('prepare', '{"body": {"base": "b"}}');
select is(
    tests.claim('2'), array['login', 'other'],
    'then whoever needs no more than setup gave, at once'
);
select tests.answer('other');
select is(tests.claim('2b'), '{}', 'the rest waits for what it needs');
select tests.answer('login', '{"body": {"token": "t"}}');
select is(tests.claim('3'), array['make'], 'one report releases the next');
select tests.answer('make', '{"body": {"id": 7}}');
select is(tests.claim('4'), array['read'], 'in the order in which values come to be');
select is(
    tests.request('read') ->> 'url', 'https://api.test/v1/t/7', 'each seeing all that came before'
);
select tests.answer('read', '{"status": 500}');
select is(tests.claim('5'), array['last'], 'a mere order holds whatever came of the one before');
select tests.answer('last');
select is(tests.claim('6'), array['close'], 'teardown goes last');
select tests.answer('close');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');

-- Nobody but a worker moves it

select tests.act_as('eda');
select throws_ok(
    $$ select public.report_work(tests.id('worker'), gen_random_uuid(), '[]', 1, 0) $$, 'PT403', null,
    'people report nothing, editors included'
);
select tests.act_as_anon();
select throws_ok(
    $$ select public.claim_work(tests.id('worker'), gen_random_uuid(), 1, 0) $$, '42501', null,
    'and whoever is not signed in claims nothing'
);

select * from finish();
rollback;
