-- Rescue: what becomes of a lease whose worker went silent.
-- Depends on: settle. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

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
    v_lost private.outcome[];
begin
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

    with expired as materialized (
        select items.*
        from private.work_items as items
        where
            items.run_id = any(v_runs)
            and items.state = 'leased'
            and items.lease_until < clock_timestamp()
        order by items.id
        for update skip locked
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
        from expired
        where items.id = expired.id and expired.is_repeatable and expired.rescue_count < 3
        returning items.id
    )

    select coalesce(
        array_agg(
            row(
                expired.id, 'error', 'lost',
                case when expired.is_repeatable then 'rescue_limit_reached' else 'lost' end,
                case
                    when expired.is_repeatable
                        then 'the worker was lost with this request in flight four times'
                    else
                        'the worker was lost with this request in flight; '
                        || 'it may have been made, so it is not sent again'
                end,
                null, null, null, null, null, expired.first_leased_at, null
            )::private.outcome
        ),
        '{}'
    )
    into v_lost
    from expired
    where expired.id not in (select rescued.id from rescued);

    perform private.finish_items(v_lost);
    perform private.stop_items(v_runs);
    perform private.advance_runs(v_runs);
end;
$function$;
comment on function private.rescue_expired() is
$comment$Take expired leases back: what may be repeated is ready again,
the rest ends as error / lost.

Called by every claim and every 10 s by cron.
Runs that another session holds are left to it.$comment$;
