-- Flakiness, the cost: the time that failures of a test take from everybody.
-- Depends on: flaky_evidence, evidence. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.measure_waste(project_id uuid, since timestamptz, until timestamptz)
returns table (
    test_case_id uuid,
    environment_id uuid,
    retry_ms double precision,
    skipped_count bigint,
    skipped_ms double precision
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with retried as (
        select
            found.test_case_id,
            found.environment_id,
            coalesce(
                evidence.spent_ms,
                (found.attempt_count - 1) * found.duration_ms::double precision,
                0
            ) as spent_ms
        from private.test_outcomes as found
        inner join public.test_results as results on results.id = found.result_id
        -- result by result: they are few, and all evidence would be read otherwise
        cross join lateral (
            select sum(details.duration_ms)::double precision as spent_ms
            from public.test_result_details as details
            where
                details.planned_on = results.planned_on
                and details.result_id = results.id
                and details.outcome in ('failed', 'error')
                and details.lease <> results.accepted_lease
        ) as evidence
        where
            found.project_id = measure_waste.project_id
            and found.finished_at > measure_waste.since
            and found.finished_at <= measure_waste.until
            and found.attempt_count > 1
            and not found.is_infra_suspect
    ),

    skipped as materialized (
        select
            causes.test_case_id,
            runs.environment_id,
            skips.test_case_id as skipped_id
        from public.test_results as skips
        inner join public.test_results as causes on causes.id = skips.cause_result_id
        inner join public.test_runs as runs on runs.id = skips.run_id
        where
            skips.project_id = measure_waste.project_id
            and skips.finished_at > measure_waste.since
            and skips.finished_at <= measure_waste.until
            and skips.status = 'skipped'
            and causes.status in ('failed', 'error')
    ),

    medians as (
        select
            passes.test_case_id,
            passes.environment_id,
            percentile_cont(0.5) within group (
                order by passes.duration_ms::double precision
            ) as median_ms
        from private.test_outcomes as passes
        where
            passes.test_case_id in (select skipped.skipped_id from skipped)
            and passes.finished_at > measure_waste.since
            and passes.finished_at <= measure_waste.until
            and passes.is_passed
        group by passes.test_case_id, passes.environment_id
    ),

    costs as (
        select
            retried.test_case_id,
            retried.environment_id,
            retried.spent_ms as retry_ms,
            0 as skipped_count,
            0::double precision as skipped_ms
        from retried
        union all
        select
            skipped.test_case_id,
            skipped.environment_id,
            0,
            1,
            coalesce(medians.median_ms, 0)
        from skipped
        left join medians
            on
                medians.test_case_id = skipped.skipped_id
                and medians.environment_id = skipped.environment_id
    )

    select
        costs.test_case_id,
        costs.environment_id,
        sum(costs.retry_ms),
        sum(costs.skipped_count),
        sum(costs.skipped_ms)
    from costs
    group by costs.test_case_id, costs.environment_id;
$function$;
comment on function private.measure_waste(uuid, timestamptz, timestamptz) is
$comment$What the failures of each test of a project cost after one moment and up to another:
milliseconds of requests that had to be made again, and how many results were skipped because of
it, each counted with the median duration of the skipped test.

Attempts whose evidence is gone count with the duration of the last one.$comment$;
