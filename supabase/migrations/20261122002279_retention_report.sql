-- What is kept, what went, what goes next; and having it go now.
-- Depends on: all of retention. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.tier_tables()
returns table (tier text, relation regclass, job text)
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        named.tier,
        to_regclass(named.name),
        named.job
    from (
        values
        ('runs', 'public.test_runs', 'assay_delete_runs'),
        ('runs', 'public.test_results', 'assay_delete_runs'),
        ('runs', 'private.run_storage', 'assay_delete_runs'),
        ('metrics', 'public.performance_metrics', 'assay_prune_metrics'),
        ('metrics', 'private.environment_metrics', 'assay_prune_metrics'),
        ('history', 'public.test_run_history', 'assay_prune_history'),
        ('events', 'public.platform_events', 'assay_prune_events'),
        ('context', 'public.test_execution_context', 'assay_cleanup_contexts'),
        ('context', 'public.test_context_values', 'assay_cleanup_contexts'),
        ('audit', 'public.data_changes', 'assay_prune_changes'),
        ('plans', 'private.definitions', 'assay_sweep_plans'),
        ('plans', 'private.snapshots', 'assay_sweep_plans')
    ) as named (tier, name, job)
    where to_regclass(named.name) is not null;
end;
$function$;
comment on function private.tier_tables() is
$comment$Which tables hold what tier, evidence apart, and which job takes things out of them.

Context is kept by environments.context_lifetime_s, audit by organizations.audit_retention_days,
plans (definitions and snapshots) as long as a run refers to them.$comment$;

create function private.summarize_jobs()
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select coalesce(jsonb_agg(told.entry order by told.jobname), '[]')
        from (
            select
                jobs.jobname,
                jsonb_build_object(
                    'job', jobs.jobname,
                    'schedule', jobs.schedule,
                    'last_finished_at', latest.finished_at,
                    'last_error', latest.error,
                    'rows', coalesce(sums.rows, 0),
                    'bytes', coalesce(sums.bytes, 0)
                ) as entry
            from cron.job as jobs
            left join lateral (
                select
                    runs.finished_at,
                    runs.error
                from private.job_runs as runs
                where runs.job = jobs.jobname
                order by runs.id desc
                limit 1
            ) as latest on true
            left join lateral (
                select
                    sum(runs.rows) as rows,
                    sum(runs.bytes) as bytes
                from private.job_runs as runs
                where runs.job = jobs.jobname
            ) as sums on true
            where jobs.jobname like 'assay\_%' and jobs.command like '%private.run%job(%'
        ) as told
    );
end;
$function$;
comment on function private.summarize_jobs() is
$comment$The jobs that are logged: when each is due, when it last ended and how, and what it did in
the 90 days for which the log is kept.$comment$;

create function private.report_installation()
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        with tables as (
            select
                listed.tier,
                sum(private.estimated_rows(listed.relation)) as rows,
                sum(pg_total_relation_size(listed.relation)) as bytes
            from private.tier_tables() as listed
            group by listed.tier
            union all
            select
                evidence.retention_class || '_evidence',
                sum(evidence.rows),
                sum(evidence.bytes)
            from private.list_archives() as evidence
            where evidence.status <> 'dropped'
            group by evidence.retention_class
        ),

        reclaimed as (
            select
                jobs.tier,
                sum(runs.rows) as rows,
                sum(runs.bytes) as bytes
            from (
                select distinct listed.tier, listed.job
                from private.tier_tables() as listed
            ) as jobs
            inner join private.job_runs as runs on runs.job = jobs.job
            group by jobs.tier
            union all
            select
                months.retention_class || '_evidence',
                sum(months.dropped_rows),
                sum(months.dropped_bytes)
            from private.evidence_months as months
            group by months.retention_class
        ),

        due as (
            select
                evidence.retention_class || '_evidence' as tier,
                min(evidence.due_on) as next_on
            from private.list_archives() as evidence
            where evidence.status <> 'dropped'
            group by evidence.retention_class
            union all
            select
                'runs',
                (
                    select
                        (oldest.queued_at at time zone 'utc')::date + terms.kept_days
                    from public.test_runs as oldest
                    order by oldest.queued_at
                    limit 1
                )
            from private.retention_terms as terms
            where terms.tier = 'runs'
        )

        select jsonb_build_object(
            'tiers', (
                select jsonb_agg(
                    jsonb_build_object(
                        'tier', tables.tier,
                        'kept_days', terms.kept_days,
                        'must_archive', terms.must_archive,
                        'rows', tables.rows,
                        'bytes', tables.bytes,
                        'reclaimed_rows', coalesce(reclaimed.rows, 0),
                        'reclaimed_bytes', coalesce(reclaimed.bytes, 0),
                        'next_due_on', due.next_on
                    )
                    order by tables.tier
                )
                from tables
                left join private.retention_terms as terms on terms.tier = tables.tier
                left join reclaimed on reclaimed.tier = tables.tier
                left join due on due.tier = tables.tier
            ),
            'evidence', (
                select coalesce(
                    jsonb_agg(to_jsonb(evidence) order by evidence.month, evidence.retention_class),
                    '[]'
                )
                from private.list_archives() as evidence
            ),
            'jobs', private.summarize_jobs()
        )
    );
