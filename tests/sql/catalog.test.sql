-- The rules of the house that the catalog can answer: comments, RLS, grants, pinned search paths.
begin;
\ir _lib/people.psql
select plan(27);

create function tests.is_ours(namespace oid)
returns boolean
language sql
as $function$ select is_ours.namespace in ('public'::regnamespace, 'private'::regnamespace) $function$;

-- Comments

select isnt(
    obj_description('private'::regnamespace, 'pg_namespace'), null,
    'the private schema says what it is'
);

select is_empty(
    $$
    select relations.oid::regclass
    from pg_class as relations
    where
        tests.is_ours(relations.relnamespace)
        and relations.relkind in ('r', 'p', 'v', 'm')
        and obj_description(relations.oid, 'pg_class') is null
    $$,
    'every table and view has a comment'
);

select is_empty(
    $$
    select relations.oid::regclass, columns.attname
    from pg_class as relations
    inner join pg_attribute as columns on columns.attrelid = relations.oid
    where
        tests.is_ours(relations.relnamespace)
        and relations.relkind in ('r', 'p', 'v', 'm')
        and not relations.relispartition -- said once, on the parent
        and columns.attnum > 0
        and not columns.attisdropped
        and col_description(relations.oid, columns.attnum) is null
    $$,
    'every column has a comment'
);

select is_empty(
    $$
    select procedures.oid::regprocedure
    from pg_proc as procedures
    where tests.is_ours(procedures.pronamespace) and obj_description(procedures.oid, 'pg_proc') is null
    $$,
    'every function has a comment'
);

select is_empty(
    $$
    select types.oid::regtype
    from pg_type as types
    inner join pg_class as relations on relations.oid = types.typrelid
    where
        tests.is_ours(types.typnamespace)
        and relations.relkind = 'c'
        and obj_description(types.oid, 'pg_type') is null
    $$,
    'every type has a comment'
);

-- Row level security

select is_empty(
    $$
    select relations.oid::regclass
    from pg_class as relations
    where
        tests.is_ours(relations.relnamespace)
        and relations.relkind in ('r', 'p')
        and not relations.relrowsecurity
    $$,
    'row level security is on for every table'
);

select is_empty(
    $$
    select policies.schemaname, policies.tablename, policies.policyname
    from pg_policies as policies
    where
        (policies.schemaname in ('public', 'private') or policies.policyname like 'assay%')
        and policies.cmd = 'ALL'
    $$,
    'no policy is for all verbs at once'
);

select is_empty(
    $$
    select policies.schemaname, policies.tablename, policies.policyname
    from pg_policies as policies
    where
        (policies.schemaname in ('public', 'private') or policies.policyname like 'assay%')
        and 'public' = any(policies.roles)
        and policies.qual is distinct from 'false'
    $$,
    'every policy that lets anything through names its roles'
);

select is_empty(
    $$
    select policies.tablename, policies.policyname
    from pg_policies as policies
    where
        policies.schemaname = 'public'
        and policies.cmd in ('INSERT', 'UPDATE')
        and policies.with_check is null
    $$,
    'every policy that writes checks what it writes'
);

select is_empty(
    $$
    select policies.tablename, policies.policyname
    from pg_policies as policies
    where
        policies.schemaname = 'private'
        and (policies.qual is distinct from 'false' or policies.cmd <> 'SELECT')
    $$,
    'no policy opens a table of the engine'
);

select is_empty(
    $$
    select relations.oid::regclass
    from pg_class as relations
    where
        tests.is_ours(relations.relnamespace)
        and relations.relkind in ('v', 'm')
        and (relations.reloptions @> '{security_invoker=on}') is not true
        and (relations.reloptions @> '{security_invoker=true}') is not true
    $$,
    'every view reads as its reader'
);

-- What a stranger could learn without reading a row

