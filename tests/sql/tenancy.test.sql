-- Who sees and changes what, told from every chair: owner, admin, editor, viewer, stranger, nobody.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(97);

-- Given a project with one of everything, run once, and a stranger with an organization of their own
select tests.make_person('nora');
select tests.make_project('their shop', 'other');
select tests.make_environment('their staging', 'their shop', '{"variables": {"a": 1}}');
select tests.make_suite('their suite', 'their shop');
select tests.make_test('their test', 'their suite');
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'region', '"eu"');
insert into public.api_credentials (id, organization_id, name, auth)
values (tests.id('robot'), tests.id('acme'), 'robot', '{"kind": "none"}');
insert into public.api_endpoints (id, project_id, method, path, is_safe)
values (tests.id('list'), tests.id('shop'), 'GET', '/list', true);
select tests.make_fixture('countries', 'shop', '[{"key": "cz", "values": {"country": "CZ"}}]');
select tests.make_test('first', 'flow', jsonb_build_object('captures', tests.capture('number')));
select tests.make_test('second', 'flow', '{"path": "/{{number}}", "fixture": "countries"}');
select tests.depend('second', 'first', 'data');
select tests.queue('run');
select tests.run_all('{"first": {"body": {"number": 7}}}');
select public.set_secret(tests.id('staging'), 'api_token', 'a secret of theirs');

-- The mirror of accounts

select results_eq(
    $$ select email from public.users where id = tests.id('nora') $$,
    array['nora@example.test'],
    'an account appears among the users'
);
update auth.users set email = 'nora@new.test' where id = tests.id('nora');
select results_eq(
    $$ select email from public.users where id = tests.id('nora') $$,
    array['nora@new.test'],
    'and follows its e-mail'
);
update public.users set display_name = 'Nora' where id = tests.id('nora');
update auth.users set email = 'nora@example.test' where id = tests.id('nora');
select results_eq(
    $$ select display_name from public.users where id = tests.id('nora') $$,
    array['Nora'],
    'keeping the name that it chose'
);
insert into auth.users (id) values (tests.id('phone only'));
select results_eq(
    $$ select email from public.users where id = tests.id('phone only') $$,
    array[null::text],
    'an account without e-mail has none here'
);

-- Every table, from every chair

create function tests.visible_tables()
returns setof text
language plpgsql
as $function$
declare
    v_table text;
    v_is_visible boolean;
begin
    foreach v_table in array array[
        'users', 'organizations', 'organization_members', 'projects', 'api_credentials',
        'api_endpoints', 'test_suites', 'test_cases', 'test_request_configs', 'test_response_specs',
        'test_dependencies', 'test_data_fixtures', 'fixture_usage', 'environments',
        'environment_variables', 'test_runs', 'test_execution_context', 'test_context_values',
        'test_results', 'test_result_details', 'assertion_results'
    ] loop
        execute format('select exists (select id_of_row from (select 1 as id_of_row from public.%I) as t)', v_table)
        into v_is_visible;
        if v_is_visible then
            return next v_table;
        end if;
    end loop;
end;
$function$;

create function tests.new_test()
returns uuid
language sql
as $function$
    select cases.id
    from public.test_cases as cases
    inner join public.test_suites as suites on suites.id = cases.suite_id
    where suites.name = 'new suite';
$function$;

create function tests.seen_count(table_name text)
returns bigint
language plpgsql
as $function$
declare
    v_count bigint;
begin
    execute format('select count(*) from public.%I', table_name) into v_count;
    return v_count;
end;
$function$;

