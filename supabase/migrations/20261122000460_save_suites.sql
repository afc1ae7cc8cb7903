-- Saving suites: a suite with its fixtures and tests as one document.
-- Depends on: save_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.write_suite(document jsonb, project_id uuid)
returns public.test_suites
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_suite public.test_suites;
begin
    select suites.*
    into v_suite
    from public.test_suites as suites
    where
        suites.project_id = write_suite.project_id
        and case
            when document ? 'id' then suites.id = (document ->> 'id')::uuid
            else suites.name = document ->> 'name'
        end;
    if not found then
        insert into public.test_suites (project_id, name)
        values (write_suite.project_id, document ->> 'name')
        returning * into v_suite;
    end if;

    v_suite := jsonb_populate_record(v_suite, document - 'id');
    v_suite.archived_at := case
        when document -> 'is_archived' = 'true' then coalesce(v_suite.archived_at, now())
    end;
    update public.test_suites as suites
    set
        name = v_suite.name,
        description = v_suite.description,
        execution_mode = v_suite.execution_mode,
        headers = v_suite.headers,
        variables = v_suite.variables,
        auth = v_suite.auth,
        archived_at = v_suite.archived_at
    where suites.id = v_suite.id and suites is distinct from v_suite;
    return v_suite;
end;
$function$;
comment on function private.write_suite(jsonb, uuid) is
'Create or change the suite of a document, without its fixtures and tests.';

create function private.write_fixtures(fixtures jsonb, project_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_fixture record;
    v_message text;
    v_detail text;
    v_hint text;
    v_rule text;
begin
    -- a loop: few, and each may have to be told from the others when it breaks a rule
    for v_fixture in
        select
            format('/fixtures/%s', entries.ordinal - 1) as at,
            entries.item
        from jsonb_array_elements(fixtures) with ordinality as entries (item, ordinal)
    loop
        begin
            insert into public.test_data_fixtures (project_id, name, rows)
            values (
                write_fixtures.project_id, v_fixture.item ->> 'name', v_fixture.item -> 'rows'
            )
            on conflict on constraint test_data_fixtures_name_key do update
            set rows = excluded.rows
            where test_data_fixtures.rows <> excluded.rows;
        exception
            when sqlstate 'PT400' or sqlstate 'PT413' or check_violation then
                get stacked diagnostics
                    v_message = message_text,
                    v_detail = pg_exception_detail,
                    v_hint = pg_exception_hint,
                    v_rule = constraint_name;
                perform private.raise_placed(
                    v_fixture.at, sqlstate, v_message, v_detail, v_hint, v_rule
                );
        end;
    end loop;
end;
$function$;
comment on function private.write_fixtures(jsonb, uuid) is
'Create or change the fixtures of a suite document, by name in the project.';

create function private.find_project(document jsonb)
returns uuid
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_project_id uuid;
begin
    select coalesce(
        (
            select projects.id
            from public.projects
            where projects.id = (document ->> 'project')::uuid
        ),
        (
            select suites.project_id
            from public.test_suites as suites
            where suites.id = (document ->> 'id')::uuid and not document ? 'project'
        )
    )
    into v_project_id;
    if v_project_id is null then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                case
                    when document ? 'project'
                        then format('at /project: there is no project %s', document ->> 'project')
                    when document ? 'id'
                        then format('at /id: there is no suite %s', document ->> 'id')
                    else 'at /project: is missing'
                end
            ),
            detail = case
                when document ? 'id' and not document ? 'project' then 'unknown_suite'
                else 'unknown_project'
            end,
            hint = 'Give the id of one of your projects; '
                || 'with the id of a suite it may be left out.';
    end if;
    return v_project_id;
end;
$function$;
comment on function private.find_project(jsonb) is
'The project of a suite document. Errors: PT404 unknown_project, unknown_suite.';

