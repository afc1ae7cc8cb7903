-- Invitations: how somebody becomes a member, by a token that counts once.
-- Depends on: memberships, pgcrypto. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.organization_invitations (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations on delete cascade,
    role text not null,
    email text,
    labels text[] not null default '{}',
    token_digest bytea not null,
    invited_by uuid references public.users on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint organization_invitations_token_digest_key unique (token_digest),
    constraint organization_invitations_role_check check (private.is_role(role)),
    constraint organization_invitations_labels_check check (
        private.are_labels(labels) and (role = 'runner' or labels = '{}')
    ),
    constraint organization_invitations_email_check check (
        email ~ '^[^[:space:]@]+@[^[:space:]@]+$' and email = lower(email) and length(email) <= 320
    ),
    constraint organization_invitations_expires_at_check check (
        expires_at between created_at + interval '1 minute' and created_at + interval '30 days'
    )
);
comment on table public.organization_invitations is
'Open invitations: a row goes when it is accepted or revoked. Made by invite_member.';
comment on column public.organization_invitations.id is 'Stable identity.';
comment on column public.organization_invitations.organization_id is 'The organization.';
comment on column public.organization_invitations.role is 'The role that it gives.';
comment on column public.organization_invitations.email is
'Only the account with this confirmed address may accept it; null = whoever has the token.';
comment on column public.organization_invitations.labels is
'Of a runner: what its workers may claim to reach.';
comment on column public.organization_invitations.token_digest is
'SHA-256 of the token, which is stored nowhere. Not readable by clients.';
comment on column public.organization_invitations.invited_by is
$comment$Who invited; null for the secret key. It is void while that person could not give the role
any more.$comment$;
comment on column public.organization_invitations.created_at is 'When it was made.';
comment on column public.organization_invitations.expires_at is
'Until when it can be accepted: a minute to 30 days after it was made.';
create index organization_invitations_organization_id_idx
on public.organization_invitations (organization_id);
create index organization_invitations_invited_by_idx
on public.organization_invitations (invited_by);

alter table public.organization_invitations enable row level security;
grant select (
    id, organization_id, role, email, labels, invited_by, created_at, expires_at
) on public.organization_invitations to authenticated, service_role;

create policy organization_invitations_select_manager on public.organization_invitations
for select to authenticated
using (organization_id = any(array(select private.my_managed_organization_ids())));

create function private.refuse_malformed_invitation(email text, expires_in interval)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_problem text := case
        when
            length(refuse_malformed_invitation.email) > 320
            or refuse_malformed_invitation.email !~ '^[^[:space:]@]+@[^[:space:]@]+$'
            then format('"%s" is no e-mail address', left(refuse_malformed_invitation.email, 100))
        when
            expires_in between interval '1 minute' and interval '30 days' is not true
            then format('expires_in %s is outside a minute to 30 days', expires_in)
    end;
begin
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(v_problem),
            detail = 'malformed_invitation',
            hint = 'For example {"email": "nora@example.com", "expires_in": "2 days"}; '
                || 'without email, whoever has the token may accept.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_invitation(text, interval) is
'Raise PT400 malformed_invitation for an address that is none, or a time that is out of bounds.';

