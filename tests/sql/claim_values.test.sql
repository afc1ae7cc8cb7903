-- What a name stands for when a request is rendered, and what happens when it stands for nothing.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(36);

savepoint empty;

-- Precedence, from the strongest

update public.projects set variables = '{"project": "P", "environment": "P", "suite": "P", "captured": "P", "fixture": "P", "run": "P"}' where id = tests.id('shop');
insert into public.environment_variables (environment_id, project_id, name, value)
select tests.id('staging'), tests.id('shop'), names.name, '"E"'
from unnest(array['environment', 'suite', 'captured', 'fixture', 'run']) as names (name);
update public.test_suites set variables = '{"suite": "S", "captured": "S", "fixture": "S", "run": "S"}' where id = tests.id('flow');
select tests.make_test(
    'capture', 'flow',
    jsonb_build_object(
        'captures', tests.capture('captured') || tests.capture('fixture') || tests.capture('run')
    )
);
select tests.make_fixture('rows', 'shop', '[{"key": "a", "values": {"fixture": "F", "run": "F"}}]');
select tests.make_test(
    'use', 'flow',
    '{"fixture": "rows",
      "path": "/{{project}}{{environment}}{{suite}}{{captured}}{{fixture}}{{run}}"}'
);
select tests.depend('use', 'capture', 'data');
select tests.queue('run', '{}', '{"run": "R"}');
select tests.claim('1');
select tests.answer('capture', '{"body": {"captured": "C", "fixture": "C", "run": "C"}}');
select tests.claim('2');
select is(
    tests.request('use/a') ->> 'url', 'https://api.test/v1/PESCFR',
    'project < environment < suite < captured < fixture row < run'
);
rollback to empty;

-- Visibility

select tests.make_suite('left', 'shop');
select tests.make_suite('right', 'shop');
select tests.make_test(
    'left login', 'left', jsonb_build_object('captures', tests.capture('token'))
);
select tests.make_test(
    'right login', 'right', jsonb_build_object('captures', tests.capture('token'))
);
select tests.make_test('left use', 'left', '{"path": "/{{token}}"}');
select tests.make_test('right use', 'right', '{"path": "/{{token}}"}');
select tests.make_test('outsider', 'flow', '{"path": "/{{token}}"}');
select tests.depend('outsider', 'left use', 'order');
select tests.make_test('stranger', 'flow', '{"path": "/{{token | default(\"none\")}}"}');
select tests.queue('run');
select tests.claim('1');
select tests.answer('left login', '{"body": {"token": "left"}}');
select tests.answer('right login', '{"body": {"token": "right"}}');
select tests.claim('2');
select is(
    tests.request('left use') ->> 'url', 'https://api.test/v1/left',
    'parallel flows do not shadow each other'
);
select is(tests.request('right use') ->> 'url', 'https://api.test/v1/right', 'in either direction');
select is(
    tests.request('stranger') ->> 'url', 'https://api.test/v1/none',
    'who depends on neither sees neither'
);
select tests.answer('left use');
select tests.claim('3');
select is(
    tests.request('outsider') ->> 'url', 'https://api.test/v1/left',
    'who depends on one, at any distance, sees its value'
);
rollback to empty;

-- A replaced value

select tests.make_test('login', 'flow', jsonb_build_object('captures', tests.capture('token')));
select tests.make_test(
    'refresh', 'flow', jsonb_build_object('path', '/{{token}}', 'captures', tests.capture('token'))
);
select tests.make_test('use', 'flow', '{"path": "/{{token}}"}');
select tests.depend('refresh', 'login', 'data');
select tests.depend('use', 'refresh', 'data');
select tests.queue('run');
select tests.run_all(
    '{"login": {"body": {"token": "one"}}, "refresh": {"body": {"token": "two"}}}'
);
select is(
    tests.request('refresh') ->> 'url', 'https://api.test/v1/one',
    'a refresh sees the value that it replaces'
);
select is(
    tests.request('use') ->> 'url', 'https://api.test/v1/two',
    'and whoever comes after it the new one'
);
rollback to empty;

-- A clock that is put back

select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('made')));
select tests.make_test('use', 'flow', '{"path": "/{{made}}"}');
select tests.queue('run');
select tests.claim('1');
select tests.answer('make', '{"body": {"made": 1}}');
update public.test_context_values set created_at = now() + interval '1 hour';
select tests.claim('2');
select is(
    tests.request('use') ->> 'url', 'https://api.test/v1/1',
    'does not hide what was captured before'
);
rollback to empty;

-- Types and structure

