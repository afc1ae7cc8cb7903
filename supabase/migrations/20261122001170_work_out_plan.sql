-- Planning, fourth part: the whole plan of a run, worked out without writing anything.
-- Depends on: order_tests. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.run_plan as (
    environment jsonb,
    selected uuid[],
    tests private.planned_test[],
    edges private.planned_edge[],
    bindings jsonb
);
comment on type private.run_plan is
$comment$What a run would do.

environment: see private.snapshot_environment. selected: tests that the selection names itself.
bindings: see private.bind_names.$comment$;

create function private.selection_problem(selection jsonb, variables jsonb)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when jsonb_typeof(selection) is distinct from 'object' then 'selection is not an object'
        when jsonb_typeof(variables) is distinct from 'object' then 'variables is not an object'
        else (
            select
                case
                    when parts.name = 'failures_of'
                        then 'failures_of in the selection is not the id of a run'
                    when parts.name not in ('suites', 'tests', 'tags')
                        then format(
                            'the selection takes suites, tests, tags and failures_of, not "%s"',
                            parts.name
                        )
                    when jsonb_typeof(parts.value) <> 'array'
                        then format('%s in the selection is not an array', parts.name)
                    else format('%s in the selection holds something that is no text', parts.name)
                end
            from jsonb_each(selection) as parts (name, value)
            where case
                when parts.name = 'failures_of' then jsonb_typeof(parts.value) <> 'string'
                when parts.name not in ('suites', 'tests', 'tags') then true
                when jsonb_typeof(parts.value) <> 'array' then true
                else jsonb_path_exists(parts.value, 'strict $[*] ? (@.type() != "string")')
            end
            order by parts.name
            limit 1
        )
    end;
$function$;
comment on function private.selection_problem(jsonb, jsonb) is
'What is wrong with the shape of a selection or of variables; null if nothing is.';

create function private.refuse_malformed_selection(selection jsonb, variables jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_problem text;
begin
    perform private.accept(private.size_problem(selection, '/selection', 1048576));
    perform private.accept(private.size_problem(variables, '/variables', 262144));
    v_problem := private.selection_problem(selection, variables);
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(v_problem),
            detail = 'malformed_selection',
            hint = 'For example {"suites": ["<id>"], "tags": ["smoke"]} and {"name": "value"}.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_selection(jsonb, jsonb) is
$comment$Refuse what queue_run does not take: PT400 malformed_selection by its shape, PT413
too_large by its size (1 MB and 256 KB).$comment$;

create function private.snapshot_environment(environment_id uuid)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select jsonb_build_object(
        'base_url', rtrim(environments.base_url, '/'),
        'project_variables', projects.variables,
        'variables', coalesce(
            jsonb_object_agg(variables.name, variables.value)
            filter (where variables.value is not null),
            '{}'
        ),
        'secrets', coalesce(
            jsonb_object_agg(variables.name, variables.secret_id)
            filter (where variables.secret_id is not null),
            '{}'
        )
    )
    from public.environments
    inner join public.projects on projects.id = environments.project_id
    left join public.environment_variables as variables
        on variables.environment_id = environments.id
    where environments.id = snapshot_environment.environment_id
    group by environments.id, projects.id;
$function$;
comment on function private.snapshot_environment(uuid) is
$comment$What tests know in an environment: base URL, variables, and the Vault ids (never values) of
secrets.$comment$;

create function private.refuse_excess_tests(project_id uuid, used bigint)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    perform private.refuse_above(
        used, limits.max_tests_per_run, 'too_many_tests_in_run', 'tests in this run',
        'Select fewer, or shorten fixtures; the operator can raise max_tests_per_run.'
    )
    from public.projects
    inner join public.organization_limits as limits
        on limits.organization_id = projects.organization_id
    where projects.id = refuse_excess_tests.project_id;
end;
$function$;
comment on function private.refuse_excess_tests(uuid, bigint) is
'Raise PT429 too_many_tests_in_run if used is more than max_tests_per_run.';

create function private.count_results(tests private.planned_test[])
returns bigint
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        coalesce(
            sum(
                case
                    when tests.fixture_id is null then 1
                    else coalesce(
                        cardinality(tests.row_keys), jsonb_array_length(fixtures.rows)
                    )
                end
            ), 0
        )::bigint
    from unnest(count_results.tests) as tests
    left join public.test_data_fixtures as fixtures on fixtures.id = tests.fixture_id;
$function$;
comment on function private.count_results(private.planned_test[]) is
'How many results a run of these tests would have: one each, or one for each fixture row.';

create function private.work_out_plan(
    project_id uuid, environment_id uuid, selection jsonb, variables jsonb
)
returns private.run_plan
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_plan private.run_plan;
    v_included uuid[];
begin
    perform private.refuse_malformed_selection(selection, variables);
    perform private.refuse_unknown_ids(selection, project_id);
    perform private.refuse_pointless_rerun(selection, project_id);
    v_plan.environment := private.snapshot_environment(environment_id);
    v_plan.selected := private.select_tests(selection, project_id);
    if v_plan.selected = '{}' then
        raise exception using
            errcode = 'PT422',
            message = 'the selection holds no test that could run',
            detail = 'empty_selection',
            hint = 'Check suites, tests and tags; disabled and archived tests, '
                || 'and tests without a request, are left out.';
    end if;
    perform private.refuse_excess_tests(project_id, cardinality(v_plan.selected));

    v_plan.tests := private.load_tests(project_id, private.reach_tests(v_plan.selected));
    v_plan.edges := private.connect_tests(
        v_plan.tests,
        array(
            select jsonb_object_keys(variables)
            union
            select jsonb_object_keys(v_plan.environment -> 'variables')
            union
            select jsonb_object_keys(v_plan.environment -> 'secrets')
        )
    );
    v_included := private.close_selection(v_plan.tests, v_plan.edges, v_plan.selected);

    select array_agg(tests::private.planned_test)
    into v_plan.tests
    from unnest(v_plan.tests) as tests
    -- sets, which are hashed: any() would compare all with all
    where tests.id in (select included.id from unnest(v_included) as included (id));
    select coalesce(array_agg(edges::private.planned_edge), '{}')
    into v_plan.edges
    from unnest(v_plan.edges) as edges
    where
        edges.consumer_id in (select included.id from unnest(v_included) as included (id))
        and edges.upstream_id in (select included.id from unnest(v_included) as included (id));
    if selection ? 'failures_of' then
        v_plan.tests := private.narrow_rows(
            v_plan.tests, v_plan.edges, v_plan.selected, selection
        );
    end if;
    perform private.refuse_excess_tests(project_id, private.count_results(v_plan.tests));
    v_plan.edges := v_plan.edges || private.sequence_tests(v_plan.tests);

    perform private.refuse_unknown_credentials(v_plan.tests);
    v_plan.bindings := private.bind_names(
        v_plan.tests, v_plan.edges, array(select jsonb_object_keys(variables))
    );
    perform private.refuse_impossible_order(v_plan.tests, v_plan.edges);
    return v_plan;
end;
$function$;
comment on function private.work_out_plan(uuid, uuid, jsonb, jsonb) is
$comment$What a run of a selection would do, or why it cannot be. Writes nothing.

environment_id: null = without the names that an environment gives.
Errors: PT400 malformed_selection; PT404 unknown_suite, unknown_test, unknown_run; PT409
run_not_over; PT422 empty_selection, nothing_failed, unknown_credential, ambiguous_producer,
dependency_cycle, dependency_on_later_phase; PT429 too_many_tests_in_run.$comment$;
