-- Flakiness, the evidence: what the outcomes of each test in each environment come to.
-- Depends on: test_outcomes, flaky_scores. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.test_evidence as (
    test_case_id uuid,
    environment_id uuid,
    run_count bigint,
    result_count bigint,
    attempt_count bigint,
    failure_count bigint,
    key_count bigint,
    contradiction_count bigint,
    flake_count bigint,
    flake_bound double precision,
    flake_rate double precision,
    bad_rate double precision,
    flip_rate double precision,
    flip_count bigint,
    is_flip_rate_by_key boolean,
    is_alternating boolean,
    failed_key_count bigint,
    failure_level double precision,
    pass_streak bigint,
    last_run_at timestamptz,
    flake_run_id uuid,
    failure_run_id uuid
);
comment on type private.test_evidence is
$comment$What is known of a test in an environment over a window: the columns of test_ratings of
the same names, and what private.rate_evidence needs besides.

flip_count: changes from pass to failure or back between neighbouring attempts, of one fixture row
and definition; is_flip_rate_by_key: flip_rate is of code keys that ran more than once, else of
neighbouring runs; is_alternating: failures stand alone at least half as much as chance would have
it; failed_key_count: newest code keys of one row without a pass; pass_streak: results since the
last failed attempt; flake_run_id, failure_run_id: the newest run that flaked, and in which an
attempt failed.
$comment$;

