-- Compilation: a test case and all it inherits become one document that a run executes.
-- Depends on: tests, templates, queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.digest_of(document jsonb)
returns bytea
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select sha256(convert_to(document::text, 'UTF8'));
$function$;
comment on function private.digest_of(jsonb) is 'SHA-256 of the document''s text: its identity.';

create function private.compile_url(path text, query jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_parts jsonb := private.parse_template(path);
    v_separator text := case when strpos(path, '?') > 0 then '&' else '?' end;
    v_pair jsonb;
begin
    for v_pair in select pairs.pair from jsonb_array_elements(query) as pairs (pair) loop
        v_parts := v_parts
            || to_jsonb(v_separator || private.percent_encode(v_pair ->> 0) || '=')
            || (
                select jsonb_agg(
                    case jsonb_typeof(pieces.piece)
                        when 'string' then to_jsonb(private.percent_encode(pieces.piece #>> '{}'))
                        else pieces.piece
                    end
                    order by pieces.ordinal
                )
                from
                    jsonb_array_elements(private.parse_template(v_pair ->> 1))
                    with ordinality as pieces (piece, ordinal)
            );
        v_separator := '&';
    end loop;
    return v_parts;
end;
$function$;
comment on function private.compile_url(text, jsonb) is
$comment$Path and query as template parts, fixed query text percent-encoded. Errors: PT400
template_syntax.$comment$;

create function private.merge_headers(inherited jsonb, own jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if inherited = '[]' then
        return own;
    end if;
    return own || (
        select coalesce(jsonb_agg(headers.header order by headers.ordinal), '[]')
        from jsonb_array_elements(inherited) with ordinality as headers (header, ordinal)
        where not exists (
            select
            from jsonb_array_elements(own) as overrides (header)
            where lower(overrides.header ->> 0) = lower(headers.header ->> 0)
        )
    );
end;
$function$;
comment on function private.merge_headers(jsonb, jsonb) is
'A suite''s headers and a test''s own; a name that the test sets itself is not inherited.';

create function private.lookup_of(item jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case item ->> 'source'
        when 'body' then jsonb_build_object('source', 'body', 'path', item -> 'path')
        when 'header' then jsonb_build_object(
            'source', 'header',
            -- one look-up however it is spelt; but {{Name}} and {{name}} are two names
            'name', case
                when coalesce(item ->> 'header', item ->> 'name') like '%{{%'
                    then coalesce(item ->> 'header', item ->> 'name')
                else lower(coalesce(item ->> 'header', item ->> 'name'))
            end
        )
        when 'text' then '{"source": "text"}'
    end;
end;
$function$;
comment on function private.lookup_of(jsonb) is
$comment$What the worker must look up for an assertion or capture;
null when the database knows (status, duration).

A new source of evidence is added here, in private.actual_of and in the worker's table of
lookups.$comment$;

create function private.refer(item jsonb, lookups jsonb[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_lookup jsonb := private.lookup_of(item);
begin
    if v_lookup is null then
        return item;
    end if;
    if item ? 'pattern' then
        v_lookup := v_lookup || jsonb_build_object('pattern', item -> 'pattern');
    end if;
    item := item || jsonb_build_object('observe', array_position(lookups, v_lookup) - 1);
    if item ->> 'operator' = 'matches' then
        v_lookup := v_lookup || jsonb_build_object('pattern', item -> 'expected');
        item := item || jsonb_build_object(
            'observe_pattern', array_position(lookups, v_lookup) - 1
        );
    end if;
    -- A path that may find several values always gives an array, however many it finds: the shape
    -- of a value must not depend on the data.
    if item ->> 'path' ~ '\*|\.\.|\?|[:,|]' then
        item := item || '{"many": true}';
    end if;
    return item;
end;
$function$;
comment on function private.refer(jsonb, jsonb[]) is
'An assertion or capture with the numbers of its look-ups in the list: see compile_expectations.';

create function private.compile_expectations(assertions jsonb, captures jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_lookups jsonb[] := array[]::jsonb[];
    v_lookup jsonb;
    v_item jsonb;
begin
    for v_item in
        select entries.item from jsonb_array_elements(assertions || captures) as entries (item)
    loop
        v_lookup := private.lookup_of(v_item);
        continue when v_lookup is null;
        if v_item ? 'pattern' then
            v_lookups := v_lookups
                || (v_lookup || jsonb_build_object('pattern', v_item -> 'pattern'));
        else
            v_lookups := v_lookups || v_lookup;
        end if;
        if v_item ->> 'operator' = 'matches' then
            v_lookups := v_lookups
                || (v_lookup || jsonb_build_object('pattern', v_item -> 'expected'));
        end if;
    end loop;
    -- each look-up once, however many refer to it
    v_lookups := array(
        select distinct looked_up.lookup
        from unnest(v_lookups) as looked_up (lookup)
        order by looked_up.lookup
    );

    return jsonb_build_object(
        'observe', (
            select coalesce(
                jsonb_agg(
                    numbered.lookup || jsonb_build_object('id', numbered.ordinal - 1)
                    order by numbered.ordinal
                ), '[]'
            )
            from unnest(v_lookups) with ordinality as numbered (lookup, ordinal)
        ),
        'assertions', (
            select coalesce(
                jsonb_agg(private.refer(entries.item, v_lookups) order by entries.ordinal), '[]'
            )
            from jsonb_array_elements(assertions) with ordinality as entries (item, ordinal)
        ),
        'captures', (
            select coalesce(
                jsonb_agg(private.refer(entries.item, v_lookups) order by entries.ordinal), '[]'
            )
            from jsonb_array_elements(captures) with ordinality as entries (item, ordinal)
        )
    );
end;
$function$;
comment on function private.compile_expectations(jsonb, jsonb) is
$comment${"observe", "assertions", "captures"}: the look-ups that the worker makes, each once, and
what refers to them: observe is the id of a look-up, observe_pattern of the same narrowed by a
pattern, many says that the value is always an array.$comment$;

create function private.is_searching(lookup jsonb, member text default null)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (lookup ? 'pattern' and coalesce(member, 'pattern') = 'pattern')
        -- conditions, sorting, and the functions that take text apart
        or (
            lookup ->> 'path' ~ '[?]|`s(ub|plit|orted)|\[[/\\]'
            and coalesce(member, 'path') = 'path'
        );
end;
$function$;
comment on function private.is_searching(jsonb, text) is
$comment$Does a look-up, or its member "pattern" or "path", look into values rather than give them
whole?$comment$;

create function private.find_exposed_names(slots jsonb, observe_slots jsonb, lookups jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- most tests have neither filters nor names in look-ups
    if observe_slots = '[]' and strpos(slots::text, '"filters": [[') = 0 then
        return '[]'::jsonb;
    end if;
    return (
        select coalesce(jsonb_agg(distinct exposed.name), '[]')
        from (
            -- changed into something that no search for the secret finds
            select parts.part ->> 'name' as name
            from jsonb_array_elements(slots || observe_slots) as entries (slot)
            cross join lateral jsonb_array_elements(entries.slot -> 'parts') as parts (part)
            where
                -- strict: lax mode would unwrap a filter before looking at it
                parts.part @? 'strict $.filters[*] ? (@[0] == "lower" || @[0] == "upper")'
                or jsonb_array_length(jsonb_path_query_array(
                    parts.part, 'strict $.filters[*] ? (@[0] != "default" && @[0] != "raw")',
                    '{}', true
                )) > 1
            union all
            -- asked for piece by piece
            select parts.part ->> 'name'
            from jsonb_array_elements(observe_slots) as entries (slot)
            cross join lateral jsonb_array_elements(entries.slot -> 'parts') as parts (part)
            where private.is_searching(
                lookups -> (entries.slot #>> '{at,0}')::integer, entries.slot #>> '{at,1}'
            )
        ) as exposed
        where exposed.name not like '$%'
    );
end;
$function$;
comment on function private.find_exposed_names(jsonb, jsonb, jsonb) is
$comment$Names that a test uses in a way by which a secret could be read piece by piece: changed by
filters into what is not found again, or in a pattern or a condition of a look-up.

slots: of request and assertions; observe_slots: of the look-ups.$comment$;

create function private.names_in(slots jsonb, place text)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if slots = '[]' then
        return slots;
    end if;
    return (
        select coalesce(
            jsonb_agg(distinct jsonb_build_array(entries.slot #> '{at,1}', parts.part -> 'name')),
            '[]'
        )
        from jsonb_array_elements(slots) as entries (slot)
        cross join lateral jsonb_array_elements(entries.slot -> 'parts') as parts (part)
        where
            entries.slot #>> '{at,0}' = place
            and jsonb_typeof(parts.part) = 'object'
            and parts.part ->> 'name' not like '$%'
    );
end;
$function$;
comment on function private.names_in(jsonb, text) is
$comment$Names used in a part of a request, e.g. "body", as [[member or index in it as text, name],
...].$comment$;

create function private.gather_sources(test_case_ids uuid[])
returns table (test_case_id uuid, source jsonb)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        cases.id,
        jsonb_build_object(
            -- raise it when private.compile_test gives something else for the same source
            'compiler', 2,
            'phase', cases.phase,
            'retry', cases.retry,
            'variables', suites.variables,
            'suite_headers', suites.headers,
            'auth', coalesce(credentials.auth, configs.auth, suites.auth, '{"kind": "none"}'),
            'request', to_jsonb(configs) - array['test_case_id', 'project_id', 'auth'],
            'assertions', coalesce(specs.assertions, '[]'),
            'captures', coalesce(specs.captures, '[]'),
            'json_schema', specs.json_schema
        )
    from public.test_cases as cases
    inner join public.test_suites as suites on suites.id = cases.suite_id
    inner join public.test_request_configs as configs on configs.test_case_id = cases.id
    inner join public.projects on projects.id = cases.project_id
    left join public.test_response_specs as specs on specs.test_case_id = cases.id
    left join public.api_credentials as credentials
        on
            credentials.organization_id = projects.organization_id
            and credentials.name = coalesce(configs.auth, suites.auth) ->> 'credential'
    where cases.id = any(gather_sources.test_case_ids);
$function$;
comment on function private.gather_sources(uuid[]) is
$comment$All that decides what a test does, inherited parts included:
the input of private.compile_test.

One row for each test that has a request.$comment$;

create function private.compile_test(source jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_url jsonb := private.compile_url(source #>> '{request,path}', source #> '{request,query}');
    v_content jsonb := jsonb_build_object(
        'headers', private.merge_headers(
            source -> 'suite_headers',
            (source #> '{request,headers}') || case
                when source #> '{request,idempotency_header}' <> 'null'
                    then jsonb_build_array(jsonb_build_array(
                        source #> '{request,idempotency_header}', '{{$uuid}}'
                    ))
                else '[]'
            end
        ),
        'body', source #> '{request,body}',
        'auth', source -> 'auth'
    );
    v_expectations jsonb := private.compile_expectations(
        source -> 'assertions', source -> 'captures'
    );
    v_request_slots jsonb := private.compile_templates(v_content);
    v_observe_slots jsonb := private.compile_templates(v_expectations -> 'observe');
    v_assertion_slots jsonb := private.compile_templates(v_expectations -> 'assertions');
    v_fixed_url text := v_url #>> '{0}';
begin
    if v_url @? '$[*] ? (@.type() == "object")' then
        v_request_slots := v_request_slots || jsonb_build_array(
            jsonb_build_object('at', '["url"]'::jsonb, 'parts', v_url, 'encode', true)
        );
    end if;
    if jsonb_array_length(v_url) > 1 then
        v_fixed_url := (
            select string_agg(pieces.piece #>> '{}', '' order by pieces.ordinal)
            from jsonb_array_elements(v_url) with ordinality as pieces (piece, ordinal)
        );
    end if;
    if source -> 'json_schema' <> 'null' then
        -- judged after all others, as one more assertion
        v_expectations := jsonb_insert(
            v_expectations, '{assertions,-1}',
            '{"source": "schema", "operator": "valid", "expected": []}', true
        );
    end if;

    return v_expectations || jsonb_build_object(
        'json_schema', source -> 'json_schema',
        'phase', source -> 'phase',
        'retry', source -> 'retry',
        'has_key', coalesce(source #> '{request,idempotency_header}' <> 'null', false),
        'variables', source -> 'variables',
        'request', v_content || jsonb_build_object(
            'method', source #> '{request,method}',
            'url', v_fixed_url,
            'timeout_ms', jsonb_build_object(
                'connect', source #> '{request,connect_timeout_ms}',
                'total', source #> '{request,total_timeout_ms}'
            ),
            'max_redirects', source #> '{request,max_redirects}',
            'max_body_bytes', source #> '{request,max_body_bytes}',
            'verify_tls', source #> '{request,verify_tls}',
            'http_versions', '["1.1"]'::jsonb
        ),
        'request_slots', v_request_slots,
        'observe_slots', v_observe_slots,
        'assertion_slots', v_assertion_slots,
        'header_names', private.names_in(v_request_slots, 'headers'),
        'body_names', private.names_in(v_request_slots, 'body'),
        'exposed_names', private.find_exposed_names(
            v_request_slots || v_assertion_slots, v_observe_slots, v_expectations -> 'observe'
        )
    );
end;
$function$;
comment on function private.compile_test(jsonb) is
$comment$A test as a run executes it, from private.gather_sources.

Returns {"request", "observe", "assertions", "captures", "json_schema", "retry", "has_key" (the
request has an idempotency_header), "phase", "variables" (the suite's)} and, parsed once, the slots in which names are to be filled in:
"request_slots", "observe_slots", "assertion_slots"; and what matters where a name is a secret:
"header_names" and "body_names" (private.names_in), "exposed_names" (private.find_exposed_names).
Errors: PT400 template_syntax.$comment$;

create function private.read_definitions(project_id uuid, test_case_ids uuid[])
returns table (
    test_case_id uuid,
    digest bytea,
    definition_id bigint,
    document jsonb,
    uses text[],
    requires text[],
    provides text[]
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with given as materialized (
        select
            sources.test_case_id,
            sources.source,
            private.digest_of(sources.source) as digest
        from private.gather_sources(read_definitions.test_case_ids) as sources
    ),

    known as materialized (
        select
            definitions.id,
            definitions.digest,
            null::jsonb as document,
            definitions.uses,
            definitions.requires,
            definitions.provides
        from private.definitions
        where
            definitions.project_id = read_definitions.project_id
            and definitions.digest in (select given.digest from given)
            -- one that may be swept is stored anew before it is referred to
            and definitions.idle_since is null
    ),

    compiled as materialized (
        select distinct on (given.digest)
            given.digest,
            private.compile_test(given.source) as document
        from given
        where given.digest not in (select known.digest from known)
        order by given.digest
    ),

    analysed as (
        select
            null::bigint as id,
            compiled.digest,
            compiled.document,
            names.uses,
            names.requires,
            array(
                select captures.capture ->> 'name'
                from jsonb_array_elements(compiled.document -> 'captures') as captures (capture)
            ) as provides
        from compiled
        cross join lateral (
            select
                coalesce(array_agg(used.name), '{}') as uses,
                coalesce(array_agg(used.name) filter (where not used.is_optional), '{}') as requires
            from private.used_names(
                (compiled.document -> 'request_slots')
                || (compiled.document -> 'observe_slots')
                || (compiled.document -> 'assertion_slots')
            ) as used
        ) as names
    )

    select
        given.test_case_id,
        given.digest,
        ids.id,
        ids.document,
        ids.uses,
        ids.requires,
        ids.provides
    from given
    inner join (
        select * from known
        union all
        select * from analysed
    ) as ids on ids.digest = given.digest;
$function$;
comment on function private.read_definitions(uuid, uuid[]) is
$comment$The definition of each test as it is now. Writes nothing, so that a plan can be made only
to be looked at.

document: compiled here because no run has seen it yet, for private.store_definitions to keep;
definition_id is null exactly then.$comment$;
