-- After the end of a run: what is worked out of it, outside the reports that judged it.
-- Depends on: run_history and what else a run is worked into. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.process_runs(run_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.write_run_history(process_runs.run_ids);
    perform private.file_failures(process_runs.run_ids);
    perform private.raise_run_events(process_runs.run_ids);
    delete from private.finished_runs where run_id = any(process_runs.run_ids);
end;
$function$;
comment on function private.process_runs(uuid[]) is
'Work runs that are over into history and statistics. Doing it again changes nothing.';

create function private.postpone_run(run_id uuid, problem text)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    update private.finished_runs as runs
    set
        failure_count = runs.failure_count + 1,
        problem = left(postpone_run.problem, 2000),
        due_at = clock_timestamp()
        + least(interval '1 minute' * 2 ^ runs.failure_count, interval '1 day')
    where runs.run_id = postpone_run.run_id;
$function$;
comment on function private.postpone_run(uuid, text) is
$comment$Note that a run could not be processed, and try again later: after 1, 2, 4, ... minutes, a
day at most.$comment$;

create function private.take_finished_runs(max_runs integer)
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with due as (
        select
            waiting.run_id,
            waiting.due_at
        from private.finished_runs as waiting
        where waiting.due_at <= clock_timestamp()
        order by waiting.due_at
        limit max_runs
        for update skip locked
    ),

    added_up as (
        select
            due.run_id,
            due.due_at,
            sum(runs.total_count) over (order by due.due_at, due.run_id)
            - runs.total_count as result_count
        from due
        inner join public.test_runs as runs on runs.id = due.run_id
    )

    -- results of runs that are worked in at once stand in memory together
    select coalesce(array_agg(added_up.run_id order by added_up.due_at), '{}')
    from added_up
    where added_up.result_count < 100000;
$function$;
comment on function private.take_finished_runs(integer) is
$comment$Lock runs that are over and due, the longest due first, and return them: at most max_runs,
and no more once they have 100,000 results.$comment$;

create function private.process_finished_runs(max_runs integer default 100)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_runs uuid[] := private.take_finished_runs(max_runs);
    v_run uuid;
    v_problem text;
begin
    -- one at a time: runs are compared in the order in which they end
    if v_runs = '{}' or not pg_try_advisory_xact_lock(hashtextextended('assay history', 0)) then
        return 0;
    end if;
    begin
        perform private.process_runs(v_runs);
        return cardinality(v_runs);
    exception
        -- by one of them; which one and why is found out below, and kept
        when others then null;
    end;

    -- one by one, so that a run that cannot be processed holds no other up
    foreach v_run in array v_runs loop
        begin
            perform private.process_runs(array[v_run]);
        exception
            when others then
                get stacked diagnostics v_problem = message_text;
                perform private.postpone_run(v_run, v_problem);
        end;
    end loop;
    return cardinality(v_runs);
end;
$function$;
comment on function private.process_finished_runs(integer) is
$comment$Process runs that are over and due; how many were tried. Called by a job.

max_runs: at most so many. A run that fails is tried again later, see
private.finished_runs; a verdict is never touched.$comment$;
