-- analyse_failures, list_failures, set_failure_status: what people read and say of failures.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
select plan(42);

create function tests.analysed(options text default '')
returns jsonb
language plpgsql
as $function$
begin
    return tests.call_as('vera', format('public.analyse_failures(%L%s)', tests.id('shop'), options));
end;
$function$;
create function tests.told(page jsonb, variadic fields text[])
returns jsonb
language sql
as $function$
    select jsonb_agg(
        (select jsonb_agg(entries.entry -> field order by place) from unnest(fields) with ordinality as f (field, place))
        order by entries.number
    )
    from jsonb_array_elements(page -> 'failures') with ordinality as entries (entry, number);
$function$;
create function tests.failure_id(location text)
returns uuid
language sql
as $function$
    select failures.id from public.failure_analysis as failures where failures.location = failure_id.location;
$function$;

select tests.make_environment('production', 'shop');
select tests.make_test(name, 'flow') from unnest(array['a', 'b', 'c', 'd']) as name;
select tests.make_test('after a', 'flow');
select tests.depend('after a', 'a', 'data');
select tests.queue('red');
select tests.run_all('{"a": {"status": 503}, "b": {"status": 503}, "c": {"status": 503}, "d": {"status": 404}}');
select tests.queue('again', tests.only('d'), environment => 'production');
select tests.run_all('{"d": {"status": 404}}');
select private.process_finished_runs();

-- A run

select is(
    tests.told(
        tests.analysed(format(', run_id => %L', tests.run('red'))),
        'location', 'test_count', 'result_count', 'skipped_count', 'is_new', 'status', 'occurrence_count'
    ),
    '[["status 503", 3, 3, 1, true, "open", 3], ["status 404", 1, 1, 0, true, "open", 2]]',
    'a run has few causes of many red tests, that of the most first'
);
select is(
    tests.analysed(format(', run_id => %L', tests.run('red'))) #> '{failures,0,tests}',
    (
        select jsonb_agg(
            jsonb_build_object(
                'result', (tests.result('red', name)).id, 'test', tests.id(name), 'name', name, 'suite', 'flow', 'row_key', ''
            )
            order by name
        )
        from unnest(array['a', 'b', 'c']) as name
    ),
    'each with the results that it made red, and no skipped ones'
);
select is(
    tests.told(tests.analysed(format(', run_id => %L', tests.run('again'))), 'location', 'is_new'),
    '[["status 404", false]]', 'one that an earlier run saw is not new'
);
select is(
    tests.analysed(format(', run_id => %L', tests.run('red'))) - 'failures',
    jsonb_build_object('run', tests.run('red'), 'next', null), 'which run it is about'
);
select tests.queue('live', tests.only('a'));
select is(
    tests.analysed(format(', run_id => %L', tests.run('live'))) -> 'failures', '[]', 'a run under way has none yet'
);

-- A window

