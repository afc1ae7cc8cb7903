-- What a run says of itself: which commit and version of the API it tests, and what started it.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(18);

select tests.make_test('a', 'flow');

-- The run that a call of queue_run makes, told by its last three arguments.
create function tests.origin(run public.test_runs)
returns text
language sql
as $function$ select concat_ws(' ', run.commit_sha, run.api_version, run.trigger_kind) $function$;

create function tests.queueing(
    commit_sha text default null, api_version text default null, trigger_kind text default 'api', key text default null
)
returns text
language sql
as $function$
    select format(
        $$
        select public.queue_run(
            %L, commit_sha => %L, api_version => %L, trigger_kind => %L, idempotency_key => %L
        )
        $$,
        tests.id('staging'), commit_sha, api_version, trigger_kind, key
    );
$function$;

select tests.act_as('eda');
select is(
    tests.origin(public.queue_run(tests.id('staging'))), 'api',
    'a run of which nothing is said was started by a program, and tests who knows what'
);
select is(
    tests.origin(public.queue_run(
        tests.id('staging'), commit_sha => '0123abc', api_version => '2.1', trigger_kind => 'ci'
    )),
    '0123abc 2.1 ci', 'commit, version and trigger are kept as they are given'
);
select is(
    tests.origin(public.queue_run(tests.id('staging'), trigger_kind => null)), 'api',
    'no trigger is the default'
);
select is(tests.slug_of(tests.queueing('')), 'malformed_commit', 'a commit that is empty is none');
select is(tests.slug_of(tests.queueing(repeat('a', 201))), 'malformed_commit', 'it is a name, no text');
select lives_ok(tests.queueing(repeat('a', 200)), 'of any form');
select is(tests.slug_of(tests.queueing('two words')), 'malformed_commit', 'in one word');
select is(
    tests.slug_of(tests.queueing('0123abc' || chr(10))), 'malformed_commit', 'and nothing behind it'
);
select is(
    tests.slug_of(tests.queueing(null, '')), 'malformed_api_version',
    'a version that is empty is none'
);
select is(
    tests.slug_of(tests.queueing(null, repeat('v', 201))), 'malformed_api_version',
    'a version is a name, not a text'
);
select is(
    tests.slug_of(tests.queueing(null, 'one' || chr(10) || 'two')), 'malformed_api_version',
    'and stands on one line'
);
select is(
    tests.slug_of(tests.queueing(null, null, 'moon')), 'malformed_trigger',
    'what started it is one of five'
);

-- One key, one run

select lives_ok(tests.queueing('0123abc', '2.1', 'ci', 'key'), 'under a key');
select lives_ok(tests.queueing('0123abc', '2.1', 'ci', 'key'), 'the same is the same run');
select is(
    array[
        tests.slug_of(tests.queueing('0123abd', '2.1', 'ci', 'key')),
        tests.slug_of(tests.queueing('0123abc', '2.2', 'ci', 'key')),
        tests.slug_of(tests.queueing('0123abc', '2.1', 'manual', 'key'))
    ],
    array_fill('idempotency_conflict'::text, array[3]),
    'another commit, version or trigger is another run'
);

-- Several, and again

select is(
    array(
        select tests.origin(queued)
        from public.queue_runs(jsonb_build_array(
            jsonb_build_object('environment_id', tests.id('staging'), 'commit_sha', '0123abc', 'api_version', '2.1', 'trigger_kind', 'schedule'),
            jsonb_build_object('environment_id', tests.id('staging'), 'commit_sha', null, 'api_version', null, 'trigger_kind', null)
        )) as queued
    ),
    array['0123abc 2.1 schedule', 'api'], 'queue_runs takes them too'
);
select is(
    tests.message_of(format('select public.queue_runs(%L)', jsonb_build_array(
        jsonb_build_object('environment_id', tests.id('staging'), 'commit_sha', 7)
    ))),
    'request 1: commit_sha is not text', 'as texts'
);
select tests.act_as_owner();
select tests.run_all('{"a": {"status": 500}}');
select is(
    tests.origin(public.rerun_failed(tests.run('key'))), '0123abc 2.1 rerun',
    'what failed is run again against the same commit and version, and says that it is a rerun'
);

select * from finish();
rollback;
