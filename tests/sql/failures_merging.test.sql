-- merge_failures: what reads nearly alike becomes one, the oldest; nothing of the others is lost.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(30);

-- A cause, by name: {"message", "class", "location", "age" (days since it was first seen), "seen" (days
-- since last), and columns of its own}
create function tests.make_failure(name text, fields jsonb, project text default 'shop')
returns void
language sql
as $function$
    insert into public.failure_analysis (
        id, project_id, fingerprint, failure_class, location, message, example_message, example_result_id,
        first_seen_at, last_seen_at, first_run_id, last_run_id, occurrence_count, skipped_count, test_count,
        environment_count, status, note, status_changed_at, status_changed_by
    )
    select
        tests.id(name), tests.id(project), md5(name), coalesce(fields ->> 'class', 'http_5xx'),
        coalesce(fields ->> 'location', 'status 500'), fields ->> 'message', name, tests.id('result of ' || name),
        now() - coalesce((fields ->> 'age')::integer, 0) * interval '1 day',
        now() - coalesce((fields ->> 'seen')::integer, 0) * interval '1 day',
        tests.id('first run of ' || name), tests.id('last run of ' || name),
        coalesce((fields ->> 'count')::integer, 1), 1, 1, 1,
        coalesce(fields ->> 'status', 'open'), fields ->> 'note',
        now() - (fields ->> 'changed')::integer * interval '1 day', tests.id(fields ->> 'by');
$function$;
create function tests.break_test(failure text, test text, environment text, days integer)
returns void
language sql
as $function$
    insert into public.failure_tests (
        failure_id, test_case_id, environment_id, project_id, occurrence_count, first_seen_at, last_seen_at,
        pass_count
    )
    values (
        tests.id(failure), tests.id(test), tests.id(environment), tests.id('shop'), 2,
        now() - days * interval '1 day', now() - days * interval '1 day', days
    );
$function$;
create function tests.names()
returns text[]
language sql
as $function$
    select coalesce(array_agg(example_message order by example_message), '{}') from public.failure_analysis;
$function$;

select tests.make_test('one', 'flow');
select tests.make_test('two', 'flow');
select tests.make_environment('production', 'shop');

-- What is alike

create table tests.words (text text);
insert into tests.words
values ('the upstream service of orders did not answer in time, and neither did its replica in the other zone: ');
savepoint empty;
select tests.make_failure('b', jsonb_build_object('message', text || 'alpha', 'age', 2)) from tests.words;
select tests.make_failure('a', jsonb_build_object('message', text || 'alphas', 'age', 1)) from tests.words;
select tests.make_failure('far', '{"message": "something else altogether"}');
select tests.make_failure('else', jsonb_build_object('message', text || 'alpha', 'location', 'status 502')) from tests.words;
select tests.make_failure('kind', jsonb_build_object('message', text || 'alpha', 'class', 'http_4xx')) from tests.words;
select tests.make_project('second', 'acme');
select tests.make_failure('theirs', jsonb_build_object('message', text || 'alpha'), 'second') from tests.words;
select is(private.merge_failures(), 1, 'one is merged');
select is(
    tests.names(), '{b,else,far,kind,theirs}',
    'into the one seen first; another text, status, class or project is another cause'
);
select is(
    (select failure_id from private.failure_aliases where fingerprint = md5('a')), tests.id('b'),
    'its fingerprint is remembered'
);
select is(private.merge_failures(), 0, 'doing it again changes nothing');
select is(
    (private.place_failures(array[
        row(
            null, null, tests.id('shop'), null, null, '', '', '', md5('a'), '', null, null, 0, null
        )::private.found_failure
    ]))[1].failure_id,
    tests.id('b'), 'what fails so from then on is filed under the one that remained'
);
select is(
    private.add_failures(array[
        row(
            gen_random_uuid(), gen_random_uuid(), tests.id('shop'), null, null, 'http_5xx', '', '', md5('a'), '',
            now(), now(), 0, null
        )::private.found_failure
    ]),
    '{}', 'and is not added anew'
);
select tests.make_failure('c', jsonb_build_object('message', text || 'alphax')) from tests.words;
select private.merge_failures();
select is(tests.names(), '{b,else,far,kind,theirs}', 'a new one is compared with those of earlier nights');
select tests.make_failure('older', jsonb_build_object('message', text || 'alpha!', 'age', 9)) from tests.words;
select private.merge_failures();
select is(tests.names(), '{else,far,kind,older,theirs}', 'the oldest remains, also when it comes last');
select bag_eq(
    $$ select fingerprint, failure_id from private.failure_aliases $$,
    $$ select md5(name), tests.id('older') from unnest(array['a', 'b', 'c']) as name $$,
    'and with it go the fingerprints that had gone to the other'
);

-- Through others

