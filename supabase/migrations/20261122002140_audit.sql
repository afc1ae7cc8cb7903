-- The audit trail: who may read it, why nobody may change it, and how long it is kept.
-- Depends on: tenancy. Locks: organizations, briefly, to add a column.
set lock_timeout = '2s';
set statement_timeout = '30s';

alter table public.organizations
add column audit_retention_days integer not null default 400,
add constraint organizations_audit_retention_days_check check (
    audit_retention_days between 30 and 3660
);
comment on column public.organizations.audit_retention_days is
$comment$Days for which rows of data_changes are kept: 30 to 3,660. Set with the secret key: a
tenant that could shorten it could remove its own traces.$comment$;

create table public.data_changes (
    id bigint generated always as identity primary key,
    organization_id uuid not null,
    project_id uuid,
    changed_at timestamptz not null default now(),
    transaction_id bigint not null default pg_current_xact_id()::text::bigint,
    user_id uuid,
    user_role text,
    key_kind text not null,
    table_name text not null,
    row_id uuid not null,
    verb text not null,
    before jsonb,
    after jsonb,
    constraint data_changes_key_kind_check check (
        key_kind in ('publishable', 'signed_in', 'secret', 'direct')
    ),
    constraint data_changes_verb_check check (
        verb in (
            'insert', 'update', 'delete', 'set_secret', 'rotate_secret', 'delete_secret',
            'set_secret_hosts'
        )
    ),
    constraint data_changes_sides_check check (num_nonnulls(before, after) > 0)
);
comment on table public.data_changes is
$comment$The audit trail: one row for each row of configuration, membership or secrets that changed.

Written by triggers in the transaction of the change, never changed, and removed only when
organizations.audit_retention_days have passed. No foreign keys: it outlives what it tells of, the
account and the organization included. Read by owners and admins. Reference:
docs/security.md.$comment$;
comment on column public.data_changes.id is
'Rises with time, with gaps; rows of transactions that overlap may be out of order.';
comment on column public.data_changes.organization_id is 'The tenant.';
comment on column public.data_changes.project_id is
'The project; null for what belongs to the organization.';
comment on column public.data_changes.changed_at is 'When the transaction of the change began.';
comment on column public.data_changes.transaction_id is
$comment$What was done by one call has one transaction_id and one changed_at. After a restore from a
dump the numbers begin anew.$comment$;
comment on column public.data_changes.user_id is
'users.id of the signed-in user; null for keys without a user. Kept when the account is deleted.';
comment on column public.data_changes.user_role is
'The role of the user in the organization just then, before the change; null for none.';
comment on column public.data_changes.key_kind is
$comment$How the caller came: signed_in, secret (the secret key), publishable (a key without a
user), or direct: a connection to the database, cron and the sign-in service included.$comment$;
comment on column public.data_changes.table_name is 'The table, in schema public.';
comment on column public.data_changes.row_id is
$comment$The row: its id; for the parts of a test (requests, expectations, dependencies, fixtures)
the test; for a member the user; for limits the organization.$comment$;
comment on column public.data_changes.verb is
$comment$insert, update or delete; or, for variables that are secrets, set_secret, rotate_secret,
set_secret_hosts or delete_secret.$comment$;
comment on column public.data_changes.before is
$comment$Of an update the columns that changed, as they were, and those that tell the row; of a
delete all that had a value. Null for an insert. Secrets read [redacted], and beyond 64 KB a long
column reads {"[cut]": {"bytes", "sha256"}}.$comment$;
comment on column public.data_changes.after is
'As before, after the change. Null for a delete.';
create index data_changes_organization_id_idx on public.data_changes (organization_id, id desc);
create index data_changes_user_id_idx on public.data_changes (organization_id, user_id, id desc);
create index data_changes_row_id_idx on public.data_changes (row_id, id desc);
create index data_changes_changed_at_idx on public.data_changes (organization_id, changed_at);
comment on index public.data_changes_changed_at_idx is
'For questions about a time, and for prune_changes.';