select is_empty(
    $$
    select indexes.indrelid::regclass, indexes.indexrelid::regclass
    from pg_index as indexes
    inner join pg_class as relations on relations.oid = indexes.indrelid
    where
        relations.relnamespace = 'public'::regnamespace
        and indexes.indisunique
        -- the constraint is met by what a client writes, not by what the engine makes up
        and not exists (
            select
            from pg_attribute as columns
            where
                columns.attrelid = indexes.indrelid
                and columns.attnum = any(indexes.indkey::smallint[])
                and (
                    columns.attname in ('organization_id', 'project_id')
                    or not has_column_privilege('authenticated', columns.attrelid, columns.attnum, 'insert, update')
                )
        )
    $$,
    'no client is told that a value is taken in another organization'
);

select is_empty(
    $$
    select columns.attrelid::regclass, columns.attname
    from pg_class as relations
    inner join pg_attribute as columns on columns.attrelid = relations.oid
    where
        tests.is_ours(relations.relnamespace)
        and relations.relkind in ('r', 'p')
        and columns.attnum > 0
        and not columns.attisdropped
        and columns.atttypid in ('text'::regtype, 'varchar'::regtype, 'bytea'::regtype, 'text[]'::regtype)
        and columns.attstattarget is distinct from 0
        and not exists (
            select
            from pg_constraint as constraints
            where
                constraints.conrelid = columns.attrelid
                and constraints.conkey = array[columns.attnum]
                and pg_get_constraintdef(constraints.oid) ~ '= ANY \(ARRAY\['
        )
    $$,
    'the planner keeps no samples of texts, which its estimates would tell (private.hide_texts)'
);

-- Functions

select is_empty(
    $$
    select procedures.oid::regprocedure
    from pg_proc as procedures
    where
        tests.is_ours(procedures.pronamespace)
        and (procedures.proconfig @> array['search_path=""']) is not true
    $$,
    'every function pins an empty search path'
);

select is_empty(
    $$
    select procedures.proname
    from pg_proc as procedures
    where procedures.pronamespace = 'public'::regnamespace
    group by procedures.proname
    having count(*) > 1
    $$,
    'no function of the interface has an overload'
);

select is_empty(
    $$
    select procedures.oid::regprocedure
    from pg_proc as procedures
    where procedures.pronamespace = 'public'::regnamespace and procedures.prosecdef
    $$,
    'no function of the interface runs as its owner'
);

select is_empty(
    $$
    select procedures.oid::regprocedure
    from pg_proc as procedures
    where
        tests.is_ours(procedures.pronamespace)
        and procedures.prosrc ~* '40001|serialization_failure'
    $$,
    'no function raises 40001, which clients would take for a reason to repeat'
);

-- The hosted platform refuses UPDATE and DELETE without WHERE. A change ends at a semicolon, at
-- returning, or with the parenthesis of its common table expression.
create function tests.unbounded_changes(source text)
returns setof text
language sql
as $function$
    select pieces.piece
    from regexp_split_to_table(
        regexp_replace(unbounded_changes.source, '--[^\n]*', '', 'g'),
        ';|\mreturning\M|\n    \)(,|\n)'
    ) as pieces (piece)
    where
        pieces.piece ~ '\m(update|delete from)\s+(public|private|vault|realtime|cron)\.'
        and pieces.piece !~ '\m(update|delete from)\s+(public|private|vault|realtime|cron)\..*\mwhere\M';
$function$;

select results_eq(
    $$
    select count(*)
    from tests.unbounded_changes(
        'update public.a set b = 1; delete from private.c; delete from public.d where e;'
    )
    $$,
    array[2::bigint],
    'a change without where is recognised'
);

select is_empty(
    $$
    select procedures.oid::regprocedure, changes
    from pg_proc as procedures
    cross join tests.unbounded_changes(procedures.prosrc) as changes
    where tests.is_ours(procedures.pronamespace)
    $$,
    'no function changes a whole table'
);

