-- Cancelling runs, and where they stand.
-- Depends on: settle, queue_run. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.cancel_run(run_id uuid)
returns public.test_runs
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_run public.test_runs := private.authorize_run_change(
        cancel_run.run_id, 'cancel runs'
    );
begin
    update private.live_runs as lives
    set is_cancelled = true
    where lives.run_id = cancel_run.run_id;
    if found then
        perform private.stop_items(array[cancel_run.run_id]);
        perform private.advance_runs(array[cancel_run.run_id]);
    end if;

    select runs.* into v_run from public.test_runs as runs where runs.id = cancel_run.run_id;
    return v_run;
end;
$function$;
comment on function private.cancel_run(uuid) is 'Does the work of public.cancel_run.';
grant execute on function private.cancel_run(uuid) to authenticated, service_role;

create function public.cancel_run(run_id uuid)
returns public.test_runs
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.cancel_run(run_id);
$function$;
comment on function public.cancel_run(uuid) is
$comment$Stop a run: nothing more is started, requests in flight are given up, teardown still runs.

Returns the test_runs row as it is then. A run that is over stays as it is.
Errors: PT403 not_allowed; PT404 unknown_run.$comment$;
grant execute on function public.cancel_run(uuid) to authenticated, service_role;

create function private.time_out_runs()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_runs uuid[];
begin
    select coalesce(array_agg(late.run_id), '{}')
    into v_runs
    from (
        select lives.run_id
        from private.live_runs as lives
        where
            lives.deadline_at < clock_timestamp()
            and lives.paused_at is null
            and case
                when lives.phase = 'teardown' then not lives.is_teardown_late
                else not lives.is_timed_out
            end
        order by lives.run_id
        for no key update skip locked
    ) as late;

    update private.live_runs
    set is_timed_out = true, is_teardown_late = (phase = 'teardown')
    where run_id = any(v_runs);
    perform private.stop_items(v_runs);
    perform private.advance_runs(v_runs);
end;
$function$;
comment on function private.time_out_runs() is
'Stop runs past their deadline; teardown still runs, with a deadline of its own. Called by cron.';

create function private.page_limit(page_size integer)
returns integer
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select least(greatest(coalesce(page_size, 1000), 1), 1000);
$function$;
comment on function private.page_limit(integer) is
'How many entries a page has: as asked, but 1 to 1,000, the most that REST reads give.';
grant execute on function private.page_limit(integer) to authenticated, service_role;

create function private.live_workers()
returns setof public.workers
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select workers.*
    from public.workers
    where
        workers.revoked_at is null
        -- an idle one calls at least once a minute, and is noted to the minute
        and workers.last_seen_at > now() - interval '3 minutes';
end;
$function$;
comment on function private.live_workers() is
'Workers that have called in the last minutes, but for revoked ones.';

create function private.has_worker(project_id uuid, labels text[])
returns boolean
language sql
stable
parallel safe
security definer -- who works is nobody's business, that somebody would take the run is
set search_path = ''
as $function$
    select exists (
        select
        from public.projects
        inner join private.live_workers() as workers
            on private.may_take(workers, projects.organization_id, has_worker.labels)
        where projects.id = has_worker.project_id
    );
$function$;
comment on function private.has_worker(uuid, text[]) is
'Has any worker that would take runs of this project with these labels called in the last minutes?';
grant execute on function private.has_worker(uuid, text[]) to authenticated, service_role;

