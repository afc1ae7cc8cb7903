-- What a simulated history is made from, and what writes it. For throw-away databases only.
--
-- tests, runs, faults and incidents are the truth, written by world.py; simulation.write_runs turns
-- a stretch of it into the rows that the engine would have left behind, one statement for all.
-- Every draw is a hash of the seed, the run and the test: the same world gives the same history.

create schema simulation;

create table simulation.faults (
    no integer primary key,
    status text not null,
    category text not null,
    slug text not null,
    http_status integer,
    -- {id} and {n} stand for what differs from one time to the next
    message text not null
);

create table simulation.tests (
    no integer primary key,
    project_no integer not null,
    place integer not null,
    test_id uuid not null,
    project_id uuid not null,
    definition_id bigint not null,
    suite text not null,
    name text not null,
    kind text not null,
    -- the test without whose pass this one is skipped
    upstream_no integer,
    fault_no integer not null references simulation.faults,
    attempts integer not null,
    -- durations of a pass are log-normal; some are outliers, three to eight times as long
    level_ms double precision not null,
    sigma double precision not null,
    -- while between since and until: the chance that an attempt fails, 1 for what is broken
    failing double precision not null default 0,
    failing_since timestamptz,
    failing_until timestamptz,
    -- while between since and until: how many times as slow
    slowness double precision not null default 1,
    slow_since timestamptz,
    slow_until timestamptz,
    -- growth of the logarithm of the duration in a day
    drift double precision not null default 0
);
create index on simulation.tests (project_no);

create table simulation.incidents (
    no integer primary key,
    fault_no integer not null references simulation.faults,
    -- which part of the tests it hits, the same in all of its runs
    share double precision not null
);

create table simulation.runs (
    no integer primary key,
    project_no integer not null,
    run_id uuid not null,
    project_id uuid not null,
    environment_id uuid not null,
    environment_snapshot_id bigint not null,
    -- how slow the environment is
    slowness double precision not null,
    queued_at timestamptz not null,
    commit_sha text not null,
    trigger_kind text not null,
    incident_no integer references simulation.incidents
);
create index on simulation.runs (queued_at);

create table simulation.settings (
    seed bigint not null,
    begins_at timestamptz not null,
    outlier_rate double precision not null,
    -- the chance that an attempt of a healthy test fails for a reason of nobody's
    noise double precision not null,
    -- of how many passed results evidence is written; of the others it always is
    evidence_share double precision not null
);

-- Uniform in (0, 1), for a run, a test and a purpose. Inlined.
create function simulation.draw(run_no integer, test_no integer, purpose bigint)
returns double precision
language sql
immutable
parallel safe
return (
    (hashint8extended(run_no::bigint << 32 | test_no, purpose) & 9007199254740991)::float8
    + 0.5::float8
) / 9007199254740992::float8;

create function simulation.id(text)
returns uuid
language sql
immutable
parallel safe
return md5($1)::uuid;

