-- The context of a run: values are added while there is room, and dropped when no test needs them.
-- Depends on: queue, secrets, live updates. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Whoever calls these holds the lock of every run concerned (private.live_runs).

create type private.captured as (
    item_id bigint,
    run_id uuid,
    project_id uuid,
    test_case_id uuid,
    row_key text,
    row_index integer,
    name text,
    kind text,
    value jsonb,
    size_bytes integer,
    address text
);
comment on type private.captured is
$comment$A value on its way into the context of its run; address: where it was captured
(private.address_of), null if a client set it.$comment$;

create function private.find_oversized(captures private.captured[])
returns bigint[]
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_rooms jsonb; -- bytes left, by run, of the runs that cannot take everything
    v_room bigint;
    v_oversized bigint[] := array[]::bigint[];
    v_item record;
begin
    select jsonb_object_agg(rooms.run_id, rooms.room)
    into v_rooms
    from (
        select
            contexts.run_id,
            environments.context_max_bytes
            - (contexts.size_bytes - contexts.row_size_bytes) as room,
            sum(added.size_bytes) as added_bytes
        from unnest(captures) as added
        inner join public.test_execution_context as contexts on contexts.run_id = added.run_id
        inner join public.test_runs as runs on runs.id = added.run_id
        inner join public.environments on environments.id = runs.environment_id
        where added.row_key = ''
        group by contexts.run_id, contexts.project_id, environments.id
    ) as rooms
    where rooms.added_bytes > rooms.room;
    if v_rooms is null then
        return v_oversized;
    end if;

    -- one by one: what is refused takes no room from the next
    for v_item in
        select
            added.item_id,
            added.run_id::text as run_id,
            sum(added.size_bytes) as size_bytes
        from unnest(captures) as added
        where added.row_key = '' and v_rooms ? added.run_id::text
        group by added.item_id, added.run_id
        order by added.item_id
    loop
        v_room := (v_rooms ->> v_item.run_id)::bigint;
        if v_item.size_bytes > v_room then
            v_oversized := v_oversized || v_item.item_id;
        else
            v_rooms := v_rooms
                || jsonb_build_object(v_item.run_id, v_room - v_item.size_bytes);
        end if;
    end loop;
    return v_oversized;
end;
$function$;
comment on function private.find_oversized(private.captured[]) is
$comment$Items whose captures the contexts of their runs have no room for.

Limit: environments.context_max_bytes, for values that belong to no fixture row.$comment$;

create function private.hosts_of_tokens(captures private.captured[])
returns table (place bigint, allowed_hosts text[])
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with tokens as materialized (
        select
            found.ordinal as place,
            found.run_id,
            found.value::text as value,
            found.address,
            snapshots.document ->> 'base_url' as base_url
        from unnest(captures) with ordinality as found (
            item_id, run_id, project_id, test_case_id, row_key, row_index, name, kind, value,
            size_bytes, address, ordinal
        )
        inner join public.test_runs as runs on runs.id = found.run_id
        inner join private.snapshots on snapshots.id = runs.environment_snapshot_id
        where found.kind = 'token'
    ),

    secrets as materialized (
        select
            opened.run_id,
            to_jsonb(opened.allowed_hosts) as allowed_hosts,
            private.secret_forms(opened.secret) as forms
        from private.environment_secrets(array(select distinct tokens.run_id from tokens)) as opened
    )

    select
        tokens.place,
        coalesce(
            (
                select private.common_hosts(jsonb_agg(secrets.allowed_hosts))
                from secrets
                where
                    secrets.run_id = tokens.run_id
                    and private.holds_secret(tokens.value, secrets.forms)
            ),
            array(
                select distinct private.without_port(addresses.address)
                from unnest(
                    array[tokens.address, private.address_of(tokens.base_url)]
                ) as addresses (address)
                where addresses.address is not null
            )
        )
    from tokens;
$function$;
comment on function private.hosts_of_tokens(private.captured[]) is
$comment$Where each token among values may go, by its place among them, from 1.

One that holds secrets of the environment: where they may. Any other: to the host that the run is
about, and back to the one that gave it.$comment$;

