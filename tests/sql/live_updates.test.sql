-- Live updates: what is published, what is broadcast, how often, and who may listen.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(43);

-- The publication

select bag_eq(
    $$
    select schemaname::text, tablename::text
    from pg_publication_tables
    where pubname = 'supabase_realtime'
    $$,
    $$
    values ('public', 'test_runs'), ('public', 'test_results'), ('public', 'test_execution_context')
    $$,
    'three tables are published'
);
select is_empty(
    $$
    select published.prrelid::regclass from pg_publication_rel as published
    inner join pg_publication as publications on publications.oid = published.prpubid
    where publications.pubname = 'supabase_realtime' and (published.prqual is not null or published.prattrs is not null)
    $$,
    'whole: without row filters or column lists'
);
select is_empty(
    $$
    select published.prrelid::regclass from pg_publication_rel as published
    inner join pg_class as relations on relations.oid = published.prrelid
    inner join pg_publication as publications on publications.oid = published.prpubid
    where publications.pubname = 'supabase_realtime' and relations.relkind <> 'r'
    $$,
    'none of them is partitioned'
);

select results_eq(
    $$
    select pubinsert, pubupdate, pubdelete, pubtruncate
    from pg_publication where pubname = 'supabase_realtime'
    $$,
    $$ values (true, true, false, false) $$,
    'without deletions, whose keys Realtime gives to everybody'
);

-- What is broadcast during a run

create function tests.broadcasts()
returns table (topic text, event text, payload jsonb)
language sql
as $function$
    select messages.topic, messages.event,
    messages.payload - 'id' from realtime.messages as messages;
$function$;

savepoint empty;
select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow');
select tests.make_test('after', 'flow');
select tests.depend('after', 'a', 'order');
select tests.queue('run');
select bag_eq(
    $$ select * from tests.broadcasts() $$,
    $$
    values
    ('workers', 'run_queued', '{}'::jsonb),
    ('workers:' || tests.id('acme'), 'run_queued', '{}'),
    (
        'project:' || tests.id('shop'), 'run_queued',
        jsonb_build_object('runs', array[tests.run('run')], 'project', tests.id('shop'))
    )
    $$,
    'workers are woken when a run is queued, and who watches the project is told which'
);
delete from realtime.messages;
select tests.claim('1', 3);
select bag_eq(
    $$ select topic, event from tests.broadcasts() $$,
    $$
    values
    ('run:' || tests.run('run'), 'run_started'), ('project:' || tests.id('shop'), 'run_started'),
    ('run:' || tests.run('run'), 'tests_started')
    $$,
    'a claim tells that the run began, to its project too, and in one message which tests'
);
select bag_eq(
    $$
    select jsonb_array_elements_text(payload -> 'results')::uuid
    from tests.broadcasts()
    where event = 'tests_started'
    $$,
    $$
    values ((tests.result('run', 'a')).id), ((tests.result('run', 'b')).id), ((tests.result('run', 'c')).id)
    $$,
    'all of them'
);
delete from realtime.messages;
select tests.claim('nothing');
select is_empty($$ select * from tests.broadcasts() $$, 'a claim that gets nothing says nothing');
select tests.send((
    select jsonb_agg(tests.report(handed_out.item, case handed_out.test when 'b' then '{"status": 500}' else '{}' end::jsonb))
    from tests.handed_out
));
select results_eq(
    $$ select topic, event, payload ->> 'run' from tests.broadcasts() $$,
    $$ values ('run:' || tests.run('run'), 'tests_finished', tests.run('run')::text) $$,
    'a batch of reports is one message'
);
select bag_eq(
    $$
    select results ->> 'result' as result, results ->> 'status' as status
    from tests.broadcasts() as sent cross join lateral jsonb_array_elements(sent.payload -> 'results') as results
    $$,
    $$ values
    ((tests.result('run', 'a')).id::text, 'passed'),
    ((tests.result('run', 'b')).id::text, 'failed'),
    ((tests.result('run', 'c')).id::text, 'passed')
    $$,
    'with every verdict'
);
delete from realtime.messages;
select tests.claim('2');
select is(
    (select count(*) from tests.broadcasts() where event = 'run_started'), 0::bigint,
    'a run begins once'
);
select tests.answer('after');
select bag_eq(
    $$ select topic, payload from tests.broadcasts() where event = 'run_finished' $$,
    $$
    select topics.topic, jsonb_build_object('run', tests.run('run'), 'status', 'failed')
    from unnest(array['run:' || tests.run('run'), 'project:' || tests.id('shop')]) as topics (topic)
    $$,
    'and ends once, with its status, for its project too'
);
select is_empty(
    $$ select from realtime.messages where private is not true or extension <> 'broadcast' $$,
    'every message is private'
);
delete from realtime.messages;
select tests.queue('cancelled');
select public.cancel_run(tests.run('cancelled'));
select is(
    (
        select payload ->> 'status' from tests.broadcasts()
        where event = 'run_finished' and topic = 'run:' || tests.run('cancelled')
    ),
    'cancelled', 'a cancelled run ends too'
);
delete from realtime.messages;
select tests.queue('skipping', tests.only('a'));
select tests.claim('3');
select tests.make_test('try', 'flow', '{"retry": {"attempts": 2}}');
select tests.queue('retrying', tests.only('try'));
select tests.claim('4');
delete from realtime.messages;
select tests.answer('try', '{"status": 500}');
select is_empty(
    $$ select * from tests.broadcasts() $$, 'an attempt that is tried again is no news'
);

