-- Test documents: a test and all that belongs to it as one JSON value, and what it may hold.
-- Depends on: tests, problems. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.document_fields(kind text)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    -- a type of private.field_problem, or the values that may stand there
    select case kind
        when 'test' then $json${
            "id": "id", "project": "id", "suite": "text", "name": "text", "description": "text?",
            "phase": ["setup", "main", "teardown"], "position": "integer", "priority": "integer",
            "tags": "texts", "is_enabled": "boolean", "is_archived": "boolean",
            "rescue": ["never", "safe", "always"], "retry": "object", "endpoint": "object?",
            "request": "object", "assertions": "array", "captures": "array",
            "json_schema": "any", "depends_on": "array", "fixture": "text?"
        }$json$::jsonb
        when 'request' then $json${
            "method": "text", "path": "text", "query": "array", "headers": "array",
            "body": "object?", "auth": "object?", "idempotency_header": "text?",
            "connect_timeout_ms": "integer", "total_timeout_ms": "integer", "max_redirects": "integer",
            "max_body_bytes": "integer", "verify_tls": "boolean"
        }$json$::jsonb
        when 'endpoint' then '{"method": "text", "path": "text"}'::jsonb
        when 'dependency' then '{"test": "text", "kind": ["order", "data", "token"]}'::jsonb
        when 'suite' then $json${
            "id": "id", "project": "id", "name": "text", "description": "text?",
            "execution_mode": ["parallel", "sequential"], "headers": "array",
            "variables": "object", "auth": "object?", "is_archived": "boolean",
            "is_complete": "boolean", "fixtures": "array", "tests": "array"
        }$json$::jsonb
        when 'fixture' then '{"name": "text", "rows": "array"}'::jsonb
        when 'channel' then $json${
            "id": "id", "organization": "id", "project": "id?", "name": "text",
            "kind": ["webhook", "slack"], "url": "text", "is_enabled": "boolean",
            "labels": "texts", "max_per_hour": "integer", "link_base": "text?",
            "new_signing_secret": "boolean"
        }$json$::jsonb
    end;
$function$;
comment on function private.document_fields(text) is
'The fields of a kind of document, each with what it may hold.';

create function private.required_fields(kind text)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- of a test and a suite it depends on whether there is one already
    return case kind
        when 'endpoint' then array['method', 'path']
        when 'dependency' then array['test', 'kind']
        when 'fixture' then array['name', 'rows']
        else '{}'
    end;
end;
$function$;
comment on function private.required_fields(text) is
'The fields that a kind of document cannot do without.';

