-- Dependencies: explicit ones, those that {{name}} implies, and those that sequence makes.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(40);

create function tests.capture_settings(name text, more jsonb default '{}')
returns jsonb
language sql
as $function$ select jsonb_build_object('captures', tests.capture(name)) || more $function$;

create function tests.queueing(selection jsonb default '{}')
returns text
language sql
as $function$ select format('select public.queue_run(%L, %L)', tests.id('staging'), selection) $function$;

-- Inferred within a suite

savepoint empty;
select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test('profile', 'flow', '{"path": "/{{token}}"}');
select tests.make_test('other', 'flow');
select tests.queue('run');
select is(
    tests.edges('run'), '{profile <- login (data)}',
    'a test that uses a name waits for the one that captures it'
);
select is((tests.work('run', 'profile')).pending_count, 1, 'which it counts');
select is((tests.work('run', 'profile')).state, 'waiting', 'and is not ready');
select is((tests.work('run', 'login')).state, 'ready', 'the other one is');
select is(
    (tests.work('run', 'profile')).bindings,
    jsonb_build_object('token', jsonb_build_object('test', tests.id('login'), 'rows', 'one')),
    'and knows whose value it will see'
);
select tests.queue('alone', tests.only('profile'));
select is(
    tests.edges('alone'), '{profile <- login (data)}',
    'the one that captures comes along by itself'
);
select tests.queue('twice in use', tests.only('profile', 'login'));
select is(tests.edges('twice in use'), '{profile <- login (data)}', 'and only once');
rollback to empty;

-- A name may be in the query, headers, body, sign-in and expectations
select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test('in query', 'flow', '{"query": [["q", "{{token}}"]]}');
select tests.make_test('in headers', 'flow', '{"headers": [["X", "{{token}}"]]}');
select tests.make_test(
    'in body', 'flow', '{"body": {"kind": "json", "value": {"a": ["{{token.b}}"]}}}'
);
select tests.make_test('in auth', 'flow', '{"auth": {"kind": "bearer", "token": "{{token}}"}}');
select tests.make_test(
    'in assertions', 'flow',
    '{"assertions": [{"source": "status", "operator": "equals", "expected": "{{token}}"}]}'
);
select tests.queue('run');
select is(
    tests.edges('run'),
    array[
        'in assertions <- login (data)', 'in auth <- login (data)', 'in body <- login (data)',
        'in headers <- login (data)', 'in query <- login (data)'
    ],
    'wherever a name is used, it is a dependency'
);
rollback to empty;

-- What is excluded from inference

select tests.make_suite('elsewhere', 'shop');
select tests.make_test('login', 'elsewhere', tests.capture_settings('token'));
select tests.make_test('profile', 'flow', '{"path": "/{{token}}"}');
select tests.queue('run');
select is(tests.edges('run'), '{}', 'nothing is inferred across suites');
rollback to empty;

select tests.make_test('one', 'flow', tests.capture_settings('a'));
select tests.make_test('two', 'flow', tests.capture_settings('a', '{"path": "/{{a}}"}'));
select tests.queue('run', '{}');
select is(tests.edges('run'), '{}', 'not for a name that the test captures itself');
rollback to empty;

select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test('profile', 'flow', '{"path": "/{{token}}"}');
select tests.queue('run', '{}', '{"token": "given"}');
select is(tests.edges('run'), '{}', 'not for a name that the run gives');
select tests.queue('alone', tests.only('profile'), '{"token": "given"}');
select is(
    tests.verdicts('alone'), '{"profile: pending"}',
    'and then its producer does not come along either'
);
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'token', '"given"');
select tests.queue('run 2');
select is(tests.edges('run 2'), '{}', 'not for a name that the environment gives');
delete from public.environment_variables where name = 'token';
select public.set_secret(tests.id('staging'), 'token', 'given as a secret');
select tests.queue('run 3');
select is(tests.edges('run 3'), '{}', 'nor for one of its secrets');
rollback to empty;

select tests.make_fixture('rows', 'shop', '[{"key": "1", "values": {"token": 1}}]');
select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test('profile', 'flow', '{"path": "/{{token}}", "fixture": "rows"}');
select tests.queue('run');
select is(tests.edges('run'), '{}', 'not for a name that the test''s fixture gives');
rollback to empty;

select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test('profile', 'flow', '{"path": "/{{token | default(\"x\")}}"}');
select tests.make_test('half', 'flow', '{"path": "/{{token | default(\"x\")}}/{{token}}"}');
select tests.queue('run');
select is(tests.edges('run'), '{half <- login (data)}', 'not when every use of it has a default');
rollback to empty;

select tests.make_suite('given', 'shop', '{"variables": {"token": "of the suite"}}');
select tests.make_test('login', 'given', tests.capture_settings('token'));
select tests.make_test('profile', 'given', '{"path": "/{{token}}"}');
select tests.queue('run');
select is(
    tests.edges('run'), '{profile <- login (data)}',
    'but a suite''s variable has a lower precedence than a capture'
);
rollback to empty;

