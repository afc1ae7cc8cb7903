-- Reporting: fence, judge, keep the evidence, capture, retry or settle, and claim again.
-- Depends on: judge, settle, claim. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.fence_reports(reports jsonb)
returns private.fenced_report[]
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_fenced private.fenced_report[];
begin
    -- the one lock order: runs by id, then items by id
    perform
    from private.live_runs as lives
    where lives.run_id in (
        select items.run_id
        from jsonb_to_recordset(reports) as given (item bigint)
        inner join private.work_items as items on items.id = given.item
    )
    order by lives.run_id
    for no key update;

    perform
    from private.work_items as items
    where items.id in (select given.item from jsonb_to_recordset(reports) as given (item bigint))
    order by items.id
    for update;

    with current_leases as materialized (
        select distinct on (items.id)
            items.*,
            given.report
        from (
            select
                (entries.report ->> 'item')::bigint as item,
                (entries.report ->> 'attempt')::integer as attempt,
                (entries.report ->> 'lease')::uuid as lease,
                entries.report
            from jsonb_array_elements(reports) as entries (report)
        ) as given
        inner join private.work_items as items on items.id = given.item
        where
            items.state = 'leased'
            and items.attempt = given.attempt
            and items.lease = given.lease
        order by items.id
    ),

    secrets as materialized (
        select *
        from private.run_secrets(array(select distinct current_leases.run_id from current_leases))
    ),

    -- only where an assertion holds a {{name}}
    resolved as materialized (
        select *
        from private.resolve_names(array(
            select current_leases.id
            from current_leases
            inner join private.definitions on definitions.id = current_leases.definition_id
            where definitions.document -> 'assertion_slots' <> '[]'
        ))
    )

    select
        coalesce(
            array_agg(
                row(
                    leases.id, leases.run_id, lives.project_id, leases.result_id,
                    leases.test_case_id, runs.planned_on, leases.row_key, leases.row_index,
                    leases.attempt, leases.retry_number, leases.lease, leases.worker_id,
                    (lives.is_cancelled or lives.is_timed_out) and leases.phase <> 'teardown',
                    leases.first_leased_at, leases.request, definitions.document,
                    assertions.rendered, secrets.secrets, leases.report
                )::private.fenced_report
                order by leases.id
            ),
            '{}'
        )
    into v_fenced
    from current_leases as leases
    inner join private.live_runs as lives on lives.run_id = leases.run_id
    inner join public.test_runs as runs on runs.id = leases.run_id
    inner join private.definitions on definitions.id = leases.definition_id
    left join secrets on secrets.run_id = leases.run_id
    left join resolved on resolved.item_id = leases.id
    cross join lateral private.render(
        definitions.document -> 'assertions', definitions.document -> 'assertion_slots',
        resolved.variables,
        format('%s:%s:%s:assert', leases.run_id, leases.result_id, leases.retry_number),
        leases.rendered_at
    ) as assertions;
    return v_fenced;
end;
$function$;
comment on function private.fence_reports(jsonb) is
$comment$The reports whose item, attempt and lease are the current ones,
with what judging them needs.

Locks their runs and items. Expiry alone does not make a report stale:
only a new lease does.$comment$;

create function private.captures_of(report private.fenced_report)
returns table (name text, kind text, value jsonb)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        found.name,
        -- what contains a secret is one
        case
            when private.holds_secret(found.value::text, report.secrets) then 'token'
            else found.kind
        end,
        found.value
    from (
        select
            captures.capture ->> 'name' as name,
            coalesce(captures.capture ->> 'kind', 'variable') as kind,
            case
                when (captures.capture ->> 'many')::boolean then answers.observed -> 'values'
                else answers.observed #> '{values,0}'
            end as value
        from jsonb_array_elements(report.definition -> 'captures') as captures (capture)
        inner join lateral jsonb_array_elements(
            coalesce(nullif(report.report -> 'observed', 'null'), '[]')
        ) as answers (observed) on answers.observed -> 'id' = captures.capture -> 'observe'
        where (answers.observed ->> 'found')::boolean and not report.is_unwanted
    ) as found;
$function$;
comment on function private.captures_of(private.fenced_report) is
'What a report captures, by name.';

