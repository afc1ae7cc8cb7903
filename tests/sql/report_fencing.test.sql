-- report_work: the lease is the fence. Late, repeated and broken reports.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(48);

savepoint empty;

-- An old lease

select tests.make_test('get', 'flow', jsonb_build_object('captures', tests.capture('x')));
select tests.make_test('use', 'flow', '{"path": "/{{x}}"}');
select tests.queue('run');
select tests.claim('old');
select tests.expire('get');
select tests.claim('new');
select is(
    tests.answer('get', '{"status": 500, "body": {"x": 1}}', 'old') -> 'stale',
    jsonb_build_array(tests.item('get') -> 'item'),
    'a report under an old lease is stale'
);
select is(tests.verdicts('run'), '{"get: pending","use: pending"}', 'and decides nothing');
select is(
    (tests.work('run', 'get')).lease::text, tests.item('get', 'new') ->> 'lease',
    'the new lease stands'
);
select results_eq(
    $$
    select attempt, outcome, slug, retention_class, http_status, lease::text, worker_id
    from public.test_result_details where run_id = tests.run('run')
    $$,
    $$
    values (1, 'stale', 'stale_report', 'failed', 500, tests.item('get', 'old') ->> 'lease', tests.id('worker'))
    $$,
    'it is kept as evidence'
);
select is_empty(
    $$ select from public.assertion_results where run_id = tests.run('run') $$,
    'without being judged'
);
select is_empty(
    $$ select from public.test_context_values where run_id = tests.run('run') $$, 'or captured from'
);
select tests.answer('get', '{"body": {"x": 2}}', 'new');
select is((tests.result('run', 'get')).status, 'passed', 'the new lease decides');
select is(
    tests.answer('get', '{"status": 500}', 'old') -> 'stale',
    jsonb_build_array(tests.item('get') -> 'item'),
    'the old one stays stale after the verdict'
);
select is(
    (select count(*) from public.test_result_details where run_id = tests.run('run')), 2::bigint,
    'and is kept once'
);
select tests.run_all();
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- A lost POST that comes back

select tests.make_test('post', 'flow', '{"method": "POST"}');
select tests.queue('run');
select tests.claim('1');
select tests.expire('post');
select private.rescue_expired();
select is(
    tests.answer('post') -> 'stale', jsonb_build_array(tests.item('post') -> 'item'),
    'the report on a lost request is stale, also after the run is over'
);
select is((tests.result('run', 'post')).status, 'error', 'its verdict stays');
select is(tests.run_status('run'), 'error', 'and so does that of the run');
select results_eq(
    $$ select outcome from public.test_result_details where run_id = tests.run('run') $$,
    array['stale'],
    'what came back is kept for whoever asks'
);
rollback to empty;

-- Wrong numbers

select tests.make_test('get', 'flow');
select tests.queue('run');
select tests.claim('1');
select is(
    tests.answer('get', '{"merge": {"attempt": 2}}') -> 'stale',
    jsonb_build_array(tests.item('get') -> 'item'),
    'another attempt''s number is stale'
);
select is(
    tests.answer(
        'get', jsonb_build_object('merge', jsonb_build_object('lease', gen_random_uuid()))
    ) -> 'stale',
    jsonb_build_array(tests.item('get') -> 'item'), 'and so is another lease'
);
select is(
    tests.send(jsonb_build_array(tests.report(jsonb_build_object(
        'item', 999999999, 'result', gen_random_uuid(), 'attempt', 1, 'lease', gen_random_uuid()
    )))) -> 'stale',
    '[999999999]', 'and so is what never existed'
);
select is((tests.result('run', 'get')).status, 'pending', 'none of them decides');
select is(tests.send('[]') -> 'accepted', '[]', 'an empty batch is fine');
select is(
    tests.send(jsonb_build_array(tests.report(tests.item('get'))), worker => 'another') -> 'stale',
    jsonb_build_array(tests.item('get') -> 'item'), 'nor does the token in the hands of another'
);
select is(
    tests.answer('get') -> 'accepted',
    jsonb_build_array(tests.item('get') -> 'item'), 'the token of the worker that holds it does'
);
rollback to empty;

