-- Tell PostgREST to read the schema again after a change of it. Last, so that the bootstrap itself
-- does not set them off. Tags and exclusions as on the platform; the notice goes out at commit.
create function extensions.pgrst_ddl_watch()
returns event_trigger
language plpgsql
set search_path = ''
as $function$
begin
    if exists (
        select from pg_catalog.pg_event_trigger_ddl_commands() as command
        where command.command_tag = any(array[
            'CREATE SCHEMA', 'ALTER SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO',
            'ALTER TABLE', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'CREATE VIEW',
            'ALTER VIEW', 'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW',
            'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE TRIGGER', 'CREATE TYPE', 'ALTER TYPE',
            'CREATE RULE', 'COMMENT'
        ])
        and command.schema_name is distinct from 'pg_temp'
    ) then
        notify pgrst, 'reload schema';
    end if;
end;
$function$;

create function extensions.pgrst_drop_watch()
returns event_trigger
language plpgsql
set search_path = ''
as $function$
begin
    if exists (
        select from pg_catalog.pg_event_trigger_dropped_objects() as object
        where object.object_type = any(array[
            'schema', 'table', 'foreign table', 'view', 'materialized view', 'function',
            'trigger', 'type', 'rule'
        ])
        and not object.is_temporary
    ) then
        notify pgrst, 'reload schema';
    end if;
end;
$function$;

create event trigger pgrst_ddl_watch on ddl_command_end
execute function extensions.pgrst_ddl_watch();
create event trigger pgrst_drop_watch on sql_drop
execute function extensions.pgrst_drop_watch();
