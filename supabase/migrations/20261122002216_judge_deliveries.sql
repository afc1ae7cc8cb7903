-- Judging deliveries: what workers report of them, and when the next attempt is due.
-- Depends on: deliveries, report, events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Deliveries are locked after runs and items, in order of id, and their channels after them. Claims
-- wait for neither: they skip what is locked.

create type private.delivery_failure as (
    delivery_id bigint,
    http_status integer,
    slug text,
    retry_after_s numeric,
    is_final boolean
);
comment on type private.delivery_failure is
$comment$An attempt at a delivery that did not arrive: what was answered (null: nothing), why, when
the receiver wants to be asked again, and whether another attempt is of any use.$comment$;

create function private.delivery_delay_s(failed_count integer, retry_after_s numeric)
returns numeric
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return greatest(
        least(10 * 3 ^ least(failed_count, 10), 21600) * (0.5 + random())::numeric,
        case when retry_after_s > 86400 then 86400 else retry_after_s end
    );
end;
$function$;
comment on function private.delivery_delay_s(integer, numeric) is
$comment$Seconds until the next attempt at a delivery: min(6 h, 10 s * 3 ^ n) * U(0.5, 1.5), or
Retry-After if longer, a day at most.

failed_count: attempts that failed before the last. Source: algorithms 3.9; RFC 9110, section
10.2.3.$comment$;

