-- Suites, test cases, what they request and expect, and how they depend on each other.
-- Depends on: projects, the checks. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Every table here carries project_id, and every foreign key between them includes it: a row can
-- not point into another project, and policies need no join.

create table public.api_endpoints (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    method text not null,
    path text not null,
    summary text,
    is_safe boolean not null,
    created_at timestamptz not null default now(),
    constraint api_endpoints_path_key unique (project_id, method, path),
    constraint api_endpoints_project_key unique (id, project_id),
    constraint api_endpoints_method_check check (method ~ '^[A-Z]+$'),
    -- raises, with the place and a hint, what is too long
    constraint api_endpoints_texts_check check (
        private.accept(private.length_problem(method, '/method', 20))
        and private.accept(private.length_problem(path, '/path', 2000))
        and private.accept(private.length_problem(summary, '/summary', 2000))
    )
);
comment on table public.api_endpoints is 'The catalogue of operations of the API under test.';
comment on column public.api_endpoints.id is 'Stable identity.';
comment on column public.api_endpoints.project_id is 'The project.';
comment on column public.api_endpoints.method is 'HTTP method, upper case.';
comment on column public.api_endpoints.path is
'Path template as the API documents it, e.g. /file/{fileId}.';
comment on column public.api_endpoints.summary is 'What it does, in a line; null if unknown.';
comment on column public.api_endpoints.is_safe is
'False: a repeated call may do harm, so a lost request is never sent again. A GET can be unsafe.';
comment on column public.api_endpoints.created_at is 'When it was created.';

create table public.test_suites (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    name text not null,
    description text,
    execution_mode text not null default 'parallel',
    headers jsonb not null default '[]',
    variables jsonb not null default '{}',
    auth jsonb,
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    constraint test_suites_name_key unique (project_id, name),
    constraint test_suites_project_key unique (id, project_id),
    constraint test_suites_name_check check (length(btrim(name)) between 1 and 200),
    constraint test_suites_execution_mode_check check (
        execution_mode in ('parallel', 'sequential')
    ),
    -- those with accept() raise, with the position and a hint, what is wrong
    constraint test_suites_texts_check check (
        private.accept(private.length_problem(name, '/name', 1000))
        and private.accept(private.length_problem(description, '/description', 20000))
    ),
    constraint test_suites_headers_check check (
        private.accept(private.pairs_problem(headers, '/headers'))
        and private.accept(private.template_problem(headers, '/headers'))
    ),
    constraint test_suites_variables_check check (
        private.accept(private.variables_problem(variables, '/variables'))
    ),
    constraint test_suites_auth_check check (
        private.accept(private.auth_problem(auth, '/auth'))
        and private.accept(private.template_problem(auth, '/auth'))
    )
);
comment on table public.test_suites is
'Tests that share headers, variables and a way of signing in.';
comment on column public.test_suites.id is 'Stable identity.';
comment on column public.test_suites.project_id is 'The project.';
comment on column public.test_suites.name is 'Unique in the project; 1 to 200 characters.';
comment on column public.test_suites.description is 'Free text; null if none.';
comment on column public.test_suites.execution_mode is
'sequential: each test waits for the one before it, by position, within its phase.';
comment on column public.test_suites.headers is
'[["Name", "value"], ...] sent with every test that does not set the same header itself.';
comment on column public.test_suites.variables is 'Names and values for {{name}}. JSON object.';
comment on column public.test_suites.auth is
$comment$How its tests sign in unless they say otherwise; as api_credentials.auth, or {"credential":
name}.$comment$;
comment on column public.test_suites.archived_at is
'Since when it is hidden and left out; null = in use.';
comment on column public.test_suites.created_at is 'When it was created.';
comment on constraint test_suites_name_check on public.test_suites is
'name has 1 to 200 characters.';
comment on constraint test_suites_headers_check on public.test_suites is
'headers are [["Name", "value"], ...], texts both.';

