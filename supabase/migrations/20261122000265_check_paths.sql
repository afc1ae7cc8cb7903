-- Checks of JSONPath: what the worker's parser, jsonpath-ng, would not read is refused at once.
-- Depends on: problems. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- A path is cut into tokens, and a machine with a stack of open brackets walks over them. It takes
-- somewhat less than jsonpath-ng does: docs/tests.md says what. Property tests hold the two
-- together: whatever is taken here, jsonpath-ng reads.

create function private.path_tokens(path text)
returns table (place integer, token text, class text)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    with patterns as (
        select
            '''(?:[^''\\]|\\[^\n])*''|"(?:[^"\\]|\\[^\n])*"' as quoted,
            '@?[A-Za-z_][A-Za-z0-9_@-]*' as word,
            '-?[0-9]+' as number
    ),

    -- the longest alternative is taken
    rules as (
        select
            '[ \t\n]+|' || quoted || '|' || word || '|' || number || '|-?[0-9]+\.[0-9]+'
            -- brackets that hold names, indexes, a slice or a star
            || format(
                '|\[[ \t\n]*(?:%1$s(?:[ \t\n]*,[ \t\n]*%1$s)*|%2$s(?:[ \t\n]*,[ \t\n]*%2$s)*|\*'
                || '|(?:%2$s)?[ \t\n]*:[ \t\n]*(?:%2$s)?(?:[ \t\n]*:[ \t\n]*(?:%2$s)?)?)[ \t\n]*\]',
                format('(?:%s|(?!(?:where|wherenot)[], \t\n])%s)', quoted, word), number
            )
            -- the calculations; of sub's expressions only those that any dialect reads
            || '|`(?:this|parent|len|keys|path|sorted|str\(\)'
            || '|sub\(/(?:[^][(){}*+?|/`\\^$\n][*+?]?)*/, +[^`\\\n]*\)'
            || '|split\((?:''[^''`\\\n]+''|"[^"`\\\n]+"|[^]''"`\\, \t\n()]+)'
            || ', *(?:-?[0-9]+|\*), *-?[0-9]+\))`'
            || '|\[[ \t\n]*[?]|\[[ \t\n]*[/\\]|,?[ \t\n]*[/\\]|\.\.?|=~|[=!<>]=|&&|\|\||.' as pattern,
            quoted,
            word
        from patterns
    )

    select
        (
            1 + sum(length(tokens.token)) over (order by tokens.ordinal) - length(tokens.token)
        )::integer,
        tokens.token,
        case
            when tokens.token in ('where', 'wherenot', '|') then 'joiner'
            when tokens.token ~ ('^(?:' || rules.quoted || '|' || rules.word || ')$') then 'name'
            when tokens.token ~ '^-?[0-9]+$' then 'integer'
            when tokens.token ~ '^-?[0-9]' then 'fraction'
            when tokens.token ~ '^\[[ \t\n]*[?]$' then 'filter'
            when tokens.token ~ '^\[[ \t\n]*[/\\]$' then 'sort'
            when tokens.token ~ '^,?[ \t\n]*[/\\]$' then 'sort-again'
            when tokens.token ~ ('^\[[ \t\n]*(?:-?[0-9]+|' || rules.quoted || ')[ \t\n]*\]$')
                then 'single'
            when tokens.token like '[_%' then 'brackets'
            when tokens.token like '`_%' then 'call'
            when tokens.token in ('$', '@') then 'root'
            when tokens.token in ('+', '-') then 'arithmetic'
            when tokens.token in ('=', '==', '!=', '<', '<=', '>', '>=') then 'comparison'
            when tokens.token in ('&&', '||') then 'logic'
            else tokens.token
        end
    from rules
    cross join lateral (
        select
            matches.found[1] as token,
            matches.ordinal
        from regexp_matches(path_tokens.path, rules.pattern, 'g')
        with ordinality as matches (found, ordinal)
    ) as tokens
    order by tokens.ordinal;
end;
$function$;
comment on function private.path_tokens(text) is
'A JSONPath cut into pieces, with the character at which each begins, and what kind it is.';

create function private.next_path_state(state text, opened text, class text)
returns text[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select array[rules.next_state, rules.change]
        from (
            values
            -- where something is to begin
            (
                'start condition factor whole-factor step descent', '*',
                'name * call single brackets', 'end', ''
            ),
            ('start condition factor whole-factor', '*', 'root', 'end', ''),
            ('start condition factor whole-factor', '*', 'integer', 'whole', ''),
            ('start condition', '*', 'fraction', 'fraction', ''),
            ('factor', '*', 'fraction', 'sum', ''),
            ('start factor whole-factor step descent', '*', '(', 'start', '+('),
            ('condition', '*', '(', 'condition', '+g'),
            ('condition', '*', '!', 'start', '+!'),
            -- where a step, an operator or the end may follow
            ('end', '*', '.', 'step', ''),
            ('end', '*', '..', 'descent', ''),
            ('end', '*', 'single brackets', 'end', ''),
            ('end descent', '*', 'filter', 'condition', '+f'),
            ('end', '*', 'sort', 'start', '+s'),
            ('end whole sum', 's', 'sort-again', 'start', ''),
            ('end fraction sum', '(gGfs', 'arithmetic *', 'factor', ''),
            -- to the parser, a whole number and a fraction do not add up
            ('whole', '(gGfs', 'arithmetic *', 'whole-factor', ''),
            ('end whole sum', '(', 'joiner &', 'start', ''),
            -- conditions; a group of them, G, is more than a path in parentheses, g
            ('end whole sum', 'gGf', 'comparison', 'value', 'G'),
            ('end whole sum', 'gGf', '=~', 'pattern', 'G'),
            ('value', '*', 'name integer fraction', 'decided', ''),
            ('pattern', '*', 'name', 'decided', ''),
            ('value', '*', 'root', 'compared', ''),
            ('compared', '*', '.', 'compared-step', ''),
            ('compared', '*', 'single', 'compared', ''),
            ('compared-step', '*', 'name', 'compared', ''),
            ('end whole sum decided compared', 'gGf', 'logic', 'condition', 'G'),
            ('decided compared', 'gGf', '&', 'condition', 'G'),
            -- ends of brackets
            ('end whole sum', '(g', ')', 'end', '-'),
            ('end whole sum', 'G', ')', 'decided', '-'),
            ('decided compared', 'gG', ')', 'decided', '-'),
            ('end whole sum decided compared', 'f', ']', 'end', '-'),
            ('end whole sum', 's', ']', 'end', '-')
        ) as rules (states, inside, classes, next_state, change)
        where
            strpos(' ' || rules.states || ' ', ' ' || state || ' ') > 0
            and (rules.inside = '*' or strpos(rules.inside, opened) > 0)
            and strpos(' ' || rules.classes || ' ', ' ' || class || ' ') > 0
    );
end;
$function$;
comment on function private.next_path_state(text, text, text) is
$comment$The state after a token of a class, and what happens to the open brackets;
null if the token cannot stand there.

opened: the innermost open bracket: "(" a path, also the whole one; f a filter; g parentheses in a
filter that hold a path so far; G such that hold conditions; s a sorting; ! what a negation negates.
Change: "+" and what is opened, "-" for closed, G for: these parentheses hold conditions.$comment$;

create function private.find_path_fault(path text, out place integer, out message text)
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_token record;
    v_state text := 'start';
    v_open text := '(';
    v_next text[];
begin
    for v_token in
        select tokens.* from private.path_tokens(path) as tokens where tokens.token !~ '^[ \t\n]+$'
    loop
        if
            right(v_open, 1) = '!'
            and v_state = 'end'
            and v_token.class in ('logic', ')', ']')
        then
            v_open := left(v_open, -1);
            v_state := 'decided';
        end if;
        v_next := private.next_path_state(v_state, right(v_open, 1), v_token.class);
        if v_next is null or (v_open = '(' and v_token.class = ')') then
            place := v_token.place + length(v_token.token) - length(ltrim(v_token.token));
            message := case v_token.class
                when '[' then 'these brackets hold no name, index, slice or filter, or do not end'
                when '''' then 'this quote does not end'
                when '"' then 'this quote does not end'
                else format('%s cannot stand here', ltrim(v_token.token))
            end;
            return;
        end if;
        v_state := v_next[1];
        v_open := case
            when v_next[2] = '-' then left(v_open, -1)
            when v_next[2] = 'G' and right(v_open, 1) = 'g' then left(v_open, -1) || 'G'
            when v_next[2] like '+%' then v_open || substr(v_next[2], 2)
            else v_open
        end;
    end loop;

    if v_open <> '(' then
        place := length(path) + 1;
        message := format(
            'the path ends before its %s',
            case when translate(right(v_open, 1), '!', 'f') in ('f', 's') then ']' else ')' end
        );
    elsif v_state not in ('end', 'whole', 'sum') then
        place := length(path) + 1;
        message := 'the path ends where something must follow';
    end if;
end;
$function$;
comment on function private.find_path_fault(text) is
'Where a JSONPath goes wrong, and how; nulls if it does not.';

create function private.is_plain_path(path text)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return path ~ '^\$(?:\.(?!where)[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\])*$';
end;
$function$;
comment on function private.is_plain_path(text) is
'True for names and indexes only, as most paths are: nothing is left to check.';

create function private.path_problem(path text, base text)
returns private.problem
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_fault record;
begin
    if path is null then
        return null;
    end if;
    if length(path) > 2000 then
        return row(
            'invalid_path', base, 2001, 'the path is longer than 2,000 characters',
            'Look for a shorter way to say it.'
        )::private.problem;
    end if;

    if private.is_plain_path(path) then
        return null;
    end if;

    -- a placeholder may stand for a name or for a number
    select faults.*
    into v_fault
    from private.find_path_fault(private.stand_in(path, 'x')) as faults;
    if
        v_fault.place is null
        or (
            strpos(path, '{{') > 0
            and (
                select faults.place is null
                from private.find_path_fault(private.stand_in(path, '1')) as faults
            )
        )
    then
        return null;
    end if;
    return row(
        'invalid_path', base, v_fault.place, v_fault.message,
        case
            when substr(path, v_fault.place, 1) ~ '[^ -~]' or v_fault.message ~ '^(where|wherenot) '
                then 'Put such a name in quotes: $[''name''].'
            when v_fault.message ~ '^/ ' then 'A path adds, subtracts and multiplies only.'
            when v_fault.message ~ '^[0-9]' then 'An index stands in brackets: $.items[0].'
            when v_fault.message ~ '^-[0-9]' then 'Put a space after the minus: $.a - 1.'
            when v_fault.message ~ '^& ' then 'Write && for and.'
            else 'Paths look like $.items[0].name, $[''a b''], $..id or $.items[?(@.price > 5)]; '
                || 'docs/tests.md says what they may hold.'
        end
    )::private.problem;
end;
$function$;
comment on function private.path_problem(text, text) is
$comment$What is wrong with a JSONPath; null if nothing. Slug: invalid_path.

{{names}} in it stand for a name or a number.$comment$;

-- check constraints run as whoever writes the row
grant execute on function private.path_tokens(text) to authenticated, service_role;
grant execute on function private.next_path_state(text, text, text) to authenticated, service_role;
grant execute on function private.find_path_fault(text) to authenticated, service_role;
grant execute on function private.is_plain_path(text) to authenticated, service_role;
grant execute on function private.path_problem(text, text) to authenticated, service_role;
