-- What people say of failures: known, fixed, open again, and why; and all of a project to look at.
-- Depends on: read_failures, record_changes. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.find_failure(failure_id uuid)
returns public.failure_analysis
language plpgsql
stable
parallel safe
security definer -- tells failures of strangers, which are refused, from one's own
set search_path = ''
as $function$
declare
    v_failure public.failure_analysis;
begin
    select failures.*
    into v_failure
    from public.failure_analysis as failures
    where
        failures.id = find_failure.failure_id
        and (
            (select private.is_operator())
            or failures.project_id = any(array(select private.my_project_ids()))
        );
    if not found then
        raise exception using
            errcode = 'PT404',
            message = private.one_line(format('there is no failure %s', find_failure.failure_id)),
            detail = 'unknown_failure',
            hint = 'Give the id of a failure of one of your projects; merged ones are gone.';
    end if;
    return v_failure;
end;
$function$;
comment on function private.find_failure(uuid) is
'A cause of failures that the caller may read. Errors: PT404 unknown_failure.';

create function private.set_failure_status(failure_id uuid, status text, note text)
returns public.failure_analysis
language plpgsql
volatile
parallel unsafe
security definer -- the engine writes failures, and the audit trail
set search_path = ''
as $function$
declare
    v_before public.failure_analysis := private.find_failure(set_failure_status.failure_id);
    v_after public.failure_analysis;
begin
    perform private.require_editor(v_before.project_id, 'say what becomes of failures');
    if (set_failure_status.status = any(array['open', 'known', 'fixed'])) is not true then
        raise exception using
            errcode = 'PT400',
            message = private.one_line(
                format('"%s" is no status of a failure', set_failure_status.status)
            ),
            detail = 'malformed_status',
            hint = 'Give open, known or fixed.';
    end if;

    -- one change after another, so that each is told with what it found
    select failures.*
    into v_before
    from public.failure_analysis as failures
    where failures.id = set_failure_status.failure_id
    for no key update;
    update public.failure_analysis as failures
    set
        status = set_failure_status.status,
        note = case
            when set_failure_status.note is null then failures.note
            else nullif(btrim(set_failure_status.note), '')
        end,
        status_changed_at = clock_timestamp(),
        status_changed_by = auth.uid()
    where failures.id = set_failure_status.failure_id
    returning * into v_after;
    -- here and not by a trigger: what the engine counts is no change of anybody's
    perform private.keep_changes(
        'failure_analysis', '[0:3]={id,id,failure_class,message}'::text[],
        array[to_jsonb(v_before)], array[to_jsonb(v_after)]
    );
    return v_after;
end;
$function$;
comment on function private.set_failure_status(uuid, text, text) is
'Does the work of public.set_failure_status.';
grant execute on function private.set_failure_status(uuid, text, text)
to authenticated, service_role;

create function public.set_failure_status(failure_id uuid, status text, note text default null)
returns public.failure_analysis
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select * from private.set_failure_status(failure_id, status, note);
$function$;
comment on function public.set_failure_status(uuid, text, text) is
$comment$Say of a cause of failures that it is open, known or fixed, and why; editors may.

status: a known one is left alone until somebody says otherwise; a fixed one is open again
when a run that was queued later sees it. note: up to 8,000 bytes; it survives when causes
are merged; empty takes it away, null leaves it. Returns the failure_analysis row as it is
then; who said it and when is in it, and in the audit trail. Errors: PT400
malformed_status; PT403 not_allowed; PT404 unknown_failure; PT413 too_large.$comment$;
grant execute on function public.set_failure_status(uuid, text, text)
to authenticated, service_role;

create function private.list_failures(
    project_id uuid, status text, after uuid, page_size integer
)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- past the policies, once the caller is checked
set search_path = ''
as $function$
declare
    v_limit integer := private.page_limit(page_size);
    v_seen public.failure_analysis;
begin
    perform private.read_project(list_failures.project_id);
    select failures.*
    into v_seen
    from public.failure_analysis as failures
    where failures.id = list_failures.after and failures.project_id = list_failures.project_id;
    return (
        with page as materialized (
            select failures.*
            from public.failure_analysis as failures
            where
                failures.project_id = list_failures.project_id
                and (list_failures.status is null or failures.status = list_failures.status)
                and (failures.last_seen_at, failures.id)
                < (coalesce(v_seen.last_seen_at, 'infinity'), coalesce(v_seen.id, failures.id))
            order by failures.last_seen_at desc, failures.id desc
            limit v_limit
        )

        select jsonb_build_object(
            'failures', coalesce(
                jsonb_agg(
                    private.failure_entry(page) || jsonb_build_object(
                        'test_count', page.test_count,
                        'environment_count', page.environment_count,
                        'skipped_count', page.skipped_count
                    )
                    order by page.last_seen_at desc, page.id desc
                ), '[]'
            ),
            'next', case
                when count(*) = v_limit
                    then (array_agg(page.id order by page.last_seen_at, page.id))[1]
            end
        )
        from page
    );
end;
$function$;
comment on function private.list_failures(uuid, text, uuid, integer) is
'Does the work of public.list_failures.';
grant execute on function private.list_failures(uuid, text, uuid, integer)
to authenticated, service_role;

create function public.list_failures(
    project_id uuid,
    status text default null,
    after uuid default null,
    page_size integer default 1000
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.list_failures(project_id, status, after, page_size);
$function$;
comment on function public.list_failures(uuid, text, uuid, integer) is
$comment$All causes of failures that a project has had, the latest seen first.

status: open, known or fixed; null = all. after: "next" of the previous page, null at
first. page_size: 1 to 1,000. Returns {"failures": [...], "next"}: as analyse_failures
tells them, with "test_count", "environment_count" and "skipped_count" of all time and
without tests; those are in failure_tests. next is null when nothing more is there.
Errors: PT404 unknown_project.$comment$;
grant execute on function public.list_failures(uuid, text, uuid, integer)
to authenticated, service_role;
