-- save_test and get_test: a test as one document, found or created, whole or not at all.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(69);

create function tests.saving(document jsonb)
returns text
language sql
as $function$ select format('select public.save_test(%L)', document) $function$;

-- A document that saves, with some of its fields changed.
create function tests.order_document(changes jsonb default '{}')
returns jsonb
language sql
as $function$
    select jsonb_build_object(
        'suite', tests.id('flow'), 'name', 'Order', 'request', '{"path": "/orders"}'::jsonb
    ) || changes;
$function$;

create function tests.is_refused(document jsonb, slug text, message text, description text)
returns setof text
language plpgsql
as $function$
begin
    return next is(tests.slug_of(tests.saving(document)), slug, description);
    return next alike(
        tests.message_of(tests.saving(document)), message, description || ': it says where'
    );
end;
$function$;

create function tests.order_id()
returns uuid
language sql
as $function$ select id from public.test_cases where name = 'Order' $function$;

create function tests.snapshot()
returns jsonb
language sql
as $function$
    select jsonb_build_array(
        (select jsonb_agg(to_jsonb(cases) order by cases.id) from public.test_cases as cases),
        (select jsonb_agg(to_jsonb(c) order by c.test_case_id) from public.test_request_configs as c),
        (select jsonb_agg(to_jsonb(s) order by s.test_case_id) from public.test_response_specs as s),
        (select jsonb_agg(to_jsonb(d) order by d) from public.test_dependencies as d),
        (select jsonb_agg(to_jsonb(u) order by u) from public.fixture_usage as u)
    );
$function$;

select tests.make_test('sign in', 'flow', jsonb_build_object('captures', tests.capture('session', 'token')));
select tests.make_fixture('countries', 'shop', '[{"key": "cz", "values": {"country": "CZ"}}]');
select tests.make_suite('billing', 'shop');
select tests.make_test('invoice', 'billing');
select tests.make_project('their shop', 'other');
select tests.make_suite('their flow', 'their shop');
select tests.make_test('theirs', 'their flow');
insert into public.api_endpoints (project_id, method, path, is_safe)
values (tests.id('shop'), 'POST', '/orders', false);

-- Creating

select tests.act_as('eda');
select lives_ok(tests.saving(tests.order_document()), 'an editor saves a test');
select is(
    (select to_jsonb(configs) - 'test_case_id' from public.test_request_configs as configs where test_case_id = tests.order_id()),
    (
        select to_jsonb(configs) - 'test_case_id' || '{"path": "/orders"}'
        from public.test_request_configs as configs where test_case_id = tests.id('sign in')
    ),
    'what the document leaves out has the default of the table'
);
select is_empty(
    $$ select from public.test_response_specs where test_case_id = tests.order_id() $$,
    'no row stands for what it does not say'
);
select is(
    (
        select saved.document
        from public.save_test(tests.order_document('{
            "description": "Makes one.", "phase": "setup", "position": 3, "priority": -1,
            "tags": ["smoke", "orders"], "is_enabled": false, "rescue": "never",
            "retry": {"attempts": 2}, "endpoint": {"method": "POST", "path": "/orders"},
            "request": {
                "method": "POST", "query": [["a", "b"]], "headers": [["X-A", "{{session}}"]],
                "body": {"kind": "json", "value": {"n": 1}}, "auth": {"kind": "none"},
                "idempotency_header": "X-Request-Id", "connect_timeout_ms": 100, "total_timeout_ms": 200, "max_redirects": 0,
                "max_body_bytes": 1000, "verify_tls": false
            },
            "assertions": [{"source": "status", "operator": "equals", "expected": 201}],
            "captures": [{"name": "order", "source": "body", "path": "$.id"}],
            "json_schema": {"type": "object"},
            "depends_on": [
                {"test": "sign in", "kind": "token"}, {"test": "billing/invoice", "kind": "order"}
            ],
            "fixture": "countries"
        }')) as saved (document)
    ),
    jsonb_build_object(
        'id', tests.order_id(), 'project', tests.id('shop'), 'suite', tests.id('flow'),
        'name', 'Order', 'description', 'Makes one.', 'phase', 'setup', 'position', 3,
        'priority', -1, 'tags', '["smoke", "orders"]'::jsonb, 'is_enabled', false,
        'is_archived', false, 'rescue', 'never', 'retry', '{"attempts": 2}'::jsonb,
        'endpoint', '{"method": "POST", "path": "/orders"}'::jsonb,
        'request', '{
            "method": "POST", "path": "/orders", "query": [["a", "b"]],
            "headers": [["X-A", "{{session}}"]], "body": {"kind": "json", "value": {"n": 1}},
            "auth": {"kind": "none"}, "idempotency_header": "X-Request-Id", "connect_timeout_ms": 100, "total_timeout_ms": 200,
            "max_redirects": 0, "max_body_bytes": 1000, "verify_tls": false
        }'::jsonb,
        'assertions', '[{"source": "status", "operator": "equals", "expected": 201}]'::jsonb,
        'captures', '[{"name": "order", "source": "body", "path": "$.id"}]'::jsonb,
        'json_schema', '{"type": "object"}'::jsonb,
        'depends_on', (
            select jsonb_agg(
                jsonb_build_object('test', links.id, 'kind', links.kind) order by links.id
            )
            from (
                values (tests.id('sign in'), 'token'), (tests.id('invoice'), 'order')
            ) as links (id, kind)
        ),
        'fixture', 'countries'
    ),
    'saving by name changes it, and every field comes back'
);

