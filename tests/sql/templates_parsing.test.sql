-- {{name}}: what is a placeholder, what is plain text, and what is refused.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(62);

-- Plain text and escapes

select is(private.parse_template('plain'), '["plain"]', 'text without braces is itself');
select is(private.parse_template(''), '[""]', 'and so is empty text');
select is(
    private.parse_template('{"a": 1}}'), '["{\"a\": 1}}"]',
    'single braces and closing pairs mean nothing'
);
select is(
    private.parse_template('\{{name}}'), '["{{", "name}}"]',
    'an escaped pair stands for two braces'
);
select is(
    private.parse_template('\{{a}} {{b}}'),
    '["{{", "a}} ", {"name": "b", "path": [], "filters": []}]',
    'and does not spoil what follows'
);

-- Names and paths

select is(
    private.parse_template('{{name}}'), '[{"name": "name", "path": [], "filters": []}]',
    'a placeholder alone is one part'
);
select is(
    private.parse_template('a{{b}}c{{ d }}'),
    '["a", {"name": "b", "path": [], "filters": []}, "c", {"name": "d", "path": [],
      "filters": []}]',
    'text and placeholders alternate, blanks inside do not matter'
);
select is(
    private.parse_template('{{a.b[0].c-d}}') #> '{0,path}', '["b", "0", "c-d"]',
    'a path goes into fields and elements'
);
select is(
    private.parse_template('{{a[0][1]}}') #> '{0,path}', '["0", "1"]',
    'and into elements of elements'
);
select is(
    private.parse_template('{{_a-1}}') #>> '{0,name}', '_a-1',
    'a name has letters, digits, _ and -'
);
select is(private.parse_template(E'a\n{{b}}\nc') #>> '{0}', E'a\n', 'lines do not end a template');

select is(
    private.parse_template('{{$uuid}}{{$timestamp}}{{$isoTimestamp}}{{$randomInt}}') #>> '{3,name}',
    '$randomInt',
    'the dynamic values are known'
);

-- Filters, each

select is(
    private.parse_template('{{a | urlencode}}') #> '{0,filters}', '[["urlencode"]]',
    'urlencode is a filter'
);
select is(private.parse_template('{{a | base64}}') #> '{0,filters}', '[["base64"]]', 'and base64');
select is(private.parse_template('{{a | json}}') #> '{0,filters}', '[["json"]]', 'and json');
select is(private.parse_template('{{a | lower}}') #> '{0,filters}', '[["lower"]]', 'and lower');
select is(private.parse_template('{{a | upper}}') #> '{0,filters}', '[["upper"]]', 'and upper');
select is(private.parse_template('{{a | sha256}}') #> '{0,filters}', '[["sha256"]]', 'and sha256');
select is(private.parse_template('{{a | raw}}') #> '{0,filters}', '[["raw"]]', 'and raw');
select is(
    private.parse_template('{{a | hmac_sha256("key")}}') #> '{0,filters}',
    '[["hmac_sha256", "key"]]',
    'and hmac_sha256, with its key'
);
select is(
    private.parse_template('{{a | default("x")}}') #> '{0,filters}', '[["default", "x"]]',
    'and default, with a text'
);
select is(
    private.parse_template('{{a|default(5)}}') #> '{0,filters}', '[["default", 5]]', 'or a number'
);
select is(
    private.parse_template('{{a | default([1,"b",null])}}') #> '{0,filters}',
    '[["default", [1, "b", null]]]',
    'or any JSON'
);
select is(
    private.parse_template('{{a | default("")}}') #> '{0,filters}', '[["default", ""]]',
    'or empty text'
);
select is(
    private.parse_template('{{a | default("x") | upper | base64}}') #> '{0,filters}',
    '[["default", "x"], ["upper"], ["base64"]]',
    'filters follow each other'
);
select is(
    private.parse_template('{{a | default("b|c")}}') #> '{0,filters}', '[["default", "b|c"]]',
    'a bar in quotes separates nothing'
);
select is(
    private.parse_template('{{a | default("}} {{")}}') #> '{0,filters}', '[["default", "}} {{"]]',
    'and braces in quotes close nothing'
);
select is(
    private.parse_template('{{a | default("say \"hi\"")}}') #>> '{0,filters,0,1}', 'say "hi"',
    'quotes are escaped as in JSON'
);

-- What is refused, always with the same code

create function tests.is_refused(template text, description text)
returns text
language sql
as $function$
    select throws_ok(
        format('select private.parse_template(%L)', template), 'PT400', null, description
    );
$function$;

select tests.is_refused('{{', 'an open pair at the end');
select tests.is_refused('{{name', 'a placeholder without its end');
select tests.is_refused('{{name}', 'or with half of it');
select tests.is_refused('{{}}', 'an empty placeholder');
select tests.is_refused('{{ }}', 'or a blank one');
select tests.is_refused('{{1a}}', 'a name that begins with a digit');
select tests.is_refused('{{a b}}', 'two names');
select tests.is_refused('{{a.}}', 'a path without its last field');
select tests.is_refused('{{a[x]}}', 'an index that is no number');
select tests.is_refused('{{a[0}}', 'an index without its end');
select tests.is_refused('{{a |}}', 'a bar without a filter');
select tests.is_refused('{{a | shout}}', 'a filter that does not exist');
select tests.is_refused('{{a | UPPER}}', 'filters are lower case');
select tests.is_refused('{{a | upper("x")}}', 'an argument where none belongs');
select tests.is_refused('{{a | default}}', 'no argument where one belongs');
select tests.is_refused('{{a | hmac_sha256}}', 'a signature without a key');
select tests.is_refused('{{a | default(x)}}', 'an argument that is not JSON');
select tests.is_refused('{{a | default("x)}}', 'an argument without its closing quote');
select tests.is_refused('{{$now}}', 'a dynamic value that does not exist');
select tests.is_refused('{{a {{b}} }}', 'a placeholder in a placeholder');
select is(
    tests.slug_of($$ select private.parse_template('{{a | shout}}') $$), 'template_syntax',
    'the slug is template_syntax'
);

-- Where templates are looked for

select is(
    private.compile_templates('{"a": {"b": ["x", "{{c}}"]}, "d": 5}'),
    '[{"at": ["a", "b", "1"], "parts": [{"name": "c", "path": [], "filters": []}]}]',
    'slots are found at any depth, with the way to them'
);
select is(private.compile_templates('{"a": "b"}'), '[]', 'a document without braces has none');
select is(
    private.compile_templates('{"{{a}}": 1}'), '[]', 'keys are not templates'
);
select bag_eq(
    $$
    select * from private.used_names(private.compile_templates(
        '["{{a}} {{b | default(1)}} {{c | default(1)}} {{$uuid}}",
          "{{c}} {{d | upper | default(1)}}"]'
    ))
    $$,
    $$ values ('a', false), ('b', true), ('c', false), ('d', false) $$,
    'a name is optional when every use of it begins with a default'
);

-- At save

select throws_ok(
    $$ select tests.make_test('t1', 'flow', '{"path": "/{{open"}') $$, 'PT400', null,
    'a malformed path is refused when the test is saved'
);
select throws_ok(
    $$ select tests.make_test('t2', 'flow', '{"headers": [["X-A", "{{a | shout}}"]]}') $$, 'PT400',
    null,
    'and so is a header'
);
select throws_ok(
    $$ select tests.make_test('t3', 'flow', '{"query": [["q", "{{1}}"]]}') $$, 'PT400', null,
    'the query'
);
select throws_ok(
    $$
    select tests.make_test('t4', 'flow', '{"body": {"kind": "json", "value": {"deep": ["{{"]}}}')
    $$,
    'PT400', null, 'the body, at any depth'
);
select throws_ok(
    $$ select tests.make_test('t5', 'flow', '{"auth": {"kind": "bearer", "token": "{{"}}') $$,
    'PT400', null,
    'the sign-in'
);
select throws_ok(
    $$
    select tests.make_test('t6', 'flow', '{"assertions": [{"source": "status", "expected": "{{"}]}')
    $$,
    'PT400', null, 'and an expectation'
);
select throws_ok(
    $$ select tests.make_suite('s1', 'shop', '{"headers": [["X-A", "{{"]]}') $$, 'PT400', null,
    'a suite''s header, which its tests inherit'
);
select throws_ok(
    $$
    insert into public.api_credentials (organization_id, name, auth)
    values (tests.id('acme'), 'broken', '{"kind": "bearer", "token": "{{"}')
    $$, 'PT400', null, 'and a credential, which they refer to'
);
select tests.act_as('eda');
select throws_ok(
    $$
    insert into public.test_suites (project_id, name, headers)
    values (tests.id('shop'), 's2', '[["X-A", "{{open"]]')
    $$, 'PT400', null,
    'an editor is refused in the same way'
);

select * from finish();
rollback;