create function private.add_new_secrets(reports private.fenced_report[])
returns private.fenced_report[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_new text[];
begin
    -- a loop: almost no report captures a token, and the others are left as they are
    for v_index in 1 .. cardinality(reports) loop
        continue when not reports[v_index].definition @? '$.captures[*] ? (@.kind == "token")';
        select array_agg(forms.form order by length(forms.form) desc)
        into v_new
        from private.captures_of(reports[v_index]) as captures
        cross join lateral
            unnest(private.secret_forms(private.text_of(captures.value))) as forms (form)
        where captures.kind = 'token';
        reports[v_index].secrets := v_new || reports[v_index].secrets;
    end loop;
    return reports;
end;
$function$;
comment on function private.add_new_secrets(private.fenced_report[]) is
$comment$The reports, each knowing the tokens that it captures as secrets: the very answer that
brings one is redacted.$comment$;

create function private.stored_response(response jsonb, secrets text[])
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when jsonb_typeof(response) = 'object' then
            private.redact(response - 'body', secrets)
            -- redacted before it is cut: half a secret at the edge would stay readable
            || jsonb_build_object(
                'body', left(private.redact_text(response ->> 'body', secrets), 65536)
            )
    end;
$function$;
comment on function private.stored_response(jsonb, text[]) is
'What of an answer is kept: without secrets, at most 64 K characters of body.';

create function private.store_evidence(
    reports private.fenced_report[],
    assertions private.assertion_verdict[],
    verdicts private.attempt_verdict[]
)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with judged as materialized (
        select
            reports.*,
            verdicts.outcome,
            verdicts.category,
            verdicts.slug,
            verdicts.message,
            case when verdicts.outcome = 'passed' then 'passed' else 'failed' end as retention_class
        from unnest(reports) as reports
        inner join unnest(verdicts) as verdicts on verdicts.item_id = reports.item_id
    ),

    details as (
        insert into public.test_result_details (
            retention_class, planned_on, result_id, attempt, run_id, project_id, outcome, category,
            slug, message, lease, worker_id, request, response, timing_ms, duration_ms,
            http_status, started_at
        )
        select
            judged.retention_class,
            judged.planned_on,
            judged.result_id,
            judged.attempt,
            judged.run_id,
            judged.project_id,
            judged.outcome,
            judged.category,
            judged.slug,
            judged.message,
            judged.lease,
            judged.worker_id,
            judged.request,
            private.stored_response(judged.report -> 'response', judged.secrets),
            coalesce(judged.report -> 'timing_ms', '{}'),
            (judged.report #>> '{timing_ms,total}')::numeric,
            (judged.report #>> '{response,status}')::integer,
            (judged.report ->> 'started_at')::timestamptz
        from judged
    )

    insert into public.assertion_results (
        retention_class, planned_on, result_id, attempt, assertion_index, run_id, project_id,
        source, target, operator, expected, actual, passed, message
    )
    select
        judged.retention_class,
        judged.planned_on,
        judged.result_id,
        judged.attempt,
        assertions.assertion_index,
        judged.run_id,
        judged.project_id,
        assertions.source,
        assertions.target,
        assertions.operator,
        assertions.expected,
        case
            when pg_column_size(assertions.actual) > 2048
                then to_jsonb(left(assertions.actual::text, 2045) || '...')
            else assertions.actual
        end,
        assertions.passed,
        assertions.message
    from unnest(assertions) as assertions
    inner join judged on judged.item_id = assertions.item_id;
$function$;
comment on function private.store_evidence(
    private.fenced_report[], private.assertion_verdict[], private.attempt_verdict[]
) is 'Keep what was sent, what came back and what was judged, redacted.';

create function private.store_captures(reports private.fenced_report[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with found as materialized (
        select
            reports.run_id,
            reports.project_id,
            reports.test_case_id,
            reports.row_key,
            reports.row_index,
            captures.*
        from unnest(reports) as reports
        cross join lateral private.captures_of(reports) as captures
        where reports.definition -> 'captures' <> '[]'
    ),

    keys as materialized (
        select
            case
                when exists (select from found where found.kind = 'token') then private.data_key()
            end as data_key
    ),

    stored as (
        insert into public.test_context_values (
            run_id, project_id, name, kind, test_case_id, row_key, row_index, value, encrypted_value
        )
        select
            found.run_id,
            found.project_id,
            found.name,
            found.kind,
            found.test_case_id,
            found.row_key,
            found.row_index,
            case found.kind when 'variable' then found.value end,
            case found.kind when 'token' then private.encrypt_value(found.value, keys.data_key) end
        from found
        cross join keys
    )

    update public.test_execution_context as contexts
    set
        value_count = contexts.value_count + added.value_count,
        size_bytes = contexts.size_bytes + added.size_bytes,
        updated_at = now(),
        expires_at = now() + interval '24 hours'
    from (
        select
            found.run_id,
            count(*) as value_count,
            sum(octet_length(found.value::text)) as size_bytes
        from found
        group by found.run_id
    ) as added
    where contexts.run_id = added.run_id;
$function$;
comment on function private.store_captures(private.fenced_report[]) is
$comment$Keep what later tests need, whatever the verdict:
teardown must find what a failed test left behind.$comment$;

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
        executed_count = items.executed_count + 1,
        rendered_at = null,
        request = null,
        lease = null,
        lease_until = null,
        lease_place = null,
        worker_id = null,
        call_id = null
    from unnest(verdicts) as verdicts
    where items.id = verdicts.item_id and verdicts.retry_at is not null;
$function$;
comment on function private.retry_items(private.attempt_verdict[]) is
'Put items whose verdict asks for another attempt back into the queue, rendered anew.';

create function private.announce_finished(
    reports private.fenced_report[], verdicts private.attempt_verdict[]
)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.announce(
        'run:' || finished.run_id, 'tests_finished',
        jsonb_build_object('run', finished.run_id, 'results', finished.results)
    )
    from (
        select
            reports.run_id,
            jsonb_agg(
                jsonb_build_object('result', reports.result_id, 'status', verdicts.outcome)
            ) as results
        from unnest(reports) as reports
        inner join unnest(verdicts) as verdicts on verdicts.item_id = reports.item_id
        where verdicts.retry_at is null
        group by reports.run_id
    ) as finished;
$function$;
comment on function private.announce_finished(private.fenced_report[], private.attempt_verdict[]) is
'Tell who watches a run which tests are over: one message a run.';

create function private.record(reports jsonb, out accepted bigint[], out cancelled bigint[])
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_reports private.fenced_report[] := private.fence_reports(reports);
    v_assertions private.assertion_verdict[];
    v_verdicts private.attempt_verdict[];
begin
    accepted := array(select given.item_id from unnest(v_reports) as given);
    cancelled := array(
        select given.item_id
        from unnest(v_reports) as given
        where given.is_unwanted
    );
    if accepted = '{}' then
        return;
    end if;

    v_reports := private.add_new_secrets(v_reports);
    v_assertions := private.judge_assertions(v_reports);
    v_verdicts := private.judge_reports(v_reports, v_assertions);
    perform private.store_evidence(v_reports, v_assertions, v_verdicts);
    perform private.store_captures(v_reports);
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
    perform private.announce_finished(v_reports, v_verdicts);
    -- no second attempt in a run that was stopped meanwhile
    perform private.stop_items(array(select distinct given.run_id from unnest(v_reports) as given));
    perform private.advance_runs(
        array(select distinct given.run_id from unnest(v_reports) as given)
    );
end;
$function$;
comment on function private.record(jsonb) is
$comment$Judge the reports that count and set in motion what follows.

accepted: items whose lease was the current one; of these cancelled belonged to a cancelled run.
Reports under an old lease change nothing.$comment$;

create function private.record_one(
    report jsonb, out accepted bigint[], out cancelled bigint[], out unreportable bigint[]
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
        from private.record(jsonb_build_array(report)) as recorded;
        return;
    exception
        when data_exception or integrity_constraint_violation then
            get stacked diagnostics v_problem = message_text;
    end;

    -- the same lease, with nothing in it that could fail again
    select recorded.accepted, recorded.cancelled
    into accepted, cancelled
    from private.record(jsonb_build_array(jsonb_build_object(
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
comment on function private.record_one(jsonb) is
'One report by itself; if it cannot be judged or stored, its result ends as error / unreportable.';

create function private.record_all(
    reports jsonb, out accepted bigint[], out cancelled bigint[], out unreportable bigint[]
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

    begin
        select recorded.accepted, recorded.cancelled
        into accepted, cancelled
        from private.record(reports) as recorded;
        return;
    exception
        -- something in the data of one of them; locks, timeouts and faults of ours are not caught
        when data_exception or integrity_constraint_violation then null;
    end;

    select
        coalesce(array_agg(ids.id) filter (where ids.list = 'accepted'), '{}'),
        coalesce(array_agg(ids.id) filter (where ids.list = 'cancelled'), '{}'),
        coalesce(array_agg(ids.id) filter (where ids.list = 'unreportable'), '{}')
    into accepted, cancelled, unreportable
    from jsonb_array_elements(reports) as entries (report)
    cross join lateral private.record_one(entries.report) as one
    cross join lateral (
        select 'accepted', unnest(one.accepted)
        union all
        select 'cancelled', unnest(one.cancelled)
        union all
        select 'unreportable', unnest(one.unreportable)
    ) as ids (list, id);
end;
$function$;
comment on function private.record_all(jsonb) is
'A batch in one go; if one report breaks it, each by itself, so that one cannot fail the others.';

create function private.find_replayed(reports jsonb)
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
            and details.outcome <> 'stale'
    );
$function$;
comment on function private.find_replayed(jsonb) is
'Items of reports that were accepted before: their reply was lost.';

create function private.keep_stale_reports(worker_id uuid, reports jsonb)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with secrets as materialized (
        select *
        from private.run_secrets(array(
            select results.run_id
            from jsonb_to_recordset(reports) as given (result uuid)
            inner join public.test_results as results on results.id = given.result
        ))
    )

    insert into public.test_result_details (
        retention_class, planned_on, result_id, attempt, run_id, project_id, outcome, category,
        slug, message, lease, worker_id, request, response, timing_ms, duration_ms, http_status,
        started_at
    )
    select
        'failed',
        results.planned_on,
        results.id,
        (entries.report ->> 'attempt')::integer,
        results.run_id,
        results.project_id,
        'stale',
        'lost',
        'stale_report',
        'reported after its lease was taken away; kept as evidence, not counted',
        (entries.report ->> 'lease')::uuid,
        keep_stale_reports.worker_id,
        '{}',
        private.stored_response(entries.report -> 'response', secrets.secrets),
        coalesce(entries.report -> 'timing_ms', '{}'),
        (entries.report #>> '{timing_ms,total}')::numeric,
        (entries.report #>> '{response,status}')::integer,
        (entries.report ->> 'started_at')::timestamptz
    from jsonb_array_elements(reports) as entries (report)
    inner join public.test_results as results on results.id = (entries.report ->> 'result')::uuid
    left join secrets on secrets.run_id = results.run_id
    on conflict do nothing;
$function$;
comment on function private.keep_stale_reports(uuid, jsonb) is
'Keep reports that came after their lease was taken away, as evidence that decides nothing.';

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
    worker_id uuid, call_id uuid, reports jsonb, free_slots integer, prefetch integer
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
    v_replayed bigint[];
begin
    select recorded.accepted, recorded.cancelled, recorded.unreportable
    into v_accepted, v_cancelled, v_unreportable
    from private.record_all(reports) as recorded;

    v_unknown := private.pick_reports(reports, v_accepted || v_unreportable);
    if v_unknown <> '[]' then
        v_replayed := private.find_replayed(v_unknown);
        v_accepted := v_accepted || v_replayed;
        v_unknown := private.pick_reports(v_unknown, v_replayed);
        begin
            perform private.keep_stale_reports(report.worker_id, v_unknown);
        exception
            -- late and malformed: not worth refusing the reports that count
            when data_exception then null;
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
    ) || private.claim(report.worker_id, report.call_id, report.free_slots, report.prefetch);
end;
$function$;
comment on function private.report(uuid, uuid, jsonb, integer, integer) is
'Record reports, then claim: what the caller gets is the reply of report_work.';
