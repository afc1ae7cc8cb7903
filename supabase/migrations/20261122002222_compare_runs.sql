-- Runs that are over, measured and compared with what was before: reads, and writes nothing.
-- Depends on: run history. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Several runs at once are taken in the order in which they ended, each compared with those before
-- it, the first with private.last_verdicts: the same as one after another, in one statement.

create function private.measure_runs(run_ids uuid[])
returns setof public.test_run_history
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with runs as materialized (
        select
            ended.*,
            private.selection_key(ended.selection) as selection_key,
            ended.passed_count + ended.failed_count + ended.error_count as ran_count,
            ended.failed_count + ended.error_count as bad_count,
            ended.status not in ('cancelled', 'timed_out') as is_whole,
            row_number() over (order by ended.finished_at, ended.id) as ordinal
        from public.test_runs as ended
        where ended.id = any(measure_runs.run_ids)
    ),

    -- of these themselves
    earlier as (
        select
            runs.id,
            max(runs.ordinal) filter (where runs.is_whole) over (
                partition by runs.environment_id, runs.selection_key
                order by runs.ordinal
                rows between unbounded preceding and 1 preceding
            ) as previous_ordinal
        from runs
    ),

    measured as (
        select
            results.run_id,
            coalesce(sum(results.duration_ms), 0) as requests_ms,
            percentile_disc(array[0.5, 0.95, 0.99, 1]) within group (
                order by results.duration_ms
            ) as percentiles,
            sum(results.attempt_count) as http_call_count,
            sum(greatest(results.attempt_count - 1, 0)) as retry_count,
            sum(results.rescue_count) as rescue_count
        from public.test_results as results
        where results.run_id = any(measure_runs.run_ids)
        group by results.run_id
    )

    select
        runs.id,
        runs.project_id,
        runs.environment_id,
        runs.status,
        runs.selection,
        runs.selection_key,
        runs.commit_sha,
        runs.api_version,
        runs.trigger_kind,
        runs.queued_by,
        runs.queued_at,
        runs.started_at,
        runs.finished_at,
        runs.total_count,
        runs.passed_count,
        runs.failed_count,
        runs.error_count,
        runs.skipped_count,
        runs.cancelled_count,
        private.is_infra_suspect(runs.ran_count, runs.bad_count),
        round(extract(epoch from runs.finished_at - runs.started_at) * 1000, 3),
        coalesce(measured.requests_ms, 0),
        measured.percentiles[1],
        measured.percentiles[2],
        measured.percentiles[3],
        measured.percentiles[4],
        coalesce(measured.http_call_count, 0),
        coalesce(measured.retry_count, 0),
        coalesce(measured.rescue_count, 0),
        coalesce(previous.id, kept.run_id),
        0, 0, 0, 0, 0, 0
    from runs
    inner join earlier on earlier.id = runs.id
    left join runs as previous on previous.ordinal = earlier.previous_ordinal
    left join measured on measured.run_id = runs.id
    left join lateral (
        select history.run_id
        from public.test_run_history as history
        where
            history.environment_id = runs.environment_id
            and history.selection_key = runs.selection_key
            and history.status not in ('cancelled', 'timed_out')
            and history.finished_at <= runs.finished_at
            and history.run_id <> runs.id
        order by history.finished_at desc
        limit 1
    ) as kept on true
    order by runs.ordinal;
$function$;
comment on function private.measure_runs(uuid[]) is
$comment$The history of runs that are over, in the order in which they ended, but for the counts of
the comparison, which are 0: private.count_changes.$comment$;

create type private.compared_test as (
    run_id uuid,
    environment_id uuid,
    result_id uuid,
    test_case_id uuid,
    row_key text,
    is_failing boolean,
    is_new boolean,
    is_flaky boolean,
    change text,
    failing_since_run_id uuid,
    last_passed_run_id uuid,
    is_latest boolean
);
comment on type private.compared_test is
$comment$A verdict beside the one that the same test, or fixture row, had the last time in the same
environment. change: as test_run_changes.change, null if it passed as before. is_latest: none of the
runs compared with it is later.$comment$;

