-- Assertions and captures that could not be judged are refused when they are saved.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/checks.psql
select plan(47);

-- Assertions

select lives_ok(
    tests.saving('{"assertions": [
        {"source": "status", "operator": "equals", "expected": 200},
        {"source": "duration", "operator": "less_than", "expected": 500},
        {"source": "header", "name": "X", "operator": "exists"},
        {"source": "body", "path": "$.a", "operator": "one_of", "expected": [1, null]},
        {"source": "body", "path": "$.a", "operator": "equals", "expected": null},
        {"source": "body", "path": "$.a", "operator": "type", "expected": "integer"},
        {"source": "body", "path": "$.a", "operator": "length", "expected": 3},
        {"source": "body", "path": "$.a", "operator": "greater_or_equal", "expected": "2026-01-01"},
        {"source": "body", "path": "$.a", "operator": "not_exists"},
        {"source": "text", "operator": "matches", "expected": "^x"}]}'),
    'every source and kind of operator can be saved'
);
select lives_ok(
    tests.saving('{"assertions": [
        {"source": "body", "path": "$.a", "operator": "length", "expected": "{{n}}"},
        {"source": "body", "path": "$.a", "operator": "one_of", "expected": "{{list}}"},
        {"source": "body", "path": "$.a", "operator": "type", "expected": "{{type}}"}]}'),
    'a template may give what is expected'
);
select throws_ok(
    tests.asserting('{"source": "moon", "operator": "exists"}'), 'PT400', null,
    'an unknown source is refused'
);
select tests.is_refused(
    tests.asserting('{"source": "moon", "operator": "exists"}'),
    'malformed_expectation', '/assertions/0/source', 'by its slug'
);
select tests.is_refused(
    tests.asserting('{"operator": "exists"}'),
    'malformed_expectation', '/assertions/0/source', 'no source'
);
select tests.is_refused(
    tests.asserting('{"source": null, "operator": "exists"}'),
    'malformed_expectation', '/assertions/0/source', 'or a null one'
);
select tests.is_refused(
    tests.asserting('"status"'),
    'malformed_expectation', '/assertions/0', 'an assertion that is no object'
);
select tests.is_refused(
    tests.asserting('null'),
    'malformed_expectation', '/assertions/0', 'or null'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "operator": "exists"}'),
    'malformed_expectation', '/assertions/0/path', 'a body without a path'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": 5, "operator": "exists"}'),
    'malformed_expectation', '/assertions/0/path', 'or with a number for one'
);
select tests.is_refused(
    tests.asserting('{"source": "header", "operator": "exists"}'),
    'malformed_expectation', '/assertions/0/name', 'a header without a name'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "equal", "expected": 200}'),
    'malformed_expectation', '/assertions/0/operator', 'a misspelled operator'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "expected": 200}'),
    'malformed_expectation', '/assertions/0/operator', 'no operator'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "equals"}'),
    'malformed_expectation', '/assertions/0/expected', 'nothing expected'
);
select tests.is_refused(
    tests.asserting('{"source": "text", "operator": "matches", "expected": 5}'),
    'malformed_expectation', '/assertions/0/expected', 'a pattern that is no text'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "one_of", "expected": 200}'),
    'malformed_expectation', '/assertions/0/expected', 'one of a number'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "one_of", "expected": null}'),
    'malformed_expectation', '/assertions/0/expected', 'or of null'
);
select tests.is_refused(
    tests.asserting('{"source": "text", "operator": "length", "expected": "3"}'),
    'malformed_expectation', '/assertions/0/expected', 'a length that is text'
);
select tests.is_refused(
    tests.asserting('{"source": "text", "operator": "length", "expected": null}'),
    'malformed_expectation', '/assertions/0/expected', 'or null'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "less_than", "expected": true}'),
    'malformed_expectation', '/assertions/0/expected', 'less than true'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "less_than", "expected": null}'),
    'malformed_expectation', '/assertions/0/expected', 'or than null'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": "$", "operator": "type", "expected": "float"}'),
    'malformed_expectation', '/assertions/0/expected', 'a type that JSON lacks'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": "$", "operator": "type", "expected": null}'),
    'malformed_expectation', '/assertions/0/expected', 'or null'
);
select tests.is_refused(
    tests.saving('{"assertions": {}}'), 'malformed_expectation', '/assertions',
    'assertions that are no list'
);
select tests.is_refused(
    tests.saving(
        '{"assertions": [
            {"source": "status", "operator": "exists"}, {"source": "x"}, {"source": "y"}
        ]}'
    ),
    'malformed_expectation', '/assertions/1/source', 'the first that is wrong is told'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "equals", "expected": 1, "extected": 2}'),
    'malformed_expectation', '/assertions/0/extected', 'a misspelled member'
);
select tests.is_refused(
    tests.asserting('{"source": "text", "path": "$.a", "operator": "exists"}'),
    'malformed_expectation', '/assertions/0/path', 'a path into what has none'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "pattern": "2..", "operator": "exists"}'),
    'malformed_expectation', '/assertions/0/pattern', 'a pattern for a number'
);
select tests.is_refused(
    tests.asserting('{"source": "status", "operator": "matches", "expected": "2.."}'),
    'malformed_expectation', '/assertions/0/expected', 'whichever way'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": "$.a", "operator": "exists", "expected": false}'),
    'malformed_expectation', '/assertions/0/expected', 'existence expects nothing further'
);
select tests.is_refused(
    tests.asserting('{"source": "body", "path": "$.{{a | uper}}", "operator": "exists"}'),
    'template_syntax', '/assertions/0/path, character 3', 'a placeholder that is malformed'
);
select tests.is_refused(
    tests.asserting(
        '{"source": "body", "path": "$", "operator": "equals", "expected": {"a/b": ["x{{y"]}}'
    ),
    'template_syntax', '/assertions/0/expected/a~1b/0, character 2', 'deep in what is expected too'
);
select matches(
    tests.hint_of(tests.asserting('{"source": "status"}')), 'docs/tests.md',
    'the hint says where to read on'
);

