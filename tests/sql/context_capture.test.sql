-- Context, capture: a step of report_work. What is kept, for how long, and how much of it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(33);

savepoint empty;

-- Kept, whatever the verdict

select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('id')));
select tests.make_test('use', 'flow', '{"path": "/{{id}}"}');
select tests.queue('run');
select tests.remember('run', tests.run('run'));
update public.test_execution_context set expires_at = now();
delete from realtime.messages;
select tests.claim('1');
select tests.answer('make', '{"status": 500, "body": {"id": 7}}');
select results_eq(
    $$ select name, value, test_case_id, size_bytes from public.test_context_values $$,
    $$ values ('id', '7'::jsonb, tests.id('make'), 1) $$,
    'what a test found is kept with its name, also when the test failed'
);
select is_empty($$ select tests.check_context('run') $$, 'and counted');
select ok(
    (select expires_at > now() + interval '23 hours' from public.test_execution_context),
    'the context lives a day from then'
);
select results_eq(
    $$ select topic, payload - 'id' from realtime.messages where event = 'context_updated' $$,
    $$
    values (
        'run:' || tests.run('run'),
        jsonb_build_object('run', tests.run('run'), 'value_count', 1, 'size_bytes', 1)
    )
    $$,
    'who watches the run is told, in one message'
);

-- From the four chairs

select tests.act_as('vera');
select is(
    (select count(*) from public.test_context_values), 1::bigint, 'a viewer sees what was captured'
);
select tests.act_as('eda');
select throws_ok(
    $$ insert into public.test_context_values (name) values ('x') $$, '42501', null,
    'an editor captures nothing by hand'
);
select tests.act_as('otto');
select is_empty($$ select id from public.test_context_values $$, 'a stranger sees nothing');
select tests.act_as_anon();
select throws_ok(
    $$ select id from public.test_context_values $$, '42501', null,
    'whoever is not signed in may not look'
);
select tests.act_as_service();
select throws_ok(
    $$ delete from public.test_context_values where name = 'x' $$, '42501', null,
    'and the secret key does not write past the engine'
);
select tests.act_as_owner();
rollback to empty;

-- Too much

update public.environments set context_max_bytes = 20 where id = tests.id('staging');
select tests.make_test(name, 'flow', jsonb_build_object(
    'captures', tests.capture('v'), 'position', number, 'retry', '{"attempts": 3, "retry_on": ["assertion"]}'::jsonb
))
from unnest(array['a', 'b', 'c']) with ordinality as names (name, number);
select tests.make_test('use', 'flow', '{"path": "/{{v}}"}');
select tests.depend('use', 'b', 'data');
select tests.queue('run');
select tests.claim('1');
select tests.send((
    select jsonb_agg(tests.report(
        handed_out.item,
        jsonb_build_object('body', jsonb_build_object('v', repeat('x', case handed_out.test when 'b' then 9 else 8 end)))
    ))
    from tests.handed_out
));
select is(
    tests.verdicts('run'), array['a: passed', 'b: error', 'c: passed', 'use: skipped'],
    'the capture that finds no room ends its result in error; a smaller one after it has room'
);
select results_eq(
    $$ select category, slug, http_status from public.test_results where test_name = 'b' $$,
    $$ values ('context', 'context_too_large', 200) $$, 'and says so'
);
select is(
    (select outcome from public.test_result_details where result_id = (tests.result('run', 'b')).id),
    'error', 'as its attempt does'
);
select bag_eq(
    $$ select test_case_id from public.test_context_values $$, array[tests.id('a'), tests.id('c')],
    'nothing of it is stored'
);
select is_empty($$ select tests.check_context('run') $$, 'nor counted');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;
update public.environments set context_max_bytes = 5 where id = tests.id('staging');
select tests.make_test(
    'two', 'flow', jsonb_build_object('captures', tests.capture('p') || tests.capture('q'))
);
select tests.queue('run');
select tests.run_all('{"two": {"status": 500, "body": {"p": "x", "q": "yy"}}}');
select is(
    (tests.result('run', 'two')).slug, 'context_too_large',
    'of one report either everything is kept or nothing, whatever else it found'
);
select is_empty($$ select tests.held('run') $$, 'here nothing');
select tests.act_as('eda');
select is(
    tests.count_changed($$ update public.environments set context_max_bytes = 1000 where name = 'staging' $$),
    0::bigint, 'an editor does not raise the limit'
);
select tests.act_as('adam');
select is(
    tests.count_changed($$ update public.environments set context_max_bytes = 1000 where name = 'staging' $$),
    1::bigint, 'an admin does'
);
select throws_ok(
    $$ update public.environments set context_max_bytes = 104857601 where name = 'staging' $$, '23514', null,
    'up to a hundred megabytes'
);
select tests.act_as_owner();
rollback to empty;

