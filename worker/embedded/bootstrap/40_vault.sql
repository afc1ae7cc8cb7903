-- Vault under the name, signatures and grants of supabase_vault 0.3.1. The platform's extension is
-- C; this one is SQL over pgcrypto. The key is a file beside the cluster, never a row: a dump of
-- the database cannot open what it holds, and only the superuser's functions below read the file.
create schema vault authorization supabase_admin;
grant usage on schema vault to postgres with grant option;
grant usage on schema vault to service_role;

do $block$
begin
    -- Once per cluster: the key belongs to the server, as on the platform. COPY writes it because
    -- it is the one way a superuser's SQL can make a file; the folder is closed to other users.
    if pg_catalog.pg_stat_file('vault.key', true) is null then
        execute pg_catalog.format(
            'copy (select pg_catalog.encode(extensions.gen_random_bytes(32), ''hex'')) to %L',
            pg_catalog.current_setting('data_directory') || '/vault.key'
        );
    end if;
end;
$block$;

create function vault._derive_key(purpose text, key_id bigint, context bytea)
returns bytea
language sql
stable
strict
security definer -- only the superuser may read files of the server
set search_path = ''
as $function$
    select extensions.hmac(
        convert_to(purpose || ':' || key_id::text || ':', 'utf8') || context,
        decode(rtrim(pg_catalog.pg_read_file('vault.key'), E'\n'), 'hex'),
        'sha256'
    )
$function$;
revoke all on function vault._derive_key(text, bigint, bytea) from public;

-- The synthetic initialisation vector: authenticates all inputs. Lengths keep two different
-- splits of the same bytes apart.
create function vault._synthetic_iv(message bytea, additional bytea, nonce bytea, key bytea)
returns bytea
language sql
immutable
set search_path = ''
as $function$
    select substr(extensions.hmac(
        int4send(coalesce(length(additional), 0)) || coalesce(additional, '')
        || int4send(coalesce(length(nonce), 0)) || coalesce(nonce, '')
        || message,
        key, 'sha256'
    ), 1, 16)
$function$;
revoke all on function vault._synthetic_iv(bytea, bytea, bytea, bytea) from public;

create function vault._crypto_aead_det_encrypt(
    message bytea,
    additional bytea,
    key_id bigint,
    context bytea default 'pgsodium',
    nonce bytea default null
)
returns bytea
language plpgsql
stable
security definer -- reaches the key
set search_path = ''
as $function$
declare
    v_iv bytea := vault._synthetic_iv(
        message, additional, nonce, vault._derive_key('mac', key_id, context)
    );
begin
    return v_iv || extensions.encrypt_iv(
        message, vault._derive_key('cipher', key_id, context), v_iv, 'aes-cbc/pad:pkcs'
    );
end;
$function$;

create function vault._crypto_aead_det_decrypt(
    message bytea,
    additional bytea,
    key_id bigint,
    context bytea default 'pgsodium',
    nonce bytea default null
)
returns bytea
language plpgsql
stable
security definer -- reaches the key
set search_path = ''
as $function$
declare
    v_iv bytea := substr(message, 1, 16);
    v_plain bytea;
begin
    begin
        v_plain := extensions.decrypt_iv(
            substr(message, 17), vault._derive_key('cipher', key_id, context), v_iv,
            'aes-cbc/pad:pkcs'
        );
    exception when external_routine_invocation_exception then
        v_plain := null; -- wrong padding; told apart from a wrong tag it would be an oracle
    end;
    if v_plain is null or v_iv is distinct from vault._synthetic_iv(
        v_plain, additional, nonce, vault._derive_key('mac', key_id, context)
    ) then
        raise exception 'pgsodium_crypto_aead_det_decrypt_by_id: invalid ciphertext'
        using errcode = 'data_exception';
    end if;
    return v_plain;
end;
$function$;

create function vault._crypto_aead_det_noncegen()
returns bytea
language sql
volatile
set search_path = ''
as $function$
    select extensions.gen_random_bytes(16)
$function$;

create table vault.secrets (
    id uuid primary key default gen_random_uuid(),
    name text,
    description text not null default '',
    secret text not null,
    key_id uuid,
    nonce bytea default vault._crypto_aead_det_noncegen(),
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp
);
comment on table vault.secrets is
'Table with encrypted `secret` column for storing sensitive information on disk.';
create unique index secrets_name_idx on vault.secrets (name) where name is not null;

-- Not security_invoker on the platform either: the table is read as its owner, but the function
-- is called as the reader, who therefore needs EXECUTE on it.
create view vault.decrypted_secrets as
select
    secrets.id,
    secrets.name,
    secrets.description,
    secrets.secret,
    convert_from(
        vault._crypto_aead_det_decrypt(
            message => decode(secrets.secret, 'base64'),
            additional => convert_to(secrets.id::text, 'utf8'),
            key_id => 0,
            context => 'pgsodium'::bytea,
            nonce => secrets.nonce
        ),
        'utf8'
    ) as decrypted_secret,
    secrets.key_id,
    secrets.nonce,
    secrets.created_at,
    secrets.updated_at
from vault.secrets;

create function vault.create_secret(
    new_secret text,
    new_name text default null,
    new_description text default '',
    new_key_id uuid default null
)
returns uuid
language plpgsql
security definer
set search_path = ''
as $function$
declare
    v_id uuid := gen_random_uuid();
    v_nonce bytea := vault._crypto_aead_det_noncegen();
begin
    insert into vault.secrets (id, name, description, nonce, secret)
    values (
        v_id, new_name, new_description, v_nonce,
        encode(vault._crypto_aead_det_encrypt(
            message => convert_to(new_secret, 'utf8'),
            additional => convert_to(v_id::text, 'utf8'),
            key_id => 0,
            nonce => v_nonce
        ), 'base64')
    );
    return v_id;
end;
$function$;

create function vault.update_secret(
    secret_id uuid,
    new_secret text default null,
    new_name text default null,
    new_description text default null,
    new_key_id uuid default null
)
returns void
language plpgsql
security definer
set search_path = ''
as $function$
begin
    update vault.secrets
    set
        secret = coalesce(encode(vault._crypto_aead_det_encrypt(
            message => convert_to(new_secret, 'utf8'),
            additional => convert_to(secrets.id::text, 'utf8'),
            key_id => 0,
            nonce => secrets.nonce
        ), 'base64'), secrets.secret),
        name = coalesce(new_name, secrets.name),
        description = coalesce(new_description, secrets.description),
        updated_at = now()
    where secrets.id = secret_id;
end;
$function$;

revoke all on all functions in schema vault from public;
grant select, delete on vault.secrets, vault.decrypted_secrets to postgres with grant option;
grant execute on function
vault.create_secret(text, text, text, uuid),
vault.update_secret(uuid, text, text, text, uuid),
vault._crypto_aead_det_decrypt(bytea, bytea, bigint, bytea, bytea)
to postgres with grant option;
grant select, delete on vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function
vault.create_secret(text, text, text, uuid),
vault.update_secret(uuid, text, text, text, uuid),
vault._crypto_aead_det_decrypt(bytea, bytea, bigint, bytea, bytea)
to service_role;

select pg_temp.register_extension('supabase_vault', '0.3.1', 'vault');
