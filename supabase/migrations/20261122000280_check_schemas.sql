-- Checks of JSON Schemas: a keyword of the wrong shape is refused when it is saved.
-- Depends on: problems, check_patterns. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Source of the rules: the meta-schema of draft 2020-12, and what earlier drafts wrote otherwise.
-- Keywords that no draft knows are left alone, as the standard says.

create function private.schema_parts(schema jsonb)
returns table (pointer text, part jsonb)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    with recursive parts as (
        select
            '' as pointer,
            schema_parts.schema as part
        union all
        select
            parts.pointer || inner_parts.pointer,
            inner_parts.part
        from parts
        cross join lateral jsonb_each(
            case when jsonb_typeof(parts.part) = 'object' then parts.part else '{}' end
        ) as members
        cross join lateral (
            select
                private.pointer_to('', array[members.key]) as pointer,
                members.value as part
            where members.key in (
                'additionalItems', 'additionalProperties', 'contains', 'contentSchema', 'else',
                'if', 'items', 'not', 'propertyNames', 'then', 'unevaluatedItems',
                'unevaluatedProperties'
            ) and not (members.key = 'items' and jsonb_typeof(members.value) = 'array')
            union all
            select
                private.pointer_to('', array[members.key, (entries.ordinal - 1)::text]),
                entries.item
            from jsonb_array_elements(
                case when jsonb_typeof(members.value) = 'array' then members.value else '[]' end
            ) with ordinality as entries (item, ordinal)
            where members.key in ('allOf', 'anyOf', 'items', 'oneOf', 'prefixItems')
            union all
            select
                private.pointer_to('', array[members.key, entries.key]),
                entries.value
            from jsonb_each(
                case when jsonb_typeof(members.value) = 'object' then members.value else '{}' end
            ) as entries
            where
                members.key in (
                    '$defs', 'definitions', 'dependencies', 'dependentSchemas',
                    'patternProperties', 'properties'
                )
                and not (
                    members.key = 'dependencies' and jsonb_typeof(entries.value) = 'array'
                )
        ) as inner_parts
    )

    select
        parts.pointer,
        parts.part
    from parts;
$function$;
comment on function private.schema_parts(jsonb) is
'A JSON Schema and every schema in it, each with its JSON pointer.';

create function private.is_list_of_texts(value jsonb)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when jsonb_typeof(value) = 'array' then
            not value @? 'strict $[*] ? (@.type() != "string")'
            and (
                select count(distinct entries.item) = count(*)
                from jsonb_array_elements(value) as entries (item)
            )
        else false
    end;
end;
$function$;
comment on function private.is_list_of_texts(jsonb) is 'True for an array of different texts.';

