-- report_work: verdicts, evidence, captures, and what they unlock.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(52);

savepoint empty;

-- Passed

select tests.make_test('get', 'flow', '{"assertions": [
    {"source": "status", "operator": "equals", "expected": 200},
    {"source": "body", "path": "$.a", "operator": "greater_than", "expected": 1},
    {"source": "header", "name": "X-A", "operator": "exists"}]}');
select tests.queue('run');
select tests.claim('1');
create table tests.reply as
select tests.send(jsonb_build_array(tests.report(
    tests.item('get'), '{"body": {"a": 2}, "headers": [["X-A", "b"]], "total_ms": 12.3456}'
))) as reply;
select is(
    (select reply from tests.reply),
    jsonb_build_object(
        'accepted', jsonb_build_array(tests.item('get') -> 'item'),
        'cancelled', '[]'::jsonb, 'unreportable', '[]'::jsonb, 'stale', '[]'::jsonb, 'work',
        '[]'::jsonb, 'retry_ms', null
    ),
    'a report under the current lease is accepted'
);
select results_eq(
    $$
    select status, category, slug, message, http_status, duration_ms, attempt_count, rescue_count,
    finished_seq,
        accepted_lease::text, started_at is not null, finished_at is not null
    from tests.result('run', 'get')
    $$,
    $$
    values ('passed', null::text, null::text, null::text, 200, 12.346, 1, 0, 1, tests.item('get') ->> 'lease', true, true)
    $$,
    'all true is passed'
);
select results_eq(
    $$
    select retention_class, attempt, outcome, http_status, duration_ms, worker_id, lease::text,
    request, response ->> 'body',
        response -> 'headers', timing_ms -> 'total', planned_on
    from public.test_result_details where run_id = tests.run('run')
    $$,
    $$
    values (
        'passed', 1, 'passed', 200, 12.346, tests.id('worker'), tests.item('get') ->> 'lease',
        '{"method": "GET", "url": "https://api.test/v1/get", "headers": [], "body": null}'::jsonb,
        '{"a": 2}',
        '[["X-A", "b"]]'::jsonb, '12.3456'::jsonb, (now() at time zone 'utc')::date
    )
    $$,
    'the attempt is kept: what was sent and what came back'
);
select results_eq(
    $$
    select assertion_index, source, target, operator, expected, actual, passed, message,
    retention_class
    from public.assertion_results where run_id = tests.run('run') order by assertion_index
    $$,
    $$
    values
    (0, 'status', null, 'equals', '200'::jsonb, '200'::jsonb, true, 'status equals 200', 'passed'),
    (1, 'body', '$.a', 'greater_than', '1', '2', true, 'body $.a is greater than 1', 'passed'),
    (2, 'header', 'X-A', 'exists', null, '"b"', true, 'header X-A exists', 'passed')
    $$,
    'and every assertion, one row each'
);
select results_eq(
    $$
    select status, finished_at is not null, passed_count
    from public.test_runs
    where id = tests.run('run')
    $$,
    $$ values ('passed', true, 1) $$, 'the last verdict ends the run'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
select is_empty(
    $$
    select
    from private.live_runs union all select
    from private.work_items union all select
    from private.work_edges
    $$,
    'nothing is left in the queue'
);
rollback to empty;

-- Failed and without an answer

select tests.make_test('false', 'flow');
select tests.make_test('silent', 'flow');
select tests.queue('run');
select tests.run_all(
    '{"false": {"status": 404}, "silent": {"error": {"category": "timeout",
      "message": "nothing in 30 s"}}}'
);
select results_eq(
    $$ select status, category, slug, message, http_status from tests.result('run', 'false') $$,
    $$
    values ('failed', 'assertion', 'assertion_failed', 'expected: status equals 200; got 404', 404)
    $$,
    'one false is failed, and says why'
);
select results_eq(
    $$
    select status, category, slug, message, http_status, attempt_count
    from tests.result('run', 'silent')
    $$,
    $$ values ('error', 'timeout', 'request_timeout', 'nothing in 30 s', null::integer, 1) $$,
    'no answer is an error, and says why'
);
select bag_eq(
    $$
    select retention_class, outcome, category, response is null
    from public.test_result_details
    where run_id = tests.run('run')
    $$,
    $$ values ('failed', 'failed', 'assertion', false), ('failed', 'error', 'timeout', true) $$,
    'both attempts are kept as such'
);
select is(
    (select count(*) from public.assertion_results where run_id = tests.run('run')), 1::bigint,
    'without an answer nothing is judged'
);
select is(tests.run_status('run'), 'error', 'an error weighs more than a failure');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- Captures

