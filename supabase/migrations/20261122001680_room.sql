-- Room: how much environments and organizations can take, and which runs come next.
-- Depends on: limits, queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

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

create type private.room as (
    environment_id uuid,
    organization_id uuid,
    free integer,
    organization_free integer,
    tokens numeric,
    wait_ms integer
);
comment on type private.room is
$comment$What an environment with live runs can take now. free: requests, by max_parallel and rate
limit; organization_free: by what all environments of its organization hold. tokens: what the rate
limit would allow at once; null without one. wait_ms: if it can take nothing, when to look again.$comment$;

create function private.find_rooms(organization_ids uuid[])
returns setof private.room
language plpgsql
volatile -- looks at what was committed just now
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_environment_ids uuid[] := array(
        select distinct lives.environment_id
        from private.live_runs as lives
        where organization_ids = '{}' or lives.organization_id = any(organization_ids)
    );
begin
    return query
    with leased as (
        select
            items.environment_id,
            count(*) as count
        from private.work_items as items
        where items.state = 'leased' and items.environment_id = any(v_environment_ids)
        group by items.environment_id
    ),

    used as (
        select
            environments.id as environment_id,
            projects.organization_id,
            environments.max_parallel,
            environments.rate_limit_per_s,
            coalesce(leased.count, 0) as count,
            coalesce(
                sum(leased.count) over (partition by projects.organization_id), 0
            ) as organization_count
        from public.environments
        inner join public.projects on projects.id = environments.project_id
        left join leased on leased.environment_id = environments.id
        where environments.id = any(v_environment_ids)
    )

    select
        used.environment_id,
        used.organization_id,
        least(used.max_parallel - used.count, floor(bucket.tokens))::integer,
        (limits.max_parallel_tests - used.organization_count)::integer,
        bucket.tokens,
        case
            when used.count < used.max_parallel and bucket.tokens < 1
                then ceil((1 - bucket.tokens) / used.rate_limit_per_s * 1000)
            else 50
        end::integer
    from used
    inner join public.organization_limits as limits
        on limits.organization_id = used.organization_id
    inner join private.environment_gates as gates on gates.environment_id = used.environment_id
    cross join lateral (
        select
            -- a second's worth may accumulate, and at least one request; a clock that was put back
            -- takes nothing away
            least(
                greatest(used.rate_limit_per_s, 1),
                gates.tokens
                + used.rate_limit_per_s
                * greatest(extract(epoch from clock_timestamp() - gates.refilled_at), 0)
            ) as tokens
        where used.rate_limit_per_s is not null
        union all
        select null
        where used.rate_limit_per_s is null
    ) as bucket;
end;
$function$;
comment on function private.find_rooms(uuid[]) is
$comment$What the environments of live runs can take, of these organizations; {} = of all.

A look without locks, which private.hold_rooms makes true.$comment$;

