"""A way to provoke each slug of docs/errors.md, named after it; ``test_every_slug`` makes them.

A new slug needs a function here:

* ``@refusal``: a call that is refused. It prepares what it needs and returns the statement.
* ``@reason``: a result that does not pass. It returns the row with status, category, slug, message;
  not needed for what a target does wrong, which has its line in ``support_bad_run``.
* ``@finding``: a look-up's error on the wire. It returns the fault.
* ``@wait``: what keeps a run from going on. It returns the run.
"""

import uuid
from collections.abc import Callable
from typing import Any

from support_engine import Engine, Statement, as_sql

from worker.models import Fault, Lookup
from worker.observe import Evidence, observe

REFUSALS: dict[str, Callable[[Engine], Statement]] = {}
REASONS: dict[str, Callable[[Engine], dict[str, Any]]] = {}
FINDINGS: dict[str, Callable[[], Fault | None]] = {}
WAITS: dict[str, Callable[[Engine], str]] = {}


def refusal(provoke: Callable[[Engine], Statement]) -> Callable[[Engine], Statement]:
    """Register what provokes the refusal that *provoke* is named after."""
    REFUSALS[provoke.__name__] = provoke
    return provoke


def reason(provoke: Callable[[Engine], dict[str, Any]]) -> Callable[[Engine], dict[str, Any]]:
    """Register what provokes the reason that *provoke* is named after."""
    REASONS[provoke.__name__] = provoke
    return provoke


def finding(provoke: Callable[[], Fault | None]) -> Callable[[], Fault | None]:
    """Register what provokes the fault that *provoke* is named after."""
    FINDINGS[provoke.__name__] = provoke
    return provoke


def wait(provoke: Callable[[Engine], str]) -> Callable[[Engine], str]:
    """Register what provokes the wait that *provoke* is named after."""
    WAITS[provoke.__name__] = provoke
    return provoke


def case(name: str = "one", path: str = "/", **fields: Any) -> dict[str, Any]:
    """Return the document of a test."""
    return {"name": name, "request": {"path": path}, **fields}


def making(name: str, value: str, **fields: Any) -> dict[str, Any]:
    """Return the document of a test that captures *value*."""
    captures = [{"name": value, "source": "header", "header": value}]
    return case(name, captures=captures, **fields)


# Why a run waits


@wait
def no_worker(engine: Engine) -> str:
    labels = "update public.environments set labels = '{moon}' where id = %s"
    engine.connection.execute(labels, (engine.environment,))
    return engine.queue(case())


@wait
def project_paused(engine: Engine) -> str:
    engine.make(engine.call("pause_project", project_id=engine.project))
    return engine.queue(case())


# Refused calls: limits of organizations


@refusal
def malformed_work(engine: Engine) -> Statement:
    engine.claim(engine.queue(case()))
    return engine.call("renew_work", worker_id=engine.worker, items=[{"item": "first"}])


@refusal
def too_many_runs(engine: Engine) -> Statement:
    engine.limit("max_live_runs", 0)
    return engine.queueing(case())


@refusal
def malformed_max_parallel(engine: Engine) -> Statement:
    return engine.queueing(case(), max_parallel=0)


@refusal
def malformed_commit(engine: Engine) -> Statement:
    return engine.queueing(case(), commit_sha="two words")


@refusal
def malformed_api_version(engine: Engine) -> Statement:
    return engine.queueing(case(), api_version="")


@refusal
def malformed_trigger(engine: Engine) -> Statement:
    return engine.queueing(case(), trigger_kind="moon")


@refusal
def malformed_timeout(engine: Engine) -> Statement:
    return engine.queueing(case(), timeout_ms=10)


@refusal
def too_many_tests_in_run(engine: Engine) -> Statement:
    engine.limit("max_tests_per_run", 1)
    return engine.queueing(case("one"), case("two"))


@refusal
def storage_exhausted(engine: Engine) -> Statement:
    call = engine.queueing(case())
    engine.limit("max_stored_bytes", 0)
    return call


