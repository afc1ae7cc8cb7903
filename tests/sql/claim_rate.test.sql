-- The rate limit of an environment, over all its runs.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(7);

select tests.make_environment('slow', 'shop', '{"rate_limit_per_s": 2}');
select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow');
select tests.queue('one', '{}', '{}', 'slow');
select tests.queue('two', '{}', '{}', 'slow');

-- Time goes by for the limit.
create function tests.wait(duration interval)
returns void
language sql
as $function$
    update private.environment_gates set refilled_at = clock_timestamp() - duration
    where environment_id = tests.id('slow');
$function$;

select tests.wait('1 hour');
select is(
    cardinality(tests.claim('first')), 2,
    'a rate limit gives a second''s worth at once, over all runs'
);
select is(tests.claim('second'), '{}', 'then nothing');
select ok(
    (public.claim_work(
        tests.worker(), gen_random_uuid(), 10
    ) ->> 'retry_ms')::integer between 1 and 1000,
    'and the worker is told to ask again soon'
);
select tests.wait('0.6 seconds');
select is(cardinality(tests.claim('third')), 1, 'and in time more');
select tests.wait('1 hour');
select is(cardinality(tests.claim('fourth')), 2, 'after a pause no more than a second''s worth');
update public.environments set rate_limit_per_s = 0.5 where id = tests.id('slow');
select tests.wait('3 seconds');
select is(cardinality(tests.claim('fifth')), 1, 'less than one a second works too');
select tests.queue('three', '{}', '{}', 'slow');
update private.environment_gates
set tokens = 1, refilled_at = clock_timestamp() + interval '10 minutes'
where environment_id = tests.id('slow');
select is(
    cardinality(tests.claim('sixth')), 1, 'a clock that was set back takes nothing away'
);

select * from finish();
rollback;
