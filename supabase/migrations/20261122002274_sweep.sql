-- Definitions and snapshots that nothing refers to any more are swept.
-- Depends on: queue, store_plan. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create table private.sweep_position (
    is_only boolean primary key default true,
    definition_id bigint not null default 0,
    constraint sweep_position_only_check check (is_only)
);
comment on table private.sweep_position is
'How far the sweep of definitions has come; it goes round.';
comment on column private.sweep_position.is_only is 'There is one row.';
comment on column private.sweep_position.definition_id is 'The last definition looked at.';
insert into private.sweep_position default values;

create function private.delete_idle_definitions(max_rows integer)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ids bigint[] := array(
        select definitions.id
        from private.definitions
        -- No plan is under way that found it before it was marked, and every later one waits here
        -- to store it anew.
        where definitions.idle_since < now() - interval '1 day'
        order by definitions.idle_since
        limit max_rows
        for update skip locked
    );
    v_count bigint;
begin
    delete from private.definitions
    where
        id = any(v_ids)
        and not exists (
            select from public.test_results as results where results.definition_id = definitions.id
        );
    get diagnostics v_count = row_count;
    -- a plan that was under way when it was marked used it
    update private.definitions set idle_since = null where id = any(v_ids);
    return v_count;
end;
$function$;
comment on function private.delete_idle_definitions(integer) is
'Delete definitions that have been idle for a day, unless a result refers to them; how many.';

create function private.mark_idle_definitions(max_rows integer)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ids bigint[] := array(
        select definitions.id
        from private.definitions
        where
            definitions.id > (select sweep.definition_id from private.sweep_position as sweep)
        order by definitions.id
        limit max_rows
    );
begin
    update private.definitions
    set idle_since = clock_timestamp()
    where
        id = any(v_ids)
        and idle_since is null
        and not exists (
            select from public.test_results as results where results.definition_id = definitions.id
        );
    update private.sweep_position
    set
        definition_id = case
            when cardinality(v_ids) < max_rows then 0
            else v_ids[cardinality(v_ids)]
        end
    where is_only;
end;
$function$;
comment on function private.mark_idle_definitions(integer) is
'Look at the next so many definitions, and mark those that no result refers to.';

create function private.delete_idle_snapshots(max_rows integer)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_ids bigint[] := array(
        select snapshots.id
        from private.snapshots
        where
            snapshots.id in (
                select idle.id
                from public.projects
                cross join lateral (
                    -- Whoever refers to a snapshot was planned by used_on, and all runs that there
                    -- are were planned later; the day between is for runs just being planned.
                    select
                        coalesce(
                            (
                                select
                                    least(
                                        runs.planned_on, (runs.queued_at at time zone 'utc')::date
                                    )
                                from public.test_runs as runs
                                where runs.project_id = projects.id
                                order by runs.queued_at
                                limit 1
                            ),
                            (now() at time zone 'utc')::date
                        ) - 1 as day
                    offset 0
                ) as oldest
                cross join lateral (
                    select swept.id
                    from private.snapshots as swept
                    where swept.project_id = projects.id and swept.used_on < oldest.day
                    limit max_rows
                ) as idle
                limit max_rows
            )
        for update skip locked
    );
    v_count bigint;
begin
    -- what a plan stored anew before it was locked is in use again
    delete from private.snapshots
    where id = any(v_ids) and used_on < (now() at time zone 'utc')::date;
    get diagnostics v_count = row_count;
    return v_count;
end;
$function$;
comment on function private.delete_idle_snapshots(integer) is
'Delete snapshots last used before the oldest run of their project was planned; how many.';

create function private.sweep_plans(max_rows integer default 10000)
returns bigint
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = ''
as $function$
declare
    v_count bigint := private.delete_idle_definitions(max_rows);
begin
    perform private.mark_idle_definitions(max_rows);
    return v_count + private.delete_idle_snapshots(max_rows);
end;
$function$;
comment on function private.sweep_plans(integer) is
$comment$Sweep definitions and snapshots that no run refers to; how many went. Called by a job.

max_rows: of each kind at most. Definitions go by the second visit, a day or more after the first
has marked them: a plan that finds one marked stores it anew.$comment$;

alter table private.sweep_position enable row level security;
-- closed on purpose: the advisors take a table without a policy for one that was forgotten
create policy closed on private.sweep_position for select to public using (false);
