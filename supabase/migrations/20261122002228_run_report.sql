-- The report of a run: everything there is to say about it, in one document.
-- Depends on: read history. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function public.get_run_report(
    run_id uuid, after uuid default null, page_size integer default 1000
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with story as materialized (
        select told.*
        from private.read_story(get_run_report.run_id) as told
    ),

    changes as materialized (
        select told.*
        from story
        cross join lateral private.describe_changes(story.changes, story.runs[1]) as told
    ),

    seen as materialized (
        select
            array_position(array['setup', 'main', 'teardown'], results.phase) as phase_rank,
            results.suite_name,
            -- without a verdict: behind all that have one
            coalesce(results.finished_seq, 2147483647) as seq,
            results.test_name,
            results.row_index,
            results.id
        from public.test_results as results
        where results.run_id = get_run_report.run_id and results.id = get_run_report.after
    ),

    -- by key and not by number: only a page is sorted out, however many results there are
    found as materialized (
        select
            results.id,
            row_number() over (
                order by
                    results.phase_rank,
                    results.suite_name,
                    results.seq,
                    results.test_name,
                    results.row_index,
                    results.id
            ) as place
        from (
            select
                array_position(array['setup', 'main', 'teardown'], listed.phase) as phase_rank,
                listed.suite_name,
                coalesce(listed.finished_seq, 2147483647) as seq,
                listed.test_name,
                listed.row_index,
                listed.id
            from public.test_results as listed
            where listed.run_id = get_run_report.run_id
        ) as results
        left join seen on true
        where
            seen.id is null
            or (
                results.phase_rank,
                results.suite_name,
                results.seq,
                results.test_name,
                results.row_index,
                results.id
            ) > (
                seen.phase_rank,
                seen.suite_name,
                seen.seq,
                seen.test_name,
                seen.row_index,
                seen.id
            )
        order by place
        limit private.page_limit(get_run_report.page_size) + 1
    ),

    page as materialized (
        select
            found.id,
            found.place
        from found
        where found.place <= private.page_limit(get_run_report.page_size)
    ),

    reported as (
        select
            page.place,
            jsonb_build_object(
                'result', results.id,
                'name', results.test_name,
                'suite', results.suite_name,
                'phase', results.phase,
                'row_key', results.row_key,
                'status', results.status,
                'is_quarantined', results.is_quarantined,
                'category', results.category,
                'slug', results.slug,
                'message', results.message,
                'cause', case
                    when results.cause_result_id is not null then jsonb_build_object(
                        'result', results.cause_result_id,
                        'test', causes.test_name,
                        'status', results.cause_status,
                        'edge', results.cause_edge
                    )
                end,
                'attempt_count', results.attempt_count,
                'rescue_count', results.rescue_count,
                'http_status', results.http_status,
                'duration_ms', results.duration_ms,
                'started_at', results.started_at,
                'finished_at', results.finished_at,
                'change', changes.change - array[
                    'place', 'test', 'name', 'suite', 'row_key', 'status', 'slug'
                ],
                'assertions', coalesce(assertions.verdicts, '[]')
            ) as entry
        from page
        inner join public.test_results as results on results.id = page.id
        left join public.test_results as causes on causes.id = results.cause_result_id
        left join changes
            on
                changes.test_case_id = results.test_case_id
                and changes.row_key = results.row_key
        -- result by result: joined as sets, all of a page would be compared with all
        cross join lateral (
            -- of the attempt that decided; those before it stay in assertion_results
            select
                jsonb_agg(
                    jsonb_build_object(
                        'source', judged.source,
                        'target', judged.target,
                        'operator', judged.operator,
                        'expected', judged.expected,
                        'actual', judged.actual,
                        'passed', judged.passed,
                        'message', judged.message
                    )
                    order by judged.assertion_index
                ) as verdicts
            from public.test_result_details as details
            inner join public.assertion_results as judged
                on
                    judged.retention_class = details.retention_class
                    and judged.planned_on = details.planned_on
                    and judged.result_id = details.result_id
                    and judged.attempt = details.attempt
            where
                details.planned_on = results.planned_on
                and details.result_id = results.id
                and details.lease = results.accepted_lease
        ) as assertions
    )

    select jsonb_build_object(
        'run', to_jsonb(runs) || jsonb_build_object(
            'project_name', projects.name,
            'environment_name', environments.name,
            'duration_ms', round(extract(epoch from runs.finished_at - runs.started_at) * 1000)
        ),
        'waiting', private.explain_wait(runs),
        'totals', jsonb_build_object(
            'total', runs.total_count,
            'passed', runs.passed_count,
            'failed', runs.failed_count,
            'error', runs.error_count,
            'skipped', runs.skipped_count,
            'cancelled', runs.cancelled_count
        ),
        'history', (
            select to_jsonb(story.runs[1]) - array['selection', 'selection_key'] from story
        ),
        'comparison', (select private.describe_comparison(story) from story),
        'results', coalesce(
            (select jsonb_agg(reported.entry order by reported.place) from reported), '[]'
        ),
        'next', (
            select page.id
            from page
            where
                page.place = private.page_limit(get_run_report.page_size)
                and (select count(*) from found) > page.place
        )
    )
    from public.test_runs as runs
    inner join public.projects on projects.id = runs.project_id
    inner join public.environments on environments.id = runs.environment_id
    where runs.id = get_run_report.run_id;
$function$;
comment on function public.get_run_report(uuid, uuid, integer) is
$comment$A run as one document, a page of results at a time: the run, totals, how it compares with
what was before, and every result with its cause and its assertions.

after: "next" of the previous page, null at first. page_size: results, 1 to 1,000.
Returns {"run": test_runs row with project_name, environment_name, duration_ms, "waiting": as
get_run_state, "totals", "history": the test_run_history row, "comparison": as get_run_comparison,
"results": in order of phase, suite and verdict, each with "change", what get_run_comparison tells
of it or null, "next"}; history and comparison are null while the run is not over; next is null when
nothing more is there; null when there is no such run. While a run is under way its results change
places: page when it is over.$comment$;
grant execute on function public.get_run_report(uuid, uuid, integer)
to authenticated, service_role;