create function private.refuse_malformed_suite(document jsonb)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    perform private.refuse_malformed_document('suite', document, '');
    perform private.refuse_malformed_document(
        'fixture', entries.item, format('/fixtures/%s', entries.ordinal - 1)
    )
    from jsonb_array_elements(coalesce(document -> 'fixtures', '[]'))
    with ordinality as entries (item, ordinal);

    if not document ? 'id' and not document ? 'name' then
        raise exception using
            errcode = 'PT400',
            message = 'at /name: is missing',
            detail = 'malformed_document',
            hint = 'Give the name of the suite, or the id of one that exists.';
    end if;
    if
        document ? 'id'
        and not exists (
            select
            from public.test_suites as suites
            where
                suites.id = (document ->> 'id')::uuid
                and suites.project_id = coalesce(
                    (document ->> 'project')::uuid, suites.project_id
                )
        )
    then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('at /id: there is no suite %s', document ->> 'id')),
            detail = 'unknown_suite',
            hint = 'Leave the id out to create a suite, or to find one by its name.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_suite(jsonb) is
$comment$Raise PT400 malformed_document or PT404 unknown_suite for what a suite document may not say
of the suite and its fixtures.$comment$;

create function public.save_suite(document jsonb)
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_project_id uuid;
    v_suite public.test_suites;
    v_test_ids uuid[];
    v_message text;
    v_detail text;
    v_hint text;
    v_rule text;
begin
    perform private.accept(private.size_problem(document, '/', 16777216));
    perform private.refuse_malformed_suite(document);
    v_project_id := private.find_project(document);
    perform private.require_editor(v_project_id, 'change suites');
    begin
        v_suite := private.write_suite(document, v_project_id);
    exception
        when sqlstate 'PT400' or sqlstate 'PT413' or check_violation or unique_violation then
            get stacked diagnostics
                v_message = message_text,
                v_detail = pg_exception_detail,
                v_hint = pg_exception_hint,
                v_rule = constraint_name;
            perform private.raise_placed('', sqlstate, v_message, v_detail, v_hint, v_rule);
    end;
    perform private.write_fixtures(coalesce(document -> 'fixtures', '[]'), v_project_id);
    v_test_ids := private.save_tests(
        v_suite,
        (
            -- in a suite the place in the array is the position, unless a test says otherwise
            select coalesce(
                jsonb_agg(
                    case
                        when jsonb_typeof(entries.test) = 'object'
                            then jsonb_build_object('position', entries.ordinal - 1) || entries.test
                        else entries.test
                    end
                    order by entries.ordinal
                ), '[]'
            )
            from jsonb_array_elements(coalesce(document -> 'tests', '[]'))
            with ordinality as entries (test, ordinal)
        ),
        '/tests'
    );
    if document -> 'is_complete' = 'true' then
        update public.test_cases as cases
        set archived_at = now()
        where
            cases.suite_id = v_suite.id
            and cases.id <> all(v_test_ids)
            and cases.archived_at is null;
    end if;

    return jsonb_build_object(
        'id', v_suite.id,
        'project', v_project_id,
        'name', v_suite.name,
        'tests', (
            select coalesce(
                jsonb_agg(
                    jsonb_build_object('id', cases.id, 'name', cases.name) order by saved.ordinal
                ), '[]'
            )
            from unnest(v_test_ids) with ordinality as saved (id, ordinal)
            inner join public.test_cases as cases on cases.id = saved.id
        )
    );
end;
$function$;
comment on function public.save_suite(jsonb) is
$comment$Create or change a suite with its fixtures and tests, as one document in one transaction.

document: {"id", "project", "name", "description", "execution_mode", "headers", "variables", "auth",
"is_archived", "fixtures": [{"name", "rows"}], "tests": [test documents], "is_complete"}. Found by id,
else by name in the project (an id), else created. Fields that are missing keep their value. tests: as
save_test takes them; their place in the array is their position unless they give one. Tests of the
suite that are not in the document stay, or with is_complete true are archived. Fixtures belong to the
project and are found by name.
Returns {"id", "project", "name", "tests": [{"id", "name"}]}, the tests in the order given. Nothing is
written on error, and the message begins with the place, e.g. at /tests/2/request/path: PT400
malformed_document and what the checks of the tables raise; PT403 not_allowed; PT404 unknown_project,
unknown_suite, unknown_test, unknown_endpoint, unknown_fixture; PT409 name_taken.$comment$;
grant execute on function public.save_suite(jsonb) to authenticated, service_role;

grant execute on function
private.write_suite(jsonb, uuid),
private.write_fixtures(jsonb, uuid),
private.find_project(jsonb),
private.refuse_malformed_suite(jsonb)
to authenticated, service_role;