@refusal
def too_many_projects(engine: Engine) -> Statement:
    engine.limit("max_projects", 1)
    return Statement(
        "insert into public.projects (organization_id, name) values (%s, 'another')",
        (engine.organization,),
    )


@refusal
def too_many_tests(engine: Engine) -> Statement:
    engine.limit("max_tests", 0)
    return saving(engine, case())


@refusal
def too_many_members(engine: Engine) -> Statement:
    person = engine.person()
    engine.limit("max_members", 0)
    return Statement(
        "insert into public.organization_members (organization_id, user_id, role)"
        " values (%s, %s, 'viewer')",
        (engine.organization, person),
    )


@refusal
def too_many_organizations(engine: Engine) -> Statement:
    person = engine.person("viewer")
    for number in range(20):
        engine.make(engine.call("create_organization", person, name=f"organization {number}"))
    return engine.call("create_organization", person, name="one more")


@refusal
def too_many_workers(engine: Engine) -> Statement:
    runner = engine.person("runner")
    for _ in range(100):
        engine.make(registering(engine, runner))
    return registering(engine, runner)


# Refused calls: authoring


@refusal
def malformed_document(engine: Engine) -> Statement:
    return engine.call("save_test", document=case(suite="there is none", colour="red"))


@refusal
def template_syntax(engine: Engine) -> Statement:
    return saving(engine, case(path="/{{"))


@refusal
def malformed_auth(engine: Engine) -> Statement:
    return saving(engine, case(request={"path": "/", "auth": {"kind": "handshake"}}))


@refusal
def malformed_expectation(engine: Engine) -> Statement:
    return saving(engine, case(assertions=[{"source": "status", "operator": "resembles"}]))


@refusal
def malformed_request(engine: Engine) -> Statement:
    return saving(engine, case(request={"path": "/", "headers": [["only a name"]]}))


@refusal
def malformed_retry(engine: Engine) -> Statement:
    return saving(engine, case(retry={"attempts": 0}))


@refusal
def malformed_variables(engine: Engine) -> Statement:
    return saving_suite(engine, variables={"two words": 1})


@refusal
def malformed_fixture(engine: Engine) -> Statement:
    return saving_suite(engine, fixtures=[{"name": "rows", "rows": []}])


@refusal
def invalid_path(engine: Engine) -> Statement:
    return saving(engine, case(captures=[{"name": "id", "source": "body", "path": "$.a["}]))


@refusal
def invalid_pattern(engine: Engine) -> Statement:
    return saving(engine, case(captures=[{"name": "id", "source": "text", "pattern": "(?=a)"}]))


@refusal
def too_large(engine: Engine) -> Statement:
    return saving(engine, case(description="x" * 20_001))


@refusal
def malformed_schema(engine: Engine) -> Statement:
    return saving(engine, case(json_schema={"properties": {"id": {"type": "text"}}}))


def saving_suite(engine: Engine, **fields: Any) -> Statement:
    """Return the call that saves a new suite."""
    document = {"project": str(engine.project), "name": "s", **fields}
    return engine.call("save_suite", document=document)


def saving(engine: Engine, document: dict[str, Any], **changes: Any) -> Statement:
    """Return the call that saves *document* in a new suite."""
    return engine.call("save_test", document={"suite": engine.save(), **document, **changes})


@refusal
def unknown_project(engine: Engine) -> Statement:
    return engine.call("save_suite", document={"project": str(uuid.uuid4()), "name": "s"})


@refusal
def unknown_endpoint(engine: Engine) -> Statement:
    return saving(engine, case(endpoint={"method": "GET", "path": "/nowhere"}))


@refusal
def unknown_fixture(engine: Engine) -> Statement:
    return saving(engine, case(fixture="there is none"))


def channel(engine: Engine, **document: Any) -> Statement:
    """Return the call that saves a channel of the organization."""
    fields = {"organization": str(engine.organization), "name": "ops", "kind": "webhook"}
    fields |= {"url": "https://hooks.test/x", **document}
    return engine.call("save_notification_channel", document=fields)


