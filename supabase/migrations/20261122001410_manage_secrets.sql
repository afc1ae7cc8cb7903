-- Secrets as their managers see them: set, rotated and deleted, with their values in Vault only.
-- Depends on: environments, queue, the platform's Vault. Locks: environment_variables, briefly.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.retired_secrets (
    secret_id uuid primary key,
    environment_id uuid not null references public.environments on delete cascade,
    retired_at timestamptz not null default now()
);
comment on table private.retired_secrets is
$comment$Secrets that no new run gets, kept in Vault while runs that were queued before still use
them and must have them redacted.$comment$;
comment on column private.retired_secrets.secret_id is
'vault.secrets.id; the entry goes with the row.';
comment on column private.retired_secrets.environment_id is 'The environment it belonged to.';
comment on column private.retired_secrets.retired_at is 'When it was rotated or deleted.';
create index retired_secrets_environment_id_idx on private.retired_secrets (environment_id);
alter table private.retired_secrets enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.retired_secrets for select to public using (false);

create trigger t500_delete_vault_secret
after delete on private.retired_secrets
for each row execute function private.delete_vault_secret();

create function private.retire_secret(secret_id uuid, environment_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if
        exists (
            select from private.live_runs as lives
            where lives.environment_id = retire_secret.environment_id
        )
        -- a purge of the environment takes its runs along
        and exists (
            select from public.environments
            where environments.id = retire_secret.environment_id
        )
    then
        insert into private.retired_secrets (secret_id, environment_id)
        values (retire_secret.secret_id, retire_secret.environment_id);
    else
        delete from vault.secrets where id = retire_secret.secret_id;
    end if;
end;
$function$;
comment on function private.retire_secret(uuid, uuid) is
'Remove a secret from Vault: at once, or when the runs that may use it are over.';

create function private.retire_deleted_secret()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- clients have no rights in Vault
set search_path = ''
as $function$
begin
    perform private.retire_secret(old.secret_id, old.environment_id);
    return null;
end;
$function$;
comment on function private.retire_deleted_secret() is
'Retire the secret of a variable that was deleted. Trigger function.';

create trigger t500_retire_deleted_secret
after delete on public.environment_variables
for each row when (old.secret_id is not null) execute function private.retire_deleted_secret();

create function private.drop_retired_secrets()
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    delete from private.retired_secrets as retired
    where not exists (
        select
        from private.live_runs as lives
        inner join public.test_runs as runs on runs.id = lives.run_id
        where
            lives.environment_id = retired.environment_id
            and runs.queued_at <= retired.retired_at
    );
$function$;
comment on function private.drop_retired_secrets() is
'Remove retired secrets that no run can use any more. Called by cron.';

create function private.authorize_environment_change(environment_id uuid)
returns public.environments
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_environment public.environments;
begin
    select environments.*
    into v_environment
    from public.environments
    where
        environments.id = authorize_environment_change.environment_id
        and (
            (select private.is_operator())
            or environments.project_id = any(array(select private.my_managed_project_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = format(
                'there is no environment %s that you manage',
                authorize_environment_change.environment_id
            ),
            detail = 'unknown_environment',
            hint = 'Owners and admins of its organization manage an environment''s secrets.';
    end if;
    return v_environment;
end;
$function$;
comment on function private.authorize_environment_change(uuid) is
'The environment, if the caller manages it. Errors: PT404 unknown_environment.';

create function private.refuse_weak_secret(value text)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- no message here may show the value
    if length(coalesce(value, '')) < 8 or value ~ '^[0-9.]+$' then
        raise exception using
            errcode = 'PT400',
            message = 'a secret has 8 characters or more and is not a number',
            detail = 'weak_secret',
            hint = 'Shorter values could not be redacted without spoiling ordinary text; '
                || 'use a plain variable.';
    end if;
end;
$function$;
comment on function private.refuse_weak_secret(text) is 'Raise PT400 weak_secret.';

create function private.find_secret(environment_id uuid, name text)
returns public.environment_variables
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_variable public.environment_variables;
begin
    select variables.*
    into v_variable
    from public.environment_variables as variables
    where
        variables.environment_id = find_secret.environment_id
        and variables.name = find_secret.name
        and variables.secret_id is not null
    for update;
    if not found then
        raise exception using
            errcode = 'PT404',
            message = format('the environment has no secret "%s"', find_secret.name),
            detail = 'unknown_secret',
            hint = 'set_secret makes one; environment_variables lists those there are.';
    end if;
    return v_variable;
end;
$function$;
comment on function private.find_secret(uuid, text) is
'The variable that holds a secret, locked. Errors: PT404 unknown_secret.';

create function private.set_secret(environment_id uuid, name text, value text)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- clients have no rights in Vault
set search_path = ''
as $function$
declare
    v_environment public.environments := private.authorize_environment_change(
        set_secret.environment_id
    );
    v_old_secret_id uuid;
begin
    perform private.refuse_weak_secret(set_secret.value);

    select variables.secret_id
    into v_old_secret_id
    from public.environment_variables as variables
    where variables.environment_id = v_environment.id and variables.name = set_secret.name
    for update;

    if v_old_secret_id is not null then
        perform vault.update_secret(v_old_secret_id, set_secret.value);
        return;
    end if;

    insert into public.environment_variables (environment_id, project_id, name, secret_id)
    values (
        v_environment.id,
        v_environment.project_id,
        set_secret.name,
        -- unnamed: names are unique in Vault, and a variable may be renamed
        vault.create_secret(set_secret.value, null, 'A secret of an Assay environment.')
    )
    on conflict on constraint environment_variables_name_key do update
    set value = null, secret_id = excluded.secret_id;
end;
$function$;
comment on function private.set_secret(uuid, text, text) is 'Does the work of public.set_secret.';
grant execute on function private.set_secret(uuid, text, text) to authenticated, service_role;

create function public.set_secret(environment_id uuid, name text, value text)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.set_secret(environment_id, name, value);
$function$;
comment on function public.set_secret(uuid, text, text) is
$comment$Give an environment a secret, or change it. Tests refer to it as {{name}}.

value: 8 characters or more, not a number; kept in Vault, never shown again, redacted in all that is
stored. A plain variable of the same name becomes the secret. Runs under way use the new value.
Errors: PT400 weak_secret; PT404 unknown_environment.$comment$;
grant execute on function public.set_secret(uuid, text, text) to authenticated, service_role;

create function private.rotate_secret(environment_id uuid, name text, value text)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- clients have no rights in Vault
set search_path = ''
as $function$
declare
    v_environment public.environments := private.authorize_environment_change(
        rotate_secret.environment_id
    );
    v_variable public.environment_variables;
    v_new_secret_id uuid;
begin
    perform private.refuse_weak_secret(rotate_secret.value);
    v_variable := private.find_secret(v_environment.id, rotate_secret.name);
    v_new_secret_id := vault.create_secret(
        rotate_secret.value, null, 'A secret of an Assay environment.'
    );
    update public.environment_variables
    set secret_id = v_new_secret_id
    where id = v_variable.id;
    perform private.retire_secret(v_variable.secret_id, v_environment.id);
end;
$function$;
comment on function private.rotate_secret(uuid, text, text) is
'Does the work of public.rotate_secret.';
grant execute on function private.rotate_secret(uuid, text, text) to authenticated, service_role;

create function public.rotate_secret(environment_id uuid, name text, value text)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.rotate_secret(environment_id, name, value);
$function$;
comment on function public.rotate_secret(uuid, text, text) is
$comment$Give new runs another value of a secret; runs under way keep the old one.

value: as in set_secret. The old value is redacted as long as it is used and leaves Vault when the
runs that were queued before are over. If it is no longer valid, use set_secret, which reaches runs
under way. Errors: PT400 weak_secret; PT404 unknown_environment, unknown_secret.$comment$;
grant execute on function public.rotate_secret(uuid, text, text) to authenticated, service_role;

create function private.delete_secret(environment_id uuid, name text)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- as set_secret
set search_path = ''
as $function$
declare
    v_environment public.environments := private.authorize_environment_change(
        delete_secret.environment_id
    );
    v_variable public.environment_variables;
begin
    v_variable := private.find_secret(v_environment.id, delete_secret.name);
    delete from public.environment_variables where id = v_variable.id;
end;
$function$;
comment on function private.delete_secret(uuid, text) is 'Does the work of public.delete_secret.';
grant execute on function private.delete_secret(uuid, text) to authenticated, service_role;

create function public.delete_secret(environment_id uuid, name text)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.delete_secret(environment_id, name);
$function$;
comment on function public.delete_secret(uuid, text) is
$comment$Take a secret away from an environment.

Runs under way keep it, and it leaves Vault when they are over; without such runs at once.
Errors: PT404 unknown_environment, unknown_secret.$comment$;
grant execute on function public.delete_secret(uuid, text) to authenticated, service_role;
