-- Deliveries: handed to workers like tests, fenced like tests, and tried again until they arrive.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/runners.psql
\ir _lib/leaks.psql
\ir _lib/notifications.psql
select plan(72);

create table tests.signing (secret text);
insert into tests.signing
select tests.make_channel('ops', '{"url": "https://hooks.test/T0/very-secret-token", "max_per_hour": 1000}') ->> 'signing_secret';
select tests.make_rule('it', 'ops', '{"events": ["failure_new"]}');
create function tests.write(title text default 'cause')
returns void
language plpgsql
as $function$
begin
    perform tests.raise('failure_new', jsonb_build_object('title', title));
    perform private.process_events();
end;
$function$;
create function tests.state(channel text default 'ops')
returns text
language sql
as $function$
    select concat_ws(
        ' ', (tests.message(channel)).state, (tests.message(channel)).slug, (tests.message(channel)).http_status
    );
$function$;
create function tests.delay()
returns interval
language sql
as $function$ select (tests.message('ops')).available_at - clock_timestamp() $function$;

-- Handed out

select is(tests.collect('nothing'), 0::bigint, 'without messages there is nothing to hand out');
select tests.write();
select tests.collect('first');
select is(
    tests.letter('first') #- '{request,headers}' #- '{lease}' #- '{request,body,value}' #- '{item}',
    jsonb_build_object(
        'run', (tests.message('ops')).message_id,
        'result', null, 'attempt', 1, 'lease_ms', 30000, 'observe', '[]'::jsonb, 'json_schema', null,
        'request', jsonb_build_object(
            'method', 'POST', 'url', 'https://hooks.test/T0/very-secret-token',
            'secret_headers', '["webhook-signature"]'::jsonb, 'secret_body', true,
            'body', '{"kind": "text", "content_type": "application/json"}'::jsonb,
            'auth', null, 'timeout_ms', '{"connect": 5000, "total": 15000}'::jsonb, 'max_redirects', 0,
            'max_body_bytes', 65536, 'verify_tls', true, 'http_versions', '["1.1"]'::jsonb
        )
    ),
    'a message is an item of the wire contract'
);
select is(
    tests.letter('first') #>> '{request,body,value}', (tests.message('ops')).body, 'with the body as it is stored'
);
create function tests.header(claim text, name text)
returns text
language sql
as $function$
    select headers.header ->> 1
    from jsonb_array_elements(tests.letter(claim) #> '{request,headers}') as headers (header)
    where headers.header ->> 0 = header.name;
$function$;
select is(
    tests.header('first', 'webhook-id'), 'msg_' || replace((tests.message('ops')).message_id::text, '-', ''),
    'webhook-id names the message'
);
select is(
    tests.header('first', 'webhook-signature'),
    'v1,' || encode(
        extensions.hmac(
            convert_to(concat_ws('.', tests.header('first', 'webhook-id'), tests.header('first', 'webhook-timestamp'), (tests.message('ops')).body), 'UTF8'),
            decode((select substr(secret, 7) from tests.signing), 'base64'), 'sha256'
        ), 'base64'
    ),
    'the signature is that of id, time and body'
);
select is(
    abs(tests.header('first', 'webhook-timestamp')::bigint - extract(epoch from clock_timestamp())) < 3600, true,
    'the time is that of the attempt'
);
select is(
    private.sign_message(
        'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}', array['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']
    ),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=', 'the published example has the published signature'
);
select is(tests.collect('first'), 1::bigint, 'a call whose reply was lost');
select is(
    (select count(distinct letters.item) from tests.letters as letters where letters.claim = 'first'), 1::bigint,
    'is answered the same, to the letter'
);
select is(tests.collect('second'), 0::bigint, 'nobody else gets it meanwhile');
select is_empty($$ select tests.leaks('very-secret-token') except select 'letters' except select 'tests.letters' $$, 'its address is in no table');

-- It arrives

select is(
    tests.answer_letter('first', '{"status": 204}') - 'work',
    jsonb_build_object(
        'accepted', jsonb_build_array(tests.letter('first') -> 'item'), 'cancelled', '[]'::jsonb,
        'unreportable', '[]'::jsonb, 'stale', '[]'::jsonb, 'retry_ms', null
    ),
    'the report of an answer of the class 2xx is accepted'
);
select is(tests.state(), 'delivered 204', 'and the message is delivered');
select is((tests.message('ops')).body, null, 'what was sent is kept no longer');
select is(tests.answer_letter('first', '{"status": 204}') -> 'accepted', jsonb_build_array(tests.letter('first') -> 'item'), 'a report that is repeated is accepted again');
select is(tests.answer_letter('first', '{"merge": {"lease": "00000000-0000-0000-0000-000000000001"}}') -> 'stale', jsonb_build_array(tests.letter('first') -> 'item'), 'one under another lease is stale');
select isnt((tests.channel('ops')).delivered_at, null, 'the channel is known to work');

-- It does not

select tests.write();
select tests.collect('failing');
select tests.answer_letter('failing', '{"status": 500, "text": "very-secret-token"}');
select is(tests.state(), 'ready http_status 500', 'any other answer is a failure');
select ok(tests.delay() between interval '4 seconds' and interval '15 seconds', 'it is tried again after ten seconds, more or less');
select is(tests.collect('too soon'), 0::bigint, 'not before');
select isnt((tests.channel('ops')).failing_since, null, 'the channel is known to fail');
select tests.make_due();
select tests.collect('again');
select is(tests.header('again', 'webhook-id'), tests.header('failing', 'webhook-id'), 'in every attempt it is the same message');
select is(tests.letter('again') ->> 'attempt', '2', 'under another lease');
select is(
    tests.answer_letter('again', '{"merge": {"lease": "00000000-0000-0000-0000-000000000001"}}') -> 'stale',
    jsonb_build_array(tests.letter('again') -> 'item'), 'a report under a made-up lease is stale'
);
select is(tests.answer_letter('failing', '{"status": 200}') -> 'stale', '[]', 'a report that counted before is not stale');
select is(tests.state(), 'leased http_status 500', 'and changes nothing any more');
select tests.answer_letter('again', '{"status": 503, "headers": [["Retry-After", "3600"]]}');
select ok(tests.delay() between interval '59 minutes' and interval '61 minutes', 'Retry-After is honoured');
select tests.make_due();
select tests.collect('redirected');
select tests.answer_letter('redirected', '{"status": 302, "headers": [["Location", "https://elsewhere.test/"]]}');
select is(tests.state(), 'ready http_status 302', 'a redirect is a failure');
select tests.make_due();
select tests.collect('silent');
select tests.answer_letter('silent', '{"error": {"category": "timeout", "message": "very-secret-token"}}');
select is(tests.state(), 'ready request_timeout', 'so is no answer');
select tests.make_due();
select tests.collect('odd');
select tests.answer_letter('odd', '{"merge": {"response": {"status": "fine", "headers": {"a": 1}}, "error": [1]}}');
select is(tests.state(), 'ready worker_failed', 'and a report that says nothing');
select is(
    array(select private.delivery_delay_s(n, null) between 10 * 3 ^ n * 0.5 and 10 * 3 ^ n * 1.5 from generate_series(0, 6) as n),
    array_fill(true, array[7]), 'the delay triples each time'
);
select ok(private.delivery_delay_s(50, null) <= 32400, 'up to six hours, more or less');
select tests.make_due();
update private.deliveries set created_at = now() - interval '1 day' where state = 'ready';
select tests.collect('last');
select tests.answer_letter('last', '{"status": 500}');
select is(tests.state(), 'failed http_status 500', 'after a day it is given up');
select results_eq(
    $$ select event, severity, project_id, payload ->> 'slug' from public.platform_events order by id desc limit 1 $$,
    $$ values ('notification_failed', 'warning', tests.id('shop'), 'http_status') $$, 'which is an event'
);
select is(tests.told('ops'), '{}', 'of which no message tells');
select is_empty($$ select tests.leaks('very-secret-token') except select 'tests.letters' $$, 'nothing that was answered is kept');

-- Where no other attempt is of use

select tests.write();
select tests.collect('denied');
select tests.answer_letter('denied', '{"error": {"category": "egress_denied", "message": "no"}}');
select is(tests.state(), 'failed egress_denied', 'an address where no worker may go is not tried again');
select tests.make_channel('gone', '{"max_per_hour": 1000}');
select tests.make_rule('gone', 'gone', '{"events": ["flaky_detected"]}');
select tests.raise('flaky_detected');
select private.process_events();
select tests.raise('flaky_detected');
select private.process_events();
select tests.collect('gone', 1);
select tests.answer_letter('gone', '{"status": 410}');
select results_eq(
    $$ select state, slug from private.deliveries where event = 'flaky_detected' order by id $$,
    $$ values ('failed', 'gone'), ('cancelled', null) $$, 'who answers 410 is told no more'
);
select ok(not (tests.channel('gone')).is_enabled and (tests.channel('gone')).gone_at is not null, 'the channel is disabled');

-- How many at once

update public.notification_channels set failed_count = 0, failing_since = null where name = 'ops';
select tests.write() from generate_series(1, 12);
select is(tests.collect('many'), 4::bigint, 'four of a channel are under way at once');
select is(tests.collect('more'), 0::bigint, 'also over several claims');
select tests.make_channel('side', '{"max_per_hour": 1000}');
select tests.make_rule('side', 'side', '{"events": ["failure_resolved"]}');
select tests.raise('failure_resolved');
select private.process_events();
select is(tests.collect('beside'), 1::bigint, 'another channel does not wait for it');
update private.deliveries set lease_until = now() - interval '1 minute' where state = 'leased';
update public.notification_channels set failed_count = 9, failing_since = now() where name = 'ops';
select tests.hear_workers();
select tests.collect('rescuing');
select is(
    (select count(*) from private.deliveries where slug = 'lost' and state = 'ready' and available_at > now()), 5::bigint,
    'from a worker that went silent they are taken back, to be tried later'
);
select is(
    (select count(*) from private.deliveries where channel_id = (tests.channel('ops')).id and state = 'leased'), 1::bigint,
    'of a channel that has failed for long one is under way'
);

-- Beside tests

update private.deliveries set state = 'cancelled', body = null, finished_at = now(), lease = null, lease_until = null, leased_at = null, worker_id = null, call_id = null where finished_at is null;
update public.notification_channels set failed_count = 0, failing_since = null where name = 'ops';
select tests.make_fixture('rows', 'shop', (select jsonb_agg(jsonb_build_object('key', 'k' || n, 'values', '{}'::jsonb)) from generate_series(1, 30) as n));
select tests.make_test('busy', 'flow', '{"fixture": "rows"}');
select tests.queue('busy');
select tests.write() from generate_series(1, 4);
create function tests.mix(name text, free_slots integer, prefetch integer default 0)
returns integer[]
language sql
as $function$
    select array[
        count(*) filter (where work.item ->> 'result' is null), count(*) filter (where work.item ->> 'result' is not null)
    ]
    from jsonb_array_elements(
        public.claim_work(tests.worker(), tests.id('call ' || mix.name), mix.free_slots, mix.prefetch) -> 'work'
    ) as work (item);
$function$;
select is(tests.mix('8 slots', 8), array[1, 7], 'a busy queue leaves messages a slot of eight');
select is(tests.mix('1 slot', 1), array[1, 0], 'and one where there is one');
select is(tests.mix('no slot', 0, 3), array[0, 3], 'ahead of a slot no message is handed out');
select is(tests.mix('all', 100), array[2, 20], 'what tests leave is theirs');
select is(tests.mix('all', 100), array[2, 20], 'repeated: the same');

-- Renewed, handed back, revoked

select tests.make_runner('robot', 'acme');
select tests.make_runner('their robot', 'other');
select tests.register('robot', 'robot');
select tests.register('their robot', 'their robot');
create function tests.lease_of(letter jsonb)
returns jsonb
language sql
as $function$
    select jsonb_build_array(jsonb_build_object('item', letter -> 'item', 'attempt', letter -> 'attempt', 'lease', letter -> 'lease'));
$function$;
update private.deliveries set state = 'cancelled', body = null, finished_at = now(), lease = null, lease_until = null, leased_at = null, worker_id = null, call_id = null where finished_at is null;
select tests.write();
select is(
    jsonb_array_length(tests.call_as('their robot', format('public.claim_work(%L, %L, 50)', tests.registered_id('their robot'), gen_random_uuid())) -> 'work'),
    0, 'a runner of another organization gets none'
);
insert into tests.letters (claim, item)
select 'robot', work.item
from jsonb_array_elements(tests.call_as('robot', format('public.claim_work(%L, %L, 50)', tests.registered_id('robot'), tests.id('robot call'))) -> 'work') as work (item)
where work.item ->> 'result' is null;
select is((tests.message('ops')).worker_id, tests.registered_id('robot'), 'a runner gets those of its own');
update private.deliveries set lease_until = now() + interval '1 second' where state = 'leased';
select is(
    tests.call_as('robot', format('public.renew_work(%L, %L)', tests.registered_id('robot'), tests.lease_of(tests.letter('robot')))),
    '{"lost": [], "cancelled": []}', 'its lease is renewed'
);
select ok((tests.message('ops')).lease_until > now() + interval '20 seconds', 'for as long as any');
select is(
    public.renew_work(tests.worker(), tests.lease_of(tests.letter('robot'))) -> 'lost', jsonb_build_array(tests.letter('robot') -> 'item'),
    'not for another worker'
);
select is(
    public.report_work(tests.worker(), gen_random_uuid(), jsonb_build_array(tests.report(tests.letter('robot')))) -> 'stale',
    jsonb_build_array(tests.letter('robot') -> 'item'), 'who can report nothing of it'
);
select is(
    public.release_work(tests.worker(), tests.lease_of(tests.letter('robot'))) -> 'released', '[]', 'nor hand it back'
);
select is(
    tests.call_as('robot', format('public.release_work(%L, %L)', tests.registered_id('robot'), tests.lease_of(tests.letter('robot')))) -> 'released',
    jsonb_build_array(tests.letter('robot') -> 'item'), 'its own worker does'
);
select is(array[(tests.message('ops')).state, (tests.message('ops')).failed_count::text], array['ready', '0'], 'and it is ready again, with nothing tried');
select tests.call_as('robot', format('public.claim_work(%L, %L, 50)', tests.registered_id('robot'), gen_random_uuid()));
select is((tests.message('ops')).state, 'leased', 'a runner that holds one');
select public.revoke_runner(tests.id('acme'), tests.id('robot'));
select is(tests.state(), 'ready lost', 'loses it when it is revoked');

-- Labels

select tests.make_channel('inside', '{"labels": ["lan"], "max_per_hour": 1000}');
select tests.make_rule('inside', 'inside', '{"events": ["performance_alert"]}');
select tests.raise('performance_alert');
select private.process_events();
update private.deliveries set state = 'cancelled', body = null, finished_at = now() where event <> 'performance_alert' and finished_at is null;
select is(tests.collect('without'), 0::bigint, 'a worker without the label of a channel does not deliver');
insert into public.workers (id, name, version, capacity, labels) values (tests.id('inside worker'), 'w', '1', 1, '{lan}');
select is(tests.collect('with', 100, tests.id('inside worker')), 1::bigint, 'one with it does');
select public.save_notification_channel(jsonb_build_object('id', (tests.channel('inside')).id, 'is_enabled', false));
select is(
    public.renew_work(tests.id('inside worker'), tests.lease_of(tests.letter('with'))) -> 'lost', jsonb_build_array(tests.letter('with') -> 'item'),
    'a worker hears that a message was given up'
);
select is(
    tests.answer_letter('with', '{}', tests.id('inside worker')) -> 'stale', jsonb_build_array(tests.letter('with') -> 'item'),
    'its report is stale'
);

-- Trying a channel out

select tests.act_as('adam');
select cmp_ok(public.test_notification_channel((tests.channel('side')).id), '>', 0::bigint, 'an admin tries a channel out');
select tests.act_as_owner();
select tests.collect('trial');
select is(tests.letter('trial') #>> '{request,body,value}' like '%"type": "channel_test"%', true, 'with a message that says so');
select tests.answer_letter('trial', '{"status": 404}');
select is(tests.state('side'), 'failed http_status 404', 'which is tried once');
select is((select count(*) from public.platform_events where event = 'notification_failed' and payload ->> 'event' = 'channel_test'), 0::bigint, 'and whose failure is no event');
select tests.act_as('adam');
select results_eq(
    $$ select entry ->> 'state', entry ->> 'http_status', entry ->> 'slug', entry ->> 'event', entry ->> 'attempts'
    from jsonb_array_elements(public.list_deliveries((tests.channel('side')).id) -> 'deliveries') as entry limit 1 $$,
    $$ values ('failed', '404', 'http_status', 'channel_test', '1') $$, 'the log tells what became of it'
);
select ok(
    public.list_deliveries((tests.channel('ops')).id, (public.list_deliveries((tests.channel('ops')).id, null, 5) ->> 'next')::bigint, 5) -> 'deliveries'
    = jsonb_path_query_array(public.list_deliveries((tests.channel('ops')).id) -> 'deliveries', '$[5 to 9]'),
    'page by page'
);
select public.test_notification_channel((tests.channel('side')).id) from generate_series(1, 9);
select is(
    tests.slug_of($$ select public.test_notification_channel((tests.channel('side')).id) $$), 'too_many_channel_tests',
    'ten times within an hour'
);
select tests.act_as_owner();
select is_empty($$ select * from private.check_invariants('-infinity') $$, 'and the engine is in order');

select finish();
rollback;
