-- The engine's own tables: what runs execute, and what is still to be done. Never exposed.
-- Depends on: runs. Locks: test_results and test_runs, briefly, to add foreign keys.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.definitions (
    id bigint generated always as identity primary key,
    project_id uuid not null references public.projects on delete cascade,
    digest bytea not null,
    document jsonb not null,
    uses text[] not null,
    requires text[] not null,
    provides text[] not null,
    idle_since timestamptz,
    constraint definitions_digest_key unique (project_id, digest)
);
comment on table private.definitions is
'Compiled tests (see private.compile_test), stored once under their digest, never changed.';
comment on column private.definitions.id is 'What results and work items refer to.';
comment on column private.definitions.project_id is
'The project; definitions are not shared between tenants.';
comment on column private.definitions.digest is
'SHA-256 of what it was compiled from (private.gather_sources): equal sources are compiled once.';
comment on column private.definitions.document is 'The compiled test.';
comment on column private.definitions.uses is 'Names that it refers to.';
comment on column private.definitions.requires is 'Those of them without a default.';
comment on column private.definitions.provides is 'Names that it captures.';
comment on column private.definitions.idle_since is
$comment$Since when no result was found that refers to it; null = in use, as far as is known. A plan
refers to it again only by storing it anew, so that nothing is swept that is about to be used.$comment$;
create index definitions_idle_since_idx on private.definitions (idle_since)
where idle_since is not null;

create table private.snapshots (
    id bigint generated always as identity primary key,
    project_id uuid not null references public.projects on delete cascade,
    digest bytea not null,
    document jsonb not null,
    used_on date not null default (now() at time zone 'utc')::date,
    constraint snapshots_digest_key unique (project_id, digest)
);
comment on table private.snapshots is
'Environments and fixture rows as they were when a run was planned, by digest, never changed.';
comment on column private.snapshots.id is 'What runs and work items refer to.';
comment on column private.snapshots.project_id is 'The project.';
comment on column private.snapshots.digest is 'SHA-256 of the document''s text.';
comment on column private.snapshots.document is
$comment$Of an environment: {"base_url", "variables", "secrets" (name to Vault id),
"project_variables"}. Of a fixture row: its values.$comment$;
comment on column private.snapshots.used_on is
'UTC date of the last run that was planned with it.';
create index snapshots_used_on_idx on private.snapshots (project_id, used_on);

alter table public.test_results
add constraint test_results_definition_id_fkey
foreign key (definition_id) references private.definitions;
create index test_results_definition_id_idx on public.test_results (definition_id);

alter table public.test_runs
add constraint test_runs_environment_snapshot_id_fkey
foreign key (environment_snapshot_id) references private.snapshots;
create index test_runs_environment_snapshot_id_idx on public.test_runs (environment_snapshot_id);

create table public.workers (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    version text not null,
    capacity integer not null,
    labels text[] not null default '{}',
    organization_id uuid references public.organizations on delete cascade,
    user_id uuid references public.users on delete cascade,
    revoked_at timestamptz,
    registered_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    constraint workers_name_check check (length(btrim(name)) between 1 and 200),
    constraint workers_capacity_check check (capacity between 1 and 10000),
    -- raises, with the place and a hint, what is too long
    constraint workers_texts_check check (
        private.accept(private.length_problem(name, '/name', 1000))
        and private.accept(private.length_problem(version, '/version', 200))
    ),
    constraint workers_labels_check check (private.are_labels(labels)),
    constraint workers_runner_check check ((organization_id is null) = (user_id is null))
);
comment on table public.workers is 'Processes that make the requests. Written by register_worker.';
comment on column public.workers.id is
'Given at registration; a restarted process is a new worker.';
comment on column public.workers.name is 'Chosen by its operator; need not be unique.';
comment on column public.workers.version is 'Version of the worker package.';
comment on column public.workers.capacity is 'Requests it makes at once.';
comment on column public.workers.labels is
'What it can reach, in its operator''s words: it gets runs that ask for nothing else.';
comment on column public.workers.organization_id is
'Whose runs it gets; null = those of all organizations: it has the secret key.';
comment on column public.workers.user_id is
'The runner account that registered it; null = the secret key.';
comment on column public.workers.revoked_at is
'Since when it is refused: its account is no runner any more, or lost a label. Null = in order.';
comment on column public.workers.registered_at is 'When it started.';
comment on column public.workers.last_seen_at is
'When it last claimed, reported or renewed; to the minute.';
create index workers_last_seen_at_idx on public.workers (last_seen_at);
create index workers_organization_id_idx on public.workers (organization_id);
create index workers_user_id_idx on public.workers (user_id);
alter table public.workers enable row level security;
grant select on public.workers to service_role;

