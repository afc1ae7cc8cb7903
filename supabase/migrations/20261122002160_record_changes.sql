-- Recording changes: one trigger function for every table of configuration.
-- Depends on: audit, secrets. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.row_change as (
    organization_id uuid,
    project_id uuid,
    row_id uuid,
    before jsonb,
    after jsonb
);
comment on type private.row_change is
'A row that changed: its tenant as far as it says, its identity, and what of it changed.';

create function private.find_differences(shape text[], before jsonb[], after jsonb[])
returns setof private.row_change
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- the digest of an invitation's token is for nobody to read
    v_untold text[] := array['updated_at', 'token_digest'];
    -- these have columns of their own in the audit trail
    v_told text[] := array['created_at', 'organization_id', 'project_id', shape[0]];
begin
    return query
    select
        (sources.document ->> 'organization_id')::uuid,
        (sources.document ->> 'project_id')::uuid,
        (sources.document ->> shape[0])::uuid,
        case
            when sources.is_update then differences.before
            else pairs.before - v_told - v_untold
        end,
        case
            when sources.is_update then differences.after
            else pairs.after - v_told - v_untold
        end
    from unnest(before, after) with ordinality as pairs (before, after, ordinal)
    cross join lateral (
        select
            coalesce(pairs.after, pairs.before) as document,
            num_nonnulls(pairs.before, pairs.after) = 2 as is_update
    ) as sources
    left join lateral (
        select
            jsonb_object_agg(columns.key, columns.value) as before,
            jsonb_object_agg(columns.key, pairs.after -> columns.key) as after,
            bool_or(columns.value <> pairs.after -> columns.key) as is_changed
        from jsonb_each(pairs.before) as columns
        where
            columns.key <> all(v_untold)
            and (
                columns.value <> pairs.after -> columns.key
                or (columns.key = any(shape) and columns.key <> all(v_told))
            )
    ) as differences on sources.is_update
    where differences.is_changed or not sources.is_update
    order by pairs.ordinal;
end;
$function$;
comment on function private.find_differences(text[], jsonb[], jsonb[]) is
$comment$What changed between rows before and after, in pairs; nothing for a pair that is equal but
for updated_at.

shape: names of columns, from index 0: that of row_id, then those that are told of every update.
before, after: whole rows; null before an insert, after a delete.$comment$;

