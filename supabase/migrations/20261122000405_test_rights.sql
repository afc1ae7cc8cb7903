-- Who may read and write suites, test cases and what belongs to them.
-- Depends on: tests. Locks: the tables of tests, briefly.
set lock_timeout = '2s';
set statement_timeout = '30s';

alter table public.api_endpoints enable row level security;
alter table public.test_suites enable row level security;
alter table public.test_cases enable row level security;
alter table public.test_request_configs enable row level security;
alter table public.test_response_specs enable row level security;
alter table public.test_dependencies enable row level security;
alter table public.test_data_fixtures enable row level security;
alter table public.fixture_usage enable row level security;

grant select, insert, update, delete on
public.api_endpoints,
public.test_suites,
public.test_cases,
public.test_request_configs,
public.test_response_specs,
public.test_dependencies,
public.test_data_fixtures,
public.fixture_usage
to service_role;

grant select on
public.api_endpoints,
public.test_suites,
public.test_cases,
public.test_request_configs,
public.test_response_specs,
public.test_dependencies,
public.test_data_fixtures,
public.fixture_usage
to authenticated;

-- project_id is never updated, so no row moves between tenants; suites and tests are archived,
-- so clients may not delete them. Nobody chooses an id: the key is unique over all tenants, and
-- "it is taken" would tell a stranger that the row exists.
grant insert (project_id, method, path, summary, is_safe) on public.api_endpoints to authenticated;
grant insert (project_id, name, description, execution_mode, headers, variables, auth)
on public.test_suites to authenticated;
grant insert (
    project_id, suite_id, endpoint_id, name, description, phase, position, priority, tags,
    is_enabled, rescue, retry
) on public.test_cases to authenticated;
grant insert (project_id, name, rows) on public.test_data_fixtures to authenticated;
grant insert on
public.test_request_configs,
public.test_response_specs,
public.test_dependencies,
public.fixture_usage
to authenticated;
grant delete on
public.api_endpoints,
public.test_dependencies,
public.test_data_fixtures,
public.fixture_usage
to authenticated;
grant update (method, path, summary, is_safe) on public.api_endpoints to authenticated;
grant update (name, description, execution_mode, headers, variables, auth, archived_at)
on public.test_suites to authenticated;
grant update (
    suite_id, endpoint_id, name, description, phase, position, priority, tags, is_enabled, rescue,
    retry, archived_at
) on public.test_cases to authenticated;
grant update (
    method, path, query, headers, body, auth, idempotency_header, connect_timeout_ms,
    total_timeout_ms, max_redirects, max_body_bytes, verify_tls
) on public.test_request_configs to authenticated;
grant update (assertions, captures, json_schema) on public.test_response_specs to authenticated;
grant update (kind) on public.test_dependencies to authenticated;
grant update (name, rows) on public.test_data_fixtures to authenticated;
grant update (fixture_id) on public.fixture_usage to authenticated;

create policy api_endpoints_select_member on public.api_endpoints
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy api_endpoints_insert_editor on public.api_endpoints
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy api_endpoints_update_editor on public.api_endpoints
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy api_endpoints_delete_editor on public.api_endpoints
for delete to authenticated
using (project_id = any(array(select private.my_edited_project_ids())));

create policy test_suites_select_member on public.test_suites
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_suites_insert_editor on public.test_suites
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_suites_update_editor on public.test_suites
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_cases_select_member on public.test_cases
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_cases_insert_editor on public.test_cases
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_cases_update_editor on public.test_cases
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_request_configs_select_member on public.test_request_configs
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_request_configs_insert_editor on public.test_request_configs
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_request_configs_update_editor on public.test_request_configs
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_response_specs_select_member on public.test_response_specs
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_response_specs_insert_editor on public.test_response_specs
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_response_specs_update_editor on public.test_response_specs
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_dependencies_select_member on public.test_dependencies
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_dependencies_insert_editor on public.test_dependencies
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_dependencies_update_editor on public.test_dependencies
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_dependencies_delete_editor on public.test_dependencies
for delete to authenticated
using (project_id = any(array(select private.my_edited_project_ids())));

create policy test_data_fixtures_select_member on public.test_data_fixtures
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy test_data_fixtures_insert_editor on public.test_data_fixtures
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_data_fixtures_update_editor on public.test_data_fixtures
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy test_data_fixtures_delete_editor on public.test_data_fixtures
for delete to authenticated
using (project_id = any(array(select private.my_edited_project_ids())));

create policy fixture_usage_select_member on public.fixture_usage
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy fixture_usage_insert_editor on public.fixture_usage
for insert to authenticated
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy fixture_usage_update_editor on public.fixture_usage
for update to authenticated
using (project_id = any(array(select private.my_edited_project_ids())))
with check (project_id = any(array(select private.my_edited_project_ids())));

create policy fixture_usage_delete_editor on public.fixture_usage
for delete to authenticated
using (project_id = any(array(select private.my_edited_project_ids())));
