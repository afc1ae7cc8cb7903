-- Limits of an organization: how much of the installation one tenant may take.
-- Depends on: tenancy. Locks: organizations, briefly, to add a trigger.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.organization_limits (
    organization_id uuid primary key references public.organizations on delete cascade,
    max_live_runs integer not null default 200,
    max_parallel_tests integer not null default 1000,
    max_tests_per_run integer not null default 20000,
    max_stored_bytes bigint not null default 10737418240,
    max_projects integer not null default 1000,
    max_tests integer not null default 100000,
    max_members integer not null default 1000,
    updated_at timestamptz not null default now(),
    constraint organization_limits_range_check check (
        least(
            max_live_runs, max_parallel_tests, max_tests_per_run, max_stored_bytes, max_projects,
            max_tests, max_members
        ) >= 0
    )
);
comment on table public.organization_limits is
$comment$How much one organization may take. Read by its members, changed by the operator alone.

A row is made with the organization; the secret key or a direct connection changes it.$comment$;
comment on column public.organization_limits.organization_id is 'The organization; one row each.';
comment on column public.organization_limits.max_live_runs is
'Runs that are queued, under way or in teardown at once. Else too_many_runs.';
comment on column public.organization_limits.max_parallel_tests is
$comment$Tests handed out to workers at once, over all its environments. What is above it waits;
nothing is refused.$comment$;
comment on column public.organization_limits.max_tests_per_run is
$comment$Results of one run, a test counting once for each of its fixture rows. Else
too_many_tests_in_run.$comment$;
comment on column public.organization_limits.max_stored_bytes is
$comment$Bytes of tests, fixtures, settings, runs, values and evidence, as PostgreSQL stores them,
indexes not counted. Above it no run is queued and nothing is added to the tests:
storage_exhausted.$comment$;
comment on column public.organization_limits.max_projects is
'Projects, archived ones included. Else too_many_projects.';
comment on column public.organization_limits.max_tests is
'Tests over all projects, archived ones included. Else too_many_tests.';
comment on column public.organization_limits.max_members is
'Members, runner accounts included. Else too_many_members.';
comment on column public.organization_limits.updated_at is
'When the operator last changed it; kept by a trigger.';
comment on constraint organization_limits_range_check on public.organization_limits is
'No limit is below 0.';

create function private.give_limits()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- whoever makes an organization may not write limits
set search_path = ''
as $function$
begin
    insert into public.organization_limits (organization_id)
    select made.id
    from made
    on conflict do nothing;
    return null;
end;
$function$;
comment on function private.give_limits() is
'Give new organizations the limits of the defaults. Trigger function.';

create trigger t100_give_limits
after insert on public.organizations
referencing new table as made
for each statement execute function private.give_limits();

create function private.touch_updated_at()
returns trigger
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    new.updated_at = now();
    return new;
end;
$function$;
comment on function private.touch_updated_at() is 'Set updated_at on change. Trigger function.';

create trigger t100_touch_updated_at
before update on public.organization_limits
for each row execute function private.touch_updated_at();

create function private.refuse_above(
    used bigint, allowed bigint, slug text, subject text, hint text
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if used > allowed then
        raise exception using
            errcode = 'PT429',
            message = private.one_line(
                format(
                    'the organization would have %s %s, and its limit is %s', used, subject, allowed
                )
            ),
            detail = slug,
            hint = hint || ' Limits and use: get_organization_usage.';
    end if;
end;
$function$;
comment on function private.refuse_above(bigint, bigint, text, text, text) is
$comment$Raise PT429 and the slug if more would be used than is allowed.

subject: what is counted, in the plural. hint: what to do; null allowed is no limit.$comment$;

create function private.count_members(organization_id uuid)
returns bigint
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select count(*)
        from public.organization_members as members
        where members.organization_id = count_members.organization_id
    );
end;
$function$;
comment on function private.count_members(uuid) is
'Members of an organization, runner accounts included.';

create function private.hold_member_limit()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- counts members that whoever invites may not see
set search_path = ''
as $function$
begin
    perform private.refuse_above(
        private.count_members(limits.organization_id), limits.max_members, 'too_many_members',
        'members', 'Remove somebody, or ask the operator to raise max_members.'
    )
    from public.organization_limits as limits
    where limits.organization_id in (select made.organization_id from made);
    return null;
end;
$function$;
comment on function private.hold_member_limit() is
'Refuse members above max_members. Trigger function.';

create trigger t200_hold_member_limit
after insert on public.organization_members
referencing new table as made
for each statement execute function private.hold_member_limit();

alter table public.organization_limits enable row level security;
grant select on public.organization_limits to authenticated;
grant select on public.organization_limits to service_role;
grant update (
    max_live_runs, max_parallel_tests, max_tests_per_run, max_stored_bytes, max_projects, max_tests,
    max_members
) on public.organization_limits to service_role;

create policy organization_limits_select_member on public.organization_limits
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));
