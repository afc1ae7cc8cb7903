-- What runs that are over have to tell.
-- Depends on: events, runs. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.run_title(run public.test_runs)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return format('Run %s: ', replace(run.status, '_', ' '))
        || case
            when run.status = 'passed'
                then format('%s of %s tests', run.passed_count, run.total_count)
            else concat_ws(
                ', ',
                format('%s of %s tests failed', run.failed_count, run.total_count),
                case when run.error_count > 0 then run.error_count || ' in error' end,
                case when run.skipped_count > 0 then run.skipped_count || ' skipped' end,
                case when run.cancelled_count > 0 then run.cancelled_count || ' cancelled' end
            )
        end;
end;
$function$;
comment on function private.run_title(public.test_runs) is
'What became of a run that is over, in a line: Run failed: 3 of 150 tests failed, 11 skipped.';

create function private.run_severity(run public.test_runs)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_ran_count integer := run.passed_count + run.failed_count + run.error_count;
begin
    return case
        when run.status in ('passed', 'cancelled') then 'info'
        when v_ran_count >= 5 and run.passed_count * 5 <= v_ran_count then 'critical'
        else 'warning'
    end;
end;
$function$;
comment on function private.run_severity(public.test_runs) is
$comment$How bad it is what became of a run: critical when four of five tests that ran, and five at
least, did not pass.$comment$;

create function private.first_failures(run_id uuid)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return (
        select
            coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'test', left(failures.test_name, 100),
                        'suite', left(failures.suite_name, 100),
                        'row_key', left(failures.row_key, 100),
                        'status', failures.status,
                        'slug', failures.slug,
                        'message', left(failures.message, 200)
                    )
                    order by failures.finished_seq
                ),
                '[]'
            )
        from (
            select results.*
            from public.test_results as results
            where
                results.run_id = first_failures.run_id
                and results.status in ('failed', 'error')
            order by results.finished_seq
            limit 5
        ) as failures
    );
end;
$function$;
comment on function private.first_failures(uuid) is
'The first five tests of a run that failed or ended in error, with why: for messages.';

create function private.raise_run_events(run_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    perform private.raise_events(array(
        select
            row(
                null,
                runs.project_id,
                'run_finished',
                private.run_severity(runs),
                private.run_title(runs),
                'run_finished:' || runs.id,
                runs.environment_id,
                runs.id,
                null,
                jsonb_build_object(
                    'status', runs.status,
                    'counts', jsonb_build_object(
                        'total', runs.total_count,
                        'passed', runs.passed_count,
                        'failed', runs.failed_count,
                        'error', runs.error_count,
                        'skipped', runs.skipped_count,
                        'cancelled', runs.cancelled_count
                    ),
                    'duration_ms', round(
                        extract(epoch from runs.finished_at - runs.queued_at) * 1000
                    ),
                    'trigger', runs.trigger_kind,
                    'commit', runs.commit_sha,
                    'api_version', runs.api_version,
                    -- of what failed before; it says nothing about those that passed then
                    'stream', case
                        when not runs.selection ? 'failures_of'
                            then md5(runs.selection::text)
                    end,
                    'failures', case
                        when runs.status in ('failed', 'error', 'timed_out')
                            then private.first_failures(runs.id)
                        else '[]'
                    end
                )
            )::private.new_event
        from public.test_runs as runs
        where runs.id = any(run_ids) and runs.finished_at is not null
        order by
            runs.finished_at,
            runs.id
    ));
end;
$function$;
comment on function private.raise_run_events(uuid[]) is
$comment$Raise run_finished for each run that is over, once.

Payload: status, counts, duration_ms (from queueing), trigger, commit, api_version, stream (digest
of the selection: runs of one stream follow each other; null for reruns of failures), and the first
five failures. Called by private.process_finished_runs.$comment$;
