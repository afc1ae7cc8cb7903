-- Rotating and deleting secrets: what runs under way keep, and when Vault forgets.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/leaks.psql
select plan(30);

create function tests.rotating(value text, name text default 'api_token', environment text default 'staging')
returns text
language sql
as $function$ select format('select public.rotate_secret(%L, %L, %L)', tests.id(environment), name, value) $function$;

create function tests.deleting(name text default 'api_token', environment text default 'staging')
returns text
language sql
as $function$ select format('select public.delete_secret(%L, %L)', tests.id(environment), name) $function$;

create function tests.in_vault()
returns text[]
language sql
as $function$
    select coalesce(array_agg(decrypted_secret order by decrypted_secret), '{}')
    from vault.decrypted_secrets where description = 'A secret of an Assay environment.';
$function$;

select public.set_secret(tests.id('staging'), 'api_token', 'the first value');
select tests.make_test('call', 'flow', '{"headers": [["X-Key", "{{api_token}}"]]}');

-- Who may

select tests.act_as('eda');
select is(tests.slug_of(tests.rotating('another value')), 'unknown_environment', 'an editor may not rotate');
select is(tests.slug_of(tests.deleting()), 'unknown_environment', 'or delete');
select tests.act_as('otto');
select is(tests.slug_of(tests.rotating('another value')), 'unknown_environment', 'a stranger neither');
select tests.act_as_anon();
select throws_ok(tests.deleting(), '42501', null, 'nor nobody');
select tests.act_as('adam');
select is(tests.slug_of(tests.rotating('short')), 'weak_secret', 'a weak value is refused');
select is(
    tests.slug_of(tests.rotating('another value', 'nothing')), 'unknown_secret', 'so is a name that is none'
);
select is(tests.slug_of(tests.deleting('nothing')), 'unknown_secret', 'in both');
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'plain', '"open"');
select is(tests.slug_of(tests.deleting('plain')), 'unknown_secret', 'a plain variable is no secret');
select tests.act_as_owner();
select is(tests.in_vault(), '{the first value}', 'and nothing has changed');

-- Without a run under way

select tests.act_as('adam');
select lives_ok(tests.rotating('the second value'), 'an admin rotates');
select tests.act_as_owner();
select is(tests.in_vault(), '{the second value}', 'the old value is gone from Vault at once');

-- With one

select tests.queue('old run');
select tests.act_as_service();
select lives_ok(tests.rotating('the third value'), 'the secret key rotates');
select tests.act_as_owner();
select is(tests.in_vault(), '{the second value,the third value}', 'the old value is kept for the run');
select tests.queue('new run');
select tests.claim('1');
select set_eq(
    $$
    select runs.name, handed.item #>> '{request,headers,0,1}'
    from tests.handed_out as handed
    inner join public.test_results as results on results.id = (handed.item ->> 'result')::uuid
    inner join (values ('old'), ('new')) as runs (name) on results.run_id = tests.run(runs.name || ' run')
    $$,
    $$ values ('old', 'the second value'), ('new', 'the third value') $$,
    'the run under way goes on with the old value, the next has the new one'
);
select private.drop_retired_secrets();
select is(tests.in_vault(), '{the second value,the third value}', 'which stays as long as it is used');
savepoint both_under_way;
update public.test_runs set queued_at = now() + interval '1 minute';
select private.drop_retired_secrets();
select is(tests.in_vault(), '{the third value}', 'a run queued after the change does not keep it');
rollback to both_under_way;
select tests.send((
    select jsonb_agg(tests.report(handed_out.item, '{"body": {"a": "the second value", "b": "the third value"}}'))
    from tests.handed_out
));
select is(
    (select (response ->> 'body')::jsonb ->> 'a' from public.test_result_details where run_id = tests.run('old run')),
    '[redacted]', 'and is redacted in what its run stores'
);
select is_empty($$ select from private.live_runs $$, 'when the runs are over');
select private.drop_retired_secrets();
select is(tests.in_vault(), '{the third value}', 'Vault forgets it');

-- Deleting

select tests.queue('last run');
select tests.act_as('olga');
select lives_ok(tests.deleting(), 'an owner deletes a secret');
select is_empty(
    $$ select from public.environment_variables where name = 'api_token' $$, 'new runs do not have it'
);
select tests.act_as_owner();
select is(tests.in_vault(), '{the third value}', 'the run under way does');
select tests.claim('2');
select is(
    tests.request('call') #>> '{headers,0,1}', 'the third value', 'and sends it'
);
select tests.answer('call', '{}');
select private.drop_retired_secrets();
select is(tests.in_vault(), '{}', 'then Vault forgets it too');
select public.set_secret(tests.id('staging'), 'api_token', 'the fourth value');
select lives_ok(tests.deleting(), 'with no run under way');
select is(tests.in_vault(), '{}', 'it is gone at once');

-- Purging

select public.set_secret(tests.id('staging'), 'api_token', 'the fifth value');
select tests.queue('purged run');
select public.rotate_secret(tests.id('staging'), 'api_token', 'the sixth value');
select is(cardinality(tests.in_vault()), 2, 'two values are kept');
select lives_ok(
    format('delete from public.environments where id = %L', tests.id('staging')),
    'an environment is purged with a run under way'
);
select is(tests.in_vault(), '{}', 'and Vault keeps neither');
select is_empty($$ select from private.secrets $$, 'nor is anything remembered');

select * from finish();
rollback;
