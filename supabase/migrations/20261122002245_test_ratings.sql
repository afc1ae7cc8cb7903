-- Ratings: what each test is in each environment, rated every night, and told when it changes.
-- Depends on: flaky_verdicts, flaky_waste, events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.test_ratings (
    test_case_id uuid not null references public.test_cases on delete cascade,
    environment_id uuid not null,
    project_id uuid not null references public.projects on delete cascade,
    verdict text not null,
    since timestamptz not null,
    confidence text not null,
    reasons text[] not null,
    run_count integer not null,
    result_count integer not null,
    attempt_count integer not null,
    failure_count integer not null,
    key_count integer not null,
    contradiction_count integer not null,
    flake_count integer not null,
    flake_bound double precision not null,
    flake_rate double precision not null,
    bad_rate double precision not null,
    flip_rate double precision,
    failure_level double precision not null,
    pass_streak integer not null,
    retry_ms double precision not null,
    skipped_count integer not null,
    wasted_ms double precision not null,
    last_run_at timestamptz not null,
    flake_run_id uuid,
    failure_run_id uuid,
    rated_at timestamptz not null,
    primary key (test_case_id, environment_id),
    constraint test_ratings_environment_id_fkey foreign key (environment_id, project_id)
    references public.environments (id, project_id) on delete cascade,
    constraint test_ratings_verdict_check check (
        verdict in ('new', 'healthy', 'flaky', 'broken', 'stale')
    ),
    constraint test_ratings_confidence_check check (confidence in ('low', 'medium', 'high'))
);
comment on table public.test_ratings is
$comment$What each test is in each environment where it ran: healthy, flaky, broken, stale, or too
new to say; why, and what it costs. Written every night by private.rate_tests, over 14 days;
detect_flaky_tests rates over any other time.$comment$;
comment on column public.test_ratings.test_case_id is 'The test.';
comment on column public.test_ratings.environment_id is 'Where it ran.';
comment on column public.test_ratings.project_id is 'The project of both.';
comment on column public.test_ratings.verdict is
$comment$new (fewer than 5 results), healthy, flaky (passes and fails under the same code), broken
(does not pass any more), stale (did not run for 30 days).$comment$;
comment on column public.test_ratings.since is 'Since when it is that.';
comment on column public.test_ratings.confidence is
'How much there is behind the verdict: low, medium or high.';
comment on column public.test_ratings.reasons is
'Why, in sentences, with numbers and a run to look at.';
comment on column public.test_ratings.run_count is 'Runs that counted.';
comment on column public.test_ratings.result_count is 'Results in them, fixture rows one by one.';
comment on column public.test_ratings.attempt_count is 'Requests made for them.';
comment on column public.test_ratings.failure_count is 'How many of those failed.';
comment on column public.test_ratings.key_count is
$comment$States of the code that were tried: fixture row, definition, environment, commit and
version; each run one of its own where neither commit nor version was given.$comment$;
comment on column public.test_ratings.contradiction_count is
'Under how many of them it both passed and failed, back and forth.';
comment on column public.test_ratings.flake_count is
'How often it failed and then passed under one of those.';
comment on column public.test_ratings.flake_bound is
'Share of results in which that happens, at least: lower end of a 95 % interval.';
comment on column public.test_ratings.flake_rate is
'How likely an attempt fails though nothing is broken: the flakiness score.';
comment on column public.test_ratings.bad_rate is
'How often something is broken, so that every attempt fails.';
comment on column public.test_ratings.flip_rate is
$comment$Share of neighbouring attempts that differ, what is older counting less; between runs,
where no state of the code ran twice. Null = nothing to compare.$comment$;
comment on column public.test_ratings.failure_level is
'Failures among the newest results, the newest weighing 20 %, each before it 20 % less.';
comment on column public.test_ratings.pass_streak is 'Results since an attempt last failed.';
comment on column public.test_ratings.retry_ms is
'Milliseconds of requests that were made again after a failure.';
comment on column public.test_ratings.skipped_count is 'Results skipped because this did not pass.';
comment on column public.test_ratings.wasted_ms is
'retry_ms, and the usual duration of everything that was skipped: what fixing it is worth.';
comment on column public.test_ratings.last_run_at is 'When its newest result came.';
comment on column public.test_ratings.flake_run_id is
'The newest run in which it failed and then passed; null = none.';
comment on column public.test_ratings.failure_run_id is
'The newest run in which an attempt failed; null = none.';
comment on column public.test_ratings.rated_at is 'When it was rated last.';
create index test_ratings_project_id_idx
on public.test_ratings (project_id, verdict, wasted_ms desc);
create index test_ratings_environment_id_idx on public.test_ratings (environment_id, project_id);

