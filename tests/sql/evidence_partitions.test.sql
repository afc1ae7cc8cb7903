-- Partitions of evidence: made ahead, made when they are missing, never in the way of a report.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/retention.psql
select plan(12);

create function tests.leaves(month date)
returns text[]
language sql
stable
as $$
    select array_agg(links.inhrelid::regclass::text order by links.inhrelid::regclass::text)
    from pg_inherits as links
    inner join pg_class as leaves on leaves.oid = links.inhrelid
    where leaves.relkind = 'r' and leaves.relname like '%\_' || to_char(month, 'YYYYMM')
$$;

select private.create_evidence_partitions('2031-05-17');
select is(
    tests.leaves('2031-05-01'),
    array[
        'private.assertion_results_failed_203105', 'private.assertion_results_passed_203105',
        'private.test_result_details_failed_203105', 'private.test_result_details_passed_203105'
    ],
    'a month has a partition for each table and class'
);
select lives_ok(
    $$ select private.create_evidence_partitions('2031-05-31') $$, 'making them again changes nothing'
);
select is(
    pg_get_expr(leaves.relpartbound, leaves.oid), 'FOR VALUES FROM (''2031-05-01'') TO (''2031-06-01'')',
    'each holds its month'
)
from pg_class as leaves where leaves.relname = 'test_result_details_passed_203105';
drop table private.assertion_results_failed_203105;
select private.create_evidence_partitions('2031-05-31');
select is(array_length(tests.leaves('2031-05-01'), 1), 4, 'one that is missing alone is made too');

select is_empty(
    $$
    select locks.relation::regclass
    from pg_locks as locks
    where
        locks.pid = pg_backend_pid()
        and locks.mode = 'AccessExclusiveLock'
        and locks.relation in (
            'public.test_result_details'::regclass, 'public.assertion_results'::regclass,
            'private.test_result_details_passed'::regclass, 'private.test_result_details_failed'::regclass,
            'private.assertion_results_passed'::regclass
        )
    $$,
    'making them locks out nobody who reads or reports'
);

select private.create_coming_partitions();
select is_empty(
    $$
    select months.ahead from generate_series(0, 3) as months (ahead)
    where array_length(
        tests.leaves((date_trunc('month', tests.today()) + months.ahead * interval '1 month')::date), 1
    ) is distinct from 4
    $$,
    'the job makes those of this month and the next three'
);

-- The job did not run for months
select tests.make_test('good', 'flow');
select tests.make_test('bad', 'flow');
do $$
declare
    v_leaf text;
begin
    foreach v_leaf in array tests.leaves(tests.today()) loop
        execute 'drop table ' || v_leaf;
    end loop;
end $$;
select is(tests.leaves(tests.today()), null, 'there is none of this month');
select tests.queue('run');
select tests.run_all('{"bad": {"status": 500}}');
select is(tests.evidence('run'), array[1::bigint, 1, 1, 1], 'a run finds what it needs all the same');

-- The edge of a month
select tests.queue('edge');
select tests.age('edge', tests.today() - date_trunc('month', tests.today())::date + 1);
select tests.run_all('{"bad": {"status": 500}}');
select is(
    (
        select array_agg(distinct details.tableoid::regclass::text order by details.tableoid::regclass::text)
        from public.test_result_details as details where details.run_id = tests.run('edge')
    ),
    array[
        'private.test_result_details_failed_' || to_char(date_trunc('month', tests.today()) - interval '1 day', 'YYYYMM'),
        'private.test_result_details_passed_' || to_char(date_trunc('month', tests.today()) - interval '1 day', 'YYYYMM')
    ],
    'a run that was planned in the last minute of a month keeps its evidence there'
);
select is_empty($$ select tests.check_run('edge') $$, 'and nothing contradicts that');

-- A report for a month whose evidence is gone
select tests.queue('late');
select tests.claim('late');
select tests.send(jsonb_build_array(tests.report(tests.item('good'), '{}')));
update public.test_results set planned_on = '2001-01-01' where run_id = tests.run('late');
update private.work_items set lease = gen_random_uuid() where run_id = tests.run('late');
select is(
    tests.send(jsonb_build_array(tests.report(tests.item('bad'), '{"status": 500}'))) -> 'stale',
    jsonb_build_array(tests.item('bad') -> 'item'),
    'is stale, and fails nothing'
);
select is_empty(
    $$ select from public.test_result_details where run_id = tests.run('late') and outcome = 'stale' $$,
    'it is not kept'
);

select * from finish();
rollback;