create function private.keyword_fault(keyword text, value jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_type text := jsonb_typeof(value);
    v_types constant jsonb :=
        '["array", "boolean", "integer", "null", "number", "object", "string"]'::jsonb;
begin
    return case
        when keyword in (
            '$anchor', '$comment', '$dynamicAnchor', '$dynamicRef', '$id', '$ref', '$schema',
            'contentEncoding', 'contentMediaType', 'description', 'format', 'pattern', 'title'
        ) then case when v_type <> 'string' then 'is not text' end
        when keyword in (
            'maxContains', 'maxItems', 'maxLength', 'maxProperties', 'minContains', 'minItems',
            'minLength', 'minProperties'
        ) then case
            when
                not private.is_number_within(value, 0, 'infinity')
                or (value #>> '{}')::numeric % 1 <> 0
                then 'is not a whole number from 0'
        end
        when keyword in ('maximum', 'minimum')
            then case when v_type <> 'number' then 'is not a number' end
        -- in draft 4 they were true or false
        when keyword in ('exclusiveMaximum', 'exclusiveMinimum') then
            case when v_type not in ('boolean', 'number') then 'is not a number' end
        when keyword = 'multipleOf' then case
            when v_type <> 'number' or (value #>> '{}')::numeric <= 0
                then 'is not a number above 0'
        end
        when keyword in ('deprecated', 'readOnly', 'uniqueItems', 'writeOnly')
            then case when v_type <> 'boolean' then 'is neither true nor false' end
        when keyword in ('enum', 'examples')
            then case when v_type <> 'array' then 'is not an array' end
        -- and in draft 3 and before
        when keyword = 'required' then case
            when not private.is_list_of_texts(value) then 'is not an array of different names'
        end
        when keyword = 'type' then case
            when
                not (v_types @> value and v_type = 'string')
                and not (v_types @> value and private.is_list_of_texts(value) and value <> '[]')
                then 'is not one of ' || (
                    select string_agg(names.name, ', ')
                    from jsonb_array_elements_text(v_types) as names (name)
                ) || ', or an array of them'
        end
        when keyword in ('allOf', 'anyOf', 'oneOf', 'prefixItems')
            then case when v_type <> 'array' or value = '[]' then 'is not an array of schemas' end
        when keyword in (
            '$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties',
            'properties'
        ) then case when v_type <> 'object' then 'is not an object' end
        when keyword = 'dependentRequired' then case
            when v_type <> 'object' then 'is not an object'
            when exists (
                select
                from jsonb_each(value) as members
                where not private.is_list_of_texts(members.value)
            ) then 'holds what is not an array of different names'
        end
    end;
end;
$function$;
comment on function private.keyword_fault(text, jsonb) is
'What is wrong with the shape of a keyword''s value; null if nothing, or no schema''s keyword.';

create function private.draft_fault(draft text, keyword text, value jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when
            keyword in ('exclusiveMaximum', 'exclusiveMinimum') and jsonb_typeof(value) = 'boolean'
            and draft !~ 'draft-0[34]'
            then 'is not a number, as it is since draft 06'
        when
            keyword = 'items' and jsonb_typeof(value) = 'array'
            and draft !~ 'draft-0|2019-09'
            then 'is a list of schemas, which is called prefixItems since draft 2020-12'
    end;
end;
$function$;
comment on function private.draft_fault(text, text, jsonb) is
'What is wrong with a keyword''s value that only other drafts allow; null if nothing.';

create function private.known_anchors(schema jsonb)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- below an identifier of its own only the worker can tell what an anchor is
    if schema @? '$.*.**."$id"' then
        return null;
    end if;
    return array(
        select anchors.anchor #>> '{}'
        from (
            select jsonb_path_query(schema, '$.**."$anchor"')
            union
            select jsonb_path_query(schema, '$.**."$dynamicAnchor"')
        ) as anchors (anchor)
    );
end;
$function$;
comment on function private.known_anchors(jsonb) is
'The anchors that a $ref of a schema may lead to; null if they cannot be told.';

create function private.reference_fault(schema jsonb, reference text, anchors text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if reference !~ '^#' then
        return 'leads out of the schema, and nothing is fetched';
    end if;
    -- percent-encoded: only the worker can tell
    if anchors is null or strpos(reference, '%') > 0 then
        return null;
    end if;
    return case
        when
            reference ~ '^#/'
            and schema #> array(
                select replace(replace(steps.step, '~1', '/'), '~0', '~')
                from unnest((string_to_array(reference, '/'))[2:]) as steps (step)
            ) is null
            then 'leads to nothing in the schema'
        when
            reference ~ '^#[^/]'
            and substr(reference, 2) <> all(anchors)
            then 'leads to no $anchor in the schema'
    end;
end;
$function$;
comment on function private.reference_fault(jsonb, text, text[]) is
'What is wrong with a $ref of a schema; null if nothing. anchors: of private.known_anchors.';

create function private.schema_keyword_problem(
    schema jsonb, keyword text, value jsonb, anchors text[], base text
)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_schema';
    v_fault text := coalesce(
        private.keyword_fault(keyword, value),
        private.draft_fault(coalesce(schema ->> '$schema', ''), keyword, value)
    );
    v_found record;
begin
    if v_fault is not null then
        return row(
            v_slug, base, null, v_fault, 'Keywords are those of JSON Schema, draft 2020-12.'
        )::private.problem;
    end if;
    if keyword = '$schema' and value #>> '{}' !~ (
        '^https?://json-schema\.org/(?:draft/(?:2020-12|2019-09)|draft-0[3467])/schema#?$'
    ) then
        return row(
            v_slug, base, null, 'is no draft that is known',
            'Drafts are https://json-schema.org/draft/2020-12/schema, 2019-09, and 03, 04, 06, 07; '
            || 'without it draft 2020-12 is meant.'
        )::private.problem;
    end if;
    if keyword in ('$ref', '$dynamicRef') then
        v_fault := private.reference_fault(schema, value #>> '{}', anchors);
        if v_fault is not null then
            return row(
                v_slug, base, null, v_fault,
                'Put what it refers to below $defs, and refer to it by #/$defs/name.'
            )::private.problem;
        end if;
    end if;
    select
        patterns.pointer,
        faults.*
    into v_found
    from (
        select
            base as pointer,
            value #>> '{}' as pattern
        where keyword = 'pattern'
        union all
        select
            private.pointer_to(base, array[names.name]),
            names.name
        from jsonb_object_keys(
            case when keyword = 'patternProperties' then value else '{}' end
        ) as names (name)
    ) as patterns
    cross join lateral (
        select
            10001 as place,
            'the pattern is longer than 10,000 characters' as message
        where length(patterns.pattern) > 10000
        union all
        select found.*
        from private.find_pattern_fault(patterns.pattern, false) as found
        where length(patterns.pattern) <= 10000
    ) as faults
    where faults.message is not null
    limit 1;
    if found then
        return row(
            v_slug, v_found.pointer, v_found.place, v_found.message,
            'Patterns of a schema are regular expressions of Python.'
        )::private.problem;
    end if;
    return null;
end;
$function$;
comment on function private.schema_keyword_problem(jsonb, text, jsonb, text[], text) is
$comment$What is wrong with one keyword; null if nothing.

schema: the whole schema, in which references lead. anchors: of private.known_anchors.$comment$;

create function private.schema_patterns_problem(schema jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_length bigint;
begin
    select sum(length(patterns.pattern))
    into v_length
    from private.schema_parts(schema) as parts
    cross join lateral (
        select parts.part ->> 'pattern' as pattern
        union all
        select names.name
        from jsonb_object_keys(
            case
                when jsonb_typeof(parts.part -> 'patternProperties') = 'object'
                    then parts.part -> 'patternProperties'
                else '{}'
            end
        ) as names (name)
    ) as patterns;
    return case
        when v_length > 12000 then row(
            'too_large', base, null,
            format('has %s characters of patterns, and 12000 are the most', v_length),
            'Leave out what the test does not need.'
        )::private.problem
    end;
end;
$function$;
comment on function private.schema_patterns_problem(jsonb, text) is
'Whether a schema has more patterns than can be checked at a glance; null if not. Slug: too_large.';

create function private.schema_problem(schema jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_schema';
    v_problem private.problem := private.size_problem(schema, base, 262144);
    v_anchors text[];
begin
    if schema is null or (v_problem).slug is not null then
        return v_problem;
    end if;

    if pg_column_size(schema) > 10000 then
        v_problem := private.schema_patterns_problem(schema, base);
        if (v_problem).slug is not null then
            return v_problem;
        end if;
    end if;
    v_anchors := private.known_anchors(schema);

    select (problems.problem).*
    into v_problem
    from private.schema_parts(schema) as parts
    cross join lateral (
        select
            row(
                v_slug, base || parts.pointer, null, 'is no schema: neither an object nor a boolean',
                'A schema is an object of keywords, or true for anything, or false for nothing.'
            )::private.problem as problem
        where jsonb_typeof(parts.part) not in ('object', 'boolean')
        union all
        select private.schema_keyword_problem(
            schema, members.key, members.value, v_anchors,
            base || parts.pointer || private.pointer_to('', array[members.key])
        )
        from jsonb_each(
            case when jsonb_typeof(parts.part) = 'object' then parts.part else '{}' end
        ) as members
    ) as problems
    where (problems.problem).slug is not null
    order by length((problems.problem).pointer), (problems.problem).pointer
    limit 1;
    return v_problem;
end;
$function$;
comment on function private.schema_problem(jsonb, text) is
$comment$What is wrong with a JSON Schema; null if nothing. At most 256 KB. Slugs: malformed_schema,
too_large.$comment$;

-- check constraints run as whoever writes the row
grant execute on function private.schema_parts(jsonb) to authenticated, service_role;
grant execute on function private.is_list_of_texts(jsonb) to authenticated, service_role;
grant execute on function private.keyword_fault(text, jsonb) to authenticated, service_role;
grant execute on function private.draft_fault(text, text, jsonb) to authenticated, service_role;
grant execute on function private.known_anchors(jsonb) to authenticated, service_role;
grant execute on function private.reference_fault(jsonb, text, text[])
to authenticated, service_role;
grant execute on function private.schema_keyword_problem(jsonb, text, jsonb, text[], text)
to authenticated, service_role;
grant execute on function private.schema_patterns_problem(jsonb, text)
to authenticated, service_role;
grant execute on function private.schema_problem(jsonb, text) to authenticated, service_role;
