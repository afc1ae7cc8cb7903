-- Invitations: who may invite as what, what a token is good for, and what voids it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(44);

-- Whoever has an account here has confirmed its address.
create function tests.make_account(name text)
returns void
language sql
as $function$
    select tests.make_person(make_account.name);
    update auth.users set email_confirmed_at = now() where id = tests.id(make_account.name);
$function$;
select tests.make_account(people.name)
from (values ('nora'), ('nick'), ('nils')) as people (name);

create table tests.tokens (
    name text primary key,
    token text,
    invitation jsonb
);
grant select, insert on tests.tokens to public;

-- Invite into acme, and keep what is given back under a name.
create function tests.invite(
    name text, role text, email text default null, labels text[] default '{}',
    expires_in interval default interval '7 days'
)
returns jsonb
language sql
as $function$
    with made as (
        select public.invite_member(
            tests.id('acme'), invite.role, invite.email, invite.labels, invite.expires_in
        ) as invitation
    )
    insert into tests.tokens (name, token, invitation)
    select invite.name, made.invitation ->> 'token', made.invitation
    from made
    returning invitation;
$function$;

create function tests.accept(name text)
returns text
language sql
as $function$
    select accepted.role
    from public.accept_invitation(
        (select tokens.token from tests.tokens where tokens.name = accept.name)
    ) as accepted;
$function$;

create function tests.invitation_id(name text)
returns uuid
language sql
as $function$
    select (tokens.invitation ->> 'id')::uuid from tests.tokens where tokens.name = invitation_id.name;
$function$;

-- What is made

select tests.act_as('olga');
select is(
    tests.invite('first', 'editor') - array['id', 'token', 'created_at', 'expires_at'],
    jsonb_build_object(
        'organization_id', tests.id('acme'), 'role', 'editor', 'email', null, 'labels', '{}'::text[],
        'invited_by', tests.id('olga')
    ),
    'an invitation says what it is for'
);
select matches(
    (select token from tests.tokens where name = 'first'), '^[0-9a-f]{64}$',
    'its token has 256 bits'
);
select tests.act_as_owner();
select results_eq(
    $$ select token_digest from public.organization_invitations $$,
    $$ select sha256(convert_to(token, 'UTF8')) from tests.tokens $$, 'of which a digest is stored'
);
select is_empty(
    $$
    select
    from public.organization_invitations as invitations
    inner join tests.tokens on position(tokens.token in to_jsonb(invitations)::text) > 0
    $$, 'and nothing else'
);
select tests.act_as('adam');
select results_eq(
    $$ select role, expires_at - created_at from public.organization_invitations $$,
    $$ values ('editor', interval '7 days') $$, 'admins see what is open, for a week'
);
select throws_ok(
    $$ select token_digest from public.organization_invitations $$, '42501', null,
    'but not the digest'
);
select tests.act_as('eda');
select is_empty($$ select id from public.organization_invitations $$, 'an editor sees none');
select tests.act_as('otto');
select is_empty($$ select id from public.organization_invitations $$, 'and a stranger neither');

-- What it is good for: once

select tests.act_as('nora');
select is(tests.accept('first'), 'editor', 'whoever has the token becomes a member');
select results_eq(
    $$ select name from public.organizations $$, array['acme'], 'and sees the organization'
);
select tests.act_as('nick');
select is(
    tests.slug_of($$ select tests.accept('first') $$), 'invalid_invitation', 'a token counts once'
);
select throws_ok(
    $$ select public.accept_invitation('made up') $$, 'PT404', null, 'a guess is worth nothing'
);
select is(
    tests.message_of($$ select tests.accept('first') $$)
    || tests.hint_of($$ select tests.accept('first') $$),
    tests.message_of($$ select public.accept_invitation('made up') $$)
    || tests.hint_of($$ select public.accept_invitation('made up') $$),
    'and is told in the same words'
);
select is(
    tests.slug_of($$ select public.accept_invitation(null) $$), 'invalid_invitation', 'as is nothing'
);

-- Expired and revoked ones

select tests.act_as('olga');
select tests.invite('short', 'viewer', expires_in => '1 minute');
select tests.invite('revoked', 'viewer');
select tests.act_as_owner();
update public.organization_invitations
set created_at = created_at - interval '2 minutes', expires_at = expires_at - interval '1 minute'
where id = tests.invitation_id('short');
select tests.act_as('nick');
select is(
    tests.slug_of($$ select tests.accept('short') $$), 'invalid_invitation',
    'a token expires, and is told as a guess'
);
select is(
    tests.slug_of($$ select public.revoke_invitation(tests.invitation_id('revoked')) $$),
    'unknown_invitation', 'a stranger revokes nothing'
);
select tests.act_as('adam');
select lives_ok(
    $$ select public.revoke_invitation(tests.invitation_id('revoked')) $$,
    'an admin takes an invitation back'
);
select is(
    tests.slug_of($$ select public.revoke_invitation(tests.invitation_id('revoked')) $$),
    'unknown_invitation', 'once'
);
select tests.act_as('nick');
select is(
    tests.slug_of($$ select tests.accept('revoked') $$), 'invalid_invitation',
    'and nobody accepts it'
);
select tests.act_as('olga');
select tests.invite('later', 'viewer');
select is_empty(
    $$ select id from public.organization_invitations where id = tests.invitation_id('short') $$,
    'expired ones go when the next is made'
);

