"""A hostile week: everything that the interface has, by those who have no right to it.

``make attack`` also prints how long answers about foreign ids take beside those about none.
"""

import contextlib
import copy
import itertools
import json
import os
import re
import secrets
import statistics
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import psycopg
import pytest
from support_attack import Attacker, Organization, World
from support_attack_catalog import Function, Table, functions, make_arguments, references, tables

from worker.embedded.stack import Connection

STRANGERS = ["stranger", "runner", "removed", "anon"]
EVERYBODY = [*STRANGERS, "viewer"]
ACCEPTED = [
    "text/csv",
    "application/vnd.pgrst.object+json",
    "application/vnd.pgrst.plan+json",
    "application/vnd.pgrst.plan+text; options=analyze|verbose|buffers",
    "application/geo+json",
    "application/octet-stream",
]
PREFERENCES = [
    "return=representation",
    "return=minimal, tx=rollback",
    "return=representation, resolution=merge-duplicates",
    "return=representation, resolution=ignore-duplicates",
    "return=headers-only, count=exact",
]
TIMED_ROUNDS = 200
SCALARS = ("text", "uuid", "integer", "bigint", "boolean", "numeric", "date")


@pytest.fixture(scope="module")
def world(stack: Connection) -> Iterator[World]:
    """Yield the victim and the attackers; at the end say how many attacks there were."""
    with (
        psycopg.connect(stack.db_url, autocommit=True) as database,
        contextlib.closing(World(stack, database)) as world,
    ):
        yield world
        if os.environ.get("ASSAY_ATTACK") == "timed":
            tell_timings(world)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(world.counts.items()))
    sys.stdout.write(f"attacks: {world.counts.total()} ({counted})\n")


def tell_timings(world: World) -> None:
    """Ask functions about ids of the victim and about none by turns; print both medians."""
    watch = world.watch("stranger")
    for function in functions(world.database):
        taken: dict[str, list[float]] = {"victim": [], "nobody": []}
        if not any(path for path, _ in leaves_of(make_arguments(function, world.victim.ids))):
            continue
        for _ in range(TIMED_ROUNDS):
            for who, one in (("victim", world.victim), ("nobody", Organization.of_nobody())):
                arguments = make_arguments(function, one.ids)
                started = time.perf_counter()
                watch.send("POST", f"rpc/{function.name}", json=arguments)
                taken[who].append(time.perf_counter() - started)
        medians = {who: statistics.median(times) * 1000 for who, times in taken.items()}
        sys.stdout.write(
            f"{function.name:<32} {medians['victim']:.2f} ms about the victim's,"
            f" {medians['nobody']:.2f} ms about nobody's\n"
        )


@pytest.fixture(autouse=True)
def nothing_crosses(world: World) -> Iterator[None]:
    """Fail when an answer held anything of the victim's, or the victim's rows have changed."""
    world.filler.renew_leases()
    before = world.state_of_victim()
    yield
    leaks, world.leaks = world.leaks, []
    assert not leaks, "\n".join(leaks)
    assert world.state_of_victim() == before


def answer_of(response: httpx.Response, *who: Organization) -> tuple[int, str]:
    """Return what tells answers apart: of what was done only that it was, else every word.

    The ids that *who* has are replaced by their names.
    """
    if response.is_success:
        return response.status_code, shape_of(response)
    told = response.text
    for one in who:
        for name, value in one.ids.items():
            told = re.sub(rf"\b{re.escape(str(value))}\b", f"<{name}>", told)
        told = told.replace(one.mark, "<mark>")
    return response.status_code, told


def shape_of(response: httpx.Response) -> str:
    """Return what an answer has, but for work, which is handed out once only, and its lack."""
    try:
        answer = response.json()
    except ValueError:
        return "something"
    if not isinstance(answer, dict):
        return f"something: {bool(answer)}"
    return " ".join(
        sorted(name for name in answer if answer[name] and name not in {"work", "retry_ms"})
    )


def test_there_is_something_to_steal(world: World) -> None:
    """Every table has rows of the victim, and every one that holds texts has its mark."""
    rows = {
        table.name: world.rows_of_victim(f"public.{table.name}") for table in tables(world.database)
    }
    unmarked = {name for name, found in rows.items() if world.mark not in json.dumps(found)}

    assert [name for name, found in rows.items() if not found] == []
    assert unmarked <= {
        *("organization_members", "organization_limits", "test_dependencies", "fixture_usage"),
        *("test_execution_context", "test_run_history", "test_ratings"),
        *("organization_retention", "performance_metrics", "failure_tests"),
    }


# Reading tables


