-- Environments: where a run goes, what it knows there, and how hard it may push.
-- Depends on: projects, the platform's Vault. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.environments (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    name text not null,
    base_url text not null,
    max_parallel integer not null default 10,
    rate_limit_per_s numeric,
    run_timeout_ms integer not null default 3600000,
    context_max_bytes integer not null default 10485760,
    context_lifetime_s integer not null default 86400,
    labels text[] not null default '{}',
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    constraint environments_name_key unique (project_id, name),
    constraint environments_project_key unique (id, project_id),
    constraint environments_base_url_check check (
        base_url ~ '^https?://[^/?#[:space:]]+[^?#[:space:]]*$'
    ),
    -- raises, with the place and a hint, what is too long
    constraint environments_texts_check check (
        private.accept(private.length_problem(name, '/name', 1000))
        and private.accept(private.length_problem(base_url, '/base_url', 2000))
    ),
    constraint environments_max_parallel_check check (max_parallel between 1 and 1000),
    constraint environments_rate_limit_per_s_check check (rate_limit_per_s > 0),
    constraint environments_run_timeout_ms_check check (run_timeout_ms between 1000 and 86400000),
    constraint environments_context_max_bytes_check check (
        context_max_bytes between 0 and 104857600
    ),
    constraint environments_context_lifetime_s_check check (
        context_lifetime_s between 60 and 2592000
    ),
    constraint environments_labels_check check (private.are_labels(labels))
);
comment on table public.environments is 'An installation of the API under test.';
comment on column public.environments.id is 'Stable identity.';
comment on column public.environments.project_id is 'The project.';
comment on column public.environments.name is 'Unique in the project.';
comment on column public.environments.base_url is
'Prefix of every relative path, e.g. https://host/api/v7.';
comment on column public.environments.max_parallel is
'Requests handed out at once, over all runs against it. 1 to 1,000.';
comment on column public.environments.rate_limit_per_s is
'Requests a second, over all runs; null = no limit.';
comment on column public.environments.run_timeout_ms is
'Time from queueing after which what is left is cancelled and teardown runs. Up to a day.';
comment on column public.environments.context_max_bytes is
$comment$Bytes that the values of one run may hold, those of fixture rows not counted; up to 100 MB.
A capture that would take more ends its result as error / context_too_large.$comment$;
comment on column public.environments.context_lifetime_s is
'Seconds for which the values of a run are kept after its last activity. A minute to 30 days.';
comment on column public.environments.labels is
$comment$What a worker must have to take its runs: all of these. Empty: any worker will do.
At most 20 words without blanks and commas.$comment$;
comment on column public.environments.archived_at is
'Since when it is hidden and refuses runs; null = in use.';
comment on column public.environments.created_at is 'When it was created.';

create table public.environment_variables (
    id uuid primary key default gen_random_uuid(),
    environment_id uuid not null,
    project_id uuid not null,
    name text not null,
    value jsonb,
    secret_id uuid,
    updated_at timestamptz not null default now(),
    constraint environment_variables_name_key unique (environment_id, project_id, name),
    constraint environment_variables_environment_id_fkey
    foreign key (environment_id, project_id)
    references public.environments (id, project_id) on delete cascade,
    constraint environment_variables_name_check check (private.is_name(name)),
    -- raises, with the place and a hint, what is too large
    constraint environment_variables_size_check check (
        private.accept(private.size_problem(value, '/value', 262144))
    ),
    constraint environment_variables_value_or_secret_check check (
        (value is null) <> (secret_id is null)
    )
);
comment on table public.environment_variables is
'Names and values for {{name}} in one environment. A secret has its value in Vault.';
comment on column public.environment_variables.id is 'Stable identity.';
comment on column public.environment_variables.environment_id is 'The environment.';
comment on column public.environment_variables.project_id is 'Its project.';
comment on column public.environment_variables.name is 'What {{name}} refers to.';
comment on column public.environment_variables.value is 'Any JSON; null exactly for secrets.';
comment on column public.environment_variables.secret_id is
'vault.secrets.id; written by set_secret only. Null for plain values.';
comment on column public.environment_variables.updated_at is 'When it was last set.';
create index environment_variables_project_id_idx on public.environment_variables (project_id);

create trigger t100_touch_updated_at
before update on public.environment_variables
for each row execute function private.touch_updated_at();

create function private.delete_vault_secret()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- clients have no rights in Vault
set search_path = ''
as $function$
begin
    delete from vault.secrets where id = old.secret_id;
    return null;
end;
$function$;
comment on function private.delete_vault_secret() is
'Remove the Vault entry that a row referred to by its secret_id. Trigger function.';

alter table public.environments enable row level security;
grant select on public.environments to authenticated;
grant insert (
    project_id, name, base_url, max_parallel, rate_limit_per_s, run_timeout_ms,
    context_max_bytes, context_lifetime_s, labels
) on public.environments to authenticated;
grant update (
    name, base_url, max_parallel, rate_limit_per_s, run_timeout_ms, context_max_bytes,
    context_lifetime_s, labels, archived_at
) on public.environments to authenticated;
grant select, insert, update, delete on public.environments to service_role;

create policy environments_select_member on public.environments
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy environments_insert_manager on public.environments
for insert to authenticated
with check (project_id = any(array(select private.my_managed_project_ids())));

create policy environments_update_manager on public.environments
for update to authenticated
using (project_id = any(array(select private.my_managed_project_ids())))
with check (project_id = any(array(select private.my_managed_project_ids())));

alter table public.environment_variables enable row level security;
grant select, delete on public.environment_variables to authenticated;
-- secret_id is not among them: a client that could write it could point at a stranger's secret
grant insert (environment_id, project_id, name, value) on public.environment_variables
to authenticated;
grant update (name, value) on public.environment_variables to authenticated;
grant select, delete on public.environment_variables to service_role;
grant insert (id, environment_id, project_id, name, value) on public.environment_variables
to service_role;
grant update (name, value) on public.environment_variables to service_role;

create policy environment_variables_select_member on public.environment_variables
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create policy environment_variables_insert_manager on public.environment_variables
for insert to authenticated
with check (project_id = any(array(select private.my_managed_project_ids())));

create policy environment_variables_update_manager on public.environment_variables
for update to authenticated
using (project_id = any(array(select private.my_managed_project_ids())))
with check (project_id = any(array(select private.my_managed_project_ids())));

create policy environment_variables_delete_manager on public.environment_variables
for delete to authenticated
using (project_id = any(array(select private.my_managed_project_ids())));
