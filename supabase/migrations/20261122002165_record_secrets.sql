-- The audit trail of what no row shows: another value of a secret, other hosts.
-- Depends on: audit, secret_hosts. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.record_secret(
    secret_id uuid, verb text, before_hosts text[], after_hosts text[]
)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    insert into public.data_changes (
        organization_id, project_id, user_id, user_role, key_kind, table_name, row_id, verb,
        before, after
    )
    select
        projects.organization_id,
        projects.id,
        auth.uid(),
        members.role,
        private.key_kind(),
        'environment_variables',
        variables.id,
        record_secret.verb,
        told.names || jsonb_build_object('allowed_hosts', record_secret.before_hosts),
        told.names || jsonb_build_object('allowed_hosts', record_secret.after_hosts)
    from public.environment_variables as variables
    inner join public.projects on projects.id = variables.project_id
    left join public.organization_members as members
        on
            members.organization_id = projects.organization_id
            and members.user_id = (select auth.uid())
    cross join lateral (
        select jsonb_build_object(
            'environment_id', variables.environment_id, 'name', variables.name
        ) as names
    ) as told
    where variables.secret_id = record_secret.secret_id;
$function$;
comment on function private.record_secret(uuid, text, text[], text[]) is
$comment$Write into the audit trail that a secret got another value, or other hosts.

verb: set_secret or set_secret_hosts, as in data_changes.verb. The hosts: before and after.$comment$;
