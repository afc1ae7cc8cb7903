-- A runner account: its workers take the runs of its organization, and nothing of any other.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(43);

select tests.make_project('theirs', 'other');
select tests.make_environment('their staging', 'theirs');
select tests.make_suite('their flow', 'theirs');
select tests.make_test('ours', 'flow');
select tests.make_test('foreign', 'their flow');
select tests.make_runner('rita', 'acme');
select tests.make_runner('rolf', 'other');
select tests.make_person('nobody');

savepoint empty;

-- Registering

select tests.register('rita', 'hers');
select results_eq(
    $$
    select user_id, organization_id, revoked_at from public.workers
    where id = tests.registered_id('hers')
    $$,
    $$ values (tests.id('rita'), tests.id('acme'), null::timestamptz) $$,
    'a runner''s worker is bound to its account and organization'
);
select tests.register(null, 'operator''s');
select results_eq(
    $$ select user_id, organization_id from public.workers
    where id = tests.registered_id('operator''s') $$,
    $$ values (null::uuid, null::uuid) $$, 'that of the secret key to none'
);
select tests.register('rita', 'number ' || numbers.number)
from generate_series(1, 99) as numbers (number);
select is(
    tests.refusal('rita', $$ public.register_worker('one more', '1', 1) $$), 'too_many_workers',
    'a runner does not fill the table: a hundred workers of the last hour'
);
update public.workers set last_seen_at = now() - interval '2 hours'
where id = tests.registered_id('hers');
select is(
    tests.refusal('rita', $$ public.register_worker('one more', '1', 1) $$), null,
    'one that has not called for an hour makes room'
);
update public.workers set last_seen_at = now() - interval '31 days'
where id = tests.registered_id('number 7');
select private.prune_workers();
select bag_eq(
    $$ select name from tests.registered where id not in (select id from public.workers) $$,
    array['number 7'], 'who has not called for 30 days is forgotten, nobody else'
);
rollback to empty;

-- Whose runs

select tests.register('rita', 'hers');
select tests.register('rolf', 'his');
select tests.register(null, 'operator''s');
select tests.queue('foreign run', environment => 'their staging');
select is(tests.claim_as('rita', 'hers', '1'), '{}', 'a runner gets no run of another organization');
select is(
    tests.call_as('rita', format(
        'public.claim_work(%L, gen_random_uuid(), 1)', tests.registered_id('hers')
    )) -> 'retry_ms',
    'null', 'and there is nothing for it to wait for'
);
select tests.queue('run');
select is(tests.claim_as('rita', 'hers', '2'), '{ours}', 'it gets those of its own');
select is(tests.claim_as('rolf', 'his', '3'), '{foreign}', 'and the other organization''s gets theirs');
select is(
    tests.call_as('rita', format(
        'public.claim_work(%L, %L, 1)', tests.registered_id('hers'), tests.id('call 2')
    )) #>> '{work,0,lease}',
    tests.item('ours') ->> 'lease', 'a repeated claim gives the same lease'
);
select is(
    tests.answer_as('rita', 'hers', 'ours') -> 'accepted',
    jsonb_build_array(tests.item('ours') -> 'item'), 'its report counts'
);
select is(tests.run_status('run'), 'passed', 'and decides the run');
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');
rollback to empty;

select tests.register(null, 'operator''s');
select tests.queue('run');
select tests.queue('foreign run', environment => 'their staging');
select is(
    tests.claim_as(null, 'operator''s', '1'), '{foreign,ours}', 'the secret key gets runs of all'
);
rollback to empty;

-- In a crowd

select tests.register('rita', 'hers');
update public.environments set max_parallel = 1000 where true;
do $do$
begin
    for v_number in 1 .. 40 loop
        perform tests.queue('run ' || v_number);
        perform tests.queue('foreign run ' || v_number, environment => 'their staging');
    end loop;
end;
$do$;
select results_eq(
    $$ select distinct unnest(tests.claim_as('rita', 'hers', '1', 1000)) $$, array['ours'],
    'among many runs, too, it gets those of its own organization'
);
rollback to empty;

select tests.make_environment('labelled', 'shop', '{"labels": ["dmz"], "max_parallel": 1000}');
select tests.register('rita', 'hers');
update public.environments set max_parallel = 1000 where true;
do $do$
begin
    for v_number in 1 .. 40 loop
        perform tests.queue('run ' || v_number);
        perform tests.queue('labelled run ' || v_number, environment => 'labelled');
    end loop;
