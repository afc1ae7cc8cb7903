"""Calls of everything that is public, with what nobody should send; each is made from its number.

Functions and tables come from the catalog, their arguments from ``support_attack_catalog``: what is
new is called without a line here. ``Fuzzer`` makes the calls and judges the answers.
"""

import collections
import dataclasses
import itertools
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
from conftest import ROOT
from support_attack import Filler, Organization
from support_attack_catalog import ARGUMENTS, Function, Table, functions, tables
from support_fuzz_words import (
    BROKEN,
    DEEP,
    HEADER_VALUES,
    LOGIC,
    OPERANDS,
    OPERATORS,
    ORDERS,
    PREFERENCES,
    RAW,
    SELECTS,
    WORDS,
)
from support_wait import HANG_S

from worker.embedded.stack import Connection

PAGE = (ROOT / "docs" / "errors.md").read_text()
SLUGS = dict(re.findall(r"^\| `([a-z_]+)` \| ([0-9]{3}) \|", PAGE, re.MULTILINE))
"""Status of each slug of a refused call."""
CODES = {
    code: status
    for codes, status in re.findall(
        r"^\| ([0-9A-Z]{5,8}(?:, [0-9A-Z]{5,8})*) \| ([0-9, ]+) \|", PAGE, re.MULTILINE
    )
    for code in codes.split(", ")
}
"""Status of each code that has no slug of ours."""

OWN_FAULT = "Something went wrong"
"""What the REST interface says of two kinds of calls that the page has."""

PEOPLE = ("owner", "admin", "editor", "viewer", "runner", "outsider")
AT_ONCE = 4

MARK = "\ue000"
"""Around the number of a piece of raw JSON, in a string that stands where it is to stand."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One request to the REST interface."""

    number: int
    who: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None

    def __str__(self) -> str:
        """Tell enough to see what it was; the seed and the number give the rest."""
        return f"#{self.number} {self.who}: {self.method} {self.path[:300]} {self.body!r:.600}"


class Maker:
    """Makes calls about the organization whose ids it has."""

    def __init__(self, seed: int, functions: list[Function], tables: list[Table]) -> None:
        """Call *functions* and *tables*; the same *seed* gives the same calls."""
        self.seed = seed
        self.functions = functions
        self.tables = tables

    def make(self, number: int, ids: Mapping[str, Any]) -> Call:
        """Return call *number*."""
        rng = Random(f"{self.seed}:{number}")  # noqa: S311 - no secret
        who = rng.choice((*PEOPLE, *PEOPLE, "anon", "secret key", "secret key", "secret key"))
        if rng.random() < 0.55:
            method, path, body = self._function(rng, ids)
        else:
            method, path, body = self._table(rng, ids)
        headers = {"Content-Type": content_type(rng)} if body is not None else {}
        if rng.random() < 0.3:
            headers["Prefer"] = ",".join(rng.sample(PREFERENCES, rng.randint(1, 3)))
        if rng.random() < 0.1:
            name = rng.choice(
                ("Accept", "Range", "Accept-Profile", "Content-Profile", "Range-Unit")
            )
            headers[name] = rng.choice(HEADER_VALUES)
        return Call(number, who, method, path, headers, body)

    def _function(self, rng: Random, ids: Mapping[str, Any]) -> tuple[str, str, bytes | None]:
        function = rng.choice(self.functions)
        arguments = arguments_of(rng, function, ids)
        for name in list(arguments):
            if rng.random() < 0.1:
                del arguments[name]
        path = f"rpc/{function.name}"
        if rng.random() < 0.1:
            given = {**arguments, rng.choice([*arguments, "x"]): rng.choice(WORDS)}
            return (
                "GET",
                f"{path}?" + "&".join(f"{k}={quote(str(v)[:2000])}" for k, v in given.items()),
                None,
            )
        if rng.random() < 0.1:
            path += "?" + query(rng, {"id": "uuid", "name": "text"})
        return "POST", path, body_of(rng, arguments)

    def _table(self, rng: Random, ids: Mapping[str, Any]) -> tuple[str, str, bytes | None]:
        table = rng.choice(self.tables)
        method = rng.choices(
            ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"), (8, 7, 6, 1, 1, 1, 0.3)
        )[0]
        columns = {name: table.columns[name] for name in sorted(table.columns)}
        path = table.name
        if method != "POST" or rng.random() < 0.3:
            path += "?" + query(rng, columns)
        if method in {"PATCH", "DELETE", "PUT"} and rng.random() < 0.7:
            key = rng.choice(table.key or list(columns))
            path += f"&{key}=eq.{quote(str(value_for(rng, key, columns[key], ids)))}"
        if method in {"GET", "HEAD", "DELETE", "OPTIONS"}:
            return method, path, None
        writable = sorted(table.insertable if method == "POST" else table.updatable)
        chosen = writable if rng.random() < 0.7 else list(columns)
        row = {
            name: value_for(rng, name, columns[name], ids)
            for name in chosen
            if rng.random() < (0.8 if method == "POST" else 0.3)
        }
        rows: Any = row if rng.random() < 0.7 else [row, dict(row)]
        return method, path, body_of(rng, rows)