create function private.hold_rooms(organization_ids uuid[], run_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
-- others hold them while they render a batch: who waits longer tells its worker to ask again
set lock_timeout = '2s'
set search_path = ''
as $function$
begin
    -- of most organizations the limit cannot be reached: all their environments hold less
    perform
    from public.organization_limits as limits
    where
        limits.organization_id = any(organization_ids)
        and limits.max_parallel_tests < (
            select sum(environments.max_parallel)
            from public.environments
            where
                environments.id in (
                    select lives.environment_id
                    from private.live_runs as lives
                    where lives.organization_id = limits.organization_id
                )
        )
    order by limits.organization_id
    for no key update of limits;

    -- the last lock a claim waits for
    perform
    from private.environment_gates as gates
    where gates.environment_id in (
        select lives.environment_id
        from private.live_runs as lives
        where lives.run_id = any(run_ids)
    )
    order by gates.environment_id
    for update;
end;
$function$;
comment on function private.hold_rooms(uuid[], uuid[]) is
$comment$Hold the limits of these organizations that could be reached, then the gates of these runs'
environments, until the end of the transaction: what private.find_rooms says of them stays true.

Raises lock_not_available after 2 s.$comment$;

create function private.count_run_free(live private.live_runs)
returns integer
language plpgsql
volatile -- as find_rooms
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if live.max_parallel is null then
        return null;
    end if;
    return live.max_parallel - (
        select count(*)
        from private.work_items as items
        where
            items.state = 'leased'
            -- the index of what is in flight
            and items.environment_id = live.environment_id
            and items.run_id = live.run_id
    );
end;
$function$;
comment on function private.count_run_free(private.live_runs) is
'What a run can take by the max_parallel it asked for; null if it asked for none.';

create function private.rank_runs(worker public.workers)
returns table (run_id uuid, place bigint, free integer)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return query
    with rooms as materialized (
        select
            rooms.environment_id,
            least(rooms.free, rooms.organization_free) as free
        from private.find_rooms(array_remove(array[worker.organization_id], null)) as rooms
    ),

    -- asked once for each kind of run: there are few, where runs may be many
    takeable as materialized (
        select kinds.*
        from (
            select distinct
                lives.organization_id,
                lives.labels
            from private.live_runs as lives
            offset 0
        ) as kinds
        where private.may_take(worker, kinds.organization_id, kinds.labels)
    ),

    ready as (
        select
            lives.run_id,
            lives.organization_id,
            least(rooms.free, own.free) as free,
            row_number() over (
                partition by lives.organization_id order by lives.last_turn, lives.run_id
            ) as place
        from private.live_runs as lives
        inner join rooms on rooms.environment_id = lives.environment_id and rooms.free > 0
        inner join takeable
            on
                takeable.organization_id = lives.organization_id
                and takeable.labels = lives.labels
        cross join lateral (
            -- a call for each live run would cost more than all the rest
            select case
                when lives.max_parallel is not null then private.count_run_free(lives)
            end as free
            offset 0
        ) as own
        -- limit 1 rather than exists: a look into the index for each, whatever the planner believes
        cross join lateral (
            select
            from private.work_items as items
            where
                items.run_id = lives.run_id
                and items.phase = lives.phase
                and items.state = 'ready'
                and items.available_at <= clock_timestamp()
            limit 1
        ) as one
        where lives.paused_at is null and coalesce(own.free > 0, true)
    )

    select
        ready.run_id,
        ready.place,
        ready.free
    from ready
    inner join private.organization_turns as turns
        on turns.organization_id = ready.organization_id
    order by ready.place, turns.last_turn, ready.run_id
    limit 32;
end;
$function$;
comment on function private.rank_runs(public.workers) is
$comment$Runs that have something to hand out to this worker, and room for it, in fair order: of
every organization the least recently served run, the least recently served organization first, then of
every organization its second, and so on.

place: 1 for the first run of an organization. free: what it, its environment and its organization
can take.
A look without locks; private.lease_items has the last word. A runner's worker gets the runs of its
organization, and every worker only such as ask for no label that it lacks.$comment$;

create function private.find_wait_ms(worker public.workers)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return least(
        (
            select rooms.wait_ms
            from private.find_rooms(array_remove(array[worker.organization_id], null)) as rooms
            inner join private.live_runs as lives on lives.environment_id = rooms.environment_id
            cross join lateral (
                select
                from private.work_items as items
                where
                    items.run_id = lives.run_id
                    and items.phase = lives.phase
                    and items.state = 'ready'
                    and items.available_at <= clock_timestamp()
                limit 1
            ) as one
            where
                lives.paused_at is null
                and private.may_take(worker, lives.organization_id, lives.labels)
            order by rooms.wait_ms
            limit 1
        ),
        (
            select greatest(
                ceil(extract(epoch from items.available_at - clock_timestamp()) * 1000), 1
            )
            from private.work_items as items
            inner join private.live_runs as lives on lives.run_id = items.run_id
            where
                items.state = 'ready'
                and items.available_at > '-infinity'
                and items.available_at > clock_timestamp()
                and lives.paused_at is null
                and private.may_take(worker, lives.organization_id, lives.labels)
            order by items.available_at
            limit 1
        )
    );
end;
$function$;
comment on function private.find_wait_ms(public.workers) is
$comment$For a worker that got nothing: milliseconds until it may get something.

What waits for room may have it soon, or with the next request that a rate limit allows; a retry is
due when it is due. Null when there is nothing to wait for.$comment$;
