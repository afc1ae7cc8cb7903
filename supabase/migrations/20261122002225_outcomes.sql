-- Outcomes: the verdicts that say something of a test, as analysis reads them.
-- Depends on: run_history, results. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create view private.test_outcomes
with (security_invoker = on) as
select
    results.id as result_id,
    results.run_id,
    results.project_id,
    history.environment_id,
    results.test_case_id,
    results.row_key,
    results.definition_id,
    results.status,
    results.status = 'passed' as is_passed,
    results.attempt_count,
    results.attempt_count - (results.status = 'passed')::integer as failed_count,
    results.duration_ms,
    results.started_at,
    results.finished_at,
    history.commit_sha,
    history.api_version,
    num_nonnulls(history.commit_sha, history.api_version) > 0 as is_versioned,
    md5(
        concat_ws(
            '|', results.test_case_id, results.row_key, history.environment_id,
            results.definition_id, runs.environment_snapshot_id,
            coalesce(results.fixture_snapshot_id, 0), coalesce(history.commit_sha, ''),
            coalesce(history.api_version, ''),
            case
                when history.commit_sha is null and history.api_version is null
                    then results.run_id
            end
        )
    ) as code_key,
    history.is_infra_suspect
from public.test_results as results
inner join public.test_runs as runs on results.run_id = runs.id
inner join public.test_run_history as history on results.run_id = history.run_id
where
    results.status in ('passed', 'failed')
    or (results.status = 'error' and results.category in ('network', 'timeout', 'response'));
comment on view private.test_outcomes is
$comment$One row for each verdict that says something of its test: passed, failed, or no usable
answer. Not what was skipped or cancelled, nor what we or the worker are to blame for.

Of runs that are in the history.$comment$;
comment on column private.test_outcomes.result_id is 'test_results.id.';
comment on column private.test_outcomes.run_id is 'The run.';
comment on column private.test_outcomes.project_id is 'The project.';
comment on column private.test_outcomes.environment_id is 'Where it ran.';
comment on column private.test_outcomes.test_case_id is 'The test.';
comment on column private.test_outcomes.row_key is 'Fixture row; empty = no fixture.';
comment on column private.test_outcomes.definition_id is
'private.definitions.id: exactly what was executed.';
comment on column private.test_outcomes.status is 'passed, failed or error.';
comment on column private.test_outcomes.is_passed is 'Did it pass, at last?';
comment on column private.test_outcomes.attempt_count is
'Requests made and reported; attempts that were lost are not among them.';
comment on column private.test_outcomes.failed_count is 'How many of those attempts failed.';
comment on column private.test_outcomes.duration_ms is 'Milliseconds of the last attempt.';
comment on column private.test_outcomes.started_at is 'When the deciding attempt was sent.';
comment on column private.test_outcomes.finished_at is 'When the verdict was written.';
comment on column private.test_outcomes.commit_sha is 'As in test_runs.';
comment on column private.test_outcomes.api_version is 'As in test_runs.';
comment on column private.test_outcomes.is_versioned is
'Was a commit or a version of the API given?';
comment on column private.test_outcomes.code_key is
$comment$What must be equal for a pass and a fail to contradict each other: test, fixture row and
its values, definition, environment and its settings, commit and version of the API. Where neither
was given, the run too: between two runs anything may have changed. Source: algorithms 3.1.$comment$;
comment on column private.test_outcomes.is_infra_suspect is 'As in test_run_history.';
