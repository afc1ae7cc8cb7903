-- Context, tokens: values that are encrypted, rendered, redacted, and read by nobody.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
\ir _lib/leaks.psql
select plan(18);

select tests.make_test('use', 'flow', '{"headers": [["X-Session", "{{session}}"]]}');
select tests.make_test('later', 'flow', '{"path": "/{{minted}}"}');
select tests.make_test(
    'mint', 'flow', jsonb_build_object('captures', tests.capture('minted', 'token'))
);
select tests.queue('run');
select tests.remember('run', tests.run('run'));
select tests.act_as('eda');
select is(
    (
        select value_count
        from public.update_test_run_context(tests.known('run'), tokens => '{"session": "s3ss10n-t0ken"}')
    ),
    1, 'an editor gives a run a token'
);
select throws_ok(
    $$ select encrypted_value from public.test_context_values $$, '42501', null,
    'what is stored of it is not for clients'
);
select is(
    (public.get_test_run_context(tests.known('run')) #> '{items,0}')
    - array['id', 'created_at', 'size_bytes'],
    '{"name": "session", "kind": "token", "value": null, "test": null, "test_name": null, "row_key": ""}',
    'it is listed without its value'
);
select tests.act_as_owner();
select is_empty($$ select tests.leaks('s3ss10n-t0ken') $$, 'it is nowhere in the clear');
select tests.claim('1');
select is(
    tests.request('use') -> 'headers', '[["X-Session", "s3ss10n-t0ken"]]', 'a test sends it'
);
select is(
    tests.request('use') -> 'secret_headers', '["x-session"]',
    'in a header that no redirect carries to another origin'
);
select tests.answer('use', '{"body": {"echo": "you said s3ss10n-t0ken"}}');
select is(
    (select response ->> 'body' from public.test_result_details),
    '{"echo": "you said [redacted]"}', 'an answer that shows it is kept without it'
);
select tests.answer('mint', '{"body": {"minted": "m1nted-t0ken"}}');
select tests.claim('2');
select is(
    tests.request('later') ->> 'url', 'https://api.test/v1/m1nted-t0ken',
    'a token that a test captured is sent too'
);
select is_empty(
    $$ select tests.leaks(token) from unnest(array['s3ss10n-t0ken', 'm1nted-t0ken']) as tokens (token) $$,
    'and neither is anywhere in the clear'
);
select is_empty($$ select tests.check_context('run') $$, 'the counters are those of the values');

-- What can be none

create function tests.setting(tokens jsonb)
returns text
language sql
as $function$
    select format('select public.update_test_run_context(%L, tokens => %L)', tests.known('run'), tokens);
$function$;
select tests.act_as('eda');
select is(tests.slug_of(tests.setting('{"a": "short"}')), 'weak_secret', 'a short one is refused');
select is(tests.slug_of(tests.setting('{"a": "1234567890"}')), 'weak_secret', 'and a number');
select is(
    tests.slug_of(tests.setting('{"a": {"b": "long enough"}}')), 'malformed_values',
    'a token is text'
);
select public.update_test_run_context(tests.known('run'), '{"bearer": "Bearer s3ss10n-t0ken"}');
select is(
    (select kind from public.test_context_values where name = 'bearer'), 'token',
    'a value that contains one becomes one'
);

-- From the other chairs

select tests.act_as('vera');
select is(
    (
        select count(*)
        from jsonb_array_elements(public.get_test_run_context(tests.known('run')) -> 'items') as items (item)
        where items.item ->> 'kind' = 'token' and items.item -> 'value' <> 'null'
    ),
    0::bigint, 'a viewer sees that there are tokens and none of them'
);
select tests.act_as('otto');
select throws_ok(
    tests.setting('{"a": "long enough"}'), 'PT404', null, 'a stranger sets none'
);
select tests.act_as_anon();
select throws_ok(
    tests.setting('{"a": "long enough"}'), '42501', null, 'nor does whoever is not signed in'
);
select tests.act_as_service();
select throws_ok(
    $$ select encrypted_value from public.test_context_values $$, '42501', null,
    'and the secret key reads none either'
);

select * from finish();
rollback;
