-- Verdicts that were noted, folded into the metrics of their days.
-- Depends on: performance_metrics, count_results. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.noted_results(deltas private.metric_deltas[])
returns uuid[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return array(
        select results.id
        from unnest(deltas) as noted
        inner join public.test_results as results
            on
                results.run_id = noted.run_id
                and results.project_id = noted.project_id
                and results.finished_seq between noted.first_seq and noted.last_seq
    );
end;
$function$;
comment on function private.noted_results(private.metric_deltas[]) is
'The results that notes of verdicts speak of, as far as they are still there.';

create function private.take_deltas(max_results integer)
returns private.metric_deltas[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with oldest as (
        select
            noted.id,
            sum(noted.last_seq - noted.first_seq + 1) over (order by noted.id) as running,
            row_number() over (order by noted.id) as ordinal
        from (select * from private.metric_deltas order by id limit 20000) as noted
    ),

    locked as (
        select deltas.id
        from private.metric_deltas as deltas
        where deltas.id in (
            select oldest.id
            from oldest
            where oldest.running <= max_results or oldest.ordinal = 1
        )
        order by deltas.id
        for update skip locked
    ),

    taken as (
        delete from private.metric_deltas as deltas
        where deltas.id in (select locked.id from locked)
        returning deltas::private.metric_deltas as delta
    )

    select coalesce(array_agg(taken.delta), '{}') from taken;
$function$;
comment on function private.take_deltas(integer) is
$comment$Take the oldest notes of verdicts away, of so many results in all, but at least one; not
those that another job is at.$comment$;

create function private.hold_parents(counted private.counted_results[])
returns private.counted_results[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_tests uuid[];
    v_environments uuid[];
begin
    perform
    from public.projects
    where projects.id in (select given.project_id from unnest(counted) as given)
    order by projects.id
    for key share;
    v_tests := array(
        select cases.id
        from public.test_cases as cases
        where cases.id in (select given.test_case_id from unnest(counted) as given)
        order by cases.id
        for key share
    );
    v_environments := array(
        select environments.id
        from public.environments
        where environments.id in (select given.environment_id from unnest(counted) as given)
        order by environments.id
        for key share
    );
    return array(
        select given::private.counted_results
        from unnest(counted) as given
        where given.environment_id = any(v_environments) and given.test_case_id = any(v_tests)
        order by given.test_case_id, given.environment_id, given.starts_at
    );
end;
$function$;
comment on function private.hold_parents(private.counted_results[]) is
$comment$What is of tests and environments that are still there, which it locks against a purge; in
order of the keys of performance_metrics.

A purge that is under way is waited for here, before any metric is locked: it would wait for that.$comment$;

create function private.add_to_tests(counted private.counted_results[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into public.performance_metrics as stored (
        test_case_id, environment_id, project_id, finished_on, passed_count, failed_count,
        error_count, skipped_count, cancelled_count, flaky_count, measured_count, duration_sum_ms,
        duration_min_ms, duration_max_ms, bins, counts, phase_bins, phase_counts
    )
    select
        given.test_case_id,
        given.environment_id,
        given.project_id,
        (given.starts_at at time zone 'utc')::date,
        given.passed_count,
        given.failed_count,
        given.error_count,
        given.skipped_count,
        given.cancelled_count,
        given.flaky_count,
        given.measured_count,
        given.duration_sum_ms,
        given.duration_min_ms,
        given.duration_max_ms,
        given.bins,
        given.counts,
        given.phase_bins,
        given.phase_counts
    from unnest(counted) as given
    on conflict (test_case_id, environment_id, finished_on) do update
    set
        passed_count = stored.passed_count + excluded.passed_count,
        failed_count = stored.failed_count + excluded.failed_count,
        error_count = stored.error_count + excluded.error_count,
        skipped_count = stored.skipped_count + excluded.skipped_count,
        cancelled_count = stored.cancelled_count + excluded.cancelled_count,
        flaky_count = stored.flaky_count + excluded.flaky_count,
        measured_count = stored.measured_count + excluded.measured_count,
        -- plus null is null; least and greatest leave null out
        duration_sum_ms = coalesce(
            stored.duration_sum_ms + excluded.duration_sum_ms, stored.duration_sum_ms,
            excluded.duration_sum_ms
        ),
        duration_min_ms = least(stored.duration_min_ms, excluded.duration_min_ms),
        duration_max_ms = greatest(stored.duration_max_ms, excluded.duration_max_ms),
        (bins, counts) = (
            select
                merged.merged_bins,
                merged.merged_counts
            from private.merge_histograms(
                stored.bins, stored.counts, excluded.bins, excluded.counts
            ) as merged
        ),
        (phase_bins, phase_counts) = (
            select
                merged.merged_bins,
                merged.merged_counts
            from private.merge_histograms(
                stored.phase_bins, stored.phase_counts, excluded.phase_bins, excluded.phase_counts
            ) as merged
        );
$function$;
comment on function private.add_to_tests(private.counted_results[]) is
'Add metrics of days to public.performance_metrics. They are given in order of its key.';

create function private.add_to_environments(counted private.counted_results[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into private.environment_metrics as stored (
        environment_id, finished_on, passed_count, failed_count, error_count, skipped_count,
        cancelled_count, flaky_count, measured_count, duration_sum_ms, duration_min_ms,
        duration_max_ms, bins, counts, phase_bins, phase_counts
    )
    select
        given.environment_id,
        (given.starts_at at time zone 'utc')::date,
        given.passed_count,
        given.failed_count,
        given.error_count,
        given.skipped_count,
        given.cancelled_count,
        given.flaky_count,
        given.measured_count,
        given.duration_sum_ms,
        given.duration_min_ms,
        given.duration_max_ms,
        given.bins,
        given.counts,
        given.phase_bins,
        given.phase_counts
    from unnest(counted) as given
    order by given.environment_id, given.starts_at
    on conflict (environment_id, finished_on) do update
    set
        passed_count = stored.passed_count + excluded.passed_count,
        failed_count = stored.failed_count + excluded.failed_count,
        error_count = stored.error_count + excluded.error_count,
        skipped_count = stored.skipped_count + excluded.skipped_count,
        cancelled_count = stored.cancelled_count + excluded.cancelled_count,
        flaky_count = stored.flaky_count + excluded.flaky_count,
        measured_count = stored.measured_count + excluded.measured_count,
        -- as in add_to_tests
        duration_sum_ms = coalesce(
            stored.duration_sum_ms + excluded.duration_sum_ms, stored.duration_sum_ms,
            excluded.duration_sum_ms
        ),
        duration_min_ms = least(stored.duration_min_ms, excluded.duration_min_ms),
        duration_max_ms = greatest(stored.duration_max_ms, excluded.duration_max_ms),
        (bins, counts) = (
            select
                merged.merged_bins,
                merged.merged_counts
            from private.merge_histograms(
                stored.bins, stored.counts, excluded.bins, excluded.counts
            ) as merged
        ),
        (phase_bins, phase_counts) = (
            select
                merged.merged_bins,
                merged.merged_counts
            from private.merge_histograms(
                stored.phase_bins, stored.phase_counts, excluded.phase_bins, excluded.phase_counts
            ) as merged
        );
$function$;
comment on function private.add_to_environments(private.counted_results[]) is
'Add metrics of days to private.environment_metrics.';

create function private.fold_metrics(max_results integer default 100000)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_results uuid[] := private.noted_results(private.take_deltas(max_results));
    v_counted private.counted_results[];
begin
    if v_results = '{}' then
        return 0;
    end if;
    v_counted := private.hold_parents(array(
        select given::private.counted_results
        from private.count_results(v_results, 'day', true) as given
    ));
    perform private.add_to_tests(v_counted);
    perform private.add_to_environments(array(
        select merged::private.counted_results
        from private.merge_metrics(
            v_counted, 'day', is_by_environment => true, is_by_test => false
        ) as merged
    ));
    return cardinality(v_results);
end;
$function$;
comment on function private.fold_metrics(integer) is
$comment$Count verdicts that no metric counts yet, of about so many results at most; how many.

Called by a job. A note of verdicts goes in the transaction that counts them, so that each counts
once, whoever calls this how often at the same time. Where a run, a test or an environment was purged
meanwhile, nothing is left to count.$comment$;
