-- queue_runs: several runs at once, all or none, answered in order.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(28);

select tests.make_project('second shop', 'acme');
select tests.make_environment('second staging', 'second shop');
select tests.make_suite('second flow', 'second shop');
select tests.make_test('elsewhere', 'second flow');
select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');

create function tests.asking(environment text, key text, selection jsonb default '{}')
returns jsonb
language sql
as $function$
    select jsonb_build_object(
        'environment_id', tests.id(environment), 'idempotency_key', key, 'selection', selection
    );
$function$;

create function tests.queueing(variadic requests jsonb[])
returns text
language sql
as $function$ select format('select public.queue_runs(%L)', to_jsonb(requests)) $function$;

-- In order

select tests.act_as('eda');
select results_eq(
    $$
    select idempotency_key, status, total_count, queued_by
    from public.queue_runs(jsonb_build_array(
        tests.asking('staging', 'one', tests.only('b')), tests.asking('second staging', 'two'),
        tests.asking('staging', 'three')
    ))
    $$,
    $$
    values
    ('one', 'queued', 1, tests.id('eda')), ('two', 'queued', 1, tests.id('eda')),
    ('three', 'queued', 2, tests.id('eda'))
    $$,
    'each request is a run, answered in the order of the requests'
);
select tests.act_as_owner();
select is_empty(
    $$ select tests.check_run(name) from unnest(array['one', 'two', 'three']) as runs (name) $$,
    'and every invariant holds for each'
);
select bag_eq(
    $$ select topic, event, payload - 'id' from realtime.messages $$,
    $$
    values
    ('workers', 'run_queued', '{}'::jsonb),
    ('workers:' || tests.id('acme'), 'run_queued', '{}'),
    ('project:' || tests.id('shop'), 'run_queued', jsonb_build_object('project', tests.id('shop'), 'runs', array[tests.run('one'), tests.run('three')])),
    ('project:' || tests.id('second shop'), 'run_queued', jsonb_build_object('project', tests.id('second shop'), 'runs', array[tests.run('two')]))
    $$,
    'a project is told once of all of them, and workers once'
);
create table tests.again as
select runs.idempotency_key, runs.id
from public.queue_runs(jsonb_build_array(
    tests.asking('staging', 'new'), tests.asking('staging', 'one', tests.only('b')),
    tests.asking('staging', 'new')
)) as runs;
select results_eq(
    $$ select idempotency_key, id from tests.again $$,
    $$
    select runs.idempotency_key, runs.id
    from unnest(array['new', 'one', 'new']) with ordinality as asked (key, ordinal)
    inner join public.test_runs as runs on runs.idempotency_key = asked.key
    order by asked.ordinal
    $$,
    'a key that was used gives the run of then, in the same batch too'
);
select is(
    (
        select (runs.variables, runs.selection)
        from public.queue_runs(jsonb_build_array(jsonb_build_object(
            'environment_id', tests.id('staging'), 'variables', '{"v": 1}'::jsonb
        ))) as runs
    ),
    ('{"v": 1}'::jsonb, '{}'::jsonb),
    'variables are taken, and what is left out has the defaults of queue_run'
);
select is(
    (
        select count(*) from public.queue_runs((
            select jsonb_agg(tests.asking('staging', 'many ' || number)) from generate_series(1, 100) as numbers (number)
        ))
    ),
    100::bigint, 'a hundred is the most'
);

-- All or none

create table tests.before as select count(*) as runs from public.test_runs;
delete from realtime.messages;
select throws_ok(
    tests.queueing(
        tests.asking('staging', 'x'), tests.asking('staging', 'y', tests.only('nowhere'))
    ),
    'PT404', null, 'one that cannot be refuses them all, as queue_run would'
);
select is(
    tests.slug_of(tests.queueing(
        tests.asking('staging', 'x'), tests.asking('staging', 'y', tests.only('nowhere'))
    )),
    'unknown_test', 'by the same slug'
);
select matches(
    tests.message_of(tests.queueing(
        tests.asking('staging', 'x'), tests.asking('staging', 'y', tests.only('nowhere'))
    )),
    '^request 2: there is no test', 'the message names the request'
);
select is(
    tests.slug_of(tests.queueing(tests.asking('staging', 'one'))), 'idempotency_conflict',
    'a key with other parameters is a conflict'
);
select is(
    tests.slug_of(tests.queueing(tests.asking('staging', 'x', '{"tags": ["none"]}'))),
    'empty_selection', 'an empty selection is refused'
);
select is(
    tests.slug_of(tests.queueing(tests.asking('staging', 'x', '{"wrong": 1}'))),
    'malformed_selection', 'and so is a malformed one'
);
select is(
    tests.message_of(tests.queueing(tests.asking('staging', 'x'), '{"selection": {}}')),
    'request 2: environment_id is not a UUID', 'a request needs an environment'
);
select is(
    tests.message_of(tests.queueing('{"environment_id": "x"}')),
    'request 1: environment_id is not a UUID', 'by its id'
);
select is(
    tests.message_of(tests.queueing(tests.asking('staging', 'x') || '{"typo": 1}')),
    'request 1: it has a field that queue_run does not take', 'nothing else may be in it'
);
select is(
    tests.message_of(tests.queueing(tests.asking('staging', 'x') || '{"idempotency_key": 7}')),
    'request 1: idempotency_key is not text', 'a key is text'
);
select is(
    tests.message_of(tests.queueing(tests.asking('staging', 'x') || '{"timeout_ms": "soon"}')),
    'request 1: timeout_ms is not a number', 'a time limit is a number'
);
select is(
    tests.message_of(tests.queueing(tests.asking('staging', 'x') || '{"timeout_ms": 1e12}')),
    'request 1: timeout_ms is not a whole number of 32 bits', 'of milliseconds'
);
select is(
    tests.slug_of(tests.queueing(tests.asking('staging', 'x') || '{"timeout_ms": 999}')),
    'malformed_timeout', 'and not less than a second'
);
select is(
    tests.message_of(tests.queueing('7')), 'request 1: it is not an object', 'a request is an object'
);
select is(
    tests.message_of($$ select public.queue_runs('{}') $$), 'requests is an array of objects',
    'requests are an array'
);
select throws_ok($$ select public.queue_runs(null) $$, 'PT400', null, 'never null');
select is(
    tests.message_of($$ select public.queue_runs('[]') $$), '0 requests are outside 1..100',
    'there is at least one'
);
select is(
    tests.slug_of(tests.queueing(variadic array_fill(tests.asking('staging', 'x'), array[101]))),
    'malformed_batch', 'and at most a hundred'
);

-- Who may

select tests.act_as('vera');
select throws_ok(tests.queueing(tests.asking('staging', 'x')), 'PT403', null, 'a viewer may not');
select tests.act_as('otto');
select throws_ok(
    tests.queueing(tests.asking('staging', 'x')), 'PT404', null,
    'for a stranger there is no such environment'
);
select tests.act_as_anon();
select throws_ok(
    $$ select public.queue_runs('[]') $$, '42501', null, 'whoever is not signed in may not ask'
);
select tests.act_as_owner();
select is(
    array[(select count(*) from public.test_runs), (select count(*) from realtime.messages)],
    array[(select runs from tests.before), 0], 'nothing was written or told by all that was refused'
);

select * from finish();
rollback;
