-- Schema realtime: the table of messages, what writes to it, and the publication that carries it to
-- the gateway, which adds the daily partitions. The tables belong to the role through which
-- postgres may write policies (10_roles.sql).
create schema realtime authorization supabase_admin;
grant usage on schema realtime to postgres with grant option;
grant usage on schema realtime to anon, authenticated, service_role;
grant all on schema realtime to supabase_realtime_admin;
alter default privileges for role supabase_admin in schema realtime
grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_admin in schema realtime
grant all on sequences to postgres, dashboard_user;
alter default privileges for role supabase_admin in schema realtime
grant all on functions to postgres, dashboard_user;

create type realtime.equality_op as enum (
    'eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'in', 'like', 'ilike', 'is', 'match', 'imatch',
    'isdistinct'
);
create type realtime.user_defined_filter as (
    column_name text,
    op realtime.equality_op,
    value text,
    negate boolean
);

create table realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp not null default now(),
    inserted_at timestamp not null default now(),
    id uuid not null default gen_random_uuid(),
    binary_payload bytea,
    constraint messages_pkey primary key (id, inserted_at),
    constraint messages_payload_check check (payload is null or binary_payload is null)
) partition by range (inserted_at);
comment on table realtime.messages is
'Broadcasts on their way to clients; policies here decide who may join and send on a private topic.';
create index messages_inserted_at_topic_index
on realtime.messages (inserted_at desc, topic)
where extension = 'broadcast' and private is true;
alter table realtime.messages enable row level security;

create function realtime.to_regrole(role_name text)
returns regrole
language sql
immutable
as $function$ select role_name::regrole $function$;

-- The gateway keeps subscriptions in memory; the table is here for those who look it up by name.
create table realtime.subscription (
    id bigint generated always as identity primary key,
    subscription_id uuid not null,
    entity regclass not null,
    filters realtime.user_defined_filter[] not null default '{}',
    claims jsonb not null,
    claims_role regrole not null generated always as (realtime.to_regrole(claims ->> 'role')) stored,
    created_at timestamp not null default timezone('utc', now()),
    action_filter text default '*',
    selected_columns text[],
    constraint subscription_action_filter_check
    check (action_filter in ('*', 'INSERT', 'UPDATE', 'DELETE'))
);
comment on table realtime.subscription is
'Row change subscriptions on the platform; always empty here.';

create function realtime.topic()
returns text
language sql
stable
as $function$ select nullif(current_setting('realtime.topic', true), '')::text $function$;
comment on function realtime.topic() is 'Topic being joined or sent to, without the prefix realtime:.';

create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql
as $function$
declare
    v_id uuid := gen_random_uuid();
begin
    perform set_config('realtime.topic', send.topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (
        v_id,
        case
            when send.payload ? 'id' then send.payload
            else jsonb_set(send.payload, '{id}', to_jsonb(v_id))
        end,
        send.event,
        send.topic,
        send.private,
        'broadcast'
    );
exception
    -- as on the platform: a broadcast that fails never takes the caller's transaction with it
    when others then
        raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$function$;
comment on function realtime.send(jsonb, text, text, boolean) is
$comment$Broadcast a JSON object to a topic when the transaction commits.

payload: an object; gets an id unless it has one. private: whether only private channels receive it.
Any error, a missing INSERT policy included, becomes a warning.$comment$;

create function realtime.send_binary(
    payload bytea,
    event text,
    topic text,
    private boolean default true
)
returns void
language plpgsql
as $function$
begin
    perform set_config('realtime.topic', send_binary.topic, true);
    insert into realtime.messages (binary_payload, event, topic, private, extension)
    values (
        send_binary.payload, send_binary.event, send_binary.topic, send_binary.private, 'broadcast'
    );
exception
    when others then
        raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$function$;
comment on function realtime.send_binary(bytea, text, text, boolean) is
'Broadcast bytes to a topic; only clients of wire version 2.0.0 receive them.';

create function realtime.broadcast_changes(
    topic_name text,
    event_name text,
    operation text,
    table_name text,
    table_schema text,
    new record,
    old record,
    level text default 'ROW'
)
returns void
language plpgsql
as $function$
begin
    if level = 'STATEMENT' then
        raise exception 'function can only be triggered for each row, not for each statement';
    end if;
    if operation not in ('INSERT', 'UPDATE', 'DELETE') then
        raise exception 'Unexpected operation type: %', operation;
    end if;

    perform realtime.send(
        jsonb_build_object(
            'old_record', old,
            'record', new,
            'operation', operation,
            'table', table_name,
            'schema', table_schema
        ),
        event_name,
        topic_name
    );
exception
    when others then
        raise exception 'Failed to process the row: %', sqlerrm;
end;
$function$;
comment on function realtime.broadcast_changes(
    text, text, text, text, text, record, record, text
) is 'Broadcast one row change from a row trigger, as the platform''s own helper does.';

alter type realtime.equality_op owner to supabase_realtime_admin;
alter type realtime.user_defined_filter owner to supabase_realtime_admin;
alter table realtime.messages owner to platform_table_owner;
alter table realtime.subscription owner to platform_table_owner;
alter function realtime.to_regrole(text) owner to supabase_realtime_admin;
alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.send_binary(bytea, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
owner to supabase_realtime_admin;

grant all on realtime.messages, realtime.subscription to postgres, dashboard_user;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant select on realtime.subscription to anon, authenticated, service_role;

create publication supabase_realtime_messages_publication for table realtime.messages;