def channel_id(engine: Engine) -> str:
    """Save a channel and return its id."""
    call = channel(engine)
    return engine.value(call.sql, *call.values)["id"]


def rule(engine: Engine, name: str = "all", *events: str) -> Statement:
    """Return the statement that writes a rule of the one channel there is."""
    return Statement(
        "insert into public.notification_rules (organization_id, channel_id, name, events)"
        " select organization_id, id, %s || number, %s"
        " from public.notification_channels, generate_series(1, %s) as number"
        " where organization_id = %s",
        (name, list(events) or ["run_finished"], 1, engine.organization),
    )


@refusal
def malformed_channel(engine: Engine) -> Statement:
    return channel(engine, max_per_hour=0)


@refusal
def malformed_url(engine: Engine) -> Statement:
    return channel(engine, url="gopher://hooks.test/x")


@refusal
def malformed_rule(engine: Engine) -> Statement:
    channel_id(engine)
    return rule(engine, "all", "moon_rises")


@refusal
def unknown_channel(engine: Engine) -> Statement:
    return engine.call("delete_notification_channel", channel_id=uuid.uuid4())


@refusal
def too_many_channels(engine: Engine) -> Statement:
    for number in range(50):
        engine.make(channel(engine, name=f"channel {number}"))
    return channel(engine, name="one more")


@refusal
def too_many_rules(engine: Engine) -> Statement:
    channel_id(engine)
    many = rule(engine)
    engine.make(Statement(many.sql, (*many.values[:2], 200, *many.values[3:])))
    return rule(engine, "one more")


@refusal
def too_many_channel_tests(engine: Engine) -> Statement:
    trial = engine.call("test_notification_channel", channel_id=channel_id(engine))
    for _ in range(10):
        engine.make(trial)
    return trial


@refusal
def name_taken(engine: Engine) -> Statement:
    suite = engine.save(case("one"), case("two"))
    two = engine.value(
        "select id from public.test_cases where suite_id = %s and name = 'two'", suite
    )
    return engine.call("save_test", document={"id": str(two), "name": "one"})


@refusal
def weak_secret(engine: Engine) -> Statement:
    return engine.call("set_secret", environment_id=engine.environment, name="s", value="short")


@refusal
def literal_secret(engine: Engine) -> Statement:
    return Statement(
        "insert into public.api_credentials (organization_id, name, auth) values (%s, 'c', %s)",
        (engine.organization, as_sql({"kind": "bearer", "token": "written out"})),
    )


@refusal
def malformed_hosts(engine: Engine) -> Statement:
    given = {"name": "s", "value": "long enough", "allowed_hosts": "{https://target.test}"}
    return engine.call("set_secret", environment_id=engine.environment, **given)


@refusal
def unknown_secret(engine: Engine) -> Statement:
    return engine.call("delete_secret", environment_id=engine.environment, name="there_is_none")


@refusal
def not_signed_in(engine: Engine) -> Statement:
    return engine.call("create_organization", name="Nobody's")


@refusal
def not_allowed(engine: Engine) -> Statement:
    return engine.queueing(case(), person=engine.person("viewer"))


@refusal
def audit_append_only(engine: Engine) -> Statement:
    return Statement(
        "delete from public.data_changes where organization_id = %s", (engine.organization,)
    )


# Refused calls: retention


def archiving(engine: Engine) -> str:
    """Have the evidence of a month of 2020 be due to be archived; returns the month."""
    month = "2020-03-01"
    engine.value("select private.create_evidence_partitions(%s::date)", month)
    engine.value("select public.set_retention(null, 'passed_evidence', null, true)")
    return month


def opened(engine: Engine) -> str:
    """Have an archive be written; returns the month."""
    month = archiving(engine)
    engine.value("select public.open_archive('passed', %s::date)", month)
    return month


