-- However much a worker sends, what is kept of it is bounded; and what makes no sense is refused.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(19);

create function tests.noise(size integer) returns text language sql as $function$
    select left(string_agg(md5(number::text), ''), size) from generate_series(1, size / 32 + 1) as number;
$function$;

select tests.make_test(
    'a', 'flow',
    '{"retry": {"attempts": 9, "base_ms": 0, "retry_on": ["assertion", "network"]},
      "assertions": [{"source": "body", "path": "$.v", "operator": "equals", "expected": "{{big}}"}]}'
);
select tests.queue('run', '{}', jsonb_build_object('big', tests.noise(100000)));
create view tests.details as
select details.* from public.test_result_details as details where details.run_id = tests.run('run');
savepoint queued;

-- Evidence of one attempt

select tests.claim('one');
select tests.send(jsonb_build_array(tests.report(tests.item('a'), jsonb_build_object(
    'status', 200, 'text', repeat('b', 200000),
    'headers', (
        select jsonb_agg(jsonb_build_array('X-' || number, tests.noise(1000)))
        from generate_series(1, 1000) as number
    ),
    'observed', jsonb_build_array(jsonb_build_object(
        'id', 0, 'found', true, 'values', jsonb_build_array(tests.noise(200000))
    )),
    'merge', jsonb_build_object('timing_ms', jsonb_build_object(
        'total', 5, 'junk', tests.noise(100000)
    ))
))));
select is((select count(*) from tests.details), 1::bigint, 'a report with too much in it counts');
select is((select length(response ->> 'body') from tests.details), 65536, 'its body is cut');
select is((select response -> 'status' from tests.details), '200', 'the status is kept');
select cmp_ok(
    (select jsonb_array_length(response -> 'headers') from tests.details), '>', 10,
    'the first headers are kept'
);
select cmp_ok(
    (select octet_length((response -> 'headers')::text) from tests.details), '<', 40000,
    'and no more of them than there is room for'
);
select is((select timing_ms from tests.details), '{}', 'phases that are none are dropped');
select is((select duration_ms from tests.details), 5.000, 'but the duration counts');
select cmp_ok(
    (select max(octet_length(assertions.expected::text)) from public.assertion_results as assertions
     where assertions.run_id = tests.run('run')), '<', 8300,
    'what was expected is cut'
);
select cmp_ok(
    (select max(octet_length(assertions.actual::text)) from public.assertion_results as assertions
     where assertions.run_id = tests.run('run')), '<', 2100,
    'and what was found'
);
rollback to queued;

select tests.claim('one');
select tests.send(jsonb_build_array(tests.report(tests.item('a'), jsonb_build_object(
    'error', jsonb_build_object('category', 'connect', 'message', tests.noise(100000))
))));
select is((select length(message) from tests.details), 2000, 'a message is cut');
rollback to queued;

select tests.claim('one');
select is(
    tests.send(jsonb_build_array(tests.report(
        tests.item('a'), jsonb_build_object('merge', jsonb_build_object('junk', tests.noise(4200000)))
    ))) ->> 'stale',
    '[]', 'a report of more than 4 MB counts'
);
select results_eq(
    $$ select slug from tests.details $$, array['unreportable'], 'but as one that cannot be stored'
);
rollback to queued;

select tests.claim('one');
select is(
    tests.send(jsonb_build_array(tests.report(tests.item('a'), jsonb_build_object(
        'observed', jsonb_build_array(jsonb_build_object(
            'id', 0, 'found', true, 'values',
            (repeat('[', 6000) || repeat(']', 6000))::jsonb
        ))
    )))) -> 'stale',
    '[]', 'a value that is nested very deeply breaks nothing'
);
rollback to queued;

-- Late reports

select tests.claim('one');
select tests.send(
    jsonb_build_array(
        tests.report(tests.item('a')) || jsonb_build_object('lease', gen_random_uuid())
    )
)
from generate_series(1, 12);
select is(
    (select count(*) from tests.details where outcome = 'stale'), 10::bigint,
    'whoever invents leases leaves ten reports behind and no more'
);
rollback to queued;

-- Shape

create function tests.reporting(reports jsonb) returns text language sql as $function$
    select format(
        'select public.report_work(%L, gen_random_uuid(), %L)', tests.worker(), reports
    );
$function$;
select is(tests.slug_of(tests.reporting('{}')), 'malformed_work', 'reports are a list');
select is(tests.slug_of(tests.reporting('[null]')), 'malformed_work', 'of objects');
select is(
    tests.slug_of(tests.reporting('[{"item": 1.5, "attempt": 1, "lease": "x"}]')), 'malformed_work',
    'that name a lease'
);
select is(
    tests.slug_of(tests.reporting((select jsonb_agg('{}'::jsonb) from generate_series(1, 2001)))),
    'malformed_work', 'not too many of them'
);
select is(
    tests.slug_of(format('select public.release_work(%L, ''[1]'')', tests.worker())),
    'malformed_work', 'and so are items'
);

select * from finish();
rollback;
