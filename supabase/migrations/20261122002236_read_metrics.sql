-- Which metrics a question is about, from the days that are folded and the results that are not.
-- Depends on: performance_metrics, count_results, run functions. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.metric_scope as (
    project_id uuid,
    environment_ids uuid[],
    test_ids uuid[],
    since timestamptz,
    until timestamptz,
    bucket text,
    is_by_test boolean,
    has_phases boolean
);
comment on type private.metric_scope is
$comment$What metrics are asked for: of which environments, of which tests (null = all of the
project), when (until itself not), in which buckets, each test by itself or not, with phases or not.

since and until are the edges of buckets.$comment$;

create function private.bucket_end(bucket text, moment timestamptz)
returns timestamptz
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if private.bucket_start(bucket, moment) = moment then
        return moment;
    end if;
    -- in UTC, where each day has 24 hours
    return (
        private.bucket_start(bucket, moment) at time zone 'utc'
        + ('1 ' || case bucket when 'range' then 'day' else bucket end)::interval
    ) at time zone 'utc';
end;
$function$;
comment on function private.bucket_end(text, timestamptz) is
'The end of the bucket that a moment lies in; the moment itself where it is an edge.';

create function private.count_buckets(bucket text, since timestamptz, until timestamptz)
returns bigint
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_days numeric := extract(epoch from until - since) / 86400;
begin
    return case bucket
        when 'hour' then v_days * 24
        when 'day' then v_days
        when 'week' then ceil(v_days / 7)
        when 'month' then ceil(v_days / 28)
        else 1
    end;
end;
$function$;
comment on function private.count_buckets(text, timestamptz, timestamptz) is
'How many buckets lie between two edges; of months rather one or two more.';

create function private.refuse_malformed_range(bucket text, since timestamptz, until timestamptz)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if bucket is null or bucket <> all(array['hour', 'day', 'week', 'month', 'range']) then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(format('there is no bucket %s', bucket)),
            detail = 'unknown_bucket',
            hint = 'Give hour, day, week, month or range.';
    elsif since is null or until is null or since >= until then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(format('from %s to %s is no range', since, until)),
            detail = 'malformed_range',
            hint = 'Give a beginning, and an end that lies after it.';
    elsif
        not isfinite(since) or not isfinite(until)
        or private.count_buckets(bucket, since, until)
        > (case bucket when 'hour' then 168 else 1000 end)
    then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format('from %s to %s is too long for a bucket of a %s', since, until, bucket)
            ),
            detail = 'range_too_large',
            hint = 'Ask for 168 hours or 1,000 of the others at most, or for longer buckets.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_range(text, timestamptz, timestamptz) is
'Raise PT400 unknown_bucket, malformed_range or range_too_large for what cannot be answered.';

create function private.folded_metrics(scope private.metric_scope)
returns private.counted_results[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_since date := (scope.since at time zone 'utc')::date;
    v_until date := (scope.until at time zone 'utc')::date;
begin
    if scope.test_ids is null then
        return array(
            select
                row(
                    scope.project_id, null, null, stored.finished_on::timestamp at time zone 'utc',
                    stored.passed_count, stored.failed_count, stored.error_count,
                    stored.skipped_count, stored.cancelled_count, stored.flaky_count,
                    stored.measured_count, stored.duration_sum_ms, stored.duration_min_ms,
                    stored.duration_max_ms, stored.bins, stored.counts,
                    case when scope.has_phases then stored.phase_bins end,
                    case when scope.has_phases then stored.phase_counts end
                )::private.counted_results
            from private.environment_metrics as stored
            where
                stored.environment_id = any(scope.environment_ids)
                and stored.finished_on >= v_since
                and stored.finished_on < v_until
        );
    end if;
    return array(
        select
            row(
                scope.project_id, null, stored.test_case_id,
                stored.finished_on::timestamp at time zone 'utc',
                stored.passed_count, stored.failed_count, stored.error_count,
                stored.skipped_count, stored.cancelled_count, stored.flaky_count,
                stored.measured_count, stored.duration_sum_ms, stored.duration_min_ms,
                stored.duration_max_ms, stored.bins, stored.counts,
                case when scope.has_phases then stored.phase_bins end,
                case when scope.has_phases then stored.phase_counts end
            )::private.counted_results
        from public.performance_metrics as stored
        where
            stored.test_case_id = any(scope.test_ids)
            and stored.environment_id = any(scope.environment_ids)
            and stored.finished_on >= v_since
            and stored.finished_on < v_until
    );
end;
$function$;
comment on function private.folded_metrics(private.metric_scope) is
'The days of a scope as they are stored, by test where it names tests.';

create function private.within_scope(scope private.metric_scope, result_ids uuid[])
returns uuid[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return array(
        select results.id
        from public.test_results as results
        inner join public.test_runs as runs on runs.id = results.run_id
        where
            results.id = any(result_ids)
            and results.finished_at >= scope.since
            and results.finished_at < scope.until
            and runs.environment_id = any(scope.environment_ids)
            and (scope.test_ids is null or results.test_case_id = any(scope.test_ids))
    );
end;
$function$;
comment on function private.within_scope(private.metric_scope, uuid[]) is
'Those of some results that a scope is about.';

create function private.results_of_hours(scope private.metric_scope)
returns uuid[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- each by its own index
    if scope.test_ids is null then
        return array(
            select results.id
            from public.test_results as results
            where
                results.project_id = scope.project_id
                and results.finished_at >= scope.since
                and results.finished_at < scope.until
        );
    end if;
    return array(
        select results.id
        from public.test_results as results
        where
            results.test_case_id = any(scope.test_ids)
            and results.finished_at >= scope.since
            and results.finished_at < scope.until
    );
end;
$function$;
comment on function private.results_of_hours(private.metric_scope) is
'The results of a scope as far as they are kept, of all environments.';

create function private.unfolded_results(project_id uuid)
returns uuid[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return private.noted_results(array(
        select noted
        from private.metric_deltas as noted
        where noted.project_id = unfolded_results.project_id
    ));
end;
$function$;
comment on function private.unfolded_results(uuid) is
'The results of a project whose verdicts no metric counts yet.';

create function private.read_metrics(scope private.metric_scope)
returns setof private.counted_results
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_parts private.counted_results[];
    v_unit text := case scope.bucket when 'hour' then 'hour' else 'day' end;
    v_results uuid[];
begin
    if scope.bucket = 'hour' then
        v_results := private.results_of_hours(scope);
    else
        v_parts := private.folded_metrics(scope);
        v_results := private.unfolded_results(scope.project_id);
    end if;
    if v_results <> '{}' then
        v_parts := v_parts || array(
            select counted::private.counted_results
            from private.count_results(
                private.within_scope(scope, v_results), v_unit, scope.has_phases
            ) as counted
        );
    end if;
    return query
    select merged.*
    from private.merge_metrics(
        v_parts, scope.bucket, is_by_environment => false, is_by_test => scope.is_by_test
    ) as merged;
end;
$function$;
comment on function private.read_metrics(private.metric_scope) is
$comment$The metrics of a scope by bucket, and by test if it says so: what is folded and what is
not, as one moment sees them. Hours come from the results themselves.$comment$;