alter table public.data_changes enable row level security;
grant select on public.data_changes to authenticated, service_role;

create policy data_changes_select_manager on public.data_changes
for select to authenticated
using (organization_id = any(array(select private.my_managed_organization_ids())));

create function private.kept_since(organization_id uuid)
returns timestamptz
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return now() - make_interval(days => coalesce(
        (
            select organizations.audit_retention_days
            from public.organizations
            where organizations.id = kept_since.organization_id
        ),
        400 -- the default outlives the organization
    ));
end;
$function$;
comment on function private.kept_since(uuid) is
'From when on the audit trail of an organization is kept; of a purged one for 400 days.';

create function private.refuse_audit_change()
returns trigger
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    raise exception using
        errcode = 'PT403',
        message = private.one_line(format('the audit trail is append-only: no %s', lower(tg_op))),
        detail = 'audit_append_only',
        hint = 'Rows go by themselves when organizations.audit_retention_days have passed.';
end;
$function$;
comment on function private.refuse_audit_change() is
'Raise PT403 audit_append_only. Trigger function.';

create function private.refuse_early_removal()
returns trigger
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if exists (
        select
        from (
            select
                removed.organization_id,
                max(removed.changed_at) as changed_at
            from removed
            group by removed.organization_id
        ) as newest
        where newest.changed_at >= private.kept_since(newest.organization_id)
    ) then
        raise exception using
            errcode = 'PT403',
            message = 'the audit trail is append-only: rows of it are not old enough to delete',
            detail = 'audit_append_only',
            hint = 'Rows go by themselves when organizations.audit_retention_days have passed.';
    end if;
    return null;
end;
$function$;
comment on function private.refuse_early_removal() is
$comment$Raise PT403 audit_append_only unless all rows that a statement deleted had been kept for
their time. Trigger function.$comment$;

-- The owner of the table included: who has all rights has no right to this either, short of
-- taking the trigger away. What may be done is told by the rows, not by a switch that could be set.
create trigger t100_refuse_early_removal
after delete on public.data_changes
referencing old table as removed
for each statement execute function private.refuse_early_removal();

create trigger t100_refuse_truncate
before truncate on public.data_changes
for each statement execute function private.refuse_audit_change();

-- the one change there may be: a value that has become a secret goes (private.scrub_variables)
create trigger t100_refuse_update
before update on public.data_changes
for each row when (
    old.table_name <> 'environment_variables'
    or (to_jsonb(old) - array['before', 'after']) <> (to_jsonb(new) - array['before', 'after'])
    or new.before is distinct from case
        when old.before ? 'value' then old.before || '{"value": "[redacted]"}'
        else old.before
    end
    or new.after is distinct from case
        when old.after ? 'value' then old.after || '{"value": "[redacted]"}'
        else old.after
    end
) execute function private.refuse_audit_change();

create function private.prune_changes(batch_size integer default 10000)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_count bigint;
begin
    with recursive tenants (organization_id) as (
        (
            select changes.organization_id
            from public.data_changes as changes
            order by changes.organization_id
            limit 1
        )
        union all
        -- from one tenant to the next by the index: as many steps as there are tenants
        select (
            select changes.organization_id
            from public.data_changes as changes
            where changes.organization_id > tenants.organization_id
            order by changes.organization_id
            limit 1
        )
        from tenants
        where tenants.organization_id is not null
    ),

    expired as materialized (
        select rows.id
        from tenants
        cross join lateral (select private.kept_since(tenants.organization_id) as since) as kept
        cross join lateral (
            select changes.id
            from public.data_changes as changes
            where
                changes.organization_id = tenants.organization_id
                and changes.changed_at < kept.since
            order by changes.changed_at
            limit prune_changes.batch_size
        ) as rows
        limit prune_changes.batch_size
    )

    delete from public.data_changes as changes
    using expired
    where changes.id = expired.id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$function$;
comment on function private.prune_changes(integer) is
$comment$Delete rows of the audit trail that have been kept for their time; how many.

Called by cron. batch_size: rows at most, so that no transaction of it is long.$comment$;
