-- Context, aggregated: get_aggregated_context tells every name a test can see, and from where.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(22);

update public.projects set variables = '{"project": "P", "all": "P"}' where id = tests.id('shop');
insert into public.environment_variables (environment_id, project_id, name, value)
select tests.id('staging'), tests.id('shop'), names.name, '"E"'
from unnest(array['environment', 'all']) as names (name);
select public.set_secret(tests.id('staging'), 'secret', 'the-secret-itself');
update public.test_suites set variables = '{"suite": "S", "all": "S", "shown": "has the-secret-itself in it"}' where id = tests.id('flow');
select tests.make_fixture('rows', 'shop', '[{"key": "a", "values": {"row": "Fa", "all": "Fa"}}, {"key": "b", "values": {"row": "Fb"}}]');
select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('id') || tests.capture('key', 'token') || tests.capture('all')));
select tests.make_test('use', 'flow', '{"fixture": "rows", "path": "/{{id}}/{{key}}/{{nothing | default(1)}}/{{all}}/{{row}}"}');
select tests.depend('use', 'make', 'data');
select tests.queue('run', '{}', '{"run": "R"}');
select tests.remember('run', tests.run('run'));
select tests.remember('a', (tests.result('run', 'use/a')).id);
select tests.remember('b', (tests.result('run', 'use/b')).id);
create function tests.seen(name text, result text default 'a')
returns jsonb
language sql
as $function$
    select told - 'name'
    from jsonb_array_elements(public.get_aggregated_context(tests.known(seen.result)) -> 'names') as told
    where told ->> 'name' = seen.name;
$function$;
create function tests.entry(source text, kind text, value jsonb, more jsonb default '{}')
returns jsonb
language sql
as $function$
    select jsonb_build_object(
        'source', source, 'kind', kind, 'value', value, 'producer', null, 'is_used', false, 'waits_for', null, 'hides', '[]'::jsonb
    ) || more;
$function$;

-- Before anything ran

select tests.act_as('vera');
select is(
    tests.seen('id'),
    tests.entry(null, null, null, jsonb_build_object('is_used', true, 'waits_for', tests.id('make'), 'hides', '[]'::jsonb)),
    'a name that is still to be captured says by whom'
);
select is(
    tests.seen('all', 'b') - 'hides',
    tests.entry('suite', 'variable', '"S"', jsonb_build_object('is_used', true, 'waits_for', tests.id('make'))) - 'hides',
    'and what stands in for it till then'
);
select tests.act_as_owner();
select tests.claim('1');
select tests.answer('make', '{"body": {"id": 7, "key": "t0ken-of-make", "all": "C"}}');
select public.update_test_run_context(tests.run('run'), '{"client": [1], "all": "Cl"}');

-- Afterwards

select tests.act_as('vera');
select is(tests.seen('run'), tests.entry('run', 'variable', '"R"'), 'from the run');
select is(
    tests.seen('row'), tests.entry('fixture', 'variable', '"Fa"', '{"is_used": true}'),
    'from the fixture row'
);
select is(
    tests.seen('id'),
    tests.entry('captured', 'variable', '7', jsonb_build_object('producer', tests.id('make'), 'is_used', true)),
    'captured, by whom'
);
select is(
    tests.seen('key'),
    tests.entry('captured', 'token', null, jsonb_build_object('producer', tests.id('make'), 'is_used', true)),
    'a token without its value'
);
select is(tests.seen('client'), tests.entry('client', 'variable', '[1]'), 'from a client');
select is(tests.seen('suite'), tests.entry('suite', 'variable', '"S"'), 'from the suite');
select is(
    tests.seen('environment'), tests.entry('environment', 'variable', '"E"'),
    'from the environment'
);
select is(
    tests.seen('secret'), tests.entry('secret', 'secret', null), 'a secret without its value'
);
select is(tests.seen('project'), tests.entry('project', 'variable', '"P"'), 'from the project');
select is(
    tests.seen('nothing'), tests.entry(null, null, null, '{"is_used": true, "hides": []}'),
    'a name that nothing gives'
);
select is(
    tests.seen('all') -> 'hides', '["captured", "client", "suite", "environment", "project"]',
    'what counts hides the rest, by precedence'
);
select is(
    tests.seen('all', 'b') - 'hides',
    tests.entry('captured', 'variable', '"C"', jsonb_build_object('producer', tests.id('make'), 'is_used', true)) - 'hides',
    'another row sees it its own way'
);
select is(
    tests.seen('shown') -> 'value', '"has [redacted] in it"', 'a value that shows a secret is redacted'
);
select tests.act_as_owner();
select tests.run_all();
update public.test_suites set variables = '{"suite": "changed"}' where id = tests.id('flow');
select is(
    tests.seen('suite') -> 'value', '"S"', 'a run that is over is told as it was'
);
select is(
    tests.seen('id') -> 'value', '7', 'with what was captured'
);
select is(
    public.get_aggregated_context(tests.known('a')) - 'names',
    jsonb_build_object(
        'result', tests.known('a'), 'run', tests.known('run'), 'test', tests.id('use'), 'test_name', 'use',
        'row_key', 'a', 'status', 'passed'
    ),
    'and says of which result'
);

-- From the other chairs

select is(
    tests.slug_of($$ select public.get_aggregated_context(tests.id('x')) $$), 'unknown_result',
    'an unknown result is refused'
);
select tests.act_as('otto');
select throws_ok(
    $$ select public.get_aggregated_context(tests.known('a')) $$, 'PT404', null,
    'for a stranger there is no such result'
);
select tests.act_as_service();
select ok(
    public.get_aggregated_context(tests.known('a'))::text not like '%the-secret-itself%',
    'the secret key sees no secret here either'
);
select tests.act_as_anon();
select throws_ok(
    $$ select public.get_aggregated_context(tests.known('a')) $$, '42501', null,
    'whoever is not signed in may not ask'
);

select * from finish();
rollback;
