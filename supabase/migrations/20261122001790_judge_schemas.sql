-- What a worker found against a JSON Schema, as it is stored and told.
-- Depends on: problems. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.schema_errors(errors jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'path', private.pointer_to(
                    '', array(select jsonb_array_elements_text(entries.error -> 'path'))
                ),
                'schema_path', private.pointer_to(
                    '', array(select jsonb_array_elements_text(entries.error -> 'schema_path'))
                ),
                -- numbers of Python as they stand in JSON
                'message', regexp_replace(
                    -- one of more than 256 KB comes as the beginning of its text
                    coalesce(entries.error ->> 'message', entries.error #>> '{}'),
                    'Decimal\(''([^'']*)''\)', '\1', 'g'
                )
            )
            order by entries.ordinal
        ), '[]'
    )
    from jsonb_array_elements(errors) with ordinality as entries (error, ordinal);
$function$;
comment on function private.schema_errors(jsonb) is
'What the worker found against a schema, places as JSON pointers into the body and the schema.';

create function private.shorten_schema_errors(errors jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'path', left(entries.error ->> 'path', 200),
                'schema_path', left(entries.error ->> 'schema_path', 200),
                'message', left(entries.error ->> 'message', 200)
            )
            order by entries.ordinal
        ), '[]'
    )
    from jsonb_array_elements(errors) with ordinality as entries (error, ordinal);
$function$;
comment on function private.shorten_schema_errors(jsonb) is
'What was found against a schema, each text cut at 200 characters.';

create function private.describe_schema_errors(errors jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        string_agg(
            format(
                'at %s: %s', coalesce(nullif(entries.error ->> 'path', ''), '/'),
                entries.error ->> 'message'
            ), '; '
            order by entries.ordinal
        ) filter (where entries.ordinal <= 3)
        || case when count(*) > 3 then format(' (and %s more)', count(*) - 3) else '' end
    from jsonb_array_elements(errors) with ordinality as entries (error, ordinal);
$function$;
comment on function private.describe_schema_errors(jsonb) is
'The first three things found against a schema, as a sentence.';
