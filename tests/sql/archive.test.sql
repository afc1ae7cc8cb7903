-- The archive as the database sees it: closed, read page by page, kept part by part, finished.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/retention.psql
select plan(31);

select date_trunc('month', tests.today() - 200)::date as month \gset
create function tests.status() returns text language sql as $$
    select listed.status from public.list_archives() as listed
    where listed.retention_class = 'failed' and listed.month = date_trunc('month', tests.today() - 200)
$$;
create function tests.page(source text, after jsonb default null, max_bytes integer default 1000000)
returns jsonb language sql as $$
    select public.read_archive_page('failed', date_trunc('month', tests.today() - 200)::date, source, after, max_bytes)
$$;
create function tests.part(source text, number integer, digest text default repeat('a', 64))
returns jsonb language sql as $$
    select jsonb_build_object(
        'table', source, 'number', number, 'object', source || number, 'rows', 1, 'bytes', 10,
        'sha256', digest, 'first_key', pages.page -> 'next', 'last_key', pages.page -> 'next'
    )
    from (select tests.page(source, null, 1000000) as page) as pages
$$;
create function tests.keep(part jsonb) returns void language sql as $$
    select public.keep_archive_part('failed', date_trunc('month', tests.today() - 200)::date, part)
$$;
create function tests.finish_archive(variadic parts jsonb[]) returns void language sql as $$
    select public.finish_archive(
        'failed', date_trunc('month', tests.today() - 200)::date, jsonb_build_object('parts', to_jsonb(parts))
    )
$$;

select tests.make_test('one', 'flow');
select tests.make_test('two', 'flow');
select tests.queue('old');
select tests.run_all('{"one": {"status": 500}, "two": {"status": 501}}');
select private.process_finished_runs();
select tests.age('old', 200);
update private.retention_terms
set kept_days = tests.days_since_month(tests.today() - 200) + 1 where tier = 'failed_evidence';
select tests.act_as_service();

-- What is to be archived
select is(tests.status(), 'not_wanted', 'nothing is archived unless the operator wants it');
select public.set_retention(null, 'failed_evidence', null, true);
select is(tests.status(), 'not_due', 'nor before its time');
select is(tests.slug_of(format($$ select public.open_archive('failed', %L) $$, :'month')), 'archive_not_due', 'nor opened');
select public.set_retention(null, 'failed_evidence', tests.days_since_month(tests.today() - 200));
select is(tests.status(), 'due', 'then it is due');
select tests.act_as_owner();
select public.set_retention(tests.id('acme'), 'failed_evidence', 10);
select tests.act_as_service();
select is(tests.status(), 'waiting', 'but not while it holds bodies that an organization does not keep');
select tests.act_as_owner();
select private.forget_bodies();
select tests.act_as_service();
select is(tests.status(), 'due', 'when they are gone it is');
select is(tests.slug_of($$ select public.open_archive('failed', '2001-01-01') $$), 'unknown_evidence', 'what is not there is not opened');
select is(tests.slug_of(format($$ select public.open_archive('failed', %L) $$, :'month'::date + 1)), 'unknown_evidence', 'nor what is no month');
select is(
    tests.slug_of($$ select tests.keep(tests.part('assertion_results', 1)) $$), 'archive_not_open', 'nothing is kept before'
);

-- Closed
select is(
    public.open_archive('failed', :'month'), '{"status": "due", "parts": []}'::jsonb, 'it is opened, and empty'
);
select tests.act_as_owner();
select throws_ok(
    $$ update public.test_result_details set message = 'changed' where run_id = tests.run('old') $$,
    '23514', null, 'from then on nothing in it is changed'
);
select throws_ok(
    $$ insert into public.test_result_details select (details).* from (
        select details from public.test_result_details as details where run_id = tests.run('old') limit 1
    ) as one $$,
    '23514', null, 'or added'
);
savepoint purged;
select lives_ok($$ delete from public.test_runs where id = tests.run('old') $$, 'a purged run takes its evidence along');
rollback to savepoint purged;
select lives_ok($$ select private.forget_bodies() $$, 'who removes bodies leaves it alone');
select tests.act_as_service();

-- Read
select is(jsonb_array_length(tests.page('test_result_details') -> 'lines'), 2, 'a page has its rows');
select is(tests.page('test_result_details') -> 'is_last', 'true'::jsonb, 'and says when it is the last');
select is(jsonb_array_length(tests.page('test_result_details', null, 1) -> 'lines'), 1, 'it ends where it is large enough');
select is(
    (tests.page('test_result_details', null, 1) -> 'lines')
    || (tests.page('test_result_details', tests.page('test_result_details', null, 1) -> 'next', 1) -> 'lines'),
    tests.page('test_result_details') -> 'lines', 'the next one goes on after it'
);
select is(
    tests.page('test_result_details', tests.page('test_result_details') -> 'next'),
    '{"lines": [], "next": null, "is_last": true}'::jsonb, 'and after the last there is nothing'
);
select is(
    (
        select array_agg((lines.line::jsonb) ->> 'http_status' order by (lines.line::jsonb) ->> 'http_status')
        from jsonb_array_elements_text(tests.page('test_result_details') -> 'lines') as lines (line)
    ), array['500', '501'], 'a line is a row as JSON'
);

-- Kept
select tests.keep(tests.part('test_result_details', 1));
select lives_ok($$ select tests.keep(tests.part('test_result_details', 1)) $$, 'saying it twice changes nothing');
select is(
    tests.slug_of($$ select tests.keep(tests.part('test_result_details', 1, repeat('b', 64))) $$),
    'archive_conflict', 'saying something else is refused'
);
select is(tests.slug_of($$ select tests.keep(tests.part('assertion_results', 2)) $$), 'malformed_part', 'a part may not be left out');
select is(tests.slug_of($$ select tests.keep('{"table": "test_runs"}') $$), 'malformed_part', 'nor be of another table');
select is(
    tests.slug_of($$ select tests.finish_archive(tests.part('test_result_details', 1)) $$), 'archive_incomplete',
    'it is not finished while a table is missing'
);
select tests.keep(tests.part('assertion_results', 1));
select is(
    tests.slug_of($$ select tests.finish_archive(tests.part('test_result_details', 1), tests.part('assertion_results', 1, repeat('c', 64))) $$),
    'archive_incomplete', 'nor when something else was verified'
);
select tests.finish_archive(tests.part('test_result_details', 1), tests.part('assertion_results', 1));
select is(tests.status(), 'archived', 'then it is archived');

-- Damaged, and dropped
savepoint damaged;
select is(
    public.discard_archive_parts('failed', :'month', 'assertion_results', 1), 1, 'what was found damaged is forgotten'
);
select is(tests.status(), 'due', 'and the month is due again');
rollback to savepoint damaged;
select tests.act_as_owner();
select private.drop_due_evidence();
select tests.act_as_service();
select is(tests.status(), 'dropped', 'what is archived is dropped');
select is(
    (select (parts, archived_rows, archived_bytes)::text from public.list_archives() where month = :'month' and retention_class = 'failed'),
    '(2,2,20)', 'and it is known what there was'
);

select * from finish();
rollback;