@pytest.mark.parametrize("name", STRANGERS)
def test_tables_are_not_read(world: World, name: str) -> None:
    """Whatever is asked of a table, in every form, nothing of the victim's is in the answer."""
    watch = world.watch(name)
    watch.kind = "reads of tables"
    for table in tables(world.database):
        watch.send("GET", table.name, headers={"Range-Unit": "items", "Range": "0-9"})
        for accepted in ACCEPTED:
            watch.send("GET", table.name, headers={"Accept": accepted})
        watch.send("GET", table.name, params={"select": ",".join(table.selectable) or "*"})
        for count in ("exact", "planned", "estimated"):
            watch.send("HEAD", table.name, headers={"Prefer": f"count={count}"})
        for column in table.columns if name == "stranger" else ():
            watch.send("GET", table.name, params={"select": column, "order": f"{column}.desc"})
        for query in questions_about(world, table):
            found = watch.send("GET", table.name, params=query, headers={"Prefer": "count=exact"})
            assert found.status_code in {200, 206, 401, 403, 404}, (table.name, query, found.text)
            assert found.is_error or found.headers["content-range"] == "*/0", (table.name, query)


def questions_about(world: World, table: Table) -> Iterator[dict[str, str]]:
    """Yield queries that are true of a row of the victim's, and of no row of anybody else."""
    row = world.target(table.name)
    known = {name: row[name] for name in table.key if row.get(name) is not None}
    values = {
        name: value
        for name, value in row.items()
        if value is not None and table.columns[name] in SCALARS and name in table.selectable
    }
    ours = {name: f"eq.{value}" for name, value in known.items()}
    readable = {"select": ",".join(sorted(table.selectable))} if table.selectable else {}
    yield ours
    yield readable | ours
    yield {"select": "*", **ours, "limit": "1", "offset": "0"}
    yield {"and": "(" + ",".join(f'{name}.eq."{value}"' for name, value in known.items()) + ")"}
    yield {
        "or": "(" + ",".join(f'{name}.in.("{value}")' for name, value in known.items()) + ")"
    } | ours
    for name, value in values.items():
        if world.mark in str(value) or str(value) in world.forbidden:
            yield readable | {name: f"eq.{value}"}
            yield {name: f"in.({value})", "not.and": f"({name}.is.null)"}
        if world.mark in str(value):
            yield {name: f"ilike.*{world.mark[2:]}*"}
            yield {name: f"match.{world.mark}"}


def test_planned_counts_tell_no_text(world: World) -> None:
    """What the planner expects is the same for a text of the victim's and for a text of nobody."""
    watch = world.watch("stranger")
    watch.kind = "planned counts"

    def planned(table: str, column: str, question: str) -> str:
        answer = watch.send(
            "HEAD",
            table,
            params={"select": column, column: question},
            headers={"Prefer": "count=planned"},
        )
        return answer.headers.get("content-range", "").partition("/")[2]

    for table in tables(world.database):
        for row in world.rows_of_victim(f"public.{table.name}"):
            for column in table.selectable:
                if table.columns[column] != "text" or world.mark not in (row[column] or ""):
                    continue
                for operator in ("eq", "lt", "gt"):
                    told = planned(table.name, column, f"{operator}.{row[column]}")
                    nothing = {planned(table.name, column, f"{operator}.{text}") for text in "0z"}
                    assert nothing == {told}, (table.name, column, operator)


def test_only_the_public_schema_is_exposed(world: World) -> None:
    """No other schema is reached, however it is asked for."""
    watch = world.watch("stranger")
    watch.kind = "schemas"
    schemas = world.database.execute(
        "select nspname from pg_namespace where nspname <> 'public'"
    ).fetchall()
    for (schema,) in schemas:
        for method, path, header in (
            ("GET", "users", "Accept-Profile"),
            ("GET", "rpc/find_run", "Accept-Profile"),
            ("POST", "secrets", "Content-Profile"),
            ("PATCH", "work_items", "Content-Profile"),
            ("DELETE", "messages", "Content-Profile"),
            ("POST", "rpc/send", "Content-Profile"),
        ):
            body = {"json": {}} if method in {"POST", "PATCH"} else {}
            answer = watch.send(method, path, headers={header: schema}, **body)
            assert answer.status_code == 406, (schema, method, answer.text)
        for path in (f"{schema}.users", f'"{schema}"."secrets"', f"rpc/{schema}.find_run"):
            assert watch.send("GET", path).status_code == 404


# Writing tables


