-- Planning, first part: which tests a selection names, with what planning asks of them.
-- Depends on: queue, compile. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.planned_test as (
    id uuid,
    suite_id uuid,
    suite_name text,
    execution_mode text,
    test_name text,
    phase text,
    phase_rank integer,
    position integer,
    priority integer,
    is_repeatable boolean,
    fixture_id uuid,
    fixture_names text[],
    row_keys text[],
    digest bytea,
    definition_id bigint,
    document jsonb,
    uses text[],
    requires text[],
    provides text[]
);
comment on type private.planned_test is
$comment$A compiled test on its way into a run.

row_keys: rows of its fixture that are to run; null = all. document: its definition while that is
not stored yet, definition_id is null then.$comment$;

create type private.planned_edge as (
    consumer_id uuid,
    upstream_id uuid,
    kind text,
    origin text,
    name text
);
comment on type private.planned_edge is
$comment$A dependency between two tests.

origin: explicit, inferred or sequential. name: the value it was inferred for, else null.$comment$;

create function private.refuse_unknown_ids(selection jsonb, project_id uuid)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_unknown text;
begin
    select selected.id
    into v_unknown
    from jsonb_array_elements_text(coalesce(selection -> 'suites', '[]')) as selected (id)
    where not exists (
        select from public.test_suites as suites
        where
            suites.id::text = selected.id
            and suites.project_id = refuse_unknown_ids.project_id
            and suites.archived_at is null
    )
    limit 1;
    if found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no suite %s in this project', v_unknown)),
            detail = 'unknown_suite',
            hint = 'Give ids of suites that are in the environment''s project and not archived.';
    end if;

    select selected.id
    into v_unknown
    from jsonb_array_elements_text(coalesce(selection -> 'tests', '[]')) as selected (id)
    where not exists (
        select from public.test_cases as cases
        where
            cases.id::text = selected.id
            and cases.project_id = refuse_unknown_ids.project_id
            and cases.archived_at is null
    )
    limit 1;
    if found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no test %s in this project', v_unknown)),
            detail = 'unknown_test',
            hint = 'Give ids of tests that are in the environment''s project and not archived.';
    end if;
end;
$function$;
comment on function private.refuse_unknown_ids(jsonb, uuid) is
'Raise PT404 unknown_suite or unknown_test for the first id of a selection that the project lacks.';

create function private.failed_rows(selection jsonb)
returns table (test_case_id uuid, row_key text)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        results.test_case_id,
        results.row_key
    from public.test_results as results
    where
        results.run_id = (selection ->> 'failures_of')::uuid
        and results.status <> 'passed';
$function$;
comment on function private.failed_rows(jsonb) is
'What did not pass in the run that a selection calls failures_of, skipped and cancelled included.';

create function private.refuse_pointless_rerun(selection jsonb, project_id uuid)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_run public.test_runs;
begin
    if not selection ? 'failures_of' then
        return;
    end if;
    select runs.*
    into v_run
    from public.test_runs as runs
    where
        runs.id::text = refuse_pointless_rerun.selection ->> 'failures_of'
        and runs.project_id = refuse_pointless_rerun.project_id;
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no run %s in this project', selection ->> 'failures_of')
            ),
            detail = 'unknown_run',
            hint = 'failures_of takes the id of an earlier run in the environment''s project.';
    end if;
    if v_run.finished_at is null then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(format('the run %s is not over', v_run.id)),
            detail = 'run_not_over',
            hint = 'Wait for its end, or cancel it: what failed is known then.';
    end if;
    if not exists (select from private.failed_rows(selection)) then
        raise exception using
            errcode = 'PT422',
            message = private.one_line(format('everything in the run %s passed', v_run.id)),
            detail = 'nothing_failed',
            hint = 'There is nothing to run again; queue_run repeats a whole run.';
    end if;
end;
$function$;
comment on function private.refuse_pointless_rerun(jsonb, uuid) is
$comment$Raise when the failures of an earlier run are asked for and there can be none: PT404
unknown_run, PT409 run_not_over, PT422 nothing_failed.$comment$;

