-- Problems: what is wrong with a document that an author saves, where, and what to do about it.
-- Depends on: templates. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- A check is a function that gives a problem or null; accept() is the only place that raises one.
-- The pointer of a place is a JSON pointer (RFC 6901) that begins with the base that the caller
-- gives, so that one check serves a column and a part of a larger document.

create type private.problem as (
    slug text,
    pointer text,
    place integer,
    message text,
    hint text
);
comment on type private.problem is
$comment$What is wrong with a document.

slug: of docs/errors.md. pointer: JSON pointer of the part that is wrong. place: the character of it
where it goes wrong, from 1; null where that says nothing. message: continues "at <pointer>:".$comment$;

create function private.accept(problem private.problem)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if (problem).slug is not null then
        raise exception using
            errcode = case (problem).slug when 'too_large' then 'PT413' else 'PT400' end,
            message = private.one_line(
                format(
                    'at %s%s: %s', (problem).pointer, ', character ' || (problem).place,
                    (problem).message
                )
            ),
            detail = (problem).slug,
            hint = (problem).hint;
    end if;
    return true;
end;
$function$;
comment on function private.accept(private.problem) is
$comment$True for no problem; else raises it.

Message: "at /assertions/1/path, character 7: ...". Errors: PT413 too_large; PT400 and the slug of
any other problem.$comment$;

-- Sizes come before everything else: what follows may read the whole document, and more than once.

create function private.size_problem(document jsonb, base text, max_bytes integer)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- as PostgreSQL holds it, which is known without a look inside
    if pg_column_size(document) > max_bytes then
        return row(
            'too_large', base, null,
            format('is %s bytes long, and %s are the most', pg_column_size(document), max_bytes),
            'Leave out what is not needed, or spread it over several.'
        )::private.problem;
    end if;
    -- a hundred levels take more room than this
    if pg_column_size(document) > 500 and jsonb_path_exists(document, 'strict $.**{100}') then
        return row(
            'too_large', base, null, 'is nested more than 100 levels deep', 'Make it flatter.'
        )::private.problem;
    end if;
    return null;
end;
$function$;
comment on function private.size_problem(jsonb, text, integer) is
$comment$What is wrong with the size of a document, or its depth; null if nothing. Slug: too_large.

max_bytes: as PostgreSQL holds it, about the length of its text.$comment$;

create function private.length_problem(value text, base text, max_bytes integer)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when octet_length(value) > max_bytes then row(
            'too_large', base, null,
            format('is %s bytes long, and %s are the most', octet_length(value), max_bytes),
            'Say it in fewer words.'
        )::private.problem
    end;
end;
$function$;
comment on function private.length_problem(text, text, integer) is
'What is wrong with the size of a text; null if nothing. Slug: too_large. max_bytes: in UTF-8.';

create function private.list_problem(
    list text[], base text, max_count integer, max_bytes integer
)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when cardinality(list) > max_count then row(
            'too_large', base, null,
            format('has %s elements, and %s are the most', cardinality(list), max_count),
            'Leave out what is not needed.'
        )::private.problem
        else (
            select
                private.length_problem(
                    elements.element, base || '/' || elements.ordinal - 1, max_bytes
                )
            from unnest(list) with ordinality as elements (element, ordinal)
            where octet_length(elements.element) > max_bytes
            order by elements.ordinal
            limit 1
        )
    end;
end;
$function$;
comment on function private.list_problem(text[], text, integer, integer) is
$comment$What is wrong with the size of a list of texts; null if nothing. Slug: too_large.

max_bytes: of each, in UTF-8.$comment$;

create function private.pointer_to(base text, steps text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select base || coalesce(
            string_agg(
                '/' || replace(replace(steps.step, '~', '~0'), '/', '~1'), ''
                order by steps.ordinal
            ), ''
        )
        from unnest(pointer_to.steps) with ordinality as steps (step, ordinal)
    );
end;
$function$;
comment on function private.pointer_to(text, text[]) is
'The JSON pointer of a part of what base points to. Source: RFC 6901, section 3.';

create function private.stranger_problem(
    document jsonb, known text[], slug text, base text, hint text
)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select row(
            stranger_problem.slug,
            private.pointer_to(base, array[members.name]),
            null,
            'there is no such member here; known are ' || array_to_string(known, ', '),
            hint
        )::private.problem
        from jsonb_object_keys(document) as members (name)
        where members.name <> all(known)
        limit 1
    );
end;
$function$;
comment on function private.stranger_problem(jsonb, text[], text, text, text) is
'The first member of an object that is not among the known ones; null if all are.';

create function private.template_problem(document jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_found record;
    v_message text;
    v_slug text;
    v_hint text;
    v_count integer;
begin
    if document is null or strpos(document::text, '{{') = 0 then
        return null;
    end if;
    v_count := cardinality(string_to_array(document::text, '{{')) - 1;
    if v_count > 2000 then
        return row(
            'too_large', base, null,
            format('has %s {{placeholders}}, and 2000 are the most', v_count),
            'Spread them over several tests.'
        )::private.problem;
    end if;
    for v_found in select found.* from private.find_templates(document) as found loop
        begin
            perform private.parse_template(v_found.source);
        exception
            when sqlstate 'PT400' then
                get stacked diagnostics
                    v_message = message_text, v_slug = pg_exception_detail,
                    v_hint = pg_exception_hint;
                return row(
                    v_slug, private.pointer_to(base, v_found.location),
                    substring(v_message from '^character ([0-9]+): ')::integer,
                    regexp_replace(v_message, '^character [0-9]+: ', ''), v_hint
                )::private.problem;
        end;
    end loop;
    return null;
end;
$function$;
comment on function private.template_problem(jsonb, text) is
$comment$The first string of a document whose {{placeholders}} are malformed; null if none is.

At most 2,000. Slugs: template_syntax, too_large.$comment$;

create function private.stand_in(source text, filler text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if strpos(source, '{{') = 0 then
        return source;
    end if;
    return coalesce(
        string_agg(
            case
                when pieces.piece[1] like '{{%}}' then repeat(filler, length(pieces.piece[1]))
                else pieces.piece[1]
            end, ''
            order by pieces.ordinal
        ), ''
    )
    from
        regexp_matches(source, '\\\{\{|\{\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}\}|.', 'g')
        with ordinality as pieces (piece, ordinal);
end;
$function$;
comment on function private.stand_in(text, text) is
$comment$A template with something plain in place of each placeholder, as long as the placeholder: a
place in the one is the same place in the other.$comment$;

-- check constraints run as whoever writes the row
grant execute on function private.accept(private.problem) to authenticated, service_role;
grant execute on function private.size_problem(jsonb, text, integer)
to authenticated, service_role;
grant execute on function private.length_problem(text, text, integer)
to authenticated, service_role;
grant execute on function private.list_problem(text[], text, integer, integer)
to authenticated, service_role;
grant execute on function private.pointer_to(text, text[]) to authenticated, service_role;
grant execute on function private.stranger_problem(jsonb, text[], text, text, text)
to authenticated, service_role;
grant execute on function private.template_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.stand_in(text, text) to authenticated, service_role;
