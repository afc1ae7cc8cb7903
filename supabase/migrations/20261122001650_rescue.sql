-- Rescue: what becomes of a lease whose worker went silent.
-- Depends on: render, settle. Locks: none, all objects are new.
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

create table private.worker_contact (
    is_only boolean primary key default true,
    heard_at timestamptz,
    looked_at timestamptz,
    patient_until timestamptz not null default '-infinity',
    sure_until timestamptz not null default '-infinity',
    constraint worker_contact_is_only_check check (is_only)
);
comment on table private.worker_contact is
'Whether workers could have renewed their leases: one row, written by private.note_contact.';
comment on column private.worker_contact.is_only is 'True: there is one row.';
comment on column private.worker_contact.heard_at is
$comment$When any worker last called, to a fifteenth of a lease; or since when one could have, after
the database was away. Null = none ever did.$comment$;
comment on column private.worker_contact.looked_at is
'When a worker last called or a sweep last looked: longer ago than either does, and the database was
not there, or its clock was put on. Null = never.';
comment on column private.worker_contact.patient_until is
'Until then workers are given time to be heard again.';
comment on column private.worker_contact.sure_until is
$comment$Leases that ran out before this were not renewed though they could have been: patience is
granted once.$comment$;
alter table private.worker_contact enable row level security;
create policy closed on private.worker_contact for select to public using (false);
insert into private.worker_contact default values;

create function private.note_contact(is_worker boolean)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_lease interval := private.lease_duration();
    v_now timestamptz := clock_timestamp();
    v_is_away boolean;
    v_silence interval := (
        select v_now - case when is_worker then contact.heard_at else contact.looked_at end
        from private.worker_contact as contact
    );
begin
    -- a write on every call would be a hot row for nothing
    if v_silence between v_lease / -15 and v_lease / 15 then
        return;
    end if;
    -- a clock that was put back is a silence, too; null: the first ever ends none
    v_is_away := coalesce(v_silence not between interval '0' and v_lease / 2, false);
    -- never waiting for another call, which notes it too
    update private.worker_contact as contact
    set
        heard_at = case when is_worker or v_is_away then v_now else contact.heard_at end,
        looked_at = v_now,
        patient_until = case
            when v_is_away then v_now + v_lease * 2 / 3 else contact.patient_until
        end,
        sure_until = case
            when v_silence < interval '0' then '-infinity'
            when not v_is_away or v_now < contact.patient_until then contact.sure_until
            else greatest(contact.sure_until, contact.heard_at)
        end
    where contact.is_only in (
        select locked.is_only from private.worker_contact as locked for no key update skip locked
    );
end;
$function$;
comment on function private.note_contact(boolean) is
$comment$Note that a worker called, or that a sweep looked.

A worker that holds leases is heard every third of one. When half of one went by without any, or
without even a sweep, then nobody could renew: what follows is patience for as long as the slowest
worker needs to be heard again.$comment$;

create function private.rescue_horizon()
returns timestamptz
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_lease interval := private.lease_duration();
    v_now timestamptz := clock_timestamp();
begin
    return (
        select case
            when
                v_now < contact.patient_until
                -- another session is just noting a silence
                or v_now - contact.looked_at not between v_lease / -15 and v_lease / 2
                or v_now - contact.heard_at between v_lease / 2 and v_lease * 10
                then contact.sure_until
            else v_now
        end
        from private.worker_contact as contact
    );
end;
$function$;
comment on function private.rescue_horizon() is
$comment$Leases that ran out before this may be taken back.

Now, as long as workers are heard. While none is, it may be the way to the database that is cut:
for ten leases, and for a while after a silence, what ran out since then is left alone.$comment$;

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
    v_horizon timestamptz;
    v_runs uuid[];
begin
    perform private.note_contact(false);
    perform private.shorten_leases();
    v_horizon := private.rescue_horizon();
    -- the common case, on every claim: nothing has expired
    if not exists (
        select from private.work_items as items
        where items.state = 'leased' and items.lease_until < v_horizon
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
            where items.state = 'leased' and items.lease_until < v_horizon
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
            and items.lease_until < v_horizon
        order by items.id
        limit 1000
        for update skip locked
    ));
end;
$function$;
comment on function private.rescue_expired() is
$comment$Take expired leases back, a thousand at a time.

Called by every claim and every 10 s by cron. Runs that another session holds are left to it, and no
lease is taken while its worker may not have been able to renew it (private.rescue_horizon).$comment$;

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
    perform private.lose_deliveries(worker_ids);
end;
$function$;
comment on function private.end_leases(uuid[]) is
$comment$Take all leases from workers at once, as if they had run out.

The caller sees to it that these workers claim nothing meanwhile.$comment$;