-- What happened to each test of the runs from one number to another.
create function simulation.play(first_no integer, last_no integer)
returns table (
    run_no integer, test_no integer, result_id uuid, run_id uuid, project_id uuid,
    test_case_id uuid, name text, suite text, definition_id bigint, place integer,
    status text, failures integer, attempt_count integer, fault_no integer, upstream_no integer,
    duration_ms numeric, started_at timestamptz, finished_at timestamptz, queued_at timestamptz
)
language sql
stable
parallel safe
as $function$
    with drawn as (
        select
            runs.no as run_no,
            tests.no as test_no,
            runs.run_id,
            runs.queued_at,
            tests.*,
            simulation.id(settings.seed || ' result ' || runs.no || ' ' || tests.no) as result_id,
            coalesce(
                case
                    when
                        simulation.draw(-incidents.no, tests.no, settings.seed) < incidents.share
                        then incidents.fault_no
                end,
                tests.fault_no
            ) as struck_by,
            case
                when simulation.draw(-incidents.no, tests.no, settings.seed) < incidents.share then 1
                when
                    runs.queued_at >= tests.failing_since
                    and runs.queued_at < coalesce(tests.failing_until, 'infinity')
                    then tests.failing
                else settings.noise
            end as failing_now,
            simulation.draw(runs.no, tests.no, settings.seed + 1) as luck,
            (
                tests.level_ms * runs.slowness
                * case
                    when
                        runs.queued_at >= tests.slow_since
                        and runs.queued_at < coalesce(tests.slow_until, 'infinity')
                        then tests.slowness
                    else 1
                end
                * exp(
                    tests.drift
                    * extract(epoch from runs.queued_at - settings.begins_at)::float8 / 86400
                    + tests.sigma
                    * sqrt(-2 * ln(simulation.draw(runs.no, tests.no, settings.seed + 2)))
                    * cos(2 * pi() * simulation.draw(runs.no, tests.no, settings.seed + 3))
                )
                * case
                    when
                        simulation.draw(runs.no, tests.no, settings.seed + 4)
                        < settings.outlier_rate
                        then 3 + 5 * simulation.draw(runs.no, tests.no, settings.seed + 5)
                    else 1
                end
            )::numeric(12, 3) as duration_ms
        from simulation.runs
        inner join simulation.tests on tests.project_no = runs.project_no
        left join simulation.incidents on incidents.no = runs.incident_no
        cross join simulation.settings
        where runs.no between play.first_no and play.last_no
    ),

    judged as (
        select
            drawn.*,
            faults.status as bad_status,
            least(
                drawn.attempts,
                case
                    when drawn.failing_now >= 1 then drawn.attempts
                    when drawn.failing_now <= 0 then 0
                    else floor(ln(drawn.luck) / ln(drawn.failing_now))::integer
                end
            ) as failures
        from drawn
        inner join simulation.faults on faults.no = drawn.struck_by
    )

    select
        judged.run_no,
        judged.test_no,
        judged.result_id,
        judged.run_id,
        judged.project_id,
        judged.test_id,
        judged.name,
        judged.suite,
        judged.definition_id,
        judged.place,
        outcomes.status,
        case when outcomes.status = 'skipped' then 0 else judged.failures end,
        case
            when outcomes.status = 'skipped' then 0
            else least(judged.attempts, judged.failures + 1)
        end,
        case when outcomes.status in ('failed', 'error') then judged.struck_by end,
        judged.upstream_no,
        case when outcomes.status <> 'skipped' then judged.duration_ms end,
        case
            when outcomes.status <> 'skipped'
                then times.finished_at - judged.duration_ms::double precision * interval '1 ms'
        end,
        times.finished_at,
        judged.queued_at
    from judged
    left join judged as upstream
        on upstream.run_no = judged.run_no and upstream.test_no = judged.upstream_no
    cross join lateral (
        select
            case
                when upstream.failures >= upstream.attempts then 'skipped'
                when judged.failures >= judged.attempts then judged.bad_status
                else 'passed'
            end as status
    ) as outcomes
    cross join lateral (
        select judged.queued_at + interval '2 seconds' + judged.place * interval '150 ms' as finished_at
    ) as times
$function$;