@pytest.mark.parametrize("name", EVERYBODY)
def test_tables_are_not_written(world: World, name: str) -> None:
    """No row of the victim's is replaced, changed or deleted, and none added to it."""
    watch = world.watch(name)
    watch.kind = "writes to tables"
    for table in tables(world.database):
        row = world.target(table.name)
        theirs = {name: f"eq.{row[name]}" for name in table.key}
        for written, preference, conflict in inserts_of(table, row):
            answer = watch.send(
                "POST",
                table.name,
                json=written,
                params={"on_conflict": ",".join(conflict)} if conflict else {},
                headers={"Prefer": preference},
            )
            assert answer.is_client_error, (table.name, preference, answer.text)
        changes = [{column: row[column] for column in table.updatable}]
        if name in {"stranger", "viewer"}:
            changes += [{column: row[column]} for column in table.columns]
        for change in changes:
            for preference in ("return=representation", "return=minimal, tx=rollback, count=exact"):
                changed = watch.send(
                    "PATCH", table.name, json=change, params=theirs, headers={"Prefer": preference}
                )
                assert changed.is_client_error or not changed.content.strip(b"[]"), changed.text
        watch.send("PUT", table.name, json=row, params=theirs)
        for preference in ("return=representation", "return=minimal, count=exact"):
            watch.send("DELETE", table.name, params=theirs, headers={"Prefer": preference})
        watch.send("DELETE", table.name, params={"not.and": f"({table.key[0]}.is.null)"} | theirs)


def inserts_of(
    table: Table, row: dict[str, Any]
) -> Iterator[tuple[dict[str, Any] | list[dict[str, Any]], str, list[str] | None]]:
    """Yield what to insert after a *row* of another, the preference, the conflict to resolve."""
    granted = {name: row[name] for name in table.insertable} or row
    fresh = granted | ({"name": f"new {uuid.uuid4()}"} if "name" in granted else {})
    for written in (row, granted, fresh, [fresh, row]):
        yield written, "return=minimal", None
    for preference in PREFERENCES:
        for conflict in [None, *table.unique] if "resolution" in preference else [None]:
            yield granted, preference, conflict


def test_rows_of_ones_own_do_not_point_at_the_victims(world: World) -> None:
    """An id or a name of the victim's in a row of one's own is refused like one that nobody has."""
    watch = world.watch("stranger")
    watch.kind = "ids in own rows"
    pointing = {table.name: set(table.key) for table in tables(world.database)}
    for reference in references(world.database):
        pointing[reference.table] |= set(reference.columns)
    for table in tables(world.database):
        own, stolen = world.row_of_stranger(table.name), world.target(table.name)
        fresh = {name: value for name, value in own.items() if name in table.insertable}
        mine = {name: f"eq.{own[name]}" for name in table.key}
        for column in pointing[table.name]:
            if table.columns[column] != "uuid":
                continue
            told = {"POST": set(), "PATCH": set()}
            ids = world.victim.ids
            theirs = stolen[column] or ids.get(column.removesuffix("_id"), ids["member"])
            for value in (theirs, str(uuid.uuid4())):
                for word in {stolen.get("name"), f"x{uuid.uuid4().hex}"}:
                    name = {"name": word} if "name" in fresh else {}
                    for method, row in (
                        ("POST", fresh | {column: value} | name),
                        ("PATCH", {column: value} | name),
                    ):
                        query = mine if method == "PATCH" else {}
                        answer = watch.send(method, table.name, json=row, params=query)
                        told[method].add((answer.status_code, told_by(answer, value, word)))
            for method, answers in told.items():
                assert len(answers) == 1, (table.name, column, method, answers)
                assert next(iter(answers))[0] >= 400, (table.name, column, answers)


def told_by(answer: httpx.Response, *words: Any) -> str:
    """Return the body without the *words* that the question held."""
    told = answer.text
    for word in words:
        told = told.replace(str(word), "<asked>")
    return told


# Embedding


@pytest.mark.parametrize("name", ["stranger", "removed"])
def test_nothing_is_embedded(world: World, name: str) -> None:
    """Over no foreign key, in no direction and no form, does a row of the victim's come along."""
    watch = world.watch(name)
    watch.kind = "embedded selects"
    for reference in references(world.database):
        for outer, inner in (
            (reference.table, reference.their_table),
            (reference.their_table, reference.table),
        ):
            embed = f"{inner}!{reference.name}"
            for select in (
                f"*,{embed}(*)",
                f"*,...{embed}(*)",
                f"*,{inner}!{reference.name}!inner(*)",
                f"*,{embed}(count)",
                f"*,{embed}(count())",
                f"count(),{embed}(*)",
                f"aliased:{embed}(*,{outer}(*))",
            ):
                watch.send("GET", outer, params={"select": select})
            for row in world.rows_of_victim(f"public.{inner}")[:1]:
                mine = next(iter(row))
                filters = {f"{inner}.{mine}": f"eq.{row[mine]}", "select": f"*,{embed}!inner(*)"}
                watch.send("GET", outer, params=filters)


