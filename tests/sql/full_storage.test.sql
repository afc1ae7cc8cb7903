-- Who has nearly used up the room is told, once.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(7);

create function tests.use(share numeric)
returns void
language plpgsql
as $$
begin
    update private.organization_storage set stored_bytes = 1000000000 * share
    where organization_id = tests.id('acme');
    perform private.fold_storage();
end $$;

select private.recount_storage();
update public.organization_limits set max_stored_bytes = 1000000000 where organization_id = tests.id('acme');
select tests.use(0.7);
select is_empty($$ select from public.platform_events $$, 'below 80 % nobody is told');
select tests.use(0.81);
select results_eq(
    $$ select organization_id, project_id, event, severity, (payload ->> 'allowed_bytes')::bigint from public.platform_events $$,
    $$ values (tests.id('acme'), null::uuid, 'storage_nearly_full', 'warning', 1000000000::bigint) $$,
    'from there on the organization is'
);
select tests.use(0.95);
select tests.use(0.78);
select tests.use(0.82);
select is((select count(*) from public.platform_events), 1::bigint, 'once, for going up and down a little');
select tests.use(0.7);
select is((select count(*) from public.platform_events), 1::bigint, 'that there is room again is no event');
select tests.use(0.85);
select is((select count(*) from public.platform_events), 2::bigint, 'but the next time it is told again');
update public.organization_limits set max_stored_bytes = 2000000000 where organization_id = tests.id('acme');
select private.fold_storage();
select is(
    (select is_nearly_full from private.organization_storage where organization_id = tests.id('acme')),
    false, 'a higher limit makes room'
);
select is(
    (select count(*) from public.platform_events where organization_id = tests.id('other')), 0::bigint,
    'others are not told'
);

select * from finish();
rollback;
