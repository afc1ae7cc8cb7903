-- A runner is revoked in one call: its leases die at once, and whatever it calls then is refused.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(43);

select tests.make_test('get', 'flow');
select tests.make_test('post', 'flow', '{"method": "POST"}');
select tests.make_test('needs', 'flow');
select tests.depend('needs', 'post', 'data');
select tests.make_runner('rita', 'acme', '{eu,dmz}');
select tests.make_runner('rolf', 'other');
select tests.register('rita', 'hers');
select tests.register('rita', 'her eu', '{eu}');
select tests.register('rolf', 'his');
select tests.register(null, 'operator''s');

create function tests.revoke(runner text, organization text default 'acme')
returns text
language sql
as $function$
    select format('public.revoke_runner(%L, %L)', tests.id(organization), tests.id(runner))
$function$;

-- Where its leases are, and which of the workers are refused.
create function tests.aftermath(out leases text[], out revoked text[])
language sql
as $function$
    select
        array(
            select results.test_name || ': ' || coalesce(items.state, results.status)
            from public.test_results as results
            left join private.work_items as items on items.result_id = results.id
            order by results.test_name
        ),
        array(
            select registered.name
            from tests.registered
            inner join public.workers on workers.id = registered.id
            where workers.revoked_at is not null
            order by registered.name
        );
$function$;

savepoint empty;

-- In one call

select tests.queue('run');
select tests.claim_as('rita', 'hers', '1');
select lives_ok(
    format('select tests.call_as(%L, %L)', 'adam', tests.revoke('rita')), 'an admin revokes a runner'
);
select is_empty(
    $$ select * from public.organization_members where user_id = tests.id('rita') $$,
    'which ends its membership'
);
select results_eq(
    $$ select * from tests.aftermath() $$,
    $$ values ('{get: ready,needs: skipped,post: error}'::text[], '{her eu,hers}'::text[]) $$,
    'all its workers, and their leases: what may be repeated is ready, the rest is lost'
);
select is((tests.result('run', 'post')).slug, 'lost', 'as when a worker dies');
select is((tests.work('run', 'get')).rescue_count, 1, 'and counted like that');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
create function tests.calls_of(worker text, test text)
returns setof text
language sql
as $function$
    select format(template, tests.registered_id(worker), entries.items)
    from (
        select
            'public.report_work(%L, gen_random_uuid(), %L)',
            jsonb_build_array(tests.report(tests.item(calls_of.test, '1')))
        union all
        select 'public.renew_work(%L, %L)', jsonb_build_array(tests.item(calls_of.test, '1'))
        union all
        select 'public.release_work(%L, %L)', jsonb_build_array(tests.item(calls_of.test, '1'))
        union all
        select 'public.claim_work(%L, gen_random_uuid(), 10)', null
    ) as entries (template, items)
$function$;
select results_eq(
    $$ select distinct tests.refusal('rita', call) from tests.calls_of('hers', 'get') as calls (call) $$,
    array['worker_revoked'], 'whatever its workers call afterwards is refused'
);
select is_empty(
    $$ select * from public.test_result_details $$, 'a late report is not kept, even as evidence'
);
select is(
    tests.refusal('rita', 'public.register_worker(''w'', ''1'', 1)'), 'not_allowed',
    'and no new worker is registered'
);
select is(
    tests.claim_as(null, 'operator''s', '2'), '{get}', 'another worker gets what was handed back'
);
rollback to empty;

-- Others

select tests.queue('run');
select tests.claim_as('rita', 'hers', '1', 1);
select tests.claim_as(null, 'operator''s', '2');
select tests.call_as('olga', tests.revoke('rita'));
select results_eq(
    $$ select * from tests.aftermath() $$,
    $$ values ('{get: ready,needs: waiting,post: leased}'::text[], '{her eu,hers}'::text[]) $$,
    'leases and workers of others are left alone'
);
rollback to empty;

-- Who may

select is(tests.refusal('eda', tests.revoke('rita')), 'not_allowed', 'an editor revokes nobody');
select is(tests.refusal('vera', tests.revoke('rita')), 'not_allowed', 'nor does a viewer');
select is(
    tests.refusal('rita', tests.revoke('rita')), 'unknown_organization', 'nor the runner itself'
);
select is(
    tests.refusal('otto', tests.revoke('rita')), 'unknown_organization',
    'to the owner of another organization this one does not exist'
);
select is(
    tests.refusal('olga', tests.revoke('rolf', 'other')), 'unknown_organization',
    'and its runners are not to be revoked from here'
);
select is(
    tests.refusal('olga', tests.revoke('rolf')), 'unknown_runner', 'nor taken for runners of here'
);
select is(tests.refusal('olga', tests.revoke('vera')), 'unknown_runner', 'a person is no runner');
select is(
    (select role from public.organization_members where user_id = tests.id('vera')), 'viewer',
    'and stays what it was'
);
select is(
    (select count(*) from public.workers where revoked_at is not null), 0::bigint,
    'a refused call revokes nothing'
);
select tests.act_as_service();
select lives_ok('select ' || tests.revoke('rita'), 'the secret key may');
select is(
    tests.slug_of('select ' || tests.revoke('rita')), 'unknown_runner', 'once: then there is none'
);
rollback to empty;

