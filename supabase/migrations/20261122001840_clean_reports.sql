-- What is taken out of a report before anything in it is looked at: pieces of secrets.
-- Depends on: compile, render. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.is_cut(report jsonb, whole text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return strpos(whole, '"truncated": true') > 0
        -- beyond this the worker sends the beginning of a body
        or (report #>> '{response,body_bytes}')::numeric > 90000;
end;
$function$;
comment on function private.is_cut(jsonb, text) is
'May a report hold a text that was cut? whole: the report as text, and more.';

create function private.redact_cuts(report jsonb, secrets text[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if not private.is_cut(report, report::text) then
        return report;
    end if;
    if jsonb_typeof(report #> '{response,body}') = 'string' then
        report := jsonb_set(
            report, '{response,body}',
            to_jsonb(private.redact_cut(report #>> '{response,body}', secrets))
        );
    end if;
    if report @? '$.observed[*] ? (@.truncated == true)' then
        report := jsonb_set(report, '{observed}', (
            select jsonb_agg(
                case
                    when (answers.observed ->> 'truncated')::boolean then jsonb_set(
                        answers.observed, '{values}', (
                            select coalesce(
                                jsonb_agg(
                                    case jsonb_typeof(found.value)
                                        when 'string' then to_jsonb(
                                            private.redact_cut(found.value #>> '{}', secrets)
                                        )
                                        else found.value
                                    end
                                    order by found.ordinal
                                ), '[]'
                            )
                            from jsonb_array_elements(answers.observed -> 'values')
                            with ordinality as found (value, ordinal)
                        )
                    )
                    else answers.observed
                end
                order by answers.ordinal
            )
            from jsonb_array_elements(report -> 'observed')
            with ordinality as answers (observed, ordinal)
        ));
    end if;
    return report;
end;
$function$;
comment on function private.redact_cuts(jsonb, text[]) is
$comment$A report without the beginnings of secrets at the ends of what its worker cut: the body,
and values that were found.$comment$;

create function private.withhold(report jsonb, definition jsonb, guarded text[])
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_fault constant jsonb := jsonb_build_object(
        'slug', 'secret_in_answer',
        'message', 'the answer holds a secret, and nobody may ask for it piece by piece'
    );
    v_is_in_body boolean := private.holds_secret(report #>> '{response,body}', guarded);
    v_is_in_headers boolean := private.holds_secret(report #>> '{response,headers}', guarded);
begin
    if (v_is_in_body or v_is_in_headers) is not true then
        return report;
    end if;
    if jsonb_typeof(report -> 'observed') = 'array' then
        report := jsonb_set(report, '{observed}', (
            select coalesce(
                jsonb_agg(
                    case
                        when
                            private.is_searching(lookups.lookup)
                            and case lookups.lookup ->> 'source'
                                when 'header' then v_is_in_headers else v_is_in_body
                            end
                            then jsonb_build_object(
                                'id', answers.observed -> 'id', 'found', false,
                                'values', '[]'::jsonb, 'error', v_fault
                            )
                        else answers.observed
                    end
                    order by answers.ordinal
                ), '[]'
            )
            from jsonb_array_elements(report -> 'observed')
            with ordinality as answers (observed, ordinal)
            left join jsonb_array_elements(definition -> 'observe') as lookups (lookup)
                on lookups.lookup -> 'id' = answers.observed -> 'id'
        ));
    end if;
    if v_is_in_body and strpos(definition ->> 'json_schema', '"pattern') > 0 then
        report := report
            || jsonb_build_object('schema_errors', '[]'::jsonb, 'schema_fault', v_fault);
    end if;
    return report;
end;
$function$;
comment on function private.withhold(jsonb, jsonb, text[]) is
$comment$A report without the answers to what was looked for, by pattern or condition, in a text
that holds a secret: each would tell a piece of it.

guarded: the secrets concerned, see private.run_secrets. Whole values are left as they are: they are
compared, redacted and captured as the secrets they are.$comment$;
