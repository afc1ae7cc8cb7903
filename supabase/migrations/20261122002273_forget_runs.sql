-- What is deleted row by row: runs that are old, and bodies that an organization keeps for less.
-- Depends on: drop_evidence, storage. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.pick_old_runs(max_results integer)
returns uuid[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return array(
        select locked.id
        from public.test_runs as locked
        where
            locked.id in (
                select counted.id
                from (
                    select
                        old.id,
                        sum(old.total_count)
                            over (order by old.queued_at, old.id) - old.total_count as before_count
                    from public.projects
                    cross join lateral (
                        select private.kept_until('runs', projects.organization_id) as day
                        offset 0
                    ) as kept
                    cross join lateral (
                        select
                            runs.id,
                            runs.queued_at,
                            runs.total_count
                        from public.test_runs as runs
                        where
                            runs.project_id = projects.id
                            and runs.queued_at < (kept.day::timestamp at time zone 'utc')
                            and runs.finished_at is not null
                            -- what is not in history and metrics yet
                            and not exists (
                                select
                                from private.finished_runs as finished
                                where finished.run_id = runs.id
                            )
                            and not exists (
                                select
                                from private.metric_deltas as deltas
                                where deltas.run_id = runs.id
                            )
                        order by runs.queued_at
                        limit 100
                    ) as old
                ) as counted
                -- whole runs, and always one
                where counted.before_count < pick_old_runs.max_results
            )
        order by locked.id
        for update skip locked
    );
end;
$function$;
comment on function private.pick_old_runs(integer) is
$comment$Runs that have been kept for their time, the oldest first: with so many results together,
or one run that has more. Locks them.$comment$;

create function private.delete_old_runs(max_results integer default 2000)
returns private.job_outcome
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_runs uuid[] := private.pick_old_runs(max_results);
    v_outcome private.job_outcome;
begin
    if v_runs = '{}' then
        return row(0, 0)::private.job_outcome;
    end if;
    select
        coalesce(sum(runs.total_count), 0) + count(*),
        coalesce(sum(storage.stored_bytes), 0)
    into v_outcome.rows, v_outcome.bytes
    from public.test_runs as runs
    left join private.run_storage as storage on storage.run_id = runs.id
    where runs.id = any(v_runs);
    delete from public.test_runs where id = any(v_runs);
    return v_outcome;
end;
$function$;
comment on function private.delete_old_runs(integer) is
$comment$Delete runs that have been kept for their time, with results, values, and evidence if there
is any left; rows and bytes as measured. Called by a job.

max_results: results at most, or one run with more. So few at a time that locks are short and
autovacuum keeps up.$comment$;

-- Bodies: an organization with a term of its own is gone through once, run by run in the order of
-- planning; the mark says how far. What the mark has passed has no bodies.

create table private.body_marks (
    organization_id uuid not null references public.organizations on delete cascade,
    retention_class text not null,
    planned_on date not null,
    run_id uuid not null,
    primary key (organization_id, retention_class)
);
comment on table private.body_marks is
'How far the bodies of an organization''s evidence have been removed.';
comment on column private.body_marks.organization_id is 'The organization.';
comment on column private.body_marks.retention_class is 'passed or failed.';
comment on column private.body_marks.planned_on is 'When the last run was planned that is done.';
comment on column private.body_marks.run_id is 'That run.';

create type private.body_batch as (
    organization_id uuid,
    retention_class text,
    first_on date,
    last_on date,
    last_run_id uuid,
    run_ids uuid[]
);
comment on type private.body_batch is
$comment$Runs of an organization whose bodies go next: from when to when they were planned, and
the last of them in that order.$comment$;

create function private.pick_body_batch(max_results integer)
returns private.body_batch
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_batch private.body_batch;
begin
    select
        asked.organization_id,
        asked.retention_class,
        picked.first_on,
        picked.last_on,
        picked.last_run_id,
        picked.run_ids
    into v_batch
    from (
        select
            terms.organization_id,
            replace(terms.tier, '_evidence', '') as retention_class,
            private.kept_until(terms.tier, terms.organization_id) as day
        from public.organization_retention as terms
        where terms.tier in ('passed_evidence', 'failed_evidence')
        offset 0
    ) as asked
    left join private.body_marks as marks
        on
            marks.organization_id = asked.organization_id
            and marks.retention_class = asked.retention_class
    cross join lateral (
        select
            min(counted.planned_on) as first_on,
            max(counted.planned_on) as last_on,
            (array_agg(counted.run_id order by counted.planned_on desc, counted.run_id desc))[1]
            as last_run_id,
            array_agg(counted.run_id) as run_ids
        from (
            select
                old.run_id,
                old.planned_on,
                -- of a live run, and all after it, later
                bool_or(old.is_live) over (order by old.planned_on, old.run_id) as is_behind_live,
                sum(old.total_count)
                    over (order by old.planned_on, old.run_id) - old.total_count as before_count
            from (
                select
                    storage.run_id,
                    storage.planned_on,
                    runs.total_count,
                    runs.finished_at is null as is_live
                from private.run_storage as storage
                inner join public.test_runs as runs on runs.id = storage.run_id
                where
                    storage.organization_id = asked.organization_id
                    and (storage.planned_on, storage.run_id)
                    > (coalesce(marks.planned_on, '-infinity'), coalesce(
                        marks.run_id, '00000000-0000-0000-0000-000000000000'
                    ))
                    and storage.planned_on < asked.day
                order by storage.planned_on, storage.run_id
                limit 500
            ) as old
        ) as counted
        -- whole runs, and always one
        where counted.before_count < pick_body_batch.max_results and not counted.is_behind_live
    ) as picked
    where picked.run_ids is not null
    order by picked.first_on, asked.organization_id
    limit 1;
    return v_batch;
end;
$function$;
comment on function private.pick_body_batch(integer) is
$comment$The oldest runs whose bodies an organization wants kept no longer, with so many results
together, or one run that has more; null when there are none.$comment$;

create function private.forget_bodies(max_results integer default 2000)
returns private.job_outcome
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_batch private.body_batch := private.pick_body_batch(max_results);
    v_outcome private.job_outcome := row(0, 0);
    v_count bigint;
begin
    if v_batch.organization_id is null then
        return v_outcome;
    end if;
    update public.test_result_details as details
    set request = '{}', response = null
    where
        details.run_id = any(v_batch.run_ids)
        and details.retention_class = v_batch.retention_class
        and details.planned_on between v_batch.first_on and v_batch.last_on
        and (details.request <> '{}' or details.response is not null)
        -- what is closed is about to be dropped
        and not exists (
            select
            from private.evidence_months as months
            where
                months.retention_class = details.retention_class
                and months.month = date_trunc('month', details.planned_on)
                and months.closed_at is not null
        );
    get diagnostics v_outcome.rows = row_count;
    update public.assertion_results as assertions
    set expected = null, actual = null
    where
        assertions.run_id = any(v_batch.run_ids)
        and assertions.retention_class = v_batch.retention_class
        and assertions.planned_on between v_batch.first_on and v_batch.last_on
        and (assertions.expected is not null or assertions.actual is not null)
        and not exists (
            select
            from private.evidence_months as months
            where
                months.retention_class = assertions.retention_class
                and months.month = date_trunc('month', assertions.planned_on)
                and months.closed_at is not null
        );
    get diagnostics v_count = row_count;
    v_outcome.rows := v_outcome.rows + v_count;
    -- to be measured again
    update private.run_storage set is_final = false where run_id = any(v_batch.run_ids);
    insert into private.body_marks as marks (organization_id, retention_class, planned_on, run_id)
    values (
        v_batch.organization_id, v_batch.retention_class, v_batch.last_on, v_batch.last_run_id
    )
    on conflict on constraint body_marks_pkey do update
    set planned_on = excluded.planned_on, run_id = excluded.run_id;
    return v_outcome;
end;
$function$;
comment on function private.forget_bodies(integer) is
$comment$Remove request, response, expected and actual from the evidence of the next runs of an
organization that keeps them for less time than the installation; of how many rows.

Called by a job. Verdicts and messages stay. The room is free for the same partition, not for the
disk, which gets it back when the partition is dropped. max_results: results at most, or one run
with more: dead rows stay few, and autovacuum keeps up.$comment$;

alter table private.body_marks enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.body_marks for select to public using (false);
