-- Ceilings: how many projects and tests an organization may have.
-- Depends on: limits, tests. Locks: projects and test_cases, briefly, to add triggers.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Looked at by each statement for itself: several at once may pass a ceiling by what they add.

create function private.count_projects(organization_id uuid)
returns bigint
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select count(*)
        from public.projects
        where projects.organization_id = count_projects.organization_id
    );
end;
$function$;
comment on function private.count_projects(uuid) is
'Projects of an organization, archived ones included.';

create function private.hold_project_limit()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- counts rows whatever the policies show
set search_path = ''
as $function$
begin
    perform private.refuse_above(
        private.count_projects(limits.organization_id), limits.max_projects, 'too_many_projects',
        'projects',
        'Archived ones count, too. Ask the operator to delete some, or to raise max_projects.'
    )
    from public.organization_limits as limits
    where limits.organization_id in (select made.organization_id from made);
    return null;
end;
$function$;
comment on function private.hold_project_limit() is
'Refuse projects above max_projects. Trigger function.';

create trigger t200_hold_project_limit
after insert on public.projects
referencing new table as made
for each statement execute function private.hold_project_limit();

create function private.count_tests(organization_id uuid)
returns bigint
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select count(*)
        from public.test_cases as cases
        inner join public.projects on projects.id = cases.project_id
        where projects.organization_id = count_tests.organization_id
    );
end;
$function$;
comment on function private.count_tests(uuid) is
'Tests over all projects of an organization, archived ones included.';

create function private.hold_test_limit()
returns trigger
language plpgsql
volatile
parallel unsafe
security definer -- as hold_project_limit
set search_path = ''
as $function$
begin
    perform private.refuse_above(
        private.count_tests(limits.organization_id), limits.max_tests, 'too_many_tests', 'tests',
        'Archived ones count, too. Ask the operator to delete some, or to raise max_tests.'
    )
    from public.organization_limits as limits
    where limits.organization_id in (
        select projects.organization_id
        from made
        inner join public.projects on projects.id = made.project_id
    );
    return null;
end;
$function$;
comment on function private.hold_test_limit() is
'Refuse tests above max_tests. Trigger function.';

create trigger t200_hold_test_limit
after insert on public.test_cases
referencing new table as made
for each statement execute function private.hold_test_limit();
