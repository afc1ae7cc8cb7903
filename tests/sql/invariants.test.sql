-- Invariants: each way in which the engine's rows could contradict each other is told.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(25);

-- Given one run that is over, with a skip and a captured value, and one that waits in each state

select tests.make_fixture('countries', 'shop', '[{"key": "cz", "values": {"country": "CZ"}}]');
select tests.make_test('first', 'flow', jsonb_build_object('captures', tests.capture('number')));
select tests.make_test('second', 'flow', '{"path": "/{{number}}"}');
select tests.make_test('third', 'flow', '{"fixture": "countries"}');
select tests.make_test('fourth', 'flow');
select tests.depend('second', 'first', 'data');
select tests.depend('fourth', 'third', 'order');
select tests.make_test('prepare', 'flow', '{"phase": "setup"}');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.queue('over', tests.only('first', 'second'));
select tests.run_all('{"first": {"status": 500, "body": {"number": 7}}}');
select tests.queue('passed', tests.only('first'));
select tests.run_all('{"first": {"body": {"number": 7}}}');
select tests.queue('live');
select tests.claim('setup');

create function tests.told()
returns text[]
language sql
as $function$
    select array_agg(distinct broken.invariant order by broken.invariant)
    from private.check_invariants() as broken;
$function$;

-- Break one thing, look, and mend it.
create function tests.told_after(statement text)
returns text[]
language plpgsql
as $function$
declare
    v_told text[];
begin
    begin
        execute told_after.statement;
        v_told := tests.told();
        raise exception using errcode = 'PT999';
    exception when sqlstate 'PT999' then
        return v_told;
    end;
end;
$function$;

select is(tests.told(), null, 'all is well at first');
select is(
    (select count(*) from private.work_items where state = 'leased'), 1::bigint,
    'while something is leased'
);

select is(
    tests.told_after($$ update public.test_runs set failed_count = 0, passed_count = 1 where id = tests.run('over') $$),
    array['a run counts its results'], 'a counter of verdicts that is off'
);
select is(
    tests.told_after($$ update private.live_runs set main_open_count = main_open_count + 1 where true $$),
    array['a live run counts what is open in each phase'], 'a counter of a phase that is off'
);
select is(
    tests.told_after($$ update public.test_results set finished_seq = 5 where finished_seq = 2 $$),
    array['verdicts are numbered from 1 without a gap'], 'a gap in the order of verdicts'
);
select is(
    tests.told_after($$ update private.live_runs set finished_count = 1 where true $$),
    array['verdicts are numbered from 1 without a gap'], 'a number that would be given twice'
);
select is(
    tests.told_after(
        $$ update private.work_items set pending_count = 2 where state = 'waiting' and pending_count = 1 $$
    ),
    array['an item waits for as many as point at it'], 'an item that waits for too many'
);
select is(
    tests.told_after($$ delete from private.work_edges where kind = 'data' $$),
    array['an item waits for as many as point at it'], 'or for a lost edge'
);
select is(
    tests.told_after(
        $$
        with gone as (delete from private.work_edges where kind = 'data' returning to_item)
        update private.work_items set pending_count = 0 where id in (select to_item from gone)
        $$
    ),
    array['nothing waits for nothing'], 'an item that nothing will release'
);
select is(
    tests.told_after($$ update private.live_runs set phase = 'main' where true $$),
    array[
        'a live run is in the first phase that has something open',
        'what is leased belongs to the phase of its run'
    ],
    'a lease outside its phase'
);
select is(
    tests.told_after($$ update private.live_runs set setup_open_count = 0 where true $$),
    array[
        'a live run counts what is open in each phase',
        'a live run is in the first phase that has something open'
    ],
    'a run that no report will move on'
);
select is(
    tests.told_after($$ update private.work_items set worker_id = gen_random_uuid() where state = 'leased' $$),
    array['a lease is held by a worker that may work'], 'a lease of nobody'
);
select is(
    tests.told_after($$ update public.workers set revoked_at = now() where true $$),
    array['a lease is held by a worker that may work'], 'or of a worker that was revoked'
);
select is(
    tests.told_after($$ update private.work_items set executed_count = 1 where state = 'leased' $$),
    array['every attempt and every rescue had its lease, and rescues are three at most'],
    'an attempt without a lease'
);
select is(
    tests.told_after($$ update private.work_items set rescue_count = 4, attempt = 9 where state = 'leased' $$),
    array['every attempt and every rescue had its lease, and rescues are three at most'],
    'a request that goes round for ever'
);
select is(
    tests.told_after(
        $$
        update private.work_edges
        set from_item = (select id from private.work_items where phase = 'setup')
        where kind = 'data'
        $$
    ),
    array['an edge goes with its upstream, and stays in its run and phase'], 'an edge out of its phase'
);
select is(
    tests.told_after($$ delete from private.work_items where phase = 'teardown' $$),
    array['an item has an open result, and an open result an item'], 'a result that nothing will end'
);
select is(
    tests.told_after(
        $$
        update private.work_items
        set result_id = (select id from public.test_results where status = 'failed')
        where phase = 'teardown'
        $$
    ),
    array['an item has an open result, and an open result an item'], 'an item whose result is over'
);
select is(
    tests.told_after(
        $$ update public.test_runs set status = 'queued', finished_at = null where id = tests.run('over') $$
    ),
    array['a run is live until it is over'], 'a run that nothing will finish'
);
select is(
    tests.told_after($$ update public.test_results set cause_result_id = null where status = 'skipped' $$),
    array['a skip has a root cause in its run that did not pass, or lacks a value'],
    'a skip without a cause'
);
select is(
    tests.told_after(
        $$ update public.test_results set cause_result_id = id, cause_status = 'skipped' where status = 'skipped' $$
    ),
    array['a skip has a root cause in its run that did not pass, or lacks a value'],
    'one whose cause has a cause in turn'
);
select is(
    tests.told_after(
        $$
        update public.test_results set status = 'passed', category = null, slug = null, message = null
        where status = 'failed';
        update public.test_runs set status = 'passed', failed_count = 0, passed_count = passed_count + 1
        where id = tests.run('over');
        update public.test_results set cause_status = 'passed' where status = 'skipped';
        update public.test_result_details set outcome = 'passed' where outcome = 'failed'
        $$
    ),
    array['a skip has a root cause in its run that did not pass, or lacks a value'],
    'or whose cause did pass'
);
select is(
    tests.told_after($$ update public.test_results set is_quarantined = true where status = 'failed' $$),
    array['a run ends as its worst result that is not in quarantine'],
    'a run that failed though all its failures are in quarantine'
);
select is(
    tests.told_after(
        $$ update public.test_execution_context set size_bytes = size_bytes + 1 where value_count > 0 $$
    ),
    array['a context counts its values and their bytes'], 'a context that is larger than its values'
);
select is(
    tests.told_after($$ delete from public.test_result_details where outcome = 'passed' $$),
    array['a verdict has the evidence of the attempt that decided'], 'a verdict without evidence'
);

select finish();
rollback;
