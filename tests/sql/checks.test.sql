-- What cannot be saved: constraints on tests, suites, dependencies and environments.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/checks.psql
select plan(17);

-- Tests

select tests.is_invalid(tests.saving('{"phase": "before"}'), 'a phase is one of three');
select tests.is_invalid(tests.saving('{"rescue": "perhaps"}'), 'and so is rescue');
select tests.is_invalid($$ select tests.make_test(' ', 'flow') $$, 'a test has a name');
select tests.make_test('named', 'flow');
select throws_ok(
    $$
    insert into public.test_cases (project_id, suite_id, name)
    values (tests.id('shop'), tests.id('flow'), 'named')
    $$,
    '23505', null, 'of its own within the suite'
);
select tests.is_invalid(
    $$ select tests.make_suite('x', 'shop', '{"execution_mode": "random"}') $$,
    'a suite is parallel or sequential'
);
select tests.make_suite('second', 'shop');
select tests.make_test('far', 'second');
select tests.is_invalid(
    $$ select tests.depend('named', 'far', 'sometimes') $$, 'a dependency is one of three kinds'
);
select throws_ok(
    $$ select tests.depend('named', 'nowhere', 'data') $$, '23503', null, 'on a test that exists'
);

-- Environments

select lives_ok(
    $$
    select tests.make_environment('e', 'shop', '{"base_url": "https://user@host.test:8443/api/v7"}')
    $$,
    'a base URL has host and path'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "host.test"}') $$, 'and a scheme'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "ftp://host.test"}') $$,
    'of the web'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "https://host.test/?a=b"}') $$,
    'no query'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"base_url": "https://"}') $$, 'and a host'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"max_parallel": 0}') $$,
    'some request must be possible'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"rate_limit_per_s": 0}') $$, 'at some time'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"run_timeout_ms": 10}') $$,
    'and a run needs a second'
);
select tests.is_invalid(
    $$ select tests.make_environment('x', 'shop', '{"variables": {"a b": 1}}') $$,
    'a variable has a name that can be used'
);
select tests.is_invalid(
    $$
    insert into public.environment_variables (environment_id, project_id, name)
    values (tests.id('e'), tests.id('shop'), 'x')
    $$,
    'and a value, or it is a secret'
);

select * from finish();
rollback;
