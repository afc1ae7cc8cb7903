-- {{name}} filled in: types, paths, filters, encoding, and dynamic values that a rescue repeats.
begin;
\ir _lib/people.psql
select plan(51);

-- Render one string; with a second argument as a URL slot.
create function tests.rendered(template text, variables jsonb, seed text default 'seed', encode jsonb default '{}')
returns jsonb
language sql
as $function$
    select rendered.rendered -> 'x'
    from private.render(
        '{"x": ""}',
        jsonb_build_array(
            jsonb_build_object('at', '["x"]'::jsonb, 'parts', private.parse_template(template)) || encode
        ),
        variables, seed, '2026-03-04 05:06:07.890+00'
    ) as rendered;
$function$;

create function tests.unresolved(template text, variables jsonb)
returns text
language sql
as $function$
    select rendered.unresolved
    from private.render(
        jsonb_build_object('x', template),
        private.compile_templates(jsonb_build_object('x', template)),
        variables, 'seed', now()
    ) as rendered;
$function$;

-- Types

select is(tests.rendered('{{a}}', '{"a": 5}'), '5', 'a whole placeholder keeps a number');
select is(
    tests.rendered('{{a}}', '{"a": 12345678901234567890.10}')::text, '12345678901234567890.10',
    'with every digit'
);
select is(tests.rendered('{{a}}', '{"a": true}'), 'true', 'a boolean');
select is(tests.rendered('{{a}}', '{"a": null}'), 'null', 'null');
select is(tests.rendered('{{a}}', '{"a": [1, {"b": 2}]}'), '[1, {"b": 2}]', 'and a structure');
select is(tests.rendered('{{a}}', '{"a": "5"}'), '"5"', 'text stays text');
select is(
    tests.rendered(' {{a}}', '{"a": 5}'), '" 5"', 'with anything around it the result is text'
);
select is(tests.rendered('{{a}}{{b}}', '{"a": 5, "b": 6}'), '"56"', 'and so it is with two');
select is(
    tests.rendered('<{{a}}>', '{"a": {"b": 1}}'), '"<{\"b\": 1}>"', 'a structure in text is JSON'
);
select is(tests.rendered('<{{a}}>', '{"a": null}'), '"<null>"', 'and null is null');
select is(tests.rendered('\{{a}}', '{"a": 5}'), '"{{a}}"', 'an escaped pair is not filled in');
select is(
    tests.rendered('<{{a}}>', '{"a": "{{b}}", "b": 1}'), '"<{{b}}>"', 'and neither is a value'
);

-- Paths

select is(tests.rendered('{{a.b.c}}', '{"a": {"b": {"c": 1}}}'), '1', 'a path goes into objects');
select is(tests.rendered('{{a[1]}}', '{"a": [1, 2]}'), '2', 'and arrays');
select is(tests.rendered('{{a.b[0].c}}', '{"a": {"b": [{"c": "d"}]}}'), '"d"', 'and both');
select is(tests.unresolved('{{a.b}}', '{"a": {}}'), 'a', 'a path that leads nowhere has no value');
select is(tests.unresolved('{{a[2]}}', '{"a": [1, 2]}'), 'a', 'nor has one past the end');
select is(tests.unresolved('{{a.b}}', '{"a": 5}'), 'a', 'nor one into a number');

-- Missing values

select is(tests.unresolved('x{{nope}}', '{}'), 'nope', 'a name without a value is named');
select is(tests.unresolved('x{{a}}', '{"a": 1}'), null, 'and one with a value is not');
select is(tests.rendered('x{{nope}}', '{}'), '""', 'nothing is filled in then');
select is(tests.rendered('{{a | default("x")}}', '{}'), '"x"', 'a default stands in');
select is(tests.rendered('{{a | default(5)}}', '{}'), '5', 'with its type');
select is(tests.rendered('{{a | default("x")}}', '{"a": "y"}'), '"y"', 'a value goes before it');
select is(tests.rendered('{{a | default("x")}}', '{"a": null}'), 'null', 'null is a value');
select is(
    tests.rendered('{{a.b | default("x")}}', '{"a": {}}'), '"x"',
    'a path that leads nowhere takes it too'
);
select is(
    tests.rendered('{{a | default("x") | upper}}', '{}'), '"X"', 'and what follows applies to it'
);
select is(tests.rendered('{{a | default([1, "b"])}}', '{}'), '[1, "b"]', 'a default may be a list');

