-- Judging attempts: what the assertions come to, and whether to try again. Pure.
-- Depends on: judge_assertions. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.attempt_verdict as (
    item_id bigint,
    outcome text,
    category text,
    slug text,
    message text,
    retry_at timestamptz,
    is_same_request boolean
);
comment on type private.attempt_verdict is
$comment$An attempt judged; retry_at: when it is to be made again, null when the verdict is final;
is_same_request: with the same request then, not rendered anew.$comment$;

create function private.error_reason(category text)
returns table (category text, slug text)
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        coalesce(reasons.reason_category, 'worker'),
        coalesce(reasons.slug, 'worker_failed')
    from (select error_reason.category) as given (category)
    left join (
        values
        ('timeout', 'timeout', 'request_timeout'),
        ('dns', 'network', 'dns_failed'),
        ('connect', 'network', 'connect_failed'),
        ('tls', 'network', 'tls_failed'),
        ('protocol', 'network', 'protocol_error'),
        ('egress_denied', 'egress', 'egress_denied'),
        ('secret_host_denied', 'egress', 'secret_host_denied'),
        ('too_large', 'response', 'response_too_large'),
        ('definition', 'definition', 'invalid_definition'),
        ('unreportable', 'worker', 'unreportable')
    ) as reasons (category, reason_category, slug) on reasons.category = given.category;
$function$;
comment on function private.error_reason(text) is
'Category and slug of a result for what a worker says went wrong.';

create function private.retry_delay_ms(retry jsonb, seed text, retry_number integer, response jsonb)
returns numeric
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select greatest(
        least(
            coalesce((retry ->> 'cap_ms')::numeric, 30000),
            coalesce((retry ->> 'base_ms')::numeric, 500)
            * coalesce((retry ->> 'factor')::numeric, 2) ^ retry_number
        ) * (0.5 + private.seeded_fraction(seed || ':' || retry_number))::numeric,
        (
            select max(headers.header ->> 1)::numeric * 1000
            from jsonb_array_elements(coalesce(response -> 'headers', '[]')) as headers (header)
            where
                lower(headers.header ->> 0) = 'retry-after'
                and headers.header ->> 1 ~ '^[0-9]{1,6}$'
        )
    );
$function$;
comment on function private.retry_delay_ms(jsonb, text, integer, jsonb) is
$comment$Milliseconds until the next attempt: min(cap, base * factor ^ n) * U(0.5, 1.5),
or Retry-After if longer.

retry: test_cases.retry. seed fixes the jitter.
Source: algorithms 3.9; RFC 9110, section 10.2.3.$comment$;

