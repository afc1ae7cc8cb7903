-- Channels as their managers see them: saved, deleted, tried out, and what became of messages.
-- Depends on: notification_channels, compose_messages. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.refuse_missing_fields(document jsonb, fields text[])
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    perform private.accept(
        row(
            'malformed_document', '/' || needed.name, null, 'is missing',
            'A channel that is not there yet takes organization, name, kind and url.'
        )::private.problem
    )
    from unnest(fields) as needed (name)
    where coalesce(document -> needed.name, 'null') = 'null';
end;
$function$;
comment on function private.refuse_missing_fields(jsonb, text[]) is
'Raise PT400 malformed_document unless a document has all of these fields.';

create function private.identify_channel(document jsonb)
returns public.notification_channels
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_channel public.notification_channels;
    v_id uuid := (document ->> 'id')::uuid;
    v_organization_id uuid := (document ->> 'organization')::uuid;
begin
    if v_id is not null then
        v_id := (private.find_channel(v_id)).id;
    else
        perform private.refuse_missing_fields(document, array['organization', 'name']);
        perform private.require_manager(v_organization_id, 'manage notification channels');
    end if;
    select channels.*
    into v_channel
    from public.notification_channels as channels
    where
        channels.id = v_id
        or v_id is null
        and channels.organization_id = v_organization_id
        and channels.name = document ->> 'name'
    for no key update;
    if not found then
        perform private.refuse_missing_fields(document, array['kind', 'url']);
        v_channel.organization_id := v_organization_id;
    end if;
    return v_channel;
end;
$function$;
comment on function private.identify_channel(jsonb) is
$comment$The channel that a document is about: of its id, or of its organization and name, locked;
one without an id if there is none yet. Errors: PT400 malformed_document; PT403 not_allowed; PT404
unknown_channel, unknown_organization.$comment$;

create function private.hold_channel_limit(organization_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.refuse_above(
        (
            select count(*)
            from public.notification_channels as channels
            where channels.organization_id = hold_channel_limit.organization_id
        ),
        50, 'too_many_channels', 'notification channels', 'Delete one that is not used.'
    );
end;
$function$;
comment on function private.hold_channel_limit(uuid) is
'Raise PT429 too_many_channels above 50 of an organization.';

create function private.write_channel(
    channel public.notification_channels, document jsonb
)
returns public.notification_channels
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_written public.notification_channels;
    v_project_id uuid := case
        when document ? 'project' then (document ->> 'project')::uuid else channel.project_id
    end;
begin
    if channel.id is null then
        insert into public.notification_channels (
            organization_id, name, kind, url_hint, created_by
        )
        values (
            channel.organization_id, document ->> 'name', document ->> 'kind', '', auth.uid()
        )
        returning * into channel;
        perform private.hold_channel_limit(channel.organization_id);
    end if;
    if v_project_id is not null and not exists (
        select
        from public.projects
        where
            projects.id = v_project_id and projects.organization_id = channel.organization_id
    ) then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('the organization has no project %s', v_project_id)
            ),
            detail = 'unknown_project',
            hint = 'Give the id of a project of the channel''s organization, or null for all.';
    end if;

    update public.notification_channels as channels
    set
        project_id = v_project_id,
        name = coalesce(document ->> 'name', channel.name),
        kind = coalesce(document ->> 'kind', channel.kind),
        url_hint = coalesce(
            substring(document ->> 'url' from '^https?://[^/?]+'), channel.url_hint
        ),
        url_set_at = case when document ? 'url' then clock_timestamp() else channel.url_set_at end,
        gone_at = case when not document ? 'url' then channel.gone_at end,
        is_enabled = coalesce((document ->> 'is_enabled')::boolean, channel.is_enabled),
        labels = case
            when document ? 'labels'
                then array(select jsonb_array_elements_text(document -> 'labels'))
            else channel.labels
        end,
        max_per_hour = coalesce((document ->> 'max_per_hour')::integer, channel.max_per_hour),
        link_base = case
            when document ? 'link_base' then rtrim(document ->> 'link_base', '/')
            else channel.link_base
        end
    where channels.id = channel.id
    returning * into v_written;
    return v_written;
end;
$function$;
comment on function private.write_channel(public.notification_channels, jsonb) is
$comment$Write what a document says of a channel, which is made if it has no id; a field that is
missing keeps its value. Errors: as the table's checks; PT404 unknown_project; PT429
too_many_channels.$comment$;

