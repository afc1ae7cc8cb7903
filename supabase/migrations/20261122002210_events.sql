-- Events: what people would want to be told, kept and announced.
-- Depends on: projects, live_updates. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.platform_events (
    id bigint generated always as identity primary key,
    organization_id uuid not null references public.organizations on delete cascade,
    project_id uuid references public.projects on delete cascade,
    event text not null,
    severity text not null,
    title text not null,
    payload jsonb not null default '{}',
    environment_id uuid,
    run_id uuid,
    test_case_id uuid,
    dedup_key text,
    created_at timestamptz not null default now(),
    constraint platform_events_severity_check check (severity in ('info', 'warning', 'critical'))
);
comment on table public.platform_events is
$comment$What happened that somebody may want to know: a run is over, a test became flaky, an API
became slower. Written by the engine. An event outlives the run and the test it tells of.$comment$;
comment on column public.platform_events.id is 'Order of arrival.';
comment on column public.platform_events.organization_id is 'The tenant.';
comment on column public.platform_events.project_id is
'The project; null for what concerns the organization as a whole.';
comment on column public.platform_events.event is 'What happened, in a word, such as run_finished.';
comment on column public.platform_events.severity is 'info, warning or critical.';
comment on column public.platform_events.title is 'What happened, as a sentence.';
comment on column public.platform_events.payload is 'The particulars; which ones, the event tells.';
comment on column public.platform_events.environment_id is 'environments.id; null = none.';
comment on column public.platform_events.run_id is
'test_runs.id, while that is kept, and test_run_history.run_id; null = none.';
comment on column public.platform_events.test_case_id is 'test_cases.id; null = none.';
comment on column public.platform_events.dedup_key is
'An organization is told of one key once; null = always anew.';
comment on column public.platform_events.created_at is 'When it was noticed.';
create unique index platform_events_dedup_key_idx
on public.platform_events (organization_id, dedup_key) where dedup_key is not null;
create index platform_events_organization_id_idx
on public.platform_events (organization_id, id desc);
create index platform_events_project_id_idx on public.platform_events (project_id, id desc);

create index platform_events_created_at_idx on public.platform_events (created_at);

create table private.fresh_events (
    event_id bigint primary key references public.platform_events on delete cascade
);
comment on table private.fresh_events is
'Events that no notification rule has looked at yet: private.process_events does.';
comment on column private.fresh_events.event_id is 'The event.';
alter table private.fresh_events enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.fresh_events for select to public using (false);

create type private.new_event as (
    organization_id uuid,
    project_id uuid,
    event text,
    severity text,
    title text,
    dedup_key text,
    environment_id uuid,
    run_id uuid,
    test_case_id uuid,
    payload jsonb
);
comment on type private.new_event is
$comment$An event to be raised. organization_id may be null where there is a project; the rest as in
platform_events.$comment$;

create function private.raise_events(events private.new_event[])
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ids bigint[];
begin
    with raised as (
        insert into public.platform_events (
            organization_id, project_id, event, severity, title, dedup_key, environment_id, run_id,
            test_case_id, payload
        )
        select
            coalesce(given.organization_id, projects.organization_id),
            given.project_id,
            given.event,
            given.severity,
            left(given.title, 1000),
            given.dedup_key,
            given.environment_id,
            given.run_id,
            given.test_case_id,
            coalesce(given.payload, '{}')
        from unnest(raise_events.events) with ordinality as given
        left join public.projects on projects.id = given.project_id
        -- of a project that is gone there is nobody to tell
        where coalesce(given.organization_id, projects.organization_id) is not null
        order by given.ordinality
        on conflict (organization_id, dedup_key) where dedup_key is not null do nothing
        returning id
    )

    select coalesce(array_agg(raised.id order by raised.id), '{}') into v_ids from raised;
    insert into private.fresh_events (event_id)
    select fresh.id
    from unnest(v_ids) as fresh (id);

    perform private.announce(
        'project:' || told.project_id, told.event,
        jsonb_build_object('project', told.project_id, 'events', told.ids)
    )
    from (
        select
            raised.project_id,
            raised.event,
            jsonb_agg(raised.id order by raised.id) as ids
        from public.platform_events as raised
        where
            raised.id = any(v_ids)
            and raised.project_id is not null
            -- the end of a run is announced when it ends
            and raised.event <> 'run_finished'
        group by raised.project_id, raised.event
    ) as told;
    return cardinality(v_ids);
end;
$function$;
comment on function private.raise_events(private.new_event[]) is
$comment$Keep events and announce them on the topics of their projects, one message for each project
and kind; how many were new. What a dedup_key of the organization has told already is left
out.$comment$;

alter table public.platform_events enable row level security;
grant select on public.platform_events to authenticated, service_role;

create policy platform_events_select_member on public.platform_events
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));

create function private.told_event_names()
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return array[
        'run_finished', 'flaky_detected', 'flaky_resolved', 'quarantine_expired',
        'performance_alert', 'performance_improved', 'failure_new', 'failure_resolved',
        'retention_failed', 'storage_nearly_full'
    ];
end;
$function$;
comment on function private.told_event_names() is
$comment$Events that notification rules may name. Not among them is notification_failed: a channel
that does not work is not told of itself.$comment$;
grant execute on function private.told_event_names() to authenticated, service_role;
