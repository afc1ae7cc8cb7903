-- What a hostile tenant could try on the database itself, answered by the catalog and by trying.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
\ir _lib/engine.psql
select plan(16);

create table tests.sources as
select
    procedures.oid,
    procedures.proname::text as name,
    procedures.prosecdef as is_definer,
    procedures.proowner,
    procedures.proconfig,
    procedures.proargnames,
    -- without what only looks like code
    regexp_replace(procedures.prosrc, '--[^\n]*', '', 'g') as source
from pg_proc as procedures
where procedures.pronamespace in ('public'::regnamespace, 'private'::regnamespace);

-- Whose rights

select is_empty(
    $$ select oid::regprocedure from tests.sources where proowner <> 'postgres'::regrole $$,
    'every function belongs to who owns the schema'
);

select is_empty(
    $$
    select sources.oid::regprocedure, grants.grantee::regrole
    from tests.sources
    cross join lateral aclexplode(
        (select procedures.proacl from pg_proc as procedures where procedures.oid = sources.oid)
    ) as grants
    where
        sources.is_definer
        and grants.grantee <> all(
            array['postgres'::regrole, 'authenticated'::regrole, 'service_role'::regrole]::oid[]
        )
    $$,
    'what runs with the owner''s rights is called by people, the secret key and the owner alone'
);

select is_empty(
    $$
    select sources.oid::regprocedure
    from tests.sources
    where exists (select from pg_proc as procedures where procedures.oid = sources.oid and procedures.proacl is null)
    $$,
    'and everybody''s default right to call is taken from each function'
);

select is_empty(
    $$
    select defaults.defaclnamespace::regnamespace, defaults.defaclobjtype, grants.grantee
    from pg_default_acl as defaults
    cross join lateral aclexplode(defaults.defaclacl) as grants
    where
        defaults.defaclrole = 'postgres'::regrole
        and (
            defaults.defaclnamespace in ('public'::regnamespace, 'private'::regnamespace)
            or defaults.defaclnamespace = 0
        )
        and grants.grantee in (
            0, 'anon'::regrole, 'authenticated'::regrole, 'service_role'::regrole
        )
    $$,
    'no default gives a client anything'
);

create table public.fresh (id bigint generated always as identity primary key, name text);
create view public.fresh_view as select 1 as one;
create function public.fresh_function() returns integer language sql set search_path = '' as 'select 1';
create function private.fresh_function() returns integer language sql set search_path = '' as 'select 1';
select is_empty(
    $$
    select roles.name, relations.name, verbs.verb
    from unnest(array['anon', 'authenticated', 'service_role']) as roles (name)
    cross join unnest(array['public.fresh', 'public.fresh_view']) as relations (name)
    cross join unnest(
        array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']
    ) as verbs (verb)
    where has_table_privilege(roles.name, relations.name, verbs.verb)
    union all
    select roles.name, 'fresh_id_seq', verbs.verb
    from unnest(array['anon', 'authenticated', 'service_role']) as roles (name)
    cross join unnest(array['usage', 'select', 'update']) as verbs (verb)
    where has_sequence_privilege(roles.name, 'public.fresh_id_seq', verbs.verb)
    union all
    select roles.name, functions.name, 'execute'
    from unnest(array['anon', 'authenticated', 'service_role']) as roles (name)
    cross join unnest(array['public.fresh_function()', 'private.fresh_function()']) as functions (name)
    where has_function_privilege(roles.name, functions.name, 'execute')
    $$,
    'a new table, view, sequence or function is closed until something is granted'
);
drop view public.fresh_view;
drop table public.fresh;
drop function public.fresh_function(), private.fresh_function();

-- Dynamic SQL

select bag_eq(
    $$ select name from tests.sources where source ~* '\mexecute\M' $$,
    array[
        'close_partition', 'create_evidence_partition', 'drop_evidence_month', 'hide_texts',
        'read_evidence', 'run_job'
    ],
    'few functions build statements, of the names of partitions, columns and jobs'
);

