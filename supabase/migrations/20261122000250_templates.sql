-- Templates: {{name}} parsed once, when a test is compiled, and filled in when it is handed out.
-- Depends on: private schema. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- A parsed template is a JSON array of parts: strings stand for themselves, objects for
-- placeholders: {"name": "user", "path": ["name"], "filters": [["default", "x"], ["upper"]]}.
-- Grammar and filters: docs/templates.md.

create function private.one_line(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return regexp_replace(left(message, 1000), '[[:cntrl:]]+', ' ', 'g');
end;
$function$;
comment on function private.one_line(text) is
$comment$What a message quotes, fit to be told: on one line, and at most 1,000 characters.

The REST interface puts the message of an error into the status line of its answer: with a line
break in it somebody could write headers of the answers that others get.$comment$;

create function private.is_name(name text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return length(name) <= 100 and name ~ '^[A-Za-z_][A-Za-z0-9_-]*$';
end;
$function$;
comment on function private.is_name(text) is
'Can {{name}} refer to it? 1 to 100 letters, digits, _ and -, not beginning with a digit or -.';

create function private.parse_filter(source text, place integer)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_match text[] := regexp_match(source, '^\s*([a-z][a-z0-9_]*)\s*(?:\(\s*(.*?)\s*\))?\s*$');
    v_takes_argument boolean := v_match[1] in ('default', 'hmac_sha256');
begin
    if v_match is null or v_match[1] not in (
        'default', 'urlencode', 'base64', 'json', 'lower', 'upper', 'sha256', 'hmac_sha256', 'raw'
    ) then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format('character %s: unknown filter "%s"', place, btrim(source))
            ),
            detail = 'template_syntax',
            hint = 'Filters are default("x"), urlencode, base64, json, lower, upper, sha256, '
                || 'hmac_sha256("key") and raw.';
    end if;
    if v_takes_argument <> (v_match[2] is not null) then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format(
                    'character %s: the filter %s takes %s argument', place, v_match[1],
                    case when v_takes_argument then 'one' else 'no' end
                )
            ),
            detail = 'template_syntax',
            hint = 'Write the argument as JSON in parentheses, e.g. {{name | default("x")}}.';
    end if;
    if v_match[2] is null then
        return jsonb_build_array(v_match[1]);
    end if;
    if v_match[1] = 'hmac_sha256' and jsonb_typeof(v_match[2]::jsonb) <> 'string' then
        raise invalid_text_representation;
    end if;
    return jsonb_build_array(v_match[1], v_match[2]::jsonb);
exception
    when data_exception then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format(
                    'character %s: the filter %s cannot take the argument %s', place, v_match[1],
                    v_match[2]
                )
            ),
            detail = 'template_syntax',
            hint = 'Write text in double quotes: {{name | default("x")}}.';
end;
$function$;
comment on function private.parse_filter(text, integer) is
$comment$default("x") to ["default", "x"].

place: the character at which its placeholder begins. Errors: PT400 template_syntax.$comment$;

create function private.parse_placeholder(source text, place integer)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- pipes inside quoted arguments do not separate filters
    v_pieces text[] := array(
        select found.piece[1]
        from regexp_matches(source, '(?:[^|"]|"(?:[^"\\]|\\.)*")+', 'g') as found (piece)
    );
    v_head text[] := regexp_match(
        v_pieces[1], '^\s*(\$?[A-Za-z_][A-Za-z0-9_-]*)((?:\.[A-Za-z0-9_-]+|\[[0-9]+\])*)\s*$'
    );
begin
    if v_head is null or array_to_string(v_pieces, '|') <> source then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format('character %s: "{{%s}}" is not a placeholder', place, source)
            ),
            detail = 'template_syntax',
            hint = 'Write {{name}}, {{name.field[0].field}} or {{name | filter}}; '
                || '\{{ stands for two braces.';
    end if;
    if
        v_head[1] like '$%'
        and v_head[1] not in ('$uuid', '$timestamp', '$isoTimestamp', '$randomInt')
    then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format('character %s: there is no dynamic value "%s"', place, v_head[1])
            ),
            detail = 'template_syntax',
            hint = 'Dynamic values are $uuid, $timestamp, $isoTimestamp and $randomInt.';
    end if;

    return jsonb_build_object(
        'name', v_head[1],
        'path', to_jsonb(array(
            select coalesce(step.part[1], step.part[2])
            from regexp_matches(v_head[2], '\.([A-Za-z0-9_-]+)|\[([0-9]+)\]', 'g') as step (part)
        )),
        'filters', coalesce(
            (
                select jsonb_agg(private.parse_filter(pieces.piece, place) order by pieces.ordinal)
                from unnest(v_pieces[2:]) with ordinality as pieces (piece, ordinal)
            ),
            '[]'
        )
    );
