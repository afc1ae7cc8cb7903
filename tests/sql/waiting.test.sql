-- Why a run does not go on: what get_run_state and get_run_report tell as "waiting".
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(14);

create function tests.waiting(run text)
returns jsonb
language sql
as $function$ select public.get_run_state(tests.run(waiting.run)) -> 'waiting' $function$;

select tests.make_environment('inside', 'shop', '{"labels": ["dmz", "eu"]}');
select tests.make_environment('lan', 'shop', '{"labels": ["lan"]}');
select tests.make_test('one', 'flow');
select tests.make_runner('rita', 'acme', '{dmz,eu}');
select tests.make_runner('rolf', 'other', '{lan}');
select tests.queue('run');
select tests.queue('inside run', environment => 'inside');
select tests.queue('lan run', environment => 'lan');
savepoint empty;

select is(tests.waiting('run') ->> 'slug', 'no_worker', 'without a worker a run says that there is none');
select is(
    tests.waiting('run') ->> 'message', 'no worker that may take it has called in the last minutes',
    'of any kind'
);
select matches(tests.waiting('run') ->> 'hint', 'assay worker', 'and what to do');
select is(
    tests.waiting('inside run') ->> 'message',
    'no worker with all of the labels "dmz", "eu" has called in the last minutes', 'or with these labels'
);
select is(
    public.get_run_report(tests.run('run')) -> 'waiting', tests.waiting('run'), 'the report says the same'
);

select tests.register('rita', 'hers', '{dmz}');
select is(
    tests.waiting('run'), 'null', 'with a worker a run that asks for nothing waits for nothing'
);
select is(
    tests.waiting('inside run') ->> 'message',
    'no worker with the label "eu" has called in the last minutes', 'one with labels for the one that is missing'
);
select tests.register('rita', 'hers too', '{eu}');
select is(
    tests.waiting('inside run') ->> 'message',
    'no worker with all of the labels "dmz", "eu" has called in the last minutes',
    'or for one worker that has them all'
);
select tests.register('rita', 'both', '{dmz,eu}');
select is(tests.waiting('inside run'), 'null', 'until there is one');
update public.workers set last_seen_at = now() - interval '4 minutes' where name = 'both';
select is(tests.waiting('inside run') ->> 'slug', 'no_worker', 'that has not gone silent');
update public.workers set last_seen_at = now() where name = 'both';
update public.workers set revoked_at = now() where name = 'both';
select is(tests.waiting('inside run') ->> 'slug', 'no_worker', 'or been revoked');

select tests.register('rolf', 'theirs', '{lan}');
select is(
    tests.waiting('lan run') ->> 'message', 'no worker with the label "lan" has called in the last minutes',
    'a worker of another organization is none, and is not told of'
);
rollback to empty;

select tests.run_all();
update public.workers set last_seen_at = now() - interval '1 hour' where name = 'worker';
select is(tests.waiting('run'), 'null', 'a run that is over waits for nothing');
select is(tests.waiting('lan run') ->> 'slug', 'no_worker', 'one that is not waits all the same');

select * from finish();
rollback;
