-- What the planner may remember of texts: nothing, since its estimates are told to strangers.
-- Depends on: schemas. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.hide_texts(relation regclass)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_column name;
begin
    for v_column in
        select columns.attname
        from pg_catalog.pg_attribute as columns
        where
            columns.attrelid = hide_texts.relation
            and columns.attnum > 0
            and not columns.attisdropped
            and columns.attstattarget is distinct from 0
            and columns.atttypid = any(array['text', 'bytea', 'text[]']::regtype[])
            -- one of a few words, which everybody knows
            and not exists (
                select
                from pg_catalog.pg_constraint as constraints
                where
                    constraints.conrelid = columns.attrelid
                    and constraints.conkey = array[columns.attnum]
                    and pg_catalog.pg_get_constraintdef(constraints.oid) ~ '= ANY \(ARRAY\['
            )
    loop
        execute format(
            'alter table %s alter column %I set statistics 0', hide_texts.relation, v_column
        );
    end loop;
end;
$function$;
comment on function private.hide_texts(regclass) is
$comment$Keep no statistics of the texts in a table, but for those that are one of a list of words.

REST tells everybody how many rows the planner expects ("Prefer: count=planned"), and the planner
looks at samples of all rows for =, <, > and their like, whatever row level security says: a stranger
could halve the alphabet until a name or an address of somebody else stands there. Of ids, numbers
and times they are kept, for the sake of the plans: docs/security.md.$comment$;