def keeping(engine: Engine, month: str, digest: str = "a" * 64) -> Statement:
    """Return the call that keeps a first part."""
    part = {"table": "test_result_details", "number": 1, "object": "o", "rows": 1, "bytes": 1}
    keys = {"sha256": digest, "first_key": [], "last_key": ["2020-03-01", str(uuid.uuid4()), 1]}
    return engine.call(
        "keep_archive_part", retention_class="passed", month=month, part={**part, **keys}
    )


@refusal
def retention_out_of_range(engine: Engine) -> Statement:
    return engine.call(
        "set_retention", organization_id=engine.organization, tier="runs", kept_days=5000
    )


@refusal
def unknown_tier(engine: Engine) -> Statement:
    return engine.call(
        "set_retention", organization_id=engine.organization, tier="audit", kept_days=50
    )


@refusal
def not_archivable(engine: Engine) -> Statement:
    return engine.call("set_retention", organization_id=None, tier="runs", must_archive=True)


@refusal
def unknown_evidence(engine: Engine) -> Statement:
    return engine.call("open_archive", retention_class="passed", month="1999-01-01")


@refusal
def archive_not_due(engine: Engine) -> Statement:
    archiving(engine)
    month = engine.value("select date_trunc('month', now() at time zone 'utc')::date::text")
    return engine.call("open_archive", retention_class="passed", month=month)


@refusal
def archive_not_open(engine: Engine) -> Statement:
    return keeping(engine, "2019-01-01")


@refusal
def malformed_part(engine: Engine) -> Statement:
    month = opened(engine)
    return engine.call("keep_archive_part", retention_class="passed", month=month, part={})


@refusal
def archive_conflict(engine: Engine) -> Statement:
    month = opened(engine)
    engine.make(keeping(engine, month))
    return keeping(engine, month, "b" * 64)


@refusal
def archive_incomplete(engine: Engine) -> Statement:
    month = opened(engine)
    parts = [{"table": "assertion_results", "number": 1, "sha256": "c" * 64}]
    return engine.call(
        "finish_archive", retention_class="passed", month=month, manifest={"parts": parts}
    )


# Refused calls: members


@refusal
def unknown_organization(engine: Engine) -> Statement:
    return engine.call(
        "leave_organization", person=engine.person(), organization_id=engine.organization
    )


@refusal
def unknown_member(engine: Engine) -> Statement:
    return about_member(engine, "remove_member", engine.person())


@refusal
def malformed_membership(engine: Engine) -> Statement:
    return about_member(engine, "set_member_role", engine.person("viewer"), role="king")


@refusal
def last_owner(engine: Engine) -> Statement:
    return about_member(engine, "remove_member", engine.person("owner"))


@refusal
def malformed_invitation(engine: Engine) -> Statement:
    return inviting(engine, expires_in="1 year")


@refusal
def too_many_invitations(engine: Engine) -> Statement:
    engine.connection.execute(
        "insert into public.organization_invitations"
        " (organization_id, role, token_digest, expires_at)"
        " select %s, 'viewer', sha256(gen_random_uuid()::text::bytea), now() + interval '1 day'"
        " from generate_series(1, 500)",
        (engine.organization,),
    )
    return inviting(engine)


@refusal
def unknown_invitation(engine: Engine) -> Statement:
    return engine.call("revoke_invitation", invitation_id=uuid.uuid4())


@refusal
def invalid_invitation(engine: Engine) -> Statement:
    return engine.call("accept_invitation", person=engine.person(), token="made up")


@refusal
def already_member(engine: Engine) -> Statement:
    call = inviting(engine)
    token = engine.value(f"select ({call.sql.removeprefix('select ')}) ->> 'token'", *call.values)
    return engine.call("accept_invitation", person=engine.person("viewer"), token=token)


def inviting(engine: Engine, **arguments: Any) -> Statement:
    """Return the call that invites somebody as a viewer."""
    given = {"organization_id": engine.organization, "role": "viewer", **arguments}
    return engine.call("invite_member", **given)


