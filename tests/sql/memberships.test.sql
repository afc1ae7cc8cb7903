-- Roles given and taken, ownership passed on, leaving; and an organization keeps an owner.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(49);

create function tests.role_of(name text, organization text default 'acme')
returns text
language sql
as $function$
    select members.role
    from public.organization_members as members
    where
        members.organization_id = tests.id(role_of.organization)
        and members.user_id = tests.id(role_of.name);
$function$;

-- A call for acme, in short.
create function tests.set_role(name text, role text, labels text[] default null)
returns text
language sql
as $function$
    select changed.role
    from public.set_member_role(
        tests.id('acme'), tests.id(set_role.name), set_role.role, set_role.labels
    ) as changed;
$function$;

select tests.make_person('nora');

-- Who manages whom

select tests.act_as('olga');
select is(tests.set_role('eda', 'admin'), 'admin', 'an owner makes an editor an admin');
select is(tests.set_role('eda', 'owner'), 'owner', 'and an owner');
select is(tests.set_role('eda', 'editor'), 'editor', 'and takes that back');

select tests.act_as('adam');
select is(tests.set_role('vera', 'editor'), 'editor', 'an admin makes a viewer an editor');
select is(tests.set_role('vera', 'viewer'), 'viewer', 'and a viewer again');
select is(
    tests.slug_of($$ select tests.set_role('vera', 'admin') $$), 'not_allowed',
    'but nobody an admin'
);
select throws_ok(
    $$ select tests.set_role('vera', 'owner') $$, 'PT403', null, 'nor an owner'
);
select is(
    tests.slug_of($$ select tests.set_role('adam', 'owner') $$), 'not_allowed',
    'least of all themselves'
);
select is(
    tests.slug_of($$ select tests.set_role('olga', 'viewer') $$), 'not_allowed',
    'and demotes no owner'
);
select is(
    tests.slug_of($$ select public.remove_member(tests.id('acme'), tests.id('olga')) $$),
    'not_allowed', 'or removes one'
);
select is(
    tests.slug_of($$ select public.transfer_ownership(tests.id('acme'), tests.id('adam')) $$),
    'not_allowed', 'or takes the organization over'
);
select is(tests.role_of('olga'), 'owner', 'so the owner stays');

select tests.act_as('eda');
select is(
    tests.slug_of($$ select tests.set_role('vera', 'viewer') $$), 'not_allowed',
    'an editor manages nobody'
);
select is(
    tests.slug_of($$ select public.remove_member(tests.id('acme'), tests.id('nora')) $$),
    'not_allowed', 'and is not told who is a member'
);

select tests.act_as('otto');
select is(
    tests.slug_of($$ select tests.set_role('vera', 'viewer') $$), 'unknown_organization',
    'for a stranger there is no such organization'
);
select is(
    tests.message_of($$ select tests.set_role('vera', 'viewer') $$),
    replace(
        tests.message_of($$
            select public.set_member_role(tests.id('nowhere'), tests.id('vera'), 'viewer')
        $$),
        tests.id('nowhere')::text, tests.id('acme')::text
    ),
    'told as of one that is nowhere'
);

-- What is refused

select tests.act_as('olga');
select is(
    tests.slug_of($$ select tests.set_role('vera', 'king') $$), 'malformed_membership',
    'a role has to be one'
);
select throws_ok($$ select tests.set_role('vera', null) $$, 'PT400', null, 'and not none');
select is(
    tests.slug_of($$ select tests.set_role('vera', 'viewer', array['lan']) $$),
    'malformed_membership', 'a person has no labels'
);
select is(
    tests.slug_of($$ select tests.set_role('vera', 'runner', array['']) $$),
    'malformed_membership', 'a label has characters'
);
select is(
    tests.slug_of($$ select tests.set_role('vera', 'runner', array[null]) $$),
    'malformed_membership', 'and is text'
);
select is(
    tests.slug_of($$ select tests.set_role('nora', 'viewer') $$), 'unknown_member',
    'set_member_role is for members'
);
select is(
    tests.slug_of($$ select public.remove_member(tests.id('acme'), tests.id('otto')) $$),
    'unknown_member', 'and so is remove_member'
);

-- Runners

