-- Claiming: which ready items go to a worker now, under every limit, rendered.
-- Depends on: hand_out, rescue, room. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.open_gates(run_ids uuid[])
returns table (environment_id uuid, capacity integer)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    -- Blocking, in order of id, and the last lock a claim takes: whoever holds a gate waits for
    -- nothing any more.
    perform
    from private.environment_gates as gates
    where gates.environment_id in (
        select lives.environment_id
        from private.live_runs as lives
        where lives.run_id = any(run_ids)
    )
    order by gates.environment_id
    for update;

    return query
    with refilled as (
        update private.environment_gates as gates
        set
            -- a second's worth may accumulate, and at least one request
            tokens = least(
                greatest(environments.rate_limit_per_s, 1),
                gates.tokens
                + environments.rate_limit_per_s
                * extract(epoch from clock_timestamp() - gates.refilled_at)
            ),
            refilled_at = clock_timestamp()
        from public.environments
        where
            environments.id = gates.environment_id
            and environments.rate_limit_per_s is not null
            and gates.environment_id in (
                select lives.environment_id
                from private.live_runs as lives
                where lives.run_id = any(run_ids)
            )
        returning gates.environment_id, gates.tokens
    )

    select
        environments.id,
        greatest(
            0,
            least(
                environments.max_parallel - (
                    select count(*)
                    from private.work_items as items
                    where items.environment_id = environments.id and items.state = 'leased'
                ),
                floor(refilled.tokens)
            )
        )::integer
    from public.environments
    left join refilled on refilled.environment_id = environments.id
    where environments.id in (
        select lives.environment_id
        from private.live_runs as lives
        where lives.run_id = any(run_ids)
    );
end;
$function$;
comment on function private.open_gates(uuid[]) is
$comment$How many requests each environment of these runs can take now: parallelism and rate limit.

Holds the environments' gates until the end of the transaction,
so that the answer stays true.$comment$;