select is_empty(
    $$
    select procedures.oid::regprocedure
    from pg_proc as procedures
    where
        tests.is_ours(procedures.pronamespace)
        and procedures.prosrc ~ 'raise exception using[^;]*message = (?!''[^'']*'',|private\.one_line\()'
    $$,
    'what a message quotes is told on one line: it stands in the status line of the answer'
);

-- Who may call what; of the interface: docs/security.md, which test_security_matrix.py tries

select bag_eq(
    $$
    select procedures.proname::text
    from pg_proc as procedures
    where
        procedures.pronamespace = 'private'::regnamespace
        and has_function_privilege('authenticated', procedures.oid, 'execute')
    $$,
    $$ values
    ('delete_notification_channel'), ('is_time_zone'), ('list_deliveries'), ('rule_problem'),
    ('save_notification_channel'), ('test_notification_channel'), ('told_event_names'),
    ('are_labels'), ('claim_work'), ('register_worker'), ('release_work'), ('renew_work'),
    ('report_work'), ('revoke_runner'), ('get_wakeup_topics'),
    ('accept_invitation'), ('invite_member'), ('leave_organization'), ('remove_member'),
    ('revoke_invitation'), ('set_member_role'), ('transfer_ownership'),
    ('aggregate_test_metrics'), ('clear_run_context'), ('get_aggregated_context'), ('get_context_stats'), ('detect_performance_regressions'), ('get_test_readiness'),
    ('describe_changes'), ('describe_comparison'), ('describe_mark'), ('find_story'), ('read_story'),
    ('list_secrets'), ('page_limit'), ('set_secret_hosts'), ('update_test_run_context'),
    ('accept'), ('add_tests'), ('assertion_problem'), ('assertions_problem'), ('auth_problem'), ('body_problem'),
    ('cancel_run'), ('capture_problem'), ('captures_problem'), ('compile_templates'),
    ('create_organization'), ('credential_problem'), ('delete_secret'), ('document_fields'),
    ('draft_fault'), ('expected_fault'), ('explain_rule'), ('field_problem'),
    ('get_organization_usage'), ('set_retention'), ('get_retention_report'), ('one_line'), ('expressions_problem'), ('is_plain_path'), ('known_anchors'), ('length_problem'),
    ('list_problem'), ('schema_patterns_problem'), ('size_problem'),
    ('find_brackets_fault'), ('find_path_fault'), ('find_pattern_fault'), ('find_project'),
    ('find_run'), ('find_suite'), ('find_templates'), ('fixture_problem'), ('fixture_row_problem'),
    ('explain_wait'), ('list_workers'), ('pause_project'), ('resume_project'),
    ('detect_flaky_tests'), ('quarantine_test'), ('release_test'),
    ('analyse_failures'), ('list_failures'), ('run_failures'), ('set_failure_status'),
    ('get_test_execution_chain'), ('has_worker'), ('idempotency_problem'), ('identify_tests'), ('is_list_of_texts'), ('is_name'), ('is_number_within'),
    ('is_open'), ('is_operator'), ('is_role'), ('keyword_fault'), ('link_tests'), ('lookup_members'),
    ('lookup_problem'), ('my_colleague_ids'), ('my_edited_organization_ids'),
    ('my_edited_project_ids'), ('my_managed_organization_ids'), ('my_managed_project_ids'),
    ('my_organization_ids'), ('my_project_ids'), ('my_runner_organization_ids'),
    ('named_dependencies'), ('next_path_state'),
    ('pairs_problem'), ('parse_filter'), ('parse_placeholder'), ('parse_template'),
    ('path_problem'), ('path_tokens'), ('pattern_problem'), ('pattern_tokens'), ('place_problem'),
    ('plan_run'), ('pointer_to'), ('queue_run'), ('queue_runs'), ('raise_placed'),
    ('reference_fault'), ('refuse_malformed_document'), ('refuse_malformed_suite'),
    ('refuse_malformed_test'), ('refuse_unidentified'), ('require_editor'), ('required_fields'),
    ('rerun_failed'), ('retry_problem'), ('rotate_secret'), ('save_tests'),
    ('schema_keyword_problem'), ('schema_parts'), ('schema_problem'), ('set_secret'), ('stand_in'),
    ('stranger_problem'), ('template_problem'), ('token_fault'), ('topic_id'),
    ('variables_problem'), ('write_fixtures'), ('write_suite'), ('write_tests')
    $$,
    'of the engine a signed-in user may call what policies, constraints and the interface call'
);