select is(tests.set_role('vera', 'runner', array['lan']), 'runner', 'an account becomes a runner');
select results_eq(
    $$
    select (public.set_member_role(tests.id('acme'), tests.id('vera'), 'runner')).labels
    $$,
    $$ values (array['lan']) $$, 'its labels stay unless they are given'
);
select is(
    tests.slug_of($$ select public.transfer_ownership(tests.id('acme'), tests.id('vera')) $$),
    'malformed_membership', 'ownership does not pass to a runner'
);
select tests.act_as('vera');
select is(
    tests.slug_of($$ select public.leave_organization(tests.id('acme')) $$),
    'unknown_organization', 'a runner does not leave by itself'
);
select is(
    tests.slug_of($$ select public.create_organization('mine') $$), 'runner_account',
    'or found an organization'
);
select tests.act_as('adam');
select is(tests.set_role('vera', 'viewer'), 'viewer', 'and becomes a person again');
select results_eq(
    $$ select labels from public.organization_members where user_id = tests.id('vera') $$,
    $$ values ('{}'::text[]) $$, 'without labels'
);

-- Removal holds at once

select lives_ok(
    $$ select public.remove_member(tests.id('acme'), tests.id('vera')) $$,
    'an admin removes a viewer'
);
select tests.act_as('vera');
select is_empty($$ select id from public.organizations $$, 'who sees nothing from then on');
select is(
    tests.slug_of($$ select public.leave_organization(tests.id('acme')) $$),
    'unknown_organization', 'and has nothing to leave'
);

-- Leaving and the last owner

select tests.act_as('olga');
select is(
    tests.slug_of($$ select public.leave_organization(tests.id('acme')) $$), 'last_owner',
    'the last owner does not leave'
);
select throws_ok(
    $$ select public.leave_organization(tests.id('acme')) $$, 'PT409', null, 'which is a conflict'
);
select is(
    tests.slug_of($$ select tests.set_role('olga', 'admin') $$), 'last_owner',
    'or become something else'
);
select is(
    tests.slug_of($$ select public.transfer_ownership(tests.id('acme'), tests.id('olga')) $$),
    'malformed_membership', 'or pass the organization to themselves'
);
select results_eq(
    $$ select user_id, role from public.transfer_ownership(tests.id('acme'), tests.id('eda')) $$,
    $$ values (tests.id('eda'), 'owner') $$, 'an owner passes the organization on'
);
select is(tests.role_of('olga'), 'admin', 'and is an admin then');
select results_eq(
    $$ select user_id from public.leave_organization(tests.id('acme')) $$,
    $$ values (tests.id('olga')) $$, 'who may leave'
);

-- Whoever changes memberships, past every function

select tests.act_as_service();
select is(
    tests.slug_of($$
        delete from public.organization_members where organization_id = tests.id('acme')
    $$),
    'last_owner', 'the secret key removes no last owner'
);
select is(
    tests.slug_of($$
        update public.organization_members set role = 'viewer' where user_id = tests.id('eda')
    $$),
    'last_owner', 'and demotes none'
);
select is(
    tests.slug_of($$
        update public.organization_members set organization_id = tests.id('other')
        where user_id = tests.id('eda')
    $$),
    'last_owner', 'and moves none elsewhere'
);
select is(
    (
        select role
        from public.set_member_role(tests.id('acme'), tests.id('adam'), 'owner')
    ),
    'owner', 'but appoints one'
);
select is(
    (select role from public.remove_member(tests.id('acme'), tests.id('eda'))),
    'owner', 'and removes another'
);
select lives_ok(
    $$ delete from public.organizations where id = tests.id('other') $$,
    'an organization takes its owner along'
);

-- The account of the last owner is deleted: not refused, not silent, and to be mended

select tests.act_as_owner();
select tests.make_organization('third', '{"tom": "owner", "tina": "admin"}');
select lives_ok(
    $$ delete from auth.users where id = tests.id('tom') $$, 'an account can always be deleted'
);
select results_eq(
    $$
    select organizations.name
    from public.organizations
    where
        exists (
            select from public.organization_members as members
            where members.organization_id = organizations.id
        )
        and not exists (
            select from public.organization_members as members
            where members.organization_id = organizations.id and members.role = 'owner'
        )
    $$,
    array['third'], 'the query of docs/security.md finds the organization that is left'
);
select tests.act_as_service();
select is(
    (select role from public.set_member_role(tests.id('third'), tests.id('tina'), 'owner')),
    'owner', 'and the operator appoints somebody'
);

select * from finish();
rollback;
