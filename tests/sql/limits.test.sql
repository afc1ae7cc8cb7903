-- What an organization may take of the installation: what is refused, and what waits.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(40);

create function tests.limit(name text, value bigint, organization text default 'acme')
returns void
language plpgsql
as $function$
begin
    execute format(
        'update public.organization_limits set %I = %L where organization_id = %L',
        'max_' || name, value, tests.id(organization)
    );
end;
$function$;

create function tests.used(name text)
returns bigint
language sql
as $function$
    select usage.used
    from public.get_organization_usage(tests.id('acme')) as usage
    where usage.name = used.name;
$function$;

savepoint empty;

-- The row

select results_eq(
    $$ select max_live_runs, max_parallel_tests, max_tests_per_run
       from public.organization_limits where organization_id = tests.id('acme') $$,
    $$ values (200, 1000, 20000) $$,
    'an organization is made with limits'
);
select tests.act_as('vera');
select is(
    (select count(*) from public.organization_limits), 1::bigint, 'its members see its own alone'
);
select throws_ok(
    $$ update public.organization_limits set max_live_runs = 5 $$, '42501', null,
    'and change nothing'
);
select tests.act_as('olga');
select throws_ok(
    $$ update public.organization_limits set max_live_runs = 5 $$, '42501', null,
    'not even the owner'
);
select tests.act_as_service();
select lives_ok(
    format(
        'update public.organization_limits set max_live_runs = 5 where organization_id = %L',
        tests.id('acme')
    ),
    'the secret key does'
);
select throws_ok(
    $$ delete from public.organization_limits where true $$, '42501', null,
    'and takes none away'
);
rollback to empty;

-- Runs

select tests.make_test('a', 'flow');
select tests.make_project('second', 'acme');
select tests.make_environment('elsewhere', 'second');
select tests.make_suite('other flow', 'second');
select tests.make_test('b', 'other flow');
select tests.limit('live_runs', 2);
select tests.queue('one');
select tests.queue('two', '{}', '{}', 'elsewhere');
select is(
    tests.slug_of($$ select tests.queue('three') $$), 'too_many_runs',
    'runs of all projects count together'
);
select throws_ok($$ select tests.queue('three') $$, 'PT429', null, 'it is a 429');
select is(
    tests.message_of($$ select tests.queue('three') $$),
    'the organization would have 3 runs queued or under way, and its limit is 2',
    'the message says the use and the limit'
);
select matches(
    tests.hint_of($$ select tests.queue('three') $$), 'cancel', 'the hint what to do'
);
select lives_ok($$ select tests.queue('one') $$, 'repeating a call that was answered is none');
select is(
    tests.slug_of(format(
        'select public.queue_runs(%L)',
        jsonb_build_array(jsonb_build_object('environment_id', tests.id('staging')))
    )),
    'too_many_runs', 'a batch counts, too'
);
select tests.claim('all');
select tests.send(jsonb_build_array(tests.report(tests.item('a'), '{"status": 200}')));
select lives_ok($$ select tests.queue('three') $$, 'a run that is over makes room');
select is(tests.used('live_runs'), 2::bigint, 'and the use is told');
rollback to empty;

select tests.make_test('a', 'flow', '{"assertions": [{"source": "status", "operator": "equals", "expected": 200}]}');
select tests.queue('first');
select tests.claim('a');
select tests.send(jsonb_build_array(tests.report(tests.item('a'), '{"status": 500}')));
select tests.limit('live_runs', 0);
select is(
    tests.slug_of(format('select public.rerun_failed(%L)', tests.run('first'))), 'too_many_runs',
    'running failures again is a run'
);
rollback to empty;

-- Tests of a run

select tests.make_test('a', 'flow');
select tests.make_fixture(
    'rows', 'shop',
    (
        select jsonb_agg(jsonb_build_object('key', row::text, 'values', '{}'::jsonb))
        from generate_series(1, 10) as row
    )
);
select tests.make_test('b', 'flow', '{"fixture": "rows"}');
select tests.limit('tests_per_run', 10);
select is(
    tests.slug_of($$ select tests.queue('both') $$), 'too_many_tests_in_run',
    'each fixture row counts'
);
select is(
    tests.slug_of(format('select public.plan_run(%L)', tests.id('staging'))),
    'too_many_tests_in_run', 'a plan says so, too'
);
select lives_ok(
    $$ select tests.queue('one', tests.only('b')) $$, 'up to the limit all is well'
);
select tests.limit('tests_per_run', 1);
select is(
    tests.slug_of($$ select tests.queue('both') $$), 'too_many_tests_in_run',
    'too many tests are refused before they are looked at'
);
rollback to empty;