end;
$function$;
comment on function private.parse_placeholder(text, integer) is
$comment$What stands between {{ and }}, as a part.

place: the character at which it begins. Errors: PT400 template_syntax.$comment$;

create function private.parse_template(source text)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- Cut once, and looked at piece by piece: a pattern for the whole would read what follows again
    -- at every brace.
    v_pieces text[] := string_to_array(source, '{{');
    v_parts jsonb[] := array[]::jsonb[];
    v_text text := coalesce(v_pieces[1], '');
    v_piece text;
    v_placeholder text;
    v_place integer := length(v_text) + 1; -- of the braces before the piece
    v_is_shifted boolean;
    v_next integer := 2;
begin
    while v_next <= cardinality(v_pieces) loop
        v_piece := v_pieces[v_next];
        v_next := v_next + 1;
        if v_text like '%\\' then
            if v_text <> '\' then
                v_parts := array_append(v_parts, to_jsonb(left(v_text, -1)));
            end if;
            v_parts := array_append(v_parts, to_jsonb('{{'::text));
            v_text := v_piece;
            v_place := v_place + 2 + length(v_piece);
            continue;
        end if;

        -- of three braces the last two open the placeholder
        v_is_shifted := v_piece like '{%';
        v_piece := substr(v_piece, 1 + v_is_shifted::integer);
        loop
            v_placeholder := substring(v_piece from '^(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}\}');
            exit when v_placeholder is not null or v_next > cardinality(v_pieces);
            -- braces inside a quoted argument are part of it
            exit when length(v_piece) > 10000;
            exit when v_piece !~ '^(?:[^{}"]|"(?:[^"\\]|\\.)*")*"(?:[^"\\]|\\.)*\\?$';
            v_piece := v_piece || '{{' || v_pieces[v_next];
            v_next := v_next + 1;
        end loop;
        if v_placeholder is null then
            raise exception using
                errcode = 'PT400',
                message = private.one_line(
                    format(
                        'character %s: "{{" without its end at "%s"', v_place,
                        substr(source, v_place, 40)
                    )
                ),
                detail = 'template_syntax',
                hint = 'Close the placeholder with }}, or write \{{ for two braces.';
        end if;

        if v_is_shifted then
            v_text := v_text || '{';
        end if;
        if v_text <> '' then
            v_parts := array_append(v_parts, to_jsonb(v_text));
        end if;
        v_parts := array_append(
            v_parts,
            private.parse_placeholder(
                left(v_placeholder, -2), v_place + v_is_shifted::integer
            )
        );
        v_text := substr(v_piece, length(v_placeholder) + 1);
        v_place := v_place + 2 + v_is_shifted::integer + length(v_piece);
    end loop;

    if v_text <> '' or v_parts = '{}' then
        v_parts := array_append(v_parts, to_jsonb(v_text));
    end if;
    return to_jsonb(v_parts);
end;
$function$;
comment on function private.parse_template(text) is
$comment$Text to parts: strings and placeholders.

Errors: PT400 template_syntax; the message begins with the character, "character 7: ".$comment$;

create function private.find_templates(document jsonb, base text[] default '{}')
returns table (location text[], source text)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- most documents, and most of their parts, hold no template at all
    if strpos(document::text, '{{') = 0 then
        return;
    end if;

    case jsonb_typeof(document)
        when 'string' then
            return query select base, document #>> '{}';
        when 'array' then
            return query
            select found.*
            from jsonb_array_elements(document) with ordinality as entries (node, ordinal)
            cross join lateral private.find_templates(
                entries.node, base || (entries.ordinal - 1)::text
            ) as found;
        else
            return query
            select found.*
            from jsonb_each(document) as members
            cross join lateral private.find_templates(
                members.value, base || members.key
            ) as found;
    end case;