end;
$do$;
select tests.claim_as('rita', 'hers', '1', 1000);
select is_empty(
    $$
    select items.id
    from private.work_items as items
    inner join private.live_runs as lives on lives.run_id = items.run_id
    where items.state = 'leased' and lives.labels <> '{}'
    $$,
    'and none with labels that its worker lacks'
);
rollback to empty;

-- Retries of others are nobody's business

select tests.make_test(
    'flaky', 'their flow', '{"retry": {"attempts": 2, "base_ms": 60000, "statuses": [503]}}'
);
select tests.register('rita', 'hers');
select tests.queue('foreign run', tests.only('flaky'), environment => 'their staging');
select tests.claim('1');
select tests.answer('flaky', '{"status": 503}');
select isnt(
    public.claim_work(tests.worker(), gen_random_uuid(), 1) -> 'retry_ms', 'null',
    'the secret key is told when the next retry is due'
);
select is(
    tests.call_as('rita', format(
        'public.claim_work(%L, gen_random_uuid(), 1)', tests.registered_id('hers')
    )) -> 'retry_ms',
    'null', 'a runner not, when it is another organization''s'
);
rollback to empty;

-- Somebody else's worker

select tests.register('rita', 'hers');
select tests.register('rolf', 'his');
select tests.register(null, 'operator''s');
create function tests.calls_with(worker uuid)
returns table (call text)
language sql
as $function$
    select format(template, worker)
    from unnest(array[
        'public.claim_work(%L, gen_random_uuid(), 1)',
        'public.report_work(%L, gen_random_uuid(), ''[]'')',
        'public.renew_work(%L, ''[]'')',
        'public.release_work(%L, ''[]'')'
    ]) as templates (template);
$function$;
select results_eq(
    $$
    select distinct tests.refusal('rita', call)
    from unnest(array['his', 'operator''s', 'nobody''s']) as names (name)
    cross join lateral tests.calls_with(coalesce(tests.registered_id(name), gen_random_uuid()))
    $$,
    array['unknown_worker'], 'a runner has no use for the id of a worker that is not its own'
);
select is(
    tests.message_of(format('select tests.call_as(%L, %L)', 'rita', (
        select min(call) from tests.calls_with(tests.registered_id('his'))
    ))),
    format('there is no worker %s', tests.registered_id('his')),
    'one that exists reads like one that does not'
);
select results_eq(
    $$ select distinct tests.slug_of('select ' || call)
    from tests.calls_with(tests.registered_id('hers')) $$,
    array['unknown_worker'], 'nor has the secret key for that of a runner''s'
);

-- No runner

select results_eq(
    $$
    select person, tests.refusal(person, call)
    from unnest(array['adam', 'eda', 'nobody', 'olga', 'vera']) as people (person)
    cross join lateral (
        select 'public.register_worker(''w'', ''1'', 1)'
        union all
        select * from tests.calls_with(tests.registered_id('hers'))
    ) as calls (call)
    group by 1, 2
    order by 1, 2
    $$,
    $$ values
    ('adam', 'not_allowed'), ('eda', 'not_allowed'), ('nobody', 'not_allowed'),
    ('olga', 'not_allowed'), ('vera', 'not_allowed') $$,
    'people are refused in every function of workers, whatever their role'
);
select isnt(
    tests.hint_of($$ select tests.call_as('olga', 'public.register_worker(''w'', ''1'', 1)') $$),
    null, 'with a hint'
);
select set_config('request.jwt.claims', '{"role": "authenticated"}', true);
select is(
    tests.slug_of($$ select public.register_worker('w', '1', 1) $$), 'not_allowed',
    'so is a token without a subject'
);
select set_config('request.jwt.claims', format(
    '{"role": "service_role", "sub": "%s"}', tests.id('olga')
), true);
select lives_ok(
    $$ select public.register_worker('w', '1', 1) $$, 'a secret key with one is the secret key'
);
select tests.act_as_anon();
select throws_ok(
    $$ select public.register_worker('w', '1', 1) $$, '42501', null,
    'whoever is not signed in may not even ask'
);
rollback to empty;

