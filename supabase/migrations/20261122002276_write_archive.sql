-- Writing an archive: pages to read, parts to remember, and the end.
-- Depends on: archive. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.evidence_line as (line text, key jsonb);
comment on type private.evidence_line is
'A row of evidence as JSON, and its key: [planned_on, result_id, attempt, lease or index].';

create function private.read_evidence(source text, partition regclass, after jsonb)
returns setof private.evidence_line
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_last text := case read_evidence.source
        when 'test_result_details' then 'lease'
        else 'assertion_index'
    end;
begin
    -- the first column of the key is the same in all of a partition, but its index begins with it
    return query execute format(
        'select row_to_json(page)::text, '
        'jsonb_build_array(page.planned_on, page.result_id, page.attempt, page.%1$I) '
        'from %2$s as page where page.retention_class = %3$L and ($1 is null or '
        '(page.planned_on, page.result_id, page.attempt, page.%1$I) > '
        '(($1 ->> 0)::date, ($1 ->> 1)::uuid, ($1 ->> 2)::integer, ($1 ->> 3)::%4$s)) '
        'order by page.planned_on, page.result_id, page.attempt, page.%1$I limit 1000',
        v_last,
        partition,
        case when partition::text like '%\_passed\_%' then 'passed' else 'failed' end,
        case v_last when 'lease' then 'uuid' else 'integer' end
    )
    using nullif(after, 'null');
end;
$function$;
comment on function private.read_evidence(text, regclass, jsonb) is
'The next 1,000 rows of a partition of a table, in the order of their keys.';

create function private.read_archive_page(
    retention_class text, month date, source text, after jsonb, max_bytes integer
)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- partitions are closed to clients
set search_path = ''
as $function$
declare
    v_partition regclass := private.evidence_partition(
        read_archive_page.source, read_archive_page.retention_class, read_archive_page.month
    );
    v_row private.evidence_line;
    v_lines text[] := array[]::text[];
    v_bytes bigint := 0;
    v_next jsonb;
begin
    for v_row in
        select * from private.read_evidence(source, v_partition, after)
    loop
        v_lines := array_append(v_lines, v_row.line);
        v_next := v_row.key;
        v_bytes := v_bytes + octet_length(v_row.line);
        exit when v_bytes >= greatest(max_bytes, 1);
    end loop;
    return jsonb_build_object(
        'lines', v_lines,
        'next', v_next,
        'is_last', cardinality(v_lines) < 1000 and v_bytes < greatest(max_bytes, 1)
    );
end;
$function$;
comment on function private.read_archive_page(text, date, text, jsonb, integer) is
'Does the work of public.read_archive_page.';
grant execute on function private.read_archive_page(text, date, text, jsonb, integer)
to service_role;

