-- A JSON Schema with a keyword of the wrong shape is refused when it is saved.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/checks.psql
select plan(32);

create function tests.schema(schema jsonb)
returns text
language sql
as $function$ select tests.saving(jsonb_build_object('json_schema', schema)) $function$;

create function tests.is_broken(schema jsonb, place text, description text)
returns text
language sql
as $function$
    select tests.is_refused(
        tests.schema(schema), 'malformed_schema', '/json_schema' || place, description
    );
$function$;

select lives_ok(
    tests.schema(
        '{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "An order",
          "type": "object", "required": ["id", "items"], "additionalProperties": false,
          "properties": {
            "id": {"type": ["integer", "null"], "minimum": 1, "exclusiveMaximum": 1e10},
            "kind": {"enum": ["a", 5, null]}, "version": {"const": {"type": 5}},
            "items": {"type": "array", "minItems": 1, "uniqueItems": true,
                      "items": {"$ref": "#/$defs/a~1b"}, "prefixItems": [true]},
            "code": {"type": "string", "pattern": "^(?!x)[A-Z]+(\\d)\\1$", "maxLength": 10.0}},
          "patternProperties": {"^x-": true}, "dependentRequired": {"id": ["kind"]},
          "if": {"required": ["id"]}, "then": {"$ref": "#named"}, "x-own": {"type": 7},
          "$defs": {"a/b": {"multipleOf": 0.01}, "c": {"$anchor": "named", "not": false}}}'
    ),
    'every kind of keyword can be saved'
);
select lives_ok(tests.schema('true'), 'true is a schema');
select lives_ok(tests.schema('{}'), 'and so is no keyword at all');
select lives_ok(
    tests.schema('{"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": true,
                   "items": [{}], "dependencies": {"a": ["b"], "c": {}}}'),
    'earlier drafts write some otherwise'
);

select tests.is_broken('5', '', 'a number');
select tests.is_broken('[]', '', 'a list');
select tests.is_broken('{"type": "text"}', '/type', 'a type that JSON lacks');
select tests.is_broken('{"type": []}', '/type', 'or none of several');
select tests.is_broken('{"type": ["string", "string"]}', '/type', 'or one twice');
select tests.is_broken('{"properties": []}', '/properties', 'properties without names');
select tests.is_broken(
    '{"properties": {"a": {"items": {"minimum": "5"}}}}', '/properties/a/items/minimum',
    'a limit that is text, deep inside'
);
select tests.is_broken('{"properties": {"a": 5}}', '/properties/a', 'a property that is no schema');
select tests.is_broken(
    '{"properties": {"a/b": {"type": 5}}}', '/properties/a~1b/type', 'below a name with a slash'
);
select tests.is_broken('{"required": "id"}', '/required', 'a name that is no list of them');
select tests.is_broken('{"required": ["id", "id"]}', '/required', 'or one twice');
select tests.is_broken('{"enum": "a"}', '/enum', 'choices that are no list');
select tests.is_broken('{"minLength": -1}', '/minLength', 'less than no characters');
select tests.is_broken('{"maxItems": 1.5}', '/maxItems', 'half an element');
select tests.is_broken('{"multipleOf": 0}', '/multipleOf', 'a multiple of nothing');
select tests.is_broken('{"uniqueItems": "yes"}', '/uniqueItems', 'a yes that is no boolean');
select tests.is_broken('{"anyOf": []}', '/anyOf', 'none of nothing');
select tests.is_broken('{"allOf": [{}, 5]}', '/allOf/1', 'and not all of them schemas');
select tests.is_broken('{"items": 5}', '/items', 'elements of a number');
select tests.is_broken('{"items": [{}]}', '/items', 'or of a list, as they were in earlier drafts');
select tests.is_broken(
    '{"exclusiveMinimum": true}', '/exclusiveMinimum', 'as were switches of limits'
);
select tests.is_broken('{"pattern": "a("}', '/pattern, character 2', 'a broken pattern');
select tests.is_broken(
    '{"patternProperties": {"[": true}}', '/patternProperties/[, character 1', 'for names too'
);
select tests.is_broken('{"$schema": "https://example.com/own"}', '/$schema', 'a dialect of its own');
select tests.is_broken(
    '{"$ref": "https://example.com/order.json"}', '/$ref', 'a reference that leads out'
);
select tests.is_broken('{"$ref": "#/$defs/order"}', '/$ref', 'or to nothing');
select tests.is_broken('{"$ref": "#order"}', '/$ref', 'or to no anchor');
select matches(
    tests.hint_of(tests.schema('{"$ref": "order.json"}')), '#/\$defs/name',
    'the hint says where a reference may lead'
);

select * from finish();
rollback;
