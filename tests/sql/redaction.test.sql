-- Redaction: by value, in every form that a secret takes on its way, before anything is shortened.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/leaks.psql
select plan(31);

select public.set_secret(tests.id('staging'), 'password', 'P@ss "W/ord"+é\1');
select public.set_secret(tests.id('staging'), 'api_token', 'tok-LongEnough-42');
savepoint empty;
select tests.make_test(
    'echo', 'flow',
    '{"headers": [["X", "{{password}}{{api_token}}"]], "assertions": [{"source": "text",
      "operator": "equals", "expected": ""}]}'
);

-- What is stored of an answer whose body is this text.
create function tests.stored_body(body text)
returns text
language plpgsql
as $function$
declare
    v_run text := gen_random_uuid();
begin
    perform tests.queue(v_run, tests.only('echo'));
    perform tests.run_all(jsonb_build_object('echo', jsonb_build_object('text', body)));
    return (
        select details.response ->> 'body' from public.test_result_details as details
        where details.run_id = tests.run(v_run)
    );
end;
$function$;

-- Forms

select is(tests.stored_body('a tok-LongEnough-42 b'), 'a [redacted] b', 'a secret as it is');
select is(
    tests.stored_body('tok-LongEnough-42tok-LongEnough-42'), '[redacted][redacted]',
    'as often as it is there'
);
select is(
    tests.stored_body('nothing tok-Long secret'), 'nothing tok-Long secret',
    'a part of one is not one'
);
select unalike(tests.stored_body('x P@ss "W/ord"+é\1 y'), '%ss "W%', 'with quotes and signs');
select unalike(
    tests.stored_body('x ' || private.percent_encode('P@ss "W/ord"+é\1')), '%ss\%20%',
    'percent-encoded'
);
select unalike(
    tests.stored_body('x P%40ss%20%22W%2ford%22%2b%c3%a9%5c1'), '%ord%',
    'percent-encoded in lower case'
);
select unalike(tests.stored_body('x P%40ss+%22W%2Ford%22%2B%C3%A9%5C1'), '%ord%', 'as a form');
select unalike(tests.stored_body('{"p": "P@ss \"W/ord\"+é\\1"}'), '%ord%', 'escaped in JSON');
select unalike(
    tests.stored_body('{"p": "P@ss \"W\/ord\"+\u00e9\\1"}'), '%ord%', 'also with \/ and \u'
);
select unalike(tests.stored_body('<p>P@ss &quot;W/ord&quot;+é\1</p>'), '%ord%', 'in HTML');
select unalike(
    tests.stored_body('x ' || encode(convert_to('tok-LongEnough-42', 'UTF8'), 'base64')),
    '%dG9rLUxv%', 'in base64'
);
select unalike(
    tests.stored_body('x ' || encode(convert_to('u:tok-LongEnough-42', 'UTF8'), 'base64')),
    '%stTG9uZ0Vub3Vna%', 'in base64 behind something else'
);
select unalike(
    tests.stored_body('x ' || encode(convert_to('atok-LongEnough-42', 'UTF8'), 'base64')),
    '%ay1Mb25nRW5vdWdo%', 'in any alignment'
);
select unalike(
    tests.stored_body(
        'x ' || translate(encode(convert_to('P@ss "W/ord"+é\1', 'UTF8'), 'base64'), '+/=', '-_')
    ),
    '%UEBzcyAiVy9v%', 'and in base64 for URLs'
);
select is_empty(
    $$ select message from public.test_results where message ~ 'tok-LongE|W/or|W%2|dG9rLUxv' $$,
    'no message above shows any of it'
);

-- Numbers

select is(
    private.redact_text('4321 94321 43210 4321.5 4.4321 "4321".', private.secret_forms('4321')),
    '[redacted] 94321 43210 4321.5 4.4321 "[redacted]".',
    'a token of digits is taken out where it stands for itself'
);
select is(
    private.redact('{"otp": 4321, "id": 94321, "list": [4321, 43.21, "4321"]}', private.secret_forms('4321')),
    '{"otp": "[redacted]", "id": 94321, "list": ["[redacted]", 43.21, "[redacted]"]}',
    'a number in JSON goes as a whole or stays'
);
select is(private.secret_forms('abc'), '{}', 'what is too short is left alone');