def content_type(rng: Random) -> str:
    """Return mostly JSON."""
    if rng.random() < 0.92:
        return "application/json"
    return rng.choice(
        (
            "text/plain",
            "text/csv",
            "application/x-www-form-urlencoded",
            "application/octet-stream",
            "application/json; charset=utf-16",
            "application/vnd.pgrst.object+json",
            "text/xml",
            "junk",
        )
    )


def hostile(rng: Random) -> str:
    """Return a JSON text."""
    kind = rng.random()
    if kind < 0.4:
        return json.dumps(rng.choice(WORDS))
    if kind < 0.9:
        return rng.choice(RAW)
    depth = rng.choice(DEEP)
    opened, inner, closed = rng.choice((("[", "", "]"), ('{"a":', "1", "}"), ('[{"b":', "0", "}]")))
    return opened * depth + inner + closed * depth


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in *value*, itself included."""
    yield at
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*at, name))
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from places(element, (*at, index))


def body_of(rng: Random, value: Any) -> bytes:
    """Return *value* as JSON with something hostile in it; now and then no JSON at all."""
    if rng.random() < 0.06:
        return rng.choice(BROKEN)
    raw: list[str] = []
    value = json.loads(json.dumps(value, default=str))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        raw.append(hostile(rng))
        word = f"{MARK}{len(raw) - 1}{MARK}"
        at = rng.choice(list(places(value)))
        if not at:
            if rng.random() < 0.2:
                value = word
            elif isinstance(value, dict):
                value[rng.choice(("", "x", "id", "a" * 5000, "\u0000"))] = word
            continue
        holder = value
        for step in at[:-1]:
            holder = holder[step]
        if not isinstance(holder, str):
            holder[at[-1]] = word
    text = json.dumps(value, ensure_ascii=False)
    text = re.sub(f'"{MARK}([0-9]+){MARK}"', lambda found: raw[int(found[1])], text)
    return text.encode("utf-8", "surrogatepass")


def query(rng: Random, columns: Mapping[str, str]) -> str:
    """Return filters, an order and the like, with junk in them."""
    names = [*columns, "junk", "variables->a", "projects.name", ""]
    parts = [
        (rng.choice(names), f"{rng.choice(OPERATORS)}.{rng.choice(OPERANDS)}")
        for _ in range(rng.choice((0, 1, 1, 2)))
    ]
    for name, values, chance in (
        ("select", SELECTS, 0.4),
        ("order", ORDERS, 0.2),
        ("or", LOGIC, 0.1),
        ("not.and", LOGIC, 0.05),
        ("limit", ("0", "1", "-1", "x", "99999999999999999999"), 0.15),
        ("offset", ("0", "-1", "x", "9223372036854775807"), 0.1),
        ("on_conflict", ("id", "junk", "id,name", ""), 0.1),
        ("columns", ("id", "name", "junk", ""), 0.1),
    ):
        if rng.random() < chance:
            parts.append((name, rng.choice(values)))
    return "&".join(f"{quote(name)}={quote(value[:4000])}" for name, value in parts)


def arguments_of(rng: Random, function: Function, ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments that make sense, as far as it is known how to make them."""
    made = {}
    for name, kind in function.arguments.items():
        make = ARGUMENTS.get(f"{function.name}.{name}") or ARGUMENTS.get(name)
        made[name] = make(ids) if make else value_for(rng, name, kind, ids)
    return made


def value_for(  # noqa: PLR0911 - a line for each type
    rng: Random, name: str, kind: str, ids: Mapping[str, Any]
) -> Any:
    """Return a value that could stand in a column."""
    known = ids.get(name.removesuffix("_id"))
    if kind == "uuid":
        return known or rng.choice([str(value) for value in ids.values()])
    match kind:
        case "text":
            return {
                "method": "GET",
                "path": "/x",
                "base_url": "https://a.example",
                "role": "viewer",
            }.get(name, f"n{rng.randrange(10**9)}")
        case "integer" | "bigint" | "numeric":
            return rng.choice((0, 1, 10, 1000))
        case "boolean":
            return rng.choice((True, False))
        case "text[]":
            return ["a"]
        case "jsonb":
            return rng.choice(
                ({}, [], {"a": 1}, [["a", "b"]], {"kind": "none"}, [{"key": "a", "values": {}}])
            )
        case _:
            return "2026-01-01"


