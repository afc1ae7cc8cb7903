-- What kind of failure it is, where it is, and what is the same one.
begin;
\ir _lib/people.psql
select plan(43);

-- A failure with this evidence, a field of failure_evidence each.
create function tests.evidence(fields jsonb)
returns private.failure_evidence
language sql
as $function$
    select jsonb_populate_record(
        null::private.failure_evidence,
        '{"category": "assertion", "slug": "assertion_failed", "http_status": 200}'
        || case
            when fields ? 'source'
                then '{"operator": "equals", "told": "expected: something else"}'::jsonb
            else '{}'
        end
        || fields
    );
$function$;

create function tests.class_of(fields jsonb)
returns text
language sql
as $function$ select private.failure_class(tests.evidence(fields)) $function$;

create function tests.place_of(fields jsonb)
returns text
language sql
as $function$
    select private.failure_location(tests.evidence(fields), tests.class_of(fields));
$function$;

create function tests.text_of(fields jsonb)
returns text
language sql
as $function$
    select private.normalize_message(
        private.failure_text(tests.evidence(fields), tests.class_of(fields))
    );
$function$;

create function tests.fingerprint_of(fields jsonb)
returns text
language sql
as $function$
    select private.failure_fingerprint(
        tests.class_of(fields), tests.place_of(fields), tests.text_of(fields)
    );
$function$;

-- Classes

create table tests.classes (
    id bigint generated always as identity,
    fields jsonb,
    class text,
    fact text
);
insert into tests.classes (fields, class, fact)
values
('{"category": "network", "slug": "dns_failed"}', 'dns', 'a name without an address'),
('{"category": "network", "slug": "connect_failed"}', 'connect', 'no connection'),
('{"category": "network", "slug": "tls_failed"}', 'tls', 'no handshake'),
('{"category": "network", "slug": "protocol_error"}', 'protocol', 'what is not HTTP'),
('{"category": "timeout", "slug": "request_timeout"}', 'timeout', 'no answer in time'),
('{"category": "egress", "slug": "egress_denied"}', 'egress', 'where nothing may go'),
('{"category": "response", "slug": "body_truncated"}', 'response', 'an answer that cannot be judged'),
('{"category": "definition", "slug": "invalid_path"}', 'definition', 'a test that cannot be made'),
('{"category": "context", "slug": "context_too_large"}', 'context', 'no room for what it captured'),
('{"category": "lost", "slug": "lost"}', 'infra', 'a worker that died'),
('{"category": "worker", "slug": "unreportable"}', 'infra', 'a report that could not be kept'),
('{"category": "dependency", "slug": "upstream_not_passed"}', 'dependency', 'a skip would be one, if it were filed'),
('{"category": "capture", "slug": "capture_missing"}', 'capture', 'a value that was not there'),
('{"source": "status", "http_status": 503}', 'http_5xx', 'an answer of 500 and more'),
('{"source": "status", "http_status": 404}', 'http_4xx', 'of 400 and more'),
('{"source": "body", "target": "$.id", "http_status": 500}', 'http_5xx', 'whatever was asserted of it'),
('{"category": "capture", "slug": "capture_missing", "http_status": 401}', 'http_4xx', 'or to be captured'),
('{"category": "response", "slug": "body_not_text", "http_status": 502}', 'http_5xx', 'or cannot be read'),
(
    '{"source": "body", "target": "$.id", "http_status": 404, "is_status_expected": true}',
    'assertion(equals,body $.id)', 'unless that status was expected'
),
('{"source": "status"}', 'assertion(equals,status)', 'a status that is no error'),
('{"source": "body", "target": "$.a[0].id"}', 'assertion(equals,body $.a[0].id)', 'an assertion has operator and path'),
(
    '{"source": "body", "target": "$[?(@.id == 17)].x", "operator": "exists"}',
    'assertion(exists,body $[?(@.id == {n})].x)', 'a path without the values filled into it'
),
('{"source": "header", "target": "etag", "operator": "exists"}', 'assertion(exists,header etag)', 'or a name'),
('{"source": "schema", "actual": [{"path": "/id"}]}', 'schema', 'a body that is not as its schema'),
('{"source": "body", "target": "$.id", "told": "body $.id equals 5: the body is not JSON: x"}', 'not_json', 'a body that is none'),
('{}', 'assertion', 'an assertion of which the evidence is gone'),
('{"category": "new", "slug": "new"}', 'new', 'what is not known is told by its category');

