-- Context, secrets: opened only where work is handed out or reported, and seen by nobody.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
\ir _lib/leaks.psql
select plan(16);

select public.set_secret(tests.id('staging'), 'api_key', 'k3y-of-the-house');
select tests.make_test('use', 'flow', jsonb_build_object(
    'headers', '[["X-Key", "{{api_key}}"]]'::jsonb, 'captures', tests.capture('echo')
));
select tests.make_test('next', 'flow', '{"path": "/{{echo}}"}');
select tests.queue('run');
select tests.remember('run', tests.run('run'));
select tests.remember('use', (tests.result('run', 'use')).id);

select is_empty($$ select tests.leaks('k3y-of-the-house') $$, 'a planned run holds no secret');
select tests.claim('1');
select is(
    tests.request('use') -> 'headers', '[["X-Key", "k3y-of-the-house"]]',
    'the worker that makes the request is given it'
);
select is_empty($$ select tests.leaks('k3y-of-the-house') $$, 'and still nothing stores it');
select tests.answer('use', '{"body": {"echo": "I got k3y-of-the-house"}}');
select is_empty(
    $$ select tests.leaks('k3y-of-the-house') $$, 'nor does an answer that shows it'
);
select is(
    (select kind from public.test_context_values where name = 'echo'), 'token',
    'a captured value that contains it is a token'
);
select tests.claim('2');
select is(
    tests.request('next') ->> 'url', 'https://api.test/v1/I%20got%20k3y-of-the-house',
    'which later requests can use'
);
select tests.answer('next');

-- From every chair

create function tests.everything()
returns text
language sql
as $function$
    select concat(
        public.get_test_run_context(tests.known('run')),
        public.get_environment_context(tests.id('staging')),
        public.get_aggregated_context(tests.known('use')),
        public.get_run_report(tests.known('run')),
        public.get_run_state(tests.known('run')),
        public.get_test_readiness(tests.known('run')),
        public.get_test_execution_chain(tests.id('shop'))
    );
$function$;
select tests.act_as('olga');
select ok(tests.everything() not like '%k3y-of-the-house%', 'the owner reads it nowhere');
select ok(
    public.plan_run(tests.id('staging'))::text not like '%k3y-of-the-house%', 'no plan shows it'
);
select throws_ok(
    $$ select from vault.decrypted_secrets $$, '42501', null, 'and Vault is closed to her'
);
select tests.act_as('eda');
select ok(tests.everything() not like '%k3y-of-the-house%', 'an editor reads it nowhere');
select throws_ok(
    $$ select private.resolve_names('{1}') $$, '42501', null,
    'what opens secrets is not for people'
);
select throws_ok($$ select private.data_key() $$, '42501', null, 'nor is the key of tokens');
select tests.act_as('vera');
select ok(tests.everything() not like '%k3y-of-the-house%', 'nor does a viewer');
select tests.act_as('otto');
select throws_ok($$ select tests.everything() $$, 'PT404', null, 'a stranger gets nothing at all');
select tests.act_as_anon();
select throws_ok(
    $$ select tests.everything() $$, '42501', null, 'nor does whoever is not signed in'
);
select tests.act_as_service();
select ok(
    tests.everything() not like '%k3y-of-the-house%', 'the secret key reads it nowhere in these'
);

select * from finish();
rollback;
