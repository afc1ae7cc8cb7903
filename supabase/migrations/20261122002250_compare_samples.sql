-- Comparing two samples: tails of distributions, tests for a difference, the size of one.
-- Depends on: extensions and schemas. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- docs/statistics.md holds each of these beside SciPy. Nothing here reads a table.

create function private.erfc(x double precision)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_size double precision := abs(erfc.x);
    v_t double precision := 1 / (1 + v_size / 2);
    v_tail double precision;
begin
    if v_size = 'NaN' then
        return v_size;
    end if;
    -- beyond it exp() would raise an underflow
    v_tail := case when v_size > 26 then 0 else v_t * exp(
        -v_size * v_size - 1.26551223 + v_t * (1.00002368 + v_t * (0.37409196 + v_t * (
            0.09678418 + v_t * (-0.18628806 + v_t * (0.27886807 + v_t * (-1.13520398 + v_t * (
                1.48851587 + v_t * (-0.82215223 + v_t * 0.17087277)
            ))))
        )))
    ) end;
    return case when erfc.x >= 0 then v_tail else 2 - v_tail end;
end;
$function$;
comment on function private.erfc(double precision) is
$comment$The complementary error function, which PostgreSQL has from 16 on only.

Relative error below 1.2e-7; 0 beyond 26. Source: Press and others, Numerical Recipes, 2nd edition,
6.2, erfcc (a Chebyshev fit).$comment$;

create function private.normal_tail(z double precision)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return private.erfc(z / sqrt(2::double precision)) / 2;
end;
$function$;
comment on function private.normal_tail(double precision) is
'How likely a standard normal variable is above z: erfc(z / sqrt 2) / 2.';

create function private.log_gamma(x double precision)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (x + 0.5) * ln(x + 5.5) - (x + 5.5) + ln(
        2.5066282746310005 * (
            1.000000000190015
            + 76.18009172947146 / (x + 1)
            - 86.50532032941677 / (x + 2)
            + 24.01409824083091 / (x + 3)
            - 1.231739572450155 / (x + 4)
            + 0.001208650973866179 / (x + 5)
            - 0.000005395239384953 / (x + 6)
        ) / x
    );
end;
$function$;
comment on function private.log_gamma(double precision) is
$comment$The natural logarithm of the gamma function, for x > 0, to 2e-10. Source: Lanczos (1964) as
in Numerical Recipes, 2nd edition, 6.1, gammln.$comment$;

create function private.beta_fraction(
    x double precision, a double precision, b double precision
)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_tiny constant double precision := 1e-300;
    v_c double precision := 1;
    v_d double precision := 1 - (a + b) * x / (a + 1);
    v_term double precision;
    v_factor double precision;
    v_fraction double precision;
begin
    v_d := 1 / case when abs(v_d) < v_tiny then v_tiny else v_d end;
    v_fraction := v_d;
    -- twice as many steps as the largest samples that are compared need
    for m in 1..500 loop
        v_term := m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        v_d := 1 + v_term * v_d;
        v_d := 1 / case when abs(v_d) < v_tiny then v_tiny else v_d end;
        v_c := 1 + v_term / v_c;
        v_c := case when abs(v_c) < v_tiny then v_tiny else v_c end;
        v_fraction := v_fraction * v_d * v_c;

        v_term := -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        v_d := 1 + v_term * v_d;
        v_d := 1 / case when abs(v_d) < v_tiny then v_tiny else v_d end;
        v_c := 1 + v_term / v_c;
        v_c := case when abs(v_c) < v_tiny then v_tiny else v_c end;
        v_factor := v_d * v_c;
        v_fraction := v_fraction * v_factor;
        exit when abs(v_factor - 1) < 3e-16;
    end loop;
    return v_fraction;
end;
$function$;
comment on function private.beta_fraction(double precision, double precision, double precision) is
$comment$The continued fraction of the incomplete beta function, by Lentz's method. It converges
fast for x < (a + 1) / (a + b + 2). Source: Numerical Recipes, 2nd edition, 6.4, betacf.$comment$;

create function private.incomplete_beta(
    x double precision, a double precision, b double precision
)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_exponent double precision;
    v_factor double precision;
begin
    if x <= 0 or x >= 1 then
        return case when x <= 0 then 0 else 1 end;
    end if;
    v_exponent := private.log_gamma(a + b) - private.log_gamma(a) - private.log_gamma(b)
        + a * ln(x) + b * ln(1 - x);
    -- below it exp() would raise an underflow
    v_factor := case when v_exponent < -700 then 0 else exp(v_exponent) end;
    if x < (a + 1) / (a + b + 2) then
        return v_factor * private.beta_fraction(x, a, b) / a;
    end if;
    return 1 - v_factor * private.beta_fraction(1 - x, b, a) / b;
end;
$function$;
comment on function private.incomplete_beta(
    double precision, double precision, double precision
) is
$comment$The regularised incomplete beta function I_x(a, b), for a, b > 0; 0 below x = 0, 1 above
x = 1. Source: Numerical Recipes, 2nd edition, 6.4, betai.$comment$;

create function private.student_tails(t double precision, freedom double precision)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return private.incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
end;
$function$;
comment on function private.student_tails(double precision, double precision) is
$comment$How likely a variable of Student's distribution is beyond t on either side: p, two-sided.

freedom: degrees of freedom, above 0. Source: Abramowitz and Stegun, 26.7.1: I_x(freedom / 2, 1/2)
with x = freedom / (freedom + t * t).$comment$;

