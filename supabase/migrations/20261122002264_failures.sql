-- Failures: a row for each cause, the tests that it breaks, and which result is one of it.
-- Depends on: runs, classify_failures. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.failure_analysis (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    fingerprint text not null,
    failure_class text not null,
    category text generated always as (split_part(failure_class, '(', 1)) stored,
    location text not null,
    message text not null,
    example_message text not null,
    example_result_id uuid not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    first_run_id uuid not null,
    last_run_id uuid not null,
    occurrence_count bigint not null default 0,
    skipped_count bigint not null default 0,
    test_count integer not null default 0,
    environment_count integer not null default 0,
    status text not null default 'open',
    note text,
    status_changed_at timestamptz,
    status_changed_by uuid references public.users on delete set null,
    regression_count integer not null default 0,
    regressed_at timestamptz,
    compared_at timestamptz,
    constraint failure_analysis_project_key unique (id, project_id),
    constraint failure_analysis_fingerprint_key unique (project_id, fingerprint),
    constraint failure_analysis_status_check check (status in ('open', 'known', 'fixed')),
    -- raises, with the place and a hint
    constraint failure_analysis_note_check check (
        private.accept(private.length_problem(note, '/note', 8000))
    ),
    constraint failure_analysis_seen_check check (first_seen_at <= last_seen_at),
    constraint failure_analysis_regressed_check check (
        (regression_count > 0) = (regressed_at is not null)
    )
);
comment on table public.failure_analysis is
$comment$One cause of failures in a project: results whose failure reads alike, whatever
the test. Written by the engine when runs are over, but for status and note
(set_failure_status). It outlives the runs.$comment$;
comment on column public.failure_analysis.id is
'Stable identity, also when others are merged into it.';
comment on column public.failure_analysis.project_id is 'The project.';
comment on column public.failure_analysis.fingerprint is
'MD5 over class, location and message, by which it is known again.';
comment on column public.failure_analysis.failure_class is
$comment$Its kind: dns, connect, tls, protocol, timeout, http_5xx, http_4xx, not_json, schema,
assertion(operator,place), capture, response, egress, definition, context, infra.$comment$;
comment on column public.failure_analysis.category is 'The class without what is in parentheses.';
comment on column public.failure_analysis.location is
$comment$Where, in words that hold for every test: status 503, body $.id, a place in a
schema, else the slug of the result.$comment$;
comment on column public.failure_analysis.message is
$comment$What is said of it, without ids, times, numbers and long texts ({n}, {uuid},
{date}, ...); {various} collects what there is no room for.$comment$;
comment on column public.failure_analysis.example_message is
'The message of its first result, as it was.';
comment on column public.failure_analysis.example_result_id is
'test_results.id of that result, as long as it is kept.';
comment on column public.failure_analysis.first_seen_at is 'When its first result was judged.';
comment on column public.failure_analysis.last_seen_at is 'When its latest result was judged.';
comment on column public.failure_analysis.first_run_id is
'test_runs.id of the run of the first one, as long as it is kept.';
comment on column public.failure_analysis.last_run_id is
'test_runs.id of the run of the latest one, as long as it is kept.';
comment on column public.failure_analysis.occurrence_count is 'Results that failed so, ever.';
comment on column public.failure_analysis.skipped_count is
'Results skipped because of those, ever.';
comment on column public.failure_analysis.test_count is 'Tests that failed so.';
comment on column public.failure_analysis.environment_count is 'Environments in which they did.';
comment on column public.failure_analysis.status is
$comment$open; known: somebody knows of it; fixed: by somebody's word, or since each of
its tests has passed three runs in a row. A fixed one that is seen again is open.$comment$;
comment on column public.failure_analysis.note is 'What people wrote about it; null = nothing.';
comment on column public.failure_analysis.status_changed_at is
'When status or note were last changed, by somebody or by Assay; null = never.';
comment on column public.failure_analysis.status_changed_by is
'Who did; null = Assay, the secret key, or an account that is gone.';
comment on column public.failure_analysis.regression_count is
'How often it was seen again after it had been fixed.';
comment on column public.failure_analysis.regressed_at is 'When it last was; null = never.';
comment on column public.failure_analysis.compared_at is
'When it was compared with others like it (private.merge_failures); null = not yet.';
create index failure_analysis_last_seen_at_idx
on public.failure_analysis (project_id, last_seen_at desc, id desc);
create index failure_analysis_class_idx on public.failure_analysis (project_id, failure_class);
create index failure_analysis_status_changed_by_idx
on public.failure_analysis (status_changed_by);
create index failure_analysis_uncompared_idx
on public.failure_analysis (project_id) where compared_at is null;

