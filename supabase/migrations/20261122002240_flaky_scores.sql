-- Flakiness, the arithmetic: how sure a rate is, and whether a test or the world behind it is bad.
-- Depends on: nothing. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.wilson_bound(successes bigint, trials bigint)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- one-sided, 95 %
    v_z constant double precision := 1.645;
    v_trials double precision := trials;
    v_rate double precision;
begin
    if trials = 0 then
        return 0;
    end if;
    v_rate := successes / v_trials;
    return greatest(
        0,
        (
            v_rate + v_z * v_z / (2 * v_trials)
            - v_z * sqrt(
                v_rate * (1 - v_rate) / v_trials + v_z * v_z / (4 * v_trials * v_trials)
            )
        ) / (1 + v_z * v_z / v_trials)
    );
end;
$function$;
comment on function private.wilson_bound(bigint, bigint) is
$comment$What the rate behind so many successes in so many trials is at least, with 95 %
confidence; 0 for no trials. Source: E. B. Wilson, Probable inference, JASA 22 (1927).$comment$;

create function private.estimate_flakiness(
    key_count bigint,
    passed_failures bigint,
    passed_attempts bigint,
    lengths bigint[],
    counts bigint[],
    out bad_rate double precision,
    out flake_rate double precision
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_bad double precision;
    v_all_bad double precision;
    v_failures double precision;
begin
    bad_rate := 0.1;
    flake_rate := 0.1;
    for v_round in 1 .. 30 loop
        v_all_bad := 0;
        v_failures := 0;
        for v_group in 1 .. coalesce(cardinality(lengths), 0) loop
            -- power() refuses to underflow
            v_bad := bad_rate / (
                bad_rate
                + (1 - bad_rate)
                * exp(greatest(-700, lengths[v_group] * ln(flake_rate)))
            );
            v_all_bad := v_all_bad + v_bad * counts[v_group];
            v_failures := v_failures + (1 - v_bad) * counts[v_group] * lengths[v_group];
        end loop;
        bad_rate := (v_all_bad + 1) / (key_count + 20);
        flake_rate := (v_failures + passed_failures + 0.5) / (v_failures + passed_attempts + 10);
        -- nothing to tell apart: further rounds would give the same
        exit when lengths is null;
    end loop;
end;
$function$;
comment on function private.estimate_flakiness(bigint, bigint, bigint, bigint[], bigint[]) is
$comment$How often the world behind a test is bad, so that it always fails, and how often an
attempt fails although the world is good: flake_rate, the flakiness score. Expectation
maximization, 30 rounds.

key_count: code keys tried, each good or bad as a whole; of those with a pass, passed_attempts
that were made and passed_failures among them; of those without, counts keys with lengths failures
each (null: none). Priors: Beta(1, 19) for bad_rate, Beta(1/2, 19/2) for flake_rate. Source: the
two-state model of Meta's probabilistic flakiness score (M. Machalica et al., 2020), with a closed
M-step.
$comment$;
