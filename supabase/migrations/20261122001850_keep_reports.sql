-- Reports that count: fenced, freed of secrets, kept as evidence, searched for captures.
-- Depends on: judge_attempts, clean_reports. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.fence_reports(worker_id uuid, reports jsonb)
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
    -- held against renew_work, which takes no lock on the run
    perform
    from private.work_items as items
    where
        items.id in (select given.item from jsonb_to_recordset(reports) as given (item bigint))
        and items.worker_id = fence_reports.worker_id
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
            items.id = any(array(
                select asked.item from jsonb_to_recordset(reports) as asked (item bigint)
            ))
            and items.state = 'leased'
            and items.worker_id = fence_reports.worker_id
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
                    case when leases.phase <> 'teardown' then private.stop_slug(lives) end,
                    leases.first_leased_at, leases.request, definitions.document,
                    assertions.rendered,
                    case when searched.is_found then secrets.secrets end,
                    case when searched.is_found then secrets.guarded end,
                    case
                        when searched.is_found then private.withhold(
                            private.redact_cuts(leases.report, secrets.secrets),
                            definitions.document, secrets.guarded
                        )
                        else leases.report
                    end
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
        format('%s:%s:%s:assert', leases.run_id, leases.result_id, leases.rendering),
        leases.rendered_at
    ) as assertions
    cross join lateral (
        -- one look at all that came, for most reports hold none
        select
            private.holds_secret(texts.whole, secrets.needles)
            -- what is left of one where a text was cut is not found so
            or (secrets.needles is not null and private.is_cut(leases.report, texts.whole))
            as is_found
        from (select concat(leases.report, assertions.rendered) as whole offset 0) as texts
        offset 0
    ) as searched;
    return v_fenced;
end;
$function$;
comment on function private.fence_reports(uuid, jsonb) is
$comment$The reports whose item, attempt and lease are the current ones, and the worker's own, with
what judging them needs.

The caller holds the locks of their runs; this locks the items. Expiry alone does not make a report
stale: only a new lease does.$comment$;

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
        where (answers.observed ->> 'found')::boolean and report.stop_slug is null
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
            private.bounded_response(private.redact(response - 'body', secrets))
            -- redacted before it is cut: half a secret at the edge would stay readable
            || jsonb_build_object(
                'body', left(private.redact_text(response ->> 'body', secrets), 65536)
            )
    end;
$function$;
comment on function private.stored_response(jsonb, text[]) is
$comment$What of an answer is kept: without secrets, at most 64 K characters of body, and 64 KB of
the rest.$comment$;

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
            private.redact(private.kept_timing(judged.report), judged.secrets),
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
        private.bounded_value(assertions.expected, 8192),
        private.bounded_value(assertions.actual, 2048),
        assertions.passed,
        assertions.message
    from unnest(assertions) as assertions
    inner join judged on judged.item_id = assertions.item_id;
$function$;
comment on function private.store_evidence(
    private.fenced_report[], private.assertion_verdict[], private.attempt_verdict[]
) is 'Keep what was sent, what came back and what was judged, redacted.';

create function private.find_captures(reports private.fenced_report[])
returns private.captured[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        array_agg(
            row(
                reports.item_id, reports.run_id, reports.project_id, reports.test_case_id,
                reports.row_key, reports.row_index, captures.name, captures.kind, captures.value,
                octet_length(captures.value::text),
                case
                    when captures.kind = 'token'
                        then private.address_of(reports.request ->> 'url')
                end
            )::private.captured
            order by reports.item_id
        ),
        '{}'
    )
    from unnest(reports) as reports
    cross join lateral private.captures_of(reports) as captures
    where reports.definition -> 'captures' <> '[]';
$function$;
comment on function private.find_captures(private.fenced_report[]) is
'All that reports capture, in order of item id.';

create function private.refuse_oversized(
    verdicts private.attempt_verdict[], item_ids bigint[]
)
returns private.attempt_verdict[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if item_ids = '{}' then
        return verdicts;
    end if;
    for v_index in 1 .. cardinality(verdicts) loop
        if verdicts[v_index].item_id = any(item_ids) then
            verdicts[v_index].outcome := 'error';
            verdicts[v_index].category := 'context';
            verdicts[v_index].slug := 'context_too_large';
            verdicts[v_index].message := 'the context of the run has no room for what was captured';
            verdicts[v_index].retry_at := null;
        end if;
    end loop;
    return verdicts;
end;
$function$;
comment on function private.refuse_oversized(private.attempt_verdict[], bigint[]) is
'The verdicts, with error / context_too_large for these items, whatever else was found.';

create function private.store_captures(captures private.captured[], refused bigint[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_kept private.captured[] := captures;
begin
    if refused <> '{}' then
        v_kept := array(
            select given::private.captured
            from unnest(captures) as given
            where given.item_id <> all(refused)
        );
    end if;
    if v_kept <> '{}' then
        perform private.announce_contexts(private.store_values(v_kept));
    end if;
end;
$function$;
comment on function private.store_captures(private.captured[], bigint[]) is
$comment$Keep what later tests need, whatever the verdict: teardown must find what a failed test
left behind. Not what refused items captured.$comment$;