end;
$function$;
comment on function private.report_installation() is
'What private.get_retention_report says of all organizations together. Counts no rows.';

create function private.report_organization(organization_id uuid)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        with sizes as materialized (
            select
                count(*) as runs,
                min(storage.planned_on) as oldest_on,
                coalesce(sum(storage.own_bytes), 0) as own_bytes,
                coalesce(sum(storage.passed_bytes), 0) as passed_bytes,
                coalesce(sum(storage.failed_bytes), 0) as failed_bytes
            from private.run_storage as storage
            where storage.organization_id = report_organization.organization_id
        )

        select jsonb_build_object(
            'organization', report_organization.organization_id,
            'runs', sizes.runs,
            'oldest_run_on', sizes.oldest_on,
            'tiers', (
                select jsonb_agg(
                    jsonb_build_object(
                        'tier', terms.tier,
                        'kept_days', least(terms.kept_days, asked.kept_days),
                        'installation_days', terms.kept_days,
                        'min_days', terms.min_days,
                        'bytes', case terms.tier
                            when 'runs' then sizes.own_bytes
                            when 'passed_evidence' then sizes.passed_bytes
                            when 'failed_evidence' then sizes.failed_bytes
                        end,
                        'bodies_removed_until', marks.planned_on,
                        'next_due_on', case
                            when terms.tier in ('runs', 'passed_evidence', 'failed_evidence')
                                then sizes.oldest_on + least(terms.kept_days, asked.kept_days)
                        end
                    )
                    order by terms.tier
                )
                from private.retention_terms as terms
                left join public.organization_retention as asked
                    on
                        asked.tier = terms.tier
                        and asked.organization_id = report_organization.organization_id
                left join private.body_marks as marks
                    on
                        marks.organization_id = report_organization.organization_id
                        and marks.retention_class || '_evidence' = terms.tier
            )
        )
        from sizes
    );
end;
$function$;
comment on function private.report_organization(uuid) is
'What private.get_retention_report says of one organization, from what its runs were measured at.';

create function private.get_retention_report(organization_id uuid)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
begin
    if get_retention_report.organization_id is null and private.is_operator() then
        return private.report_installation();
    end if;
    perform private.require_organization(get_retention_report.organization_id);
    return private.report_organization(get_retention_report.organization_id);
end;
$function$;
comment on function private.get_retention_report(uuid) is
'Does the work of public.get_retention_report.';
grant execute on function private.get_retention_report(uuid) to authenticated, service_role;

create function public.get_retention_report(organization_id uuid default null)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.get_retention_report(organization_id);
$function$;
comment on function public.get_retention_report(uuid) is
$comment$What is kept, how much it is, what went, and what goes next. Counts no rows: sizes are
those of tables, or what runs were measured at.

