-- Regressions: looked for each night, project by project.
-- Depends on: examine_series, events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.finding as (
    series private.performance_series,
    began_at timestamptz,
    run_id uuid,
    commit_sha text,
    api_version text,
    direction text,
    is_shifted boolean,
    is_split boolean,
    is_settled boolean
);
comment on type private.finding is
'An examination after all series of the project were weighed; direction null = no change.';

create function private.weigh_examinations(examinations private.examination[])
returns private.finding[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_examinations private.examination[] := array(
        select seen
        from unnest(examinations) as seen
        where (seen.series).p is not null
    );
    v_adjusted double precision[] := private.adjust_for_discoveries(
        array(select least(1, 2 * (seen.series).p) from unnest(v_examinations) as seen)
    );
begin
    return array(
        select
            row(
                weighed.series, weighed.began_at, weighed.run_id, weighed.commit_sha,
                weighed.api_version, coalesce(weighed.shift, weighed.split),
                weighed.shift is not null,
                coalesce(weighed.split = coalesce(weighed.shift, weighed.split), false),
                weighed.is_settled
            )::private.finding
        from (
            select
                seen.began_at,
                seen.run_id,
                seen.commit_sha,
                seen.api_version,
                seen.split,
                seen.is_settled,
                -- what was suspected before is one question, not one of many
                case
                    when adjusted.p <= 0.05 or seen.shift = changes.direction then seen.shift
                end as shift,
                jsonb_populate_record(
                    seen.series, jsonb_build_object('adjusted_p', adjusted.p)
                ) as series
            from unnest(v_examinations) with ordinality as seen
            inner join unnest(v_adjusted) with ordinality as adjusted (p, ordinality)
                on adjusted.ordinality = seen.ordinality
            left join public.performance_changes as changes
                on changes.id = (seen.series).change_id
        ) as weighed
    );
end;
$function$;
comment on function private.weigh_examinations(private.examination[]) is
$comment$What remains of what was seen in the series of a project when all of them are taken
together: of shifts that are new 5 in 100 may be chance. Those without anything to compare with are
left out.$comment$;

create function private.keep_series(examinations private.examination[], findings private.finding[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into private.performance_series as known
    select (coalesce(findings.series, seen.series)).*
    from unnest(examinations) as seen
    left join unnest(findings) as findings
        on
            (findings.series).test_case_id = (seen.series).test_case_id
            and (findings.series).environment_id = (seen.series).environment_id
    on conflict (test_case_id, environment_id) do update
    set
        checked_at = excluded.checked_at,
        seen_until = excluded.seen_until,
        before_ms = excluded.before_ms,
        after_ms = excluded.after_ms,
        ratio = excluded.ratio,
        p = excluded.p,
        adjusted_p = excluded.adjusted_p;
$function$;
comment on function private.keep_series(private.examination[], private.finding[]) is
'Note what was looked at, and what was seen.';

create function private.keep_changes_of_speed(findings private.finding[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    update public.performance_changes as changes
    set
        status = 'dismissed',
        is_shifted = false,
        is_split = false,
        checked_at = (found.series).checked_at
    from unnest(findings) as found
    where
        changes.id = (found.series).change_id
        and changes.direction is distinct from found.direction;

    update public.performance_changes as changes
    set
        status = case
            when not (found.is_shifted and found.is_split) then 'annotated'
            when changes.status = 'suspected' then 'confirmed'
            else 'suspected'
        end,
        confirmed_at = case
            when found.is_shifted and found.is_split and changes.status = 'suspected'
                then (found.series).checked_at
        end,
        checked_at = (found.series).checked_at,
        began_at = found.began_at,
        run_id = found.run_id,
        commit_sha = found.commit_sha,
        api_version = found.api_version,
        before_ms = (found.series).before_ms,
        after_ms = (found.series).after_ms,
        ratio = (found.series).ratio,
        p = (found.series).p,
        is_shifted = found.is_shifted,
        is_split = found.is_split
    from unnest(findings) as found
    where
        changes.id = (found.series).change_id
        and changes.direction = found.direction;

    insert into public.performance_changes (
        project_id, environment_id, test_case_id, direction, status, began_at, run_id, commit_sha,
        api_version, before_ms, after_ms, ratio, p, is_shifted, is_split, found_at, checked_at
    )
    select
        (found.series).project_id,
        (found.series).environment_id,
        (found.series).test_case_id,
        found.direction,
        case when found.is_shifted and found.is_split then 'suspected' else 'annotated' end,
        found.began_at,
        found.run_id,
        found.commit_sha,
        found.api_version,
        (found.series).before_ms,
        (found.series).after_ms,
        (found.series).ratio,
        (found.series).p,
        found.is_shifted,
        found.is_split,
        (found.series).checked_at,
        (found.series).checked_at
    from unnest(findings) as found
    left join public.performance_changes as changes on changes.id = (found.series).change_id
    where found.direction is not null and found.direction is distinct from changes.direction;
end;
$function$;
comment on function private.keep_changes_of_speed(private.finding[]) is
$comment$Write what was found into performance_changes.

What both methods see is suspected, and confirmed at the next check; what one of them sees is
annotated; what is gone, or goes the other way, is dismissed.$comment$;

create function private.point_series_to_changes(findings private.finding[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    update private.performance_series as series
    set
        change_id = case
            when changes.status = 'suspected' then changes.id
            when changes.status = 'annotated' and found.is_settled is not true then changes.id
        end,
        level_since = case
            when changes.status = 'confirmed' then changes.began_at
            else series.level_since
        end
    from unnest(findings) as found
    left join public.performance_changes as changes
        on
            changes.test_case_id = (found.series).test_case_id
            and changes.environment_id = (found.series).environment_id
            and changes.checked_at = (found.series).checked_at
            and changes.status <> 'dismissed'
    where
        series.test_case_id = (found.series).test_case_id
        and series.environment_id = (found.series).environment_id;
$function$;
comment on function private.point_series_to_changes(private.finding[]) is
$comment$Which change the next check of each series looks at again: none once it is confirmed, after
which a new level begins, or so much came after it that nothing more is to be found out.$comment$;

create function private.tell_changes_of_speed(project_id uuid, as_of timestamptz)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return private.raise_events(array(
        select
            row(
                null,
                changes.project_id,
                case changes.direction
                    when 'slower' then 'performance_alert'
                    else 'performance_improved'
                end,
                case changes.direction when 'slower' then 'warning' else 'info' end,
                format(
                    '%s takes %s %% %s on %s: %s ms, was %s ms',
                    cases.name, round(100 * abs(changes.ratio - 1)),
                    case changes.direction when 'slower' then 'longer' else 'less time' end,
                    environments.name, round(changes.after_ms), round(changes.before_ms)
                ),
                'performance_change ' || changes.id,
                changes.environment_id,
                changes.run_id,
                changes.test_case_id,
                jsonb_build_object(
                    'change', changes.id,
                    'direction', changes.direction,
                    'ratio', round(changes.ratio::numeric, 3),
                    'before_ms', changes.before_ms,
                    'after_ms', changes.after_ms,
                    'p', changes.p,
                    'began_at', changes.began_at,
                    'commit_sha', changes.commit_sha,
                    'api_version', changes.api_version
                )
            )::private.new_event
        from public.performance_changes as changes
        inner join public.test_cases as cases on cases.id = changes.test_case_id
        inner join public.environments on environments.id = changes.environment_id
        where
            changes.project_id = tell_changes_of_speed.project_id
            and changes.confirmed_at = as_of
        order by changes.id
    ));
end;
$function$;
comment on function private.tell_changes_of_speed(uuid, timestamptz) is
'Raise performance_alert and performance_improved for what a check has just confirmed; how many.';

create function private.check_project(
    project_id uuid, as_of timestamptz, recent integer, floor_ms double precision
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_examinations private.examination[];
    v_findings private.finding[];
begin
    -- one check of a project at a time
    if not pg_try_advisory_xact_lock(hashtextextended('assay speed ' || project_id::text, 0)) then
        return 0;
    end if;
    insert into private.performance_checks as checks (project_id, checked_at)
    values (check_project.project_id, as_of)
    on conflict on constraint performance_checks_pkey do update
    set checked_at = excluded.checked_at;

    v_examinations := array(
        select private.examine_series(due, as_of, recent, floor_ms)
        from private.due_series(check_project.project_id, as_of, recent) as due
    );
    v_findings := private.weigh_examinations(v_examinations);
    perform private.keep_series(v_examinations, v_findings);
    perform private.keep_changes_of_speed(v_findings);
    perform private.point_series_to_changes(v_findings);
    perform private.tell_changes_of_speed(project_id, as_of);
    return cardinality(v_examinations);
end;
$function$;
comment on function private.check_project(uuid, timestamptz, integer, double precision) is
$comment$Look through the series of a project that have enough that is new; how many these were.
Parameters: as of find_regressions. Once more as of the same moment it finds nothing new.$comment$;

create function private.find_regressions(
    as_of timestamptz default now(),
    project_id uuid default null,
    recent integer default 10,
    floor_ms double precision default 5
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_until timestamptz := clock_timestamp() + interval '30 seconds';
    v_project_id uuid;
    v_count integer := 0;
begin
    for v_project_id in
        select projects.id
        from public.projects
        left join private.performance_checks as checks on checks.project_id = projects.id
        where
            case
                when find_regressions.project_id is not null
                    then projects.id = find_regressions.project_id
                else
                    -- a day at a time, in UTC
                    coalesce(checks.checked_at, '-infinity') < date_trunc('day', as_of, 'UTC')
                    and exists (
                        select
                        from public.test_run_history as history
                        where
                            history.project_id = projects.id
                            and history.finished_at > as_of - interval '2 days'
                            and history.finished_at <= as_of
                    )
            end
        order by checks.checked_at nulls first, projects.id
    loop
        exit when clock_timestamp() > v_until;
        v_count := v_count + private.check_project(v_project_id, as_of, recent, floor_ms);
    end loop;
    return v_count;
end;
$function$;
comment on function private.find_regressions(
    timestamptz, uuid, integer, double precision
) is
$comment$Look for tests that became slower or faster, project by project, each once a day; how many
series were looked at.

as_of: as if it were then, so that a history can be replayed. project_id: only this one, checked
today or not. recent: how many of the newest durations of a series are compared, 10 or more; a
series with fewer that are new waits. floor_ms: differences up to it do not count. After 30 s no
further project is begun; the next call goes on.$comment$;