select bag_eq(
    $$
    select procedures.proname::text
    from pg_proc as procedures
    where
        procedures.pronamespace = 'private'::regnamespace
        and has_function_privilege('service_role', procedures.oid, 'execute')
    $$,
    $$ values
    ('delete_notification_channel'), ('is_time_zone'), ('list_deliveries'), ('rule_problem'),
    ('save_notification_channel'), ('test_notification_channel'), ('told_event_names'),
    ('are_labels'), ('revoke_runner'), ('get_wakeup_topics'),
    ('invite_member'), ('remove_member'), ('revoke_invitation'), ('set_member_role'),
    ('cleanup_expired_contexts'),
    ('aggregate_test_metrics'), ('clear_run_context'), ('get_aggregated_context'), ('get_context_stats'), ('detect_performance_regressions'), ('get_test_readiness'),
    ('describe_changes'), ('describe_comparison'), ('describe_mark'), ('find_story'), ('read_story'),
    ('list_secrets'), ('page_limit'), ('set_secret_hosts'), ('update_test_run_context'),
    ('accept'), ('add_tests'), ('assertion_problem'), ('assertions_problem'), ('auth_problem'), ('body_problem'),
    ('cancel_run'), ('capture_problem'), ('captures_problem'), ('claim_work'),
    ('compile_templates'), ('credential_problem'), ('delete_secret'), ('document_fields'),
    ('draft_fault'), ('expected_fault'), ('explain_rule'), ('field_problem'),
    ('get_organization_usage'), ('set_retention'), ('get_retention_report'),
    ('apply_retention'), ('list_archives'), ('open_archive'), ('read_archive_page'), ('keep_archive_part'),
    ('discard_archive_parts'), ('finish_archive'), ('one_line'), ('expressions_problem'), ('is_plain_path'), ('known_anchors'), ('length_problem'),
    ('list_problem'), ('schema_patterns_problem'), ('size_problem'),
    ('find_brackets_fault'), ('find_path_fault'), ('find_pattern_fault'), ('find_project'),
    ('find_run'), ('find_suite'), ('find_templates'), ('fixture_problem'), ('fixture_row_problem'),
    ('explain_wait'), ('list_workers'), ('pause_project'), ('resume_project'),
    ('detect_flaky_tests'), ('quarantine_test'), ('release_test'),
    ('analyse_failures'), ('list_failures'), ('run_failures'), ('set_failure_status'),
    ('get_test_execution_chain'), ('has_worker'), ('idempotency_problem'), ('identify_tests'), ('is_list_of_texts'), ('is_name'), ('is_number_within'),
    ('is_open'), ('is_operator'), ('is_role'), ('keyword_fault'), ('link_tests'), ('lookup_members'),
    ('lookup_problem'), ('named_dependencies'), ('next_path_state'), ('pairs_problem'),
    ('parse_filter'), ('parse_placeholder'), ('parse_template'), ('path_problem'), ('path_tokens'),
    ('pattern_problem'), ('pattern_tokens'), ('place_problem'), ('plan_run'), ('pointer_to'),
    ('queue_run'), ('queue_runs'), ('raise_placed'), ('reference_fault'),
    ('refuse_malformed_document'), ('refuse_malformed_suite'), ('refuse_malformed_test'),
    ('refuse_unidentified'), ('register_worker'), ('release_work'), ('renew_work'),
    ('report_work'), ('require_editor'), ('required_fields'), ('rerun_failed'), ('retry_problem'),
    ('rotate_secret'), ('save_tests'), ('schema_keyword_problem'), ('schema_parts'),
    ('schema_problem'), ('set_secret'), ('stand_in'), ('stranger_problem'), ('template_problem'),
    ('token_fault'), ('variables_problem'), ('write_fixtures'), ('write_suite'),
    ('write_tests')
    $$,
    'of the engine the secret key may call what constraints and the interface call'
);

