-- Context, assertion context: what the judge sees of names is what the request saw.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(11);

select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('id') || tests.capture('key', 'token')));
select tests.make_test(
    'read', 'flow',
    '{"path": "/{{id}}", "assertions": [
        {"source": "body", "path": "$.id", "operator": "equals", "expected": "{{id}}"},
        {"source": "body", "path": "$.who", "operator": "equals", "expected": "{{who}}"},
        {"source": "body", "path": "$.key", "operator": "equals", "expected": "{{key}}"},
        {"source": "body", "path": "$.text", "operator": "equals", "expected": "id {{id}}"}]}'
);
select tests.make_test('lacking', 'flow', '{"assertions": [
    {"source": "status", "operator": "equals", "expected": "{{nobody}}"}]}');
select tests.queue('run', '{}', '{"who": {"name": "Eda"}}');
select tests.remember('run', tests.run('run'));
select tests.claim('1');
select results_eq(
    $$ select status, slug from public.test_results where test_name = 'lacking' $$,
    $$ values ('error', 'unresolved_variable') $$,
    'a name that only an assertion uses is looked for before the request is sent'
);
select tests.answer('make', '{"body": {"id": 7, "key": "k3y-of-the-house"}}');
select tests.claim('2');
select public.update_test_run_context(tests.run('run'), '{"who": "somebody else", "id": 8}');
select tests.answer(
    'read', '{"body": {"id": 7, "who": {"name": "Eda"}, "key": "k3y-of-the-house", "text": "id 7"}}'
);
select is(
    (tests.result('run', 'read')).status, 'passed',
    'captured values, those of the run and tokens are filled in, as of the rendering'
);
select results_eq(
    $$
    select expected
    from public.assertion_results
    where result_id = (tests.result('run', 'read')).id
    order by assertion_index
    $$,
    $$ values ('7'::jsonb), ('{"name": "Eda"}'), ('"[redacted]"'), ('"id 7"') $$,
    'what was expected is kept with its type, and without secrets'
);
select is(
    (
        select actual
        from public.assertion_results
        where result_id = (tests.result('run', 'read')).id and assertion_index = 2
    ),
    '"[redacted]"', 'and so is what was found'
);
select tests.queue('again', tests.only('read'), '{"who": "nobody"}');
select tests.run_all('{"make": {"body": {"id": 7, "key": "k3y-of-the-house"}}, "read": {"body": {"id": 8, "who": "nobody", "key": "an0ther-key", "text": "id 7"}}}');
select is(
    (tests.result('again', 'read')).status, 'failed', 'another value than was captured fails'
);
select ok(
    not exists (
        select from public.assertion_results where message like '%k3y-of-the-house%'
    ),
    'and no message shows a token'
);

-- From the four chairs

create table tests.evidence as select tests.run('again') as run_id;
grant select on tests.evidence to public;
select tests.act_as('vera');
select is(
    (select count(*) from public.assertion_results where run_id = (select run_id from tests.evidence)),
    5::bigint, 'a viewer sees what was judged'
);
select tests.act_as('eda');
select throws_ok(
    $$ update public.assertion_results set passed = true where not passed $$, '42501', null,
    'an editor changes no verdict'
);
select tests.act_as('otto');
select is_empty($$ select from public.assertion_results $$, 'a stranger sees nothing');
select tests.act_as_anon();
select throws_ok(
    $$ select from public.assertion_results $$, '42501', null,
    'whoever is not signed in may not look'
);
select tests.act_as_service();
select throws_ok(
    $$ update public.assertion_results set passed = true where not passed $$, '42501', null,
    'and the secret key changes none either'
);

select * from finish();
rollback;
