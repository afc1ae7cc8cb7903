-- Evidence is dropped when all of its month has been kept for its time, and nothing else is.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/retention.psql
select plan(27);

select tests.make_test('good', 'flow');
select tests.make_test('bad', 'flow');
select tests.queue('old');
select tests.run_all('{"bad": {"status": 500}}');
select tests.queue('new');
select tests.run_all('{"bad": {"status": 500}}');
select private.fold_storage();
select private.process_finished_runs();
select tests.age('old', 200);
select tests.days_since_month(tests.today() - 200) as days \gset

-- When it is due
update private.retention_terms set kept_days = :days + 1 where tier = 'passed_evidence';
update private.retention_terms set kept_days = 400 where tier = 'failed_evidence';
select is_empty($$ select * from private.due_evidence() $$, 'a month is kept for as long after its last day');
select is(private.drop_due_evidence(), row(0, 0)::private.job_outcome, 'and nothing is dropped');
update private.retention_terms set kept_days = :days where tier = 'passed_evidence';
select results_eq(
    $$ select retention_class, month, is_live, waits_for_archive from private.due_evidence() $$,
    $$ values ('passed', date_trunc('month', tests.today() - 200)::date, false, false) $$,
    'then it is due, of the class alone whose term is over'
);
select is(
    (select due_on from private.due_evidence()), tests.today(), 'from the day after its last one'
);
select is(bool_and(bytes > 0), true, 'sizes are those of the tables')
from private.list_evidence() where month = date_trunc('month', tests.today() - 200)::date;

-- What is live stays
savepoint live;
select tests.queue('live');
select tests.age('live', 200);
select is(
    (select is_live from private.due_evidence()), true, 'a run under way keeps the month it was planned in'
);
select is(private.drop_due_evidence(), row(0, 0)::private.job_outcome, 'however old that is');
select is(tests.evidence('old'), array[1::bigint, 1, 1, 1], 'all of it');
rollback to savepoint live;

-- What is to be archived stays
update private.retention_terms set must_archive = true where tier = 'passed_evidence';
select is(private.drop_due_evidence(), row(0, 0)::private.job_outcome, 'what must be archived waits for that');
update private.retention_terms set must_archive = false where tier = 'passed_evidence';
select throws_ok(
    $$ update private.retention_terms set must_archive = true where tier = 'runs' $$, '23514', null,
    'only evidence is archived'
);

-- Dropping
select is(
    private.run_retention_job('assay_drop_evidence', 'private.drop_due_evidence'), null, 'the job drops it'
);
select is(
    tests.evidence('old'), array[0::bigint, 1, 0, 1], 'attempts and assertions of that class are gone'
);
select is(tests.evidence('new'), array[1::bigint, 1, 1, 1], 'younger ones are there');
select is(
    to_regclass('private.test_result_details_passed_' || to_char(tests.today() - 200, 'YYYYMM')), null,
    'and so is the table, whose disk is free'
);
select is(tests.verdicts('old'), array['bad: failed', 'good: passed'], 'verdicts stay');
select lives_ok($$ select public.get_run_report(tests.run('old')) $$, 'and the report can be read');
select results_eq(
    $$ select rows >= 0, bytes > 0, error from private.job_runs where job = 'assay_drop_evidence' $$,
    $$ values (true, true, null::text) $$, 'the log says how much it was'
);
select results_eq(
    $$ select retention_class, month, dropped_at is not null, is_settled, dropped_bytes > 0 from private.evidence_months $$,
    $$ values ('passed', date_trunc('month', tests.today() - 200)::date, true, false, true) $$,
    'and it is known to be gone'
);
select is(private.drop_due_evidence(), row(0, 0)::private.job_outcome, 'doing it again does nothing');

-- What the organization uses
select private.stored_bytes(tests.id('acme')) as before \gset
select passed_bytes, failed_bytes from private.run_storage where run_id = tests.run('old') \gset
select cmp_ok(:passed_bytes, '>', 0, 'the run was measured with it');
select private.fold_storage();
select is(
    private.stored_bytes(tests.id('acme')), (:before - :passed_bytes)::bigint, 'the organization uses as much less'
);
select results_eq(
    $$ select passed_bytes, failed_bytes from private.run_storage where run_id = tests.run('old') $$,
    format('values (0::bigint, %s::bigint)', :failed_bytes), 'the run too, of that class'
);
select is((select is_settled from private.evidence_months), true, 'once');
update private.run_storage set is_final = false where run_id = tests.run('old');
select private.fold_storage();
select is(
    private.stored_bytes(tests.id('acme')), (:before - :passed_bytes)::bigint, 'measuring it again finds the same'
);

-- The job did not run for years
update private.retention_terms set kept_days = 30 where tier in ('passed_evidence', 'failed_evidence');
select private.create_evidence_partitions((tests.today() - months.ago * interval '1 month')::date)
from generate_series(3, 30) as months (ago);
select private.drop_due_evidence() from generate_series(1, 60);
select is_empty($$ select * from private.due_evidence() $$, 'it goes on where it was, one month a call');
select is(tests.evidence('new'), array[1::bigint, 1, 1, 1], 'and stops where it should');
select is(tests.verdicts('old'), array['bad: failed', 'good: passed'], 'verdicts stay all the same');

select * from finish();
rollback;
