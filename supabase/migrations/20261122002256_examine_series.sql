-- One series of durations: what is read of it, and what both methods see in it.
-- Depends on: outcomes, find_change_points, performance_changes. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create view private.test_durations
with (security_invoker = on) as
select
    outcomes.project_id,
    outcomes.test_case_id,
    outcomes.environment_id,
    outcomes.finished_at,
    outcomes.duration_ms::double precision as duration_ms,
    outcomes.run_id,
    outcomes.commit_sha,
    outcomes.api_version
from private.test_outcomes as outcomes
where
    outcomes.is_passed
    and outcomes.attempt_count = 1
    and not outcomes.is_infra_suspect
    and outcomes.duration_ms > 0;
comment on view private.test_durations is
$comment$The durations that can be compared: of tests that passed at once, in runs that say
something of their tests.$comment$;
comment on column private.test_durations.project_id is 'The project.';
comment on column private.test_durations.test_case_id is 'The test.';
comment on column private.test_durations.environment_id is 'Where it ran.';
comment on column private.test_durations.finished_at is 'When the verdict was written.';
comment on column private.test_durations.duration_ms is 'Milliseconds, above 0.';
comment on column private.test_durations.run_id is 'The run.';
comment on column private.test_durations.commit_sha is 'As in test_runs.';
comment on column private.test_durations.api_version is 'As in test_runs.';

create type private.measurements as (
    durations double precision[],
    times timestamptz[],
    run_ids uuid[],
    commits text[],
    versions text[]
);
comment on type private.measurements is
'A piece of a series in order of time: milliseconds, when, and in which run of what.';

create function private.read_durations(
    test_case_id uuid, environment_id uuid, since timestamptz, until timestamptz, most integer
)
returns private.measurements
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_measured private.measurements;
begin
    select
        coalesce(array_agg(measured.duration_ms order by measured.finished_at), '{}'),
        array_agg(measured.finished_at order by measured.finished_at),
        array_agg(measured.run_id order by measured.finished_at),
        array_agg(measured.commit_sha order by measured.finished_at),
        array_agg(measured.api_version order by measured.finished_at)
    into v_measured
    from (
        select durations.*
        from private.test_durations as durations
        where
            durations.test_case_id = read_durations.test_case_id
            and durations.environment_id = read_durations.environment_id
            and durations.finished_at >= since
            and durations.finished_at < until
        order by durations.finished_at desc
        limit most
    ) as measured;
    return v_measured;
end;
$function$;
comment on function private.read_durations(
    uuid, uuid, timestamptz, timestamptz, integer
) is
'The newest durations of a test in an environment from since on and before until, at most so many.';

create function private.due_series(project_id uuid, as_of timestamptz, recent integer)
returns setof private.performance_series
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        active.test_case_id,
        active.environment_id,
        due_series.project_id,
        as_of,
        coalesce(series.seen_until, '-infinity'),
        coalesce(series.level_since, '-infinity'),
        series.change_id,
        null::double precision,
        null::double precision,
        null::double precision,
        null::double precision,
        null::double precision
    from (
        -- nothing else can have become due; two days, as runs are read once they are over
        select distinct
            durations.test_case_id,
            durations.environment_id
        from private.test_durations as durations
        where
            durations.project_id = due_series.project_id
            and durations.finished_at > as_of - interval '2 days'
            and durations.finished_at <= as_of
    ) as active
    left join private.performance_series as series
        on
            series.test_case_id = active.test_case_id
            and series.environment_id = active.environment_id
    where
        (
            select count(*)
            from (
                select
                from private.test_durations as durations
                where
                    durations.test_case_id = active.test_case_id
                    and durations.environment_id = active.environment_id
                    and durations.finished_at
                    > greatest(series.seen_until, as_of - interval '90 days')
                    and durations.finished_at <= as_of
                limit recent
            ) as news
        ) = recent
    order by active.test_case_id, active.environment_id;
end;
$function$;
comment on function private.due_series(uuid, timestamptz, integer) is
$comment$The series of a project with at least so many durations that no check has seen, as they
were left by the last check.$comment$;

create type private.examination as (
    series private.performance_series,
    began_at timestamptz,
    run_id uuid,
    commit_sha text,
    api_version text,
    shift text,
    split text,
    is_settled boolean
);
comment on type private.examination is
$comment$What a check sees in a series: series as it is after the check; where a change, if there is
one, began; shift and split: slower, faster or null, by the newest durations and by change points;
is_settled: so much came after the change that further checks would tell nothing more.$comment$;

create function private.find_shift(
    before double precision[], after double precision[], floor_ms double precision,
    out before_ms double precision, out after_ms double precision, out ratio double precision,
    out p double precision, out shift text
)
returns record
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_ranks private.rank_sum := private.mann_whitney(before, after);
begin
    before_ms := (
        select percentile_cont(0.5) within group (order by points.value)
        from unnest(before) as points (value)
    );
    after_ms := (
        select percentile_cont(0.5) within group (order by points.value)
        from unnest(after) as points (value)
    );
    ratio := private.shift_ratio(before, after);
    p := least(v_ranks.above_p, v_ranks.below_p);
    shift := case
        when p >= 0.01 or abs(after_ms - before_ms) <= floor_ms then null
        when v_ranks.above_p < 0.01 and ratio > 1.2 then 'slower'
        when v_ranks.below_p < 0.01 and ratio < 1 / 1.2 then 'faster'
    end;