rollback to empty;
select tests.make_failure(
    n::text,
    jsonb_build_object(
        'message', overlay(text placing repeat('x', n * 4) from 20 for n * 4), 'age', 9 - n
    )
)
from tests.words
cross join generate_series(1, 4) as n;
select cmp_ok(
    (
        select extensions.similarity(one.message, other.message)
        from public.failure_analysis as one, public.failure_analysis as other
        where one.example_message = '1' and other.example_message = '4'
    ), '<', 0.9::real, 'the first and the last of a chain are not alike'
);
select is(
    (
        select array_agg(distinct survivor_id)
        from private.join_pairs(tests.id('shop'), 100)
    ),
    array[tests.id('1')], 'but all of them become the first, each through its neighbour'
);
select is(
    (select count(*) from private.join_pairs(tests.id('shop'), 100)), 3::bigint, 'once'
);
savepoint chain;
select is(private.merge_project_failures(tests.id('shop'), 1), 1, 'as many are compared in a night as there may be');
select is(
    (select count(*) from public.failure_analysis where compared_at is null), 2::bigint, 'the rest waits for the next'
);
rollback to chain;
select private.merge_failures();
select is(tests.names(), '{1}', 'and then they are one');

-- What is kept

rollback to empty;
select tests.make_failure('old', jsonb_build_object('message', text, 'age', 9, 'seen', 5, 'note', 'see ticket 1', 'count', 10)) from tests.words;
select tests.make_failure('new', jsonb_build_object('message', text || '!', 'age', 2, 'note', 'again', 'count', 5)) from tests.words;
select tests.break_test('old', 'one', 'staging', 5);
select tests.break_test('new', 'one', 'staging', 1);
select tests.break_test('new', 'two', 'production', 2);
select private.merge_failures();
select is(
    (
        select (
            example_message, occurrence_count, skipped_count, test_count, environment_count, first_run_id, last_run_id,
            last_seen_at
        )::text
        from public.failure_analysis
    ),
    ('old', 15::bigint, 2::bigint, 2, 2, tests.id('first run of old'), tests.id('last run of new'), now())::text,
    'counts add up, and the latest run is told'
);
select is((select note from public.failure_analysis), e'see ticket 1\nagain', 'notes are put together');
select bag_eq(
    $$ select failure_id, test_case_id, environment_id, occurrence_count, pass_count from public.failure_tests $$,
    $$ values
    (tests.id('old'), tests.id('one'), tests.id('staging'), 4::bigint, 1),
    (tests.id('old'), tests.id('two'), tests.id('production'), 2, 2)
    $$,
    'tests are counted together, and their passes since the latest failure'
);

create function tests.merged_status(old jsonb, new jsonb)
returns text
language plpgsql
as $function$
declare
    v_status text;
begin
    delete from public.failure_analysis where project_id = tests.id('shop');
    perform tests.make_failure('old', jsonb_build_object('message', text, 'age', 9) || old) from tests.words;
    perform tests.make_failure('new', jsonb_build_object('message', text || '!', 'age', 2) || new) from tests.words;
    perform private.merge_failures();
    select concat_ws(' ', status, nullif(regression_count, 0), (select email from auth.users where id = status_changed_by))
    into v_status
    from public.failure_analysis;
    return v_status;
end;
$function$;
select is(tests.merged_status('{}', '{}'), 'open', 'two open ones are open');
select is(
    tests.merged_status('{"status": "known", "changed": 3, "by": "eda"}', '{}'), 'known eda@example.test',
    'what somebody said of the older one stands'
);
select is(
    tests.merged_status('{}', '{"status": "known", "changed": 1, "by": "olga"}'), 'known olga@example.test',
    'and that the newer one is known, where nobody said anything of the older'
);
select is(
    tests.merged_status('{"status": "fixed", "changed": 3, "by": "eda"}', '{}'), 'open 1 eda@example.test',
    'one that was fixed is open when the other was seen since'
);
select is(
    tests.merged_status('{"status": "fixed", "changed": 1, "by": "eda"}', '{"seen": 2}'), 'fixed eda@example.test',
    'and not when it was seen before'
);

-- What is gone

rollback to empty;
select tests.make_failure('archived', '{"message": "one", "age": 9, "seen": 8}');
select tests.break_test('archived', 'one', 'staging', 0);
select tests.make_failure('live', '{"message": "two", "age": 9, "seen": 8}');
select tests.break_test('live', 'two', 'staging', 0);
update public.test_cases set archived_at = now() where id = tests.id('one');
select private.merge_failures();
select results_eq(
    $$ select example_message, status from public.failure_analysis order by 1 $$,
    $$ values ('archived', 'fixed'), ('live', 'open') $$,
    'what only an archived test showed is taken for fixed'
);
select is(
    (select count(*) from public.platform_events where event = 'failure_resolved'), 1::bigint, 'and told'
);
select tests.make_failure('noted', '{"message": "three", "age": 300, "seen": 200, "note": "ours"}');
select tests.make_failure('said', '{"message": "four", "age": 300, "seen": 200, "status": "known", "changed": 250, "by": "eda"}');
select tests.make_failure('old', '{"message": "five", "age": 300, "seen": 181}');
select tests.make_failure('not so old', '{"message": "six", "age": 300, "seen": 179}');
select is(private.forget_failures(), 1, 'half a year after it was last seen a cause is forgotten');
select is(tests.names(), '{archived,live,"not so old",noted,said}', 'unless somebody said something of it');
update public.failure_analysis set first_seen_at = now() - interval '3 years', last_seen_at = now() - interval '3 years'
where example_message in ('noted', 'said');
select is(private.forget_failures(), 2, 'after two years that is forgotten too');

-- Indexes and pairs

select is(
    (select count(*) from private.pair_failures(tests.id('shop'), 100)), 0::bigint, 'what was compared is not compared again'
);
select has_extension('extensions', 'pg_trgm', 'trigrams are the extension''s');

select * from finish();
rollback;
