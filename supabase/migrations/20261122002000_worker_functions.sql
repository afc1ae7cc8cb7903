-- The worker's functions: the whole of what a worker may do.
-- Depends on: report, authorize_workers. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.register_worker(name text, version text, capacity integer, labels text[])
returns uuid
language plpgsql
volatile
parallel unsafe
security definer -- workers have no rights on the tables
set search_path = ''
as $function$
declare
    v_user_id uuid := private.runner_id();
    v_runner public.organization_members;
    v_id uuid;
begin
    if not private.is_operator() then
        -- held against a change of the membership; first what deleting these would lock first
        select members.*
        into v_runner
        from public.organization_members as members
        inner join public.organizations on organizations.id = members.organization_id
        inner join public.users on users.id = members.user_id
        where members.user_id = v_user_id and members.role = 'runner'
        for key share of organizations, users
        for share of members;
        if not found then
            perform private.refuse_caller();
        end if;
        perform private.require_labels(register_worker.labels, v_runner.labels);
        perform private.require_few_workers(v_user_id);
    end if;

    insert into public.workers (name, version, capacity, labels, organization_id, user_id)
    values (
        register_worker.name, register_worker.version, register_worker.capacity,
        register_worker.labels, v_runner.organization_id, v_user_id
    )
    returning id into v_id;
    return v_id;
end;
$function$;
comment on function private.register_worker(text, text, integer, text[]) is
'Does the work of public.register_worker.';

create function private.claim_work(
    worker_id uuid, call_id uuid, free_slots integer, prefetch integer
)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- the engine's tables are closed to workers
set search_path = ''
as $function$
declare
    v_worker public.workers := private.authorize_worker(claim_work.worker_id);
begin
    perform private.hold_call(claim_work.call_id);
    return private.claim(
        v_worker, claim_work.call_id,
        least(greatest(claim_work.free_slots, 0), 1000),
        least(greatest(claim_work.prefetch, 0), 1000)
    );
end;
$function$;
comment on function private.claim_work(uuid, uuid, integer, integer) is
'Does the work of public.claim_work.';

create function private.report_work(
    worker_id uuid, call_id uuid, reports jsonb, free_slots integer, prefetch integer
)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- as claim_work
set search_path = ''
as $function$
declare
    v_worker public.workers;
begin
    perform private.refuse_malformed_work(report_work.reports, 'reports');
    v_worker := private.authorize_worker(report_work.worker_id);
    perform private.hold_call(report_work.call_id);
    return private.report(
        v_worker, report_work.call_id, report_work.reports,
        least(greatest(report_work.free_slots, 0), 1000),
        least(greatest(report_work.prefetch, 0), 1000)
    );
end;
$function$;
comment on function private.report_work(uuid, uuid, jsonb, integer, integer) is
'Does the work of public.report_work.';

create function private.renew_work(worker_id uuid, items jsonb)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- as claim_work
set search_path = ''
as $function$
declare
    v_held bigint[];
begin
    perform private.authorize_worker(renew_work.worker_id);
    perform private.refuse_malformed_work(renew_work.items, 'items');

    with given as (
        select *
        from
            jsonb_to_recordset(renew_work.items)
            as entries (item bigint, attempt integer, lease uuid)
    ),

    locked as (
        select work.id
        from private.work_items as work
        inner join given
            on
                given.item = work.id
                and given.attempt = work.attempt
                and given.lease = work.lease
        where work.worker_id = renew_work.worker_id
        order by work.id
        for update of work
    ),

    renewed as (
        update private.work_items as work
        set lease_until = clock_timestamp() + private.lease_duration()
        from locked
        where work.id = locked.id
        returning work.id
    )

    select coalesce(array_agg(renewed.id), '{}') into v_held from renewed;
    if cardinality(v_held) < jsonb_array_length(renew_work.items) then
        v_held := v_held || private.renew_deliveries(renew_work.worker_id, renew_work.items);
    end if;

    return jsonb_build_object(
        'lost', (
            select coalesce(jsonb_agg(entries.item), '[]')
            from jsonb_to_recordset(renew_work.items) as entries (item bigint)
            where entries.item <> all(v_held)
        ),
        'cancelled', (
            select coalesce(jsonb_agg(work.id), '[]')
            from private.work_items as work
            inner join private.live_runs as lives on lives.run_id = work.run_id
            where
                work.id = any(v_held)
                and work.phase <> 'teardown'
                and private.stop_slug(lives) is not null
        )
    );
end;
$function$;
comment on function private.renew_work(uuid, jsonb) is 'Does the work of public.renew_work.';

create function private.release_work(worker_id uuid, items jsonb)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- as claim_work
set search_path = ''
as $function$
declare
    v_runs uuid[];
    v_released bigint[];