select is(
    tests.told(tests.analysed(', since => now() - interval ''1 day'', until => now() + interval ''1 day'''),
        'location', 'test_count', 'environment_count', 'result_count', 'skipped_count', 'is_new'),
    '[["status 503", 3, 1, 3, 1, true], ["status 404", 1, 2, 2, 0, true]]',
    'the same of a window of time, over all runs'
);
select is(
    tests.told(
        jsonb_build_object('failures', tests.analysed(', until => now() + interval ''1 day''') #> '{failures,1,tests}'),
        'name', 'suite', 'environment', 'result_count'
    ),
    (
        select jsonb_agg(jsonb_build_array('d', 'flow', tests.id(name), 1) order by tests.id(name))
        from unnest(array['staging', 'production']) as name
    ),
    'each with its tests and environments'
);
select is(
    tests.told(tests.analysed(format(', environment_id => %L, until => now() + interval ''1 day''', tests.id('production'))), 'location', 'result_count'),
    '[["status 404", 1]]', 'or of one environment'
);
select is(
    tests.analysed(', until => now() - interval ''1 day''') -> 'failures', '[]', 'before there was nothing'
);
select is(
    (
        select (page ->> 'until')::timestamptz - (page ->> 'from')::timestamptz from tests.analysed() as page
    ), interval '14 days', 'unless it is said, two weeks'
);
select is(
    tests.told(tests.analysed(', until => now() + interval ''1 day'', page_size => 1'), 'location'), '[["status 503"]]', 'a page has as many as are asked for'
);
select is(
    tests.told(
        tests.analysed(format(
            ', until => now() + interval ''1 day'', page_size => 1, after => %L',
            tests.analysed(', until => now() + interval ''1 day'', page_size => 1') ->> 'next'
        )), 'location'
    ),
    '[["status 404"]]', 'and says where the next begins'
);
select is(tests.analysed(', until => now() + interval ''1 day''') -> 'next', 'null', 'the last page has no next');

-- What is refused

select is(
    tests.refusal('vera', format('public.analyse_failures(%L, since => now() - interval ''32 days'')', tests.id('shop'))),
    'malformed_window', 'a window is 31 days at most'
);
select is(
    tests.refusal('vera', format('public.analyse_failures(%L, since => now() + interval ''1 day'')', tests.id('shop'))),
    'malformed_window', 'and begins before its end'
);
select is(
    tests.refusal('otto', format('public.analyse_failures(%L)', tests.id('shop'))), 'unknown_project', 'a stranger has no such project'
);
select is(
    tests.refusal('vera', format('public.analyse_failures(%L, %L)', tests.id('shop'), gen_random_uuid())), 'unknown_run', 'nor anybody a run that is none'
);
select tests.make_project('second', 'acme');
select is(
    tests.refusal('vera', format('public.analyse_failures(%L, %L)', tests.id('second'), tests.run('red'))), 'unknown_run', 'or of another project'
);
select is(
    tests.call_as('otto', format('private.run_failures(%L)', tests.run('red'))), '[]', 'of a stranger''s run nothing is told'
);
select is(
    jsonb_array_length(tests.call_as('vera', format('private.run_failures(%L)', tests.run('red')))), 2, 'of one''s own it is'
);

-- What people say

select tests.act_as('eda');
select results_eq(
    $$
    select status, note, status_changed_by, status_changed_at > now() - interval '1 hour'
    from public.set_failure_status(tests.failure_id('status 503'), 'known', ' ticket 7 ')
    $$,
    $$ values ('known', 'ticket 7', tests.id('eda'), true) $$, 'an editor says that it is known, and why'
);
select is(
    (select note from public.set_failure_status(tests.failure_id('status 503'), 'fixed')), 'ticket 7', 'a note stays unless another is given'
);
select is(
    (select note from public.set_failure_status(tests.failure_id('status 503'), 'known', '')), null, 'empty takes it away'
);
select tests.act_as_owner();
select results_eq(
    $$
    select user_id, verb, row_id, before -> 'status', after -> 'status', after -> 'note', project_id
    from public.data_changes where table_name = 'failure_analysis' order by id limit 2
    $$,
    $$ values
    (tests.id('eda'), 'update', tests.failure_id('status 503'), '"open"'::jsonb, '"known"'::jsonb, '"ticket 7"'::jsonb, tests.id('shop')),
    (tests.id('eda'), 'update', tests.failure_id('status 503'), '"known"', '"fixed"', null, tests.id('shop'))
    $$,
    'who said what is in the audit trail'
);
select is(
    (select count(*) from public.data_changes where table_name = 'failure_analysis'), 3::bigint, 'and what the engine counts is not'
);
select is(
    tests.told(tests.analysed(', until => now() + interval ''1 day'''), 'status', 'status_changed_by') -> 0,
    jsonb_build_array('known', tests.id('eda')), 'it is told with the cause'
);
select is(
    tests.refusal('vera', format('public.set_failure_status(%L, ''known'')', tests.failure_id('status 503'))), 'not_allowed', 'a viewer says nothing'
);
select is(
    tests.refusal('otto', format('public.set_failure_status(%L, ''known'')', tests.failure_id('status 503'))), 'unknown_failure', 'for a stranger it is not there'
);
select is(
    tests.refusal('eda', format('public.set_failure_status(%L, ''known'')', gen_random_uuid())), 'unknown_failure', 'one that is none is not either'
);
select is(
    tests.refusal('eda', format('public.set_failure_status(%L, ''closed'')', tests.failure_id('status 503'))), 'malformed_status', 'there are three statuses'
);
select is(
    tests.refusal('eda', format('public.set_failure_status(%L, null)', tests.failure_id('status 503'))), 'malformed_status', 'and nothing is none'
);
select is(
    tests.refusal('eda', format('public.set_failure_status(%L, ''known'', repeat(''x'', 8001))', tests.failure_id('status 503'))), 'too_large', 'a note has a size'
);

-- All of them

select is(
    tests.told(
        tests.call_as('vera', format('public.list_failures(%L)', tests.id('shop'))),
        'location', 'test_count', 'environment_count', 'skipped_count', 'occurrence_count'
    ),
    '[["status 404", 1, 2, 0, 2], ["status 503", 3, 1, 1, 3]]', 'a project''s causes, the latest seen first'
);
select is(
    tests.told(tests.call_as('vera', format('public.list_failures(%L, ''known'')', tests.id('shop'))), 'location'),
    '[["status 503"]]', 'or those of a status'
);
select is(
    tests.told(
        tests.call_as(
            'vera',
            format('public.list_failures(%L, after => %L, page_size => 1)', tests.id('shop'), tests.failure_id('status 404'))
        ), 'location'
    ),
    '[["status 503"]]', 'page by page'
);
select is(
    tests.call_as('vera', format('public.list_failures(%L, page_size => 1)', tests.id('shop'))) ->> 'next',
    tests.failure_id('status 404')::text, 'with where to go on'
);
select is(
    tests.refusal('otto', format('public.list_failures(%L)', tests.id('shop'))), 'unknown_project', 'not a stranger''s'
);
insert into public.failure_analysis (
    project_id, fingerprint, failure_class, location, message, example_message, example_result_id,
    first_seen_at, last_seen_at, first_run_id, last_run_id
)
select
    tests.id('second'), md5(n::text), 'timeout', '', 'text ' || n, '', gen_random_uuid(), now(), now(),
    gen_random_uuid(), gen_random_uuid()
from generate_series(1, 1001) as n;
create temporary table pages (number integer, page jsonb);
insert into pages
values (1, tests.call_as('vera', format('public.list_failures(%L)', tests.id('second'))));
insert into pages
select 2, tests.call_as('vera', format('public.list_failures(%L, after => %L)', tests.id('second'), page ->> 'next'))
from pages;
select results_eq(
    $$ select jsonb_array_length(page -> 'failures'), page -> 'next' = 'null' from pages order by number $$,
    $$ values (1000, false), (1, true) $$, 'a thousand and one come on two pages'
);
select is(
    (
        select count(distinct entries.entry ->> 'failure')
        from pages cross join jsonb_array_elements(page -> 'failures') as entries (entry)
    ), 1001::bigint, 'each once'
);

-- Tables

select tests.act_as('vera');
select is((select count(*) from public.failure_tests), 5::bigint, 'a member reads which tests a cause broke');
select tests.act_as('otto');
select is((select count(*) from public.failure_tests), 0::bigint, 'a stranger none');
select is((select count(*) from public.failure_analysis), 0::bigint, 'of no cause');
select tests.act_as_owner();

select * from finish();
rollback;
