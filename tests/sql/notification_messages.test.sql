-- Messages: what is told together, how often at most, and how it reads.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/notifications.psql
select plan(33);

select tests.make_test('list', 'flow');
select tests.make_channel('ops', '{"max_per_hour": 1000, "link_base": "https://app.test"}');
select tests.make_rule('it', 'ops', jsonb_build_object('events', private.told_event_names()));

-- An outage

create function tests.count_messages(channel text)
returns bigint
language sql
as $function$
    select count(*) from private.deliveries
    where channel_id = (tests.channel(count_messages.channel)).id;
$function$;

select tests.raise('failure_new', jsonb_build_object('title', 'cause ' || n)) from generate_series(1, 40) as n;
select tests.raise('flaky_detected');
select private.process_events();
select is(tests.count_messages('ops'), 2::bigint, 'forty causes at once make one message, another event another');
select is(
    (select jsonb_array_length(body::jsonb #> '{data,events}') from private.deliveries where event = 'failure_new'),
    10, 'of many events ten are told'
);
select is(
    (select body::jsonb #>> '{data,more}' from private.deliveries where event = 'failure_new'),
    '30', 'and how many there are besides'
);
select is(
    (select body::jsonb #>> '{data,events,0,title}' from private.deliveries where event = 'failure_new'),
    'cause 40', 'the newest first'
);
select is(tests.told('ops') @> array['cause 1'], true, 'the message holds them all');

-- The same thing again and again

select tests.end_run('failed', fields => jsonb_build_object('title', 'failure ' || n)) from generate_series(1, 3) as n;
select tests.end_run('passed');
select private.process_events();
select results_eq(
    $$ select events ->> 'title', events ->> 'times'
    from jsonb_array_elements((tests.message('ops')).body::jsonb #> '{data,events}') as events $$,
    $$ values ('Run passed', '1'), ('failure 3', '3') $$,
    'what happened three times is told once, and that it was three times'
);
select tests.told('ops');

-- At most so many

select public.save_notification_channel(jsonb_build_object('id', (tests.channel('ops')).id, 'max_per_hour', 3));
delete from private.deliveries where event_ids is not null;
select tests.raise('failure_new', '{"title": "1"}');
select private.process_events();
select tests.raise('failure_new', '{"title": "2"}');
select private.process_events();
select tests.raise('failure_new', '{"title": "3"}');
select private.process_events();
select tests.raise('failure_new', '{"title": "4"}');
select tests.raise('failure_new', '{"title": "5"}');
select private.process_events();
select private.process_events();
select is(tests.count_messages('ops'), 3::bigint, 'no more messages in an hour than the channel takes');
select is((select count(*) from private.notices), 2::bigint, 'what comes above that waits');
update private.deliveries set created_at = created_at - interval '61 minutes' where event_ids is not null;
select private.process_events();
select is(tests.count_messages('ops'), 4::bigint, 'and is told in one');
select is(
    (select array_agg(events ->> 'title') from jsonb_array_elements((tests.message('ops')).body::jsonb #> '{data,events}') as events),
    array['5', '4'], 'nothing is lost'
);
select tests.told('ops');
select public.save_notification_channel(jsonb_build_object('id', (tests.channel('ops')).id, 'max_per_hour', 1000));

-- A webhook

select tests.raise('flaky_detected', jsonb_build_object(
    'test_case_id', tests.id('list'), 'environment_id', tests.id('staging'), 'run_id', tests.id('a run'),
    'severity', 'warning', 'title', 'list is flaky', 'payload', '{"score": 0.2}'::jsonb
));
select private.process_events();
select is(
    (tests.message('ops')).body::jsonb #- '{timestamp}' #- '{data,events,0,at}' #- '{data,events,0,id}',
    jsonb_build_object(
        'type', 'flaky_detected',
        'data', jsonb_build_object(
            'organization_id', tests.id('acme'),
            'project', jsonb_build_object('id', tests.id('shop'), 'name', 'shop'),
            'more', 0,
            'events', jsonb_build_array(jsonb_build_object(
                'severity', 'warning', 'title', 'list is flaky', 'times', 1,
                'environment', jsonb_build_object('id', tests.id('staging'), 'name', 'staging'),
                'run_id', tests.id('a run'),
                'test', jsonb_build_object('id', tests.id('list'), 'name', 'list', 'suite', 'flow'),
                'url', 'https://app.test/runs/' || tests.id('a run'),
                'payload', '{"score": 0.2}'::jsonb
            ))
        )
    ),
    'a webhook is told type, time and data'
);
select matches(
    (tests.message('ops')).body::jsonb ->> 'timestamp', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$', 'the time in UTC'
);
select tests.raise('failure_new', jsonb_build_object('payload', jsonb_build_object('long', repeat('x', 9000))));
select private.process_events();
select is(
    (tests.message('ops')).body::jsonb #> '{data,events,0,payload}', 'null', 'a payload that is too long is left out'
);
select tests.told('ops');

-- A chat

select tests.make_channel('chat', '{"kind": "slack", "max_per_hour": 1000}');
select tests.make_rule('chat', 'chat', jsonb_build_object('events', private.told_event_names()));
create function tests.text_of(channel text)
returns text
language plpgsql
as $function$
begin
    perform private.process_events();
    return (tests.message(text_of.channel)).body::jsonb ->> 'text';
end;
$function$;

select tests.end_run('failed', fields => jsonb_build_object('run_id', tests.id('a run'), 'title', 'Run failed: 2 of 9 tests failed', 'payload', $json${
    "status": "failed", "failures": [
        {"suite": "flow", "test": "list", "row_key": "", "message": "status equals 200; got 503"},
        {"suite": "flow", "test": "pay", "row_key": "cz", "message": null}
    ]}$json$::jsonb));
select is(
    tests.text_of('chat'),
    e'[shop / staging] Run failed: 2 of 9 tests failed\n• flow/list: status equals 200; got 503\n• flow/pay/cz',
    'a chat is told what failed, and why, in a few lines; without a base no link'
);
select public.save_notification_channel(jsonb_build_object('id', (tests.channel('chat')).id, 'link_base', 'https://app.test'));
select tests.end_run('failed', fields => jsonb_build_object('run_id', tests.id('a run')));
select alike(
    tests.text_of('chat'), e'%\nhttps://app.test/runs/' || tests.id('a run'), 'with one there is a link to the run'
);
select tests.raise('failure_new', '{"title": "a"}');
select tests.raise('failure_new', jsonb_build_object('title', 'b', 'environment_id', tests.id('staging')));
select is(
    tests.text_of('chat'), e'[shop] failure new: 2\n• [staging] b\n• a', 'several are told one a line'
);
select tests.raise('failure_new', jsonb_build_object('title', n || ' ' || repeat('long ', 60))) from generate_series(1, 30) as n;
select cmp_ok(length(tests.text_of('chat')), '<=', 2000, 'a text is never longer than a chat takes');
select matches((tests.message('chat')).body::jsonb ->> 'text', 'and [0-9]+ more$', 'and says how much it leaves out');
select private.raise_events(array[row(
    tests.id('acme'), null, 'storage_nearly_full', 'critical', 'nearly full', null, null, null, null, null
)::private.new_event]);
select is(tests.text_of('chat'), '[Assay] nearly full', 'what concerns the organization names no project');

-- What somebody writes into a name

select tests.raise('failure_new', '{"title": "<!channel> <https://evil.test|click> & @everyone\nnext line"}');
select is(
    tests.text_of('chat'),
    '[shop] &lt;!channel&gt; &lt;https://evil.test|click&gt; &amp; @' || chr(8203) || 'everyone next line',
    'makes no link, no mention, and no line of its own'
);
select tests.raise('failure_new', '{"title": "\"quoted\" \\ é"}');
select private.process_events();
select is(
    (tests.message('ops')).body::jsonb #>> '{data,events,0,title}', e'"quoted" \\ é', 'JSON stays what it was'
);

-- What runs tell

select tests.told('ops');
select tests.make_test('bad', 'flow');
select tests.make_test('worse', 'flow');
select tests.queue('mixed', tests.only('list', 'bad', 'worse'));
select tests.run_all('{"bad": {"status": 500}, "worse": {"error": {"category": "dns", "message": "no such host"}}}');
select private.raise_run_events(array[tests.run('mixed')]);
select private.raise_run_events(array[tests.run('mixed')]);
select is(
    (select count(*) from public.platform_events where run_id = tests.run('mixed')), 1::bigint,
    'a run is told of once, however often it is asked about'
);
create function tests.event_of(run text)
returns public.platform_events
language sql
as $function$
    select events.* from public.platform_events as events where events.run_id = tests.run(event_of.run);
$function$;
select is(
    (tests.event_of('mixed')).title, 'Run error: 1 of 3 tests failed, 1 in error', 'with what became of it'
);
select is(
    (tests.event_of('mixed')).payload - array['duration_ms', 'failures'],
    jsonb_build_object(
        'status', 'error', 'trigger', 'api', 'commit', null, 'api_version', null,
        'counts', '{"total": 3, "passed": 1, "failed": 1, "error": 1, "skipped": 0, "cancelled": 0}'::jsonb,
        'stream', md5(tests.only('list', 'bad', 'worse')::text)
    ),
    'status and counts'
);
select bag_eq(
    $$ select failures ->> 'test' as test, failures ->> 'status' as status, failures ->> 'slug' as slug
    from jsonb_array_elements((tests.event_of('mixed')).payload -> 'failures') as failures $$,
    $$ values ('bad', 'failed', 'assertion_failed'), ('worse', 'error', 'dns_failed') $$,
    'and what failed'
);
select tests.queue('good', tests.only('list'));
select tests.run_all();
select private.raise_run_events(array[tests.run('good')]);
select is(
    array[(tests.event_of('good')).severity, (tests.event_of('good')).title], array['info', 'Run passed: 1 of 1 tests'],
    'one that passed is no reason to worry'
);
select tests.queue('again', jsonb_build_object('failures_of', tests.run('mixed')));
select tests.run_all();
select private.raise_run_events(array[tests.run('again')]);
select is((tests.event_of('again')).payload ->> 'stream', null, 'a rerun of failures follows nothing');
select is(
    private.run_severity(jsonb_populate_record(null::public.test_runs, '{"status": "failed", "passed_count": 1, "failed_count": 3, "error_count": 1}')),
    'critical', 'most of a run failing is critical'
);
select is(
    private.run_severity(jsonb_populate_record(null::public.test_runs, '{"status": "failed", "passed_count": 2, "failed_count": 3, "error_count": 0}')),
    'warning', 'some of it is not'
);
select is(
    private.run_severity(jsonb_populate_record(null::public.test_runs, '{"status": "failed", "passed_count": 0, "failed_count": 4, "error_count": 0}')),
    'warning', 'and neither is a run of a few tests'
);

-- Kept for a time

update public.platform_events set created_at = now() - interval '401 days' where run_id = tests.run('good');
update private.deliveries set finished_at = now() - interval '31 days' where finished_at is not null and event = 'flaky_detected';
select cmp_ok(private.prune_events(), '>=', 2::bigint, 'what is old goes');
select is((tests.event_of('good')).id, null, 'events after 400 days');
select is_empty($$ select from private.deliveries where event = 'flaky_detected' $$, 'messages after 30');

select finish();
rollback;