create function private.save_notification_channel(document jsonb)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- clients have no rights in Vault, and none to write the table
set search_path = ''
as $function$
declare
    v_channel public.notification_channels;
    v_is_new boolean;
    v_signing_secret text;
begin
    perform private.accept(private.size_problem(document, '', 65536));
    perform private.refuse_malformed_document('channel', document, '');
    v_channel := private.identify_channel(document);
    v_is_new := v_channel.id is null;
    if document ? 'url' then
        perform private.refuse_malformed_url(document ->> 'url');
    end if;
    begin
        v_channel := private.write_channel(v_channel, document);
    exception
        when unique_violation then
            raise exception using
                errcode = 'PT409',
                message = 'at /name: the name is taken',
                detail = 'name_taken',
                hint = 'Choose another name, or save the channel that has it.';
    end;

    if document ? 'url' then
        perform private.keep_channel_secret(v_channel.id, 'url', document ->> 'url');
    end if;
    if
        v_channel.kind = 'webhook'
        and (
            document -> 'new_signing_secret' = 'true'
            or not exists (
                select
                from private.channel_secrets as secrets
                where secrets.channel_id = v_channel.id and secrets.purpose = 'signing'
            )
        )
    then
        v_signing_secret := private.renew_signing_secret(v_channel.id);
    end if;
    if not v_channel.is_enabled then
        perform private.cancel_deliveries(array[v_channel.id]);
    end if;
    return jsonb_build_object(
        'id', v_channel.id, 'is_new', v_is_new, 'signing_secret', v_signing_secret
    );
end;
$function$;
comment on function private.save_notification_channel(jsonb) is
'Does the work of public.save_notification_channel.';
grant execute on function private.save_notification_channel(jsonb)
to authenticated, service_role;

create function public.save_notification_channel(document jsonb)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.save_notification_channel(document);
$function$;
comment on function public.save_notification_channel(jsonb) is
$comment$Create or change a channel for notifications: a webhook, or a chat that takes messages as
Slack does.

document: {"id"} of the one to change, or {"organization", "name"}: the channel of that name is
changed, and made if there is none. Then what it is to be: "name", "kind" (webhook or slack), "url"
(kept in Vault, never shown again), "project" (id; null: all of the organization), "is_enabled",
"labels" (what a worker must have to deliver), "max_per_hour" (1 to 1,000, 20 at first), "link_base"
(null: no links), "new_signing_secret" (true: sign with a new key; the former signs beside it for 24
hours). What is missing keeps its value. A channel that is disabled forgets what it was still to be
told. Returns {"id", "is_new", "signing_secret"}: whsec_..., shown only when it is new; null
otherwise, and for slack. For owners and admins. Errors: PT400 malformed_channel,
malformed_document, malformed_url; PT403 not_allowed; PT404 unknown_channel, unknown_organization,
unknown_project; PT409 name_taken; PT413 too_large; PT429 too_many_channels.$comment$;
grant execute on function public.save_notification_channel(jsonb) to authenticated, service_role;

