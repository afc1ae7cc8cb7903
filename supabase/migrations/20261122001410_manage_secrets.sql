-- Secrets as their managers see them: set, rotated, deleted, listed, and where they may go.
-- Depends on: store_secrets. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

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
            message = private.one_line(
                format(
                    'there is no environment %s that you manage',
                    authorize_environment_change.environment_id
                )
            ),
            detail = 'unknown_environment',
            hint = 'Owners and admins of its organization manage an environment''s secrets.';
    end if;
    return v_environment;
end;
$function$;
comment on function private.authorize_environment_change(uuid) is
'The environment, if the caller manages it. Errors: PT404 unknown_environment.';

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
            message = private.one_line(
                format('the environment has no secret "%s"', find_secret.name)
            ),
            detail = 'unknown_secret',
            hint = 'set_secret makes one; list_secrets tells which there are.';
    end if;
    return v_variable;
end;
$function$;
comment on function private.find_secret(uuid, text) is
'The variable that holds a secret, locked. Errors: PT404 unknown_secret.';

create function private.set_secret(
    environment_id uuid, name text, value text, allowed_hosts text[]
)
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
    v_hosts text[];
    v_old_secret_id uuid;
    v_secret_id uuid;
begin
    perform private.refuse_weak_secret(set_secret.value);
    if set_secret.allowed_hosts is not null then
        v_hosts := private.host_patterns(set_secret.allowed_hosts);
    end if;

    select variables.secret_id
    into v_old_secret_id
    from public.environment_variables as variables
    where variables.environment_id = v_environment.id and variables.name = set_secret.name
    for update;

    if v_old_secret_id is not null then
        perform private.replace_value(v_old_secret_id, set_secret.value, v_hosts);
        return;
    end if;

    insert into public.environment_variables (environment_id, project_id, name, secret_id)
    values (
        v_environment.id,
        v_environment.project_id,
        set_secret.name,
        private.store_secret(
            v_environment.id, set_secret.value,
            coalesce(v_hosts, private.default_hosts(v_environment.base_url))
        )
    )
    on conflict on constraint environment_variables_name_key do update
    set value = null, secret_id = excluded.secret_id
    returning secret_id into v_secret_id;
    if v_hosts is not null then
        perform private.record_secret(v_secret_id, 'set_secret_hosts', null, v_hosts);
    end if;
end;
$function$;
comment on function private.set_secret(uuid, text, text, text[]) is
'Does the work of public.set_secret.';
grant execute on function private.set_secret(uuid, text, text, text[])
to authenticated, service_role;

create function public.set_secret(
    environment_id uuid, name text, value text, allowed_hosts text[] default null
)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.set_secret(environment_id, name, value, allowed_hosts);
$function$;
comment on function public.set_secret(uuid, text, text, text[]) is
$comment$Give an environment a secret, or change it. Tests refer to it as {{name}}.

value: 8 characters or more, not a number; kept in Vault, never shown again, redacted in all that is
stored. allowed_hosts: where requests may carry it to, as in set_secret_hosts; null: the host that
the environment's base_url has now, or, of a secret that is there, what it has. A plain variable of
the same name becomes the secret. Runs under way use the new value. For owners and admins.
Errors: PT400 weak_secret, malformed_hosts; PT404 unknown_environment.$comment$;
grant execute on function public.set_secret(uuid, text, text, text[])
to authenticated, service_role;

create function private.set_secret_hosts(environment_id uuid, name text, allowed_hosts text[])
returns void
language plpgsql
volatile
parallel unsafe
security definer -- as set_secret
set search_path = ''
as $function$
declare
    v_environment public.environments := private.authorize_environment_change(
        set_secret_hosts.environment_id
    );
    v_hosts text[] := coalesce(
        private.host_patterns(set_secret_hosts.allowed_hosts),
        private.default_hosts(v_environment.base_url)
    );
    v_variable public.environment_variables := private.find_secret(
        v_environment.id, set_secret_hosts.name
    );
    v_old_hosts text[] := (
        select secrets.allowed_hosts
        from private.secrets
        where secrets.secret_id = v_variable.secret_id
        for update
    );