-- A repeated report

select tests.make_test('get', 'flow', jsonb_build_object('captures', tests.capture('x')));
select tests.make_test('other', 'flow');
select tests.queue('run');
select tests.claim('1');
create table tests.sent as select tests.report(tests.item('get'), '{"body": {"x": 1}}') as report;
select tests.send((select jsonb_build_array(report) from tests.sent));
create function tests.everything_written()
returns text
language sql
as $function$
    select md5(
        (select to_jsonb(runs)::text from public.test_runs as runs where runs.id = tests.run('run'))
        || (select jsonb_agg(to_jsonb(results) order by results.id)::text from public.test_results as results)
        || (select jsonb_agg(to_jsonb(details) order by details.result_id)::text from public.test_result_details as details)
        || (select jsonb_agg(to_jsonb(judged) order by judged.result_id)::text from public.assertion_results as judged)
        || (select jsonb_agg(captured.id)::text from public.test_context_values as captured)
        || (select jsonb_agg(to_jsonb(items) order by items.id)::text from private.work_items as items)
        || (select count(*)::text from realtime.messages)
    );
$function$;
create table tests.written as select tests.everything_written() as digest;
select is(
    tests.send((select jsonb_build_array(report) from tests.sent)) -> 'accepted',
    jsonb_build_array(tests.item('get') -> 'item'), 'repeating an accepted report is accepted again'
);
select is(tests.everything_written(), (select digest from tests.written), 'and writes nothing');
select tests.answer('other');
select is(
    tests.send((select jsonb_build_array(report) from tests.sent)) -> 'accepted',
    jsonb_build_array(tests.item('get') -> 'item'), 'also after the run is over'
);
rollback to empty;

select tests.make_test('try', 'flow', '{"retry": {"attempts": 3}}');
select tests.queue('run');
select tests.claim('1');
create table tests.sent as select tests.report(tests.item('try'), '{"status": 500}') as report;
select tests.send((select jsonb_build_array(report) from tests.sent));
select is(
    tests.send((select jsonb_build_array(report) from tests.sent)) -> 'accepted',
    jsonb_build_array(tests.item('try') -> 'item'),
    'a repeated report on an attempt that is retried is accepted'
);
select is((tests.work('run', 'try')).retry_number, 1, 'and asks for no second retry');
rollback to empty;

select tests.make_test('get', 'flow');
select tests.queue('run');
select tests.claim('1');
select is(
    tests.send(
        jsonb_build_array(
            tests.report(tests.item('get')), tests.report(tests.item('get'), '{"status": 500}')
        )
    ) -> 'stale',
    '[]', 'the same item twice in a batch is one report'
);
select is(
    (select count(*) from public.test_result_details where run_id = tests.run('run')), 1::bigint,
    'kept once'
);
rollback to empty;

-- A broken report among good ones

select tests.make_test('broken', 'flow');
select tests.make_test('good', 'flow');
select tests.make_test('better', 'flow');
select tests.make_test('needs', 'flow');
select tests.depend('needs', 'broken', 'data');
select tests.queue('run');
select tests.claim('1');
create table tests.reply as
select tests.send(jsonb_build_array(
    tests.report(tests.item('good')),
    tests.report(tests.item('broken'), '{"merge": {"started_at": "nonsense"}}'),
    tests.report(tests.item('better'))
)) as reply;
select bag_eq(
    $$ select jsonb_array_elements(reply -> 'accepted') from tests.reply $$,
    $$ values (tests.item('good') -> 'item'), (tests.item('better') -> 'item') $$,
    'a broken report does not fail its batch'
);
select is(
    (select reply -> 'unreportable' from tests.reply),
    jsonb_build_array(tests.item('broken') -> 'item'),
    'it is told apart'
);
select results_eq(
    $$ select status, category, slug from tests.result('run', 'broken') $$,
    $$ values ('error', 'worker', 'unreportable') $$, 'its result ends in error / unreportable'
);
select is(
    tests.verdicts('run'), '{"better: passed","broken: error","good: passed","needs: skipped"}',
    'and the others in theirs'
);
select is(tests.run_status('run'), 'error', 'the run is over');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

