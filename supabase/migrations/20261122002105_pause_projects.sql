-- Pausing projects: nothing of them is handed out until they are resumed.
-- Depends on: queue_run, run functions. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.announce_pause(project public.projects, event text)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.announce(
        'project:' || project.id, announce_pause.event,
        jsonb_build_object('project', project.id)
    );
end;
$function$;
comment on function private.announce_pause(public.projects, text) is
'Tell who watches a project that it was paused or resumed.';

create function private.hold_live_runs(project_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform
    from private.live_runs as lives
    where lives.project_id = hold_live_runs.project_id
    order by lives.run_id
    for no key update;
end;
$function$;
comment on function private.hold_live_runs(uuid) is
$comment$Lock all live runs of a project: no claim hands out anything of them, and no report moves
them, until this transaction is over. The caller holds the project's row: none is added.$comment$;

create function private.pause_project(project_id uuid, reason text)
returns public.projects
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_project public.projects := private.read_project(pause_project.project_id);
    v_is_paused boolean;
begin
    perform private.require_editor(v_project.id, 'pause projects');
    -- waits for runs that are being queued; those queued later see what is written here
    select projects.paused_at is not null
    into v_is_paused
    from public.projects
    where projects.id = v_project.id
    for no key update;
    update public.projects
    set
        paused_at = coalesce(paused_at, clock_timestamp()),
        paused_by = case when v_is_paused then paused_by else auth.uid() end,
        pause_reason = coalesce(nullif(btrim(reason), ''), pause_reason)
    where id = v_project.id
    returning * into v_project;
    if v_is_paused then
        return v_project;
    end if;

    perform private.hold_live_runs(v_project.id);
    update private.live_runs as lives
    set paused_at = clock_timestamp()
    where lives.project_id = v_project.id;
    perform private.announce_pause(v_project, 'project_paused');
    return v_project;
end;
$function$;
comment on function private.pause_project(uuid, text) is 'Does the work of public.pause_project.';
grant execute on function private.pause_project(uuid, text) to authenticated, service_role;

create function private.start_clocks(project_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.hold_live_runs(start_clocks.project_id);
    -- The deadline of retries counts from here. What is leased was handed out before the pause, and
    -- its worker renews it without the lock of the run.
    update private.work_items as items
    set first_leased_at = items.first_leased_at + (clock_timestamp() - lives.paused_at)
    from private.live_runs as lives
    where
        lives.project_id = start_clocks.project_id
        and items.run_id = lives.run_id
        and items.state = 'ready'
        and items.first_leased_at is not null;
    update private.live_runs as lives
    set
        deadline_at = lives.deadline_at + (clock_timestamp() - lives.paused_at),
        paused_at = null
    where lives.project_id = start_clocks.project_id and lives.paused_at is not null;
end;
$function$;
comment on function private.start_clocks(uuid) is
$comment$Let the live runs of a project go on: what limits them in time, the run's deadline and
that of retries, moves by the time that they stood still.$comment$;

create function private.resume_project(project_id uuid)
returns public.projects
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_project public.projects := private.read_project(resume_project.project_id);
begin
    perform private.require_editor(v_project.id, 'resume projects');
    update public.projects
    set
        paused_at = null,
        paused_by = null,
        pause_reason = null
    where id = v_project.id and paused_at is not null
    returning * into v_project;
    if not found then
        return private.read_project(resume_project.project_id);
    end if;

    perform private.start_clocks(v_project.id);
    perform private.announce_pause(v_project, 'project_resumed');
    perform private.wake_workers(array[v_project.organization_id]);
    return v_project;
end;
$function$;
comment on function private.resume_project(uuid) is 'Does the work of public.resume_project.';
grant execute on function private.resume_project(uuid) to authenticated, service_role;

create function public.pause_project(project_id uuid, reason text default null)
returns public.projects
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.pause_project(project_id, reason);
$function$;
comment on function public.pause_project(uuid, text) is
$comment$Hand out nothing of a project until it is resumed, teardown included; its runs wait, and
their time limits with them.

reason: for whoever wonders why a run waits; up to 2,000 bytes. Requests that workers already hold
are made and judged, at most max_parallel of each environment. Runs can be queued, and wait; one
that is cancelled ends but for its teardown. Returns the projects row; a project that is paused
stays so since then, and takes the new reason if there is one.
Errors: PT403 not_allowed; PT404 unknown_project; PT413 too_large.$comment$;
grant execute on function public.pause_project(uuid, text) to authenticated, service_role;

create function public.resume_project(project_id uuid)
returns public.projects
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.resume_project(project_id);
$function$;
comment on function public.resume_project(uuid) is
$comment$Let the runs of a paused project go on where they stood, and wake workers.

Their time limits and the deadlines of their retries move by the length of the pause. Returns the
projects row; one that is not paused stays as it is.
Errors: PT403 not_allowed; PT404 unknown_project.$comment$;
grant execute on function public.resume_project(uuid) to authenticated, service_role;
