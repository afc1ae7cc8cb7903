-- The archive: what `assay archive` reads, and what it says it has written.
-- Depends on: drop_evidence, forget_runs. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.archive_parts (
    retention_class text not null,
    month date not null,
    table_name text not null,
    number integer not null,
    object text not null,
    rows bigint not null,
    bytes bigint not null,
    sha256 text not null,
    first_key jsonb not null,
    last_key jsonb not null,
    written_at timestamptz not null default now(),
    primary key (retention_class, month, table_name, number),
    foreign key (retention_class, month) references private.evidence_months,
    constraint archive_parts_table_check check (
        table_name in ('test_result_details', 'assertion_results')
    ),
    constraint archive_parts_sizes_check check (number > 0 and rows > 0 and bytes > 0),
    constraint archive_parts_sha256_check check (sha256 ~ '^[0-9a-f]{64}$')
);
comment on table private.archive_parts is
'Objects that evidence was written to, in the order of its keys. Kept when it has been dropped.';
comment on column private.archive_parts.retention_class is 'As in evidence_months.';
comment on column private.archive_parts.month is 'As in evidence_months.';
comment on column private.archive_parts.table_name is 'test_result_details or assertion_results.';
comment on column private.archive_parts.number is 'From 1, without a gap.';
comment on column private.archive_parts.object is 'Its key in the bucket.';
comment on column private.archive_parts.rows is 'Lines in it.';
comment on column private.archive_parts.bytes is 'Its size, compressed.';
comment on column private.archive_parts.sha256 is 'SHA-256 of the object, in hexadecimal digits.';
comment on column private.archive_parts.first_key is
'[planned_on, result_id, attempt, lease or assertion_index] of its first row.';
comment on column private.archive_parts.last_key is
'Of its last row: the next part goes on after it.';
comment on column private.archive_parts.written_at is 'When it was said to be written.';

create function private.evidence_partition(source text, retention_class text, month date)
returns regclass
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_partition regclass;
begin
    if
        evidence_partition.source in ('test_result_details', 'assertion_results')
        and evidence_partition.retention_class in ('passed', 'failed')
        and evidence_partition.month = date_trunc('month', evidence_partition.month)
    then
        v_partition := to_regclass(format(
            'private.%I',
            concat_ws('_', source, retention_class, to_char(month, 'YYYYMM'))
        ));
    end if;
    if v_partition is null then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no %s evidence of %s', left(retention_class, 20), month)
            ),
            detail = 'unknown_evidence',
            hint = 'Give a class and the first day of a month as list_archives() has them.';
    end if;
    return v_partition;
end;
$function$;
comment on function private.evidence_partition(text, text, date) is
'A partition of evidence. Errors: PT404 unknown_evidence.';

create function private.has_late_bodies(retention_class text, month date)
returns boolean
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return exists (
        select
        from public.organization_retention as asked
        left join private.body_marks as marks
            on
                marks.organization_id = asked.organization_id
                and marks.retention_class = has_late_bodies.retention_class
        cross join lateral (
            select
            from private.run_storage as storage
            where
                storage.organization_id = asked.organization_id
                and storage.planned_on >= has_late_bodies.month
                and storage.planned_on < (has_late_bodies.month + interval '1 month')::date
                and (storage.planned_on, storage.run_id)
                > (coalesce(marks.planned_on, '-infinity'), coalesce(
                    marks.run_id, '00000000-0000-0000-0000-000000000000'
                ))
            limit 1
        ) as late
        where asked.tier = has_late_bodies.retention_class || '_evidence'
    );
end;
$function$;
comment on function private.has_late_bodies(text, date) is
$comment$Does the month hold bodies that an organization does not keep any more? They must not get
into an archive.$comment$;

create function private.list_archives()
returns table (
    retention_class text,
    month date,
    status text,
    rows bigint,
    bytes bigint,
    due_on date,
    parts bigint,
    archived_rows bigint,
    archived_bytes bigint,
    archived_at timestamptz,
    dropped_at timestamptz
)
language plpgsql
stable
parallel safe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
begin
    return query
    select
        coalesce(evidence.retention_class, known.retention_class),
        coalesce(evidence.month, known.month),
        case
            when evidence.month is null then 'dropped'
            when known.archived_at is not null and known.dropped_at is null then 'archived'
            when not terms.must_archive then 'not_wanted'
            when due.month is null then 'not_due'
            when
                due.is_live
                or private.has_late_bodies(evidence.retention_class, evidence.month)
                then 'waiting'
            else 'due'
        end,
        coalesce(evidence.rows, known.dropped_rows),
        coalesce(evidence.bytes, known.dropped_bytes),
        (
            coalesce(evidence.month, known.month) + interval '1 month'
            + terms.kept_days * interval '1 day'
        )::date,
        written.parts,
        coalesce(written.rows, 0)::bigint,
        coalesce(written.bytes, 0)::bigint,
        known.archived_at,
        known.dropped_at
    from private.list_evidence() as evidence
    full join private.evidence_months as known
        on known.retention_class = evidence.retention_class and known.month = evidence.month
    left join private.due_evidence() as due
        on due.retention_class = evidence.retention_class and due.month = evidence.month
    inner join private.retention_terms as terms
        on
            terms.tier
            = coalesce(evidence.retention_class, known.retention_class) || '_evidence'
    cross join lateral (
        select
            count(*) as parts,
            sum(archived.rows) as rows,
            sum(archived.bytes) as bytes
        from private.archive_parts as archived
        where
            archived.retention_class = known.retention_class and archived.month = known.month
    ) as written
    order by 2, 1;
