-- The history of runs that are over, written. The first step of private.process_finished_runs.
-- Depends on: compare runs. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.run_story as (
    runs public.test_run_history[],
    compared private.compared_test[],
    changes public.test_run_changes[]
);
comment on type private.run_story is
$comment$What the history tells of some runs. runs: in the order in which they ended. compared:
every verdict. changes: what of them is worth telling.$comment$;

create function private.tell_runs(run_ids uuid[])
returns private.run_story
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_story private.run_story;
begin
    v_story.runs := array(select measured from private.measure_runs(run_ids) as measured);
    v_story.compared := private.compare_runs(run_ids);
    v_story.changes := private.list_changes(v_story.runs, v_story.compared);
    v_story.runs := private.count_changes(v_story.runs, v_story.changes);
    return v_story;
end;
$function$;
comment on function private.tell_runs(uuid[]) is
'What the history is to tell of runs that are over and not in it yet. Writes nothing.';

create function private.keep_last_verdicts(compared private.compared_test[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into private.last_verdicts as known (
        test_case_id, environment_id, row_key, is_failing, failing_since_run_id, last_passed_run_id
    )
    select
        given.test_case_id,
        given.environment_id,
        given.row_key,
        given.is_failing,
        case when given.is_failing then given.failing_since_run_id end,
        case when given.is_failing then given.last_passed_run_id else given.run_id end
    from unnest(compared) as given
    where given.is_latest
    order by given.test_case_id, given.environment_id, given.row_key
    on conflict (test_case_id, environment_id, row_key) do update
    set
        is_failing = excluded.is_failing,
        failing_since_run_id = excluded.failing_since_run_id,
        last_passed_run_id = excluded.last_passed_run_id;
$function$;
comment on function private.keep_last_verdicts(private.compared_test[]) is
'Remember how tests stand now, for the comparison of the runs to come.';

create function private.write_run_history(run_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_new uuid[] := array(
        select runs.id
        from public.test_runs as runs
        where
            runs.id = any(write_run_history.run_ids)
            and runs.finished_at is not null
            and not exists (
                select
                from public.test_run_history as history
                where history.run_id = runs.id
            )
    );
    v_story private.run_story;
begin
    if v_new = '{}' then
        return;
    end if;
    v_story := private.tell_runs(v_new);
    insert into public.test_run_history
    select told.* from unnest(v_story.runs) as told;
    insert into public.test_run_changes
    select told.* from unnest(v_story.changes) as told;
    perform private.keep_last_verdicts(v_story.compared);
end;
$function$;
comment on function private.write_run_history(uuid[]) is
$comment$Write the history of runs that are over, compared with what was before. What is there
already stays as it is.

One caller at a time (private.process_finished_runs sees to it): runs are compared in the order in
which they are written.$comment$;