def about_member(engine: Engine, function: str, user: str, **arguments: Any) -> Statement:
    """Return the call of a *function* about a *user* of the organization."""
    return engine.call(
        function, organization_id=engine.organization, user_id=uuid.UUID(user), **arguments
    )


# Refused calls: quarantine and flakiness


def a_test(engine: Engine) -> Any:
    """Return the id of a new test."""
    suite = engine.save(case())
    return engine.value("select id from public.test_cases where suite_id = %s", suite)


def quarantining(engine: Engine, **arguments: Any) -> Statement:
    """Return the call that puts a test into quarantine for a day."""
    given = {
        "test_id": a_test(engine),
        "owner_id": uuid.UUID(engine.person("viewer")),
        "reason": "It is flaky",
        "expires_at": engine.value("select now() + interval '1 day'"),
    }
    return engine.call("quarantine_test", **(given | arguments))


@refusal
def malformed_quarantine(engine: Engine) -> Statement:
    return quarantining(engine, reason="")


@refusal
def already_quarantined(engine: Engine) -> Statement:
    call = quarantining(engine)
    engine.make(call)
    return call


@refusal
def not_quarantined(engine: Engine) -> Statement:
    return engine.call("release_test", test_id=a_test(engine))


@refusal
def malformed_window(engine: Engine) -> Statement:
    return engine.call("detect_flaky_tests", project_id=engine.project, window_days=91)


# Refused calls: running


@refusal
def malformed_selection(engine: Engine) -> Statement:
    return engine.queueing(case(), selection={"suite": []})


@refusal
def unknown_environment(engine: Engine) -> Statement:
    return engine.queueing(environment_id=uuid.uuid4())


@refusal
def unknown_suite(engine: Engine) -> Statement:
    return engine.queueing(selection={"suites": [str(uuid.uuid4())]})


@refusal
def unknown_test(engine: Engine) -> Statement:
    return engine.queueing(selection={"tests": ["not-a-uuid"]})


@refusal
def empty_selection(engine: Engine) -> Statement:
    return engine.queueing(case(), selection={"tags": ["nobody has it"]})


@refusal
def unknown_credential(engine: Engine) -> Statement:
    return engine.queueing(case(request={"path": "/", "auth": {"credential": "there is none"}}))


@refusal
def ambiguous_producer(engine: Engine) -> Statement:
    return engine.queueing(making("one", "v"), making("two", "v"), case("three", "/{{v}}"))


@refusal
def dependency_cycle(engine: Engine) -> Statement:
    return engine.queueing(
        case("one", depends_on=[{"test": "two", "kind": "order"}]),
        case("two", depends_on=[{"test": "one", "kind": "order"}]),
    )


@refusal
def dependency_on_later_phase(engine: Engine) -> Statement:
    return engine.queueing(
        case("early", phase="setup", depends_on=[{"test": "late", "kind": "order"}]), case("late")
    )


@refusal
def idempotency_conflict(engine: Engine) -> Statement:
    key, suite = str(uuid.uuid4()), engine.save(case())
    engine.make(engine.queueing(selection={"suites": [suite]}, idempotency_key=key))
    return engine.queueing(selection={"suites": [suite], "tags": ["t"]}, idempotency_key=key)


@refusal
def malformed_batch(engine: Engine) -> Statement:
    return engine.call("queue_runs", requests={"environment_id": str(engine.environment)})


@refusal
def run_not_over(engine: Engine) -> Statement:
    return engine.call("rerun_failed", run_id=engine.queue(case()))


@refusal
def nothing_failed(engine: Engine) -> Statement:
    return engine.call("rerun_failed", run_id=engine.run(case()))


@refusal
def unknown_run(engine: Engine) -> Statement:
    return engine.call("cancel_run", run_id=uuid.uuid4())


def aggregating(engine: Engine, since: str, **arguments: Any) -> Statement:
    """Return the call that asks for metrics since then."""
    return engine.call(
        "aggregate_test_metrics", project_id=engine.project, since=since, **arguments
    )


