-- Notification channels: where messages go, and the secrets that this takes.
-- Depends on: projects, problems, the platform's Vault. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.channel_problem(
    name text, kind text, labels text[], max_per_hour integer, link_base text
)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return coalesce(
        private.length_problem(name, '/name', 1000),
        private.length_problem(link_base, '/link_base', 2000),
        case
            when length(btrim(name)) not between 1 and 200 then row(
                'malformed_channel', '/name', null, 'has not 1 to 200 characters',
                'Give it a name that people know it by.'
            )::private.problem
            when kind not in ('webhook', 'slack') then row(
                'malformed_channel', '/kind', null, 'is neither webhook nor slack',
                'Write slack for whatever takes {"text": ...} as Slack does, else webhook.'
            )::private.problem
            when not private.are_labels(labels) then row(
                'malformed_channel', '/labels', null, 'is no list of labels',
                'Write at most 20 words without blanks and commas.'
            )::private.problem
            when max_per_hour not between 1 and 1000 then row(
                'malformed_channel', '/max_per_hour', null, 'is outside 1..1000',
                'What comes above it is told later, several things in one message.'
            )::private.problem
            when link_base !~ '^https?://[A-Za-z0-9._:\[\]-]+(/[!-~]*)?$' then row(
                'malformed_channel', '/link_base', null, 'is no http or https address',
                'Write what comes before /runs/<id>, such as https://tests.example.com/app.'
            )::private.problem
        end
    );
end;
$function$;
comment on function private.channel_problem(text, text, text[], integer, text) is
$comment$What is wrong with a notification channel; null if nothing. Slugs: malformed_channel,
too_large.$comment$;

create table public.notification_channels (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations on delete cascade,
    project_id uuid,
    name text not null,
    kind text not null,
    url_hint text not null,
    url_set_at timestamptz not null default now(),
    is_enabled boolean not null default true,
    labels text[] not null default '{}',
    max_per_hour integer not null default 20,
    link_base text,
    gone_at timestamptz,
    failing_since timestamptz,
    failed_count integer not null default 0,
    delivered_at timestamptz,
    created_by uuid references public.users on delete set null,
    created_at timestamptz not null default now(),
    constraint notification_channels_name_key unique (organization_id, name),
    constraint notification_channels_organization_key unique (id, organization_id),
    constraint notification_channels_project_id_fkey foreign key (project_id, organization_id)
    references public.projects (id, organization_id) on delete cascade,
    -- raises, with the place and a hint, what is wrong
    constraint notification_channels_check check (
        private.accept(private.channel_problem(name, kind, labels, max_per_hour, link_base))
    ),
    constraint notification_channels_failed_count_check check (
        (failed_count > 0) = (failing_since is not null)
    )
);
comment on table public.notification_channels is
$comment$Where messages go: a webhook, or a chat that takes messages as Slack does. Its address is a
secret and kept in Vault. Written by save_notification_channel; docs/notifications.md.$comment$;
comment on column public.notification_channels.id is 'Stable identity.';
comment on column public.notification_channels.organization_id is 'The tenant.';
comment on column public.notification_channels.project_id is
$comment$The one project that it tells of; null = all of the organization, and what concerns it as
a whole.$comment$;
comment on column public.notification_channels.name is 'Unique in the organization.';
comment on column public.notification_channels.kind is
$comment$webhook: JSON, signed as Standard Webhooks asks. slack: {"text"}, for Slack and what takes
the same.$comment$;
comment on column public.notification_channels.url_hint is
'Of the address the part that is no secret: scheme, host and port.';
comment on column public.notification_channels.url_set_at is 'When the address was last set.';
comment on column public.notification_channels.is_enabled is 'Whether anything is sent there.';
comment on column public.notification_channels.labels is
$comment$What a worker must have to deliver: all of these. Empty: any worker will do. For receivers
that only some workers reach.$comment$;
comment on column public.notification_channels.max_per_hour is
'Messages an hour at most; what comes above it waits and is told together. 1 to 1,000.';
comment on column public.notification_channels.link_base is
'What comes before /runs/<id> in links; null = messages have none.';
comment on column public.notification_channels.gone_at is
$comment$When the receiver answered 410, which disabled the channel; null = it did not since the
address was set.$comment$;
comment on column public.notification_channels.failing_since is
'Since when every attempt has failed; null = the last one did not.';
comment on column public.notification_channels.failed_count is
'Attempts that failed since then. From 10 on it is tried with one message at a time.';
comment on column public.notification_channels.delivered_at is
'When a message last arrived; null = none did.';
comment on column public.notification_channels.created_by is
'Who made it; null for the secret key, or when the account is gone.';
comment on column public.notification_channels.created_at is 'When it was created.';
create index notification_channels_project_id_idx
on public.notification_channels (project_id, organization_id);
create index notification_channels_created_by_idx on public.notification_channels (created_by);