create function private.may_take(worker public.workers, organization_id uuid, labels text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        worker.organization_id is null
        or worker.organization_id = may_take.organization_id
    ) and may_take.labels <@ worker.labels;
end;
$function$;
comment on function private.may_take(public.workers, uuid, text[]) is
$comment$May a worker have the runs of an organization that ask for these labels?

One with the secret key takes those of all organizations, a runner's those of its own; and every
worker only such as ask for no label that it lacks.$comment$;

create sequence private.turns increment 100000;
comment on sequence private.turns is
$comment$The order in which runs and organizations are served, which no clock disturbs.

Every claim draws one, and what it hands out is numbered between it and the next.$comment$;

create table private.organization_turns (
    organization_id uuid primary key references public.organizations on delete cascade,
    last_turn bigint not null default 0
);
comment on table private.organization_turns is
'When organizations were last served, for fairness. A row is made with the first run.';
comment on column private.organization_turns.organization_id is 'The organization.';
comment on column private.organization_turns.last_turn is
'The turn in which a worker last got something of it; 0 = never. Compared, and no time.';

create table private.live_runs (
    run_id uuid primary key references public.test_runs on delete cascade,
    project_id uuid not null,
    organization_id uuid not null,
    environment_id uuid not null,
    labels text[] not null,
    phase text not null default 'setup',
    setup_open_count integer not null,
    main_open_count integer not null,
    teardown_open_count integer not null,
    setup_cause_id uuid,
    finished_count integer not null default 0,
    is_cancelled boolean not null default false,
    is_timed_out boolean not null default false,
    is_teardown_late boolean not null default false,
    deadline_at timestamptz not null,
    paused_at timestamptz,
    max_parallel integer,
    last_turn bigint not null default nextval('private.turns'),
    constraint live_runs_phase_check check (phase in ('setup', 'main', 'teardown'))
-- no index holds a column that each claim and report changes, so that with room on the page no
-- update touches an index
) with (fillfactor = 70);
comment on table private.live_runs is
'One row for each run that is not over. Every writer locks it before it touches the run''s items.';
comment on column private.live_runs.run_id is 'The run.';
comment on column private.live_runs.project_id is 'Its project.';
comment on column private.live_runs.organization_id is 'Its tenant, for fairness.';
comment on column private.live_runs.environment_id is 'Where it runs, for limits.';
comment on column private.live_runs.labels is 'What a worker must have to take its items.';
comment on column private.live_runs.phase is 'Items of this phase may be claimed.';
comment on column private.live_runs.setup_open_count is 'Setup items that are not over.';
comment on column private.live_runs.main_open_count is 'Main items that are not over.';
comment on column private.live_runs.teardown_open_count is 'Teardown items that are not over.';
comment on column private.live_runs.setup_cause_id is
'First setup result that did not pass; null = none.';
comment on column private.live_runs.finished_count is
'Verdicts so far; numbers test_results.finished_seq.';
comment on column private.live_runs.is_cancelled is
'Asked to stop: nothing but teardown is handed out.';
comment on column private.live_runs.is_timed_out is 'Ran past its deadline: as is_cancelled.';
comment on column private.live_runs.is_teardown_late is
'Teardown, too, took too long: it is given up.';
comment on column private.live_runs.deadline_at is
'When the run times out; in teardown, 10 minutes after its beginning, when that is given up.';
comment on column private.live_runs.paused_at is
$comment$Since when its clock stands still because its project is paused: nothing of it is handed
out, and deadline_at waits. Null = it goes on.$comment$;
comment on column private.live_runs.max_parallel is
'test_runs.max_parallel: leases that it may have at once; null = as its environment.';
comment on column private.live_runs.last_turn is
'The turn in which a worker last got something of it, or in which it was queued; for fairness.';

