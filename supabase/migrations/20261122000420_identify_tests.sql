-- Test documents, next: which test each of them is about.
-- Depends on: test_documents. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.given_test as (
    id uuid,
    is_new boolean,
    at text,
    document jsonb
);
comment on type private.given_test is
$comment$A test document on its way into the tables; id: of the test it becomes, null until that
exists; at: JSON pointer of the document in what the client sent.$comment$;

create function private.refuse_malformed_test(document jsonb, at text)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    perform private.refuse_malformed_document('test', document, at);
    if document ? 'request' then
        perform private.refuse_malformed_document(
            'request', document -> 'request', at || '/request'
        );
    end if;
    if jsonb_typeof(document -> 'endpoint') = 'object' then
        perform private.refuse_malformed_document(
            'endpoint', document -> 'endpoint', at || '/endpoint'
        );
    end if;
    perform private.refuse_malformed_document(
        'dependency', entries.item, format('%s/depends_on/%s', at, entries.ordinal - 1)
    )
    from jsonb_array_elements(coalesce(document -> 'depends_on', '[]'))
    with ordinality as entries (item, ordinal);
end;
$function$;
comment on function private.refuse_malformed_test(jsonb, text) is
$comment$Raise PT400 malformed_document for a field that a test document may not have.

What stands in request, assertions and the like is for the constraints of the tables.$comment$;

create function private.refuse_unidentified(given private.given_test[])
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem record;
begin
    select found.*
    into v_problem
    from (
        select
            tests.at,
            tests.document ->> 'id' as id,
            tests.document ->> 'name' as name,
            case
                when tests.document ? 'id' and tests.is_new then 'id'
                when not tests.document ?| array['id', 'name'] then 'name'
                when tests.is_new and not coalesce(tests.document -> 'request' ? 'path', false)
                    then 'request/path'
            end as lacking,
            greatest(
                count(tests.id) over (partition by tests.id),
                count(tests.document ->> 'name') over (partition by tests.document ->> 'name')
            ) > 1 as is_twice
        from unnest(given) as tests
    ) as found
    where found.lacking is not null or found.is_twice
    order by found.at
    limit 1;
    if not found then
        return;
    elsif v_problem.lacking = 'id' then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format(
                    'at %s/id: there is no test %s in this project', v_problem.at, v_problem.id
                )
            ),
            detail = 'unknown_test',
            hint = 'Leave the id out to create a test, or to find one by its name.';
    end if;
    raise exception using
        errcode = 'PT400',
        message = private.one_line(
            case
                when v_problem.lacking is null
                    then format('at %s: the test "%s" stands here twice', v_problem.at, v_problem.name)
                else format('at %s/%s: is missing', v_problem.at, v_problem.lacking)
            end
        ),
        detail = 'malformed_document',
        hint = 'A new test needs at least {"name": "...", "request": {"path": "/..."}}, '
            || 'and every test of a suite a name of its own.';
end;
$function$;
comment on function private.refuse_unidentified(private.given_test[]) is
$comment$Raise for a document that is about no test that exists and too bare for a new one, or about
the same test as another: PT400 malformed_document; PT404 unknown_test.$comment$;

create function private.identify_tests(suite public.test_suites, documents jsonb, base text)
returns private.given_test[]
language plpgsql -- an SQL function keeps its plan, and so the rights, of the first caller
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return (
        select coalesce(array_agg(
            row(
                coalesce(known.id, named.id),
                known.id is null and named.id is null,
                case when base = '' then '' else format('%s/%s', base, entries.ordinal - 1) end,
                entries.document
            )::private.given_test
            order by entries.ordinal
        ), '{}')
        from jsonb_array_elements(documents) with ordinality as entries (document, ordinal)
        left join public.test_cases as known
            on known.id = (entries.document ->> 'id')::uuid and known.project_id = suite.project_id
        left join public.test_cases as named
            on
                named.suite_id = suite.id
                and named.name = entries.document ->> 'name'
                and not entries.document ? 'id'
    );
end;
$function$;
comment on function private.identify_tests(public.test_suites, jsonb, text) is
$comment$Which test each document is about: by id, else by name in the suite, else a new one.

base: JSON pointer of the array of documents; empty when it holds the one document sent.$comment$;

grant execute on function
private.refuse_malformed_test(jsonb, text),
private.refuse_unidentified(private.given_test[]),
private.identify_tests(public.test_suites, jsonb, text)
to authenticated, service_role;