-- Captures

select lives_ok(
    tests.saving('{"captures": [
        {"name": "a", "source": "body", "path": "$.a"},
        {"name": "b_2-c", "source": "header", "header": "X"},
        {"name": "c", "source": "text", "pattern": "x(.)", "required": false, "kind": "token"}]}'),
    'every kind of capture can be saved'
);
select tests.is_refused(
    tests.capturing('{"source": "body", "path": "$.a"}'),
    'malformed_expectation', '/captures/0/name', 'a capture without a name'
);
select tests.is_refused(
    tests.capturing('{"name": "a b", "source": "body", "path": "$.a"}'),
    'malformed_expectation', '/captures/0/name', 'or with none that could be used'
);
select tests.is_refused(
    tests.capturing(jsonb_build_object('name', repeat('a', 101), 'source', 'text')),
    'malformed_expectation', '/captures/0/name', 'or with one of more than 100 characters'
);
select tests.is_refused(
    tests.capturing('{"name": "$uuid", "source": "text"}'),
    'malformed_expectation', '/captures/0/name', 'or with that of a dynamic value'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "status"}'),
    'malformed_expectation', '/captures/0/source', 'a status is nothing to capture'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "text", "kind": "cookie"}'),
    'malformed_expectation', '/captures/0/kind', 'an unknown kind'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "text", "required": "yes"}'),
    'malformed_expectation', '/captures/0/required', 'a yes that is no boolean'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "text", "pattern": 5}'),
    'malformed_expectation', '/captures/0/pattern', 'a pattern that is no text'
);
select tests.is_refused(
    tests.saving('{"captures": {}}'), 'malformed_expectation', '/captures',
    'captures that are no list'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "body", "path": "$.a", "requird": false}'),
    'malformed_expectation', '/captures/0/requird', 'or with a misspelled member'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "header", "path": "x"}'),
    'malformed_expectation', '/captures/0/header', 'or of a header that is not named'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "body", "path": "$.a["}'),
    'invalid_path', '/captures/0/path, character 4', 'or with a broken path'
);
select tests.is_refused(
    tests.capturing('{"name": "a", "source": "text", "pattern": "(a"}'),
    'invalid_pattern', '/captures/0/pattern, character 1', 'or pattern'
);

select * from finish();
rollback;
