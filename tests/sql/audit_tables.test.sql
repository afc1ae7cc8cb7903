-- Every table of configuration, membership or secrets is under audit.
begin;
\ir _lib/people.psql
select plan(4);

-- Tables in which nothing is configured: the mirror of accounts, and what the engine writes.
create table tests.unaudited (name text);
insert into tests.unaudited (name)
values
('users'), ('workers'), ('test_runs'), ('test_execution_context'), ('test_context_values'),
('test_results'), ('test_result_details'), ('assertion_results'), ('data_changes'),
('performance_changes'), ('performance_metrics'), ('platform_events'), ('test_ratings'), ('test_run_changes'), ('test_run_history'),
-- what people say of a failure is recorded by set_failure_status
('failure_analysis'), ('failure_tests');

create function tests.has_audit(relation regclass, verb text)
returns boolean
language sql
as $function$
    select exists (
        select
        from pg_trigger as triggers
        where
            triggers.tgrelid = has_audit.relation
            and triggers.tgfoid = 'private.record_changes'::regproc
            and triggers.tgenabled = 'O'
            and pg_get_triggerdef(triggers.oid) ~* format(
                'after %s on .* for each statement', has_audit.verb
            )
    );
$function$;

create function tests.missing_audit()
returns table (name text, verb text)
language sql
as $function$
    select relations.relname::text, verbs.verb
    from pg_class as relations
    cross join unnest(array['insert', 'update', 'delete']) as verbs (verb)
    where
        relations.relnamespace = 'public'::regnamespace
        and relations.relkind in ('r', 'p')
        and relations.relname::text not in (select unaudited.name from tests.unaudited)
        and not tests.has_audit(relations.oid, verbs.verb);
$function$;

select is_empty(
    $$ select * from tests.missing_audit() $$,
    'every table that people or the secret key write is audited (a line in audit_tables)'
);

select is_empty(
    $$
    select unaudited.name
    from tests.unaudited
    where to_regclass('public.' || unaudited.name) is null
    $$,
    'and those that are not exist'
);

-- a column that is not there would be null for every row, and no row would be told from another
select is_empty(
    $$
    select relations.relname, arguments.argument
    from pg_trigger as triggers
    inner join pg_class as relations on relations.oid = triggers.tgrelid
    cross join unnest(
        string_to_array(replace(encode(triggers.tgargs, 'escape'), '\000', ','), ',')
    ) as arguments (argument)
    where
        triggers.tgfoid = 'private.record_changes'::regproc
        and arguments.argument <> ''
        and not exists (
            select
            from pg_attribute as columns
            where columns.attrelid = triggers.tgrelid and columns.attname = arguments.argument
        )
    $$,
    'the columns that triggers are given exist'
);

create table public.new_table (id uuid primary key);
select results_eq(
    $$ select * from tests.missing_audit() $$,
    $$ values ('new_table', 'insert'), ('new_table', 'update'), ('new_table', 'delete') $$,
    'a new table without them is noticed'
);

select * from finish();
rollback;
