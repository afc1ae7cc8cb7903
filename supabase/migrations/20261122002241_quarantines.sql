-- Quarantines: tests that run and are recorded, and spoil no run, for a while.
-- Depends on: tests, environments, runs, memberships. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table public.test_quarantines (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects on delete cascade,
    test_case_id uuid not null,
    environment_id uuid,
    owner_id uuid references public.users on delete set null,
    reason text not null,
    created_by uuid references public.users on delete set null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_by uuid references public.users on delete set null,
    constraint test_quarantines_test_case_id_fkey foreign key (test_case_id, project_id)
    references public.test_cases (id, project_id) on delete cascade,
    constraint test_quarantines_environment_id_fkey foreign key (environment_id, project_id)
    references public.environments (id, project_id) on delete cascade,
    constraint test_quarantines_expires_at_check check (
        expires_at > created_at and expires_at <= created_at + interval '14 days'
    ),
    constraint test_quarantines_ended_at_check check (ended_at between created_at and expires_at),
    constraint test_quarantines_reason_check check (
        btrim(reason) <> '' and private.accept(private.length_problem(reason, '/reason', 2000))
    )
);
comment on table public.test_quarantines is
$comment$Tests whose failures spoil no run: somebody looks after each, for 14 days at most.
Written by quarantine_test and release_test. A run counts those in force when it is
planned.$comment$;
comment on column public.test_quarantines.id is 'Stable identity.';
comment on column public.test_quarantines.project_id is 'The project of the test.';
comment on column public.test_quarantines.test_case_id is 'The test.';
comment on column public.test_quarantines.environment_id is 'Where; null = everywhere.';
comment on column public.test_quarantines.owner_id is
'Who looks after it, a member of the organization at the time; null = the account is gone.';
comment on column public.test_quarantines.reason is 'Why; up to 2,000 bytes.';
comment on column public.test_quarantines.created_by is
'Who put it there; null for a secret key, or an account that is gone.';
comment on column public.test_quarantines.created_at is 'Since when.';
comment on column public.test_quarantines.expires_at is
'Until when at most: 14 days after created_at or sooner.';
comment on column public.test_quarantines.ended_at is
'Since when it is over: released before its time, or expired. Null = it goes on until expires_at.';
comment on column public.test_quarantines.ended_by is
'Who released it; null = nobody, or a secret key.';
create unique index test_quarantines_test_case_id_idx
on public.test_quarantines (test_case_id, environment_id) nulls not distinct
where ended_at is null;
create index test_quarantines_project_id_idx
on public.test_quarantines (project_id, created_at desc);
create index test_quarantines_test_id_idx
on public.test_quarantines (test_case_id, project_id);
create index test_quarantines_environment_id_idx
on public.test_quarantines (environment_id, project_id);
create index test_quarantines_owner_id_idx on public.test_quarantines (owner_id);
create index test_quarantines_created_by_idx on public.test_quarantines (created_by);
create index test_quarantines_ended_by_idx on public.test_quarantines (ended_by);
-- what the job that ends them looks for
create index test_quarantines_expires_at_idx
on public.test_quarantines (expires_at) where ended_at is null;

alter table public.test_quarantines enable row level security;
grant select on public.test_quarantines to authenticated, service_role;

create policy test_quarantines_select_member on public.test_quarantines
for select to authenticated
using (project_id = any(array(select private.my_project_ids())));

create function private.quarantined_tests(project_id uuid, environment_id uuid)
returns setof uuid
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select distinct quarantines.test_case_id
    from public.test_quarantines as quarantines
    where
        quarantines.project_id = quarantined_tests.project_id
        and quarantines.ended_at is null
        and quarantines.expires_at > now()
        and (
            quarantines.environment_id is null
            or quarantines.environment_id = quarantined_tests.environment_id
        );
end;
$function$;
comment on function private.quarantined_tests(uuid, uuid) is
'The tests of a project that are in quarantine in an environment now.';

create function private.worst_status(run_id uuid)
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select case
            when bool_or(results.status = 'error') then 'error'
            when bool_or(results.status = 'failed') then 'failed'
            else 'passed'
        end
        from public.test_results as results
        where
            results.run_id = worst_status.run_id
            and results.status in ('error', 'failed')
            and not results.is_quarantined
    );
end;
$function$;
comment on function private.worst_status(uuid) is
$comment$What the results of a run make of it: error, failed or passed. What was in quarantine
when it was planned makes nothing of it, nor does what was skipped, whatever the cause.$comment$;
