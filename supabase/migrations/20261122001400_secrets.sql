-- Secrets in use: opened only while work is handed out or reported, and taken out of everything
-- that is stored or broadcast.
-- Depends on: secret_hosts, queue, the platform's Vault. Locks: none, all objects are new.
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

create function private.environment_secrets(run_ids uuid[])
returns table (run_id uuid, secret_id uuid, secret text, allowed_hosts text[])
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with used as materialized (
        select
            runs.id as run_id,
            entries.secret_id::uuid as secret_id
        from public.test_runs as runs
        inner join private.snapshots on snapshots.id = runs.environment_snapshot_id
        cross join lateral
            jsonb_each_text(snapshots.document -> 'secrets') as entries (name, secret_id)
        where runs.id = any(environment_secrets.run_ids)
        union
        -- a request under way may still carry what was replaced
        select
            runs.id,
            retired.secret_id
        from public.test_runs as runs
        inner join private.secrets as retired
            on retired.environment_id = runs.environment_id and retired.retired_at is not null
        where runs.id = any(environment_secrets.run_ids)
    )

    select
        used.run_id,
        used.secret_id,
        opened.decrypted_secret,
        secrets.allowed_hosts
    from used
    inner join private.secrets on secrets.secret_id = used.secret_id
    inner join vault.decrypted_secrets as opened on opened.id = used.secret_id;
$function$;
comment on function private.environment_secrets(uuid[]) is
'Secrets of the environments of runs, opened: those the runs know, and those that were replaced.';

create function private.run_secrets(run_ids uuid[])
returns table (run_id uuid, secrets text[], needles text[], guarded text[])
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with known as materialized (
        select
            opened.run_id,
            opened.secret,
            true as is_guarded
        from private.environment_secrets(run_secrets.run_ids) as opened
        union
        select
            tokens.run_id,
            private.text_of(private.decrypt_value(tokens.encrypted_value, keys.data_key)),
            tokens.test_case_id is null
        from public.test_context_values as tokens
        cross join (select private.data_key() as data_key offset 0) as keys
        where tokens.run_id = any(run_secrets.run_ids) and tokens.kind = 'token'
    )

    select
        forms.run_id,
        -- longest first, or a secret that begins like another would leave its tail
        array_agg(forms.form order by length(forms.form) desc, forms.form),
        array_agg(substr(left(to_jsonb(forms.form)::text, -1), 2)),
        array_agg(forms.form order by length(forms.form) desc, forms.form)
        filter (where forms.is_guarded)
    from (
        select
            known.run_id,
            forms.form,
            bool_or(known.is_guarded) as is_guarded
        from known
        cross join lateral unnest(private.secret_forms(known.secret)) as forms (form)
        group by known.run_id, forms.form
    ) as forms
    group by forms.run_id;
$function$;
comment on function private.run_secrets(uuid[]) is
$comment$Secret values that a run can have used, in every form: its environment's, and tokens its
tests captured. needles: how each form reads inside the text of a JSON value that holds it. guarded:
those of them that no test of the run made known, so that its author need not know them: the
environment's, and tokens that a client set.$comment$;

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

create function private.redact_cut(source text, secrets text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- base64 that was cut ends in padding, and before it in a character of which half is missing
    v_text text := regexp_replace(source, '.=+$', '');
    v_tail text := right(
        v_text, (select max(length(forms.form)) from unnest(secrets) as forms (form))
    );
    v_secret text;
    v_longest integer := 3; -- less than 4 characters give nothing away
begin
    foreach v_secret in array coalesce(secrets, '{}') loop
        for v_length in reverse length(v_secret) - 1 .. v_longest + 1 loop
            if right(v_tail, v_length) = left(v_secret, v_length) then
                v_longest := v_length;
                exit;
            end if;
        end loop;
    end loop;
    return case
        when v_longest > 3 then left(v_text, -v_longest) || '[redacted]'
        else source
    end;
end;
$function$;
comment on function private.redact_cut(text, text[]) is
$comment$A text that was cut, without the beginning of a secret at its end, if that has 4 characters
or more: what is left of it no search for the whole would find.$comment$;

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

create function private.mark_secrets(document jsonb, secrets text[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    for v_index in 1 .. coalesce(cardinality(secrets), 0) loop
        -- it could be part of a number
        continue when secrets[v_index] ~ '^[0-9.eE+-]+$';
        document := replace(
            document::text, substr(left(to_jsonb(secrets[v_index])::text, -1), 2),
            '[secret ' || v_index || ']'
        )::jsonb;
    end loop;
    return document;
end;
$function$;
comment on function private.mark_secrets(jsonb, text[]) is
$comment$A document with each form of a secret replaced by a name of its own: what can be asked of
it tells nothing about the secret but whether, and where, it is there.$comment$;
