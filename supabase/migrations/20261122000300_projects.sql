-- Projects, and the credentials that tests sign in with.
-- Depends on: tenancy, the checks. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.projects (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations on delete cascade,
    name text not null,
    description text,
    variables jsonb not null default '{}',
    archived_at timestamptz,
    paused_at timestamptz,
    paused_by uuid references public.users on delete set null,
    pause_reason text,
    green_success_rate numeric(5, 4) not null default 0.99,
    yellow_success_rate numeric(5, 4) not null default 0.95,
    green_p95_ms integer not null default 1000,
    yellow_p95_ms integer not null default 3000,
    apdex_ms integer not null default 500,
    created_at timestamptz not null default now(),
    constraint projects_name_key unique (organization_id, name),
    constraint projects_organization_key unique (id, organization_id),
    constraint projects_name_check check (length(btrim(name)) between 1 and 200),
    constraint projects_pause_check check (
        paused_at is not null or num_nonnulls(paused_by, pause_reason) = 0
    ),
    constraint projects_thresholds_check check (
        yellow_success_rate between 0 and green_success_rate
        and green_success_rate <= 1
        and green_p95_ms between 1 and yellow_p95_ms
        and apdex_ms between 1 and 600000
    ),
    -- those with accept() raise, with the position and a hint, what is wrong
    constraint projects_texts_check check (
        private.accept(private.length_problem(name, '/name', 1000))
        and private.accept(private.length_problem(description, '/description', 20000))
        and private.accept(private.length_problem(pause_reason, '/reason', 2000))
    ),
    constraint projects_variables_check check (
        private.accept(private.variables_problem(variables, '/variables'))
    )
);
comment on table public.projects is
'A set of tests and environments. Archived, never deleted, by clients.';
comment on column public.projects.id is 'Stable identity; every table below carries it.';
comment on column public.projects.organization_id is 'The tenant.';
comment on column public.projects.name is 'Unique in the organization; 1 to 200 characters.';
comment on column public.projects.description is 'Free text; null if none.';
comment on column public.projects.variables is
'Names and values for {{name}}, of the lowest precedence. JSON object.';
comment on column public.projects.archived_at is
'Since when it is hidden and cannot run; null = in use.';
comment on column public.projects.paused_at is
'Since when nothing of it is handed out to workers (pause_project); null = it goes on.';
comment on column public.projects.paused_by is
'Who paused it; null for the secret key, or while it is not paused.';
comment on column public.projects.pause_reason is 'What they said about it; null if nothing.';
comment on column public.projects.green_success_rate is
'Success rate from which on aggregate_test_metrics shows green, 0 to 1.';
comment on column public.projects.yellow_success_rate is
'Success rate from which on it shows yellow, below which red; 0 to green_success_rate.';
comment on column public.projects.green_p95_ms is
'95th percentile in milliseconds up to which it shows green, 1 or more.';
comment on column public.projects.yellow_p95_ms is
'That up to which it shows yellow, above which red; green_p95_ms or more.';
comment on column public.projects.apdex_ms is
'Milliseconds within which an answer satisfies, for the Apdex score; 1 to 600,000.';
comment on column public.projects.created_at is 'When it was created.';
create index projects_paused_by_idx on public.projects (paused_by);

create table public.api_credentials (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations on delete cascade,
    name text not null,
    auth jsonb not null,
    created_at timestamptz not null default now(),
    constraint api_credentials_name_key unique (organization_id, name),
    -- those with accept() raise, with the position and a hint, what is wrong
    constraint api_credentials_name_check check (
        private.accept(private.length_problem(name, '/name', 1000))
    ),
    constraint api_credentials_auth_check check (
        private.accept(private.credential_problem(auth, '/auth'))
        and private.accept(private.template_problem(auth, '/auth'))
    )
);
comment on table public.api_credentials is
'A named way of signing in to the API under test. Tests and suites refer to it by name.';
comment on column public.api_credentials.id is 'Stable identity.';
comment on column public.api_credentials.organization_id is 'The tenant.';
comment on column public.api_credentials.name is 'What {"credential": name} refers to.';
comment on column public.api_credentials.auth is
$comment${"kind": "bearer" | "basic" | "api_key" | "jwt_hs256" | "none", ...};
its strings may hold {{names}}.