class Fuzzer:
    """Makes calls through the REST interface, and keeps what is wrong with the answers."""

    def __init__(self, stack: Connection, database: psycopg.Connection, seed: int) -> None:
        """Call *stack*; *database* is a connection as superuser."""
        self.stack = stack
        self.database = database
        self.filler = Filler(stack, database)
        self.maker = Maker(seed, functions(database), tables(database))
        self.rest = httpx.Client(base_url=f"{stack.url}/rest/v1/", timeout=HANG_S)
        self.counts: collections.Counter[tuple[int, str]] = collections.Counter()
        self.faults: list[str] = []
        self.refused: dict[str, Call] = {}
        self.tokens: dict[str, str] = {}
        self.ids: dict[str, Any] = {}
        self._watch_writes()

    def close(self) -> None:
        """Close the connections."""
        self.rest.close()
        self.filler.rest.close()

    def run(self, numbers: range) -> None:
        """Make the calls of these *numbers*, several at a time, and judge them.

        They are about a new organization: earlier ones may have taken the last one apart.
        """
        self._renew()
        calls = [self.maker.make(number, self.ids) for number in numbers]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for call, answer in zip(calls, pool.map(self._send, calls), strict=True):
                self._judge(call, answer)
        self._find_partial_writes()

    def _renew(self) -> None:
        made: Organization = self.filler.fill(f"fuzz{secrets.token_hex(4)}", secrets.token_hex(8))
        self.filler.join(made, "admin", "admin")
        self.ids = made.ids
        self.tokens = {name: person.token for name, person in made.people.items()}
        self.tokens["outsider"] = self.filler.sign_up("outsider").token

    def _send(self, call: Call) -> httpx.Response:
        is_secret = call.who == "secret key"
        headers = {
            "apikey": self.stack.secret_key if is_secret else self.stack.publishable_key,
            "X-Fuzz": str(call.number),
            **call.headers,
        }
        if call.who in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[call.who]}"
        return self.rest.request(call.method, call.path, headers=headers, content=call.body)

    def _judge(self, call: Call, answer: httpx.Response) -> None:
        code, slug, fault = judge(call, answer)
        self.counts[answer.status_code, slug or code] += 1
        if fault:
            self.faults.append(f"{fault}: {call} -> {answer.status_code} {answer.text[:500]}")
        if not answer.is_success:
            self.refused[str(call.number)] = call

    def _watch_writes(self) -> None:
        """Have each statement that writes leave the number of its call."""
        self.database.execute(
            """
            create schema fuzz;
            create table fuzz.writes (call text, relation text);
            create function fuzz.note_write()
            returns trigger language plpgsql security definer as $$
            begin
                insert into fuzz.writes
                select heads.value ->> 'x-fuzz', tg_relid::regclass
                from (
                    select nullif(current_setting('request.headers', true), '')::json as value
                ) as heads
                where heads.value ->> 'x-fuzz' is not null;
                return null;
            end;
            $$;
            """
        )
        for (table,) in self.database.execute(
            """
            select relations.oid::regclass::text
            from pg_class as relations
            where
                relations.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
                and relations.relkind in ('r', 'p')
                and not relations.relispartition
            """
        ).fetchall():
            self.database.execute(
                f"create trigger t000_fuzz after insert or update or delete on {table}"
                " for each statement execute function fuzz.note_write()"
            )

    def _find_partial_writes(self) -> None:
        """Look for calls that were refused and yet wrote: what they wrote was committed."""
        for number, relation in self.database.execute(
            "select distinct call, relation from fuzz.writes"
        ).fetchall():
            if number in self.refused:
                self.faults.append(f"refused, yet it wrote {relation}: {self.refused[number]}")
        self.refused = {}


def judge(  # noqa: PLR0911 - a line for each kind of answer
    call: Call, answer: httpx.Response
) -> tuple[str, str, str | None]:
    """Return the code and the slug of *answer*, and what is wrong with it.

    A refusal must say which: a slug of ``docs/errors.md`` with its status, a message and a hint; or
    a code of its table; or, of a query that the caller wrote, any code of class 22 or 42.
    """
    if answer.is_success or answer.status_code == 304 or call.method in {"HEAD", "OPTIONS"}:
        return "", "", None if answer.status_code < 500 else "server error"
    try:
        told = answer.json()
    except ValueError:
        is_form = call.headers.get("Content-Type", "").endswith("form-urlencoded")
        is_known = answer.text == OWN_FAULT and (is_form or "order=projects%28" in call.path)
        return "no JSON", "", None if is_known else "a refusal that is no JSON"
    code, slug = str(told.get("code", "")), str(told.get("details") or "")
    if not told.get("message"):
        return code, "", "a refusal without a message"
    if code.startswith("PT"):
        is_told = SLUGS.get(slug) == code[2:] == str(answer.status_code) and told.get("hint")
        return code, slug, None if is_told else "a slug that is not on the page, or without a hint"
    is_query = not call.path.startswith("rpc/") or "?" in call.path
    if str(answer.status_code) in CODES.get(code, ""):
        return code, "", None
    if answer.status_code < 500 and (
        code.startswith("PGRST") or (is_query and code.startswith(("22", "42")))
    ):
        return code, "", None
    return code, "", "a code that is not on the page"


def table_of(counts: Mapping[tuple[int, str], int]) -> str:
    """Return *counts* by status and slug or code, a line each status."""
    lines = []
    for status, group in itertools.groupby(sorted(counts.items()), lambda item: item[0][0]):
        found = [(name, count) for (_, name), count in group]
        total = sum(count for _, count in found)
        told = ", ".join(f"{name or 'ok'} {count}" for name, count in found)
        lines.append(f"{status}: {total} ({told})")
    return "\n".join(lines)