select is(tests.class_of(fields), class, fact) from tests.classes order by id;

-- Places and texts

select is(tests.place_of('{"source": "status", "http_status": 503}'), 'status 503', 'an error is told by its status');
select is(tests.place_of('{"source": "status", "http_status": 204}'), 'status 204', 'and so is a status that is none');
select is(
    tests.place_of('{"source": "schema", "actual": [{"path": "/3/id", "schema_path": "/items/type"}]}'),
    '/items/type', 'what breaks a schema by the place there'
);
select is(
    tests.text_of('{"source": "schema", "actual": [{"path": "/3/id", "message": "5 is not of type ''string''"}]}'),
    'at /{n}/id: {n} is not of type ''string''', 'with what was wrong'
);
select is(
    tests.text_of('{"source": "body", "target": "$.name", "expected": "Ann", "actual": "Bob"}'),
    'body $.name equals "Ann"; got "Bob"', 'an assertion says what was expected and found'
);
select is(
    tests.text_of('{"source": "body", "target": "$", "expected": {"a": 1}, "actual": [1, 2]}'),
    'body $ equals "{object}"; got "{array}"', 'what has parts is told by its type'
);
select is(
    tests.text_of('{"source": "body", "target": "$.id", "expected": 5}'),
    'body $.id equals {n}; got nothing', 'and so is nothing'
);
select is(
    tests.text_of(jsonb_build_object(
        'source', 'status', 'http_status', 500, 'body', '{"error": "no order 17 for \"ann\", and that is too bad"}'
    )),
    '{error: no order {n} for "ann", and that is too bad}', 'an API says it in its answer, however long'
);
select is(
    tests.text_of('{"source": "status", "http_status": 500, "message": "expected: ...; the answer: {\"error\": \"no order 17\"}"}'),
    '{error: no order {n}}', 'of which the message has the beginning'
);
select is(
    tests.text_of('{"category": "network", "slug": "connect_failed", "message": "refused by 10.0.0.1"}'),
    'refused by {ip}', 'else the message says it'
);

-- Fingerprints

select is(
    tests.fingerprint_of('{"source": "status", "operator": "equals", "http_status": 500, "body": "no order 17"}'),
    tests.fingerprint_of('{"source": "body", "target": "$.x", "http_status": 500, "body": "no order 4"}'),
    'tests that expect different things of one broken answer have one cause'
);
select isnt(
    tests.fingerprint_of('{"source": "status", "http_status": 500, "body": "no order"}'),
    tests.fingerprint_of('{"source": "status", "http_status": 503, "body": "no order"}'),
    'another status is another one'
);
select isnt(
    tests.fingerprint_of('{"source": "body", "target": "$.a", "expected": 1}'),
    tests.fingerprint_of('{"source": "body", "target": "$.b", "expected": 1}'),
    'so is another path'
);
select isnt(
    private.failure_fingerprint('a', 'b', 'c'), private.failure_fingerprint('a', '', 'bc'),
    'and what only reads alike when it is put together'
);
select is(
    private.failure_fingerprint('schema', '/id', 'oh'), md5('schema' || e'\x1f' || '/id' || e'\x1f' || 'oh'),
    'it is the MD5 of all three'
);
select is(
    (
        select array_agg(procedures.proname::text order by procedures.proname)
        from pg_proc as procedures
        where
            procedures.pronamespace = 'private'::regnamespace
            and procedures.proname in (
                'normalize_message', 'failure_class', 'failure_location', 'failure_text', 'failure_fingerprint'
            )
            and (procedures.provolatile, procedures.proparallel) <> ('i', 's')
    ),
    null, 'and all of this is pure'
);

select * from finish();
rollback;
