-- Values on their way into Vault and out of it, and when Vault forgets.
-- Depends on: secret_hosts, queue, the platform's Vault. Locks: environment_variables, briefly.
set lock_timeout = '2s';
set statement_timeout = '30s';

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
    if
        length(coalesce(value, '')) not between 8 and 10000
        or value ~ '^[+-]?[0-9.]+([eE][+-]?[0-9]+)?$'
    then
        raise exception using
            errcode = 'PT400',
            message = 'a secret has 8 to 10,000 characters and is not a number',
            detail = 'weak_secret',
            hint = 'Shorter values could not be redacted without spoiling ordinary text; '
                || 'use a plain variable.';
    end if;
end;
$function$;
comment on function private.refuse_weak_secret(text) is 'Raise PT400 weak_secret.';

create function private.default_hosts(base_url text)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_address text := private.address_of(base_url);
begin
    if v_address is null then
        raise exception using
            errcode = 'PT400',
            message = 'the base URL of the environment does not name its host plainly',
            detail = 'malformed_hosts',
            hint = 'Say with allowed_hosts where the secret may go, or write the base URL without '
                || 'a user and with a name beyond ASCII as xn--....';
    end if;
    return array[private.without_port(v_address)];
end;
$function$;
comment on function private.default_hosts(text) is
$comment$Where a secret may go unless its manager says otherwise: to the host of the base URL.
Errors: PT400 malformed_hosts.$comment$;

create function private.store_secret(environment_id uuid, value text, allowed_hosts text[])
returns uuid
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into private.secrets (secret_id, environment_id, allowed_hosts, changed_by)
    values (
        -- unnamed: names are unique in Vault, and a variable may be renamed
        vault.create_secret(store_secret.value, null, 'A secret of an Assay environment.'),
        store_secret.environment_id,
        store_secret.allowed_hosts,
        (select auth.uid())
    )
    returning secret_id;
$function$;
comment on function private.store_secret(uuid, text, text[]) is
'Put a value into Vault; its id there.';

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
        update private.secrets
        set retired_at = now()
        where secrets.secret_id = retire_secret.secret_id;
    else
        delete from private.secrets where secrets.secret_id = retire_secret.secret_id;
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
    delete from private.secrets as retired
    where
        retired.retired_at is not null
        and not exists (
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

create function private.replace_value(secret_id uuid, value text, allowed_hosts text[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_secret private.secrets;
    v_old_value text;
begin
    select secrets.*
    into v_secret
    from private.secrets
    where secrets.secret_id = replace_value.secret_id
    for update;
    select opened.decrypted_secret
    into v_old_value
    from vault.decrypted_secrets as opened
    where opened.id = v_secret.secret_id;

    if v_old_value <> replace_value.value then
        perform vault.update_secret(v_secret.secret_id, replace_value.value);
        -- a request under way still carries the old one, and its answer must be redacted
        perform private.retire_secret(
            private.store_secret(v_secret.environment_id, v_old_value, '{}'),
            v_secret.environment_id
        );
    end if;
    update private.secrets
    set
        allowed_hosts = coalesce(replace_value.allowed_hosts, secrets.allowed_hosts),
        changed_at = now(),
        changed_by = (select auth.uid())
    where secrets.secret_id = v_secret.secret_id;
    perform private.record_secret(
        v_secret.secret_id, 'set_secret', v_secret.allowed_hosts,
        coalesce(replace_value.allowed_hosts, v_secret.allowed_hosts)
    );
    -- the variable tells when it was last set
    update public.environment_variables as variables
    set updated_at = now()
    where variables.secret_id = v_secret.secret_id;
end;
$function$;
comment on function private.replace_value(uuid, text, text[]) is
'Give a secret another value, and other hosts unless they are null.';
