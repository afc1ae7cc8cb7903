-- Context, update: update_test_run_context changes a run under way from outside.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(18);

select tests.make_test('wait', 'flow', '{"path": "/{{answer}}"}');
select tests.make_test('then', 'flow', '{"path": "/{{answer}}"}');
select tests.depend('then', 'wait', 'order');
select tests.queue('run');
select tests.remember('run', tests.run('run'));
create function tests.setting(given jsonb default '{"answer": 42}', tokens jsonb default '{}')
returns text
language sql
as $function$
    select format('select public.update_test_run_context(%L, %L, %L)', tests.known('run'), given, tokens);
$function$;
delete from realtime.messages;
update public.test_execution_context set expires_at = now(), updated_at = now() - interval '1 hour';

select tests.act_as('eda');
select is(
    (
        select (run_id, value_count, size_bytes, row_size_bytes)::text
        from public.update_test_run_context(tests.known('run'), '{"answer": 41, "x": "y"}', '{"t": "t0ken-t0ken"}')
    ),
    (tests.known('run'), 3, 18, 0)::text,
    'an editor adds values and tokens, and gets the context as it is then'
);
select tests.act_as_owner();
select is(
    (select count(*) from realtime.messages where event = 'context_updated'), 1::bigint,
    'who watches is told once, however many they are'
);
select results_eq(
    $$ select payload - 'id' from realtime.messages where event = 'context_updated' $$,
    $$ values (jsonb_build_object('run', tests.run('run'), 'value_count', 3, 'size_bytes', 18)) $$,
    'of the counters, never of a value'
);
select ok(
    (select updated_at = now() and expires_at > now() + interval '23 hours' from public.test_execution_context),
    'the context lives on from now'
);
select is_empty($$ select tests.check_context('run') $$, 'the counters are those of the values');
select tests.claim('1');
select is(
    tests.request('wait') ->> 'url', 'https://api.test/v1/41', 'what is handed out sees the values'
);
select tests.act_as('eda');
select lives_ok(tests.setting(), 'a value can be set again');
select tests.act_as_owner();
update private.work_items set lease_until = now() - interval '1 minute' where state = 'leased';
select tests.hear_workers();
select tests.claim('rescue');
select is(
    tests.request('wait', 'rescue') ->> 'url', 'https://api.test/v1/41',
    'a request that is sent again is the same request'
);
select tests.answer('wait');
select tests.claim('2');
select is(
    tests.request('then') ->> 'url', 'https://api.test/v1/42', 'the next one sees the newer'
);

-- Refused, with nothing written

select is(tests.slug_of(tests.setting('{"1": 1}')), 'malformed_values', 'a name that is none');
select is(
    tests.slug_of(tests.setting('{"a": 1}', '{"t": "short"}')), 'weak_secret', 'a weak token'
);
update public.environments set context_max_bytes = 25 where id = tests.id('staging');
select throws_ok(
    tests.setting('{"a": "and this is more"}'), 'PT413', null, 'more than the environment allows'
);
select is(
    tests.slug_of(tests.setting('{"a": "and this is more"}')), 'values_too_large', 'by its slug'
);
select is(
    (select count(*) from public.test_context_values), 4::bigint, 'none of these added anything'
);
select tests.answer('then');
select throws_ok(tests.setting(), 'PT409', null, 'a run that is over takes no more values');

-- From the other chairs

select tests.act_as('vera');
select throws_ok(tests.setting(), 'PT403', null, 'a viewer changes nothing');
select tests.act_as('otto');
select throws_ok(tests.setting(), 'PT404', null, 'for a stranger there is no such run');
select tests.act_as_anon();
select throws_ok(tests.setting(), '42501', null, 'whoever is not signed in may not ask');

select * from finish();
rollback;