-- Changing

create temporary table before_saving as
select tests.snapshot() as rows, public.get_test(tests.order_id()) as document;
select lives_ok(tests.saving(public.get_test(tests.order_id())), 'what get_test gives can be saved');
select is(tests.snapshot(), (select rows from before_saving), 'which changes nothing at all');
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.order_id(), 'priority', 7)), 'an id is enough'
);
select is(
    public.get_test(tests.order_id()) - 'priority',
    (select document - 'priority' from before_saving), 'the rest stays'
);
select is(public.get_test(tests.order_id()) #>> '{request,body,value,n}', '1', 'the request too');
select is(public.get_test(tests.order_id()) -> 'priority', '7', 'what it says is changed');
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.order_id(), 'request', '{"body": null}'::jsonb)),
    'null takes a part away'
);
select is(public.get_test(tests.order_id()) #> '{request,body}', 'null', 'as of the request');
select is(public.get_test(tests.order_id()) #>> '{request,method}', 'POST', 'and of nothing else');
select lives_ok(
    tests.saving(
        jsonb_build_object('id', tests.order_id())
        || '{"endpoint": null, "fixture": null, "depends_on": [{"test": "sign in", "kind": "order"}]}'
    ),
    'links are taken away'
);
select is(
    public.get_test(tests.order_id()) #>> '{depends_on,0,kind}', 'order', 'a dependency changes its kind'
);
select is(
    jsonb_array_length(public.get_test(tests.order_id()) -> 'depends_on'), 1, 'and the list is whole'
);
select is(public.get_test(tests.order_id()) -> 'endpoint', 'null', 'no endpoint');
select is(public.get_test(tests.order_id()) -> 'fixture', 'null', 'no fixture');
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.order_id(), 'is_archived', true)), 'it is archived'
);
select is(public.get_test(tests.order_id()) -> 'is_archived', 'true', 'and says so');
select lives_ok(tests.saving(tests.order_document()), 'saving it again');
select is(public.get_test(tests.order_id()) -> 'is_archived', 'false', 'brings it back');
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.order_id(), 'suite', 'billing')),
    'a test moves to another suite of its project'
);
select is(
    public.get_test(tests.order_id()) ->> 'suite', tests.id('billing')::text, 'and is there'
);
select lives_ok(
    tests.saving(jsonb_build_object('id', tests.order_id(), 'suite', tests.id('flow'))), 'and back'
);
select lives_ok(
    tests.saving(
        jsonb_build_object('project', tests.id('shop')) || '{"suite": "billing", "name": "Pay", "request": {"path": "/pay"}}'
    ),
    'a suite is found by its name in a project'
);

-- What is refused, and where

