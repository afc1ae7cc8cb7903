-- The audit trail tells what was done to secrets, and holds none.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(27);

create function tests.secret_changes()
returns table (verb text, before jsonb, after jsonb)
language sql
security definer
as $function$
    select
        changes.verb,
        changes.before - array['environment_id', 'secret_id'],
        changes.after - array['environment_id', 'secret_id']
    from public.data_changes as changes
    where changes.table_name = 'environment_variables'
    order by changes.id;
$function$;

-- Where in the trail a value stands, in any form that a reader could read.
create function tests.trail_holds(needle text)
returns boolean
language sql
security definer
as $function$
    select exists (
        select from public.data_changes as changes
        where strpos(concat(changes.before, changes.after), trail_holds.needle) > 0
    );
$function$;

-- What was done

select public.set_secret(tests.id('staging'), 'api_token', 'tok+first/value');
select public.rotate_secret(tests.id('staging'), 'api_token', 'tok+second/value');
update public.environment_variables set name = 'token' where name = 'api_token';
select public.delete_secret(tests.id('staging'), 'token');
select results_eq(
    $$ select verb, before ->> 'name', after ->> 'name' from tests.secret_changes() $$,
    $$ values
    ('set_secret', null, 'api_token'), ('rotate_secret', 'api_token', 'api_token'),
    ('update', 'api_token', 'token'), ('delete_secret', 'token', null)
    $$,
    'a secret that is set, rotated, renamed and deleted is told as such'
);
select ok(not tests.trail_holds('first'), 'without its value');
select ok(not tests.trail_holds('second'), 'or the next');

-- A plain value that becomes a secret

insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'password', '"plain-old-value"');
update public.environment_variables set value = '"plain-new-value"' where name = 'password';
insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'region', '"plain-region"');
select bag_eq(
    $$ select verb from tests.secret_changes() where after ->> 'name' in ('password', 'region') $$,
    array['insert', 'update', 'insert'], 'a plain variable is told as any row'
);
select ok(tests.trail_holds('plain-old-value') and tests.trail_holds('plain-new-value'), 'a plain value is told');
select public.set_secret(tests.id('staging'), 'password', 'no longer plain');
select is(
    (select changes.before -> 'value' from tests.secret_changes() as changes where changes.verb = 'set_secret' and changes.before is not null),
    '"[redacted]"', 'not when it becomes a secret'
);
select ok(
    not (tests.trail_holds('plain-old-value') or tests.trail_holds('plain-new-value')),
    'and from then on not in what was told before'
);
select ok(tests.trail_holds('plain-region'), 'other variables keep theirs');
delete from public.environment_variables where name = 'region';
select public.set_secret(tests.id('staging'), 'region', 'another secret value');
select ok(not tests.trail_holds('plain-region'), 'a variable that was deleted and comes back as a secret does not');

insert into public.environment_variables (environment_id, project_id, name, value)
values (tests.id('staging'), tests.id('shop'), 'first_name', '"plain-first"');
update public.environment_variables set name = 'second_name' where name = 'first_name';
select public.set_secret(tests.id('staging'), 'second_name', 'a secret with a past');
select ok(not tests.trail_holds('plain-first'), 'nor one that had another name before');

-- A secret in other text

select public.set_secret(tests.id('staging'), 'key', 'k3y+"of"/shop & co');
select public.set_secret(tests.id('staging'), 'hex', '0123456789abcdef');
select tests.make_test('call', 'flow');

create function tests.in_header(form text)
returns text
language plpgsql
as $function$
begin
    -- or the form before would help to find this one
    update public.test_request_configs set headers = '[]' where test_case_id = tests.id('call');
    update public.test_request_configs
    set headers = jsonb_build_array(jsonb_build_array('X-Form', in_header.form))
    where test_case_id = tests.id('call');
    return (
        select changes.after #>> '{headers,0,1}'
        from public.data_changes as changes
        order by changes.id desc
        limit 1
    );
end;
$function$;

