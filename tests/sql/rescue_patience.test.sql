-- Expired leases whose workers may not have been able to renew them: nobody loses what he holds
-- because the database was away.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(31);

select tests.make_test('get', 'flow');
select tests.make_test('post', 'flow', '{"method": "POST"}');
select tests.queue('run');

-- Time goes by: leases run out, and what was heard was heard that long ago.
create function tests.pass(how_long interval, heard boolean default false, looked boolean default false)
returns void
language sql
as $function$
    update private.work_items set lease_until = lease_until - how_long where state = 'leased';
    update private.worker_contact
    set
        heard_at = case when not pass.heard then heard_at - how_long else clock_timestamp() end,
        looked_at = case when pass.heard or pass.looked then clock_timestamp() else looked_at - how_long end,
        patient_until = patient_until - how_long,
        sure_until = sure_until - how_long
    where is_only;
$function$;

create function tests.states()
returns text
language sql
stable
as $function$
    select string_agg(coalesce(items.state, results.status), ' ' order by results.test_name)
    from public.test_results as results
    left join private.work_items as items on items.result_id = results.id
    where results.run_id = tests.run('run');
$function$;

create function tests.renew()
returns jsonb
language sql
as $function$
    select public.renew_work(
        tests.worker(), jsonb_build_array(tests.item('get', 'first'), tests.item('post', 'first'))
    );
$function$;

select is((select count(*) from private.worker_contact), 1::bigint, 'there is one row of it');
select throws_ok(
    $$ insert into private.worker_contact default values $$, '23505', null, 'and no second one'
);
select is(tests.claim('first'), '{get,post}', 'two requests are in flight');
select isnt((select heard_at from private.worker_contact), null, 'the worker was heard');
select is(
    (select patient_until from private.worker_contact), '-infinity'::timestamptz,
    'the first worker ever ends no silence'
);

savepoint given;

-- One worker is lost, others are heard

select tests.pass('31 s', heard => true);
select private.rescue_expired();
select is(tests.states(), 'ready error', 'while others are heard, a lost worker''s leases are taken');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to given;

-- The database was away

select tests.pass('31 s');
select private.rescue_expired();
select is(
    tests.states(), 'leased leased', 'a sweep after an outage takes nothing'
);
select is(tests.claim('other', worker => 'other'), '{}', 'nor does the first worker that is back');
select is(tests.states(), 'leased leased', 'from the others');
select is(tests.renew(), '{"lost": [], "cancelled": []}', 'whose renewal counts');
select tests.pass('21 s', heard => true);
select private.rescue_expired();
select is(tests.states(), 'leased leased', 'and holds');
select is(
    jsonb_array_length(
        tests.send(jsonb_build_array(tests.report(tests.item('post')))) -> 'accepted'
    ),
    1, 'and so does a report'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to given;

select tests.pass('31 s');
select private.rescue_expired();
select tests.claim('other', worker => 'other');
select tests.pass('19 s', heard => true);
select private.rescue_expired();
select is(tests.states(), 'leased leased', 'a worker has two thirds of a lease to come back');
select tests.pass('2 s', heard => true);
select private.rescue_expired();
select is(tests.states(), 'ready error', 'who does not is lost');
rollback to given;

-- The way to the database is cut: sweeps go on, no worker is heard

select tests.pass('31 s', looked => true);
select private.rescue_expired();
select is(tests.states(), 'leased leased', 'while nobody is heard nothing is taken');
select tests.claim('other', worker => 'other');
select is(tests.states(), 'leased leased', 'nor at once when somebody is');
rollback to given;

select tests.pass('331 s', looked => true);
select private.rescue_expired();
select is(tests.states(), 'ready error', 'but not for ever: ten leases long');
rollback to given;

select tests.pass('1 hour');
select private.rescue_expired();
select tests.pass('290 s', looked => true);
select private.rescue_expired();
select is(
    tests.states(), 'leased leased', 'counted from when the database was there again, if it was not'
);
rollback to given;

-- A worker that seldom asks

select tests.pass('60 s', looked => true);
select tests.claim('seldom 1', worker => 'other');
select is(tests.states(), 'leased leased', 'a worker that asks once a minute takes nothing at first');
select tests.pass('60 s', looked => true);
select private.rescue_expired();
select is(tests.states(), 'leased leased', 'nor does a sweep, while nobody is heard');
select is(
    tests.claim('seldom 2', worker => 'other'), '{get}',
    'but it does so the second time: patience is granted once'
);
select is(tests.states(), 'leased error', 'as after any lease that was not renewed');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to given;

-- Clocks

select tests.pass('1 hour');
select private.rescue_expired();
select is(tests.states(), 'leased leased', 'a clock that jumps ahead by an hour takes nothing');
select tests.renew();
select tests.pass('20 s', heard => true);
select private.rescue_expired();
select is(tests.states(), 'leased leased', 'from who renews');
rollback to given;

select tests.pass('-1 hour');
select private.rescue_expired();
select cmp_ok(
    (select patient_until from private.worker_contact), '<', clock_timestamp() + interval '21 s',
    'nor does one that is put back stop rescue for longer'
);
update private.work_items set lease_until = clock_timestamp() - interval '1 s' where state = 'leased';
select tests.pass('21 s', heard => true);
select private.rescue_expired();
select is(tests.states(), 'ready error', 'than after any silence');
rollback to given;

-- How much at once

select tests.make_fixture(
    'many', 'shop',
    (
        select jsonb_agg(jsonb_build_object('key', number::text, 'values', '{}'::jsonb))
        from generate_series(1, 1500) as number
    )
);
select tests.make_suite('mass', 'shop');
select tests.make_test('mass', 'mass', '{"fixture": "many"}');
select tests.make_environment('wide', 'shop', '{"max_parallel": 1000}');
select tests.queue('mass', tests.only('mass'), '{}', 'wide');
update private.work_items
set
    state = 'leased', attempt = 1, lease = gen_random_uuid(),
    lease_until = clock_timestamp() - interval '1 minute', lease_place = 1,
    worker_id = tests.id('worker'), call_id = gen_random_uuid()
where run_id = tests.run('mass');
select tests.hear_workers();
select private.rescue_expired();
select results_eq(
    $$ select state, count(*) from private.work_items where run_id = tests.run('mass') group by 1 order by 1 $$,
    $$ values ('leased', 500::bigint), ('ready', 1000::bigint) $$, 'a thousand at a time are taken'
);
select private.rescue_expired();
select is(
    (select count(*) from private.work_items where run_id = tests.run('mass') and state = 'ready'),
    1500::bigint, 'then the rest'
);

select * from finish();
rollback;