select tests.is_refused(
    tests.order_document('{"fase": "setup"}'), 'malformed_document', 'at /fase: there is no such field',
    'a misspelt field'
);
select tests.is_refused(
    tests.order_document('{"request": {"paht": "/"}}'), 'malformed_document',
    'at /request/paht: there is no such field', 'also in the request'
);
select tests.is_refused(
    tests.order_document('{"phase": "before"}'), 'malformed_document',
    'at /phase: is none of setup, main, teardown', 'a value that is none'
);
select tests.is_refused(
    tests.order_document('{"position": 1.5}'), 'malformed_document',
    'at /position: is not a whole number of 32 bits', 'a fraction'
);
select tests.is_refused(
    tests.order_document('{"name": null}'), 'malformed_document', 'at /name: is not text', 'null'
);
select tests.is_refused(
    tests.order_document('{"name": " "}'), 'malformed_document',
    'at /: name has 1 to 200 characters', 'an empty name'
);
select tests.is_refused(
    tests.order_document('{"request": {"body": {"title": "A"}}}'), 'malformed_request',
    'at /request/body/kind: is neither json nor form nor text', 'a body that does not say its kind'
);
select tests.is_refused(
    tests.order_document('{"request": {"headers": [["a", "{{"]]}}'), 'template_syntax',
    'at /%"{{"%', 'a broken template'
);
select tests.is_refused(
    tests.order_document('{"assertions": [{"source": "moon"}]}'), 'malformed_expectation',
    'at /%source%', 'a broken assertion'
);
select tests.is_refused(
    tests.order_document('{"depends_on": [{"test": "sign in"}]}'), 'malformed_document',
    'at /depends_on/0/kind: is missing', 'a dependency of no kind'
);
select tests.is_refused(
    tests.order_document('{"depends_on": [{"test": "nobody", "kind": "data"}]}'), 'unknown_test',
    'at /depends_on/0/test: there is no test "nobody"', 'a dependency on nobody'
);
select tests.is_refused(
    tests.order_document('{"depends_on": [{"test": "Order", "kind": "data"}]}'), 'malformed_document',
    'at /depends_on/0/test: a test cannot wait for itself', 'a dependency on itself'
);
select tests.is_refused(
    tests.order_document('{"fixture": "nothing"}'), 'unknown_fixture',
    'at /fixture: there is no fixture "nothing"', 'a fixture that is not there'
);
select tests.is_refused(
    tests.order_document('{"endpoint": {"method": "GET", "path": "/orders"}}'), 'unknown_endpoint',
    'at /endpoint: there is no endpoint "GET /orders"', 'an endpoint that is not there'
);
select tests.is_refused(
    '{"name": "new", "request": {"path": "/"}}', 'unknown_suite', 'at /suite: is missing', 'no suite'
);
select tests.is_refused(
    jsonb_build_object('suite', tests.id('flow'), 'name', 'new'), 'malformed_document',
    'at /request/path: is missing', 'a new test without a request'
);
select tests.is_refused(
    jsonb_build_object('id', tests.order_id(), 'name', 'sign in'), 'name_taken',
    'at /name: the name is taken', 'the name of another test'
);
select tests.is_refused(
    jsonb_build_object('id', tests.id('nobody')), 'unknown_test', 'at /id: there is no test %',
    'the id of nobody'
);

-- Who may

select tests.act_as('vera');
select is(tests.slug_of(tests.saving(tests.order_document())), 'not_allowed', 'a viewer reads only');
select isnt(public.get_test(tests.order_id()), null, 'but does read');
select tests.act_as('otto');
select is(
    tests.slug_of(tests.saving(tests.order_document())), 'unknown_suite', 'to a stranger the suite is not there'
);
select is(public.get_test(tests.id('sign in')), null, 'nor is the test');
select tests.act_as_service();
select lives_ok(tests.saving(tests.order_document()), 'the secret key may');
select is(
    tests.slug_of(tests.saving(jsonb_build_object(
        'project', tests.id('shop'), 'suite', tests.id('flow'), 'id', tests.id('theirs')
    ))),
    'unknown_test', 'but moves no test from one project to another'
);
select tests.act_as_anon();
select throws_ok(tests.saving(tests.order_document()), '42501', null, 'nobody may not');

select * from finish();
rollback;