end;
$function$;
comment on function private.find_templates(jsonb, text[]) is
'Every string in a document that holds {{, with its path; base: the path of the document itself.';

create function private.compile_templates(document jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if strpos(document::text, '{{') = 0 then
        return '[]'::jsonb;
    end if;
    return (
        select
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'at', templates.location, 'parts', private.parse_template(templates.source)
                    )
                    order by templates.location
                ),
                '[]'
            )
        from private.find_templates(compile_templates.document) as templates
    );
end;
$function$;
comment on function private.compile_templates(jsonb) is
$comment$Slots of a document: [{"at": [location], "parts": [...]}], [] if it holds no template.
Errors: PT400 template_syntax.$comment$;

create function private.used_names(slots jsonb)
returns table (name text, is_optional boolean)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        parts.part ->> 'name',
        bool_and(parts.part -> 'filters' -> 0 ->> 0 is not distinct from 'default')
    from jsonb_array_elements(used_names.slots) as slots (slot)
    cross join lateral jsonb_array_elements(slots.slot -> 'parts') as parts (part)
    where jsonb_typeof(parts.part) = 'object' and parts.part ->> 'name' not like '$%'
    group by parts.part ->> 'name';
$function$;
comment on function private.used_names(jsonb) is
'Names that slots refer to; is_optional: every use starts its filters with a default.';