select is_empty(
    $$
    select procedures.oid::regprocedure
    from pg_proc as procedures
    where
        tests.is_ours(procedures.pronamespace)
        and has_function_privilege('anon', procedures.oid, 'execute')
    $$,
    'whoever is not signed in may call nothing, and neither may public'
);

-- Who may touch what; tables of the interface likewise

select is_empty(
    $$
    select relations.oid::regclass, held.grantee
    from pg_class as relations
    cross join lateral (
        select grants.grantee
        from aclexplode(relations.relacl) as grants
        union
        select grants.grantee
        from pg_attribute as attributes
        cross join lateral aclexplode(attributes.attacl) as grants
        where attributes.attrelid = relations.oid
    ) as held
    where
        tests.is_ours(relations.relnamespace)
        and (
            held.grantee in (0, 'anon'::regrole)
            or (
                relations.relnamespace = 'private'::regnamespace
                and held.grantee in ('authenticated'::regrole, 'service_role'::regrole)
            )
        )
    $$,
    'on tables, columns and sequences anon and public have no right, and nobody on the engine''s'
);

select is(
    array[
        has_schema_privilege('anon', 'private', 'usage'),
        has_schema_privilege('authenticated', 'private', 'create'),
        has_schema_privilege('service_role', 'private', 'create'),
        has_schema_privilege('anon', 'public', 'create')
    ],
    array[false, false, false, false],
    'nobody but the owner makes objects, and anon does not even see the engine'
);

-- Sizes

select is_empty(
    $$
    select columns.attrelid::regclass, columns.attname
    from pg_attribute as columns
    inner join pg_class as relations on relations.oid = columns.attrelid
    where
        relations.relnamespace = 'public'::regnamespace
        and relations.relkind in ('r', 'p')
        and columns.attnum > 0
        and not columns.attisdropped
        and columns.atttypid = any(array['text', 'text[]', 'jsonb', 'json', 'bytea']::regtype[])
        and (
            has_column_privilege('authenticated', relations.oid, columns.attnum, 'insert, update')
        )
        and not exists (
            select
            from pg_constraint as rules
            where
                rules.conrelid = relations.oid
                and rules.contype = 'c'
                and rules.conkey @> array[columns.attnum]
                and (
                    -- each function that accept() is given begins with the size
                    pg_get_constraintdef(rules.oid) ~ ('(_problem|is_name|are_labels)\(' || columns.attname || '\M')
                    -- or it is one of a few words
                    or pg_get_constraintdef(rules.oid) ~ (columns.attname || ' = ANY \(ARRAY\[')
                )
        )
    $$,
    'every text, list and document that a client writes has a size at most'
);

-- Indexes

select is_empty(
    $$
    select keys.conrelid::regclass, keys.conname
    from pg_constraint as keys
    inner join pg_class as relations on relations.oid = keys.conrelid
    where
        keys.contype = 'f'
        and tests.is_ours(relations.relnamespace)
        and not exists (
            select
            from pg_index as indexes
            where
                indexes.indrelid = keys.conrelid
                and indexes.indpred is null
                and (indexes.indkey::smallint[])[0:cardinality(keys.conkey) - 1] @> keys.conkey
        )
    $$,
    'every foreign key has an index that begins with its columns'
);

select * from finish();
rollback;
