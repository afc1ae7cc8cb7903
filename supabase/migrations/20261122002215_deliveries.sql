-- Deliveries: messages on their way, one HTTP request each, and the log of what became of them.
-- Depends on: notification_channels, queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.deliveries (
    -- of the sequence of items: what a worker reports is the one or the other, never both
    id bigint primary key default nextval('private.work_items_id_seq'),
    message_id uuid not null default gen_random_uuid(),
    channel_id uuid not null references public.notification_channels on delete cascade,
    organization_id uuid not null,
    project_id uuid,
    event text not null,
    event_ids bigint[] not null,
    body text,
    state text not null default 'ready',
    available_at timestamptz not null default now(),
    attempt integer not null default 0,
    failed_count integer not null default 0,
    http_status integer,
    slug text,
    tried_at timestamptz,
    leased_at timestamptz,
    lease uuid,
    lease_until timestamptz,
    worker_id uuid,
    call_id uuid,
    judged_lease uuid,
    judged_worker_id uuid,
    created_at timestamptz not null default now(),
    finished_at timestamptz,
    constraint deliveries_state_check check (
        state in ('ready', 'leased', 'delivered', 'failed', 'cancelled')
    ),
    constraint deliveries_lease_check check (
        case state when 'leased' then 5 else 0 end
        = num_nonnulls(leased_at, lease, lease_until, worker_id, call_id)
    ),
    constraint deliveries_finished_check check (
        (state in ('ready', 'leased')) = (finished_at is null)
        and (finished_at is null) = (body is not null)
    )
-- a share of a log means nothing to what is looked up in it all the time: the few that are open
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
comment on table private.deliveries is
$comment$Messages: on their way until finished_at, then the log of what became of them.

A worker makes a delivery as it makes an attempt at a test, and knows no difference. At least once:
message_id tells a receiver what it has already.$comment$;
comment on column private.deliveries.id is 'Identity on the wire, never that of a work item.';
comment on column private.deliveries.message_id is
'Identity for the receiver, as webhook-id: the same in every attempt.';
comment on column private.deliveries.channel_id is 'Where it goes.';
comment on column private.deliveries.organization_id is 'Its tenant: whose workers may deliver it.';
comment on column private.deliveries.project_id is
'The project that it tells of; null for what concerns the organization, and for trials.';
comment on column private.deliveries.event is
'Name of the events that it tells, or channel_test for a trial.';
comment on column private.deliveries.event_ids is
'Those platform_events.id; the events may be gone by now.';
comment on column private.deliveries.body is 'What is sent; null when it is over.';
comment on column private.deliveries.state is
$comment$ready, leased to a worker, then delivered, failed, or cancelled because its channel was
disabled.$comment$;
comment on column private.deliveries.available_at is 'Not sent before: the delay of a retry.';
comment on column private.deliveries.attempt is 'Leases so far; part of the fence.';
comment on column private.deliveries.failed_count is 'Attempts that failed or were lost so far.';
comment on column private.deliveries.http_status is
'What the receiver last answered; null = nothing.';
comment on column private.deliveries.slug is
'Why the last attempt did not arrive, of docs/errors.md; null if it did, or there was none.';
comment on column private.deliveries.tried_at is 'When the last attempt was over; null = none was.';
comment on column private.deliveries.leased_at is
'When the current attempt was handed out, which its signature tells.';
comment on column private.deliveries.lease is 'Token of the current lease: the fence.';
comment on column private.deliveries.lease_until is 'After this it may be rescued.';
comment on column private.deliveries.worker_id is 'Who holds the lease.';
comment on column private.deliveries.call_id is
'The call that took it; repeating the call returns it again.';
comment on column private.deliveries.judged_lease is
'The lease of the last report that counted: that report is accepted again.';
comment on column private.deliveries.judged_worker_id is 'Who made that report.';
comment on column private.deliveries.created_at is 'When it was put together.';
comment on column private.deliveries.finished_at is
'When it arrived or was given up; null while it is on its way.';

create index deliveries_open_idx on private.deliveries (available_at) where finished_at is null;
comment on index private.deliveries_open_idx is
'Asked by every claim whether there is any: empty nearly always, so that this costs nothing.';
create index deliveries_channel_id_idx on private.deliveries (channel_id, id desc);
create index deliveries_created_at_idx on private.deliveries (channel_id, created_at);
create index deliveries_finished_at_idx on private.deliveries (finished_at);
alter table private.deliveries enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.deliveries for select to public using (false);

create function private.cancel_deliveries(channel_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    delete from private.notices where notices.channel_id = any(channel_ids);
    update private.deliveries
    set
        state = 'cancelled',
        finished_at = clock_timestamp(),
        body = null,
        leased_at = null,
        lease = null,
        lease_until = null,
        worker_id = null,
        call_id = null
    where deliveries.id in (
        select cancelled.id
        from private.deliveries as cancelled
        where cancelled.channel_id = any(channel_ids) and cancelled.finished_at is null
        order by cancelled.id
        for update
    );
end;
$function$;
comment on function private.cancel_deliveries(uuid[]) is
$comment$Give up what channels are still to be told. A worker that holds one of these leases hears
that it is lost with its next renewal; its report is stale.$comment$;

create function private.sign_message(
    message_id text, sent_at bigint, body text, secrets text[]
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select
            string_agg(
                'v1,' || replace(
                    encode(
                        extensions.hmac(
                            convert_to(message_id || '.' || sent_at || '.' || body, 'UTF8'),
                            decode(substr(keys.secret, length('whsec_') + 1), 'base64'),
                            'sha256'
                        ),
                        'base64'
                    ), e'\n', ''
                ),
                ' '
                order by keys.ordinal
            )
        from unnest(secrets) with ordinality as keys (secret, ordinal)
    );
end;
$function$;
comment on function private.sign_message(text, bigint, text, text[]) is
$comment$The header webhook-signature of a message: one signature for each secret, in their order.

sent_at: Unix seconds. secrets: whsec_ and base64. Source: Standard Webhooks 1.0.0.$comment$;

create function private.render_deliveries(delivery_ids bigint[])
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return (
        select
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'item', deliveries.id,
                        -- a worker tells items apart by nothing but "item"; this names what it is
                        'run', deliveries.message_id,
                        'result', null,
                        'attempt', deliveries.attempt,
                        'lease', deliveries.lease,
                        'lease_ms', (extract(epoch from private.lease_duration()) * 1000)::integer,
                        'request', jsonb_build_object(
                            'method', 'POST',
                            'url', opened.url,
                            'headers', coalesce(signed.headers, '[]'),
                            'secret_headers', jsonb_build_array('webhook-signature'),
                            'secret_body', true,
                            'body', jsonb_build_object(
                                'kind', 'text',
                                'value', deliveries.body,
                                'content_type', 'application/json'
                            ),
                            'auth', null,
                            'timeout_ms', jsonb_build_object('connect', 5000, 'total', 15000),
                            'max_redirects', 0,
                            'max_body_bytes', 65536,
                            'verify_tls', true,
                            'http_versions', jsonb_build_array('1.1')
                        ),
                        'observe', '[]'::jsonb,
                        'json_schema', null
                    )
                    order by deliveries.id
                ),
                '[]'
            )
        from private.deliveries
        inner join public.notification_channels as channels
            on channels.id = deliveries.channel_id
        cross join lateral (
            select
                min(values_of.decrypted_secret) filter (where secrets.purpose = 'url') as url,
                -- the one in force first, s before f
                array_agg(values_of.decrypted_secret order by secrets.purpose desc)
                filter (where secrets.purpose <> 'url') as keys
            from private.channel_secrets as secrets
            inner join vault.decrypted_secrets as values_of on values_of.id = secrets.secret_id
            where secrets.channel_id = channels.id and secrets.valid_until > deliveries.leased_at
        ) as opened
        cross join lateral (
            select
                'msg_' || replace(deliveries.message_id::text, '-', '') as id,
                floor(extract(epoch from deliveries.leased_at))::bigint as sent_at
        ) as told
        left join lateral (
            select jsonb_build_array(
                jsonb_build_array('webhook-id', told.id),
                jsonb_build_array('webhook-timestamp', told.sent_at::text),
                jsonb_build_array(
                    'webhook-signature',
                    private.sign_message(told.id, told.sent_at, deliveries.body, opened.keys)
                )
            ) as headers
            where channels.kind = 'webhook'
        ) as signed on true
        where deliveries.id = any(delivery_ids) and deliveries.state = 'leased'
    );
