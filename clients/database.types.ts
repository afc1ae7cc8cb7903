
export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[]

export type Database = {
  
  "public": {
          Tables: {
            "api_credentials": {
                  Row: {
                    "auth": NonNullable<Json>,"created_at": string,"id": string,"name": string,"organization_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "auth": NonNullable<Json>,"created_at"?: string,"id"?: string,"name": string,"organization_id": string
                  }
                  Update: {
                    "auth"?: NonNullable<Json>,"created_at"?: string,"id"?: string,"name"?: string,"organization_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "api_credentials_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"api_endpoints": {
                  Row: {
                    "created_at": string,"id": string,"is_safe": boolean,"method": string,"path": string,"project_id": string,"summary": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"is_safe": boolean,"method": string,"path": string,"project_id": string,"summary"?: string | null
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"is_safe"?: boolean,"method"?: string,"path"?: string,"project_id"?: string,"summary"?: string | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "api_endpoints_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    }
                  ]
                },"assertion_results": {
                  Row: {
                    "actual": Json | null,"assertion_index": number,"attempt": number,"expected": Json | null,"message": string,"operator": string,"passed": boolean,"planned_on": string,"project_id": string,"result_id": string,"retention_class": string,"run_id": string,"source": string,"target": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "actual"?: Json | null,"assertion_index": number,"attempt": number,"expected"?: Json | null,"message": string,"operator": string,"passed": boolean,"planned_on": string,"project_id": string,"result_id": string,"retention_class": string,"run_id": string,"source": string,"target"?: string | null
                  }
                  Update: {
                    "actual"?: Json | null,"assertion_index"?: number,"attempt"?: number,"expected"?: Json | null,"message"?: string,"operator"?: string,"passed"?: boolean,"planned_on"?: string,"project_id"?: string,"result_id"?: string,"retention_class"?: string,"run_id"?: string,"source"?: string,"target"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"data_changes": {
                  Row: {
                    "after": Json | null,"before": Json | null,"changed_at": string,"id": number,"key_kind": string,"organization_id": string,"project_id": string | null,"row_id": string,"table_name": string,"transaction_id": number,"user_id": string | null,"user_role": string | null,"verb": string
                  }
                  ComputedFields: never
                  Insert: {
                    "after"?: Json | null,"before"?: Json | null,"changed_at"?: string,"id"?: never,"key_kind": string,"organization_id": string,"project_id"?: string | null,"row_id": string,"table_name": string,"transaction_id"?: number,"user_id"?: string | null,"user_role"?: string | null,"verb": string
                  }
                  Update: {
                    "after"?: Json | null,"before"?: Json | null,"changed_at"?: string,"id"?: never,"key_kind"?: string,"organization_id"?: string,"project_id"?: string | null,"row_id"?: string,"table_name"?: string,"transaction_id"?: number,"user_id"?: string | null,"user_role"?: string | null,"verb"?: string
                  }
                  Relationships: [
                    
                  ]
                },"environment_variables": {
                  Row: {
                    "environment_id": string,"id": string,"name": string,"project_id": string,"secret_id": string | null,"updated_at": string,"value": Json | null
                  }
                  ComputedFields: never
                  Insert: {
                    "environment_id": string,"id"?: string,"name": string,"project_id": string,"secret_id"?: string | null,"updated_at"?: string,"value"?: Json | null
                  }
                  Update: {
                    "environment_id"?: string,"id"?: string,"name"?: string,"project_id"?: string,"secret_id"?: string | null,"updated_at"?: string,"value"?: Json | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "environment_variables_environment_id_fkey"
      columns: ["environment_id","project_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"environments": {
                  Row: {
                    "archived_at": string | null,"base_url": string,"context_lifetime_s": number,"context_max_bytes": number,"created_at": string,"id": string,"labels": (string)[],"max_parallel": number,"name": string,"project_id": string,"rate_limit_per_s": number | null,"run_timeout_ms": number
                  }
                  ComputedFields: never
                  Insert: {
                    "archived_at"?: string | null,"base_url": string,"context_lifetime_s"?: number,"context_max_bytes"?: number,"created_at"?: string,"id"?: string,"labels"?: (string)[],"max_parallel"?: number,"name": string,"project_id": string,"rate_limit_per_s"?: number | null,"run_timeout_ms"?: number
                  }
                  Update: {
                    "archived_at"?: string | null,"base_url"?: string,"context_lifetime_s"?: number,"context_max_bytes"?: number,"created_at"?: string,"id"?: string,"labels"?: (string)[],"max_parallel"?: number,"name"?: string,"project_id"?: string,"rate_limit_per_s"?: number | null,"run_timeout_ms"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "environments_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    }
                  ]
                },"failure_analysis": {
                  Row: {
                    "category": string | null,"compared_at": string | null,"environment_count": number,"example_message": string,"example_result_id": string,"failure_class": string,"fingerprint": string,"first_run_id": string,"first_seen_at": string,"id": string,"last_run_id": string,"last_seen_at": string,"location": string,"message": string,"note": string | null,"occurrence_count": number,"project_id": string,"regressed_at": string | null,"regression_count": number,"skipped_count": number,"status": string,"status_changed_at": string | null,"status_changed_by": string | null,"test_count": number
                  }
                  ComputedFields: never
                  Insert: {
                    "category"?: never,"compared_at"?: string | null,"environment_count"?: number,"example_message": string,"example_result_id": string,"failure_class": string,"fingerprint": string,"first_run_id": string,"first_seen_at": string,"id"?: string,"last_run_id": string,"last_seen_at": string,"location": string,"message": string,"note"?: string | null,"occurrence_count"?: number,"project_id": string,"regressed_at"?: string | null,"regression_count"?: number,"skipped_count"?: number,"status"?: string,"status_changed_at"?: string | null,"status_changed_by"?: string | null,"test_count"?: number
                  }
                  Update: {
                    "category"?: never,"compared_at"?: string | null,"environment_count"?: number,"example_message"?: string,"example_result_id"?: string,"failure_class"?: string,"fingerprint"?: string,"first_run_id"?: string,"first_seen_at"?: string,"id"?: string,"last_run_id"?: string,"last_seen_at"?: string,"location"?: string,"message"?: string,"note"?: string | null,"occurrence_count"?: number,"project_id"?: string,"regressed_at"?: string | null,"regression_count"?: number,"skipped_count"?: number,"status"?: string,"status_changed_at"?: string | null,"status_changed_by"?: string | null,"test_count"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "failure_analysis_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "failure_analysis_status_changed_by_fkey"
      columns: ["status_changed_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    }
                  ]
                },"failure_tests": {
                  Row: {
                    "environment_id": string,"failure_id": string,"first_seen_at": string,"last_passed_at": string | null,"last_seen_at": string,"occurrence_count": number,"pass_count": number,"project_id": string,"test_case_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "environment_id": string,"failure_id": string,"first_seen_at": string,"last_passed_at"?: string | null,"last_seen_at": string,"occurrence_count": number,"pass_count"?: number,"project_id": string,"test_case_id": string
                  }
                  Update: {
                    "environment_id"?: string,"failure_id"?: string,"first_seen_at"?: string,"last_passed_at"?: string | null,"last_seen_at"?: string,"occurrence_count"?: number,"pass_count"?: number,"project_id"?: string,"test_case_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "failure_tests_environment_id_fkey"
      columns: ["environment_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "failure_tests_failure_id_fkey"
      columns: ["failure_id"]
isOneToOne: false
      referencedRelation: "failure_analysis"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "failure_tests_test_case_id_fkey"
      columns: ["test_case_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id"]
    }
                  ]
                },"fixture_usage": {
                  Row: {
                    "fixture_id": string,"project_id": string,"test_case_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "fixture_id": string,"project_id": string,"test_case_id": string
                  }
                  Update: {
                    "fixture_id"?: string,"project_id"?: string,"test_case_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "fixture_usage_fixture_id_fkey"
      columns: ["fixture_id","project_id"]
isOneToOne: false
      referencedRelation: "test_data_fixtures"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "fixture_usage_test_case_id_fkey"
      columns: ["test_case_id","project_id"]
isOneToOne: true
      referencedRelation: "test_cases"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"notification_channels": {
                  Row: {
                    "created_at": string,"created_by": string | null,"delivered_at": string | null,"failed_count": number,"failing_since": string | null,"gone_at": string | null,"id": string,"is_enabled": boolean,"kind": string,"labels": (string)[],"link_base": string | null,"max_per_hour": number,"name": string,"organization_id": string,"project_id": string | null,"url_hint": string,"url_set_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"delivered_at"?: string | null,"failed_count"?: number,"failing_since"?: string | null,"gone_at"?: string | null,"id"?: string,"is_enabled"?: boolean,"kind": string,"labels"?: (string)[],"link_base"?: string | null,"max_per_hour"?: number,"name": string,"organization_id": string,"project_id"?: string | null,"url_hint": string,"url_set_at"?: string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"delivered_at"?: string | null,"failed_count"?: number,"failing_since"?: string | null,"gone_at"?: string | null,"id"?: string,"is_enabled"?: boolean,"kind"?: string,"labels"?: (string)[],"link_base"?: string | null,"max_per_hour"?: number,"name"?: string,"organization_id"?: string,"project_id"?: string | null,"url_hint"?: string,"url_set_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "notification_channels_created_by_fkey"
      columns: ["created_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "notification_channels_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "notification_channels_project_id_fkey"
      columns: ["project_id","organization_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"notification_rules": {
                  Row: {
                    "channel_id": string,"condition": string,"created_at": string,"environment_ids": (string)[],"events": (string)[],"id": string,"in_a_row": number | null,"is_critical_exempt": boolean,"is_enabled": boolean,"min_severity": string,"name": string,"organization_id": string,"project_id": string | null,"quiet_action": string,"quiet_from": string | null,"quiet_until": string | null,"suite_ids": (string)[],"tags": (string)[],"time_zone": string,"trigger_kinds": (string)[],"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "channel_id": string,"condition"?: string,"created_at"?: string,"environment_ids"?: (string)[],"events": (string)[],"id"?: string,"in_a_row"?: number | null,"is_critical_exempt"?: boolean,"is_enabled"?: boolean,"min_severity"?: string,"name": string,"organization_id": string,"project_id"?: string | null,"quiet_action"?: string,"quiet_from"?: string | null,"quiet_until"?: string | null,"suite_ids"?: (string)[],"tags"?: (string)[],"time_zone"?: string,"trigger_kinds"?: (string)[],"updated_at"?: string
                  }
                  Update: {
                    "channel_id"?: string,"condition"?: string,"created_at"?: string,"environment_ids"?: (string)[],"events"?: (string)[],"id"?: string,"in_a_row"?: number | null,"is_critical_exempt"?: boolean,"is_enabled"?: boolean,"min_severity"?: string,"name"?: string,"organization_id"?: string,"project_id"?: string | null,"quiet_action"?: string,"quiet_from"?: string | null,"quiet_until"?: string | null,"suite_ids"?: (string)[],"tags"?: (string)[],"time_zone"?: string,"trigger_kinds"?: (string)[],"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "notification_rules_channel_id_fkey"
      columns: ["channel_id","organization_id"]
isOneToOne: false
      referencedRelation: "notification_channels"
      referencedColumns: ["id","organization_id"]
    },{
      foreignKeyName: "notification_rules_project_id_fkey"
      columns: ["project_id","organization_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id","organization_id"]
    }
                  ]
                },"organization_invitations": {
                  Row: {
                    "created_at": string,"email": string | null,"expires_at": string,"id": string,"invited_by": string | null,"labels": (string)[],"organization_id": string,"role": string,"token_digest": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"email"?: string | null,"expires_at": string,"id"?: string,"invited_by"?: string | null,"labels"?: (string)[],"organization_id": string,"role": string,"token_digest": string
                  }
                  Update: {
                    "created_at"?: string,"email"?: string | null,"expires_at"?: string,"id"?: string,"invited_by"?: string | null,"labels"?: (string)[],"organization_id"?: string,"role"?: string,"token_digest"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "organization_invitations_invited_by_fkey"
      columns: ["invited_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "organization_invitations_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"organization_limits": {
                  Row: {
                    "max_live_runs": number,"max_members": number,"max_parallel_tests": number,"max_projects": number,"max_stored_bytes": number,"max_tests": number,"max_tests_per_run": number,"organization_id": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "max_live_runs"?: number,"max_members"?: number,"max_parallel_tests"?: number,"max_projects"?: number,"max_stored_bytes"?: number,"max_tests"?: number,"max_tests_per_run"?: number,"organization_id": string,"updated_at"?: string
                  }
                  Update: {
                    "max_live_runs"?: number,"max_members"?: number,"max_parallel_tests"?: number,"max_projects"?: number,"max_stored_bytes"?: number,"max_tests"?: number,"max_tests_per_run"?: number,"organization_id"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "organization_limits_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: true
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"organization_members": {
                  Row: {
                    "created_at": string,"labels": (string)[],"organization_id": string,"role": string,"user_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"labels"?: (string)[],"organization_id": string,"role": string,"user_id": string
                  }
                  Update: {
                    "created_at"?: string,"labels"?: (string)[],"organization_id"?: string,"role"?: string,"user_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "organization_members_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "organization_members_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    }
                  ]
                },"organization_retention": {
                  Row: {
                    "kept_days": number,"organization_id": string,"tier": string,"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "kept_days": number,"organization_id": string,"tier": string,"updated_at"?: string
                  }
                  Update: {
                    "kept_days"?: number,"organization_id"?: string,"tier"?: string,"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "organization_retention_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    }
                  ]
                },"organizations": {
                  Row: {
                    "audit_retention_days": number,"created_at": string,"id": string,"name": string
                  }
                  ComputedFields: never
                  Insert: {
                    "audit_retention_days"?: number,"created_at"?: string,"id"?: string,"name": string
                  }
                  Update: {
                    "audit_retention_days"?: number,"created_at"?: string,"id"?: string,"name"?: string
                  }
                  Relationships: [
                    
                  ]
                },"performance_changes": {
                  Row: {
                    "after_ms": number,"api_version": string | null,"before_ms": number,"began_at": string,"checked_at": string,"commit_sha": string | null,"confirmed_at": string | null,"direction": string,"environment_id": string,"found_at": string,"id": number,"is_shifted": boolean,"is_split": boolean,"p": number,"project_id": string,"ratio": number,"run_id": string,"status": string,"test_case_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "after_ms": number,"api_version"?: string | null,"before_ms": number,"began_at": string,"checked_at": string,"commit_sha"?: string | null,"confirmed_at"?: string | null,"direction": string,"environment_id": string,"found_at": string,"id"?: never,"is_shifted": boolean,"is_split": boolean,"p": number,"project_id": string,"ratio": number,"run_id": string,"status": string,"test_case_id": string
                  }
                  Update: {
                    "after_ms"?: number,"api_version"?: string | null,"before_ms"?: number,"began_at"?: string,"checked_at"?: string,"commit_sha"?: string | null,"confirmed_at"?: string | null,"direction"?: string,"environment_id"?: string,"found_at"?: string,"id"?: never,"is_shifted"?: boolean,"is_split"?: boolean,"p"?: number,"project_id"?: string,"ratio"?: number,"run_id"?: string,"status"?: string,"test_case_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "performance_changes_environment_id_fkey"
      columns: ["environment_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "performance_changes_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "performance_changes_test_case_id_fkey"
      columns: ["test_case_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id"]
    }
                  ]
                },"performance_metrics": {
                  Row: {
                    "bins": (number)[] | null,"cancelled_count": number,"counts": (number)[] | null,"duration_max_ms": number | null,"duration_min_ms": number | null,"duration_sum_ms": number | null,"environment_id": string,"error_count": number,"failed_count": number,"finished_on": string,"flaky_count": number,"measured_count": number,"passed_count": number,"phase_bins": (number)[] | null,"phase_counts": (number)[] | null,"project_id": string,"skipped_count": number,"test_case_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "bins"?: (number)[] | null,"cancelled_count": number,"counts"?: (number)[] | null,"duration_max_ms"?: number | null,"duration_min_ms"?: number | null,"duration_sum_ms"?: number | null,"environment_id": string,"error_count": number,"failed_count": number,"finished_on": string,"flaky_count": number,"measured_count": number,"passed_count": number,"phase_bins"?: (number)[] | null,"phase_counts"?: (number)[] | null,"project_id": string,"skipped_count": number,"test_case_id": string
                  }
                  Update: {
                    "bins"?: (number)[] | null,"cancelled_count"?: number,"counts"?: (number)[] | null,"duration_max_ms"?: number | null,"duration_min_ms"?: number | null,"duration_sum_ms"?: number | null,"environment_id"?: string,"error_count"?: number,"failed_count"?: number,"finished_on"?: string,"flaky_count"?: number,"measured_count"?: number,"passed_count"?: number,"phase_bins"?: (number)[] | null,"phase_counts"?: (number)[] | null,"project_id"?: string,"skipped_count"?: number,"test_case_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "performance_metrics_environment_id_fkey"
      columns: ["environment_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "performance_metrics_test_case_id_fkey"
      columns: ["test_case_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id"]
    }
                  ]
                },"platform_events": {
                  Row: {
                    "created_at": string,"dedup_key": string | null,"environment_id": string | null,"event": string,"id": number,"organization_id": string,"payload": NonNullable<Json>,"project_id": string | null,"run_id": string | null,"severity": string,"test_case_id": string | null,"title": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"dedup_key"?: string | null,"environment_id"?: string | null,"event": string,"id"?: never,"organization_id": string,"payload"?: NonNullable<Json>,"project_id"?: string | null,"run_id"?: string | null,"severity": string,"test_case_id"?: string | null,"title": string
                  }
                  Update: {
                    "created_at"?: string,"dedup_key"?: string | null,"environment_id"?: string | null,"event"?: string,"id"?: never,"organization_id"?: string,"payload"?: NonNullable<Json>,"project_id"?: string | null,"run_id"?: string | null,"severity"?: string,"test_case_id"?: string | null,"title"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "platform_events_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "platform_events_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    }
                  ]
                },"projects": {
                  Row: {
                    "apdex_ms": number,"archived_at": string | null,"created_at": string,"description": string | null,"green_p95_ms": number,"green_success_rate": number,"id": string,"name": string,"organization_id": string,"pause_reason": string | null,"paused_at": string | null,"paused_by": string | null,"variables": NonNullable<Json>,"yellow_p95_ms": number,"yellow_success_rate": number
                  }
                  ComputedFields: never
                  Insert: {
                    "apdex_ms"?: number,"archived_at"?: string | null,"created_at"?: string,"description"?: string | null,"green_p95_ms"?: number,"green_success_rate"?: number,"id"?: string,"name": string,"organization_id": string,"pause_reason"?: string | null,"paused_at"?: string | null,"paused_by"?: string | null,"variables"?: NonNullable<Json>,"yellow_p95_ms"?: number,"yellow_success_rate"?: number
                  }
                  Update: {
                    "apdex_ms"?: number,"archived_at"?: string | null,"created_at"?: string,"description"?: string | null,"green_p95_ms"?: number,"green_success_rate"?: number,"id"?: string,"name"?: string,"organization_id"?: string,"pause_reason"?: string | null,"paused_at"?: string | null,"paused_by"?: string | null,"variables"?: NonNullable<Json>,"yellow_p95_ms"?: number,"yellow_success_rate"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "projects_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "projects_paused_by_fkey"
      columns: ["paused_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    }
                  ]
                },"test_cases": {
                  Row: {
                    "archived_at": string | null,"created_at": string,"description": string | null,"endpoint_id": string | null,"id": string,"is_enabled": boolean,"name": string,"phase": string,"position": number,"priority": number,"project_id": string,"rescue": string,"retry": NonNullable<Json>,"suite_id": string,"tags": (string)[],"updated_at": string
                  }
                  ComputedFields: never
                  Insert: {
                    "archived_at"?: string | null,"created_at"?: string,"description"?: string | null,"endpoint_id"?: string | null,"id"?: string,"is_enabled"?: boolean,"name": string,"phase"?: string,"position"?: number,"priority"?: number,"project_id": string,"rescue"?: string,"retry"?: NonNullable<Json>,"suite_id": string,"tags"?: (string)[],"updated_at"?: string
                  }
                  Update: {
                    "archived_at"?: string | null,"created_at"?: string,"description"?: string | null,"endpoint_id"?: string | null,"id"?: string,"is_enabled"?: boolean,"name"?: string,"phase"?: string,"position"?: number,"priority"?: number,"project_id"?: string,"rescue"?: string,"retry"?: NonNullable<Json>,"suite_id"?: string,"tags"?: (string)[],"updated_at"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_cases_endpoint_id_fkey"
      columns: ["endpoint_id","project_id"]
isOneToOne: false
      referencedRelation: "api_endpoints"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_cases_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_cases_suite_id_fkey"
      columns: ["suite_id","project_id"]
isOneToOne: false
      referencedRelation: "test_suites"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"test_context_values": {
                  Row: {
                    "allowed_hosts": (string)[] | null,"created_at": string,"encrypted_value": string | null,"id": number,"kind": string,"name": string,"project_id": string,"row_index": number,"row_key": string,"run_id": string,"size_bytes": number,"test_case_id": string | null,"value": Json | null
                  }
                  ComputedFields: never
                  Insert: {
                    "allowed_hosts"?: (string)[] | null,"created_at"?: string,"encrypted_value"?: string | null,"id"?: never,"kind": string,"name": string,"project_id": string,"row_index"?: number,"row_key"?: string,"run_id": string,"size_bytes": number,"test_case_id"?: string | null,"value"?: Json | null
                  }
                  Update: {
                    "allowed_hosts"?: (string)[] | null,"created_at"?: string,"encrypted_value"?: string | null,"id"?: never,"kind"?: string,"name"?: string,"project_id"?: string,"row_index"?: number,"row_key"?: string,"run_id"?: string,"size_bytes"?: number,"test_case_id"?: string | null,"value"?: Json | null
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_context_values_run_id_fkey"
      columns: ["run_id","project_id"]
isOneToOne: false
      referencedRelation: "test_runs"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_context_values_test_case_id_fkey"
      columns: ["test_case_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id"]
    }
                  ]
                },"test_data_fixtures": {
                  Row: {
                    "created_at": string,"id": string,"name": string,"project_id": string,"rows": NonNullable<Json>
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"id"?: string,"name": string,"project_id": string,"rows": NonNullable<Json>
                  }
                  Update: {
                    "created_at"?: string,"id"?: string,"name"?: string,"project_id"?: string,"rows"?: NonNullable<Json>
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_data_fixtures_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    }
                  ]
                },"test_dependencies": {
                  Row: {
                    "depends_on_id": string,"kind": string,"project_id": string,"test_case_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "depends_on_id": string,"kind": string,"project_id": string,"test_case_id": string
                  }
                  Update: {
                    "depends_on_id"?: string,"kind"?: string,"project_id"?: string,"test_case_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_dependencies_depends_on_id_fkey"
      columns: ["depends_on_id","project_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_dependencies_test_case_id_fkey"
      columns: ["test_case_id","project_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"test_execution_context": {
                  Row: {
                    "expires_at": string,"project_id": string,"row_size_bytes": number,"run_id": string,"size_bytes": number,"updated_at": string,"value_count": number
                  }
                  ComputedFields: never
                  Insert: {
                    "expires_at"?: string,"project_id": string,"row_size_bytes"?: number,"run_id": string,"size_bytes"?: number,"updated_at"?: string,"value_count"?: number
                  }
                  Update: {
                    "expires_at"?: string,"project_id"?: string,"row_size_bytes"?: number,"run_id"?: string,"size_bytes"?: number,"updated_at"?: string,"value_count"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_execution_context_run_id_fkey"
      columns: ["run_id","project_id"]
isOneToOne: true
      referencedRelation: "test_runs"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"test_quarantines": {
                  Row: {
                    "created_at": string,"created_by": string | null,"ended_at": string | null,"ended_by": string | null,"environment_id": string | null,"expires_at": string,"id": string,"owner_id": string | null,"project_id": string,"reason": string,"test_case_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"created_by"?: string | null,"ended_at"?: string | null,"ended_by"?: string | null,"environment_id"?: string | null,"expires_at": string,"id"?: string,"owner_id"?: string | null,"project_id": string,"reason": string,"test_case_id": string
                  }
                  Update: {
                    "created_at"?: string,"created_by"?: string | null,"ended_at"?: string | null,"ended_by"?: string | null,"environment_id"?: string | null,"expires_at"?: string,"id"?: string,"owner_id"?: string | null,"project_id"?: string,"reason"?: string,"test_case_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_quarantines_created_by_fkey"
      columns: ["created_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_quarantines_ended_by_fkey"
      columns: ["ended_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_quarantines_environment_id_fkey"
      columns: ["environment_id","project_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_quarantines_owner_id_fkey"
      columns: ["owner_id"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_quarantines_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_quarantines_test_case_id_fkey"
      columns: ["test_case_id","project_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"test_ratings": {
                  Row: {
                    "attempt_count": number,"bad_rate": number,"confidence": string,"contradiction_count": number,"environment_id": string,"failure_count": number,"failure_level": number,"failure_run_id": string | null,"flake_bound": number,"flake_count": number,"flake_rate": number,"flake_run_id": string | null,"flip_rate": number | null,"key_count": number,"last_run_at": string,"pass_streak": number,"project_id": string,"rated_at": string,"reasons": (string)[],"result_count": number,"retry_ms": number,"run_count": number,"since": string,"skipped_count": number,"test_case_id": string,"verdict": string,"wasted_ms": number
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt_count": number,"bad_rate": number,"confidence": string,"contradiction_count": number,"environment_id": string,"failure_count": number,"failure_level": number,"failure_run_id"?: string | null,"flake_bound": number,"flake_count": number,"flake_rate": number,"flake_run_id"?: string | null,"flip_rate"?: number | null,"key_count": number,"last_run_at": string,"pass_streak": number,"project_id": string,"rated_at": string,"reasons": (string)[],"result_count": number,"retry_ms": number,"run_count": number,"since": string,"skipped_count": number,"test_case_id": string,"verdict": string,"wasted_ms": number
                  }
                  Update: {
                    "attempt_count"?: number,"bad_rate"?: number,"confidence"?: string,"contradiction_count"?: number,"environment_id"?: string,"failure_count"?: number,"failure_level"?: number,"failure_run_id"?: string | null,"flake_bound"?: number,"flake_count"?: number,"flake_rate"?: number,"flake_run_id"?: string | null,"flip_rate"?: number | null,"key_count"?: number,"last_run_at"?: string,"pass_streak"?: number,"project_id"?: string,"rated_at"?: string,"reasons"?: (string)[],"result_count"?: number,"retry_ms"?: number,"run_count"?: number,"since"?: string,"skipped_count"?: number,"test_case_id"?: string,"verdict"?: string,"wasted_ms"?: number
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_ratings_environment_id_fkey"
      columns: ["environment_id","project_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_ratings_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_ratings_test_case_id_fkey"
      columns: ["test_case_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id"]
    }
                  ]
                },"test_request_configs": {
                  Row: {
                    "auth": Json | null,"body": Json | null,"connect_timeout_ms": number,"headers": NonNullable<Json>,"idempotency_header": string | null,"max_body_bytes": number,"max_redirects": number,"method": string,"path": string,"project_id": string,"query": NonNullable<Json>,"test_case_id": string,"total_timeout_ms": number,"verify_tls": boolean
                  }
                  ComputedFields: never
                  Insert: {
                    "auth"?: Json | null,"body"?: Json | null,"connect_timeout_ms"?: number,"headers"?: NonNullable<Json>,"idempotency_header"?: string | null,"max_body_bytes"?: number,"max_redirects"?: number,"method"?: string,"path": string,"project_id": string,"query"?: NonNullable<Json>,"test_case_id": string,"total_timeout_ms"?: number,"verify_tls"?: boolean
                  }
                  Update: {
                    "auth"?: Json | null,"body"?: Json | null,"connect_timeout_ms"?: number,"headers"?: NonNullable<Json>,"idempotency_header"?: string | null,"max_body_bytes"?: number,"max_redirects"?: number,"method"?: string,"path"?: string,"project_id"?: string,"query"?: NonNullable<Json>,"test_case_id"?: string,"total_timeout_ms"?: number,"verify_tls"?: boolean
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_request_configs_test_case_id_fkey"
      columns: ["test_case_id","project_id"]
isOneToOne: true
      referencedRelation: "test_cases"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"test_response_specs": {
                  Row: {
                    "assertions": NonNullable<Json>,"captures": NonNullable<Json>,"json_schema": Json | null,"project_id": string,"test_case_id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "assertions"?: NonNullable<Json>,"captures"?: NonNullable<Json>,"json_schema"?: Json | null,"project_id": string,"test_case_id": string
                  }
                  Update: {
                    "assertions"?: NonNullable<Json>,"captures"?: NonNullable<Json>,"json_schema"?: Json | null,"project_id"?: string,"test_case_id"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_response_specs_test_case_id_fkey"
      columns: ["test_case_id","project_id"]
isOneToOne: true
      referencedRelation: "test_cases"
      referencedColumns: ["id","project_id"]
    }
                  ]
                },"test_result_details": {
                  Row: {
                    "attempt": number,"category": string | null,"duration_ms": number | null,"http_status": number | null,"lease": string,"message": string | null,"outcome": string,"planned_on": string,"project_id": string,"reported_at": string,"request": NonNullable<Json>,"response": Json | null,"result_id": string,"retention_class": string,"run_id": string,"slug": string | null,"started_at": string | null,"timing_ms": NonNullable<Json>,"worker_id": string | null
                  }
                  ComputedFields: never
                  Insert: {
                    "attempt": number,"category"?: string | null,"duration_ms"?: number | null,"http_status"?: number | null,"lease": string,"message"?: string | null,"outcome": string,"planned_on": string,"project_id": string,"reported_at"?: string,"request": NonNullable<Json>,"response"?: Json | null,"result_id": string,"retention_class": string,"run_id": string,"slug"?: string | null,"started_at"?: string | null,"timing_ms"?: NonNullable<Json>,"worker_id"?: string | null
                  }
                  Update: {
                    "attempt"?: number,"category"?: string | null,"duration_ms"?: number | null,"http_status"?: number | null,"lease"?: string,"message"?: string | null,"outcome"?: string,"planned_on"?: string,"project_id"?: string,"reported_at"?: string,"request"?: NonNullable<Json>,"response"?: Json | null,"result_id"?: string,"retention_class"?: string,"run_id"?: string,"slug"?: string | null,"started_at"?: string | null,"timing_ms"?: NonNullable<Json>,"worker_id"?: string | null
                  }
                  Relationships: [
                    
                  ]
                },"test_results": {
                  Row: {
                    "accepted_lease": string | null,"attempt_count": number,"bindings": NonNullable<Json>,"category": string | null,"cause_edge": string | null,"cause_result_id": string | null,"cause_status": string | null,"definition_id": number,"duration_ms": number | null,"finished_at": string | null,"finished_seq": number | null,"fixture_snapshot_id": number | null,"http_status": number | null,"id": string,"is_quarantined": boolean,"message": string | null,"phase": string,"planned_on": string,"project_id": string,"rescue_count": number,"row_index": number,"row_key": string,"run_id": string,"slug": string | null,"started_at": string | null,"status": string,"suite_name": string,"test_case_id": string,"test_name": string
                  }
                  ComputedFields: never
                  Insert: {
                    "accepted_lease"?: string | null,"attempt_count"?: number,"bindings"?: NonNullable<Json>,"category"?: string | null,"cause_edge"?: string | null,"cause_result_id"?: string | null,"cause_status"?: string | null,"definition_id": number,"duration_ms"?: number | null,"finished_at"?: string | null,"finished_seq"?: number | null,"fixture_snapshot_id"?: number | null,"http_status"?: number | null,"id"?: string,"is_quarantined"?: boolean,"message"?: string | null,"phase": string,"planned_on": string,"project_id": string,"rescue_count"?: number,"row_index"?: number,"row_key"?: string,"run_id": string,"slug"?: string | null,"started_at"?: string | null,"status"?: string,"suite_name": string,"test_case_id": string,"test_name": string
                  }
                  Update: {
                    "accepted_lease"?: string | null,"attempt_count"?: number,"bindings"?: NonNullable<Json>,"category"?: string | null,"cause_edge"?: string | null,"cause_result_id"?: string | null,"cause_status"?: string | null,"definition_id"?: number,"duration_ms"?: number | null,"finished_at"?: string | null,"finished_seq"?: number | null,"fixture_snapshot_id"?: number | null,"http_status"?: number | null,"id"?: string,"is_quarantined"?: boolean,"message"?: string | null,"phase"?: string,"planned_on"?: string,"project_id"?: string,"rescue_count"?: number,"row_index"?: number,"row_key"?: string,"run_id"?: string,"slug"?: string | null,"started_at"?: string | null,"status"?: string,"suite_name"?: string,"test_case_id"?: string,"test_name"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_results_run_id_fkey"
      columns: ["run_id","project_id"]
isOneToOne: false
      referencedRelation: "test_runs"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_results_test_case_id_fkey"
      columns: ["test_case_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id"]
    }
                  ]
                },"test_run_changes": {
                  Row: {
                    "change": string,"failing_since_run_id": string | null,"is_flaky": boolean,"is_new": boolean,"last_passed_run_id": string | null,"place": number,"project_id": string,"row_key": string,"run_id": string,"slug": string | null,"status": string | null,"suite_name": string,"test_case_id": string,"test_name": string
                  }
                  ComputedFields: never
                  Insert: {
                    "change": string,"failing_since_run_id"?: string | null,"is_flaky": boolean,"is_new": boolean,"last_passed_run_id"?: string | null,"place": number,"project_id": string,"row_key": string,"run_id": string,"slug"?: string | null,"status"?: string | null,"suite_name": string,"test_case_id": string,"test_name": string
                  }
                  Update: {
                    "change"?: string,"failing_since_run_id"?: string | null,"is_flaky"?: boolean,"is_new"?: boolean,"last_passed_run_id"?: string | null,"place"?: number,"project_id"?: string,"row_key"?: string,"run_id"?: string,"slug"?: string | null,"status"?: string | null,"suite_name"?: string,"test_case_id"?: string,"test_name"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_run_changes_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_run_changes_test_case_id_fkey"
      columns: ["test_case_id"]
isOneToOne: false
      referencedRelation: "test_cases"
      referencedColumns: ["id"]
    }
                  ]
                },"test_run_history": {
                  Row: {
                    "api_version": string | null,"cancelled_count": number,"commit_sha": string | null,"duration_ms": number | null,"environment_id": string,"error_count": number,"failed_count": number,"finished_at": string,"flaky_count": number,"http_call_count": number,"is_infra_suspect": boolean,"max_ms": number | null,"new_count": number,"newly_failing_count": number,"newly_passing_count": number,"p50_ms": number | null,"p95_ms": number | null,"p99_ms": number | null,"passed_count": number,"previous_run_id": string | null,"project_id": string,"queued_at": string,"queued_by": string | null,"removed_count": number,"requests_ms": number,"rescue_count": number,"retry_count": number,"run_id": string,"selection": NonNullable<Json>,"selection_key": string,"skipped_count": number,"started_at": string | null,"status": string,"still_failing_count": number,"total_count": number,"trigger_kind": string
                  }
                  ComputedFields: never
                  Insert: {
                    "api_version"?: string | null,"cancelled_count": number,"commit_sha"?: string | null,"duration_ms"?: number | null,"environment_id": string,"error_count": number,"failed_count": number,"finished_at": string,"flaky_count"?: number,"http_call_count"?: number,"is_infra_suspect": boolean,"max_ms"?: number | null,"new_count"?: number,"newly_failing_count"?: number,"newly_passing_count"?: number,"p50_ms"?: number | null,"p95_ms"?: number | null,"p99_ms"?: number | null,"passed_count": number,"previous_run_id"?: string | null,"project_id": string,"queued_at": string,"queued_by"?: string | null,"removed_count"?: number,"requests_ms"?: number,"rescue_count"?: number,"retry_count"?: number,"run_id": string,"selection"?: NonNullable<Json>,"selection_key"?: string,"skipped_count": number,"started_at"?: string | null,"status": string,"still_failing_count"?: number,"total_count": number,"trigger_kind": string
                  }
                  Update: {
                    "api_version"?: string | null,"cancelled_count"?: number,"commit_sha"?: string | null,"duration_ms"?: number | null,"environment_id"?: string,"error_count"?: number,"failed_count"?: number,"finished_at"?: string,"flaky_count"?: number,"http_call_count"?: number,"is_infra_suspect"?: boolean,"max_ms"?: number | null,"new_count"?: number,"newly_failing_count"?: number,"newly_passing_count"?: number,"p50_ms"?: number | null,"p95_ms"?: number | null,"p99_ms"?: number | null,"passed_count"?: number,"previous_run_id"?: string | null,"project_id"?: string,"queued_at"?: string,"queued_by"?: string | null,"removed_count"?: number,"requests_ms"?: number,"rescue_count"?: number,"retry_count"?: number,"run_id"?: string,"selection"?: NonNullable<Json>,"selection_key"?: string,"skipped_count"?: number,"started_at"?: string | null,"status"?: string,"still_failing_count"?: number,"total_count"?: number,"trigger_kind"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_run_history_environment_id_fkey"
      columns: ["environment_id","project_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_run_history_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_run_history_queued_by_fkey"
      columns: ["queued_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    }
                  ]
                },"test_runs": {
                  Row: {
                    "api_version": string | null,"cancelled_count": number,"commit_sha": string | null,"environment_id": string,"environment_snapshot_id": number | null,"error_count": number,"failed_count": number,"finished_at": string | null,"id": string,"idempotency_key": string | null,"labels": (string)[],"max_parallel": number | null,"passed_count": number,"planned_on": string,"project_id": string,"queued_at": string,"queued_by": string | null,"selection": NonNullable<Json>,"skipped_count": number,"started_at": string | null,"status": string,"timeout_ms": number | null,"total_count": number,"trigger_kind": string,"variables": NonNullable<Json>
                  }
                  ComputedFields: never
                  Insert: {
                    "api_version"?: string | null,"cancelled_count"?: number,"commit_sha"?: string | null,"environment_id": string,"environment_snapshot_id"?: number | null,"error_count"?: number,"failed_count"?: number,"finished_at"?: string | null,"id"?: string,"idempotency_key"?: string | null,"labels"?: (string)[],"max_parallel"?: number | null,"passed_count"?: number,"planned_on"?: string,"project_id": string,"queued_at"?: string,"queued_by"?: string | null,"selection": NonNullable<Json>,"skipped_count"?: number,"started_at"?: string | null,"status"?: string,"timeout_ms"?: number | null,"total_count"?: number,"trigger_kind"?: string,"variables"?: NonNullable<Json>
                  }
                  Update: {
                    "api_version"?: string | null,"cancelled_count"?: number,"commit_sha"?: string | null,"environment_id"?: string,"environment_snapshot_id"?: number | null,"error_count"?: number,"failed_count"?: number,"finished_at"?: string | null,"id"?: string,"idempotency_key"?: string | null,"labels"?: (string)[],"max_parallel"?: number | null,"passed_count"?: number,"planned_on"?: string,"project_id"?: string,"queued_at"?: string,"queued_by"?: string | null,"selection"?: NonNullable<Json>,"skipped_count"?: number,"started_at"?: string | null,"status"?: string,"timeout_ms"?: number | null,"total_count"?: number,"trigger_kind"?: string,"variables"?: NonNullable<Json>
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_runs_environment_id_fkey"
      columns: ["environment_id","project_id"]
isOneToOne: false
      referencedRelation: "environments"
      referencedColumns: ["id","project_id"]
    },{
      foreignKeyName: "test_runs_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "test_runs_queued_by_fkey"
      columns: ["queued_by"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    }
                  ]
                },"test_suites": {
                  Row: {
                    "archived_at": string | null,"auth": Json | null,"created_at": string,"description": string | null,"execution_mode": string,"headers": NonNullable<Json>,"id": string,"name": string,"project_id": string,"variables": NonNullable<Json>
                  }
                  ComputedFields: never
                  Insert: {
                    "archived_at"?: string | null,"auth"?: Json | null,"created_at"?: string,"description"?: string | null,"execution_mode"?: string,"headers"?: NonNullable<Json>,"id"?: string,"name": string,"project_id": string,"variables"?: NonNullable<Json>
                  }
                  Update: {
                    "archived_at"?: string | null,"auth"?: Json | null,"created_at"?: string,"description"?: string | null,"execution_mode"?: string,"headers"?: NonNullable<Json>,"id"?: string,"name"?: string,"project_id"?: string,"variables"?: NonNullable<Json>
                  }
                  Relationships: [
                    {
      foreignKeyName: "test_suites_project_id_fkey"
      columns: ["project_id"]
isOneToOne: false
      referencedRelation: "projects"
      referencedColumns: ["id"]
    }
                  ]
                },"users": {
                  Row: {
                    "created_at": string,"display_name": string | null,"email": string | null,"id": string
                  }
                  ComputedFields: never
                  Insert: {
                    "created_at"?: string,"display_name"?: string | null,"email"?: string | null,"id": string
                  }
                  Update: {
                    "created_at"?: string,"display_name"?: string | null,"email"?: string | null,"id"?: string
                  }
                  Relationships: [
                    
                  ]
                },"workers": {
                  Row: {
                    "capacity": number,"id": string,"labels": (string)[],"last_seen_at": string,"name": string,"organization_id": string | null,"registered_at": string,"revoked_at": string | null,"user_id": string | null,"version": string
                  }
                  ComputedFields: never
                  Insert: {
                    "capacity": number,"id"?: string,"labels"?: (string)[],"last_seen_at"?: string,"name": string,"organization_id"?: string | null,"registered_at"?: string,"revoked_at"?: string | null,"user_id"?: string | null,"version": string
                  }
                  Update: {
                    "capacity"?: number,"id"?: string,"labels"?: (string)[],"last_seen_at"?: string,"name"?: string,"organization_id"?: string | null,"registered_at"?: string,"revoked_at"?: string | null,"user_id"?: string | null,"version"?: string
                  }
                  Relationships: [
                    {
      foreignKeyName: "workers_organization_id_fkey"
      columns: ["organization_id"]
isOneToOne: false
      referencedRelation: "organizations"
      referencedColumns: ["id"]
    },{
      foreignKeyName: "workers_user_id_fkey"
      columns: ["user_id"]
isOneToOne: false
      referencedRelation: "users"
      referencedColumns: ["id"]
    }
                  ]
                }
          }
          Views: {
            [_ in never]: never
          }
          Functions: {
            "accept_invitation":
{ Args: { "token": string }; Returns: {
              "created_at": string,
"labels": (string)[],
"organization_id": string,
"role": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "organization_members"
        isOneToOne: true
        isSetofReturn: false
      } },
"aggregate_test_metrics":
{ Args: { "after"?: string,"bucket"?: string,"by_test"?: boolean,"environment_id"?: string,"page_size"?: number,"project_id": string,"since": string,"suite_id"?: string,"tag"?: string,"test_id"?: string,"until"?: string,"with_phases"?: boolean }; Returns: {
              "apdex": number,"bucket_at": string,"cancelled_count": number,"colour": string,"error_count": number,"failed_count": number,"flaky_count": number,"max_ms": number,"mean_ms": number,"measured_count": number,"min_ms": number,"p50_ms": number,"p95_ms": number,"p99_ms": number,"passed_count": number,"phases": Json,"skipped_count": number,"success_rate": number,"test_case_id": string
            }[]
                           },
"analyse_failures":
{ Args: { "after"?: string,"environment_id"?: string,"page_size"?: number,"project_id": string,"run_id"?: string,"since"?: string,"until"?: string }; Returns: Json
                           },
"apply_retention":
{ Args: { "dry_run"?: boolean }; Returns: Json
                           },
"cancel_run":
{ Args: { "run_id": string }; Returns: {
              "api_version": string | null,
"cancelled_count": number,
"commit_sha": string | null,
"environment_id": string,
"environment_snapshot_id": number | null,
"error_count": number,
"failed_count": number,
"finished_at": string | null,
"id": string,
"idempotency_key": string | null,
"labels": (string)[],
"max_parallel": number | null,
"passed_count": number,
"planned_on": string,
"project_id": string,
"queued_at": string,
"queued_by": string | null,
"selection": NonNullable<Json>,
"skipped_count": number,
"started_at": string | null,
"status": string,
"timeout_ms": number | null,
"total_count": number,
"trigger_kind": string,
"variables": NonNullable<Json>
            }
                          SetofOptions: {
        from: "*"
        to: "test_runs"
        isOneToOne: true
        isSetofReturn: false
      } },
"claim_work":
{ Args: { "call_id": string,"free_slots": number,"prefetch"?: number,"worker_id": string }; Returns: Json
                           },
"cleanup_expired_contexts":
{ Args: Record<PropertyKey, never>; Returns: number
                           },
"clear_run_context":
{ Args: { "run_id": string }; Returns: {
              "expires_at": string,
"project_id": string,
"row_size_bytes": number,
"run_id": string,
"size_bytes": number,
"updated_at": string,
"value_count": number
            }
                          SetofOptions: {
        from: "*"
        to: "test_execution_context"
        isOneToOne: true
        isSetofReturn: false
      } },
"create_organization":
{ Args: { "name": string }; Returns: {
              "audit_retention_days": number,
"created_at": string,
"id": string,
"name": string
            }
                          SetofOptions: {
        from: "*"
        to: "organizations"
        isOneToOne: true
        isSetofReturn: false
      } },
"delete_notification_channel":
{ Args: { "channel_id": string }; Returns: undefined
                           },
"delete_secret":
{ Args: { "environment_id": string,"name": string }; Returns: undefined
                           },
"detect_flaky_tests":
{ Args: { "environment_id"?: string,"max_tests"?: number,"project_id": string,"verdicts"?: (string)[],"window_days"?: number }; Returns: Json
                           },
"detect_performance_regressions":
{ Args: { "after"?: number,"environment_id"?: string,"page_size"?: number,"project_id": string,"since"?: string }; Returns: Json
                           },
"discard_archive_parts":
{ Args: { "month": string,"number": number,"retention_class": string,"source": string }; Returns: number
                           },
"finish_archive":
{ Args: { "manifest": Json,"month": string,"retention_class": string }; Returns: undefined
                           },
"get_aggregated_context":
{ Args: { "result_id": string }; Returns: Json
                           },
"get_context_stats":
{ Args: { "project_id": string,"run_id"?: string }; Returns: Json
                           },
"get_environment_context":
{ Args: { "environment_id": string }; Returns: Json
                           },
"get_organization_usage":
{ Args: { "organization_id": string }; Returns: {
              "allowed": number,"name": string,"used": number
            }[]
                           },
"get_retention_report":
{ Args: { "organization_id"?: string }; Returns: Json
                           },
"get_run_comparison":
{ Args: { "after"?: number,"page_size"?: number,"run_id": string }; Returns: Json
                           },
"get_run_report":
{ Args: { "after"?: string,"page_size"?: number,"run_id": string }; Returns: Json
                           },
"get_run_state":
{ Args: { "run_id": string,"since"?: number }; Returns: Json
                           },
"get_test":
{ Args: { "test_id": string }; Returns: Json
                           },
"get_test_execution_chain":
{ Args: { "environment_id"?: string,"project_id": string,"selection"?: Json }; Returns: Json
                           },
"get_test_readiness":
{ Args: { "after"?: string,"page_size"?: number,"run_id": string }; Returns: Json
                           },
"get_test_run_context":
{ Args: { "after"?: number,"page_size"?: number,"run_id": string }; Returns: Json
                           },
"get_wakeup_topics":
{ Args: Record<PropertyKey, never>; Returns: (string)[]
                           },
"invite_member":
{ Args: { "email"?: string,"expires_in"?: string,"labels"?: (string)[],"organization_id": string,"role": string }; Returns: Json
                           },
"keep_archive_part":
{ Args: { "month": string,"part": Json,"retention_class": string }; Returns: undefined
                           },
"leave_organization":
{ Args: { "organization_id": string }; Returns: {
              "created_at": string,
"labels": (string)[],
"organization_id": string,
"role": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "organization_members"
        isOneToOne: true
        isSetofReturn: false
      } },
"list_archives":
{ Args: Record<PropertyKey, never>; Returns: {
              "archived_at": string,"archived_bytes": number,"archived_rows": number,"bytes": number,"dropped_at": string,"due_on": string,"month": string,"parts": number,"retention_class": string,"rows": number,"status": string
            }[]
                           },
"list_deliveries":
{ Args: { "before"?: number,"channel_id": string,"page_size"?: number }; Returns: Json
                           },
"list_failures":
{ Args: { "after"?: string,"page_size"?: number,"project_id": string,"status"?: string }; Returns: Json
                           },
"list_run_history":
{ Args: { "before"?: string,"environment_id"?: string,"page_size"?: number,"project_id": string }; Returns: {
              "api_version": string | null,
"cancelled_count": number,
"commit_sha": string | null,
"duration_ms": number | null,
"environment_id": string,
"error_count": number,
"failed_count": number,
"finished_at": string,
"flaky_count": number,
"http_call_count": number,
"is_infra_suspect": boolean,
"max_ms": number | null,
"new_count": number,
"newly_failing_count": number,
"newly_passing_count": number,
"p50_ms": number | null,
"p95_ms": number | null,
"p99_ms": number | null,
"passed_count": number,
"previous_run_id": string | null,
"project_id": string,
"queued_at": string,
"queued_by": string | null,
"removed_count": number,
"requests_ms": number,
"rescue_count": number,
"retry_count": number,
"run_id": string,
"selection": NonNullable<Json>,
"selection_key": string,
"skipped_count": number,
"started_at": string | null,
"status": string,
"still_failing_count": number,
"total_count": number,
"trigger_kind": string
            }[]
                          SetofOptions: {
        from: "*"
        to: "test_run_history"
        isOneToOne: false
        isSetofReturn: true
      } },
"list_secrets":
{ Args: { "environment_id": string }; Returns: {
              "allowed_hosts": (string)[],"changed_at": string,"changed_by": string,"last_used_at": string,"name": string
            }[]
                           },
"list_workers":
{ Args: { "after"?: string,"organization_id"?: string,"page_size"?: number }; Returns: Json
                           },
"open_archive":
{ Args: { "month": string,"retention_class": string }; Returns: Json
                           },
"pause_project":
{ Args: { "project_id": string,"reason"?: string }; Returns: {
              "apdex_ms": number,
"archived_at": string | null,
"created_at": string,
"description": string | null,
"green_p95_ms": number,
"green_success_rate": number,
"id": string,
"name": string,
"organization_id": string,
"pause_reason": string | null,
"paused_at": string | null,
"paused_by": string | null,
"variables": NonNullable<Json>,
"yellow_p95_ms": number,
"yellow_success_rate": number
            }
                          SetofOptions: {
        from: "*"
        to: "projects"
        isOneToOne: true
        isSetofReturn: false
      } },
"plan_run":
{ Args: { "environment_id": string,"selection"?: Json,"variables"?: Json }; Returns: Json
                           },
"quarantine_test":
{ Args: { "environment_id"?: string,"expires_at": string,"owner_id": string,"reason": string,"test_id": string }; Returns: {
              "created_at": string,
"created_by": string | null,
"ended_at": string | null,
"ended_by": string | null,
"environment_id": string | null,
"expires_at": string,
"id": string,
"owner_id": string | null,
"project_id": string,
"reason": string,
"test_case_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "test_quarantines"
        isOneToOne: true
        isSetofReturn: false
      } },
"queue_run":
{ Args: { "api_version"?: string,"commit_sha"?: string,"environment_id": string,"idempotency_key"?: string,"max_parallel"?: number,"selection"?: Json,"timeout_ms"?: number,"trigger_kind"?: string,"variables"?: Json }; Returns: {
              "api_version": string | null,
"cancelled_count": number,
"commit_sha": string | null,
"environment_id": string,
"environment_snapshot_id": number | null,
"error_count": number,
"failed_count": number,
"finished_at": string | null,
"id": string,
"idempotency_key": string | null,
"labels": (string)[],
"max_parallel": number | null,
"passed_count": number,
"planned_on": string,
"project_id": string,
"queued_at": string,
"queued_by": string | null,
"selection": NonNullable<Json>,
"skipped_count": number,
"started_at": string | null,
"status": string,
"timeout_ms": number | null,
"total_count": number,
"trigger_kind": string,
"variables": NonNullable<Json>
            }
                          SetofOptions: {
        from: "*"
        to: "test_runs"
        isOneToOne: true
        isSetofReturn: false
      } },
"queue_runs":
{ Args: { "requests": Json }; Returns: {
              "api_version": string | null,
"cancelled_count": number,
"commit_sha": string | null,
"environment_id": string,
"environment_snapshot_id": number | null,
"error_count": number,
"failed_count": number,
"finished_at": string | null,
"id": string,
"idempotency_key": string | null,
"labels": (string)[],
"max_parallel": number | null,
"passed_count": number,
"planned_on": string,
"project_id": string,
"queued_at": string,
"queued_by": string | null,
"selection": NonNullable<Json>,
"skipped_count": number,
"started_at": string | null,
"status": string,
"timeout_ms": number | null,
"total_count": number,
"trigger_kind": string,
"variables": NonNullable<Json>
            }[]
                          SetofOptions: {
        from: "*"
        to: "test_runs"
        isOneToOne: false
        isSetofReturn: true
      } },
"read_archive_page":
{ Args: { "after"?: Json,"max_bytes"?: number,"month": string,"retention_class": string,"source": string }; Returns: Json
                           },
"register_worker":
{ Args: { "capacity": number,"labels"?: (string)[],"name": string,"version": string }; Returns: string
                           },
"release_test":
{ Args: { "environment_id"?: string,"test_id": string }; Returns: {
              "created_at": string,
"created_by": string | null,
"ended_at": string | null,
"ended_by": string | null,
"environment_id": string | null,
"expires_at": string,
"id": string,
"owner_id": string | null,
"project_id": string,
"reason": string,
"test_case_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "test_quarantines"
        isOneToOne: true
        isSetofReturn: false
      } },
"release_work":
{ Args: { "items": Json,"worker_id": string }; Returns: Json
                           },
"remove_member":
{ Args: { "organization_id": string,"user_id": string }; Returns: {
              "created_at": string,
"labels": (string)[],
"organization_id": string,
"role": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "organization_members"
        isOneToOne: true
        isSetofReturn: false
      } },
"renew_work":
{ Args: { "items": Json,"worker_id": string }; Returns: Json
                           },
"report_work":
{ Args: { "call_id": string,"free_slots"?: number,"prefetch"?: number,"reports": Json,"worker_id": string }; Returns: Json
                           },
"rerun_failed":
{ Args: { "environment_id"?: string,"idempotency_key"?: string,"run_id": string,"variables"?: Json }; Returns: {
              "api_version": string | null,
"cancelled_count": number,
"commit_sha": string | null,
"environment_id": string,
"environment_snapshot_id": number | null,
"error_count": number,
"failed_count": number,
"finished_at": string | null,
"id": string,
"idempotency_key": string | null,
"labels": (string)[],
"max_parallel": number | null,
"passed_count": number,
"planned_on": string,
"project_id": string,
"queued_at": string,
"queued_by": string | null,
"selection": NonNullable<Json>,
"skipped_count": number,
"started_at": string | null,
"status": string,
"timeout_ms": number | null,
"total_count": number,
"trigger_kind": string,
"variables": NonNullable<Json>
            }
                          SetofOptions: {
        from: "*"
        to: "test_runs"
        isOneToOne: true
        isSetofReturn: false
      } },
"resume_project":
{ Args: { "project_id": string }; Returns: {
              "apdex_ms": number,
"archived_at": string | null,
"created_at": string,
"description": string | null,
"green_p95_ms": number,
"green_success_rate": number,
"id": string,
"name": string,
"organization_id": string,
"pause_reason": string | null,
"paused_at": string | null,
"paused_by": string | null,
"variables": NonNullable<Json>,
"yellow_p95_ms": number,
"yellow_success_rate": number
            }
                          SetofOptions: {
        from: "*"
        to: "projects"
        isOneToOne: true
        isSetofReturn: false
      } },
"revoke_invitation":
{ Args: { "invitation_id": string }; Returns: undefined
                           },
"revoke_runner":
{ Args: { "organization_id": string,"user_id": string }; Returns: undefined
                           },
"rotate_secret":
{ Args: { "environment_id": string,"name": string,"value": string }; Returns: undefined
                           },
"save_notification_channel":
{ Args: { "document": Json }; Returns: Json
                           },
"save_suite":
{ Args: { "document": Json }; Returns: Json
                           },
"save_test":
{ Args: { "document": Json }; Returns: Json
                           },
"set_failure_status":
{ Args: { "failure_id": string,"note"?: string,"status": string }; Returns: {
              "category": string | null,
"compared_at": string | null,
"environment_count": number,
"example_message": string,
"example_result_id": string,
"failure_class": string,
"fingerprint": string,
"first_run_id": string,
"first_seen_at": string,
"id": string,
"last_run_id": string,
"last_seen_at": string,
"location": string,
"message": string,
"note": string | null,
"occurrence_count": number,
"project_id": string,
"regressed_at": string | null,
"regression_count": number,
"skipped_count": number,
"status": string,
"status_changed_at": string | null,
"status_changed_by": string | null,
"test_count": number
            }
                          SetofOptions: {
        from: "*"
        to: "failure_analysis"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_member_role":
{ Args: { "labels"?: (string)[],"organization_id": string,"role": string,"user_id": string }; Returns: {
              "created_at": string,
"labels": (string)[],
"organization_id": string,
"role": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "organization_members"
        isOneToOne: true
        isSetofReturn: false
      } },
"set_retention":
{ Args: { "kept_days"?: number,"must_archive"?: boolean,"organization_id": string,"tier": string }; Returns: Json
                           },
"set_secret":
{ Args: { "allowed_hosts"?: (string)[],"environment_id": string,"name": string,"value": string }; Returns: undefined
                           },
"set_secret_hosts":
{ Args: { "allowed_hosts": (string)[],"environment_id": string,"name": string }; Returns: undefined
                           },
"test_notification_channel":
{ Args: { "channel_id": string }; Returns: number
                           },
"transfer_ownership":
{ Args: { "organization_id": string,"user_id": string }; Returns: {
              "created_at": string,
"labels": (string)[],
"organization_id": string,
"role": string,
"user_id": string
            }
                          SetofOptions: {
        from: "*"
        to: "organization_members"
        isOneToOne: true
        isSetofReturn: false
      } },
"update_test_run_context":
{ Args: { "run_id": string,"tokens"?: Json,"values"?: Json }; Returns: {
              "expires_at": string,
"project_id": string,
"row_size_bytes": number,
"run_id": string,
"size_bytes": number,
"updated_at": string,
"value_count": number
            }
                          SetofOptions: {
        from: "*"
        to: "test_execution_context"
        isOneToOne: true
        isSetofReturn: false
      } }
          }
          Enums: {
            [_ in never]: never
          }
          CompositeTypes: {
            [_ in never]: never
          }
        }
}

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">]

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
  ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
      Row: infer R
    }
    ? R
    : never
  : never

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Insert: infer I
    }
    ? I
    : never
  : never

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema["Tables"]
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never = never
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
  ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
      Update: infer U
    }
    ? U
    : never
  : never

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema["Enums"]
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never = never
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
  ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
  : never

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema["CompositeTypes"]
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never = never
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
  ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
  : never

export const Constants = {
  "public": {
          Enums: {
            
          }
        }
} as const
