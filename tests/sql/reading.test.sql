-- get_run_state and get_run_report: what is shown of a run, page by page, and to whom.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(43);

select tests.make_suite('big', 'shop');
select tests.make_fixture('many', 'shop', (
    select jsonb_agg(jsonb_build_object('key', 'row ' || numbers.number, 'values', jsonb_build_object('n', numbers.number)))
    from generate_series(1, 1001) as numbers (number)
));
select tests.make_test('rows', 'big', '{"path": "/{{n}}", "fixture": "many"}');
select tests.make_fixture(
    'two', 'shop', '[{"key": "b", "values": {"n": 1}}, {"key": "a", "values": {"n": 2}}]'
);
select tests.make_test('prepare', 'flow', '{"phase": "setup"}');
select tests.make_test('good', 'flow', '{"fixture": "two", "path": "/{{n}}"}');
select tests.make_test('bad', 'flow', '{"retry": {"attempts": 2}, "assertions": [
    {"source": "status", "operator": "equals", "expected": 200}, {"source": "body", "path": "$.a", "operator": "exists"}]}');
select tests.make_test('behind', 'flow');
select tests.depend('behind', 'bad', 'data');
select tests.make_test('clean', 'flow', '{"phase": "teardown"}');
select tests.queue('run', tests.only('good', 'behind'));

create table tests.known as select tests.run('run') as run_id;
grant select on tests.known to public;
create function tests.state(since integer default 0)
returns jsonb
language sql
as $function$ select public.get_run_state((select known.run_id from tests.known), state.since) $function$;

-- State

