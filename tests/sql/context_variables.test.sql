-- Context, variables: values of any JSON type that clients set and tests see as {{name}}.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(16);

update public.test_suites set variables = '{"stage": "suite"}' where id = tests.id('flow');
select tests.make_test(
    'first', 'flow',
    '{"method": "POST", "path": "/{{stage}}", "body": {"kind": "json", "value": {"list": "{{list}}", "nothing": "{{nothing}}"}}}'
);
select tests.make_suite('more', 'shop');
select tests.make_test('second', 'more', jsonb_build_object('path', '/{{stage}}', 'captures', tests.capture('stage')));
select tests.make_test('third', 'more', '{"path": "/{{stage}}"}');
select tests.depend('second', 'first', 'order');
select tests.depend('third', 'second', 'data');
select tests.queue('run');
select tests.remember('run', tests.run('run'));
create function tests.setting(given jsonb)
returns text
language sql
as $function$
    select format('select public.update_test_run_context(%L, %L)', tests.known('run'), given);
$function$;

select tests.act_as('eda');
select lives_ok(
    tests.setting('{"list": [1, {"a": null}], "nothing": null, "stage": "client"}'),
    'an editor sets several at once, of any type'
);
select bag_eq(
    $$ select name, kind, value, test_case_id, size_bytes from public.test_context_values $$,
    $$
    values
    ('list', 'variable', '[1, {"a": null}]'::jsonb, null::uuid, 16),
    ('nothing', 'variable', 'null', null, 4), ('stage', 'variable', '"client"', null, 8)
    $$,
    'they are stored as they are, from no test'
);
select tests.act_as_owner();
select tests.claim('1');
select is(
    tests.request('first') #> '{body,value}', '{"list": [1, {"a": null}], "nothing": null}',
    'and keep their type where they stand alone'
);
select is(
    tests.request('first') ->> 'url', 'https://api.test/v1/client', 'they go before the suite''s'
);
select lives_ok(tests.setting('{"stage": "newer"}'), 'setting one again');
select tests.answer('first');
select tests.claim('2');
select is(
    tests.request('second') ->> 'url', 'https://api.test/v1/newer',
    'is seen by what is handed out afterwards'
);
select tests.answer('second', '{"body": {"stage": "captured"}}');
select tests.claim('3');
select is(
    tests.request('third') ->> 'url', 'https://api.test/v1/captured',
    'what an upstream test captured goes before what a client set'
);
select tests.answer('third');
select is_empty($$ select tests.check_context('run') $$, 'the counters are those of the values');
select is(
    tests.slug_of(tests.setting('{"late": 1}')), 'run_over',
    'when the run is over there is nobody to see them'
);

-- What cannot be a variable

select is(tests.slug_of(tests.setting('{"a b": 1}')), 'malformed_values', 'a name that {{}} cannot hold');
select is(tests.slug_of(tests.setting('{}')), 'malformed_values', 'nothing at all');
select is(tests.slug_of(tests.setting('[1]')), 'malformed_values', 'a list');

-- From the other chairs

select tests.act_as('vera');
select is(
    (select count(*) from public.test_context_values), 5::bigint, 'a viewer reads variables'
);
select throws_ok(tests.setting('{"a": 1}'), 'PT403', null, 'and sets none');
select tests.act_as('otto');
select throws_ok(tests.setting('{"a": 1}'), 'PT404', null, 'a stranger sets none');
select tests.act_as_anon();
select throws_ok(
    tests.setting('{"a": 1}'), '42501', null, 'nor does whoever is not signed in'
);

select * from finish();
rollback;
