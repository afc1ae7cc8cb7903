-- Changes of membership: roles, transfer, removal, leaving; an organization keeps an owner.
-- Depends on: tenancy. Locks: organization_members, briefly, to add triggers.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.may_manage(manager text, role text)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        case may_manage.manager
            when 'operator' then true
            when 'owner' then true
            when 'admin' then may_manage.role in ('editor', 'viewer', 'runner')
        end,
        false
    );
$function$;
comment on function private.may_manage(text, text) is
$comment$Whether somebody with the first role gives and takes the second: nobody grants more than
they hold, and only owners make, change or remove owners and admins. operator: the secret
key.$comment$;

-- An organization that people belong to has an owner. This holds for every session at every level
-- of isolation, the secret key included.
create function private.keep_an_owner()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- fired by whoever changes memberships
set search_path = ''
as $function$
declare
    v_organization record;
begin
    for v_organization in
        select
            organizations.id,
            organizations.name,
            bool_or(users.id is not null) as is_left_by_somebody
        from former
        -- not one that is being deleted
        inner join public.organizations on organizations.id = former.organization_id
        left join public.users on users.id = former.user_id
        where
            former.role = 'owner'
            and not exists (
                select
                from public.organization_members as members
                where members.organization_id = former.organization_id and members.role = 'owner'
                -- one who is just being removed elsewhere does not count, and one who counts
                -- cannot be removed until this is over
                for share skip locked
            )
        group by organizations.id
    loop
        if v_organization.is_left_by_somebody then
            raise exception using
                errcode = 'PT409',
                message = private.one_line(
                    format('"%s" would be left without an owner', v_organization.name)
                ),
                detail = 'last_owner',
                hint = 'Make somebody else an owner first, with transfer_ownership or '
                    || 'set_member_role.';
        end if;
        -- a deleted account takes its memberships along: refusing would keep people from
        -- deleting their account
        raise warning 'the account of the last owner of organization % was deleted',
        v_organization.id;
    end loop;
    return null;
end;
$function$;
comment on function private.keep_an_owner() is
$comment$Refuse to remove or demote the last owner of an organization. Trigger function.

Errors: PT409 last_owner. Not when the account itself is deleted: that leaves a warning in the log,
and the operator appoints an owner (docs/security.md).$comment$;

create trigger t500_keep_an_owner_on_delete
after delete on public.organization_members
referencing old table as former
for each statement execute function private.keep_an_owner();

create trigger t500_keep_an_owner_on_update
after update on public.organization_members
referencing old table as former
for each statement execute function private.keep_an_owner();

create function private.enter_organization(organization_id uuid)
returns text
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_role text;
begin
    -- changes of one organization's memberships happen one after another
    perform
    from public.organizations
    where organizations.id = enter_organization.organization_id
    for no key update;
    if found then
        if private.is_operator() then
            return 'operator';
        end if;
        select members.role
        into v_role
        from public.organization_members as members
        where
            members.organization_id = enter_organization.organization_id
            and members.user_id = auth.uid()
            and members.role <> 'runner';
    end if;
    if v_role is null then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format(
                    'there is no organization %s that you belong to', enter_organization.organization_id
                )
            ),
            detail = 'unknown_organization',
            hint = 'The table organizations lists yours.';
    end if;
    return v_role;
end;
$function$;
comment on function private.enter_organization(uuid) is
$comment$Lock an organization for a change of its memberships; the caller's role in it.

Returns operator for the secret key. Errors: PT404 unknown_organization, for runners too.$comment$;

create function private.require_organization(organization_id uuid)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if not exists (
        select
        from public.organizations
        where
            organizations.id = require_organization.organization_id
            and (
                private.is_operator()
                or organizations.id = any(array(select private.my_organization_ids()))
            )
    ) then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no organization %s', require_organization.organization_id)
            ),
            detail = 'unknown_organization',
            hint = 'Give the id of one of your organizations.';
    end if;
end;
$function$;
comment on function private.require_organization(uuid) is
$comment$Raise PT404 unknown_organization unless it is one of the caller's, or the caller has the
secret key.$comment$;