create function private.note_failures(failures private.delivery_failure[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform
    from public.notification_channels as channels
    where channels.id in (
        select deliveries.channel_id
        from private.deliveries
        where deliveries.id in (select given.delivery_id from unnest(failures) as given)
    )
    order by channels.id
    for no key update;

    update public.notification_channels as channels
    set
        failed_count = channels.failed_count + counted.failures,
        failing_since = coalesce(channels.failing_since, clock_timestamp()),
        is_enabled = channels.is_enabled and not counted.is_gone,
        gone_at = case when counted.is_gone then clock_timestamp() else channels.gone_at end
    from (
        select
            deliveries.channel_id,
            count(*)::integer as failures,
            bool_or(given.slug = 'gone') as is_gone
        from unnest(note_failures.failures) as given
        inner join private.deliveries on deliveries.id = given.delivery_id
        group by deliveries.channel_id
    ) as counted
    where channels.id = counted.channel_id;
end;
$function$;
comment on function private.note_failures(private.delivery_failure[]) is
'Note in their channels that attempts failed; one that is gone is disabled.';

create function private.raise_delivery_failures(delivery_ids bigint[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.raise_events(array(
        select
            row(
                deliveries.organization_id,
                deliveries.project_id,
                'notification_failed',
                'warning',
                format('A message to the channel "%s" did not arrive', channels.name),
                'notification_failed:' || deliveries.message_id,
                null,
                null,
                null,
                jsonb_build_object(
                    'channel', channels.id,
                    'delivery', deliveries.id,
                    'event', deliveries.event,
                    'slug', deliveries.slug,
                    'http_status', deliveries.http_status
                )
            )::private.new_event
        from private.deliveries
        inner join public.notification_channels as channels
            on channels.id = deliveries.channel_id
        where deliveries.id = any(delivery_ids) and deliveries.event <> 'channel_test'
        order by deliveries.id
    ));
end;
$function$;
comment on function private.raise_delivery_failures(bigint[]) is
'Raise notification_failed for messages that were given up, trials left out.';

create function private.fail_deliveries(failures private.delivery_failure[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_given_up bigint[];
    v_gone uuid[];
begin
    if failures = '{}' then
        return;
    end if;
    with judged as materialized (
        select
            given.*,
            clock_timestamp() + interval '1 second' * private.delivery_delay_s(
                deliveries.failed_count, given.retry_after_s
            ) as retry_at
        from unnest(failures) as given
        inner join private.deliveries on deliveries.id = given.delivery_id
    ),

    changed as (
        update private.deliveries
        set
            state = case when ended.is_so then 'failed' else 'ready' end,
            available_at = case
                when ended.is_so then deliveries.available_at else judged.retry_at
            end,
            failed_count = deliveries.failed_count + 1,
            http_status = judged.http_status,
            slug = judged.slug,
            tried_at = clock_timestamp(),
            finished_at = case when ended.is_so then clock_timestamp() end,
            body = case when not ended.is_so then deliveries.body end,
            judged_lease = deliveries.lease,
            judged_worker_id = deliveries.worker_id,
            leased_at = null,
            lease = null,
            lease_until = null,
            worker_id = null,
            call_id = null
        from judged
        inner join private.deliveries as own on own.id = judged.delivery_id
        cross join lateral (
            select
                judged.is_final
                -- whoever tries a channel out wants to know now
                or own.event = 'channel_test'
                or judged.retry_at > own.created_at + interval '24 hours' as is_so
        ) as ended
        where deliveries.id = judged.delivery_id
        returning
            deliveries.id,
            deliveries.channel_id,
            deliveries.state,
            deliveries.slug
    )

    select
        array_agg(changed.id) filter (where changed.state = 'failed'),
        array_agg(distinct changed.channel_id) filter (where changed.slug = 'gone')
    into v_given_up, v_gone
    from changed;

    perform private.note_failures(failures);
    if v_gone is not null then
        perform private.cancel_deliveries(v_gone);
    end if;
    if v_given_up is not null then
        perform private.raise_delivery_failures(v_given_up);
    end if;
end;
$function$;
comment on function private.fail_deliveries(private.delivery_failure[]) is
$comment$Put deliveries whose attempt failed back for another, or give them up: after a day, at once
where another is of no use, and with all of their channel where it is gone.

The caller holds their locks.$comment$;

create function private.finish_deliveries(delivered private.delivery_failure[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if delivered = '{}' then
        return;
    end if;
    update private.deliveries
    set
        state = 'delivered',
        http_status = given.http_status,
        slug = null,
        tried_at = clock_timestamp(),
        finished_at = clock_timestamp(),
        body = null,
        judged_lease = deliveries.lease,
        judged_worker_id = deliveries.worker_id,
        leased_at = null,
        lease = null,
        lease_until = null,
        worker_id = null,
        call_id = null
    from unnest(delivered) as given
    where deliveries.id = given.delivery_id;

    update public.notification_channels as channels
    set delivered_at = clock_timestamp(), failing_since = null, failed_count = 0
    where channels.id in (
        select locked.id
        from public.notification_channels as locked
        where locked.id in (
            select deliveries.channel_id
            from private.deliveries
            where deliveries.id in (select given.delivery_id from unnest(delivered) as given)
        )
        order by locked.id
        for no key update
    );
end;
$function$;
comment on function private.finish_deliveries(private.delivery_failure[]) is
$comment$Note that deliveries arrived, with what was answered; their channels work.

The caller holds their locks.$comment$;

create function private.judge_delivery(report jsonb, delivery_id bigint)
returns private.delivery_failure
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- a worker may be a tenant's: what has not the right shape is no answer
    v_status integer := case
        when report #>> '{response,status}' ~ '^[1-5][0-9]{2}$'
            then (report #>> '{response,status}')::integer
    end;
    v_category text := left(report #>> '{error,category}', 100);
    v_slug text := case
        when v_status between 200 and 299 then null
        when v_status = 410 then 'gone'
        when v_status is not null then 'http_status'
        else (select reasons.slug from private.error_reason(v_category) as reasons)
    end;
begin
    return row(
        delivery_id,
        v_status,
        v_slug,
        (
            select max(left(headers.header ->> 1, 6))::numeric
            from jsonb_array_elements(
                case
                    when jsonb_typeof(report #> '{response,headers}') = 'array'
                        then report #> '{response,headers}'
                    else '[]'
                end
            ) as headers (header)
            where
                lower(headers.header ->> 0) = 'retry-after'
                and headers.header ->> 1 ~ '^[0-9]{1,6}$'
        ),
        coalesce(v_slug in ('gone', 'egress_denied', 'invalid_definition'), false)
    )::private.delivery_failure;
end;
$function$;
comment on function private.judge_delivery(jsonb, bigint) is
$comment$What a report on a delivery comes to: a slug why it did not arrive, or none: it did.

2xx is success and everything else is not, 3xx included. 410 says that nobody wants to hear any
more. Another attempt is of no use there, where the worker may not go to the address, and where the
request is none. Nothing that a receiver says is kept but its status: it may repeat the address.
Source: Standard Webhooks 1.0.0, operational considerations.$comment$;

create function private.report_deliveries(worker_id uuid, reports jsonb)
returns bigint[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_accepted bigint[];
    v_verdicts private.delivery_failure[];
begin
    with given as materialized (
        select
            (entries.report ->> 'item')::bigint as item,
            (entries.report ->> 'attempt')::integer as attempt,
            (entries.report ->> 'lease')::uuid as lease,
            entries.report
        from jsonb_array_elements(reports) as entries (report)
    ),

    current_leases as materialized (
        select deliveries.*
        from private.deliveries
        where
            deliveries.id = any(array(select given.item from given))
            and deliveries.worker_id = report_deliveries.worker_id
        order by deliveries.id
        for update
    ),

    counting as (
        select distinct on (leases.id)
            leases.id,
            given.report
        from current_leases as leases
        inner join given
            on
                given.item = leases.id
                and given.attempt = leases.attempt
                and given.lease = leases.lease
        order by leases.id
    ),

    repeated as (
        select deliveries.id
        from private.deliveries
        inner join given on given.item = deliveries.id and given.lease = deliveries.judged_lease
        where
            deliveries.id = any(array(select asked.item from given as asked))
            and deliveries.judged_worker_id = report_deliveries.worker_id
    )

    select
        array(select counting.id from counting union select repeated.id from repeated),
        array(select private.judge_delivery(counting.report, counting.id) from counting)
    into v_accepted, v_verdicts;

    perform private.finish_deliveries(array(
        select verdicts::private.delivery_failure
        from unnest(v_verdicts) as verdicts
        where verdicts.slug is null
    ));
    perform private.fail_deliveries(array(
        select verdicts::private.delivery_failure
        from unnest(v_verdicts) as verdicts
        where verdicts.slug is not null
    ));
    return v_accepted;
end;
$function$;
comment on function private.report_deliveries(uuid, jsonb) is
$comment$Judge the reports that are about deliveries; those that count, now or before.

Asked only of reports that are about no work item. The fence is that of tests: item, attempt, lease
and worker.$comment$;

create function private.lock_deliveries(worker_id uuid, items jsonb)
returns bigint[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return array(
        select deliveries.id
        from private.deliveries
        inner join
            jsonb_to_recordset(items)
            as given (item bigint, attempt integer, lease uuid)
            on
                given.item = deliveries.id
                and given.attempt = deliveries.attempt
                and given.lease = deliveries.lease
        where deliveries.worker_id = lock_deliveries.worker_id
        order by deliveries.id
        for update of deliveries
    );
end;
$function$;
comment on function private.lock_deliveries(uuid, jsonb) is
'Lock those of [{"item", "attempt", "lease"}, ...] that are deliveries leased to the worker.';

create function private.renew_deliveries(worker_id uuid, items jsonb)
returns bigint[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ids bigint[] := private.lock_deliveries(worker_id, items);
begin
    update private.deliveries
    set lease_until = clock_timestamp() + private.lease_duration()
    where id = any(v_ids);
    return v_ids;
end;
$function$;
comment on function private.renew_deliveries(uuid, jsonb) is
'Hold a worker''s leases of deliveries for another while; those that are its own.';

create function private.release_deliveries(worker_id uuid, items jsonb)
returns bigint[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ids bigint[] := private.lock_deliveries(worker_id, items);
begin
    update private.deliveries
    set
        state = 'ready',
        leased_at = null,
        lease = null,
        lease_until = null,
        worker_id = null,
        call_id = null
    where id = any(v_ids);
    return v_ids;
end;
$function$;
comment on function private.release_deliveries(uuid, jsonb) is
'Make deliveries ready again that a worker did not send; those that were its own.';

create function private.lose_deliveries(worker_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.fail_deliveries(array(
        select row(deliveries.id, null, 'lost', null, false)::private.delivery_failure
        from private.deliveries
        where
            deliveries.finished_at is null
            and deliveries.state = 'leased'
            and deliveries.worker_id = any(worker_ids)
        order by deliveries.id
        for update
    ));
end;
$function$;
comment on function private.lose_deliveries(uuid[]) is
'Take all deliveries from workers at once, as if their leases had run out.';