select tests.make_test('broken', 'flow');
select tests.make_test('good', 'flow');
select tests.queue('run');

-- What else a worker could get wrong, one way a line.
create function tests.survives(broken jsonb)
returns text
language plpgsql
as $function$
declare
    v_run text := gen_random_uuid();
    v_reply jsonb;
begin
    perform tests.queue(v_run);
    perform tests.claim(v_run);
    v_reply := tests.send(jsonb_build_array(
        tests.report(tests.item('good', v_run)),
        tests.report(tests.item('broken', v_run), jsonb_build_object('merge', broken))
    ));
    return array_to_string(tests.verdicts(v_run), ', ') || ' / ' || tests.run_status(v_run);
end;
$function$;
select tests.run_all();

select is(
    tests.survives('{"timing_ms": {"total": "fast"}}'), 'broken: error, good: passed / error',
    'a duration that is no number'
);
select is(
    tests.survives('{"timing_ms": {"total": 1e30}}'), 'broken: error, good: passed / error',
    'or too large a one'
);
select is(
    tests.survives('{"response": {"status": "OK"}}'), 'broken: error, good: passed / error',
    'a status that is no number'
);
select is(
    tests.survives('{"observed": {"id": 0}}'), 'broken: error, good: passed / error',
    'observations that are no list'
);
select is(tests.survives('{"observed": null}'), 'broken: passed, good: passed / passed', 'or none');
select is(
    tests.survives('{"timing_ms": null}'), 'broken: passed, good: passed / passed', 'no timing'
);
select is(
    tests.survives('{"error": {}, "response": null}'), 'broken: error, good: passed / error',
    'an error without a category'
);
select is(
    tests.survives('{"response": {"status": 200}}'), 'broken: passed, good: passed / passed',
    'an answer without headers or body'
);
select is(
    tests.survives('{"response": {"status": 200, "headers": null, "body": null}}'),
    'broken: passed, good: passed / passed',
    'or with nulls for them'
);
rollback to empty;

-- A broken stale report

select tests.make_test('get', 'flow');
select tests.make_test('good', 'flow');
select tests.queue('run');
select tests.claim('old');
select tests.expire('get');
select tests.claim('new');
create table tests.reply as
select tests.send(jsonb_build_array(
    tests.report(tests.item('good')),
    tests.report(tests.item('get', 'old'), '{"merge": {"started_at": "nonsense"}}')
)) as reply;
select is(
    (select reply -> 'accepted' from tests.reply), jsonb_build_array(tests.item('good') -> 'item'),
    'a broken report under an old lease does not fail its batch either'
);
select is((tests.result('run', 'good')).status, 'passed', 'the good one is judged');
rollback to empty;

-- Whose fault a refusal is

select throws_ok(
    $$ select public.report_work(gen_random_uuid(), gen_random_uuid(), '[]') $$, 'PT404', null,
    'an unknown worker is refused'
);
select tests.make_test('get', 'flow');
select tests.queue('run');
select tests.claim('1');
select tests.act_as('olga');
select throws_ok(
    $$ select public.report_work(tests.id('worker'), gen_random_uuid(), '[]') $$, 'PT403', null,
    'a person may not report'
);
select tests.act_as_service();
select is(
    public.report_work(
        tests.id('worker'), gen_random_uuid(), jsonb_build_array(tests.report(tests.item('get')))
    ) -> 'accepted',
    jsonb_build_array(tests.item('get') -> 'item'), 'the secret key may'
);

select * from finish();
rollback;
