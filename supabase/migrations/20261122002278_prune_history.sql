-- History of runs, and metrics, that have been kept for their time.
-- Depends on: retention_terms, run_history, performance_metrics. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.prune_history(max_rows integer default 20000)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_count bigint;
begin
    delete from public.test_run_history
    where
        run_id in (
            select old.run_id
            from public.projects
            cross join lateral (
                select private.kept_until('history', projects.organization_id) as day
                offset 0
            ) as kept
            cross join lateral (
                select history.run_id
                from public.test_run_history as history
                where
                    history.project_id = projects.id
                    and history.finished_at < (kept.day::timestamp at time zone 'utc')
                order by history.finished_at
                limit max_rows
            ) as old
            limit max_rows
        );
    get diagnostics v_count = row_count;
    return v_count;
end;
$function$;
comment on function private.prune_history(integer) is
'Delete history that has been kept for its time, so many rows at most; how many. Called by a job.';

create function private.prune_metrics(max_rows integer default 20000)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_count bigint;
    v_total bigint;
begin
    delete from public.performance_metrics as metrics
    using (
        select
            old.test_case_id,
            old.environment_id,
            old.finished_on
        from public.projects
        cross join lateral (
            select private.kept_until('metrics', projects.organization_id) as day
            offset 0
        ) as kept
        cross join lateral (
            select
                rows.test_case_id,
                rows.environment_id,
                rows.finished_on
            from public.performance_metrics as rows
            where rows.project_id = projects.id and rows.finished_on < kept.day
            order by rows.finished_on
            limit max_rows
        ) as old
        limit max_rows
    ) as expired
    where
        metrics.test_case_id = expired.test_case_id
        and metrics.environment_id = expired.environment_id
        and metrics.finished_on = expired.finished_on;
    get diagnostics v_total = row_count;
    delete from private.environment_metrics as metrics
    using public.environments, public.projects
    where
        environments.id = metrics.environment_id
        and projects.id = environments.project_id
        and metrics.finished_on < private.kept_until('metrics', projects.organization_id);
    get diagnostics v_count = row_count;
    return v_total + v_count;
end;
$function$;
comment on function private.prune_metrics(integer) is
$comment$Delete metrics that have been kept for their time, so many of tests at most; how many.
Called by a job.$comment$;