create function private.describe_lack(labels text[], carried text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_missing text[] := array(
        select wanted.label
        from unnest(labels) as wanted (label)
        where wanted.label <> all(carried)
        order by wanted.label
    );
begin
    return case
        when labels = '{}' then 'no worker that may take it has called in the last minutes'
        when cardinality(v_missing) = 1
            then format('no worker with the label "%s" has called in the last minutes', v_missing[1])
        else format(
            'no worker with all of the labels "%s" has called in the last minutes',
            array_to_string(coalesce(nullif(v_missing, '{}'), labels), '", "')
        )
    end;
end;
$function$;
comment on function private.describe_lack(text[], text[]) is
$comment$That no worker is there for a run, as a sentence.

labels: what the run asks for; carried: labels that some live worker has.$comment$;

create function private.live_labels(project_id uuid)
returns text[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return array(
        select distinct carried.label
        from public.projects
        inner join private.live_workers() as workers
            on private.may_take(workers, projects.organization_id, '{}')
        cross join lateral unnest(workers.labels) as carried (label)
        where projects.id = live_labels.project_id
    );
end;
$function$;
comment on function private.live_labels(uuid) is
'Labels of the live workers that take runs of a project''s organization.';

create function private.explain_wait(run public.test_runs)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- as has_worker
set search_path = ''
as $function$
declare
    v_project public.projects;
begin
    if run.finished_at is not null then
        return null;
    end if;
    select projects.* into v_project from public.projects where projects.id = run.project_id;
    if v_project.paused_at is not null then
        return jsonb_build_object(
            'slug', 'project_paused',
            'message', private.one_line(
                format(
                    'the project "%s" is paused since %s%s', v_project.name,
                    to_char(v_project.paused_at at time zone 'utc', 'YYYY-MM-DD HH24:MI "UTC"'),
                    ': ' || v_project.pause_reason
                )
            ),
            'hint', 'It goes on with resume_project; its time limit stands still until then.'
        );
    elsif not private.has_worker(run.project_id, run.labels) then
        return jsonb_build_object(
            'slug', 'no_worker',
            'message', private.one_line(
                private.describe_lack(run.labels, private.live_labels(run.project_id))
            ),
            'hint', 'Start one, assay worker, with all labels of the run''s environment.'
        );
    end if;
    return null;
end;
$function$;
comment on function private.explain_wait(public.test_runs) is
$comment$Why a run does not move though it is not over, as far as it lies outside of it: {"slug",
"message", "hint"}; null if nothing stands in its way. Slugs: project_paused, no_worker.$comment$;
grant execute on function private.explain_wait(public.test_runs) to authenticated, service_role;

create function public.get_run_state(run_id uuid, since integer default 0)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with page as materialized (
        select results.*
        from public.test_results as results
        where results.run_id = get_run_state.run_id and results.finished_seq > get_run_state.since
        order by results.finished_seq
        limit 1000
    )

    select jsonb_build_object(
        'run', to_jsonb(runs),
        'finished', runs.finished_at is not null,
        'has_worker', private.has_worker(runs.project_id, runs.labels),
        'waiting', private.explain_wait(runs),
        'results', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object(
                        'seq', page.finished_seq,
                        'result', page.id,
                        'name', page.test_name,
                        'suite', page.suite_name,
                        'row_key', page.row_key,
                        'phase', page.phase,
                        'status', page.status,
                        'is_quarantined', page.is_quarantined,
                        'category', page.category,
                        'slug', page.slug,
                        'message', page.message,
                        'attempt_count', page.attempt_count,
                        'http_status', page.http_status,
                        'duration_ms', page.duration_ms
                    )
                    order by page.finished_seq
                )
                from page
            ),
            '[]'
        ),
        'next', coalesce((select max(page.finished_seq) from page), get_run_state.since)
    )
    from public.test_runs as runs
    where runs.id = get_run_state.run_id;
$function$;
comment on function public.get_run_state(uuid, integer) is
$comment$Where a run stands, and the verdicts since the last look: for progress,
and to catch up after a lost connection.

since: "next" of the previous call, 0 at first. Returns {"run": test_runs row, "finished": boolean,
"has_worker": whether a worker that may take it called in the last minutes, "waiting": why it cannot
move, {"slug", "message", "hint"} with project_paused or no_worker, or null, "results": at most 1,000
verdicts in order, "next"}; null when there is no such run. Call again at once while results has
1,000 entries.$comment$;
grant execute on function public.get_run_state(uuid, integer) to authenticated, service_role;