select tests.make_test('make', 'flow', '{"captures": [
    {"name": "id", "source": "body", "path": "$.id"},
    {"name": "all", "source": "body", "path": "$.list[*].n"},
    {"name": "where", "source": "header", "header": "X-Where"},
    {"name": "digits", "source": "text", "pattern": "id.: ([0-9]+)"},
    {"name": "secret", "source": "body", "path": "$.secret", "kind": "token"},
    {"name": "maybe", "source": "body", "path": "$.maybe", "required": false}]}');
select tests.queue('run');
select tests.claim('1');
select tests.answer(
    'make', '{"headers": [["x-where", "here"]],
        "body": {"id": 70, "list": [{"n": 1}, {"n": 2}], "secret": "top secret value"}}'
);
select bag_eq(
    $$
    select name, kind, value, test_case_id
    from public.test_context_values
    where run_id = tests.run('run')
    $$,
    $$ values
    ('id', 'variable', '70'::jsonb, tests.id('make')),
    ('all', 'variable', '[1, 2]', tests.id('make')),
    ('where', 'variable', '"here"', tests.id('make')),
    ('digits', 'variable', '"70"', tests.id('make')), ('secret', 'token', null, tests.id('make'))
    $$,
    'what was found is kept, what was not and need not be is not'
);
select is(
    (
        select private.decrypt_value(encrypted_value, private.data_key())
        from public.test_context_values where run_id = tests.run('run') and kind = 'token'
    ),
    '"top secret value"', 'a token under a key'
);
select is_empty(
    $$
    select from public.test_context_values
    where run_id = tests.run('run') and kind = 'token' and position('top secret'::bytea in encrypted_value) > 0
    $$,
    'and not as it is'
);
select results_eq(
    $$
    select value_count, size_bytes > 0, expires_at > now() + interval '23 hours'
    from public.test_execution_context
    where run_id = tests.run('run')
    $$,
    $$ values (5, true, true) $$, 'the context is counted and lives on'
);
select tests.queue('bad');
select tests.claim('2');
select tests.answer('make', '{"status": 500, "body": {"id": 1}}');
select results_eq(
    $$
    select name, value
    from public.test_context_values
    where run_id = tests.run('bad') and kind = 'variable' and name = 'id'
    $$,
    $$ values ('id', '1'::jsonb) $$, 'a failed test leaves what it found too: teardown needs it'
);
rollback to empty;

