-- uuid-ossp, which every project has: the real one where the server brings it, else its functions
-- in SQL. Version 1 ids carry a random node (the real ones may show the machine's address).
create function pg_temp.create_uuid_functions()
returns void
language plpgsql
as $bootstrap$
begin
    create function extensions.uuid_nil() returns uuid
    language sql immutable parallel safe
    as $$ select '00000000-0000-0000-0000-000000000000'::pg_catalog.uuid $$;

    create function extensions.uuid_ns_dns() returns uuid
    language sql immutable parallel safe
    as $$ select '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid $$;

    create function extensions.uuid_ns_url() returns uuid
    language sql immutable parallel safe
    as $$ select '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid $$;

    create function extensions.uuid_ns_oid() returns uuid
    language sql immutable parallel safe
    as $$ select '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid $$;

    create function extensions.uuid_ns_x500() returns uuid
    language sql immutable parallel safe
    as $$ select '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::pg_catalog.uuid $$;

    create function extensions.uuid_generate_v4() returns uuid
    language sql volatile parallel safe
    as $$ select pg_catalog.gen_random_uuid() $$;

    -- Layout: low 32 bits, middle 16, high 12 of a count of 100 ns since 1582, then clock and node.
    create function extensions.uuid_generate_v1mc() returns uuid
    language sql volatile parallel safe
    as $$
        select (
            pg_catalog.substr(ticks.hex, 9, 8) || pg_catalog.substr(ticks.hex, 5, 4)
            || '1' || pg_catalog.substr(ticks.hex, 2, 3) || pg_catalog.right(
                pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), 16
            )
        )::pg_catalog.uuid
        from pg_catalog.lpad(pg_catalog.to_hex((
            extract(epoch from pg_catalog.clock_timestamp()) * 10000000 + 122192928000000000
        )::bigint), 16, '0') as ticks (hex)
    $$;

    create function extensions.uuid_generate_v1() returns uuid
    language sql volatile parallel safe
    as $$ select extensions.uuid_generate_v1mc() $$;

    -- The digest's first half with version and variant written over it (RFC 9562, 5.3 and 5.5).
    create function extensions.uuid_from_digest(digest bytea, version integer) returns uuid
    language sql immutable parallel safe
    as $$
        select pg_catalog.encode(pg_catalog.set_byte(
            pg_catalog.set_byte(
                pg_catalog.substr(digest, 1, 16),
                6, (pg_catalog.get_byte(digest, 6) & 15) | (version << 4)
            ),
            8, (pg_catalog.get_byte(digest, 8) & 63) | 128
        ), 'hex')::pg_catalog.uuid
    $$;

    create function extensions.uuid_generate_v3(namespace uuid, name text) returns uuid
    language sql immutable parallel safe
    as $$ select extensions.uuid_from_digest(extensions.digest(
        pg_catalog.uuid_send(namespace) || pg_catalog.convert_to(name, 'utf8'), 'md5'
    ), 3) $$;

    create function extensions.uuid_generate_v5(namespace uuid, name text) returns uuid
    language sql immutable parallel safe
    as $$ select extensions.uuid_from_digest(extensions.digest(
        pg_catalog.uuid_send(namespace) || pg_catalog.convert_to(name, 'utf8'), 'sha1'
    ), 5) $$;

    perform pg_temp.register_extension('uuid-ossp', '1.1', 'extensions');
end;
$bootstrap$;

do $block$
begin
    if exists (select from pg_catalog.pg_available_extensions where name = 'uuid-ossp') then
        create extension if not exists "uuid-ossp" with schema extensions;
    else
        perform pg_temp.create_uuid_functions();
    end if;
end;
$block$;
