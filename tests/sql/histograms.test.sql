-- Histograms of milliseconds: bins, merging, percentiles.
begin;
\ir _lib/people.psql
select plan(13);

select is(
    array[private.bin_of(0), private.bin_of(1), private.bin_of(1000000000)],
    array[-380, 0, 1037]::smallint[], 'any time that a result can hold has a bin'
);
select is_empty(
    $$
    select times.ms
    from (
        select 0.001 * power(1.0037::double precision, steps.step) as ms
        from generate_series(0, 7400) as steps (step)
    ) as times
    where abs(private.value_of(private.bin_of(times.ms)) / times.ms - 1) > 0.01 + 1e-9
    $$,
    'what stands for a bin is within 1 % of what lies in it'
);
select is(
    round(private.value_of(private.bin_of(0))::numeric, 3), 0.000,
    'no time at all stays nothing'
);
select results_eq(
    $$ select * from private.merge_histograms('{1,5}', '{2,3}', '{3,5}', '{4,1}') $$,
    $$ values ('{1,3,5}'::smallint[], '{2,4,4}'::integer[]) $$, 'merging adds the counts of each bin'
);
select results_eq(
    $$ select * from private.merge_histograms(null, null, '{3,5}', '{4,1}') $$,
    $$ values ('{3,5}'::smallint[], '{4,1}'::integer[]) $$, 'an empty one changes nothing'
);
select results_eq(
    $$ select * from private.merge_histograms(null, null, null, null) $$,
    $$ values (null::smallint[], null::integer[]) $$, 'and two of them stay empty'
);
select is(
    private.quantiles('{0,50,100}', '{94,5,1}', '{0.5,0.95,0.99,1}'),
    array[private.value_of(0), private.value_of(50), private.value_of(50), private.value_of(100)],
    'the quantile q of n values is that of rank ceil(q n)'
);
select is(
    private.quantiles('{0,50}', '{1,1}', '{0.5,0.51}'),
    array[private.value_of(0), private.value_of(50)], 'exactly'
);
select is(
    private.quantiles('{7}', '{1}', '{0.01,0.5,0.99}'),
    array_fill(private.value_of(7), array[3]), 'a single value is every quantile'
);
select is(private.quantiles(null, null, '{0.5}'), null, 'without values there is none');
select results_eq(
    $$
    select private.quantiles(binned.bins, binned.counts, '{0.5,0.95,0.99}')
    from (
        select
            array_agg(grouped.bin order by grouped.bin) as bins,
            array_agg(grouped.occurrences order by grouped.bin) as counts
        from (
            select private.bin_of(ms) as bin, count(*)::integer as occurrences
            from generate_series(1, 1000) as ms
            group by 1
        ) as grouped
    ) as binned
    $$,
    $$
    select array_agg(private.value_of(private.bin_of(exact.ms)) order by exact.ms)
    from (
        select unnest(percentile_disc('{0.5,0.95,0.99}'::double precision[]) within group (order by ms))
        from generate_series(1, 1000) as ms
    ) as exact (ms)
    $$,
    'they are those of percentile_disc, to the bin'
);
select is(
    private.satisfaction('{-5,0,5,80}', '{1,2,3,5}', 1), 4.5,
    'times within a threshold satisfy, those within four times as much by half'
);
select is(private.satisfaction(null, null, 1), 0::numeric, 'none of none');

select * from finish();
rollback;
