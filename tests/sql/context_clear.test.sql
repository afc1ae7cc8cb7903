-- Context, clear: clear_run_context empties a run's, cleanup_expired_contexts those past their time.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/context.psql
select plan(19);

select tests.make_test('make', 'flow', jsonb_build_object('captures', tests.capture('id') || tests.capture('key', 'token')));
select tests.queue('run');
select tests.queue('second');
select tests.queue('live');
select tests.remember('run', tests.run('run'));
select tests.claim('1');
select tests.send((
    select jsonb_agg(tests.report(handed_out.item, '{"body": {"id": 1, "key": "t0ken-of-make"}}'))
    from tests.handed_out
    where (handed_out.item ->> 'run')::uuid <> tests.run('live')
));
select public.update_test_run_context(tests.run('live'), '{"v": 1}');
create function tests.clearing()
returns text
language sql
as $function$ select format('select public.clear_run_context(%L)', tests.known('run')) $function$;

-- One run

select tests.act_as('vera');
select throws_ok(tests.clearing(), 'PT403', null, 'a viewer clears nothing');
select tests.act_as('otto');
select throws_ok(tests.clearing(), 'PT404', null, 'for a stranger there is no such run');
select tests.act_as_anon();
select throws_ok(tests.clearing(), '42501', null, 'whoever is not signed in may not ask');
select tests.act_as_owner();
select is(
    tests.slug_of(format('select public.clear_run_context(%L)', tests.run('live'))), 'run_not_over',
    'a run under way keeps what its tests may need'
);
select is(
    (select count(*) from public.test_context_values), 5::bigint, 'so far all is there'
);
delete from realtime.messages;
select tests.act_as('eda');
select is(
    (select (value_count, size_bytes, row_size_bytes)::text from public.clear_run_context(tests.known('run'))),
    '(0,0,0)', 'an editor empties the context of a run that is over'
);
select tests.act_as_owner();
select is_empty($$ select tests.held('run') $$, 'values and tokens are gone');
select is((select count(*) from tests.held('second')), 2::bigint, 'those of other runs are not');
select is(
    (select status from public.test_runs where id = tests.run('run')), 'passed',
    'the run stays as it was'
);
select is(
    (select count(*) from realtime.messages where event = 'context_updated'), 1::bigint,
    'who watches is told'
);
select lives_ok(tests.clearing(), 'clearing an empty one is no error');

-- All that expired

select is(public.cleanup_expired_contexts(), 0, 'what has not expired is kept');
update public.test_execution_context set expires_at = now() - interval '1 second';
select is(
    public.cleanup_expired_contexts(), 1, 'of what has, that of runs that are over is emptied'
);
select is(
    (select array_agg(held) from tests.held('live') as held), array['v'],
    'a run under way keeps its own'
);
select is_empty(
    $$ select tests.check_context(run) from unnest(array['run', 'second', 'live']) as runs (run) $$,
    'the counters are those of the values'
);
select is(public.cleanup_expired_contexts(), 0, 'and once is enough');
select results_eq(
    $$ select command from cron.job where jobname = 'assay_cleanup_contexts' $$,
    $$ values ('select private.cleanup_expired_contexts()') $$, 'a job does it'
);
select tests.act_as('olga');
select throws_ok(
    $$ select public.cleanup_expired_contexts() $$, '42501', null, 'people, owners included, do not'
);
select tests.act_as_service();
select lives_ok($$ select public.cleanup_expired_contexts() $$, 'the secret key may');

select * from finish();
rollback;