select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('thing')));
select tests.make_test(
    'use', 'flow',
    '{"method": "POST", "path": "/{{thing.tags[1]}}", "body": {"kind": "json",
      "value": {"id": "{{thing.id}}", "whole": "{{thing}}", "text": "no {{thing.id}}"}}}'
);
select tests.queue('run');
select tests.run_all('{"make": {"body": {"thing": {"id": 7, "tags": ["a", "b/c"]}}}}');
select is(tests.request('use') #> '{body,value,id}', '7', 'a captured number stays one');
select is(
    tests.request('use') #> '{body,value,whole}', '{"id": 7, "tags": ["a", "b/c"]}',
    'and a structure'
);
select is(tests.request('use') #> '{body,value,text}', '"no 7"', 'in text it is text');
select is(
    tests.request('use') ->> 'url', 'https://api.test/v1/b%2Fc', 'and in the path it is encoded'
);
rollback to empty;

-- A new value for each retry, the same for each rescue

select tests.make_test('try', 'flow', '{"path": "/{{$uuid}}", "retry": {"attempts": 2}}');
select tests.queue('run');
select tests.claim('1');
select tests.expire('try');
select tests.claim('2');
select tests.answer('try', '{"status": 500}');
update private.work_items set available_at = '-infinity' where run_id = tests.run('run');
select tests.claim('3');
select is(
    tests.request('try', '2') ->> 'url', tests.request('try', '1') ->> 'url',
    'a rescue repeats $uuid'
);
select isnt(
    tests.request('try', '3') ->> 'url', tests.request('try', '1') ->> 'url', 'a retry does not'
);
select tests.queue('again');
select tests.claim('4');
select isnt(
    tests.request('try', '4') ->> 'url', tests.request('try', '1') ->> 'url',
    'and neither does another run'
);
rollback to empty;

-- No value at all

select tests.make_test('lost', 'flow', '{"path": "/{{nowhere}}"}');
select tests.make_test('needs', 'flow');
select tests.make_test('follows', 'flow');
select tests.depend('needs', 'lost', 'data');
select tests.depend('follows', 'lost', 'order');
select tests.queue('run');
select is(
    tests.claim('1'), '{follows}',
    'a test with an unresolved name is not handed out, and does not hold others up'
);
select results_eq(
    $$
    select status, category, slug, attempt_count, cause_result_id
    from tests.result('run', 'lost')
    $$,
    $$ values ('error', 'definition', 'unresolved_variable', 0, null::uuid) $$, 'it ends in error'
);
select matches((tests.result('run', 'lost')).message, 'nowhere', 'which names it');
select is((tests.result('run', 'needs')).status, 'skipped', 'who needs it is skipped');
select is_empty(
    $$ select from public.test_result_details where run_id = tests.run('run') $$,
    'and no attempt was made'
);
select tests.answer('follows');
select is(tests.run_status('run'), 'error', 'the run ends in error');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

select tests.make_test(
    'lost', 'flow',
    '{"assertions": [{"source": "status", "operator": "equals", "expected": "{{nowhere}}"}]}'
);
select tests.queue('run');
select is(
    tests.claim('1'), '{}',
    'a name in an expectation must have a value too, before anything is sent'
);
select is((tests.result('run', 'lost')).slug, 'unresolved_variable', 'or the test ends in error');
select is(tests.run_status('run'), 'error', 'also when that ends the run');
rollback to empty;

-- The upstream test passed, but captured nothing

select tests.make_test(
    'login', 'flow',
    '{"captures": [{"name": "extra", "source": "body", "path": "$.extra", "required": false}]}'
);
select tests.make_test('use', 'flow', '{"path": "/{{extra}}"}');
select tests.queue('run');
select tests.run_all('{"login": {"body": {}}}');
select results_eq(
    $$
    select status, category, slug, cause_result_id, cause_status, cause_edge
    from tests.result('run', 'use')
    $$,
    $$
    select 'skipped', 'dependency', 'upstream_value_missing', id, 'passed', 'data'
    from tests.result('run', 'login')
    $$,
    'an optional capture that found nothing skips who needs it, naming the cause'
);
select is(tests.run_status('run'), 'passed', 'a run with skipped tests can pass');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- Teardown without anything to clean

select tests.make_test('prepare', 'flow', '{"phase": "setup"}');
select tests.make_test('create', 'flow', jsonb_build_object('captures', tests.capture('id')));
select tests.make_test(
    'delete', 'flow', '{"phase": "teardown", "method": "DELETE", "path": "/{{id}}"}'
);
select tests.queue('run');
select tests.run_all('{"create": {"status": 500, "body": {}}}');
select results_eq(
    $$
    select status, category, slug, cause_result_id, cause_status, cause_edge
    from tests.result('run', 'delete')
    $$,
    $$
    select 'skipped', 'dependency', 'nothing_to_clean', id, 'failed', 'data'
    from tests.result('run', 'create')
    $$,
    'a teardown test whose value never came to be has nothing to clean'
);
select is(tests.run_status('run'), 'failed', 'which does not change the verdict of the run');
select tests.queue('left behind');
select tests.run_all('{"create": {"status": 500, "body": {"id": 9}}}');
select is(
    tests.request('delete') ->> 'url', 'https://api.test/v1/9',
    'what a failed test left behind is cleaned up'
);
select is((tests.result('left behind', 'delete')).status, 'passed', 'and that may pass');
select tests.queue('skipped');
select tests.run_all('{"prepare": {"status": 500}}');
select results_eq(
    $$ select slug, cause_result_id, cause_status from tests.result('skipped', 'delete') $$,
    $$ select 'nothing_to_clean', id, 'failed' from tests.result('skipped', 'prepare') $$,
    'the cause is the root: not a test that was itself skipped'
);
select tests.queue('teardown alone', tests.only('delete'));
select tests.run_all();
select is(
    (tests.result('teardown alone', 'delete')).slug, 'nothing_to_clean',
    'also when it never was part of the run'
);
select is(
    tests.verdicts('teardown alone'), '{"delete: skipped","prepare: passed"}',
    'to which teardown does not bring it'
);

-- Where it is sent

rollback to empty;
select tests.make_test('whole', 'flow', '{"path": "https://elsewhere.test/x?y=1"}');
select tests.queue('whole', tests.only('whole'));
select tests.claim('whole');
select is(
    tests.request('whole') ->> 'url', 'https://elsewhere.test/x?y=1',
    'a whole URL goes where it says'
);

select * from finish();
rollback;
