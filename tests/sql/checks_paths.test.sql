-- A JSONPath that the worker could not read is refused when it is saved.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/checks.psql
select plan(25);

-- The property tests hold the check to the worker's parser; here is what an author sees.

create function tests.is_broken(path text, place text, description text)
returns text
language sql
as $function$
    select tests.is_refused(
        tests.asserting(jsonb_build_object('source', 'body', 'path', path, 'operator', 'exists')),
        'invalid_path', '/assertions/0/path, character ' || place, description
    );
$function$;

-- What a path may be

select is_empty(
    $$
    select paths.path
    from unnest(array[
        '$', '$.a', 'a.b', '$.a[0].b', '$.a[-1]', '$.a[*].b', '$.*', '$..a', '$..*', '$..[0]',
        '$["a b"].c', '$[''it\''s'']', '$.a[0,1]', '$.a[''b'',"c"]', '$.a[1:3]', '$.a[::2]',
        '$.a[?(@.b)]', '$.a[?@.b > 1]', '$.a[?(@.b == ''x'' && !@.c || @.d != null)].e',
        '$.a[?((@.b > 1.5) && (@.c =~ "^x"))]', '$.a[?(@.b == $.c.d[0])]', '$..[?(@.b)]',
        '$.a[/b]', '$.a[\b, /c.d]', '$.a.`len`', '$.a.`sub(/a+/, b)`', '$.a.`split(;, 0, -1)`',
        '$.a + $.b', '($.a - 1) * 1.5', '$.a | $.b', '$.a where b', '$.a.(b | c)', '$.true.null',
        '$.wherever'
    ]) as paths (path)
    where (private.path_problem(paths.path, '')).slug is not null
    $$,
    'every kind of path of the documentation is taken'
);
select is_empty(
    $$
    select paths.path
    from unnest(array[
        '$.{{name}}', '$[{{index}}].a', '$[''{{any}}'']', '$.a[?(@.id == {{id}})]',
        '$.a[{{from}}:{{to}}]', '{{path}}', '$.a_{{x | default("}}")}}.b', '$[''\{{'']'
    ]) as paths (path)
    where (private.path_problem(paths.path, '')).slug is not null
    $$,
    'a placeholder stands for a name, a number or text in quotes'
);

-- What it may not be

select tests.is_broken('', '1', 'an empty path');
select tests.is_broken('$.a[', '4', 'a bracket that is not closed');
select tests.is_broken('$.a]', '4', 'or was never opened');
select tests.is_broken('$.a[0].b[?(@.c > ]', '18', 'a comparison with nothing');
select tests.is_broken('$.a[?(@.b > 1]', '14', 'a parenthesis that is not closed');
select tests.is_broken('$.a[''b]', '4', 'a quote that is not closed');
select tests.is_broken('$a', '2', 'a name without a dot');
select tests.is_broken('.a', '1', 'a dot before anything');
select tests.is_broken('$.a..', '6', 'a step without a name');
select tests.is_broken('$.a[*] ? (@.b == 1)', '8', 'the filter of another dialect');
select tests.is_broken('$.a[(@.length - 1)]', '4', 'or its script');
select tests.is_broken('$.a[?(@.b in [1])]', '11', 'or its operators');
select tests.is_broken('$.a[?(@.length() > 1)]', '15', 'or its functions');
select tests.is_broken('$.0', '3', 'an index without brackets');
select tests.is_broken('$.žluť', '3', 'letters that need quotes');
select tests.is_broken('$.where', '3', 'a word that needs quotes');
select tests.is_broken('$.a.`count`', '5', 'an unknown operator');
select tests.is_broken('$.a / 2', '5', 'a division');
select tests.is_broken('$.a -1', '5', 'a difference without its space');
select tests.is_broken('$.a[0, ''b'']', '4', 'indexes mixed with names');
select tests.is_broken('$.a' || repeat('.b', 1000), '2001', 'more than 2,000 characters');
select tests.is_broken('$.{{a}}[', '8', 'a break beside a placeholder');
select matches(
    tests.hint_of(
        tests.asserting('{"source": "body", "path": "$.žluť", "operator": "exists"}')
    ),
    'in quotes', 'the hint says how to write it'
);

select * from finish();
rollback;