end;
$function$;
comment on function private.render_deliveries(bigint[]) is
$comment$Leased deliveries as items of the wire contract: the request with the address and the
signature, nothing to look up.

The same lease is rendered the same. No redirect is followed: the address is a secret, and Standard
Webhooks asks for it.$comment$;

create function private.rescue_deliveries()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_horizon timestamptz := private.rescue_horizon();
    -- later than any lease could end: the clock was set back
    v_latest timestamptz := clock_timestamp() + private.lease_duration() + interval '1 second';
begin
    perform private.fail_deliveries(array(
        select row(deliveries.id, null, 'lost', null, false)::private.delivery_failure
        from private.deliveries
        where
            deliveries.finished_at is null
            and deliveries.state = 'leased'
            and (deliveries.lease_until < v_horizon or deliveries.lease_until > v_latest)
        order by deliveries.id
        limit 1000
        for update skip locked
    ));
end;
$function$;
comment on function private.rescue_deliveries() is
$comment$Take deliveries back from workers that went silent: an attempt that failed, since one that
kills its worker must not go round for ever. By the rules of private.rescue_expired.$comment$;

create function private.lease_deliveries(
    worker public.workers, call_id uuid, slots integer
)
returns bigint[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_taken bigint[];
begin
    with due as materialized (
        select
            ready.id,
            ready.channel_id,
            ready.organization_id,
            row_number() over (
                partition by ready.channel_id order by ready.available_at, ready.id
            ) + (
                select count(*)
                from private.deliveries as busy
                where
                    busy.channel_id = ready.channel_id
                    and busy.finished_at is null
                    and busy.state = 'leased'
            ) as in_channel
        from (
            select
                deliveries.*,
                channels.labels
            from private.deliveries
            inner join public.notification_channels as channels
                on channels.id = deliveries.channel_id
            where
                deliveries.finished_at is null
                and deliveries.state = 'ready'
                and deliveries.available_at <= now()
                and private.may_take(worker, deliveries.organization_id, channels.labels)
            order by deliveries.available_at, deliveries.id
            limit 1000
        ) as ready
    ),

    allowed as materialized (
        select
            due.id,
            row_number() over (
                partition by due.organization_id order by due.in_channel, due.id
            ) as in_organization
        from due
        inner join public.notification_channels as channels on channels.id = due.channel_id
        -- one that answers nobody holds one slot, not all
        where due.in_channel <= case when channels.failed_count >= 10 then 1 else 4 end
    ),

    locked as (
        select deliveries.id
        from private.deliveries
        where
            deliveries.id = any(array(
                select allowed.id
                from allowed
                order by allowed.in_organization, allowed.id
                limit slots
            ))
            and deliveries.state = 'ready'
        order by deliveries.id
        for update skip locked
    ),

    leased as (
        update private.deliveries
        set
            state = 'leased',
            attempt = deliveries.attempt + 1,
            leased_at = clock_timestamp(),
            lease = gen_random_uuid(),
            lease_until = clock_timestamp() + private.lease_duration(),
            worker_id = worker.id,
            call_id = lease_deliveries.call_id
        from locked
        where deliveries.id = locked.id
        returning deliveries.id
    )

    select coalesce(array_agg(leased.id), '{}') into v_taken from leased;
    return v_taken;
end;
$function$;
comment on function private.lease_deliveries(public.workers, uuid, integer) is
$comment$Lease due deliveries to a worker that may have them; their ids.

Organizations take turns, and so do the channels of one. About four of a channel are under way at
once, of one that fails one: two claims at the same moment may each come to that.$comment$;

create function private.has_open_delivery()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return exists (
        select
        from private.deliveries
        where deliveries.finished_at is null and deliveries.available_at <= now()
    );
end;
$function$;
comment on function private.has_open_delivery() is
'Is any delivery due or under way? One look into an index that is empty nearly always.';

create function private.replay_deliveries(worker_id uuid, call_id uuid)
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return private.render_deliveries(array(
        select deliveries.id
        from private.deliveries
        where
            deliveries.finished_at is null
            and deliveries.state = 'leased'
            and deliveries.call_id = replay_deliveries.call_id
            and deliveries.worker_id = replay_deliveries.worker_id
    ));
end;
$function$;
comment on function private.replay_deliveries(uuid, uuid) is
'The deliveries that a call took whose reply was lost, rendered the same.';

create function private.claim_deliveries(worker public.workers, call_id uuid, slots integer)
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return private.render_deliveries(
        case
            when slots > 0
                then private.lease_deliveries(worker, claim_deliveries.call_id, slots)
            else '{}'
        end
    );
end;
$function$;
comment on function private.claim_deliveries(public.workers, uuid, integer) is
'Up to so many due deliveries, leased to a worker and rendered.';
