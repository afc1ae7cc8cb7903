"""Ways to break the engine: the property that must notice, a function, and what to change."""

import psycopg

MUTATIONS = {
    "the lease is not checked": (
        "run",
        "private.fence_reports(uuid,jsonb)",
        "and items.attempt = given.attempt\n            and items.lease = given.lease",
        "",
    ),
    "counters are lowered twice": (
        "run",
        "private.lower_counters(bigint[])",
        "pending_count = items.pending_count - met.edge_count",
        "pending_count = greatest(0, items.pending_count - 2 * met.edge_count)",
    ),
    "the closure is forgotten: skips stop at the first consumer": (
        "run",
        "private.spread_skips(private.outcome[])",
        "edges.kind\n        from skipped\n",
        "edges.kind\n        from (select * from skipped where false) as skipped\n",
    ),
    "the fence ignores the lease": (
        "run",
        "private.fence_reports(uuid,jsonb)",
        "and items.lease = given.lease",
        "",
    ),
    "the fence ignores the attempt": (
        "run",
        "private.fence_reports(uuid,jsonb)",
        "and items.attempt = given.attempt",
        "",
    ),
    "one edge counts where several were met": (
        "run",
        "private.lower_counters(bigint[])",
        "count(*) as edge_count",
        "1 as edge_count",
    ),
    "skips stop at barriers": (
        "run",
        "private.spread_skips(private.outcome[])",
        "edges.kind\n        from skipped\n",
        """edges.kind
        from (
            select * from skipped
            where item_id not in (select id from private.work_items where state = 'barrier')
        ) as skipped
        """,
    ),
    "order edges skip too": (
        "run",
        "private.spread_skips(private.outcome[])",
        "edges.kind in ('data', 'token')",
        "edges.kind in ('data', 'token', 'order')",
    ),
    "a complete barrier releases nobody": (
        "run",
        "private.finish_items(private.outcome[])",
        "perform private.lower_counters(v_barriers);",
        "null;",
    ),
    "main runs after a bad setup": (
        "run",
        "private.advance_runs(uuid[])",
        "v_live.phase = 'setup' and v_live.setup_cause_id is not null",
        "false",
    ),
    "greater is greater or equal": (
        "compare",
        "private.compare(text,jsonb,jsonb)",
        "then (actual #>> '{}')::numeric > (expected",
        "then (actual #>> '{}')::numeric >= (expected",
    ),
    "texts are compared by the server's language": (
        "compare",
        "private.compare(text,jsonb,jsonb)",
        """(actual #>> '{}') collate "C" < (expected""",
        """lower(actual #>> '{}') collate "C" < lower(expected""",
    ),
    "a whole placeholder becomes text": (
        "render",
        "private.render(jsonb,jsonb,jsonb,text,timestamp with time zone)",
        "coalesce(v_value, to_jsonb(v_text))",
        "to_jsonb(coalesce(private.text_of(v_value), v_text))",
    ),
    "percent-encoding is in lower case": (
        "encode",
        "private.percent_encode(text)",
        "upper(encode(",
        "lower(encode(",
    ),
    "rescues have no limit": (
        "run",
        "private.lose_leases(bigint[])",
        "leased.rescue_count < 3",
        "leased.rescue_count < 99",
    ),
    "a lost request is always sent again": (
        "run",
        "private.lose_leases(bigint[])",
        "where items.id = leased.id and leased.is_repeatable",
        "where items.id = leased.id",
    ),
    "a lease holds more than the environment takes": (
        "run",
        "private.lease_items(uuid[],uuid,uuid,integer,integer)",
        "in_environments.in_environment <= rooms.free",
        "in_environments.in_environment <= 1 + rooms.free",
    ),
    "what must not be repeated is handed out ahead": (
        "run",
        "private.lease_items(uuid[],uuid,uuid,integer,integer)",
        "where numbered.number <= free_slots or numbered.is_repeatable",
        "",
    ),
    "fixture rows wait for one row only": (
        "plan",
        "private.link_items(private.planned_test[],private.planned_edge[],private.planned_item[])",
        "upstreams.test_id = barrier_items.upstream_id",
        "upstreams.test_id = barrier_items.upstream_id and upstreams.row_index = 0",
    ),
    "rows of one fixture wait for all rows": (
        "plan",
        "private.link_items(private.planned_test[],private.planned_edge[],private.planned_item[])",
        "consumers.row_key = upstreams.row_key",
        "true",
    ),
    "names are inferred from later phases": (
        "plan",
        "private.infer_edges(private.planned_test[],private.planned_edge[],text[])",
        "and provided.phase_rank <= required.phase_rank",
        "",
    ),
    "a replay that another worker makes is accepted": (
        "run",
        "private.find_replayed(uuid,jsonb)",
        "and details.worker_id = find_replayed.worker_id",
        "",
    ),
    "a lease of another worker counts": (
        "run",
        "private.fence_reports(uuid,jsonb)",
        "items.state = 'leased'\n            and items.worker_id = fence_reports.worker_id",
        "items.state = 'leased'",
    ),
    "a revoked worker keeps its leases": (
        "run",
        "private.stop_workers(uuid[])",
        "perform private.end_leases(v_revoked);",
        "",
    ),
    "a rescue is a retry": (
        "run",
        "private.lose_leases(bigint[])",
        "rescue_count = items.rescue_count + 1",
        "executed_count = items.executed_count + 1",
    ),
    "a repeated claim takes more": (
        "run",
        "private.claim_tests(public.workers,uuid,integer,integer)",
        "if v_replayed <> '{}' then",
        "if false then",
    ),
    "what is handed back is lost": (
        "run",
        "private.release_work(uuid,jsonb)",
        "state = 'ready',",
        "state = 'ready', rescue_count = work.rescue_count + 1,",
    ),
    "retries are not limited in time": (
        "run",
        "private.retry_time(private.fenced_report,text,text)",
        "deadline_ms",
        "deadline",
    ),
    "an organization has no limit": (
        "run",
        "private.lease_items(uuid[],uuid,uuid,integer,integer)",
        "where in_organizations.in_organization <= in_organizations.organization_free",
        "",
    ),
    "a request costs no token of the rate limit": (
        "run",
        "private.lease_items(uuid[],uuid,uuid,integer,integer)",
        "rooms.tokens - counted.taken",
        "rooms.tokens",
    ),
    "a cancelled run skips its teardown": (
        "run",
        "private.stop_items(uuid[])",
        "(items.phase <> 'teardown' or stopped.is_teardown_late)",
        "true",
    ),
    "a run that timed out was cancelled": (
        "run",
        "private.advance_runs(uuid[])",
        "when v_live.is_timed_out then 'timed_out'",
        "when v_live.is_timed_out then 'cancelled'",
    ),
    "a paused run goes on": (
        "run",
        "private.rank_runs(public.workers)",
        "lives.paused_at is null and",
        "",
    ),
    "a replay is stale": (
        "run",
        "private.find_replayed(uuid,jsonb)",
        "details.outcome <> 'stale'",
        "false",
    ),
    "the jitter does not depend on the attempt": (
        "delay",
        "private.retry_delay_ms(jsonb,text,integer,jsonb)",
        "seed || ':' || retry_number",
        "seed || ':'",
    ),
}


def mutate(connection: psycopg.Connection, name: str) -> None:
    """Break the engine of this database in the way that *name* says."""
    _, function, old, new = MUTATIONS[name]
    row = connection.execute(
        "select pg_get_functiondef(%s::text::regprocedure)", [function]
    ).fetchone()
    assert row is not None
    assert old in row[0], f"{function} does not say {old!r} any more"
    connection.execute(row[0].replace(old, new))