create index live_runs_organization_id_idx on private.live_runs (organization_id);

create table private.work_items (
    id bigint generated always as identity primary key,
    run_id uuid not null references private.live_runs on delete cascade,
    result_id uuid,
    test_case_id uuid not null,
    environment_id uuid not null,
    definition_id bigint not null,
    fixture_snapshot_id bigint,
    row_key text not null default '',
    row_index integer not null default 0,
    phase text not null,
    priority integer not null,
    is_repeatable boolean not null,
    bindings jsonb not null default '{}',
    state text not null,
    pending_count integer not null default 0,
    available_at timestamptz not null default '-infinity',
    attempt integer not null default 0,
    retry_number integer not null default 0,
    rendering integer not null default 0,
    executed_count integer not null default 0,
    rescue_count integer not null default 0,
    first_leased_at timestamptz,
    rendered_at timestamptz,
    last_value_id bigint,
    request jsonb,
    lease uuid,
    lease_until timestamptz,
    lease_place integer,
    worker_id uuid,
    call_id uuid,
    constraint work_items_state_check check (state in ('waiting', 'ready', 'leased', 'barrier')),
    constraint work_items_barrier_check check ((state = 'barrier') = (result_id is null)),
    constraint work_items_lease_check check (
        case state when 'leased' then 5 else 0 end
        = num_nonnulls(lease, lease_until, lease_place, worker_id, call_id)
    ),
    constraint work_items_pending_check check (
        pending_count >= 0 and (state not in ('ready', 'leased') or pending_count = 0)
    )
-- Each item is inserted, leased, given its request and deleted: two to three dead rows an item.
-- fillfactor: half of the updates that change no index find room on their page; more room would
-- make the table larger than it saves. scale_factor 0: a share of a table that is empty now and
-- has 50,000 rows a second later means nothing, so that counts decide, and every round of
-- autovacuum (once a minute) finds work after a busy one. vacuum_truncate: what was taken once will
-- be needed again; giving it back locks everybody out for a moment, and a table of no pages is
-- what the planner would read from end to end until the next analyze.
) with (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 5000,
    vacuum_truncate = false
);
comment on table private.work_items is
$comment$The live queue: a row exists only while there is work to do for a result.

A row in state barrier stands for "every fixture row of an upstream test": rows point to it and it
points to the consumers, so that rows x rows edges are never needed. definition_id and
fixture_snapshot_id have no foreign keys: the result holds the definition, snapshots outlive the
queue, and each key would ask for one more index on the hottest table.$comment$;
comment on column private.work_items.id is
'Identity on the wire, and the order of claims within a priority.';
comment on column private.work_items.run_id is 'The run.';
comment on column private.work_items.result_id is 'test_results.id; null exactly for barriers.';
comment on column private.work_items.test_case_id is 'The test; for a barrier the upstream test.';
comment on column private.work_items.environment_id is
'Copied from the run, to count what is in flight there.';
comment on column private.work_items.definition_id is 'What to execute.';
comment on column private.work_items.fixture_snapshot_id is
'Values of the fixture row; null = no fixture.';
comment on column private.work_items.row_key is 'Fixture row; empty = no fixture.';
comment on column private.work_items.row_index is 'Position of that row, from 0.';
comment on column private.work_items.phase is 'setup, main or teardown.';
comment on column private.work_items.priority is 'Lower is claimed first.';
comment on column private.work_items.is_repeatable is
'A lost attempt may be sent again: by method and endpoint, or because the test says so.';
comment on column private.work_items.bindings is
'Which upstream test gives which name: {name: {"test": uuid, "rows": "one" | "same" | "all"}}.';
comment on column private.work_items.state is
'waiting for dependencies, ready, leased to a worker, or a barrier.';
comment on column private.work_items.pending_count is 'Dependencies that are not over.';
comment on column private.work_items.available_at is 'Not claimed before: the delay of a retry.';
comment on column private.work_items.attempt is 'Leases so far; part of the fence.';
comment on column private.work_items.retry_number is
'Deliberate repetitions so far; a rescue is none.';
comment on column private.work_items.rendering is
$comment$Number of its rendering, which seeds generated values: the next with a retry, unless that
repeats the same request.$comment$;
comment on column private.work_items.executed_count is 'Attempts reported so far.';
comment on column private.work_items.rescue_count is 'Lost attempts handed out again so far.';
comment on column private.work_items.first_leased_at is
'When the first attempt was handed out; bounds retries.';
comment on column private.work_items.rendered_at is
$comment$The time that {{$timestamp}} shows: kept on rescue and by a retry that repeats the same
request, else new on retry.$comment$;
comment on column private.work_items.last_value_id is
$comment$Up to which test_context_values.id context is seen; kept as rendered_at is. Not a time: a
clock that is put back would hide what was captured before.$comment$;
comment on column private.work_items.request is
'What the current lease was told to send, redacted.';
comment on column private.work_items.lease is 'Token of the current lease: the fence.';
comment on column private.work_items.lease_until is 'After this the item may be rescued.';
comment on column private.work_items.lease_place is
'Its place among the leases of the same call: the order in which to make the requests.';
comment on column private.work_items.worker_id is 'Who holds the lease.';
comment on column private.work_items.call_id is
'The call that took it; repeating the call returns it again.';
create index work_items_run_idx on private.work_items (run_id, state, phase, priority, id);
comment on index private.work_items_run_idx is
$comment$What is ready, in the order of claims, and all of a run.