-- Filters

select is(tests.rendered('{{a | upper}}', '{"a": "aé"}'), '"AÉ"', 'upper');
select is(tests.rendered('{{a | lower}}', '{"a": "AB"}'), '"ab"', 'lower');
select is(
    tests.rendered('{{a | urlencode}}', '{"a": "a b/ž&~"}'), '"a%20b%2F%C5%BE%26~"',
    'urlencode: everything but unreserved characters'
);
select is(
    tests.rendered('{{a | base64}}', '{"a": "ž?>"}'), '"xb4/Pg=="', 'base64 of the text in UTF-8'
);
select is(
    length(tests.rendered('{{a | base64}}', jsonb_build_object('a', repeat('x', 300))) #>> '{}'),
    400,
    'long base64 has no line breaks'
);
select is(tests.rendered('{{a | json}}', '{"a": {"b": "c"}}'), '"{\"b\": \"c\"}"', 'json');
select is(tests.rendered('{{a | json}}', '{"a": "b"}'), '"\"b\""', 'json of text quotes it');
select is(
    tests.rendered('{{a | sha256}}', '{"a": "abc"}'),
    '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"',
    'sha256, as in FIPS 180-2'
);
select is(
    tests.rendered('{{a | hmac_sha256("Jefe")}}', '{"a": "what do ya want for nothing?"}'),
    '"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"',
    'hmac_sha256, as in RFC 4231'
);
select is(
    tests.rendered('{{a | upper | base64}}', '{"a": "ab"}'), '"QUI="',
    'filters apply from left to right'
);

-- In a URL

select is(
    tests.rendered('/a/{{b}}', '{"b": "x/y z"}', 'seed', '{"encode": true}'), '"/a/x%2Fy%20z"',
    'in a URL a value is percent-encoded'
);
select is(
    tests.rendered('{{b}}', '{"b": "x/y"}', 'seed', '{"encode": true}'), '"x%2Fy"',
    'also when it is all there is'
);
select is(
    tests.rendered('/a/{{b | raw}}', '{"b": "x/y"}', 'seed', '{"encode": true}'), '"/a/x/y"',
    'unless it is raw'
);
select is(
    tests.rendered('/a b/{{b}}', '{"b": 5}', 'seed', '{"encode": true}'), '"/a b/5"',
    'the text around it is left alone'
);

-- Dynamic values

select matches(
    tests.rendered('{{$uuid}}', '{}') #>> '{}',
    '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
    '$uuid is a UUID of version 4'
);
select is(
    tests.rendered('{{$uuid}}', '{}'), tests.rendered('{{$uuid}}', '{}'),
    'the same seed gives the same'
);
select isnt(
    tests.rendered('{{$uuid}}', '{}'), tests.rendered('{{$uuid}}', '{}', 'other'),
    'another seed another'
);
select isnt(
    split_part(tests.rendered('{{$uuid}},{{$uuid}}', '{}') #>> '{}', ',', 1),
    split_part(tests.rendered('{{$uuid}},{{$uuid}}', '{}') #>> '{}', ',', 2),
    'two in one request differ'
);
select is(
    tests.rendered('{{$timestamp}}', '{}'), '1772600767',
    '$timestamp is the seconds of the first rendering'
);
select is(
    tests.rendered('{{$isoTimestamp}}', '{}'), '"2026-03-04T05:06:07.890Z"',
    '$isoTimestamp its time in UTC'
);
select is_empty(
    $$
    select n from generate_series(1, 200) as n
    where (tests.rendered('{{$randomInt}}', '{}', n::text) #>> '{}')::numeric not between 0 and 1000
    $$,
    '$randomInt lies between 0 and 1000'
);
select cmp_ok(
    (select count(distinct tests.rendered('{{$randomInt}}', '{}', n::text)) from generate_series(1, 200) as n),
    '>', 100::bigint, 'and differs from seed to seed'
);
select is(
    tests.rendered('{{$randomInt}}', '{"$randomInt": 5}', '1'),
    tests.rendered('{{$randomInt}}', '{}', '1'),
    'no variable can take its place'
);

select * from finish();
rollback;
