-- The audit trail: what is told of a change, and of whom.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(31);

-- What the trail tells since the last look, newest last.
create table tests.looked (id bigint);
insert into tests.looked (id) select coalesce(max(changes.id), 0) from public.data_changes as changes;
create function tests.told()
returns table (table_name text, verb text, before jsonb, after jsonb)
language plpgsql
security definer
as $function$
begin
    return query
    select changes.table_name, changes.verb, changes.before, changes.after
    from public.data_changes as changes
    where changes.id > (select looked.id from tests.looked)
    order by changes.id;
    update tests.looked set id = (select max(changes.id) from public.data_changes as changes) where true;
end;
$function$;

create function tests.last_change()
returns public.data_changes
language sql
security definer
as $function$ select changes.* from public.data_changes as changes order by changes.id desc limit 1 $function$;

-- What

select tests.make_test('list', 'flow', '{"path": "/articles"}');
select results_eq(
    $$ select table_name, verb from tests.told() $$,
    $$ values ('test_cases', 'insert'), ('test_request_configs', 'insert'), ('test_response_specs', 'insert') $$,
    'a row for each row, in the order in which they were written'
);

update public.test_cases set name = 'list them', priority = 3 where id = tests.id('list');
select results_eq(
    $$ select table_name, verb, before, after from tests.told() $$,
    $$ values (
        'test_cases', 'update',
        jsonb_build_object('name', 'list', 'priority', 0, 'suite_id', tests.id('flow')),
        jsonb_build_object('name', 'list them', 'priority', 3, 'suite_id', tests.id('flow'))
    ) $$,
    'of an update what changed, before and after, and what tells the row'
);

update public.test_cases set priority = 3 where id = tests.id('list');
select is_empty($$ select * from tests.told() $$, 'of an update that changes nothing there is nothing to tell');

insert into public.test_cases (id, project_id, suite_id, name, updated_at)
values (tests.id('old'), tests.id('shop'), tests.id('flow'), 'old', '2000-01-01');
select count(*) from tests.told();
update public.test_cases set name = 'old' where id = tests.id('old');
select is_empty($$ select * from tests.told() $$, 'not even that it was updated just now');

update public.test_cases set endpoint_id = null where id = tests.id('list');
update public.test_cases set description = '' where id = tests.id('list');
select results_eq(
    $$ select before -> 'description', after -> 'description' from tests.told() $$,
    $$ values ('null'::jsonb, '""'::jsonb) $$, 'from nothing to an empty text is a change'
);

insert into public.api_endpoints (id, project_id, method, path, is_safe)
values (tests.id('endpoint'), tests.id('shop'), 'GET', '/articles', true);
select results_eq(
    $$ select verb, before, after from tests.told() $$,
    $$ values (
        'insert', null::jsonb,
        '{"method": "GET", "path": "/articles", "summary": null, "is_safe": true}'::jsonb
    ) $$,
    'of an insert the row, without what has columns of its own'
);

delete from public.api_endpoints where id = tests.id('endpoint');
select results_eq(
    $$ select verb, before, after from tests.told() $$,
    $$ values (
        'delete', '{"method": "GET", "path": "/articles", "summary": null, "is_safe": true}'::jsonb,
        null::jsonb
    ) $$, 'of a delete the row that is gone'
);

insert into public.organization_invitations (organization_id, role, token_digest, expires_at)
values (tests.id('acme'), 'viewer', 'a digest', now() + interval '1 day');
select results_eq(
    $$ select after ->> 'role', after ? 'token_digest' from tests.told() $$,
    $$ values ('viewer', false) $$, 'an invitation is told without what opens it'
);

select tests.make_test('read', 'flow');
select tests.depend('read', 'list', 'order');
select tests.make_suite('empty', 'shop');
select count(*) from tests.told();
update public.test_dependencies set kind = 'data' where test_case_id = tests.id('read');
select results_eq(
    $$ select before, after from tests.told() $$,
    $$ values (
        jsonb_build_object('kind', 'order', 'depends_on_id', tests.id('list')),
        jsonb_build_object('kind', 'data', 'depends_on_id', tests.id('list'))
    ) $$,
    'of a row with a key of several columns all of them are told'
);

select tests.depend('read', 'old', 'order');
select count(*) from tests.told();
update public.test_dependencies set kind = 'order' where test_case_id = tests.id('read') and kind = 'data';
update public.test_dependencies set kind = 'token' where test_case_id = tests.id('read');
select is((select count(*) from tests.told()), 3::bigint, 'and rows that share one of them are told apart');

update public.test_suites set id = tests.id('another id') where id = tests.id('empty');
select bag_eq(
    $$ select table_name, verb from tests.told() $$,
    $$ values ('test_suites', 'delete'), ('test_suites', 'insert') $$,
    'a row whose key changes is one that is gone and one that is new'
);

-- Where

