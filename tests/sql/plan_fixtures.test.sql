-- Fixtures: one result for each row, row to row for the same fixture, else through a barrier.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(24);

-- Given two fixtures and a chain that mixes them
select tests.make_fixture(
    'countries', 'shop',
    '[{"key": "cz", "values": {"country": "CZ", "code": 420}}, {"key": "ad",
      "values": {"country": "AD"}}, {"key": "de", "values": {"country": "DE"}}]'
);
select tests.make_fixture(
    'sizes', 'shop', '[{"key": "s", "values": {"size": 1}}, {"key": "l", "values": {"size": 2}}]'
);

savepoint empty;
select tests.make_test(
    'create', 'flow',
    jsonb_build_object(
        'fixture', 'countries', 'path', '/{{country}}', 'captures', tests.capture('id')
    )
);
select tests.make_test('read', 'flow', '{"fixture": "countries", "path": "/{{id}}/{{country}}"}');
select tests.make_test(
    'list', 'flow',
    '{"query": [["ids", "{{id | json}}"]], "body": {"kind": "json", "value": {"all": "{{id}}"}}}'
);
select tests.make_test('measure', 'flow', '{"fixture": "sizes", "path": "/{{size}}/{{id[1]}}"}');
select tests.make_test('plain', 'flow', jsonb_build_object('captures', tests.capture('word')));
select tests.make_test('spell', 'flow', '{"fixture": "sizes", "path": "/{{size}}/{{word}}"}');
select tests.queue('run');

select results_eq(
    $$
    select row_key, row_index
    from public.test_results
    where run_id = tests.run('run') and test_name = 'create'
    order by row_index
    $$,
    $$ values ('cz', 0), ('ad', 1), ('de', 2) $$,
    'a test with a fixture has one result for each row, in order'
);
select results_eq(
    $$ select total_count from public.test_runs where id = tests.run('run') $$, array[12],
    'all of them are counted, barriers are not'
);
select is(
    tests.edges('run'),
    array[
        'all(create) <- create/ad (data)', 'all(create) <- create/cz (data)',
        'all(create) <- create/de (data)',
        'list <- all(create) (data)',
        'measure/l <- all(create) (data)', 'measure/s <- all(create) (data)',
        'read/ad <- create/ad (data)', 'read/cz <- create/cz (data)', 'read/de <- create/de (data)',
        'spell/l <- plain (data)', 'spell/s <- plain (data)'
    ],
    'row to row for the same fixture, through one barrier for another or none, from one to each row'
);
select is(
    (tests.work('run', 'read/cz')).bindings #>> '{id,rows}', 'same',
    'a row sees the value of its own row'
);
select is(
    (tests.work('run', 'list')).bindings #>> '{id,rows}', 'all',
    'a test without a fixture sees those of all rows'
);
select is(
    (tests.work('run', 'measure/s')).bindings #>> '{id,rows}', 'all',
    'and so does a row of another fixture'
);
select is(
    (tests.work('run', 'spell/s')).bindings #>> '{word,rows}', 'one',
    'of a test without a fixture there is one'
);
select is_empty($$ select tests.check_run('run') $$, 'every invariant holds');

-- What the rows see when they are handed out
select tests.claim('first');
select is(
    tests.request('create/cz') ->> 'url', 'https://api.test/v1/CZ', 'a row fills in its own values'
);
select tests.answer('create/de', '{"body": {"id": 33}}');
select tests.answer('create/cz', '{"body": {"id": "one"}}');
select is(
    (tests.work('run', 'read/cz')).state, 'ready',
    'a row goes on as soon as its own upstream row passed'
);
select is((tests.work('run', 'list')).state, 'waiting', 'the barrier holds until the last row');
select tests.answer('create/ad', '{"body": {"id": 22}}');
select is((tests.work('run', 'list')).state, 'ready', 'and lets go then');
select is((tests.work('run', 'measure/l')).state, 'ready', 'everything that waited for it');
select is_empty(
    $$ select from private.work_items where run_id = tests.run('run') and state = 'barrier' $$,
    'and it is gone'
);
select tests.answer('plain', '{"body": {"word": "w"}}');
select tests.claim('second');
select is(
    tests.request('read/cz') ->> 'url', 'https://api.test/v1/one/CZ',
    'row to row, the value of the row'
);
select is(tests.request('read/ad') ->> 'url', 'https://api.test/v1/22/AD', 'also of the next');
select is(
    tests.request('list') #> '{body,value,all}', '["one", 22, 33]',
    'behind the barrier an array in row order, whatever the order of the answers'
);
select is(
    tests.request('measure/l') ->> 'url', 'https://api.test/v1/2/22', 'of which a path picks one'
);
select is(
    tests.request('spell/s') ->> 'url', 'https://api.test/v1/1/w', 'and from one to each row'
);
select tests.send((
    select jsonb_agg(tests.report(handed_out.item)) from tests.handed_out where handed_out.claim = 'second'
));
select is(tests.run_status('run'), 'passed', 'the run comes to its end');
select is_empty($$ select tests.check_run('run') $$, 'and every invariant holds');
rollback to empty;

-- A barrier for each kind of dependency
select tests.make_test(
    'rows', 'flow', jsonb_build_object('fixture', 'countries', 'captures', tests.capture('id'))
);
select tests.make_test('needs', 'flow');
select tests.make_test('follows', 'flow');
select tests.make_test('follows too', 'flow');
select tests.depend('needs', 'rows', 'data');
select tests.depend('follows', 'rows', 'order');
select tests.depend('follows too', 'rows', 'order');
select tests.queue('run');
select is(
    (select count(*) from private.work_items where run_id = tests.run('run') and state = 'barrier'),
    2::bigint,
    'consumers share a barrier when they need the same of it'
);
select tests.run_all('{"rows/ad": {"status": 500}, "rows": {"body": {"id": 1}}}');
select is(
    tests.verdicts('run'),
    array['follows: passed', 'follows too: passed', 'needs: skipped', 'rows/cz: passed', 'rows/ad: failed', 'rows/de: passed'],
    'one bad row skips who needs all of them, and releases who only waits'
);
select is_empty($$ select tests.check_run('run') $$, 'and every invariant holds');

select * from finish();
rollback;