select tests.act_as('vera');
select is(
    (select count(*) from tests.visible_tables()), 21::bigint,
    'a viewer sees something in every table'
);
select is(tests.seen_count('organizations'), 1::bigint, 'a viewer sees her own organization only');
select is(tests.seen_count('projects'), 1::bigint, 'and her own project');
select is(tests.seen_count('environments'), 1::bigint, 'and environment');
select is(tests.seen_count('environment_variables'), 2::bigint, 'and its variables');
select is(tests.seen_count('test_suites'), 1::bigint, 'and suite');
select is(tests.seen_count('test_cases'), 2::bigint, 'and tests');
select is(tests.seen_count('test_results'), 2::bigint, 'and results');
select bag_eq(
    $$ select email from public.users $$,
    array['olga@example.test', 'adam@example.test', 'eda@example.test', 'vera@example.test'],
    'and her colleagues, nobody else'
);
select is(tests.seen_count('organization_members'), 4::bigint, 'and who has which role');

select tests.act_as('otto');
select bag_eq(
    'select * from tests.visible_tables()',
    $$ values
    ('environment_variables'), ('environments'), ('organization_members'), ('organizations'),
    ('projects'), ('test_cases'), ('test_request_configs'), ('test_response_specs'),
    ('test_suites'), ('users')
    $$,
    'a stranger sees rows only where the own organization has some'
);
select is_empty(
    $$ select id from public.projects where organization_id = tests.id('acme') $$,
    'and none of it is another''s'
);
select is_empty(
    $$ select id from public.environment_variables where project_id = tests.id('shop') $$,
    'not its variables either'
);
select results_eq(
    $$ select email from public.users $$, array['otto@example.test'], 'nor its people'
);

select tests.act_as('nora');
select results_eq(
    'select * from tests.visible_tables()',
    array['users'],
    'somebody without an organization sees nothing but herself'
);

select tests.act_as_owner();
insert into public.organization_members (organization_id, user_id, role, labels)
values (tests.id('acme'), tests.make_person('robot'), 'runner', array['lan']);
select throws_ok(
    $$
    update public.organization_members set labels = array['lan'] where user_id = tests.id('vera')
    $$,
    '23514', null, 'only runners carry labels'
);
select tests.act_as('robot');
select results_eq(
    'select * from tests.visible_tables()',
    array['users'],
    'nor does a runner, though it is a member'
);
select results_eq(
    'select * from private.my_runner_organization_ids()', array[tests.id('acme')],
    'it knows whose runs it takes'
);

select tests.act_as_anon();
select throws_ok(
    $$ select * from public.organizations $$, '42501', null, 'nobody reads without signing in'
);
select throws_ok($$ select * from public.test_runs $$, '42501', null, 'not even runs');
select throws_ok(
    $$ select public.create_organization('x') $$, '42501', null, 'or makes an organization'
);

select tests.act_as_service();
select is(tests.seen_count('organizations'), 2::bigint, 'the secret key sees every organization');
select is(tests.seen_count('test_results'), 2::bigint, 'and every result');

-- Founding an organization

select tests.act_as('nora');
select results_eq(
    $$ select name from public.create_organization('Nora & Co') $$,
    array['Nora & Co'],
    'whoever is signed in founds an organization'
);
select results_eq(
    $$ select user_id, role from public.organization_members $$,
    $$ values (tests.id('nora'), 'owner') $$,
    'and owns it'
);
select throws_ok($$ select public.create_organization('  ') $$, '23514', null, 'it needs a name');
select throws_ok(
    $$ insert into public.organizations (name) values ('free') $$, '42501', null,
    'an organization without an owner cannot be made'
);
select throws_ok(
    $$
    insert into public.organization_members
    values (tests.id('acme'), tests.id('nora'), 'owner')
    $$,
    '42501', null, 'nobody lets herself into another'
);
select tests.act_as_owner();
select is(
    tests.slug_of($$ select public.create_organization('x') $$), 'not_signed_in',
    'without a person there is nobody to own it'
);
select throws_ok(
    $$ select public.create_organization('x') $$, 'PT401', null, 'which is refused as 401'
);