-- Rows

select tests.make_fixture('rows', 'shop', (
    select jsonb_agg(jsonb_build_object('key', key, 'values', jsonb_build_object('n', key)))
    from unnest(array['a', 'b']) as keys (key)
));
select tests.make_test(
    'make', 'flow',
    jsonb_build_object('fixture', 'rows', 'path', '/{{n}}', 'captures', tests.capture('id') || tests.capture('unused'))
);
select tests.make_test('use', 'flow', '{"fixture": "rows", "path": "/{{id}}"}');
select tests.make_test('drop', 'flow', '{"fixture": "rows", "path": "/{{id}}", "phase": "teardown"}');
savepoint rows;
update public.environments set context_max_bytes = 0 where id = tests.id('staging');
select tests.queue('run');
select tests.claim('1');
select tests.answer('make/a', '{"body": {"id": 1, "unused": 1}}');
select bag_eq(
    $$ select tests.held('run') $$, array['id/a'],
    'of a fixture row is kept what another test will use; it does not count against the limit'
);
select is_empty($$ select tests.check_context('run') $$, 'it is counted apart');
select tests.claim('2');
select tests.answer('use/a');
select bag_eq(
    $$ select tests.held('run') $$, array['id/a'], 'until the last test that may use it is over'
);
select tests.answer('make/b', '{"body": {"id": 2, "unused": 2}}');
select tests.claim('3');
select tests.answer('use/b', '{"status": 500}');
select tests.claim('4');
select tests.answer('drop/a');
select bag_eq(
    $$ select tests.held('run') $$, array['id/b'], 'which is the teardown of its row here'
);
select tests.answer('drop/b');
select is_empty($$ select tests.held('run') $$, 'at the end of the run none is left');
select is_empty($$ select tests.check_context('run') $$, 'and the counters are back');
rollback to rows;
select tests.make_test('sum', 'flow', '{"path": "/{{id}}"}');
update public.test_cases set is_enabled = false where id = tests.id('drop');
select tests.queue('run', tests.only('sum'));
select tests.claim('1');
select tests.answer('make/a', '{"body": {"id": 1, "unused": 1}}');
select tests.answer('make/b', '{"body": {"id": 2, "unused": 2}}');
select bag_eq(
    $$ select tests.held('run') $$, array['id/a', 'id/b'], 'what waits for all rows keeps them all'
);
select tests.claim('2');
select is(
    tests.request('sum') ->> 'url', 'https://api.test/v1/%5B1%2C%202%5D', 'to see them as one array'
);
select tests.answer('sum');
select tests.run_all();
select is_empty($$ select tests.held('run') $$, 'and lets them go');
select is_empty($$ select tests.check_context('run') $$, 'all of them');
rollback to rows;
select tests.queue('run', tests.only('use'));
select tests.claim('1');
select tests.answer('make/a', '{"status": 500, "body": {"id": 1, "unused": 1}}');
select bag_eq(
    $$ select tests.held('run') $$, array['id/a'],
    'when the consumer was skipped, teardown may still need it'
);
select public.cancel_run(tests.run('run'));
select tests.answer('make/b', '{"body": {"id": 2, "unused": 2}}');
select tests.run_all();
select is_empty($$ select tests.held('run') $$, 'and after a cancelled run nothing is left');
select is_empty($$ select tests.check_context('run') $$, 'that anybody counts');

select * from finish();
rollback;
