-- Rendering work: the request that the worker is told to make, and what of it may be stored.
-- Depends on: resolve_names, sign_in. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

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

create function private.carries(names jsonb, place text, carried jsonb)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_use jsonb;
begin
    if carried is null then
        return false;
    end if;
    for v_use in select entries.name from jsonb_array_elements(names) as entries (name) loop
        if carried ? (v_use ->> 1) and coalesce(v_use ->> 0 = place, true) then
            return true;
        end if;
    end loop;
    return false;
end;
$function$;
comment on function private.carries(jsonb, text, jsonb) is
$comment$Does a place of a request, or with null any of them, use a name that is a secret?

names: as private.names_in gives them; carried: as private.resolve_names does.$comment$;

create function private.build_request(
    rendered jsonb,
    base_url text,
    rendered_at timestamptz,
    secrets text[],
    definition jsonb,
    carried jsonb
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
    v_place integer := 0;
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
            or private.carries(definition -> 'header_names', v_place::text, carried)
            or private.holds_secret(v_header ->> 1, secrets)
        then
            v_secret_headers := v_secret_headers || to_jsonb(lower(v_header ->> 0));
        end if;
        v_place := v_place + 1;
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
    ) || case
        when private.carries(definition -> 'body_names', null, carried)
            then '{"secret_body": true}'::jsonb
        else '{}'::jsonb
    end;
end;
$function$;
comment on function private.build_request(
    jsonb, text, timestamptz, text[], jsonb, jsonb
) is
$comment$The request of the wire contract from a rendered definition: whole URL, signed in.

secret_headers names what must not follow a redirect to another origin and is stored redacted;
secret_body is there when the body must not either. carried: as private.resolve_names gives
it.$comment$;

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

create function private.secret_problem(
    carried jsonb, url text, stored_url text, exposed_names jsonb
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_address text := private.address_of(url);
    v_place text;
    -- part of the name of a host it would be told to whoever resolves it
    v_is_in_host boolean := url <> stored_url
        and substring(url from '^https?://([^/?#]*)')
        <> substring(stored_url from '^https?://([^/?#]*)');
    v_name text;
    v_hosts jsonb;
begin
    for v_name, v_hosts in select names.key, names.value from jsonb_each(carried) as names loop
        if
            v_is_in_host
            or private.may_go_to(
                v_address, array(select jsonb_array_elements_text(v_hosts))
            ) is not true
        then
            v_place := substring(stored_url from '^https?://([^/?#]*)');
            return jsonb_build_object(
                'slug', 'secret_host_denied',
                'message', format(
                    'the secret {{%s}} may not go to %s: %s', v_name, v_place,
                    case
                        when v_address is null then 'the host is not written plainly'
                        when v_hosts = '[]' then 'it may go nowhere'
                        else 'its allowed hosts are ' || (
                            select string_agg(hosts.host, ', ')
                            from jsonb_array_elements_text(v_hosts) as hosts (host)
                        )
                    end
                )
            );
        elsif exposed_names ? v_name then
            return jsonb_build_object(
                'slug', 'secret_exposed',
                'message', format(
                    'the secret {{%s}} is used in a pattern, in a condition of a path, or with '
                    || 'filters that would hide it from redaction', v_name
                )
            );
        end if;
    end loop;
    return null;
end;
$function$;
comment on function private.secret_problem(jsonb, text, text, jsonb) is
$comment$Why a request must not be sent with the secrets it carries: {"slug", "message"}; null if it
may be.

carried: as private.resolve_names gives it. stored_url: the URL as it is stored,
redacted.$comment$;

create function private.render_items(item_ids bigint[])
returns table (
    item_id bigint,
    place integer,
    work jsonb,
    stored_request jsonb,
    unresolved text,
    problem jsonb,
    secret_ids uuid[]
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
            coalesce(
                requests.unresolved, observations.unresolved, assertions.unresolved
            ) as unresolved,
            environments.document ->> 'base_url' as base_url,
            secrets.secrets,
            definitions.document as definition,
            resolved.carried,
            resolved.secret_ids
        from private.work_items as items
        inner join private.definitions on definitions.id = items.definition_id
        inner join public.test_runs as runs on runs.id = items.run_id
        inner join private.snapshots as environments
            on environments.id = runs.environment_snapshot_id
        left join secrets on secrets.run_id = items.run_id
        left join resolved on resolved.item_id = items.id
        cross join lateral (
            select format('%s:%s:%s', items.run_id, items.result_id, items.rendering) as seed
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
            'json_schema', rendered.definition -> 'json_schema'
        ),
        stored.request,
        rendered.unresolved,
        case
            when rendered.carried is not null then private.secret_problem(
                rendered.carried, built.request ->> 'url', stored.request ->> 'url',
                rendered.definition -> 'exposed_names'
            )
        end,
        rendered.secret_ids
    from rendered
    cross join lateral (
        select
            private.build_request(
                rendered.request_template, rendered.base_url, rendered.rendered_at,
                rendered.secrets, rendered.definition, rendered.carried
            ) as request
        offset 0 -- built once, used thrice
    ) as built
    cross join lateral (
        select private.redact_request(built.request, rendered.secrets) as request
        offset 0
    ) as stored;
$function$;
comment on function private.render_items(bigint[]) is
$comment$Leased items as the wire contract wants them, and what of each request may be stored.

place: the order in which to make them. unresolved: the first name without a value; problem: why it
must not be sent with the secrets it carries (private.secret_problem). Such an item must not be
handed out. secret_ids: of the environment's secrets that it carries.$comment$;
