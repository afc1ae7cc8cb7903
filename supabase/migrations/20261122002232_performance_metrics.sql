-- Metrics by test, environment and day, and the notes of verdicts that they are made of.
-- Depends on: runs, histograms. Locks: test_results, briefly, to add a trigger.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- No foreign key points at a result or a run: metrics outlive both.
--
-- Two arrays a histogram in one row, the four phases in one pair: at 730 days, 1,000 tests, 2
-- environments and a dozen results a day that is 0.7 GB with all indexes, 1 GB where every request
-- makes a connection of its own. A row for each bin would take 2.5 GB for the total time alone, a
-- pair of arrays for each phase 0.2 GB more.
create table public.performance_metrics (
    test_case_id uuid not null references public.test_cases on delete cascade,
    environment_id uuid not null references public.environments on delete cascade,
    project_id uuid not null,
    finished_on date not null,
    passed_count integer not null,
    failed_count integer not null,
    error_count integer not null,
    skipped_count integer not null,
    cancelled_count integer not null,
    flaky_count integer not null,
    measured_count integer not null,
    duration_sum_ms numeric,
    duration_min_ms numeric,
    duration_max_ms numeric,
    bins smallint[],
    counts integer[],
    phase_bins smallint[],
    phase_counts integer[],
    primary key (test_case_id, environment_id, finished_on),
    constraint performance_metrics_histogram_check check (
        cardinality(bins) is not distinct from cardinality(counts)
        and cardinality(phase_bins) is not distinct from cardinality(phase_counts)
        and (bins is null) = (measured_count = 0)
    )
)
-- the rows of today are written again each minute, in the room that their pages keep
with (fillfactor = 85);
comment on table public.performance_metrics is
$comment$What became of a test in an environment on one day: verdicts, and how long answers took.

Written by private.fold_metrics, within a minute after the verdict; aggregate_test_metrics reads it
together with what is not in it yet. It outlives results and runs.$comment$;
comment on column public.performance_metrics.test_case_id is
'The test; the rows of its fixture count together.';
comment on column public.performance_metrics.environment_id is 'Where it ran.';
comment on column public.performance_metrics.project_id is
'The project; goes with its tests, so no key of its own.';
comment on column public.performance_metrics.finished_on is 'UTC day of the verdicts.';
comment on column public.performance_metrics.passed_count is 'Results that passed.';
comment on column public.performance_metrics.failed_count is 'Results that failed.';
comment on column public.performance_metrics.error_count is
'Results that ended without a verdict on the API: test_results.status error.';
comment on column public.performance_metrics.skipped_count is 'Results that were skipped.';
comment on column public.performance_metrics.cancelled_count is 'Results that were cancelled.';
comment on column public.performance_metrics.flaky_count is
'Of those that passed, how many needed more than one attempt.';
comment on column public.performance_metrics.measured_count is
$comment$Results whose duration counts: passed or failed. An error has no answer whose time would
tell anything of the API.$comment$;
comment on column public.performance_metrics.duration_sum_ms is
'Sum of their duration_ms; null for none.';
comment on column public.performance_metrics.duration_min_ms is
'The least of them; null for none.';
comment on column public.performance_metrics.duration_max_ms is
'The greatest of them; null for none.';
comment on column public.performance_metrics.bins is
$comment$Histogram of these durations: which bins hold any, ascending. Bin i stands for
0.99 exp(i ln(1.01 / 0.99)) ms (private.value_of). Null for none.$comment$;
comment on column public.performance_metrics.counts is 'How many lie in each of the bins.';
comment on column public.performance_metrics.phase_bins is
$comment$The same of the phases of the deciding attempts, all in one: bin + 2048 for dns, + 4096 for
connect, + 6144 for tls, + 8192 for first_byte. What took no time did not happen, and is not in it:
a connection that was kept open has no connect. Null for none.$comment$;
comment on column public.performance_metrics.phase_counts is
'How many lie in each of the phase_bins.';
create index performance_metrics_project_id_idx
on public.performance_metrics (project_id, finished_on);
create index performance_metrics_environment_id_idx
on public.performance_metrics (environment_id, finished_on);

