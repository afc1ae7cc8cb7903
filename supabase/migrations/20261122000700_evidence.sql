-- Evidence: every attempt and every judged assertion, partitioned so that old evidence is dropped.
-- Depends on: runs. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- No foreign key points at a result: dropping a partition must not scan, and a purged run takes
-- its evidence along through private.purge_evidence (trigger on test_runs).

create table public.test_result_details (
    retention_class text not null,
    planned_on date not null,
    result_id uuid not null,
    attempt integer not null,
    run_id uuid not null,
    project_id uuid not null,
    outcome text not null,
    category text,
    slug text,
    message text,
    lease uuid not null,
    worker_id uuid,
    request jsonb not null,
    response jsonb,
    timing_ms jsonb not null default '{}',
    duration_ms numeric(12, 3),
    http_status integer,
    started_at timestamptz,
    reported_at timestamptz not null default now(),
    -- the lease, too: a report that came too late may tell of the same attempt
    primary key (retention_class, planned_on, result_id, attempt, lease),
    constraint test_result_details_retention_class_check check (
        retention_class in ('passed', 'failed')
    ),
    constraint test_result_details_outcome_check check (
        outcome in ('passed', 'failed', 'error', 'cancelled', 'stale')
    )
) partition by list (retention_class);
comment on table public.test_result_details is
'One HTTP execution for a result: what was sent and what came back, secrets redacted.';
comment on column public.test_result_details.retention_class is
'passed or failed (any other outcome): how long it is kept.';
comment on column public.test_result_details.planned_on is
'Copied from the run; the month is the partition.';
comment on column public.test_result_details.result_id is 'test_results.id.';
comment on column public.test_result_details.attempt is
'Number of the lease, from 1; a lost attempt leaves a gap.';
comment on column public.test_result_details.run_id is 'test_runs.id.';
comment on column public.test_result_details.project_id is 'The project.';
comment on column public.test_result_details.outcome is
'passed, failed, error, cancelled, or stale: reported too late, kept as evidence, not counted.';
comment on column public.test_result_details.category is 'As in test_results, for this attempt.';
comment on column public.test_result_details.slug is 'As in test_results, for this attempt.';
comment on column public.test_result_details.message is 'As in test_results, for this attempt.';
comment on column public.test_result_details.lease is 'Lease under which it was made.';
comment on column public.test_result_details.worker_id is 'Who made it.';
comment on column public.test_result_details.request is
'{method, url, headers, body} as sent, redacted.';
comment on column public.test_result_details.response is
$comment${status, http_version, headers, body, encoding, body_bytes, truncated, redirects},
redacted; null = none.$comment$;
comment on column public.test_result_details.timing_ms is
'{dns, connect, tls, first_byte, total} in milliseconds.';
comment on column public.test_result_details.duration_ms is 'timing_ms.total.';
comment on column public.test_result_details.http_status is 'response.status.';
comment on column public.test_result_details.started_at is
'When it was sent, by the worker''s clock.';
comment on column public.test_result_details.reported_at is 'When the report arrived.';
create index test_result_details_result_id_idx on public.test_result_details (result_id);
create index test_result_details_run_id_idx on public.test_result_details (run_id);

create table public.assertion_results (
    retention_class text not null,
    planned_on date not null,
    result_id uuid not null,
    attempt integer not null,
    assertion_index integer not null,
    run_id uuid not null,
    project_id uuid not null,
    source text not null,
    target text,
    operator text not null,
    expected jsonb,
    actual jsonb,
    passed boolean not null,
    message text not null,
    primary key (retention_class, planned_on, result_id, attempt, assertion_index)
) partition by list (retention_class);
comment on table public.assertion_results is 'One assertion judged for one attempt.';
comment on column public.assertion_results.retention_class is 'As the attempt''s.';
comment on column public.assertion_results.planned_on is 'As the attempt''s.';
comment on column public.assertion_results.result_id is 'test_results.id.';
comment on column public.assertion_results.attempt is 'test_result_details.attempt.';
comment on column public.assertion_results.assertion_index is 'Position in the definition, from 0.';
comment on column public.assertion_results.run_id is 'test_runs.id.';
comment on column public.assertion_results.project_id is 'The project.';
comment on column public.assertion_results.source is
'status, duration, header, body, text or schema.';
comment on column public.assertion_results.target is
'JSONPath or header name; null for the other sources.';
comment on column public.assertion_results.operator is 'As in the definition.';
comment on column public.assertion_results.expected is
'With names filled in; redacted; cut to 8 KB; null = none given.';
comment on column public.assertion_results.actual is
'What was found; redacted; cut to 2 KB; null = nothing.';
comment on column public.assertion_results.passed is 'The verdict.';
comment on column public.assertion_results.message is 'The verdict as a sentence.';
create index assertion_results_result_id_idx on public.assertion_results (result_id);
create index assertion_results_run_id_idx on public.assertion_results (run_id);

