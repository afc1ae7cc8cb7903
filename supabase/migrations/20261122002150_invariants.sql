-- Invariants: what must be true of every run at every commit, asked of the rows themselves.
-- Depends on: queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create type private.broken_invariant as (invariant text, run_id uuid, told text);
comment on type private.broken_invariant is
'One place where an invariant does not hold: its sentence, the run, and which row.';

create function private.find_miscounts(since timestamptz)
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    with counted as (
        select
            runs.id,
            array[
                runs.total_count, runs.passed_count, runs.failed_count, runs.error_count,
                runs.skipped_count, runs.cancelled_count
            ] as kept,
            array[
                count(*),
                count(*) filter (where results.status = 'passed'),
                count(*) filter (where results.status = 'failed'),
                count(*) filter (where results.status = 'error'),
                count(*) filter (where results.status = 'skipped'),
                count(*) filter (where results.status = 'cancelled')
            ]::integer[] as found,
            lives.run_id is not null as is_live,
            lives.finished_count,
            count(results.finished_seq) as finished,
            max(results.finished_seq) as last_seq,
            array[
                lives.setup_open_count, lives.main_open_count, lives.teardown_open_count
            ] as kept_open,
            array[
                count(*) filter (where results.phase = 'setup' and results.status = 'pending'),
                count(*) filter (where results.phase = 'main' and results.status = 'pending'),
                count(*) filter (where results.phase = 'teardown' and results.status = 'pending')
            ]::integer[] as found_open
        from public.test_runs as runs
        inner join public.test_results as results on results.run_id = runs.id
        left join private.live_runs as lives on lives.run_id = runs.id
        where runs.queued_at >= find_miscounts.since
        group by runs.id, lives.run_id
    )

    select
        'a run counts its results',
        counted.id,
        format('keeps %s, has %s', counted.kept, counted.found)
    from counted
    where counted.kept <> counted.found
    union all
    select
        'a live run counts what is open in each phase',
        counted.id,
        format('keeps %s, has %s', counted.kept_open, counted.found_open)
    from counted
    where counted.is_live and counted.kept_open <> counted.found_open
    union all
    select
        'verdicts are numbered from 1 without a gap',
        counted.id,
        format('%s verdicts, the last is number %s', counted.finished, counted.last_seq)
    from counted
    where
        counted.finished <> coalesce(counted.last_seq, 0)
        or counted.finished <> coalesce(counted.finished_count, counted.finished);
$function$;
comment on function private.find_miscounts(timestamptz) is
'Counters of runs queued since that differ from the rows that they count.';

create function private.find_misplaced_items()
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'an item waits for as many as point at it',
        items.run_id,
        format('item %s keeps %s, has %s', items.id, items.pending_count, count(edges.to_item))
    from private.work_items as items
    left join private.work_edges as edges on edges.to_item = items.id
    group by items.id
    having items.pending_count <> count(edges.to_item)
    union all
    select
        'nothing waits for nothing',
        items.run_id,
        format('item %s is %s', items.id, items.state)
    from private.work_items as items
    where items.state in ('waiting', 'barrier') and items.pending_count = 0
    union all
    select
        'what is leased belongs to the phase of its run',
        items.run_id,
        format('item %s of %s, run in %s', items.id, items.phase, lives.phase)
    from private.work_items as items
    inner join private.live_runs as lives on lives.run_id = items.run_id
    where items.state = 'leased' and items.phase <> lives.phase
    union all
    select
        'an edge goes with its upstream, and stays in its run and phase',
        edges.run_id,
        format('%s to %s', edges.from_item, edges.to_item)
    from private.work_edges as edges
    left join private.work_items as upstream
        on upstream.id = edges.from_item and upstream.run_id = edges.run_id
    -- it may be gone: skipped because of another upstream
    left join private.work_items as downstream on downstream.id = edges.to_item
    where
        upstream.id is null
        or (downstream.run_id, downstream.phase) <> (upstream.run_id, upstream.phase);
$function$;
comment on function private.find_misplaced_items() is
'Items and edges of the queue that could never be taken up, or too early.';

