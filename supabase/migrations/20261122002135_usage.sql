-- What an organization uses of its limits, for its members.
-- Depends on: limits, storage. Locks: none, all objects are new.
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
    select limits.*
    into v_limits
    from public.organization_limits as limits
    where
        limits.organization_id = get_organization_usage.organization_id
        and (
            (select private.is_operator())
            or limits.organization_id = any(array(select private.my_organization_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format(
                    'there is no organization %s', get_organization_usage.organization_id
                )
            ),
            detail = 'unknown_organization',
            hint = 'Give the id of one of your organizations.';
    end if;

    return query
    with lives as materialized (
        select live_runs.*
        from private.live_runs
        where live_runs.organization_id = v_limits.organization_id
    )

    select
        'live_runs',
        (select count(*) from lives),
        v_limits.max_live_runs::bigint
    union all
    select
        'parallel_tests',
        (
            select count(*)
            from private.work_items as items
            where
                items.state = 'leased'
                and items.environment_id in (select lives.environment_id from lives)
        ),
        v_limits.max_parallel_tests::bigint
    union all
    select
        'tests_per_run',
        (
            select coalesce(max(runs.total_count), 0)::bigint
            from lives
            inner join public.test_runs as runs on runs.id = lives.run_id
        ),
        v_limits.max_tests_per_run::bigint
    union all
    select
        'stored_bytes',
        private.stored_bytes(v_limits.organization_id),
        v_limits.max_stored_bytes
    union all
    select
        'projects',
        (
            select count(*)
            from public.projects
            where projects.organization_id = v_limits.organization_id
        ),
        v_limits.max_projects::bigint
    union all
    select
        'tests',
        (
            select count(*)
            from public.test_cases as cases
            inner join public.projects on projects.id = cases.project_id
            where projects.organization_id = v_limits.organization_id
        ),
        v_limits.max_tests::bigint
    union all
    select
        'members',
        (
            select count(*)
            from public.organization_members as members
            where members.organization_id = v_limits.organization_id
        ),
        v_limits.max_members::bigint;
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
