-- Jobs: run, logged, and failing alone.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(19);

create function private.job_of_seven() returns integer language sql as $$ select 7 $$;
create function private.job_of_bytes(unused integer default 1)
returns private.job_outcome language sql as $$ select row(3, 4096)::private.job_outcome $$;
create function private.job_of_nothing() returns void language sql as $$ select $$;
create function private.job_of_none() returns bigint language sql as $$ select 0::bigint $$;
create function private.job_that_fails() returns bigint language plpgsql as $$
begin
    insert into public.organizations (name) values ('half written');
    perform 1 / 0;
    return 1;
end $$;

create function tests.logged(job text)
returns table (run_count integer, rows bigint, bytes bigint, error text)
language sql
as $$
    select runs.run_count, runs.rows, runs.bytes, runs.error
    from private.job_runs as runs
    where runs.job = logged.job
    order by runs.id
$$;

select is(private.run_job('seven', 'private.job_of_seven'), null, 'a job that succeeds has no error');
select results_eq(
    $$ select * from tests.logged('seven') $$, $$ values (1, 7::bigint, 0::bigint, null::text) $$,
    'what it returns is the rows that are logged'
);
select private.run_job('seven', 'private.job_of_seven');
select is((select count(*) from tests.logged('seven')), 2::bigint, 'each run that did something is a row');
select private.run_job('bytes', 'private.job_of_bytes');
select results_eq(
    $$ select * from tests.logged('bytes') $$,
    $$ values (1, 3::bigint, 4096::bigint, null::text) $$,
    'a job may tell rows and bytes, and have arguments with defaults'
);
select private.run_job('nothing', 'private.job_of_nothing') from generate_series(1, 3);
select results_eq(
    $$ select * from tests.logged('nothing') $$,
    $$ values (3, 0::bigint, 0::bigint, null::text) $$,
    'runs in a row that did nothing are one row, of a job that returns nothing too'
);
select private.run_job('none', 'private.job_of_none') from generate_series(1, 2);
select results_eq(
    $$ select * from tests.logged('none') $$,
    $$ values (2, 0::bigint, 0::bigint, null::text) $$,
    'and of one that returns 0'
);
select cmp_ok(
    (select finished_at from private.job_runs where job = 'none'), '>=',
    (select started_at from private.job_runs where job = 'none'), 'it says from when to when'
);

-- Failing
set local client_min_messages = error;
select alike(
    private.run_job('fails', 'private.job_that_fails'), '22012 division by zero%job_that_fails%',
    'a job that fails tells the code, the message and the place'
);
select is_empty(
    $$ select from public.organizations where name = 'half written' $$, 'nothing of it is left'
);
select private.run_job('fails', 'private.job_that_fails');
select is(
    (select array_agg(run_count) from tests.logged('fails')), array[2],
    'the same error again is the same row'
);
create or replace function private.job_that_fails() returns bigint language sql as $$ select 0::bigint $$;
select private.run_job('fails', 'private.job_that_fails');
select is(
    (select array_agg(error is null order by run_count) from tests.logged('fails')),
    array[true, false], 'success after it is another'
);
select throws_ok(
    $$ select private.run_job('typo', 'private.no_such_function') $$, '42883', null,
    'a function that does not exist is a mistake of who wrote the schedule'
);

-- Retention
create or replace function private.job_that_fails() returns bigint language sql as $$ select 1 / 0::bigint $$;
select is(private.run_retention_job('seven', 'private.job_of_seven'), null, 'a job of retention succeeds');
select is_empty($$ select from public.platform_events $$, 'of which nobody is told');
select isnt(
    private.run_retention_job('drop', 'private.job_that_fails'), null, 'it fails'
);
select private.run_retention_job('drop', 'private.job_that_fails');
select results_eq(
    $$ select organization_id, event, severity from public.platform_events order by organization_id $$,
    $$
    select organizations.id, 'retention_failed', 'warning'
    from public.organizations order by organizations.id
    $$,
    'of which each organization is told once a day'
);
select is_empty(
    $$ select from public.platform_events where payload::text like '%zero%' $$,
    'but not the error, which may tell of others'
);

-- The log itself
update private.job_runs set started_at = now() - interval '91 days', finished_at = now() - interval '91 days'
where job = 'seven';
select is(private.prune_job_runs(), 3::bigint, 'what is older than 90 days goes');
select isnt_empty($$ select from private.job_runs $$, 'the rest stays');

select * from finish();
rollback;
