-- Matching events with rules: what a channel is to be told, and from when on.
-- Depends on: notification_rules, events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.run_streaks (
    project_id uuid not null references public.projects on delete cascade,
    environment_id uuid not null,
    stream text not null,
    failed_count integer not null,
    updated_at timestamptz not null default now(),
    primary key (project_id, environment_id, stream)
);
comment on table private.run_streaks is
$comment$How many runs in a row failed: for each project, environment and selection, since runs of
different tests say nothing about each other. Written by private.count_streaks.$comment$;
comment on column private.run_streaks.project_id is 'The project.';
comment on column private.run_streaks.environment_id is 'Where they ran.';
comment on column private.run_streaks.stream is 'Digest of what they selected.';
comment on column private.run_streaks.failed_count is 'Up to the newest one; 0 = that passed.';
comment on column private.run_streaks.updated_at is 'When one was last counted.';
alter table private.run_streaks enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.run_streaks for select to public using (false);
create index run_streaks_updated_at_idx on private.run_streaks (updated_at);

create table private.notices (
    channel_id uuid not null references public.notification_channels on delete cascade,
    event_id bigint not null references public.platform_events on delete cascade,
    due_at timestamptz not null,
    primary key (channel_id, event_id)
);
comment on table private.notices is
$comment$What a channel is still to be told: events that a rule matched, until a message holds them.
Several of a kind become one message.$comment$;
comment on column private.notices.channel_id is 'The channel.';
comment on column private.notices.event_id is 'The event.';
comment on column private.notices.due_at is 'Not told before: the end of quiet hours.';
create index notices_event_id_idx on private.notices (event_id);
create index notices_due_at_idx on private.notices (due_at);
alter table private.notices enable row level security;
create policy closed on private.notices for select to public using (false);

