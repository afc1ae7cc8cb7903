-- Flaky tests, asked for: rated over any window at the moment of asking.
-- Depends on: test_ratings. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.window_problem(window_days integer, verdicts text[], max_tests integer)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when window_days is null or window_days not between 1 and 90
            then format('window_days %s is outside 1..90', window_days)
        when max_tests is null or max_tests not between 1 and 1000
            then format('max_tests %s is outside 1..1000', max_tests)
        when not coalesce(verdicts <@ array['new', 'healthy', 'flaky', 'broken', 'stale'], false)
            then 'verdicts has one that there is not'
    end;
end;
$function$;
comment on function private.window_problem(integer, text[], integer) is
'What is wrong with the arguments of detect_flaky_tests, as a sentence; null if nothing.';

create function private.detect_flaky_tests(
    project_id uuid,
    window_days integer,
    environment_id uuid,
    verdicts text[],
    max_tests integer
)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- what is rated is read past the tables' policies, of one project
set search_path = ''
as $function$
declare
    v_project public.projects := private.read_project(detect_flaky_tests.project_id);
    v_problem text := private.window_problem(window_days, verdicts, max_tests);
    v_since timestamptz := now() - window_days * interval '1 day';
begin
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(v_problem),
            detail = 'malformed_window',
            hint = 'Give 1 to 90 days, 1 to 1,000 tests, and verdicts among new, healthy, flaky, '
            || 'broken and stale.';
    end if;

    return (
        with chosen as (
            select rated.*
            from private.rate_window(v_project.id, v_since, now()) as rated
            where
                rated.verdict = any(detect_flaky_tests.verdicts)
                and (
                    rated.environment_id = detect_flaky_tests.environment_id
                    or detect_flaky_tests.environment_id is null
                )
            order by
                rated.wasted_ms desc, rated.flake_rate desc, rated.test_case_id,
                rated.environment_id
            limit detect_flaky_tests.max_tests
        )

        select jsonb_build_object(
            'since', v_since,
            'until', now(),
            'tests', coalesce(
                jsonb_agg(
                    to_jsonb(chosen) - 'project_id' - 'rated_at' || jsonb_build_object(
                        'test_name', cases.name,
                        'suite_name', suites.name,
                        'environment_name', environments.name,
                        'is_quarantined', exists (
                            select
                            from private.quarantined_tests(
                                chosen.project_id, chosen.environment_id
                            ) as quarantined (test_case_id)
                            where quarantined.test_case_id = chosen.test_case_id
                        )
                    )
                    order by
                        chosen.wasted_ms desc, chosen.flake_rate desc, chosen.test_case_id,
                        chosen.environment_id
                ),
                '[]'
            )
        )
        from chosen
        inner join public.test_cases as cases on cases.id = chosen.test_case_id
        inner join public.test_suites as suites on suites.id = cases.suite_id
        inner join public.environments on environments.id = chosen.environment_id
    );
end;
$function$;
comment on function private.detect_flaky_tests(uuid, integer, uuid, text[], integer) is
'Does the work of public.detect_flaky_tests.';
grant execute on function private.detect_flaky_tests(uuid, integer, uuid, text[], integer)
to authenticated, service_role;

create function public.detect_flaky_tests(
    project_id uuid,
    window_days integer default 14,
    environment_id uuid default null,
    verdicts text[] default '{flaky}',
    max_tests integer default 100
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.detect_flaky_tests(
        project_id, window_days, environment_id, verdicts, max_tests
    );
$function$;
comment on function public.detect_flaky_tests(uuid, integer, uuid, text[], integer) is
$comment$Which tests of a project are flaky, the costliest first, by what happened in the days
before now.

window_days: 1 to 90. environment_id: only there; null = everywhere. verdicts: also or instead
new, healthy, broken or stale. max_tests: 1 to 1,000. Returns {"since", "until", "tests":
[{"test_case_id", "test_name", "suite_name", "environment_id", "environment_name",
"is_quarantined", ...}]}, with the columns of test_ratings, which is the same for 14 days as of
last night and cheaper to read. Writes nothing. How tests are rated: docs/flaky.md. Errors: PT404
unknown_project; PT400 malformed_window.$comment$;
grant execute on function public.detect_flaky_tests(uuid, integer, uuid, text[], integer)
to authenticated, service_role;