create function private.mask_sign_in(document jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if jsonb_typeof(document -> 'auth') is distinct from 'object' then
        return document;
    end if;
    return jsonb_set(
        document, '{auth}',
        (document -> 'auth') || coalesce(
            (
                select jsonb_object_agg(members.key, '[redacted]'::text)
                from jsonb_each_text(document -> 'auth') as members
                where
                    members.key in ('token', 'password', 'value', 'secret')
                    and strpos(members.value, '{{') = 0
            ), '{}'
        )
    );
end;
$function$;
comment on function private.mask_sign_in(jsonb) is
$comment$A row for the audit trail without what its auth holds literally where a secret belongs.
What refers to names stays.$comment$;

create function private.cut_change(document jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if document is null or pg_column_size(document) <= 65536 then
        return document;
    end if;
    return (
        select jsonb_object_agg(
            columns.key,
            case
                when pg_column_size(columns.value) <= 2048 then columns.value
                else jsonb_build_object('[cut]', jsonb_build_object(
                    'bytes', octet_length(columns.value::text),
                    'sha256', encode(sha256(convert_to(columns.value::text, 'UTF8')), 'hex')
                ))
            end
        )
        from jsonb_each(document) as columns
    );
end;
$function$;
comment on function private.cut_change(jsonb) is
$comment$A row for the audit trail in 64 KB at most: of a longer one, columns of more than 2 KB
become their length and digest.$comment$;

create function private.longest_word(secret text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select words.word
        from regexp_split_to_table(secret, '[^A-Za-z0-9]+') as words (word)
        order by length(words.word) desc
        limit 1
    );
end;
$function$;
comment on function private.longest_word(text) is
'The longest run of letters and digits in a text; empty for none.';

create function private.base64_groups(secret text)
returns setof text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        left(
            replace(encode(substr(forms.bytes, skipped.bytes + 1), 'base64'), e'\n', ''),
            (length(forms.bytes) - skipped.bytes) / 3 * 4
        )
    from (
        -- as it is, and as it stands in JSON
        select convert_to(written.form, 'UTF8') as bytes
        from (values (substr(left(to_jsonb(secret)::text, -1), 2))) as quoted (json)
        cross join lateral (
            values (secret), (quoted.json), (replace(quoted.json, '/', '\/'))
        ) as written (form)
        group by written.form
    ) as forms
    cross join generate_series(0, 2) as skipped (bytes);
end;
$function$;
comment on function private.base64_groups(text) is
$comment$What any base64 that contains a text, or the text in JSON, holds of it whatever its
neighbours, in each of the three alignments. Source: RFC 4648.$comment$;

create function private.secrets_within(changes private.row_change[])
returns text[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_secrets text[] := array(
        select opened.decrypted_secret
        from private.secrets
        inner join public.environments on environments.id = secrets.environment_id
        inner join vault.decrypted_secrets as opened on opened.id = secrets.secret_id
        where environments.project_id in (
            select rows.project_id
            from unnest(changes) as rows
            where rows.project_id is not null
            union
            select projects.id
            from unnest(changes) as rows
            inner join public.projects on projects.organization_id = rows.organization_id
            where rows.project_id is null
        )
    );
    v_text text;
    v_base64 text;
begin
    if v_secrets = '{}' then
        return null;
    end if;
    -- The forms of a secret cost more than a look: letters and digits are the same in all of them
    -- but base64, and of that whole groups of three bytes are.
    v_text := changes::text;
    v_base64 := private.replace_each(
        v_text, array['\', '', '-', '+', '_', '/', '%2B', '+', '%2b', '+', '%2F', '/', '%2f', '/']
    );
    return (
        select array_agg(forms.form order by length(forms.form) desc)
        from (
            select distinct forms.form
            from unnest(v_secrets) as known (secret)
            cross join lateral unnest(private.secret_forms(known.secret)) as forms (form)
            where
                strpos(v_text, private.longest_word(known.secret)) > 0
                or exists (
                    select
                    from private.base64_groups(known.secret) as groups (letters)
                    where strpos(v_base64, groups.letters) > 0
                )
        ) as forms
    );
end;
$function$;
comment on function private.secrets_within(private.row_change[]) is
$comment$The secrets that rows may hold, in every form, longest first; null for none.

Those of their project, or of all projects of their organization; replaced ones that runs under way
still use too.$comment$;

create function private.key_kind()
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case auth.role()
        when 'service_role' then 'secret'
        when 'authenticated' then 'signed_in'
        when 'anon' then 'publishable'
        else 'direct'
    end;
end;
$function$;
comment on function private.key_kind() is 'How the caller came, as in data_changes.key_kind.';

create function private.change_verb(table_name text, before jsonb, after jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when
            change_verb.table_name = 'environment_variables'
            and coalesce(before ->> 'secret_id', after ->> 'secret_id') is not null
            then case
                when after ->> 'secret_id' is null then 'delete_secret'
                when before ->> 'secret_id' is null then 'set_secret'
                else 'rotate_secret'
            end
        when before is null then 'insert'
        when after is null then 'delete'
        else 'update'
    end;
end;
$function$;
comment on function private.change_verb(text, jsonb, jsonb) is
'What was done, as in data_changes.verb, from what find_differences tells of a row.';

create function private.scrub_variables(changes private.row_change[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    update public.data_changes as older
    set
        before = case
            when older.before ? 'value' then older.before || '{"value": "[redacted]"}'
            else older.before
        end,
        after = case
            when older.after ? 'value' then older.after || '{"value": "[redacted]"}'
            else older.after
        end
    from unnest(changes) as variables
    where
        older.table_name = 'environment_variables'
        and older.project_id = variables.project_id
        and (
            older.row_id = variables.row_id
            or coalesce(older.after, older.before) @> jsonb_build_object(
                'environment_id', variables.after -> 'environment_id',
                'name', variables.after -> 'name'
            )
        )
        and (older.before ? 'value' or older.after ? 'value');
end;
$function$;
comment on function private.scrub_variables(private.row_change[]) is
$comment$Take the values out of what the audit trail tells of variables that became secrets, from
their first row to the latest, and of earlier variables of their names.$comment$;

create function private.keep_changes(
    table_name text, shape text[], before jsonb[], after jsonb[]
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_user_id uuid := auth.uid();
    v_key_kind text := private.key_kind();
    v_changes private.row_change[] := array(
        select row(
            case keep_changes.table_name
                when 'organizations' then changes.row_id
                else coalesce(changes.organization_id, projects.organization_id)
            end,
            case keep_changes.table_name
                when 'projects' then changes.row_id
                else changes.project_id
            end,
            changes.row_id,
            private.mask_sign_in(changes.before),
            private.mask_sign_in(changes.after)
        )::private.row_change
        from private.find_differences(shape, keep_changes.before, keep_changes.after)
        with ordinality as changes (organization_id, project_id, row_id, before, after, ordinal)
        left join public.projects on projects.id = changes.project_id
        order by changes.ordinal
    );
    v_secrets text[];
begin
    if v_changes = '{}' then
        return;
    end if;
    v_secrets := private.secrets_within(v_changes);

    insert into public.data_changes (
        organization_id, project_id, user_id, user_role, key_kind, table_name, row_id, verb,
        before, after
    )
    select
        changes.organization_id,
        changes.project_id,
        v_user_id,
        coalesce(former.role, members.role),
        v_key_kind,
        keep_changes.table_name,
        changes.row_id,
        verbs.verb,
        private.cut_change(private.redact(changes.before, v_secrets)),
        private.cut_change(private.redact(changes.after, v_secrets))
    from unnest(v_changes) with ordinality
        as changes (organization_id, project_id, row_id, before, after, ordinal)
    cross join lateral (
        select private.change_verb(keep_changes.table_name, changes.before, changes.after) as verb
    ) as verbs
    left join public.organization_members as members
        on members.organization_id = changes.organization_id and members.user_id = v_user_id
    -- who changes or gives up the own role did so under the former one
    left join (
        select
            (rows.document ->> 'organization_id')::uuid as organization_id,
            rows.document ->> 'role' as role
        from unnest(keep_changes.before) as rows (document)
        where
            keep_changes.table_name = 'organization_members'
            and rows.document ->> 'user_id' = v_user_id::text
    ) as former on former.organization_id = changes.organization_id
    order by changes.ordinal;

    if keep_changes.table_name = 'environment_variables' then
        perform private.scrub_variables(array(
            select changes
            from unnest(v_changes) as changes
            where
                private.change_verb(keep_changes.table_name, changes.before, changes.after)
                = 'set_secret'
        ));
    end if;
end;
$function$;
comment on function private.keep_changes(text, text[], jsonb[], jsonb[]) is
$comment$Write changes of rows of a table into the audit trail, as find_differences tells them.

table_name: for the record. Other parameters: as in find_differences.$comment$;

create function private.record_changes()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- nobody may write to the audit trail, and it tells secrets from other text
set search_path = ''
as $function$
declare
    v_rows refcursor;
    v_before jsonb;
    v_after jsonb;
    v_befores jsonb[] := '{}';
    v_afters jsonb[] := '{}';
    v_bytes bigint := 0;
    v_is_over boolean;
begin
    if tg_op = 'INSERT' then
        open v_rows for
        select
            null::jsonb,
            to_jsonb(changed_row)
        from new_rows as changed_row;
    elsif tg_op = 'UPDATE' then
        open v_rows for
        select
            olds.document,
            news.document
        from (
            select to_jsonb(changed_row) as document
            from old_rows as changed_row
            offset 0 -- or every mention of a document would make it anew
        ) as olds
        full join (
            select to_jsonb(changed_row) as document
            from new_rows as changed_row
            offset 0
        ) as news
            on
                olds.document ->> tg_argv[0] = news.document ->> tg_argv[0]
                and olds.document ->> tg_argv[1] = news.document ->> tg_argv[1];
    else
        -- what goes with its project or organization is told by that one row: a purge does not
        -- leave a copy of the tenant in the audit trail
        open v_rows for
        select
            olds.document,
            null::jsonb
        from (
            select to_jsonb(changed_row) as document
            from old_rows as changed_row
            offset 0
        ) as olds
        where
            case
                when olds.document ? 'project_id' then exists (
                    select
                    from public.projects
                    where projects.id = (olds.document ->> 'project_id')::uuid
                )
                when olds.document ? 'organization_id' then exists (
                    select
                    from public.organizations
                    where organizations.id = (olds.document ->> 'organization_id')::uuid
                )
                else true
            end;
    end if;

    -- in batches: a statement of any size takes bounded memory
    loop
        fetch v_rows into v_before, v_after;
        v_is_over := not found;
        if
            v_is_over and v_afters <> '{}'
            or cardinality(v_afters) = 500
            or v_bytes > 4194304
        then
            perform private.keep_changes(tg_table_name, tg_argv, v_befores, v_afters);
            v_befores := '{}';
            v_afters := '{}';
            v_bytes := 0;
        end if;
        exit when v_is_over;
        v_befores := array_append(v_befores, v_before);
        v_afters := array_append(v_afters, v_after);
        v_bytes := v_bytes
            + coalesce(pg_column_size(v_before), 0) + coalesce(pg_column_size(v_after), 0);
    end loop;
    close v_rows;
    return null;
end;
$function$;
comment on function private.record_changes() is
$comment$Write what a statement changed into the audit trail.

Trigger function, after each statement, with transition tables old_rows and new_rows.

Arguments: the column of data_changes.row_id; the column that makes the key together with it, or the
same again; then columns that tell a reader which row it is, shown with every update.$comment$;
