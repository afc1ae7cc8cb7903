-- The platform's roles: attributes, settings, memberships. Roles belong to the cluster, so all of
-- this may be there already. `postgres` is not a superuser; `supabase_admin` is, and owns the rest.
do $block$
declare
    v_role record;
begin
    for v_role in
        select roles.name, roles.attributes
        from (
            values
            ('anon', 'nologin inherit'),
            ('authenticated', 'nologin inherit'),
            ('service_role', 'nologin inherit bypassrls'),
            ('authenticator', 'login noinherit'),
            ('postgres', 'login inherit nosuperuser createrole createdb replication bypassrls'),
            ('supabase_admin', 'login inherit superuser createrole createdb replication bypassrls'),
            ('supabase_auth_admin', 'login noinherit'),
            ('supabase_storage_admin', 'login noinherit createrole'),
            ('supabase_realtime_admin', 'login noinherit createrole replication'),
            ('supabase_replication_admin', 'login inherit replication'),
            ('supabase_etl_admin', 'login inherit replication bypassrls'),
            ('supabase_read_only_user', 'login inherit bypassrls'),
            ('supabase_privileged_role', 'nologin inherit'),
            ('dashboard_user', 'nologin inherit createrole createdb replication'),
            ('pgbouncer', 'login inherit'),
            -- Ours, not the platform's: supautils lets postgres write policies on platform tables
            -- it does not own. Plain PostgreSQL wants the owner, so those tables belong to this
            -- role and postgres is a member of it.
            ('platform_table_owner', 'nologin inherit')
        ) as roles (name, attributes)
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = v_role.name) then
            execute pg_catalog.format('create role %I', v_role.name);
        end if;
        execute pg_catalog.format('alter role %I with %s', v_role.name, v_role.attributes);
    end loop;
end;
$block$;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
-- The backslash is stored on the platform too, so that in effect the path is public, extensions.
alter role postgres set search_path = '\$user', public, extensions;
alter role supabase_admin set search_path = '$user', public, auth, extensions;
alter role supabase_admin set log_statement = 'none';
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = 60000;
alter role supabase_auth_admin set log_statement = 'none';
alter role supabase_storage_admin set search_path = storage;
alter role supabase_storage_admin set log_statement = 'none';
alter role supabase_realtime_admin set search_path = realtime;
alter role supabase_read_only_user set default_transaction_read_only = on;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
grant supabase_privileged_role, platform_table_owner to postgres;
grant authenticator to supabase_storage_admin;
grant anon, authenticated, service_role to supabase_realtime_admin;
grant pg_read_all_data to supabase_read_only_user, supabase_etl_admin;

do $block$
declare
    v_parameter text;
begin
    -- The role came with PostgreSQL 16.
    if exists (select from pg_catalog.pg_roles where rolname = 'pg_create_subscription') then
        grant pg_create_subscription to postgres;
    end if;

    -- supautils allows postgres these settings, which plain PostgreSQL keeps for superusers.
    foreach v_parameter in array array[
        'auto_explain.log_analyze', 'auto_explain.log_min_duration',
        'auto_explain.log_nested_statements', 'log_lock_waits', 'log_min_duration_statement',
        'log_min_messages', 'log_statement', 'pg_stat_statements.track', 'pgrst.db_aggregates_enabled',
        'pgrst.db_extra_search_path', 'pgrst.db_max_rows', 'pgrst.db_plan_enabled',
        'pgrst.db_pre_request', 'pgrst.db_schemas', 'session_replication_role', 'track_functions'
    ]
    loop
        execute pg_catalog.format('grant set on parameter %s to postgres', v_parameter);
    end loop;
    grant set on parameter log_min_messages to supabase_realtime_admin;
end;
$block$;

-- From here on everything belongs to supabase_admin, whichever superuser runs this.
set session authorization supabase_admin;
