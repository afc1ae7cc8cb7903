-- An organization that has nearly used up its room is told.
-- Depends on: storage, limits, events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.tell_full_storage()
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_events private.new_event[];
begin
    with turned as (
        update private.organization_storage as storage
        set is_nearly_full = not storage.is_nearly_full
        from public.organization_limits as limits
        where
            limits.organization_id = storage.organization_id
            and case
                -- not told again for going up and down a little
                when storage.is_nearly_full
                    then storage.stored_bytes < limits.max_stored_bytes * 0.75
                else storage.stored_bytes >= limits.max_stored_bytes * 0.8
            end
        returning
            storage.organization_id,
            storage.stored_bytes,
            storage.is_nearly_full,
            limits.max_stored_bytes
    )

    select array_agg(
        row(
            turned.organization_id, null, 'storage_nearly_full', 'warning',
            format(
                '%s of %s are used; when all is used, no run is queued',
                pg_size_pretty(turned.stored_bytes), pg_size_pretty(turned.max_stored_bytes)
            ),
            null, null, null, null,
            jsonb_build_object(
                'used_bytes', turned.stored_bytes, 'allowed_bytes', turned.max_stored_bytes
            )
        )::private.new_event
    )
    into v_events
    from turned
    where turned.is_nearly_full;
    if v_events is null then
        return 0;
    end if;
    return private.raise_events(v_events);
end;
$function$;
comment on function private.tell_full_storage() is
$comment$Raise storage_nearly_full for organizations that have come to 80 % of max_stored_bytes,
once until they are below 75 % again; for how many. Called by private.fold_storage.$comment$;
