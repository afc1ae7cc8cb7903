-- What test documents say of other rows: dependencies and fixtures.
-- Depends on: identify_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.named_dependencies(suite public.test_suites, document jsonb)
returns table (ordinal bigint, name text, kind text, upstream_id uuid)
language plpgsql -- as identify_tests
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        entries.ordinal,
        entries.item ->> 'test',
        entries.item ->> 'kind',
        coalesce(
            (
                select cases.id
                from public.test_cases as cases
                where
                    cases.suite_id = suite.id
                    and cases.name = entries.item ->> 'test'
            ),
            (
                select cases.id
                from public.test_cases as cases
                where
                    cases.project_id = suite.project_id
                    and cases.id::text = lower(entries.item ->> 'test')
            ),
            (
                select cases.id
                from public.test_suites as suites
                inner join public.test_cases as cases on cases.suite_id = suites.id
                where
                    suites.project_id = suite.project_id
                    and starts_with(entries.item ->> 'test', suites.name || '/')
                    and cases.name = substr(entries.item ->> 'test', length(suites.name) + 2)
                limit 1
            )
        )
    from jsonb_array_elements(coalesce(document -> 'depends_on', '[]'))
    with ordinality as entries (item, ordinal);
end;
$function$;
comment on function private.named_dependencies(public.test_suites, jsonb) is
$comment$The tests that a document depends on: by name in the suite, by id, or as "suite/test" in
the project; upstream_id is null where there is none.$comment$;

create function private.link_tests(suite public.test_suites, given private.given_test[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_problem record;
begin
    select
        found.at,
        found.slug,
        found.name
    into v_problem
    from (
        select
            tests.at || '/endpoint' as at,
            'unknown_endpoint' as slug,
            concat_ws(
                ' ', tests.document #>> '{endpoint,method}', tests.document #>> '{endpoint,path}'
            ) as name
        from unnest(given) as tests
        inner join public.test_cases as cases on cases.id = tests.id
        where jsonb_typeof(tests.document -> 'endpoint') = 'object' and cases.endpoint_id is null
        union all
        select
            tests.at || '/fixture',
            'unknown_fixture',
            tests.document ->> 'fixture'
        from unnest(given) as tests
        where
            jsonb_typeof(tests.document -> 'fixture') = 'string'
            and not exists (
                select
                from public.test_data_fixtures as fixtures
                where
                    fixtures.project_id = suite.project_id
                    and fixtures.name = tests.document ->> 'fixture'
            )
        union all
        select
            format('%s/depends_on/%s/test', tests.at, links.ordinal - 1),
            case when links.upstream_id = tests.id then 'malformed_document' else 'unknown_test' end,
            links.name
        from unnest(given) as tests
        cross join lateral private.named_dependencies(suite, tests.document) as links
        where links.upstream_id is null or links.upstream_id = tests.id
    ) as found
    order by found.at
    limit 1;
    if found then
        raise exception using
            errcode = case v_problem.slug when 'malformed_document' then 'PT400' else 'PT404' end,
            message = private.one_line(
                case v_problem.slug
                    when 'malformed_document'
                        then format('at %s: a test cannot wait for itself', v_problem.at)
                    else format(
                        'at %s: there is no %s "%s"', v_problem.at,
                        replace(v_problem.slug, 'unknown_', ''), v_problem.name
                    )
                end
            ),
            detail = v_problem.slug,
            hint = case v_problem.slug
                when 'unknown_endpoint'
                    then 'Insert it into api_endpoints of the project first, or correct it.'
                when 'unknown_fixture'
                    then 'Save it first, with the suite or in test_data_fixtures.'
                else
                    'Name another test of the suite, "suite/test" for one of another suite of the '
                    || 'project, or give its id.'
            end;
    end if;

    delete from public.test_dependencies as dependencies
    using unnest(given) as tests
    where
        dependencies.test_case_id = tests.id
        and tests.document ? 'depends_on'
        and not exists (
            select from private.named_dependencies(suite, tests.document) as links
            where links.upstream_id = dependencies.depends_on_id
        );

    insert into public.test_dependencies (test_case_id, depends_on_id, kind, project_id)
    select
        tests.id,
        links.upstream_id,
        -- named twice: the stricter one counts
        (array_agg(links.kind order by links.kind = 'order'))[1],
        suite.project_id
    from unnest(given) as tests
    cross join lateral private.named_dependencies(suite, tests.document) as links
    group by tests.id, links.upstream_id
    on conflict (test_case_id, project_id, depends_on_id) do update
    set kind = excluded.kind
    where test_dependencies.kind <> excluded.kind;

    delete from public.fixture_usage as usage
    using unnest(given) as tests
    where usage.test_case_id = tests.id and tests.document -> 'fixture' = 'null';

    insert into public.fixture_usage (test_case_id, fixture_id, project_id)
    select
        tests.id,
        fixtures.id,
        suite.project_id
    from unnest(given) as tests
    inner join public.test_data_fixtures as fixtures
        on
            fixtures.project_id = suite.project_id
            and fixtures.name = tests.document ->> 'fixture'
    on conflict (test_case_id, project_id) do update
    set fixture_id = excluded.fixture_id
    where fixture_usage.fixture_id <> excluded.fixture_id;
end;
$function$;
comment on function private.link_tests(public.test_suites, private.given_test[]) is
$comment$Write what test documents say of other rows: dependencies and fixtures.

Errors: PT400 malformed_document; PT404 unknown_endpoint, unknown_fixture, unknown_test.$comment$;

grant execute on function
private.named_dependencies(public.test_suites, jsonb),
private.link_tests(public.test_suites, private.given_test[])
to authenticated, service_role;
