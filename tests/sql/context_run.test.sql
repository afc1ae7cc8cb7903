-- Context, run context: get_test_run_context lists the values of a run, page by page.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(15);

select tests.make_fixture('rows', 'shop', '[{"key": "a", "values": {"n": 1}}]');
select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('id') || tests.capture('key', 'token')));
select tests.make_test('each', 'flow', jsonb_build_object('fixture', 'rows', 'captures', tests.capture('row_id'), 'path', '/{{n}}'));
select tests.make_test('wait', 'flow', '{"fixture": "rows", "path": "/{{row_id}}/{{id}}"}');
select tests.queue('run');
select tests.queue('empty');
select tests.remember('run', tests.run('run'));
select tests.remember('empty', tests.run('empty'));
select public.update_test_run_context(tests.run('run'), '{"client": 1}');
select tests.claim('1');
delete from tests.handed_out where (item ->> 'run')::uuid <> tests.run('run');
select tests.answer('make', '{"body": {"id": {"deep": 7}, "key": "t0ken-of-make"}}');
select tests.answer('each/a', '{"body": {"row_id": 1}}');
create function tests.page(after bigint default 0, page_size integer default 1000)
returns jsonb
language sql
as $function$
    select public.get_test_run_context(tests.known('run'), page.after, page.page_size);
$function$;

select tests.act_as('vera');
select is(
    (
        select jsonb_agg(told - array['id', 'created_at'])
        from jsonb_array_elements(tests.page() -> 'items') as told
    ),
    jsonb_build_array(
        jsonb_build_object('name', 'client', 'kind', 'variable', 'value', 1, 'size_bytes', 1, 'test', null, 'test_name', null, 'row_key', ''),
        jsonb_build_object('name', 'id', 'kind', 'variable', 'value', '{"deep": 7}'::jsonb, 'size_bytes', 11, 'test', tests.id('make'), 'test_name', 'make', 'row_key', ''),
        jsonb_build_object('name', 'key', 'kind', 'token', 'value', null, 'size_bytes', 15, 'test', tests.id('make'), 'test_name', 'make', 'row_key', ''),
        jsonb_build_object('name', 'row_id', 'kind', 'variable', 'value', 1, 'size_bytes', 1, 'test', tests.id('each'), 'test_name', 'each', 'row_key', 'a')
    ),
    'values in the order in which they came, with who gave them; a token has none to show'
);
select is(tests.page() -> 'next', 'null', 'all of them fit a page');
select is(
    (
        with recursive pages (page) as (
            select tests.page(0, 1)
            union all
            select tests.page((page -> 'next')::bigint, 1)
            from pages
            where page ->> 'next' is not null
        )

        select array_agg(told ->> 'name')
        from pages
        cross join lateral jsonb_array_elements(pages.page -> 'items') as told
    ),
    array['client', 'id', 'key', 'row_id'], 'page by page they are the same'
);
select is(jsonb_array_length(tests.page(0, -5) -> 'items'), 1, 'a page has at least one entry');
select is(
    (tests.page(0, 3) #>> '{items,2,id}'), tests.page(0, 3) ->> 'next',
    'next is the last that was seen'
);
select is(
    public.get_test_run_context(tests.known('empty')), '{"items": [], "next": null}',
    'a run without values has an empty page'
);
select is(
    tests.page((tests.page() #>> '{items,3,id}')::bigint) -> 'items', '[]',
    'after the last there is nothing'
);
select tests.act_as_owner();
select public.update_test_run_context(tests.run('run'), '{"newer": 2}');
select tests.act_as('vera');
select is(
    tests.page((tests.page() #>> '{items,3,id}')::bigint) #>> '{items,0,name}', 'newer',
    'until more comes'
);
select tests.act_as_owner();
insert into public.test_context_values (run_id, project_id, name, kind, value, size_bytes)
select tests.run('empty'), tests.id('shop'), 'n' || number, 'variable', '1', 1 from generate_series(1, 1001) as numbers (number);
select tests.act_as('vera');
select is(
    jsonb_array_length(public.get_test_run_context(tests.known('empty'), 0, 5000) -> 'items'), 1000,
    'a thousand is the most'
);
select is(
    jsonb_array_length(public.get_test_run_context(
        tests.known('empty'), (public.get_test_run_context(tests.known('empty')) ->> 'next')::bigint
    ) -> 'items'),
    1, 'the next page has the rest'
);

-- From the other chairs

select is(
    tests.slug_of($$ select public.get_test_run_context(tests.id('no run')) $$), 'unknown_run',
    'an unknown run is refused'
);
select tests.act_as('otto');
select throws_ok($$ select tests.page() $$, 'PT404', null, 'for a stranger there is no such run');
select is(
    tests.slug_of($$ select tests.page() $$), 'unknown_run', 'as if it did not exist'
);
select tests.act_as_service();
select is(
    (select count(*) from jsonb_array_elements(tests.page() -> 'items')), 5::bigint,
    'the secret key may ask'
);
select tests.act_as_anon();
select throws_ok(
    $$ select tests.page() $$, '42501', null, 'whoever is not signed in may not'
);

select * from finish();
rollback;
