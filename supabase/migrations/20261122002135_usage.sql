-- What an organization uses of its limits, for its members.
-- Depends on: limits, ceilings, storage, run_limits, room. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.get_organization_usage(organization_id uuid)
returns table (name text, used bigint, allowed bigint)
language plpgsql
stable
parallel safe
security definer -- counts what no client sees
set search_path = ''
as $function$
declare
    v_limits public.organization_limits;
begin
    perform private.require_organization(get_organization_usage.organization_id);
    select limits.*
    into v_limits
    from public.organization_limits as limits
    where limits.organization_id = get_organization_usage.organization_id;

    return query
    select
        used.name,
        used.used,
        used.allowed
    from (
        values
        ('live_runs', private.count_live_runs(v_limits.organization_id), v_limits.max_live_runs),
        (
            'parallel_tests', private.count_leased(v_limits.organization_id),
            v_limits.max_parallel_tests
        ),
        (
            'tests_per_run',
            (
                select coalesce(max(runs.total_count), 0)
                from private.live_runs as lives
                inner join public.test_runs as runs on runs.id = lives.run_id
                where lives.organization_id = v_limits.organization_id
            ),
            v_limits.max_tests_per_run
        ),
        (
            'stored_bytes', private.stored_bytes(v_limits.organization_id),
            v_limits.max_stored_bytes
        ),
        ('projects', private.count_projects(v_limits.organization_id), v_limits.max_projects),
        ('tests', private.count_tests(v_limits.organization_id), v_limits.max_tests),
        ('members', private.count_members(v_limits.organization_id), v_limits.max_members)
    ) as used (name, used, allowed);
end;
$function$;
comment on function private.get_organization_usage(uuid) is
'Does the work of public.get_organization_usage.';
grant execute on function private.get_organization_usage(uuid) to authenticated, service_role;

create function public.get_organization_usage(organization_id uuid)
returns table (name text, used bigint, allowed bigint)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select * from private.get_organization_usage(organization_id);
$function$;
comment on function public.get_organization_usage(uuid) is
$comment$What an organization uses beside its limits, one row each.

name: the column of organization_limits without max_. used: now; of tests_per_run the largest run
under way; stored_bytes may be a minute behind. allowed: the limit. Errors: PT404
unknown_organization.$comment$;
grant execute on function public.get_organization_usage(uuid) to authenticated, service_role;
