-- Room: which runs could be served at all, and how much their organizations can take.
-- Depends on: limits, queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.find_open_runs(worker public.workers, most integer)
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with lives as materialized (
        select
            live_runs.*,
            max(live_runs.last_served_at) over (partition by live_runs.organization_id)
            as organization_served_at
        from private.live_runs
    ),

    busy as materialized (
        select
            items.environment_id,
            count(*) as leased_count
        from private.work_items as items
        where items.state = 'leased'
        group by items.environment_id
    ),

    used as materialized (
        select
            places.environment_id,
            places.organization_id,
            coalesce(busy.leased_count, 0) as leased_count,
            sum(busy.leased_count) over (partition by places.organization_id) as organization_count
        from (
            select distinct
                lives.environment_id,
                lives.organization_id
            from lives
        ) as places
        left join busy on busy.environment_id = places.environment_id
    ),

    open_places as materialized (
        select used.environment_id
        from used
        inner join public.environments on environments.id = used.environment_id
        left join public.organization_limits as limits
            on limits.organization_id = used.organization_id
        left join private.environment_gates as gates
            on gates.environment_id = used.environment_id
        where
            used.leased_count < environments.max_parallel
            and coalesce(used.organization_count < limits.max_parallel_tests, true)
            and coalesce(
                gates.tokens
                + environments.rate_limit_per_s
                * extract(epoch from clock_timestamp() - gates.refilled_at) >= 1,
                true
            )
    )

    select coalesce(
        array_agg(
            fair.run_id order by fair.organization_served_at, fair.last_served_at, fair.run_id
        ),
        '{}'
    )
    from (
        select
            lives.run_id,
            lives.organization_served_at,
            lives.last_served_at
        from lives
        where
            lives.paused_at is null
            and private.may_take(worker, lives.organization_id, lives.labels)
            and lives.environment_id in (select open_places.environment_id from open_places)
            and exists (
                select
                from private.work_items as items
                where
                    items.run_id = lives.run_id
                    and items.phase = lives.phase
                    and items.state = 'ready'
                    and items.available_at <= clock_timestamp()
            )
        order by lives.organization_served_at, lives.last_served_at, lives.run_id
        limit most
    ) as fair;
$function$;
comment on function private.find_open_runs(public.workers, integer) is
$comment$Runs that have something to hand out to this worker and whose environment and organization
have room, in fair order.

A look without locks, for when there are many: without it, the runs of one tenant that all wait for
room would stand before those of everybody else. private.open_gates has the last word.$comment$;

create function private.count_leased(organization_id uuid)
returns bigint
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select count(*)
        from private.work_items as items
        where
            items.state = 'leased'
            and items.environment_id in (
                select lives.environment_id
                from private.live_runs as lives
                where lives.organization_id = count_leased.organization_id
            )
    );
end;
$function$;
comment on function private.count_leased(uuid) is
'Tests of an organization that are handed out to workers.';

create function private.find_rooms(run_ids uuid[])
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_organization_ids uuid[];
begin
    -- of most organizations no limit can be reached: all their environments together hold less
    select array_agg(narrow.organization_id)
    into v_organization_ids
    from (
        select limits.organization_id
        from (
            select distinct
                lives.organization_id,
                lives.environment_id
            from private.live_runs as lives
        ) as used
        inner join public.environments on environments.id = used.environment_id
        inner join public.organization_limits as limits
            on limits.organization_id = used.organization_id
        group by limits.organization_id
        having sum(environments.max_parallel) > limits.max_parallel_tests
    ) as narrow
    where narrow.organization_id in (
        select lives.organization_id
        from private.live_runs as lives
        where lives.run_id = any(run_ids)
    );
    if v_organization_ids is null then
        return null;
    end if;

    -- before the gates, as everywhere
    perform
    from public.organization_limits as limits
    where limits.organization_id = any(v_organization_ids)
    order by limits.organization_id
    for no key update;
    return (
        select
            jsonb_object_agg(
                limits.organization_id,
                limits.max_parallel_tests - private.count_leased(limits.organization_id)
            )
        from public.organization_limits as limits
        where limits.organization_id = any(v_organization_ids)
    );
end;
$function$;
comment on function private.find_rooms(uuid[]) is
$comment$How many requests organizations of these runs can take now, {organization: count}, of those
whose environments could take more than max_parallel_tests; null if there is none.

Holds these limits until the end of the transaction.$comment$;

create function private.narrow_capacity(run_ids uuid[], capacity jsonb, rooms jsonb)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_capacity jsonb := capacity;
    v_rooms jsonb := rooms;
    v_place record;
    v_granted integer;
begin
    if rooms is null then
        return capacity;
    end if;
    -- in fair order: what is served now comes later the next time
    for v_place in
        select
            lives.environment_id,
            lives.organization_id
        from unnest(run_ids) with ordinality as fair (run_id, ordinal)
        inner join private.live_runs as lives on lives.run_id = fair.run_id
        where rooms ? lives.organization_id::text
        group by lives.environment_id, lives.organization_id
        order by min(fair.ordinal)
    loop
        v_granted := greatest(
            0,
            least(
                (v_capacity ->> v_place.environment_id::text)::integer,
                (v_rooms ->> v_place.organization_id::text)::integer
            )
        );
        v_capacity := v_capacity || jsonb_build_object(v_place.environment_id, v_granted);
        v_rooms := v_rooms || jsonb_build_object(
            v_place.organization_id,
            (v_rooms ->> v_place.organization_id::text)::integer - v_granted
        );
    end loop;
    return v_capacity;
end;
$function$;
comment on function private.narrow_capacity(uuid[], jsonb, jsonb) is
$comment$The capacity of environments, {environment: count}, with no more in an organization than it
has room for.$comment$;