create table public.test_cases (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    suite_id uuid not null,
    endpoint_id uuid,
    name text not null,
    description text,
    phase text not null default 'main',
    position integer not null default 0,
    priority integer not null default 0,
    tags text[] not null default '{}',
    is_enabled boolean not null default true,
    rescue text not null default 'safe',
    retry jsonb not null default '{}',
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- with project_id, which follows from suite_id: else a stranger's insert into the suite, which
    -- the foreign key refuses last, would first be told whether the name is taken
    constraint test_cases_name_key unique (suite_id, name, project_id),
    constraint test_cases_project_key unique (id, project_id),
    constraint test_cases_suite_id_fkey foreign key (suite_id, project_id)
    references public.test_suites (id, project_id) on delete cascade,
    constraint test_cases_endpoint_id_fkey foreign key (endpoint_id, project_id)
    references public.api_endpoints (id, project_id) on delete set null (endpoint_id),
    constraint test_cases_name_check check (length(btrim(name)) between 1 and 200),
    constraint test_cases_phase_check check (phase in ('setup', 'main', 'teardown')),
    constraint test_cases_rescue_check check (rescue in ('never', 'safe', 'always')),
    constraint test_cases_tags_check check (
        case when array_ndims(tags) > 1 then false else array_position(tags, null) is null end
    ),
    -- those with accept() raise, with the position and a hint, what is wrong
    constraint test_cases_texts_check check (
        private.accept(private.length_problem(name, '/name', 1000))
        and private.accept(private.length_problem(description, '/description', 20000))
        and private.accept(private.list_problem(tags, '/tags', 100, 400))
    ),
    constraint test_cases_retry_check check (
        private.accept(private.retry_problem(retry, '/retry'))
    )
);
comment on table public.test_cases is 'One request and what must be true of the answer.';
comment on column public.test_cases.id is 'Stable identity.';
comment on column public.test_cases.project_id is 'The project.';
comment on column public.test_cases.suite_id is 'The suite it belongs to.';
comment on column public.test_cases.endpoint_id is
'The operation it exercises; null if not catalogued.';
comment on column public.test_cases.name is 'Unique in the suite; 1 to 200 characters.';
comment on column public.test_cases.description is 'Free text; null if none.';
comment on column public.test_cases.phase is
'setup runs first and must pass for main to run; teardown always runs, last.';
comment on column public.test_cases.position is 'Order in a sequential suite and in listings.';
comment on column public.test_cases.priority is
'Lower is claimed first among tests that are ready.';
comment on column public.test_cases.tags is
'For selection; any text, up to 100 of up to 400 bytes.';
comment on column public.test_cases.is_enabled is 'False: left out of every run.';
comment on column public.test_cases.rescue is
$comment$What happens to a request whose worker died: may it be sent again?

safe: GET, HEAD and OPTIONS on an endpoint not marked unsafe, and requests with an
idempotency_header. always: the author vouches
for it. never: the result is error / lost.$comment$;
comment on column public.test_cases.retry is
$comment$Another attempt after a bad one, as data; {} = none.

{"attempts": 3, "base_ms": 200, "factor": 2, "cap_ms": 5000, "deadline_ms": 60000, "statuses":
[502, 503], "retry_on": ["network", "timeout", "status", "assertion", "capture"]}. attempts counts
the first, up to 100; retry_on: what is worth another attempt, all but capture by default.$comment$;
comment on column public.test_cases.archived_at is
'Since when it is hidden and left out; null = in use.';
comment on column public.test_cases.created_at is 'When it was created.';
comment on column public.test_cases.updated_at is 'When it was last changed; kept by a trigger.';
comment on constraint test_cases_name_check on public.test_cases is
'name has 1 to 200 characters.';
comment on constraint test_cases_tags_check on public.test_cases is
'tags are a plain list of texts.';
comment on constraint test_cases_retry_check on public.test_cases is
$comment$retry takes attempts and factor (1 to 100), base_ms, cap_ms and deadline_ms (up to a day),
statuses (numbers) and retry_on (network, timeout, status, assertion, capture), no more.$comment$;
create index test_cases_suite_id_idx on public.test_cases (suite_id, project_id, position);
create index test_cases_endpoint_id_idx on public.test_cases (endpoint_id, project_id);
create index test_cases_project_id_idx on public.test_cases (project_id);