-- A thousand tests cost a handful of messages

rollback to empty;
select tests.make_suite('large', 'shop');
select tests.make_test(
    'large ' || numbers.number, 'large') from generate_series(1, 300) as numbers (number
);
delete from realtime.messages;
select tests.queue('large', jsonb_build_object('suites', jsonb_build_array(tests.id('large'))));
select tests.run_all('{}', 100);
select is(
    (select count(*) from tests.broadcasts() where topic = 'run:' || tests.run('large')), 8::bigint,
    'three hundred tests in three batches cost eight messages'
);
select is(
    (select count(*) from tests.broadcasts() where topic = 'project:' || tests.id('shop')), 3::bigint,
    'and three to who watches the project'
);

-- Who may listen

insert into realtime.messages (topic, extension, event, payload, private)
values ('run:' || tests.run('large'), 'broadcast', 'x', '{}', true);

create table tests.known as select tests.run('large') as run_id;
grant select on tests.known to public;

-- May the one who acts join a topic? As the platform asks: is any message of it visible?
create function tests.may_join(topic text)
returns boolean
language plpgsql
as $function$
begin
    perform set_config('realtime.topic', may_join.topic, true);
    return exists (select from realtime.messages as messages where messages.extension = 'broadcast');
end;
$function$;

select is(public.get_wakeup_topics(), '{workers}', 'the secret key hears of all work');
select tests.make_runner('rita', 'acme');
select tests.act_as('vera');
select ok(
    tests.may_join('run:' || (select run_id from tests.known)),
    'a viewer listens to a run of the own organization'
);
select ok(
    not tests.may_join('run:' || tests.id('no such run')),
    'to one that does not exist she does not'
);
select ok(
    tests.may_join('project:' || tests.id('shop')), 'to the own project she does'
);
select ok(not tests.may_join('project:' || tests.id('other shop')), 'to no other');
select ok(not tests.may_join('workers'), 'nor to the workers');
select ok(
    not tests.may_join('workers:' || tests.id('acme')), 'not even to those of the organization'
);
select ok(not tests.may_join(''), 'nor to nothing');
select lives_ok(
    $$
    select tests.may_join(topic)
    from unnest(array['run:', 'run:x', 'run:1-2-3', 'workers:', 'workers:x', 'workers:1:2', 'project:', 'project:x', 'rooms:5', ':', 'run', 'RUN:', 'run:%', 'chat']) as topics (topic)
    $$,
    'a foreign topic never raises'
);
select is_empty(
    $$
    select topic
    from unnest(array['run:', 'run:x', 'workers:', 'workers:x', 'project:', 'project:x', 'rooms:5', ':', 'run', 'chat']) as topics (topic)
    where tests.may_join(topic)
    $$,
    'and is never granted'
);
select ok(
    not tests.may_join('xrun:' || (select run_id from tests.known)),
    'a topic that only looks alike is not granted'
);
select ok(
    not tests.may_join('run:' || (select run_id from tests.known) || ':more'), 'in either direction'
);
select throws_ok(
    format(
        $$
        insert into realtime.messages (topic, extension, event, payload, private)
        values (%L, 'broadcast', 'x', '{}', true)
        $$,
        'run:' || (select run_id from tests.known)
    ),
    '42501', null, 'nobody but the engine sends'
);
select tests.act_as('rita');
select ok(
    tests.may_join('workers:' || tests.id('acme')), 'a runner listens to what wakes its workers'
);
select ok(not tests.may_join('workers'), 'not to what wakes all');
select ok(
    not tests.may_join('workers:' || tests.id('other')), 'or those of another organization'
);
select ok(
    not tests.may_join('run:' || (select run_id from tests.known))
    and not tests.may_join('project:' || tests.id('shop')),
    'nor to runs and projects, its own organization''s included'
);
select is(
    public.get_wakeup_topics(), array['workers:' || tests.id('acme')], 'and is told where to listen'
);
select tests.act_as('otto');
select is(public.get_wakeup_topics(), '{}', 'a person has nowhere to listen for work');
select ok(
    not tests.may_join('run:' || (select run_id from tests.known)), 'a stranger does not listen'
);
select ok(not tests.may_join('project:' || tests.id('shop')), 'to the project neither');
select tests.act_as_anon();
select ok(not tests.may_join('run:' || (select run_id from tests.known)), 'nor does nobody');
select tests.act_as_owner();
select is(
    private.topic_id('run:00000000-0000-4000-8000-000000000001', 'run'),
    '00000000-0000-4000-8000-000000000001'::uuid, 'the id of a topic'
);
select is(
    private.topic_id('run:00000000-0000-4000-8000-00000000000G', 'run'), null,
    'of one that is none'
);
select is(
    private.topic_id('run:00000000-0000-4000-8000-000000000001', 'project'), null,
    'or of another kind'
);
select is(private.topic_id(null, 'run'), null, 'or of none at all');

select * from finish();
rollback;
