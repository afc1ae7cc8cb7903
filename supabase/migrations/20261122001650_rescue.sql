-- Rescue: what becomes of a lease whose worker went silent.
-- Depends on: settle. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.lose_leases(item_ids bigint[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_runs uuid[] := array(
        select distinct items.run_id
        from private.work_items as items
        where items.id = any(item_ids)
    );
    v_lost private.outcome[];
begin
    with leased as materialized (
        select items.*
        from private.work_items as items
        where items.id = any(item_ids)
    ),

    -- three times: a request that kills its worker must not go round for ever
    rescued as (
        update private.work_items as items
        set
            state = 'ready',
            rescue_count = items.rescue_count + 1,
            request = null,
            lease = null,
            lease_until = null,
            lease_place = null,
            worker_id = null,
            call_id = null
        from leased
        where items.id = leased.id and leased.is_repeatable and leased.rescue_count < 3
        returning items.id
    )

    select coalesce(
        array_agg(
            row(
                leased.id, 'error', 'lost',
                case when leased.is_repeatable then 'rescue_limit_reached' else 'lost' end,
                case
                    when leased.is_repeatable
                        then 'the worker was lost with this request in flight four times'
                    else
                        'the worker was lost with this request in flight; '
                        || 'it may have been made, so it is not sent again'
                end,
                null, null, null, null, null, leased.first_leased_at, null
            )::private.outcome
        ),
        '{}'
    )
    into v_lost
    from leased
    where leased.id not in (select rescued.id from rescued);

    perform private.finish_items(v_lost);
    perform private.stop_items(v_runs);
    perform private.advance_runs(v_runs);
end;
$function$;
comment on function private.lose_leases(bigint[]) is
$comment$Take leased items from workers that will not report them: what may be repeated is ready
again, the rest ends as error / lost.

The caller holds the locks of the items and of their runs.$comment$;

create function private.shorten_leases()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    -- a second more than any lease lasts: clocks are also set by a hair
    v_latest timestamptz := clock_timestamp() + private.lease_duration() + interval '1 second';
begin
    -- the common case, on every claim: the clock was not set back
    if not exists (
        select from private.work_items as items
        where items.state = 'leased' and items.lease_until > v_latest
    ) then
        return;
    end if;

    update private.work_items as items
    set lease_until = clock_timestamp() + private.lease_duration()
    where items.id in (
        select work.id
        from private.work_items as work
        where work.state = 'leased' and work.lease_until > v_latest
        order by work.id
        for update skip locked
    );
end;
$function$;
comment on function private.shorten_leases() is
$comment$Give leases that end later than any could a whole one from now on.

The clock was set back: a worker that died before would be waited for until it is there again.
Takes no lock on runs, as renew_work, which does the same to a lease.$comment$;

create function private.rescue_expired()
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_runs uuid[];
begin
    perform private.shorten_leases();

    -- the common case, on every claim: nothing has expired
    if not exists (
        select from private.work_items as items
        where items.state = 'leased' and items.lease_until < clock_timestamp()
    ) then
        return;
    end if;

    select coalesce(array_agg(locked.run_id order by locked.run_id), '{}')
    into v_runs
    from (
        select lives.run_id
        from private.live_runs as lives
        where lives.run_id in (
            select items.run_id
            from private.work_items as items
            where items.state = 'leased' and items.lease_until < clock_timestamp()
        )
        order by lives.run_id
        for no key update skip locked
    ) as locked;

    perform private.lose_leases(array(
        select items.id
        from private.work_items as items
        where
            items.run_id = any(v_runs)
            and items.state = 'leased'
            and items.lease_until < clock_timestamp()
        order by items.id
        for update skip locked
    ));
end;
$function$;
comment on function private.rescue_expired() is
$comment$Take expired leases back.

Called by every claim and every 10 s by cron.
Runs that another session holds are left to it.$comment$;

create function private.end_leases(worker_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform
    from private.live_runs as lives
    where lives.run_id in (
        select items.run_id
        from private.work_items as items
        where items.state = 'leased' and items.worker_id = any(worker_ids)
    )
    order by lives.run_id
    for no key update;

    perform private.lose_leases(array(
        select items.id
        from private.work_items as items
        inner join private.live_runs as lives on lives.run_id = items.run_id
        -- a run whose project is just being deleted goes with it
        inner join public.projects on projects.id = lives.project_id
        where items.state = 'leased' and items.worker_id = any(worker_ids)
        order by items.id
        for update of items
    ));
end;
$function$;
comment on function private.end_leases(uuid[]) is
$comment$Take all leases from workers at once, as if they had run out.

The caller sees to it that these workers claim nothing meanwhile.$comment$;