@refusal
def unknown_bucket(engine: Engine) -> Statement:
    return aggregating(engine, "2026-01-01", bucket="year")


@refusal
def malformed_range(engine: Engine) -> Statement:
    return aggregating(engine, "2026-01-02", until="2026-01-01")


@refusal
def range_too_large(engine: Engine) -> Statement:
    return aggregating(engine, "2026-01-01", until="2026-02-01", bucket="hour")


@refusal
def unknown_failure(engine: Engine) -> Statement:
    return engine.call("set_failure_status", failure_id=uuid.uuid4(), status="known")


@refusal
def malformed_status(engine: Engine) -> Statement:
    failure = engine.value(
        "insert into public.failure_analysis (project_id, fingerprint, failure_class, location,"
        " message, example_message, example_result_id, first_seen_at, last_seen_at, first_run_id,"
        " last_run_id) values (%s, '', 'timeout', '', '', '', gen_random_uuid(), now(), now(),"
        " gen_random_uuid(), gen_random_uuid()) returning id",
        engine.project,
    )
    return engine.call("set_failure_status", failure_id=failure, status="closed")


@refusal
def unknown_result(engine: Engine) -> Statement:
    return engine.call("get_aggregated_context", result_id=uuid.uuid4())


@refusal
def malformed_values(engine: Engine) -> Statement:
    return engine.call("update_test_run_context", run_id=engine.queue(case()), tokens={"t": 1})


@refusal
def run_over(engine: Engine) -> Statement:
    run = engine.run(case())
    return engine.call("update_test_run_context", run_id=run, tokens={"t": "long enough"})


@refusal
def values_too_large(engine: Engine) -> Statement:
    engine.limit_context(5)
    run = engine.queue(case())
    return engine.call("update_test_run_context", run_id=run, tokens={"t": "long enough"})


@refusal
def unknown_worker(engine: Engine) -> Statement:
    return engine.call("claim_work", worker_id=uuid.uuid4(), call_id=uuid.uuid4(), free_slots=1)


@refusal
def label_not_granted(engine: Engine) -> Statement:
    return registering(engine, engine.person("runner"), labels="{moon}")


@refusal
def worker_revoked(engine: Engine) -> Statement:
    runner = engine.person("runner")
    engine.make(registering(engine, runner))
    engine.make(revoking(engine, runner))
    worker = engine.value("select id from public.workers where user_id = %s", runner)
    return engine.call("renew_work", runner, worker_id=worker, items=[])


@refusal
def unknown_runner(engine: Engine) -> Statement:
    return revoking(engine, engine.person("viewer"))


@refusal
def runner_account(engine: Engine) -> Statement:
    return engine.call("create_organization", engine.person("runner"), name="Its own")


def registering(engine: Engine, runner: str, **arguments: Any) -> Statement:
    """Return the call that registers a worker of *runner*."""
    return engine.call("register_worker", runner, name="w", version="1", capacity=1, **arguments)


def revoking(engine: Engine, runner: str) -> Statement:
    """Return the call that revokes *runner*, made by the owner of the database."""
    return engine.call("revoke_runner", organization_id=engine.organization, user_id=runner)


# Reasons of results


@reason
def capture_missing(engine: Engine) -> dict[str, Any]:
    return engine.reason(engine.run(making("one", "v")), "one")


def set_secret(engine: Engine) -> None:
    """Give the environment the secret ``{{key}}``, which may go to its own host."""
    given = {"name": "key", "value": "long enough"}
    engine.make(engine.call("set_secret", environment_id=engine.environment, **given))


@reason
def secret_host_denied(engine: Engine) -> dict[str, Any]:
    set_secret(engine)
    return engine.reason(engine.run(case("one", "http://elsewhere.test/{{key}}")), "one")


@reason
def secret_exposed(engine: Engine) -> dict[str, Any]:
    set_secret(engine)
    return engine.reason(engine.run(case("one", "/{{key | upper}}")), "one")


