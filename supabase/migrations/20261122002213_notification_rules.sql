-- Notification rules: which events a channel is told of, on what condition, and when not.
-- Depends on: notification_channels, events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.is_time_zone(name text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return pg_catalog.timezone(name, timestamp '2000-01-01 00:00') is not null;
exception
    when invalid_parameter_value then return false;
end;
$function$;
comment on function private.is_time_zone(text) is
'Does PostgreSQL know a time zone of this name? Null for null.';

create function private.rule_problem(
    events text[], condition text, in_a_row integer, time_zone text
)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when cardinality(events) = 0 or not events <@ private.told_event_names() then row(
            'malformed_rule', '/events', null,
            'is empty, or names an event that nobody is told of',
            'Choose from: ' || array_to_string(private.told_event_names(), ', ') || '.'
        )::private.problem
        when
            condition not in ('always', 'failure', 'recovery', 'first_failure', 'in_a_row')
            then row(
                'malformed_rule', '/condition', null, 'is no condition',
                'Choose from: always, failure, recovery, first_failure, in_a_row.'
            )::private.problem
        when
            (condition = 'in_a_row') <> (in_a_row is not null)
            or in_a_row not between 2 and 100
            then row(
                'malformed_rule', '/in_a_row', null,
                'does not fit the condition, or is outside 2..100',
                'Give the number of failures with the condition in_a_row, else null.'
            )::private.problem
        when condition = 'in_a_row' and events <> array['run_finished'] then row(
            'malformed_rule', '/condition', null, 'counts runs, and the rule is about more',
            'Make a rule of its own for run_finished.'
        )::private.problem
        when not private.is_time_zone(time_zone) then row(
            'malformed_rule', '/time_zone', null, 'is no time zone',
            'Write a name such as Europe/Prague or UTC.'
        )::private.problem
    end;
end;
$function$;
comment on function private.rule_problem(text[], text, integer, text) is
'What is wrong with a notification rule; null if nothing. Slug: malformed_rule.';

create table public.notification_rules (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null,
    channel_id uuid not null,
    project_id uuid,
    name text not null,
    is_enabled boolean not null default true,
    events text[] not null,
    min_severity text not null default 'info',
    environment_ids uuid[] not null default '{}',
    suite_ids uuid[] not null default '{}',
    tags text[] not null default '{}',
    trigger_kinds text[] not null default '{}',
    condition text not null default 'always',
    in_a_row integer,
    time_zone text not null default 'UTC',
    quiet_from time,
    quiet_until time,
    quiet_action text not null default 'hold',
    is_critical_exempt boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint notification_rules_name_key unique (organization_id, channel_id, name),
    constraint notification_rules_channel_id_fkey foreign key (channel_id, organization_id)
    references public.notification_channels (id, organization_id) on delete cascade,
    constraint notification_rules_project_id_fkey foreign key (project_id, organization_id)
    references public.projects (id, organization_id) on delete cascade,
    constraint notification_rules_name_check check (length(btrim(name)) between 1 and 200),
    -- those with accept() raise, with the place and a hint, what is wrong
    constraint notification_rules_texts_check check (
        private.accept(private.length_problem(name, '/name', 1000))
        and private.accept(private.length_problem(condition, '/condition', 100))
        and private.accept(private.length_problem(time_zone, '/time_zone', 100))
        and private.accept(private.list_problem(events, '/events', 20, 100))
        and private.accept(private.list_problem(tags, '/tags', 100, 1000))
        and private.accept(private.list_problem(trigger_kinds, '/trigger_kinds', 10, 100))
    ),
    constraint notification_rules_shape_check check (
        private.accept(private.rule_problem(events, condition, in_a_row, time_zone))
    ),
    constraint notification_rules_min_severity_check check (
        min_severity in ('info', 'warning', 'critical')
    ),
    constraint notification_rules_ids_check check (
        cardinality(environment_ids) <= 100 and cardinality(suite_ids) <= 100
    ),
    constraint notification_rules_quiet_action_check check (quiet_action in ('hold', 'drop')),
    constraint notification_rules_quiet_check check (
        num_nonnulls(quiet_from, quiet_until) <> 1 and quiet_from is distinct from quiet_until
        or num_nonnulls(quiet_from, quiet_until) = 0
    )
);
comment on table public.notification_rules is
$comment$Which events a channel is told of. Several rules of a channel that match an event still
make one message of it. What they mean: docs/notifications.md.$comment$;
comment on column public.notification_rules.id is 'Stable identity.';
comment on column public.notification_rules.organization_id is 'The tenant.';
comment on column public.notification_rules.channel_id is 'Where what matches is told.';
comment on column public.notification_rules.project_id is
'Only events of this project; null = of all that the channel tells of.';
comment on column public.notification_rules.name is 'Unique for the channel.';
comment on column public.notification_rules.is_enabled is 'Whether it counts.';
comment on column public.notification_rules.events is
'Names of events, as platform_events has them.';
comment on column public.notification_rules.min_severity is
'info, warning or critical: only events at least as severe.';
comment on column public.notification_rules.environment_ids is
'Only events of these environments; empty = of all, and of none.';
comment on column public.notification_rules.suite_ids is
'Only events about tests of these suites, and runs with such a test; empty = all.';
comment on column public.notification_rules.tags is
'Only events about tests with one of these tags, and runs with such a test; empty = all.';
comment on column public.notification_rules.trigger_kinds is
'Only runs that were queued so, as test_runs.trigger_kind has it; empty = all.';
comment on column public.notification_rules.condition is
$comment$always; failure: what is bad; recovery: what is good again, of runs the first that passed
after a failure; first_failure: what is bad, of runs the first that failed; in_a_row: the run with
which in_a_row of them failed one after the other.$comment$;
comment on column public.notification_rules.in_a_row is
'How many runs must fail, 2 to 100; null unless condition is in_a_row.';
comment on column public.notification_rules.time_zone is 'Of quiet_from and quiet_until.';
comment on column public.notification_rules.quiet_from is
'When quiet hours begin each day; null = there are none.';
comment on column public.notification_rules.quiet_until is
'When they end, on the next day if that is before quiet_from; null = there are none.';
comment on column public.notification_rules.quiet_action is
'What becomes of events meanwhile. hold: told when the quiet hours end; drop: never told.';
comment on column public.notification_rules.is_critical_exempt is
'Whether events that are critical are told in quiet hours, too.';
comment on column public.notification_rules.created_at is 'When it was created.';
comment on column public.notification_rules.updated_at is 'When it was last changed.';
create index notification_rules_channel_id_idx
on public.notification_rules (channel_id, organization_id);
create index notification_rules_project_id_idx
on public.notification_rules (project_id, organization_id);

create trigger t100_touch_updated_at
before update on public.notification_rules
for each row execute function private.touch_updated_at();

create function private.hold_rule_limit()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- counts rows whatever the policies show
set search_path = ''
as $function$
begin
    perform private.refuse_above(
        counted.rules, 200, 'too_many_rules', 'notification rules',
        'Delete some: one rule may name many events, environments and tags.'
    )
    from (
        select count(*) as rules
        from public.notification_rules as rules
        where rules.organization_id in (select made.organization_id from made)
        group by rules.organization_id
    ) as counted;
    return null;
end;
$function$;
comment on function private.hold_rule_limit() is
'Refuse an organization more than 200 rules. Trigger function.';

create trigger t200_hold_rule_limit
after insert on public.notification_rules
referencing new table as made
for each statement execute function private.hold_rule_limit();

-- check constraints run as whoever writes the row
grant execute on function private.is_time_zone(text) to authenticated, service_role;
grant execute on function private.rule_problem(text[], text, integer, text)
to authenticated, service_role;

alter table public.notification_rules enable row level security;
grant select, delete on public.notification_rules to authenticated;
grant insert (
    organization_id, channel_id, project_id, name, is_enabled, events, min_severity,
    environment_ids, suite_ids, tags, trigger_kinds, condition, in_a_row, time_zone, quiet_from,
    quiet_until, quiet_action, is_critical_exempt
) on public.notification_rules to authenticated;
grant update (
    name, is_enabled, events, min_severity, environment_ids, suite_ids, tags, trigger_kinds,
    condition, in_a_row, time_zone, quiet_from, quiet_until, quiet_action, is_critical_exempt
) on public.notification_rules to authenticated;
grant select, insert, update, delete on public.notification_rules to service_role;

create policy notification_rules_select_member on public.notification_rules
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));

create policy notification_rules_insert_manager on public.notification_rules
for insert to authenticated
with check (organization_id = any(array(select private.my_managed_organization_ids())));

create policy notification_rules_update_manager on public.notification_rules
for update to authenticated
using (organization_id = any(array(select private.my_managed_organization_ids())))
with check (organization_id = any(array(select private.my_managed_organization_ids())));

create policy notification_rules_delete_manager on public.notification_rules
for delete to authenticated
using (organization_id = any(array(select private.my_managed_organization_ids())));
