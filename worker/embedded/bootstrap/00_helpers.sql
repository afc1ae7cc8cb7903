-- Helpers of this session only: what the later files share. They vanish with the connection.
set client_min_messages = warning;
set search_path = '';
-- Two bootstraps of one cluster would trip over each other's roles; the second one waits here.
lock table pg_catalog.pg_authid in share row exclusive mode;

-- Makes `create extension if not exists <name>` a no-op, as it is where the platform has installed
-- the extension already. A row in the catalog rather than files in the server's share folder:
-- that folder may be read-only, and is shared with every other user of the same binaries.
create function pg_temp.register_extension(name text, version text, namespace text)
returns void
language plpgsql
as $function$
begin
    if exists (select from pg_catalog.pg_extension where extname = register_extension.name) then
        return;
    end if;
    insert into pg_catalog.pg_extension (
        oid, extname, extowner, extnamespace, extrelocatable, extversion
    )
    values (
        pg_catalog.pg_nextoid(
            'pg_catalog.pg_extension', 'oid', 'pg_catalog.pg_extension_oid_index'
        ),
        register_extension.name,
        'supabase_admin'::pg_catalog.regrole,
        register_extension.namespace::pg_catalog.regnamespace,
        false,
        register_extension.version
    );
end;
$function$;