-- Parallel tests

select tests.make_environment('elsewhere', 'shop');
select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow');
select tests.limit('parallel_tests', 4);
select tests.queue('one');
select tests.queue('two', '{}', '{}', 'elsewhere');
select is(cardinality(tests.claim('first', 3)), 3, 'what is below the limit is handed out');
select is(cardinality(tests.claim('second', 10)), 1, 'over all environments together');
select is(tests.claim('third', 10), '{}', 'then nothing');
select is(tests.used('parallel_tests'), 4::bigint, 'and the use is told');
select is(
    public.claim_work(tests.worker(), gen_random_uuid(), 10) -> 'retry_ms', '50',
    'the worker is told to ask again soon'
);
select tests.send(jsonb_build_array(tests.report(tests.item('a', 'first'), '{}')));
select is(cardinality(tests.claim('fourth', 10)), 1, 'a report makes room');
rollback to empty;

-- A tenant with many runs that wait for room

select tests.make_environment('narrow', 'shop', '{"max_parallel": 1}');
select tests.make_test('a', 'flow');
select tests.queue('run ' || number, '{}', '{}', 'narrow') from generate_series(1, 40) as number;
select tests.make_project('theirs', 'other');
select tests.make_environment('their place', 'theirs');
select tests.make_suite('their flow', 'theirs');
select tests.make_test('x', 'their flow');
select is(tests.claim('one'), '{a}', 'one of many runs is served');
select tests.queue('their run', '{}', '{}', 'their place');
update private.organization_turns set last_turn = nextval('private.turns')
where organization_id = tests.id('other');
select is(
    tests.claim('theirs'), '{x}', 'those that wait for room do not stand before somebody else''s'
);
select is(
    public.claim_work(tests.worker(), gen_random_uuid(), 10) -> 'retry_ms', '50',
    'and the worker is told to ask again soon'
);
rollback to empty;

-- What is stored

select tests.make_test('a', 'flow');
select tests.queue('one');
select tests.claim('one');
select tests.send(jsonb_build_array(tests.report(tests.item('a'), jsonb_build_object('text', repeat('x', 60000)))));
select private.fold_storage();
create table tests.before as select tests.used('stored_bytes') as bytes;
select cmp_ok((select bytes from tests.before), '>', 500::bigint, 'what a run left is counted');
select tests.make_fixture(
    'big', 'shop',
    jsonb_build_array(jsonb_build_object('key', 'a', 'values', jsonb_build_object('v', (
        select string_agg(md5(number::text), '') from generate_series(1, 3000) as number
    ))))
);
select cmp_ok(
    tests.used('stored_bytes') - (select bytes from tests.before), '>', 90000::bigint,
    'a fixture at once'
);
select private.fold_storage();
select cmp_ok(
    tests.used('stored_bytes') - (select bytes from tests.before), '>', 90000::bigint,
    'folding it in changes nothing'
);
delete from public.test_data_fixtures where id = tests.id('big');
select is(
    tests.used('stored_bytes'), (select bytes from tests.before), 'and taking it away gives it back'
);
select private.recount_storage();
select ok(
    tests.used('stored_bytes') >= (select bytes from tests.before), 'a recount finds no less'
);
select tests.limit('stored_bytes', 100);
select is(
    tests.slug_of($$ select tests.queue('two') $$), 'storage_exhausted', 'above the limit no run begins'
);
select is(
    tests.slug_of($$ select tests.make_test('another', 'flow') $$), 'storage_exhausted',
    'and no test is added'
);
select lives_ok(
    $$ delete from public.test_cases where id = tests.id('a') $$, 'but anything can be taken away'
);
rollback to empty;

-- Ceilings

select tests.limit('projects', 1);
select is(
    tests.slug_of($$ select tests.make_project('another', 'acme') $$), 'too_many_projects',
    'projects have a ceiling'
);
select tests.limit('tests', 1);
select tests.make_test('a', 'flow');
select is(
    tests.slug_of($$ select tests.make_test('b', 'flow') $$), 'too_many_tests', 'so have tests'
);
select tests.limit('members', 4);
select tests.make_person('nina');
select is(
    tests.slug_of(format(
        'insert into public.organization_members values (%L, %L, ''viewer'')',
        tests.id('acme'), tests.id('nina')
    )),
    'too_many_members', 'and members'
);
select tests.act_as('otto');
select is(
    tests.slug_of(format('select public.get_organization_usage(%L)', tests.id('acme'))),
    'unknown_organization', 'a stranger is told nothing'
);

select * from finish();
rollback;
