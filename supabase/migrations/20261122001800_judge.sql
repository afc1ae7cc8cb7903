-- Judging: what a worker observed against what the definition expects. Pure: reads, never writes.
-- Depends on: render, judge_schemas. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.fenced_report as (
    item_id bigint,
    run_id uuid,
    project_id uuid,
    result_id uuid,
    test_case_id uuid,
    planned_on date,
    row_key text,
    row_index integer,
    attempt integer,
    retry_number integer,
    lease uuid,
    worker_id uuid,
    stop_slug text,
    first_leased_at timestamptz,
    request jsonb,
    definition jsonb,
    assertions jsonb,
    secrets text[],
    report jsonb
);
comment on type private.fenced_report is
'A report that came under the current lease, with all that judging it needs.';

create type private.assertion_verdict as (
    item_id bigint,
    assertion_index integer,
    source text,
    target text,
    operator text,
    expected jsonb,
    actual jsonb,
    passed boolean,
    problem text,
    message text
);
comment on type private.assertion_verdict is
'One assertion judged; problem: slug when no verdict was possible.';

create type private.attempt_verdict as (
    item_id bigint,
    outcome text,
    category text,
    slug text,
    message text,
    retry_at timestamptz
);
comment on type private.attempt_verdict is
'An attempt judged; retry_at: when it is to be made again, null when the verdict is final.';

