-- History: a row for each run that is over, and what changed in it, test by test.
-- Depends on: runs. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.selection_key(selection jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select md5(coalesce(jsonb_object_agg(members.key, canonical.value), '{}')::text)
    from jsonb_each(selection) as members
    cross join lateral (
        select case
            when jsonb_typeof(members.value) <> 'array' then members.value
            else (
                select jsonb_agg(distinct elements.value)
                from jsonb_array_elements(
                    case when jsonb_typeof(members.value) = 'array' then members.value else '[]' end
                ) as elements
            )
        end as value
    ) as canonical
    where members.value <> '[]';
$function$;
comment on function private.selection_key(jsonb) is
$comment$Digest of a selection, the same for those that name the same: the order of its lists, what
they repeat and empty ones do not count.$comment$;

create table public.test_run_history (
    run_id uuid primary key,
    project_id uuid not null references public.projects on delete cascade,
    environment_id uuid not null,
    status text not null,
    selection jsonb not null default '{}',
    selection_key text not null default private.selection_key('{}'),
    commit_sha text,
    api_version text,
    trigger_kind text not null,
    queued_by uuid references public.users on delete set null,
    queued_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz not null,
    total_count integer not null,
    passed_count integer not null,
    failed_count integer not null,
    error_count integer not null,
    skipped_count integer not null,
    cancelled_count integer not null,
    is_infra_suspect boolean not null,
    duration_ms numeric(14, 3),
    requests_ms numeric(16, 3) not null default 0,
    p50_ms numeric(12, 3),
    p95_ms numeric(12, 3),
    p99_ms numeric(12, 3),
    max_ms numeric(12, 3),
    http_call_count integer not null default 0,
    retry_count integer not null default 0,
    rescue_count integer not null default 0,
    previous_run_id uuid,
    flaky_count integer not null default 0,
    newly_failing_count integer not null default 0,
    still_failing_count integer not null default 0,
    newly_passing_count integer not null default 0,
    new_count integer not null default 0,
    removed_count integer not null default 0,
    constraint test_run_history_environment_id_fkey foreign key (environment_id, project_id)
    references public.environments (id, project_id) on delete cascade,
    constraint test_run_history_status_check check (
        status in ('passed', 'failed', 'error', 'cancelled', 'timed_out')
    ),
    constraint test_run_history_trigger_check check (
        trigger_kind in ('api', 'manual', 'ci', 'schedule', 'rerun')
    )
);
comment on table public.test_run_history is
$comment$One row for each run that is over, written by private.process_finished_runs seconds after
its end. It stays when the run is gone. How it is computed: docs/history.md.$comment$;
comment on column public.test_run_history.run_id is 'test_runs.id, also when that row is gone.';
comment on column public.test_run_history.project_id is 'The project.';
comment on column public.test_run_history.environment_id is 'Where it ran.';
comment on column public.test_run_history.status is
'How it ended: passed, failed, error, cancelled or timed_out.';
comment on column public.test_run_history.selection is 'What was asked for, as given to queue_run.';
comment on column public.test_run_history.selection_key is
'private.selection_key: equal for runs of the same selection.';
comment on column public.test_run_history.commit_sha is
'As test_runs.commit_sha; null if not given.';
comment on column public.test_run_history.api_version is
'As test_runs.api_version; null if not given.';
comment on column public.test_run_history.trigger_kind is 'As test_runs.trigger_kind.';
comment on column public.test_run_history.queued_by is 'Who queued it; null for a secret key.';
comment on column public.test_run_history.queued_at is 'When it was queued.';
comment on column public.test_run_history.started_at is
'When the first test was handed out; null if none was.';
comment on column public.test_run_history.finished_at is 'When the last result was in.';
comment on column public.test_run_history.total_count is 'Results planned.';
comment on column public.test_run_history.passed_count is 'Results passed.';
comment on column public.test_run_history.failed_count is 'Results failed.';
comment on column public.test_run_history.error_count is 'Results that ended without a verdict.';
comment on column public.test_run_history.skipped_count is 'Results skipped.';
comment on column public.test_run_history.cancelled_count is 'Results cancelled.';
comment on column public.test_run_history.is_infra_suspect is
$comment$True when of at least 5 results that ran 80 % or more failed or ended in error: rather the
API or the network as a whole than these tests. Such runs do not count for flakiness.$comment$;
comment on column public.test_run_history.duration_ms is
'Milliseconds from the first test handed out to the end; null if none was.';
comment on column public.test_run_history.requests_ms is
'Milliseconds of the deciding requests of all results, added up.';
comment on column public.test_run_history.p50_ms is
$comment$Median of the deciding requests, in milliseconds: the first of those in order at or below
which half of them are (inverse of the distribution, no interpolation); null if there was none.
$comment$;
comment on column public.test_run_history.p95_ms is 'The same for 95 of 100.';
comment on column public.test_run_history.p99_ms is 'The same for 99 of 100.';
comment on column public.test_run_history.max_ms is 'The slowest of them.';
comment on column public.test_run_history.http_call_count is
'Attempts reported, retries included; a redirect that was followed is part of its attempt.';
comment on column public.test_run_history.retry_count is 'How many of them were retries.';
comment on column public.test_run_history.rescue_count is
'Attempts handed out again because a worker was lost; never a fault of the API.';
comment on column public.test_run_history.previous_run_id is
$comment$The latest run before of the same project, environment and selection that was neither
cancelled nor timed out: what removed_count refers to, and what to hold durations against; null if
there is none. The other comparisons are with the last time that each test ran in the environment,
in whatever run.$comment$;
comment on column public.test_run_history.flaky_count is
'Results that passed after a failed attempt in this run.';
comment on column public.test_run_history.newly_failing_count is
'Results that did not pass and passed the last time, or had never run in this environment.';
comment on column public.test_run_history.still_failing_count is
'Results that did not pass, and neither the last time.';
comment on column public.test_run_history.newly_passing_count is
'Results that passed, and did not the last time.';
comment on column public.test_run_history.new_count is
'Results of tests, or fixture rows, that came to a verdict in this environment for the first time.';
comment on column public.test_run_history.removed_count is
'Tests, or fixture rows, that the previous run had and this one has not.';
-- a project's or an environment's latest, page by page
create index test_run_history_project_id_idx
on public.test_run_history (project_id, finished_at desc, run_id desc);
create index test_run_history_environment_id_idx
on public.test_run_history (environment_id, project_id, finished_at desc, run_id desc);
-- the previous run
create index test_run_history_selection_key_idx
on public.test_run_history (environment_id, selection_key, finished_at desc);
create index test_run_history_queued_by_idx on public.test_run_history (queued_by);

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

create table public.test_run_changes (
    run_id uuid not null,
    place integer not null,
    project_id uuid not null references public.projects on delete cascade,
    test_case_id uuid not null references public.test_cases on delete cascade,
    row_key text not null,
    test_name text not null,
    suite_name text not null,
    change text not null,
    is_new boolean not null,
    is_flaky boolean not null,
    status text,
    slug text,
    failing_since_run_id uuid,
    last_passed_run_id uuid,
    primary key (run_id, place),
    constraint test_run_changes_run_key unique (run_id, test_case_id, row_key),
    constraint test_run_changes_change_check check (
        change in ('newly_failing', 'still_failing', 'newly_passing', 'flaky', 'new', 'removed')
    ),
    constraint test_run_changes_status_check check (status in ('passed', 'failed', 'error')),
    constraint test_run_changes_reason_check check (
        (status is null) = (change = 'removed')
        and (slug is not null) = (coalesce(status, 'passed') <> 'passed')
    )
);
comment on table public.test_run_changes is
$comment$What of a run is worth telling, test by test: against the last time that each test, or
fixture row, came to a verdict in the environment. What passed as before has no row. Written
together with test_run_history.$comment$;
comment on column public.test_run_changes.run_id is 'test_run_history.run_id.';
comment on column public.test_run_changes.place is
$comment$Order within the run, from 1: newly failing, still failing, newly passing, flaky, new,
removed; then by suite and test.$comment$;
comment on column public.test_run_changes.project_id is 'The project.';
comment on column public.test_run_changes.test_case_id is 'The test.';
comment on column public.test_run_changes.row_key is 'Fixture row; empty = no fixture.';
comment on column public.test_run_changes.test_name is 'Its name when the run was planned.';
comment on column public.test_run_changes.suite_name is
'Its suite''s name when the run was planned.';
comment on column public.test_run_changes.change is
$comment$newly_failing: did not pass, and passed the last time or never ran here. still_failing: did
not pass, and neither the last time. newly_passing: passed, and did not the last time. flaky: passed
as the last time, but after a failed attempt. new: passed the first time that it ran here. removed:
was in the previous run (test_run_history.previous_run_id), and is not in this one.$comment$;
comment on column public.test_run_changes.is_new is
'It came to a verdict in this environment for the first time.';
comment on column public.test_run_changes.is_flaky is
'It passed after a failed attempt in this run, whatever it did the last time.';
comment on column public.test_run_changes.status is
'passed, failed or error, as test_results.status; null for what was removed.';
comment on column public.test_run_changes.slug is
'Why not passed, as test_results.slug; null for what passed or was removed.';
comment on column public.test_run_changes.failing_since_run_id is
$comment$The first run since its last pass in which it did not pass: this one for what is newly
failing, the one in which that began for what is newly passing; null for what has not failed.$comment$;
comment on column public.test_run_changes.last_passed_run_id is
'The last run before this one in which it passed; null if there was none.';
create index test_run_changes_project_id_idx on public.test_run_changes (project_id);
-- also the story of one test
create index test_run_changes_test_case_id_idx on public.test_run_changes (test_case_id);

-- So that a run is compared by one look-up for each of its tests, however long ago they ran, in
-- however many runs and environments since, and whether or not those runs are still there.
create table private.last_verdicts (
    test_case_id uuid not null references public.test_cases on delete cascade,
    environment_id uuid not null references public.environments on delete cascade,
    row_key text not null,
    is_failing boolean not null,
    failing_since_run_id uuid,
    last_passed_run_id uuid,
    primary key (test_case_id, environment_id, row_key),
    constraint last_verdicts_failing_check check (
        is_failing = (failing_since_run_id is not null)
        and (is_failing or last_passed_run_id is not null)
    )
)
-- rewritten with every run
with (fillfactor = 70);
comment on table private.last_verdicts is
'How each test, or fixture row, stood in each environment after the last run of the history.';
comment on column private.last_verdicts.test_case_id is 'The test.';
comment on column private.last_verdicts.environment_id is 'Where it ran.';
comment on column private.last_verdicts.row_key is 'Fixture row; empty = no fixture.';
comment on column private.last_verdicts.is_failing is 'It did not pass the last time.';
comment on column private.last_verdicts.failing_since_run_id is
'The first run since its last pass in which it did not pass; null while it passes.';
comment on column private.last_verdicts.last_passed_run_id is
'The last run in which it passed; null if it never did.';
create index last_verdicts_environment_id_idx on private.last_verdicts (environment_id);

alter table public.test_run_history enable row level security;
alter table public.test_run_changes enable row level security;
alter table private.last_verdicts enable row level security;

grant select on public.test_run_history, public.test_run_changes to authenticated, service_role;

create policy test_run_history_select_member on public.test_run_history
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_run_changes_select_member on public.test_run_changes
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy closed on private.last_verdicts for select to public using (false);