select tests.make_person('fay');
select tests.act_as('fay');
select lives_ok(
    $$
    select public.create_organization('number ' || numbers.number)
    from generate_series(1, 20) as numbers (number)
    $$,
    'a person founds twenty organizations'
);
select is(
    tests.slug_of($$ select public.create_organization('one more') $$), 'too_many_organizations',
    'and no more: the limits of one would be worth nothing'
);
select tests.act_as_owner();
delete from public.organizations where name = 'number 1';
select tests.act_as('fay');
select lives_ok(
    $$ select public.create_organization('one more') $$, 'one that is gone makes room for another'
);
select tests.act_as_owner();

-- What a viewer may change: nothing

select tests.act_as('vera');
select throws_ok(
    $$ insert into public.projects (organization_id, name) values (tests.id('acme'), 'new') $$,
    '42501', null, 'a viewer makes no project'
);
select throws_ok(
    $$ insert into public.test_suites (project_id, name) values (tests.id('shop'), 'new') $$,
    '42501', null, 'and no suite'
);
select is(
    tests.count_changed(
        $$ update public.test_cases set name = 'changed' where id = tests.id('first') $$
    ),
    0::bigint, 'changes no test'
);
select is(
    tests.count_changed(
        $$ update public.organizations set name = 'changed' where id = tests.id('acme') $$
    ),
    0::bigint, 'does not rename the organization'
);
select is(
    tests.count_changed(
        $$ delete from public.test_dependencies where project_id = tests.id('shop') $$
    ),
    0::bigint, 'deletes no dependency'
);
select is(
    tests.count_changed($$ delete from public.api_credentials where id = tests.id('robot') $$),
    0::bigint, 'and no credential'
);
select is(
    tests.count_changed(
        $$ update public.users set display_name = 'Vera' where id = tests.id('vera') $$
    ),
    1::bigint, 'but chooses her own name'
);
select is(
    tests.count_changed(
        $$ update public.users set display_name = 'Eda!' where id = tests.id('eda') $$
    ),
    0::bigint, 'and nobody else''s'
);
select throws_ok(
    $$ update public.users set email = 'x@x.test' where id = tests.id('vera') $$, '42501', null,
    'the e-mail is the account''s, not hers'
);

-- What an editor may change: tests, not environments