create function private.field_problem(value jsonb, expected jsonb)
returns text
language plpgsql -- as an SQL function it costs ten times as much
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when jsonb_typeof(expected) = 'array' then case
            when not expected @> value or jsonb_typeof(value) <> 'string'
                then 'is none of ' || (
                    select string_agg(choices.choice, ', ' order by choices.ordinal)
                    from jsonb_array_elements_text(expected)
                    with ordinality as choices (choice, ordinal)
                )
        end
        else case expected #>> '{}'
            when 'id' then case
                when jsonb_typeof(value) <> 'string' or value #>> '{}' !~* (
                    '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
                )
                    then 'is not an id'
            end
            when 'id?' then case
                when jsonb_typeof(value) <> 'null' then private.field_problem(value, '"id"')
            end
            when 'text' then case when jsonb_typeof(value) <> 'string' then 'is not text' end
            when 'text?' then case
                when jsonb_typeof(value) not in ('string', 'null') then 'is neither text nor null'
            end
            when 'integer' then case
                when jsonb_typeof(value) <> 'number' then 'is not a number'
                when
                    (value #>> '{}')::numeric not between -2147483648 and 2147483647
                    or (value #>> '{}')::numeric % 1 <> 0
                    then 'is not a whole number of 32 bits'
            end
            when 'texts' then case
                when
                    jsonb_typeof(value) <> 'array'
                    or value @? '$[*] ? (@.type() != "string")'
                    then 'is not an array of texts'
            end
            when 'boolean' then case
                when jsonb_typeof(value) <> 'boolean' then 'is neither true nor false'
            end
            when 'object?' then case
                when jsonb_typeof(value) not in ('object', 'null')
                    then 'is neither an object nor null'
            end
            when 'object' then case
                when jsonb_typeof(value) <> 'object' then 'is not an object'
            end
            when 'array' then case
                when jsonb_typeof(value) <> 'array' then 'is not an array'
            end
        end
    end;
end;
$function$;
comment on function private.field_problem(jsonb, jsonb) is
$comment$Why a value cannot stand in a field; null if it can.

expected: as private.document_fields gives it; "any" takes everything, a type with ? also null.$comment$;

create function private.refuse_malformed_document(kind text, document jsonb, at text)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_fields jsonb := private.document_fields(kind);
    v_hint text;
    v_pointer text := coalesce(nullif(at, ''), '/');
    v_message text := 'is not an object';
begin
    if jsonb_typeof(document) = 'object' then
        select
            private.pointer_to(at, array[found.key]),
            found.problem
        into v_pointer, v_message
        from (
            select
                members.key,
                case
                    when v_fields ? members.key
                        then private.field_problem(members.value, v_fields -> members.key)
                    else 'there is no such field'
                end as problem
            from jsonb_each(document) as members
            union all
            select
                needed.key,
                'is missing'
            from unnest(private.required_fields(kind)) as needed (key)
            where not document ? needed.key
        ) as found
        where found.problem is not null
        order by found.key
        limit 1;
    end if;

    if v_message is not null then
        select format('A %s takes: %s.', kind, string_agg(keys.key, ', '))
        into v_hint
        from jsonb_object_keys(v_fields) as keys (key);
        perform private.accept(
            row('malformed_document', v_pointer, null, v_message, v_hint)::private.problem
        );
    end if;
end;
$function$;
comment on function private.refuse_malformed_document(text, jsonb, text) is
$comment$Raise PT400 malformed_document for the first field that is wrong, unknown or missing.

at: JSON pointer of the document in what the client sent (RFC 6901), empty for the whole.$comment$;

create function public.get_test(test_id uuid)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select jsonb_build_object(
        'id', cases.id,
        'project', cases.project_id,
        'suite', cases.suite_id,
        'name', cases.name,
        'description', cases.description,
        'phase', cases.phase,
        'position', cases.position,
        'priority', cases.priority,
        'tags', cases.tags,
        'is_enabled', cases.is_enabled,
        'is_archived', cases.archived_at is not null,
        'rescue', cases.rescue,
        'retry', cases.retry,
        'endpoint', (
            select jsonb_build_object('method', endpoints.method, 'path', endpoints.path)
            from public.api_endpoints as endpoints
            where endpoints.id = cases.endpoint_id
        ),
        'assertions', coalesce(to_jsonb(specs) -> 'assertions', '[]'),
        'captures', coalesce(to_jsonb(specs) -> 'captures', '[]'),
        'json_schema', specs.json_schema,
        'depends_on', coalesce(
            (
                select jsonb_agg(
                    jsonb_build_object('test', upstream.depends_on_id, 'kind', upstream.kind)
                    order by upstream.depends_on_id
                )
                from public.test_dependencies as upstream
                where upstream.test_case_id = cases.id
            ), '[]'
        ),
        'fixture', (
            select fixtures.name
            from public.fixture_usage as usage
            inner join public.test_data_fixtures as fixtures on fixtures.id = usage.fixture_id
            where usage.test_case_id = cases.id
        )
    )
    || case
        when configs.test_case_id is null then '{}'
        else jsonb_build_object(
            'request', to_jsonb(configs) - array['test_case_id', 'project_id']
        )
    end
    from public.test_cases as cases
    left join public.test_request_configs as configs on configs.test_case_id = cases.id
    left join public.test_response_specs as specs on specs.test_case_id = cases.id
    where cases.id = get_test.test_id;
$function$;
comment on function public.get_test(uuid) is
$comment$A test as one document, in the form that save_test takes.

Returns the document with its ids, or null when there is no such test. Saving it unchanged changes
nothing.$comment$;
grant execute on function public.get_test(uuid) to authenticated, service_role;

grant execute on function private.document_fields(text) to authenticated, service_role;
grant execute on function private.required_fields(text) to authenticated, service_role;
grant execute on function private.field_problem(jsonb, jsonb) to authenticated, service_role;
grant execute on function private.refuse_malformed_document(text, jsonb, text)
to authenticated, service_role;