begin
    perform private.authorize_worker(release_work.worker_id);
    perform private.refuse_malformed_work(release_work.items, 'items');

    v_runs := private.lock_runs_of(release_work.worker_id, release_work.items);

    with released as (
        update private.work_items as work
        set
            state = 'ready',
            request = null,
            lease = null,
            lease_until = null,
            lease_place = null,
            worker_id = null,
            call_id = null
        from
            jsonb_to_recordset(release_work.items)
            as entries (item bigint, attempt integer, lease uuid)
        where
            work.id = entries.item
            and work.worker_id = release_work.worker_id
            and work.attempt = entries.attempt
            and work.lease = entries.lease
        returning work.id
    )

    select coalesce(array_agg(released.id), '{}') into v_released from released;
    if cardinality(v_released) < jsonb_array_length(release_work.items) then
        v_released := v_released
            || private.release_deliveries(release_work.worker_id, release_work.items);
    end if;
    perform private.stop_items(v_runs);
    perform private.advance_runs(v_runs);
    return jsonb_build_object('released', v_released);
end;
$function$;
comment on function private.release_work(uuid, jsonb) is 'Does the work of public.release_work.';

-- Whoever claims sees the secrets of what it claims: the secret key and runners, nobody else. Each
-- of these looks at its caller first.
grant execute on function private.register_worker(text, text, integer, text[])
to authenticated, service_role;
grant execute on function private.claim_work(uuid, uuid, integer, integer)
to authenticated, service_role;
grant execute on function private.report_work(uuid, uuid, jsonb, integer, integer)
to authenticated, service_role;
grant execute on function private.renew_work(uuid, jsonb) to authenticated, service_role;
grant execute on function private.release_work(uuid, jsonb) to authenticated, service_role;

create function public.register_worker(
    name text, version text, capacity integer, labels text[] default '{}'
)
returns uuid
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.register_worker(name, version, capacity, labels);
$function$;
comment on function public.register_worker(text, text, integer, text[]) is
$comment$Announce a worker process; the id that its other calls carry.

name: for people; two workers may share one. version: of its software. capacity: requests at once,
1 to 10,000. labels: what it can reach; it gets runs that ask for nothing else, and a runner may
declare what was granted to it. With a runner's sign-in the worker is bound to the account and gets
the runs of its organization. Errors: PT403 not_allowed, label_not_granted; PT429
too_many_workers.$comment$;
grant execute on function public.register_worker(text, text, integer, text[])
to authenticated, service_role;

create function public.claim_work(
    worker_id uuid, call_id uuid, free_slots integer, prefetch integer default 0
)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.claim_work(worker_id, call_id, free_slots, prefetch);
$function$;
comment on function public.claim_work(uuid, uuid, integer, integer) is
$comment$Lease work to a worker: rendered requests, in the order in which to make them.

call_id: chosen by the caller; repeating a call whose reply was lost returns the same leases.
free_slots: requests it can make now, up to 1,000. prefetch: further ones to hold, up to 1,000; only
requests that may be repeated are given ahead.
Returns {"work": [item, ...], "retry_ms": ms or null}; item: docs/wire.md. retry_ms says when asking
again may bring work. Errors: PT403 not_allowed, worker_revoked; PT404 unknown_worker.$comment$;
grant execute on function public.claim_work(uuid, uuid, integer, integer)
to authenticated, service_role;

create function public.report_work(
    worker_id uuid,
    call_id uuid,
    reports jsonb,
    free_slots integer default 0,
    prefetch integer default 0
)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.report_work(worker_id, call_id, reports, free_slots, prefetch);
$function$;
comment on function public.report_work(uuid, uuid, jsonb, integer, integer) is
$comment$Report what was observed, have it judged, and claim again in the same round trip.

reports: [report, ...], see docs/wire.md. The other parameters: as claim_work.
Returns {"accepted", "stale", "unreportable", "cancelled": [item], "work", "retry_ms"}. Repeating an
accepted report writes nothing and is accepted again; one under an old lease is stale and decides
nothing. Errors: PT400 malformed_work; PT403 not_allowed, worker_revoked; PT404 unknown_worker.$comment$;
grant execute on function public.report_work(uuid, uuid, jsonb, integer, integer)
to authenticated, service_role;

create function public.renew_work(worker_id uuid, items jsonb)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.renew_work(worker_id, items);
$function$;
comment on function public.renew_work(uuid, jsonb) is
$comment$Hold leases for another 30 s.

items: [{"item", "attempt", "lease"}]. Returns {"lost": [item], "cancelled": [item]}: leases that
are no longer the worker's, and items whose run was cancelled meanwhile.
Errors: PT400 malformed_work; PT403 not_allowed, worker_revoked; PT404 unknown_worker.$comment$;
grant execute on function public.renew_work(uuid, jsonb) to authenticated, service_role;

create function public.release_work(worker_id uuid, items jsonb)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.release_work(worker_id, items);
$function$;
comment on function public.release_work(uuid, jsonb) is
$comment$Hand back work that was not sent.

items: [{"item", "attempt", "lease"}]. Returns {"released": [item]}.
Errors: PT400 malformed_work; PT403 not_allowed, worker_revoked; PT404 unknown_worker.$comment$;
grant execute on function public.release_work(uuid, jsonb) to authenticated, service_role;
