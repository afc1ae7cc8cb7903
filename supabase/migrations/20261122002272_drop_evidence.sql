-- Evidence that has been kept for its time is dropped, a month at a time.
-- Depends on: retention_terms, jobs, evidence, storage. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.evidence_months (
    retention_class text not null,
    month date not null,
    closed_at timestamptz,
    archived_at timestamptz,
    dropped_at timestamptz,
    dropped_rows bigint not null default 0,
    dropped_bytes bigint not null default 0,
    is_settled boolean not null default false,
    primary key (retention_class, month),
    constraint evidence_months_class_check check (retention_class in ('passed', 'failed')),
    constraint evidence_months_month_check check (month = date_trunc('month', month)),
    constraint evidence_months_order_check check (archived_at is null or closed_at is not null)
);
comment on table private.evidence_months is
$comment$What became of the evidence of a class and month: two partitions, of attempts and of
assertions. A row exists from when it is closed, or dropped, on.$comment$;
comment on column private.evidence_months.retention_class is 'passed or failed.';
comment on column private.evidence_months.month is 'Its first day.';
comment on column private.evidence_months.closed_at is
'Since when nothing is added or changed, so that it can be archived; null = open.';
comment on column private.evidence_months.archived_at is
'When its archive was verified; null = it has none.';
comment on column private.evidence_months.dropped_at is 'When it was dropped; null = it is there.';
comment on column private.evidence_months.dropped_rows is 'How many rows it had, as estimated.';
comment on column private.evidence_months.dropped_bytes is
'Bytes that the disk got back, indexes included.';
comment on column private.evidence_months.is_settled is
'True once the use of the organizations tells of it.';
create index evidence_months_unsettled_idx on private.evidence_months (month)
where dropped_at is not null and not is_settled;

create function private.list_evidence()
returns table (retention_class text, month date, rows bigint, bytes bigint)
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        classes.name,
        to_date(right(leaves.relname, 6), 'YYYYMM'),
        sum(private.estimated_rows(leaves.oid))::bigint,
        sum(pg_total_relation_size(leaves.oid))::bigint
    from unnest(array['passed', 'failed']) as classes (name)
    cross join unnest(array['test_result_details', 'assertion_results']) as tables (name)
    inner join pg_catalog.pg_inherits as links
        on links.inhparent = to_regclass(format('private.%I', tables.name || '_' || classes.name))
    inner join pg_catalog.pg_class as leaves on leaves.oid = links.inhrelid
    group by classes.name, right(leaves.relname, 6)
    order by right(leaves.relname, 6), classes.name;
end;
$function$;
comment on function private.list_evidence() is
$comment$The evidence there is, by class and month: rows as the planner estimates them, bytes with
indexes. Reads the catalog only.$comment$;

create function private.estimated_rows(relation oid)
returns bigint
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select
            case
                when relations.reltuples >= 0 then relations.reltuples::bigint
                -- never analysed yet
                else pg_stat_get_live_tuples(relations.oid)
            end
        from pg_catalog.pg_class as relations
        where relations.oid = estimated_rows.relation
    );
end;
$function$;
comment on function private.estimated_rows(oid) is
'Rows of a table as last counted by vacuum or analyze, or as the statistics have them.';

create function private.due_evidence()
returns table (
    retention_class text,
    month date,
    rows bigint,
    bytes bigint,
    due_on date,
    is_live boolean,
    waits_for_archive boolean
)
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        evidence.retention_class,
        evidence.month,
        evidence.rows,
        evidence.bytes,
        ends.month_end + terms.kept_days,
        exists (
            select
            from private.live_runs as lives
            inner join public.test_runs as runs on runs.id = lives.run_id
            where runs.planned_on >= evidence.month and runs.planned_on < ends.month_end
        ),
        terms.must_archive and known.archived_at is null
    from private.list_evidence() as evidence
    inner join private.retention_terms as terms
        on terms.tier = evidence.retention_class || '_evidence'
    cross join lateral (
        select (evidence.month + interval '1 month')::date as month_end
    ) as ends
    left join private.evidence_months as known
        on
            known.retention_class = evidence.retention_class
            and known.month = evidence.month
            and known.dropped_at is null
    where ends.month_end <= private.kept_until(terms.tier)
    order by evidence.month, evidence.retention_class;
end;
$function$;
comment on function private.due_evidence() is
$comment$Evidence of which every day has been kept for the installation's term, oldest first.

due_on: since when. is_live: a run that was planned in the month is still under way, so it stays.
waits_for_archive: it has to be archived first.$comment$;

create function private.drop_evidence_month(retention_class text, month date)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
-- All that comes after a waiting drop waits with it: reports and readers for this long at most.
set lock_timeout = '100ms'
as $function$
begin
    execute format(
        'drop table private.%I, private.%I',
        format(
            'test_result_details_%s_%s', drop_evidence_month.retention_class,
            to_char(drop_evidence_month.month, 'YYYYMM')
        ),
        format(
            'assertion_results_%s_%s', drop_evidence_month.retention_class,
            to_char(drop_evidence_month.month, 'YYYYMM')
        )
    );