create function private.select_tests(selection jsonb, project_id uuid)
returns uuid[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(array_agg(cases.id), '{}')
    from public.test_cases as cases
    inner join public.test_suites as suites on suites.id = cases.suite_id
    inner join public.test_request_configs as configs on configs.test_case_id = cases.id
    where
        cases.project_id = select_tests.project_id
        and cases.is_enabled
        and cases.archived_at is null
        and suites.archived_at is null
        and (
            (
                coalesce(selection -> 'suites', '[]') || coalesce(selection -> 'tests', '[]') = '[]'
                and not selection ? 'failures_of'
            )
            or selection -> 'suites' ? cases.suite_id::text
            or selection -> 'tests' ? cases.id::text
            or cases.id in (
                select failed.test_case_id
                from private.failed_rows(select_tests.selection) as failed
            )
        )
        and (
            coalesce(selection -> 'tags', '[]') = '[]'
            or cases.tags && array(select jsonb_array_elements_text(selection -> 'tags'))
        );
$function$;
comment on function private.select_tests(jsonb, uuid) is
$comment$Tests that a selection names: any of its suites and tests and what did not pass in the run
failures_of (all, when it names none of these), with any of its tags.

Disabled and archived ones, and those without a request, are left out.$comment$;

create function private.refuse_unknown_credentials(tests private.planned_test[])
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem text;
begin
    select
        format(
            'the test "%s" signs in with the credential "%s", which does not exist',
            cases.name, named.credential
        )
    into v_problem
    from unnest(tests) as included
    inner join public.test_cases as cases on cases.id = included.id
    inner join public.test_suites as suites on suites.id = cases.suite_id
    inner join public.test_request_configs as configs on configs.test_case_id = cases.id
    inner join public.projects on projects.id = cases.project_id
    cross join lateral (
        select coalesce(configs.auth, suites.auth) ->> 'credential' as credential
    ) as named
    where
        named.credential is not null
        and not exists (
            select
            from public.api_credentials as credentials
            where
                credentials.organization_id = projects.organization_id
                and credentials.name = named.credential
        )
    order by cases.name
    limit 1;
    if found then
        raise exception using
            errcode = 'PT422',
            message = private.one_line(v_problem),
            detail = 'unknown_credential',
            hint = 'Create it in api_credentials of the project''s organization, '
                || 'or correct the name.';
    end if;
end;
$function$;
comment on function private.refuse_unknown_credentials(private.planned_test[]) is
'Raise PT422 unknown_credential for the first test whose credential does not exist.';

create function private.reach_tests(test_case_ids uuid[])
returns uuid[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    -- dependencies may lead into other suites, and inference looks at whole suites
    with recursive reached (suite_id) as (
        select cases.suite_id
        from public.test_cases as cases
        where cases.id = any(reach_tests.test_case_ids)
        union
        select upstream.suite_id
        from reached
        inner join public.test_cases as cases on cases.suite_id = reached.suite_id
        inner join public.test_dependencies as dependencies on dependencies.test_case_id = cases.id
        inner join public.test_cases as upstream on upstream.id = dependencies.depends_on_id
        where upstream.is_enabled and upstream.archived_at is null
    )

    select coalesce(array_agg(cases.id), '{}')
    from reached
    inner join public.test_suites as suites on suites.id = reached.suite_id
    inner join public.test_cases as cases on cases.suite_id = reached.suite_id
    where suites.archived_at is null and cases.is_enabled and cases.archived_at is null;
$function$;
comment on function private.reach_tests(uuid[]) is
$comment$The suites of some tests, and every suite that their dependencies reach: all tests that may
come along.$comment$;

create function private.load_tests(project_id uuid, test_case_ids uuid[])
returns private.planned_test[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        coalesce(
            array_agg(
                row(
                    cases.id,
                    cases.suite_id,
                    suites.name,
                    suites.execution_mode,
                    cases.name,
                    cases.phase,
                    array_position(array['setup', 'main', 'teardown'], cases.phase),
                    cases.position,
                    cases.priority,
                    case cases.rescue
                        when 'always' then true
                        when 'never' then false
                        else
                            -- the key is the API's own way to make a repetition harmless
                            configs.idempotency_header is not null
                            or (
                                configs.method in ('GET', 'HEAD', 'OPTIONS')
                                and endpoints.is_safe is not false
                            )
                    end,
                    usage.fixture_id,
                    fixture_names.names,
                    null,
                    compiled.digest,
                    compiled.definition_id,
                    compiled.document,
                    compiled.uses,
                    compiled.requires,
                    compiled.provides
                )::private.planned_test
            ),
            '{}'
        )
    from private.read_definitions(load_tests.project_id, load_tests.test_case_ids) as compiled
    inner join public.test_cases as cases on cases.id = compiled.test_case_id
    inner join public.test_suites as suites on suites.id = cases.suite_id
    inner join public.test_request_configs as configs on configs.test_case_id = cases.id
    left join public.api_endpoints as endpoints on endpoints.id = cases.endpoint_id
    left join public.fixture_usage as usage on usage.test_case_id = cases.id
    left join lateral (
        -- names that every row gives: one that some lack may still have to come from upstream
        select array_agg(given.name) as names
        from (
            select names.name
            from public.test_data_fixtures as fixtures
            cross join jsonb_array_elements(fixtures.rows) as entries (row)
            cross join lateral jsonb_object_keys(entries.row -> 'values') as names (name)
            where fixtures.id = usage.fixture_id
            -- by id, never by rows: thousands of them would be compared thousands of times
            group by names.name, fixtures.id
            having count(*) = jsonb_array_length(fixtures.rows)
        ) as given
    ) as fixture_names on true;
$function$;
comment on function private.load_tests(uuid, uuid[]) is
$comment$Tests with their definitions and all that planning asks of them. Tests without a request
are left out.$comment$;
