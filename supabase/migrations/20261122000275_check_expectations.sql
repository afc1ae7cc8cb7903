-- Checks of assertions and captures: what could not be judged is refused when it is saved.
-- Depends on: problems, check_paths, check_patterns. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.is_open(expected jsonb, kinds text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- a template has its type only once it is filled in
    return jsonb_typeof(expected) = any(kinds) or coalesce(expected #>> '{}' like '%{{%', false);
end;
$function$;
comment on function private.is_open(jsonb, text[]) is
'True for an expected value of one of these JSON types, and for one that a template will give.';

create function private.lookup_problem(item jsonb, sources text[], header_field text, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_expectation';
    v_hint constant text := 'Sources and what they need: docs/tests.md.';
    v_source text := item ->> 'source';
    v_needed text;
begin
    if (v_source = any(sources)) is not true then
        return row(
            v_slug, base || '/source', null,
            'is not one of: ' || array_to_string(sources, ', '), v_hint
        )::private.problem;
    end if;
    v_needed := case v_source when 'body' then 'path' when 'header' then header_field end;
    if v_needed is not null and jsonb_typeof(item -> v_needed) is distinct from 'string' then
        return row(
            v_slug, base || '/' || v_needed, null,
            case v_needed
                when 'path' then 'is no JSONPath such as $.id'
                else 'is not the name of a header'
            end, v_hint
        )::private.problem;
    end if;
    if jsonb_typeof(coalesce(item -> 'pattern', '""')) <> 'string' then
        return row(v_slug, base || '/pattern', null, 'is not text', v_hint)::private.problem;
    end if;
    return coalesce(
        private.template_problem(item, base),
        case
            when v_source = 'body' then private.path_problem(item ->> 'path', base || '/path')
        end,
        private.pattern_problem(item ->> 'pattern', base || '/pattern')
    );
end;
$function$;
comment on function private.lookup_problem(jsonb, text[], text, text) is
$comment$What is wrong with where an assertion or capture looks; null if nothing.

header_field: the member that names a header. Slugs: malformed_expectation, template_syntax,
invalid_path, invalid_pattern.$comment$;

create function private.lookup_members(source text, header_field text)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case source
        when 'body' then array['path', 'pattern']
        when 'header' then array[header_field, 'pattern']
        when 'text' then array['pattern']
        else '{}'
    end;
end;
$function$;
comment on function private.lookup_members(text, text) is
'The members by which an assertion or capture of a source says where it looks.';

create function private.expected_fault(assertion jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when assertion ->> 'operator' in ('exists', 'not_exists') then
            case when assertion ? 'expected' then 'is of no use to exists and not_exists' end
        when not assertion ? 'expected' then 'is missing'
        when assertion ->> 'operator' = 'matches' then
            case
                when jsonb_typeof(assertion -> 'expected') <> 'string' then 'is no pattern'
                when assertion ->> 'source' in ('status', 'duration')
                    then 'cannot match: the source is a number, which has no text'
            end
        when
            assertion ->> 'operator' = 'one_of'
            and not private.is_open(assertion -> 'expected', array['array'])
            then 'is not an array'
        when
            assertion ->> 'operator' = 'length'
            and not private.is_open(assertion -> 'expected', array['number'])
            then 'is not a number'
        when
            assertion ->> 'operator' in (
                'greater_than', 'greater_or_equal', 'less_than', 'less_or_equal'
            )
            and not private.is_open(assertion -> 'expected', array['number', 'string'])
            then 'is neither a number nor a text'
        when
            assertion ->> 'operator' = 'type'
            and (
                assertion ->> 'expected' in (
                    'string', 'number', 'integer', 'boolean', 'null', 'array', 'object'
                )
                or private.is_open(assertion -> 'expected', '{}')
            ) is not true
            then 'is not one of: string, number, integer, boolean, null, array, object'
    end;
end;
$function$;
comment on function private.expected_fault(jsonb) is
'What is wrong with the expected value of an assertion for its operator; null if nothing.';

create function private.assertion_problem(assertion jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_expectation';
    v_hint constant text := 'Fields and operators of an assertion: docs/tests.md.';
    v_problem private.problem;
    v_fault text;
begin
    if jsonb_typeof(assertion) <> 'object' then
        return row(v_slug, base, null, 'is not an object', v_hint)::private.problem;
    end if;
    v_problem := private.lookup_problem(
        assertion, array['status', 'duration', 'header', 'body', 'text'], 'name', base
    );
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    if (
        assertion ->> 'operator' in (
            'equals', 'not_equals', 'greater_than', 'greater_or_equal', 'less_than',
            'less_or_equal', 'contains', 'not_contains', 'matches', 'exists', 'not_exists', 'type',
            'length', 'one_of'
        )
    ) is not true then
        return row(
            v_slug, base || '/operator', null,
            case
                when assertion ? 'operator' then format('%s is none', assertion -> 'operator')
                else 'is missing'
            end, v_hint
        )::private.problem;
    end if;
    v_fault := private.expected_fault(assertion);
    if v_fault is not null then
        return row(v_slug, base || '/expected', null, v_fault, v_hint)::private.problem;
    end if;
    return coalesce(
        case
            when assertion ->> 'operator' = 'matches'
                then private.pattern_problem(assertion ->> 'expected', base || '/expected')
        end,
        private.stranger_problem(
            assertion,
            array['source', 'operator', 'expected']
            || private.lookup_members(assertion ->> 'source', 'name'),
            v_slug, base, v_hint
        )
    );
end;
$function$;
comment on function private.assertion_problem(jsonb, text) is
'What is wrong with an assertion; null if nothing. Slugs: as private.lookup_problem.';

create function private.capture_problem(capture jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_expectation';
    v_hint constant text := 'Fields of a capture: docs/tests.md.';
    v_fault record;
begin
    if jsonb_typeof(capture) <> 'object' then
        return row(v_slug, base, null, 'is not an object', v_hint)::private.problem;
    end if;
    select rules.*
    into v_fault
    from (
        values
        (
            'name', 'is not a name of letters, digits, _ and -, up to 100 of them',
            coalesce(private.is_name(capture ->> 'name'), false)
        ),
        (
            'kind', 'is neither variable nor token',
            coalesce(capture ->> 'kind', 'variable') in ('variable', 'token')
        ),
        (
            'required', 'is neither true nor false',
            jsonb_typeof(coalesce(capture -> 'required', 'true')) = 'boolean'
        )
    ) as rules (member, message, is_kept)
    where not rules.is_kept
    limit 1;
    if found then
        return row(
            v_slug, base || '/' || v_fault.member, null, v_fault.message, v_hint
        )::private.problem;
    end if;
    return coalesce(
        private.lookup_problem(capture, array['header', 'body', 'text'], 'header', base),
        private.stranger_problem(
            capture,
            array['name', 'source', 'kind', 'required']
            || private.lookup_members(capture ->> 'source', 'header'),
            v_slug, base, v_hint
        )
    );
end;
$function$;
comment on function private.capture_problem(jsonb, text) is
'What is wrong with a capture; null if nothing. Slugs: as private.lookup_problem.';

create function private.expressions_problem(items jsonb, base text)
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
    if pg_column_size(items) <= 10000 then
        return null;
    end if;
    select
        sum(
            coalesce(length(entries.item ->> 'pattern'), 0)
            + case
                when entries.item ->> 'operator' = 'matches'
                    then coalesce(length(entries.item ->> 'expected'), 0)
                else 0
            end
            + case
                when private.is_plain_path(entries.item ->> 'path') then 0
                else coalesce(length(entries.item ->> 'path'), 0)
            end
        )
    into v_length
    from jsonb_array_elements(items) as entries (item);
    return case
        when v_length > 12000 then row(
            'too_large', base, null,
            format(
                'has %s characters of patterns and of paths with more than names and indexes, and '
                || '12000 are the most', v_length
            ),
            'Spread them over several tests.'
        )::private.problem
    end;
end;
$function$;
comment on function private.expressions_problem(jsonb, text) is
$comment$Whether assertions or captures have more paths and patterns than can be checked at a
glance; null if not. Slug: too_large.$comment$;

create function private.assertions_problem(assertions jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem private.problem := private.size_problem(assertions, base, 262144);
begin
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    if jsonb_typeof(assertions) <> 'array' then
        return row(
            'malformed_expectation', base, null, 'is not a list of assertions',
            'Write [{"source": "status", "operator": "equals", "expected": 200}, ...].'
        )::private.problem;
    end if;
    if jsonb_array_length(assertions) > 500 then
        return row(
            'too_large', base, null,
            format('has %s assertions, and 500 are the most', jsonb_array_length(assertions)),
            'Spread them over several tests.'
        )::private.problem;
    end if;
    v_problem := private.expressions_problem(assertions, base);
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    for v_index in 0 .. jsonb_array_length(assertions) - 1 loop
        v_problem := private.assertion_problem(assertions -> v_index, base || '/' || v_index);
        exit when (v_problem).slug is not null;
    end loop;
    return v_problem;
end;
$function$;
comment on function private.assertions_problem(jsonb, text) is
$comment$The first problem in test_response_specs.assertions; null if there is none. At most 500,
and 256 KB. Slugs: too_large, and as private.lookup_problem.$comment$;

create function private.captures_problem(captures jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem private.problem := private.size_problem(captures, base, 262144);
begin
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    if jsonb_typeof(captures) <> 'array' then
        return row(
            'malformed_expectation', base, null, 'is not a list of captures',
            'Write [{"name": "id", "source": "body", "path": "$.id"}, ...].'
        )::private.problem;
    end if;
    if jsonb_array_length(captures) > 200 then
        return row(
            'too_large', base, null,
            format('has %s captures, and 200 are the most', jsonb_array_length(captures)),
            'Spread them over several tests.'
        )::private.problem;
    end if;
    v_problem := private.expressions_problem(captures, base);
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    for v_index in 0 .. jsonb_array_length(captures) - 1 loop
        v_problem := private.capture_problem(captures -> v_index, base || '/' || v_index);
        exit when (v_problem).slug is not null;
    end loop;
    return v_problem;
end;
$function$;
comment on function private.captures_problem(jsonb, text) is
$comment$The first problem in test_response_specs.captures; null if there is none. At most 200,
and 256 KB. Slugs: too_large, and as private.lookup_problem.$comment$;

-- check constraints run as whoever writes the row
grant execute on function private.is_open(jsonb, text[]) to authenticated, service_role;
grant execute on function private.lookup_problem(jsonb, text[], text, text)
to authenticated, service_role;
grant execute on function private.lookup_members(text, text) to authenticated, service_role;
grant execute on function private.expected_fault(jsonb) to authenticated, service_role;
grant execute on function private.assertion_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.capture_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.expressions_problem(jsonb, text)
to authenticated, service_role;
grant execute on function private.assertions_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.captures_problem(jsonb, text) to authenticated, service_role;