create function private.delete_notification_channel(channel_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- clients have no rights to write the table
set search_path = ''
as $function$
declare
    v_channel public.notification_channels := private.find_channel(
        delete_notification_channel.channel_id
    );
begin
    delete from public.notification_channels where id = v_channel.id;
end;
$function$;
comment on function private.delete_notification_channel(uuid) is
'Does the work of public.delete_notification_channel.';
grant execute on function private.delete_notification_channel(uuid)
to authenticated, service_role;

create function public.delete_notification_channel(channel_id uuid)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.delete_notification_channel(channel_id);
$function$;
comment on function public.delete_notification_channel(uuid) is
$comment$Delete a channel with its rules, its secrets, and the log of its messages; what it was
still to be told is told to nobody.

For owners and admins. Errors: PT404 unknown_channel.$comment$;
grant execute on function public.delete_notification_channel(uuid)
to authenticated, service_role;

create function private.test_notification_channel(channel_id uuid)
returns bigint
language plpgsql
volatile
parallel unsafe
security definer -- deliveries are closed to clients
set search_path = ''
as $function$
declare
    v_channel public.notification_channels := private.find_channel(
        test_notification_channel.channel_id
    );
    v_id bigint;
begin
    if (
        select count(*)
        from private.deliveries
        where
            deliveries.channel_id = v_channel.id
            and deliveries.event = 'channel_test'
            and deliveries.created_at > now() - interval '1 hour'
    ) >= 10 then
        raise exception using
            errcode = 'PT429',
            message = 'the channel was tried out ten times within the hour',
            detail = 'too_many_channel_tests',
            hint = 'Look at what became of these with list_deliveries.';
    end if;
    insert into private.deliveries (
        channel_id, organization_id, project_id, event, event_ids, body
    )
    values (
        v_channel.id, v_channel.organization_id, v_channel.project_id, 'channel_test', '{}',
        case v_channel.kind
            when 'slack' then jsonb_build_object(
                'text', private.chat_text(
                    format('[Assay] The channel "%s" works: this is a test.', v_channel.name), 300
                )
            )::text
            else private.webhook_message(
                v_channel, v_channel.project_id, (
                    select projects.name
                    from public.projects
                    where projects.id = v_channel.project_id
                ), 'channel_test', '{}'
            )
        end
    )
    returning id into v_id;
    perform private.wake_for_deliveries(array[v_channel.organization_id]);
    return v_id;
end;
$function$;
comment on function private.test_notification_channel(uuid) is
'Does the work of public.test_notification_channel.';
grant execute on function private.test_notification_channel(uuid) to authenticated, service_role;

create function public.test_notification_channel(channel_id uuid)
returns bigint
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.test_notification_channel(channel_id);
$function$;
comment on function public.test_notification_channel(uuid) is
$comment$Send a channel a message that says nothing but that it works, also while it is disabled;
its id in list_deliveries, which tells what became of it.

It is tried once, by the next worker that may deliver it. For owners and admins. Errors: PT404
unknown_channel; PT429 too_many_channel_tests.$comment$;
grant execute on function public.test_notification_channel(uuid) to authenticated, service_role;

create function private.list_deliveries(channel_id uuid, before bigint, page_size integer)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- deliveries are closed to clients
set search_path = ''
as $function$
declare
    v_limit integer := private.page_limit(page_size);
    v_channel public.notification_channels := private.find_channel(list_deliveries.channel_id);
begin
    return (
        with page as (
            select deliveries.*
            from private.deliveries
            where
                deliveries.channel_id = v_channel.id
                and (list_deliveries.before is null or deliveries.id < list_deliveries.before)
            order by deliveries.id desc
            limit v_limit
        )

        select jsonb_build_object(
            'deliveries', coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'id', page.id,
                        'message', 'msg_' || replace(page.message_id::text, '-', ''),
                        'event', page.event,
                        'project', page.project_id,
                        'event_count', cardinality(page.event_ids),
                        'first_events', to_jsonb(page.event_ids[:20]),
                        'state', page.state,
                        'attempts', page.attempt,
                        'http_status', page.http_status,
                        'slug', page.slug,
                        'next_at', case page.state when 'ready' then page.available_at end,
                        'tried_at', page.tried_at,
                        'created_at', page.created_at,
                        'finished_at', page.finished_at
                    )
                    order by page.id desc
                ),
                '[]'
            ),
            'next', case when count(*) = v_limit then min(page.id) end
        )
        from page
    );
end;
$function$;
comment on function private.list_deliveries(uuid, bigint, integer) is
'Does the work of public.list_deliveries.';
grant execute on function private.list_deliveries(uuid, bigint, integer)
to authenticated, service_role;

create function public.list_deliveries(
    channel_id uuid, before bigint default null, page_size integer default 1000
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.list_deliveries(channel_id, before, page_size);
$function$;
comment on function public.list_deliveries(uuid, bigint, integer) is
$comment$What became of the messages to a channel, the newest first, page by page. Kept for 30 days.

before: "next" of the previous page, null at first. page_size: 1 to 1,000. Returns {"deliveries":
[{"id", "message" (webhook-id), "event", "project", "event_count", "first_events" (20 of
platform_events.id), "state" (ready, leased, delivered, failed, cancelled), "attempts",
"http_status" (the last; null = no answer), "slug" (why the last attempt did not arrive:
docs/errors.md), "next_at" (of the next attempt), "tried_at", "created_at", "finished_at"}],
"next"}; next is null when nothing more is there. Never what was sent, nor what a receiver said. For
owners and admins. Errors: PT404 unknown_channel.$comment$;
grant execute on function public.list_deliveries(uuid, bigint, integer)
to authenticated, service_role;