@reason
def secret_in_answer(engine: Engine) -> dict[str, Any]:
    set_secret(engine)
    begins = {"source": "text", "operator": "matches", "expected": "^lo"}
    response = {"status": 200, "headers": [], "body": "long enough", "encoding": "utf-8"}
    return engine.reason(engine.run(case(assertions=[begins]), response=response), "one")


@reason
def invalid_schema(engine: Engine) -> dict[str, Any]:
    endless = {"$ref": "#"}
    lookup = Lookup(id=-1, source="schema", json_schema=endless)
    fault = observe(lookup, Evidence((), "{}")).error
    assert fault
    run = engine.run(case(json_schema=endless), schema_fault=fault.model_dump())
    return engine.reason(run, "one")


@reason
def context_too_large(engine: Engine) -> dict[str, Any]:
    engine.limit_context(1)
    found = [{"id": 0, "found": True, "values": ["more than that"], "error": None}]
    return engine.reason(engine.run(making("one", "v"), observed=found), "one")


@reason
def unknown_source(engine: Engine) -> dict[str, Any]:
    smell = {"source": "header", "name": "X-Smell", "operator": "exists"}
    fault = observe(Lookup(id=0, source="smell"), Evidence(())).error
    assert fault
    observed = [{"id": 0, "found": False, "values": [], "error": fault.model_dump()}]
    return engine.reason(engine.run(case(assertions=[smell]), observed=observed), "one")


@reason
def lost(engine: Engine) -> dict[str, Any]:
    run = engine.queue(case(request={"path": "/", "method": "POST"}))
    engine.claim(run)
    engine.expire(run)
    engine.claim(run)
    return engine.reason(run, "one")


@reason
def rescue_limit_reached(engine: Engine) -> dict[str, Any]:
    run = engine.queue(case())
    while engine.claim(run):
        engine.expire(run)
    return engine.reason(run, "one")


@reason
def unreportable(engine: Engine) -> dict[str, Any]:
    response = {"status": "not a number", "headers": [], "body": ""}
    return engine.reason(engine.run(case(), response=response), "one")


@reason
def worker_failed(engine: Engine) -> dict[str, Any]:
    return engine.reason(engine.run(case(), response=None), "one")


@reason
def upstream_not_passed(engine: Engine) -> dict[str, Any]:
    return engine.reason(engine.run(making("one", "v"), case("two", "/{{v}}")), "two")


@reason
def upstream_value_missing(engine: Engine) -> dict[str, Any]:
    optional = {"name": "v", "source": "header", "header": "V", "required": False}
    run = engine.run(case(captures=[optional]), case("two", "/{{v}}"))
    return engine.reason(run, "two")


@reason
def setup_not_passed(engine: Engine) -> dict[str, Any]:
    return engine.reason(engine.run(making("prepare", "v", phase="setup"), case()), "one")


@reason
def nothing_to_clean(engine: Engine) -> dict[str, Any]:
    return engine.reason(engine.run(case("clean", "/{{v}}", phase="teardown")), "clean")


@reason
def run_cancelled(engine: Engine) -> dict[str, Any]:
    run = engine.queue(case())
    engine.make(engine.call("cancel_run", run_id=run))
    return engine.reason(run, "one")


@reason
def run_timed_out(engine: Engine) -> dict[str, Any]:
    run = engine.queue(case())
    late = "update private.live_runs set deadline_at = now() - interval '1 s' where run_id = %s"
    engine.make(Statement(late, (run,)))
    engine.make(Statement("select private.time_out_runs()"))
    return engine.reason(run, "one")


@reason
def stale_report(engine: Engine) -> dict[str, Any]:
    run = engine.queue(case())
    (item,) = engine.claim(run)
    engine.expire(run)
    engine.claim(run)
    engine.report(item)
    return engine.evidence(run, "stale")


# Findings on the wire


@finding
def body_not_json() -> Fault | None:
    return observe(Lookup(id=0, source="body", path="$.a"), Evidence((), "<html>")).error
