-- No statistics of texts, in any table; partitions that are made later see to themselves.
-- Depends on: all tables. Locks: each table, briefly, against maintenance only.
set lock_timeout = '2s';
set statement_timeout = '30s';

select private.hide_texts(relations.oid)
from pg_class as relations
where
    relations.relkind in ('r', 'p')
    and relations.relnamespace in ('public'::regnamespace, 'private'::regnamespace);