create table public.failure_tests (
    failure_id uuid not null references public.failure_analysis on delete cascade,
    test_case_id uuid not null references public.test_cases on delete cascade,
    environment_id uuid not null references public.environments on delete cascade,
    project_id uuid not null,
    occurrence_count bigint not null,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    pass_count integer not null default 0,
    last_passed_at timestamptz,
    primary key (failure_id, test_case_id, environment_id),
    constraint failure_tests_seen_check check (first_seen_at <= last_seen_at)
);
comment on table public.failure_tests is
'A test that a cause broke in an environment, how often, and whether it has passed since.';
comment on column public.failure_tests.failure_id is 'The cause.';
comment on column public.failure_tests.test_case_id is 'The test.';
comment on column public.failure_tests.environment_id is 'The environment.';
comment on column public.failure_tests.project_id is 'Their project.';
comment on column public.failure_tests.occurrence_count is
'Results that failed so, fixture rows apart.';
comment on column public.failure_tests.first_seen_at is 'When the first of them was judged.';
comment on column public.failure_tests.last_seen_at is 'When the latest of them was judged.';
comment on column public.failure_tests.pass_count is
'Runs since then in which the test passed, with all its fixture rows.';
comment on column public.failure_tests.last_passed_at is
'When the latest of those was judged; null = none yet.';
-- the causes of a test that passed
create index failure_tests_test_case_id_idx on public.failure_tests (test_case_id, environment_id);
create index failure_tests_environment_id_idx on public.failure_tests (environment_id);
create index failure_tests_project_id_idx on public.failure_tests (project_id);

create table private.failure_occurrences (
    result_id uuid primary key references public.test_results on delete cascade,
    failure_id uuid not null references public.failure_analysis on delete cascade,
    project_id uuid not null,
    run_id uuid not null,
    environment_id uuid not null,
    test_case_id uuid not null,
    seen_at timestamptz not null,
    skipped_count integer not null
);
comment on table private.failure_occurrences is
'Which cause a result that did not pass has. Kept as long as the result.';
comment on column private.failure_occurrences.result_id is 'The result: failed or in error.';
comment on column private.failure_occurrences.failure_id is 'Its cause.';
comment on column private.failure_occurrences.project_id is 'Its project.';
comment on column private.failure_occurrences.run_id is 'Its run.';
comment on column private.failure_occurrences.environment_id is 'The environment of the run.';
comment on column private.failure_occurrences.test_case_id is 'Its test.';
comment on column private.failure_occurrences.seen_at is 'When it was judged.';
comment on column private.failure_occurrences.skipped_count is 'Results skipped because of it.';
create index failure_occurrences_failure_id_idx
on private.failure_occurrences (failure_id, seen_at);
create index failure_occurrences_run_id_idx on private.failure_occurrences (run_id);
-- a window of time is counted from the index alone
create index failure_occurrences_seen_at_idx on private.failure_occurrences (project_id, seen_at)
include (failure_id, test_case_id, environment_id, skipped_count);

create table private.failure_aliases (
    project_id uuid not null,
    fingerprint text not null,
    failure_id uuid not null,
    primary key (project_id, fingerprint),
    constraint failure_aliases_failure_id_fkey foreign key (failure_id, project_id)
    references public.failure_analysis (id, project_id) on delete cascade
);
comment on table private.failure_aliases is
'Fingerprints of causes that were merged into another: what has one of them goes to that one.';
comment on column private.failure_aliases.project_id is 'The project.';
comment on column private.failure_aliases.fingerprint is 'As failure_analysis.fingerprint was.';
comment on column private.failure_aliases.failure_id is 'The cause that it belongs to now.';
create index failure_aliases_failure_id_idx
on private.failure_aliases (failure_id, project_id);

-- The engine writes these tables; clients, the secret key included, read them.
alter table public.failure_analysis enable row level security;
alter table public.failure_tests enable row level security;
alter table private.failure_occurrences enable row level security;
alter table private.failure_aliases enable row level security;
grant select on public.failure_analysis, public.failure_tests to authenticated, service_role;

create policy failure_analysis_select_member on public.failure_analysis
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy failure_tests_select_member on public.failure_tests
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.failure_occurrences for select to public using (false);
create policy closed on private.failure_aliases for select to public using (false);