create function private.percent_encode(source text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when percent_encode.source ~ '^[A-Za-z0-9._~-]*$' then percent_encode.source
        else (
            select
                string_agg(
                    case
                        when characters.character ~ '^[A-Za-z0-9._~-]$' then characters.character
                        else regexp_replace(
                            upper(encode(convert_to(characters.character, 'UTF8'), 'hex')),
                            '(..)', '%\1', 'g'
                        )
                    end, ''
                    order by characters.ordinal
                )
            from regexp_split_to_table(percent_encode.source, '')
            with ordinality as characters (character, ordinal)
        )
    end;
$function$;
comment on function private.percent_encode(text) is
'Percent-encoding of everything but unreserved characters. Source: RFC 3986, section 2.3.';

create function private.seeded_uuid(seed text)
returns uuid
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select overlay(overlay(md5(seeded_uuid.seed) placing '4' from 13) placing 'a' from 17)::uuid;
$function$;
comment on function private.seeded_uuid(text) is
'A version-4 UUID that depends on the seed alone, so that a rescue sends the same one.';

create function private.seeded_fraction(seed text)
returns double precision
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select ('x' || left(md5(seeded_fraction.seed), 13))::bit(52)::bigint / 2.0 ^ 52;
$function$;
comment on function private.seeded_fraction(text) is
'A number in [0, 1) that depends on the seed alone.';

create function private.text_of(value jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case jsonb_typeof(text_of.value)
        when 'null' then 'null'
        else text_of.value #>> '{}'
    end;
end;
$function$;
comment on function private.text_of(jsonb) is 'A JSON value as it reads inside a text.';

create function private.apply_filter(value jsonb, filter jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case filter ->> 0
        when 'urlencode' then to_jsonb(private.percent_encode(private.text_of(apply_filter.value)))
        when 'base64' then to_jsonb(translate(
            encode(convert_to(private.text_of(apply_filter.value), 'UTF8'), 'base64'), E'\n', ''
        ))
        when 'json' then to_jsonb(apply_filter.value::text)
        when 'lower' then to_jsonb(lower(private.text_of(apply_filter.value)))
        when 'upper' then to_jsonb(upper(private.text_of(apply_filter.value)))
        when 'sha256' then to_jsonb(encode(
            sha256(convert_to(private.text_of(apply_filter.value), 'UTF8')), 'hex'
        ))
        when 'hmac_sha256' then to_jsonb(encode(
            extensions.hmac(
                convert_to(private.text_of(apply_filter.value), 'UTF8'),
                convert_to(filter ->> 1, 'UTF8'),
                'sha256'
            ), 'hex'
        ))
        else apply_filter.value -- default (there is a value) and raw (a matter of the slot)
    end;
$function$;
comment on function private.apply_filter(jsonb, jsonb) is
'One filter, as parse_filter gives it, applied to a value.';

create function private.fill_placeholder(
    placeholder jsonb, variables jsonb, seed text, rendered_at timestamptz
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_name text := placeholder ->> 'name';
    v_value jsonb;
    v_filter jsonb;
begin
    v_value := case v_name
        when '$uuid' then to_jsonb(private.seeded_uuid(seed))
        when '$randomInt' then to_jsonb(floor(private.seeded_fraction(seed) * 1001)::integer)
        when '$timestamp' then to_jsonb(floor(extract(epoch from rendered_at))::bigint)
        when '$isoTimestamp' then to_jsonb(
            to_char(rendered_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        )
        else variables -> v_name
    end;
    if placeholder -> 'path' <> '[]' then
        v_value := v_value #> array(select jsonb_array_elements_text(placeholder -> 'path'));
    end if;
    if v_value is null and placeholder -> 'filters' -> 0 ->> 0 = 'default' then
        v_value := placeholder -> 'filters' -> 0 -> 1;
    end if;
    if v_value is not null and placeholder -> 'filters' <> '[]' then
        for v_filter in
            select filters.value
            from jsonb_array_elements(placeholder -> 'filters') as filters
        loop
            v_value := private.apply_filter(v_value, v_filter);
        end loop;
    end if;
    return v_value;
end;
$function$;
comment on function private.fill_placeholder(jsonb, jsonb, text, timestamptz) is
$comment$The value of one placeholder; SQL null when it has none.

variables: {name: value}. seed: fixes $uuid and $randomInt.
rendered_at: fixes the timestamps.$comment$;

create function private.render(
    document jsonb, slots jsonb, variables jsonb, seed text, rendered_at timestamptz,
    out rendered jsonb, out unresolved text
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slot jsonb;
    v_part jsonb;
    v_value jsonb;
    v_text text;
    v_occurrence integer := 0;
begin
    rendered := document;
    for v_slot in select entries.slot from jsonb_array_elements(slots) as entries (slot) loop
        v_text := '';
        v_value := null;
        for v_part in
            select entries.part
            from jsonb_array_elements(v_slot -> 'parts') as entries (part)
        loop
            if jsonb_typeof(v_part) = 'string' then
                v_text := v_text || (v_part #>> '{}');
                continue;
            end if;
            v_occurrence := v_occurrence + 1;
            v_value := private.fill_placeholder(
                v_part, variables, seed || ':' || v_occurrence, rendered_at
            );
            if v_value is null then
                unresolved := v_part ->> 'name';
                return;
            end if;
            -- a string that is exactly one placeholder keeps the value's type
            exit when v_slot -> 'encode' is null and jsonb_array_length(v_slot -> 'parts') = 1;
            v_text := v_text || case
                when v_slot -> 'encode' is not null and not v_part -> 'filters' @> '[["raw"]]'
                    then private.percent_encode(private.text_of(v_value))
                else private.text_of(v_value)
            end;
            v_value := null;
        end loop;
        rendered := jsonb_set(
            rendered,
            array(select jsonb_array_elements_text(v_slot -> 'at')),
            coalesce(v_value, to_jsonb(v_text))
        );
    end loop;
end;
$function$;
comment on function private.render(jsonb, jsonb, jsonb, text, timestamptz) is
$comment$Fill the slots of a document.

slots: as compile_templates gives them; "encode": true percent-encodes the values. Returns rendered,
or unresolved: the first name that has no value, and then no document may be used.$comment$;

-- check constraints run as whoever writes the row
grant execute on function private.one_line(text) to authenticated, service_role;
grant execute on function private.is_name(text) to authenticated, service_role;
grant execute on function private.parse_filter(text, integer) to authenticated, service_role;
grant execute on function private.parse_placeholder(text, integer)
to authenticated, service_role;
grant execute on function private.parse_template(text) to authenticated, service_role;
grant execute on function private.find_templates(jsonb, text[]) to authenticated, service_role;
grant execute on function private.compile_templates(jsonb) to authenticated, service_role;