create function private.welch_test(
    first double precision[], second double precision[]
)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_mean double precision;
    v_spread double precision;
    v_other_mean double precision;
    v_other_spread double precision;
begin
    if least(cardinality(first), cardinality(second)) < 2 then
        return 1;
    end if;
    select
        avg(points.value),
        var_samp(points.value) / count(*)
    into v_mean, v_spread
    from unnest(first) as points (value);
    select
        avg(points.value),
        var_samp(points.value) / count(*)
    into v_other_mean, v_other_spread
    from unnest(second) as points (value);
    if v_spread + v_other_spread = 0 then
        return case when v_mean = v_other_mean then 1 else 0 end;
    end if;
    return private.student_tails(
        (v_mean - v_other_mean) / sqrt(v_spread + v_other_spread),
        -- in shares of the whole, which cannot underflow
        1 / (
            (v_spread / (v_spread + v_other_spread)) ^ 2 / (cardinality(first) - 1)
            + (v_other_spread / (v_spread + v_other_spread)) ^ 2 / (cardinality(second) - 1)
        )
    );
end;
$function$;
comment on function private.welch_test(double precision[], double precision[]) is
$comment$The two-sided p of the t-test for equal means without equal variances; 1 where a sample has
fewer than two values.

Source: Welch (1947): t = (m1 - m2) / sqrt(s1 / n1 + s2 / n2) with sample variances, and the degrees
of freedom of Satterthwaite (1946).$comment$;

create type private.rank_sum as (
    u double precision,
    above_p double precision,
    below_p double precision
);
comment on type private.rank_sum is
$comment$What mann_whitney finds: u, how many pairs have the second value above the first, ties
counting half; and the one-sided p that the second sample is above, and below, the first.$comment$;

create function private.mann_whitney(
    first double precision[], second double precision[]
)
returns private.rank_sum
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_size double precision := cardinality(first);
    v_other_size double precision := cardinality(second);
    v_all double precision := v_size + v_other_size;
    v_u double precision;
    v_ties double precision;
    v_deviation double precision;
begin
    -- a run of equal values has ranks below + 1 .. below + ties, each counts as their middle
    select
        sum(runs.seconds * (runs.below + (runs.ties + 1) / 2))
        - v_other_size * (v_other_size + 1) / 2,
        sum(runs.ties ^ 3 - runs.ties)
    into v_u, v_ties
    from (
        select
            values.seconds::double precision as seconds,
            values.ties::double precision as ties,
            (sum(values.ties) over (order by values.value) - values.ties)::double precision as below
        from (
            select
                points.value,
                count(*) as ties,
                count(*) filter (where points.is_second) as seconds
            from (
                select
                    firsts.value,
                    false as is_second
                from unnest(first) as firsts (value)
                union all
                select
                    seconds.value,
                    true
                from unnest(second) as seconds (value)
            ) as points
            group by points.value
        ) as values
    ) as runs;
    v_deviation := sqrt(
        v_size * v_other_size / 12
        * (v_all + 1 - v_ties / (v_all * (v_all - 1)))
    );
    if v_deviation is null or v_deviation < 1e-9 then
        return row(v_u, 1, 1)::private.rank_sum;
    end if;
    return row(
        v_u,
        private.normal_tail((v_u - v_size * v_other_size / 2 - 0.5) / v_deviation),
        private.normal_tail((v_size * v_other_size / 2 - v_u - 0.5) / v_deviation)
    )::private.rank_sum;
end;
$function$;
comment on function private.mann_whitney(double precision[], double precision[]) is
$comment$Whether values of the second sample tend to be above, or below, those of the first.

Normal approximation, corrected for ties and continuity; p = 1 where all values are equal. Neither
sample may be empty. Source: Mann and Whitney (1947); Hollander and Wolfe, Nonparametric Statistical
Methods, 4.1: U = R - m(m+1)/2, variance nm/12 * (N+1 - sum(t^3 - t) / (N(N-1))).$comment$;

create function private.shift_ratio(
    first double precision[], second double precision[]
)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select exp(percentile_cont(0.5) within group (order by seconds.log - firsts.log))
        from (select ln(points.value) as log from unnest(first) as points (value)) as firsts
        cross join (
            select ln(points.value) as log from unnest(second) as points (value)
        ) as seconds
    );
end;
$function$;
comment on function private.shift_ratio(double precision[], double precision[]) is
$comment$How many times larger the second sample is than the first: the median of the ratios of all
pairs. All values above 0.

Source: Hodges and Lehmann (1963), their estimate of a shift, on logarithms.$comment$;

create function private.adjust_for_discoveries(p_values double precision[])
returns double precision[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return array(
        select
            least(
                1,
                min(ranked.p * cardinality(p_values) / ranked.rank) over (
                    order by ranked.rank desc
                )
            )
        from (
            select
                given.p,
                given.ordinal,
                row_number() over (order by given.p, given.ordinal) as rank
            from unnest(p_values) with ordinality as given (p, ordinal)
        ) as ranked
        order by ranked.ordinal
    );
end;
$function$;
comment on function private.adjust_for_discoveries(double precision[]) is
$comment$What each p is worth when all of them were looked at, in their order: who takes those up to
0.05 for discoveries is wrong in 5 of 100 at most.

Source: Benjamini and Hochberg (1995), adjusted as by Yekutieli and Benjamini (1999): the least
p(j) * n / j over all ranks j from its own on.$comment$;