-- Somebody else's leases

select tests.register('rita', 'hers');
select tests.register('rita', 'her second');
select tests.queue('run');
select tests.queue('foreign run', environment => 'their staging');
select tests.claim('1');
create function tests.entry(test text)
returns jsonb
language sql
as $function$ select jsonb_build_array(tests.item(entry.test)) $function$;
select is(
    tests.call_as('rita', format(
        'public.renew_work(%L, %L)', tests.registered_id('hers'), tests.entry('ours')
    )) -> 'lost',
    jsonb_build_array(tests.item('ours') -> 'item'),
    'a lease that another worker holds is not renewed, whoever knows its token'
);
select is(
    tests.call_as('rita', format(
        'public.release_work(%L, %L)', tests.registered_id('hers'), tests.entry('ours')
    )) -> 'released',
    '[]', 'or released'
);
select is(
    tests.answer_as('rita', 'hers', 'ours') -> 'stale',
    jsonb_build_array(tests.item('ours') -> 'item'), 'and a report under it is stale'
);
select is(
    tests.answer_as('rita', 'hers', 'foreign') -> 'stale',
    jsonb_build_array(tests.item('foreign') -> 'item'), 'in another organization, too'
);
select is_empty(
    $$ select * from public.test_result_details $$, 'and is not kept: its own report is to come'
);
select is(
    tests.answer('ours') -> 'accepted', jsonb_build_array(tests.item('ours') -> 'item'),
    'which counts'
);
select is(
    tests.answer_as('rita', 'hers', 'ours') -> 'stale',
    jsonb_build_array(tests.item('ours') -> 'item'), 'nor is it taken for a repetition then'
);
select tests.answer('foreign');
select tests.answer_as('rita', 'hers', 'foreign');
select is_empty(
    $$
    select outcome from public.test_result_details
    where project_id = tests.id('theirs') and outcome = 'stale'
    $$,
    'a runner leaves nothing in a foreign organization'
);
rollback to empty;

select tests.register('rita', 'hers');
select tests.register('rita', 'her second');
select tests.queue('run');
select tests.claim_as('rita', 'hers', '1');
select tests.expire('ours');
select tests.claim_as('rita', 'her second', '2');
select tests.call_as('rita', format(
    'public.report_work(%L, gen_random_uuid(), %L)', tests.registered_id('hers'),
    jsonb_build_array(tests.report(tests.item('ours', '1')))
));
select is(
    (select outcome from public.test_result_details), 'stale',
    'a report of its own that came too late is evidence'
);
rollback to empty;

-- Nothing but a runner

select is(
    tests.refusal('rita', 'public.create_organization(''mine'')'), 'runner_account',
    'a runner makes no organization'
);
select is(
    tests.slug_of($$
    insert into public.organization_members (organization_id, user_id, role)
    values (tests.id('other'), tests.id('rita'), 'runner')
    $$),
    'runner_account', 'is runner of one only'
);
select is(
    tests.slug_of($$
    insert into public.organization_members (organization_id, user_id, role)
    values (tests.id('other'), tests.id('rita'), 'viewer')
    $$),
    'runner_account', 'and nothing else elsewhere'
);
select tests.make_organization('third', '{"olga": "viewer"}');
select is(
    tests.slug_of($$
    update public.organization_members set role = 'runner'
    where organization_id = tests.id('third') and user_id = tests.id('olga')
    $$),
    'runner_account', 'nor becomes a person of another organization a runner'
);
select lives_ok(
    $$
    update public.organization_members set role = 'viewer' where user_id = tests.id('rita');
    update public.organization_members set role = 'runner' where user_id = tests.id('rita')
    $$,
    'with a single membership its role may change'
);
rollback to empty;

-- Is there a worker?

select tests.queue('run');
select tests.register('rolf', 'his');
select is(
    public.get_run_state(tests.run('run')) -> 'has_worker', 'false',
    'another organization''s worker is none for this run'
);
select tests.register('rita', 'hers');
select is(
    public.get_run_state(tests.run('run')) -> 'has_worker', 'true', 'its organization''s is'
);
select is(
    tests.call_as('vera', format('public.get_run_state(%L)', tests.run('run'))) -> 'has_worker',
    'true', 'for who reads it, too'
);

select * from finish();
rollback;