create function private.require_management(manager text, role text)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if not private.may_manage(require_management.manager, require_management.role) then
        raise exception using
            errcode = 'PT403',
            message = private.one_line(
                format(
                    'your role in this organization, %s, neither gives nor takes the role %s',
                    require_management.manager, require_management.role
                )
            ),
            detail = 'not_allowed',
            hint = case
                when require_management.role in ('owner', 'admin') then 'Ask an owner.'
                else 'Ask an owner or admin.'
            end;
    end if;
end;
$function$;
comment on function private.require_management(text, text) is
'Raise PT403 not_allowed unless private.may_manage.';

create function private.refuse_malformed_membership(role text, labels text[])
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem text := case
        when not private.is_role(refuse_malformed_membership.role)
            then format('there is no role "%s"', left(refuse_malformed_membership.role, 100))
        when refuse_malformed_membership.role <> 'runner' and labels <> '{}'
            then 'only runners carry labels'
        when not private.are_labels(labels)
            then 'labels are up to 20 words of 1 to 63 characters, without blanks and commas'
    end;
begin
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(v_problem),
            detail = 'malformed_membership',
            hint = 'role is owner, admin, editor, viewer or runner; a runner may have labels.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_membership(text, text[]) is
'Raise PT400 malformed_membership for a role that there is not, or labels that do not go with it.';

create function private.find_member(organization_id uuid, user_id uuid)
returns public.organization_members
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_member public.organization_members;
begin
    select members.*
    into v_member
    from public.organization_members as members
    where
        members.organization_id = find_member.organization_id
        and members.user_id = find_member.user_id;
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('the organization has no member %s', find_member.user_id)
            ),
            detail = 'unknown_member',
            hint = 'The table organization_members lists those there are.';
    end if;
    return v_member;
end;
$function$;
comment on function private.find_member(uuid, uuid) is
'The membership of a user. Errors: PT404 unknown_member.';

create function private.set_member_role(
    organization_id uuid, user_id uuid, role text, labels text[]
)
returns public.organization_members
language plpgsql
volatile
parallel unsafe
security definer -- clients write no memberships
set search_path = ''
as $function$
declare
    v_manager text := private.enter_organization(set_member_role.organization_id);
    v_member public.organization_members;
begin
    perform private.refuse_malformed_membership(set_member_role.role, set_member_role.labels);
    perform private.require_management(v_manager, set_member_role.role);
    v_member := private.find_member(set_member_role.organization_id, set_member_role.user_id);
    perform private.require_management(v_manager, v_member.role);

    update public.organization_members as members
    set
        role = set_member_role.role,
        labels = case
            when set_member_role.role <> 'runner' then '{}'
            else coalesce(set_member_role.labels, members.labels)
        end
    where
        members.organization_id = v_member.organization_id
        and members.user_id = v_member.user_id
    returning members.* into v_member;
    return v_member;
end;
$function$;
comment on function private.set_member_role(uuid, uuid, text, text[]) is
'Does the work of public.set_member_role.';
grant execute on function private.set_member_role(uuid, uuid, text, text[])
to authenticated, service_role;

create function public.set_member_role(
    organization_id uuid, user_id uuid, role text, labels text[] default null
)
returns public.organization_members
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.set_member_role(organization_id, user_id, role, labels);
$function$;
comment on function public.set_member_role(uuid, uuid, text, text[]) is
$comment$Give a member of an organization another role.

Owners give and take every role; admins editor, viewer and runner. labels: of a runner, what its
workers may claim to reach; null leaves them as they are. Returns the row of organization_members.
Errors: PT404 unknown_organization, unknown_member; PT403 not_allowed, runner_account; PT400
malformed_membership; PT409 last_owner.$comment$;
grant execute on function public.set_member_role(uuid, uuid, text, text[])
to authenticated, service_role;

create function private.transfer_ownership(organization_id uuid, user_id uuid)
returns public.organization_members
language plpgsql
volatile
parallel unsafe
security definer -- clients write no memberships
set search_path = ''
as $function$
declare
    v_manager text := private.enter_organization(transfer_ownership.organization_id);
    v_member public.organization_members;
