-- After the end of a run: it is worked into the history once, and none holds another up.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(17);

select tests.make_test('a', 'flow');
select tests.make_test('b', 'flow');
select tests.make_test('c', 'flow');
select tests.depend('c', 'b', 'data');
select tests.queue('live', tests.only('a'));
select tests.claim('held');
select tests.queue('red');
select tests.run_all('{"b": {"status": 500}}');
select is(
    (select count(*) from private.finished_runs where run_id = tests.run('red')), 1::bigint,
    'a run that ends is waiting to be processed'
);
select is_empty($$ select * from public.test_run_history $$, 'nobody has done so yet');
select is(private.process_finished_runs(), 1, 'a run that is over is processed');
select is_empty($$ select * from private.finished_runs $$, 'and waits no more');
select results_eq(
    $$
    select
        run_id, status, total_count, passed_count, failed_count, error_count, skipped_count,
        cancelled_count, is_infra_suspect, finished_at
    from public.test_run_history
    $$,
    $$
    select tests.run('red'), 'failed', 3, 1, 1, 0, 1, 0, false, finished_at
    from public.test_runs where id = tests.run('red')
    $$,
    'the history has it as it was, and nothing of a run under way'
);
select is(private.process_finished_runs(), 0, 'once');
insert into private.finished_runs (run_id) values (tests.run('red'));
select private.process_finished_runs();
select is(
    (select count(*) from public.test_run_history), 1::bigint, 'doing it again changes nothing'
);

-- One that cannot be processed

select tests.answer('a', '{}', 'held');
select tests.queue('bad', tests.only('a'));
select tests.run_all();
select is(
    (select count(*) from private.finished_runs), 2::bigint, 'two runs wait'
);
create function tests.break_history()
returns trigger
language plpgsql
as $function$
begin
    if new.run_id = tests.run('bad') then
        raise exception 'no room';
    end if;
    return new;
end;
$function$;
create trigger break_history before insert on public.test_run_history
for each row execute function tests.break_history();
select private.process_finished_runs();
select results_eq(
    $$ select run_id, failure_count, problem from private.finished_runs $$,
    $$ select tests.run('bad'), 1, 'no room' $$,
    'what cannot be processed waits with the reason, and holds no other up'
);
select is(private.process_finished_runs(), 0, 'it is not tried again at once');
update private.finished_runs set due_at = now() where run_id = tests.run('bad');
drop trigger break_history on public.test_run_history;
select is(private.process_finished_runs(), 1, 'but later');
select is(
    (select count(*) from public.test_run_history), 3::bigint, 'and is not lost'
);
select tests.queue('gone', tests.only('a'));
select tests.run_all();
delete from public.test_runs where id = tests.run('gone');
select is(private.process_finished_runs(), 0, 'a run that was deleted meanwhile is nobody''s worry');

-- What says something of a test

select results_eq(
    $$ select test_case_id, status, is_passed, attempt_count, failed_count, is_versioned from private.test_outcomes where run_id = tests.run('red') order by 2 $$,
    $$ values (tests.id('b'), 'failed', false, 1, 1, false), (tests.id('a'), 'passed', true, 1, 0, false) $$,
    'an outcome is a pass or a failure; what was skipped says nothing of its test'
);
select isnt(
    (select code_key from private.test_outcomes where run_id = tests.run('live')),
    (select code_key from private.test_outcomes where run_id = tests.run('bad')),
    'without a commit and a version two runs do not contradict each other'
);
update public.test_run_history set commit_sha = 'c0ffee' where run_id in (tests.run('live'), tests.run('bad'));
select is(
    (select code_key from private.test_outcomes where run_id = tests.run('live')),
    (select code_key from private.test_outcomes where run_id = tests.run('bad')),
    'with the same commit they do'
);
select results_eq(
    $$ values (private.is_infra_suspect(4, 4)), (private.is_infra_suspect(5, 4)), (private.is_infra_suspect(5, 3)) $$,
    $$ values (false), (true), (false) $$,
    'from five results of which four failed it is rather the surroundings'
);

select finish();