create function private.trace_outcomes(project_id uuid, since timestamptz, until timestamptz)
returns table (
    test_case_id uuid,
    environment_id uuid,
    row_key text,
    code_key uuid,
    run_id uuid,
    finished_at timestamptz,
    is_passed boolean,
    failed_count integer,
    flip_count integer,
    chance_count integer,
    key_flip_count integer,
    recovery_count integer,
    age bigint,
    last_failed_at timestamptz
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with outcomes as materialized (
        select
            found.test_case_id,
            found.environment_id,
            found.row_key,
            -- a digest: as text it would be sorted by a language's rules
            found.code_key::uuid as code_key,
            found.definition_id,
            found.run_id,
            found.result_id,
            found.finished_at,
            found.is_passed,
            found.failed_count
        from private.test_outcomes as found
        where
            found.project_id = trace_outcomes.project_id
            and found.finished_at > trace_outcomes.since
            and found.finished_at <= trace_outcomes.until
            and not found.is_infra_suspect
    ),

    runs as materialized (
        select
            outcomes.run_id,
            count(*) as result_count,
            count(*) filter (where outcomes.failed_count > 0)::double precision
            / count(*) as failed
        from outcomes
        group by outcomes.run_id
    ),

    normal as (
        select percentile_disc(0.5) within group (order by runs.failed) as failed
        from runs
        where runs.result_count >= 10
    ),

    troubles as materialized (
        select
            runs.run_id,
            -- also what failed at first and passed when tried again: not the tests' doing either
            runs.result_count >= 5 and runs.failed >= 0.8 as is_void,
            coalesce(
                runs.result_count >= 10
                and runs.failed >= 0.2
                and runs.failed >= 2 * normal.failed,
                false
            ) as is_troubled
        from runs
        cross join normal
    ),

    neighbours as (
        select
            outcomes.*,
            lag(outcomes.is_passed) over by_row as row_before,
            lag(outcomes.definition_id) over by_row as definition_before,
            lag(outcomes.is_passed) over by_key as key_before,
            troubles.is_troubled,
            lag(troubles.is_troubled) over by_key as was_troubled,
            count(*) over (
                partition by outcomes.test_case_id, outcomes.environment_id, outcomes.row_key
            ) - row_number() over by_row as age,
            max(outcomes.finished_at) filter (where outcomes.failed_count > 0) over (
                partition by outcomes.test_case_id, outcomes.environment_id
            ) as last_failed_at
        from outcomes
        inner join troubles on troubles.run_id = outcomes.run_id
        where not troubles.is_void
        window
            by_row as (
                partition by outcomes.test_case_id, outcomes.environment_id, outcomes.row_key
                order by outcomes.finished_at, outcomes.result_id
            ),
            by_key as (
                partition by
                    outcomes.test_case_id, outcomes.environment_id, outcomes.row_key,
                    outcomes.code_key
                order by outcomes.finished_at, outcomes.result_id
            )
    )

    -- an outcome is so many failed attempts, and then one that passed or none
    select
        neighbours.test_case_id,
        neighbours.environment_id,
        neighbours.row_key,
        neighbours.code_key,
        neighbours.run_id,
        neighbours.finished_at,
        neighbours.is_passed,
        neighbours.failed_count,
        within.flip_count + coalesce(
            (
                neighbours.definition_before = neighbours.definition_id
                and neighbours.row_before <> (neighbours.failed_count = 0)
            )::integer, 0
        ),
        within.attempt_count - 1 + coalesce(
            neighbours.definition_before = neighbours.definition_id, false
        )::integer,
        within.flip_count + coalesce(
            neighbours.key_before <> (neighbours.failed_count = 0), false
        )::integer,
        within.flip_count * (not neighbours.is_troubled)::integer + coalesce(
            not neighbours.key_before
            and neighbours.failed_count = 0
            and not neighbours.was_troubled,
            false
        )::integer,
        neighbours.age,
        neighbours.last_failed_at
    from neighbours
    cross join lateral (
        select
            (neighbours.is_passed and neighbours.failed_count > 0)::integer as flip_count,
            neighbours.failed_count + neighbours.is_passed::integer as attempt_count
    ) as within;
$function$;
comment on function private.trace_outcomes(uuid, timestamptz, timestamptz) is
$comment$The outcomes of a project after one moment and up to another, each beside the one before
it.

flip_count: neighbouring attempts that differ, of chance_count pairs within this result and with
the one before it of the same row, if its definition was the same; key_flip_count: the same, but
with the one before it of the same code key; recovery_count: those of them where a pass follows a
failure, unless that was in a run in which a fifth or more failed, and twice as many as usual; age:
newer outcomes of the same row; last_failed_at: when an attempt of the test last failed. Runs of
mass failure are set aside, also such as passed when tried again.$comment$;

create function private.weigh_tests(project_id uuid, since timestamptz, until timestamptz)
returns setof private.test_evidence
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with traced as materialized (
        select *
        from private.trace_outcomes(weigh_tests.project_id, weigh_tests.since, weigh_tests.until)
    ),

    keys as (
        select
            traced.test_case_id,
            traced.environment_id,
            traced.row_key,
            traced.code_key,
            count(*) as result_count,
            sum(traced.failed_count) as failure_count,
            sum(traced.failed_count + traced.is_passed::integer) as attempt_count,
            sum(traced.key_flip_count) as flip_count,
            sum(traced.recovery_count) as recovery_count,
            bool_or(traced.is_passed) as is_passed,
            max(traced.finished_at) as finished_at
        from traced
        group by
            traced.test_case_id, traced.environment_id, traced.row_key, traced.code_key
    ),

    judged as (
        select
            keys.*,
            -- broken and mended under one key is an outage: flaky is what goes back and forth
            keys.is_passed
            and keys.failure_count > 0
            and shares.flip_rate >= shares.failed * (1 - shares.failed) as is_contradiction,
            keys.is_passed and keys.failure_count > 0 as is_mixed,
            shares.flip_rate,
            row_number() over newest_first as place,
            -- A key that ran once tells nothing of flips: whether it was tried again depended on
            -- its failing.
            0.9::double precision ^ (
                count(*) filter (where keys.result_count > 1) over newest_first - 1
            ) as weight
        from keys
        cross join lateral (
            select
                keys.flip_count::double precision / nullif(keys.attempt_count - 1, 0) as flip_rate,
                keys.failure_count::double precision / keys.attempt_count as failed
        ) as shares
        window newest_first as (
            partition by keys.test_case_id, keys.environment_id, keys.row_key
            order by keys.finished_at desc, keys.code_key
        )
    ),

    by_row as (
        select
            judged.test_case_id,
            judged.environment_id,
            judged.row_key,
            count(*) as key_count,
            count(*) filter (where judged.is_contradiction) as contradiction_count,
            sum(judged.recovery_count) filter (where judged.is_contradiction) as flake_count,
            sum(judged.weight * judged.flip_rate)
            filter (where judged.result_count > 1) as flip_sum,
            sum(judged.weight) filter (where judged.result_count > 1) as weight_sum,
            coalesce(
                min(judged.place) filter (where judged.is_passed) - 1, count(*)
            ) as failed_key_count,
            count(*) filter (
                where judged.is_contradiction or not judged.is_mixed
            ) as group_count,
            sum(judged.failure_count) filter (where judged.is_contradiction) as passed_failures,
            sum(judged.attempt_count) filter (
                where judged.is_contradiction or judged.failure_count = 0
            ) as passed_attempts
        from judged
        group by judged.test_case_id, judged.environment_id, judged.row_key
    ),

    by_test as (
        select
            by_row.test_case_id,
            by_row.environment_id,
            sum(by_row.key_count)::bigint as key_count,
            sum(by_row.contradiction_count)::bigint as contradiction_count,
            coalesce(sum(by_row.flake_count), 0)::bigint as flake_count,
            sum(by_row.flip_sum) / sum(by_row.weight_sum) as key_flip_rate,
            max(by_row.failed_key_count) as failed_key_count,
            sum(by_row.group_count)::bigint as group_count,
            coalesce(sum(by_row.passed_failures), 0)::bigint as passed_failures,
            coalesce(sum(by_row.passed_attempts), 0)::bigint as passed_attempts
        from by_row
        group by by_row.test_case_id, by_row.environment_id
    ),

    fails as (
        select
            lengths.test_case_id,
            lengths.environment_id,
            array_agg(lengths.failure_count order by lengths.failure_count) as lengths,
            array_agg(lengths.key_count order by lengths.failure_count) as counts
        from (
            select
                judged.test_case_id,
                judged.environment_id,
                judged.failure_count,
                count(*) as key_count
            from judged
            where not judged.is_passed
            group by judged.test_case_id, judged.environment_id, judged.failure_count
        ) as lengths
        group by lengths.test_case_id, lengths.environment_id
    ),

    levels as (
        -- of the row that fails most lately, counted from healthy; what is older weighs nothing
        select
            rows.test_case_id,
            rows.environment_id,
            max(rows.failure_level) as failure_level
        from (
            select
                traced.test_case_id,
                traced.environment_id,
                0.2 * sum(0.8::double precision ^ traced.age) filter (
                    where not traced.is_passed
                ) as failure_level
            from traced
            where traced.age < 200
            group by traced.test_case_id, traced.environment_id, traced.row_key
        ) as rows
        group by rows.test_case_id, rows.environment_id
    ),

    series as (
        select
            traced.test_case_id,
            traced.environment_id,
            count(distinct traced.run_id) as run_count,
            count(*) as result_count,
            sum(traced.failed_count + traced.is_passed::integer)::bigint as attempt_count,
            sum(traced.failed_count)::bigint as failure_count,
            sum(traced.flip_count)::bigint as flip_count,
            nullif(sum(traced.chance_count), 0)::double precision as chance_count,
            count(*) filter (
                where traced.last_failed_at is null or traced.finished_at > traced.last_failed_at
            ) as pass_streak,
            max(traced.finished_at) as last_run_at,
            (array_agg(traced.run_id order by traced.finished_at desc, traced.run_id) filter (
                where traced.recovery_count > 0
            ))[1] as flake_run_id,
            (array_agg(traced.run_id order by traced.finished_at desc, traced.run_id) filter (
                where traced.failed_count > 0
            ))[1] as failure_run_id
        from traced
        group by traced.test_case_id, traced.environment_id
    )

    select
        series.test_case_id,
        series.environment_id,
        series.run_count,
        series.result_count,
        series.attempt_count,
        series.failure_count,
        by_test.key_count,
        by_test.contradiction_count,
        by_test.flake_count,
        private.wilson_bound(by_test.flake_count, series.result_count),
        estimates.flake_rate,
        estimates.bad_rate,
        coalesce(by_test.key_flip_rate, series.flip_count / series.chance_count),
        series.flip_count,
        by_test.key_flip_rate is not null,
        coalesce(
            series.flip_count / series.chance_count >= shares.failed * (1 - shares.failed), false
        ),
        by_test.failed_key_count,
        coalesce(levels.failure_level, 0),
        series.pass_streak,
        series.last_run_at,
        series.flake_run_id,
        series.failure_run_id
    from series
    inner join by_test
        on
            by_test.test_case_id = series.test_case_id
            and by_test.environment_id = series.environment_id
    left join fails
        on
            fails.test_case_id = series.test_case_id
            and fails.environment_id = series.environment_id
    left join levels
        on
            levels.test_case_id = series.test_case_id
            and levels.environment_id = series.environment_id
    cross join lateral (
        select series.failure_count::double precision / series.attempt_count as failed
    ) as shares
    cross join lateral private.estimate_flakiness(
        by_test.group_count, by_test.passed_failures, by_test.passed_attempts,
        fails.lengths, fails.counts
    ) as estimates;
$function$;
comment on function private.weigh_tests(uuid, timestamptz, timestamptz) is
$comment$The evidence on each test of a project in each environment, after one moment and up to
another.

Formulas: same-key contradictions, flip rate aged by 0.9 a key (E. Kowalczyk et al., Modeling and
ranking flaky tests at Apple, 2020), private.estimate_flakiness, an average of failures
exponentially weighted by 0.2 a result; which of them counts how:
docs/decisions/0022-what-counts-as-a-flake.md.
$comment$;