create function private.find_misheld_leases()
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'a lease is held by a worker that may work',
        items.run_id,
        format('item %s is leased to %s', items.id, items.worker_id)
    from private.work_items as items
    left join public.workers on workers.id = items.worker_id and workers.revoked_at is null
    where items.state = 'leased' and workers.id is null
    union all
    select
        'every attempt and every rescue had its lease, and rescues are three at most',
        items.run_id,
        format(
            'item %s: %s leases, %s reported, %s rescued', items.id, items.attempt,
            items.executed_count, items.rescue_count
        )
    from private.work_items as items
    where
        items.attempt
        < items.executed_count + items.rescue_count + (items.state = 'leased')::integer
        or items.rescue_count > 3;
$function$;
comment on function private.find_misheld_leases() is
'Leases of workers that are gone or revoked, and items that were tried more often than handed out.';

create function private.find_stuck_runs()
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'a live run is in the first phase that has something open',
        lives.run_id,
        format(
            'in %s with %s, %s and %s open', lives.phase, lives.setup_open_count,
            lives.main_open_count, lives.teardown_open_count
        )
    from private.live_runs as lives
    where
        lives.phase is distinct from case
            when lives.setup_open_count > 0 then 'setup'
            when lives.main_open_count > 0 then 'main'
            when lives.teardown_open_count > 0 then 'teardown'
        end;
$function$;
comment on function private.find_stuck_runs() is
'Live runs that no report will move on: nothing is open in their phase, or something before it.';

create function private.find_unmatched_results(since timestamptz)
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'an item has an open result, and an open result an item',
        coalesce(results.run_id, items.run_id),
        format('result %s, item %s', results.id, items.id)
    from private.work_items as items
    full join (
        select
            pending.id,
            pending.run_id
        from public.test_results as pending
        inner join public.test_runs as runs on runs.id = pending.run_id
        where pending.status = 'pending' and runs.queued_at >= find_unmatched_results.since
    ) as results
        on results.id = items.result_id and results.run_id = items.run_id
    where
        items.state is distinct from 'barrier'
        and (items.id is null or results.id is null)
        and not exists (
            -- queued before that moment, and so not looked at
            select
            from public.test_runs as runs
            where runs.id = items.run_id and runs.queued_at < find_unmatched_results.since
        )
    union all
    select
        'a run is live until it is over',
        runs.id,
        format('it is %s', runs.status)
    from public.test_runs as runs
    left join private.live_runs as lives on lives.run_id = runs.id
    where
        runs.queued_at >= find_unmatched_results.since
        and (runs.finished_at is null) <> (lives.run_id is not null);
$function$;
comment on function private.find_unmatched_results(timestamptz) is
'Results without work that would end them, work without a result, runs that nothing will end.';

create function private.find_baseless_skips(since timestamptz)
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'a skip has a root cause in its run that did not pass, or lacks a value',
        results.run_id,
        format('"%s" is %s because of %s', results.test_name, results.slug, causes.id)
    from public.test_results as results
    inner join public.test_runs as runs on runs.id = results.run_id
    left join public.test_results as causes
        on causes.id = results.cause_result_id and causes.run_id = results.run_id
    where
        runs.queued_at >= find_baseless_skips.since
        and results.status = 'skipped'
        and case
            when results.slug in ('nothing_to_clean', 'upstream_value_missing')
                then causes.status = 'pending' or (
                    results.cause_result_id is not null and causes.id is null
                )
            else
                causes.id is null
                or causes.status = 'pending'
                or causes.status <> results.cause_status
                -- no root
                or (causes.status = 'skipped' and causes.cause_result_id is not null)
                -- unless what it did not capture was missed on the way
                or (
                    causes.status = 'passed'
                    and not exists (
                        select
                        from public.test_results as missing
                        where
                            missing.run_id = results.run_id
                            and missing.slug = 'upstream_value_missing'
                            and missing.cause_result_id = causes.id
                    )
                )
        end;
$function$;
comment on function private.find_baseless_skips(timestamptz) is
'Skipped results of runs queued since whose cause is missing or did pass.';

