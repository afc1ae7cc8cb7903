-- Reading the history: runs page by page, and what changed in one of them.
-- Depends on: write history, run functions. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.find_story(run_id uuid)
returns private.run_story
language plpgsql
stable
parallel safe
security definer -- private.last_verdicts is closed to clients
set search_path = ''
as $function$
declare
    v_story private.run_story;
begin
    if not exists (
        select
        from public.test_runs as runs
        where
            runs.id = find_story.run_id
            and runs.finished_at is not null
            and (
                (select private.is_operator())
                or runs.project_id = any(array(select private.my_project_ids()))
            )
    ) then
        return null;
    end if;
    v_story := private.tell_runs(array[find_story.run_id]);
    v_story.compared := null;
    return v_story;
end;
$function$;
comment on function private.find_story(uuid) is
$comment$What the history will tell of a run that is over and that the caller may read, worked out
now; else null. For the seconds until it is written.$comment$;
grant execute on function private.find_story(uuid) to authenticated, service_role;

create function private.read_story(run_id uuid)
returns private.run_story
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_history public.test_run_history;
begin
    select history.*
    into v_history
    from public.test_run_history as history
    where history.run_id = read_story.run_id;
    if not found then
        return private.find_story(read_story.run_id);
    end if;
    return row(
        array[v_history],
        null,
        array(
            select told
            from public.test_run_changes as told
            where told.run_id = read_story.run_id
            order by told.place
        )
    )::private.run_story;
end;
$function$;
comment on function private.read_story(uuid) is
$comment$What the history tells of a run, written or not; null while the run is not over, or if the
caller may not read it.$comment$;
grant execute on function private.read_story(uuid) to authenticated, service_role;

create function private.describe_mark(history public.test_run_history)
returns jsonb
language sql
immutable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when history.run_id is not null then jsonb_build_object(
            'run', history.run_id,
            'finished_at', history.finished_at,
            'commit_sha', history.commit_sha,
            'api_version', history.api_version
        )
    end;
$function$;
comment on function private.describe_mark(public.test_run_history) is
'A run as the moment at which something began or was the last time; null for none.';
grant execute on function private.describe_mark(public.test_run_history)
to authenticated, service_role;

create function private.describe_comparison(story private.run_story)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_run public.test_run_history := story.runs[1];
begin
    return (
        select jsonb_build_object(
            'previous', (
                select private.describe_mark(history)
                from public.test_run_history as history
                where history.run_id = v_run.previous_run_id
            ),
            'newly_failing', v_run.newly_failing_count,
            'still_failing', v_run.still_failing_count,
            'newly_passing', v_run.newly_passing_count,
            'flaky', v_run.flaky_count,
            'new', v_run.new_count,
            'removed', v_run.removed_count
        )
        where v_run.run_id is not null
    );
end;
$function$;
comment on function private.describe_comparison(private.run_story) is
'How a run compares with what was before it, in numbers; null if nothing is told of it.';
grant execute on function private.describe_comparison(private.run_story)
to authenticated, service_role;

create function private.describe_changes(
    changes public.test_run_changes[], run public.test_run_history
)
returns table (place integer, test_case_id uuid, row_key text, change jsonb)
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
begin
    return query
    select
        given.place,
        given.test_case_id,
        given.row_key,
        jsonb_build_object(
            'place', given.place,
            'test', given.test_case_id,
            'name', given.test_name,
            'suite', given.suite_name,
            'row_key', given.row_key,
            'change', given.change,
            'is_new', given.is_new,
            'is_flaky', given.is_flaky,
            'status', given.status,
            'slug', given.slug,
            'failing_since', private.describe_mark(
                -- its own history may not be written yet
                case when given.failing_since_run_id = run.run_id then run else failing end
            ),
            'last_passed', private.describe_mark(passed)
        )
    from unnest(describe_changes.changes) as given
    left join public.test_run_history as failing on failing.run_id = given.failing_since_run_id
    left join public.test_run_history as passed on passed.run_id = given.last_passed_run_id;
