-- Checks of regular expressions: what RE2 would not compile is refused at once.
-- Depends on: problems. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- PostgreSQL never compiles what a tenant wrote: it cuts it into tokens by a pattern of ours and
-- looks at each. Source of the rules: RE2's syntax page and parser. Nothing that RE2 takes is
-- refused, and property tests say so; the names of scripts (\p{Greek}) and the size of nested
-- repetitions are left to the worker.

create function private.pattern_tokens(pattern text)
returns table (place integer, token text, class text)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        (
            1 + sum(length(tokens.token)) over (order by tokens.ordinal) - length(tokens.token)
        )::integer,
        tokens.token,
        case
            when tokens.token in (')', '|', '\', '(?') then tokens.token
            when tokens.token like '[%' and tokens.token !~ ('^' || brackets.closed || '$')
                then '['
            when tokens.token ~ '^\\Q(?:\\E)?$' or tokens.token ~ '^\(\?[imsU-]*\)$' then 'nothing'
            when tokens.token like '\\Q%' then 'atom'
            when tokens.token like '\\%' then 'escape'
            when tokens.token like '[%' then 'brackets'
            when tokens.token like '(%' then '('
            when tokens.token ~ '^(?:[*+?]|\{.)' then 'repetition'
            else 'atom'
        end
    from (
        select
            '\[(?:\^|(?!\^))(?:\[:\^?[a-z]*:\]|\\.|[^\\])(?:\[:\^?[a-z]*:\]|\\.|[^]\\])*\]'
            as closed
    ) as brackets
    cross join lateral (
        select
            matches.found[1] as token,
            matches.ordinal
        from regexp_matches(
            pattern_tokens.pattern,
            -- the longest alternative is taken: quoted text, flags, groups, classes in brackets,
            -- repetitions (ten digits are none), escapes, text
            '\\Q(?:[^\\]|\\(?!E))*(?:\\E|$)'
            || '|\(\?[imsU]*(?:-[imsU]+)?\)'
            || '|\(\?(?:[imsU]*(?:-[imsU]+)?:|P?<(?:[0-9A-Za-z_]|[^\x01-\x7f])+>)'
            -- a bracket without an end takes all that follows, which is read once then, not again
            -- from every bracket in it
            || '|' || brackets.closed || '|\[\^?(?:\\.|[^\\])?(?:\\.|[^]\\])*\\?$'
            || '|(?:[*+?]|\{(?:0|[1-9][0-9]{0,8})(?:,(?:0|[1-9][0-9]{0,8})?)?\})[?]?'
            || '|\\[pP](?:[CLMNPSZ]|\{[^}]{0,50}\})|\\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]+\})|\\[1-7][0-7]'
            || '|\\[^xpPQ]|[^][\\(){*+?|]+|\(\?|.',
            'g'
        ) with ordinality as matches (found, ordinal)
    ) as tokens
    order by tokens.ordinal;
end;
$function$;
comment on function private.pattern_tokens(text) is
'A regular expression cut into pieces, with the character at which each begins, and its kind.';

create function private.find_brackets_fault(brackets text, out place integer, out message text)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    with members as (
        select
            tokens.found,
            (
                1 + length(opening.text)
                + sum(length(tokens.found[1])) over (order by tokens.ordinal)
                - length(tokens.found[1])
            )::integer as place
        from (select substring(brackets from '^\[\^?') as text) as opening
        cross join lateral regexp_matches(
            substr(left(brackets, -1), length(opening.text) + 1),
            -- a named class, or one character, or a range of two
            '(\[:\^?[a-z]*:\]|\\[pP](?:[CLMNPSZ]|\{[^}]*\})|\\[dDsSwW]'
            || '|(\\x[0-9A-Fa-f]{2}|\\x\{[0-9A-Fa-f]+\}|\\[1-7][0-7]|\\[^dDsSwW]|[^\\])'
            || '(?:-(\\x[0-9A-Fa-f]{2}|\\x\{[0-9A-Fa-f]+\}|\\[1-7][0-7]|\\.|[^\\]))?)',
            'g'
        ) with ordinality as tokens (found, ordinal)
    )

    select
        members.place,
        faults.message
    into find_brackets_fault.place, find_brackets_fault.message
    from members
    cross join lateral (
        select case
            when
                members.found[1] like '[:%'
                and members.found[1] !~ (
                    '^\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space'
                    || '|upper|word|xdigit):\]$'
                )
                then format('there is no class %s', members.found[1])
            when members.found[2] ~ '^\\(?:[1-9]|[b-zA-Z]|[^\x01-\x7f])$'
                and members.found[2] !~ '^\\[fnrtv]$'
                then format('%s is no character', members.found[2])
            when members.found[3] ~ '^\\(?:[1-9]|[b-zA-Z]|[^\x01-\x7f])$'
                and members.found[3] !~ '^\\[fnrtv]$'
                then format('%s cannot end a range', members.found[3])
            when
                length(members.found[2]) = 1 and length(members.found[3]) = 1
                and ascii(members.found[2]) > ascii(members.found[3])
                then format('the range %s runs backwards', members.found[1])
        end as message
    ) as faults
    where faults.message is not null
    order by members.place
    limit 1;
end;
$function$;
comment on function private.find_brackets_fault(text) is
'Where a [class] of RE2 goes wrong, counted from its bracket, and how; nulls if it does not.';

create function private.token_fault(token text, class text, before text, is_re2 boolean)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return case
        when class = '[' then 'the bracket [ is not closed'
        when class = '\' then 'nothing follows the backslash that it could stand with'
        when class = 'repetition' and before = 'nothing'
            then format('there is nothing that %s could repeat', token)
        when
            class = 'repetition' and before = 'repetition'
            and (is_re2 or token !~ '^[?+]')
            then format('%s repeats a repetition', token)
        when
            class = 'repetition'
            and token like '{%'
            and (
                (
                    is_re2
                    and greatest(
                        substring(token from '[0-9]+')::integer,
                        nullif(substring(token from ',([0-9]*)'), '')::integer
                    ) > 1000
                )
                or substring(token from '[0-9]+')::integer
                > nullif(substring(token from ',([0-9]*)'), '')::integer
            )
            then format('%s repeats more than 1000 times, or backwards', token)
        when is_re2 and class = '(?' then 'RE2 has no look-around and no such group'
        when is_re2 and class = 'escape' and token ~ '^\\(?:[1-9]$|k|g)'
            then 'RE2 has no back-references'
        when
            is_re2 and class = 'escape'
            and token ~ '^\\(?:[c-zE-Z]|[^\x01-\x7f])$' and token !~ '^\\[dfnrstvwzSW]$'
            then format('there is no %s', token)
    end;
end;
$function$;
comment on function private.token_fault(text, text, text, boolean) is
$comment$What is wrong with one piece of a regular expression; null if nothing.

before: repetition, nothing (the beginning of a pattern, group or alternative), or something.
is_re2: false leaves out what other dialects allow.$comment$;

create function private.find_pattern_fault(
    pattern text, is_re2 boolean, out place integer, out message text
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_token record;
    v_before text := 'nothing';
    v_open integer[] := array[]::integer[];
begin
    -- [!-[:x:]: to RE2 the range ends at the inner bracket, and no pattern of ours can tell
    if strpos(pattern, '-[:') > 0 then
        return;
    end if;
    for v_token in select tokens.* from private.pattern_tokens(pattern) as tokens loop
        place := v_token.place;
        message := case
            when v_token.class = ')' and v_open = '{}' then 'this ) was never opened'
            else private.token_fault(v_token.token, v_token.class, v_before, is_re2)
        end;
        if message is null and is_re2 and v_token.class = 'brackets' then
            select
                v_token.place + faults.place - 1,
                faults.message
            into place, message
            from private.find_brackets_fault(v_token.token) as faults;
        end if;
        if message is not null then
            return;
        end if;
        case v_token.class
            when '(', '(?' then
                v_open := v_open || v_token.place;
                v_before := 'nothing';
            when ')' then
                v_open := v_open[:cardinality(v_open) - 1];
                v_before := 'something';
            when '|' then v_before := 'nothing';
            when 'repetition' then v_before := 'repetition';
            when 'nothing' then
                v_before := case v_before when 'nothing' then 'nothing' else 'something' end;
            else v_before := 'something';
        end case;
    end loop;

    place := v_open[cardinality(v_open)];
    if place is not null then
        message := 'this ( is not closed';
    end if;
end;
$function$;
comment on function private.find_pattern_fault(text, boolean) is
$comment$Where a regular expression goes wrong, and how; nulls if it does not.

is_re2: false looks only for what is wrong in every dialect.$comment$;

create function private.pattern_problem(pattern text, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_fault record;
    v_fillers text[] := case
        when strpos(pattern, '{{') > 0 then array['x', '0', '~'] else array['x']
    end;
begin
    if pattern is null then
        return null;
    end if;
    if length(pattern) > 10000 then
        return row(
            'invalid_pattern', base, 10001, 'the pattern is longer than 10,000 characters',
            'Look for a shorter way to say it.'
        )::private.problem;
    end if;

    -- a placeholder stands for text, which in a range may sort anywhere
    select faults.*
    into v_fault
    from unnest(v_fillers) with ordinality as fillers (filler, ordinal)
    cross join lateral private.find_pattern_fault(
        private.stand_in(pattern, fillers.filler), true
    ) as faults
    order by faults.message nulls first, fillers.ordinal
    limit 1;
    if v_fault.message is null then
        return null;
    end if;
    return row(
        'invalid_pattern', base, v_fault.place, v_fault.message,
        case
            when v_fault.message like 'RE2 has no look-around%'
                then 'Groups are (...), (?:...), (?P<name>...) and (?i:...). '
                    || 'Say what must not be there by not_exists or not_contains.'
            when v_fault.message like 'RE2 has no back%' then 'Write out what is to be repeated.'
            else 'Patterns are RE2; a backslash before a character takes it as it is: \( or \[.'
        end
    )::private.problem;
end;
$function$;
comment on function private.pattern_problem(text, text) is
$comment$What is wrong with a pattern for RE2; null if nothing. Slug: invalid_pattern.

{{names}} in it stand for plain text.$comment$;

-- check constraints run as whoever writes the row
grant execute on function private.pattern_tokens(text) to authenticated, service_role;
grant execute on function private.find_brackets_fault(text) to authenticated, service_role;
grant execute on function private.token_fault(text, text, text, boolean)
to authenticated, service_role;
grant execute on function private.find_pattern_fault(text, boolean)
to authenticated, service_role;
grant execute on function private.pattern_problem(text, text) to authenticated, service_role;