begin
    perform private.record_secret(
        v_variable.secret_id, 'set_secret_hosts', v_old_hosts, v_hosts
    );
    update private.secrets
    set allowed_hosts = v_hosts, changed_at = now(), changed_by = (select auth.uid())
    where secrets.secret_id = v_variable.secret_id;
end;
$function$;
comment on function private.set_secret_hosts(uuid, text, text[]) is
'Does the work of public.set_secret_hosts.';
grant execute on function private.set_secret_hosts(uuid, text, text[])
to authenticated, service_role;

create function public.set_secret_hosts(environment_id uuid, name text, allowed_hosts text[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.set_secret_hosts(environment_id, name, allowed_hosts);
$function$;
comment on function public.set_secret_hosts(uuid, text, text[]) is
$comment$Say where requests may carry a secret to. A request to anywhere else is not sent.

allowed_hosts: up to 100 of host, host:port and *.domain (every name below it); without a port, the
ports 80 and 443. Empty: nowhere. null: the host that the environment's base_url has now. Holds from
the next request on, also in runs under way. For owners and admins.
Errors: PT400 malformed_hosts; PT404 unknown_environment, unknown_secret.$comment$;
grant execute on function public.set_secret_hosts(uuid, text, text[])
to authenticated, service_role;

create function private.list_secrets(environment_id uuid)
returns table (
    name text,
    allowed_hosts text[],
    changed_at timestamptz,
    changed_by uuid,
    last_used_at timestamptz
)
language plpgsql
stable
parallel safe
security definer -- what is known of secrets is closed to clients
set search_path = ''
as $function$
begin
    if not exists (
        select
        from public.environments
        where
            environments.id = list_secrets.environment_id
            and (
                (select private.is_operator())
                or environments.project_id = any(array(select private.my_project_ids()))
            )
    ) then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no environment %s', list_secrets.environment_id)
            ),
            detail = 'unknown_environment',
            hint = 'Give the id of an environment of one of your projects.';
    end if;
    return query
    select
        variables.name,
        secrets.allowed_hosts,
        secrets.changed_at,
        secrets.changed_by,
        secrets.last_used_at
    from public.environment_variables as variables
    inner join private.secrets on secrets.secret_id = variables.secret_id
    where variables.environment_id = list_secrets.environment_id
    order by variables.name;
end;
$function$;
comment on function private.list_secrets(uuid) is 'Does the work of public.list_secrets.';
grant execute on function private.list_secrets(uuid) to authenticated, service_role;

create function public.list_secrets(environment_id uuid)
returns table (
    name text,
    allowed_hosts text[],
    changed_at timestamptz,
    changed_by uuid,
    last_used_at timestamptz
)
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select * from private.list_secrets(environment_id);
$function$;
comment on function public.list_secrets(uuid) is
$comment$The secrets of an environment, by name; never a value.

allowed_hosts: where requests may carry it to. changed_at, changed_by: when its value or its hosts
were last set, and by which user; null = by a key. last_used_at: when a request that carries it was
last handed out, to the minute; null = never since the value came. For every member.
Errors: PT404 unknown_environment.$comment$;
grant execute on function public.list_secrets(uuid) to authenticated, service_role;

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
    select private.store_secret(v_environment.id, rotate_secret.value, secrets.allowed_hosts)
    into v_new_secret_id
    from private.secrets
    where secrets.secret_id = v_variable.secret_id;
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

value: as in set_secret; it may go where the old one could. The old value is redacted as long as it
is used and leaves Vault when the runs that were queued before are over. If it is no longer valid,
use set_secret, which reaches runs under way. Errors: PT400 weak_secret; PT404 unknown_environment, unknown_secret.$comment$;
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
