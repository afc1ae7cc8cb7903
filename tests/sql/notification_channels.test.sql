-- Channels for notifications: who makes them, what is kept of them where, and what of it is shown.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/leaks.psql
\ir _lib/notifications.psql
select plan(42);

-- A signing secret has been told once; the tests compare with it.
create table tests.told_secrets (name text, secret text);
grant all on tests.told_secrets to public;

create function tests.problem_of(settings jsonb)
returns text
language sql
as $function$
    select concat_ws(
        ' ', tests.slug_of(statement), substring(tests.message_of(statement) from '^at ([^:]+):')
    )
    from format('select tests.make_channel(%L, %L)', 'new', settings) as made (statement);
$function$;

-- Made

select tests.act_as('adam');
insert into tests.told_secrets
select 'first', tests.make_channel('ops', '{"url": "https://hooks.ops.test:8443/services/T0/xoxo-9876-secret?token=abc"}') ->> 'signing_secret';
select matches(
    (select secret from tests.told_secrets where name = 'first'), '^whsec_[A-Za-z0-9+/]{43}=$',
    'an admin makes a channel and is told its signing secret: 32 bytes, as Standard Webhooks writes them'
);
select results_eq(
    $$ select kind, url_hint, is_enabled, max_per_hour, project_id, created_by from public.notification_channels $$,
    $$ values ('webhook', 'https://hooks.ops.test:8443', true, 20, null::uuid, tests.id('adam')) $$,
    'of its address the host is shown'
);
select is(
    tests.make_channel('chat', '{"kind": "slack", "project": "shop"}') -> 'signing_secret', 'null',
    'a chat has no signing secret'
);
select is(
    (tests.channel('chat')).project_id, tests.id('shop'), 'a channel may be for one project'
);

select tests.act_as_owner();
select is_empty(
    $$ select tests.leaks('xoxo-9876-secret') $$, 'the address is in no table'
);
select is_empty(
    $$ select tests.leaks(substr(secret, 7)) from tests.told_secrets $$,
    'and neither is the signing secret'
);
select is(
    (select count(*) from private.channel_secrets), 3::bigint, 'both are in Vault, that of the chat too'
);

-- Changed

select tests.act_as('olga');
select is(
    public.save_notification_channel(jsonb_build_object(
        'organization', tests.id('acme'), 'name', 'ops', 'max_per_hour', 5, 'link_base', 'https://app.test/x/'
    )) - 'id',
    '{"is_new": false, "signing_secret": null}', 'saving the same name again changes the channel'
);
select results_eq(
    $$ select max_per_hour, link_base, url_hint from public.notification_channels where name = 'ops' $$,
    $$ values (5, 'https://app.test/x', 'https://hooks.ops.test:8443') $$,
    'what the document does not say stays'
);
select lives_ok(
    $$ select public.save_notification_channel(jsonb_build_object(
        'id', (tests.channel('ops')).id, 'name', 'operations', 'link_base', null
    )) $$,
    'by its id it is renamed'
);
select is((tests.channel('operations')).link_base, null, 'and null takes a link away');
select is(
    tests.slug_of($$ select public.save_notification_channel(jsonb_build_object(
        'id', (tests.channel('operations')).id, 'name', 'chat'
    )) $$),
    'name_taken', 'not to a name that is taken'
);

insert into tests.told_secrets
select 'second', public.save_notification_channel(jsonb_build_object(
    'id', (tests.channel('operations')).id, 'new_signing_secret', true
)) ->> 'signing_secret';
select isnt(
    (select secret from tests.told_secrets where name = 'second'),
    (select secret from tests.told_secrets where name = 'first'),
    'a new signing secret is another one'
);
select tests.act_as_owner();
select results_eq(
    $$ select purpose, valid_until > now() + interval '23 hours' and valid_until < now() + interval '25 hours'
    from private.channel_secrets where channel_id = (tests.channel('operations')).id order by purpose $$,
    $$ values ('former_signing', true), ('signing', false), ('url', false) $$,
    'the former one signs for another day'
);
select public.save_notification_channel(jsonb_build_object(
    'id', (tests.channel('operations')).id, 'new_signing_secret', true
));
select is(
    (select count(*) from vault.secrets where description like '%notification channel%'), 4::bigint,
    'the one before that leaves Vault'
);

-- Refused

