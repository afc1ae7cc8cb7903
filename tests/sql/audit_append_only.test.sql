-- The audit trail: who reads it, that nobody changes it, and how long it is kept.
begin;
\ir _lib/people.psql
\ir _lib/factories.psql
select plan(36);

-- A row of a given age, as the owner of the table may write it.
create function tests.age_change(organization text, days integer, verb text default 'delete')
returns void
language sql
as $function$
    insert into public.data_changes (
        organization_id, changed_at, key_kind, table_name, row_id, verb, before, after
    )
    values (
        tests.id(age_change.organization), now() - make_interval(days => age_change.days), 'direct',
        'environment_variables', tests.id(age_change.days::text), age_change.verb,
        '{"name": "a", "value": "old"}', null
    );
$function$;

create function tests.ages(organization text)
returns setof integer
language sql
security definer
as $function$
    select extract(day from now() - changes.changed_at)::integer
    from public.data_changes as changes
    where changes.organization_id = tests.id(ages.organization);
$function$;

-- Who reads

create function tests.seen_organizations()
returns setof text
language sql
as $function$
    select distinct changes.organization_id::text from public.data_changes as changes
$function$;

select tests.act_as('olga');
select bag_eq(
    'select tests.seen_organizations()', array[tests.id('acme')::text], 'an owner reads their own trail'
);
select tests.act_as('adam');
select bag_eq('select tests.seen_organizations()', array[tests.id('acme')::text], 'so does an admin');
select tests.act_as('eda');
select is_empty('select tests.seen_organizations()', 'an editor reads none');
select tests.act_as('vera');
select is_empty('select tests.seen_organizations()', 'nor does a viewer');
select tests.act_as('otto');
select bag_eq(
    'select tests.seen_organizations()', array[tests.id('other')::text], 'a stranger reads their own'
);
select tests.act_as_service();
select bag_eq(
    'select tests.seen_organizations()', array[tests.id('acme')::text, tests.id('other')::text],
    'the secret key reads all'
);

-- Who writes

select tests.act_as_owner();
create function tests.writing(verb text)
returns text
language sql
as $function$
    select case writing.verb
        when 'insert' then format(
            $$insert into public.data_changes (organization_id, key_kind, table_name, row_id, verb, after)
            values (%L, 'direct', 'projects', %L, 'insert', '{}')$$, tests.id('acme'), tests.id('x')
        )
        when 'update' then 'update public.data_changes set user_id = null where true'
        when 'delete' then 'delete from public.data_changes where true'
        when 'truncate' then 'truncate public.data_changes'
    end;
$function$;

select tests.act_as('olga');
select throws_ok(tests.writing(verbs.verb), '42501', null, format('an owner may not %s', verbs.verb))
from unnest(array['insert', 'update', 'delete', 'truncate']) as verbs (verb);
select tests.act_as_service();
select throws_ok(tests.writing(verbs.verb), '42501', null, format('the secret key may not %s', verbs.verb))
from unnest(array['insert', 'update', 'delete', 'truncate']) as verbs (verb);
select tests.act_as_owner();
select is(
    tests.slug_of(tests.writing(verbs.verb)), 'audit_append_only',
    format('who owns the table may not %s', verbs.verb)
)
from unnest(array['update', 'delete', 'truncate']) as verbs (verb);

select tests.age_change('acme', 1);
select is(
    tests.slug_of(changes.statement), changes.slug, format('of a plain variable: %s', changes.statement)
)
from (
    values
    ('update public.data_changes set before = before || ''{"value": "new"}'' where before ->> ''name'' = ''a''', 'audit_append_only'),
    ('update public.data_changes set before = before || ''{"name": "[redacted]"}'' where before ->> ''name'' = ''a''', 'audit_append_only'),
    ('update public.data_changes set before = before || ''{"value": "[redacted]"}'', user_id = null, verb = ''update'' where before ->> ''name'' = ''a''', 'audit_append_only'),
    ('update public.data_changes set before = before || ''{"value": "[redacted]"}'' where before ->> ''name'' = ''a''', null)
) as changes (statement, slug);

