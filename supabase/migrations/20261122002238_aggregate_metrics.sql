-- aggregate_test_metrics: verdicts, times and colours by hour, day, week or month.
-- Depends on: read_metrics. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.colour_of(
    project public.projects, success_rate numeric, p95_ms double precision
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when success_rate < project.yellow_success_rate or p95_ms > project.yellow_p95_ms then 'red'
        when success_rate < project.green_success_rate or p95_ms > project.green_p95_ms
            then 'yellow'
        when success_rate is not null then 'green'
    end;
end;
$function$;
comment on function private.colour_of(public.projects, numeric, double precision) is
$comment$green, yellow or red by the thresholds of a project, the worse of the two; null where
nothing was judged.$comment$;

create function private.phase_times(phase_bins smallint[], phase_counts integer[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select
            coalesce(
                jsonb_object_agg(
                    phases.phase,
                    jsonb_build_object(
                        'count', phases.occurrences,
                        'mean_ms', round(phases.mean_ms::numeric, 3),
                        'p50_ms', round(quantiles.found[1]::numeric, 3),
                        'p95_ms', round(quantiles.found[2]::numeric, 3),
                        'p99_ms', round(quantiles.found[3]::numeric, 3)
                    )
                ),
                '{}'
            )
        from (
            select
                (array['dns', 'connect', 'tls', 'first_byte'])[split.ordinal] as phase,
                array_agg(split.bin order by split.bin) as bins,
                array_agg(split.occurrences order by split.bin) as counts,
                sum(split.occurrences) as occurrences,
                sum(split.occurrences * private.value_of(split.bin)) / sum(split.occurrences)
                as mean_ms
            from (
                select
                    (given.bin + 1000) / 2048 as ordinal,
                    (given.bin - (given.bin + 1000) / 2048 * 2048)::smallint as bin,
                    given.occurrences
                from (
                    select
                        unnest(phase_bins) as bin,
                        unnest(phase_counts) as occurrences
                ) as given
            ) as split
            group by split.ordinal
        ) as phases
        cross join lateral (
            select private.quantiles(phases.bins, phases.counts, '{0.5,0.95,0.99}') as found
        ) as quantiles
    );
end;
$function$;
comment on function private.phase_times(smallint[], integer[]) is
$comment$Times of phases, as {"dns": {"count", "mean_ms", "p50_ms", "p95_ms", "p99_ms"}, "connect",
"tls", "first_byte"}: of those that happened. Parameters: as in performance_metrics.$comment$;

create function private.refuse_unknown_filters(
    project_id uuid, environment_id uuid, suite_id uuid, test_id uuid
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_kind text;
    v_slug text;
    v_id uuid;
begin
    select
        given.kind,
        given.slug,
        given.id
    into v_kind, v_slug, v_id
    from (
        values
        (
            'environment', 'unknown_environment', refuse_unknown_filters.environment_id,
            (
                select environments.project_id
                from public.environments
                where environments.id = refuse_unknown_filters.environment_id
            )
        ),
        (
            'suite', 'unknown_suite', refuse_unknown_filters.suite_id,
            (
                select suites.project_id
                from public.test_suites as suites
                where suites.id = refuse_unknown_filters.suite_id
            )
        ),
        (
            'test', 'unknown_test', refuse_unknown_filters.test_id,
            (
                select cases.project_id
                from public.test_cases as cases
                where cases.id = refuse_unknown_filters.test_id
            )
        )
    ) as given (kind, slug, id, project_id)
    where
        given.id is not null
        and given.project_id is distinct from refuse_unknown_filters.project_id
    limit 1;
    if found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no %s %s in this project', v_kind, v_id)),
            detail = v_slug,
            hint = 'Give ids of the project''s own, or none for all of them.';
    end if;
end;
$function$;
comment on function private.refuse_unknown_filters(uuid, uuid, uuid, uuid) is
$comment$Raise PT404 unknown_environment, unknown_suite or unknown_test for an id that the project
lacks. What is archived has a history, too.$comment$;

create function private.measured_tests(scope private.metric_scope)
returns uuid[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if scope.bucket = 'hour' then
        return array(
            select cases.id
            from public.test_cases as cases
            where
                cases.id = any(scope.test_ids)
                and exists (
                    select
                    from public.test_results as results
                    where
                        results.test_case_id = cases.id
                        and results.finished_at >= scope.since
                        and results.finished_at < scope.until
                )
        );
    end if;
    return array(
        select cases.id
        from public.test_cases as cases
        where
            cases.id = any(scope.test_ids)
            and exists (
                select
                from public.performance_metrics as stored
                where
                    stored.test_case_id = cases.id
                    and stored.environment_id = any(scope.environment_ids)
                    and stored.finished_on >= (scope.since at time zone 'utc')::date
                    and stored.finished_on < (scope.until at time zone 'utc')::date
            )
        union
        select results.test_case_id
        from public.test_results as results
        where
            results.id = any(private.unfolded_results(scope.project_id))
            and results.test_case_id = any(scope.test_ids)
    );
end;
$function$;
comment on function private.measured_tests(private.metric_scope) is
'Those tests of a scope of which there may be something to tell.';

create function private.narrow_to_tests(
    scope private.metric_scope,
    suite_id uuid,
    test_id uuid,
    tag text,
    after uuid,
    page_size integer
)
returns private.metric_scope
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- rows of performance_metrics that each test may have
    v_rows bigint := greatest(cardinality(scope.environment_ids), 1)
        * ceil(private.count_buckets('day', scope.since, scope.until));
    v_page bigint := private.page_limit(page_size)
        / private.count_buckets(scope.bucket, scope.since, scope.until);
begin
    if not scope.is_by_test and suite_id is null and test_id is null and tag is null then
        return scope;
    end if;
    scope.test_ids := array(
        select cases.id
        from public.test_cases as cases
        where
            cases.project_id = scope.project_id
            and (narrow_to_tests.suite_id is null or cases.suite_id = narrow_to_tests.suite_id)
            and (narrow_to_tests.test_id is null or cases.id = narrow_to_tests.test_id)
            and (narrow_to_tests.tag is null or cases.tags @> array[narrow_to_tests.tag])
            and (narrow_to_tests.after is null or cases.id > narrow_to_tests.after)
        order by cases.id
    );
    if scope.is_by_test then
        scope.test_ids := (
            select coalesce(array_agg(page.id), '{}')
            from (
                select measured.id
                from unnest(private.measured_tests(scope)) as measured (id)
                order by measured.id
                limit greatest(1, least(v_page, 200000 / v_rows))
            ) as page
        );
    elsif cardinality(scope.test_ids) * v_rows > 200000 then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format(
                    '%s tests from %s to %s are too many days of tests',
                    cardinality(scope.test_ids), scope.since, scope.until
                )
            ),
            detail = 'range_too_large',
            hint = 'Ask for less time, one environment, or the whole project.';
    end if;
    return scope;
end;
$function$;
comment on function private.narrow_to_tests(
    private.metric_scope, uuid, uuid, text, uuid, integer
) is
$comment$A scope with the tests that are asked for; where each is told by itself, the next page of
those of which there is something to tell.

No call reads more than 200,000 days of tests: PT400 range_too_large.$comment$;

create function private.aggregate_test_metrics(
    project_id uuid,
    since timestamptz,
    until timestamptz,
    bucket text,
    environment_id uuid,
    suite_id uuid,
    test_id uuid,
    tag text,
    by_test boolean,
    with_phases boolean,
    after uuid,
    page_size integer
)
returns table (
    bucket_at timestamptz,
    test_case_id uuid,
    passed_count integer,
    failed_count integer,
    error_count integer,
    skipped_count integer,
    cancelled_count integer,
    flaky_count integer,
    success_rate numeric,
    measured_count integer,
    mean_ms numeric,
    min_ms numeric,
    max_ms numeric,
    p50_ms numeric,
    p95_ms numeric,
    p99_ms numeric,
    apdex numeric,
    colour text,
    phases jsonb
)
language plpgsql
stable
parallel safe
security definer -- past the policies, once the caller is checked
set search_path = ''
as $function$
declare
    v_project public.projects := private.read_project(aggregate_test_metrics.project_id);
    v_since timestamptz := aggregate_test_metrics.since;
    v_until timestamptz := coalesce(aggregate_test_metrics.until, now());
    v_scope private.metric_scope;
begin
    perform private.refuse_malformed_range(bucket, v_since, v_until);
    perform private.refuse_unknown_filters(v_project.id, environment_id, suite_id, test_id);
    v_scope := row(
        v_project.id,
        array(
            select environments.id
            from public.environments
            where
                environments.project_id = v_project.id
                and (
                    aggregate_test_metrics.environment_id is null
                    or environments.id = aggregate_test_metrics.environment_id
                )
        ),
        null,
        private.bucket_start(bucket, v_since),
        private.bucket_end(bucket, v_until),
        bucket,
        coalesce(by_test, false),
        coalesce(with_phases, false)
    );
    v_scope := private.narrow_to_tests(v_scope, suite_id, test_id, tag, after, page_size);

    return query
    select
        coalesce(metrics.starts_at, v_scope.since),
        metrics.test_case_id,
        metrics.passed_count,
        metrics.failed_count,
        metrics.error_count,
        metrics.skipped_count,
        metrics.cancelled_count,
        metrics.flaky_count,
        round(rates.success_rate, 4),
        metrics.measured_count,
        round(metrics.duration_sum_ms / nullif(metrics.measured_count, 0), 3),
        metrics.duration_min_ms,
        metrics.duration_max_ms,
        round(times.quantiles[1]::numeric, 3),
        round(times.quantiles[2]::numeric, 3),
        round(times.quantiles[3]::numeric, 3),
        round(
            private.satisfaction(metrics.bins, metrics.counts, v_project.apdex_ms)
            / nullif(rates.judged_count, 0), 4
        ),
        private.colour_of(v_project, rates.success_rate, times.quantiles[2]),
        case
            when v_scope.has_phases
                then private.phase_times(metrics.phase_bins, metrics.phase_counts)
        end
    from private.read_metrics(v_scope) as metrics
    cross join lateral (
        select
            judged.judged_count,
            metrics.passed_count::numeric / nullif(judged.judged_count, 0) as success_rate
        from (
            select metrics.passed_count + metrics.failed_count + metrics.error_count as judged_count
        ) as judged
    ) as rates
    cross join lateral (
        select
            private.quantiles(metrics.bins, metrics.counts, '{0.5,0.95,0.99}') as quantiles
        offset 0 -- once, not for each mention
    ) as times
    order by 2, 1;
end;
$function$;
comment on function private.aggregate_test_metrics(
    uuid, timestamptz, timestamptz, text, uuid, uuid, uuid, text, boolean, boolean, uuid, integer
) is 'Does the work of public.aggregate_test_metrics.';
grant execute on function private.aggregate_test_metrics(
    uuid, timestamptz, timestamptz, text, uuid, uuid, uuid, text, boolean, boolean, uuid, integer
) to authenticated, service_role;

create function public.aggregate_test_metrics(
    project_id uuid,
    since timestamptz,
    until timestamptz default null,
    bucket text default 'day',
    environment_id uuid default null,
    suite_id uuid default null,
    test_id uuid default null,
    tag text default null,
    by_test boolean default false,
    with_phases boolean default false,
    after uuid default null,
    page_size integer default 1000
)
returns table (
    bucket_at timestamptz,
    test_case_id uuid,
    passed_count integer,
    failed_count integer,
    error_count integer,
    skipped_count integer,
    cancelled_count integer,
    flaky_count integer,
    success_rate numeric,
    measured_count integer,
    mean_ms numeric,
    min_ms numeric,
    max_ms numeric,
    p50_ms numeric,
    p95_ms numeric,
    p99_ms numeric,
    apdex numeric,
    colour text,
    phases jsonb
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select *
    from private.aggregate_test_metrics(
        project_id, since, until, bucket, environment_id, suite_id, test_id, tag, by_test,
        with_phases, after, page_size
    );
$function$;
comment on function public.aggregate_test_metrics(
    uuid, timestamptz, timestamptz, text, uuid, uuid, uuid, text, boolean, boolean, uuid, integer
) is
$comment$Verdicts, response times and colours of a project by hour, day, week or month.

since, until (null = now): the buckets that lie between them, whole ones. bucket: hour, day, week
(from Monday), month, or range for all of it in one; in UTC, by when the verdict was given. Hours
come from the results themselves, as far as these are kept; the others from metrics that outlive
them, up to the latest verdict. environment_id, suite_id, test_id, tag: only of these; the suite and
the tags that tests have now. by_test: each test by itself. with_phases: phases too, else null.
after: with by_test, the last test of the page before. page_size: rows, 1 to 1,000, but a test whole.

Returns a row for each bucket in which anything ended, by test and time. success_rate: passed of
passed, failed and error; skipped and cancelled do not count. Times are in milliseconds, of what
passed or failed; percentiles within 1 %, the rest exact. apdex: answers within projects.apdex_ms,
and half of those within four times as much, of all that passed, failed or ended in error. colour:
green, yellow or red by the thresholds in projects, the worse of success rate and p95. phases:
{"dns": {"count", "mean_ms", "p50_ms", "p95_ms", "p99_ms"}, "connect", "tls", "first_byte"}, of
the attempts in which they took time, all within 1 %. Errors: PT400 unknown_bucket, malformed_range,
range_too_large (168 hours, 1,000 buckets, or 200,000 days of single tests at most); PT404
unknown_project, unknown_environment, unknown_suite, unknown_test.$comment$;
grant execute on function public.aggregate_test_metrics(
    uuid, timestamptz, timestamptz, text, uuid, uuid, uuid, text, boolean, boolean, uuid, integer
) to authenticated, service_role;