-- However the membership ends

select tests.queue('run');
select tests.claim_as('rita', 'hers', '1');
delete from public.organization_members where user_id = tests.id('rita');
select results_eq(
    $$ select * from tests.aftermath() $$,
    $$ values ('{get: ready,needs: skipped,post: error}'::text[], '{her eu,hers}'::text[]) $$,
    'a membership that is deleted is one that is revoked'
);
rollback to empty;

select tests.queue('run');
select tests.claim_as('rita', 'hers', '1');
update public.organization_members set role = 'viewer', labels = '{}'
where user_id = tests.id('rita');
select results_eq(
    $$ select * from tests.aftermath() $$,
    $$ values ('{get: ready,needs: skipped,post: error}'::text[], '{her eu,hers}'::text[]) $$,
    'and so is one that becomes a person''s'
);
select is(
    tests.refusal('rita', format(
        'public.claim_work(%L, gen_random_uuid(), 1)', tests.registered_id('hers')
    )),
    'worker_revoked', 'whose worker is refused'
);
rollback to empty;

select tests.queue('run');
select tests.claim_as('rita', 'hers', '1');
delete from public.users where id = tests.id('rita');
select is(
    (tests.aftermath()).leases, '{get: ready,needs: skipped,post: error}',
    'with the account its leases die'
);
select is_empty($$ select * from public.workers where user_id = tests.id('rita') $$, 'and its workers');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

select tests.queue('run');
select tests.claim_as('rita', 'hers', '1');
select lives_ok(
    $$ delete from public.organizations where id = tests.id('acme') $$,
    'an organization is deleted with its runners at work'
);
select is_empty($$ select * from private.work_items $$, 'and nothing of its work is left');
rollback to empty;

select tests.queue('run');
select tests.claim_as('rita', 'hers', '1');
delete from public.workers where id = tests.registered_id('hers');
select is(
    (tests.aftermath()).leases, '{get: ready,needs: skipped,post: error}',
    'a worker that is deleted holds no lease either'
);
rollback to empty;

-- Labels

select tests.queue('run');
select tests.claim_as('rita', 'her eu', '1');
update public.organization_members set labels = '{dmz}' where user_id = tests.id('rita');
select results_eq(
    $$ select * from tests.aftermath() $$,
    $$ values ('{get: ready,needs: skipped,post: error}'::text[], '{her eu}'::text[]) $$,
    'a label taken away revokes the workers that declare it, and no others'
);
rollback to empty;

select tests.queue('run');
select tests.claim_as('rita', 'her eu', '1');
update public.organization_members set labels = '{dmz,eu,moon}' where user_id = tests.id('rita');
select results_eq(
    $$ select * from tests.aftermath() $$,
    $$ values ('{get: leased,needs: waiting,post: leased}'::text[], '{}'::text[]) $$,
    'one that is added revokes none'
);
update public.organization_members set role = 'editor' where user_id = tests.id('vera');
select is((tests.aftermath()).revoked, '{}', 'nor does a change of somebody else''s role');
rollback to empty;

-- Again

select tests.call_as('olga', tests.revoke('rita'));
select tests.make_runner('rita', 'acme', '{eu}');
select is(
    tests.refusal('rita', format(
        'public.claim_work(%L, gen_random_uuid(), 1)', tests.registered_id('hers')
    )),
    'worker_revoked', 'a runner that is invited again has to register its workers anew'
);
select lives_ok($$ select tests.register('rita', 'her new') $$, 'which it may');
select tests.queue('run');
select is(tests.claim_as('rita', 'her new', '1'), '{get,post}', 'and they work');
rollback to empty;

-- A run that is about to end

select tests.make_test('clean', 'flow', '{"phase": "teardown", "method": "DELETE"}');
select tests.queue('run', tests.only('post'));
select tests.claim_as('rita', 'hers', '1');
select public.cancel_run(tests.run('run'));
select tests.call_as('olga', tests.revoke('rita'));
select is(tests.run_status('run'), 'finishing', 'a run whose last request died goes on to teardown');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

select tests.queue('run', tests.only('get'));
select tests.claim_as('rita', 'hers', '1');
select public.cancel_run(tests.run('run'));
select tests.call_as('olga', tests.revoke('rita'));
select is(tests.run_status('run'), 'cancelled', 'one that was cancelled ends');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

-- Its sign-in

insert into auth.sessions (id, user_id) values
(gen_random_uuid(), tests.id('rita')), (gen_random_uuid(), tests.id('vera'));
select tests.call_as('olga', tests.revoke('rita'));
select results_eq(
    $$ select user_id from auth.sessions $$, array[tests.id('vera')],
    'the sessions of the account end, and nobody else''s'
);
select is(
    (select count(*) from public.users where id = tests.id('rita')), 1::bigint,
    'the account itself stays'
);

select * from finish();
rollback;