select is(tests.state() -> 'results', '[]', 'before the first verdict there is none');
select is(tests.state() -> 'finished', 'false', 'and the run is not finished');
select is(tests.state() -> 'next', '0', 'nor is there anything to go on from');
select is(tests.state() #>> '{run,status}', 'queued', 'the run is told as it is');
select is(tests.state() #> '{run,total_count}', '6', 'with its counters');
select is(tests.state() -> 'has_worker', 'false', 'that no worker is there');
select tests.claim('1');
select is(tests.state() -> 'has_worker', 'true', 'or that one is');
update public.workers set last_seen_at = now() - interval '4 minutes' where true;
select is(tests.state() -> 'has_worker', 'false', 'unless it was not heard of for minutes');
select tests.answer('prepare');
select is(tests.state() -> 'next', '1', 'a verdict moves the mark');
select is(
    tests.state() #> '{results,0}',
    jsonb_build_object(
        'seq', 1, 'result', (tests.result('run', 'prepare')).id, 'name', 'prepare', 'suite', 'flow',
        'row_key', '',
        'phase', 'setup', 'status', 'passed', 'category', null, 'slug', null, 'message', null,
        'attempt_count', 1,
        'http_status', 200, 'duration_ms', 2.500, 'is_quarantined', false
    ),
    'and tells what was found'
);
select is(tests.state(1) -> 'results', '[]', 'what was seen is not told again');
select is(tests.state(1) -> 'next', '1', 'and the mark stays');
select tests.run_all('{"bad": {"status": 500, "body": {}}}');
select is(tests.state() -> 'finished', 'true', 'at the end the run is finished');
select is(
    (select jsonb_agg(entry -> 'seq') from jsonb_array_elements(tests.state(1) -> 'results') as entry),
    '[2, 3, 4, 5, 6]',
    'and the rest is there, in order'
);
select is(
    public.get_run_state(gen_random_uuid()), null, 'there is no state of what does not exist'
);

-- More than a page

select tests.queue('big', jsonb_build_object('suites', jsonb_build_array(tests.id('big'))));
select tests.run_all('{}', 1000);
select is(
    jsonb_array_length(public.get_run_state(tests.run('big')) -> 'results'), 1000,
    'a page has a thousand verdicts'
);
select is(public.get_run_state(tests.run('big')) -> 'next', '1000', 'and says where to go on');
select is(
    jsonb_array_length(public.get_run_state(tests.run('big'), 1000) -> 'results'), 1,
    'the next has the rest'
);
select is(
    (
        select count(distinct entry ->> 'result')
        from unnest(array[0, 1000]) as marks (mark)
        cross join lateral jsonb_array_elements(public.get_run_state(tests.run('big'), marks.mark) -> 'results') as entry
    ),
    1001::bigint, 'together they have everything, once'
);
select is_empty($$ select tests.check_run('big') $$, 'every invariant holds for a large run too');

-- Report

create function tests.whole()
returns jsonb
language sql
as $function$ select public.get_run_report((select known.run_id from tests.known)) $function$;

select is(
    tests.whole() -> 'totals',
    '{"total": 6, "passed": 4, "failed": 1, "error": 0, "skipped": 1, "cancelled": 0}',
    'a report has totals'
);
select is(tests.whole() #>> '{run,project_name}', 'shop', 'the names of its project');
select is(tests.whole() #>> '{run,environment_name}', 'staging', 'and environment');
select is(tests.whole() #>> '{run,status}', 'failed', 'the status');
select is(
    tests.whole() #>> '{run,duration_ms}',
    (select round(extract(epoch from finished_at - started_at) * 1000)::text from public.test_runs where id = tests.run('run')),
    'and the time it took'
);
select is(
    (select jsonb_agg(entry ->> 'name') from jsonb_array_elements(tests.whole() -> 'results') as entry) - 'x',
    (
        select jsonb_agg(results.test_name order by array_position(array['setup', 'main', 'teardown'], results.phase), results.finished_seq)
        from public.test_results as results where results.run_id = tests.run('run')
    ),
    'every result, by phase and verdict'
);
create function tests.entry(name text)
returns jsonb
language sql
as $function$
    select entries.entry from jsonb_array_elements(tests.whole() -> 'results') as entries (entry)
    where entries.entry ->> 'name' = entry.name
    limit 1;
$function$;
select is(
    tests.entry('bad') - 'result' - 'started_at' - 'finished_at' - 'assertions' - 'change' - 'is_quarantined',
    '{"name": "bad", "suite": "flow", "phase": "main", "row_key": "", "status": "failed", "category": "assertion",
      "slug": "assertion_failed", "message": "expected: status equals 200; got 500; the answer: {} (and 1 more)",
      "cause": null,
      "attempt_count": 2, "rescue_count": 0, "http_status": 500, "duration_ms": 2.500}',
    'a failed one says why'
);
select is(
    (select jsonb_agg(judged - 'message') from jsonb_array_elements(tests.entry('bad') -> 'assertions') as judged),
    '[{"source": "status", "target": null, "operator": "equals", "expected": 200, "actual": 500, "passed": false},
      {"source": "body", "target": "$.a", "operator": "exists", "expected": null, "actual": null, "passed": false}]',
    'with the assertions of the attempt that decided, and of no other'
);
select is(
    tests.entry('behind') -> 'cause',
    jsonb_build_object(
        'result', (tests.result('run', 'bad')).id, 'test', 'bad', 'status', 'failed', 'edge',
        'data'
    ),
    'a skipped one names its cause'
);
select is(tests.entry('behind') -> 'assertions', '[]', 'and judged nothing');
select is(
    public.get_run_report(gen_random_uuid()), null, 'there is no report of what does not exist'
);
select tests.queue('fresh', tests.only('good'));
select is(
    public.get_run_report(tests.run('fresh')) #>> '{results,0,status}', 'pending',
    'a run that has not begun has a report too'
);
select is(
    public.get_run_report(tests.run('fresh')) #> '{run,duration_ms}', 'null', 'without a duration'
);

-- Pages of a report

select is(
    jsonb_array_length(public.get_run_report(tests.run('big'), null, 5000) -> 'results'), 1000,
    'a page of a report has a thousand results at most'
);
select is(tests.whole() -> 'next', 'null', 'a report of one page has no next');
select is(
    (
        with recursive pages (page) as (
            select public.get_run_report(tests.run('run'), null, 2)
            union all
            select public.get_run_report(tests.run('run'), (page ->> 'next')::uuid, 2)
            from pages
            where page ->> 'next' is not null
        )

        select jsonb_agg(results.entry)
        from pages
        cross join lateral jsonb_array_elements(pages.page -> 'results') as results (entry)
    ),
    tests.whole() -> 'results', 'its pages together are the whole, in order'
);
select is(
    jsonb_array_length(public.get_run_report(
        tests.run('big'), (public.get_run_report(tests.run('big')) ->> 'next')::uuid
    ) -> 'results'),
    1, 'the last has what is left'
);

-- To whom

select tests.act_as('vera');
select is(tests.state() #>> '{run,status}', 'failed', 'a viewer sees the state');
select is(jsonb_array_length(tests.whole() -> 'results'), 6, 'and the report');
select tests.act_as('otto');
select is(tests.state(), null, 'for a stranger there is no state');
select is(tests.whole(), null, 'and no report');
select tests.act_as_anon();
select throws_ok($$ select tests.state() $$, '42501', null, 'whoever is not signed in may not ask');
select throws_ok($$ select tests.whole() $$, '42501', null, 'for either');

select * from finish();
rollback;