select is_empty(
    $$
    select name
    from tests.sources
    where
        source ~* '\mexecute\M'
        and (
            has_function_privilege('authenticated', oid, 'execute')
            or has_function_privilege('service_role', oid, 'execute')
        )
    $$,
    'and no client calls them'
);

select is_empty(
    $$
    select sources.oid::regprocedure, arguments.name
    from tests.sources
    cross join unnest(sources.proargnames) as arguments (name)
    where
        (
            has_function_privilege('authenticated', sources.oid, 'execute')
            or has_function_privilege('service_role', sources.oid, 'execute')
        )
        and arguments.name ~ '(table|column|relation|schema)_?name'
    union all
    select procedures.oid::regprocedure, types.id::regtype::text
    from pg_proc as procedures
    cross join unnest(procedures.proargtypes::oid[]) as types (id)
    where
        procedures.oid in (select sources.oid from tests.sources)
        and (
            has_function_privilege('authenticated', procedures.oid, 'execute')
            or has_function_privilege('service_role', procedures.oid, 'execute')
        )
        and types.id in (
            'regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'name'::regtype, 'refcursor'::regtype
        )
    $$,
    'nothing that a client calls takes the name of a table or column'
);

select is_empty(
    $$
    select name
    from tests.sources
    where source ~* any(array[
        '\m(query|cursor|table|schema|database)_to_xml', '\mdblink', '\mpg_read_', '\mpg_ls_', '\mlo_(im|ex)port',
        '\mcopy\M.*\m(from|to)\M\s+(program|stdin|stdout|'')', '\mnet\.http', '\mset_config\(\s*''(role|session_authorization)',
        '\mxpath\(', '\mxmlparse', '::xml\M'
    ])
    $$,
    'nothing reads files, reaches another server, takes another role or parses XML'
);

-- Patterns. What tenants write as a pattern is RE2 and JSONPath, and the worker's; PostgreSQL's own
-- engine backtracks on some, so it gets patterns of ours only.

create function tests.foreign_patterns(source text)
returns setof text
language sql
as $function$
    select found.piece[1]
    from regexp_matches(
        foreign_patterns.source,
        '(\s!?~\*?\s+[^''\s][^\s]*'
        || '|\m(?:i?like|similar to)\s+[^''\s][^\s]*'
        || '|\m(?:to|plainto|phraseto|websearch_to)_ts(?:query|vector)\('
        || '|::jsonpath|@[?@]\s+[^''\s][^\s]*'
        || '|(?:\s!?~\*?\s+|\mregexp_[a-z_]+\([^'';]+,\s*)''[^'']*''\s*\|\|\s*[a-z][^\s]*'
        || '|\mregexp_[a-z_]+\(\s*[a-z_.#>{}'' ()]+,\s*[^''\s0-9][^\s]*'
        || '|\mjsonb_path_[a-z_]+\(\s*[a-z_.#>{}'' ()-]+,\s*[^''\s][^\s]*)', 'g'
    ) as found (piece);
$function$;

select results_eq(
    $$
    select btrim(pieces.piece) from tests.foreign_patterns(
        'a ~ b and c ~ ''d'' and e like f and g ilike ''h'' and regexp_replace(i, j, '''') = regexp_replace(k, ''l'', '''')'
        || ' and regexp_match(m, ''^'' || n) is null and o @? p and q @? ''r'' '
    ) as pieces (piece)
    $$,
    array['~ b', 'like f', 'regexp_replace(i, j,', 'regexp_match(m, ''^'' || n)', '@? p'],
    'a pattern that is no literal is recognised'
);

select set_eq(
    $$
    select sources.name
    from tests.sources
    cross join tests.foreign_patterns(sources.source) as pieces (piece)
    $$,
    array[
        -- put together of constants, too long for a line
        'field_problem', 'find_brackets_fault', 'schema_keyword_problem', 'topic_id',
        'path_tokens', 'pattern_tokens', 'percent_forms', 'hide_numbers',
        'path_problem', -- a hint that speaks of what paths look like
        'redact_text', -- of a secret that is digits, between constants
        'create_evidence_partition' -- create table ... (like ...)
    ],
    'every pattern that PostgreSQL is given is ours'
);