-- Write the runs from one number to another, as they are once over and not processed yet; how many
-- results that were.
create function simulation.write_runs(first_no integer, last_no integer)
returns bigint
language sql
volatile
as $function$
    with played as materialized (
        select
            played.*,
            faults.category,
            faults.slug,
            faults.http_status,
            replace(
                replace(
                    faults.message, '{id}',
                    simulation.id(played.result_id::text)::text
                ), '{n}', (1000 + played.run_no * 7 % 9000)::text
            ) as message
        from simulation.play(write_runs.first_no, write_runs.last_no) as played
        left join simulation.faults on faults.no = played.fault_no
    ),

    counted as (
        select
            played.run_id,
            count(*) as total_count,
            count(*) filter (where played.status = 'passed') as passed_count,
            count(*) filter (where played.status = 'failed') as failed_count,
            count(*) filter (where played.status = 'error') as error_count,
            count(*) filter (where played.status = 'skipped') as skipped_count,
            max(played.finished_at) as finished_at
        from played
        group by played.run_id
    ),

    written_runs as (
        insert into public.test_runs (
            id, project_id, environment_id, environment_snapshot_id, status, selection, planned_on,
            total_count, passed_count, failed_count, error_count, skipped_count, queued_at,
            started_at, finished_at, commit_sha, trigger_kind
        )
        select
            runs.run_id,
            runs.project_id,
            runs.environment_id,
            runs.environment_snapshot_id,
            case
                when counted.error_count > 0 then 'error'
                when counted.failed_count > 0 then 'failed'
                else 'passed'
            end,
            '{}',
            (runs.queued_at at time zone 'utc')::date,
            counted.total_count,
            counted.passed_count,
            counted.failed_count,
            counted.error_count,
            counted.skipped_count,
            runs.queued_at,
            runs.queued_at + interval '1 second',
            counted.finished_at,
            runs.commit_sha,
            runs.trigger_kind
        from simulation.runs
        inner join counted on counted.run_id = runs.run_id
    ),

    written_contexts as (
        insert into public.test_execution_context (run_id, project_id, updated_at, expires_at)
        select runs.run_id, runs.project_id, runs.queued_at, runs.queued_at + interval '1 day'
        from simulation.runs
        where runs.no between write_runs.first_no and write_runs.last_no
    ),

    written_results as (
        insert into public.test_results (
            id, run_id, project_id, test_case_id, test_name, suite_name, phase, definition_id,
            planned_on, status, category, slug, message, cause_result_id, cause_status, cause_edge,
            attempt_count, http_status, duration_ms, accepted_lease, finished_seq, started_at,
            finished_at
        )
        select
            played.result_id,
            played.run_id,
            played.project_id,
            played.test_case_id,
            played.name,
            played.suite,
            'main',
            played.definition_id,
            (played.queued_at at time zone 'utc')::date,
            played.status,
            case when played.status = 'skipped' then 'dependency' else played.category end,
            case when played.status = 'skipped' then 'upstream_not_passed' else played.slug end,
            case
                when played.status = 'skipped'
                    then format('%s/%s did not pass', upstream.suite, upstream.name)
                else played.message
            end,
            case when played.status = 'skipped' then upstream.result_id end,
            case when played.status = 'skipped' then upstream.status end,
            case when played.status = 'skipped' then 'data' end,
            played.attempt_count,
            case when played.status = 'passed' then 200 else played.http_status end,
            played.duration_ms,
            case when played.attempt_count > 0 then simulation.id(played.result_id || ' lease') end,
            played.place,
            played.started_at,
            played.finished_at
        from played
        left join played as upstream
            on upstream.run_no = played.run_no and upstream.test_no = played.upstream_no
        order by played.run_no, played.place
    ),

    attempts as materialized (
        select
            played.*,
            numbers.n as attempt,
            numbers.n > played.failures as is_passed
        from played
        cross join simulation.settings
        cross join lateral generate_series(1, played.attempt_count) as numbers (n)
        where
            played.failures > 0
            or simulation.draw(played.run_no, played.test_no, settings.seed + 6)
            < settings.evidence_share
    ),

    -- about what the engine would measure, which would take long
    written_storage as (
        insert into private.run_storage (
            run_id, organization_id, planned_on, own_bytes, passed_bytes, failed_bytes, is_final
        )
        select
            runs.run_id,
            projects.organization_id,
            (runs.queued_at at time zone 'utc')::date,
            500 + 400 * counted.total_count,
            1500 * coalesce(kept.passed, 0),
            1500 * coalesce(kept.failed, 0),
            true
        from counted
        inner join simulation.runs on runs.run_id = counted.run_id
        inner join public.projects on projects.id = runs.project_id
        left join (
            select
                attempts.run_id,
                count(*) filter (where attempts.is_passed) as passed,
                count(*) filter (where not attempts.is_passed) as failed
            from attempts
            group by attempts.run_id
        ) as kept on kept.run_id = counted.run_id
    ),

    written_details as (
        insert into public.test_result_details (
            retention_class, planned_on, result_id, attempt, run_id, project_id, outcome, category,
            slug, message, lease, request, response, timing_ms, duration_ms, http_status,
            started_at, reported_at
        )
        select
            case when attempts.is_passed then 'passed' else 'failed' end,
            (attempts.queued_at at time zone 'utc')::date,
            attempts.result_id,
            attempts.attempt,
            attempts.run_id,
            attempts.project_id,
            case when attempts.is_passed then 'passed' else coalesce(faults.status, 'failed') end,
            case when not attempts.is_passed then faults.category end,
            case when not attempts.is_passed then faults.slug end,
            case when not attempts.is_passed then coalesce(attempts.message, faults.message) end,
            simulation.id(attempts.result_id || ' lease ' || attempts.attempt),
            jsonb_build_object(
                'method', 'GET', 'url', 'https://api.example.com/items/' || attempts.place,
                'headers', '[["accept", "application/json"]]'::jsonb, 'body', null
            ),
            case
                when attempts.is_passed or faults.http_status is not null then jsonb_build_object(
                    'status', case when attempts.is_passed then 200 else faults.http_status end,
                    'http_version', 'HTTP/1.1',
                    'headers', '[["content-type", "application/json"]]'::jsonb,
                    'body', format('{"id": %s, "text": "%s"}', attempts.place, repeat(md5(attempts.result_id::text), 12)),
                    'encoding', 'utf-8', 'body_bytes', 410, 'truncated', false,
                    'redirects', '[]'::jsonb
                )
            end,
            jsonb_build_object(
                'dns', 0.4, 'connect', round(attempts.duration_ms * 0.05, 3),
                'tls', round(attempts.duration_ms * 0.1, 3),
                'first_byte', round(attempts.duration_ms * 0.8, 3), 'total', attempts.duration_ms
            ),
            attempts.duration_ms,
            case when attempts.is_passed then 200 else faults.http_status end,
            attempts.started_at,
            attempts.finished_at
        from attempts
        inner join simulation.tests on tests.no = attempts.test_no
        left join simulation.faults on faults.no = coalesce(attempts.fault_no, tests.fault_no)
    ),

    written_assertions as (
        insert into public.assertion_results (
            retention_class, planned_on, result_id, attempt, assertion_index, run_id, project_id,
            source, target, operator, expected, actual, passed, message
        )
        select
            case when attempts.is_passed then 'passed' else 'failed' end,
            (attempts.queued_at at time zone 'utc')::date,
            attempts.result_id,
            attempts.attempt,
            asserted.index,
            attempts.run_id,
            attempts.project_id,
            asserted.source,
            asserted.target,
            asserted.operator,
            asserted.expected,
            case when attempts.is_passed then asserted.expected else '503' end,
            attempts.is_passed or asserted.index > 0,
            case
                when attempts.is_passed or asserted.index > 0 then asserted.message
                else coalesce(attempts.message, 'expected: status equals 200; got 503')
            end
        from attempts
        cross join (
            values
            (0, 'status', null, 'equals', '200'::jsonb, 'status equals 200'),
            (1, 'body', '$.id', 'exists', null, 'body $.id exists')
        ) as asserted (index, source, target, operator, expected, message)
        left join simulation.faults on faults.no = attempts.fault_no
        -- without an answer nothing is judged
        where attempts.is_passed or faults.no is null or faults.http_status is not null
    ),

    finished as (
        insert into private.finished_runs (run_id, due_at)
        select counted.run_id, counted.finished_at from counted
    )

    select count(*) from played
$function$;