create table public.test_request_configs (
    test_case_id uuid not null,
    project_id uuid not null,
    method text not null default 'GET',
    path text not null,
    query jsonb not null default '[]',
    headers jsonb not null default '[]',
    body jsonb,
    auth jsonb,
    idempotency_header text,
    connect_timeout_ms integer not null default 5000,
    total_timeout_ms integer not null default 30000,
    max_redirects integer not null default 10,
    max_body_bytes integer not null default 5242880,
    verify_tls boolean not null default true,
    -- project_id follows from test_case_id; it is in the key to serve the foreign key
    primary key (test_case_id, project_id),
    constraint test_request_configs_test_case_id_fkey foreign key (test_case_id, project_id)
    references public.test_cases (id, project_id) on delete cascade,
    constraint test_request_configs_method_check check (method ~ '^[A-Z]+$'),
    -- those with accept() raise, with the position and a hint, what is wrong
    constraint test_request_configs_texts_check check (
        private.accept(private.length_problem(method, '/method', 20))
    ),
    constraint test_request_configs_path_check check (
        private.accept(private.length_problem(path, '/path', 8000))
        and private.accept(private.template_problem(to_jsonb(path), '/path'))
    ),
    constraint test_request_configs_query_check check (
        private.accept(private.pairs_problem(query, '/query'))
        and private.accept(private.template_problem(query, '/query'))
    ),
    constraint test_request_configs_headers_check check (
        private.accept(private.pairs_problem(headers, '/headers'))
        and private.accept(private.template_problem(headers, '/headers'))
    ),
    constraint test_request_configs_body_check check (
        private.accept(private.body_problem(body, '/body'))
        and private.accept(private.template_problem(body, '/body'))
    ),
    constraint test_request_configs_auth_check check (
        private.accept(private.auth_problem(auth, '/auth'))
        and private.accept(private.template_problem(auth, '/auth'))
    ),
    constraint test_request_configs_idempotency_header_check check (
        private.accept(
            private.idempotency_problem(idempotency_header, headers, auth, '/idempotency_header')
        )
    ),
    constraint test_request_configs_timeouts_check check (
        connect_timeout_ms between 1 and 120000 and total_timeout_ms between 1 and 600000
    ),
    constraint test_request_configs_limits_check check (
        max_redirects between 0 and 50 and max_body_bytes between 1 and 52428800
    )
);
comment on table public.test_request_configs is
'What a test case sends. Any string but the name of a query parameter may hold {{names}}.';
comment on column public.test_request_configs.test_case_id is 'The test case; one row each.';
comment on column public.test_request_configs.project_id is 'The project.';
comment on column public.test_request_configs.method is 'HTTP method, upper case.';
comment on column public.test_request_configs.path is
'Appended to the environment''s base URL, or a whole URL. {{names}} in it are percent-encoded.';
comment on column public.test_request_configs.query is
'[["name", "value"], ...], percent-encoded when sent.';
comment on column public.test_request_configs.headers is
'[["Name", "value"], ...]; a name that the suite also sets is taken from here.';
comment on column public.test_request_configs.body is
$comment$null, {"kind": "json", "value": any}, {"kind": "form", "value": [["name", "value"], ...]}
or {"kind": "text", "value": "...", "content_type": "text/plain"}.$comment$;
comment on column public.test_request_configs.auth is
'null = as the suite; else as api_credentials.auth, {"credential": name}, or {"kind": "none"}.';
comment on column public.test_request_configs.idempotency_header is
$comment$Name of a header, such as Idempotency-Key, in which a UUID is sent by which the API knows a
request again: one that was lost, or was not answered, is sent again with the same. Null = none.

