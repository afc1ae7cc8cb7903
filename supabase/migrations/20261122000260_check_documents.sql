-- Checks of requests, variables, fixtures and retry policies: refused when they are saved.
-- Depends on: problems. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.pairs_problem(pairs jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem private.problem := private.size_problem(pairs, base, 65536);
begin
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    return (
        select row(
            'malformed_request',
            base || coalesce('/' || found.ordinal - 1, ''),
            null,
            case
                when found.ordinal is null then 'is not a list of pairs'
                else 'is not a pair of texts'
            end,
            'Write [["name", "value"], ...], both as text: the order is kept and names may repeat.'
        )::private.problem
        from (
            select null::bigint as ordinal
            where jsonb_typeof(pairs) <> 'array'
            union all
            select entries.ordinal
            from jsonb_array_elements(
                case when jsonb_typeof(pairs) = 'array' then pairs else '[]' end
            ) with ordinality as entries (pair, ordinal)
            -- strict: lax mode would unwrap the pair before looking at it
            where jsonb_path_exists(
                entries.pair,
                'strict $ ? (@.type() != "array" || @.size() != 2 || @[*].type() != "string")'
            )
            order by ordinal
        ) as found
        limit 1
    );
end;
$function$;
comment on function private.pairs_problem(jsonb, text) is
$comment$What is wrong with [["name", "value"], ...]: headers, query and forms; null if nothing.
At most 64 KB. Slugs: malformed_request, too_large.$comment$;

create function private.idempotency_problem(
    header text, headers jsonb, auth jsonb, base text
)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_request';
begin
    return case
        -- a token: RFC 9110, section 5.6.2
        when header !~ '^[A-Za-z0-9!#$%&''*+.^_`|~-]{1,200}$' then row(
            v_slug, base, null, 'is no name of a header',
            'Write the header''s name alone, such as Idempotency-Key.'
        )::private.problem
        when lower(header) = any(array[
            'accept', 'accept-encoding', 'authorization', 'connection', 'content-encoding',
            'content-length', 'content-type', 'cookie', 'expect', 'host', 'proxy-authorization',
            'te', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent'
        ]) then row(
            v_slug, base, null, 'is a header that means something else',
            'Name the one in which the API takes the key: Idempotency-Key, or one of its own.'
        )::private.problem
        when
            exists (
                select
                from jsonb_array_elements(
                    case when jsonb_typeof(headers) = 'array' then headers else '[]' end
                ) as given (pair)
                where lower(given.pair ->> 0) = lower(header)
            )
            or (auth ->> 'in' = 'header' and lower(auth ->> 'name') = lower(header))
            then row(
                v_slug, base, null, 'is a header that the request has already',
                'Leave it out of headers and auth: the key is made up for each request.'
            )::private.problem
    end;
end;
$function$;
comment on function private.idempotency_problem(text, jsonb, jsonb, text) is
$comment$Why a header cannot carry the key of a request with these headers and this sign-in; null if
it can, or if there is none. Slug: malformed_request.$comment$;

create function private.body_problem(body jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_request';
    v_hint constant text :=
        'A body is {"kind": "json", "value": any}, {"kind": "form", "value": [["name", "value"]]} '
        || 'or {"kind": "text", "value": "...", "content_type": "text/csv"}.';
    v_problem private.problem := private.size_problem(body, base, 1048576);
    v_kind text;
begin
    if body is null or (v_problem).slug is not null then
        return v_problem;
    end if;
    if jsonb_typeof(body) <> 'object' then
        return row(v_slug, base, null, 'is not an object', v_hint)::private.problem;
    end if;
    v_kind := body ->> 'kind';
    if v_kind is null or v_kind not in ('json', 'form', 'text') then
        return row(
            v_slug, base || '/kind', null, 'is neither json nor form nor text', v_hint
        )::private.problem;
    end if;
    if not body ? 'value' then
        return row(v_slug, base || '/value', null, 'is missing', v_hint)::private.problem;
    end if;
    if v_kind = 'text' and jsonb_typeof(body -> 'value') <> 'string' then
        return row(v_slug, base || '/value', null, 'is not text', v_hint)::private.problem;
    end if;
    if v_kind = 'text' and jsonb_typeof(coalesce(body -> 'content_type', '""')) <> 'string' then
        return row(v_slug, base || '/content_type', null, 'is not text', v_hint)::private.problem;
    end if;
    return coalesce(
        case when v_kind = 'form' then private.pairs_problem(body -> 'value', base || '/value') end,
        private.stranger_problem(
            body,
            array['kind', 'value'] || case when v_kind = 'text' then '{content_type}'::text[] end,
            v_slug, base, v_hint
        )
    );
end;
$function$;
comment on function private.body_problem(jsonb, text) is
'What is wrong with a body as test_request_configs describes it, at most 1 MB; null if nothing.';

create function private.variables_problem(variables jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_hint constant text :=
        'Write {"name": value, ...}; a name is up to 100 letters, digits, _ and -, not beginning '
        || 'with a digit or -, so that {{name}} can refer to it.';
    v_problem private.problem := private.size_problem(variables, base, 262144);
begin
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    if jsonb_typeof(variables) <> 'object' then
        return row('malformed_variables', base, null, 'is not an object', v_hint)::private.problem;
    end if;
    return (
        select
            row(
                'malformed_variables', private.pointer_to(base, array[members.name]), null,
                'is a name that no {{placeholder}} can have', v_hint
            )::private.problem
        from jsonb_object_keys(variables) as members (name)
        where not private.is_name(members.name)
        limit 1
    );
end;
$function$;
comment on function private.variables_problem(jsonb, text) is
$comment$What is wrong with names and values for {{name}}; null if nothing. At most 256 KB. Slugs:
malformed_variables, too_large.$comment$;

create function private.fixture_row_problem(fixture_row jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_fixture';
    v_hint constant text := 'A row is {"key": "cz", "values": {"name": value, ...}}.';
begin
    if jsonb_typeof(fixture_row) <> 'object' then
        return row(v_slug, base, null, 'is not an object', v_hint)::private.problem;
    end if;
    if
        jsonb_typeof(fixture_row -> 'key') is distinct from 'string'
        or fixture_row ->> 'key' = ''
    then
        return row(
            v_slug, base || '/key', null, 'is not a text that names the row', v_hint
        )::private.problem;
    end if;
    if not fixture_row ? 'values' then
        return row(v_slug, base || '/values', null, 'is missing', v_hint)::private.problem;
    end if;
    return coalesce(
        private.variables_problem(fixture_row -> 'values', base || '/values'),
        private.stranger_problem(fixture_row, array['key', 'values'], v_slug, base, v_hint)
    );
end;
$function$;
comment on function private.fixture_row_problem(jsonb, text) is
'What is wrong with one row of a fixture; null if nothing.';

create function private.fixture_problem(fixture_rows jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_fixture';
    v_hint constant text := 'Write [{"key": "cz", "values": {...}}, ...], 1 to 10,000 of them.';
    v_problem private.problem := private.size_problem(fixture_rows, base, 8388608);
begin
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    if jsonb_typeof(fixture_rows) <> 'array' then
        return row(v_slug, base, null, 'is not a list of rows', v_hint)::private.problem;
    end if;
    if jsonb_array_length(fixture_rows) not between 1 and 10000 then
        return row(
            v_slug, base, null, format('has %s rows', jsonb_array_length(fixture_rows)), v_hint
        )::private.problem;
    end if;

    select (found.problem).*
    into v_problem
    from
        jsonb_array_elements(fixture_rows) with ordinality as entries (entry, ordinal)
    cross join lateral (
        select
            private.fixture_row_problem(entries.entry, base || '/' || entries.ordinal - 1)
            as problem
        offset 0
    ) as found
    where (found.problem).slug is not null
    order by entries.ordinal
    limit 1;
    if found then
        return v_problem;
    end if;
    return (
        select
            row(
                v_slug, base || '/' || max(entries.ordinal) - 1 || '/key', null,
                'is the key of another row too', 'The key tells the results of a test apart.'
            )::private.problem
        from jsonb_array_elements(fixture_rows) with ordinality as entries (entry, ordinal)
        group by entries.entry ->> 'key'
        having count(*) > 1
        limit 1
    );
end;
$function$;
comment on function private.fixture_problem(jsonb, text) is
$comment$What is wrong with the rows of a fixture; null if nothing. At most 8 MB. Slugs:
malformed_fixture, too_large.$comment$;

create function private.is_number_within(value jsonb, lowest numeric, highest numeric)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when value is null then true
        when jsonb_typeof(value) = 'number'
            then (value #>> '{}')::numeric between lowest and highest
        else false
    end;
end;
$function$;
comment on function private.is_number_within(jsonb, numeric, numeric) is
'True for a JSON number in the range, and for a member that is missing.';

create function private.retry_problem(retry jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_retry';
    v_hint constant text := 'Fields of a retry policy: docs/tests.md. {} is none.';
    v_problem private.problem := private.size_problem(retry, base, 4096);
    v_found record;
begin
    if (v_problem).slug is not null then
        return v_problem;
    end if;
    if jsonb_typeof(retry) <> 'object' then
        return row(v_slug, base, null, 'is not an object', v_hint)::private.problem;
    end if;
    select rules.*
    into v_found
    from (
        values
        (
            'attempts', 'is not a whole number from 1 to 100',
            private.is_number_within(retry -> 'attempts', 1, 100)
            and retry ->> 'attempts' !~ '[.]' is not false
        ),
        (
            'factor', 'is not a number from 1 to 100',
            private.is_number_within(retry -> 'factor', 1, 100)
        ),
        (
            'statuses', 'is not a list of numbers',
            case jsonb_typeof(retry -> 'statuses')
                when 'array' then not retry @? '$.statuses[*] ? (@.type() != "number")'
                else not retry ? 'statuses'
            end
        ),
        (
            'retry_on', 'is not a list of: network, timeout, status, assertion, capture',
            case jsonb_typeof(retry -> 'retry_on')
                when 'array' then
                    retry -> 'retry_on'
                    <@ '["network", "timeout", "status", "assertion", "capture"]'
                else not retry ? 'retry_on'
            end
        )
    ) as rules (member, message, is_kept)
    where not rules.is_kept;
    if found then
        return row(
            v_slug, base || '/' || v_found.member, null, v_found.message, v_hint
        )::private.problem;
    end if;
    return coalesce(
        (
            select
                row(
                    v_slug, base || '/' || delays.member, null,
                    'is not a number of milliseconds from 0 to 86400000, a day', v_hint
                )::private.problem
            from unnest(array['base_ms', 'cap_ms', 'deadline_ms']) as delays (member)
            where not private.is_number_within(retry -> delays.member, 0, 86400000)
            limit 1
        ),
        private.stranger_problem(
            retry,
            array['attempts', 'base_ms', 'factor', 'cap_ms', 'deadline_ms', 'statuses', 'retry_on'],
            v_slug, base, v_hint
        )
    );
end;
$function$;
comment on function private.retry_problem(jsonb, text) is
$comment$What is wrong with test_cases.retry; null if nothing. At most 4 KB. Slugs: malformed_retry,
too_large.$comment$;

create function private.auth_problem(auth jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_slug constant text := 'malformed_auth';
    v_hint constant text :=
        'Kinds are none, bearer, basic, api_key and jwt_hs256, or {"credential": "name"}; their '
        || 'fields: docs/tests.md.';
    v_problem private.problem := private.size_problem(auth, base, 65536);
    v_needed text[];
    v_optional text[];
    v_missing text;
begin
    if auth is null or (v_problem).slug is not null then
        return v_problem;
    end if;
    if jsonb_typeof(auth) <> 'object' then
        return row(v_slug, base, null, 'is not an object', v_hint)::private.problem;
    end if;

    v_needed := case
        when auth ? 'credential' then array['credential']
        else case auth ->> 'kind'
            when 'none' then '{}'
            when 'bearer' then array['token']
            when 'basic' then array['username', 'password']
            when 'api_key' then array['name', 'value']
            when 'jwt_hs256' then array['secret']
        end
    end;
    v_optional := case
        when auth ? 'credential' then '{}'
        when auth ->> 'kind' = 'api_key' then array['kind', 'in']
        when auth ->> 'kind' = 'jwt_hs256' then array['kind', 'issuer', 'ttl_s', 'claims']
        else array['kind']
    end;
    if v_needed is null then
        return row(
            v_slug, base || '/kind', null,
            format('there is no auth kind %s', coalesce(auth -> 'kind', 'null')), v_hint
        )::private.problem;
    end if;
    select needed.member
    into v_missing
    from unnest(v_needed) as needed (member)
    where jsonb_typeof(auth -> needed.member) is distinct from 'string'
    limit 1;
    if v_missing is not null then
        return row(
            v_slug, base || '/' || v_missing, null,
            case when auth ? v_missing then 'is not text' else 'is missing' end, v_hint
        )::private.problem;
    end if;
    return coalesce(
        private.stranger_problem(auth, v_needed || v_optional, v_slug, base, v_hint),
        case
            when coalesce(auth ->> 'in', 'header') not in ('header', 'query')
                then row(
                    v_slug, base || '/in', null, 'is neither header nor query', v_hint
                )::private.problem
            when jsonb_typeof(coalesce(auth -> 'issuer', '""')) <> 'string'
                then row(v_slug, base || '/issuer', null, 'is not text', v_hint)::private.problem
            when not private.is_number_within(auth -> 'ttl_s', 1, 86400)
                then row(
                    v_slug, base || '/ttl_s', null,
                    'is not a number of seconds from 1 to 86400, a day', v_hint
                )::private.problem
            when jsonb_typeof(coalesce(auth -> 'claims', '{}')) <> 'object'
                then row(
                    v_slug, base || '/claims', null, 'is not an object', v_hint
                )::private.problem
        end
    );
end;
$function$;
comment on function private.auth_problem(jsonb, text) is
$comment$What is wrong with what api_credentials.auth describes, or with {"credential": name}; null
if nothing. At most 64 KB. Slugs: malformed_auth, too_large.$comment$;

create function private.credential_problem(auth jsonb, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_member text := case auth ->> 'kind'
        when 'bearer' then 'token'
        when 'basic' then 'password'
        when 'api_key' then 'value'
        when 'jwt_hs256' then 'secret'
    end;
begin
    return case
        when auth ? 'credential' then row(
            'malformed_auth', base || '/credential', null, 'a credential does not name another one',
            'Write what the other holds.'
        )::private.problem
        -- every member may read the row, and nothing would redact it
        when auth ->> v_member !~ '(^|[^\\])\{\{' then row(
            'literal_secret', base || '/' || v_member, null,
            'is written out, where every member can read it',
            format(
                'Give the environment a secret with set_secret, and refer to it: {"%s": "{{name}}"}.',
                v_member
            )
        )::private.problem
        else private.auth_problem(auth, base)
    end;
end;
$function$;
comment on function private.credential_problem(jsonb, text) is
$comment$What is wrong with api_credentials.auth; null if nothing. Slugs: malformed_auth,
literal_secret: the part that must not be known has no {{placeholder}} in it.$comment$;

-- check constraints run as whoever writes the row
grant execute on function private.pairs_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.idempotency_problem(text, jsonb, jsonb, text)
to authenticated, service_role;
grant execute on function private.body_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.variables_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.fixture_row_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.fixture_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.is_number_within(jsonb, numeric, numeric)
to authenticated, service_role;
grant execute on function private.retry_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.auth_problem(jsonb, text) to authenticated, service_role;
grant execute on function private.credential_problem(jsonb, text) to authenticated, service_role;
