-- Checks of what authors write: JSON columns are refused when they are saved, not when they run.
-- Depends on: private schema. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.is_pairs(document jsonb)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        jsonb_typeof(document) = 'array'
        and not jsonb_path_exists(
            document,
            -- strict: lax mode would unwrap the inner pairs before looking at them
            'strict $[*] ? (@.type() != "array" || @.size() != 2 || @[*].type() != "string")'
        );
$function$;
comment on function private.is_pairs(jsonb) is
'True for [["name", "value"], ...]: headers and query keep their order and may repeat a name.';
-- check constraints run as whoever writes the row
grant execute on function private.is_pairs(jsonb) to authenticated, service_role;

create function private.is_fixture_rows(document jsonb)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        jsonb_typeof(document) = 'array'
        and jsonb_array_length(document) between 1 and 10000
        and (
            select
                bool_and(
                    jsonb_typeof(entries.row -> 'key') = 'string'
                    and entries.row ->> 'key' <> ''
                    and jsonb_typeof(entries.row -> 'values') = 'object'
                ) is true
                and count(distinct entries.row ->> 'key') = count(*)
            from jsonb_array_elements(document) as entries (row)
        );
$function$;
comment on function private.is_fixture_rows(jsonb) is
'True for 1 to 10,000 of {"key": "cz", "values": {...}} with keys that differ.';
grant execute on function private.is_fixture_rows(jsonb) to authenticated, service_role;

