-- Composing messages: what is due for a channel becomes text or JSON, and a delivery.
-- Depends on: match_events, deliveries. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.told_event as (
    event public.platform_events,
    environment text,
    test text,
    suite text,
    times integer
);
comment on type private.told_event is
'An event as a message tells it: with names, and how often its like happened.';

create function private.gather_told(event_ids bigint[])
returns private.told_event[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return array(
        select
            row(
                events::public.platform_events, environments.name, cases.name, suites.name,
                newest.times
            )::private.told_event
        from (
            -- of the same test, or of runs of the same tests, only the newest is told
            select
                max(alike.id) as id,
                count(*)::integer as times
            from public.platform_events as alike
            where alike.id = any(gather_told.event_ids)
            group by
                alike.event,
                alike.environment_id,
                coalesce(alike.test_case_id::text, alike.payload ->> 'stream', alike.id::text),
                private.event_outcome(alike.event, alike.payload)
        ) as newest
        inner join public.platform_events as events on events.id = newest.id
        left join public.environments on environments.id = events.environment_id
        left join public.test_cases as cases on cases.id = events.test_case_id
        left join public.test_suites as suites on suites.id = cases.suite_id
        order by events.id desc
    );
end;
$function$;
comment on function private.gather_told(bigint[]) is
'Events of one name and project as a message tells them, the newest first, each kind once.';

create function private.chat_text(source text, most integer)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_line text := btrim(private.one_line(source));
begin
    return private.replace_each(
        case
            when length(v_line) > most then left(v_line, most - 3) || '...' else v_line
        end,
        -- a name that somebody gave a test calls nobody: a space of no width stops mentions
        array['&', '&amp;', '<', '&lt;', '>', '&gt;', '@', '@' || chr(8203)]
    );
end;
$function$;
comment on function private.chat_text(text, integer) is
$comment$A text as a line of a chat: cut, without control characters, links and mentions.

Source: Slack, formatting text for app surfaces: & < > are escaped, and nothing else.$comment$;

create function private.chat_lines(told private.told_event[])
returns text[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if cardinality(told) > 1 then
        return array(
            select
                '• ' || private.chat_text(
                    concat(
                        '[' || entries.environment || '] ',
                        (entries.event).title,
                        case when entries.times > 1 then format(' (%s times)', entries.times) end
                    ), 180
                )
            from unnest(told) with ordinality as entries
            order by entries.ordinality
        );
    end if;
    -- of one run: what went wrong in it
    return array(
        select
            '• ' || private.chat_text(
                concat_ws(
                    ': ',
                    concat_ws(
                        '/', failures.test ->> 'suite', failures.test ->> 'test',
                        nullif(failures.test ->> 'row_key', '')
                    ),
                    failures.test ->> 'message'
                ), 180
            )
        from jsonb_array_elements(
            coalesce((told[1].event).payload -> 'failures', '[]')
        ) with ordinality as failures (test, ordinal)
        order by failures.ordinal
    );
end;
$function$;
comment on function private.chat_lines(private.told_event[]) is
'The lines below the first of a message to a chat: one for each event, or each failure of a run.';

create function private.chat_message(
    channel public.notification_channels, project text, told private.told_event[]
)
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_lines text[] := private.chat_lines(told);
    v_first private.told_event := told[1];
    v_head text := private.chat_text(
        case
            when cardinality(told) > 1 then format(
                '[%s] %s: %s', coalesce(project, 'Assay'), replace((v_first.event).event, '_', ' '),
                cardinality(told)
            )
            else concat(
                '[' || concat_ws(' / ', coalesce(project, 'Assay'), v_first.environment) || '] ',
                (v_first.event).title,
                case when v_first.times > 1 then format(' (%s times)', v_first.times) end
            )
        end, 300
    );
    v_link text := channel.link_base || '/runs/' || (v_first.event).run_id;
begin
    return jsonb_build_object(
        'text', (
            select
                v_head
                || coalesce(e'\n' || string_agg(kept.line, e'\n' order by kept.ordinal), '')
                || case
                    when count(*) < cardinality(v_lines)
                        then format(e'\nand %s more', cardinality(v_lines) - count(*))
                    else ''
                end
                || case when cardinality(told) = 1 then coalesce(e'\n' || v_link, '') else '' end
            from (
                -- Discord takes 2,000 characters
                select
                    lines.line,
                    lines.ordinal,
                    sum(length(lines.line) + 1) over (order by lines.ordinal) as size
                from unnest(v_lines) with ordinality as lines (line, ordinal)
            ) as kept
            where kept.size <= 1200 and kept.ordinal <= 10
        )
    )::text;
end;
$function$;
comment on function private.chat_message(
    public.notification_channels, text, private.told_event[]
) is
$comment$The body of a message to Slack and what takes the same: {"text"}, 2,000 characters at most
unless the address for links is long.$comment$;

create function private.told_time(at timestamptz)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
end;
$function$;
comment on function private.told_time(timestamptz) is
'A time as messages tell it: ISO 8601 in UTC, whatever the session shows.';

create function private.webhook_message(
    channel public.notification_channels,
    project_id uuid,
    project text,
    event text,
    told private.told_event[]
)
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return jsonb_build_object(
        'type', event,
        'timestamp', private.told_time(coalesce((told[1].event).created_at, now())),
        'data', jsonb_build_object(
            'organization_id', channel.organization_id,
            'project', case
                when webhook_message.project_id is not null
                    then jsonb_build_object('id', webhook_message.project_id, 'name', project)
            end,
            'more', greatest(cardinality(told) - 10, 0),
            'events', array(
                select
                    jsonb_build_object(
                        'id', (entries.event).id,
                        'severity', (entries.event).severity,
                        'title', (entries.event).title,
                        'at', private.told_time((entries.event).created_at),
                        'times', entries.times,
                        'environment', case
                            when (entries.event).environment_id is not null
                                then jsonb_build_object(
                                    'id', (entries.event).environment_id,
                                    'name', entries.environment
                                )
                        end,
                        'run_id', (entries.event).run_id,
                        'test', case
                            when (entries.event).test_case_id is not null
                                then jsonb_build_object(
                                    'id', (entries.event).test_case_id,
                                    'name', entries.test,
                                    'suite', entries.suite
                                )
                        end,
                        'url', channel.link_base || '/runs/' || (entries.event).run_id,
                        -- a message is no place for a whole report
                        'payload', case
                            when octet_length((entries.event).payload::text) <= 8000
                                then (entries.event).payload
                        end
                    )
                from unnest(told[:10]) with ordinality as entries
                order by entries.ordinality
            )
        )
    )::text;
end;
$function$;
comment on function private.webhook_message(
    public.notification_channels, uuid, text, text, private.told_event[]
) is
$comment$The body of a message to a webhook, as docs/notifications.md shows it: type, timestamp and
data, with ten events at most. Source: Standard Webhooks 1.0.0, payload structure.$comment$;

create function private.compose_body(
    channel public.notification_channels, project_id uuid, event text, event_ids bigint[]
)
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_told private.told_event[] := private.gather_told(compose_body.event_ids);
    v_project text := (
        select projects.name
        from public.projects
        where projects.id = compose_body.project_id
    );
begin
    return case channel.kind
        when 'slack' then private.chat_message(channel, v_project, v_told)
        else private.webhook_message(
            channel, compose_body.project_id, v_project, compose_body.event, v_told
        )
    end;
end;
$function$;
comment on function private.compose_body(
    public.notification_channels, uuid, text, bigint[]
) is 'The body that tells a channel of events of one name and project.';

create function private.wake_for_deliveries(organization_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    -- run_queued is what workers listen for, and says nothing but that there may be work
    perform private.announce(topics.topic, 'run_queued', '{}')
    from (
        select 'workers'
        union all
        select distinct 'workers:' || given.id
        from unnest(organization_ids) as given (id)
    ) as topics (topic)
    where cardinality(organization_ids) > 0;
end;
$function$;
comment on function private.wake_for_deliveries(uuid[]) is
'Tell workers that there is something to deliver, one message a channel.';

create function private.compose_messages()
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_organizations uuid[];
begin
    with due as materialized (
        select
            notices.channel_id,
            events.event,
            events.project_id,
            array_agg(events.id order by events.id) as event_ids
        from private.notices
        inner join public.platform_events as events on events.id = notices.event_id
        where notices.due_at <= now()
        group by
            notices.channel_id,
            events.event,
            events.project_id
    ),

    -- what a channel may not be told now waits, and is told together with what comes meanwhile
    allowed as (
        select numbered.*
        from (
            select
                due.*,
                row_number() over (
                    partition by due.channel_id order by due.event_ids[1]
                ) as place
            from due
        ) as numbered
        inner join public.notification_channels as channels on channels.id = numbered.channel_id
        where numbered.place <= channels.max_per_hour - (
            select count(*)
            from private.deliveries as recent
            where
                recent.channel_id = numbered.channel_id
                and recent.created_at > now() - interval '1 hour'
        )
    ),

    composed as (
        insert into private.deliveries (
            channel_id, organization_id, project_id, event, event_ids, body
        )
        select
            allowed.channel_id,
            channels.organization_id,
            allowed.project_id,
            allowed.event,
            allowed.event_ids,
            private.compose_body(
                channels, allowed.project_id, allowed.event, allowed.event_ids
            )
        from allowed
        inner join public.notification_channels as channels on channels.id = allowed.channel_id
        order by allowed.event_ids[1]
        returning
            deliveries.channel_id,
            deliveries.organization_id,
            deliveries.event_ids
    ),

    told as (
        delete from private.notices
        using composed
        where
            notices.channel_id = composed.channel_id
            and notices.event_id = any(composed.event_ids)
    )

    select coalesce(array_agg(composed.organization_id), '{}') into v_organizations from composed;
    perform private.wake_for_deliveries(v_organizations);
    return cardinality(v_organizations);
end;
$function$;
comment on function private.compose_messages() is
$comment$Put what is due into messages: for each channel one of each name of event and project, as
far as max_per_hour allows; how many.$comment$;

create function private.process_events(most integer default 1000)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_events bigint[];
begin
    -- one at a time: runs in a row are counted in the order of their events
    if not pg_try_advisory_xact_lock(hashtextextended('assay process events', 0)) then
        return 0;
    end if;
    with taken as (
        delete from private.fresh_events
        where fresh_events.event_id in (
            select fresh.event_id
            from private.fresh_events as fresh
            order by fresh.event_id
            limit most
        )
        returning fresh_events.event_id
    )

    select coalesce(array_agg(taken.event_id), '{}') into v_events from taken;
    if v_events <> '{}' then
        perform private.match_rules(v_events);
    end if;
    perform private.compose_messages();
    return cardinality(v_events);
end;
$function$;
comment on function private.process_events(integer) is
$comment$Look at events that nobody has looked at: which channels are told, and put together what is
due; how many events that were. Called by cron.

most: events in one transaction. Apart from where events are raised, so that nothing that goes wrong
here undoes what they tell of.$comment$;