alter table public.notification_channels enable row level security;
grant select on public.notification_channels to authenticated, service_role;

create policy notification_channels_select_member on public.notification_channels
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));

create table private.channel_secrets (
    secret_id uuid primary key,
    channel_id uuid not null references public.notification_channels on delete cascade,
    purpose text not null,
    valid_until timestamptz not null default 'infinity',
    constraint channel_secrets_purpose_key unique (channel_id, purpose),
    constraint channel_secrets_purpose_check check (
        purpose in ('url', 'signing', 'former_signing')
    )
);
comment on table private.channel_secrets is
'What channels have in Vault: their address, and what messages to them are signed with.';
comment on column private.channel_secrets.secret_id is
'vault.secrets.id; the entry there goes with the row.';
comment on column private.channel_secrets.channel_id is 'The channel.';
comment on column private.channel_secrets.purpose is
$comment$url: the address. signing: whsec_ and base64 of the key. former_signing: the key before
that, which still signs for a while.$comment$;
comment on column private.channel_secrets.valid_until is 'Not used from then on.';
alter table private.channel_secrets enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.channel_secrets for select to public using (false);

create trigger t500_delete_vault_secret
after delete on private.channel_secrets
for each row execute function private.delete_vault_secret();

create function private.keep_channel_secret(channel_id uuid, purpose text, value text)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    delete from private.channel_secrets as secrets
    where
        secrets.channel_id = keep_channel_secret.channel_id
        and secrets.purpose = keep_channel_secret.purpose;
    insert into private.channel_secrets (secret_id, channel_id, purpose)
    values (
        vault.create_secret(value, null, 'A secret of an Assay notification channel.'),
        keep_channel_secret.channel_id,
        keep_channel_secret.purpose
    );
end;
$function$;
comment on function private.keep_channel_secret(uuid, text, text) is
'Put a secret of a channel into Vault, in place of the one it has for this purpose.';

create function private.renew_signing_secret(channel_id uuid)
returns text
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_secret text := 'whsec_' || encode(extensions.gen_random_bytes(32), 'base64');
begin
    delete from private.channel_secrets as secrets
    where
        secrets.channel_id = renew_signing_secret.channel_id
        and secrets.purpose = 'former_signing';
    update private.channel_secrets as secrets
    set purpose = 'former_signing', valid_until = now() + interval '24 hours'
    where
        secrets.channel_id = renew_signing_secret.channel_id
        and secrets.purpose = 'signing';
    perform private.keep_channel_secret(renew_signing_secret.channel_id, 'signing', v_secret);
    return v_secret;
end;
$function$;
comment on function private.renew_signing_secret(uuid) is
$comment$Give a channel a new key to sign with, and return it as receivers take it. The former one
signs beside it for 24 hours.

Source: Standard Webhooks 1.0.0, signature scheme and headers.$comment$;

create function private.refuse_malformed_url(url text)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- no message here may show it
    if
        length(url) not between 1 and 2000
        or private.address_of(url) is null
        or url !~ '^[!-~]+$'
        or strpos(url, '#') > 0
    then
        raise exception using
            errcode = 'PT400',
            message = 'the address of the channel is no plain http or https address',
            detail = 'malformed_url',
            hint = 'Write https://host/path as the receiver gives it: up to 2,000 characters of '
                || 'ASCII, no user before an @, no fragment.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_url(text) is 'Raise PT400 malformed_url.';

create function private.find_channel(channel_id uuid)
returns public.notification_channels
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_channel public.notification_channels;
begin
    select channels.*
    into v_channel
    from public.notification_channels as channels
    where
        channels.id = find_channel.channel_id
        and (
            (select private.is_operator())
            or channels.organization_id = any(
                array(select private.my_managed_organization_ids())
            )
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no channel %s that you manage', find_channel.channel_id)
            ),
            detail = 'unknown_channel',
            hint = 'Owners and admins of its organization manage a notification channel.';
    end if;
    return v_channel;
end;
$function$;
comment on function private.find_channel(uuid) is
'The channel, if the caller manages it. Errors: PT404 unknown_channel.';