begin
    perform private.require_management(v_manager, 'owner');
    v_member := private.find_member(
        transfer_ownership.organization_id, transfer_ownership.user_id
    );
    if v_member.role = 'runner' or v_member.user_id = auth.uid() then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                case v_member.role
                    when 'runner' then 'a runner cannot own an organization'
                    else 'the organization is yours already'
                end
            ),
            detail = 'malformed_membership',
            hint = 'Name another person who is a member.';
    end if;

    update public.organization_members as members
    set role = case members.user_id when v_member.user_id then 'owner' else 'admin' end
    where
        members.organization_id = v_member.organization_id
        and members.user_id in (v_member.user_id, auth.uid());
    return private.find_member(v_member.organization_id, v_member.user_id);
end;
$function$;
comment on function private.transfer_ownership(uuid, uuid) is
'Does the work of public.transfer_ownership.';
grant execute on function private.transfer_ownership(uuid, uuid) to authenticated;

create function public.transfer_ownership(organization_id uuid, user_id uuid)
returns public.organization_members
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.transfer_ownership(organization_id, user_id);
$function$;
comment on function public.transfer_ownership(uuid, uuid) is
$comment$Make another member the owner of an organization in one's own place, and oneself an admin.

Only owners may. Returns the row of organization_members of the new owner. Errors: PT404
unknown_organization, unknown_member; PT403 not_allowed; PT400 malformed_membership.$comment$;
grant execute on function public.transfer_ownership(uuid, uuid) to authenticated;

create function private.remove_member(organization_id uuid, user_id uuid)
returns public.organization_members
language plpgsql
volatile
parallel unsafe
security definer -- clients write no memberships
set search_path = ''
as $function$
declare
    v_manager text := private.enter_organization(remove_member.organization_id);
    v_member public.organization_members;
begin
    -- whoever manages nobody learns nothing about who is a member
    perform private.require_management(v_manager, 'viewer');
    v_member := private.find_member(remove_member.organization_id, remove_member.user_id);
    perform private.require_management(v_manager, v_member.role);

    delete from public.organization_members as members
    where
        members.organization_id = v_member.organization_id
        and members.user_id = v_member.user_id;
    return v_member;
end;
$function$;
comment on function private.remove_member(uuid, uuid) is
'Does the work of public.remove_member.';
grant execute on function private.remove_member(uuid, uuid) to authenticated, service_role;

create function public.remove_member(organization_id uuid, user_id uuid)
returns public.organization_members
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.remove_member(organization_id, user_id);
$function$;
comment on function public.remove_member(uuid, uuid) is
$comment$Take a member out of an organization; what they may no longer see is gone with the next
statement.

Owners remove everybody, admins editors, viewers and runners. Returns the row that was removed.
Errors: PT404 unknown_organization, unknown_member; PT403 not_allowed; PT409 last_owner.$comment$;
grant execute on function public.remove_member(uuid, uuid) to authenticated, service_role;

create function private.leave_organization(organization_id uuid)
returns public.organization_members
language plpgsql
volatile
parallel unsafe
security definer -- clients write no memberships
set search_path = ''
as $function$
declare
    v_member public.organization_members;
begin
    perform private.enter_organization(leave_organization.organization_id);
    delete from public.organization_members as members
    where
        members.organization_id = leave_organization.organization_id
        and members.user_id = auth.uid()
    returning members.* into v_member;
    return v_member;
end;
$function$;
comment on function private.leave_organization(uuid) is
'Does the work of public.leave_organization.';
grant execute on function private.leave_organization(uuid) to authenticated;

create function public.leave_organization(organization_id uuid)
returns public.organization_members
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.leave_organization(organization_id);
$function$;
comment on function public.leave_organization(uuid) is
$comment$End one's own membership in an organization.

Everybody may but the last owner; a runner is taken out by those who manage it. Returns the row that
was removed. Errors: PT404 unknown_organization; PT409 last_owner.$comment$;
grant execute on function public.leave_organization(uuid) to authenticated;