create function private.compare_runs(run_ids uuid[])
returns private.compared_test[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with runs as materialized (
        select
            ended.id,
            ended.environment_id,
            row_number() over (order by ended.finished_at, ended.id) as ordinal
        from public.test_runs as ended
        where ended.id = any(compare_runs.run_ids)
    ),

    numbered as materialized (
        select array_agg(runs.id order by runs.ordinal) as ids
        from runs
    ),

    -- what was skipped, cancelled or lost with its worker neither begins nor ends anything
    judged as materialized (
        select
            runs.id as run_id,
            runs.environment_id,
            runs.ordinal,
            results.id as result_id,
            results.test_case_id,
            results.row_key,
            results.status <> 'passed' as is_failing,
            results.status = 'passed' and results.attempt_count > 1 as is_flaky,
            known.is_failing as known_failing,
            known.failing_since_run_id,
            known.last_passed_run_id
        from runs
        inner join public.test_results as results on results.run_id = runs.id
        left join private.last_verdicts as known
            on
                known.test_case_id = results.test_case_id
                and known.environment_id = runs.environment_id
                and known.row_key = results.row_key
        where
            results.status in ('passed', 'failed')
            or (results.status = 'error' and results.category not in ('lost', 'worker'))
    ),

    -- a streak ends with a pass
    streaks as materialized (
        select
            judged.*,
            coalesce(lag(judged.is_failing) over strung, judged.known_failing) as was_failing,
            count(*) filter (where not judged.is_failing) over earlier as streak,
            max(judged.ordinal) filter (where not judged.is_failing) over earlier
            as last_passed_ordinal,
            lead(judged.ordinal) over strung is null as is_latest
        from judged
        window
            strung as (
                partition by judged.test_case_id, judged.environment_id, judged.row_key
                order by judged.ordinal
            ),
            earlier as (strung rows between unbounded preceding and 1 preceding)
    ),

    dated as (
        select
            streaks.*,
            min(streaks.ordinal) filter (where streaks.is_failing) over (
                partition by
                    streaks.test_case_id, streaks.environment_id, streaks.row_key, streaks.streak
                order by streaks.ordinal
            ) as first_failed_ordinal
        from streaks
    )

    select
        coalesce(
            array_agg(
                row(
                    dated.run_id,
                    dated.environment_id,
                    dated.result_id,
                    dated.test_case_id,
                    dated.row_key,
                    dated.is_failing,
                    dated.was_failing is null,
                    dated.is_flaky,
                    case
                        when dated.is_failing and dated.was_failing then 'still_failing'
                        when dated.is_failing then 'newly_failing'
                        when dated.was_failing then 'newly_passing'
                        when dated.was_failing is null then 'new'
                        when dated.is_flaky then 'flaky'
                    end,
                    case
                        when dated.streak = 0 and dated.known_failing
                            then dated.failing_since_run_id
                        else numbered.ids[dated.first_failed_ordinal]
                    end,
                    coalesce(numbered.ids[dated.last_passed_ordinal], dated.last_passed_run_id),
                    dated.is_latest
                )::private.compared_test
            ),
            '{}'
        )
    from dated
    cross join numbered;
$function$;
comment on function private.compare_runs(uuid[]) is
$comment$Every verdict of runs that are over beside the one before it, test by test: in the runs
given, or else in the history. Runs that are in the history already are not to be given.$comment$;

create function private.list_changes(
    runs public.test_run_history[], compared private.compared_test[]
)
returns public.test_run_changes[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with told as (
        select
            results.run_id,
            results.project_id,
            results.test_case_id,
            results.row_key,
            results.test_name,
            results.suite_name,
            given.change,
            given.is_new,
            given.is_flaky,
            results.status,
            results.slug,
            given.failing_since_run_id,
            given.last_passed_run_id
        from unnest(list_changes.compared) as given
        inner join public.test_results as results on results.id = given.result_id
        where given.change is not null
        union all
        select
            given.run_id,
            given.project_id,
            earlier.test_case_id,
            earlier.row_key,
            earlier.test_name,
            earlier.suite_name,
            'removed',
            false,
            false,
            null,
            null,
            null,
            null
        from unnest(list_changes.runs) as given
        inner join public.test_results as earlier on earlier.run_id = given.previous_run_id
        where not exists (
            select
            from public.test_results as results
            where
                results.run_id = given.run_id
                and results.test_case_id = earlier.test_case_id
                and results.row_key = earlier.row_key
        )
    )

    select
        coalesce(
            array_agg(
                row(
                    placed.run_id,
                    placed.place,
                    placed.project_id,
                    placed.test_case_id,
                    placed.row_key,
                    placed.test_name,
                    placed.suite_name,
                    placed.change,
                    placed.is_new,
                    placed.is_flaky,
                    placed.status,
                    placed.slug,
                    placed.failing_since_run_id,
                    placed.last_passed_run_id
                )::public.test_run_changes
                order by placed.run_id, placed.place
            ),
            '{}'
        )
    from (
        select
            told.*,
            row_number() over (
                partition by told.run_id
                order by
                    array_position(
                        array[
                            'newly_failing', 'still_failing', 'newly_passing', 'flaky', 'new',
                            'removed'
                        ],
                        told.change
                    ),
                    told.suite_name,
                    told.test_name,
                    told.row_key,
                    told.test_case_id
            ) as place
        from told
    ) as placed;
$function$;
comment on function private.list_changes(public.test_run_history[], private.compared_test[]) is
'What of these runs is worth telling, and which tests the previous runs had and they have not.';

create function private.count_changes(
    runs public.test_run_history[], changes public.test_run_changes[]
)
returns public.test_run_history[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with counted as (
        select
            told.run_id,
            count(*) filter (where told.is_flaky) as flaky,
            count(*) filter (where told.change = 'newly_failing') as newly_failing,
            count(*) filter (where told.change = 'still_failing') as still_failing,
            count(*) filter (where told.change = 'newly_passing') as newly_passing,
            count(*) filter (where told.is_new) as new,
            count(*) filter (where told.change = 'removed') as removed
        from unnest(count_changes.changes) as told
        group by told.run_id
    )

    select
        array_agg(
            jsonb_populate_record(
                given,
                jsonb_build_object(
                    'flaky_count', coalesce(counted.flaky, 0),
                    'newly_failing_count', coalesce(counted.newly_failing, 0),
                    'still_failing_count', coalesce(counted.still_failing, 0),
                    'newly_passing_count', coalesce(counted.newly_passing, 0),
                    'new_count', coalesce(counted.new, 0),
                    'removed_count', coalesce(counted.removed, 0)
                )
            )
        )
    from unnest(count_changes.runs) as given
    left join counted on counted.run_id = given.run_id;
$function$;
comment on function private.count_changes(public.test_run_history[], public.test_run_changes[]) is
'The runs with what changed in them counted.';