end;
$function$;
comment on function private.describe_changes(public.test_run_changes[], public.test_run_history) is
'What changed in a run as get_run_comparison tells it, an entry for each test or fixture row.';
grant execute on function
private.describe_changes(public.test_run_changes[], public.test_run_history)
to authenticated, service_role;

create function public.get_run_comparison(
    run_id uuid, after integer default 0, page_size integer default 1000
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_story private.run_story := private.read_story(get_run_comparison.run_id);
    v_after integer := greatest(coalesce(get_run_comparison.after, 0), 0);
    v_limit integer := private.page_limit(page_size);
begin
    return (
        select jsonb_build_object(
            'run', private.describe_mark(v_story.runs[1]),
            'comparison', private.describe_comparison(v_story),
            'changes', (
                select coalesce(jsonb_agg(told.change order by told.place), '[]')
                -- places count from 1, as arrays do
                from private.describe_changes(
                    v_story.changes[v_after + 1:v_after + v_limit], v_story.runs[1]
                ) as told
            ),
            'next', case
                when cardinality(v_story.changes) > v_after + v_limit then v_after + v_limit
            end
        )
        where v_story.runs is not null
    );
end;
$function$;
comment on function public.get_run_comparison(uuid, integer, integer) is
$comment$What changed in a run that is over: each of its tests against the last time that it ran in
the same environment.

after: "next" of the previous page, 0 at first. page_size: changes, 1 to 1,000.
Returns {"run": {"run", "finished_at", "commit_sha", "api_version"}, "comparison": {"previous": the
previous run of the same selection, in the same form, or null, "newly_failing", "still_failing",
"newly_passing", "flaky", "new", "removed": how many}, "changes": [{"place", "test", "name", "suite",
"row_key", "change", "is_new", "is_flaky", "status", "slug", "failing_since": the first run since the
last pass in which it did not pass, "last_passed": the last run before in which it passed, both in
the same form or null}], "next"}. change: newly_failing, still_failing, newly_passing, flaky, new or
removed, in this order; tests that passed as before are left out. next is null when nothing more is
there. Null when there is no such run, or it is not over. How it is computed: docs/history.md.$comment$;
grant execute on function public.get_run_comparison(uuid, integer, integer)
to authenticated, service_role;

create function public.list_run_history(
    project_id uuid,
    environment_id uuid default null,
    before uuid default null,
    page_size integer default 100
)
returns setof public.test_run_history
language plpgsql
stable
parallel safe
security invoker
set search_path = ''
as $function$
declare
    v_seen public.test_run_history;
begin
    select history.*
    into v_seen
    from public.test_run_history as history
    where history.run_id = list_run_history.before;
    if not found then
        v_seen.finished_at := 'infinity';
        v_seen.run_id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    end if;
    -- two statements: each reads its own index, and no more than a page of it
    if list_run_history.environment_id is null then
        return query
        select history.*
        from public.test_run_history as history
        where
            history.project_id = list_run_history.project_id
            and (history.finished_at, history.run_id) < (v_seen.finished_at, v_seen.run_id)
        order by history.finished_at desc, history.run_id desc
        limit private.page_limit(page_size);
    else
        return query
        select history.*
        from public.test_run_history as history
        where
            history.project_id = list_run_history.project_id
            and history.environment_id = list_run_history.environment_id
            and (history.finished_at, history.run_id) < (v_seen.finished_at, v_seen.run_id)
        order by history.finished_at desc, history.run_id desc
        limit private.page_limit(page_size);
    end if;
end;
$function$;
comment on function public.list_run_history(uuid, uuid, uuid, integer) is
$comment$The runs of a project that are over, the latest first, page by page: one row each, with
counts, durations, and how it compares with what was before.

environment_id: only of this one; null = of all. before: the last run_id of the previous page; null
for the latest. page_size: 1 to 1,000. Returns test_run_history rows, fewer than asked for when
nothing more is there; none of a project that is not the caller's to see.$comment$;
grant execute on function public.list_run_history(uuid, uuid, uuid, integer)
to authenticated, service_role;
