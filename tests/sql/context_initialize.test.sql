-- Context, initialize: queue_run gives every run a context of its own, empty, with a lifetime.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(12);

select tests.make_test('a', 'flow');
select tests.act_as('eda');
select public.queue_run(tests.id('staging'), '{}', '{"given": 1}', 'first');
select public.queue_run(tests.id('staging'), '{}', '{}', 'second');
select results_eq(
    $$
    select value_count, size_bytes, row_size_bytes
    from public.test_execution_context
    where run_id = tests.run('first')
    $$,
    $$ values (0, 0::bigint, 0::bigint) $$, 'a run begins with an empty context'
);
select is(
    (select count(*) from public.test_execution_context), 2::bigint, 'each run with its own'
);
select is(
    (select variables from public.test_runs where id = tests.run('first')), '{"given": 1}',
    'what the run was given is kept beside it, and is no value of it'
);
select ok(
    (
        select expires_at between now() + interval '24 hours' and now() + interval '25 hours'
        from public.test_execution_context
        where run_id = tests.run('first')
    ),
    'it expires a day later'
);
select tests.act_as('adam');
update public.environments set context_lifetime_s = 3600 where id = tests.id('staging');
select tests.act_as('eda');
select public.queue_run(tests.id('staging'), '{}', '{}', 'third');
select ok(
    (
        select expires_at between now() + interval '1 hour' and now() + interval '2 hours'
        from public.test_execution_context
        where run_id = tests.run('third')
    ),
    'or after as long as the environment says, which those who manage it set'
);
select is(
    tests.count_changed(
        $$ update public.environments set context_lifetime_s = 60 where name = 'staging' $$
    ),
    0::bigint, 'and editors do not'
);
select tests.act_as_owner();
select throws_ok(
    $$ update public.environments set context_lifetime_s = 59 where name = 'staging' $$, '23514', null,
    'a minute is the least'
);
select tests.act_as('vera');
select is(
    (select count(*) from public.test_execution_context), 3::bigint, 'a viewer sees contexts'
);
select throws_ok(
    $$ select public.queue_run(tests.id('staging')) $$, 'PT403', null, 'but begins none'
);
select tests.act_as('otto');
select is_empty($$ select from public.test_execution_context $$, 'a stranger sees none');
select throws_ok(
    $$ select public.queue_run(tests.id('staging')) $$, 'PT404', null, 'and begins none'
);
select tests.act_as_anon();
select throws_ok(
    $$ select from public.test_execution_context $$, '42501', null,
    'whoever is not signed in may not look'
);

select * from finish();
rollback;
