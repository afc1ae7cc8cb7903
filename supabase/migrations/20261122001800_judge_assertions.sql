-- Judging assertions: what a worker observed against what the definition expects. Pure.
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
    guarded text[],
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

create function private.compare_guarded(
    operator text, actual jsonb, expected jsonb, guarded text[]
)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- Of a secret it may be asked whether something is it, not what is less than it or part of it.
    if
        guarded is not null
        and operator not in ('equals', 'not_equals', 'one_of', 'valid', 'type', 'length')
    then
        actual := private.mark_secrets(actual, guarded);
        expected := private.mark_secrets(expected, guarded);
    end if;
    return private.compare(operator, actual, expected);
end;
$function$;
comment on function private.compare_guarded(text, jsonb, jsonb, text[]) is
$comment$As private.compare, but a secret is taken whole: asked whether something is it, it is
itself; asked what is less or part of it, it is a name that tells nothing.

guarded: the secrets concerned; null = none.$comment$;

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
    secrets text[], guarded text[] default null,
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
                else coalesce(
                    private.compare_guarded(v_operator, actual, v_expected, guarded), false
                )
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
comment on function private.judge_assertion(
    jsonb, jsonb, jsonb, jsonb, jsonb, text[], text[]
) is
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
        narrowed.observed, reports.secrets, reports.guarded
    ) as judged
    where jsonb_typeof(reports.report -> 'response') = 'object' and reports.stop_slug is null;
$function$;
comment on function private.judge_assertions(private.fenced_report[]) is
'Every assertion of every report that brought an answer, redacted.';