create function private.find_miscounted_contexts(since timestamptz)
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'a context counts its values and their bytes',
        contexts.run_id,
        format(
            'keeps %s in %s bytes, has %s in %s', contexts.value_count, contexts.size_bytes,
            count(entries.id), coalesce(sum(entries.size_bytes), 0)
        )
    from public.test_execution_context as contexts
    inner join public.test_runs as runs on runs.id = contexts.run_id
    left join public.test_context_values as entries on entries.run_id = contexts.run_id
    where runs.queued_at >= find_miscounted_contexts.since
    group by contexts.run_id, contexts.project_id
    having
        contexts.value_count <> count(entries.id)
        or contexts.size_bytes <> coalesce(sum(entries.size_bytes), 0);
$function$;
comment on function private.find_miscounted_contexts(timestamptz) is
'Contexts of runs queued since whose counters differ from their values.';

create function private.find_unfounded_verdicts(since timestamptz)
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'a verdict has the evidence of the attempt that decided',
        results.run_id,
        format('"%s" is %s under lease %s', results.test_name, results.status, results.accepted_lease)
    from public.test_results as results
    inner join public.test_runs as runs on runs.id = results.run_id
    left join public.test_result_details as details
        on
            details.planned_on = results.planned_on
            and details.result_id = results.id
            and details.lease = results.accepted_lease
            and details.outcome = results.status
    where
        runs.queued_at >= find_unfounded_verdicts.since
        and results.accepted_lease is not null
        and details.result_id is null;
$function$;
comment on function private.find_unfounded_verdicts(timestamptz) is
'Judged results of runs queued since whose deciding attempt was not kept.';

create function private.find_misjudged_pauses()
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'a live run stands still exactly while its project is paused',
        lives.run_id,
        format('the run since %s, the project since %s', lives.paused_at, projects.paused_at)
    from private.live_runs as lives
    inner join public.projects on projects.id = lives.project_id
    where
        (lives.paused_at is null) <> (projects.paused_at is null)
        or lives.paused_at < projects.paused_at;
$function$;
comment on function private.find_misjudged_pauses() is
'Live runs that go on though their project is paused, or the other way about.';

create function private.find_misjudged_runs(since timestamptz)
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select
        'a run ends as its worst result that is not in quarantine',
        runs.id,
        format('it is %s, of its results %s', runs.status, array_agg(distinct results.status))
    from public.test_runs as runs
    inner join public.test_results as results on results.run_id = runs.id
    where
        runs.queued_at >= find_misjudged_runs.since
        and runs.status in ('passed', 'failed', 'error')
    group by runs.id
    having
        runs.status <> case
            when bool_or(results.status = 'error' and not results.is_quarantined) then 'error'
            when bool_or(results.status = 'failed' and not results.is_quarantined) then 'failed'
            else 'passed'
        end;
$function$;
comment on function private.find_misjudged_runs(timestamptz) is
'Runs queued since that ended by themselves, but not as their results say.';

create function private.check_invariants(since timestamptz default now() - interval '1 day')
returns setof private.broken_invariant
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select * from private.find_miscounts(check_invariants.since)
    union all
    select * from private.find_misplaced_items()
    union all
    select * from private.find_misheld_leases()
    union all
    select * from private.find_stuck_runs()
    union all
    select * from private.find_misjudged_pauses()
    union all
    select * from private.find_unmatched_results(check_invariants.since)
    union all
    select * from private.find_baseless_skips(check_invariants.since)
    union all
    select * from private.find_misjudged_runs(check_invariants.since)
    union all
    select * from private.find_miscounted_contexts(check_invariants.since)
    union all
    select * from private.find_unfounded_verdicts(check_invariants.since);
$function$;
comment on function private.check_invariants(timestamptz) is
$comment$Where the engine's rows contradict each other; no row when all is well.

since: only runs queued from then on, as far back as evidence is kept; the queue is looked at whole.
Reads one snapshot and locks nothing, so that it may run beside a busy engine.$comment$;
