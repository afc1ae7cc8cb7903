-- private.compare: the truth table of the operators. Null: the two cannot be compared.
begin;
\ir _lib/people.psql
select plan(22);

-- One row a line: what compare must say of (actual, expected).
create function tests.truth(operator text, cases text[])
returns setof text
language sql
as $function$
    select format(
        '%s %s %s: expected %s, got %s', parts.part[1], truth.operator, parts.part[2],
        parts.part[3],
        coalesce(compared.verdict::text, 'null')
    )
    from unnest(truth.cases) as lines (line)
    cross join lateral (select string_to_array(lines.line, ' / ')) as parts (part)
    cross join lateral (
        select private.compare(truth.operator, parts.part[1]::jsonb, parts.part[2]::jsonb)
    ) as compared (verdict)
    where coalesce(compared.verdict::text, 'null') <> parts.part[3];
$function$;

select isnt_empty(
    $$ select tests.truth('equals', array['1 / 1 / false']) $$, 'a line that is wrong is found'
);

select is_empty(
    $$ select tests.truth('equals', array[
        '1 / 1 / true', '1 / 2 / false', '1 / 1.0 / true', '1 / "1" / false', '"a" / "a" / true',
        '"a" / "A" / false',
        'true / true / true', 'true / false / false', 'true / 1 / false', 'null / null / true',
        'null / false / false',
        'null / "" / false', '[] / [] / true', '[1,2] / [2,1] / false', '[1,2] / [1,2] / true',
        '{} / [] / false',
        '{"a":1,"b":2} / {"b":2,"a":1} / true', '{"a":1} / {"a":1.0} / true',
        '{"a":1} / {"a":1,"b":2} / false'
    ]) $$,
    'equals is equality of JSON: numbers by value, objects in any order, types never mixed'
);
select is_empty(
    $$ select tests.truth('equals', array[
        '12345678901234567890 / 12345678901234567890 / true',
        '12345678901234567890 / 12345678901234567891 / false',
        '0.1234567890123456789012345 / 0.1234567890123456789012345 / true',
        '0.1234567890123456789012345 / 0.1234567890123456789012346 / false',
        '9007199254740993 / 9007199254740992 / false', '1e2 / 100 / true', '1.10 / 1.1 / true'
    ]) $$,
    'to the last digit'
);
select is_empty(
    $$ select tests.truth('not_equals', array[
        '1 / 1 / false', '1 / 2 / true', '1 / "1" / true', '1 / 1.0 / false', 'null / null / false',
        '12345678901234567890 / 12345678901234567891 / true'
    ]) $$,
    'not_equals is its opposite'
);
select is_empty(
    $$ select tests.truth('greater_than', array[
        '2 / 1 / true', '1 / 1 / false', '1 / 2 / false', '-1 / -2 / true', '1.5 / 1 / true',
        '10 / 9 / true', '12345678901234567891 / 12345678901234567890 / true',
        '"b" / "a" / true', '"a" / "b" / false', '"a" / "Z" / true', '"10" / "9" / false',
        '"2026-03-01T00:00:00Z" / "2026-02-28T23:59:59Z" / true',
        '"2" / 1 / null', '2 / "1" / null', 'true / false / null', 'null / 1 / null',
        '[2] / [1] / null', '{} / {} / null'
    ]) $$,
    'greater_than compares numbers with numbers and texts, by code point, with texts'
);
select is_empty(
    $$ select tests.truth('greater_or_equal', array[
        '2 / 1 / true', '1 / 1 / true', '1.0 / 1 / true', '1 / 2 / false', '"a" / "a" / true',
        '"a" / "b" / false',
        '"b" / "a" / true', '"1" / 1 / null'
    ]) $$,
    'greater_or_equal'
);
select is_empty(
    $$ select tests.truth('less_than', array[
        '1 / 2 / true', '1 / 1 / false', '2 / 1 / false', '"a" / "b" / true', '"b" / "a" / false',
        '"a" / "a" / false',
        '0.1234567890123456789012345 / 0.1234567890123456789012346 / true', 'null / 1 / null',
        '1 / null / null'
    ]) $$,
    'less_than'
);
select is_empty(
    $$ select tests.truth('less_or_equal', array[
        '1 / 2 / true', '1 / 1 / true', '2 / 1 / false', '"a" / "a" / true', '"b" / "a" / false',
        'true / true / null'
    ]) $$,
    'less_or_equal'
);
select is_empty(
    $$ select tests.truth('contains', array[
        '"abc" / "b" / true', '"abc" / "d" / false', '"abc" / "" / true', '"a1c" / 1 / true',
        '"is true" / true / true',
        '"50%" / "%" / true', '"axc" / "a_c" / false'
    ]) $$,
    'a text contains a text, taken literally'
);
select is_empty(
    $$ select tests.truth('contains', array[
        '[1,2] / 2 / true', '[1,2] / 3 / false', '[1,2] / "2" / false', '[1,2] / 2.0 / true',
        '[[1]] / [1] / true',
        '[1,2] / [1] / false', '[{"a":1,"b":2}] / {"a":1} / false', '[{"a":1}] / {"a":1} / true',
        '[null] / null / true',
        '[] / null / false'
    ]) $$,
    'an array contains an element, as a whole'
);
select is_empty(
    $$ select tests.truth('contains', array[
        '{"a":1} / "a" / true', '{"a":1} / "b" / false', '{"a":1,"b":2} / {"a":1} / true',
        '{"a":1} / {"a":2} / false',
        '{"a":{"b":1,"c":2}} / {"a":{"b":1}} / true'
    ]) $$,
    'an object contains a key or a part'
);
select is_empty(
    $$ select tests.truth('contains', array[
        '5 / 5 / null', 'true / true / null', 'null / null / null', '{"a":1} / 1 / null'
    ]) $$,
    'anything else contains nothing that could be asked for'
);
select is_empty(
    $$ select tests.truth('not_contains', array[
        '"abc" / "b" / false', '"abc" / "d" / true', '[1,2] / 3 / true', '[1,2] / 2 / false',
        '{"a":1} / "b" / true', '5 / 5 / null'
    ]) $$,
    'not_contains is the opposite, and as silent'
);
select is_empty(
    $$ select tests.truth('type', array[
        '1 / "number" / true', '1.5 / "number" / true', '"a" / "string" / true',
        'true / "boolean" / true',
        'null / "null" / true', '[] / "array" / true', '{} / "object" / true',
        '"1" / "number" / false', '{} / "array" / false'
    ]) $$,
    'type names the types of JSON'
);
select is_empty(
    $$ select tests.truth('type', array[
        '1 / "integer" / true', '1.0 / "integer" / true', '-3 / "integer" / true',
        '1.5 / "integer" / false',
        '"1" / "integer" / false', '123456789012345678901234567890 / "integer" / true'
    ]) $$,
    'and integer'
);
select is_empty(
    $$ select tests.truth('length', array[
        '"abc" / 3 / true', '"abc" / 4 / false', '"žluť" / 4 / true', '"" / 0 / true',
        '[1,[2,3]] / 2 / true', '[] / 0 / true',
        '{"a":1,"b":2} / 2 / true', '{} / 0 / true', '"abc" / "3" / false', '"abc" / 3.0 / true'
    ]) $$,
    'length counts characters, elements and keys'
);
select is_empty(
    $$ select tests.truth('length', array['5 / 1 / null', 'null / 0 / null', 'true / 4 / null']) $$,
    'nothing else has one'
);
select is_empty(
    $$ select tests.truth('one_of', array[
        '1 / [1,2] / true', '3 / [1,2] / false', '"1" / [1,2] / false', '1.0 / [1,2] / true',
        'null / [null] / true',
        '[1] / [[1],[2]] / true', '[1] / [1] / false', '1 / [] / false'
    ]) $$,
    'one_of looks for the value in a list'
);
select is_empty(
    $$
    select tests.truth('one_of', array['1 / 1 / null', '"a" / "abc" / null', '1 / null / null', '1 / {"a":1} / null'])
    $$,
    'and can say nothing without one'
);
select is(
    private.compare('resembles', '1', '1'), null, 'an operator that does not exist says nothing'
);
select is(
    private.compare('equals', '1', null), null, 'and neither does one without an expectation'
);
select lives_ok(
    $$
    select count(private.compare(operators.operator, actuals.actual, expectations.expected))
    from unnest(array['equals', 'not_equals', 'greater_than', 'greater_or_equal', 'less_than', 'less_or_equal', 'contains', 'not_contains', 'type', 'length', 'one_of']) as operators (operator)
    cross join unnest(array['1', '"a"', 'true', 'null', '[]', '[1]', '{}', '{"a":1}']::jsonb[]) as actuals (actual)
    cross join unnest(array['1', '"a"', 'true', 'null', '[]', '[1]', '{}', '{"a":1}']::jsonb[]) as expectations (expected)
    $$,
    'no pair of types makes any operator raise'
);

select * from finish();
rollback;
