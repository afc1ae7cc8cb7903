-- History of runs that has been kept for its time.
-- Depends on: retention_terms, run_history. Locks: none, all objects are new.
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