end;
$function$;
comment on function private.drop_evidence_month(text, date) is
$comment$Drop the two partitions of a class and month. Raises lock_not_available rather than wait
for longer than 0.1 s.$comment$;

create function private.try_drop_evidence(retention_class text, month date, tries integer)
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    for v_try in 1 .. tries loop
        begin
            perform private.drop_evidence_month(
                try_drop_evidence.retention_class, try_drop_evidence.month
            );
            return true;
        exception
            -- what was locked is free again; let those who waited go first
            when lock_not_available then perform pg_sleep(0.1 + 0.4 * random());
        end;
    end loop;
    return false;
end;
$function$;
comment on function private.try_drop_evidence(text, date, integer) is
'Drop a class and month as soon as nobody uses the table for a moment; false when that never was.';

create function private.drop_due_evidence(tries integer default 20)
returns private.job_outcome
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_due record;
begin
    select due.*
    into v_due
    from private.due_evidence() as due
    where not due.is_live and not due.waits_for_archive
    limit 1;
    if not found then
        return row(0, 0)::private.job_outcome;
    end if;
    if not private.try_drop_evidence(v_due.retention_class, v_due.month, tries) then
        -- the next run tries again; after days somebody should know
        if v_due.due_on < now() - interval '3 days' then
            raise exception 'the evidence of % cannot be dropped, its tables are never free',
                v_due.month;
        end if;
        return row(0, 0)::private.job_outcome;
    end if;
    insert into private.evidence_months as known (
        retention_class, month, dropped_at, dropped_rows, dropped_bytes
    )
    values (v_due.retention_class, v_due.month, clock_timestamp(), v_due.rows, v_due.bytes)
    on conflict on constraint evidence_months_pkey do update
    set
        dropped_at = excluded.dropped_at,
        dropped_rows = excluded.dropped_rows,
        dropped_bytes = excluded.dropped_bytes,
        is_settled = false;
    return row(v_due.rows, v_due.bytes)::private.job_outcome;
end;
$function$;
comment on function private.drop_due_evidence(integer) is
$comment$Drop the oldest class and month of evidence that is due, if any; rows and bytes of it.

One at a time, so that its locks end with the call. Called by a job. tries: how often to ask for the
lock, 0.1 s each. Raises when it has not been free for three days.$comment$;

create function private.forget_bytes(retention_class text, month date, max_runs integer)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_until date := (forget_bytes.month + interval '1 month')::date;
    v_runs uuid[];
begin
    if forget_bytes.retention_class = 'passed' then
        v_runs := array(
            select storage.run_id
            from private.run_storage as storage
            where
                storage.planned_on >= forget_bytes.month
                and storage.planned_on < v_until
                and storage.passed_bytes > 0
            limit max_runs
            for update skip locked
        );
    else
        v_runs := array(
            select storage.run_id
            from private.run_storage as storage
            where
                storage.planned_on >= forget_bytes.month
                and storage.planned_on < v_until
                and storage.failed_bytes > 0
            limit max_runs
            for update skip locked
        );
    end if;
    insert into private.storage_changes (organization_id, bytes)
    select
        storage.organization_id,
        -sum(
            case forget_bytes.retention_class
                when 'passed' then storage.passed_bytes
                else storage.failed_bytes
            end
        )
    from private.run_storage as storage
    where storage.run_id = any(v_runs)
    group by storage.organization_id;
    update private.run_storage as storage
    set
        passed_bytes = case forget_bytes.retention_class
            when 'passed' then 0
            else storage.passed_bytes
        end,
        failed_bytes = case forget_bytes.retention_class
            when 'failed' then 0
            else storage.failed_bytes
        end
    where storage.run_id = any(v_runs);
    return cardinality(v_runs);
end;
$function$;
comment on function private.forget_bytes(text, date, integer) is
'Count the evidence of a class and month no more, of so many runs at most; of how many it was.';

create function private.settle_dropped_evidence(max_runs integer default 10000)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_month private.evidence_months;
begin
    select months.*
    into v_month
    from private.evidence_months as months
    where months.dropped_at is not null and not months.is_settled
    order by months.month
    limit 1
    for update skip locked;
    if
        found
        and private.forget_bytes(v_month.retention_class, v_month.month, max_runs) < max_runs
    then
        update private.evidence_months as months
        set is_settled = true
        where months.retention_class = v_month.retention_class and months.month = v_month.month;
    end if;
end;
$function$;
comment on function private.settle_dropped_evidence(integer) is
$comment$Take what was dropped off the use of the organizations, so many runs at a time. Called by
private.fold_storage.$comment$;

create function private.create_coming_partitions()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.create_evidence_partitions(
        ((now() at time zone 'utc') + months.ahead * interval '1 month')::date
    )
    from generate_series(0, 3) as months (ahead);
end;
$function$;
comment on function private.create_coming_partitions() is
'Make the evidence partitions of this month (UTC) and the next three. Called by a job.';

alter table private.evidence_months enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.evidence_months for select to public using (false);