-- Partitions live in private: clients read through the parents, whose policies apply.
create function private.create_evidence_partition(
    evidence_table text, retention_class text, month date
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_parent text := format('%s_%s', evidence_table, retention_class);
    v_partition text := format('%s_%s', v_parent, to_char(month, 'YYYYMM'));
begin
    -- two plans in the first minute of a month may both find it missing
    execute format('lock table private.%I in share update exclusive mode', v_parent);
    if to_regclass(format('private.%I', v_partition)) is not null then
        return;
    end if;
    -- Made by itself and attached, which stops neither readers nor reports; made as a partition at
    -- once it would wait for all of them, and all others for it.
    execute format(
        'create table private.%I (like private.%I including defaults including constraints)',
        v_partition, v_parent
    );
    execute format('alter table private.%I enable row level security', v_partition);
    execute format(
        'create policy closed on private.%I for select to public using (false)', v_partition
    );
    perform private.hide_texts(format('private.%I', v_partition)::regclass);
    execute format(
        'comment on table private.%I is %L',
        v_partition, format('Evidence of runs planned in %s.', to_char(month, 'YYYY-MM'))
    );
    execute format(
        'alter table private.%I attach partition private.%I for values from (%L) to (%L)',
        v_parent, v_partition, month, (month + interval '1 month')::date
    );
end;
$function$;
comment on function private.create_evidence_partition(text, text, date) is
'Make one partition, of the month that begins at that date, unless it is there.';

create function private.create_evidence_partitions(month date)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_from date := date_trunc('month', create_evidence_partitions.month)::date;
    v_month text := to_char(v_from, 'YYYYMM');
begin
    if
        to_regclass('private.test_result_details_passed_' || v_month) is null
        or to_regclass('private.test_result_details_failed_' || v_month) is null
        or to_regclass('private.assertion_results_passed_' || v_month) is null
        or to_regclass('private.assertion_results_failed_' || v_month) is null
    then
        perform private.create_evidence_partition(tables.name, classes.name, v_from)
        from unnest(array['test_result_details', 'assertion_results']) as tables (name)
        cross join unnest(array['passed', 'failed']) as classes (name);
    end if;
end;
$function$;
comment on function private.create_evidence_partitions(date) is
$comment$Make the evidence partitions of the month that the date lies in, if they are missing.

A job makes them ahead; queue_run asks for those that its run needs, so that no report ever finds
none, whether the job ran or not.$comment$;

create table private.test_result_details_passed
partition of public.test_result_details for values in ('passed') partition by range (planned_on);
create table private.test_result_details_failed
partition of public.test_result_details for values in ('failed') partition by range (planned_on);
create table private.assertion_results_passed
partition of public.assertion_results for values in ('passed') partition by range (planned_on);
create table private.assertion_results_failed
partition of public.assertion_results for values in ('failed') partition by range (planned_on);

comment on table private.test_result_details_passed is 'Attempts that passed.';
comment on table private.test_result_details_failed is 'Attempts that did not pass.';
comment on table private.assertion_results_passed is 'Assertions of attempts that passed.';
comment on table private.assertion_results_failed is 'Assertions of attempts that did not pass.';

alter table private.test_result_details_passed enable row level security;
alter table private.test_result_details_failed enable row level security;
alter table private.assertion_results_passed enable row level security;
alter table private.assertion_results_failed enable row level security;

-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.test_result_details_passed for select to public using (false);
create policy closed on private.test_result_details_failed for select to public using (false);
create policy closed on private.assertion_results_passed for select to public using (false);
create policy closed on private.assertion_results_failed for select to public using (false);

select
    private.create_evidence_partitions(
        ((now() at time zone 'utc') + months.ahead * interval '1 month')::date
    )
from generate_series(0, 2) as months (ahead);

create function private.purge_evidence()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- fired by whoever purges a run or a project
set search_path = ''
as $function$
begin
    delete from public.assertion_results
    where run_id in (select purged.id from purged);
    delete from public.test_result_details
    where run_id in (select purged.id from purged);
    return null;
end;
$function$;
comment on function private.purge_evidence() is
'Remove the evidence of deleted runs. Trigger function.';

create trigger t500_purge_evidence
after delete on public.test_runs
referencing old table as purged
for each statement execute function private.purge_evidence();

alter table public.test_result_details enable row level security;
alter table public.assertion_results enable row level security;
grant select on public.test_result_details, public.assertion_results to authenticated, service_role;

create policy test_result_details_select_member on public.test_result_details
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy assertion_results_select_member on public.assertion_results
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));
