-- Limits of runs: how many an organization may have at once.
-- Depends on: limits, storage. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.count_live_runs(organization_id uuid)
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
        from private.live_runs as lives
        where lives.organization_id = count_live_runs.organization_id
    );
end;
$function$;
comment on function private.count_live_runs(uuid) is
'Runs of an organization that are not over.';

create function private.refuse_excess_runs(organization_id uuid, added bigint)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.refuse_above(
        added + private.count_live_runs(limits.organization_id), limits.max_live_runs,
        'too_many_runs', 'runs queued or under way',
        'Wait until one is over, or cancel one; the operator can raise max_live_runs.'
    )
    from public.organization_limits as limits
    where limits.organization_id = refuse_excess_runs.organization_id;
end;
$function$;
comment on function private.refuse_excess_runs(uuid, bigint) is
$comment$Raise PT429 too_many_runs if, with those added, an organization has more runs that are
not over than max_live_runs.$comment$;

create function private.hold_run_limits(runs public.test_runs[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_organization_ids uuid[];
begin
    -- Held until the end: of two that queue at once, the second counts what the first has queued.
    -- Taken last, and in order of id, so that plans are worked out and written side by side.
    select coalesce(array_agg(held.organization_id), '{}')
    into v_organization_ids
    from (
        select limits.organization_id
        from public.organization_limits as limits
        where limits.organization_id in (
            select projects.organization_id
            from unnest(hold_run_limits.runs) as queued
            inner join public.projects on projects.id = queued.project_id
        )
        order by limits.organization_id
        for no key update
    ) as held;
    perform private.refuse_excess_runs(held.organization_id, 0)
    from unnest(v_organization_ids) as held (organization_id);
end;
$function$;
comment on function private.hold_run_limits(public.test_runs[]) is
$comment$Refuse runs that this transaction has queued above the limits of their organizations, and
hold these limits until its end. Errors: PT429 too_many_runs.$comment$;

create function private.refuse_full_organization(project_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_organization_id uuid := (
        select projects.organization_id
        from public.projects
        where projects.id = refuse_full_organization.project_id
    );
begin
    perform private.refuse_excess_runs(v_organization_id, 1);
    perform private.refuse_exhausted_storage(v_organization_id);
end;
$function$;
comment on function private.refuse_full_organization(uuid) is
$comment$Refuse a run for an organization that has no room for one, before it is planned.

Without a lock: private.hold_run_limits looks again. Errors: PT429 too_many_runs,
storage_exhausted.$comment$;