organization_id: one's own; null, with the secret key only, for the installation. Of an organization
{"organization", "runs", "oldest_run_on", "tiers": [{"tier", "kept_days" (what counts),
"installation_days", "min_days", "bytes", "bodies_removed_until", "next_due_on"}]}; bytes is null
where they are not counted apart. Of the installation {"tiers": [{"tier", "kept_days",
"must_archive", "rows" (estimated), "bytes" (with indexes), "reclaimed_rows", "reclaimed_bytes" (of
evidence since ever, of the rest in 90 days), "next_due_on"}], "evidence": [as list_archives()],
"jobs": [{"job", "schedule", "last_finished_at", "last_error", "rows", "bytes" (in 90 days)}]}.
Errors: PT404 unknown_organization.$comment$;
grant execute on function public.get_retention_report(uuid) to authenticated, service_role;

create function private.plan_retention()
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return (
        select coalesce(jsonb_agg(to_jsonb(actions) order by actions.action, actions.what), '[]')
        from (
            select
                'drop_evidence' as action,
                format('%s %s', due.retention_class, to_char(due.month, 'YYYY-MM')) as what,
                due.rows,
                due.bytes,
                case
                    when due.is_live then 'a run of it is under way'
                    when due.waits_for_archive then 'it is to be archived first'
                end as waits_for
            from private.due_evidence() as due
            union all
            select
                'delete_runs',
                'runs',
                count(*),
                coalesce(sum(storage.stored_bytes), 0)::bigint,
                null
            from unnest(private.pick_old_runs(100000)) as old (run_id)
            left join private.run_storage as storage on storage.run_id = old.run_id
            having count(*) > 0
            union all
            select
                'forget_bodies',
                batches.retention_class,
                cardinality(batches.run_ids),
                0,
                null
            from private.pick_body_batch(100000) as batches
            where batches.organization_id is not null
        ) as actions
    );
end;
$function$;
comment on function private.plan_retention() is
$comment$What is due: evidence by class and month, runs (up to 100 of a project), runs whose bodies
go next (up to 500). Changes nothing.$comment$;

create function private.apply_retention(dry_run boolean)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_plan jsonb := private.plan_retention();
    v_since bigint;
begin
    if dry_run is not false then
        return jsonb_build_object('is_done', false, 'actions', v_plan);
    end if;
    v_since := (select coalesce(max(runs.id), 0) from private.job_runs as runs);
    -- what takes the strongest locks comes last: they are held until the end of the call
    perform private.run_retention_job('assay_forget_bodies', 'private.forget_bodies');
    perform private.run_retention_job('assay_delete_runs', 'private.delete_old_runs');
    perform private.run_retention_job('assay_drop_evidence', 'private.drop_due_evidence');
    return jsonb_build_object(
        'is_done', true,
        'actions', (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'action', regexp_replace(runs.job, '^assay_', ''),
                        'rows', runs.rows,
                        'bytes', runs.bytes,
                        'error', runs.error
                    )
                    order by runs.id
                ),
                '[]'
            )
            from private.job_runs as runs
            where runs.id > v_since
        ),
        'left', private.plan_retention()
    );
end;
$function$;
comment on function private.apply_retention(boolean) is
'Does the work of public.apply_retention.';
grant execute on function private.apply_retention(boolean) to service_role;

create function public.apply_retention(dry_run boolean default true)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
-- waiting for a moment in which evidence can be dropped takes up to 10 s
set statement_timeout = '60s'
as $function$
    select private.apply_retention(dry_run);
$function$;
comment on function public.apply_retention(boolean) is
$comment$What is due to be removed; and, with dry_run false, the next of it removed now, as the jobs
do day by day.

For the secret key. A call removes as much as one run of each job: bodies and runs with 2,000
results, and one class and month of evidence; call again while "left" is not empty. Returns
{"is_done", "actions": [{"action" (drop_evidence, delete_runs or forget_bodies), "what", "rows",
"bytes", "waits_for"}]}, or of what was done {"action", "rows", "bytes", "error"}, and "left", the
actions that are due still. Runs are listed up to 100 a project, bodies up to 500 runs.$comment$;
grant execute on function public.apply_retention(boolean) to service_role;