select is(
    (tests.last_change()).organization_id, tests.id('acme'), 'the organization is that of the project'
);
select is((tests.last_change()).project_id, tests.id('shop'), 'the project is told');
update public.projects set description = 'new' where id = tests.id('shop');
select is((tests.last_change()).project_id, tests.id('shop'), 'a project belongs to itself');
update public.organizations set name = 'Acme' where id = tests.id('acme');
select is(
    row((tests.last_change()).organization_id, (tests.last_change()).project_id)::text,
    row(tests.id('acme'), null)::text, 'an organization to itself, and to no project'
);

update public.test_response_specs set captures = tests.capture('number') where test_case_id = tests.id('list');
update public.test_request_configs set method = 'POST' where test_case_id = tests.id('list');
select set_eq(
    $$ select table_name from public.data_changes where row_id = tests.id('list') $$,
    array['test_cases', 'test_request_configs', 'test_response_specs'],
    'all that is of a test has its id'
);

-- When

select is(
    row((tests.last_change()).changed_at, (tests.last_change()).transaction_id)::text,
    row(now(), pg_current_xact_id()::text::bigint)::text, 'what one transaction did has its time and its number'
);

-- Who

create function tests.who()
returns text
language sql
as $function$
    select concat_ws(
        ' ', (select users.email from public.users where users.id = (tests.last_change()).user_id),
        (tests.last_change()).user_role, (tests.last_change()).key_kind
    );
$function$;

insert into public.organization_members (organization_id, user_id, role)
values (tests.id('other'), tests.id('eda'), 'viewer');
select is(tests.who(), 'direct', 'a connection to the database is told as that');
select tests.act_as('eda');
update public.test_cases set priority = 4 where id = tests.id('list');
select tests.act_as_owner();
select is(tests.who(), 'eda@example.test editor signed_in', 'a person with the role');
select tests.act_as('adam');
update public.environments set max_parallel = 5 where id = tests.id('staging');
select tests.act_as_owner();
select is(tests.who(), 'adam@example.test admin signed_in', 'each with their own');
select tests.act_as_service();
update public.organization_members set role = 'viewer'
where user_id = tests.id('eda') and organization_id = tests.id('acme');
select tests.act_as_owner();
select is(tests.who(), 'secret', 'the secret key as itself');
select is(
    row((tests.last_change()).row_id, (tests.last_change()).before, (tests.last_change()).after)::text,
    row(tests.id('eda'), '{"role": "editor"}'::jsonb, '{"role": "viewer"}'::jsonb)::text,
    'and whose role it changed, from what to what'
);

select set_config(
    'request.jwt.claims',
    jsonb_build_object('sub', tests.id('adam'), 'role', 'authenticated')::text, true
);
update public.organization_members set role = 'viewer' where user_id = tests.id('adam');
select is((tests.last_change()).user_role, 'admin', 'who gives up a role did so in that role');
delete from public.organization_members where user_id = tests.id('adam');
select is((tests.last_change()).user_role, 'viewer', 'so did who leaves');
update public.test_cases set priority = 5 where id = tests.id('list');
select is((tests.last_change()).user_role, null, 'and has none from then on');
select tests.act_as_owner();

select tests.act_as('otto');
update public.test_cases set priority = 6 where id = tests.id('list');
select tests.act_as_owner();
select is((tests.last_change()).after -> 'priority', '5', 'what row level security hid did not change');

-- How much

select count(*) from tests.told();
update public.projects set variables = jsonb_build_object('text', repeat('x', 100000)) where id = tests.id('shop');
select results_eq(
    $$ select before, after from tests.told() $$,
    $$ values (
        '{"name": "shop", "variables": {}}'::jsonb,
        jsonb_build_object('name', 'shop', 'variables', jsonb_build_object('[cut]', jsonb_build_object(
            'bytes', 100012,
            'sha256', encode(sha256(convert_to('{"text": "' || repeat('x', 100000) || '"}', 'UTF8')), 'hex')
        )))
    ) $$,
    'what is longer than 64 KB is told by its length and digest'
);

insert into public.api_endpoints (project_id, method, path, is_safe)
select tests.id('shop'), 'GET', '/' || numbers.n, true from generate_series(1, 1203) as numbers (n);
select results_eq(
    $$ select after ->> 'path' from tests.told() $$,
    $$ select '/' || numbers.n from generate_series(1, 1203) as numbers (n) $$,
    'of many rows all are told, each once, in their order'
);

-- Purges

select tests.make_fixture('countries', 'shop', '[{"key": "cz", "values": {"country": "CZ"}}]');
select count(*) from tests.told();
delete from public.test_suites where id = tests.id('flow');
select set_eq(
    $$ select table_name from tests.told() where verb = 'delete' $$,
    array[
        'test_suites', 'test_cases', 'test_request_configs', 'test_response_specs', 'test_dependencies'
    ],
    'what goes with a suite is told too'
);
delete from public.projects where id = tests.id('shop');
select results_eq(
    $$ select table_name, verb, before ->> 'name' from tests.told() $$,
    $$ values ('projects', 'delete', 'shop') $$, 'a project that is purged is told by its one row'
);
delete from public.organizations where id = tests.id('acme');
select results_eq(
    $$ select table_name, verb, before ->> 'name' from tests.told() $$,
    $$ values ('organizations', 'delete', 'Acme') $$, 'and so is an organization'
);

select * from finish();
rollback;