One index and not a partial one beside one of run_id: when the statistics are of an empty queue,
both look alike, and a claim that takes the other reads the whole run.$comment$;
create index work_items_lease_until_idx on private.work_items (lease_until) where state = 'leased';
create index work_items_in_flight_idx on private.work_items (environment_id) where state = 'leased';
create index work_items_call_id_idx on private.work_items (call_id) where state = 'leased';
create index work_items_due_idx on private.work_items (available_at)
where state = 'ready' and available_at > '-infinity';
comment on index private.work_items_due_idx is 'Retries only: what is due next.';

create table private.work_edges (
    from_item bigint not null,
    to_item bigint not null,
    kind text not null,
    run_id uuid not null references private.live_runs on delete cascade,
    primary key (from_item, to_item),
    constraint work_edges_kind_check check (kind in ('order', 'data', 'token'))
-- never updated; the rest as for work_items
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 5000,
    vacuum_truncate = false
);
comment on table private.work_edges is
$comment$Dependencies between live items of one run and phase. Removed when their upstream is over.

No foreign keys to items: they would cost a look-up for each row of the hottest deletes, and both
ends live and die under the lock of their run.$comment$;
comment on column private.work_edges.from_item is 'Upstream item.';
comment on column private.work_edges.to_item is 'Item that waits.';
comment on column private.work_edges.kind is 'order, data or token.';
comment on column private.work_edges.run_id is 'The run of both.';
create index work_edges_run_id_idx on private.work_edges (run_id);
create index work_edges_to_item_idx on private.work_edges (to_item);

create table private.environment_gates (
    environment_id uuid primary key references public.environments on delete cascade,
    tokens numeric not null,
    refilled_at timestamptz not null
);
comment on table private.environment_gates is
$comment$One row for each environment: locked while work is handed out, so that its limits hold over
all runs.$comment$;
comment on column private.environment_gates.environment_id is 'The environment.';
comment on column private.environment_gates.tokens is 'Requests that the rate limit allows now.';
comment on column private.environment_gates.refilled_at is
'When tokens was last brought up to date.';

alter table private.definitions enable row level security;
alter table private.snapshots enable row level security;
alter table private.organization_turns enable row level security;
alter table private.live_runs enable row level security;
alter table private.work_items enable row level security;
alter table private.work_edges enable row level security;
alter table private.environment_gates enable row level security;

-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.definitions for select to public using (false);
create policy closed on private.snapshots for select to public using (false);
create policy closed on private.organization_turns for select to public using (false);
create policy closed on private.live_runs for select to public using (false);
create policy closed on private.work_items for select to public using (false);
create policy closed on private.work_edges for select to public using (false);
create policy closed on private.environment_gates for select to public using (false);
create policy closed on public.workers for select to public using (false);