It is the header's name, not its value, and neither among headers nor that of auth.$comment$;
comment on column public.test_request_configs.connect_timeout_ms is
'Milliseconds to connect, 1 to 120,000.';
comment on column public.test_request_configs.total_timeout_ms is
'Milliseconds for the whole attempt, redirects included, 1 to 600,000.';
comment on column public.test_request_configs.max_redirects is
'Redirects followed, 0 to 50; 0 = none.';
comment on column public.test_request_configs.max_body_bytes is
'Bytes of the answer that are read and judged, up to 50 MiB.';
comment on column public.test_request_configs.verify_tls is 'False accepts any certificate.';
comment on constraint test_request_configs_method_check on public.test_request_configs is
'method is written in capital letters, such as POST.';
comment on constraint test_request_configs_query_check on public.test_request_configs is
'query is [["name", "value"], ...], texts both.';
comment on constraint test_request_configs_headers_check on public.test_request_configs is
'headers are [["Name", "value"], ...], texts both.';
comment on constraint test_request_configs_body_check on public.test_request_configs is
$comment$body is {"kind": "json", "value": any}, {"kind": "form", "value": [["name", "value"], ...]}
or {"kind": "text", "value": "..."}.$comment$;
comment on constraint test_request_configs_timeouts_check on public.test_request_configs is
'connect_timeout_ms is 1 to 120,000 and total_timeout_ms 1 to 600,000.';
comment on constraint test_request_configs_limits_check on public.test_request_configs is
'max_redirects is 0 to 50 and max_body_bytes 1 to 52,428,800.';

create table public.test_response_specs (
    test_case_id uuid not null,
    project_id uuid not null,
    assertions jsonb not null default '[]',
    captures jsonb not null default '[]',
    json_schema jsonb,
    -- project_id follows from test_case_id; it is in the key to serve the foreign key
    primary key (test_case_id, project_id),
    constraint test_response_specs_test_case_id_fkey foreign key (test_case_id, project_id)
    references public.test_cases (id, project_id) on delete cascade,
    constraint test_response_specs_assertions_check check (
        private.accept(private.assertions_problem(assertions, '/assertions'))
    ),
    constraint test_response_specs_captures_check check (
        private.accept(private.captures_problem(captures, '/captures'))
    ),
    constraint test_response_specs_json_schema_check check (
        private.accept(private.schema_problem(json_schema, '/json_schema'))
    )
);
comment on table public.test_response_specs is
'What must be true of the answer, and what later tests need from it.';
comment on column public.test_response_specs.test_case_id is 'The test case; one row each.';
comment on column public.test_response_specs.project_id is 'The project.';
comment on column public.test_response_specs.assertions is
$comment$[{"source": "body", "path": "$.id", "operator": "equals", "expected": 5}, ...]

source: status, duration (ms), header (with name), body (with path, JSONPath), text; pattern (RE2)
narrows what was found. operator:
equals, not_equals, greater_than, greater_or_equal, less_than, less_or_equal, contains,
not_contains, matches (RE2), exists, not_exists, type, length, one_of. Strings in path and
expected may hold {{names}}. Full reference: docs/tests.md.$comment$;
comment on column public.test_response_specs.captures is
$comment$[{"name": "token", "source": "body", "path": "$.access_token", "kind": "token"}, ...]

source: body (with path), header (with header, its name), text; pattern (RE2) narrows what was
found. kind: variable (default) or token, which is stored encrypted and redacted everywhere.
required (default true): the test fails when nothing is found.$comment$;
comment on column public.test_response_specs.json_schema is
$comment$A JSON Schema, an object or a boolean, which the body must satisfy; null = none.

Draft 2020-12 unless $schema names another; a $ref leads within the schema. At most 256 KB. It is
judged as one more assertion, source schema, operator valid. Full reference: docs/tests.md.$comment$;