create function private.is_number_within(value jsonb, lowest numeric, highest numeric)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when value is null then true
        when jsonb_typeof(value) = 'number'
            then (value #>> '{}')::numeric between lowest and highest
        else false
    end;
$function$;
comment on function private.is_number_within(jsonb, numeric, numeric) is
'True for a JSON number in the range, and for a member that is missing.';

create function private.is_retry_policy(document jsonb)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        jsonb_typeof(document) = 'object'
        and document - array[
            'attempts', 'base_ms', 'factor', 'cap_ms', 'deadline_ms', 'statuses', 'retry_on'
        ] = '{}'
        and private.is_number_within(document -> 'attempts', 1, 100)
        and document ->> 'attempts' !~ '[.]' is not false
        and private.is_number_within(document -> 'factor', 1, 100)
        -- a day at most
        and private.is_number_within(document -> 'base_ms', 0, 86400000)
        and private.is_number_within(document -> 'cap_ms', 0, 86400000)
        and private.is_number_within(document -> 'deadline_ms', 0, 86400000)
        and case jsonb_typeof(document -> 'statuses')
            when 'array' then not document @? '$.statuses[*] ? (@.type() != "number")'
            else not document ? 'statuses'
        end
        and case jsonb_typeof(document -> 'retry_on')
            when 'array' then
                document -> 'retry_on' <@ '["network", "timeout", "status", "assertion", "capture"]'
            else not document ? 'retry_on'
        end;
$function$;
comment on function private.is_retry_policy(jsonb) is 'True for what test_cases.retry describes.';
-- check constraints run as whoever writes the row
grant execute on function private.is_number_within(jsonb, numeric, numeric)
to authenticated, service_role;
grant execute on function private.is_retry_policy(jsonb) to authenticated, service_role;

create function private.is_open(expected jsonb, kinds text[])
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    -- a template has its type only once it is filled in
    select jsonb_typeof(expected) = any(kinds) or coalesce(expected #>> '{}' like '%{{%', false);
$function$;
comment on function private.is_open(jsonb, text[]) is
'True for an expected value of one of these JSON types, and for one that a template will give.';

create function private.lookup_problem(item jsonb, sources text[], header_field text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when jsonb_typeof(item) <> 'object' then 'is not an object'
        when (item ->> 'source' = any(sources)) is not true
            then 'needs a source: ' || array_to_string(sources, ', ')
        when item ->> 'source' = 'body' and jsonb_typeof(item -> 'path') is distinct from 'string'
            then 'needs a path, a JSONPath such as $.id'
        when
            item ->> 'source' = 'header'
            and jsonb_typeof(item -> header_field) is distinct from 'string'
            then format('needs the name of a header as "%s"', header_field)
        when jsonb_typeof(coalesce(item -> 'pattern', '""')) <> 'string'
            then 'has a pattern that is no text'
    end;
$function$;
comment on function private.lookup_problem(jsonb, text[], text) is
'What is wrong with where an assertion or capture looks; null if nothing.';

create function private.assertion_problem(assertion jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        private.lookup_problem(
            assertion, array['status', 'duration', 'header', 'body', 'text'], 'name'
        ),
        case
            when assertion ->> 'operator' in ('exists', 'not_exists') then null
            when (
                assertion ->> 'operator' in (
                    'equals', 'not_equals', 'greater_than', 'greater_or_equal', 'less_than',
                    'less_or_equal', 'contains', 'not_contains', 'matches', 'type', 'length',
                    'one_of'
                )
            ) is not true then format('has no operator that is known: %s', assertion -> 'operator')
            when not assertion ? 'expected' then 'needs an expected value'
            when
                assertion ->> 'operator' = 'matches'
                and jsonb_typeof(assertion -> 'expected') <> 'string'
                then 'needs a pattern as expected value'
            when
                assertion ->> 'operator' = 'matches'
                and assertion ->> 'source' in ('status', 'duration')
                then 'matches a number, which has no text to match'
            when
                assertion ->> 'operator' = 'one_of'
                and not private.is_open(assertion -> 'expected', array['array'])
                then 'needs an array as expected value'
            when
                assertion ->> 'operator' = 'length'
                and not private.is_open(assertion -> 'expected', array['number'])
                then 'needs a number as expected value'
            when
                assertion ->> 'operator' in (
                    'greater_than', 'greater_or_equal', 'less_than', 'less_or_equal'
                )
                and not private.is_open(assertion -> 'expected', array['number', 'string'])
                then 'needs a number or a text as expected value'
            when
                assertion ->> 'operator' = 'type'
                and (
                    assertion ->> 'expected' in (
                        'string', 'number', 'integer', 'boolean', 'null', 'array', 'object'
                    )
                    or private.is_open(assertion -> 'expected', '{}')
                ) is not true
                then
                    'needs as expected value: string, number, integer, boolean, null, array or '
                    || 'object'
        end
    );
$function$;
comment on function private.assertion_problem(jsonb) is
'What is wrong with an assertion; null if nothing.';

create function private.capture_problem(capture jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        private.lookup_problem(capture, array['header', 'body', 'text'], 'header'),
        case
            when (capture ->> 'name' ~ '^[A-Za-z_][A-Za-z0-9_-]*$') is not true
                then 'needs a name of letters, digits, _ and -'
            when coalesce(capture ->> 'kind', 'variable') not in ('variable', 'token')
                then 'has a kind that is neither variable nor token'
            when jsonb_typeof(coalesce(capture -> 'required', 'true')) <> 'boolean'
                then 'says neither true nor false as required'
        end
    );
$function$;
comment on function private.capture_problem(jsonb) is
'What is wrong with a capture; null if nothing.';

create function private.are_expectations(assertions jsonb, captures jsonb)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem text;
begin
    if jsonb_typeof(assertions) <> 'array' or jsonb_typeof(captures) <> 'array' then
        return false;
    end if;

    select found.problem
    into v_problem
    from (
        select
            format('assertion %s %s', entries.ordinal, private.assertion_problem(entries.item))
            as problem
        from jsonb_array_elements(assertions) with ordinality as entries (item, ordinal)
        where private.assertion_problem(entries.item) is not null
        union all
        select format('capture %s %s', entries.ordinal, private.capture_problem(entries.item))
        from jsonb_array_elements(captures) with ordinality as entries (item, ordinal)
        where private.capture_problem(entries.item) is not null
    ) as found
    limit 1;
    if found then
        raise exception using
            errcode = 'PT400',
            message = v_problem,
            detail = 'malformed_expectation',
            hint = 'Counted from 1. All fields and operators: docs/tests.md.';
    end if;
    return true;
end;
$function$;
comment on function private.are_expectations(jsonb, jsonb) is
$comment$True for what test_response_specs describes.

Errors: PT400 malformed_expectation, saying which assertion or capture, and what is wrong.$comment$;
-- check constraints run as whoever writes the row
grant execute on function private.is_open(jsonb, text[]) to authenticated, service_role;
grant execute on function private.lookup_problem(jsonb, text[], text)
to authenticated, service_role;
grant execute on function private.assertion_problem(jsonb) to authenticated, service_role;
grant execute on function private.capture_problem(jsonb) to authenticated, service_role;
grant execute on function private.are_expectations(jsonb, jsonb) to authenticated, service_role;

create function private.is_auth(auth jsonb)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_needed text[];
begin
    if auth is null or (jsonb_typeof(auth) = 'object' and auth ? 'credential') then
        return true;
    end if;

    v_needed := case auth ->> 'kind'
        when 'none' then '{}'
        when 'bearer' then array['token']
        when 'basic' then array['username', 'password']
        when 'api_key' then array['name', 'value']
        when 'jwt_hs256' then array['secret']
    end;
    if
        v_needed is null
        or exists (
            select from unnest(v_needed) as fields (field)
            where jsonb_typeof(auth -> fields.field) is distinct from 'string'
        )
    then
        raise exception using
            errcode = 'PT400',
            message = case
                when v_needed is null then format('there is no auth kind %s', auth -> 'kind')
                else format(
                    'auth of kind %s needs as text: %s', auth ->> 'kind',
                    array_to_string(v_needed, ', ')
                )
            end,
            detail = 'malformed_auth',
            hint = 'Kinds are none, bearer, basic, api_key and jwt_hs256; fields: docs/tests.md.';
    end if;
    return
        auth ->> 'kind' <> 'jwt_hs256'
        or (
            private.is_number_within(auth -> 'ttl_s', 1, 86400)
            and jsonb_typeof(coalesce(auth -> 'claims', '{}')) = 'object'
        );
end;
$function$;
comment on function private.is_auth(jsonb) is
$comment$True for what api_credentials.auth describes, for {"credential": name} and for null.

Errors: PT400 malformed_auth, saying what is missing.$comment$;
-- check constraints run as whoever writes the row
grant execute on function private.is_auth(jsonb) to authenticated, service_role;
