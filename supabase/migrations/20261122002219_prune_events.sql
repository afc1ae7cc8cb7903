-- How long events, messages and what is counted for rules are kept.
-- Depends on: match_events, deliveries. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.prune_events(batch_size integer default 10000)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_count bigint;
    v_total bigint := 0;
begin
    delete from public.platform_events
    where platform_events.id in (
        select old.id
        from (
            select
                null::uuid as organization_id,
                private.kept_until('events') as day
            union all
            select
                asked.organization_id,
                private.kept_until('events', asked.organization_id)
            from public.organization_retention as asked
            where asked.tier = 'events'
        ) as terms
        cross join lateral (
            select events.id
            from public.platform_events as events
            where
                events.created_at < (terms.day::timestamp at time zone 'utc')
                and (
                    terms.organization_id is null
                    or events.organization_id = terms.organization_id
                )
            order by events.created_at
            limit prune_events.batch_size
        ) as old
        limit prune_events.batch_size
    );
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;

    delete from private.deliveries
    where deliveries.id in (
        select old.id
        from private.deliveries as old
        where old.finished_at < now() - interval '30 days'
        order by old.finished_at
        limit prune_events.batch_size
    );
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;

    delete from private.run_streaks
    where run_streaks.updated_at < now() - interval '90 days';
    get diagnostics v_count = row_count;
    v_total := v_total + v_count;

    -- the key of a signature that is no longer made leaves Vault
    delete from private.channel_secrets where channel_secrets.valid_until < now();
    get diagnostics v_count = row_count;
    return v_total + v_count;
end;
$function$;
comment on function private.prune_events(integer) is
$comment$Delete events that have been kept for their time (private.retention_terms), messages 30
days after they were over, what is known of selections that did not run for 90 days, and former
signing keys; how many rows.

Called by cron. batch_size: events, and messages, at most, so that no transaction of it is
long.$comment$;