create function private.attempt_outcome(
    report private.fenced_report, assertions private.assertion_verdict[],
    out outcome text, out category text, out slug text, out message text
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_failed private.assertion_verdict[];
    v_problem private.assertion_verdict;
    v_missing text;
    v_fault jsonb;
begin
    if report.stop_slug is not null then
        outcome := 'cancelled';
        category := 'cancelled';
        slug := report.stop_slug;
        message := private.stop_message(report.stop_slug);
        return;
    end if;
    if jsonb_typeof(report.report -> 'response') is distinct from 'object' then
        outcome := 'error';
        select reasons.category, reasons.slug
        into category, slug
        from private.error_reason(report.report #>> '{error,category}') as reasons;
        message := coalesce(
            report.report #>> '{error,message}',
            'the worker reported neither an answer nor an error'
        );
        return;
    end if;

    select array_agg(verdicts order by verdicts.assertion_index)
    into v_failed
    from unnest(assertions) as verdicts
    where not verdicts.passed;
    select verdicts.*
    into v_problem
    from unnest(v_failed) as verdicts
    where verdicts.problem is not null
    order by verdicts.assertion_index
    limit 1;
    select
        captures.capture ->> 'name',
        nullif(answers.observed -> 'error', 'null')
    into v_missing, v_fault
    from
        jsonb_array_elements(report.definition -> 'captures')
        with ordinality as captures (capture, ordinal)
    left join jsonb_array_elements(
        coalesce(nullif(report.report -> 'observed', 'null'), '[]')
    ) as answers (observed) on answers.observed -> 'id' = captures.capture -> 'observe'
    where
        coalesce((captures.capture ->> 'required')::boolean, true)
        and (answers.observed ->> 'found')::boolean is not true
    order by captures.ordinal
    limit 1;
    if v_problem.problem is null and v_fault ->> 'slug' <> 'body_not_json' then
        v_problem.problem := v_fault ->> 'slug';
        v_problem.message := format('{{%s}}: %s', v_missing, v_fault ->> 'message');
    end if;

    if v_problem.problem is not null then
        outcome := 'error';
        category := case when v_problem.problem like 'body%' then 'response' else 'definition' end;
        slug := v_problem.problem;
        message := v_problem.message;
    elsif v_failed is not null then
        outcome := 'failed';
        category := 'assertion';
        slug := 'assertion_failed';
        message := (v_failed[1]).message || case
            when cardinality(v_failed) > 1 then format(' (and %s more)', cardinality(v_failed) - 1)
            else ''
        end;
    elsif v_missing is not null then
        outcome := 'failed';
        category := 'capture';
        slug := 'capture_missing';
        message := format('nothing was found to capture as {{%s}}', v_missing);
    else
        outcome := 'passed';
    end if;
end;
$function$;
comment on function private.attempt_outcome(private.fenced_report, private.assertion_verdict[]) is
$comment$What an attempt comes to: cancelled, no answer, no verdict possible, false,
nothing captured, passed.

assertions: those of this report. category, slug and message are null when passed.$comment$;

create function private.retry_time(
    report private.fenced_report, outcome text, category text
)
returns timestamptz
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select due.at
    from (
        select
            report.definition -> 'retry' as policy,
            coalesce(
                report.definition #> '{retry,retry_on}',
                '["network", "timeout", "status", "assertion"]'
            ) as reasons,
            report.report #> '{response,status}' as status
    ) as given
    cross join lateral (
        select
            clock_timestamp() + interval '1 millisecond' * private.retry_delay_ms(
                given.policy, report.run_id || ':' || report.result_id, report.retry_number,
                report.report -> 'response'
            ) as at
    ) as due
    where
        outcome in ('failed', 'error')
        and report.retry_number + 1 < coalesce((given.policy ->> 'attempts')::integer, 1)
        and (
            given.reasons ? category
            -- an answer with one of these statuses is worth another try whatever was asserted
            or (
                given.reasons ? 'status'
                and coalesce(given.policy -> 'statuses', '[]') @> given.status
            )
        )
        and due.at < report.first_leased_at
        + interval '1 millisecond' * coalesce((given.policy ->> 'deadline_ms')::numeric, 300000);
$function$;
comment on function private.retry_time(private.fenced_report, text, text) is
$comment$When an attempt is to be made again; null when it is final.

By test_cases.retry: attempts left, the reason (category of the outcome, or status) in retry_on, and
the deadline, counted from the first attempt, not passed.$comment$;

create function private.repeats_request(report private.fenced_report, category text)
returns boolean
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return coalesce(
        (report.definition -> 'has_key')::boolean
        and (
            category in ('network', 'timeout')
            or report.definition #> '{retry,statuses}' @> (report.report #> '{response,status}')
        ),
        false
    );
end;
$function$;
comment on function private.repeats_request(private.fenced_report, text) is
$comment$Does a retry after this attempt repeat the same request, rather than render it anew?

Only one with a key, and only where the API may have done it or be at it: there was no answer, or
one of the statuses that ask for another attempt. category: of the outcome.
Source: decision 17.$comment$;

create function private.judge_reports(
    reports private.fenced_report[], assertions private.assertion_verdict[]
)
returns private.attempt_verdict[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        coalesce(
            array_agg(
                row(
                    reports.item_id, judged.outcome, judged.category, judged.slug,
                    left(private.redact_text(judged.message, reports.secrets), 2000),
                    private.retry_time(reports, judged.outcome, judged.category),
                    private.repeats_request(reports, judged.category)
                )::private.attempt_verdict
            ),
            '{}'
        )
    from unnest(reports) as reports
    left join (
        select
            verdicts.item_id,
            array_agg(verdicts::private.assertion_verdict) as own
        from unnest(assertions) as verdicts
        group by verdicts.item_id
    ) as grouped on grouped.item_id = reports.item_id
    cross join lateral private.attempt_outcome(reports, grouped.own) as judged;
$function$;
comment on function private.judge_reports(private.fenced_report[], private.assertion_verdict[]) is
'Every report judged: passed, failed, error or cancelled, and whether to try again.';
