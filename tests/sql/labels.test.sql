-- Labels: what a worker must have to take the runs of an environment.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(28);

select tests.make_environment('inside', 'shop', '{"labels": ["dmz", "eu"]}');
select tests.make_test('one', 'flow');
select tests.make_runner('rita', 'acme', '{dmz,eu,gpu}');

savepoint empty;

-- Who gets what

select tests.register(null, 'plain');
select tests.register(null, 'half', '{dmz}');
select tests.register(null, 'both', '{eu,gpu,dmz}');
select tests.queue('run', environment => 'inside');
select is(
    (select labels from public.test_runs where id = tests.run('run')), '{dmz,eu}',
    'a run asks for the labels of its environment'
);
select is(tests.claim_as(null, 'plain', '1'), '{}', 'a worker without labels does not get it');
select is(tests.claim_as(null, 'half', '2'), '{}', 'nor does one that has some of them');
select is(tests.claim_as(null, 'both', '3'), '{one}', 'one that has all of them does');
select tests.queue('plain run');
select is(tests.claim_as(null, 'both', '4'), '{one}', 'and gets runs that ask for nothing, too');
rollback to empty;

select tests.register('rita', 'hers', '{eu,dmz}');
select tests.queue('run', environment => 'inside');
select is(tests.claim_as('rita', 'hers', '1'), '{one}', 'it is the same for a runner''s worker');
rollback to empty;

-- Retries

select tests.make_test(
    'flaky', 'flow', '{"retry": {"attempts": 2, "base_ms": 60000, "statuses": [503]}}'
);
select tests.register(null, 'plain');
select tests.register(null, 'both', '{dmz,eu}');
select tests.queue('run', tests.only('flaky'), environment => 'inside');
select tests.claim_as(null, 'both', '1');
select public.report_work(
    tests.registered_id('both'), gen_random_uuid(),
    jsonb_build_array(tests.report(tests.item('flaky'), '{"status": 503}'))
);
select is(
    public.claim_work(tests.registered_id('plain'), gen_random_uuid(), 1) -> 'retry_ms', 'null',
    'a worker does not wait for what it will not get'
);
select isnt(
    public.claim_work(tests.registered_id('both'), gen_random_uuid(), 1) -> 'retry_ms', 'null',
    'one that will waits'
);
rollback to empty;

-- A run under way keeps what it asked for

select tests.register(null, 'plain');
select tests.queue('run', environment => 'inside');
update public.environments set labels = '{}' where id = tests.id('inside');
select is(tests.claim_as(null, 'plain', '1'), '{}', 'editing the environment alters no queued run');
select tests.queue('later run', environment => 'inside');
select is(tests.claim_as(null, 'plain', '2'), '{one}', 'but those queued afterwards');
rollback to empty;

-- Is there a worker?

select tests.register(null, 'half', '{dmz}');
select tests.queue('run', environment => 'inside');
select is(
    public.get_run_state(tests.run('run')) -> 'has_worker', 'false',
    'a worker that lacks a label is none for the run'
);
select tests.register(null, 'both', '{dmz,eu}');
select is(public.get_run_state(tests.run('run')) -> 'has_worker', 'true', 'one that has all is');
rollback to empty;

-- What a runner may declare

select lives_ok(
    $$ select tests.register('rita', 'bare') $$, 'a runner may declare less than it was granted'
);
select is(
    tests.refusal('rita', 'public.register_worker(''w'', ''1'', 1, ''{eu,moon}'')'),
    'label_not_granted', 'but nothing else'
);
select is(
    tests.message_of(
        $$ select tests.call_as('rita', 'public.register_worker(''w'', ''1'', 1, ''{eu,moon}'')') $$
    ),
    'this runner may not declare the label "moon"', 'and is told which'
);
select is_empty(
    $$ select * from public.workers where name = 'w' $$, 'nothing is registered then'
);
select lives_ok(
    $$ select tests.register(null, 'any', '{moon}') $$, 'with the secret key anything is declared'
);
rollback to empty;

-- Who decides

select tests.act_as('adam');
select lives_ok(
    $$ update public.environments set labels = '{moon}' where id = tests.id('inside') $$,
    'an admin decides which workers an environment takes'
);
select tests.act_as('eda');
select is(
    tests.count_changed(
        $$ update public.environments set labels = '{}' where id = tests.id('inside') $$
    ),
    0::bigint, 'an editor does not: private workers would be given away'
);
select tests.act_as('adam');
select throws_ok(
    $$ update public.organization_members set labels = '{moon}' where role = 'runner' $$, '42501',
    null, 'nobody who is signed in writes the labels of a runner''s membership'
);
select tests.act_as_owner();
select throws_ok(
    $$ update public.organization_members set labels = '{eu}' where user_id = tests.id('vera') $$,
    '23514', null, 'and people have none'
);

-- What a label is

create function tests.is_label_list(labels text[])
returns boolean
language sql
as $function$ select private.are_labels(labels) $function$;
select ok(tests.is_label_list('{}'), 'no labels are fine');
select ok(
    tests.is_label_list(array['eu-west-1', 'häuslich', repeat('x', 63)]),
    'a label is a word of up to 63 characters'
);
select ok(not tests.is_label_list(array[repeat('x', 64)]), 'not of 64');
select ok(
    not tests.is_label_list(array['a b']) and not tests.is_label_list(array['a,b']),
    'without blanks and commas'
);
select ok(
    not tests.is_label_list(array['']) and not tests.is_label_list(array[null]::text[]),
    'and neither empty nor null'
);
select ok(
    tests.is_label_list(array_fill('a'::text, array[20]))
    and not tests.is_label_list(array_fill('a'::text, array[21])),
    'there are at most 20'
);
select throws_ok(
    $$ update public.environments set labels = '{"a b"}' where id = tests.id('inside') $$, '23514',
    null, 'a table takes nothing else'
);

select * from finish();
rollback;