-- Before it is shortened

select unalike(
    tests.stored_body(repeat('x', 65530) || 'tok-LongEnough-42'), '%tok-%',
    'a secret at the edge of what is stored is not half there'
);
select unalike(
    (private.judge_assertion(
        '{"source": "text", "operator": "equals", "expected": "", "observe": 0}', '{}', '{}',
        jsonb_build_object(
            'found', true, 'values', jsonb_build_array(numbers.padding || 'tok-LongEnough-42')
        ),
        null,
        array['tok-LongEnough-42']
    )).message, '%tok-%', 'a message that ends in one is not half of it'
)
from (select repeat('y', 105) as padding) as numbers;
select is_empty($$ select tests.leaks('LongEnough-42') $$, 'and no table holds it');
rollback to empty;

-- Not only in the body

select tests.make_test(
    'spread', 'flow',
    '{"path": "/x?k={{api_token}}",
      "assertions": [
        {"source": "body", "path": "$.deep.\"{{api_token}}\"", "operator": "not_exists"},
        {"source": "header", "name": "X-Back", "operator": "equals",
        "expected": "other {{api_token}}"},
        {"source": "body", "path": "$.deep", "operator": "equals", "expected": {"tok": ["{{api_token}}"]}}],
      "captures": [{"name": "copy", "source": "body", "path": "$.deep"}, {"name": "plain", "source": "body", "path": "$.n"}]}'
);
select tests.make_test('use', 'flow', '{"path": "/{{copy.tok[0]}}"}');
select tests.queue('run', tests.only('spread'));
select tests.run_all(
    '{"spread": {"headers": [["X-Back", "tok-LongEnough-42"], ["tok-LongEnough-42", "v"]],
      "body": {"list": ["tok-LongEnough-42"], "deep": {"tok": ["tok-LongEnough-42"]}, "n": 5}}}'
);
select isnt(tests.request('spread'), null, 'the request was made');
select is_empty(
    $$ select tests.leaks('LongEnough-42') $$,
    'a secret in a path, a header, a structure or a capture is stored nowhere'
);
select is(
    (select value from public.test_context_values where run_id = tests.run('run') and name = 'plain'),
    '5',
    'a capture without one stays a variable'
);
update public.test_response_specs set assertions = '[]' where test_case_id = tests.id('spread');
select tests.queue('run 2', tests.only('use'));
select tests.run_all('{"spread": {"body": {"deep": {"tok": ["tok-LongEnough-42"]}, "n": 5}}}');
select is(
    tests.request('use') ->> 'url', 'https://api.test/v1/tok-LongEnough-42',
    'a capture that contains a secret can still be used'
);
select is_empty($$ select tests.leaks('LongEnough-42') $$, 'as the secret it is');
rollback to empty;

-- What a worker says

select tests.make_test('silent', 'flow', '{"headers": [["X", "{{api_token}}"]]}');
select tests.queue('run');
select tests.run_all(
    '{"silent": {"error": {"category": "connect", "message": "refused with tok-LongEnough-42"}}}'
);
select is(
    (tests.result('run', 'silent')).message, 'refused with [redacted]', 'an error is redacted too'
);
select tests.queue('broken');
select tests.run_all('{"silent": {"merge": {"started_at": "tok-LongEnough-42"}}}');
select is((tests.result('broken', 'silent')).slug, 'unreportable', 'a report that breaks on one');
select is_empty($$ select tests.leaks('LongEnough-42') $$, 'leaves nothing of it');
rollback to empty;

-- Too late

select tests.make_test('post', 'flow', '{"method": "POST", "headers": [["X", "{{api_token}}"]]}');
select tests.queue('run');
select tests.claim('1');
select tests.expire('post');
select private.rescue_expired();
select tests.answer('post', '{"body": {"echo": "tok-LongEnough-42"}}');
select is(
    (select response ->> 'body' from public.test_result_details where run_id = tests.run('run')),
    '{"echo": "[redacted]"}',
    'a report that comes after the end of its run is redacted all the same'
);
select is_empty($$ select tests.leaks('LongEnough-42') $$, 'no table holds it');

select * from finish();
rollback;