end;
$function$;
comment on function private.list_archives() is 'Does the work of public.list_archives.';
grant execute on function private.list_archives() to service_role;

create function public.list_archives()
returns table (
    retention_class text,
    month date,
    status text,
    rows bigint,
    bytes bigint,
    due_on date,
    parts bigint,
    archived_rows bigint,
    archived_bytes bigint,
    archived_at timestamptz,
    dropped_at timestamptz
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select * from private.list_archives();
$function$;
comment on function public.list_archives() is
$comment$The evidence of this installation, a row for each class and month, and how far it is
archived.

For the secret key. status: not_due; not_wanted (retention_terms.must_archive is false); waiting (a
run of it is still under way, or bodies are to be removed first); due (for `assay archive`);
archived (written and verified, and dropped next); dropped. rows, bytes: of the tables, as the
planner estimates and with indexes. due_on: when it may go. parts, archived_rows, archived_bytes: of
its archive, so far.$comment$;
grant execute on function public.list_archives() to service_role;

create function private.close_partition(partition regclass)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
set lock_timeout = '100ms'
as $function$
begin
    if exists (
        select
        from pg_catalog.pg_constraint as constraints
        where constraints.conrelid = partition and constraints.conname = 'is_closed'
    ) then
        return;
    end if;
    -- not valid: what is there stays, and nothing is read; what is to come is refused
    execute format('alter table %s add constraint is_closed check (false) not valid', partition);
end;
$function$;
comment on function private.close_partition(regclass) is
$comment$Have a partition take nothing more: no row is added or changed, but with its run it may go.
Raises lock_not_available rather than wait for longer than 0.1 s.$comment$;

create function private.close_evidence(retention_class text, month date)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.close_partition(
        private.evidence_partition(
            tables.name, close_evidence.retention_class, close_evidence.month
        )
    )
    from unnest(array['test_result_details', 'assertion_results']) as tables (name);
    insert into private.evidence_months as known (retention_class, month, closed_at)
    values (close_evidence.retention_class, close_evidence.month, clock_timestamp())
    on conflict on constraint evidence_months_pkey do update
    set closed_at = coalesce(known.closed_at, excluded.closed_at);
end;
$function$;
comment on function private.close_evidence(text, date) is
'Close the two partitions of a class and month. Raises lock_not_available while they are in use.';

create function private.open_archive(retention_class text, month date)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_status text;
begin
    perform private.evidence_partition(
        'test_result_details', open_archive.retention_class, open_archive.month
    );
    v_status := (
        select listed.status
        from private.list_archives() as listed
        where
            listed.retention_class = open_archive.retention_class
            and listed.month = open_archive.month
    );
    if v_status not in ('due', 'archived') then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(
                format('the evidence of %s is not to be archived: %s', month, v_status)
            ),
            detail = 'archive_not_due',
            hint = 'list_archives() tells what is due, and when.';
    end if;
    perform private.close_evidence(open_archive.retention_class, open_archive.month);
    return (
        select jsonb_build_object(
            'status', v_status,
            'parts', coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'table', parts.table_name,
                        'number', parts.number,
                        'object', parts.object,
                        'rows', parts.rows,
                        'bytes', parts.bytes,
                        'sha256', parts.sha256,
                        'first_key', parts.first_key,
                        'last_key', parts.last_key
                    )
                    order by parts.table_name, parts.number
                ),
                '[]'
            )
        )
        from private.archive_parts as parts
        where
            parts.retention_class = open_archive.retention_class
            and parts.month = open_archive.month
    );
end;
$function$;
comment on function private.open_archive(text, date) is 'Does the work of public.open_archive.';
grant execute on function private.open_archive(text, date) to service_role;

create function public.open_archive(retention_class text, month date)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.open_archive(retention_class, month);
$function$;
comment on function public.open_archive(text, date) is
$comment$Begin to archive the evidence of a class and month, or go on with it.

For `assay archive`, with the secret key. From now on nothing is added to it or changed in it.
Returns {"status": due or archived, "parts": [{"table", "number", "object", "rows", "bytes",
"sha256", "first_key", "last_key"}]}: what is written already. Errors: PT404 unknown_evidence; PT409
archive_not_due; 55P03 while it is in use: try again.$comment$;
grant execute on function public.open_archive(text, date) to service_role;

alter table private.archive_parts enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.archive_parts for select to public using (false);