alter table public.performance_metrics enable row level security;
grant select on public.performance_metrics to authenticated, service_role;

create policy performance_metrics_select_member on public.performance_metrics
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

-- A project over two years is 1,460 of these rows, not 1.46 million of the others.
create table private.environment_metrics (
    environment_id uuid not null references public.environments on delete cascade,
    finished_on date not null,
    passed_count integer not null,
    failed_count integer not null,
    error_count integer not null,
    skipped_count integer not null,
    cancelled_count integer not null,
    flaky_count integer not null,
    measured_count integer not null,
    duration_sum_ms numeric,
    duration_min_ms numeric,
    duration_max_ms numeric,
    bins smallint[],
    counts integer[],
    phase_bins smallint[],
    phase_counts integer[],
    primary key (environment_id, finished_on)
)
with (fillfactor = 50);
comment on table private.environment_metrics is
$comment$public.performance_metrics added up over all tests of an environment. It keeps what it
holds of a test that is purged.$comment$;
comment on column private.environment_metrics.environment_id is 'The environment.';
comment on column private.environment_metrics.finished_on is 'UTC day of the verdicts.';
comment on column private.environment_metrics.passed_count is 'As in performance_metrics.';
comment on column private.environment_metrics.failed_count is 'As in performance_metrics.';
comment on column private.environment_metrics.error_count is 'As in performance_metrics.';
comment on column private.environment_metrics.skipped_count is 'As in performance_metrics.';
comment on column private.environment_metrics.cancelled_count is 'As in performance_metrics.';
comment on column private.environment_metrics.flaky_count is 'As in performance_metrics.';
comment on column private.environment_metrics.measured_count is 'As in performance_metrics.';
comment on column private.environment_metrics.duration_sum_ms is 'As in performance_metrics.';
comment on column private.environment_metrics.duration_min_ms is 'As in performance_metrics.';
comment on column private.environment_metrics.duration_max_ms is 'As in performance_metrics.';
comment on column private.environment_metrics.bins is 'As in performance_metrics.';
comment on column private.environment_metrics.counts is 'As in performance_metrics.';
comment on column private.environment_metrics.phase_bins is 'As in performance_metrics.';
comment on column private.environment_metrics.phase_counts is 'As in performance_metrics.';

-- Verdicts that no metric counts yet.

create table private.metric_deltas (
    id bigint generated always as identity primary key,
    project_id uuid not null,
    run_id uuid not null,
    first_seq integer not null,
    last_seq integer not null
)
-- it is emptied each minute, and read by every look at today
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
comment on table private.metric_deltas is
$comment$Verdicts that performance_metrics does not hold yet: one row for a statement that wrote
verdicts, and run. Inserted by a trigger on test_results, deleted by private.fold_metrics.$comment$;
comment on column private.metric_deltas.id is 'Order of arrival.';
comment on column private.metric_deltas.project_id is 'The project; it may be gone meanwhile.';
comment on column private.metric_deltas.run_id is 'The run; it may be gone meanwhile.';
comment on column private.metric_deltas.first_seq is
'test_results.finished_seq of the first of them. They are numbered without a gap.';
comment on column private.metric_deltas.last_seq is 'That of the last.';
create index metric_deltas_project_id_idx on private.metric_deltas (project_id);

alter table private.environment_metrics enable row level security;
alter table private.metric_deltas enable row level security;
create policy closed on private.environment_metrics for select to public using (false);
create policy closed on private.metric_deltas for select to public using (false);

create function private.note_verdicts()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- fired by whoever writes a verdict
set search_path = ''
as $function$
begin
    insert into private.metric_deltas (project_id, run_id, first_seq, last_seq)
    select
        judged.project_id,
        judged.run_id,
        min(judged.finished_seq),
        max(judged.finished_seq)
    from judged
    inner join planned on planned.id = judged.id
    where planned.finished_seq is null and judged.finished_seq is not null
    group by judged.project_id, judged.run_id;
    return null;
end;
$function$;
comment on function private.note_verdicts() is
'Note which results of which runs a statement gave their verdict. Trigger function.';

create trigger t500_note_verdicts
after update on public.test_results
referencing old table as planned new table as judged
for each statement execute function private.note_verdicts();
