-- What kind of failure it is, where it is, and by which fingerprint it is known again. Pure.
-- Depends on: normalize_messages, judge_assertions. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.failure_evidence as (
    category text,
    slug text,
    message text,
    http_status integer,
    is_status_expected boolean,
    source text,
    target text,
    operator text,
    expected jsonb,
    actual jsonb,
    told text,
    body text
);
comment on type private.failure_evidence is
$comment$What is known of a result that failed or ended in error: its reason and status;
whether an assertion on the status was true; its first false assertion, as in
assertion_results (told: the message), null for none; how the body of the answer begins,
null for none or no text.$comment$;

create function private.is_unreadable(evidence private.failure_evidence)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- a comparison that was made reads "expected: ..."; a look-up that could not be made does not
    return evidence.actual is null
        and coalesce(evidence.told not like 'expected: %', false);
end;
$function$;
comment on function private.is_unreadable(private.failure_evidence) is
'Is an assertion false because the body that it looks into is not JSON?';

create function private.assertion_place(evidence private.failure_evidence)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return private.normalize_message(concat_ws(' ', evidence.source, evidence.target));
end;
$function$;
comment on function private.assertion_place(private.failure_evidence) is
$comment$What the first false assertion looks at, without values in its path: body $.id,
header etag, status.$comment$;

create function private.failure_class(evidence private.failure_evidence)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        -- whatever was asserted of it: an API that answers 503 has one fault, not forty
        when
            evidence.category in ('assertion', 'capture', 'response')
            and evidence.http_status >= 400
            and not coalesce(evidence.is_status_expected, false)
            then case when evidence.http_status >= 500 then 'http_5xx' else 'http_4xx' end
        when evidence.category = 'assertion' then case
            when private.is_unreadable(evidence) then 'not_json'
            when evidence.source = 'schema' then 'schema'
            when evidence.source is null then 'assertion'
            else format('assertion(%s,%s)', evidence.operator, private.assertion_place(evidence))
        end
        when evidence.slug = 'dns_failed' then 'dns'
        when evidence.slug = 'connect_failed' then 'connect'
        when evidence.slug = 'tls_failed' then 'tls'
        when evidence.category = 'network' then 'protocol'
        when evidence.category in ('lost', 'worker') then 'infra'
        -- timeout, capture, response, egress, definition, context, dependency, cancelled
        else coalesce(evidence.category, 'other')
    end;
end;
$function$;
comment on function private.failure_class(private.failure_evidence) is
$comment$The kind of a failure: dns, connect, tls, protocol, timeout, http_5xx, http_4xx,
not_json, schema, assertion(operator,place), capture, response, egress, definition,
context, infra.

An answer of 400 or more that no assertion expected is told by its status, whatever else
was asserted of it. Source: algorithms 3.8.$comment$;

create function private.failure_location(evidence private.failure_evidence, class text)
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
            class in ('http_5xx', 'http_4xx')
            or (class like 'assertion(%' and evidence.source = 'status')
            then format('status %s', evidence.http_status)
        when class = 'schema'
            then private.normalize_message(evidence.actual #>> '{0,schema_path}')
        when class like 'assertion(%' then private.assertion_place(evidence)
        when class in ('assertion', 'not_json') then ''
        else coalesce(evidence.slug, '')
    end;
end;
$function$;
comment on function private.failure_location(private.failure_evidence, text) is
$comment$Where in an answer a failure is, in words that hold for every test: the status,
the place of the assertion or in the schema, else the slug. class: of
private.failure_class.$comment$;

create function private.shape_of(value jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case jsonb_typeof(value)
        when 'object' then '"{object}"'
        when 'array' then '"{array}"'
        when 'string' then case when length(value #>> '{}') > 32 then '"{text}"' else value end
        else value
    end;
end;
$function$;
comment on function private.shape_of(jsonb) is
'A value as a fingerprint sees it: what is long or has parts is told by its type.';

create function private.plain_body(body text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- its texts are what the API says: they are no quotations
    if body ~ '^[ \t\n\r]*[[{]' then
        body := replace(body, '\"', e'\ue001');
        body := replace(replace(body, '"', ''), e'\ue001', '"');
    end if;
    return body;
end;
$function$;
comment on function private.plain_body(text) is
'An answer without the quotation marks of JSON, whole or cut.';

create function private.failure_text(evidence private.failure_evidence, class text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when class in ('http_5xx', 'http_4xx', 'not_json') then coalesce(
            private.plain_body(evidence.body),
            -- what the message quotes, where the evidence is gone
            private.plain_body(substring(evidence.message from '; the answer: (.*)$')),
            ''
        )
        when class = 'schema' then coalesce(
            format(
                'at %s: %s', coalesce(nullif(evidence.actual #>> '{0,path}', ''), '/'),
                evidence.actual #>> '{0,message}'
            ), evidence.message
        )
        when class like 'assertion(%' then format(
            '%s; got %s',
            private.describe_assertion(jsonb_build_object(
                'source', evidence.source, 'path', evidence.target, 'operator', evidence.operator,
                'expected', case
                    when evidence.operator = 'one_of' then evidence.expected
                    else private.shape_of(evidence.expected)
                end
            )),
            coalesce(private.shape_of(evidence.actual)::text, 'nothing')
        )
        else coalesce(evidence.message, '')
    end;
end;
$function$;
comment on function private.failure_text(private.failure_evidence, text) is
$comment$What is said of a failure, for private.normalize_message: how the answer begins, what was
expected and found, else the message. class: of private.failure_class.$comment$;

create function private.failure_fingerprint(class text, location text, message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return md5(concat_ws(e'\x1f', class, location, message));
end;
$function$;
comment on function private.failure_fingerprint(text, text, text) is
$comment$By which a failure is known again: MD5 over its class, location and normalized message.
Source: algorithms 3.8.$comment$;