create function private.lock_eligible_runs(
    worker public.workers, out run_ids uuid[], out is_complete boolean
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_eligible uuid[];
    v_is_crowded boolean;
begin
    select coalesce(array_agg(fair.run_id), '{}')
    into v_eligible
    from (
        select lives.run_id
        from private.live_runs as lives
        where
            lives.paused_at is null
            and private.may_take(worker, lives.organization_id, lives.labels)
            and exists (
                select
                from private.work_items as items
                where
                    items.run_id = lives.run_id
                    and items.phase = lives.phase
                    and items.state = 'ready'
                    and items.available_at <= clock_timestamp()
            )
        order by
            (
                select max(others.last_served_at)
                from private.live_runs as others
                where others.organization_id = lives.organization_id
            ),
            lives.last_served_at,
            lives.run_id
        limit 33
    ) as fair;
    v_is_crowded := cardinality(v_eligible) > 32;
    if v_is_crowded then
        v_eligible := private.find_open_runs(worker, 32);
    end if;

    select coalesce(
        array_agg(locked.run_id order by array_position(v_eligible, locked.run_id)), '{}'
    )
    into run_ids
    from (
        select lives.run_id
        from private.live_runs as lives
        -- asked again of the locked row: its project may have been paused meanwhile
        where lives.run_id = any(v_eligible) and lives.paused_at is null
        order by lives.run_id
        for no key update skip locked
    ) as locked;

    is_complete := cardinality(run_ids) = cardinality(v_eligible)
        and not (v_is_crowded and v_eligible = '{}');
end;
$function$;
comment on function private.lock_eligible_runs(public.workers) is
$comment$Lock runs that have something to hand out to this worker, in fair order:
the least recently served tenant first. A runner's worker gets its organization's runs, and every
worker only such as ask for no label that it lacks.

is_complete is false when another session held one, or all of many wait for room: asking again soon
may give more.$comment$;

create function private.lease_items(
    run_ids uuid[], worker_id uuid, call_id uuid, free_slots integer, prefetch integer
)
returns bigint[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_rooms jsonb := private.find_rooms(run_ids);
    -- a statement of its own: what it writes is written again below
    v_capacity jsonb := (
        select jsonb_object_agg(gates.environment_id, gates.capacity)
        from private.open_gates(run_ids) as gates
    );
    v_taken bigint[];
begin
    v_capacity := private.narrow_capacity(run_ids, v_capacity, v_rooms);
    with ready as (
        select
            candidates.*,
            row_number() over (
                partition by candidates.environment_id
                order by candidates.fairness, candidates.priority, candidates.id
            ) as place
        from (
            select
                items.id,
                items.priority,
                items.environment_id,
                items.is_repeatable,
                fair.ordinal as fairness
            from unnest(run_ids) with ordinality as fair (run_id, ordinal)
            inner join private.live_runs as lives on lives.run_id = fair.run_id
            cross join lateral (
                select work.*
                from private.work_items as work
                where
                    work.run_id = lives.run_id
                    and work.phase = lives.phase
                    and work.state = 'ready'
                    and work.available_at <= clock_timestamp()
                order by work.priority, work.id
                limit free_slots + prefetch
            ) as items
        ) as candidates
    ),

    allowed as (
        select
            ready.*,
            row_number() over (order by ready.fairness, ready.priority, ready.id) as number
        from ready
        where ready.place <= (v_capacity ->> ready.environment_id::text)::integer
    ),

    leased as (
        update private.work_items as items
        set
            state = 'leased',
            attempt = items.attempt + 1,
            lease = gen_random_uuid(),
            lease_until = clock_timestamp() + private.lease_duration(),
            lease_place = allowed.number,
            worker_id = lease_items.worker_id,
            call_id = lease_items.call_id,
            first_leased_at = coalesce(items.first_leased_at, clock_timestamp()),
            rendered_at = coalesce(items.rendered_at, clock_timestamp())
        from allowed
        where
            items.id = allowed.id
            -- what must not be repeated is never handed out ahead of a free slot: a worker that
            -- dies with it waiting would lose it
            and (
                allowed.number <= free_slots
                or (allowed.is_repeatable and allowed.number <= free_slots + prefetch)
            )
        returning items.id, items.environment_id, items.run_id
    ),

    served as (
        update private.live_runs as lives
        set last_served_at = clock_timestamp()
        where lives.run_id in (select leased.run_id from leased)
    ),

    spent as (
        update private.environment_gates as gates
        set tokens = gates.tokens - counted.taken
        from (
            select
                leased.environment_id,
                count(*) as taken
            from leased
            group by leased.environment_id
        ) as counted
        where
            gates.environment_id = counted.environment_id
            and gates.environment_id in (
                select environments.id
                from public.environments
                where environments.rate_limit_per_s is not null
            )
    )

    select coalesce(array_agg(leased.id), '{}') into v_taken from leased;
    return v_taken;
end;
$function$;
comment on function private.lease_items(uuid[], uuid, uuid, integer, integer) is
$comment$Lease ready items of locked runs to a worker, within the limits of their environments and
organizations; their ids.$comment$;

create function private.start_runs(work jsonb)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_run record;
    v_project_id uuid;
begin
    for v_run in
        select
            (items.item ->> 'run')::uuid as id,
            jsonb_agg(items.item -> 'result') as results
        from jsonb_array_elements(work) as items (item)
        group by items.item ->> 'run'
        order by items.item ->> 'run'
    loop
        update public.test_runs
        set
            -- a run cancelled before its first test begins with its teardown
            status = case status when 'queued' then 'running' else status end,
            started_at = clock_timestamp()
        where id = v_run.id and started_at is null
        returning project_id into v_project_id;
        if found then
            perform private.announce(
                topics.topic, 'run_started', jsonb_build_object('run', v_run.id)
            )
            from unnest(
                array['run:' || v_run.id, 'project:' || v_project_id]
            ) as topics (topic);
        end if;
        perform private.announce(
            'run:' || v_run.id, 'tests_started',
            jsonb_build_object('run', v_run.id, 'results', v_run.results)
        );
    end loop;
end;
$function$;
comment on function private.start_runs(jsonb) is 'Tell who watches that these tests are under way.';

create function private.next_due_ms(worker public.workers)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return (
        select
            ceil(extract(epoch from min(items.available_at) - clock_timestamp()) * 1000)::integer
        from private.live_runs as lives
        inner join private.work_items as items on items.run_id = lives.run_id
        where
            lives.paused_at is null
            and private.may_take(worker, lives.organization_id, lives.labels)
            and items.state = 'ready'
            and items.available_at > clock_timestamp()
    );
end;
$function$;
comment on function private.next_due_ms(public.workers) is
'Milliseconds until the next retry that this worker could make; null when there is none.';

create function private.claim(
    worker public.workers, call_id uuid, free_slots integer, prefetch integer
)
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_replayed bigint[];
    v_runs uuid[];
    v_is_complete boolean;
    v_items bigint[];
    v_work jsonb := '[]'::jsonb;
    v_due_ms integer;
begin
    if free_slots + prefetch > 0 then
        -- the reply to this very call was lost: the same leases, rendered the same
        select coalesce(array_agg(items.id), '{}')
        into v_replayed
        from private.work_items as items
        where
            items.state = 'leased'
            and items.call_id = claim.call_id
            and items.worker_id = worker.id;
        if v_replayed <> '{}' then
            return jsonb_build_object(
                'work', (
                    -- a secret may have been forbidden a host meanwhile: its lease runs out
                    select coalesce(jsonb_agg(rendered.work order by rendered.place), '[]')
                    from private.render_items(v_replayed) as rendered
                    where rendered.problem is null
                ),
                'retry_ms', null
            );
        end if;

        perform private.rescue_expired();
        -- an item that cannot be rendered makes room, and may release others
        loop
            select locked.run_ids, locked.is_complete
            into v_runs, v_is_complete
            from private.lock_eligible_runs(worker) as locked;
            exit when v_runs = '{}';
            v_items := private.lease_items(
                v_runs, worker.id, claim.call_id,
                free_slots - jsonb_array_length(v_work), prefetch
            );
            exit when v_items = '{}';
            v_work := v_work || private.hand_out(v_items);
            perform private.advance_runs(v_runs);
            exit when jsonb_array_length(v_work) > 0;
        end loop;
        if v_work <> '[]' then
            perform private.start_runs(v_work);
            return jsonb_build_object('work', v_work, 'retry_ms', null);
        end if;
    end if;

    -- nothing now: when could there be something?
    select least(
        case when v_is_complete is false or v_runs <> '{}' then 50 end,
        private.next_due_ms(worker)
    )
    into v_due_ms;
    return jsonb_build_object(
        'work', v_work,
        -- greatest() would make 1 of null: nothing in sight
        'retry_ms', case when v_due_ms is not null then greatest(v_due_ms, 1) end
    );
end;
$function$;
comment on function private.claim(public.workers, uuid, integer, integer) is
$comment${"work": [item, ...], "retry_ms"}: leases for a worker;
retry_ms says when to ask again if work is empty.$comment$;
