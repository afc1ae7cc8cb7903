-- Runs, bodies and history that have been kept for their time, and what an organization asked for.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/retention.psql
select plan(36);

create function tests.bodies(run text)
returns bigint[]
language sql
stable
as $$
    select array[
        (
            select count(*) from public.test_result_details as details
            where details.run_id = tests.run(run) and (details.response is not null or details.request <> '{}')
        ),
        (
            select count(*) from public.assertion_results as assertions
            where assertions.run_id = tests.run(run) and (assertions.expected is not null or assertions.actual is not null)
        )
    ]
$$;

select tests.make_test('good', 'flow');
select tests.make_test('bad', 'flow');
select tests.make_project('their shop', 'other');
select tests.make_environment('their staging', 'their shop');
select tests.make_suite('their flow', 'their shop');
select tests.make_test('theirs', 'their flow');
select tests.queue(name) from unnest(array['a', 'b', 'c']) as names (name);
select tests.queue('their run', '{}', '{}', 'their staging');
select tests.run_all('{"bad": {"status": 500}}');
select private.process_finished_runs();
select private.fold_metrics();
select private.fold_storage();
select tests.age('a', 40);
select tests.age('b', 20);
select tests.age('their run', 40);

-- Bodies
select is(private.forget_bodies(), row(0, 0)::private.job_outcome, 'bodies stay as long as evidence does');
select public.set_retention(tests.id('acme'), 'passed_evidence', 30);
select is(private.forget_bodies(), row(2, 0)::private.job_outcome, 'an organization may have them for less');
select is(tests.bodies('a'), array[1::bigint, 1], 'of old runs they go, of the class that was asked for');
select is(tests.evidence('a'), array[1::bigint, 1, 1, 1], 'rows stay');
select isnt_empty(
    $$
    select from public.assertion_results
    where run_id = tests.run('a') and retention_class = 'passed' and message <> ''
    $$,
    'with what was judged'
);
select is(tests.bodies('b'), array[2::bigint, 2], 'younger ones keep theirs');
select is(tests.bodies('their run'), array[1::bigint, 1], 'and so do others');
select is(private.forget_bodies(), row(0, 0)::private.job_outcome, 'once');
select is(
    (select is_final from private.run_storage where run_id = tests.run('a')), false, 'the run is measured again'
);
select stored_bytes as before from private.run_storage where run_id = tests.run('a') \gset
select private.fold_storage();
select cmp_ok(
    (select stored_bytes from private.run_storage where run_id = tests.run('a')), '<', (:before)::bigint,
    'and has become smaller'
);
select public.set_retention(tests.id('acme'), 'passed_evidence', 1);
select public.set_retention(tests.id('acme'), 'failed_evidence', 1);
savepoint live;
update public.test_runs set finished_at = null, status = 'running' where id = tests.run('a');
delete from private.body_marks where true;
select is(private.forget_bodies(), row(0, 0)::private.job_outcome, 'a run under way, and what came after it, keeps all');
rollback to savepoint live;
select private.forget_bodies(1) from generate_series(1, 2);
select isnt(
    tests.bodies('a') || tests.bodies('b'), array[0::bigint, 0, 0, 0], 'a call takes few runs'
);
select private.forget_bodies(1) from generate_series(1, 5);
select is(
    tests.bodies('a') || tests.bodies('b') || tests.bodies('c'), array[0::bigint, 0, 0, 0, 2, 2],
    'calls go on where the last one was, and stop at what is young'
);

-- Runs
select is(private.delete_old_runs(), row(0, 0)::private.job_outcome, 'runs stay for a year');
select tests.age('a', 400);
select tests.age('their run', 300);
savepoint live;
insert into private.finished_runs (run_id) values (tests.run('a'));
select is(private.delete_old_runs(), row(0, 0)::private.job_outcome, 'what is not in the history yet stays');
rollback to savepoint live;
savepoint live;
update public.test_runs set finished_at = null, status = 'running' where id = tests.run('a');
select is(private.delete_old_runs(), row(0, 0)::private.job_outcome, 'what is under way stays');
rollback to savepoint live;
select private.fold_storage();
select stored_bytes as gone from private.run_storage where run_id = tests.run('a') \gset
select private.stored_bytes(tests.id('acme')) as before from (select) as one \gset
select is(
    private.delete_old_runs(), row(3, (:gone)::bigint)::private.job_outcome, 'then a run goes, with its results'
);
select is(tests.run('a'), null, 'it is gone');
select is(
    (select count(*) from public.test_result_details where planned_on < tests.today() - 365), 0::bigint,
    'with its evidence'
);
select isnt(tests.run('their run'), null, 'younger ones are there');
select is(
    (select count(*) from public.test_run_history), 4::bigint, 'and the history knows all of them'
);
select private.fold_storage();
select is(
    private.stored_bytes(tests.id('acme')), (:before - :gone)::bigint, 'the organization uses as much less'
);
select public.set_retention(tests.id('other'), 'runs', 30);
select tests.age('b', 200);
select is((private.delete_old_runs()).rows, 2::bigint, 'an organization may have runs kept for less');
select isnt(tests.run('b'), null, 'of no other');

-- In batches
select public.set_retention(tests.id('acme'), 'runs', 100);
select tests.age('c', 200);
select is((private.delete_old_runs(1)).rows, 3::bigint, 'a call deletes whole runs, and at least one');
select is(tests.run('b'), null, 'the oldest first');
select is((private.delete_old_runs(1)).rows, 3::bigint, 'the next call the next');

-- History
update public.test_run_history set finished_at = now() - interval '729 days' where true;
select is(private.prune_history(), 0::bigint, 'history stays for two years');
update public.test_run_history set finished_at = now() - interval '731 days'
where project_id = tests.id('shop');
select is(private.prune_history(), 3::bigint, 'then it goes');
select is((select count(*) from public.test_run_history), 1::bigint, 'and no other');

-- Events
select private.raise_events(array[
    row(tests.id(name), null, 'storage_nearly_full', 'warning', name, null, null, null, null, null)::private.new_event
]) from unnest(array['acme', 'other']) as names (name);
update public.platform_events set created_at = now() - interval '60 days' where true;
select private.prune_events();
select is((select count(*) from public.platform_events where title in ('acme', 'other')), 2::bigint, 'events stay');
select public.set_retention(tests.id('acme'), 'events', 30);
select private.prune_events();
select results_eq(
    $$ select title from public.platform_events where title in ('acme', 'other') $$, array['other'],
    'an organization may have them for less'
);

-- Metrics
select private.fold_metrics();
select isnt_empty($$ select from public.performance_metrics $$, 'there are metrics');
select is(private.prune_metrics(), 0::bigint, 'which stay for two years');
update public.performance_metrics set finished_on = tests.today() - 731 where project_id = tests.id('shop');
update private.environment_metrics set finished_on = tests.today() - 731 where environment_id = tests.id('staging');
select cmp_ok(private.prune_metrics(), '>', 0::bigint, 'then they go');
select is(
    array[
        (select count(*) from public.performance_metrics where project_id = tests.id('shop')),
        (select count(*) from private.environment_metrics where environment_id = tests.id('staging'))
    ],
    array[0::bigint, 0], 'of tests and of environments'
);

select * from finish();
rollback;
