-- Revocation: a runner account that is none any more, or lost labels, is refused from then on and
-- its leases die at once, however its membership was changed.
-- Depends on: memberships, rescue. Locks: organization_members and workers, briefly, to add
-- triggers.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.stop_calls(user_ids uuid[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select pg_advisory_xact_lock(private.runner_key(accounts.id))
    from (
        select distinct unnest(user_ids) as id
        order by id
    ) as accounts;
$function$;
comment on function private.stop_calls(uuid[]) is
$comment$Wait for the calls under way of these runner accounts, and keep further ones waiting until
this transaction is over. The other side: private.hold_runner.$comment$;

create function private.stop_workers(user_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_revoked uuid[];
begin
    perform private.stop_calls(user_ids);

    with revoked as (
        update public.workers
        set revoked_at = now()
        where
            workers.user_id = any(user_ids)
            and workers.revoked_at is null
            and not exists (
                select
                from public.organization_members as members
                where
                    members.organization_id = workers.organization_id
                    and members.user_id = workers.user_id
                    and members.role = 'runner'
                    and members.labels @> workers.labels
            )
        returning workers.id
    )

    select coalesce(array_agg(revoked.id), '{}') into v_revoked from revoked;
    perform private.end_leases(v_revoked);
end;
$function$;
comment on function private.stop_workers(uuid[]) is
$comment$Revoke those workers of these accounts that their memberships do not carry any more,
and end their leases.$comment$;

create function private.stop_former_runners()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- whoever may change a membership need not see the engine
set search_path = ''
as $function$
declare
    v_accounts uuid[] := array(
        select former.user_id from former where former.role = 'runner'
    );
begin
    if v_accounts <> '{}' then
        perform private.stop_workers(v_accounts);
    end if;
    return null;
end;
$function$;
comment on function private.stop_former_runners() is
'Stop the workers of runners whose membership was changed or ended. Trigger function.';

create trigger t500_stop_former_runners_after_update
after update on public.organization_members
referencing old table as former
for each statement execute function private.stop_former_runners();

create trigger t500_stop_former_runners_after_delete
after delete on public.organization_members
referencing old table as former
for each statement execute function private.stop_former_runners();

create function private.end_leases_of_deleted()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- fired when an account is deleted, by the sign-in service
set search_path = ''
as $function$
begin
    perform private.stop_calls(array(
        select former.user_id from former where former.user_id is not null
    ));
    perform private.end_leases(array(select former.id from former));
    return null;
end;
$function$;
comment on function private.end_leases_of_deleted() is
'End the leases of workers that are gone, with their account or otherwise. Trigger function.';

create trigger t500_end_leases_of_deleted
after delete on public.workers
referencing old table as former
for each statement execute function private.end_leases_of_deleted();

create function private.revoke_runner(organization_id uuid, user_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- memberships are changed by functions only
set search_path = ''
as $function$
begin
    perform private.require_management(
        private.enter_organization(revoke_runner.organization_id), 'runner'
    );

    delete from public.organization_members as members
    where
        members.organization_id = revoke_runner.organization_id
        and members.user_id = revoke_runner.user_id
        and members.role = 'runner';
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('the organization has no runner %s', revoke_runner.user_id)
            ),
            detail = 'unknown_runner',
            hint = 'Give the user_id of a row of organization_members whose role is runner.';
    end if;

    -- what its sessions could still do is refresh themselves; a platform may keep them to itself
    if has_table_privilege('auth.sessions', 'delete') then
        delete from auth.sessions where sessions.user_id = revoke_runner.user_id;
    end if;
end;
$function$;
comment on function private.revoke_runner(uuid, uuid) is 'Does the work of public.revoke_runner.';
grant execute on function private.revoke_runner(uuid, uuid) to authenticated, service_role;

create function public.revoke_runner(organization_id uuid, user_id uuid)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.revoke_runner(organization_id, user_id);
$function$;
comment on function public.revoke_runner(uuid, uuid) is
$comment$End what a runner account may do, at once: its membership, its workers and their leases.

For owners, admins and the secret key. Requests that its workers had in flight are handed to others
where they may be repeated, and end as error / lost where not; whatever its workers call afterwards
is refused. The account itself stays and may sign in; it sees and does nothing here.
Errors: PT403 not_allowed; PT404 unknown_organization, unknown_runner.$comment$;
grant execute on function public.revoke_runner(uuid, uuid) to authenticated, service_role;
