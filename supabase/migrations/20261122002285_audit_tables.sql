-- Which tables are under audit: all that people or the secret key write.
-- Depends on: record_changes, all tables of configuration. Locks: those tables, briefly.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- A new table of configuration gets a line here; tests/sql/audit_tables.test.sql asks for it.
do $triggers$
declare
    v_table record;
    v_event record;
begin
    for v_table in
        select
            tables.name,
            tables.arguments
        from (
            values
            ('organizations', '{id,id,name}'::text[]),
            ('organization_members', '{user_id,organization_id}'),
            ('organization_invitations', '{id,id,role}'),
            ('organization_limits', '{organization_id,organization_id}'),
            ('organization_retention', '{organization_id,tier}'),
            ('projects', '{id,id,name}'),
            ('api_credentials', '{id,id,name}'),
            ('api_endpoints', '{id,id,method,path}'),
            ('test_suites', '{id,id,name}'),
            ('test_cases', '{id,id,suite_id,name}'),
            ('test_request_configs', '{test_case_id,test_case_id}'),
            ('test_response_specs', '{test_case_id,test_case_id}'),
            ('test_dependencies', '{test_case_id,depends_on_id}'),
            ('test_data_fixtures', '{id,id,name}'),
            ('fixture_usage', '{test_case_id,test_case_id}'),
            ('environments', '{id,id,name}'),
            ('environment_variables', '{id,id,environment_id,name}'),
            ('notification_channels', '{id,id,name}'),
            ('notification_rules', '{id,id,channel_id,name}'),
            ('test_quarantines', '{id,id,test_case_id,environment_id}')
        ) as tables (name, arguments)
    loop
        for v_event in
            select
                events.verb,
                events.transition
            from (
                values
                ('insert', 'new table as new_rows'),
                ('update', 'old table as old_rows new table as new_rows'),
                ('delete', 'old table as old_rows')
            ) as events (verb, transition)
        loop
            -- one trigger for each verb: transition tables ask for it
            execute format(
                'create trigger %I after %s on public.%I referencing %s for each statement '
                'execute function private.record_changes(%s)',
                't900_record_' || v_event.verb, v_event.verb, v_table.name, v_event.transition,
                (
                    select string_agg(quote_literal(arguments.argument), ', ')
                    from unnest(v_table.arguments) as arguments (argument)
                )
            );
        end loop;
    end loop;
end;
$triggers$;
