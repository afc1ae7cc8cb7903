-- Regressions: what the nightly check finds in series of durations, and when it tells of it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/durations.psql
select plan(34);

-- Where broadcasts land: hosted Realtime makes a partition a day.
create table tests.messages partition of realtime.messages default;

select tests.make_environment('live', 'shop');
select tests.make_test(names.name, 'flow')
from unnest(
    array['steady', 'slow', 'fast', 'tiny', 'bump', 'short', 'noisy', 'small step']
) as names (name);

-- The first week: everybody around their level, on the old commit

select tests.measure(
    levels.test, 'staging', tests.around(levels.ms, 60), '2026-03-01 20:00+00',
    '{"commit": "aaa", "version": "1"}'
)
from (
    values
    ('steady', 100), ('slow', 100), ('fast', 100), ('tiny', 4), ('bump', 100), ('noisy', 100),
    ('small step', 100)
) as levels (test, ms);
select tests.measure('short', 'staging', tests.around(100, 9), '2026-03-01 20:00+00');

select is(
    private.find_regressions('2026-03-02 02:00+00'), 7,
    'a series with at least ten durations that no check has seen is looked at, no other'
);
select is_empty('select * from tests.changes()', 'and nothing is found where nothing changed');
select is(
    private.find_regressions('2026-03-02 02:00+00'), 0, 'a second call of the same day does nothing'
);
select is(
    private.find_regressions('2026-03-02 02:05+00', tests.id('shop')), 0,
    'nor does one that insists, while nothing is new'
);
select results_eq(
    $$
    select before_ms, after_ms, p > 0.01
    from private.performance_series where test_case_id = tests.id('steady')
    $$,
    $$ values (100::double precision, 99.5::double precision, true) $$,
    'what was compared is kept'
);

-- The first night after the change

select tests.measure(
    levels.test, 'staging', tests.around(levels.ms, 12), '2026-03-02 20:00+00',
    '{"commit": "bbb", "version": "2"}'
)
from (
    values
    ('steady', 100), ('slow', 140), ('fast', 70), ('tiny', 6), ('bump', 150), ('small step', 115)
) as levels (test, ms);
select tests.measure(
    'noisy', 'staging', tests.around(200, 12), '2026-03-02 20:00+00', noise.settings
)
from (
    values
    ('{"attempt_count": 2}'::jsonb), ('{"is_infra_suspect": true}'),
    ('{"status": "failed", "category": "assertion"}')
) as noise (settings);

select is(
    private.find_regressions('2026-03-03 02:00+00'), 6,
    'what failed, passed on retry, or ran while everything failed is not counted'
);
select bag_eq(
    'select * from tests.changes()',
    $$ values
    ('slow', 'slower', 'suspected'), ('fast', 'faster', 'suspected'),
    ('bump', 'slower', 'suspected'), ('small step', 'slower', 'annotated') $$,
    'what both methods see is suspected, slower and faster alike; what one sees is annotated'
);
select is_empty(
    $$ select event from public.platform_events where event like 'performance%' $$,
    'nobody is told of a suspicion'
);
select results_eq(
    $$
    select began_at, commit_sha, api_version, before_ms, after_ms, round(ratio::numeric, 1)
    from public.performance_changes where test_case_id = tests.id('slow')
    $$,
    $$ values (
        '2026-03-02 19:49+00'::timestamptz, 'bbb', '2', 100::numeric, 140.7::numeric, 1.4
    ) $$,
    'a change begins with the first measurement after it, and names its commit and version'
);
select ok(
    exists (
        select
        from public.performance_changes as changes
        inner join public.test_run_history as history on history.run_id = changes.run_id
        where changes.test_case_id = tests.id('slow') and history.finished_at = changes.began_at
    ),
    'and its run'
);

-- The second night

select tests.measure(
    levels.test, 'staging', tests.around(levels.ms, 12), '2026-03-03 20:00+00',
    '{"commit": "ccc", "version": "2"}'
)
from (
    values
    ('steady', 100), ('slow', 140), ('fast', 70), ('tiny', 6), ('bump', 100), ('small step', 115)
) as levels (test, ms);

select is(private.find_regressions('2026-03-04 02:00+00'), 6, 'the second night looks again');
select bag_eq(
    'select * from tests.changes()',
    $$ values
    ('slow', 'slower', 'confirmed'), ('fast', 'faster', 'confirmed'),
    ('bump', 'slower', 'dismissed'), ('small step', 'slower', 'annotated') $$,
    'what is still there is confirmed, what is gone is dismissed'
);
select results_eq(
    $$
    select event, severity, test_case_id from public.platform_events
    where event like 'performance%' order by event
    $$,
    $$ values
    ('performance_alert', 'warning', tests.id('slow')),
    ('performance_improved', 'info', tests.id('fast')) $$,
    'of what is confirmed people are told'
);
select is(
    (select title from public.platform_events where event = 'performance_alert'),
    'slow takes 40 % longer on staging: 141 ms, was 100 ms',
    'in a sentence'
);
select is(
    (
        select payload ->> 'commit_sha'
        from public.platform_events
        where event = 'performance_alert'
    ),
    'bbb',
    'with the commit where it began, not where it was confirmed'
);
select is(
    (
        select began_at
        from public.performance_changes
        where test_case_id = tests.id('slow')
    ),
    '2026-03-02 19:49+00'::timestamptz,
    'which more measurements did not move'
);

-- The nights after

