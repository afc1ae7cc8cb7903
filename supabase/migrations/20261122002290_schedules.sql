-- Schedules: what must happen even when no worker calls.
-- Depends on: claim, run functions, evidence, process_runs, the platform's pg_cron. Locks: none.
set lock_timeout = '2s';
set statement_timeout = '30s';

select cron.schedule('assay_rescue', '10 seconds', 'select private.rescue_expired()');
select cron.schedule('assay_time_out_runs', '10 seconds', 'select private.time_out_runs()');
select cron.schedule(
    'assay_process_runs', '10 seconds', 'select private.process_finished_runs()'
);
select cron.schedule('assay_send_canaries', '* * * * *', 'select private.send_canaries()');
select cron.schedule(
    'assay_drop_retired_secrets', '*/10 * * * *', 'select private.drop_retired_secrets()'
);
select cron.schedule(
    'assay_create_partitions', '0 1 * * *',
    $command$select private.create_evidence_partitions(
        (now() at time zone 'utc')::date + 31 * months.ahead
    )
    from generate_series(0, 2) as months (ahead)$command$
);
select cron.schedule('assay_fold_storage', '* * * * *', 'select private.fold_storage()');
select cron.schedule('assay_recount_storage', '17 * * * *', 'select private.recount_storage()');
select cron.schedule('assay_prune_workers', '15 1 * * *', 'select private.prune_workers()');
-- the platform never prunes the log of its own jobs
select cron.schedule(
    'assay_prune_cron_log', '30 1 * * *',
    $command$delete from cron.job_run_details where end_time < now() - interval '7 days'$command$
);
select cron.schedule(
    'assay_cleanup_contexts', '*/10 * * * *', 'select private.cleanup_expired_contexts()'
);
select cron.schedule('assay_prune_changes', '*/10 * * * *', 'select private.prune_changes()');