-- How long

select tests.age_change('acme', days.days) from unnest(array[35, 399, 401]) as days (days);
select tests.age_change('other', days.days) from unnest(array[35, 401]) as days (days);
select tests.age_change('purged', days.days) from unnest(array[399, 401]) as days (days);
select is(
    tests.slug_of('delete from public.data_changes where changed_at < now() - interval ''398 days'''),
    'audit_append_only', 'one row that is too young keeps its statement from deleting'
);
select is(
    tests.slug_of('delete from public.data_changes where changed_at < now() - interval ''400 days'''),
    null, 'what has been kept for its time may be deleted'
);
select tests.age_change(names.name, 401) from unnest(array['acme', 'other', 'purged']) as names (name);
select is(
    array[private.prune_changes(2), private.prune_changes(2), private.prune_changes(2)],
    array[2::bigint, 1, 0], 'and goes by itself, so many at a time'
);
select bag_eq(
    $$ select days from tests.ages('acme') as days where days > 1 $$, array[35, 399],
    'younger rows stay'
);
select bag_eq(
    $$ select tests.ages('purged') $$, array[399],
    'those of an organization that is gone are kept as long'
);

create function tests.keeping(days integer)
returns text
language sql
as $function$
    select format(
        'update public.organizations set audit_retention_days = %s where id = %L', keeping.days, tests.id('acme')
    );
$function$;

select tests.act_as('olga');
select throws_ok(tests.keeping(500), '42501', null, 'a tenant does not say for how long');
select tests.act_as_service();
select throws_ok(tests.keeping(29), '23514', null, 'nobody keeps less than 30 days');
select lives_ok(tests.keeping(30), 'the secret key says for how long');
select tests.act_as_owner();
select is(private.prune_changes(), 2::bigint, 'and it is kept no longer');
select bag_eq(
    $$ select days from tests.ages('other') as days where days > 1 $$, array[35], 'another''s is, as before'
);

-- How fast: the questions that people ask, over a trail of many tenants.

insert into public.data_changes (
    organization_id, changed_at, user_id, key_kind, table_name, row_id, verb, after
)
select
    tests.id((numbers.n % 50)::text), now() - numbers.n * interval '1 minute', tests.id((numbers.n % 7)::text),
    'signed_in', 'test_cases', tests.id(numbers.n::text), 'update', '{}'
from generate_series(1, 20000) as numbers (n);
analyze public.data_changes;

-- The index that a question is answered with, as somebody who manages.
create function tests.index_for(condition text)
returns text
language plpgsql
as $function$
declare
    v_plan jsonb;
begin
    execute format(
        'explain (format json) select * from public.data_changes where %s order by id desc limit 50',
        index_for.condition
    )
    into v_plan;
    return (
        select string_agg(distinct names.name #>> '{}', ', ')
        from jsonb_path_query(v_plan, '$.**."Index Name"') as names (name)
        where names.name #>> '{}' like 'data_changes%'
    );
end;
$function$;

select tests.act_as('olga');
select is(
    tests.index_for(replace(questions.condition, '$1', quote_literal(tests.id('1')))), questions.index_name,
    questions.question || ' is looked up'
)
from (
    values
    ('what happened last', 'organization_id = $1', 'data_changes_organization_id_idx'),
    ('what came before', 'organization_id = $1 and id < 10000', 'data_changes_organization_id_idx'),
    ('what became of a row', 'row_id = $1', 'data_changes_row_id_idx'),
    ('who did what', 'organization_id = $1 and user_id = $1', 'data_changes_user_id_idx'),
    (
        'what was done when', 'organization_id = $1 and changed_at < now() - interval ''13 days''',
        'data_changes_changed_at_idx'
    )
) as questions (question, condition, index_name);
select tests.act_as_owner();

select * from finish();
rollback;
