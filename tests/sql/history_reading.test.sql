-- Reading the history: pages of runs, what changed in one, and the report that has it all.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/history.psql
select plan(31);

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_environment('production', 'shop');
select tests.end_run('1', '{"b": 500}');
update public.test_runs set commit_sha = '0123abc', api_version = '2.1' where id = tests.run('1');
select private.write_run_history(array[tests.run('1')]);
select tests.make_run('there', environment => 'production');
select tests.end_run('2', '{"a": 500, "b": 500}');
grant select on tests.named_runs to public;
savepoint given;

create function tests.counts(document jsonb)
returns jsonb
language sql
as $function$ select (document -> 'comparison') - 'previous' $function$;

create function tests.listed(document jsonb)
returns text[]
language sql
as $function$
    select array_agg((entries.entry ->> 'name') || ' ' || (entries.entry ->> 'change') order by entries.ordinal)
    from jsonb_array_elements(document -> 'changes') with ordinality as entries (entry, ordinal)
$function$;

savepoint functions;

-- Before it is written, and after

create table tests.documents (moment text, comparison jsonb, report jsonb);
grant all on tests.documents to public;
select tests.act_as('vera');
insert into tests.documents
select 'before', public.get_run_comparison(run_id), public.get_run_report(run_id) - 'run'
from tests.named_runs
where name = '2';
select tests.act_as_owner();
select private.write_run_history(array[tests.run('2')]);
select tests.act_as('vera');
insert into tests.documents
select 'after', public.get_run_comparison(run_id), public.get_run_report(run_id) - 'run'
from tests.named_runs
where name = '2';
select is(
    tests.listed(comparison), array['a newly_failing', 'b still_failing'],
    'a viewer is told what changed'
)
from tests.documents
where moment = 'after';
select is(
    (select comparison from tests.documents where moment = 'before'),
    (select comparison from tests.documents where moment = 'after'),
    'the moment the run is over, as well as when its history is written'
);
select is(
    (select report from tests.documents where moment = 'before'),
    (select report from tests.documents where moment = 'after'), 'in the report, too'
);
select is(
    tests.counts(comparison),
    '{"newly_failing": 1, "still_failing": 1, "newly_passing": 0, "flaky": 0, "new": 0, "removed": 0}',
    'with all that is counted'
)
from tests.documents
where moment = 'after';
select is(
    comparison #>> '{comparison,previous,run}', (select run_id::text from tests.named_runs where name = '1'),
    'and the previous run'
)
from tests.documents
where moment = 'after';
select is(
    (comparison #> '{changes,1,failing_since}') - 'finished_at',
    jsonb_build_object('run', run_id, 'commit_sha', '0123abc', 'api_version', '2.1'),
    'since when a test fails is a run, its commit and its version'
)
from tests.documents
cross join tests.named_runs
where moment = 'after' and name = '1';
select is(
    comparison #> '{changes,0,failing_since,run}', comparison #> '{run,run}',
    'which is the run itself where it begins'
)
from tests.documents
where moment = 'before';
select is(
    comparison #>> '{changes,0,last_passed,run}', run_id::text, 'and so is when it passed last'
)
from tests.documents
cross join tests.named_runs
where moment = 'after' and name = '1';
select is(
    array[comparison #> '{changes,1,last_passed}', comparison -> 'next'],
    array['null'::jsonb, 'null'], 'what never was is null'
)
from tests.documents
where moment = 'after';

-- The report

select is(
    report -> 'comparison', comparison -> 'comparison', 'the report compares as the comparison does'
)
from tests.documents
where moment = 'after';
select results_eq(
    $$
    select report -> 'history'
    from tests.documents
    where moment = 'after'
    $$,
    $$
    select to_jsonb(history) - array['selection', 'selection_key']
    from public.test_run_history as history
    inner join tests.named_runs as named on named.run_id = history.run_id
    where named.name = '2'
    $$,
    'and has the row of the history'
);
select bag_eq(
    $$
    select
        entry ->> 'name' as name,
        entry #>> '{change,change}' as change,
        entry #>> '{change,failing_since,commit_sha}' as since
    from tests.documents
    cross join jsonb_array_elements(report -> 'results') as results (entry)
    where moment = 'after'
    $$,
    $$ values ('a', 'newly_failing', null::text), ('b', 'still_failing', '0123abc') $$,
    'each result says what changed'
);
select tests.act_as_owner();
select tests.queue('open');
insert into tests.named_runs values (tests.run('open'), 'open');
select tests.act_as('vera');
select is(
    array[public.get_run_report(run_id) -> 'history', public.get_run_report(run_id) -> 'comparison'],
    array['null'::jsonb, 'null'], 'of a run that is not over the report tells neither'
)
from tests.named_runs
where name = 'open';
select is(public.get_run_comparison(run_id), null, 'nor is there a comparison')
from tests.named_runs
where name = 'open';
select is(public.get_run_comparison(tests.id('no run')), null, 'or of a run that does not exist');
select tests.act_as('otto');
select is(public.get_run_comparison(run_id), null, 'for a stranger there is none')
from tests.named_runs
where name = '1';
select tests.act_as_owner();
rollback to functions;
select tests.act_as('otto');
select is(public.get_run_comparison(run_id), null, 'written or not')
from tests.named_runs
where name = '2';
select tests.act_as_owner();

-- When the run is gone

select private.write_run_history(array[tests.run('2')]);
delete from public.test_runs where id in (tests.run('1'), tests.run('2'));
select tests.act_as('vera');
select is(
    tests.listed(public.get_run_comparison(run_id)), array['a newly_failing', 'b still_failing'],
    'what changed is told when the run is gone'
)
from tests.named_runs
where name = '2';
select is(
    public.get_run_comparison(run_id) #>> '{changes,1,failing_since,commit_sha}', '0123abc',
    'and so is since when, when that run is gone'
)
from tests.named_runs
where name = '2';
select tests.act_as_owner();
rollback to functions;

-- Runs, page by page

select private.write_run_history(array[tests.run('2')]);
create function tests.page(environment text default null, before text default null, page_size integer default 100)
returns text[]
language sql
as $function$
    select array_agg(named.name order by listed.ordinality)
    from public.list_run_history(
        tests.id('shop'), tests.id(page.environment),
        (select run_id from tests.named_runs where name = page.before), page.page_size
    ) with ordinality as listed
    inner join tests.named_runs as named on named.run_id = listed.run_id
$function$;
select tests.act_as('vera');
select is(tests.page(), array['2', 'there', '1'], 'the latest run comes first');
select is(tests.page('staging'), array['2', '1'], 'those of one environment');
select is(tests.page(page_size => 2), array['2', 'there'], 'a page has as many as asked for');
select is(tests.page(before => 'there'), array['1'], 'the next one what came before');
select is(tests.page('staging', '2'), array['1'], 'of one environment, too');
select is(tests.page(before => '1'), null, 'and the last one nothing');
select is(tests.page(page_size => 0), array['2'], 'a page has one row at least');
select tests.act_as('otto');
select is(tests.page(), null, 'a stranger has no pages');
select tests.act_as_owner();

-- More than REST gives at once

insert into public.test_run_history
select told.*
from tests.history('1') as history
cross join generate_series(1, 1001) as copies (number)
cross join lateral jsonb_populate_record(
    history, jsonb_build_object('run_id', md5(copies.number::text), 'finished_at', '2000-01-01')
) as told;
select is(
    (select count(*) from public.list_run_history(tests.id('shop'), page_size => 5000)), 1000::bigint,
    'a page has 1,000 rows at most'
);
create function tests.read_all()
returns bigint
language plpgsql
as $function$
declare
    v_before uuid;
    v_seen uuid[] := '{}';
    v_page uuid[];
begin
    loop
        v_page := array(select run_id from public.list_run_history(tests.id('shop'), null, v_before, 500));
        exit when v_page = '{}';
        v_seen := v_seen || v_page;
        v_before := v_page[cardinality(v_page)];
    end loop;
    return (select count(distinct seen.run_id) from unnest(v_seen) as seen (run_id) having count(*) = count(distinct seen.run_id));
end;
$function$;
select is(
    tests.read_all(), 1004::bigint,
    'page by page each row comes once, those that ended in the same moment too'
);
insert into public.test_run_changes (
    run_id, place, project_id, test_case_id, row_key, test_name, suite_name, change, is_new, is_flaky, status
)
select tests.run('there'), places.place, tests.id('shop'), tests.id('a'), places.place::text, 'a', 'flow', 'new', true, false, 'passed'
from generate_series(3, 1001) as places (place);
create table tests.pages as
select
    public.get_run_comparison(tests.run('there')) as first,
    public.get_run_comparison(tests.run('there'), 1000) as second;
select is(
    array[jsonb_array_length(first -> 'changes'), jsonb_array_length(second -> 'changes')],
    array[1000, 1], 'changes come in pages of 1,000 at most'
)
from tests.pages;
select is(
    array[first -> 'next', second -> 'next', second #> '{changes,0,place}'],
    array['1000', 'null', '1001']::jsonb[], 'the next one begins where the page before ended'
)
from tests.pages;

select * from finish();
rollback;
