-- Settling: what a verdict sets in motion. Skip, unlock, next phase, end of the run.
-- Depends on: queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

-- Items and edges are looked up by `= any(array(...))` beside the join that needs them. Statistics
-- of the queue are of another moment: after a vacuum of an empty queue the planner takes it for
-- empty, and would read a run of 50,000 from end to end for each batch.

-- Whoever calls these holds the lock of every run concerned (private.live_runs), taken in order of
-- run id. That lock guards the run's items, edges and counters; nothing here waits for another.

create function private.lock_runs_of(worker_id uuid, items jsonb)
returns uuid[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select coalesce(array_agg(locked.run_id), '{}')
    from (
        select lives.run_id
        from private.live_runs as lives
        where lives.run_id in (
            select work.run_id
            from jsonb_to_recordset(items) as given (item bigint)
            inner join private.work_items as work on work.id = given.item
            -- ids can be guessed: who holds no lease there must not hold the run up either
            where
                work.worker_id = lock_runs_of.worker_id
                and work.id = any(array(
                    select asked.item from jsonb_to_recordset(items) as asked (item bigint)
                ))
        )
        order by lives.run_id
        for no key update
    ) as locked;
$function$;
comment on function private.lock_runs_of(uuid, jsonb) is
$comment$Lock the live runs of those of [{"item": id, ...}] that are leased to the worker,
in order of run id, and return them.$comment$;

create type private.outcome as (
    item_id bigint,
    status text,
    category text,
    slug text,
    message text,
    cause_result_id uuid,
    cause_status text,
    cause_edge text,
    http_status integer,
    duration_ms numeric,
    started_at timestamptz,
    lease uuid
);
comment on type private.outcome is 'The final verdict of an item. Message is already redacted.';

create function private.spread_skips(outcomes private.outcome[])
returns private.outcome[]
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with recursive skipped (item_id, cause_item_id, edge) as (
        -- only what must have passed passes its failure on
        select
            edges.to_item,
            edges.from_item,
            edges.kind
        from unnest(outcomes) as roots
        inner join private.work_edges as edges on edges.from_item = roots.item_id
        where
            roots.status <> 'passed'
            and edges.kind in ('data', 'token')
            and edges.from_item = any(array(
                select given.item_id from unnest(outcomes) as given where given.status <> 'passed'
            ))
            -- one that has a verdict passes it on itself: when all of a run is cancelled, nobody
            -- walks the closure of each
            and edges.to_item not in (select known.item_id from unnest(outcomes) as known)
        union
        select
            edges.to_item,
            skipped.cause_item_id,
            edges.kind
        from skipped
        inner join private.work_edges as edges on edges.from_item = skipped.item_id
        where
            edges.kind in ('data', 'token')
            and edges.to_item not in (select known.item_id from unnest(outcomes) as known)
    ),

    -- two failed ancestors: either is a true cause, the lower id is told
    chosen as (
        select distinct on (skipped.item_id)
            skipped.item_id,
            skipped.cause_item_id,
            skipped.edge
        from skipped
        inner join private.work_items as items on items.id = skipped.item_id
        where
            items.state in ('waiting', 'barrier')
            and items.id = any(array(select reached.item_id from skipped as reached))
        order by skipped.item_id, skipped.cause_item_id, skipped.edge
    )

    select
        coalesce(
            array_agg(
                row(
                    chosen.item_id,
                    'skipped',
                    'dependency',
                    'upstream_not_passed',
                    format(
                        'needs a value from "%s", which %s', results.test_name,
                        case coalesce(causes.cause_status, causes.status)
                            when 'passed' then 'passed without capturing it'
                            when 'failed' then 'failed'
                            when 'error' then 'ended in error'
                            else 'was ' || coalesce(causes.cause_status, causes.status)
                        end
                    ),
                    -- a skip in turn points at its own root
                    coalesce(causes.cause_result_id, roots.result_id),
                    coalesce(causes.cause_status, causes.status),
                    chosen.edge,
                    null, null, null, null
                )::private.outcome
            ),
            '{}'
        )
    from chosen
    inner join unnest(outcomes) as causes on causes.item_id = chosen.cause_item_id
    inner join private.work_items as roots
        on
            roots.id = chosen.cause_item_id
            and roots.id = any(array(select told.cause_item_id from chosen as told))
    left join public.test_results as results
        on results.id = coalesce(causes.cause_result_id, roots.result_id);
$function$;
comment on function private.spread_skips(private.outcome[]) is
$comment$Outcomes of all that can no longer run because of these: the closure over data and token
edges, barriers included.$comment$;

create function private.lower_counters(item_ids bigint[])
returns bigint[]
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with edges as (
        delete from private.work_edges
        where from_item = any(item_ids)
        returning to_item
    ),

    met as (
        select
            edges.to_item,
            count(*) as edge_count
        from edges
        -- a set, which is hashed: all() would compare each edge with each item
        where edges.to_item not in (select over.item_id from unnest(item_ids) as over (item_id))
        group by edges.to_item
    ),

    lowered as (
        update private.work_items as items
        set
            pending_count = items.pending_count - met.edge_count,
            state = case
                when items.pending_count = met.edge_count and items.state = 'waiting' then 'ready'
                else items.state
            end
        from met
        where
            items.id = met.to_item
            and items.id = any(array(select given.to_item from met as given))
        returning items.id, items.state, items.pending_count
    )

    select coalesce(array_agg(lowered.id), '{}')
    from lowered
    where lowered.state = 'barrier' and lowered.pending_count = 0;
$function$;
comment on function private.lower_counters(bigint[]) is
$comment$Take the edges of items that are over away; what waited for nothing else becomes ready.

Returns the barriers that are complete.$comment$;

create function private.write_results(outcomes private.outcome[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    with numbered as materialized (
        select
            outcomes.*,
            items.result_id,
            items.run_id,
            items.phase,
            items.executed_count,
            items.rescue_count,
            row_number() over (partition by items.run_id order by items.id) as ordinal
        from unnest(outcomes) as outcomes
        inner join private.work_items as items on items.id = outcomes.item_id
        where
            items.result_id is not null
            and items.id = any(array(
                select given.item_id from unnest(write_results.outcomes) as given
            ))
    ),

    counts as materialized (
        select
            numbered.run_id,
            count(*) as finished,
            count(*) filter (where numbered.status = 'passed') as passed,
            count(*) filter (where numbered.status = 'failed') as failed,
            count(*) filter (where numbered.status = 'error') as error,
            count(*) filter (where numbered.status = 'skipped') as skipped,
            count(*) filter (where numbered.status = 'cancelled') as cancelled,
            count(*) filter (where numbered.phase = 'setup') as setup,
            count(*) filter (where numbered.phase = 'main') as main,
            count(*) filter (where numbered.phase = 'teardown') as teardown,
            (
                array_agg(numbered.result_id order by numbered.item_id)
                filter (where numbered.phase = 'setup' and numbered.status <> 'passed')
            )[1] as setup_cause_id
        from numbered
        group by numbered.run_id
    ),

    -- the numbers given below start where the run stood before this statement
    lives as (
        update private.live_runs as lives
        set
            finished_count = lives.finished_count + counts.finished,
            setup_open_count = lives.setup_open_count - counts.setup,
            main_open_count = lives.main_open_count - counts.main,
            teardown_open_count = lives.teardown_open_count - counts.teardown,
            setup_cause_id = coalesce(lives.setup_cause_id, counts.setup_cause_id)
        from counts
        where lives.run_id = counts.run_id
        returning lives.run_id, lives.finished_count - counts.finished as finished_before
    ),

    runs as (
        update public.test_runs as runs
        set
            passed_count = runs.passed_count + counts.passed,
            failed_count = runs.failed_count + counts.failed,
            error_count = runs.error_count + counts.error,
            skipped_count = runs.skipped_count + counts.skipped,
            cancelled_count = runs.cancelled_count + counts.cancelled
        from counts
        where runs.id = counts.run_id
    )

    update public.test_results as results
    set
        status = numbered.status,
        category = numbered.category,
        slug = numbered.slug,
        message = numbered.message,
        cause_result_id = numbered.cause_result_id,
        cause_status = numbered.cause_status,
        cause_edge = numbered.cause_edge,
        attempt_count = numbered.executed_count + (numbered.lease is not null)::integer,
        rescue_count = numbered.rescue_count,
        http_status = numbered.http_status,
        duration_ms = numbered.duration_ms,
        accepted_lease = numbered.lease,
        started_at = numbered.started_at,
        finished_at = clock_timestamp(),
        finished_seq = lives.finished_before + numbered.ordinal
    from numbered
    inner join lives on lives.run_id = numbered.run_id
    where results.id = numbered.result_id;
$function$;
comment on function private.write_results(private.outcome[]) is
'Write verdicts and count them, on the run and on its phases.';

create function private.announce_finished(outcomes private.outcome[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.announce(
        'run:' || finished.run_id, 'tests_finished',
        jsonb_build_object('run', finished.run_id, 'results', finished.results)
    )
    from (
        select
            items.run_id,
            jsonb_agg(
                jsonb_build_object('result', items.result_id, 'status', outcomes.status)
            ) as results
        from unnest(outcomes) as outcomes
        inner join private.work_items as items on items.id = outcomes.item_id
        where
            items.result_id is not null
            and items.id = any(array(
                select given.item_id from unnest(announce_finished.outcomes) as given
            ))
        group by items.run_id
    ) as finished;
$function$;
comment on function private.announce_finished(private.outcome[]) is
'Tell who watches a run which tests are over: one message a run.';

create function private.finish_items(outcomes private.outcome[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_all private.outcome[] := outcomes || private.spread_skips(outcomes);
    v_over bigint[] := array(select over.item_id from unnest(v_all) as over);
    v_barriers bigint[];
begin
    if outcomes = '{}' then
        return;
    end if;
    perform private.write_results(v_all);
    perform private.announce_finished(v_all);
    v_barriers := private.lower_counters(v_over);
    if v_barriers <> '{}' then
        -- a barrier releases tests, never another barrier
        perform private.lower_counters(v_barriers);
    end if;
    if exists (
        select
        from private.work_items as items
        where
            items.id = any(v_over)
            and (items.row_key <> '' or items.bindings @? '$.*.rows ? (@ == "all")')
    ) then
        perform private.drop_row_values(v_over);
    end if;
    delete from private.work_items where id = any(v_over || v_barriers);
end;
$function$;
comment on function private.finish_items(private.outcome[]) is
$comment$Make verdicts final: skip what can no longer run, release what waited, count.

The caller holds the runs' locks and calls private.advance_runs afterwards.$comment$;

create function private.skip_main(live private.live_runs)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    select private.finish_items(array(
        select
            row(
                items.id, 'skipped', 'dependency', 'setup_not_passed',
                format('the setup test "%s" did not pass', causes.test_name),
                coalesce(causes.cause_result_id, causes.id),
                coalesce(causes.cause_status, causes.status),
                'setup', null, null, null, null
            )::private.outcome
        from private.work_items as items
        cross join public.test_results as causes
        where
            items.run_id = live.run_id
            and items.phase = 'main'
            and causes.id = live.setup_cause_id
    ));
$function$;
comment on function private.skip_main(private.live_runs) is
'Skip every main item of a run, barriers included, because a setup test did not pass.';

create function private.stop_slug(live private.live_runs)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when live.is_cancelled then 'run_cancelled'
        when live.is_timed_out then 'run_timed_out'
    end;
$function$;
comment on function private.stop_slug(private.live_runs) is
'Why a run is to start nothing but teardown; null while it goes on.';

create function private.stop_message(slug text)
returns text
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case slug
        when 'run_cancelled' then 'the run was cancelled'
        when 'run_timed_out' then 'the run passed its time limit'
    end;
$function$;
comment on function private.stop_message(text) is 'The slug of private.stop_slug as a sentence.';

create function private.stop_items(run_ids uuid[])
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
    -- first, since it is asked with each report: of runs that go on nothing is read
    with stopped as materialized (
        select
            lives.run_id,
            lives.is_teardown_late,
            private.stop_slug(lives) as slug
        from private.live_runs as lives
        where lives.run_id = any(run_ids) and private.stop_slug(lives) is not null
    )

    -- what is leased ends with its report
    select private.finish_items(array(
        select
            row(
                items.id, 'cancelled', 'cancelled',
                stopped.slug, private.stop_message(stopped.slug),
                null, null, null, null, null, null, null
            )::private.outcome
        from stopped
        inner join private.work_items as items on items.run_id = stopped.run_id
        where
            -- teardown runs all the same, but not for ever
            (items.phase <> 'teardown' or stopped.is_teardown_late)
            and items.state in ('waiting', 'ready', 'barrier')
    ));
$function$;
comment on function private.stop_items(uuid[]) is
$comment$End what has not started in runs that were cancelled or timed out.
Runs that go on are left alone.

The caller holds the runs' locks and calls private.advance_runs afterwards.$comment$;

create function private.advance_runs(run_ids uuid[])
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_live private.live_runs;
    v_status text;
begin
    -- seldom more than a few runs, and each step depends on the one before
    for v_live in
        select lives.*
        from private.live_runs as lives
        where
            lives.run_id = any(run_ids)
            and case lives.phase
                when 'setup' then lives.setup_open_count
                when 'main' then lives.main_open_count
                else lives.teardown_open_count
            end = 0
        order by lives.run_id
    loop
        if v_live.phase = 'setup' and v_live.setup_cause_id is not null then
            perform private.skip_main(v_live);
            v_live.main_open_count := 0;
        end if;

        if v_live.main_open_count > 0 then
            update private.live_runs set phase = 'main' where run_id = v_live.run_id;
        elsif v_live.teardown_open_count > 0 then
            update private.live_runs
            set
                phase = 'teardown',
                deadline_at = clock_timestamp() + interval '10 minutes',
                paused_at = case when paused_at is not null then clock_timestamp() end
            where run_id = v_live.run_id;
            update public.test_runs set status = 'finishing' where id = v_live.run_id;
        else
            delete from private.live_runs where run_id = v_live.run_id;
            update public.test_runs
            set
                status = case
                    when v_live.is_cancelled then 'cancelled'
                    when v_live.is_timed_out then 'timed_out'
                    when error_count + failed_count > 0
                        then private.worst_status(v_live.run_id)
                    else 'passed'
                end,
                finished_at = clock_timestamp()
            where id = v_live.run_id
            returning status into v_status;
            insert into private.finished_runs (run_id) values (v_live.run_id);
            update public.test_execution_context
            set expires_at = private.context_expiry(v_live.environment_id)
            where run_id = v_live.run_id;
            perform private.announce(
                topics.topic, 'run_finished',
                jsonb_build_object('run', v_live.run_id, 'status', v_status)
            )
            from unnest(
                array['run:' || v_live.run_id, 'project:' || v_live.project_id]
            ) as topics (topic);
        end if;
    end loop;
end;
$function$;
comment on function private.advance_runs(uuid[]) is
'Move runs whose phase has no open item on: to main, to teardown, to their end.';