-- Unlocking

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow');
select tests.make_test('d', 'flow');
select tests.depend('c', 'a', 'data');
select tests.depend('c', 'b', 'order');
select tests.depend('d', 'c', 'token');
select tests.queue('run');
select tests.claim('1');
select tests.answer('a');
select is((tests.work('run', 'c')).pending_count, 1, 'a verdict lowers the counter of who waits');
select is(tests.claim('2'), '{}', 'which still waits for the other');
select is_empty($$ select tests.check_run('run') $$, 'half way every invariant holds');
create table tests.reply as
select tests.send(jsonb_build_array(tests.report(tests.item('b'), '{"status": 500}')), 5) as reply;
select is(
    (select reply #>> '{work,0,request,url}' from tests.reply), 'https://api.test/v1/c',
    'the last one releases it, and the same call hands it out'
);
select tests.answer('c');
select tests.claim('3');
select tests.answer('d');
select is(
    tests.verdicts('run'), '{"a: passed","b: failed","c: passed","d: passed"}',
    'an order edge passes no failure on'
);
select results_eq(
    $$
    select test_name, finished_seq
    from public.test_results
    where run_id = tests.run('run')
    order by finished_seq
    $$,
    $$ values ('a', 1), ('b', 2), ('c', 3), ('d', 4) $$, 'verdicts are numbered in their order'
);
rollback to empty;

-- Skipping

select tests.make_test('root', 'flow');
select tests.make_test('child', 'flow');
select tests.make_test('grandchild', 'flow');
select tests.make_test('follower', 'flow');
select tests.make_test('follower''s child', 'flow');
select tests.make_test('mixed', 'flow');
select tests.depend('child', 'root', 'data');
select tests.depend('grandchild', 'child', 'token');
select tests.depend('follower', 'child', 'order');
select tests.depend('follower''s child', 'follower', 'data');
select tests.depend('mixed', 'follower', 'order');
select tests.depend('mixed', 'grandchild', 'data');
select tests.queue('run');
select tests.claim('1');
select tests.answer('root', '{"status": 500}');
select is(
    tests.verdicts('run'),
    array['child: skipped', 'follower: pending', 'follower''s child: pending', 'grandchild: skipped', 'mixed: skipped', 'root: failed'],
    'what needs a failed test is skipped with all that needs it in turn, in one go'
);
select results_eq(
    $$
    select test_name, category, slug, cause_result_id, cause_status, cause_edge, attempt_count,
    message
    from public.test_results where run_id = tests.run('run') and status = 'skipped' order by test_name
    $$,
    $$
    select names.name, 'dependency', 'upstream_not_passed', root.id, 'failed', names.edge, 0,
    'needs a value from "root", which failed'
    from tests.result('run', 'root') as root
    cross join (values ('child', 'data'), ('grandchild', 'token'), ('mixed', 'data')) as names (name, edge)
    order by 1
    $$,
    'each tells the root cause, not the skipped test between'
);
select is(
    (tests.work('run', 'follower')).state, 'ready', 'who only waits for a skipped test is released'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds in between');
select tests.run_all();
select is((tests.result('run', 'follower''s child')).status, 'passed', 'and goes on');
select results_eq(
    $$
    select status, passed_count, failed_count, skipped_count, error_count, cancelled_count
    from public.test_runs
    where id = tests.run('run')
    $$,
    $$ values ('failed', 2, 1, 3, 0, 0) $$, 'the run counts them apart, and ends failed'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds at the end');
rollback to empty;

select tests.make_test(
    'root', 'flow',
    '{"captures": [{"name": "id", "source": "body", "path": "$.id", "required": false}]}'
);
select tests.make_test('child', 'flow', '{"path": "/{{id}}"}');
select tests.make_test('grandchild', 'flow');
select tests.depend('grandchild', 'child', 'data');
select tests.queue('run');
select tests.run_all();
select results_eq(
    $$
    select test_name, status, slug, cause_result_id, cause_status, message
    from public.test_results where run_id = tests.run('run') and test_name <> 'root' order by test_name
    $$,
    $$
    select names.name, 'skipped', names.slug, root.id, 'passed', names.message
    from tests.result('run', 'root') as root
    cross join (
        values
        ('child', 'upstream_value_missing', '"root" captured no {{id}}'),
        ('grandchild', 'upstream_not_passed', 'needs a value from "root", which passed without capturing it')
    ) as names (name, slug, message)
    order by 1
    $$,
    'a test that passed is the root cause where it captured nothing'
);
select is_empty($$ select tests.check_run('run') $$, 'and every invariant holds');
rollback to empty;

select tests.make_fixture(
    'rows', 'shop', '[{"key": "1", "values": {"n": 1}}, {"key": "2", "values": {"n": 2}}]'
);
select tests.make_test(
    'make', 'flow',
    jsonb_build_object('fixture', 'rows', 'path', '/{{n}}', 'captures', tests.capture('id'))
);
select tests.make_test('each', 'flow', '{"fixture": "rows", "path": "/{{n}}/{{id}}"}');
select tests.make_test('all', 'flow', '{"path": "/{{id | json}}"}');
select tests.make_test('after all', 'flow');
select tests.depend('after all', 'all', 'data');
select tests.queue('run');
select tests.claim('1');
select tests.answer('make/2', '{"error": {"category": "connect", "message": "refused"}}');
select is(
    tests.verdicts('run'),
    array['after all: skipped', 'all: skipped', 'each/1: pending', 'each/2: skipped', 'make/1: pending', 'make/2: error'],
    'a bad row skips its own row, and through the barrier who needs all of them'
);
select results_eq(
    $$ select cause_result_id, cause_status, cause_edge from tests.result('run', 'after all') $$,
    $$ select id, 'error', 'data' from tests.result('run', 'make/2') $$, 'with the row as its cause'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds in between');
select tests.answer('make/1', '{"body": {"id": 5}}');
select tests.claim('2');
select is(tests.request('each/1') ->> 'url', 'https://api.test/v1/1/5', 'the good row goes on');
select tests.answer('each/1');
select is(tests.run_status('run'), 'error', 'and the run ends');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('both', 'flow');
select tests.depend('both', 'a', 'data');
select tests.depend('both', 'b', 'data');
select tests.queue('run');
select tests.run_all('{"a": {"status": 500}, "b": {"status": 500}}');
select is(
    tests.verdicts('run'), '{"a: failed","b: failed","both: skipped"}',
    'two failures in one batch skip once'
);
select ok(
    (tests.result('run', 'both')).cause_result_id in ((tests.result('run', 'a')).id, (tests.result('run', 'b')).id),
    'for a true cause'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- Setup and teardown

select tests.make_test(
    'prepare', 'flow', jsonb_build_object('phase', 'setup', 'captures', tests.capture('x'))
);
select tests.make_test('prepare more', 'flow', '{"phase": "setup", "path": "/{{x}}"}');
select tests.make_test('work', 'flow');
select tests.make_test('more work', 'flow');
select tests.depend('more work', 'work', 'order');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.queue('run');
select tests.claim('1');
select tests.answer('prepare', '{"status": 500}');
select is(
    tests.verdicts('run'),
    array['clean: pending', 'more work: skipped', 'prepare: failed', 'prepare more: skipped', 'work: skipped'],
    'when setup does not pass, main is skipped'
);
select results_eq(
    $$
    select category, slug, cause_result_id, cause_status, cause_edge
    from tests.result('run', 'more work')
    $$,
    $$
    select 'dependency', 'setup_not_passed', id, 'failed', 'setup'
    from tests.result('run', 'prepare')
    $$,
    'because of it'
);
select is(tests.claim('2'), '{clean}', 'teardown runs all the same');
select is(tests.run_status('run'), 'finishing', 'while the run is finishing');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds in between');
select tests.answer('clean', '{"status": 500}');
select is((tests.result('run', 'clean')).status, 'failed', 'it may fail');
select is(tests.run_status('run'), 'failed', 'and the run ends');
select is_empty($$ select tests.check_run('run') $$, 'with every invariant');
rollback to empty;

-- A large body

select tests.make_test(
    'large', 'flow',
    '{"assertions": [{"source": "text", "operator": "contains", "expected": "end"},
      {"source": "body", "path": "$", "operator": "exists"}]}'
);
select tests.queue('run');
select tests.claim('1');
select tests.answer('large', jsonb_build_object('body', to_jsonb(repeat('x', 200000) || 'end')));
select results_eq(
    $$
    select length(response ->> 'body')
    from public.test_result_details
    where run_id = tests.run('run')
    $$,
    array[65536], 'of a large body 64 K are kept'
);
select is((tests.result('run', 'large')).status, 'passed', 'all of it is judged');

select * from finish();
rollback;