-- Time: how long a client may keep the database busy with one call.

select set_eq(
    $$
    select sources.name, settings.setting
    from tests.sources
    cross join unnest(sources.proconfig) as settings (setting)
    where settings.setting <> 'search_path=""'
    $$,
    $$ values
    ('queue_run', 'statement_timeout=60s'), ('queue_runs', 'statement_timeout=60s'),
    ('rerun_failed', 'statement_timeout=60s'), ('plan_run', 'statement_timeout=60s'),
    ('get_test_execution_chain', 'statement_timeout=60s'),
    ('hold_rooms', 'lock_timeout=2s'), ('drop_evidence_month', 'lock_timeout=100ms'),
    ('close_partition', 'lock_timeout=100ms'), ('apply_retention', 'statement_timeout=60s')
    $$,
    'five functions, which plan whole runs, and one that waits for locks may take a minute, some wait for locks less long; the '
    'others what the platform gives'
);

-- Names that are SQL, formats, patterns or escapes stay names.

create table tests.odd_names (name text);
grant select on tests.odd_names to public;
insert into tests.odd_names (name)
values
('''; drop table public.test_cases; --'), ('" or 1=1 --'), ('$$ select 1 $$'), ('%s %I %L %1$s'),
('\'' \" \\ \n \x41'), ('a/b/../c'), ('{"a": [1, null]}'), ('(,"",\")'), ('[a-z]+(.*)*$'), ('%_%'), ('ⅷ ＇ ’ ʼ'),
('*'), ('select'), ('null'), ('public.test_cases'), ('NaN'), ('<b>&amp;'), ('?select=*&x=eq.1'),
(e'line\nline\ttab');

select tests.act_as('olga');
select set_eq(
    $$ select (public.create_organization(odd.name)).name from tests.odd_names as odd $$,
    $$ select odd.name from tests.odd_names as odd $$,
    'an organization may have any of them'
);

create temporary table saved as
select
    odd.name,
    public.save_suite(jsonb_build_object(
        'project', tests.id('shop'), 'name', odd.name, 'description', odd.name,
        'fixtures', jsonb_build_array(jsonb_build_object(
            'name', odd.name,
            'rows', jsonb_build_array(jsonb_build_object('key', 'row', 'values', '{}'::jsonb))
        )),
        'tests', jsonb_build_array(
            jsonb_build_object(
                'name', odd.name, 'description', odd.name, 'tags', jsonb_build_array(odd.name),
                'fixture', odd.name, 'request', jsonb_build_object('path', '/')
            ),
            jsonb_build_object(
                'name', odd.name || ' 2', 'request', jsonb_build_object('path', '/'),
                'depends_on', jsonb_build_array(jsonb_build_object('test', odd.name, 'kind', 'order'))
            )
        )
    )) as document
from tests.odd_names as odd;
select results_eq(
    $$
    select array[
        documents.test ->> 'name', documents.test ->> 'description', documents.test #>> '{tags,0}',
        documents.test ->> 'fixture'
    ]
    from saved
    cross join lateral (select public.get_test((saved.document #>> '{tests,0,id}')::uuid) as test) as documents
    order by saved.name
    $$,
    $$ select array_fill(saved.name, array[4]) from saved order by saved.name $$,
    'a suite, a test, a tag and a fixture may, and are found again by them'
);
select results_eq(
    $$
    select public.get_test((saved.document #>> '{tests,1,id}')::uuid) #>> '{depends_on,0,test}'
    from saved order by saved.name
    $$,
    $$ select saved.document #>> '{tests,0,id}' from saved order by saved.name $$,
    'as what another test waits for, too'
);
select results_eq(
    $$
    select (public.queue_run(
        tests.id('staging'), jsonb_build_object('tags', jsonb_build_array(saved.name)), '{}', saved.name
    )).total_count
    from saved order by saved.name
    $$,
    $$ select 1 from saved $$, 'a tag selects its test and no other, under any key'
);
select tests.act_as_owner();

select * from finish();
rollback;
