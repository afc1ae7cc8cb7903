-- Test documents to rows, under the rights of the caller and the constraints of the tables.
-- Depends on: identify_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.add_tests(suite public.test_suites, given private.given_test[])
returns private.given_test[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_given private.given_test[];
begin
    with added as (
        insert into public.test_cases (project_id, suite_id, name)
        select
            suite.project_id,
            suite.id,
            tests.document ->> 'name'
        from unnest(given) as tests
        where tests.is_new
        returning
            test_cases.id,
            test_cases.name
    )

    select coalesce(
        array_agg(
            row(
                coalesce(added.id, tests.id), tests.is_new, tests.at, tests.document
            )::private.given_test
            order by tests.ordinality
        ), '{}'
    )
    into v_given
    from unnest(given) with ordinality as tests
    left join added on tests.is_new and added.name = tests.document ->> 'name';
    return v_given;
end;
$function$;
comment on function private.add_tests(public.test_suites, private.given_test[]) is
'Create the tests of documents that are about none yet, bare; the documents, all with ids now.';

create function private.write_tests(suite public.test_suites, given private.given_test[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    insert into public.test_request_configs (test_case_id, project_id, path)
    select
        tests.id,
        suite.project_id,
        tests.document #>> '{request,path}'
    from unnest(given) as tests
    where tests.document -> 'request' ? 'path'
    on conflict do nothing;

    insert into public.test_response_specs (test_case_id, project_id)
    select
        tests.id,
        suite.project_id
    from unnest(given) as tests
    where tests.document ?| array['assertions', 'captures', 'json_schema']
    on conflict do nothing;

    -- then what the documents say: a field that is missing keeps its value
    with merged as materialized (
        select
            populated.*,
            case
                when not tests.document ? 'endpoint' then cases.endpoint_id
                else (
                    select endpoints.id
                    from public.api_endpoints as endpoints
                    where
                        endpoints.project_id = suite.project_id
                        and endpoints.method = tests.document #>> '{endpoint,method}'
                        and endpoints.path = tests.document #>> '{endpoint,path}'
                )
            end as new_endpoint_id,
            case
                when tests.document -> 'is_archived' = 'true'
                    then coalesce(cases.archived_at, now())
            end as new_archived_at
        from unnest(given) as tests
        inner join public.test_cases as cases on cases.id = tests.id
        cross join lateral jsonb_populate_record(cases, tests.document - 'id') as populated
    )

    update public.test_cases as cases
    set
        suite_id = suite.id,
        endpoint_id = merged.new_endpoint_id,
        name = merged.name,
        description = merged.description,
        phase = merged.phase,
        position = merged.position,
        priority = merged.priority,
        tags = merged.tags,
        is_enabled = merged.is_enabled,
        rescue = merged.rescue,
        retry = merged.retry,
        archived_at = merged.new_archived_at
    from merged
    where
        cases.id = merged.id
        and to_jsonb(cases) is distinct from to_jsonb(merged)
        - array['new_endpoint_id', 'new_archived_at']
        || jsonb_build_object(
            'suite_id', suite.id,
            'endpoint_id', merged.new_endpoint_id,
            'archived_at', merged.new_archived_at
        );

    with merged as materialized (
        select populated.*
        from unnest(given) as tests
        inner join public.test_request_configs as configs on configs.test_case_id = tests.id
        cross join lateral
            jsonb_populate_record(configs, tests.document -> 'request') as populated
    )

    update public.test_request_configs as configs
    set
        method = merged.method,
        path = merged.path,
        query = merged.query,
        headers = merged.headers,
        body = merged.body,
        auth = merged.auth,
        idempotency_header = merged.idempotency_header,
        connect_timeout_ms = merged.connect_timeout_ms,
        total_timeout_ms = merged.total_timeout_ms,
        max_redirects = merged.max_redirects,
        max_body_bytes = merged.max_body_bytes,
        verify_tls = merged.verify_tls
    from merged
    where
        configs.test_case_id = merged.test_case_id
        and to_jsonb(configs) is distinct from to_jsonb(merged);

    with merged as materialized (
        select populated.*
        from unnest(given) as tests
        inner join public.test_response_specs as specs on specs.test_case_id = tests.id
        cross join lateral jsonb_populate_record(specs, tests.document) as populated
    )

    update public.test_response_specs as specs
    set
        assertions = merged.assertions,
        captures = merged.captures,
        json_schema = merged.json_schema
    from merged
    where
        specs.test_case_id = merged.test_case_id
        and to_jsonb(specs) is distinct from to_jsonb(merged);
end;
$function$;
comment on function private.write_tests(public.test_suites, private.given_test[]) is
'Write what test documents say of themselves; what they say of other rows is for link_tests.';

create function private.explain_rule(rule text)
returns text
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        (
            select
                rtrim(replace(obj_description(constraints.oid, 'pg_constraint'), e'\n', ' '), '.')
            from pg_catalog.pg_constraint as constraints
            where
                constraints.conname = rule
                and constraints.connamespace = 'public'::regnamespace
        ),
        'breaks the rule ' || nullif(rule, '')
    );
$function$;
comment on function private.explain_rule(text) is
'What a constraint of a table in public asks, in the words of its comment; null for no name.';

create function private.raise_placed(
    at text, state text, message text, detail text, hint text, rule text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if state = '23505' then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(format('at %s/name: the name is taken', at)),
            detail = 'name_taken',
            hint = 'Choose another name, or save the one that has it.';
    elsif state in ('PT400', 'PT413') then
        raise exception using
            errcode = state,
            -- a check that knows the place within its column says so itself
            message = private.one_line(
                case
                    when message like 'at /%' then 'at ' || at || substr(message, 4)
                    else format('at %s: %s', coalesce(nullif(at, ''), '/'), message)
                end
            ),
            detail = detail,
            hint = hint;
    else
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format(
                    'at %s: %s', coalesce(nullif(at, ''), '/'),
                    coalesce(private.explain_rule(rule), message)
                )
            ),
            detail = 'malformed_document',
            hint = 'All fields and what they may hold: docs/tests.md.';
    end if;
end;
$function$;
comment on function private.raise_placed(text, text, text, text, text, text) is
$comment$Raise what a constraint of a table raised, with its place in what the client sent.

at: JSON pointer of the document that was being written. state, message, detail, hint and rule (the
constraint's name, told by its comment): of the error. Errors: PT400 as the check says, or
malformed_document; PT409 name_taken; PT413 too_large.$comment$;

create function private.place_problem(suite public.test_suites, given private.given_test[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_one private.given_test;
    v_message text;
    v_detail text;
    v_hint text;
    v_rule text;
    v_column text;
begin
    foreach v_one in array given loop
        begin
            perform private.write_tests(suite, private.add_tests(suite, array[v_one]));
        exception
            when
                sqlstate 'PT400' or sqlstate 'PT413' or check_violation or not_null_violation or unique_violation
                or data_exception
            then
                get stacked diagnostics
                    v_message = message_text,
                    v_detail = pg_exception_detail,
                    v_hint = pg_exception_hint,
                    v_rule = constraint_name;
                v_column := substring(v_message from '^at /([a-z_]+)');
                perform private.raise_placed(
                    v_one.at || case
                        when private.document_fields('request') ? v_column then '/request'
                        else ''
                    end,
                    sqlstate, v_message, v_detail, v_hint, v_rule
                );
        end;
    end loop;
end;
$function$;
comment on function private.place_problem(public.test_suites, private.given_test[]) is
$comment$Write tests one by one, to raise the error that broke them all with the place of the one
that caused it.$comment$;

grant execute on function
private.add_tests(public.test_suites, private.given_test[]),
private.write_tests(public.test_suites, private.given_test[]),
private.explain_rule(text),
private.raise_placed(text, text, text, text, text, text),
private.place_problem(public.test_suites, private.given_test[])
to authenticated, service_role;
