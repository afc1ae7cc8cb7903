-- The canary: a sign of life on every channel that a worker listens on.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(6);

create function tests.canaries()
returns table (topic text, payload jsonb, private boolean)
language sql
as $function$
    select messages.topic, messages.payload - 'id', messages.private
    from realtime.messages as messages
    where messages.event = 'canary';
$function$;

select private.send_canaries();
select is_empty($$ select * from tests.canaries() $$, 'without a worker nothing is sent');

savepoint empty;
select tests.worker('one');
select tests.worker('two');
select private.send_canaries();
select results_eq(
    $$ select * from tests.canaries() $$, $$ values ('workers', '{}'::jsonb, true) $$,
    'two workers on one channel are one private message, which says nothing'
);
rollback to savepoint empty;

select tests.make_runner('remy', 'acme');
select tests.register('remy', 'his');
select private.send_canaries();
select results_eq(
    $$ select topic from tests.canaries() $$,
    $$ select 'workers:' || organization_id from public.workers $$,
    'a runner hears it on the channel of its organization'
);
rollback to savepoint empty;

select tests.worker('gone');
update public.workers
set last_seen_at = now() - interval '5 minutes'
where name = 'gone';
select private.send_canaries();
select is_empty($$ select * from tests.canaries() $$, 'a worker that has gone hears nothing');
rollback to savepoint empty;

select tests.worker('revoked');
update public.workers
set revoked_at = now()
where name = 'revoked';
select private.send_canaries();
select is_empty($$ select * from tests.canaries() $$, 'nor does one that was revoked');

select is(
    (select schedule from cron.job where command = 'select private.send_canaries()'), '* * * * *',
    'it is sent once a minute'
);

select * from finish();
rollback;
