-- Filing failures: results to their causes, causes that come back or are gone, and who is told.
-- Depends on: find_failures, platform_events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.hold_failures(project_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform pg_advisory_xact_lock(hashtextextended('assay failures ' || given.id, 0))
    from (
        select distinct projects.id
        from unnest(project_ids) as projects (id)
        order by projects.id
    ) as given;
end;
$function$;
comment on function private.hold_failures(uuid[]) is
$comment$Wait until nobody else files or merges failures of these projects, and keep
others from it until this transaction is over. Whoever holds it locks nothing but
failures.$comment$;

create function private.add_failures(filed private.found_failure[])
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with added as (
        insert into public.failure_analysis (
            project_id, fingerprint, failure_class, location, message, example_message,
            example_result_id, first_seen_at, last_seen_at, first_run_id, last_run_id
        )
        select distinct on (given.project_id, given.fingerprint)
            given.project_id,
            given.fingerprint,
            given.class,
            given.location,
            given.message,
            given.example,
            given.result_id,
            given.seen_at,
            given.seen_at,
            given.run_id,
            given.run_id
        from unnest(filed) as given
        where
            not exists (
                select
                from private.failure_aliases as aliases
                where
                    aliases.project_id = given.project_id
                    and aliases.fingerprint = given.fingerprint
            )
        order by given.project_id, given.fingerprint, given.seen_at, given.result_id
        on conflict (project_id, fingerprint) do nothing
        returning id
    )

    select coalesce(array_agg(added.id), '{}') from added;
$function$;
comment on function private.add_failures(private.found_failure[]) is
'Add the causes that are not known yet, without a count; returns their ids.';

create function private.place_failures(filed private.found_failure[])
returns private.found_failure[]
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
                    given.result_id, given.run_id, given.project_id, given.environment_id,
                    given.test_case_id, given.class, given.location, given.message,
                    given.fingerprint, given.example, given.queued_at, given.seen_at,
                    given.skipped_count, coalesce(aliases.failure_id, failures.id)
                )::private.found_failure
            ), '{}'
        )
    from unnest(filed) as given
    left join private.failure_aliases as aliases
        on
            aliases.project_id = given.project_id
            and aliases.fingerprint = given.fingerprint
    left join public.failure_analysis as failures
        on
            failures.project_id = given.project_id
            and failures.fingerprint = given.fingerprint;
$function$;
comment on function private.place_failures(private.found_failure[]) is
'The same, each with the id of its cause.';

