-- Context, resolve dependencies: get_test_readiness tells what may go and what the others wait for.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(24);

select tests.make_fixture('rows', 'shop', '[{"key": "a", "values": {"n": 1}}, {"key": "b", "values": {"n": 2}}]');
select tests.make_test('login', 'flow', jsonb_build_object('captures', tests.capture('token')));
select tests.make_test('read', 'flow', '{"path": "/{{token}}"}');
select tests.make_test('each', 'flow', jsonb_build_object('fixture', 'rows', 'path', '/{{n}}', 'captures', tests.capture('id')));
select tests.make_test('sum', 'flow', '{"path": "/{{id}}"}');
select tests.make_test('try', 'flow', '{"retry": {"attempts": 2, "base_ms": 600000, "cap_ms": 600000, "deadline_ms": 86400000}}');
select tests.make_test('close', 'flow', '{"phase": "teardown"}');
select tests.queue('run');
select tests.remember('run', tests.run('run'));

create function tests.ready(test text)
returns jsonb
language sql
as $function$
    select items.item
    from jsonb_array_elements(public.get_test_readiness(tests.known('run')) -> 'items') as items (item)
    where concat_ws('/', items.item ->> 'name', nullif(items.item ->> 'row_key', '')) = ready.test;
$function$;
create function tests.states()
returns table (test text, state text)
language sql
as $function$
    select concat_ws('/', items.item ->> 'name', nullif(items.item ->> 'row_key', '')), items.item ->> 'state'
    from jsonb_array_elements(public.get_test_readiness(tests.known('run')) -> 'items') as items (item);
$function$;

select tests.act_as('vera');
select bag_eq(
    $$ select * from tests.states() $$,
    $$
    values ('login', 'ready'), ('read', 'waiting'), ('each/a', 'ready'), ('each/b', 'ready'), ('sum', 'waiting'),
    ('try', 'ready'), ('close', 'waiting')
    $$,
    'what waits for nothing is ready, the rest waits'
);
select is(
    tests.ready('read') -> 'waits_for',
    jsonb_build_array(jsonb_build_object(
        'test', tests.id('login'), 'name', 'login', 'row_key', '', 'open', 1, 'kind', 'data'
    )),
    'for a test, by name'
);
select is(
    tests.ready('sum') -> 'waits_for',
    jsonb_build_array(jsonb_build_object(
        'test', tests.id('each'), 'name', 'each', 'row_key', null, 'open', 2, 'kind', 'data'
    )),
    'for all rows of one'
);
select is(tests.ready('close') -> 'waits_for', '[]', 'or only for its phase');
select is(
    public.get_test_readiness(tests.known('run')) ->> 'phase', 'main', 'the run says which is on'
);
select tests.act_as_owner();
select tests.claim('1');
select is(tests.ready('login') ->> 'state', 'leased', 'what a worker has is leased');
select is(tests.ready('login') -> 'attempt', '1', 'with its attempt');
select tests.answer('each/a', '{"body": {"id": 1}}');
select is(
    tests.ready('sum') #> '{waits_for,0,open}', '1', 'of rows that are over only the rest is awaited'
);
select tests.answer('try', '{"status": 500}');
select is(tests.ready('try') ->> 'state', 'delayed', 'what will be tried again is delayed');
select ok(
    (tests.ready('try') ->> 'available_at')::timestamptz > now() + interval '4 minutes',
    'and says until when'
);
select tests.answer('login', '{"status": 500, "body": {"token": "t"}}');
select is(tests.ready('login') ->> 'state', 'over', 'what was judged is over');
select is(tests.ready('login') ->> 'slug', 'assertion_failed', 'and says why');
select is(tests.ready('read') ->> 'state', 'over', 'so is what can no longer run');
select is(
    tests.ready('read') -> 'cause',
    jsonb_build_object(
        'result', (tests.result('run', 'login')).id, 'test', 'login', 'status', 'failed', 'edge', 'data'
    ),
    'because of what'
);

-- Pages

select is(
    (
        with recursive pages (page, number) as (
            select public.get_test_readiness(tests.known('run'), null, 3), 1
            union all
            select public.get_test_readiness(tests.known('run'), (page ->> 'next')::uuid, 3), number + 1
            from pages
            where page ->> 'next' is not null
        )

        select array[count(distinct pages.number), count(*), count(distinct items.item ->> 'result')]
        from pages
        cross join lateral jsonb_array_elements(pages.page -> 'items') as items (item)
    ),
    array[3::bigint, 7, 7], 'pages together have everything once'
);
select is(
    jsonb_array_length(public.get_test_readiness(tests.known('run'), null, 0) -> 'items'), 1,
    'a page has one entry at least'
);
update private.work_items set available_at = '-infinity' where state = 'ready';
select tests.answer('each/b', '{"body": {"id": 2}}');
select tests.run_all();
select is(
    public.get_test_readiness(tests.known('run')) ->> 'phase', null, 'a run that is over has no phase'
);
select is(
    (select array_agg(distinct state) from tests.states()), array['over'],
    'and everything in it is over'
);
select is(tests.ready('sum') ->> 'status', 'passed', 'with its verdict');

select tests.queue('another run');
select is(
    (
        select jsonb_array_length(
            public.get_test_readiness(tests.known('run'), results.id, 1000) -> 'items'
        )
        from public.test_results as results
        where results.run_id = tests.run('another run')
        order by results.test_case_id
        limit 1
    ),
    0, 'after a result of another run there is nothing, so that no place of a stranger''s is told'
);

-- From the other chairs

select throws_ok(
    $$ select public.get_test_readiness(tests.id('no run')) $$, 'PT404', null,
    'an unknown run is refused'
);
select tests.act_as('otto');
select throws_ok(
    $$ select public.get_test_readiness(tests.known('run')) $$, 'PT404', null,
    'for a stranger there is no such run'
);
select tests.act_as_service();
select lives_ok(
    $$ select public.get_test_readiness(tests.known('run')) $$, 'the secret key may ask'
);
select tests.act_as_anon();
select throws_ok(
    $$ select public.get_test_readiness(tests.known('run')) $$, '42501', null,
    'whoever is not signed in may not'
);

select * from finish();
rollback;
