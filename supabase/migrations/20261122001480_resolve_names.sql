-- What the names that an item uses stand for, and which of them are secrets.
-- Depends on: queue, secrets. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.captured_value(
    run_id uuid, name text, binding jsonb, row_key text, last_value_id bigint, data_key text
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with latest as (
        -- values are only ever added: the newest of each row, as of the first rendering
        select distinct on (captured.row_index)
            captured.row_index,
            coalesce(
                captured.value,
                private.decrypt_value(captured.encrypted_value, captured_value.data_key)
            ) as value
        from public.test_context_values as captured
        where
            captured.run_id = captured_value.run_id
            and captured.name = captured_value.name
            and captured.test_case_id is not distinct from (binding ->> 'test')::uuid
            and (
                binding ->> 'rows' is distinct from 'same'
                or captured.row_key = captured_value.row_key
            )
            and (
                captured_value.last_value_id is null
                or captured.id <= captured_value.last_value_id
            )
        order by captured.row_index, captured.id desc
    )

    select case
        when binding ->> 'rows' = 'all' then jsonb_agg(latest.value order by latest.row_index)
        else (array_agg(latest.value))[1]
    end
    from latest;
$function$;
comment on function private.captured_value(uuid, text, jsonb, text, bigint, text) is
$comment$What upstream captured under a name, or, with a null binding, what a client set;
null if nothing.

binding: {"test": uuid, "rows": "one" | "same" | "all"}; all gives an array in row order.
last_value_id: what came later is not seen; null = all is.$comment$;

create function private.resolve_names(item_ids bigint[])
returns table (item_id bigint, variables jsonb, carried jsonb, secret_ids uuid[])
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with used as materialized (
        select
            items.id,
            items.run_id,
            items.row_key,
            items.last_value_id,
            items.bindings -> names.name as binding,
            names.name,
            definitions.document -> 'variables' as suite_variables,
            fixture_rows.document as fixture_values,
            environments.document as environment,
            runs.variables as overrides
        from private.work_items as items
        inner join private.definitions on definitions.id = items.definition_id
        inner join public.test_runs as runs on runs.id = items.run_id
        inner join private.snapshots as environments
            on environments.id = runs.environment_snapshot_id
        left join private.snapshots as fixture_rows on fixture_rows.id = items.fixture_snapshot_id
        cross join lateral unnest(definitions.uses) as names (name)
        where items.id = any(resolve_names.item_ids)
    ),

    opened as materialized (
        select
            entries.id,
            entries.decrypted_secret as secret,
            secrets.allowed_hosts
        from vault.decrypted_secrets as entries
        inner join private.secrets on secrets.secret_id = entries.id
        where entries.id in (
            select (used.environment #>> array['secrets', used.name])::uuid from used
        )
    ),

    tokens as materialized (
        select
            captured.run_id,
            captured.name,
            captured.test_case_id,
            to_jsonb(captured.allowed_hosts) as allowed_hosts
        from public.test_context_values as captured
        where
            captured.run_id in (select used.run_id from used)
            and captured.name in (select used.name from used)
            and captured.kind = 'token'
    ),

    -- opened once, and only when there is something to open
    keys as materialized (
        select case when exists (select from tokens) then private.data_key() end as data_key
    ),

    given as (
        select
            used.*,
            keys.data_key,
            coalesce(used.overrides -> used.name, used.fixture_values -> used.name) as value
        from used
        cross join keys
    ),

    -- materialized: inlined, it would be looked for as often as it is referred to
    captured as materialized (
        select
            given.*,
            case
                when given.value is null then coalesce(
                    case
                        when given.binding is not null then private.captured_value(
                            given.run_id, given.name, given.binding, given.row_key,
                            given.last_value_id, given.data_key
                        )
                    end,
                    private.captured_value(
                        given.run_id, given.name, null, given.row_key, given.last_value_id,
                        given.data_key
                    )
                )
            end as captured_value
        from given
    ),

    plain as (
        select
            captured.*,
            coalesce(
                captured.value,
                captured.captured_value,
                captured.suite_variables -> captured.name,
                captured.environment -> 'variables' -> captured.name
            ) as known_value
        from captured
    ),

    resolved as (
        select
            plain.id,
            plain.name,
            coalesce(
                plain.known_value,
                to_jsonb(opened.secret),
                plain.environment -> 'project_variables' -> plain.name
            ) as value,
            case
                -- of several rows, or a client and a test, where all of them may go
                when plain.captured_value is not null then (
                    select to_jsonb(private.common_hosts(jsonb_agg(tokens.allowed_hosts)))
                    from tokens
                    where
                        tokens.run_id = plain.run_id
                        and tokens.name = plain.name
                        and (
                            tokens.test_case_id = (plain.binding ->> 'test')::uuid
                            or tokens.test_case_id is null
                        )
                )
                when plain.known_value is null then to_jsonb(opened.allowed_hosts)
            end as allowed_hosts,
            case when plain.known_value is null then opened.id end as secret_id
        from plain
        left join opened
            on opened.id = (plain.environment #>> array['secrets', plain.name])::uuid
    )

    select
        resolved.id,
        coalesce(
            jsonb_object_agg(resolved.name, resolved.value)
            filter (where resolved.value is not null),
            '{}'
        ),
        jsonb_object_agg(resolved.name, resolved.allowed_hosts)
        filter (where resolved.allowed_hosts is not null),
        array_agg(resolved.secret_id) filter (where resolved.secret_id is not null)
    from resolved
    group by resolved.id;
$function$;
comment on function private.resolve_names(bigint[]) is
$comment$What the names that each item uses stand for, as of its first rendering.

Precedence: run override, fixture row, captured upstream, set by a client, suite, environment (its
secrets included), project. A name without a value is missing from variables. carried: those that
are secrets or tokens, and where these may go: {name: allowed_hosts}; null = none. secret_ids: the
secrets among them. Items that use no name have no row.$comment$;
