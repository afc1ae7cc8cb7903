-- The history of runs: one row for each run that is over, kept when the run is gone.
-- Depends on: runs. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.test_run_history (
    run_id uuid primary key,
    project_id uuid not null references public.projects on delete cascade,
    environment_id uuid not null,
    commit_sha text,
    api_version text,
    trigger_kind text not null,
    status text not null,
    total_count integer not null,
    passed_count integer not null,
    failed_count integer not null,
    error_count integer not null,
    skipped_count integer not null,
    cancelled_count integer not null,
    is_infra_suspect boolean not null,
    queued_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz not null
);
comment on table public.test_run_history is
$comment$One row for each run that is over, written within seconds of its end. It outlives the
run: how long it is kept, docs/operations.md tells.$comment$;
comment on column public.test_run_history.run_id is 'test_runs.id, while that is kept.';
comment on column public.test_run_history.project_id is 'The project.';
comment on column public.test_run_history.environment_id is 'Where it ran: environments.id.';
comment on column public.test_run_history.commit_sha is 'As in test_runs.';
comment on column public.test_run_history.api_version is 'As in test_runs.';
comment on column public.test_run_history.trigger_kind is 'As in test_runs.';
comment on column public.test_run_history.status is
'passed, failed, error, cancelled or timed_out.';
comment on column public.test_run_history.total_count is 'Results planned.';
comment on column public.test_run_history.passed_count is 'Results that passed.';
comment on column public.test_run_history.failed_count is 'Results that failed.';
comment on column public.test_run_history.error_count is 'Results that ended without a verdict.';
comment on column public.test_run_history.skipped_count is 'Results that were skipped.';
comment on column public.test_run_history.cancelled_count is 'Results that were cancelled.';
comment on column public.test_run_history.is_infra_suspect is
$comment$Did so much fail that the tests say nothing of themselves? True from 5 results that ran, of
which 80 % or more failed or ended in error. Analysis of tests leaves such runs aside.
Source: algorithms 3.1.$comment$;
comment on column public.test_run_history.queued_at is 'As in test_runs.';
comment on column public.test_run_history.started_at is 'As in test_runs.';
comment on column public.test_run_history.finished_at is 'As in test_runs.';
create index test_run_history_project_id_idx
on public.test_run_history (project_id, environment_id, finished_at desc);
create index test_run_history_finished_at_idx
on public.test_run_history (project_id, finished_at desc);

create function private.is_infra_suspect(ran bigint, not_passed bigint)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select ran >= 5 and not_passed >= 0.8 * ran;
$function$;
comment on function private.is_infra_suspect(bigint, bigint) is
$comment$Is it rather the surroundings than the tests that failed?

ran: results that ran; not_passed: those of them that failed or ended in error.
Source: algorithms 3.1.$comment$;

create function private.write_run_history(run_ids uuid[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into public.test_run_history (
        run_id, project_id, environment_id, commit_sha, api_version, trigger_kind, status,
        total_count, passed_count, failed_count, error_count, skipped_count, cancelled_count,
        is_infra_suspect, queued_at, started_at, finished_at
    )
    select
        runs.id,
        runs.project_id,
        runs.environment_id,
        runs.commit_sha,
        runs.api_version,
        runs.trigger_kind,
        runs.status,
        runs.total_count,
        runs.passed_count,
        runs.failed_count,
        runs.error_count,
        runs.skipped_count,
        runs.cancelled_count,
        private.is_infra_suspect(
            runs.passed_count + runs.failed_count + runs.error_count,
            runs.failed_count + runs.error_count
        ),
        runs.queued_at,
        runs.started_at,
        runs.finished_at
    from public.test_runs as runs
    where runs.id = any(write_run_history.run_ids) and runs.finished_at is not null
    on conflict (run_id) do nothing;
$function$;
comment on function private.write_run_history(uuid[]) is
'Write the history of runs that are over; those that have one keep it.';

alter table public.test_run_history enable row level security;
grant select on public.test_run_history to authenticated, service_role;

create policy test_run_history_select_member on public.test_run_history
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));