create function private.rate_window(
    project_id uuid, since timestamptz, until timestamptz
)
returns setof public.test_ratings
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        weighed.test_case_id,
        weighed.environment_id,
        rate_window.project_id,
        verdicts.verdict,
        case
            when ratings.verdict = verdicts.verdict then ratings.since else rate_window.until
        end,
        private.rating_confidence(weighed, verdicts.verdict),
        private.explain_rating(weighed, verdicts.verdict),
        weighed.run_count,
        weighed.result_count,
        weighed.attempt_count,
        weighed.failure_count,
        weighed.key_count,
        weighed.contradiction_count,
        weighed.flake_count,
        weighed.flake_bound,
        weighed.flake_rate,
        weighed.bad_rate,
        weighed.flip_rate,
        weighed.failure_level,
        weighed.pass_streak,
        coalesce(waste.retry_ms, 0),
        coalesce(waste.skipped_count, 0),
        coalesce(waste.retry_ms + waste.skipped_ms, 0),
        weighed.last_run_at,
        weighed.flake_run_id,
        weighed.failure_run_id,
        rate_window.until
    from private.weigh_tests(
        rate_window.project_id, rate_window.since, rate_window.until
    ) as weighed
    left join public.test_ratings as ratings
        on
            ratings.test_case_id = weighed.test_case_id
            and ratings.environment_id = weighed.environment_id
    left join private.measure_waste(
        rate_window.project_id, rate_window.since, rate_window.until
    ) as waste
        on
            waste.test_case_id = weighed.test_case_id
            and waste.environment_id = weighed.environment_id
    cross join lateral (
        select case
            when weighed.last_run_at < rate_window.until - interval '30 days' then 'stale'
            else private.rate_evidence(weighed, ratings.verdict)
        end as verdict
    ) as verdicts;
$function$;
comment on function private.rate_window(uuid, timestamptz, timestamptz) is
$comment$How each test of a project is rated by what happened after one moment and up to another,
given what it was before.$comment$;

create function private.tell_ratings(ratings public.test_ratings[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.raise_events(array_agg(
        row(
            null,
            ratings.project_id,
            told.event,
            case told.event when 'flaky_detected' then 'warning' else 'info' end,
            format(
                '"%s" %s in %s', cases.name,
                case told.event
                    when 'flaky_detected' then 'is flaky' else 'is not flaky any more'
                end,
                environments.name
            ),
            format(
                '%s %s %s %s', told.event, ratings.test_case_id, ratings.environment_id,
                extract(epoch from ratings.since)
            ),
            ratings.environment_id,
            ratings.flake_run_id,
            ratings.test_case_id,
            jsonb_build_object(
                'confidence', ratings.confidence,
                'reasons', ratings.reasons,
                'flake_rate', ratings.flake_rate,
                'wasted_ms', ratings.wasted_ms
            )
        )::private.new_event
        order by ratings.test_case_id, ratings.environment_id
    ))
    from unnest(tell_ratings.ratings) as ratings
    inner join public.test_cases as cases on cases.id = ratings.test_case_id
    inner join public.environments on environments.id = ratings.environment_id
    left join public.test_ratings as former
        on
            former.test_case_id = ratings.test_case_id
            and former.environment_id = ratings.environment_id
    cross join lateral (
        select case
            when ratings.verdict = 'flaky' and former.verdict is distinct from 'flaky'
                then 'flaky_detected'
            when ratings.verdict = 'healthy' and former.verdict = 'flaky' then 'flaky_resolved'
        end as event
    ) as told
    where told.event is not null
    having count(*) > 0;
$function$;
comment on function private.tell_ratings(public.test_ratings[]) is
$comment$Raise flaky_detected for tests that were not flaky, and flaky_resolved for such as are
healthy again, of ratings that are about to be written.$comment$;

create function private.rate_project(project_id uuid, as_of timestamptz)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ratings public.test_ratings[];
    v_stale_count integer;
begin
    -- one at a time, or both would tell of a change
    perform pg_advisory_xact_lock(hashtextextended('assay ratings ' || project_id::text, 0));
    v_ratings := array(
        select rated
        from private.rate_window(
            rate_project.project_id, as_of - interval '14 days', as_of
        ) as rated
    );
    perform private.tell_ratings(v_ratings);

    delete from public.test_ratings as former
    using unnest(v_ratings) as ratings
    where
        former.test_case_id = ratings.test_case_id
        and former.environment_id = ratings.environment_id;
    insert into public.test_ratings
    select ratings.*
    from unnest(v_ratings) as ratings;

    update public.test_ratings as ratings
    set
        verdict = 'stale',
        since = as_of,
        confidence = 'high',
        reasons = array[format(
            'did not run since %s',
            to_char(ratings.last_run_at at time zone 'utc', 'YYYY-MM-DD HH24:MI "UTC"')
        )],
        rated_at = as_of
    where
        ratings.project_id = rate_project.project_id
        and ratings.last_run_at < as_of - interval '30 days'
        and ratings.verdict <> 'stale';
    get diagnostics v_stale_count = row_count;
    return cardinality(v_ratings) + v_stale_count;
end;
$function$;
comment on function private.rate_project(uuid, timestamptz) is
$comment$Rate the tests of a project by the 14 days before a moment; how many ratings were written.
What has not run in them stays what it was, until it is stale after 30 days.$comment$;

create function private.rate_tests(project_id uuid default null, as_of timestamptz default now())
returns integer
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select coalesce(sum(private.rate_project(projects.id, rate_tests.as_of)), 0)
    from public.projects
    where projects.id = rate_tests.project_id or rate_tests.project_id is null;
$function$;
comment on function private.rate_tests(uuid, timestamptz) is
$comment$Rate all tests of a project, or of all projects; how many ratings were written.

as_of: as if it were this moment, for a history that is replayed night by night, oldest night
first. Repeating it changes nothing.$comment$;

alter table public.test_ratings enable row level security;
grant select on public.test_ratings to authenticated, service_role;

create policy test_ratings_select_member on public.test_ratings
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));
