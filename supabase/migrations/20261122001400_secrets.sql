-- Secrets in use: opened only while work is handed out or reported, and taken out of everything
-- that is stored or broadcast.
-- Depends on: environments, queue, the platform's Vault. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- The key under which captured tokens are encrypted. It never leaves Vault but inside a function.
select
    vault.create_secret(
        encode(extensions.gen_random_bytes(32), 'hex'),
        'assay_data_key',
        'Encrypts captured tokens.'
    )
where not exists (
    select
    from vault.secrets
    where name = 'assay_data_key'
);

create function private.data_key()
returns text
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select secrets.decrypted_secret
    from vault.decrypted_secrets as secrets
    where secrets.name = 'assay_data_key';
$function$;
comment on function private.data_key() is 'The key of captured tokens.';

create function private.encrypt_value(value jsonb, data_key text)
returns bytea
language sql
volatile
parallel safe
security invoker
set search_path = ''
as $function$
    -- s2k-mode=1: the key is random already, stretching it would only cost time
    select extensions.pgp_sym_encrypt(
        value::text, data_key, 's2k-mode=1, cipher-algo=aes256, compress-algo=0'
    );
$function$;
comment on function private.encrypt_value(jsonb, text) is 'A token, encrypted. Source: RFC 4880.';

create function private.decrypt_value(value bytea, data_key text)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select extensions.pgp_sym_decrypt(value, data_key)::jsonb;
$function$;
comment on function private.decrypt_value(bytea, text) is 'A token, decrypted.';

create function private.run_secrets(run_ids uuid[])
returns table (run_id uuid, secrets text[], needles text[])
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with known as materialized (
        select
            runs.id as run_id,
            secrets.decrypted_secret as secret
        from public.test_runs as runs
        inner join private.snapshots on snapshots.id = runs.environment_snapshot_id
        cross join lateral
            jsonb_each_text(snapshots.document -> 'secrets') as entries (name, secret_id)
        inner join vault.decrypted_secrets as secrets on secrets.id = entries.secret_id::uuid
        where runs.id = any(run_secrets.run_ids)
        union
        select
            tokens.run_id,
            private.text_of(private.decrypt_value(tokens.encrypted_value, keys.data_key))
        from public.test_context_values as tokens
        cross join (select private.data_key() as data_key offset 0) as keys
        where tokens.run_id = any(run_secrets.run_ids) and tokens.kind = 'token'
    )

    select
        forms.run_id,
        -- longest first, or a secret that begins like another would leave its tail
        array_agg(forms.form order by length(forms.form) desc),
        array_agg(substr(left(to_jsonb(forms.form)::text, -1), 2))
    from (
        select distinct
            known.run_id,
            forms.form
        from known
        cross join lateral unnest(private.secret_forms(known.secret)) as forms (form)
    ) as forms
    group by forms.run_id;
$function$;
comment on function private.run_secrets(uuid[]) is
$comment$Secret values that a run can have used, in every form: its environment's, and tokens its
tests captured. needles: how each form reads inside the text of a JSON value that holds it.$comment$;

create function private.redact_text(source text, secrets text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_secret text;
begin
    foreach v_secret in array coalesce(secrets, '{}') loop
        continue when strpos(source, v_secret) = 0;
        source := case
            -- a token of digits is found as a number of its own, not within longer ones
            when v_secret ~ '^[0-9]+$' then regexp_replace(
                source, '(?<![0-9.])' || v_secret || '(?![0-9]|[.][0-9])', '[redacted]', 'g'
            )
            else replace(source, v_secret, '[redacted]')
        end;
    end loop;
    return source;
end;
$function$;
comment on function private.redact_text(text, text[]) is 'A text without the secrets.';

create function private.redact_nodes(document jsonb, secrets text[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case jsonb_typeof(document)
        when 'string' then to_jsonb(private.redact_text(document #>> '{}', secrets))
        when 'number' then
            case when document #>> '{}' = any(secrets) then '"[redacted]"' else document end
        when 'array' then (
            select coalesce(
                jsonb_agg(private.redact_nodes(entries.node, secrets) order by entries.ordinal),
                '[]'
            )
            from jsonb_array_elements(document) with ordinality as entries (node, ordinal)
        )
        when 'object' then (
            select coalesce(
                jsonb_object_agg(
                    private.redact_text(members.key, secrets),
                    private.redact_nodes(members.value, secrets)
                ),
                '{}'
            )
            from jsonb_each(document) as members
        )
        else document
    end;
end;
$function$;
comment on function private.redact_nodes(jsonb, text[]) is
'A document without the secrets, node by node: a number goes as a whole or stays as it is.';

create function private.redact(document jsonb, secrets text[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_text text;
    v_secret text;
begin
    if secrets is null or document is null then
        return document;
    end if;
    -- most documents hold none: look once, as the secret would read in JSON, before walking
    v_text := document::text;
    foreach v_secret in array secrets loop
        if strpos(v_text, substr(left(to_jsonb(v_secret)::text, -1), 2)) > 0 then
            return private.redact_nodes(document, secrets);
        end if;
    end loop;
    return document;
end;
$function$;
comment on function private.redact(jsonb, text[]) is 'A document without the secrets.';
