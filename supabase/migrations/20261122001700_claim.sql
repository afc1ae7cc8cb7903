-- Claiming: which ready items go to a worker now, under every limit, rendered.
-- Depends on: hand_out, rescue, room. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.count_ready(run_id uuid, most integer)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    return (
        select count(*)
        from (
            select
            from private.live_runs as lives
            inner join private.work_items as items
                on
                    items.run_id = lives.run_id
                    and items.phase = lives.phase
                    and items.state = 'ready'
                    and items.available_at <= clock_timestamp()
            where lives.run_id = count_ready.run_id
            limit most
        ) as ready
    );
end;
$function$;
comment on function private.count_ready(uuid, integer) is
'How much a run has to hand out, up to so many.';

create function private.lock_runs(
    worker public.workers, wanted integer, out run_ids uuid[], out is_complete boolean
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_run record;
    v_last_id uuid;
    v_last_free integer;
    v_found integer := 0;
begin
    run_ids := '{}';
    is_complete := true;
    for v_run in select * from private.rank_runs(worker)
    loop
        -- No more than it takes, for what is locked here is out of others' reach; but what one
        -- organization could fill is shared with others.
        if v_last_id is not null and v_found < wanted then
            v_found := v_found
                + private.count_ready(v_last_id, least(wanted - v_found, v_last_free));
            v_last_id := null;
        end if;
        exit when v_found >= wanted
            and (v_run.place > 1 or cardinality(run_ids) >= least(wanted, 4));
        -- asked again of the locked row: its project may have been paused meanwhile
        perform
        from private.live_runs as lives
        where lives.run_id = v_run.run_id and lives.paused_at is null
        for no key update skip locked;
        if found then
            run_ids := run_ids || v_run.run_id;
            v_last_id := v_run.run_id;
            v_last_free := v_run.free;
        else
            is_complete := false;
        end if;
    end loop;
end;
$function$;
comment on function private.lock_runs(public.workers, integer) is
$comment$Lock runs, in fair order, until they have as much to hand out to this worker as is wanted.

is_complete is false when another session held one: asking again soon may give more.$comment$;

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
    v_organization_ids uuid[] := array(
        select distinct lives.organization_id
        from private.live_runs as lives
        where lives.run_id = any(run_ids)
    );
    v_turn bigint := nextval('private.turns');
    -- values are added under the locks of their runs: what these runs get later has a higher id
    v_last_value_id bigint := coalesce(
        pg_sequence_last_value('public.test_context_values_id_seq'::regclass), 0
    );
    v_taken bigint[];
begin
    begin
        perform private.hold_rooms(v_organization_ids, run_ids);
    exception
        when lock_not_available then return null;
    end;

    with rooms as materialized (
        select * from private.find_rooms(v_organization_ids)
    ),

    runs as (
        select
            lives.*,
            private.count_run_free(lives) as free,
            fair.ordinal as fairness,
            min(fair.ordinal) over (partition by lives.organization_id) as organization_fairness
        from unnest(run_ids) with ordinality as fair (run_id, ordinal)
        inner join private.live_runs as lives on lives.run_id = fair.run_id
    ),

    ready as (
        select
            runs.run_id,
            runs.organization_id,
            runs.environment_id,
            runs.fairness,
            runs.organization_fairness,
            items.id,
            items.is_repeatable,
            row_number() over (
                partition by runs.run_id order by items.priority, items.id
            ) as in_run
        from runs
        cross join lateral (
            select work.*
            from private.work_items as work
            where
                work.run_id = runs.run_id
                and work.phase = runs.phase
                and work.state = 'ready'
                and work.available_at <= clock_timestamp()
            order by work.priority, work.id
            limit least(free_slots + prefetch, runs.free)
        ) as items
    ),

    -- the runs of an environment take turns, those of an organization, and the organizations
    in_environments as (
        select
            ready.*,
            row_number() over (
                partition by ready.environment_id order by ready.in_run, ready.fairness
            ) as in_environment
        from ready
    ),

    in_organizations as (
        select
            in_environments.*,
            rooms.organization_free,
            row_number() over (
                partition by in_environments.organization_id
                order by in_environments.in_run, in_environments.fairness
            ) as in_organization
        from in_environments
        inner join rooms on rooms.environment_id = in_environments.environment_id
        where in_environments.in_environment <= rooms.free
    ),

    numbered as materialized (
        select
            in_organizations.*,
            row_number() over (
                order by in_organizations.in_organization, in_organizations.organization_fairness
            ) as number
        from in_organizations
        where in_organizations.in_organization <= in_organizations.organization_free
    ),

    -- what must not be repeated is never handed out ahead of a free slot: a worker that dies with
    -- it waiting would lose it
    allowed as (
        select
            numbered.*,
            numbered.number > free_slots as is_ahead,
            row_number() over (
                partition by numbered.number > free_slots order by numbered.number
            ) as place
        from numbered
        where numbered.number <= free_slots or numbered.is_repeatable
    ),

    -- and nothing is, while a run has nothing but such and found no slot: what is held ready would
    -- keep all slots from it for ever
    passed_over as (
        select numbered.run_id
        from numbered
        group by numbered.run_id
        having min(numbered.number) > free_slots and not bool_or(numbered.is_repeatable)
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
            rendered_at = coalesce(items.rendered_at, clock_timestamp()),
            last_value_id = coalesce(items.last_value_id, v_last_value_id)
        from allowed
        where
            items.id = allowed.id
            and items.id = any(array(select given.id from allowed as given))
            and case
                when allowed.is_ahead
                    then allowed.place <= prefetch and not exists (select from passed_over)
                else true
            end
        returning
            items.id, items.environment_id, items.run_id, allowed.organization_id, allowed.number
    ),

    -- who got the last one comes last the next time
    served_runs as (
        update private.live_runs as lives
        set last_turn = v_turn + served.number
        from (
            select
                leased.run_id,
                max(leased.number) as number
            from leased
            group by leased.run_id
        ) as served
        where lives.run_id = served.run_id
    ),

    served_organizations as (
        update private.organization_turns as turns
        set last_turn = v_turn + served.number
        from (
            select
                leased.organization_id,
                max(leased.number) as number
            from leased
            group by leased.organization_id
        ) as served
        where
            turns.organization_id = served.organization_id
            -- another session that serves it at this moment says so itself
            and turns.organization_id in (
                select locked.organization_id
                from private.organization_turns as locked
                where locked.organization_id = any(v_organization_ids)
                for no key update skip locked
            )
    ),

    spent as (
        update private.environment_gates as gates
        set
            tokens = rooms.tokens - counted.taken,
            refilled_at = clock_timestamp()
        from (
            select
                leased.environment_id,
                count(*) as taken
            from leased
            group by leased.environment_id
        ) as counted
        inner join rooms on rooms.environment_id = counted.environment_id
        where
            gates.environment_id = counted.environment_id
            and rooms.tokens is not null
    )

    select coalesce(array_agg(leased.id), '{}') into v_taken from leased;
    return v_taken;
end;
$function$;
comment on function private.lease_items(uuid[], uuid, uuid, integer, integer) is
$comment$Lease ready items of locked runs, given in fair order, to a worker, within the limits of
their environments and organizations; their ids.

The slots go round: one of each organization, and of an organization one of each run. Null when
another session held an environment for long.$comment$;

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

create function private.claim_tests(
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
begin
    if free_slots + prefetch = 0 then
        return jsonb_build_object('work', v_work, 'retry_ms', null);
    end if;

    -- the reply to this very call was lost: the same leases, rendered the same
    select coalesce(array_agg(items.id), '{}')
    into v_replayed
    from private.work_items as items
    where
        items.state = 'leased'
        and items.call_id = claim_tests.call_id
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
        from private.lock_runs(worker, free_slots + prefetch) as locked;
        exit when v_runs = '{}';
        v_items := private.lease_items(
            v_runs, worker.id, claim_tests.call_id, free_slots, prefetch
        );
        v_is_complete := v_is_complete and v_items is not null;
        exit when cardinality(v_items) > 0 is not true;
        v_work := private.hand_out(v_items);
        perform private.advance_runs(v_runs);
        exit when v_work <> '[]';
    end loop;
    if v_work <> '[]' then
        perform private.start_runs(v_work);
        return jsonb_build_object('work', v_work, 'retry_ms', null);
    end if;

    return jsonb_build_object(
        'work', v_work,
        'retry_ms', case
            -- it reports before it can start anything
            when free_slots = 0 then null
            when not v_is_complete then 50
            else private.find_wait_ms(worker)
        end
    );
end;
$function$;
comment on function private.claim_tests(public.workers, uuid, integer, integer) is
$comment${"work": [item, ...], "retry_ms"}: leases of tests for a worker;
retry_ms says when to ask again if work is empty.$comment$;

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
    v_messages jsonb;
    v_reply jsonb;
    v_is_replay boolean;
    v_few integer := greatest(free_slots / 8, 1);
    v_left integer;
begin
    -- the common case, on every claim: there is nothing to deliver
    if free_slots = 0 or not private.has_open_delivery() then
        return private.claim_tests(worker, claim.call_id, free_slots, prefetch);
    end if;

    v_messages := private.replay_deliveries(worker.id, claim.call_id);
    v_is_replay := v_messages <> '[]';
    -- a few come before tests, so that a busy queue keeps no message waiting; and more of them where
    -- tests leave slots
    if not v_is_replay then
        perform private.rescue_deliveries();
        v_messages := private.claim_deliveries(worker, claim.call_id, v_few);
    end if;
    v_left := free_slots - jsonb_array_length(v_messages);
    v_reply := private.claim_tests(worker, claim.call_id, greatest(v_left, 0), prefetch);
    v_left := v_left - jsonb_array_length(v_reply -> 'work');
    if not v_is_replay and v_left > 0 and jsonb_array_length(v_messages) = v_few then
        v_messages := v_messages
            || private.claim_deliveries(worker, claim.call_id, v_left);
    end if;
    if v_messages = '[]' then
        return v_reply;
    end if;
    return jsonb_build_object('work', v_messages || (v_reply -> 'work'), 'retry_ms', null);
end;
$function$;
comment on function private.claim(public.workers, uuid, integer, integer) is
$comment${"work": [item, ...], "retry_ms"}: leases of tests and of messages for a worker, both as
items of the wire contract; retry_ms says when to ask again if work is empty.$comment$;