Its token, password, value or secret is not written out but refers to a secret of the environment,
e.g. {"kind": "bearer", "token": "{{api_token}}"}. Fields by kind: docs/tests.md.$comment$;
comment on column public.api_credentials.created_at is 'When it was created.';

create function private.my_project_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- reads projects past their own policy
set search_path = ''
as $function$
    select projects.id
    from public.projects
    where projects.organization_id = any(array(select private.my_organization_ids()));
$function$;
comment on function private.my_project_ids() is 'Projects that the signed-in user may read.';
grant execute on function private.my_project_ids() to authenticated;

create function private.my_edited_project_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- as my_project_ids
set search_path = ''
as $function$
    select projects.id
    from public.projects
    where projects.organization_id = any(array(select private.my_edited_organization_ids()));
$function$;
comment on function private.my_edited_project_ids() is
'Projects in which the signed-in user may change tests and queue runs.';
grant execute on function private.my_edited_project_ids() to authenticated;

create function private.my_managed_project_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- as my_project_ids
set search_path = ''
as $function$
    select projects.id
    from public.projects
    where projects.organization_id = any(array(select private.my_managed_organization_ids()));
$function$;
comment on function private.my_managed_project_ids() is
'Projects whose environments and secrets the signed-in user manages.';
grant execute on function private.my_managed_project_ids() to authenticated;

create function private.require_editor(project_id uuid, action text)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if private.is_operator() then
        return;
    end if;
    if require_editor.project_id <> all(array(select private.my_edited_project_ids())) then
        raise exception using
            errcode = 'PT403',
            message = private.one_line(
                format('your role in this organization may read, but not %s', action)
            ),
            detail = 'not_allowed',
            hint = 'Ask an owner or admin to make you an editor.';
    end if;
end;
$function$;
comment on function private.require_editor(uuid, text) is
$comment$Raise PT403 not_allowed unless the caller may change tests and queue runs in the project.

action: what was asked for, as it reads after "may not".$comment$;
grant execute on function private.require_editor(uuid, text) to authenticated, service_role;

alter table public.projects enable row level security;
grant select on public.projects to authenticated;
-- without id, here and below: the key is unique over all tenants, and "it is taken" would tell a
-- stranger that the row exists
grant insert (
    organization_id, name, description, variables, green_success_rate, yellow_success_rate,
    green_p95_ms, yellow_p95_ms, apdex_ms
) on public.projects to authenticated;
grant update (
    name, description, variables, archived_at, green_success_rate, yellow_success_rate,
    green_p95_ms, yellow_p95_ms, apdex_ms
) on public.projects to authenticated;
grant select, insert, delete on public.projects to service_role;
-- who writes paused_at has to see to the live runs as well: pause_project
grant update (
    name, description, variables, archived_at, green_success_rate, yellow_success_rate,
    green_p95_ms, yellow_p95_ms, apdex_ms
) on public.projects to service_role;

create policy projects_select_member on public.projects
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));

create policy projects_insert_editor on public.projects
for insert to authenticated
with check (organization_id = any(array(select private.my_edited_organization_ids())));

create policy projects_update_editor on public.projects
for update to authenticated
using (organization_id = any(array(select private.my_edited_organization_ids())))
with check (organization_id = any(array(select private.my_edited_organization_ids())));

alter table public.api_credentials enable row level security;
grant select, delete on public.api_credentials to authenticated;
grant insert (organization_id, name, auth) on public.api_credentials to authenticated;
grant update (name, auth) on public.api_credentials to authenticated;
grant select, insert, update, delete on public.api_credentials to service_role;

create policy api_credentials_select_member on public.api_credentials
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));

create policy api_credentials_insert_manager on public.api_credentials
for insert to authenticated
with check (organization_id = any(array(select private.my_managed_organization_ids())));

create policy api_credentials_update_manager on public.api_credentials
for update to authenticated
using (organization_id = any(array(select private.my_managed_organization_ids())))
with check (organization_id = any(array(select private.my_managed_organization_ids())));

create policy api_credentials_delete_manager on public.api_credentials
for delete to authenticated
using (organization_id = any(array(select private.my_managed_organization_ids())));
