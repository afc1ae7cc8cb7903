-- Managing quarantines: a test is put there, released, or comes back when its time is over.
-- Depends on: quarantines, queue_run, memberships, events. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.authorize_test_change(test_id uuid, action text)
returns public.test_cases
language plpgsql
stable
parallel safe
security definer -- tells tests of strangers, which are refused, from one's own
set search_path = ''
as $function$
declare
    v_test public.test_cases;
begin
    select cases.*
    into v_test
    from public.test_cases as cases
    where
        cases.id = authorize_test_change.test_id
        and (
            (select private.is_operator())
            or cases.project_id = any(array(select private.my_project_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no test %s', authorize_test_change.test_id)
            ),
            detail = 'unknown_test',
            hint = 'Give the id of a test of one of your projects.';
    end if;
    perform private.require_editor(v_test.project_id, action);
    return v_test;
end;
$function$;
comment on function private.authorize_test_change(uuid, text) is
$comment$A test that the caller may change; action: as for private.require_editor. Errors: PT404
unknown_test, PT403 not_allowed.$comment$;

create function private.refuse_malformed_quarantine(
    test public.test_cases, owner_id uuid, reason text, expires_at timestamptz, environment_id uuid
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_problem text := case
        when btrim(coalesce(reason, '')) = '' then 'no reason is given'
        when expires_at is null then 'no expires_at is given'
        when expires_at <= now() then format('expires_at %s is over', expires_at)
        when expires_at > now() + interval '14 days'
            then format('expires_at %s is more than 14 days ahead', expires_at)
    end;
begin
    if v_problem is not null then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(v_problem),
            detail = 'malformed_quarantine',
            hint = 'Say why, and until when: 14 days at most. It may be put there again.';
    end if;
    if
        environment_id is not null
        and not exists (
            select
            from public.environments
            where
                environments.id = refuse_malformed_quarantine.environment_id
                and environments.project_id = test.project_id
        )
    then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('there is no environment %s in the project of the test', environment_id)
            ),
            detail = 'unknown_environment',
            hint = 'Give the id of an environment of that project, or nothing for all of them.';
    end if;
    if not exists (
        select
        from public.organization_members as members
        inner join public.projects on projects.organization_id = members.organization_id
        where
            projects.id = test.project_id
            and members.user_id = refuse_malformed_quarantine.owner_id
            and members.role <> 'runner'
    ) then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('the organization has no member %s', owner_id)),
            detail = 'unknown_member',
            hint = 'Somebody of the organization has to look after the test: give their id.';
    end if;
end;
$function$;
comment on function private.refuse_malformed_quarantine(
    public.test_cases, uuid, text, timestamptz, uuid
) is
$comment$Raise what is wrong with a quarantine that is asked for: PT400 malformed_quarantine; PT404
unknown_environment, unknown_member.$comment$;

create function private.quarantine_test(
    test_id uuid, owner_id uuid, reason text, expires_at timestamptz, environment_id uuid
)
returns public.test_quarantines
language plpgsql
volatile
parallel unsafe
security definer -- clients write no quarantines
set search_path = ''
as $function$
declare
    v_test public.test_cases := private.authorize_test_change(
        quarantine_test.test_id, 'quarantine tests'
    );
    v_quarantine public.test_quarantines;
begin
    perform private.refuse_malformed_quarantine(
        v_test, owner_id, reason, expires_at, environment_id
    );
    perform private.end_quarantines(v_test.project_id);
    insert into public.test_quarantines (
        project_id, test_case_id, environment_id, owner_id, reason, created_by, expires_at
    )
    values (
        v_test.project_id, v_test.id, environment_id, owner_id, btrim(reason), auth.uid(),
        expires_at
    )
    on conflict do nothing
    returning * into v_quarantine;
    if v_quarantine.id is null then
        raise exception using
            errcode = 'PT409',
            message = private.one_line(
                format('the test "%s" is in quarantine there already', v_test.name)
            ),
            detail = 'already_quarantined',
            hint = 'Release it first, release_test, to give another owner, reason or time.';
    end if;
    return v_quarantine;
end;
$function$;
comment on function private.quarantine_test(uuid, uuid, text, timestamptz, uuid) is
'Does the work of public.quarantine_test.';
grant execute on function private.quarantine_test(uuid, uuid, text, timestamptz, uuid)
to authenticated, service_role;

create function private.release_test(test_id uuid, environment_id uuid)
returns public.test_quarantines
language plpgsql
volatile
parallel unsafe
security definer -- as quarantine_test
set search_path = ''
as $function$
declare
    v_test public.test_cases := private.authorize_test_change(
        release_test.test_id, 'release tests from quarantine'
    );
    v_quarantine public.test_quarantines;
begin
    update public.test_quarantines as quarantines
    set ended_at = now(), ended_by = auth.uid()
    where
        quarantines.test_case_id = v_test.id
        and quarantines.environment_id is not distinct from release_test.environment_id
        and quarantines.ended_at is null
        and quarantines.expires_at > now()
    returning * into v_quarantine;
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(
                format('the test "%s" is not in quarantine there', v_test.name)
            ),
            detail = 'not_quarantined',
            hint = 'Give the same environment as to quarantine_test, or none if that was for all.';
    end if;
    return v_quarantine;
end;
$function$;
comment on function private.release_test(uuid, uuid) is
'Does the work of public.release_test.';
grant execute on function private.release_test(uuid, uuid) to authenticated, service_role;

create function private.end_quarantines(project_id uuid default null)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ended public.test_quarantines[];
begin
    with ended as (
        update public.test_quarantines as quarantines
        set ended_at = quarantines.expires_at
        where
            quarantines.ended_at is null
            and quarantines.expires_at <= now()
            and (
                quarantines.project_id = end_quarantines.project_id
                or end_quarantines.project_id is null
            )
        returning quarantines.*
    )

    select coalesce(array_agg(ended::public.test_quarantines), '{}') into v_ended from ended;

    if v_ended <> '{}' then
        perform private.raise_events(array(
            select
                row(
                    null,
                    ended.project_id,
                    'quarantine_expired',
                    'warning',
                    format('"%s" is in quarantine no more, and counts again', cases.name),
                    'quarantine_expired ' || ended.id,
                    ended.environment_id,
                    null,
                    ended.test_case_id,
                    jsonb_build_object(
                        'quarantine', ended.id, 'owner', ended.owner_id, 'reason', ended.reason
                    )
                )::private.new_event
            from unnest(v_ended) as ended
            inner join public.test_cases as cases on cases.id = ended.test_case_id
            order by ended.expires_at, ended.id
        ));
    end if;
    return cardinality(v_ended);
end;
$function$;
comment on function private.end_quarantines(uuid) is
$comment$End the quarantines that have expired, of a project or of all, and raise
quarantine_expired for each; how many. They count for no run from the moment they expire, whenever
this is called.$comment$;

create function public.quarantine_test(
    test_id uuid,
    owner_id uuid,
    reason text,
    expires_at timestamptz,
    environment_id uuid default null
)
returns public.test_quarantines
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.quarantine_test(
        test_id, owner_id, reason, expires_at, environment_id
    );
$function$;
comment on function public.quarantine_test(uuid, uuid, text, timestamptz, uuid) is
$comment$Let the failures of a test spoil no run, for a while: it runs and is recorded as before.

owner_id: who looks after it, a member of the organization. reason: up to 2,000 bytes. expires_at:
14 days ahead at most. environment_id: only there; null = everywhere. Counts for runs that are
queued from now on; what needs a value of the test is skipped when it fails, as before. Returns
the test_quarantines row. Errors: PT400 malformed_quarantine; PT403 not_allowed; PT404
unknown_test, unknown_environment, unknown_member; PT409
already_quarantined; PT413 too_large.$comment$;
grant execute on function public.quarantine_test(uuid, uuid, text, timestamptz, uuid)
to authenticated, service_role;

create function public.release_test(test_id uuid, environment_id uuid default null)
returns public.test_quarantines
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.release_test(test_id, environment_id);
$function$;
comment on function public.release_test(uuid, uuid) is
$comment$Take a test out of quarantine before its time: its failures count for runs queued from
now on.

environment_id: as it was given to quarantine_test. Returns the test_quarantines row. Errors:
PT403 not_allowed; PT404 unknown_test, not_quarantined.$comment$;
grant execute on function public.release_test(uuid, uuid) to authenticated, service_role;
