-- claim_work shares: between organizations, between the runs of one, whatever is held ready.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(17);

-- A run of so many tests; several of one environment need no more tests.
create function tests.make_tests(suite text, name text, how_many integer, settings jsonb default '{}')
returns void
language sql
as $function$
    select tests.make_test(make_tests.name || ' ' || number, make_tests.suite, make_tests.settings)
    from generate_series(1, make_tests.how_many) as number;
$function$;

-- How many of a claim's tests are whose, by the first word of their names.
create function tests.shares(claim text)
returns jsonb
language sql
stable
as $function$
    select jsonb_object_agg(counted.whose, counted.tests)
    from (
        select
            split_part(handed_out.test, ' ', 1) as whose,
            count(*) as tests
        from tests.handed_out
        where handed_out.claim = shares.claim
        group by 1
    ) as counted;
$function$;

-- The large one is there first, with everything else of its organization.
select tests.make_environment('ours', 'shop', '{"max_parallel": 1000}');
select tests.make_suite('our flow', 'shop');
select tests.make_tests('our flow', 'large', 300);
select tests.make_project('their shop', 'other');
select tests.make_environment('theirs', 'their shop', '{"max_parallel": 1000}');
select tests.make_suite('their flow', 'their shop');
select tests.make_tests('their flow', 'small', 10);

savepoint given;

-- Two organizations

select tests.queue('large', '{}', '{}', 'ours');
select tests.claim('1', 32, 200);
select tests.queue('small', '{}', '{}', 'theirs');
select tests.claim('2', 0, 40);
select is(
    tests.shares('2'), '{"large": 30, "small": 10}',
    'a run of another organization is served at once, in full if it is small'
);
select is_empty(
    $$
    select handed_out.id
    from (
        select
            id,
            split_part(test, ' ', 1) as whose,
            row_number() over (order by id) as place
        from tests.handed_out
        where claim = '2'
    ) as handed_out
    where
        handed_out.place <= 20
        and handed_out.whose <> case handed_out.place % 2 when 1 then 'small' else 'large' end
    $$,
    'and each has every other place in the order of requests'
);
rollback to given;

select tests.queue('large ' || number, '{}', '{}', 'ours') from generate_series(1, 50) as number;
select tests.claim('1', 100);
select tests.queue('small', '{}', '{}', 'theirs');
select tests.claim('2', 32);
select is(
    tests.shares('2'), '{"large": 22, "small": 10}',
    'nor does it wait for the fifty runs of another organization'
);
select is_empty(
    $$ select * from private.check_invariants('-infinity') $$, 'every invariant holds'
);
rollback to given;

-- One slot

select tests.queue('large', '{}', '{}', 'ours');
select tests.queue('small', '{}', '{}', 'theirs');
select tests.claim('call ' || number, 1) from generate_series(1, 20) as number;
select is(
    (
        select jsonb_object_agg(counted.whose, counted.tests)
        from (
            select split_part(test, ' ', 1) as whose, count(*) as tests from tests.handed_out group by 1
        ) as counted
    ),
    '{"large": 10, "small": 10}', 'with one slot they take turns'
);
rollback to given;

-- An odd number of slots favours nobody

select tests.queue('large', '{}', '{}', 'ours');
select tests.make_tests('their flow', 'more', 290);
select tests.queue('small', '{}', '{}', 'theirs');
select tests.claim('call ' || number, 3) from generate_series(1, 10) as number;
select results_eq(
    $$
    select count(*)
    from tests.handed_out
    group by split_part(test, ' ', 1) = 'large'
    $$,
    $$ values (15::bigint), (15::bigint) $$,
    'who got the last slot of one claim comes last in the next'
);
rollback to given;

-- The runs of one organization

select tests.queue('one', '{}', '{}', 'ours');
select tests.claim('1', 10);
select tests.queue('two', '{}', '{}', 'ours');
select tests.claim('2', 10);
select tests.claim('3', 10);
select tests.claim('4', 10);
select results_eq(
    $$
    select count(*)
    from tests.handed_out
    where claim in ('3', '4')
    group by item -> 'run'
    $$,
    $$ values (10::bigint), (10::bigint) $$,
    'two runs of one organization take turns, a claim each'
);
select is(
    (
        select count(distinct item -> 'run') from tests.handed_out where claim in ('2', '3')
    ),
    2::bigint, 'the new one as soon as those before it had one'
);
select tests.claim('rest', 1000);
select is(
    (select count(distinct item -> 'run') from tests.handed_out where claim = 'rest'), 2::bigint,
    'and what one of them cannot fill is filled with the other'
);
rollback to given;

select tests.queue('old', '{}', '{}', 'ours');
select tests.queue('new 1', '{}', '{}', 'ours');
select tests.claim('1', 10);
select tests.queue('new 2', '{}', '{}', 'ours');
select tests.claim('2', 10);
select tests.queue('new 3', '{}', '{}', 'ours');
select tests.claim('3', 10);
select tests.queue('new 4', '{}', '{}', 'ours');
select tests.claim('4', 10);
select results_eq(
    $$
    select runs.idempotency_key
    from tests.handed_out
    inner join public.test_runs as runs on runs.id = (handed_out.item ->> 'run')::uuid
    group by handed_out.claim, runs.idempotency_key
    order by handed_out.claim
    $$,
    array['old', 'new 1', 'old', 'new 2'],
    'a run is not put off by new ones that keep coming'
);
rollback to given;

-- What is held ready

select tests.queue('large', '{}', '{}', 'ours');
select tests.claim('1', 32, 200);
select tests.make_project('careful shop', 'other');
select tests.make_environment('careful', 'careful shop');
select tests.make_suite('careful flow', 'careful shop');
select tests.make_tests('careful flow', 'post', 3, '{"method": "POST"}');
select tests.queue('careful', '{}', '{}', 'careful');
select is(
    tests.claim('2', 0, 50), '{}',
    'nothing is held ready while a run waits for a free slot: it would wait for ever'
);
select is(
    public.claim_work(tests.worker(), gen_random_uuid(), 0, 50) -> 'retry_ms', 'null',
    'and asking again before a slot is free would bring no more'
);
select tests.claim('3', 4, 50);
select is(
    tests.shares('3'), '{"post": 2, "large": 52}', 'with its share of the slots it waits no more'
);
rollback to given;

-- A run that needs room only

select tests.make_environment('narrow', 'their shop', '{"max_parallel": 2}');
select tests.queue('large', '{}', '{}', 'ours');
select tests.queue('small', '{}', '{}', 'narrow');
select tests.claim('1', 20);
select is(
    tests.shares('1'), '{"large": 18, "small": 2}', 'what one may not take is left to the others'
);
select tests.claim('2', 20);
select is(tests.shares('2'), '{"large": 20}', 'who has no room holds nobody up');
select is_empty(
    $$ select * from private.check_invariants('-infinity') $$, 'every invariant holds'
);
update public.organization_limits set max_parallel_tests = 40 where organization_id = tests.id('acme');
select tests.claim('3', 20);
select is(
    tests.shares('3'), '{"large": 2}', 'and so has an organization that reached its limit'
);

select * from finish();
rollback;
