-- The header by which a request signs in.
-- Depends on: templates. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

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
