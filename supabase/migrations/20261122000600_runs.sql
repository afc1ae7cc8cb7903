-- Runs, their shared context, and one result for each test and fixture row.
-- Depends on: tests, environments. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.limits_problem(timeout_ms integer, max_parallel integer)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when timeout_ms not between 1000 and 86400000 then row(
            'malformed_timeout', '/timeout_ms', null,
            format('%s is outside 1000..86400000', timeout_ms),
            'Give milliseconds, from a second to a day, or nothing for what the environment gives.'
        )::private.problem
        when max_parallel not between 1 and 1000 then row(
            'malformed_max_parallel', '/max_parallel', null,
            format('%s is outside 1..1000', max_parallel),
            'Give how many requests may be in flight, or nothing for what the environment gives.'
        )::private.problem
    end;
end;
$function$;
comment on function private.limits_problem(integer, integer) is
$comment$Why a run cannot have these limits of its own; null if it can. Slugs: malformed_timeout,
malformed_max_parallel.$comment$;

create function private.origin_problem(commit_sha text, api_version text, trigger_kind text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when commit_sha !~ '^[^[:space:][:cntrl:]]{1,200}$' then row(
            'malformed_commit', '/commit_sha', null,
            'is not 1 to 200 characters without spaces',
            'Give the commit of the API under test as "git rev-parse HEAD" tells it, or nothing.'
        )::private.problem
        when api_version !~ '^[^[:cntrl:]]{1,200}$' then row(
            'malformed_api_version', '/api_version', null,
            'is not 1 to 200 characters on one line',
            'Give the version of the API under test as it calls itself, or nothing.'
        )::private.problem
        when trigger_kind <> all(array['api', 'manual', 'ci', 'schedule', 'rerun']) then row(
            'malformed_trigger', '/trigger_kind', null,
            'is none of api, manual, ci, schedule and rerun',
            'Say what started the run by one of these words, or leave it out.'
        )::private.problem
    end;
end;
$function$;
comment on function private.origin_problem(text, text, text) is
$comment$Why a run cannot say this of what it tests and what started it; null if it can. Slugs:
malformed_commit, malformed_api_version, malformed_trigger.$comment$;

create table public.test_runs (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    environment_id uuid not null,
    status text not null default 'planning',
    selection jsonb not null,
    variables jsonb not null default '{}',
    idempotency_key text,
    timeout_ms integer,
    max_parallel integer,
    commit_sha text,
    api_version text,
    trigger_kind text not null default 'api',
    queued_by uuid references public.users on delete set null,
    environment_snapshot_id bigint,
    labels text[] not null default '{}',
    planned_on date not null default (now() at time zone 'utc')::date,
    total_count integer not null default 0,
    passed_count integer not null default 0,
    failed_count integer not null default 0,
    error_count integer not null default 0,
    skipped_count integer not null default 0,
    cancelled_count integer not null default 0,
    queued_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint test_runs_idempotency_key_key unique (project_id, idempotency_key),
    constraint test_runs_project_key unique (id, project_id),
    constraint test_runs_environment_id_fkey foreign key (environment_id, project_id)
    references public.environments (id, project_id) on delete cascade,
    constraint test_runs_status_check check (
        status in (
            'planning', 'queued', 'running', 'finishing', 'passed', 'failed', 'error', 'cancelled',
            'timed_out'
        )
    ),
    constraint test_runs_finished_check check (
        (status in ('passed', 'failed', 'error', 'cancelled', 'timed_out'))
        = (finished_at is not null)
    ),
    -- raises, with the place and a hint
    constraint test_runs_limits_check check (
        private.accept(private.limits_problem(timeout_ms, max_parallel))
    ),
    -- raises, as above
    constraint test_runs_origin_check check (
        private.accept(private.origin_problem(commit_sha, api_version, trigger_kind))
    ),
    constraint test_runs_counts_check check (
        least(passed_count, failed_count, error_count, skipped_count, cancelled_count) >= 0
        and passed_count + failed_count + error_count + skipped_count + cancelled_count
        <= total_count
    )
);
comment on table public.test_runs is
$comment$One execution of a set of tests against one environment. Written by the engine; life cycle:
docs/states.md.$comment$;
comment on column public.test_runs.id is 'Stable identity; topic run:<id> carries its events.';
comment on column public.test_runs.project_id is 'The project.';
comment on column public.test_runs.environment_id is
'Where it runs. A snapshot of it was taken when it was queued.';
comment on column public.test_runs.status is
$comment$planning, queued, running, finishing (teardown), then passed, failed, error, cancelled or
timed_out.$comment$;
comment on column public.test_runs.selection is 'What was asked for, as given to queue_run.';
comment on column public.test_runs.variables is
'Overrides for {{name}}, of the highest precedence.';
comment on column public.test_runs.idempotency_key is
'Given by the client so that a repeated queue_run answers with the same run; null if none.';
comment on column public.test_runs.timeout_ms is
$comment$Milliseconds after which it times out, as asked for, 1,000 to 86,400,000. Null, or more
than environments.run_timeout_ms: as that says.$comment$;
comment on column public.test_runs.max_parallel is
$comment$Requests in flight at most, as asked for, 1 to 1,000. Null, or more than
environments.max_parallel: as that says.$comment$;
comment on column public.test_runs.commit_sha is
$comment$Which commit of the API it tested, as whoever queued it calls it, 1 to 200 characters
without spaces; null = not given. A pass and a fail of the same code contradict each other:
docs/history.md.$comment$;
comment on column public.test_runs.api_version is
$comment$Which version of the API it tested, as whoever queued it calls it, 1 to 200 characters on
one line; null = not given.$comment$;
comment on column public.test_runs.trigger_kind is
'What started it, as whoever queued it says: api, manual, ci, schedule or rerun.';
comment on column public.test_runs.queued_by is 'Who queued it; null for a secret key.';
comment on column public.test_runs.environment_snapshot_id is
'private.snapshots.id: the environment as it was when the run was planned; null while planning.';
comment on column public.test_runs.labels is
'What a worker must have to take it: environments.labels when it was queued.';
comment on column public.test_runs.planned_on is
'UTC date of planning; its evidence is stored under it.';
comment on column public.test_runs.total_count is 'Results planned.';
comment on column public.test_runs.passed_count is 'Results passed so far.';
comment on column public.test_runs.failed_count is 'Results failed so far.';
comment on column public.test_runs.error_count is 'Results that ended without a verdict so far.';
comment on column public.test_runs.skipped_count is 'Results skipped so far.';
comment on column public.test_runs.cancelled_count is 'Results cancelled so far.';
comment on column public.test_runs.queued_at is 'When it was queued.';
comment on column public.test_runs.started_at is 'When the first test was handed out; null before.';
comment on column public.test_runs.finished_at is
'When the last result was in; set exactly when the status is final.';
create index test_runs_project_id_idx on public.test_runs (project_id, queued_at desc);
-- the newest of all projects, page by page
create index test_runs_queued_at_idx on public.test_runs (queued_at desc);
create index test_runs_environment_id_idx on public.test_runs (environment_id, project_id);
create index test_runs_queued_by_idx on public.test_runs (queued_by);

create table private.finished_runs (
    run_id uuid primary key references public.test_runs on delete cascade,
    due_at timestamptz not null default clock_timestamp(),
    failure_count integer not null default 0,
    problem text
);
comment on table private.finished_runs is
'Runs that are over and not in the history yet. Written when a run ends, emptied by a job.';
comment on column private.finished_runs.run_id is 'The run.';
comment on column private.finished_runs.due_at is
'When to process it: at once, or later if that has failed.';
comment on column private.finished_runs.failure_count is 'How often processing it has failed.';
comment on column private.finished_runs.problem is
'What went wrong the last time; null = nothing yet.';
create index finished_runs_due_at_idx on private.finished_runs (due_at);

create table public.test_execution_context (
    run_id uuid not null,
    project_id uuid not null,
    value_count integer not null default 0,
    size_bytes bigint not null default 0,
    row_size_bytes bigint not null default 0,
    updated_at timestamptz not null default now(),
    expires_at timestamptz not null default now() + interval '24 hours',
    primary key (run_id, project_id),
    constraint test_execution_context_counts_check check (
        value_count >= 0 and row_size_bytes between 0 and size_bytes
    ),
    constraint test_execution_context_run_id_fkey foreign key (run_id, project_id)
    references public.test_runs (id, project_id) on delete cascade
);
comment on table public.test_execution_context is
'What the tests of a run share. One row a run; the values are in test_context_values.';
comment on column public.test_execution_context.run_id is 'The run.';
comment on column public.test_execution_context.project_id is 'Its project.';
comment on column public.test_execution_context.value_count is
'Values held, replaced ones included: rows in test_context_values.';
comment on column public.test_execution_context.size_bytes is 'Bytes of those values as JSON text.';
comment on column public.test_execution_context.row_size_bytes is
'How many of them belong to fixture rows: those are dropped when no test needs them any more.';
comment on column public.test_execution_context.updated_at is
'When values were last added or dropped.';
comment on column public.test_execution_context.expires_at is
$comment$When the values may be dropped, if the run is over: environments.context_lifetime_s after
the last value or the end of the run.$comment$;
-- what a cleanup looks for
create index test_execution_context_expires_at_idx
on public.test_execution_context (expires_at) where value_count > 0;
create index test_execution_context_project_id_idx on public.test_execution_context (project_id);

create table public.test_context_values (
    id bigint generated always as identity primary key,
    run_id uuid not null,
    project_id uuid not null,
    name text not null,
    kind text not null,
    test_case_id uuid references public.test_cases on delete cascade,
    row_key text not null default '',
    row_index integer not null default 0,
    value jsonb,
    encrypted_value bytea,
    allowed_hosts text[],
    size_bytes integer not null,
    created_at timestamptz not null default now(),
    constraint test_context_values_run_id_fkey foreign key (run_id, project_id)
    references public.test_runs (id, project_id) on delete cascade,
    constraint test_context_values_kind_check check (kind in ('variable', 'token')),
    constraint test_context_values_token_check check (
        case kind when 'token' then value is null else encrypted_value is null end
        and num_nonnulls(value, encrypted_value) = 1
        and (allowed_hosts is null) = (encrypted_value is null)
    )
);
comment on table public.test_context_values is
$comment$Values that tests captured or clients set. None is changed, and none dropped while a test
may use it: a rescued test sees what it saw before.$comment$;
comment on column public.test_context_values.id is
$comment$Order of arrival; the highest of a name counts, among those that were there when the test
was first rendered (work_items.last_value_id).$comment$;
comment on column public.test_context_values.run_id is 'The run.';
comment on column public.test_context_values.project_id is 'Its project.';
comment on column public.test_context_values.name is 'What {{name}} refers to.';
comment on column public.test_context_values.kind is
'variable, or token: encrypted here, redacted everywhere.';
comment on column public.test_context_values.test_case_id is
'Which test captured it; null = set by a client.';
comment on column public.test_context_values.row_key is
'Fixture row of that test; empty = no fixture.';
comment on column public.test_context_values.row_index is 'Position of that row, from 0.';
comment on column public.test_context_values.value is 'Any JSON; null exactly for tokens.';
comment on column public.test_context_values.encrypted_value is
$comment$JSON text of a token under the data key held in Vault; null for variables. Not readable by
clients.$comment$;
comment on column public.test_context_values.allowed_hosts is
'Where requests may carry a token to, as private.may_go_to reads it; null for variables.';
comment on column public.test_context_values.size_bytes is 'Bytes of the value as JSON text.';
comment on column public.test_context_values.created_at is 'When it was added.';
create index test_context_values_run_id_idx
on public.test_context_values (run_id, project_id, name, test_case_id, row_index, id desc);
create index test_context_values_test_case_id_idx on public.test_context_values (test_case_id);
create index test_context_values_project_id_idx on public.test_context_values (project_id);

create table public.test_results (
    id uuid primary key default gen_random_uuid(),
    run_id uuid not null,
    project_id uuid not null,
    test_case_id uuid not null references public.test_cases on delete cascade,
    test_name text not null,
    suite_name text not null,
    phase text not null,
    row_key text not null default '',
    row_index integer not null default 0,
    definition_id bigint not null,
    bindings jsonb not null default '{}',
    fixture_snapshot_id bigint,
    planned_on date not null,
    is_quarantined boolean not null default false,
    status text not null default 'pending',
    category text,
    slug text,
    message text,
    cause_result_id uuid,
    cause_status text,
    cause_edge text,
    attempt_count integer not null default 0,
    rescue_count integer not null default 0,
    http_status integer,
    duration_ms numeric(12, 3),
    accepted_lease uuid,
    finished_seq integer,
    started_at timestamptz,
    finished_at timestamptz,
    constraint test_results_run_key unique (run_id, test_case_id, row_key),
    constraint test_results_run_id_fkey foreign key (run_id, project_id)
    references public.test_runs (id, project_id) on delete cascade,
    constraint test_results_phase_check check (phase in ('setup', 'main', 'teardown')),
    constraint test_results_status_check check (
        status in ('pending', 'passed', 'failed', 'error', 'skipped', 'cancelled')
    ),
    constraint test_results_reason_check check (
        (status in ('pending', 'passed')) = (category is null)
        and num_nulls(category, slug, message) in (0, 3)
    ),
    constraint test_results_finished_check check (
        (status = 'pending') = (finished_at is null)
        and (status = 'pending') = (finished_seq is null)
    )
);
comment on table public.test_results is
'One test, or one fixture row of it, in one run. Written twice: when planned and when judged.';
comment on column public.test_results.id is 'Stable identity.';
comment on column public.test_results.run_id is 'The run.';
comment on column public.test_results.project_id is 'Its project.';
comment on column public.test_results.test_case_id is 'The test.';
comment on column public.test_results.test_name is 'Its name when the run was planned.';
comment on column public.test_results.suite_name is 'Its suite''s name when the run was planned.';
comment on column public.test_results.phase is 'setup, main or teardown.';
comment on column public.test_results.row_key is 'Fixture row; empty = no fixture.';
comment on column public.test_results.row_index is 'Position of that row, from 0.';
comment on column public.test_results.definition_id is
'private.definitions.id: exactly what was executed.';
comment on column public.test_results.bindings is
$comment$Which upstream test gives which name: {name: {"test": uuid, "rows": "one" | "same" |
"all"}}. Its work item, which has the same, does not outlive the run.$comment$;
comment on column public.test_results.fixture_snapshot_id is
'private.snapshots.id: values of the fixture row; null = no fixture.';
comment on column public.test_results.planned_on is 'Copied from the run; locates the evidence.';
comment on column public.test_results.is_quarantined is
$comment$Was the test in quarantine when the run was planned? Then its failure spoils no run. Never
true for a setup test, without which nothing of main runs.$comment$;
comment on column public.test_results.status is
$comment$pending, then passed, failed (an assertion was false), error (no verdict was possible),
skipped or cancelled.$comment$;
comment on column public.test_results.category is
'Why not passed, in a word: assertion, network, timeout, dependency, ...; null when passed.';
comment on column public.test_results.slug is 'Why not passed, exactly; listed in docs/errors.md.';
comment on column public.test_results.message is 'Why not passed, as a sentence.';
comment on column public.test_results.cause_result_id is
'The result that caused a skip, at its root; else null.';
comment on column public.test_results.cause_status is 'Status of that result.';
comment on column public.test_results.cause_edge is
'What led from it to here: data, token, or setup when a setup test did not pass.';
comment on column public.test_results.attempt_count is
'Requests made and reported, retries included.';
comment on column public.test_results.rescue_count is
'How often a lost attempt was handed out again.';
comment on column public.test_results.http_status is
'Status of the last answer; null if there was none.';
comment on column public.test_results.duration_ms is
'Milliseconds of the last attempt, as the worker measured.';
comment on column public.test_results.accepted_lease is
'Lease of the report that decided; recognises replays.';
comment on column public.test_results.finished_seq is 'Order of verdicts within the run, from 1.';
comment on column public.test_results.started_at is
'When the deciding attempt was sent; of a lost one, when it was first handed out.';
comment on column public.test_results.finished_at is 'When the verdict was written.';
create index test_results_finished_seq_idx
on public.test_results (run_id, project_id, finished_seq);
-- the history of a test, and of a project
create index test_results_test_case_id_idx on public.test_results (test_case_id, finished_at);
-- what failed lately, in all projects
create index test_results_failures_idx on public.test_results (finished_at desc)
where status in ('failed', 'error');
create index test_results_project_id_idx on public.test_results (project_id, finished_at);

create function private.context_expiry(environment_id uuid)
returns timestamptz
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select clock_timestamp() + environments.context_lifetime_s * interval '1 second'
    from public.environments
    where environments.id = context_expiry.environment_id;
$function$;
comment on function private.context_expiry(uuid) is
'When the values of a run in this environment expire that is active now.';

-- The engine writes these tables; clients, the secret key included, read them.
alter table public.test_runs enable row level security;
alter table private.finished_runs enable row level security;
alter table public.test_execution_context enable row level security;
alter table public.test_context_values enable row level security;
alter table public.test_results enable row level security;

-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.finished_runs for select to public using (false);

grant select on public.test_runs, public.test_execution_context, public.test_results
to authenticated, service_role;
grant select (
    id, run_id, project_id, name, kind, test_case_id, row_key, row_index, value, size_bytes,
    created_at
) on public.test_context_values to authenticated, service_role;

create policy test_runs_select_member on public.test_runs
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_execution_context_select_member on public.test_execution_context
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_context_values_select_member on public.test_context_values
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_results_select_member on public.test_results
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));
