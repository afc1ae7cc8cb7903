-- Reporting: judge and keep what counts, retry or settle, and claim again.
-- Depends on: keep_reports, settle, claim. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.retry_items(verdicts private.attempt_verdict[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    update private.work_items as items
    set
        state = 'ready',
        available_at = verdicts.retry_at,
        retry_number = items.retry_number + 1,
        rendering = items.rendering + (not verdicts.is_same_request)::integer,
        executed_count = items.executed_count + 1,
        rendered_at = case when verdicts.is_same_request then items.rendered_at end,
        last_value_id = case when verdicts.is_same_request then items.last_value_id end,
        request = null,
        lease = null,
        lease_until = null,
        lease_place = null,
        worker_id = null,
        call_id = null
    from unnest(verdicts) as verdicts
    where
        items.id = verdicts.item_id
        and verdicts.retry_at is not null
        and items.id = any(array(
            select given.item_id
            from unnest(retry_items.verdicts) as given
            where given.retry_at is not null
        ));
$function$;
comment on function private.retry_items(private.attempt_verdict[]) is
$comment$Put items whose verdict asks for another attempt back into the queue, to be rendered anew
unless it asks for the same request.$comment$;

create function private.record(
    worker_id uuid, reports jsonb, out accepted bigint[], out cancelled bigint[]
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_reports private.fenced_report[] := private.fence_reports(worker_id, reports);
    v_assertions private.assertion_verdict[];
    v_verdicts private.attempt_verdict[];
    v_captures private.captured[];
    v_oversized bigint[];
begin
    accepted := array(select given.item_id from unnest(v_reports) as given);
    cancelled := array(
        select given.item_id
        from unnest(v_reports) as given
        where given.stop_slug is not null
    );
    if accepted = '{}' then
        return;
    end if;

    v_reports := private.add_new_secrets(v_reports);
    v_assertions := private.judge_assertions(v_reports);
    v_captures := private.find_captures(v_reports);
    v_oversized := private.find_oversized(v_captures);
    v_verdicts := private.refuse_oversized(
        private.judge_reports(v_reports, v_assertions), v_oversized
    );
    perform private.store_evidence(v_reports, v_assertions, v_verdicts);
    perform private.store_captures(v_captures, v_oversized);
    perform private.retry_items(v_verdicts);
    perform private.finish_items(array(
        select
            row(
                given.item_id, verdicts.outcome, verdicts.category, verdicts.slug, verdicts.message,
                null, null, null,
                (given.report #>> '{response,status}')::integer,
                (given.report #>> '{timing_ms,total}')::numeric,
                (given.report ->> 'started_at')::timestamptz,
                given.lease
            )::private.outcome
        from unnest(v_reports) as given
        inner join unnest(v_verdicts) as verdicts on verdicts.item_id = given.item_id
        where verdicts.retry_at is null
        order by given.item_id
    ));
    -- no second attempt in a run that was stopped meanwhile
    perform private.stop_items(array(select distinct given.run_id from unnest(v_reports) as given));
    perform private.advance_runs(
        array(select distinct given.run_id from unnest(v_reports) as given)
    );
end;
$function$;
comment on function private.record(uuid, jsonb) is
$comment$Judge the reports that count and set in motion what follows.

accepted: items whose lease was the current one; of these cancelled belonged to a cancelled run.
Reports under an old lease change nothing.$comment$;

create function private.record_one(
    worker_id uuid, report jsonb,
    out accepted bigint[], out cancelled bigint[], out unreportable bigint[]
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_problem text;
begin
    unreportable := '{}';
    begin
        select recorded.accepted, recorded.cancelled
        into accepted, cancelled
        from private.record(worker_id, jsonb_build_array(report)) as recorded;
        return;
    exception
        when data_exception or integrity_constraint_violation or program_limit_exceeded then
            get stacked diagnostics v_problem = message_text;
    end;

    -- the same lease, with nothing in it that could fail again
    select recorded.accepted, recorded.cancelled
    into accepted, cancelled
    from private.record(worker_id, jsonb_build_array(jsonb_build_object(
        'item', report -> 'item',
        'attempt', report -> 'attempt',
        'lease', report -> 'lease',
        'error', jsonb_build_object(
            'category', 'unreportable', 'message', 'the report could not be stored: ' || v_problem
        )
    ))) as recorded;
    unreportable := accepted;
    accepted := '{}';
end;
$function$;
comment on function private.record_one(uuid, jsonb) is
'One report by itself; if it cannot be judged or stored, its result ends as error / unreportable.';

create function private.record_all(
    worker_id uuid, reports jsonb,
    out accepted bigint[], out cancelled bigint[], out unreportable bigint[]
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    unreportable := '{}';
    if jsonb_array_length(reports) = 0 then
        accepted := '{}';
        cancelled := '{}';
        return;
    end if;

    -- here, since what the block below locks is unlocked when it fails
    perform private.lock_runs_of(worker_id, reports);
    begin
        select recorded.accepted, recorded.cancelled
        into accepted, cancelled
        from private.record(worker_id, reports) as recorded;
        return;
    exception
        -- something in the data of one of them; locks, timeouts and faults of ours are not caught
        when data_exception or integrity_constraint_violation or program_limit_exceeded then null;
    end;

    select
        coalesce(array_agg(ids.id) filter (where ids.list = 'accepted'), '{}'),
        coalesce(array_agg(ids.id) filter (where ids.list = 'cancelled'), '{}'),
        coalesce(array_agg(ids.id) filter (where ids.list = 'unreportable'), '{}')
    into accepted, cancelled, unreportable
    from (
        -- items are locked in order of id here as everywhere
        select elements.report
        from jsonb_array_elements(reports) as elements (report)
        order by (elements.report ->> 'item')::bigint
    ) as entries
    cross join lateral private.record_one(worker_id, entries.report) as one
    cross join lateral (
        select 'accepted', unnest(one.accepted)
        union all
        select 'cancelled', unnest(one.cancelled)
        union all
        select 'unreportable', unnest(one.unreportable)
    ) as ids (list, id);
end;
$function$;
comment on function private.record_all(uuid, jsonb) is
'A batch in one go; if one report breaks it, each by itself, so that one cannot fail the others.';

create function private.find_replayed(worker_id uuid, reports jsonb)
returns bigint[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(array_agg(given.item), '{}')
    from
        jsonb_to_recordset(reports)
        as given (item bigint, result uuid, attempt integer, lease uuid)
    inner join public.test_results as results on results.id = given.result
    where exists (
        select
        from public.test_result_details as details
        where
            details.retention_class in ('passed', 'failed')
            and details.planned_on = results.planned_on
            and details.result_id = results.id
            and details.attempt = given.attempt
            and details.lease = given.lease
            and details.worker_id = find_replayed.worker_id
            and details.outcome <> 'stale'
    );
$function$;
comment on function private.find_replayed(uuid, jsonb) is
'Items of the worker''s reports that were accepted before: their reply was lost.';

create function private.keep_stale_reports(worker public.workers, reports jsonb)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with late as materialized (
        select distinct on (results.id)
            results.*,
            entries.report
        from jsonb_array_elements(reports) as entries (report)
        inner join public.test_results as results
            on results.id = (entries.report ->> 'result')::uuid
        inner join public.projects on projects.id = results.project_id
        left join private.work_items as items
            on
                items.id = (entries.report ->> 'item')::bigint
                and items.lease = (entries.report ->> 'lease')::uuid
        where
            -- under a lease that another worker holds nothing is kept: its own report is to come
            items.id is null
            -- and a runner leaves nothing in a foreign organization
            and (
                worker.organization_id is null
                or projects.organization_id = worker.organization_id
            )
            -- as many as rescues may leave behind, whoever says that there was a lease
            and (
                select count(*)
                from public.test_result_details as details
                where
                    details.retention_class = 'failed'
                    and details.planned_on = results.planned_on
                    and details.result_id = results.id
                    and details.outcome = 'stale'
            ) < 10
        order by results.id
    ),

    secrets as materialized (
        select * from private.run_secrets(array(select late.run_id from late))
    )

    insert into public.test_result_details (
        retention_class, planned_on, result_id, attempt, run_id, project_id, outcome, category,
        slug, message, lease, worker_id, request, response, timing_ms, duration_ms, http_status,
        started_at
    )
    select
        'failed',
        late.planned_on,
        late.id,
        (late.report ->> 'attempt')::integer,
        late.run_id,
        late.project_id,
        'stale',
        'lost',
        'stale_report',
        'reported after its lease was taken away; kept as evidence, not counted',
        (late.report ->> 'lease')::uuid,
        worker.id,
        '{}',
        case
            when not forgotten.is_so then private.stored_response(
                private.redact_cuts(late.report, secrets.secrets) -> 'response', secrets.secrets
            )
        end,
        private.redact(private.kept_timing(late.report), secrets.secrets),
        (late.report #>> '{timing_ms,total}')::numeric,
        (late.report #>> '{response,status}')::integer,
        (late.report ->> 'started_at')::timestamptz
    from late
    inner join public.test_runs as runs on runs.id = late.run_id
    inner join private.snapshots on snapshots.id = runs.environment_snapshot_id
    left join secrets on secrets.run_id = late.run_id
    cross join lateral (
        -- what nobody knows any more cannot be taken out of an answer
        select
            runs.finished_at is not null and exists (
                select
                from jsonb_each_text(snapshots.document -> 'secrets') as used (name, secret_id)
                left join private.secrets as known on known.secret_id = used.secret_id::uuid
                where (known.changed_at <= runs.queued_at) is not true
            ) as is_so
    ) as forgotten
    on conflict do nothing;
$function$;
comment on function private.keep_stale_reports(public.workers, jsonb) is
$comment$Keep reports that came after their lease was taken away, as evidence that decides nothing.

Without the answer, if the run is over and one of its secrets has gone or changed since it was
queued.$comment$;

create function private.pick_reports(reports jsonb, items bigint[])
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(jsonb_agg(entries.report), '[]')
    from jsonb_array_elements(reports) as entries (report)
    where (entries.report ->> 'item')::bigint <> all(items);
$function$;
comment on function private.pick_reports(jsonb, bigint[]) is
'The reports that are not about these items.';

create function private.report(
    worker public.workers, call_id uuid, reports jsonb, free_slots integer, prefetch integer
)
returns jsonb
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_accepted bigint[];
    v_cancelled bigint[];
    v_unreportable bigint[];
    v_unknown jsonb;
    v_others bigint[];
begin
    select recorded.accepted, recorded.cancelled, recorded.unreportable
    into v_accepted, v_cancelled, v_unreportable
    from private.record_all(worker.id, private.shrink_reports(reports)) as recorded;

    v_unknown := private.pick_reports(reports, v_accepted || v_unreportable);
    if v_unknown <> '[]' then
        -- what is about no test that is under way: about messages, or told before
        v_others := private.report_deliveries(worker.id, v_unknown)
            || private.find_replayed(worker.id, v_unknown);
        v_accepted := v_accepted || v_others;
        v_unknown := private.pick_reports(v_unknown, v_others);
        begin
            perform private.keep_stale_reports(worker, v_unknown);
        exception
            -- Late and malformed, or so late that the evidence of its month is closed or gone: not
            -- worth refusing the reports that count.
            when data_exception or program_limit_exceeded or check_violation then null;
        end;
    end if;

    return jsonb_build_object(
        'accepted', v_accepted,
        'cancelled', v_cancelled,
        'unreportable', v_unreportable,
        'stale', (
            select coalesce(jsonb_agg(entries.report -> 'item'), '[]')
            from jsonb_array_elements(v_unknown) as entries (report)
        )
    ) || private.claim(worker, report.call_id, report.free_slots, report.prefetch);
end;
$function$;
comment on function private.report(public.workers, uuid, jsonb, integer, integer) is
'Record reports, then claim: what the caller gets is the reply of report_work.';
