-- list_workers: who works for an organization, and who may know.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(22);

-- A list as somebody sees it: names, the newest first.
create function tests.names_of(page jsonb)
returns text[]
language sql
as $function$
    select array(
        select workers.entry ->> 'name'
        from jsonb_array_elements(page -> 'workers') with ordinality as workers (entry, place)
        order by workers.place
    )
$function$;

create function tests.listed(person text, organization text, name text)
returns jsonb
language sql
as $function$
    select workers.entry
    from jsonb_array_elements(
        tests.call_as(listed.person, format('public.list_workers(%L)', tests.id(listed.organization)))
        -> 'workers'
    ) as workers (entry)
    where workers.entry ->> 'name' = listed.name
$function$;

select tests.make_runner('rita', 'acme', '{lan}');
select tests.make_runner('rolf', 'other');
select tests.register('rita', 'first', '{lan}');
select tests.register('rita', 'second');
select tests.register('rolf', 'theirs');
select tests.register(null, 'everybody''s');
-- now() stands still in here
update public.workers set registered_at = now() + interval '1 second' where name = 'second';
update public.workers set registered_at = now() + interval '2 seconds' where name = 'theirs';
update public.workers set registered_at = now() + interval '3 seconds' where name = 'everybody''s';
savepoint empty;

-- Who sees which

select is(
    tests.names_of(tests.call_as('olga', format('public.list_workers(%L)', tests.id('acme')))),
    '{second,first}', 'an owner sees the workers of the organization''s runners, the newest first'
);
select is(
    tests.names_of(tests.call_as('adam', format('public.list_workers(%L)', tests.id('acme')))),
    '{second,first}', 'so does an admin'
);
select is(
    tests.refusal('eda', format('public.list_workers(%L)', tests.id('acme'))), 'not_allowed',
    'an editor does not'
);
select is(
    tests.refusal('vera', format('public.list_workers(%L)', tests.id('acme'))), 'not_allowed',
    'nor a viewer'
);
select is(
    tests.refusal('rita', format('public.list_workers(%L)', tests.id('acme'))), 'unknown_organization',
    'nor a runner'
);
select is(
    tests.refusal('otto', format('public.list_workers(%L)', tests.id('acme'))), 'unknown_organization',
    'for a stranger there is no such organization'
);
select is(
    tests.refusal('olga', 'public.list_workers()'), 'unknown_organization', 'nobody signed in sees all'
);
select tests.act_as_service();
select is(
    tests.names_of(public.list_workers()), '{everybody''s,theirs,second,first}',
    'the secret key sees all, those with the secret key too'
);
select is(
    tests.names_of(public.list_workers(tests.id('other'))), '{theirs}', 'or those of one organization'
);
select is(
    tests.slug_of(format('select public.list_workers(%L)', gen_random_uuid())), 'unknown_organization',
    'that there is'
);
select tests.act_as_owner();

-- What is told

select tests.make_test('one', 'flow', '{"priority": -1}');
select tests.make_test('two', 'flow');
select tests.queue('run');
select tests.claim_as('rita', 'first', 'claim');
select is(
    tests.listed('olga', 'acme', 'first') - 'last_seen_at' - 'registered_at',
    jsonb_build_object(
        'worker', tests.registered_id('first'), 'name', 'first', 'version', '1', 'capacity', 100,
        'labels', '{lan}'::text[], 'organization', tests.id('acme'), 'user', tests.id('rita'),
        'is_live', true, 'in_flight', 2, 'revoked_at', null
    ),
    'what a worker is, and what it holds'
);
select is(tests.listed('olga', 'acme', 'second') -> 'in_flight', '0', 'nothing, if it holds nothing');
select tests.answer_as('rita', 'first', 'one');
select is(tests.listed('olga', 'acme', 'first') -> 'in_flight', '1', 'what it reported it holds no more');
update public.workers set last_seen_at = now() - interval '4 minutes' where name = 'second';
select is(tests.listed('olga', 'acme', 'second') -> 'is_live', 'false', 'one that went silent is not live');
select is(
    (tests.listed('olga', 'acme', 'second') ->> 'last_seen_at')::timestamptz, now() - interval '4 minutes',
    'and it says since when'
);
select public.revoke_runner(tests.id('acme'), tests.id('rita'));
select isnt(tests.listed('olga', 'acme', 'first') ->> 'revoked_at', null, 'nor is one that was revoked');
select is(tests.listed('olga', 'acme', 'first') -> 'is_live', 'false', 'though it called just now');
rollback to empty;

-- Page by page

insert into public.workers (name, version, capacity, organization_id, user_id, registered_at)
select 'one of many', '1', 1, tests.id('acme'), tests.id('rita'), now() - interval '1 hour'
from generate_series(1, 999);
create temporary table pages (number integer, page jsonb);
insert into pages values (1, tests.call_as('olga', format('public.list_workers(%L)', tests.id('acme'))));
insert into pages
select
    2,
    tests.call_as(
        'olga', format('public.list_workers(%L, after => %L)', tests.id('acme'), page ->> 'next')
    )
from pages;
select results_eq(
    $$ select jsonb_array_length(page -> 'workers'), page -> 'next' = 'null' from pages order by number $$,
    $$ values (1000, false), (1, true) $$, 'a page has a thousand, and says where to go on'
);
select is(
    (
        select count(distinct entries.entry ->> 'worker')
        from pages
        cross join lateral jsonb_array_elements(pages.page -> 'workers') as entries (entry)
    ),
    1001::bigint, 'together they have everything, once'
);
select is(
    tests.names_of(
        tests.call_as('olga', format('public.list_workers(%L, page_size => 1)', tests.id('acme')))
    ),
    '{second}', 'or as many as are asked for'
);
select is(
    tests.call_as(
        'olga',
        format('public.list_workers(%L, after => %L)', tests.id('acme'), tests.registered_id('theirs'))
    ),
    '{"workers": [], "next": null}', 'the place of a stranger''s worker is not told'
);

-- Hygiene

update public.workers set last_seen_at = now() - interval '31 days' where name = 'one of many';
select private.prune_workers();
select is(
    tests.names_of(tests.call_as('olga', format('public.list_workers(%L)', tests.id('acme')))),
    '{second,first}', 'who has not called for a month is forgotten'
);

select * from finish();
rollback;
