-- Users, organizations and memberships: who may see and change what.
-- Depends on: schemas. Locks: auth.users, briefly, to add a trigger.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.users (
    id uuid primary key references auth.users on delete cascade,
    email text,
    display_name text,
    created_at timestamptz not null default now()
);
comment on table public.users is
'Mirror of auth.users that colleagues may read. Written by a trigger; only display_name is free.';
comment on column public.users.id is 'Same as auth.users.id.';
comment on column public.users.email is 'Copied from auth.users; null for accounts without e-mail.';
comment on column public.users.display_name is 'Chosen by the user; null until then.';
comment on column public.users.created_at is 'When the account was first seen.';

create table public.organizations (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    created_at timestamptz not null default now(),
    constraint organizations_name_check check (length(btrim(name)) between 1 and 200)
);
comment on table public.organizations is
'A tenant. Everything else belongs to exactly one, through its project.';
comment on column public.organizations.id is 'Stable identity.';
comment on column public.organizations.name is 'Shown to people; 1 to 200 characters.';
comment on column public.organizations.created_at is 'When it was created.';

create function private.are_labels(labels text[])
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when cardinality(labels) > 20 then false
        else not exists (
            select
            from unnest(labels) as words (label)
            where (words.label ~ '^[^,[:space:]]{1,63}$') is not true
        )
    end;
$function$;
comment on function private.are_labels(text[]) is
'At most 20 words, of 1 to 63 characters, without blanks and commas. For check constraints.';
grant execute on function private.are_labels(text[]) to authenticated, service_role;

create function private.is_role(role text)
returns boolean
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(is_role.role in ('owner', 'admin', 'editor', 'viewer', 'runner'), false);
$function$;
comment on function private.is_role(text) is
'Is there such a role? False for null. For check constraints.';
grant execute on function private.is_role(text) to authenticated, service_role;

create table public.organization_members (
    organization_id uuid not null references public.organizations on delete cascade,
    user_id uuid not null references public.users on delete cascade,
    role text not null,
    labels text[] not null default '{}',
    created_at timestamptz not null default now(),
    primary key (organization_id, user_id),
    constraint organization_members_role_check check (private.is_role(role)),
    constraint organization_members_labels_check check (
        private.are_labels(labels) and (role = 'runner' or labels = '{}')
    )
);
comment on table public.organization_members is 'Who belongs to which organization, and as what.';
comment on column public.organization_members.organization_id is 'The organization.';
comment on column public.organization_members.user_id is 'The member.';
comment on column public.organization_members.role is
$comment$owner and admin manage environments, secrets and credentials; editor changes tests and runs
them; viewer reads. runner is a worker's own account: it takes runs and sees nothing else.
Given by create_organization, accept_invitation, set_member_role and transfer_ownership.$comment$;
comment on column public.organization_members.labels is
'What workers of a runner may claim to reach; empty for people.';
comment on column public.organization_members.created_at is 'When the membership began.';
create index organization_members_user_id_idx on public.organization_members (user_id);

create function private.keep_runners_apart()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- looks at memberships in all organizations
set search_path = ''
as $function$
begin
    -- the memberships of an account are decided one after the other
    perform from public.users where id = new.user_id for no key update;
    if exists (
        select
        from public.organization_members as members
        where
            members.user_id = new.user_id
            and members.organization_id <> new.organization_id
            and 'runner' in (members.role, new.role)
    ) then
        raise exception using
            errcode = 'PT403',
            message = 'a runner account belongs to one organization and to no other',
            detail = 'runner_account',
            hint = 'Make an account of its own for each runner.';
    end if;
    return new;
end;
$function$;
comment on function private.keep_runners_apart() is
$comment$Refuse a membership beside that of a runner, and a runner's beside any other (PT403
runner_account): what a runner account can do is known by its one row. Trigger function.$comment$;

create trigger t200_keep_runners_apart
before insert or update of user_id, role on public.organization_members
for each row execute function private.keep_runners_apart();

create function private.mirror_user()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- fired by the sign-in service, which has no rights in public
set search_path = ''
as $function$
begin
    insert into public.users (id, email)
    values (new.id, new.email)
    on conflict (id) do update set email = excluded.email;
    return new;
end;
$function$;
comment on function private.mirror_user() is
'Keep public.users in step with auth.users. Trigger function, after insert or change of e-mail.';

create or replace trigger assay_mirror_user
after insert or update of email on auth.users
for each row execute function private.mirror_user();

-- Accounts that were there before the first push.
insert into public.users (id, email)
select
    accounts.id,
    accounts.email
from auth.users as accounts;

-- Set helpers for policies: "= any (array(select private.my_..._ids()))" is evaluated once per
-- query and uses the index; a helper that takes the row's key would run for every row.
create function private.my_organization_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- reads memberships past their own policy, which would call this again
set search_path = ''
as $function$
    select members.organization_id
    from public.organization_members as members
    where members.user_id = (select auth.uid()) and members.role <> 'runner';
$function$;
comment on function private.my_organization_ids() is
$comment$Organizations whose rows the signed-in user may read: as anything but a runner.

Empty for anon and for keys without a user.$comment$;
grant execute on function private.my_organization_ids() to authenticated;

