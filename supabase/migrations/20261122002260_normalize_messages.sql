-- Messages without what differs from one run to the next: ids, times, numbers, long texts. Pure.
-- Depends on: schemas. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Patterns name their letters one by one: what \w and \s mean depends on the database's collation,
-- and a fingerprint has to be the same in every database. What is taken out reads {n}, {uuid},
-- {date}: in angle brackets it would be taken for HTML when a text is normalized once more.

create function private.strip_log_prefix(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return regexp_replace(
        message,
        '^[ \t\n]*'
        || '(?:[[(]?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?'
        || '(?:Z|[+-][0-9]{2}:?[0-9]{2})?[])]?[ \t:|-]+)?'
        || '(?:(?:[[(]?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL)[])]?'
        || '|\[[A-Za-z0-9_.:#-]+\])[ \t:|-]+)*',
        ''
    );
end;
$function$;
comment on function private.strip_log_prefix(text) is
'A message without the time, the level and the thread that a line of a log begins with.';

create function private.strip_tags(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if strpos(message, '<') = 0 then
        return message;
    end if;
    return regexp_replace(
        message, '<(?:/?[A-Za-z][A-Za-z0-9-]*(?:[ \t\n/][^<>]*)?|![^<>]*)>', ' ', 'g'
    );
end;
$function$;
comment on function private.strip_tags(text) is
'A message with a space in place of each tag, comment and document type of HTML.';

create function private.hide_ids(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if strpos(message, '://') > 0 then
        message := regexp_replace(
            message,
            '(?:https?|wss?)://(?:[^][ \t\n"''<>/@?#\\]*@)?([^][ \t\n"''<>/@?#\\:]+)(?::[0-9]+)?'
            || '(/[^ \t\n"''<>?#\\]*)?(?:\?[^ \t\n"''<>#\\]*)?(?:#[^ \t\n"''<>\\]*)?',
            '\1\2', 'g'
        );
    end if;
    -- before the ids that an address may hold
    if strpos(message, '@') > 0 then
        message := regexp_replace(
            message, '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+', '{email}', 'g'
        );
    end if;
    message := regexp_replace(
        message,
        '(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])',
        '{uuid}', 'g'
    );
    message := regexp_replace(
        message,
        '(?<![0-9A-Za-z])eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?', '{token}', 'g'
    );
    message := regexp_replace(
        message,
        '(Bearer|Basic|Token) (?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{8,}', '\1 {token}', 'g'
    );
    if message !~ '0x|[0-9A-Fa-f]{8}|[0-9][A-Za-z]+[0-9]|[0-9A-Za-z]{20}' then
        return message; -- a cheap look before an expensive one
    end if;
    -- hexadecimal, and words of letters and digits that nobody chose; the same as a number, since
    -- one in forty of eight hexadecimal digits is without a letter
    return regexp_replace(
        message,
        '(?<![0-9A-Za-z])(?:0x[0-9A-Fa-f]+|(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{8,}'
        || '|(?=[A-Za-z]*[0-9]+[A-Za-z]+[0-9])[0-9A-Za-z]{8,}'
        || '|(?=[A-Za-z]*[0-9])[0-9A-Za-z]{20,})(?![0-9A-Za-z])',
        '{n}', 'g'
    );
end;
$function$;
comment on function private.hide_ids(text) is
$comment$A message without its ids: of URLs host and path remain, and e-mail addresses,
UUIDs, tokens, hexadecimal and random words are told by their kind.$comment$;

create function private.hide_times(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    message := regexp_replace(
        message,
        '(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?(?![0-9A-Za-z]|\.[0-9])',
        '{ip}', 'g'
    );
    if strpos(message, '::') > 0 or message ~ ':[0-9A-Fa-f]+:[0-9A-Fa-f]+:[0-9A-Fa-f]+:' then
        message := regexp_replace(
            message,
            '(?<![0-9A-Za-z:])(?=[A-Fa-f:]*[0-9])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}'
            || '|(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*)?::'
            || '(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*)?)'
            || '(?![0-9A-Za-z:])',
            '{ip}', 'g'
        );
    end if;
    return regexp_replace(
        message,
        '(?<![0-9A-Za-z])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}'
        || '(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?)?'
        || '|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} '
        || '[0-9]{2}:[0-9]{2}:[0-9]{2}(?: (?:GMT|UTC|[+-][0-9]{4}))?'
        || '|[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?)(?![0-9A-Za-z])',
        '{date}', 'g'
    );
end;
$function$;
comment on function private.hide_times(text) is
'A message without addresses of the internet, dates and times of day: {ip} and {date}.';

create function private.hide_quotes(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    if strpos(message, '"') > 0 then
        -- Short ones are matched as well, or the text between two of them would be taken for one.
        -- Each leaves a mark behind; where nothing stands before it, there was a long one.
        message := regexp_replace(
            message, '("(?:[^"\\\n]|\\.){0,32}")|"(?:[^"\\\n]|\\.){33,}"', e'\\1\ue001', 'g'
        );
        message := replace(replace(message, e'"\ue001', '"'), e'\ue001', '"{text}"');
    end if;
    if strpos(message, '''') > 0 then
        message := regexp_replace(
            message, '(?<![0-9A-Za-z])''(?:[^''\\\n]|\\.){33,}''(?![0-9A-Za-z])', '''{text}''', 'g'
        );
    end if;
    return message;
end;
$function$;
comment on function private.hide_quotes(text) is
'A message with {text} in place of what it quotes, where that is longer than 32 characters.';

create function private.hide_numbers(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    -- the status of an answer, and a path of names and indexes
    v_pattern constant text :=
        'status [a-z ]+(?:\[[0-9, ]*\]|[0-9]+); got [0-9]+'
        || '|(?:HTTP|[Ss]tatus|[Cc]ode)[A-Za-z/"'' _]{0,10}(?:[0-9]\.[0-9] )?[:= ]{0,3}'
        || '[1-5][0-9]{2}(?![0-9A-Za-z])'
        || '|(?<![0-9A-Za-z.,])[1-5][0-9]{2} (?:Bad Request|Unauthorized|Forbidden|Not Found'
        || '|Method Not Allowed|Not Acceptable|Request Time-?out|Conflict|Gone|Payload Too Large'
        || '|Unsupported Media Type|Unprocessable|Too Many Requests|Internal Server Error'
        || '|Not Implemented|Bad Gateway|Service Unavailable|Gateway Time-?out)'
        || '|\$(?:\.\.?[A-Za-z_][A-Za-z0-9_-]*|\.?\[(?:-?[0-9]+|\*|''[^'']*''|"[^"]*")\]|\.\*)+';
    v_kept text[] := array(
        select found.matches[1]
        from regexp_matches(message, v_pattern, 'g')
            with ordinality as found (matches, place)
        order by found.place
    );
    v_text text;
    v_place integer;
begin
    if v_kept <> '{}' then
        message := regexp_replace(message, v_pattern, e'\ue000', 'g');
    end if;
    message := regexp_replace(
        message, '[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?', '{n}', 'g'
    );
    message := regexp_replace(message, '(^|[ \t\n[(=:,])-\{n\}', '\1{n}', 'g');
    message := regexp_replace(message, '\{n\}(?:(?:[.,]|, )\{n\})+', '{n}', 'g');
    foreach v_text in array v_kept loop
        v_place := strpos(message, e'\ue000');
        message := left(message, v_place - 1) || v_text || substr(message, v_place + 1);
    end loop;
    return message;
end;
$function$;
comment on function private.hide_numbers(text) is
$comment$A message with {n} in place of its numbers, but for the status of an answer and
the indexes in a JSONPath.$comment$;

create function private.normalize_message(message text)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    -- characters that stand for something else below
    message := translate(left(message, 1000), e'\ue000\ue001', '');
    message := replace(replace(message, e'\r\n', e'\n'), e'\r', e'\n');
    message := private.strip_tags(private.strip_log_prefix(message));
    message := private.hide_times(private.hide_ids(message));
    message := private.hide_numbers(private.hide_quotes(message));
    message := regexp_replace(message, ' *[\t\n\f\v][ \t\n\f\v]*|  +', ' ', 'g');
    return rtrim(left(ltrim(message), 500));
end;
$function$;
comment on function private.normalize_message(text) is
$comment$A message as it would read in any run, test and environment: what differs by
chance is taken out, so that equal ones have one cause.

Of the first 1,000 characters, in this order: the prefix of a log line, line ends, HTML
tags, URLs to host and path, e-mail addresses, UUIDs, tokens, hexadecimal and random
words, IP addresses, dates, quoted texts of more than 32 characters, numbers; the status
of an answer and plain paths keep theirs. Cut at 500 characters. Source: algorithms 3.8,
after the passes of ReportPortal and Sentry.$comment$;
