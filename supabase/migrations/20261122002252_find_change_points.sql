-- Change points: where the level of a series changes, for good.
-- Depends on: compare_samples. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- E-divisive with t-tests: Matteson and James, A Nonparametric Approach for Multiple Change Point
-- Analysis of Multivariate Data (2014), as Fleming and others use it in Hunter (2023) and Apache
-- Otava; docs/statistics.md holds both side by side. A boundary b lies after the first b points.
-- Loops over arrays and not sets: the same over sets takes 2 to 16 times as long.

create function private.sum_distances(points double precision[])
returns double precision[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_sums double precision[] := array_fill(
        0::double precision, array[cardinality(points) * (cardinality(points) - 1) / 2]
    );
    v_row integer := 0;
    v_column double precision;
begin
    for v_last in 2..cardinality(points) loop
        v_column := 0;
        for v_first in reverse v_last - 1..1 loop
            v_column := v_column + abs(points[v_first] - points[v_last]);
            v_sums[v_row + v_first] := v_column
                + case
                    when v_first < v_last - 1 then v_sums[v_row - v_last + 2 + v_first] else 0
                end;
        end loop;
        v_row := v_row + v_last - 1;
    end loop;
    return v_sums;
end;
$function$;
comment on function private.sum_distances(double precision[]) is
$comment$W(a, b), the sum of the distances of all pairs between boundaries a and b of a series,
for all a < b - 1 at once.

W(a, b) is element (b - 1)(b - 2) / 2 + a + 1. Of a series shorter than two points: empty.$comment$;

create function private.find_split(
    sums double precision[], low integer, high integer, least_points integer,
    out split integer, out gain double precision
)
returns record
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_before integer;
    v_after integer;
    v_within_before double precision;
    v_row integer;
    v_gain double precision;
begin
    gain := '-infinity';
    for v_split in low + least_points..high - least_points loop
        v_before := v_split - low;
        v_within_before := case
            when v_before > 1
                then sums[(v_split - 1) * (v_split - 2) / 2 + low + 1] / (v_before - 1)
            else 0
        end;
        for v_end in v_split + least_points..high loop
            v_after := v_end - v_split;
            v_row := (v_end - 1) * (v_end - 2) / 2 + 1;
            -- what lies between the parts is all without what lies within them
            v_gain := (
                sums[v_row + low]
                - v_within_before * (v_before + v_after - 1)
                - case
                    when v_after > 1
                        then sums[v_row + v_split] * (v_before + v_after - 1) / (v_after - 1)
                    else 0
                end
            ) * 2 / (v_before + v_after);
            if v_gain > gain then
                gain := v_gain;
                split := v_split;
            end if;
        end loop;
    end loop;
end;
$function$;
comment on function private.find_split(double precision[], integer, integer, integer) is
$comment$Where a part of a series falls apart best: the boundary and the end for which the distances
between both sides exceed those within them the most.

sums: of sum_distances. low, high: the boundaries of the part. least_points: on each side, 1 or
more. Returns split (null where there is no room) and gain. The end of the right side is looked for
too, so that a later change does not blur an earlier one. Source: Matteson and James, equation 5,
with alpha = 1: 2 / (n+m) * [W(low, end) - W(low, split) - W(split, end)]
- 2m / ((n+m)(n-1)) * W(low, split) - 2n / ((n+m)(m-1)) * W(split, end).$comment$;

create function private.split_series(
    points double precision[], p_limit double precision, least_points integer
)
returns integer[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_sums double precision[] := private.sum_distances(points);
    v_bounds integer[] := array[0, cardinality(points)];
    v_splits integer[];
    v_gains double precision[];
    v_part integer;
    v_best record;
begin
    v_best := private.find_split(v_sums, 0, cardinality(points), least_points);
    v_splits := array[v_best.split];
    v_gains := array[v_best.gain];
    loop
        v_part := array_position(
            v_gains, (select max(gains.gain) from unnest(v_gains) as gains (gain))
        );
        exit when
            v_splits[v_part] is null
            or private.welch_test(
                points[v_bounds[v_part] + 1:v_splits[v_part]],
                points[v_splits[v_part] + 1:v_bounds[v_part + 1]]
            ) > p_limit;

        v_bounds := v_bounds[:v_part] || v_splits[v_part] || v_bounds[v_part + 1:];
        v_best := private.find_split(v_sums, v_bounds[v_part], v_bounds[v_part + 1], least_points);
        v_splits := v_splits[:v_part - 1] || v_best.split || v_splits[v_part:];
        v_gains := v_gains[:v_part - 1] || v_best.gain || v_gains[v_part:];
        v_best := private.find_split(
            v_sums, v_bounds[v_part + 1], v_bounds[v_part + 2], least_points
        );
        v_splits[v_part + 1] := v_best.split;
        v_gains[v_part + 1] := v_best.gain;
    end loop;
    return v_bounds[2:cardinality(v_bounds) - 1];
end;
$function$;
comment on function private.split_series(double precision[], double precision, integer) is
$comment$The boundaries at which a series falls apart, in order: the best split of all parts, again
and again, until its two sides do not differ any more by welch_test.

p_limit: the p above which they do not. least_points: as in find_split. Source: Hunter, 3.2, a
t-test in place of permutations.$comment$;

create function private.find_weak_points(
    points double precision[], window_size integer, p_limit double precision, least_points integer
)
returns integer[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_bounds integer[] := array[]::integer[];
    v_found integer[];
    v_start integer := 0;
begin
    while v_start < cardinality(points) loop
        v_found := array(
            select v_start + inner_bounds.bound
            from unnest(
                private.split_series(
                    points[v_start + 1:v_start + window_size], p_limit, least_points
                )
            ) as inner_bounds (bound)
        );
        v_bounds := v_bounds || v_found;
        v_start := greatest(
            v_start + window_size / 2, v_found[cardinality(v_found)]
        );
    end loop;
    return array(
        select distinct bounds.bound
        from unnest(v_bounds) as bounds (bound)
        order by bounds.bound
    );
end;
$function$;
comment on function private.find_weak_points(
    double precision[], integer, double precision, integer
) is
$comment$The boundaries found in windows that move on by half their size, or to the last boundary.

window_size: points, 2 or more. p_limit, least_points: as in split_series. Source: Hunter, 3.3.
$comment$;

create type private.change_point as (
    bound integer,
    step double precision,
    p double precision
);
comment on type private.change_point is
$comment$Where a level begins: bound, how many points lie before it; step, by how much its mean is
above that of the level before; p of the t-test between the two.$comment$;

create function private.compare_levels(points double precision[], bounds integer[])
returns setof private.change_point
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_ends integer[] := 0 || bounds || cardinality(points);
begin
    return query
    select
        v_ends[places.place + 1],
        (select avg(afters.value) from unnest(levels.after) as afters (value))
        - (select avg(befores.value) from unnest(levels.before) as befores (value)),
        private.welch_test(levels.before, levels.after)
    from generate_series(1, cardinality(bounds)) as places (place)
    cross join lateral (
        select
            points[v_ends[places.place] + 1:v_ends[places.place + 1]] as before,
            points[v_ends[places.place + 1] + 1:v_ends[places.place + 2]] as after
    ) as levels;
end;
$function$;
comment on function private.compare_levels(double precision[], integer[]) is
'Each boundary of a series with what lies on its two sides, up to the next boundaries.';

create function private.find_change_points(
    points double precision[],
    p_limit double precision default 0.001,
    least_step double precision default 0,
    least_points integer default 1,
    window_size integer default 50
)
returns setof private.change_point
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_bounds integer[] := private.find_weak_points(
        points, window_size, p_limit * 10, least_points
    );
    v_weakest integer;
begin
    loop
        select levels.bound
        into v_weakest
        from private.compare_levels(points, v_bounds) as levels
        where levels.p >= p_limit or abs(levels.step) <= least_step
        -- what is no significant difference goes first, the least of it before the rest
        order by
            levels.p >= p_limit desc,
            case when levels.p >= p_limit then -levels.p else abs(levels.step) end
        limit 1;
        exit when not found;
        v_bounds := array_remove(v_bounds, v_weakest);
    end loop;
    return query
    select levels.*
    from private.compare_levels(points, v_bounds) as levels
    order by levels.bound;
end;
$function$;
comment on function private.find_change_points(
    double precision[], double precision, double precision, integer, integer
) is
$comment$Where the level of a series changes, in order: weak points first, then those taken out from
the weakest on between which nothing changes.

points: in order of time; of durations their logarithms, so that steps are ratios. p_limit: 0.05 at
most; weak points may have ten times that. least_step: steps up to it do not count. least_points: on
each side of a split. window_size: as in find_weak_points. Source: Hunter, 3.3 and 3.4.$comment$;