-- For one address only

select tests.invite('for nick', 'viewer', 'Nick@Example.test');
select tests.act_as('nils');
select is(
    tests.slug_of($$ select tests.accept('for nick') $$), 'invalid_invitation',
    'an invitation to an address is for that account'
);
select tests.act_as_owner();
update auth.users set email_confirmed_at = null where id = tests.id('nick');
select tests.act_as('nick');
select is(
    tests.slug_of($$ select tests.accept('for nick') $$), 'invalid_invitation',
    'if the account has proved that the address is its own'
);
select tests.act_as_owner();
update auth.users set email_confirmed_at = now() where id = tests.id('nick');
select tests.act_as('nick');
select is(tests.accept('for nick'), 'viewer', 'then it counts, however the address is written');

-- Members already

select is(
    tests.slug_of($$ select tests.accept('later') $$), 'already_member', 'a member is told so'
);
select is(
    (select role from public.organization_members where user_id = tests.id('nick')), 'viewer',
    'and stays what they are'
);
select tests.act_as('nils');
select is(tests.accept('later'), 'viewer', 'the invitation is still there for another');

-- Nobody gives more than they hold

select tests.act_as('adam');
select is(
    tests.slug_of($$ select tests.invite('too much', 'admin') $$), 'not_allowed',
    'an admin invites no admin'
);
select is(
    tests.slug_of($$ select tests.invite('too much', 'owner') $$), 'not_allowed', 'and no owner'
);
select tests.act_as('eda');
select is(
    tests.slug_of($$ select tests.invite('too much', 'viewer') $$), 'not_allowed',
    'an editor invites nobody'
);
select tests.act_as('otto');
select is(
    tests.slug_of($$ select tests.invite('too much', 'viewer') $$), 'unknown_organization',
    'and a stranger is told of no organization'
);
select tests.act_as('olga');
select tests.invite('as admin', 'admin');
select tests.act_as('adam');
select is(
    tests.slug_of($$ select public.revoke_invitation(tests.invitation_id('as admin')) $$),
    'not_allowed', 'an admin does not revoke what only an owner could give'
);

-- The rights of whoever invited are those of the moment of acceptance

select tests.make_account(people.name)
from (values ('zoe'), ('zack')) as people (name)
where set_config('role', 'postgres', true) is not null;
select tests.act_as('adam');
select tests.invite('by adam', 'editor');
select tests.act_as('olga');
select public.set_member_role(tests.id('acme'), tests.id('adam'), 'viewer');
select tests.act_as('zoe');
select is(
    tests.slug_of($$ select tests.accept('by adam') $$), 'invalid_invitation',
    'what a demoted admin offered is void'
);
select tests.act_as('olga');
select public.remove_member(tests.id('acme'), tests.id('adam'));
select tests.act_as('zoe');
select is(
    tests.slug_of($$ select tests.accept('by adam') $$), 'invalid_invitation',
    'and what a removed one did'
);
select tests.act_as_owner();
delete from auth.users where id = tests.id('adam');
select is_empty(
    $$ select id from public.organization_invitations where id = tests.invitation_id('by adam') $$,
    'which goes with their account'
);

-- Runners, and the secret key

select tests.act_as_service();
select is(
    tests.invite('runner', 'runner', labels => array['lan']) ->> 'invited_by', null,
    'the secret key invites, too'
);
select tests.act_as('zoe');
select is(tests.accept('runner'), 'runner', 'a runner joins by invitation');
select tests.act_as_owner();
select results_eq(
    $$ select labels from public.organization_members where user_id = tests.id('zoe') $$,
    $$ values (array['lan']) $$, 'with the labels that it was invited with'
);

-- What is refused

select tests.act_as('olga');
select is(
    tests.slug_of($$ select tests.invite('x', 'king') $$), 'malformed_membership',
    'a role has to be one'
);
select is(
    tests.slug_of($$ select tests.invite('x', 'viewer', labels => array['lan']) $$),
    'malformed_membership', 'a person has no labels'
);
select is(
    tests.slug_of($$ select tests.invite('x', 'viewer', 'not an address') $$),
    'malformed_invitation', 'an address has to be one'
);
select is(
    tests.slug_of($$ select tests.invite('x', 'viewer', expires_in => '31 days') $$),
    'malformed_invitation', 'an invitation lasts a month at most'
);
select is(
    tests.slug_of($$ select tests.invite('x', 'viewer', expires_in => '-1 days') $$),
    'malformed_invitation', 'and does not begin expired'
);
select is(
    tests.slug_of($$ select tests.invite('x', 'viewer', expires_in => null) $$),
    'malformed_invitation', 'or last for ever'
);
select tests.act_as_owner();
insert into public.organization_invitations (
    organization_id, role, token_digest, expires_at
)
select tests.id('acme'), 'viewer', number::text::bytea, now() + interval '1 day'
from generate_series(1, 500) as numbers (number);
select tests.act_as('olga');
select is(
    tests.slug_of($$ select tests.invite('x', 'viewer') $$), 'too_many_invitations',
    'an organization has 500 open at most'
);

select * from finish();
rollback;
