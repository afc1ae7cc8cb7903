-- Workers as people see them: their organization's runners, and all with the secret key.
-- Depends on: memberships, run functions, queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.require_manager(organization_id uuid, action text)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if require_manager.organization_id is null and private.is_operator() then
        return;
    end if;
    perform private.require_organization(require_manager.organization_id);
    if not (
        private.is_operator()
        or require_manager.organization_id = any(
            array(select private.my_managed_organization_ids())
        )
    ) then
        raise exception using
            errcode = 'PT403',
            message = private.one_line(
                format('your role in this organization does not %s', action)
            ),
            detail = 'not_allowed',
            hint = 'Ask an owner or admin.';
    end if;
end;
$function$;
comment on function private.require_manager(uuid, text) is
$comment$Raise unless the caller is an owner or admin of the organization, or has the secret key,
which may also mean all of them by null.

action: as it reads after "does not". Errors: PT403 not_allowed; PT404 unknown_organization.$comment$;

create function private.list_workers(organization_id uuid, after uuid, page_size integer)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- workers and the queue are closed to clients
set search_path = ''
as $function$
declare
    v_limit integer := private.page_limit(page_size);
begin
    perform private.require_manager(list_workers.organization_id, 'see its workers');
    return (
        with shown as (
            select workers.*
            from public.workers
            where
                list_workers.organization_id is null
                or workers.organization_id = list_workers.organization_id
        ),

        page as materialized (
            select shown.*
            from shown
            where
                list_workers.after is null
                or (shown.registered_at, shown.id) < (
                    select
                        seen.registered_at,
                        seen.id
                    from shown as seen
                    where seen.id = list_workers.after
                )
            order by shown.registered_at desc, shown.id desc
            limit v_limit
        ),

        busy as (
            select
                items.worker_id,
                count(*) as leased_count
            from private.work_items as items
            where items.state = 'leased'
            group by items.worker_id
        )

        select jsonb_build_object(
            'workers', coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'worker', page.id,
                        'name', page.name,
                        'version', page.version,
                        'capacity', page.capacity,
                        'labels', page.labels,
                        'organization', page.organization_id,
                        'user', page.user_id,
                        'is_live', live.id is not null,
                        'in_flight', coalesce(busy.leased_count, 0),
                        'registered_at', page.registered_at,
                        'last_seen_at', page.last_seen_at,
                        'revoked_at', page.revoked_at
                    )
                    order by page.registered_at desc, page.id desc
                ),
                '[]'
            ),
            'next', case
                when count(*) = v_limit
                    then (array_agg(page.id order by page.registered_at, page.id))[1]
            end
        )
        from page
        left join busy on busy.worker_id = page.id
        left join private.live_workers() as live on live.id = page.id
    );
end;
$function$;
comment on function private.list_workers(uuid, uuid, integer) is
'Does the work of public.list_workers.';
grant execute on function private.list_workers(uuid, uuid, integer) to authenticated, service_role;

create function public.list_workers(
    organization_id uuid default null, after uuid default null, page_size integer default 1000
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.list_workers(organization_id, after, page_size);
$function$;
comment on function public.list_workers(uuid, uuid, integer) is
$comment$The workers that registered with an organization's runner accounts; with the secret key
also all there are.

For owners, admins and the secret key. organization_id: null, with the secret key only, for all,
those with the secret key included. after: "next" of the previous page, null at first. page_size: 1
to 1,000. Returns {"workers": [{"worker" (its id), "name", "version", "capacity", "labels",
"organization" and "user" (null for the secret key), "is_live" (not revoked, and called in the last
three minutes), "in_flight" (requests that it holds), "registered_at", "last_seen_at" (to the
minute), "revoked_at"}], "next"}, the newest first; next is null when nothing more is there. What
has not called for 30 days is forgotten. Errors: PT403 not_allowed; PT404
unknown_organization.$comment$;
grant execute on function public.list_workers(uuid, uuid, integer) to authenticated, service_role;
