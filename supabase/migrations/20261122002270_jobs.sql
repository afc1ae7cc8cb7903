-- Jobs: whatever a schedule starts is run and logged by one function, and fails alone.
-- Depends on: nothing of ours. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.job_outcome as (rows bigint, bytes bigint);
comment on type private.job_outcome is
'What a job did: rows that it wrote or removed, and bytes that it gave back, as far as it knows.';

create table private.job_runs (
    id bigint generated always as identity primary key,
    job text not null,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    run_count integer not null default 1,
    rows bigint not null default 0,
    bytes bigint not null default 0,
    error text,
    constraint job_runs_order_check check (finished_at >= started_at and run_count > 0)
);
comment on table private.job_runs is
$comment$What scheduled jobs did. Runs in a row that did nothing, or failed by the same error, are
one row. Kept for 90 days.$comment$;
comment on column private.job_runs.id is 'Order of writing.';
comment on column private.job_runs.job is 'cron.job.jobname.';
comment on column private.job_runs.started_at is 'When the first run that the row tells of began.';
comment on column private.job_runs.finished_at is 'When the last run that the row tells of ended.';
comment on column private.job_runs.run_count is 'Runs that the row tells of.';
comment on column private.job_runs.rows is 'Rows that it wrote or removed.';
comment on column private.job_runs.bytes is 'Bytes that it gave back, as far as it knows.';
comment on column private.job_runs.error is
'SQLSTATE, message and where it was raised; null = it succeeded.';
create index job_runs_job_idx on private.job_runs (job, id desc);
create index job_runs_finished_at_idx on private.job_runs (finished_at);

create function private.log_job(
    job text, started_at timestamptz, outcome private.job_outcome, error text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
begin
    if coalesce(outcome.rows, 0) = 0 then
        update private.job_runs as latest
        set run_count = latest.run_count + 1, finished_at = clock_timestamp()
        where
            latest.id = (
                select runs.id
                from private.job_runs as runs
                where runs.job = log_job.job
                order by runs.id desc
                limit 1
            )
            and latest.rows = 0
            and latest.error is not distinct from log_job.error;
        if found then
            return;
        end if;
    end if;
    insert into private.job_runs (job, started_at, rows, bytes, error)
    values (
        log_job.job, log_job.started_at, coalesce(outcome.rows, 0), coalesce(outcome.bytes, 0),
        log_job.error
    );
end;
$function$;
comment on function private.log_job(text, timestamptz, private.job_outcome, text) is
'Write a run of a job into private.job_runs, or into the row before if it tells the same.';

create function private.run_job(job text, work regproc)
returns text
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_started_at timestamptz := clock_timestamp();
    v_answer jsonb;
    v_state text;
    v_message text;
    v_context text;
    v_error text;
begin
    -- under way already: what it does is done, or will be by its next run
    if not pg_try_advisory_xact_lock(hashtextextended('assay job ' || run_job.job, 0)) then
        return null;
    end if;
    begin
        execute format('select to_jsonb(done) from %s() as done', run_job.work) into v_answer;
    exception
        when others or query_canceled then
            get stacked diagnostics
                v_state = returned_sqlstate, v_message = message_text,
                v_context = pg_exception_context;
            v_error := left(
                format('%s %s | %s', v_state, v_message, replace(v_context, e'\n', ' | ')), 2000
            );
            raise warning 'the job % failed: %', run_job.job, v_error;
    end;
    perform private.log_job(
        run_job.job,
        v_started_at,
        case jsonb_typeof(v_answer)
            when 'number' then row(v_answer::bigint, 0)::private.job_outcome
            when 'object' then jsonb_populate_record(null::private.job_outcome, v_answer)
        end,
        v_error
    );
    return v_error;
end;
$function$;
comment on function private.run_job(text, regproc) is
$comment$Run a job and log what it did; its error, or null. Called by cron.

job: its name in cron.job. work: a function that can be called without arguments and returns how
many rows it wrote or removed, a private.job_outcome, or nothing. A job that is under way is not
started again. What fails is undone, logged, and told as a warning; nothing is raised.$comment$;

create function private.run_retention_job(job text, work regproc)
returns text
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_error text := private.run_job(run_retention_job.job, run_retention_job.work);
begin
    if v_error is not null then
        perform private.raise_events(array(
            select
                row(
                    organizations.id, null, 'retention_failed', 'warning',
                    format('Old data may be kept for too long: the job %s failed', job),
                    format('retention_failed:%s:%s', job, (now() at time zone 'utc')::date),
                    null, null, null, jsonb_build_object('job', job)
                )::private.new_event
            from public.organizations
        ));
    end if;
    return v_error;
end;
$function$;
comment on function private.run_retention_job(text, regproc) is
$comment$As private.run_job, of jobs that remove what has been kept for its time: when one fails,
every organization is told, once a day.$comment$;

create function private.prune_job_runs()
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
    delete from private.job_runs
    where
        id in (
            select runs.id
            from private.job_runs as runs
            where runs.finished_at < now() - interval '90 days'
            order by runs.finished_at
            limit 10000
        );
    get diagnostics v_count = row_count;
    return v_count;
end;
$function$;
comment on function private.prune_job_runs() is
'Delete up to 10,000 rows of private.job_runs older than 90 days; how many.';

alter table private.job_runs enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.job_runs for select to public using (false);