select tests.measure(
    levels.test, 'staging', tests.around(levels.ms, 12), '2026-03-04 20:00+00',
    '{"commit": "ddd"}'
)
from (values ('slow', 140), ('fast', 70), ('small step', 140)) as levels (test, ms);
select is(private.find_regressions('2026-03-05 02:00+00'), 3, 'the third night looks again');
select bag_eq(
    $$ select * from tests.changes() where test in ('slow', 'fast', 'small step') $$,
    $$ values
    ('slow', 'slower', 'confirmed'), ('fast', 'faster', 'confirmed'),
    ('small step', 'slower', 'suspected') $$,
    'what was confirmed is the level to compare with; what was annotated may become suspected'
);

select tests.measure('slow', 'staging', tests.around(100, 12), '2026-03-05 20:00+00');
select private.find_regressions('2026-03-06 02:00+00');
select tests.measure('slow', 'staging', tests.around(100, 12), '2026-03-06 20:00+00');
select private.find_regressions('2026-03-07 02:00+00');
select bag_eq(
    $$ select * from tests.changes() where test = 'slow' $$,
    $$ values ('slow', 'slower', 'confirmed'), ('slow', 'faster', 'confirmed') $$,
    'the way back is a change of its own'
);
select is(
    (select count(*) from public.platform_events where event = 'performance_improved'), 2::bigint,
    'and told'
);
select results_eq(
    $$ select checked_at from private.performance_checks $$,
    $$ values ('2026-03-07 02:00+00'::timestamptz) $$,
    'when a project was checked is kept'
);

-- Environments are apart

select tests.measure('steady', 'live', tests.around(300, 60), '2026-03-08 20:00+00');
select private.find_regressions('2026-03-09 02:00+00');
select is_empty(
    $$ select * from tests.changes() where test = 'steady' $$,
    'slower in one environment than in another is no change'
);

-- The floor

select is_empty(
    $$ select * from tests.changes() where test = 'tiny' $$,
    'half as long again is no change where that is 2 ms'
);
select tests.measure('tiny', 'staging', tests.around(12, 12), '2026-03-09 20:00+00');
select private.find_regressions('2026-03-10 02:00+00', floor_ms => 1);
select bag_eq(
    $$ select * from tests.changes() where test = 'tiny' $$,
    $$ values ('tiny', 'slower', 'suspected') $$,
    'unless the floor is lower'
);

-- Many series together

select is(
    (
        select count(*)
        from unnest(private.weigh_examinations(
            array(
                select
                    row(
                        jsonb_populate_record(
                            null::private.performance_series, jsonb_build_object('p', chances.p)
                        ),
                        now(), null, null, null,
                        case when chances.p < 0.01 then 'slower' end, null, false
                    )::private.examination
                from (
                    select 0.009 as p
                    union all
                    select 0.3
                    from generate_series(1, 99)
                ) as chances
            )
        )) as found
        where found.direction is not null
    ),
    0::bigint,
    'one small p among a hundred is no discovery'
);
select is(
    (
        select count(*)
        from unnest(private.weigh_examinations(
            array(
                select
                    row(
                        jsonb_populate_record(
                            null::private.performance_series, jsonb_build_object('p', chances.p)
                        ),
                        now(), null, null, null,
                        case when chances.p < 0.01 then 'slower' end, null, false
                    )::private.examination
                from (
                    select 0.0001 as p
                    union all
                    select 0.3
                    from generate_series(1, 99)
                ) as chances
            )
        )) as found
        where found.direction is not null
    ),
    1::bigint,
    'a p that is small enough for a hundred is'
);

-- Who reads

select tests.act_as('vera');
select is(
    (
        select jsonb_array_length(
            public.detect_performance_regressions(
                tests.id('shop'), since => '2026-01-01'
            ) -> 'changes'
        )
    ),
    5,
    'a member reads all changes but those dismissed'
);
select is(
    (
        select changes.document - array['id', 'run', 'p', 'ratio', 'confirmed_at', 'found_at', 'began_at']
        from jsonb_array_elements(
            public.detect_performance_regressions(
                tests.id('shop'), since => '2026-01-01'
            ) -> 'changes'
        ) as changes (document)
        where changes.document ->> 'test_name' = 'fast'
    ),
    jsonb_build_object(
        'test', tests.id('fast'), 'test_name', 'fast', 'environment', tests.id('staging'),
        'environment_name', 'staging', 'direction', 'faster', 'status', 'confirmed',
        'commit_sha', 'bbb', 'api_version', '2', 'before_ms', 100.000, 'after_ms', 70.35,
        'is_shifted', true, 'is_split', true
    ),
    'each with what is known of it'
);
select is(
    (
        public.detect_performance_regressions(
            tests.id('shop'), tests.id('live'), since => '2026-01-01'
        )
    ) -> 'changes',
    '[]',
    'of one environment where asked'
);
select is(
    (
        public.detect_performance_regressions(tests.id('shop'), since => '2026-03-09')
    ) #>> '{changes,0,test_name}',
    'tiny',
    'and since when'
);
select is(
    (
        select jsonb_array_length(
            public.detect_performance_regressions(
                tests.id('shop'), since => '2026-01-01', page_size => 3,
                after => (
                    public.detect_performance_regressions(
                        tests.id('shop'), since => '2026-01-01', page_size => 3
                    ) ->> 'next'
                )::bigint
            ) -> 'changes'
        )
    ),
    2,
    'page by page'
);
select tests.act_as('otto');
select is(
    tests.slug_of($$ select public.detect_performance_regressions(tests.id('shop')) $$),
    'unknown_project',
    'to a stranger the project does not exist'
);
select is_empty('select * from public.performance_changes', 'nor does any change');
select tests.act_as_owner();
select lives_ok(
    $$ delete from public.projects where id = tests.id('shop') $$,
    'what is known of a project goes with it'
);

select * from finish();
rollback;
