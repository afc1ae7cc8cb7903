-- Metrics of results: counted, and added up.
-- Depends on: histograms, runs, evidence. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.counted_results as (
    project_id uuid,
    environment_id uuid,
    test_case_id uuid,
    starts_at timestamptz,
    passed_count integer,
    failed_count integer,
    error_count integer,
    skipped_count integer,
    cancelled_count integer,
    flaky_count integer,
    measured_count integer,
    duration_sum_ms numeric,
    duration_min_ms numeric,
    duration_max_ms numeric,
    bins smallint[],
    counts integer[],
    phase_bins smallint[],
    phase_counts integer[]
);
comment on type private.counted_results is
$comment$What became of results that belong together, as performance_metrics keeps it.

starts_at: the beginning of the time in which they ended. environment_id, test_case_id: null = of
all.$comment$;

create function private.bucket_start(bucket text, moment timestamptz)
returns timestamptz
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return date_trunc(case bucket when 'range' then 'day' else bucket end, moment, 'UTC');
end;
$function$;
comment on function private.bucket_start(text, timestamptz) is
$comment$The beginning of the hour, day, week (from Monday) or month that a moment lies in, UTC.

bucket: range begins with a day.$comment$;

create function private.merge_metrics(
    parts private.counted_results[],
    bucket text,
    is_by_environment boolean,
    is_by_test boolean
)
returns setof private.counted_results
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    with given as materialized (
        select
            part.project_id,
            case when is_by_environment then part.environment_id end as environment_id,
            case when is_by_test then part.test_case_id end as test_case_id,
            case
                when merge_metrics.bucket <> 'range'
                    then private.bucket_start(merge_metrics.bucket, part.starts_at)
            end as starts_at,
            part.passed_count,
            part.failed_count,
            part.error_count,
            part.skipped_count,
            part.cancelled_count,
            part.flaky_count,
            part.measured_count,
            part.duration_sum_ms,
            part.duration_min_ms,
            part.duration_max_ms,
            part.bins,
            part.counts,
            part.phase_bins,
            part.phase_counts
        from unnest(parts) as part
    ),

    numbered as materialized (
        select
            given.*,
            -- null is a key like another here, and in a join it is not
            dense_rank() over (
                order by given.starts_at, given.test_case_id, given.environment_id
            ) as slot
        from given
    ),

    binned as (
        select
            split.slot,
            split.bin,
            sum(split.occurrences)::integer as occurrences
        from (
            select
                numbered.slot,
                unnest(numbered.bins) as bin,
                unnest(numbered.counts) as occurrences
            from numbered
            union all
            select
                numbered.slot,
                unnest(numbered.phase_bins),
                unnest(numbered.phase_counts)
            from numbered
        ) as split
        group by split.slot, split.bin
    ),

    histograms as (
        select
            binned.slot,
            array_agg(binned.bin order by binned.bin) filter (where binned.bin < 1048) as bins,
            array_agg(binned.occurrences order by binned.bin)
            filter (where binned.bin < 1048) as counts,
            array_agg(binned.bin order by binned.bin)
            filter (where binned.bin >= 1048) as phase_bins,
            array_agg(binned.occurrences order by binned.bin)
            filter (where binned.bin >= 1048) as phase_counts
        from binned
        group by binned.slot
    ),

    totals as (
        select
            numbered.slot,
            numbered.project_id,
            numbered.environment_id,
            numbered.test_case_id,
            numbered.starts_at,
            sum(numbered.passed_count)::integer as passed_count,
            sum(numbered.failed_count)::integer as failed_count,
            sum(numbered.error_count)::integer as error_count,
            sum(numbered.skipped_count)::integer as skipped_count,
            sum(numbered.cancelled_count)::integer as cancelled_count,
            sum(numbered.flaky_count)::integer as flaky_count,
            sum(numbered.measured_count)::integer as measured_count,
            sum(numbered.duration_sum_ms) as duration_sum_ms,
            min(numbered.duration_min_ms) as duration_min_ms,
            max(numbered.duration_max_ms) as duration_max_ms
        from numbered
        group by
            numbered.slot, numbered.project_id, numbered.environment_id, numbered.test_case_id,
            numbered.starts_at
    )

    select
        totals.project_id,
        totals.environment_id,
        totals.test_case_id,
        totals.starts_at,
        totals.passed_count,
        totals.failed_count,
        totals.error_count,
        totals.skipped_count,
        totals.cancelled_count,
        totals.flaky_count,
        totals.measured_count,
        totals.duration_sum_ms,
        totals.duration_min_ms,
        totals.duration_max_ms,
        histograms.bins,
        histograms.counts,
        histograms.phase_bins,
        histograms.phase_counts
    from totals
    left join histograms on histograms.slot = totals.slot
    order by totals.slot;
