-- Quiet hours: across midnight, in their time zone, held back or dropped.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
\ir _lib/notifications.psql
select plan(22);

select tests.make_channel('ops', '{"max_per_hour": 1000}');

-- When the quiet hours end in which a moment lies, in UTC; null for none.
create function tests.quiet_end(at text, quiet_from time, quiet_until time, time_zone text default 'UTC')
returns text
language sql
as $function$
    select to_char(
        private.quiet_end(
            jsonb_populate_record(null::public.notification_rules, jsonb_build_object(
                'quiet_from', quiet_end.quiet_from, 'quiet_until', quiet_end.quiet_until,
                'time_zone', quiet_end.time_zone
            )),
            quiet_end.at::timestamptz
        ) at time zone 'UTC', 'MM-DD HH24:MI'
    );
$function$;

select is(tests.quiet_end('2026-03-10 12:00Z', null, null), null, 'without quiet hours none are');
select is(tests.quiet_end('2026-03-10 12:00Z', '11:00', '13:00'), '03-10 13:00', 'within a day: until they end');
select is(tests.quiet_end('2026-03-10 11:00Z', '11:00', '13:00'), '03-10 13:00', 'from their first moment');
select is(tests.quiet_end('2026-03-10 13:00Z', '11:00', '13:00'), null, 'not at their end');
select is(tests.quiet_end('2026-03-10 10:59Z', '11:00', '13:00'), null, 'not before');
select is(tests.quiet_end('2026-03-10 23:30Z', '22:00', '07:00'), '03-11 07:00', 'across midnight: before it, until the next morning');
select is(tests.quiet_end('2026-03-11 06:59Z', '22:00', '07:00'), '03-11 07:00', 'after it, until this morning');
select is(tests.quiet_end('2026-03-11 07:00Z', '22:00', '07:00'), null, 'not in the morning');
select is(tests.quiet_end('2026-03-11 21:59Z', '22:00', '07:00'), null, 'not in the evening');
select is(tests.quiet_end('2026-12-31 23:00Z', '22:00', '07:00'), '01-01 07:00', 'across a year');
select is(
    tests.quiet_end('2026-01-10 21:30Z', '22:00', '07:00', 'Europe/Prague'), '01-11 06:00',
    'in their time zone, an hour ahead in winter'
);
select is(
    tests.quiet_end('2026-07-10 20:30Z', '22:00', '07:00', 'Europe/Prague'), '07-11 05:00',
    'and two in summer'
);
select is(
    tests.quiet_end('2026-03-28 22:00Z', '22:00', '07:00', 'Europe/Prague'), '03-29 05:00',
    'the night in which the clocks are put on is shorter'
);
select is(
    tests.quiet_end('2026-10-24 21:00Z', '22:00', '07:00', 'Europe/Prague'), '10-25 06:00',
    'and the one in which they are put back longer'
);
select is(
    tests.quiet_end('2026-06-01 02:00Z', '22:00', '07:00', 'America/Los_Angeles'), null,
    'where it is still evening there is nothing quiet yet'
);
select is(
    tests.quiet_end('2026-06-01 12:00Z', '00:00', '23:59', 'Moon/Base'), null,
    'a time zone that PostgreSQL has forgotten stops nobody'
);

-- What becomes of events. An hour around now is quiet.

create function tests.with_quiet(settings jsonb)
returns void
language sql
as $function$
    delete from public.notification_rules where name = 'it';
    delete from private.notices where channel_id is not null;
    select tests.make_rule('it', 'ops', jsonb_build_object(
        'quiet_from', (now() at time zone 'UTC' - interval '30 minutes')::time,
        'quiet_until', (now() at time zone 'UTC' + interval '30 minutes')::time
    ) || settings);
$function$;

select tests.with_quiet('{}');
select tests.end_run('failed', fields => '{"title": "in the night"}');
select is(tests.told('ops'), '{}', 'hold: nothing is told in quiet hours');
select ok(
    (select due_at between now() + interval '29 minutes' and now() + interval '31 minutes' from private.notices),
    'it is due when they end'
);
select tests.end_run('failed', fields => '{"severity": "critical", "title": "on fire"}');
select is(tests.told('ops'), array['on fire'], 'what is critical is told all the same');
update private.notices set due_at = now() where channel_id is not null;
select is(tests.told('ops'), array['in the night'], 'and the rest afterwards');

select tests.with_quiet('{"quiet_action": "drop", "is_critical_exempt": false}');
select tests.end_run('failed');
select tests.end_run('failed', fields => '{"severity": "critical"}');
select is(tests.told('ops'), '{}', 'drop: nothing is told, without the exemption nothing critical either');
select is_empty($$ select from private.notices $$, 'and never will be');

select finish();
rollback;