# Functions


def test_every_function_has_arguments(world: World) -> None:
    """The arguments of the attacks are right: about what is one's own they are not refused."""
    bystander = world.filler.fill(f"by{secrets.token_hex(8)}", f"shy{secrets.token_hex(8)}")
    watch = world.watch_of(Attacker("bystander", bystander.people["owner"].token))
    refused = {}
    # what deletes comes last: the others ask for what it deletes
    for function in sorted(
        functions(world.database), key=lambda one: one.name.startswith("delete")
    ):
        for _ in range(2 if function.name.startswith("set_") else 1):
            world.filler.call(
                "set_secret",
                environment_id=bystander.ids["environment"],
                name=bystander.ids["secret_name"],
                value="long enough to be one",
            )
        arguments = make_arguments(function, bystander.ids)
        answer = watch.send("POST", f"rpc/{function.name}", json=arguments)
        if (
            function.is_for_people
            and answer.status_code in {400, 404}
            and function.name != "accept_invitation"
        ):
            refused[function.name] = answer.text

    assert refused == {}


@pytest.mark.parametrize("name", EVERYBODY)
def test_functions_do_not_know_the_victim(world: World, name: str) -> None:
    """About what is the victim's a function answers as about what does not exist."""
    watch, nobody = world.watch(name), Organization.of_nobody()
    watch.kind = "calls of functions"
    for function in functions(world.database):
        if watch.attacker.is_member and function.name == "leave_organization":
            continue  # which a viewer may
        sets = argument_sets(function, world, nobody)
        # the others have no place of their own to mix what is the victim's into
        for arguments in sets if name in {"stranger", "runner"} else itertools.islice(sets, 1):
            told: dict[str, list[Any]] = {"victim": [], "nobody": []}
            for who, given in arguments.items():
                for call in calls(function, given):
                    answer = watch.send(**call)
                    # what changes something is not asked for with GET
                    if function.is_read_only or call["method"] == "POST":
                        told[who].append(answer_of(answer, world.victim, nobody))
            if not watch.attacker.is_member:
                assert told["victim"] == told["nobody"], (function.name, arguments)
        for selected in embeds_of(world, function):
            arguments = make_arguments(function, world.victim.ids)
            watch.send("POST", f"rpc/{function.name}", json=arguments, params=selected)


def argument_sets(
    function: Function, world: World, nobody: Organization
) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield arguments about the victim beside such about nobody: wholly, and in one place only."""
    victim, none, own = (
        make_arguments(function, one.ids) for one in (world.victim, nobody, world.stranger)
    )
    yield {"victim": victim, "nobody": none}
    for path, value in leaves_of(victim):
        if value != dict(leaves_of(none))[path]:
            yield {
                "victim": with_leaf(own, path, value),
                "nobody": with_leaf(own, path, dict(leaves_of(none))[path]),
            }


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the scalars in a JSON value, with the way there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        if isinstance(one, dict | list):
            yield from leaves_of(one, (*path, key))
        else:
            yield (*path, key), one


def with_leaf(value: Any, path: tuple[Any, ...], leaf: Any) -> Any:
    """Return a copy of *value* with another scalar at *path*."""
    copied = copy.deepcopy(value)
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = leaf
    return copied


def calls(function: Function, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the ways in which a function may be called."""
    path = f"rpc/{function.name}"
    yield {"method": "POST", "path": path, "json": arguments}
    asked = {
        name: value if isinstance(value, str | int) else json.dumps(value)
        for name, value in arguments.items()
        if not isinstance(value, list) or function.arguments[name] == "jsonb"
    }
    yield {"method": "GET", "path": path, "params": asked}
    if function.returns_rows_of:
        yield {
            "method": "POST",
            "path": path,
            "json": arguments,
            "params": {"select": "*", "not.and": "(id.is.null)", "order": "id", "limit": "1"},
            "headers": {"Prefer": "count=exact", "Accept": "text/csv"},
        }


def embeds_of(world: World, function: Function) -> Iterator[dict[str, str]]:
    """Yield what may be embedded in the rows that *function* returns."""
    for reference in references(world.database):
        if function.returns_rows_of == reference.table:
            yield {"select": f"*,{reference.their_table}!{reference.name}(*)"}
        elif function.returns_rows_of == reference.their_table:
            yield {"select": f"*,{reference.table}!{reference.name}(*)"}
