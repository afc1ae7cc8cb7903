-- Compilation: a test case and all it inherits become one document that a run executes.
-- Depends on: tests, templates. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.compile_url(path text, query jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        private.parse_template(compile_url.path)
        || coalesce(
            (
                select jsonb_agg(parts.part order by pairs.ordinal, parts.ordinal)
                from jsonb_array_elements(compile_url.query) with ordinality as pairs (pair, ordinal)
                cross join lateral (
                    select
                        0 as ordinal,
                        to_jsonb(
                            case when pairs.ordinal = 1 and compile_url.path not like '%?%' then '?' else '&' end
                            || private.percent_encode(pairs.pair ->> 0) || '='
                        ) as part
                    union all
                    select
                        pieces.ordinal,
                        case jsonb_typeof(pieces.piece)
                            when 'string' then to_jsonb(private.percent_encode(pieces.piece #>> '{}'))
                            else pieces.piece
                        end
                    from jsonb_array_elements(private.parse_template(pairs.pair ->> 1))
                    with ordinality as pieces (piece, ordinal)
                ) as parts
            ),
            '[]'
        );
$function$;
comment on function private.compile_url(text, jsonb) is
'Path and query as template parts, fixed query text percent-encoded. Errors: PT400 template_syntax.';

create function private.merge_headers(inherited jsonb, own jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        coalesce(
            (
                select jsonb_agg(headers.header order by headers.ordinal)
                from jsonb_array_elements(merge_headers.inherited) with ordinality as headers (header, ordinal)
                where not exists (
                    select from jsonb_array_elements(merge_headers.own) as overrides (header)
                    where lower(overrides.header ->> 0) = lower(headers.header ->> 0)
                )
            ),
            '[]'
        ) || merge_headers.own;
$function$;
comment on function private.merge_headers(jsonb, jsonb) is
'A suite''s headers and a test''s own; a name that the test sets itself is not inherited.';

create function private.lookup_of(item jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case item ->> 'source'
        when 'body' then jsonb_build_object('source', 'body', 'path', item -> 'path')
        when 'header' then jsonb_build_object('source', 'header', 'name', lower(item ->> 'name'))
        when 'text' then '{"source": "text"}'
    end;
$function$;
comment on function private.lookup_of(jsonb) is
$comment$What the worker must look up for an assertion or capture; null when the database knows (status, duration).

A new source of evidence is added here, in private.actual_of and in the worker's table of lookups.$comment$;

create function private.compile_expectations(assertions jsonb, captures jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    with items as (
        select
            'assertion' as kind,
            entries.ordinal,
            entries.item,
            private.lookup_of(entries.item) as lookup,
            case entries.item ->> 'operator'
                when 'matches' then jsonb_build_object('pattern', entries.item -> 'expected')
            end as narrowed
        from jsonb_array_elements(compile_expectations.assertions) with ordinality as entries (item, ordinal)
        union all
        select
            'capture',
            entries.ordinal,
            entries.item,
            private.lookup_of(entries.item)
            || case
                when entries.item ? 'pattern' then jsonb_build_object('pattern', entries.item -> 'pattern')
                else '{}'
            end,
            null
        from jsonb_array_elements(compile_expectations.captures) with ordinality as entries (item, ordinal)
    ),

    lookups as (
        select
            distinct_lookups.lookup,
            row_number() over (order by distinct_lookups.lookup) - 1 as id
        from (
            select items.lookup from items where items.lookup is not null
            union
            select items.lookup || items.narrowed from items where items.lookup || items.narrowed is not null
        ) as distinct_lookups
    ),

    compiled as (
        select
            items.kind,
            items.ordinal,
            jsonb_strip_nulls(
                items.item
                || jsonb_build_object(
                    'observe', found.id,
                    'observe_pattern', narrowed.id,
                    -- a path that may find several values always gives an array, however many it
                    -- finds: the shape of a value must not depend on the data
                    'many', nullif(
                        items.item ->> 'source' = 'body' and items.item ->> 'path' ~ '\*|\.\.|\?|[:,|]', false
                    )
                )
            ) || case when items.item ? 'expected' then jsonb_build_object('expected', items.item -> 'expected') else '{}' end as entry
        from items
        left join lookups as found on found.lookup = items.lookup
        left join lookups as narrowed on narrowed.lookup = items.lookup || items.narrowed
    )

    select jsonb_build_object(
        'observe', coalesce((select jsonb_agg(lookups.lookup || jsonb_build_object('id', lookups.id) order by lookups.id) from lookups), '[]'),
        'assertions', coalesce((select jsonb_agg(compiled.entry order by compiled.ordinal) from compiled where compiled.kind = 'assertion'), '[]'),
        'captures', coalesce((select jsonb_agg(compiled.entry order by compiled.ordinal) from compiled where compiled.kind = 'capture'), '[]')
    );
$function$;
comment on function private.compile_expectations(jsonb, jsonb) is
$comment${"observe", "assertions", "captures"}: the look-ups that the worker makes, each once, and what refers
to them: observe is the id of a look-up, observe_pattern of the same narrowed by a pattern, many
says that the value is always an array.$comment$;

create function private.compile_tests(test_case_ids uuid[])
returns table (
    test_case_id uuid,
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
    with parts as (
        select
            cases.id,
            cases.phase,
            cases.retry,
            suites.variables,
            configs.method,
            configs.connect_timeout_ms,
            configs.total_timeout_ms,
            configs.max_redirects,
            configs.max_body_bytes,
            configs.verify_tls,
            private.compile_url(configs.path, configs.query) as url_parts,
            jsonb_build_object(
                'headers', private.merge_headers(suites.headers, configs.headers),
                'body', configs.body,
                'auth', coalesce(credentials.auth, configs.auth, suites.auth, '{"kind": "none"}')
            ) as content,
            private.compile_expectations(
                coalesce(specs.assertions, '[]'), coalesce(specs.captures, '[]')
            ) as expectations
        from public.test_cases as cases
        inner join public.test_suites as suites on suites.id = cases.suite_id
        inner join public.test_request_configs as configs on configs.test_case_id = cases.id
        inner join public.projects on projects.id = cases.project_id
        left join public.test_response_specs as specs on specs.test_case_id = cases.id
        left join public.api_credentials as credentials
            on
                credentials.organization_id = projects.organization_id
                and credentials.name = coalesce(configs.auth, suites.auth) ->> 'credential'
        where cases.id = any(compile_tests.test_case_ids)
    ),

    slots as (
        select
            parts.*,
            parts.url_parts @? '$[*] ? (@.type() == "object")' as is_url_template,
            private.compile_templates(parts.content) as content_slots,
            private.compile_templates(parts.expectations -> 'observe') as observe_slots,
            private.compile_templates(parts.expectations -> 'assertions') as assertion_slots
        from parts
    ),

    documents as (
        select
            slots.id,
            slots.expectations -> 'captures' as captures,
            slots.content_slots || case
                when slots.is_url_template
                    then jsonb_build_array(jsonb_build_object(
                        'at', '["url"]'::jsonb, 'parts', slots.url_parts, 'encode', true
                    ))
                else '[]'
            end as request_slots,
            slots.observe_slots,
            slots.assertion_slots,
            slots.content || jsonb_build_object(
                'method', slots.method,
                'url', case
                    when slots.is_url_template then ''
                    else (
                        select string_agg(pieces.piece #>> '{}', '' order by pieces.ordinal)
                        from jsonb_array_elements(slots.url_parts) with ordinality as pieces (piece, ordinal)
                    )
                end,
                'timeout_ms', jsonb_build_object(
                    'connect', slots.connect_timeout_ms, 'total', slots.total_timeout_ms
                ),
                'max_redirects', slots.max_redirects,
                'max_body_bytes', slots.max_body_bytes,
                'verify_tls', slots.verify_tls,
                'http_versions', '["1.1"]'::jsonb
            ) as request,
            slots.phase,
            slots.retry,
            slots.variables,
            slots.expectations
        from slots
    )

    select
        documents.id,
        documents.expectations || jsonb_build_object(
            'uses', names.uses,
            'phase', documents.phase,
            'retry', documents.retry,
            'variables', documents.variables,
            'request', documents.request,
            'request_slots', documents.request_slots,
            'observe_slots', documents.observe_slots,
            'assertion_slots', documents.assertion_slots
        ),
        names.uses,
        names.requires,
        array(
            select captures.capture ->> 'name'
            from jsonb_array_elements(documents.captures) as captures (capture)
        )
    from documents
    cross join lateral (
        select
            coalesce(array_agg(used.name), '{}') as uses,
            coalesce(array_agg(used.name) filter (where not used.is_optional), '{}') as requires
        from private.used_names(
            documents.request_slots || documents.observe_slots || documents.assertion_slots
        ) as used
    ) as names;
$function$;
comment on function private.compile_tests(uuid[]) is
$comment$Test cases compiled from all they inherit: suite, credential, request, expectations.

Returns one row a test that has a request: document (request with its templates parsed into slots,
observe, assertions, captures, retry, phase, suite variables), uses (names it refers to), requires
(those without a default) and provides (names it captures). Errors: PT400 template_syntax.$comment$;
