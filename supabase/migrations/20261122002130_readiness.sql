-- Where each result of a run stands: what may go, and what the others wait for.
-- Depends on: read_context, queue. Locks: none, all objects are new.
set lock_timeout = '2s';
set statement_timeout = '30s';

create function private.item_state(item private.work_items, live private.live_runs)
returns text
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select case
        when item.state in ('waiting', 'leased') then item.state
        when item.phase <> live.phase then 'waiting'
        when live.paused_at is not null then 'paused'
        when item.available_at > clock_timestamp() then 'delayed'
        else 'ready'
    end;
$function$;
comment on function private.item_state(private.work_items, private.live_runs) is
$comment$What get_test_readiness calls the state of a live item.

waiting: for other tests, or for its phase. paused: its project is. delayed: for the next
attempt.$comment$;

create function private.list_awaited(item_id bigint)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select coalesce(
        jsonb_agg(
            jsonb_build_object(
                'test', awaited.test_case_id,
                'name', awaited.test_name,
                'row_key', awaited.row_key,
                'open', awaited.open_count,
                'kind', awaited.kind
            )
            order by awaited.test_name, awaited.row_key
        ),
        '[]'
    )
    from (
        select
            upstreams.test_case_id,
            cases.name as test_name,
            -- a barrier stands for all rows that are not over
            case when upstreams.state <> 'barrier' then upstreams.row_key end as row_key,
            case upstreams.state when 'barrier' then upstreams.pending_count else 1 end
            as open_count,
            edges.kind
        from private.work_edges as edges
        inner join private.work_items as upstreams on upstreams.id = edges.from_item
        inner join public.test_cases as cases on cases.id = upstreams.test_case_id
        where edges.to_item = list_awaited.item_id
        order by edges.from_item
        limit 100
    ) as awaited;
$function$;
comment on function private.list_awaited(bigint) is
'The tests that a live item still waits for, as get_test_readiness tells them; 100 at most.';

create function private.get_test_readiness(run_id uuid, after uuid, page_size integer)
returns jsonb
language plpgsql
stable
parallel safe
security definer -- the queue is closed to clients
set search_path = ''
as $function$
declare
    v_run public.test_runs := private.find_run(get_test_readiness.run_id);
    v_limit integer := private.page_limit(page_size);
begin
    return (
        with page as materialized (
            -- in the order of the key (run_id, test_case_id, row_key)
            select results.*
            from public.test_results as results
            where
                results.run_id = v_run.id
                and (
                    get_test_readiness.after is null
                    or (results.test_case_id, results.row_key) > (
                        select
                            seen.test_case_id,
                            seen.row_key
                        from public.test_results as seen
                        where
                            seen.id = get_test_readiness.after
                            -- else the place of a stranger's result would be told
                            and seen.run_id = v_run.id
                    )
                )
            order by results.test_case_id, results.row_key
            limit v_limit
        )

        select jsonb_build_object(
            'phase', (
                select lives.phase from private.live_runs as lives where lives.run_id = v_run.id
            ),
            'items', coalesce(
                jsonb_agg(
                    jsonb_build_object(
                        'result', page.id,
                        'test', page.test_case_id,
                        'name', page.test_name,
                        'suite', page.suite_name,
                        'row_key', page.row_key,
                        'phase', page.phase,
                        'state', case
                            when items.id is null then 'over'
                            else private.item_state(items, lives)
                        end,
                        'waits_for', case
                            when items.state = 'waiting' then private.list_awaited(items.id)
                            else '[]'
                        end,
                        'available_at', case
                            when items.available_at > clock_timestamp() then items.available_at
                        end,
                        'attempt', items.attempt,
                        'status', page.status,
                        'slug', page.slug,
                        'message', page.message,
                        'cause', case
                            when page.cause_result_id is not null then jsonb_build_object(
                                'result', page.cause_result_id,
                                'test', causes.test_name,
                                'status', page.cause_status,
                                'edge', page.cause_edge
                            )
                        end
                    )
                    order by page.test_case_id, page.row_key
                ),
                '[]'
            ),
            'next', case
                when count(*) = v_limit
                    then (array_agg(page.id order by page.test_case_id desc, page.row_key desc))[1]
            end
        )
        from page
        left join private.work_items as items
            on items.run_id = page.run_id and items.result_id = page.id
        left join private.live_runs as lives on lives.run_id = page.run_id
        left join public.test_results as causes on causes.id = page.cause_result_id
    );
end;
$function$;
comment on function private.get_test_readiness(uuid, uuid, integer) is
'Does the work of public.get_test_readiness.';
grant execute on function private.get_test_readiness(uuid, uuid, integer)
to authenticated, service_role;

create function public.get_test_readiness(
    run_id uuid, after uuid default null, page_size integer default 1000
)
returns jsonb
language sql
stable
parallel safe
security invoker
set search_path = ''
as $function$
    select private.get_test_readiness(run_id, after, page_size);
$function$;
comment on function public.get_test_readiness(uuid, uuid, integer) is
$comment$Where each result of a run stands: ready, waiting and for what, in flight, or over and why.

after: "next" of the previous page, null at first. page_size: 1 to 1,000. Returns {"phase" (of the
run; null when it is over), "items": [{"result", "test", "name", "suite", "row_key", "phase",
"state", "waits_for", "available_at", "attempt", "status", "slug", "message", "cause"}], "next"}, in
a fixed order; next is null when nothing more is there. state: ready, leased (a worker has it),
delayed (until available_at, when it is tried again), paused (its project is, see pause_project),
waiting (for tests; with an empty waits_for for its phase), over. waits_for: [{"test", "name", "row_key", "open", "kind"}], the first 100;
row_key is null where all rows of a fixture are awaited, and open says how many are not over.
Errors: PT404 unknown_run.$comment$;
grant execute on function public.get_test_readiness(uuid, uuid, integer)
to authenticated, service_role;