select tests.act_as('eda');
select lives_ok(
    $$
    insert into public.projects (organization_id, name)
    values (tests.id('acme'), 'second project')
    $$,
    'an editor makes a project'
);
select is(
    tests.count_changed(
        $$ update public.projects set archived_at = now() where name = 'second project' $$
    ),
    1::bigint, 'and archives it'
);
select throws_ok(
    $$ delete from public.projects where name = 'second project' $$, '42501', null,
    'deleting it is refused'
);
select throws_ok(
    $$ insert into public.projects (organization_id, name) values (tests.id('other'), 'mine') $$,
    '42501', null, 'and so is a project in another organization'
);
select lives_ok(
    $$
    insert into public.test_suites (project_id, name) values (tests.id('shop'), 'new suite')
    $$,
    'an editor makes a suite'
);
select throws_ok(
    $$
    insert into public.test_suites (id, project_id, name)
    values (tests.id('their suite'), tests.id('shop'), 'second suite')
    $$,
    '42501', null, 'without choosing its id: "it is taken" would tell that a stranger has it'
);
select lives_ok(
    $$
    with made as (
        insert into public.test_cases (project_id, suite_id, endpoint_id, name)
        select suites.project_id, suites.id, tests.id('list'), 'new test'
        from public.test_suites as suites
        where suites.name = 'new suite'
        returning test_cases.id as test_case_id, test_cases.project_id
    ),
    requests as (
        insert into public.test_request_configs (test_case_id, project_id, path)
        select made.*, '/new' from made
    ),
    specs as (
        insert into public.test_response_specs (test_case_id, project_id)
        select * from made
    )
    insert into public.fixture_usage (test_case_id, project_id, fixture_id)
    select made.*, tests.id('countries') from made
    $$,
    'and a test with its request, expectations and fixture'
);
select lives_ok(
    $$
    insert into public.test_dependencies (test_case_id, depends_on_id, kind, project_id)
    values (tests.new_test(), tests.id('first'), 'order', tests.id('shop'))
    $$,
    'that depends on another'
);
select throws_ok(
    $$
    insert into public.test_cases (project_id, suite_id, name)
    values (tests.id('shop'), tests.id('their suite'), 'their test')
    $$,
    '23503', null, 'a suite of strangers is refused alike, whether a test of theirs has the name'
);
select throws_ok(
    $$
    insert into public.test_cases (project_id, suite_id, name)
    values (tests.id('shop'), tests.id('their suite'), 'no test of theirs')
    $$,
    '23503', null, 'or not'
);
select is(
    tests.count_changed(
        $$ update public.test_cases set name = 'renamed' where id = tests.new_test() $$
    ),
    1::bigint, 'and renames it'
);
select is(
    tests.count_changed(
        $$
        update public.test_request_configs set path = '/changed'
        where test_case_id = tests.new_test()
        $$
    ),
    1::bigint, 'changes its request'
);
select is(
    tests.count_changed(
        $$
        update public.test_response_specs set assertions = '[]'
        where test_case_id = tests.new_test()
        $$
    ),
    1::bigint, 'and its expectations'
);
select is(
    tests.count_changed(
        $$ delete from public.test_dependencies where test_case_id = tests.new_test() $$
    ),
    1::bigint, 'deletes the dependency'
);
select is(
    tests.count_changed(
        $$ delete from public.fixture_usage where test_case_id = tests.new_test() $$
    ),
    1::bigint, 'and takes the fixture away'
);
select throws_ok(
    $$ delete from public.test_cases where id = tests.new_test() $$, '42501', null,
    'a test is archived, not deleted'
);
select throws_ok(
    $$ delete from public.test_suites where name = 'new suite' $$, '42501', null,
    'and so is a suite'
);
select throws_ok(
    $$
    update public.test_cases set project_id = tests.id('their shop')
    where id = tests.new_test()
    $$,
    '42501', null, 'a test never moves to another project'
);
select throws_ok(
    $$
    update public.test_suites set project_id = tests.id('their shop')
    where name = 'new suite'
    $$,
    '42501', null, 'and neither does a suite'
);
select throws_ok(
    $$
    update public.test_cases set suite_id = tests.id('their suite')
    where id = tests.new_test()
    $$,
    '23503', null, 'a test cannot point into another project'
);
select throws_ok(
    $$ insert into public.test_suites (project_id, name) values (tests.id('their shop'), 'mine') $$,
    '42501', null, 'nothing is written into another organization'
);
select throws_ok(
    $$
    insert into public.test_dependencies (test_case_id, depends_on_id, kind, project_id)
    values (tests.id('first'), tests.id('first'), 'order', tests.id('shop'))
    $$, '23514', null, 'a test does not depend on itself'
);
select throws_ok(
    $$
    insert into public.environments (project_id, name, base_url)
    values (tests.id('shop'), 'new', 'https://x')
    $$,
    '42501', null, 'an editor makes no environment'
);
select is(
    tests.count_changed(
        $$
        update public.environments set base_url = 'https://evil.test'
        where id = tests.id('staging')
        $$
    ),
    0::bigint, 'redirects none'
);
select is(
    tests.count_changed(
        $$ update public.environment_variables set value = '2' where name = 'region' $$
    ),
    0::bigint, 'changes no variable of one'
);
select throws_ok(
    $$
    insert into public.api_credentials (organization_id, name, auth)
    values (tests.id('acme'), 'x', '{"kind": "none"}')
    $$,
    '42501', null, 'and makes no credential'
);
select is(
    tests.count_changed(
        $$ update public.api_credentials set name = 'y' where id = tests.id('robot') $$
    ),
    0::bigint, 'or changes one'
);

-- What owners and admins may change besides