end;
$function$;
comment on function private.merge_metrics(
    private.counted_results[], text, boolean, boolean
) is
$comment$Add up what lies in the same bucket, and is of the same test and environment where these
are told apart; in order of bucket, test and environment.

bucket: hour, day, week, month, or range for all, whose starts_at is null.

Histograms merge by adding the counts of each bin, so that percentiles of what was merged are as
exact as those of its parts. Measured: as a set three times as fast as an aggregate over arrays.$comment$;

create function private.count_results(result_ids uuid[], unit text, with_phases boolean)
returns setof private.counted_results
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select merged.*
    from private.merge_metrics(array(
        select
            row(
                results.project_id,
                runs.environment_id,
                results.test_case_id,
                results.finished_at,
                (results.status = 'passed')::integer,
                (results.status = 'failed')::integer,
                (results.status = 'error')::integer,
                (results.status = 'skipped')::integer,
                (results.status = 'cancelled')::integer,
                (results.status = 'passed' and results.attempt_count > 1)::integer,
                (measured.ms is not null)::integer,
                measured.ms,
                measured.ms,
                measured.ms,
                case when measured.ms is not null then array[private.bin_of(measured.ms)] end,
                case when measured.ms is not null then array[1] end,
                phases.bins,
                phases.counts
            )::private.counted_results
        from public.test_results as results
        inner join public.test_runs as runs on runs.id = results.run_id
        cross join lateral (
            -- what a worker says it measured could be anything
            select case
                when
                    results.status in ('passed', 'failed')
                    and results.duration_ms between 0 and 1000000000 then results.duration_ms
            end as ms
        ) as measured
        left join lateral (
            select
                array_agg(
                    (timed.shift + private.bin_of(timed.ms::double precision))::smallint
                    order by timed.shift
                ) as bins,
                array_agg(1) as counts
            from public.test_result_details as details
            cross join lateral (
                values
                (2048, details.timing_ms -> 'dns'),
                (4096, details.timing_ms -> 'connect'),
                (6144, details.timing_ms -> 'tls'),
                (8192, details.timing_ms -> 'first_byte')
            ) as timed (shift, ms)
            where
                with_phases
                and measured.ms is not null
                and details.retention_class
                = case results.status when 'passed' then 'passed' else 'failed' end
                and details.planned_on = results.planned_on
                and details.result_id = results.id
                and details.lease = results.accepted_lease
                -- JSON of another type is above or below all numbers
                and timed.ms between '0.0005' and '1000000000'
        ) as phases on true
        where results.id = any(result_ids) and results.status <> 'pending'
    ), unit, is_by_environment => true, is_by_test => true) as merged;
end;
$function$;
comment on function private.count_results(uuid[], text, boolean) is
$comment$Metrics of results by test, environment and time.

unit: hour or day, UTC, of the verdict. with_phases: also the phases, from the evidence of the
deciding attempts as far as it is kept. Duration: see performance_metrics.measured_count.$comment$;
