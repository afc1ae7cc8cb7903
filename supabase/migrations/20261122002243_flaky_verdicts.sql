-- Flakiness, the verdict: what a test is, how sure that is, and why, from its evidence.
-- Depends on: flaky_evidence. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.flips_like_chance(evidence private.test_evidence)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return coalesce(
        not evidence.is_flip_rate_by_key
        and evidence.is_alternating
        and evidence.flip_count >= 4
        and evidence.flip_rate >= 0.1,
        false
    );
end;
$function$;
comment on function private.flips_like_chance(private.test_evidence) is
$comment$Whether a test changes from run to run as if it rolled dice: for tests of which no code
key ran more than once, and so none could contradict itself. Two failures or more that stand
apart.
$comment$;

create function private.passes_to_convince(flake_rate double precision)
returns integer
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return greatest(5, ceil(ln(0.05) / ln(1 - flake_rate)));
end;
$function$;
comment on function private.passes_to_convince(double precision) is
$comment$How many results without a failed attempt in a row make it unlikely, by 5 %, that attempts
still fail at this rate; 5 at least.$comment$;

create function private.passes_convince(evidence private.test_evidence)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return evidence.pass_streak >= case
        when evidence.failure_count = 0 then 5
        else private.passes_to_convince(evidence.flake_rate)
    end;
end;
$function$;
comment on function private.passes_convince(private.test_evidence) is
$comment$Whether a test that was flaky is so no more: it passed so often in a row that it would
hardly do so by luck, or, and five times at least, in all of the window.$comment$;

create function private.rate_evidence(evidence private.test_evidence, previous text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when
            evidence.failed_key_count >= 5
            or evidence.failure_level > case when previous = 'broken' then 0.5 else 0.8 end
            then 'broken'
        when evidence.flake_count >= 2 and evidence.flake_bound > 0.005 then 'flaky'
        when private.flips_like_chance(evidence) then 'flaky'
        when previous = 'flaky' and not private.passes_convince(evidence) then 'flaky'
        when evidence.result_count < 5 then 'new'
        else 'healthy'
    end;
end;
$function$;
comment on function private.rate_evidence(private.test_evidence, text) is
$comment$What a test is: new (too few results to say), healthy, flaky or broken.

previous: what it was; null = not rated. What it was it stays until the opposite is likely, so that
verdicts do not come and go: broken until failures of late weigh less than a half, flaky until it
passed often enough in a row.$comment$;

create function private.rating_confidence(evidence private.test_evidence, verdict text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case verdict
        when 'broken' then case
            when evidence.failed_key_count >= 5 and evidence.failure_level > 0.8 then 'high'
            else 'medium'
        end
        when 'flaky' then case
            when evidence.flake_count >= 3 and evidence.flake_bound > 0.01 then 'high'
            when evidence.flake_count >= 1 then 'medium'
            else 'low'
        end
        when 'healthy' then case
            when evidence.result_count >= 50 then 'high'
            when evidence.result_count >= 20 then 'medium'
            else 'low'
        end
        else 'low'
    end;
end;
$function$;
comment on function private.rating_confidence(private.test_evidence, text) is
'How much there is behind a verdict: high, medium or low.';

create function private.as_percent(share double precision)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return round((share * 100)::numeric, 1) || ' %';
end;
$function$;
comment on function private.as_percent(double precision) is 'A share as it reads: 4.5 %.';

create function private.explain_flakes(evidence private.test_evidence)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_needed integer := private.passes_to_convince(evidence.flake_rate);
begin
    return array_remove(array[
        case
            when evidence.flake_count > 0 then format(
                'failed and then passed under the same code %s times in %s results, '
                || 'at least %s of the time; last in run %s',
                evidence.flake_count, evidence.result_count,
                private.as_percent(evidence.flake_bound), evidence.flake_run_id
            )
        end,
        case
            when evidence.flake_count > 0 then format(
                'an attempt fails %s of the time while nothing is broken',
                private.as_percent(evidence.flake_rate)
            )
        end,
        case
            when private.flips_like_chance(evidence) then format(
                'changed between passed and failed %s times, %s of the attempts that could, '
                || 'as chance would have it; no code ran twice, so that the changes may be real; '
                || 'last failed in run %s',
                evidence.flip_count, private.as_percent(evidence.flip_rate),
                evidence.failure_run_id
            )
        end,
        case
            when evidence.flake_count < 2 and not private.flips_like_chance(evidence) then format(
                'was flaky, and passed %s times in a row since; %s would be convincing',
                evidence.pass_streak, v_needed
            )
        end
    ], null);
end;
$function$;
comment on function private.explain_flakes(private.test_evidence) is
'Why a test is called flaky, in sentences.';

create function private.explain_rating(evidence private.test_evidence, verdict text)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case verdict
        when 'flaky' then private.explain_flakes(evidence)
        when 'broken' then array[
            case
                when evidence.failed_key_count >= 5 then format(
                    'did not pass under any of its last %s states of the code; look at run %s',
                    evidence.failed_key_count, evidence.failure_run_id
                )
                else format(
                    'failures of late weigh %s, most of the time it does not pass; look at run %s',
                    private.as_percent(evidence.failure_level), evidence.failure_run_id
                )
            end
        ]
        when 'new' then array[
            format('has %s results of late; 5 are needed to say', evidence.result_count)
        ]
        else array[
            case
                when evidence.failure_count = 0 then format(
                    'passed at the first attempt in all of %s results', evidence.result_count
                )
                when evidence.flake_count = 0 then format(
                    'never failed and passed under the same code in %s results; %s attempts '
                    || 'failed, the last in run %s',
                    evidence.result_count, evidence.failure_count, evidence.failure_run_id
                )
                else format(
                    'failed and then passed under the same code %s times in %s results, which '
                    || 'may be chance; last in run %s',
                    evidence.flake_count, evidence.result_count, evidence.flake_run_id
                )
            end
        ]
    end;
end;
$function$;
comment on function private.explain_rating(private.test_evidence, text) is
'Why a test is what it is, in sentences for people, with numbers and a run to look at.';