select is(tests.in_header('say k3y+"of"/shop & co!'), 'say [redacted]!', 'is redacted as it is');
select is(
    tests.in_header('/a?k=k3y%2B%22of%22%2Fshop%20%26%20co'), '/a?k=[redacted]', 'percent-encoded'
);
select is(tests.in_header('k3y+&quot;of&quot;/shop &amp; co'), '[redacted]', 'in HTML');
select is(tests.in_header('{"a": "k3y+\"of\"\/shop & co"}'), '{"a": "[redacted]"}', 'in JSON');
-- the secret in base64, without the first and the last group, which its neighbours have a part in
select is(
    strpos(tests.in_header(coded.text), substr(coded.text, coded.skipped + 1, 16)), 0, 'in ' || coded.what
)
from (
    select
        given.what,
        encode(convert_to(given.before || given.secret || given.after, 'UTF8'), 'base64') as text,
        (length(given.before) + 2) / 3 * 4 as skipped
    from (
        values
        ('base64 after nothing', '', 'k3y+"of"/shop & co', ':x'),
        ('base64 after a letter', 'u', 'k3y+"of"/shop & co', ':x'),
        ('base64 after two', 'us', 'k3y+"of"/shop & co', ''),
        ('base64 of JSON', '{"a": "', 'k3y+\"of\"\/shop & co', '"}')
    ) as given (what, before, secret, after)
) as coded;
select public.set_secret(tests.id('staging'), 'odd', 'wxyz>>>>>>>>>>>');
select is(
    tests.in_header('/a?k=' || replace(encode('wxyz>>>>>>>>>>>', 'base64'), '+', '%2B')), '/a?k=[redacted]',
    'and in base64 in a URL'
);
select is(tests.in_header('0123456789abcdef'), '[redacted]', 'one of letters and digits too');
select is(tests.in_header('0123456789abcde'), '0123456789abcde', 'and not what only begins like it');

-- A project's are not those of another

select tests.make_project('their shop', 'other');
select tests.make_suite('0123456789abcdef', 'their shop');
select is(
    (select changes.after ->> 'name' from public.data_changes as changes order by changes.id desc limit 1),
    '0123456789abcdef', 'another organization''s text tells it nothing about ours'
);

-- Signing in

update public.test_suites set auth = '{"kind": "basic", "username": "me", "password": "a literal"}'
where id = tests.id('flow');
update public.test_suites set auth = '{"kind": "basic", "username": "me", "password": "a literal 2"}'
where id = tests.id('flow');
select ok(not tests.trail_holds('a literal'), 'what a suite holds literally to sign in is not told');
select is(
    (
        select count(*) from public.data_changes as changes
        where changes.table_name = 'test_suites' and changes.row_id = tests.id('flow') and changes.verb = 'update'
    ),
    2::bigint, 'but that it changed is'
);
update public.test_suites set auth = '{"kind": "bearer", "token": "{{key}}"}' where id = tests.id('flow');
select is(
    (select changes.after -> 'auth' from public.data_changes as changes order by changes.id desc limit 1),
    '{"kind": "bearer", "token": "{{key}}"}', 'a reference to a secret is'
);

-- What no row shows

select tests.act_as('adam');
select public.set_secret(tests.id('staging'), 'key', 'k3y+another/value', '{a.test}');
select public.set_secret_hosts(tests.id('staging'), 'key', '{b.test}');
select public.set_secret(tests.id('staging'), 'elsewhere', 'k3y+third/value', '{c.test}');
select tests.act_as_owner();
select results_eq(
    $$
    select verb, user_id, user_role, before ->> 'name', before -> 'allowed_hosts', after -> 'allowed_hosts'
    from public.data_changes where after ? 'allowed_hosts' order by id
    $$,
    $$ values
    ('set_secret', tests.id('adam'), 'admin', 'key', '["api.test"]'::jsonb, '["a.test"]'::jsonb),
    ('set_secret_hosts', tests.id('adam'), 'admin', 'key', '["a.test"]', '["b.test"]'),
    ('set_secret_hosts', tests.id('adam'), 'admin', 'elsewhere', 'null', '["c.test"]')
    $$,
    'another value and other hosts are told, with who'
);
select ok(not tests.trail_holds('k3y'), 'and no value');

select * from finish();
rollback;
