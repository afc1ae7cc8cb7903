-- A pattern that RE2 would not compile is refused when it is saved.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/checks.psql
select plan(25);

-- The property tests hold the check to RE2; here is what an author sees.

create function tests.is_broken(pattern text, place text, description text)
returns text
language sql
as $function$
    select tests.is_refused(
        tests.asserting(
            jsonb_build_object('source', 'text', 'pattern', pattern, 'operator', 'exists')
        ),
        'invalid_pattern', '/assertions/0/pattern, character ' || place, description
    );
$function$;

select is_empty(
    $$
    select patterns.pattern
    from unnest(array[
        '', 'a|b', '^(?i:[a-z_]+)\.(?P<ext>\w{2,4})$', '[]a]', '[^]-a]', '[[:alpha:]\d-]', '\Q(\E*',
        'a{,2}', '\p{Greek}\x{1F600}', '(?s)a*?', 'x{', '\/orders\/(\d+)', '[\w.-]+@[\w.-]+'
    ]) as patterns (pattern)
    where (private.pattern_problem(patterns.pattern, '')).slug is not null
    $$,
    'what RE2 compiles is taken'
);
select is_empty(
    $$
    select patterns.pattern
    from unnest(array[
        'order {{id}}', '^[{{from}}-{{to}}]$', '[z-{{last}}]', '[{{first}}-0]', 'a{{{n}}}', '({{a}})?'
    ]) as patterns (pattern)
    where (private.pattern_problem(patterns.pattern, '')).slug is not null
    $$,
    'a placeholder stands for plain text'
);

select tests.is_broken('a(?=b)', '2', 'look-ahead');
select tests.is_broken('(?<!a)b', '1', 'look-behind');
select tests.is_broken('(a)\1', '4', 'a back-reference');
select tests.is_broken('(?P<a>b)(?P=a)', '9', 'by name too');
select tests.is_broken('a(b', '2', 'a group that is not closed');
select tests.is_broken('a)', '2', 'or never opened');
select tests.is_broken('ab[c', '3', 'a class that is not closed');
select tests.is_broken('*a', '1', 'a repetition of nothing');
select tests.is_broken('a|+', '3', 'on either side');
select tests.is_broken('a**', '3', 'of a repetition');
select tests.is_broken('a*+', '3', 'possessive or not');
select tests.is_broken('a{3,1}', '2', 'backwards');
select tests.is_broken('a{1001}', '2', 'or too often');
select tests.is_broken('[0-9][z-a]', '7', 'a range that runs backwards');
select tests.is_broken('[a-\d]', '2', 'or to no character');
select tests.is_broken('x[[:letter:]]', '3', 'an unknown class');
select tests.is_broken('a\Z', '2', 'an escape that RE2 lacks');
select tests.is_broken('a\', '2', 'or of nothing');
select tests.is_broken('(?x)a', '1', 'a flag that it lacks');
select tests.is_broken(repeat('a', 10001), '10001', 'more than 10,000 characters');
select tests.is_broken('{{abc}}(', '8', 'a break beside a placeholder');
select tests.is_refused(
    tests.asserting('{"source": "text", "operator": "matches", "expected": "a("}'),
    'invalid_pattern', '/assertions/0/expected, character 2', 'also as what is expected'
);
select matches(
    tests.hint_of(tests.asserting('{"source": "text", "pattern": "(?=a)", "operator": "exists"}')),
    'not_exists', 'the hint says what to do instead'
);

select * from finish();
rollback;
