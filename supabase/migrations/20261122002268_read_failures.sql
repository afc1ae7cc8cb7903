-- Reading failures: one cause, and the tests that it makes red.
-- Depends on: file_failures, run functions. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.failure_entry(failure public.failure_analysis)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return jsonb_build_object(
        'failure', failure.id,
        'category', failure.category,
        'class', failure.failure_class,
        'location', failure.location,
        'message', failure.message,
        'example_message', failure.example_message,
        'example_result', failure.example_result_id,
        'first_seen_at', failure.first_seen_at,
        'last_seen_at', failure.last_seen_at,
        'first_run', failure.first_run_id,
        'last_run', failure.last_run_id,
        'occurrence_count', failure.occurrence_count,
        'status', failure.status,
        'note', failure.note,
        'status_changed_at', failure.status_changed_at,
        'status_changed_by', failure.status_changed_by,
        'is_regression', failure.status = 'open' and failure.regression_count > 0,
        'regressed_at', failure.regressed_at
    );
end;
$function$;
comment on function private.failure_entry(public.failure_analysis) is
'A cause as the interface tells it, whatever is asked about it.';

create function private.run_failures(run_id uuid)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- which result has which cause is closed to clients
set search_path = ''
as $function$
declare
    v_project_id uuid := (
        select runs.project_id
        from public.test_runs as runs
        where
            runs.id = run_failures.run_id
            and (
                (select private.is_operator())
                or runs.project_id = any(array(select private.my_project_ids()))
            )
    );
begin
    return (
        select
            coalesce(
                jsonb_agg(
                    private.failure_entry(failures) || jsonb_build_object(
                        'is_new', failures.first_run_id = run_failures.run_id,
                        'test_count', red.test_count,
                        'result_count', red.result_count,
                        'skipped_count', red.skipped_count,
                        'tests', red.tests
                    )
                    order by red.test_count desc, red.result_count desc, failures.id
                ), '[]'
            )
        from (
            select
                listed.failure_id,
                count(distinct listed.test_case_id) as test_count,
                count(*) as result_count,
                sum(listed.skipped_count) as skipped_count,
                jsonb_agg(
                    jsonb_build_object(
                        'result', listed.result_id,
                        'test', listed.test_case_id,
                        'name', listed.test_name,
                        'suite', listed.suite_name,
                        'row_key', listed.row_key
                    )
                    order by listed.suite_name, listed.test_name, listed.row_index
                ) filter (where listed.place <= 100) as tests
            from (
                select
                    occurrences.*,
                    results.test_name,
                    results.suite_name,
                    results.row_key,
                    results.row_index,
                    row_number() over (
                        partition by occurrences.failure_id
                        order by results.suite_name, results.test_name, results.row_index
                    ) as place
                from private.failure_occurrences as occurrences
                inner join public.test_results as results on results.id = occurrences.result_id
                where
                    occurrences.run_id = run_failures.run_id
                    and occurrences.project_id = v_project_id
            ) as listed
            group by listed.failure_id
        ) as red
        inner join public.failure_analysis as failures on failures.id = red.failure_id
    );
end;
$function$;
comment on function private.run_failures(uuid) is
$comment$The causes of what failed in a run, that of the most tests first, as
analyse_failures tells them; each with its first 100 results. Empty for a run that is not
processed yet, or not the caller's to see.$comment$;
grant execute on function private.run_failures(uuid) to authenticated, service_role;

create function private.refuse_malformed_window(since timestamptz, until timestamptz)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if (until - since between interval '0' and interval '31 days') is not true then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format('from %s until %s is no window of 31 days at most', since, until)
            ),
            detail = 'malformed_window',
            hint = 'Give a beginning and an end not more than 31 days apart, or the id of a run.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_window(timestamptz, timestamptz) is
'Raise PT400 malformed_window unless these are in order and 31 days apart at most.';

create function private.failed_tests(
    failure_id uuid, project_id uuid, since timestamptz, until timestamptz, environment_id uuid
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'test', listed.test_case_id,
                        'name', cases.name,
                        'suite', suites.name,
                        'environment', listed.environment_id,
                        'result_count', listed.result_count,
                        'last_seen_at', listed.last_seen_at
                    )
                    order by listed.result_count desc, suites.name, cases.name
                ), '[]'
            )
        from (
            select
                occurrences.test_case_id,
                occurrences.environment_id,
                count(*) as result_count,
                max(occurrences.seen_at) as last_seen_at
            from private.failure_occurrences as occurrences
            where
                occurrences.project_id = failed_tests.project_id
                and occurrences.failure_id = failed_tests.failure_id
                and occurrences.seen_at >= failed_tests.since
                and occurrences.seen_at < failed_tests.until
                and (
                    failed_tests.environment_id is null
                    or occurrences.environment_id = failed_tests.environment_id
                )
            group by occurrences.test_case_id, occurrences.environment_id
            order by result_count desc, occurrences.test_case_id, occurrences.environment_id
            limit 100
        ) as listed
        inner join public.test_cases as cases on cases.id = listed.test_case_id
        inner join public.test_suites as suites on suites.id = cases.suite_id
    );
end;
$function$;
comment on function private.failed_tests(uuid, uuid, timestamptz, timestamptz, uuid) is
'The tests that a cause made red in a window of time, the 100 that it did most often.';

