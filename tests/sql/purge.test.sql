-- Purging: what goes with a run, a test, a project, an organization and an account.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(14);

select tests.make_test(
    'login', 'flow', jsonb_build_object('captures', tests.capture('token', 'token'))
);
select tests.make_test('use', 'flow', '{"path": "/{{token}}"}');
select tests.make_project('second shop', 'acme');
select tests.make_environment('second staging', 'second shop');
select tests.make_suite('second flow', 'second shop');
select tests.make_test('second', 'second flow');
select public.set_secret(tests.id('staging'), 'password', 'something secret');
select tests.queue('over');
select tests.run_all('{"login": {"body": {"token": "tok-value"}}}');
select tests.queue('kept', '{}', '{}', 'second staging');
select tests.run_all();
select tests.queue('live');
select tests.claim('1', 1);

-- A run
delete from public.test_runs where idempotency_key = 'over';
select is(
    array[
        (select count(*) from public.test_results),
        (select count(*) from public.test_result_details),
        (select count(*) from public.assertion_results),
        (select count(*) from public.test_context_values)
    ],
    array[3::bigint, 1, 1, 0], 'a run takes its results, evidence and values along, and no other''s'
);

-- A project, with a run under way
savepoint whole;
select tests.act_as_service();
select lives_ok(
    $$ delete from public.projects where id = tests.id('shop') $$,
    'the secret key purges a project'
);
select tests.act_as_owner();
select bag_eq($$ select name from public.projects $$, array['second shop'], 'the other stays');
select is(
    array[
        (select count(*) from public.test_cases), (select count(*) from public.test_runs),
        (select count(*) from public.test_results), (select count(*) from private.definitions)
    ],
    array[1::bigint, 1, 1, 1], 'with all that is its own'
);
select is(
    array[
        (select count(*) from private.live_runs), (select count(*) from private.work_items),
        (select count(*) from private.work_edges)
    ],
    array[0::bigint, 0, 0], 'nothing of the purged one is left in the queue'
);
select is_empty(
    $$ select from vault.secrets where name is distinct from 'assay_data_key' $$, 'and nothing in Vault'
);
select is(tests.claim('2'), '{}', 'there is nothing to claim');
select is(
    tests.answer('login') -> 'stale', jsonb_build_array(tests.item('login') -> 'item'),
    'a report that comes now is stale'
);
rollback to whole;

-- An organization
select lives_ok(
    $$ delete from public.organizations where id = tests.id('acme') $$,
    'an organization goes with all its projects'
);
select bag_eq($$ select name from public.organizations $$, array['other'], 'and no other');
select is_empty($$ select from public.test_runs $$, 'nothing of it stays');
rollback to whole;

-- An account
select tests.act_as('eda');
select public.queue_run(tests.id('staging'), '{}', '{}', 'by eda');
select tests.act_as_owner();
select lives_ok(
    $$ delete from auth.users where id = tests.id('eda') $$, 'an account can be deleted'
);
select is_empty(
    $$ select from public.organization_members where user_id = tests.id('eda') $$,
    'with its memberships'
);
select results_eq(
    $$ select queued_by from public.test_runs where idempotency_key = 'by eda' $$,
    array[null::uuid], 'what it queued stays'
);

select * from finish();
rollback;