create function private.add_occurrences(filed private.found_failure[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with added as (
        insert into private.failure_occurrences (
            result_id, failure_id, project_id, run_id, environment_id, test_case_id, seen_at,
            skipped_count
        )
        select
            given.result_id,
            given.failure_id,
            given.project_id,
            given.run_id,
            given.environment_id,
            given.test_case_id,
            given.seen_at,
            given.skipped_count
        from unnest(filed) as given
    )

    insert into public.failure_tests as tests (
        failure_id, test_case_id, environment_id, project_id, occurrence_count, first_seen_at,
        last_seen_at
    )
    select
        given.failure_id,
        given.test_case_id,
        given.environment_id,
        given.project_id,
        count(*),
        min(given.seen_at),
        max(given.seen_at)
    from unnest(filed) as given
    group by given.failure_id, given.test_case_id, given.environment_id, given.project_id
    on conflict (failure_id, test_case_id, environment_id) do update
    set
        occurrence_count = tests.occurrence_count + excluded.occurrence_count,
        first_seen_at = least(tests.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(tests.last_seen_at, excluded.last_seen_at),
        pass_count = case
            when excluded.last_seen_at < tests.last_passed_at then tests.pass_count
            else 0
        end;
$function$;
comment on function private.add_occurrences(private.found_failure[]) is
'Keep which results, tests and environments placed causes have.';

create function private.count_failures(filed private.found_failure[])
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with seen as (
        select
            given.failure_id,
            count(*) as occurrence_count,
            sum(given.skipped_count) as skipped_count,
            min(given.seen_at) as first_seen_at,
            max(given.seen_at) as last_seen_at,
            max(given.queued_at) as queued_at,
            (array_agg(given.run_id order by given.seen_at))[1] as first_run_id,
            (array_agg(given.run_id order by given.seen_at desc))[1] as last_run_id
        from unnest(filed) as given
        group by given.failure_id
    ),

    known as (
        select
            seen.*,
            tests.test_count,
            tests.environment_count,
            -- a run that was queued before the repair proves nothing against it
            failures.status = 'fixed' and seen.queued_at > failures.status_changed_at as is_back
        from seen
        inner join public.failure_analysis as failures on failures.id = seen.failure_id
        cross join lateral (
            select
                count(distinct broken.test_case_id) as test_count,
                count(distinct broken.environment_id) as environment_count
            from public.failure_tests as broken
            where broken.failure_id = seen.failure_id
        ) as tests
    ),

    counted as (
        update public.failure_analysis as failures
        set
            occurrence_count = failures.occurrence_count + known.occurrence_count,
            skipped_count = failures.skipped_count + known.skipped_count,
            test_count = known.test_count,
            environment_count = known.environment_count,
            first_run_id = case
                when known.first_seen_at < failures.first_seen_at then known.first_run_id
                else failures.first_run_id
            end,
            first_seen_at = least(failures.first_seen_at, known.first_seen_at),
            last_run_id = case
                when known.last_seen_at >= failures.last_seen_at then known.last_run_id
                else failures.last_run_id
            end,
            last_seen_at = greatest(failures.last_seen_at, known.last_seen_at),
            status = case when known.is_back then 'open' else failures.status end,
            regression_count = failures.regression_count + known.is_back::integer,
            regressed_at = case
                when known.is_back then clock_timestamp()
                else failures.regressed_at
            end
        from known
        where failures.id = known.failure_id
        returning failures.id, known.is_back
    )

    select coalesce(array_agg(counted.id) filter (where counted.is_back), '{}') from counted;
$function$;
comment on function private.count_failures(private.found_failure[]) is
$comment$Count placed causes, once private.add_occurrences has kept their tests; open
those that had been fixed before the run was queued. Returns the ids of the latter.$comment$;

create function private.count_passes(run_ids uuid[])
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with passed as materialized (
        select
            results.test_case_id,
            runs.environment_id,
            max(results.finished_at) as passed_at
        from public.test_runs as runs
        inner join public.test_results as results on results.run_id = runs.id
        where runs.id = any(run_ids)
        group by runs.id, results.test_case_id
        having bool_and(results.status = 'passed')
    ),

    news as (
        select
            tests.failure_id,
            tests.test_case_id,
            tests.environment_id,
            count(*) as pass_count,
            max(passed.passed_at) as last_passed_at
        from passed
        inner join public.failure_tests as tests
            on
                tests.test_case_id = passed.test_case_id
                and tests.environment_id = passed.environment_id
        inner join public.failure_analysis as failures on failures.id = tests.failure_id
        where
            failures.status = 'open'
            and tests.pass_count < 3
            -- a run that is counted twice, or late, is not newer
            and passed.passed_at > greatest(tests.last_seen_at, tests.last_passed_at)
        group by tests.failure_id, tests.test_case_id, tests.environment_id
    ),

    counted as (
        update public.failure_tests as tests
        set
            pass_count = tests.pass_count + news.pass_count,
            last_passed_at = news.last_passed_at
        from news
        where
            tests.failure_id = news.failure_id
            and tests.test_case_id = news.test_case_id
            and tests.environment_id = news.environment_id
        returning tests.failure_id
    )

    select coalesce(array_agg(distinct counted.failure_id), '{}') from counted;
$function$;
comment on function private.count_passes(uuid[]) is
$comment$Count for the tests of open causes the runs in which they passed; returns the ids
of the causes.$comment$;

create function private.close_failures(failure_ids uuid[])
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with closed as (
        update public.failure_analysis as failures
        set
            status = 'fixed',
            status_changed_at = clock_timestamp(),
            status_changed_by = null
        where
            failures.id = any(failure_ids)
            and failures.status = 'open'
            and not exists (
                select
                from public.failure_tests as tests
                inner join public.test_cases as cases on cases.id = tests.test_case_id
                inner join public.environments on environments.id = tests.environment_id
                where
                    tests.failure_id = failures.id
                    and tests.pass_count < 3
                    -- what never runs again proves nothing
                    and cases.archived_at is null
                    and cases.is_enabled
                    and environments.archived_at is null
            )
        returning failures.id
    )

    select coalesce(array_agg(closed.id), '{}') from closed;
$function$;
comment on function private.close_failures(uuid[]) is
$comment$Take open causes for fixed whose every test has passed three runs in a row in
each environment that it failed in; returns their ids. What somebody called known is left
alone.$comment$;

create function private.tell_failures(failure_ids uuid[], event text)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if failure_ids = '{}' then
        return;
    end if;
    perform private.raise_events(array(
        select
            row(
                null, told.project_id, tell_failures.event,
                case tell_failures.event when 'failure_new' then 'warning' else 'info' end,
                left(
                    private.one_line(
                        format(
                            '%s in %s: %s',
                            case
                                when tell_failures.event = 'failure_resolved' then 'Failure gone'
                                when told.regression_count > 0 then 'Failure is back'
                                else 'New failure'
                            end,
                            case told.test_count
                                when 1 then 'one test' else told.test_count || ' tests'
                            end,
                            concat_ws(': ', nullif(told.location, ''), nullif(told.message, ''))
                        )
                    ), 200
                ),
                -- once until it is fixed and comes back
                format('%s:%s:%s', tell_failures.event, told.id, told.regression_count),
                null, told.last_run_id, null,
                jsonb_build_object(
                    'failure', told.id,
                    'class', told.failure_class,
                    'message', told.message,
                    'test_count', told.test_count,
                    'skipped_count', told.skipped_count,
                    'is_regression', told.regression_count > 0,
                    'others', told.failure_count - 10
                )
            )::private.new_event
        from (
            select
                failures.*,
                row_number() over (
                    partition by failures.project_id
                    order by failures.test_count desc, failures.id
                ) as place,
                greatest(count(*) over (partition by failures.project_id), 10) as failure_count
            from public.failure_analysis as failures
            where failures.id = any(failure_ids)
        ) as told
        -- when everything breaks at once, the largest say so
        where told.place <= 10
        order by told.project_id, told.place
    ));
end;
$function$;
comment on function private.tell_failures(uuid[], text) is
$comment$Raise an event for causes, of each project at most for the ten with most tests;
others in the payload says of how many more it is true. event: failure_new or
failure_resolved.$comment$;

create function private.file_failures(run_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_found private.found_failure[];
    v_new uuid[];
    v_back uuid[];
begin
    perform private.hold_failures(array(
        select runs.project_id
        from public.test_runs as runs
        where runs.id = any(run_ids)
    ));
    v_found := private.bound_failures(private.find_failures(run_ids));
    if v_found <> '{}' then
        v_new := private.add_failures(v_found);
        v_found := private.place_failures(v_found);
        perform private.add_occurrences(v_found);
        v_back := private.count_failures(v_found);
        perform private.tell_failures(v_new || v_back, 'failure_new');
    end if;
    perform private.tell_failures(
        private.close_failures(private.count_passes(run_ids)), 'failure_resolved'
    );
end;
$function$;
comment on function private.file_failures(uuid[]) is
$comment$File the failures of runs that are over under their causes, count the passes of
tests that had failed, and tell what is new, back and gone. Doing it again for a run
changes nothing.$comment$;