create function private.analyse_failures(
    project_id uuid, run_id uuid, since timestamptz, until timestamptz, environment_id uuid,
    after uuid, page_size integer
)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- which result has which cause is closed to clients
set search_path = ''
as $function$
declare
    v_limit integer := private.page_limit(page_size);
    v_until timestamptz := coalesce(until, now());
    v_since timestamptz := coalesce(since, v_until - interval '14 days');
begin
    perform private.read_project(analyse_failures.project_id);
    if analyse_failures.run_id is not null then
        if
            (private.find_run(analyse_failures.run_id)).project_id
            is distinct from analyse_failures.project_id
        then
            raise exception using
                errcode = 'PT404',
                message = private.one_line(
                    format('there is no run %s in this project', analyse_failures.run_id)
                ),
                detail = 'unknown_run',
                hint = 'Give the id of one of the project''s runs, or none.';
        end if;
        return jsonb_build_object(
            'run', analyse_failures.run_id,
            'failures', private.run_failures(analyse_failures.run_id),
            'next', null
        );
    end if;
    perform private.refuse_malformed_window(v_since, v_until);
    return (
        with counted as materialized (
            select
                occurrences.failure_id,
                count(distinct occurrences.test_case_id) as test_count,
                count(distinct occurrences.environment_id) as environment_count,
                count(*) as result_count,
                sum(occurrences.skipped_count) as skipped_count
            from private.failure_occurrences as occurrences
            where
                occurrences.project_id = analyse_failures.project_id
                and occurrences.seen_at >= v_since
                and occurrences.seen_at < v_until
                and (
                    analyse_failures.environment_id is null
                    or occurrences.environment_id = analyse_failures.environment_id
                )
            group by occurrences.failure_id
        ),

        page as materialized (
            select counted.*
            from counted
            left join counted as seen on seen.failure_id = analyse_failures.after
            where
                seen.failure_id is null
                or (-counted.test_count, -counted.result_count, counted.failure_id)
                > (-seen.test_count, -seen.result_count, seen.failure_id)
            order by counted.test_count desc, counted.result_count desc, counted.failure_id
            limit v_limit
        )

        select jsonb_build_object(
            'from', v_since,
            'until', v_until,
            'failures', coalesce(
                jsonb_agg(
                    private.failure_entry(failures) || jsonb_build_object(
                        'is_new', failures.first_seen_at >= v_since,
                        'test_count', page.test_count,
                        'environment_count', page.environment_count,
                        'result_count', page.result_count,
                        'skipped_count', page.skipped_count,
                        'tests', private.failed_tests(
                            failures.id, failures.project_id, v_since, v_until,
                            analyse_failures.environment_id
                        )
                    )
                    order by page.test_count desc, page.result_count desc, page.failure_id
                ), '[]'
            ),
            'next', case
                when count(*) = v_limit then (
                    array_agg(
                        page.failure_id
                        order by page.test_count, page.result_count, page.failure_id desc
                    )
                )[1]
            end
        )
        from page
        inner join public.failure_analysis as failures on failures.id = page.failure_id
    );
end;
$function$;
comment on function private.analyse_failures(
    uuid, uuid, timestamptz, timestamptz, uuid, uuid, integer
) is
'Does the work of public.analyse_failures.';
grant execute on function private.analyse_failures(
    uuid, uuid, timestamptz, timestamptz, uuid, uuid, integer
) to authenticated, service_role;

create function public.analyse_failures(
    project_id uuid,
    run_id uuid default null,
    since timestamptz default null,
    until timestamptz default null,
    environment_id uuid default null,
    after uuid default null,
    page_size integer default 100
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.analyse_failures(
        project_id, run_id, since, until, environment_id, after, page_size
    );
$function$;
comment on function public.analyse_failures(
    uuid, uuid, timestamptz, timestamptz, uuid, uuid, integer
) is
$comment$One cause, forty red tests: what failed in a run or in a window of time, told by
its causes, that of the most tests first.

run_id: a run that is over; then the rest is not looked at. since, until: the window, 31
days at most; unless given it ends now and begins 14 days before its end. environment_id:
only there; null = in all. after: "next" of the previous page, null at first, with the
same until. page_size: 1 to 1,000. Returns {"run" or "from" and "until", "failures":
[{"failure" (its id), "category", "class", "location", "message", "example_message",
"example_result", "first_seen_at", "last_seen_at", "first_run", "last_run",
"occurrence_count" (ever), "status", "note", "status_changed_at", "status_changed_by",
"is_regression", "regressed_at", "is_new" (first seen in this run or window),
"test_count", "result_count", "skipped_count" (skipped because of it, no failures of their
own), and "tests"}], "next"}: of a run the first 100 results, {"result", "test", "name",
"suite", "row_key"}; of a window the 100 tests that failed most often, {"test", "name",
"suite", "environment", "result_count", "last_seen_at"}, and "environment_count". Empty
for a run in its first seconds after its end. Errors: PT400 malformed_window; PT404
unknown_project, unknown_run.$comment$;
grant execute on function public.analyse_failures(
    uuid, uuid, timestamptz, timestamptz, uuid, uuid, integer
) to authenticated, service_role;
