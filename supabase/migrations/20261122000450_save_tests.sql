-- save_test: the whole of a test in one call.
-- Depends on: write_tests, link_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.save_tests(suite public.test_suites, documents jsonb, base text)
returns uuid[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_given private.given_test[];
begin
    perform private.refuse_malformed_test(
        entries.document,
        case when base = '' then '' else format('%s/%s', base, entries.ordinal - 1) end
    )
    from jsonb_array_elements(documents) with ordinality as entries (document, ordinal);

    v_given := private.identify_tests(suite, documents, base);
    perform private.refuse_unidentified(v_given);
    begin
        v_given := private.add_tests(suite, v_given);
        perform private.write_tests(suite, v_given);
    exception
        when
            sqlstate 'PT400' or sqlstate 'PT413' or check_violation or not_null_violation or unique_violation
            or data_exception
        then
            perform private.place_problem(suite, v_given);
            raise;
    end;
    perform private.link_tests(suite, v_given);
    return array(select tests.id from unnest(v_given) as tests);
end;
$function$;
comment on function private.save_tests(public.test_suites, jsonb, text) is
$comment$Save an array of test documents into a suite; the ids, in the order of the documents.

base: JSON pointer of the array in what the client sent; empty when it holds the one document sent.
The caller has checked that the suite may be changed.$comment$;

create function private.find_suite(document jsonb)
returns public.test_suites
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_suite public.test_suites;
    v_project_id uuid := (document ->> 'project')::uuid;
begin
    if document ? 'suite' then
        select suites.*
        into v_suite
        from public.test_suites as suites
        where
            (suites.id::text = lower(document ->> 'suite') or suites.name = document ->> 'suite')
            and suites.project_id = coalesce(
                v_project_id,
                (
                    select cases.project_id
                    from public.test_cases as cases
                    where cases.id = (document ->> 'id')::uuid
                ),
                case when suites.id::text = lower(document ->> 'suite') then suites.project_id end
            )
        order by suites.id::text = lower(document ->> 'suite') desc
        limit 1;
    else
        select suites.*
        into v_suite
        from public.test_cases as cases
        inner join public.test_suites as suites on suites.id = cases.suite_id
        where cases.id = (document ->> 'id')::uuid;
    end if;

    if v_suite.id is null then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                case
                    when document ? 'suite'
                        then format('at /suite: there is no suite "%s"', document ->> 'suite')
                    when document ? 'id'
                        then format('at /id: there is no test %s', document ->> 'id')
                    else 'at /suite: is missing'
                end
            ),
            detail = case
                when document ? 'id' and not document ? 'suite' then 'unknown_test'
                else 'unknown_suite'
            end,
            hint = 'Give "suite" as the id of a suite, or as its name beside "project", an id; '
                || 'with the id of a test both may be left out.';
    end if;
    return v_suite;
end;
$function$;
comment on function private.find_suite(jsonb) is
$comment$The suite of a test document: by id, by name in a project, or where the test is.

Errors: PT404 unknown_suite, unknown_test.$comment$;

create function public.save_test(document jsonb)
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_suite public.test_suites;
    v_ids uuid[];
begin
    perform private.accept(private.size_problem(document, '/', 16777216));
    perform private.refuse_malformed_test(document, '');
    v_suite := private.find_suite(document);
    perform private.require_editor(v_suite.project_id, 'change tests');
    v_ids := private.save_tests(v_suite, jsonb_build_array(document), '');
    return (select public.get_test(v_ids[1]));
end;
$function$;
comment on function public.save_test(jsonb) is
$comment$Create or change a test with its request, expectations, dependencies and fixture, as one
document.

document: {"id", "project", "suite", "name", "description", "phase", "position", "priority", "tags",
"is_enabled", "is_archived", "rescue", "retry", "endpoint": {"method", "path"}, "request",
"assertions", "captures", "depends_on": [{"test", "kind"}], "fixture": name}. Found by id, else by name in its suite,
else created. suite: id, or name in project. Fields that are missing keep their value; depends_on
replaces all dependencies; an archived test comes back unless is_archived is true. A dependency is
named as in the suite, as "suite/test", or by id. All fields: docs/tests.md.
Returns the document as get_test does. Nothing is written on error, and the message begins with the
place, e.g. at /assertions/1/path: PT400 malformed_document and what the checks of the tables raise;
PT403 not_allowed; PT404 unknown_suite, unknown_test, unknown_endpoint, unknown_fixture; PT409
name_taken.$comment$;
grant execute on function public.save_test(jsonb) to authenticated, service_role;

grant execute on function
private.save_tests(public.test_suites, jsonb, text),
private.find_suite(jsonb)
to authenticated, service_role;