end;
$function$;
comment on function private.find_shift(
    double precision[], double precision[], double precision
) is
$comment$Whether durations are slower or faster than those before: by 20 %, by more than floor_ms
and with p < 0.01.

before_ms, after_ms: medians; ratio: by shift_ratio; p: the smaller of both one-sided ones; shift:
slower, faster or null.$comment$;

create function private.find_level(
    points double precision[], out direction text, out bound integer
)
returns record
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_change double precision;
begin
    with steps as materialized (
        select found.*
        from private.find_change_points(
            array(
                select ln(given.value)
                from unnest(points) with ordinality as given (value, ordinal)
                order by given.ordinal
            ),
            p_limit => 0.001, least_step => ln(1.1::double precision), least_points => 5
        ) as found
    ),

    changes as (
        select sum(steps.step) as change
        from steps
    )

    select
        changes.change,
        (
            select steps.bound
            from steps
            where sign(steps.step) = sign(changes.change)
            order by abs(steps.step) desc
            limit 1
        )
    into v_change, bound
    from changes;
    direction := case
        when v_change > ln(1.1::double precision) then 'slower'
        when v_change < -ln(1.1::double precision) then 'faster'
    end;
end;
$function$;
comment on function private.find_level(double precision[]) is
$comment$Whether durations end on another level than they began on, 10 % away at least, by their
change points: slower, faster or null, and the boundary of the largest step that way.$comment$;

create function private.examine_series(
    due private.performance_series, as_of timestamptz, recent integer, floor_ms double precision
)
returns private.examination
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_found private.examination;
    v_series private.performance_series := due;
    v_change public.performance_changes;
    v_until timestamptz := as_of + interval '1 microsecond';
    v_old private.measurements;
    v_new private.measurements;
    v_shift record;
    v_level record;
    v_place integer;
begin
    select changes.* into v_change from public.performance_changes as changes
    where changes.id = due.change_id;
    v_new := private.read_durations(
        due.test_case_id, due.environment_id,
        coalesce(
            v_change.began_at,
            greatest(due.seen_until + interval '1 microsecond', due.level_since)
        ),
        v_until,
        -- of a series that was never looked at, what is newest is new
        case when due.seen_until = '-infinity' then recent else 50 end
    );
    v_old := private.read_durations(
        due.test_case_id, due.environment_id, due.level_since,
        coalesce(
            v_change.began_at, nullif(due.seen_until, '-infinity') + interval '1 microsecond',
            v_new.times[1]
        ),
        50
    );
    v_series.seen_until := v_new.times[cardinality(v_new.times)];
    v_found.series := v_series;
    if cardinality(v_old.durations) < 10 then
        return v_found;
    end if;

    v_shift := private.find_shift(
        v_old.durations,
        v_new.durations[cardinality(v_new.durations) - recent + 1:],
        floor_ms
    );
    v_series.before_ms := v_shift.before_ms;
    v_series.after_ms := v_shift.after_ms;
    v_series.ratio := v_shift.ratio;
    v_series.p := v_shift.p;
    v_found.series := v_series;
    v_found.shift := v_shift.shift;
    v_level := private.find_level(v_old.durations || v_new.durations);
    if abs(v_series.after_ms - v_series.before_ms) > floor_ms then
        v_found.split := v_level.direction;
    end if;

    v_found.is_settled := v_change.id is not null and cardinality(v_new.durations) = 50;
    -- the beginning stays: what lies between was not read, or nothing tells of a better one
    if v_found.is_settled or v_change.id is not null and v_found.split is null then
        v_found.began_at := v_change.began_at;
        v_found.run_id := v_change.run_id;
        v_found.commit_sha := v_change.commit_sha;
        v_found.api_version := v_change.api_version;
        return v_found;
    end if;
    v_place := coalesce(
        case when v_found.split is not null then v_level.bound + 1 end,
        cardinality(v_old.durations) + greatest(1, cardinality(v_new.durations) - recent + 1)
    );
    v_found.began_at := (v_old.times || v_new.times)[v_place];
    v_found.run_id := (v_old.run_ids || v_new.run_ids)[v_place];
    v_found.commit_sha := (v_old.commits || v_new.commits)[v_place];
    v_found.api_version := (v_old.versions || v_new.versions)[v_place];
    return v_found;
end;
$function$;
comment on function private.examine_series(
    private.performance_series, timestamptz, integer, double precision
) is
$comment$What both methods see in a series: the newest durations beside up to 50 before those that
no check has seen, or before the change that is looked at again; and the change points of all these.

Up to 50 that are newer are read. With fewer than 10 to compare with it sees nothing.
Source: algorithms 3.5 and 3.6.$comment$;
