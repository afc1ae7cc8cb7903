-- max_parallel of queue_run: a run with fewer requests in flight than its environment allows.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(12);

select tests.make_environment('roomy', 'shop', '{"max_parallel": 6}');
select tests.make_test('test ' || number, 'flow') from generate_series(1, 8) as number;

create function tests.queue_narrow(name text, max_parallel integer)
returns void
language plpgsql
as $function$
begin
    perform public.queue_run(
        tests.id('roomy'), idempotency_key => queue_narrow.name,
        max_parallel => queue_narrow.max_parallel
    );
end;
$function$;

-- How many requests of a run are with workers.
create function tests.in_flight(run text)
returns bigint
language sql
stable
as $function$
    select count(*)
    from private.work_items as items
    where items.run_id = tests.run(in_flight.run) and items.state = 'leased';
$function$;

savepoint given;

select tests.queue_narrow('narrow', 2);
select is(cardinality(tests.claim('1', 10, 10)), 2, 'a run gets no more than it asked for');
select is(cardinality(tests.claim('2', 10, 10)), 0, 'nor does it with the next claim');
select is(
    (public.claim_work(tests.worker(), gen_random_uuid(), 10) ->> 'retry_ms')::integer, 50,
    'the worker is told to ask again soon'
);
select tests.answer('test 1');
select is(
    tests.claim('3', 10), '{test 3}', 'what is over makes room for one more'
);
select tests.queue('other', '{}', '{}', 'roomy');
select is(
    cardinality(tests.claim('4', 10)), 4, 'the rest of the environment is for other runs'
);
select results_eq(
    $$ values (tests.in_flight('narrow'), tests.in_flight('other')) $$,
    $$ values (2::bigint, 4::bigint) $$, 'and each has its own'
);
select is_empty(
    $$ select * from private.check_invariants('-infinity') $$, 'every invariant holds'
);
rollback to given;

select tests.queue_narrow('wide', 100);
select is(cardinality(tests.claim('1', 100)), 6, 'one that asks for more has no more');
rollback to given;

-- What queue_run makes of it

select is(
    tests.slug_of(
        format('select public.queue_run(%L, max_parallel => 0)', tests.id('roomy'))
    ),
    'malformed_max_parallel', 'it is at least one'
);
select is(
    tests.slug_of(
        format('select public.queue_run(%L, max_parallel => 1001)', tests.id('roomy'))
    ),
    'malformed_max_parallel', 'and no more than an environment can allow'
);
select tests.queue_narrow('run', 2);
select throws_ok(
    $$ select tests.queue_narrow('run', 3) $$, 'PT409', null,
    'under one key another one is a conflict'
);
select is(
    (
        public.queue_runs(
            jsonb_build_array(
                jsonb_build_object('environment_id', tests.id('roomy'), 'max_parallel', 3)
            )
        )
    ).max_parallel,
    3, 'it can be given in a batch'
);

select * from finish();
rollback;