create function private.event_outcome(event text, payload jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when event = 'run_finished' then case payload ->> 'status'
            when 'passed' then 'good'
            when 'cancelled' then null
            else 'bad'
        end
        when event in ('flaky_resolved', 'performance_improved', 'failure_resolved') then 'good'
        else 'bad'
    end;
end;
$function$;
comment on function private.event_outcome(text, jsonb) is
'Is what an event tells good or bad? Null for a run that was cancelled: neither.';

create function private.severity_rank(severity text)
returns integer
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return array_position(array['info', 'warning', 'critical'], severity);
end;
$function$;
comment on function private.severity_rank(text) is 'Severities in order, from 1.';

create function private.quiet_end(rule public.notification_rules, at timestamptz)
returns timestamptz
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_local timestamp;
    v_is_overnight boolean := rule.quiet_from > rule.quiet_until;
begin
    if rule.quiet_from is null then
        return null;
    end if;
    v_local := at at time zone rule.time_zone;
    if v_is_overnight then
        if v_local::time < rule.quiet_from and v_local::time >= rule.quiet_until then
            return null;
        end if;
    elsif v_local::time < rule.quiet_from or v_local::time >= rule.quiet_until then
        return null;
    end if;
    return greatest(
        at,
        (
            v_local::date
            + (v_is_overnight and v_local::time >= rule.quiet_from)::integer
            + rule.quiet_until
        ) at time zone rule.time_zone
    );
exception
    -- a zone that was taken out of PostgreSQL's since: one tenant's rule stops nobody else's
    when invalid_parameter_value then return null;
end;
$function$;
comment on function private.quiet_end(public.notification_rules, timestamptz) is
'When the quiet hours end in which a moment lies; null when it lies in none.';

create function private.count_streaks(event_ids bigint[])
returns table (event_id bigint, failed_in_a_row integer, was_failing boolean)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return query
    with runs as materialized (
        select
            events.id,
            events.project_id,
            events.environment_id,
            events.payload ->> 'stream' as stream,
            private.event_outcome(events.event, events.payload) = 'bad' as is_bad
        from public.platform_events as events
        where
            events.id = any(event_ids)
            and events.event = 'run_finished'
            and events.environment_id is not null
            and events.payload ->> 'stream' is not null
            and private.event_outcome(events.event, events.payload) is not null
    ),

    placed as (
        select
            runs.*,
            coalesce(before.failed_count, 0) as failed_before,
            count(*) filter (where not runs.is_bad) over in_order as pass_count,
            lag(runs.is_bad) over in_order as was_bad
        from runs
        left join private.run_streaks as before
            on
                before.project_id = runs.project_id
                and before.environment_id = runs.environment_id
                and before.stream = runs.stream
        window in_order as (
            partition by runs.project_id, runs.environment_id, runs.stream order by runs.id
        )
    ),

    counted as materialized (
        select
            placed.*,
            (
                case when placed.pass_count = 0 then placed.failed_before else 0 end
                + count(*) filter (where placed.is_bad) over (
                    partition by
                        placed.project_id, placed.environment_id, placed.stream, placed.pass_count
                    order by placed.id
                )
            )::integer as failed_count
        from placed
    ),

    kept as (
        insert into private.run_streaks as streaks (
            project_id, environment_id, stream, failed_count
        )
        select distinct on (counted.project_id, counted.environment_id, counted.stream)
            counted.project_id,
            counted.environment_id,
            counted.stream,
            counted.failed_count
        from counted
        order by counted.project_id, counted.environment_id, counted.stream, counted.id desc
        on conflict on constraint run_streaks_pkey do update
        set failed_count = excluded.failed_count, updated_at = now()
    )

    select
        counted.id,
        counted.failed_count,
        coalesce(counted.was_bad, counted.failed_before > 0)
    from counted;
end;
$function$;
comment on function private.count_streaks(bigint[]) is
$comment$Count runs that finished among those of the same project, environment and selection.

For each: how many failed one after the other, itself included (0 if it passed), and whether the one
before it had failed. Cancelled runs, and reruns of what failed, count for nothing. Events are taken
in order of id, each once.$comment$;

create function private.meets_condition(
    rule public.notification_rules, event text, outcome text, failed_in_a_row integer,
    was_failing boolean
)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return coalesce(
        case rule.condition
            when 'always' then true
            when 'failure' then outcome = 'bad'
            when 'recovery' then outcome = 'good' and (event <> 'run_finished' or was_failing)
            when 'first_failure'
                then outcome = 'bad' and (event <> 'run_finished' or not was_failing)
            else failed_in_a_row = rule.in_a_row
        end,
        false
    );
end;
$function$;
comment on function private.meets_condition(
    public.notification_rules, text, text, integer, boolean
) is
$comment$Does an event meet the condition of a rule?

outcome: as private.event_outcome. failed_in_a_row, was_failing: as private.count_streaks; null for
what it does not count.$comment$;

create function private.is_about(
    event public.platform_events, suite_ids uuid[], tags text[]
)
returns boolean
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if suite_ids = '{}' and tags = '{}' then
        return true;
    end if;
    if event.test_case_id is not null then
        return exists (
            select
            from public.test_cases as cases
            where
                cases.id = event.test_case_id
                and (suite_ids = '{}' or cases.suite_id = any(suite_ids))
                and (is_about.tags = '{}' or cases.tags && is_about.tags)
        );
    end if;
    return exists (
        select
        from public.test_results as results
        inner join public.test_cases as cases on cases.id = results.test_case_id
        where
            results.run_id = event.run_id
            and (suite_ids = '{}' or cases.suite_id = any(suite_ids))
            and (is_about.tags = '{}' or cases.tags && is_about.tags)
    );
end;
$function$;
comment on function private.is_about(public.platform_events, uuid[], text[]) is
$comment$Is an event about a test of these suites and with one of these tags, or about a run with
such a test? Empty lists ask for nothing.$comment$;

create function private.match_rules(event_ids bigint[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    insert into private.notices (channel_id, event_id, due_at)
    with streaks as materialized (
        select * from private.count_streaks(match_rules.event_ids)
    )

    select
        rules.channel_id,
        happened.id,
        min(coalesce(quiet.ends_at, now()))
    from public.platform_events as happened
    inner join public.notification_rules as rules
        on rules.organization_id = happened.organization_id
    inner join public.notification_channels as channels on channels.id = rules.channel_id
    left join streaks on streaks.event_id = happened.id
    cross join lateral (
        select case
            when not (rules.is_critical_exempt and happened.severity = 'critical')
                then private.quiet_end(rules, now())
        end as ends_at
    ) as quiet
    where
        happened.id = any(match_rules.event_ids)
        and rules.is_enabled
        and channels.is_enabled
        and happened.event = any(rules.events)
        and (rules.project_id is null or rules.project_id = happened.project_id)
        and (channels.project_id is null or channels.project_id = happened.project_id)
        and private.severity_rank(happened.severity) >= private.severity_rank(rules.min_severity)
        and (rules.environment_ids = '{}' or happened.environment_id = any(rules.environment_ids))
        and (
            rules.trigger_kinds = '{}'
            or happened.payload ->> 'trigger' = any(rules.trigger_kinds)
        )
        and private.meets_condition(
            rules, happened.event, private.event_outcome(happened.event, happened.payload),
            streaks.failed_in_a_row, streaks.was_failing
        )
        and (quiet.ends_at is null or rules.quiet_action = 'hold')
        and private.is_about(happened, rules.suite_ids, rules.tags)
    group by
        rules.channel_id,
        happened.id
    on conflict do nothing;
end;
$function$;
comment on function private.match_rules(bigint[]) is
$comment$Note for each channel which of these events it is to be told of, and from when on.

An event that several rules of a channel match is told once, as early as one of them
allows.$comment$;
