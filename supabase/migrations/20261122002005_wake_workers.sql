-- Wake-ups: which channels tell a worker that there may be work, and that they still do.
-- Depends on: tenancy, queue, live updates. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.get_wakeup_topics()
returns text[]
language sql
stable
parallel safe
security definer -- whoever calls may not read memberships
set search_path = ''
as $function$
    select case
        when private.is_operator() then array['workers']
        else array(
            select 'workers:' || mine.id
            from private.my_runner_organization_ids() as mine (id)
        )
    end;
$function$;
comment on function private.get_wakeup_topics() is 'Does the work of public.get_wakeup_topics.';
grant execute on function private.get_wakeup_topics() to authenticated, service_role;

create function public.get_wakeup_topics()
returns text[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.get_wakeup_topics();
$function$;
comment on function public.get_wakeup_topics() is
$comment$The private channels on which a worker hears that there may be work, as run_queued.

workers with the secret key, workers:<organization> for a runner account, none for people. A hint
says nothing and any may be missed: claim all the same, every few seconds. Once a minute comes a
canary: who hears neither for longer has lost the channel and joins it anew.$comment$;
grant execute on function public.get_wakeup_topics() to authenticated, service_role;

create function private.send_canaries()
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.announce(listening.topic, 'canary', '{}')
    from (
        select distinct coalesce('workers:' || workers.organization_id, 'workers') as topic
        from public.workers
        where
            workers.last_seen_at > now() - interval '5 minutes'
            and workers.revoked_at is null
    ) as listening;
$function$;
comment on function private.send_canaries() is
$comment$Send a sign of life on every channel that a worker listens on: one message each, however
many workers do. Called by cron, once a minute.

Realtime can fall silent without an error: a worker that hears nothing for two and a half minutes
rebuilds its connection. Who called in the last five minutes counts as listening.$comment$;