select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test('register', 'flow', tests.capture_settings('token'));
select tests.make_test('profile', 'flow', '{"path": "/{{token}}"}');
select tests.depend('profile', 'register', 'token');
select tests.queue('run');
select is(
    tests.edges('run'), '{profile <- register (token)}',
    'an explicit dependency decides which of two is meant'
);
select is(
    (tests.work('run', 'profile')).bindings #>> '{token,test}', tests.id('register')::text,
    'and gives the value'
);
select tests.make_test('unrelated', 'flow');
delete from public.test_dependencies where test_case_id = tests.id('profile');
select throws_ok(tests.queueing(), 'PT422', null, 'without it the plan is refused');
select is(tests.slug_of(tests.queueing()), 'ambiguous_producer', 'by its slug');
select matches(
    tests.message_of(tests.queueing()), '"profile".*token.*"login".*"register"',
    'naming the test, the name and both'
);
select lives_ok(
    tests.queueing(tests.only('unrelated')),
    'a test that has nothing to do with it can still be run alone'
);
select lives_ok(tests.queueing(tests.only('login')), 'and so can one of the two');
rollback to empty;

-- A value from further up

select tests.make_suite('second', 'shop');
select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test('visit', 'flow', '{"path": "/{{token}}"}');
select tests.make_test('leave', 'second', '{"path": "/{{token}}"}');
select tests.depend('leave', 'visit', 'order');
select tests.queue('run');
select is(
    (tests.work('run', 'leave')).bindings #>> '{token,test}', tests.id('login')::text,
    'a value is seen from anywhere in the upstream closure'
);
rollback to empty;

select tests.make_test('login', 'flow', tests.capture_settings('token'));
select tests.make_test(
    'refresh', 'flow', tests.capture_settings('token', '{"path": "/{{token}}"}')
);
select tests.depend('refresh', 'login', 'data');
select tests.queue('run');
select is(
    (tests.work('run', 'refresh')).bindings #>> '{token,test}', tests.id('login')::text,
    'a test that replaces a value sees the one before it'
);
rollback to empty;

-- Kinds

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.depend('b', 'a', 'order');
select tests.queue('run');
select is(tests.edges('run'), '{b <- a (order)}', 'an order edge stays one');
rollback to empty;

select tests.make_test('a', 'flow', tests.capture_settings('x'));
select tests.make_test('b', 'flow', '{"path": "/{{x}}"}');
select tests.depend('b', 'a', 'order');
select tests.queue('run');
select is(
    tests.edges('run'), '{b <- a (order)}', 'an explicit edge stands, even when a name is used'
);
rollback to empty;

-- Phases

select tests.make_test('prepare', 'flow', tests.capture_settings('id', '{"phase": "setup"}'));
select tests.make_test('use', 'flow', '{"path": "/{{id}}"}');
select tests.make_test('clean', 'flow', '{"path": "/{{id}}", "phase": "teardown"}');
select tests.queue('run');
select is(tests.edges('run'), '{}', 'between phases there are no edges: counters hold the order');
select is(
    (tests.work('run', 'clean')).bindings #>> '{id,test}', tests.id('prepare')::text,
    'values are seen all the same'
);
select tests.depend('use', 'clean', 'order');
select throws_ok(tests.queueing(), 'PT422', null, 'a test cannot wait for a later phase');
select is(tests.slug_of(tests.queueing()), 'dependency_on_later_phase', 'by its slug');
rollback to empty;

-- Cycles

create table tests.before as select count(*) as runs from public.test_runs;
select tests.make_test('a', 'flow', tests.capture_settings('x', '{"path": "/{{z}}"}'));
select tests.make_test('b', 'flow', tests.capture_settings('y', '{"path": "/{{x}}"}'));
select tests.make_test('c', 'flow', tests.capture_settings('z', '{"path": "/{{y}}"}'));
select tests.make_test('behind', 'flow', '{"path": "/{{z}}"}');
select throws_ok(
    tests.queueing(), 'PT422', null, 'a cycle is refused, also one of implied dependencies'
);
select is(tests.slug_of(tests.queueing()), 'dependency_cycle', 'by its slug');
select matches(
    tests.message_of(tests.queueing()),
    '("a" -> "c" -> "b" -> "a"|"b" -> "a" -> "c" -> "b"|"c" -> "b" -> "a" -> "c")$',
    'naming its tests in order, and none that is only behind it'
);
select is(
    array[
        (select count(*) from public.test_runs), (select count(*) from public.test_results),
        (select count(*) from private.live_runs), (select count(*) from private.work_items)
    ],
    array[(select runs from tests.before), 0, 0, 0], 'and nothing is written'
);
rollback to empty;

-- Sequential suites

select tests.make_suite('steps', 'shop', '{"execution_mode": "sequential"}');
select tests.make_test('second', 'steps', '{"position": 2}');
select tests.make_test('first', 'steps', '{"position": 1}');
select tests.make_test('fourth', 'steps', '{"position": 3}');
select tests.make_test('a third', 'steps', '{"position": 3}');
select tests.make_test('before', 'steps', '{"position": 9, "phase": "setup"}');
select tests.make_test('free', 'flow');
select tests.queue('run');
select is(
    tests.edges('run'),
    array['a third <- second (order)', 'fourth <- a third (order)', 'second <- first (order)'],
    'a sequential suite is a chain by position and name, within its phase'
);
select tests.queue('some', tests.only('first', 'fourth'));
select is(tests.edges('some'), '{fourth <- first (order)}', 'of what is selected only');
select is_empty($$ select tests.check_run('run') $$, 'and every invariant holds');
rollback to empty;

select tests.make_suite('steps', 'shop', '{"execution_mode": "sequential"}');
select tests.make_test('first', 'steps', '{"position": 1, "path": "/{{x}}"}');
select tests.make_test('second', 'steps', tests.capture_settings('x', '{"position": 2}'));
select is(
    tests.slug_of(tests.queueing()), 'dependency_cycle',
    'a step that needs a value of a later one is refused'
);

select * from finish();
rollback;