create function private.compare(operator text, actual jsonb, expected jsonb)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- Statements, not one expression: with a subquery anywhere in it each call would cost a plan.
    case operator
        when 'equals' then return actual = expected;
        when 'not_equals' then return actual <> expected;
        when 'valid' then return actual = '[]';
        when 'one_of' then return case
            when jsonb_typeof(expected) = 'array' then exists (
                select
                from jsonb_array_elements(expected) as choices (choice)
                where choices.choice = actual
            )
        end;
        when 'contains' then return case jsonb_typeof(actual)
            when 'string' then strpos(actual #>> '{}', private.text_of(expected)) > 0
            when 'array' then exists (
                select
                from jsonb_array_elements(actual) as elements (element)
                where elements.element = expected
            )
            when 'object' then case jsonb_typeof(expected)
                when 'string' then actual ? (expected #>> '{}')
                when 'object' then actual @> expected
            end
        end;
        when 'not_contains' then return not private.compare('contains', actual, expected);
        when 'type' then return
            expected #>> '{}' = jsonb_typeof(actual)
            or (
                expected = '"integer"' and jsonb_typeof(actual) = 'number'
                and (actual #>> '{}')::numeric % 1 = 0
            );
        when 'length' then return case jsonb_typeof(actual)
            when 'string' then to_jsonb(length(actual #>> '{}')) = expected
            when 'array' then to_jsonb(jsonb_array_length(actual)) = expected
            when 'object' then to_jsonb((select count(*) from jsonb_object_keys(actual))) = expected
        end;
        else return case
            when jsonb_typeof(actual) = 'number' and jsonb_typeof(expected) = 'number' then
                case operator
                    when 'greater_than'
                        then (actual #>> '{}')::numeric > (expected #>> '{}')::numeric
                    when 'greater_or_equal'
                        then (actual #>> '{}')::numeric >= (expected #>> '{}')::numeric
                    when 'less_than'
                        then (actual #>> '{}')::numeric < (expected #>> '{}')::numeric
                    when 'less_or_equal'
                        then (actual #>> '{}')::numeric <= (expected #>> '{}')::numeric
                end
            -- text sorts by code point, which is right for ISO dates and the same on every server
            when jsonb_typeof(actual) = 'string' and jsonb_typeof(expected) = 'string' then
                case operator
                    when 'greater_than'
                        then (actual #>> '{}') collate "C" > (expected #>> '{}')
                    when 'greater_or_equal'
                        then (actual #>> '{}') collate "C" >= (expected #>> '{}')
                    when 'less_than'
                        then (actual #>> '{}') collate "C" < (expected #>> '{}')
                    when 'less_or_equal'
                        then (actual #>> '{}') collate "C" <= (expected #>> '{}')
                end
        end;
    end case;
end;
$function$;
comment on function private.compare(text, jsonb, jsonb) is
$comment$Does a value that was found satisfy an operator? Null when the two cannot be compared.

equals is JSON equality (1 = 1.0, "1" <> 1). contains: a substring, an element of an array, a key or
a part of an object. type: as jsonb_typeof, or integer.
length: characters, elements or keys.$comment$;

create function private.brief(value jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when value is null then 'nothing'
        when length(value::text) > 120 then left(value::text, 117) || '...'
        else value::text
    end;
end;
$function$;
comment on function private.brief(jsonb) is
'A value as it is shown in a message: JSON, at most 120 characters.';

create function private.describe_assertion(assertion jsonb)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return
        concat_ws(
            ' ', assertion ->> 'source', coalesce(assertion ->> 'path', assertion ->> 'name')
        )
        || case assertion ->> 'operator'
            when 'equals' then ' equals '
            when 'not_equals' then ' does not equal '
            when 'greater_than' then ' is greater than '
            when 'greater_or_equal' then ' is at least '
            when 'less_than' then ' is less than '
            when 'less_or_equal' then ' is at most '
            when 'contains' then ' contains '
            when 'not_contains' then ' does not contain '
            when 'matches' then ' matches '
            when 'exists' then ' exists'
            when 'not_exists' then ' does not exist'
            when 'type' then ' is of type '
            when 'length' then ' has length '
            when 'one_of' then ' is one of '
            when 'valid' then ' finds nothing wrong with the body'
            else ' ' || (assertion ->> 'operator') || ' '
        end
        || case
            when assertion ->> 'operator' in ('exists', 'not_exists', 'valid') then ''
            else private.brief(assertion -> 'expected')
        end;
end;
$function$;
comment on function private.describe_assertion(jsonb) is
'An assertion as a sentence, e.g. body $.id equals 5.';

create function private.actual_of(assertion jsonb, response jsonb, timing_ms jsonb, observed jsonb)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- as in private.compare
    case assertion ->> 'source'
        when 'status' then return response -> 'status';
        when 'duration' then return timing_ms -> 'total';
        when 'schema' then return private.schema_errors(observed -> 'values');
        when 'header' then return case
            when (observed ->> 'found')::boolean then (
                -- several of one name read as one, joined: RFC 9110, section 5.3
                select
                    case
                        when assertion ->> 'operator' in (
                            'greater_than', 'greater_or_equal', 'less_than', 'less_or_equal'
                        ) and string_agg(fields.field, ', ') ~ '^-?[0-9]{1,100}(\.[0-9]{1,100})?$'
                            then to_jsonb(string_agg(fields.field, ', ')::numeric)
                        else to_jsonb(string_agg(fields.field, ', '))
                    end
                from jsonb_array_elements_text(observed -> 'values') as fields (field)
            )
        end;
        else return case
            when (assertion ->> 'many')::boolean then observed -> 'values'
            when (observed ->> 'found')::boolean then observed #> '{values,0}'
        end;
    end case;
end;
$function$;
comment on function private.actual_of(jsonb, jsonb, jsonb, jsonb) is
$comment$What an assertion speaks of; null when nothing was found.

observed: the worker's answer to its look-up. A path that may find several values gives an array; a
header compared by size gives a number where it reads as one.$comment$;

create function private.quote_body(response jsonb, secrets text[])
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- redacted before it is cut: half a secret at the edge would stay readable
    v_text text := btrim(regexp_replace(
        left(private.redact_text(response ->> 'body', secrets), 4000), '\s+', ' ', 'g'
    ));
begin
    return case
        when response ->> 'encoding' is distinct from 'utf-8' or v_text = '' then null
        when length(v_text) > 160 then left(v_text, 157) || '...'
        else v_text
    end;
end;
$function$;
comment on function private.quote_body(jsonb, text[]) is
'How the body of an answer begins, redacted, for a message; null if it is empty or no text.';

create function private.judge_assertion(
    assertion jsonb, response jsonb, timing_ms jsonb, observed jsonb, narrowed jsonb,
    secrets text[],
    out actual jsonb, out passed boolean, out problem text, out message text
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_operator text := assertion ->> 'operator';
    v_expected jsonb := assertion -> 'expected';
    -- redacted before it is shortened: half a secret at the edge would stay readable
    v_description text := private.describe_assertion(private.redact(assertion, secrets));
    v_error jsonb := coalesce(
        nullif(observed -> 'error', 'null'), nullif(narrowed -> 'error', 'null')
    );
    v_found boolean;
begin
    if v_error is not null then
        passed := false;
        -- an answer that is not JSON is the API's fault; a broken path is the test's
        problem := nullif(v_error ->> 'slug', 'body_not_json');
        message := v_description || ': ' || private.redact_text(v_error ->> 'message', secrets);
        return;
    end if;

    actual := private.actual_of(assertion, response, timing_ms, observed);
    v_found := case
        when assertion ? 'observe' then coalesce((observed ->> 'found')::boolean, false)
        else actual is not null
    end;
    if assertion ->> 'source' = 'header' and v_operator in ('equals', 'not_equals', 'one_of') then
        -- header values are text, whatever type the test's author gave
        v_expected := case jsonb_typeof(v_expected)
            when 'array' then (
                select coalesce(jsonb_agg(private.text_of(choices.choice)), '[]')
                from jsonb_array_elements(v_expected) as choices (choice)
            )
            else to_jsonb(private.text_of(v_expected))
        end;
    end if;

    passed := case v_operator
        when 'exists' then v_found
        when 'not_exists' then not v_found
        else
            -- of a path that may find several, finding none is the empty array
            (v_found or jsonb_typeof(actual) = 'array') is true and case v_operator
                when 'matches' then coalesce((narrowed ->> 'found')::boolean, false)
                else coalesce(private.compare(v_operator, actual, v_expected), false)
            end
    end;
    actual := private.redact(actual, secrets);
    if v_operator = 'valid' then
        -- shortened only now: half a secret at the edge would stay readable
        actual := private.shorten_schema_errors(actual);
    end if;
    message := case
        when passed then v_description
        when v_operator = 'valid' then format(
            'expected: %s; %s', v_description, private.describe_schema_errors(actual)
        )
        when actual is null then format('expected: %s; found nothing', v_description)
        else format('expected: %s; got %s', v_description, private.brief(actual))
    end;
    if not passed and assertion ->> 'source' = 'status' then
        -- what the API itself says of it saves the reader a look into the evidence
        message := concat_ws('; the answer: ', message, private.quote_body(response, secrets));
    end if;
end;
$function$;
comment on function private.judge_assertion(jsonb, jsonb, jsonb, jsonb, jsonb, text[]) is
$comment$One assertion against what was observed.

observed and narrowed: the worker's answers to its look-up, plain and by pattern. Judged on what was
found; what is returned is redacted. problem is a slug when no verdict was possible, and then passed
is false.$comment$;

create function private.judge_assertions(reports private.fenced_report[])
returns private.assertion_verdict[]
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    with answers as materialized (
        select
            reports.item_id,
            (entries.observed ->> 'id')::integer as id,
            entries.observed
        from unnest(reports) as reports
        cross join lateral jsonb_array_elements(
            coalesce(nullif(reports.report -> 'observed', 'null'), '[]')
        ) as entries (observed)
    )

    select
        coalesce(
            array_agg(
                row(
                    reports.item_id,
                    entries.ordinal - 1,
                    entries.assertion ->> 'source',
                    private.redact_text(
                        coalesce(entries.assertion ->> 'path', entries.assertion ->> 'name'),
                        reports.secrets
                    ),
                    entries.assertion ->> 'operator',
                    private.redact(entries.assertion -> 'expected', reports.secrets),
                    judged.actual,
                    judged.passed,
                    judged.problem,
                    judged.message
                )::private.assertion_verdict
            ),
            '{}'
        )
    from unnest(reports) as reports
    cross join lateral
        jsonb_array_elements(reports.assertions) with ordinality as entries (assertion, ordinal)
    left join answers as plain
        on plain.item_id = reports.item_id and plain.id = (entries.assertion ->> 'observe')::integer
    left join answers as narrowed
        on
            narrowed.item_id = reports.item_id
            and narrowed.id = (entries.assertion ->> 'observe_pattern')::integer
    cross join lateral private.judge_assertion(
        entries.assertion, reports.report -> 'response', reports.report -> 'timing_ms',
        case entries.assertion ->> 'source'
            when 'schema' then jsonb_build_object(
                'values', coalesce(nullif(reports.report -> 'schema_errors', 'null'), '[]'),
                'error', reports.report -> 'schema_fault'
            )
            else plain.observed
        end,
        narrowed.observed, reports.secrets
    ) as judged
    where jsonb_typeof(reports.report -> 'response') = 'object' and reports.stop_slug is null;
$function$;
comment on function private.judge_assertions(private.fenced_report[]) is
'Every assertion of every report that brought an answer, redacted.';

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
                    private.redact_text(judged.message, reports.secrets),
                    private.retry_time(reports, judged.outcome, judged.category)
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
