-- Context, environment context: get_environment_context tells the names that an environment gives.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(10);

update public.projects set variables = '{"project": 1, "both": 1}' where id = tests.id('shop');
insert into public.environment_variables (environment_id, project_id, name, value)
values
(tests.id('staging'), tests.id('shop'), 'environment', '{"a": [1]}'),
(tests.id('staging'), tests.id('shop'), 'both', '2');
select public.set_secret(tests.id('staging'), 'secret', 'the-secret-itself');
select tests.make_environment('empty', 'shop');
update public.environments set archived_at = now() where id = tests.id('empty');

select tests.act_as('vera');
select is(
    public.get_environment_context(tests.id('staging')) -> 'names',
    '[{"name": "both", "source": "environment", "value": 2},
      {"name": "environment", "source": "environment", "value": {"a": [1]}},
      {"name": "project", "source": "project", "value": 1},
      {"name": "secret", "source": "secret", "value": null}]',
    'each name once, from where it counts; of a secret no more than that there is one'
);
select is(
    public.get_environment_context(tests.id('staging')) - 'names',
    jsonb_build_object(
        'environment', tests.id('staging'), 'name', 'staging', 'project', tests.id('shop'),
        'base_url', 'https://api.test/v1', 'context_max_bytes', 10485760, 'context_lifetime_s', 86400
    ),
    'with where it is, and the limits of contexts'
);
select is(
    jsonb_array_length(public.get_environment_context(tests.id('empty')) -> 'names'), 2,
    'an archived one can still be read; the names of the project are there in every one'
);
select tests.act_as('eda');
select lives_ok(
    $$ select public.get_environment_context(tests.id('staging')) $$, 'an editor may ask'
);
select throws_ok(
    $$ select public.get_environment_context(tests.id('nowhere')) $$, 'PT404', null,
    'an unknown environment is refused'
);
select is(
    tests.slug_of($$ select public.get_environment_context(tests.id('nowhere')) $$),
    'unknown_environment', 'by its slug'
);
select tests.act_as('otto');
select throws_ok(
    $$ select public.get_environment_context(tests.id('staging')) $$, 'PT404', null,
    'for a stranger there is no such environment'
);
select tests.act_as_service();
select lives_ok(
    $$ select public.get_environment_context(tests.id('staging')) $$, 'the secret key may ask'
);
select ok(
    public.get_environment_context(tests.id('staging'))::text not like '%the-secret-itself%',
    'and sees no secret either'
);
select tests.act_as_anon();
select throws_ok(
    $$ select public.get_environment_context(tests.id('staging')) $$, '42501', null,
    'whoever is not signed in may not ask'
);

select * from finish();
rollback;