create function private.make_room_for_invitation(organization_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_limit constant integer := 500;
begin
    delete from public.organization_invitations as invitations
    where
        invitations.organization_id = make_room_for_invitation.organization_id
        and invitations.expires_at <= now();
    if
        (
            select count(*)
            from public.organization_invitations as invitations
            where invitations.organization_id = make_room_for_invitation.organization_id
        ) >= v_limit
    then
        raise exception using
            errcode = 'PT429',
            message = private.one_line(format('the organization has %s open invitations', v_limit)),
            detail = 'too_many_invitations',
            hint = 'Revoke some with revoke_invitation, or wait until some expire.';
    end if;
end;
$function$;
comment on function private.make_room_for_invitation(uuid) is
'Drop expired invitations of an organization. Errors: PT429 too_many_invitations, over 500.';

create function private.invite_member(
    organization_id uuid, role text, email text, labels text[], expires_in interval
)
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer -- clients write no invitations
set search_path = ''
as $function$
declare
    v_manager text := private.enter_organization(invite_member.organization_id);
    -- 256 bits: nobody guesses it
    v_token text := encode(extensions.gen_random_bytes(32), 'hex');
    v_invitation public.organization_invitations;
begin
    perform private.refuse_malformed_membership(invite_member.role, invite_member.labels);
    perform private.refuse_malformed_invitation(invite_member.email, invite_member.expires_in);
    perform private.require_management(v_manager, invite_member.role);
    perform private.make_room_for_invitation(invite_member.organization_id);

    insert into public.organization_invitations (
        organization_id, role, email, labels, token_digest, invited_by, expires_at
    )
    values (
        invite_member.organization_id, invite_member.role, lower(invite_member.email),
        coalesce(invite_member.labels, '{}'), sha256(convert_to(v_token, 'UTF8')), auth.uid(),
        now() + invite_member.expires_in
    )
    returning * into v_invitation;
    return to_jsonb(v_invitation) - 'token_digest' || jsonb_build_object('token', v_token);
end;
$function$;
comment on function private.invite_member(uuid, text, text, text[], interval) is
'Does the work of public.invite_member.';
grant execute on function private.invite_member(uuid, text, text, text[], interval)
to authenticated, service_role;

create function public.invite_member(
    organization_id uuid,
    role text,
    email text default null,
    labels text[] default '{}',
    expires_in interval default interval '7 days'
)
returns jsonb
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.invite_member(organization_id, role, email, labels, expires_in);
$function$;
comment on function public.invite_member(uuid, text, text, text[], interval) is
$comment$Invite somebody into an organization: the token to give them, which is shown this once.

role: what accept_invitation makes them; owners invite as anything, admins as editor, viewer or
runner. email: only the account with this confirmed address may accept; without it, whoever has the
token. labels: of a runner, what its workers may claim to reach. expires_in: a minute to 30 days.
Returns {"id", "organization_id", "role", "email", "labels", "invited_by", "created_at",
"expires_at", "token"}. Errors: PT404 unknown_organization; PT403 not_allowed; PT400
malformed_membership, malformed_invitation; PT429 too_many_invitations.$comment$;
grant execute on function public.invite_member(uuid, text, text, text[], interval)
to authenticated, service_role;

create function private.take_invitation(token text)
returns public.organization_invitations
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_invitation public.organization_invitations;
begin
    -- of two who take it at once, the second finds the row gone
    delete from public.organization_invitations as invitations
    where
        invitations.token_digest = sha256(convert_to(take_invitation.token, 'UTF8'))
        and invitations.expires_at > now()
        and (
            invitations.email is null
            or exists (
                select
                from auth.users as accounts
                where
                    accounts.id = auth.uid()
                    and lower(accounts.email) = invitations.email
                    and accounts.email_confirmed_at is not null
            )
        )
        -- the rights of whoever invited are those of now, not of then
        and (
            invitations.invited_by is null
            or exists (
                select
                from public.organization_members as inviters
                where
                    inviters.organization_id = invitations.organization_id
                    and inviters.user_id = invitations.invited_by
                    and private.may_manage(inviters.role, invitations.role)
            )
        )
    returning invitations.* into v_invitation;
    if v_invitation.id is null then
        raise exception using
            errcode = 'PT404',
            message = 'this invitation cannot be accepted',
            detail = 'invalid_invitation',
            hint = 'It may have been used or revoked, have expired, be for another e-mail address, '
                || 'or come from somebody who has left: ask for a new one.';
    end if;
    return v_invitation;
end;
$function$;
comment on function private.take_invitation(text) is
$comment$Use up the invitation of a token that the signed-in user may accept.

Errors: PT404 invalid_invitation, which does not tell why not.$comment$;

create function private.accept_invitation(token text)
returns public.organization_members
language plpgsql
volatile
parallel unsafe
security definer -- clients write no memberships
set search_path = ''
as $function$
declare
    v_invitation public.organization_invitations := private.take_invitation(
        accept_invitation.token
    );
    v_member public.organization_members;
begin
    insert into public.organization_members (organization_id, user_id, role, labels)
    values (v_invitation.organization_id, auth.uid(), v_invitation.role, v_invitation.labels)
    on conflict do nothing
    returning * into v_member;
    if v_member.user_id is null then
        raise exception using
            errcode = 'PT409',
            message = 'you are a member of this organization already',
            detail = 'already_member',
            hint = 'The invitation stays open for somebody else; set_member_role changes a role.';
    end if;
    return v_member;
end;
$function$;
comment on function private.accept_invitation(text) is
'Does the work of public.accept_invitation.';
grant execute on function private.accept_invitation(text) to authenticated;

create function public.accept_invitation(token text)
returns public.organization_members
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.accept_invitation(token);
$function$;
comment on function public.accept_invitation(text) is
$comment$Become a member of the organization that a token invites to. It counts once.

Returns the row of organization_members. Errors: PT404 invalid_invitation, whatever the reason;
PT409 already_member, PT403 runner_account, and the invitation stays open.$comment$;
grant execute on function public.accept_invitation(text) to authenticated;

create function private.revoke_invitation(invitation_id uuid)
returns void
language plpgsql
volatile
parallel unsafe
security definer -- clients write no invitations
set search_path = ''
as $function$
declare
    v_invitation public.organization_invitations;
begin
    select invitations.*
    into v_invitation
    from public.organization_invitations as invitations
    where
        invitations.id = revoke_invitation.invitation_id
        and (
            private.is_operator()
            or invitations.organization_id
            = any(array(select private.my_managed_organization_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no open invitation %s', revoke_invitation.invitation_id)
            ),
            detail = 'unknown_invitation',
            hint = 'The table organization_invitations lists those there are.';
    end if;
    perform private.require_management(
        private.enter_organization(v_invitation.organization_id), v_invitation.role
    );
    delete from public.organization_invitations as invitations
    where invitations.id = v_invitation.id;
end;
$function$;
comment on function private.revoke_invitation(uuid) is
'Does the work of public.revoke_invitation.';
grant execute on function private.revoke_invitation(uuid) to authenticated, service_role;

create function public.revoke_invitation(invitation_id uuid)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.revoke_invitation(invitation_id);
$function$;
comment on function public.revoke_invitation(uuid) is
$comment$Take back an invitation that nobody has accepted.

Whoever could give its role may. Errors: PT404 unknown_invitation; PT403 not_allowed.$comment$;
grant execute on function public.revoke_invitation(uuid) to authenticated, service_role;
