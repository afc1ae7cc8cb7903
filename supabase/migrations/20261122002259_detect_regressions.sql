-- Regressions as people read them.
-- Depends on: find_regressions, run functions. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.detect_performance_regressions(
    project_id uuid, environment_id uuid, since timestamptz, after bigint, page_size integer
)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- past the policies, once the caller is checked
set search_path = ''
as $function$
declare
    v_limit integer := private.page_limit(page_size);
begin
    perform private.read_project(detect_performance_regressions.project_id);
    return (
        with page as materialized (
            select changes.*
            from public.performance_changes as changes
            where
                changes.project_id = detect_performance_regressions.project_id
                and (
                    detect_performance_regressions.environment_id is null
                    or changes.environment_id = detect_performance_regressions.environment_id
                )
                and changes.status <> 'dismissed'
                and changes.began_at >= detect_performance_regressions.since
                and (
                    detect_performance_regressions.after is null
                    or changes.id < detect_performance_regressions.after
                )
            order by changes.id desc
            limit v_limit
        )

        select jsonb_build_object(
            'checked_at', (
                select checks.checked_at
                from private.performance_checks as checks
                where checks.project_id = detect_performance_regressions.project_id
            ),
            'changes', coalesce(
                jsonb_agg(
                    to_jsonb(page) - array[
                        'project_id', 'environment_id', 'test_case_id', 'run_id', 'checked_at'
                    ] || jsonb_build_object(
                        'test', page.test_case_id,
                        'test_name', cases.name,
                        'environment', page.environment_id,
                        'environment_name', environments.name,
                        'run', page.run_id
                    )
                    order by page.id desc
                ),
                '[]'
            ),
            'next', case when count(*) = v_limit then min(page.id) end
        )
        from page
        inner join public.test_cases as cases on cases.id = page.test_case_id
        inner join public.environments on environments.id = page.environment_id
    );
end;
$function$;
comment on function private.detect_performance_regressions(
    uuid, uuid, timestamptz, bigint, integer
) is
'Does the work of public.detect_performance_regressions.';
grant execute on function private.detect_performance_regressions(
    uuid, uuid, timestamptz, bigint, integer
) to authenticated, service_role;

create function public.detect_performance_regressions(
    project_id uuid,
    environment_id uuid default null,
    since timestamptz default now() - interval '30 days',
    after bigint default null,
    page_size integer default 1000
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.detect_performance_regressions(
        project_id, environment_id, since, after, page_size
    );
$function$;
comment on function public.detect_performance_regressions(
    uuid, uuid, timestamptz, bigint, integer
) is
$comment$Where tests of a project became slower or faster, how sure that is, and with which run,
commit and version it began.

Reads what the nightly check found; docs/history.md says how. environment_id: only there; null:
everywhere. since: changes that began then or later. after: "next" of the previous page, null at
first. page_size: 1 to 1,000. Returns {"checked_at" (as of when the project was last checked; null =
never), "changes": [{"id", "test", "test_name", "environment", "environment_name", "direction"
(slower, faster), "status" (suspected, confirmed, annotated), "began_at", "run", "commit_sha",
"api_version", "before_ms", "after_ms", "ratio", "p", "is_shifted", "is_split", "found_at",
"confirmed_at"}], "next"}, as in performance_changes, the newest findings first; next is null when
nothing more is there. Errors: PT404 unknown_project.$comment$;
grant execute on function public.detect_performance_regressions(
    uuid, uuid, timestamptz, bigint, integer
) to authenticated, service_role;
