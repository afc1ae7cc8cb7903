-- Schedules: what must happen even when no worker calls.
-- Depends on: jobs, all that is called, the platform's pg_cron. Locks: none.
set lock_timeout = '2s';
set statement_timeout = '30s';

select cron.schedule('assay_rescue', '10 seconds', 'select private.rescue_expired()');
select cron.schedule('assay_time_out_runs', '10 seconds', 'select private.time_out_runs()');
select cron.schedule(
    'assay_process_runs', '10 seconds', 'select private.process_finished_runs()'
);
select cron.schedule('assay_process_events', '10 seconds', 'select private.process_events()');
select cron.schedule('assay_send_canaries', '* * * * *', 'select private.send_canaries()');
select cron.schedule(
    'assay_drop_retired_secrets', '*/10 * * * *', 'select private.drop_retired_secrets()'
);
-- daily: what has been kept for its time, in small pieces all day
select cron.schedule(
    'assay_forget_bodies', '3-59/10 * * * *',
    $command$select private.run_retention_job(
        'assay_forget_bodies', 'private.forget_bodies'
    )$command$
);
select cron.schedule(
    'assay_delete_runs', '7-59/10 * * * *',
    $command$select private.run_retention_job(
        'assay_delete_runs', 'private.delete_old_runs'
    )$command$
);
select cron.schedule(
    'assay_drop_evidence', '*/10 2 * * *',
    $command$select private.run_retention_job(
        'assay_drop_evidence', 'private.drop_due_evidence'
    )$command$
);
-- monthly
select cron.schedule(
    'assay_create_partitions', '0 1 1 * *',
    $command$select private.run_job(
        'assay_create_partitions', 'private.create_coming_partitions'
    )$command$
);
-- weekly: every ten minutes of three hours of Sunday
select cron.schedule(
    'assay_sweep_plans', '*/10 3-5 * * 0',
    $command$select private.run_job('assay_sweep_plans', 'private.sweep_plans')$command$
);
select cron.schedule(
    'assay_fold_metrics', '* * * * *',
    $command$select private.run_job('assay_fold_metrics', 'private.fold_metrics')$command$
);
-- quarterly: every ten minutes of an hour, on seven days
select cron.schedule(
    'assay_prune_history', '*/10 4 1-7 1,4,7,10 *',
    $command$select private.run_retention_job(
        'assay_prune_history', 'private.prune_history'
    )$command$
);
select cron.schedule(
    'assay_prune_metrics', '5-59/10 4 1-7 1,4,7,10 *',
    $command$select private.run_retention_job(
        'assay_prune_metrics', 'private.prune_metrics'
    )$command$
);
select cron.schedule('assay_fold_storage', '* * * * *', 'select private.fold_storage()');
select cron.schedule('assay_recount_storage', '17 * * * *', 'select private.recount_storage()');
select cron.schedule('assay_prune_workers', '15 1 * * *', 'select private.prune_workers()');
select cron.schedule(
    'assay_prune_job_runs', '45 1 * * *',
    $command$select private.run_job('assay_prune_job_runs', 'private.prune_job_runs')$command$
);
-- the platform never prunes the log of its own jobs
select cron.schedule(
    'assay_prune_cron_log', '30 1 * * *',
    $command$delete from cron.job_run_details where end_time < now() - interval '7 days'$command$
);
select cron.schedule(
    'assay_cleanup_contexts', '*/10 * * * *', 'select private.cleanup_expired_contexts()'
);
-- every five minutes of four hours of the night: each project once
select cron.schedule(
    'assay_find_regressions', '*/5 2-5 * * *',
    $command$select private.run_job(
        'assay_find_regressions', 'private.find_regressions'
    )$command$
);
select cron.schedule('assay_prune_events', '45 1 * * *', 'select private.prune_events()');
select cron.schedule(
    'assay_rate_tests', '10 2 * * *',
    $command$select private.run_job('assay_rate_tests', 'private.rate_tests')$command$
);
select cron.schedule('assay_end_quarantines', '* * * * *', 'select private.end_quarantines()');
select cron.schedule('assay_prune_changes', '*/10 * * * *', 'select private.prune_changes()');
select cron.schedule(
    'assay_merge_failures', '40 1 * * *',
    $command$select private.run_job('assay_merge_failures', 'private.merge_failures')$command$
);
