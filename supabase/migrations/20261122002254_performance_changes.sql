-- Performance changes: where a test became slower or faster, and how sure that is.
-- Depends on: run_history, tests, environments. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.performance_changes (
    id bigint generated always as identity primary key,
    project_id uuid not null references public.projects on delete cascade,
    environment_id uuid not null references public.environments on delete cascade,
    test_case_id uuid not null references public.test_cases on delete cascade,
    direction text not null,
    status text not null,
    began_at timestamptz not null,
    run_id uuid not null,
    commit_sha text,
    api_version text,
    before_ms numeric(12, 3) not null,
    after_ms numeric(12, 3) not null,
    ratio double precision not null,
    p double precision not null,
    is_shifted boolean not null,
    is_split boolean not null,
    found_at timestamptz not null,
    checked_at timestamptz not null,
    confirmed_at timestamptz,
    constraint performance_changes_direction_check check (direction in ('slower', 'faster')),
    constraint performance_changes_status_check check (
        status in ('suspected', 'confirmed', 'annotated', 'dismissed')
    ),
    constraint performance_changes_confirmed_check check (
        (status = 'confirmed') = (confirmed_at is not null)
    )
);
comment on table public.performance_changes is
$comment$Where the durations of a test in an environment changed: each night's findings. They
outlive the run in which a change began.$comment$;
comment on column public.performance_changes.id is 'Stable identity.';
comment on column public.performance_changes.project_id is 'The project.';
comment on column public.performance_changes.environment_id is 'Where.';
comment on column public.performance_changes.test_case_id is 'The test.';
comment on column public.performance_changes.direction is 'slower or faster.';
comment on column public.performance_changes.status is
$comment$suspected: both methods see it, once; confirmed: both did again at the next check, and
it was told of; annotated: only one sees it; dismissed: it was gone at a later check.$comment$;
comment on column public.performance_changes.began_at is
'When the first measurement after it was made, as far as known so far.';
comment on column public.performance_changes.run_id is
'The run of that measurement: test_runs.id, while that is kept, and test_run_history.run_id.';
comment on column public.performance_changes.commit_sha is
'The commit of that run; null = not given.';
comment on column public.performance_changes.api_version is
'The version of the API in that run; null = not given.';
comment on column public.performance_changes.before_ms is
'Median of up to 50 measurements before it, in milliseconds.';
comment on column public.performance_changes.after_ms is
'Median of the newest measurements, in milliseconds.';
comment on column public.performance_changes.ratio is
$comment$How many times as long the newest measurements take: the median of the ratios of all pairs
(Hodges and Lehmann).$comment$;
comment on column public.performance_changes.p is
'One-sided p of Mann and Whitney that the newest measurements are not slower (or faster).';
comment on column public.performance_changes.is_shifted is
'Do the newest measurements differ from those before, by size and by p?';
comment on column public.performance_changes.is_split is
'Does the series fall apart there, by its change points?';
comment on column public.performance_changes.found_at is 'As of when it was first seen.';
comment on column public.performance_changes.checked_at is 'As of when it was last looked at.';
comment on column public.performance_changes.confirmed_at is
'As of when it was confirmed; set exactly then.';
create index performance_changes_project_id_idx
on public.performance_changes (project_id, id desc);
create index performance_changes_test_case_id_idx
on public.performance_changes (test_case_id, environment_id, began_at desc);
create index performance_changes_environment_id_idx
on public.performance_changes (environment_id);

alter table public.performance_changes enable row level security;
grant select on public.performance_changes to authenticated, service_role;

create policy performance_changes_select_member on public.performance_changes
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create table private.performance_series (
    test_case_id uuid not null references public.test_cases on delete cascade,
    environment_id uuid not null references public.environments on delete cascade,
    project_id uuid not null references public.projects on delete cascade,
    checked_at timestamptz not null,
    seen_until timestamptz not null,
    level_since timestamptz not null default '-infinity',
    change_id bigint references public.performance_changes on delete set null,
    before_ms double precision,
    after_ms double precision,
    ratio double precision,
    p double precision,
    adjusted_p double precision,
    primary key (test_case_id, environment_id)
);
comment on table private.performance_series is
'The durations of one test in one environment: what was looked at, and what the last check saw.';
comment on column private.performance_series.test_case_id is 'The test.';
comment on column private.performance_series.environment_id is 'Where.';
comment on column private.performance_series.project_id is 'The project.';
comment on column private.performance_series.checked_at is 'As of when it was last checked.';
comment on column private.performance_series.seen_until is
'test_results.finished_at of the newest measurement that a check has seen.';
comment on column private.performance_series.level_since is
'Since when no change was confirmed: nothing older is compared with.';
comment on column private.performance_series.change_id is
'The change that further checks look at again; null = none.';
comment on column private.performance_series.before_ms is
'Median of the measurements compared with; null = too few so far.';
comment on column private.performance_series.after_ms is 'Median of the newest ones.';
comment on column private.performance_series.ratio is 'As in performance_changes.';
comment on column private.performance_series.p is
'The smaller of both one-sided p of Mann and Whitney.';
comment on column private.performance_series.adjusted_p is
'Twice that, adjusted for all series of the project that were checked together.';
create index performance_series_project_id_idx
on private.performance_series (project_id, checked_at);
create index performance_series_environment_id_idx on private.performance_series (environment_id);
create index performance_series_change_id_idx on private.performance_series (change_id);

alter table private.performance_series enable row level security;
create policy closed on private.performance_series for select to public using (false);

create table private.performance_checks (
    project_id uuid primary key references public.projects on delete cascade,
    checked_at timestamptz not null
);
comment on table private.performance_checks is
'Which project was looked through for changes when: each once a day.';
comment on column private.performance_checks.project_id is 'The project.';
comment on column private.performance_checks.checked_at is 'As of when.';

alter table private.performance_checks enable row level security;
create policy closed on private.performance_checks for select to public using (false);
