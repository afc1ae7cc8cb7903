-- Histograms of milliseconds that add up: percentiles of any range, within 1 %, without raw rows.
-- Depends on: nothing. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Bin i holds what lies above γ^(i-1) and not above γ^i, with γ = (1 + a) / (1 - a) and a = 0.01.
-- Any value in it is within 1 % of 2 γ^i / (γ + 1). Source: Masson, Rim, Lee: DDSketch (2019).
-- A histogram is two arrays side by side: bins in ascending order, and how many values lie in each;
-- null, both of them, where nothing was measured.

create function private.bin_of(ms double precision)
returns smallint
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return ceil(ln(greatest(ms, 0.0005)) / ln(1.01::double precision / 0.99));
end;
$function$;
comment on function private.bin_of(double precision) is
$comment$The bin of a time in milliseconds.

Less than half a microsecond, which is as good as nothing, counts as that. From -380 to 1037, for up
to 1,000,000,000 ms.$comment$;

create function private.value_of(bin integer)
returns double precision
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- 2 γ^bin / (γ + 1)
    return 0.99 * exp(bin * ln(1.01::double precision / 0.99));
end;
$function$;
comment on function private.value_of(integer) is
'Milliseconds that stand for a bin: within 1 % of all that lies in it.';

create function private.merge_histograms(
    bins smallint[],
    counts integer[],
    more_bins smallint[],
    more_counts integer[],
    out merged_bins smallint[],
    out merged_counts integer[]
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    select
        array_agg(merged.bin order by merged.bin),
        array_agg(merged.occurrences order by merged.bin)
    into merged_bins, merged_counts
    from (
        select
            given.bin,
            sum(given.occurrences)::integer as occurrences
        from (
            select
                unnest(bins) as bin,
                unnest(counts) as occurrences
            union all
            select
                unnest(more_bins),
                unnest(more_counts)
        ) as given
        group by given.bin
    ) as merged;
end;
$function$;
comment on function private.merge_histograms(smallint[], integer[], smallint[], integer[]) is
'The histogram of the values of two. Of many: private.merge_metrics.';

create function private.quantiles(
    bins smallint[], counts integer[], fractions double precision[]
)
returns double precision[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_total bigint := (select sum(given.occurrences) from unnest(counts) as given (occurrences));
    v_running bigint := 0;
    v_found double precision[];
    v_next integer := 1;
begin
    -- a loop: it stops at the last one that is asked for
    for v_index in 1 .. coalesce(cardinality(bins), 0) loop
        v_running := v_running + counts[v_index];
        while v_running >= ceil(fractions[v_next] * v_total) loop
            v_found[v_next] := private.value_of(bins[v_index]);
            v_next := v_next + 1;
        end loop;
        exit when v_next > cardinality(fractions);
    end loop;
    return v_found;
end;
$function$;
comment on function private.quantiles(smallint[], integer[], double precision[]) is
$comment$Quantiles of a histogram, within 1 % of those of its values; null for an empty one.

fractions: above 0, up to 1, ascending. The quantile of a fraction q is the value of rank ceil(q n),
as percentile_disc and NumPy's inverted_cdf have it; why: docs/decisions/0021-the-rank-of-a-quantile.md.$comment$;

create function private.satisfaction(bins smallint[], counts integer[], ms double precision)
returns numeric
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_satisfied smallint := private.bin_of(ms);
    v_tolerated smallint := private.bin_of(4 * ms);
begin
    return (
        select
            coalesce(sum(
                case
                    when given.bin <= v_satisfied then given.occurrences
                    when given.bin <= v_tolerated then given.occurrences / 2.0
                end
            ), 0)
        from (
            select
                unnest(bins) as bin,
                unnest(counts) as occurrences
        ) as given
    );
end;
$function$;
comment on function private.satisfaction(smallint[], integer[], double precision) is
$comment$How many times of a histogram are within so many milliseconds, and half of those within
four times as much: what the Apdex score divides by the number of all. Give or take a bin.
Source: Apdex Technical Specification 1.1.$comment$;