create function public.read_archive_page(
    retention_class text,
    month date,
    source text,
    after jsonb default null,
    max_bytes integer default 2097152
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.read_archive_page(retention_class, month, source, after, max_bytes);
$function$;
comment on function public.read_archive_page(text, date, text, jsonb, integer) is
$comment$Rows of evidence as lines of JSON, in the order of their keys.

For `assay archive`, with the secret key. source: test_result_details or assertion_results.
after: "next" of the page before, null at first. max_bytes: the page ends with the row that reaches
it, at the latest after 1,000 rows. Returns {"lines": [text], "next": key of the last row or null,
"is_last"}. Errors: PT404 unknown_evidence.$comment$;
grant execute on function public.read_archive_page(text, date, text, jsonb, integer)
to service_role;

create function private.refuse_archive_change(retention_class text, month date)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    -- one archiver at a time
    perform
    from private.evidence_months as known
    where
        known.retention_class = refuse_archive_change.retention_class
        and known.month = refuse_archive_change.month
        and known.closed_at is not null
        and known.dropped_at is null
    for update;
    if not found then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(format('no archive of %s is being written', month)),
            detail = 'archive_not_open',
            hint = 'Call open_archive first.';
    end if;
end;
$function$;
comment on function private.refuse_archive_change(text, date) is
'Lock the row of an archive that is being written. Errors: PT409 archive_not_open.';

create function private.keep_archive_part(retention_class text, month date, part jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_part private.archive_parts;
    v_kept private.archive_parts;
begin
    perform private.refuse_archive_change(
        keep_archive_part.retention_class, keep_archive_part.month
    );
    begin
        v_part := jsonb_populate_record(
            null::private.archive_parts,
            part || jsonb_build_object(
                'retention_class', keep_archive_part.retention_class,
                'month', keep_archive_part.month,
                'table_name', part -> 'table',
                'written_at', now()
            )
        );
        if v_part.number > 1 and not exists (
            select
            from private.archive_parts as before
            where
                before.retention_class = v_part.retention_class
                and before.month = v_part.month
                and before.table_name = v_part.table_name
                and before.number = v_part.number - 1
        ) then
            raise check_violation using message = 'there is no part before it';
        end if;
        insert into private.archive_parts
        select v_part.*
        on conflict do nothing;
    exception
        when data_exception or integrity_constraint_violation then
            raise exception using
                errcode = 'PT400',
                message = private.one_line('this is no part of an archive: ' || sqlerrm),
                detail = 'malformed_part',
                hint = 'Give {"table", "number", "object", "rows", "bytes", "sha256", "first_key", '
                    '"last_key"}.';
    end;

    select parts.*
    into v_kept
    from private.archive_parts as parts
    where
        parts.retention_class = v_part.retention_class
        and parts.month = v_part.month
        and parts.table_name = v_part.table_name
        and parts.number = v_part.number;
    if (v_kept.sha256, v_kept.object) is distinct from (v_part.sha256, v_part.object) then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(
                format('part %s of %s is kept already, with another content', v_part.number, month)
            ),
            detail = 'archive_conflict',
            hint = 'Somebody else archives the same month. Start again: it goes on where they are.';
    end if;
end;
$function$;
comment on function private.keep_archive_part(text, date, jsonb) is
'Does the work of public.keep_archive_part.';
grant execute on function private.keep_archive_part(text, date, jsonb) to service_role;

create function public.keep_archive_part(retention_class text, month date, part jsonb)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.keep_archive_part(retention_class, month, part);
$function$;
comment on function public.keep_archive_part(text, date, jsonb) is
$comment$Remember an object that was written to the archive.

For `assay archive`, with the secret key. part: as open_archive returns it. Saying it again changes
nothing. Errors: PT400 malformed_part; PT409 archive_not_open, archive_conflict.$comment$;
grant execute on function public.keep_archive_part(text, date, jsonb) to service_role;

create function private.discard_archive_parts(
    retention_class text, month date, source text, number integer
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_count integer;
begin
    perform private.refuse_archive_change(
        discard_archive_parts.retention_class, discard_archive_parts.month
    );
    update private.evidence_months as known
    set archived_at = null
    where
        known.retention_class = discard_archive_parts.retention_class
        and known.month = discard_archive_parts.month;
    delete from private.archive_parts as parts
    where
        parts.retention_class = discard_archive_parts.retention_class
        and parts.month = discard_archive_parts.month
        and parts.table_name = discard_archive_parts.source
        and parts.number >= discard_archive_parts.number;
    get diagnostics v_count = row_count;
    return v_count;
end;
$function$;
comment on function private.discard_archive_parts(text, date, text, integer) is
'Does the work of public.discard_archive_parts.';
grant execute on function private.discard_archive_parts(text, date, text, integer)
to service_role;

create function public.discard_archive_parts(
    retention_class text, month date, source text, number integer
)
returns integer
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.discard_archive_parts(retention_class, month, source, number);
$function$;
comment on function public.discard_archive_parts(text, date, text, integer) is
$comment$Forget the parts of a table from a number on, since one of them was found to be damaged:
the next `assay archive` writes them anew. How many.

For `assay archive`, with the secret key. Errors: PT409 archive_not_open.$comment$;
grant execute on function public.discard_archive_parts(text, date, text, integer)
to service_role;

create function private.finish_archive(retention_class text, month date, manifest jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to clients
set search_path = ''
as $function$
declare
    v_table text;
begin
    perform private.refuse_archive_change(finish_archive.retention_class, finish_archive.month);
    foreach v_table in array array['test_result_details', 'assertion_results'] loop
        if
            -- what was verified is what is remembered
            (
                select coalesce(jsonb_object_agg(parts.number, parts.sha256), '{}')
                from private.archive_parts as parts
                where
                    parts.retention_class = finish_archive.retention_class
                    and parts.month = finish_archive.month
                    and parts.table_name = v_table
            ) is distinct from (
                select coalesce(
                    jsonb_object_agg(given.part ->> 'number', given.part -> 'sha256'), '{}'
                )
                from jsonb_path_query(manifest, '$.parts[*]') as given (part)
                where given.part ->> 'table' = v_table
            )
            -- and nothing comes after it
            or jsonb_array_length(
                private.read_archive_page(
                    finish_archive.retention_class, finish_archive.month, v_table,
                    (
                        select parts.last_key
                        from private.archive_parts as parts
                        where
                            parts.retention_class = finish_archive.retention_class
                            and parts.month = finish_archive.month
                            and parts.table_name = v_table
                        order by parts.number desc
                        limit 1
                    ),
                    1
                ) -> 'lines'
            ) > 0
        then
            raise exception using
                errcode = 'PT409',
                message = private.one_line(format('the archive of %s is not complete', month)),
                detail = 'archive_incomplete',
                hint = 'Archive it again: it goes on where it is.';
        end if;
    end loop;
    update private.evidence_months as known
    set archived_at = coalesce(known.archived_at, clock_timestamp())
    where
        known.retention_class = finish_archive.retention_class
        and known.month = finish_archive.month;
end;
$function$;
comment on function private.finish_archive(text, date, jsonb) is
'Does the work of public.finish_archive.';
grant execute on function private.finish_archive(text, date, jsonb) to service_role;

create function public.finish_archive(retention_class text, month date, manifest jsonb)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.finish_archive(retention_class, month, manifest);
$function$;
comment on function public.finish_archive(text, date, jsonb) is
$comment$Say that all of a class and month has been written, read back and found whole: from now on
it may be dropped.

For `assay archive`, with the secret key. manifest: {"parts": [...]}, as verified. Errors: PT409
archive_not_open, archive_incomplete.$comment$;
grant execute on function public.finish_archive(text, date, jsonb) to service_role;