create function private.store_values(captures private.captured[])
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with keys as materialized (
        select
            case
                when exists (select from unnest(captures) as found where found.kind = 'token')
                    then private.data_key()
            end as data_key
    ),

    hosts as materialized (
        select tokens.*
        from keys
        cross join lateral private.hosts_of_tokens(captures) as tokens
        where keys.data_key is not null
    ),

    stored as (
        insert into public.test_context_values (
            run_id, project_id, name, kind, test_case_id, row_key, row_index, value,
            encrypted_value, allowed_hosts, size_bytes
        )
        select
            found.run_id,
            found.project_id,
            found.name,
            found.kind,
            found.test_case_id,
            found.row_key,
            found.row_index,
            case found.kind when 'variable' then found.value end,
            case found.kind when 'token' then private.encrypt_value(found.value, keys.data_key) end,
            hosts.allowed_hosts,
            found.size_bytes
        from unnest(captures) with ordinality as found (
            item_id, run_id, project_id, test_case_id, row_key, row_index, name, kind, value,
            size_bytes, address, ordinal
        )
        cross join keys
        left join hosts on hosts.place = found.ordinal
        order by found.ordinal
    ),

    counted as (
        update public.test_execution_context as contexts
        set
            value_count = contexts.value_count + added.value_count,
            size_bytes = contexts.size_bytes + added.size_bytes,
            row_size_bytes = contexts.row_size_bytes + added.row_size_bytes,
            updated_at = now(),
            expires_at = private.context_expiry(runs.environment_id)
        from (
            select
                found.run_id,
                count(*) as value_count,
                sum(found.size_bytes) as size_bytes,
                coalesce(sum(found.size_bytes) filter (where found.row_key <> ''), 0)
                as row_size_bytes
            from unnest(captures) as found
            group by found.run_id
        ) as added
        inner join public.test_runs as runs on runs.id = added.run_id
        where contexts.run_id = added.run_id
        returning contexts.run_id
    )

    select coalesce(array_agg(counted.run_id), '{}') from counted;
$function$;
comment on function private.store_values(private.captured[]) is
'Add values to the contexts of their runs, tokens encrypted; the runs.';

create function private.announce_contexts(run_ids uuid[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.announce(
        'run:' || contexts.run_id, 'context_updated',
        jsonb_build_object(
            'run', contexts.run_id,
            'value_count', contexts.value_count,
            'size_bytes', contexts.size_bytes
        )
    )
    from public.test_execution_context as contexts
    where contexts.run_id = any(run_ids);
$function$;
comment on function private.announce_contexts(uuid[]) is
'Tell who watches these runs that their values changed: one message a run.';

create function private.drop_row_values(item_ids bigint[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    -- what these items captured, and what they used: of rows, since these two grow with fixtures
    with touched as materialized (
        select
            items.run_id,
            items.test_case_id,
            items.row_key
        from private.work_items as items
        where items.id = any(item_ids) and items.row_key <> ''
        union
        select
            items.run_id,
            (used.binding ->> 'test')::uuid,
            case used.binding ->> 'rows' when 'same' then items.row_key end
        from private.work_items as items
        cross join lateral jsonb_each(items.bindings) as used (name, binding)
        where items.id = any(item_ids) and used.binding ->> 'rows' <> 'one'
    ),

    needed as materialized (
        select distinct
            items.run_id,
            (used.binding ->> 'test')::uuid as test_case_id,
            used.name,
            case used.binding ->> 'rows' when 'same' then items.row_key end as row_key
        from private.work_items as items
        cross join lateral jsonb_each(items.bindings) as used (name, binding)
        where
            items.run_id in (select touched.run_id from touched)
            and items.id not in (select over.item_id from unnest(item_ids) as over (item_id))
            and used.binding ->> 'rows' <> 'one'
    ),

    dropped as (
        delete from public.test_context_values as held
        using touched
        where
            held.run_id = touched.run_id
            and held.test_case_id = touched.test_case_id
            and held.row_key <> ''
            and (touched.row_key is null or held.row_key = touched.row_key)
            and not exists (
                select
                from needed
                where
                    needed.run_id = held.run_id
                    and needed.test_case_id = held.test_case_id
                    and needed.name = held.name
                    and (needed.row_key is null or needed.row_key = held.row_key)
            )
        returning held.run_id, held.size_bytes
    )

    update public.test_execution_context as contexts
    set
        value_count = contexts.value_count - counted.value_count,
        size_bytes = contexts.size_bytes - counted.size_bytes,
        row_size_bytes = contexts.row_size_bytes - counted.size_bytes,
        updated_at = now()
    from (
        select
            dropped.run_id,
            count(*) as value_count,
            sum(dropped.size_bytes) as size_bytes
        from dropped
        group by dropped.run_id
    ) as counted
    where contexts.run_id = counted.run_id;
$function$;
comment on function private.drop_row_values(bigint[]) is
$comment$Drop values of fixture rows that these items captured or used and no other live item may
use.

The caller is about to delete the items.$comment$;
