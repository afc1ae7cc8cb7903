-- The database, its schemas public and extensions, what new objects in them grant by default, and
-- the empty publication that Realtime reads.
do $block$
begin
    -- The owner of the database is pg_database_owner, and so owns public.
    execute pg_catalog.format(
        'alter database %I owner to postgres', pg_catalog.current_database()
    );
end;
$block$;

grant usage on schema public to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public
grant all on functions to postgres, anon, authenticated, service_role;

-- The stricter of the two states a project may be in: `[api] auto_expose_new_tables = false`. The
-- platform makes it with exactly these three statements, so anon and the others keep what they do
-- not name (truncate, references, trigger, maintain; update on sequences).
alter default privileges for role postgres in schema public
revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
revoke execute on functions from anon, authenticated, service_role;

create schema extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;
grant usage, create on schema extensions to dashboard_user;
alter default privileges for role supabase_admin in schema extensions
grant all on tables to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions
grant all on sequences to postgres with grant option;
alter default privileges for role supabase_admin in schema extensions
grant all on functions to postgres with grant option;

create extension if not exists pgcrypto with schema extensions;
do $block$
begin
    -- A system PostgreSQL may come without it; nothing but a look at statistics depends on it.
    if exists (select from pg_catalog.pg_available_extensions where name = 'pg_stat_statements')
    then
        create extension if not exists pg_stat_statements with schema extensions;
    end if;
end;
$block$;

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
