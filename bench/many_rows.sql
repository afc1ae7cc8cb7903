-- A million results over 500 projects of 50 organizations with one member in all of them, and a
-- fifth more of strangers. Set-based; without triggers and foreign key checks, which would cost
-- minutes and find nothing.
set session_replication_role = replica;
set synchronous_commit = off;
set statement_timeout = 0;
-- nobody listens to these
alter publication supabase_realtime set (publish = '');

insert into auth.users (id, email, role)
select md5('person ' || numbers.n)::uuid, 'person' || numbers.n || '@example.org', 'authenticated'
from generate_series(0, 1000) as numbers (n);

insert into public.users (id, email)
select accounts.id, accounts.email
from auth.users as accounts;

insert into public.organizations (id, name)
select md5('organization ' || numbers.n)::uuid, 'Organization ' || numbers.n
from generate_series(1, 60) as numbers (n);

-- person 0 is in the first fifty, and twenty people are in each
insert into public.organization_members (organization_id, user_id, role)
select md5('organization ' || organizations.n)::uuid, md5('person ' || people.n)::uuid, 'editor'
from generate_series(1, 60) as organizations (n)
cross join lateral (
    select 0 as n where organizations.n <= 50
    union all
    select numbers.n from generate_series(organizations.n, organizations.n + 19) as numbers (n)
) as people;

insert into public.projects (id, organization_id, name)
select
    md5('project ' || numbers.n)::uuid,
    md5('organization ' || ((numbers.n + 9) / 10))::uuid,
    'Project ' || numbers.n
from generate_series(1, 600) as numbers (n);

insert into public.environments (id, project_id, name, base_url)
select
    md5('environment ' || numbers.n)::uuid, md5('project ' || numbers.n)::uuid, 'staging',
    'https://staging.example.org'
from generate_series(1, 600) as numbers (n);

insert into public.test_suites (id, project_id, name)
select
    md5('suite ' || projects.n || ' ' || suites.n)::uuid, md5('project ' || projects.n)::uuid,
    'Suite ' || suites.n
from generate_series(1, 600) as projects (n)
cross join generate_series(0, 4) as suites (n);

insert into public.test_cases (id, project_id, suite_id, name, tags)
select
    md5('test ' || projects.n || ' ' || tests.n)::uuid, md5('project ' || projects.n)::uuid,
    md5('suite ' || projects.n || ' ' || tests.n % 5)::uuid,
    'Test ' || tests.n || ' of ' || md5(projects.n || ' ' || tests.n),
    array['tag' || tests.n % 10]
from generate_series(1, 600) as projects (n)
cross join generate_series(1, 100) as tests (n);

insert into private.definitions (project_id, digest, document, uses, requires, provides)
select projects.id, '\x00', '{}', '{}', '{}', '{}'
from public.projects;

-- twenty runs of each project, the last one half an hour to a day ago
insert into public.test_runs (
    id, project_id, environment_id, status, selection, planned_on, total_count, passed_count,
    failed_count, error_count, skipped_count, queued_at, started_at, finished_at
)
select
    md5('run ' || projects.n || ' ' || runs.n)::uuid, md5('project ' || projects.n)::uuid,
    md5('environment ' || projects.n)::uuid, 'failed', '{}', times.queued_at::date, 100, 90, 6, 2, 2,
    times.queued_at, times.queued_at, times.queued_at + interval '1 minute'
from generate_series(20, 1, -1) as runs (n)
cross join generate_series(1, 600) as projects (n)
cross join lateral (
    select
        now() - (runs.n - 1) * interval '36 hours'
        - interval '30 minutes' - projects.n * interval '2 minutes' as queued_at
) as times;

insert into public.test_execution_context (run_id, project_id)
select runs.id, runs.project_id
from public.test_runs as runs;

insert into public.test_results (
    run_id, project_id, test_case_id, test_name, suite_name, phase, definition_id, planned_on,
    status, category, slug, message, attempt_count, http_status, duration_ms, accepted_lease,
    finished_seq, started_at, finished_at
)
select
    runs.id, runs.project_id, md5('test ' || projects.n || ' ' || tests.n)::uuid, 'Test ' || tests.n,
    'Suite ' || tests.n % 5, 'main', definitions.id, runs.planned_on, verdicts.status,
    case when verdicts.status <> 'passed' then 'assertion' end,
    case when verdicts.status <> 'passed' then 'assertion_failed' end,
    case when verdicts.status <> 'passed' then 'expected: status equals 200; got 500' end,
    1, 200, 12.5, gen_random_uuid(), tests.n, runs.started_at,
    runs.started_at + tests.n * interval '600 ms'
from (
    select
        runs.*,
        row_number() over (order by runs.queued_at, runs.id) as place
    from public.test_runs as runs
) as runs
inner join generate_series(1, 600) as projects (n)
    on md5('project ' || projects.n)::uuid = runs.project_id
inner join private.definitions on definitions.project_id = runs.project_id
cross join generate_series(1, 100) as tests (n)
cross join lateral (
    select case
        when (tests.n + runs.place) % 50 < 3 then 'failed'
        when (tests.n + runs.place) % 50 = 3 then 'error'
        when (tests.n + runs.place) % 50 = 4 then 'skipped'
        else 'passed'
    end as status
) as verdicts
order by runs.place;

-- evidence of the last run of each project
insert into public.test_result_details (
    retention_class, planned_on, result_id, attempt, run_id, project_id, outcome, lease, request,
    response, duration_ms, http_status
)
select
    case results.status when 'passed' then 'passed' else 'failed' end, current_date, results.id, 1,
    results.run_id, results.project_id, case results.status when 'passed' then 'passed' else 'failed' end,
    results.accepted_lease, '{"method": "GET", "url": "https://staging.example.org/item"}',
    '{"status": 200, "headers": [], "body": "{}"}', 12.5, 200
from public.test_results as results
where results.started_at > now() - interval '24 hours';

insert into public.assertion_results (
    retention_class, planned_on, result_id, attempt, assertion_index, run_id, project_id, source,
    operator, expected, actual, passed, message
)
select
    details.retention_class, details.planned_on, details.result_id, 1, assertions.n, details.run_id,
    details.project_id, 'status', 'equals', '200', '200', details.outcome = 'passed', 'status equals 200'
from public.test_result_details as details
cross join generate_series(0, 2) as assertions (n);

set session_replication_role = origin;
alter publication supabase_realtime set (publish = 'insert, update');