select tests.act_as('eda');
select is(
    tests.slug_of($$ select tests.make_channel('mine') $$), 'not_allowed', 'an editor makes none'
);
select is((select count(*) from public.notification_channels), 2::bigint, 'but sees them');
select tests.act_as_owner();
insert into tests.told_secrets select 'id', (tests.channel('operations')).id;
select tests.act_as('otto');
select is(
    tests.slug_of($$ select tests.make_channel('mine') $$), 'unknown_organization',
    'to a stranger the organization is not there'
);
select is(
    tests.slug_of(format(
        $$ select public.delete_notification_channel(%L) $$,
        (select secret from tests.told_secrets where name = 'id')
    )),
    'unknown_channel', 'nor is a channel'
);

select tests.act_as('adam');
select is(tests.problem_of('{"kind": "email"}'), 'malformed_document /kind', 'a kind that is none');
select is(tests.problem_of('{"colour": 1}'), 'malformed_document /colour', 'a field that is none');
select is(tests.problem_of('{"name": " "}'), 'malformed_channel /name', 'a name without a letter');
select is(tests.problem_of('{"max_per_hour": 0}'), 'malformed_channel /max_per_hour', 'no message at all');
select is(tests.problem_of('{"labels": ["a b"]}'), 'malformed_channel /labels', 'a label with a blank');
select is(tests.problem_of('{"link_base": "javascript:alert(1)"}'), 'malformed_channel /link_base', 'a link that is none');
select is(tests.problem_of('{"url": "ftp://hook.test/x"}'), 'malformed_url', 'an address that is not http');
select is(tests.problem_of('{"url": "https://user:word@hook.test/x"}'), 'malformed_url', 'one with a password');
select is(tests.problem_of('{"url": "https://hook.test/a b"}'), 'malformed_url', 'one with a blank');
select is(tests.problem_of('{"project": "their shop"}'), 'unknown_project', 'somebody else''s project');
select is(
    tests.slug_of($$ select public.save_notification_channel(
        jsonb_build_object('organization', tests.id('acme'), 'name', 'new')
    ) $$),
    'malformed_document', 'a new one needs a kind and an address'
);
select unalike(
    tests.message_of($$ select tests.make_channel('new', '{"url": "ftp://hook.test/my-token"}') $$),
    '%my-token%', 'no message shows an address that was refused'
);
select throws_ok(
    $$ update public.notification_channels set name = 'x' where name = 'chat' $$, '42501', null,
    'the table itself is written by nobody'
);

-- Told

select tests.act_as_owner();
select bag_eq(
    $$
    select verb, after ->> 'name' from public.data_changes
    where table_name = 'notification_channels' and user_id = tests.id('olga')
    $$,
    $$ values ('update', 'ops'), ('update', 'operations') $$,
    'changes are in the audit trail'
);
select public.save_notification_channel(jsonb_build_object(
    'id', (tests.channel('operations')).id, 'url', 'https://hooks.ops.test:8443/another'
));
select isnt_empty(
    $$
    select from public.data_changes
    where table_name = 'notification_channels' and verb = 'update' and after ? 'url_set_at'
    $$,
    'so is that an address was changed which looks the same'
);

-- Disabled and deleted

select tests.make_rule('all', 'operations');
select tests.end_run('failed');
select private.process_events();
select tests.end_run('failed');
select private.match_rules(array(select events.id from public.platform_events as events));
select is((tests.message('operations')).state, 'ready', 'a message waits');
select public.save_notification_channel(jsonb_build_object(
    'id', (tests.channel('operations')).id, 'is_enabled', false
));
select is((tests.message('operations')).state, 'cancelled', 'disabling a channel gives up what waits');
select is_empty($$ select from private.notices $$, 'and what it was still to be told');
select is(tests.told('operations'), '{}', 'and nothing new is told');
select public.delete_notification_channel((tests.channel('operations')).id);
select is_empty(
    $$ select from public.notification_rules $$, 'with a channel go its rules'
);
select is(
    (select count(*) from vault.secrets where description like '%notification channel%'), 1::bigint,
    'and its secrets'
);
select tests.act_as('adam');
select is(
    (
        select count(*) from generate_series(1, 49) as n
        cross join lateral tests.make_channel('channel ' || n, '{"url": "https://a.test/"}')
    ), 49::bigint, 'an organization has up to 50'
);
select is(
    tests.slug_of($$ select tests.make_channel('one more', '{"url": "https://a.test/"}') $$), 'too_many_channels', 'and no more'
);

select finish();
rollback;
