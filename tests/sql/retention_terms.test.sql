-- How long things are kept: who may say so, within which bounds.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/retention.psql
select plan(21);

select is(private.kept_until('passed_evidence'), tests.today() - 90, 'passed evidence is kept for 90 days');
select is(private.kept_until('failed_evidence'), tests.today() - 180, 'failed evidence for 180');
select is(private.kept_until('runs'), tests.today() - 365, 'runs and results for a year');
select is(
    array[private.kept_until('metrics'), private.kept_until('history')],
    array[tests.today() - 730, tests.today() - 730], 'metrics and history for two years'
);

-- An organization
select tests.act_as('adam');
select is(
    public.set_retention(tests.id('acme'), 'passed_evidence', 30) ->> 'kept_days', '30',
    'an admin may have it kept for less'
);
select is(tests.slug_of($$ select public.set_retention(tests.id('acme'), 'passed_evidence', 91) $$), 'retention_out_of_range', 'not for more');
select is(tests.slug_of($$ select public.set_retention(tests.id('acme'), 'runs', 29) $$), 'retention_out_of_range', 'nor below what analysis looks back at');
select is(tests.slug_of($$ select public.set_retention(tests.id('acme'), 'audit', 30) $$), 'unknown_tier', 'nor of what is no tier');
select is(tests.slug_of($$ select public.set_retention(null, 'runs', 30) $$), 'unknown_organization', 'nor for the installation');
select is(tests.slug_of($$ select public.set_retention(tests.id('other'), 'runs', 30) $$), 'unknown_organization', 'nor for others');
select tests.act_as('eda');
select is(tests.slug_of($$ select public.set_retention(tests.id('acme'), 'runs', 30) $$), 'not_allowed', 'an editor may not');
select is(
    (select kept_days from public.organization_retention), 30, 'but sees what is asked for'
);
select tests.act_as_owner();
select is(private.kept_until('passed_evidence', tests.id('acme')), tests.today() - 30, 'it counts for the organization');
select is(private.kept_until('passed_evidence', tests.id('other')), tests.today() - 90, 'and for no other');
select results_eq(
    $$ select organization_id, row_id, verb, after ->> 'kept_days' from public.data_changes where table_name = 'organization_retention' $$,
    $$ values (tests.id('acme'), tests.id('acme'), 'insert', '30') $$, 'who asked for it is in the audit trail'
);

-- The installation
select tests.act_as_service();
select is(
    public.set_retention(null, 'passed_evidence', 20, true),
    '{"organization": null, "tier": "passed_evidence", "kept_days": 20, "must_archive": true}'::jsonb,
    'the secret key says how long the installation keeps it'
);
select is(
    public.set_retention(null, 'passed_evidence') -> 'kept_days', '20'::jsonb, 'what is not given stays'
);
select is(tests.slug_of($$ select public.set_retention(null, 'runs', null, true) $$), 'not_archivable', 'only evidence is archived');
select is(tests.slug_of($$ select public.set_retention(null, 'runs', 3661) $$), 'retention_out_of_range', 'nothing is kept for ever');
select tests.act_as_owner();
select is(private.kept_until('passed_evidence', tests.id('acme')), tests.today() - 20, 'the shorter term counts');
select tests.act_as('adam');
select public.set_retention(tests.id('acme'), 'passed_evidence', null);
select is_empty($$ select from public.organization_retention $$, 'null takes it back');

select * from finish();
rollback;
