-- Events: kept, announced on the topic of their project, told once for a key.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(9);

create function tests.event(event text, dedup_key text default null, project text default 'shop')
returns private.new_event
language sql
as $function$
    select row(
        null, tests.id(event.project), event.event, 'warning', event.event || ' happened',
        event.dedup_key, null, null, null, null
    )::private.new_event;
$function$;

select is(
    private.raise_events(array[tests.event('flaky_detected'), tests.event('flaky_detected')]), 2,
    'events without a key are all kept'
);
select results_eq(
    $$ select organization_id, project_id, severity, title, payload from public.platform_events limit 1 $$,
    $$ values (tests.id('acme'), tests.id('shop'), 'warning', 'flaky_detected happened', '{}'::jsonb) $$,
    'in the organization of the project'
);
select is(
    (select count(*) from realtime.messages where topic = 'project:' || tests.id('shop') and event = 'flaky_detected'),
    1::bigint, 'and announced in one message'
);
select is(
    private.raise_events(array[tests.event('performance_alert', 'k'), tests.event('performance_alert', 'k')]),
    1, 'of one key one is kept'
);
select is(private.raise_events(array[tests.event('failure_new', 'k')]), 0, 'now and later');
select is(private.raise_events(array[]::private.new_event[]), 0, 'of nothing nothing is told');
select is(
    private.raise_events(array[row(tests.id('acme'), null, 'storage_nearly_full', 'critical', 'full', null, null, null, null, null)::private.new_event]),
    1, 'an event may be the organization''s'
);
select is(
    private.raise_events(array[row(null, gen_random_uuid(), 'flaky_detected', 'info', 'gone', null, null, null, null, null)::private.new_event]),
    0, 'of a project that is gone nobody is told'
);
select private.raise_events(array[tests.event('run_finished')]);
select is(
    (select count(*) from realtime.messages where topic = 'project:' || tests.id('shop') and event = 'run_finished'),
    0::bigint, 'the end of a run is announced when it ends, not again'
);

select finish();
