-- Extensions, the private schema and closed defaults: the ground that every later file stands on.
-- Depends on: nothing of ours. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- A project of its own: half of Assay beside a stranger's table of the same name would be worse
-- than no Assay at all, so the very first statement refuses.
do $check$
declare
    v_taken text;
begin
    select string_agg(tables.tablename, ', ' order by tables.tablename)
    into v_taken
    from pg_catalog.pg_tables as tables
    where
        tables.schemaname = 'public'
        and tables.tablename = any(array[
            'users', 'organizations', 'organization_limits', 'organization_members',
            'organization_invitations',
            'api_credentials', 'projects',
            'api_endpoints', 'test_suites', 'test_cases', 'test_dependencies',
            'test_request_configs', 'test_response_specs', 'test_data_fixtures', 'fixture_usage',
            'environments', 'environment_variables', 'test_runs', 'test_execution_context',
            'test_context_values', 'test_results', 'test_result_details', 'assertion_results',
            'failure_analysis', 'failure_tests',
            'workers', 'data_changes', 'platform_events', 'test_run_history', 'test_run_changes',
            'notification_channels', 'notification_rules',
            'test_quarantines', 'test_ratings',
            'performance_metrics', 'performance_changes',
            'organization_retention'
        ]);

    if v_taken is not null then
        raise exception using
            message = format('the schema public already has tables that Assay brings: %s', v_taken),
            detail = 'project_not_empty',
            hint = 'Push Assay to a Supabase project of its own.';
    end if;
end;
$check$;

create extension if not exists pgcrypto with schema extensions;
create extension if not exists pg_trgm with schema extensions;
-- off on a fresh project: the platform creates it only on request
create extension if not exists pg_cron with schema pg_catalog;

create schema private;
comment on schema private is
'The engine and the helpers of policies. Never exposed through the API; nothing here is interface.';

-- Closed by default, whatever the project''s setting for new objects is: every right is granted
-- beside its object. The revoke from public must not say "in schema" (per-schema defaults only
-- add), and the platform''s own per-schema grants need a revoke of their own.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public
revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public
revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public
revoke execute on functions from anon, authenticated, service_role;

-- Policies call helpers in private as the reader, so usage is needed;
-- execute is granted one by one.
grant usage on schema private to authenticated, service_role;