select tests.act_as('adam');
select lives_ok(
    $$
    with made as (
        insert into public.environments (project_id, name, base_url)
        values (tests.id('shop'), 'production', 'https://api.test')
        returning environments.id, environments.project_id
    )
    insert into public.environment_variables (environment_id, project_id, name, value)
    select made.*, 'a', '1' from made
    $$,
    'an admin makes an environment with variables'
);
select is(
    tests.count_changed(
        $$ update public.environments set max_parallel = 3 where id = tests.id('staging') $$
    ),
    1::bigint, 'limits another'
);
select throws_ok(
    $$
    update public.environments set project_id = tests.id('their shop')
    where id = tests.id('staging')
    $$,
    '42501', null, 'which stays in its project'
);
select throws_ok(
    $$ update public.environment_variables set secret_id = gen_random_uuid() where name = 'a' $$,
    '42501', null, 'a variable cannot be pointed at a secret'
);
select throws_ok(
    $$
    insert into public.environment_variables (environment_id, project_id, name, secret_id)
    values (tests.id('staging'), tests.id('shop'), 'stolen', gen_random_uuid())
    $$, '42501', null, 'not when it is made either'
);
select throws_ok(
    $$ update public.environment_variables set value = '"plain"' where name = 'api_token' $$,
    '23514', null, 'and a secret does not become readable by giving it a value'
);
select is(
    tests.count_changed($$ delete from public.environment_variables where name = 'region' $$),
    1::bigint, 'a variable can be deleted'
);
select is(
    tests.count_changed(
        $$ update public.api_credentials set name = 'machine' where id = tests.id('robot') $$
    ),
    1::bigint, 'an admin renames a credential'
);
select throws_ok(
    $$
    update public.api_credentials set organization_id = tests.id('other')
    where id = tests.id('robot')
    $$,
    '42501', null, 'which stays in its organization'
);
select is(
    tests.count_changed($$ delete from public.api_credentials where id = tests.id('robot') $$),
    1::bigint, 'and deletes it'
);
select tests.act_as('olga');
select is(
    tests.count_changed(
        $$ update public.organizations set name = 'ACME' where id = tests.id('acme') $$
    ),
    1::bigint, 'the owner renames the organization'
);
select is(
    tests.count_changed(
        $$ update public.organizations set name = 'mine' where id = tests.id('other') $$
    ),
    0::bigint, 'and no other'
);

-- What nobody may change: what the engine writes

select throws_ok(
    $$ update public.test_runs set status = 'passed' where true $$, '42501', null,
    'an owner cannot change a run'
);
select throws_ok(
    $$ update public.test_results set status = 'passed' where true $$, '42501', null, 'or a verdict'
);
select throws_ok(
    $$ delete from public.test_result_details where true $$, '42501', null, 'or remove evidence'
);
select throws_ok(
    $$ select encrypted_value from public.test_context_values $$, '42501', null,
    'or read the ciphertext of tokens'
);
select throws_ok($$ select * from public.workers $$, '42501', null, 'or see the workers');
select throws_ok($$ select * from private.work_items $$, '42501', null, 'or look into the queue');
select throws_ok(
    $$ select private.rescue_expired() $$, '42501', null, 'or move it'
);
select throws_ok($$ select * from vault.decrypted_secrets $$, '42501', null, 'or open the vault');
select tests.act_as_service();
select throws_ok(
    $$ update public.test_results set status = 'passed' where true $$, '42501', null,
    'the secret key cannot change a verdict'
);
select throws_ok(
    $$ select encrypted_value from public.test_context_values $$, '42501', null,
    'or read the ciphertext of tokens'
);
select throws_ok($$ select * from private.definitions $$, '42501', null, 'or look into the engine');
select throws_ok(
    $$ update public.environment_variables set secret_id = gen_random_uuid() where name = 'a' $$,
    '42501', null, 'or point a variable at a secret'
);

select * from finish();
rollback;
