-- Rendering work: what an item's names stand for, and the request that the worker is told to make.
-- Depends on: queue, templates, secrets. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.captured_value(
    run_id uuid, name text, binding jsonb, row_key text, seen_at timestamptz, data_key text
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with latest as (
        -- values are only ever added: the newest of each row, as of the first rendering
        select distinct on (captured.row_index)
            captured.row_index,
            coalesce(
                captured.value,
                private.decrypt_value(captured.encrypted_value, captured_value.data_key)
            ) as value
        from public.test_context_values as captured
        where
            captured.run_id = captured_value.run_id
            and captured.name = captured_value.name
            and captured.test_case_id is not distinct from (binding ->> 'test')::uuid
            and (
                binding ->> 'rows' is distinct from 'same'
                or captured.row_key = captured_value.row_key
            )
            and captured.created_at <= captured_value.seen_at
        order by captured.row_index, captured.id desc
    )

    select case
        when binding ->> 'rows' = 'all' then jsonb_agg(latest.value order by latest.row_index)
        else (array_agg(latest.value))[1]
    end
    from latest;
$function$;
comment on function private.captured_value(uuid, text, jsonb, text, timestamptz, text) is
$comment$What upstream captured under a name, or, with a null binding, what a client set;
null if nothing.

binding: {"test": uuid, "rows": "one" | "same" | "all"}; all gives an array in row order.$comment$;

create function private.resolve_names(item_ids bigint[])
returns table (item_id bigint, variables jsonb)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with used as materialized (
        select
            items.id,
            items.run_id,
            items.row_key,
            items.rendered_at,
            items.bindings -> names.name as binding,
            names.name,
            definitions.document -> 'variables' as suite_variables,
            fixture_rows.document as fixture_values,
            environments.document as environment,
            runs.variables as overrides
        from private.work_items as items
        inner join private.definitions on definitions.id = items.definition_id
        inner join public.test_runs as runs on runs.id = items.run_id
        inner join private.snapshots as environments
            on environments.id = runs.environment_snapshot_id
        left join private.snapshots as fixture_rows on fixture_rows.id = items.fixture_snapshot_id
        cross join lateral unnest(definitions.uses) as names (name)
        where items.id = any(resolve_names.item_ids)
    ),

    opened as materialized (
        select
            secrets.id,
            secrets.decrypted_secret as secret
        from vault.decrypted_secrets as secrets
        where secrets.id in (
            select (used.environment #>> array['secrets', used.name])::uuid from used
        )
    ),

    -- opened once, and only when there is something to open
    keys as materialized (
        select case
            when exists (
                select
                from public.test_context_values as tokens
                where tokens.run_id in (select used.run_id from used) and tokens.kind = 'token'
            ) then private.data_key()
        end as data_key
    ),

    resolved as (
        select
            used.id,
            used.name,
            coalesce(
                used.overrides -> used.name,
                used.fixture_values -> used.name,
                case
                    when used.binding is not null then private.captured_value(
                        used.run_id, used.name, used.binding, used.row_key, used.rendered_at,
                        keys.data_key
                    )
                end,
                private.captured_value(
                    used.run_id, used.name, null, used.row_key, used.rendered_at, keys.data_key
                ),
                used.suite_variables -> used.name,
                used.environment -> 'variables' -> used.name,
                to_jsonb(opened.secret),
                used.environment -> 'project_variables' -> used.name
            ) as value
        from used
        cross join keys
        left join opened on opened.id = (used.environment #>> array['secrets', used.name])::uuid
    )

    select
        resolved.id,
        coalesce(
            jsonb_object_agg(resolved.name, resolved.value)
            filter (where resolved.value is not null),
            '{}'
        )
    from resolved
    group by resolved.id;
$function$;
comment on function private.resolve_names(bigint[]) is
$comment$What the names that each item uses stand for, as of its first rendering.

Precedence: run override, fixture row, captured upstream, set by a client, suite, environment (its
secrets included), project. A name without a value is missing from variables. Items that use no name
have no row.$comment$;

create function private.lease_duration()
returns interval
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select interval '30 seconds';
$function$;
comment on function private.lease_duration() is
'How long a lease holds without renewal. Workers renew at a third of it.';

create function private.base64url(source bytea)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select rtrim(translate(encode(source, 'base64'), E'+/\n', '-_'), '=');
$function$;
comment on function private.base64url(bytea) is
'Base64 for URLs, unpadded. Source: RFC 4648, section 5.';

create function private.sign_jwt(claims jsonb, secret text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        signing.input || '.' || private.base64url(
            extensions.hmac(convert_to(signing.input, 'UTF8'), convert_to(secret, 'UTF8'), 'sha256')
        )
    from (
        select
            private.base64url(convert_to('{"alg":"HS256","typ":"JWT"}', 'UTF8'))
            || '.' || private.base64url(convert_to(claims::text, 'UTF8')) as input
    ) as signing;
$function$;
comment on function private.sign_jwt(jsonb, text) is
'A compact HS256 token. Source: RFC 7515, RFC 7519.';

create function private.authorization_header(auth jsonb, rendered_at timestamptz)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_issued_at bigint;
begin
    -- a new kind of sign-in is one more branch here
    case auth ->> 'kind'
        when 'bearer' then
            return jsonb_build_array('Authorization', 'Bearer ' || (auth ->> 'token'));
        when 'basic' then
            return jsonb_build_array(
                'Authorization',
                'Basic ' || translate(
                    encode(
                        convert_to((auth ->> 'username') || ':' || (auth ->> 'password'), 'UTF8'),
                        'base64'
                    ),
                    E'\n', ''
                )
            );
        when 'api_key' then
            if coalesce(auth ->> 'in', 'header') = 'header' then
                return jsonb_build_array(auth ->> 'name', auth ->> 'value');
            end if;
        when 'jwt_hs256' then
            v_issued_at := floor(extract(epoch from rendered_at));
            return jsonb_build_array(
                'Authorization',
                'Bearer ' || private.sign_jwt(
                    coalesce(auth -> 'claims', '{}') || jsonb_strip_nulls(jsonb_build_object(
                        'iss', auth -> 'issuer',
                        'iat', v_issued_at,
                        'exp', v_issued_at + coalesce((auth ->> 'ttl_s')::integer, 3600)
                    )),
                    auth ->> 'secret'
                )
            );
        else
            null;
    end case;
    return null;
end;
$function$;
comment on function private.authorization_header(jsonb, timestamptz) is
$comment$The header that signs a request in, as ["Name", "value"]; null when the kind needs none.

auth: {"kind": "none"}, {"kind": "bearer", "token"}, {"kind": "basic", "username", "password"},
{"kind": "api_key", "name", "value", "in": "header" | "query"}, {"kind": "jwt_hs256", "issuer",
"secret", "ttl_s" (default 3600), "claims"}. Sources: RFC 6750, RFC 7617, RFC 7519.$comment$;

create function private.holds_secret(source text, secrets text[])
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_secret text;
begin
    foreach v_secret in array coalesce(secrets, '{}') loop
        if strpos(source, v_secret) > 0 then
            return true;
        end if;
    end loop;
    return false;
end;
$function$;
comment on function private.holds_secret(text, text[]) is 'Does a text contain any of the secrets?';

create function private.build_body(body jsonb)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    -- a placeholder that stands alone keeps its type, and these kinds hold nothing but text
    select case body ->> 'kind'
        when 'text' then body || jsonb_build_object('value', private.text_of(body -> 'value'))
        when 'form' then body || jsonb_build_object('value', (
            select
                coalesce(
                    jsonb_agg(
                        jsonb_build_array(
                            private.text_of(pairs.pair -> 0), private.text_of(pairs.pair -> 1)
                        )
                        order by pairs.ordinal
                    ), '[]'
                )
            from jsonb_array_elements(body -> 'value') with ordinality as pairs (pair, ordinal)
        ))
        else body
    end;
$function$;
comment on function private.build_body(jsonb) is 'A rendered body as the wire contract wants it.';

create function private.build_request(
    rendered jsonb, base_url text, rendered_at timestamptz, secrets text[]
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_auth jsonb := rendered -> 'auth';
    v_signature jsonb := private.authorization_header(v_auth, rendered_at);
    v_url text := rendered ->> 'url';
    v_headers jsonb := '[]'::jsonb;
    v_secret_headers jsonb := '[]'::jsonb;
    v_header jsonb;
begin
    if v_url !~ '^https?://' then
        -- without the slash a path such as .example.com/ would lead to another host
        v_url := base_url || case when v_url ~ '^([/?]|$)' then '' else '/' end || v_url;
    end if;
    if v_auth ->> 'kind' = 'api_key' and v_auth ->> 'in' = 'query' then
        v_url := v_url || case when strpos(v_url, '?') > 0 then '&' else '?' end
            || private.percent_encode(v_auth ->> 'name') || '='
            || private.percent_encode(v_auth ->> 'value');
    end if;
    for v_header in
        select entries.header
        from jsonb_array_elements(rendered -> 'headers') as entries (header)
    loop
        v_headers := v_headers || jsonb_build_array(jsonb_build_array(
            private.text_of(v_header -> 0), private.text_of(v_header -> 1)
        ));
        if
            lower(v_header ->> 0) in ('authorization', 'cookie', 'proxy-authorization')
            or private.holds_secret(v_header ->> 1, secrets)
        then
            v_secret_headers := v_secret_headers || to_jsonb(lower(v_header ->> 0));
        end if;
    end loop;
    if v_signature is not null then
        v_headers := v_headers || jsonb_build_array(v_signature);
        v_secret_headers := v_secret_headers || to_jsonb(lower(v_signature ->> 0));
    end if;

    return rendered || jsonb_build_object(
        'auth', null,
        'url', v_url,
        'headers', v_headers,
        'secret_headers', v_secret_headers,
        'body', private.build_body(rendered -> 'body')
    );
end;
$function$;
comment on function private.build_request(jsonb, text, timestamptz, text[]) is
$comment$The request of the wire contract from a rendered definition: whole URL, signed in.

secret_headers names what must not follow a redirect to another origin and is stored
redacted.$comment$;

create function private.redact_request(request jsonb, secrets text[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_headers jsonb := request -> 'headers';
begin
    if request -> 'secret_headers' <> '[]' then
        select jsonb_agg(
            case
                when request -> 'secret_headers' ? lower(entries.header ->> 0)
                    then jsonb_build_array(entries.header -> 0, '[redacted]')
                else entries.header
            end
            order by entries.ordinal
        )
        into v_headers
        from jsonb_array_elements(v_headers) with ordinality as entries (header, ordinal);
    end if;
    return private.redact(
        jsonb_build_object(
            'method', request -> 'method',
            'url', request -> 'url',
            'headers', v_headers,
            'body', request -> 'body'
        ),
        secrets
    );
end;
$function$;
comment on function private.redact_request(jsonb, text[]) is 'What of a request may be stored.';

create function private.render_items(item_ids bigint[])
returns table (
    item_id bigint,
    place integer,
    work jsonb,
    stored_request jsonb,
    unresolved text
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with secrets as materialized (
        select *
        from private.run_secrets(array(
            select distinct items.run_id from private.work_items as items
            where items.id = any(render_items.item_ids)
        ))
    ),

    resolved as materialized (
        select * from private.resolve_names(render_items.item_ids)
    ),

    rendered as (
        select
            items.*,
            requests.rendered as request_template,
            observations.rendered as observe,
            definitions.document -> 'json_schema' as json_schema,
            coalesce(
                requests.unresolved, observations.unresolved, assertions.unresolved
            ) as unresolved,
            environments.document ->> 'base_url' as base_url,
            secrets.secrets
        from private.work_items as items
        inner join private.definitions on definitions.id = items.definition_id
        inner join public.test_runs as runs on runs.id = items.run_id
        inner join private.snapshots as environments
            on environments.id = runs.environment_snapshot_id
        left join secrets on secrets.run_id = items.run_id
        left join resolved on resolved.item_id = items.id
        cross join lateral (
            select format('%s:%s:%s', items.run_id, items.result_id, items.retry_number) as seed
        ) as seeds
        cross join lateral private.render(
            definitions.document -> 'request', definitions.document -> 'request_slots',
            resolved.variables, seeds.seed, items.rendered_at
        ) as requests
        cross join lateral private.render(
            definitions.document -> 'observe', definitions.document -> 'observe_slots',
            resolved.variables, seeds.seed || ':observe', items.rendered_at
        ) as observations
        -- only to find a name without a value before the request is sent, not after
        cross join lateral private.render(
            definitions.document -> 'assertions', definitions.document -> 'assertion_slots',
            resolved.variables, seeds.seed || ':assert', items.rendered_at
        ) as assertions
        where items.id = any(render_items.item_ids)
    )

    select
        rendered.id,
        rendered.lease_place,
        jsonb_build_object(
            'item', rendered.id,
            'run', rendered.run_id,
            'result', rendered.result_id,
            'attempt', rendered.attempt,
            'lease', rendered.lease,
            'lease_ms', (extract(epoch from private.lease_duration()) * 1000)::integer,
            'request', built.request,
            'observe', rendered.observe,
            'json_schema', rendered.json_schema
        ),
        private.redact_request(built.request, rendered.secrets),
        rendered.unresolved
    from rendered
    cross join lateral (
        select
            private.build_request(
                rendered.request_template, rendered.base_url, rendered.rendered_at, rendered.secrets
            ) as request
        offset 0 -- built once, used twice
    ) as built;
$function$;
comment on function private.render_items(bigint[]) is
$comment$Leased items as the wire contract wants them, and what of each request may be stored.

place: the order in which to make them. unresolved: the first name without a value; such an item
must not be handed out.$comment$;