create table public.test_dependencies (
    test_case_id uuid not null,
    depends_on_id uuid not null,
    kind text not null,
    project_id uuid not null,
    primary key (test_case_id, project_id, depends_on_id),
    constraint test_dependencies_test_case_id_fkey foreign key (test_case_id, project_id)
    references public.test_cases (id, project_id) on delete cascade,
    constraint test_dependencies_depends_on_id_fkey foreign key (depends_on_id, project_id)
    references public.test_cases (id, project_id) on delete cascade,
    constraint test_dependencies_kind_check check (kind in ('order', 'data', 'token')),
    constraint test_dependencies_self_check check (test_case_id <> depends_on_id)
);
comment on table public.test_dependencies is
'Explicit dependencies. Those implied by {{name}} within a suite need no row.';
comment on column public.test_dependencies.test_case_id is 'The test that waits.';
comment on column public.test_dependencies.depends_on_id is 'The test that it waits for.';
comment on column public.test_dependencies.kind is
'order: the other must be over. data, token: it must have passed, else this one is skipped.';
comment on column public.test_dependencies.project_id is 'The project of both.';
create index test_dependencies_depends_on_id_idx
on public.test_dependencies (depends_on_id, project_id);
create index test_dependencies_project_id_idx on public.test_dependencies (project_id);

create table public.test_data_fixtures (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    name text not null,
    rows jsonb not null,
    created_at timestamptz not null default now(),
    constraint test_data_fixtures_name_key unique (project_id, name),
    constraint test_data_fixtures_project_key unique (id, project_id),
    -- those with accept() raise, with the position and a hint, what is wrong
    constraint test_data_fixtures_name_check check (
        private.accept(private.length_problem(name, '/name', 1000))
    ),
    constraint test_data_fixtures_rows_check check (
        private.accept(private.fixture_problem(rows, '/rows'))
    )
);
comment on table public.test_data_fixtures is
'Rows of data: a test with a fixture runs once for each.';
comment on column public.test_data_fixtures.id is 'Stable identity.';
comment on column public.test_data_fixtures.project_id is 'The project.';
comment on column public.test_data_fixtures.name is 'Unique in the project.';
comment on column public.test_data_fixtures.rows is
'[{"key": "cz", "values": {"name": value, ...}}, ...], 1 to 10,000; keys are unique.';
comment on column public.test_data_fixtures.created_at is 'When it was created.';
comment on constraint test_data_fixtures_rows_check on public.test_data_fixtures is
$comment$rows are [{"key": "cz", "values": {"name": value, ...}}, ...], 1 to 10,000 with different
keys.$comment$;

create table public.fixture_usage (
    test_case_id uuid not null,
    fixture_id uuid not null,
    project_id uuid not null,
    -- project_id follows from test_case_id; it is in the key to serve the foreign key
    primary key (test_case_id, project_id),
    constraint fixture_usage_test_case_id_fkey foreign key (test_case_id, project_id)
    references public.test_cases (id, project_id) on delete cascade,
    constraint fixture_usage_fixture_id_fkey foreign key (fixture_id, project_id)
    references public.test_data_fixtures (id, project_id) on delete cascade
);
comment on table public.fixture_usage is 'Which fixture drives which test; at most one each.';
comment on column public.fixture_usage.test_case_id is 'The test that runs once for each row.';
comment on column public.fixture_usage.fixture_id is 'The fixture.';
comment on column public.fixture_usage.project_id is 'The project of both.';
create index fixture_usage_fixture_id_idx on public.fixture_usage (fixture_id, project_id);
create index fixture_usage_project_id_idx on public.fixture_usage (project_id);
create index test_request_configs_project_id_idx on public.test_request_configs (project_id);
create index test_response_specs_project_id_idx on public.test_response_specs (project_id);

create trigger t100_touch_updated_at
before update on public.test_cases
for each row execute function private.touch_updated_at();
