-- Definitions and snapshots that no run refers to any more are swept; no plan ever misses one.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/retention.psql
select plan(20);

create function tests.definition_count() returns bigint language sql stable
as $$ select count(*) from private.definitions $$;
create function tests.snapshot_count() returns bigint language sql stable
as $$ select count(*) from private.snapshots $$;
-- A day passes between two sweeps.
create function tests.sweep() returns bigint language plpgsql as $$
begin
    update private.definitions set idle_since = idle_since - interval '25 hours' where idle_since is not null;
    return private.sweep_plans();
end $$;

select tests.make_fixture('rows', 'shop', '[{"key": "a", "values": {"n": 1}}, {"key": "b", "values": {"n": 2}}]');
select tests.make_test('one', 'flow');
select tests.make_test('two', 'flow', '{"fixture": "rows"}');
select tests.queue('first');
select tests.run_all();
select private.process_finished_runs();
select is(array[tests.definition_count(), tests.snapshot_count()], array[2::bigint, 3], 'a run refers to its own');

-- In use
select is(private.sweep_plans(), 0::bigint, 'what a run refers to is not swept');
select is(tests.sweep(), 0::bigint, 'by no later visit either');
select is_empty($$ select from private.definitions where idle_since is not null $$, 'nor marked');

-- The test changes, the run goes
update public.test_request_configs set path = '/changed' where test_case_id = tests.id('one');
select tests.queue('second');
select tests.run_all();
select private.process_finished_runs();
select is(array[tests.definition_count(), tests.snapshot_count()], array[3::bigint, 3], 'a changed test is another definition');
delete from public.test_runs where id = tests.run('first');
select is(private.sweep_plans(), 0::bigint, 'the first visit only marks');
select results_eq(
    $$ select count(*) from private.definitions where idle_since is not null $$, array[1::bigint],
    'the one that no result refers to'
);
select is(private.sweep_plans(), 0::bigint, 'and it stays for a day');
select is(tests.sweep(), 1::bigint, 'then it goes');
select is(tests.definition_count(), 2::bigint, 'and no other');

-- A plan that finds one marked
delete from public.test_runs where id = tests.run('second');
select private.sweep_plans();
select is(
    (select count(*) from private.definitions where idle_since is not null), 2::bigint, 'both are marked'
);
select tests.queue('third', tests.only('one'));
select results_eq(
    $$
    select definitions.idle_since is null
    from private.definitions
    inner join public.test_results as results on results.definition_id = definitions.id
    $$,
    array[true], 'a run that uses a marked one stores it anew: it is not marked any more'
);
select is(tests.sweep(), 1::bigint, 'so only the other goes');
select tests.run_all();
select is(tests.verdicts('third'), array['one: passed'], 'and the run goes on');
select private.process_finished_runs();

-- A plan that was under way when it was marked
update private.definitions set idle_since = now() - interval '2 days' where true;
select is(private.delete_idle_definitions(100), 0::bigint, 'what a result refers to is never deleted');
select is_empty($$ select from private.definitions where idle_since is not null $$, 'and is not marked any more');

-- Snapshots
select tests.age('third', 100);
update private.snapshots set used_on = tests.today() - 100 where true;
update private.snapshots set used_on = tests.today() - 102 where document ? 'n';
select is(private.delete_idle_snapshots(100), 2::bigint, 'rows of fixtures that no run there is may have used');
select is((select count(*) from private.snapshots), 1::bigint, 'not the environment of one there is');
delete from public.test_runs where id = tests.run('third');
select is(private.delete_idle_snapshots(100), 1::bigint, 'without a run all go');
select tests.queue('fourth');
select is(
    (select count(*) from private.snapshots where used_on = tests.today()), 3::bigint,
    'and a new plan has its own, used today'
);

select * from finish();
rollback;