create function private.my_runner_organization_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- as my_organization_ids
set search_path = ''
as $function$
    select members.organization_id
    from public.organization_members as members
    where members.user_id = (select auth.uid()) and members.role = 'runner';
$function$;
comment on function private.my_runner_organization_ids() is
'Organizations whose runs the signed-in account may execute: as a runner.';
grant execute on function private.my_runner_organization_ids() to authenticated;

create function private.my_edited_organization_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- as my_organization_ids
set search_path = ''
as $function$
    select members.organization_id
    from public.organization_members as members
    where
        members.user_id = (select auth.uid())
        and members.role in ('owner', 'admin', 'editor');
$function$;
comment on function private.my_edited_organization_ids() is
'Organizations in which the signed-in user may change tests and queue runs.';
grant execute on function private.my_edited_organization_ids() to authenticated;

create function private.my_managed_organization_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- as my_organization_ids
set search_path = ''
as $function$
    select members.organization_id
    from public.organization_members as members
    where
        members.user_id = (select auth.uid())
        and members.role in ('owner', 'admin');
$function$;
comment on function private.my_managed_organization_ids() is
'Organizations in which the signed-in user manages members, environments and credentials.';
grant execute on function private.my_managed_organization_ids() to authenticated;

create function private.my_colleague_ids()
returns setof uuid
language sql
stable
parallel safe
security definer -- as my_organization_ids
set search_path = ''
as $function$
    select members.user_id
    from public.organization_members as members
    where members.organization_id = any(array(select private.my_organization_ids()));
$function$;
comment on function private.my_colleague_ids() is
'Users who share an organization with the signed-in user, the user included.';
grant execute on function private.my_colleague_ids() to authenticated;

create function private.is_operator()
returns boolean
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    -- a session without claims is a direct connection to the database
    select coalesce((select auth.role()), 'service_role') = 'service_role';
$function$;
comment on function private.is_operator() is
'True for the secret key and for a direct connection to the database.';
grant execute on function private.is_operator() to authenticated, service_role;

alter table public.users enable row level security;
grant select on public.users to authenticated;
grant update (display_name) on public.users to authenticated;
grant select, insert, update, delete on public.users to service_role;

create policy users_select_colleague on public.users
for select to authenticated
using (id = (select auth.uid()) or id = any(array(select private.my_colleague_ids())));

create policy users_update_self on public.users
for update to authenticated
using (id = (select auth.uid()))
with check (id = (select auth.uid()));

alter table public.organizations enable row level security;
grant select on public.organizations to authenticated;
grant update (name) on public.organizations to authenticated;
grant select, insert, update, delete on public.organizations to service_role;

create policy organizations_select_member on public.organizations
for select to authenticated
using (id = any(array(select private.my_organization_ids())));

create policy organizations_update_manager on public.organizations
for update to authenticated
using (id = any(array(select private.my_managed_organization_ids())))
with check (id = any(array(select private.my_managed_organization_ids())));

alter table public.organization_members enable row level security;
grant select on public.organization_members to authenticated;
grant select, insert, update, delete on public.organization_members to service_role;

create policy organization_members_select_member on public.organization_members
for select to authenticated
using (organization_id = any(array(select private.my_organization_ids())));

create function private.create_organization(name text)
returns public.organizations
language plpgsql
volatile
parallel unsafe
security definer -- the first membership cannot pass a policy that asks for a membership
set search_path = ''
as $function$
declare
    v_organization public.organizations;
begin
    if auth.uid() is null then
        raise exception using
            errcode = 'PT401',
            message = 'an organization needs an owner, and nobody is signed in',
            detail = 'not_signed_in',
            hint = 'Sign in first; with a secret key, insert into organizations directly.';
    end if;

    -- the limits of an organization are worth as much as it costs to found another; two at once
    -- wait for each other
    perform from public.users where id = auth.uid() for no key update;
    if (
        select count(*)
        from public.organization_members as members
        where members.user_id = auth.uid() and members.role = 'owner'
    ) >= 20 then
        raise exception using
            errcode = 'PT429',
            message = 'you own 20 organizations, and more are not founded without the operator',
            detail = 'too_many_organizations',
            hint = 'Pass one on with transfer_ownership, or ask the operator of this Assay.';
    end if;

    insert into public.organizations (name)
    values (create_organization.name)
    returning * into v_organization;

    insert into public.organization_members (organization_id, user_id, role)
    values (v_organization.id, auth.uid(), 'owner');

    return v_organization;
end;
$function$;
comment on function private.create_organization(text) is
'Does the work of public.create_organization.';
grant execute on function private.create_organization(text) to authenticated;

create function public.create_organization(name text)
returns public.organizations
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.create_organization(create_organization.name);
$function$;
comment on function public.create_organization(text) is
$comment$Create an organization and make the signed-in user its owner.

name: 1 to 200 characters. Returns the organizations row. Errors: PT401 not_signed_in,
name: 1 to 200 characters. Returns the organizations row. Errors: PT401 not_signed_in,
PT403 runner_account, PT429 too_many_organizations.$comment$;
grant execute on function public.create_organization(text) to authenticated;
