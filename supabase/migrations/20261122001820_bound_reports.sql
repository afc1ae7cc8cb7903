-- What a worker may say: the shape of its lists, and how much of a report is kept.
-- Depends on: problems. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- A worker may be a tenant's. What it sends is bounded here, whatever it was written to send.

create function private.refuse_malformed_work(entries jsonb, name text)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem text;
begin
    if jsonb_typeof(entries) is distinct from 'array' then
        v_problem := 'is not an array';
    elsif jsonb_array_length(entries) > 2000 then
        v_problem := format(
            'has %s elements, and 2000 are the most', jsonb_array_length(entries)
        );
    -- without taking the elements apart: a report may be large
    elsif jsonb_path_exists(
        entries,
        'strict $[*] ? (
            @.type() != "object"
            || !exists(@.item) || @.item.type() != "number"
            || @.item < 0 || @.item > 9223372036854775807 || @.item.floor() != @.item
            || !exists(@.attempt) || @.attempt.type() != "number"
            || @.attempt < 0 || @.attempt > 2147483647 || @.attempt.floor() != @.attempt
            || !exists(@.lease) || @.lease.type() != "string"
            || !(@.lease like_regex
                "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" flag "i")
            || @.result.type() == "string" && !(@.result like_regex
                "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" flag "i")
            || @.result.type() != "string" && @.result.type() != "null"
        )'
    ) then
        v_problem := 'holds an element that names no lease';
    end if;
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(format('%s %s', name, v_problem)),
            detail = 'malformed_work',
            hint = 'Write [{"item": 71, "attempt": 1, "lease": "<uuid>", ...}]: docs/wire.md.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_work(jsonb, text) is
$comment$Raise PT400 malformed_work unless it is a list of up to 2,000 elements with a lease each.

name: of the argument.$comment$;

create function private.shrink_reports(reports jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- a worker of ours sends no more than this at once, let alone of one request
    if pg_column_size(reports) <= 4194304 then
        return reports;
    end if;
    return (
        select
            jsonb_agg(
                case
                    when pg_column_size(entries.report) > 4194304
                        then jsonb_build_object(
                            'item', entries.report -> 'item',
                            'attempt', entries.report -> 'attempt',
                            'lease', entries.report -> 'lease',
                            'error', jsonb_build_object(
                                'category', 'unreportable',
                                'message', format(
                                    'the report is %s bytes long, and 4194304 are the most',
                                    pg_column_size(entries.report)
                                )
                            )
                        )
                    else entries.report
                end
                order by entries.ordinal
            )
        from jsonb_array_elements(reports) with ordinality as entries (report, ordinal)
    );
end;
$function$;
comment on function private.shrink_reports(jsonb) is
'The reports, with error / unreportable in place of each that is longer than 4 MB.';

create function private.bounded_response(response jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if pg_column_size(response) <= 65536 then
        return response;
    end if;
    -- whole headers only: what was redacted is not cut
    return jsonb_build_object(
        'status', response -> 'status',
        'truncated', true,
        'headers', (
            select coalesce(jsonb_agg(kept.header order by kept.ordinal), '[]')
            from (
                select
                    headers.header,
                    headers.ordinal,
                    sum(pg_column_size(headers.header)) over (order by headers.ordinal) as size
                from jsonb_array_elements(
                    case
                        when jsonb_typeof(response -> 'headers') = 'array'
                            then response -> 'headers'
                        else '[]'
                    end
                ) with ordinality as headers (header, ordinal)
                limit 1000
            ) as kept
            where kept.size <= 32768
        )
    );
end;
$function$;
comment on function private.bounded_response(jsonb) is
$comment$An answer without its body and without secrets, in 64 KB: of a longer one the status and
the first headers.$comment$;

create function private.bounded_value(value jsonb, max_bytes integer)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when pg_column_size(value) > max_bytes
            then to_jsonb(left(value::text, max_bytes - 3) || '...')
        else value
    end;
end;
$function$;
comment on function private.bounded_value(jsonb, integer) is
'A value, or the beginning of its text if it is longer. Without secrets already.';

create function private.kept_timing(report jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when pg_column_size(report -> 'timing_ms') <= 1024 then report -> 'timing_ms'
        else '{}'
    end;
end;
$function$;
comment on function private.kept_timing(jsonb) is
'The phases of an attempt; none if there are more than there could be.';
