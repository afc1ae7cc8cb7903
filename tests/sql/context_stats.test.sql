-- Context, memory statistics: get_context_stats tells how much runs hold.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(12);

select tests.make_fixture('rows', 'shop', '[{"key": "a", "values": {"n": 1}}]');
select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('id') || tests.capture('key', 'token')));
select tests.make_test('each', 'flow', jsonb_build_object('fixture', 'rows', 'path', '/{{n}}', 'captures', tests.capture('row_id')));
select tests.make_test('wait', 'flow', '{"fixture": "rows", "path": "/{{row_id}}"}');
create function tests.stats(run text default null)
returns jsonb
language sql
as $function$ select public.get_context_stats(tests.id('shop'), tests.known(stats.run)) $function$;

select is(
    tests.stats(),
    '{"contexts": 0, "value_count": 0, "token_count": 0, "size_bytes": 0, "row_size_bytes": 0,
      "expired": 0, "next_expiry_at": null, "largest": []}',
    'without runs there is nothing'
);
select tests.queue('run', tests.only('make', 'wait'));
select tests.queue('small', tests.only('make'));
select tests.queue('empty', tests.only('make'));
select tests.remember(name, tests.run(name)) from unnest(array['run', 'small', 'empty']) as names (name);
select tests.claim('1');
delete from tests.handed_out where (item ->> 'run')::uuid <> tests.run('run');
select tests.answer('make', '{"body": {"id": 12345, "key": "t0ken-of-make"}}');
select tests.answer('each/a', '{"body": {"row_id": 123}}');
select public.update_test_run_context(tests.run('small'), '{"v": 1}');

select tests.act_as('vera');
select is(
    tests.stats() - array['largest', 'next_expiry_at'],
    '{"contexts": 2, "value_count": 4, "token_count": 1, "size_bytes": 24, "row_size_bytes": 3, "expired": 0}',
    'a project''s runs together: how many hold values, how many, how large, how many of rows'
);
select is(
    (select jsonb_agg(told - 'expires_at') from jsonb_array_elements(tests.stats() -> 'largest') as told),
    jsonb_build_array(
        jsonb_build_object('run', tests.known('run'), 'value_count', 3, 'size_bytes', 23, 'max_bytes', 10485760),
        jsonb_build_object('run', tests.known('small'), 'value_count', 1, 'size_bytes', 1, 'max_bytes', 10485760)
    ),
    'the largest first, with their limit'
);
select is(
    tests.stats('small') - array['largest', 'next_expiry_at'],
    '{"contexts": 1, "value_count": 1, "token_count": 0, "size_bytes": 1, "row_size_bytes": 0, "expired": 0}',
    'one run alone'
);
select is(tests.stats('empty') -> 'contexts', '0', 'one that holds nothing counts as none');
select tests.act_as_owner();
update public.test_execution_context set expires_at = now() - interval '1 second'
where run_id = tests.run('small');
select is(tests.stats() -> 'expired', '1', 'what has expired is told');
select is(
    (tests.stats() ->> 'next_expiry_at')::timestamptz,
    (select min(expires_at) from public.test_execution_context where value_count > 0),
    'and when the first expires'
);

-- From the other chairs

select is(
    tests.slug_of($$ select public.get_context_stats(tests.id('shop'), tests.id('no run')) $$),
    'unknown_run', 'an unknown run is refused'
);
select is(
    tests.slug_of($$ select public.get_context_stats(null, tests.known('run')) $$),
    'unknown_run', 'and one that is not the project''s'
);
select tests.act_as('otto');
select throws_ok($$ select tests.stats() $$, 'PT404', null, 'for a stranger there is no such project');
select throws_ok($$ select tests.stats('run') $$, 'PT404', null, 'and no such run');
select tests.act_as_anon();
select throws_ok(
    $$ select tests.stats() $$, '42501', null, 'whoever is not signed in may not ask'
);

select * from finish();
rollback;
