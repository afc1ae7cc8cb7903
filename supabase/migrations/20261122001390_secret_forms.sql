-- The forms that a secret takes on its way through URLs, forms, JSON, HTML and base64.
-- Depends on: templates. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.replace_each(source text, replacements text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    for v_at in 1 .. cardinality(replacements) by 2 loop
        source := replace(source, replacements[v_at], replacements[v_at + 1]);
    end loop;
    return source;
end;
$function$;
comment on function private.replace_each(text, text[]) is
'A text with each odd element replaced by the even one after it, in order.';

create function private.percent_forms(secret text)
returns setof text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select string_agg(
        case
            when characters.character ~ styles.kept then characters.character
            when characters.character = ' ' then styles.space
            else regexp_replace(
                case
                    when styles.is_upper then upper(characters.hex)
                    else characters.hex
                end,
                '(..)', '%\1', 'g'
            )
        end, '' order by characters.ordinal
    )
    from (
        -- what encoders leave as it is: RFC 3986, encodeURIComponent, paths, encodeURI
        values
        ('[A-Za-z0-9._~-]'),
        ('[A-Za-z0-9._~!''()*-]'),
        ('[A-Za-z0-9._~/-]'),
        ('[A-Za-z0-9._~!''()*;,/?:@&=+$#-]')
    ) as sets (kept)
    cross join (values (true), (false)) as cases (is_upper)
    cross join (values ('%20'), ('+')) as spaces (space)
    cross join lateral (
        select
            sets.kept,
            cases.is_upper,
            spaces.space
    ) as styles
    cross join lateral (
        select
            pieces.character,
            pieces.ordinal,
            encode(convert_to(pieces.character, 'UTF8'), 'hex') as hex
        from regexp_split_to_table(secret, '') with ordinality as pieces (character, ordinal)
    ) as characters
    group by sets.kept, cases.is_upper, spaces.space;
$function$;
comment on function private.percent_forms(text) is
$comment$A text as encoders of URLs and forms write it, in both cases of hexadecimal digits.

Sources: RFC 3986, section 2; WHATWG URL, application/x-www-form-urlencoded; ECMA-262,
encodeURI.$comment$;

create function private.escape_unicode(source text, is_upper boolean)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select string_agg(
        case
            when ascii(pieces.character) < 127 then pieces.character
            when ascii(pieces.character) < 65536 then '\u' || hexes.plain
            else '\u' || hexes.high || '\u' || hexes.low
        end, '' order by pieces.ordinal
    )
    from regexp_split_to_table(source, '') with ordinality as pieces (character, ordinal)
    cross join lateral (
        select
            lpad(to_hex(ascii(pieces.character)), 4, '0') as plain,
            to_hex(55296 + ((ascii(pieces.character) - 65536) >> 10)) as high,
            to_hex(56320 + ((ascii(pieces.character) - 65536) & 1023)) as low
    ) as digits
    cross join lateral (
        select
            case when is_upper then upper(digits.plain) else digits.plain end as plain,
            case when is_upper then upper(digits.high) else digits.high end as high,
            case when is_upper then upper(digits.low) else digits.low end as low
    ) as hexes;
$function$;
comment on function private.escape_unicode(text, boolean) is
$comment$A text with all but ASCII as \uXXXX, pairs beyond the basic plane; is_upper: of the digits.

Source: RFC 8259, section 7.$comment$;

create function private.json_forms(secret text)
returns setof text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.replace_each(escaped.form, styles.replacements)
    from (
        select substr(left(quoted.json, -1), 2) as plain
        from (select to_jsonb(secret)::text as json) as quoted
    ) as inner_text
    cross join lateral (
        values
        (inner_text.plain),
        (private.escape_unicode(inner_text.plain, false)),
        (private.escape_unicode(inner_text.plain, true))
    ) as escaped (form)
    cross join (
        values
        ('{}'::text[]),
        (array['/', '\/']),
        -- as written into pages
        (array['<', '\u003c', '>', '\u003e', '&', '\u0026']),
        (array['<', '\u003C', '>', '\u003E', '&', '\u0026']),
        (array['<', '\u003c', '>', '\u003e', '&', '\u0026', '''', '\u0027', '\"', '\u0022'])
    ) as styles (replacements);
$function$;
comment on function private.json_forms(text) is
'A text as it reads inside a JSON string, by the habits of common encoders. Source: RFC 8259.';

create function private.html_forms(secret text)
returns setof text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.replace_each(
        private.replace_each(secret, array['&', '&amp;', '<', '&lt;', '>', '&gt;']),
        styles.replacements
    )
    from (
        values
        ('{}'::text[]),
        (array['"', '&quot;']),
        (array['"', '&quot;', '''', '&#39;']),
        (array['"', '&quot;', '''', '&#039;']),
        (array['"', '&quot;', '''', '&#x27;']),
        (array['"', '&quot;', '''', '&apos;']),
        (array['"', '&#34;', '''', '&#39;'])
    ) as styles (replacements);
$function$;
comment on function private.html_forms(text) is
'A text as it reads in HTML, by the habits of common encoders.';

create function private.base64_forms(secret text)
returns setof text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.replace_each(cut.form, styles.replacements)
    from (
        select
            offsets.bytes,
            repeat('0', offsets.bytes)::bytea || convert_to(secret, 'UTF8') as content
        from generate_series(0, 2) as offsets (bytes)
    ) as shifted
    cross join lateral (
        -- what comes before decides on the first characters, what comes after on the last one
        select
            substr(
                rtrim(translate(encode(shifted.content, 'base64'), E'\n', ''), '='),
                case shifted.bytes when 0 then 1 else shifted.bytes + 2 end
            ) as form
    ) as encoded
    cross join lateral (
        select
            case
                when length(shifted.content) % 3 = 0 then encoded.form
                else left(encoded.form, -1)
            end as form
    ) as cut
    cross join (
        values
        ('{}'::text[]),
        (array['+', '-', '/', '_']),
        -- as part of a URL or a form, and in JSON
        (array['+', '%2B', '/', '%2F']),
        (array['+', '%2b', '/', '%2f']),
        (array['/', '\/'])
    ) as styles (replacements)
    where cut.form ~ '[+/]' or styles.replacements = '{}';
$function$;
comment on function private.base64_forms(text) is
$comment$What a text leaves in any base64 that contains it, in each of the three alignments, in both
alphabets, as it is and within URLs. Source: RFC 4648.$comment$;

create function private.nested_forms(secret text)
returns setof text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    -- JSON is what is most often put into something else: a string, a URL, base64
    select nested.form
    from (select substr(left(to_jsonb(secret)::text, -1), 2) as json) as escaped
    cross join lateral (
        values
        (escaped.json),
        (replace(escaped.json, '/', '\/')),
        (private.escape_unicode(escaped.json, false))
    ) as styles (json)
    cross join lateral (
        select substr(left(to_jsonb(styles.json)::text, -1), 2)
        union all
        select private.percent_encode(styles.json)
        union all
        select replace(private.percent_encode(styles.json), '%20', '+')
        union all
        select private.base64_forms(styles.json)
    ) as nested (form)
    union all
    select replace(private.percent_encode(secret), '%', '%25')
    union all
    -- in the single quotes of programs
    select private.replace_each(secret, quotes.replacements)
    from (
        values
        (array['\', '\\']),
        (array['\', '\\', '''', '\'''])
    ) as quotes (replacements);
$function$;
comment on function private.nested_forms(text) is
$comment$A text as it reads inside JSON that is itself in JSON, a URL or base64, in a URL in a URL,
and in the string literals of programs.$comment$;

create function private.secret_forms(secret text)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- a shorter one would blank out ordinary text everywhere
    if length(secret) < 4 then
        return array[]::text[];
    end if;
    return array(
        select secret
        union
        -- of a shorter one too little is left to tell it from anything else
        select forms.form
        from private.base64_forms(secret) as forms (form)
        where length(secret) >= 8
        union
        -- most secrets have no character that anybody escapes
        select forms.form
        from (
            select private.percent_forms(secret)
            union all
            select private.json_forms(secret)
            union all
            select private.html_forms(secret)
            union all
            select private.nested_forms(secret)
        ) as forms (form)
        where secret !~ '^[A-Za-z0-9._~-]*$'
    );
end;
$function$;
comment on function private.secret_forms(text) is
$comment$A secret in every form in which it may come back: as it is, percent-encoded, as a form,
in JSON, in HTML, in base64, and in the common ones of these within one another.

Of less than 4 characters none, of less than 8 none in base64.$comment$;
