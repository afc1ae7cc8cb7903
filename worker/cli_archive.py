"""``assay archive``: evidence that is due to be dropped goes to a bucket, and can be read there."""

import argparse
import asyncio
import dataclasses
import gzip
import hashlib
import importlib
import io
import json
import os
import re
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from worker import jsontext
from worker.cli_errors import DamagedArchive
from worker.cli_settings import read_settings
from worker.cli_store import ArchiveStore
from worker.errors import BadInput, ConfigError, StoreUnavailable

if TYPE_CHECKING:
    from worker.cli_bucket import Bucket

SOURCES = ("test_result_details", "assertion_results")
_DAMAGED = 1
_PART_BYTES = 16 << 20
_PAGE_BYTES = 2 << 20
_INFLATED_BYTES = 1 << 20
_GZIP_WBITS = 31
_LEVEL = 6
_PAUSES_S = (0.5, 1, 2, 4, 8)

_EXAMPLES = """\
examples:
  assay archive --dry-run                          what is due to be archived
  assay archive                                    write it, verify it; for cron, once a day
  assay archive list                               every month of evidence and where it stands
  assay archive verify --class failed --month 2026-05
  assay archive read --run 4cad52ea-4a89-4bfb-8dd8-0a7474afdc92 | jq .response
  assay archive read --class failed --month 2026-05 --table assertion_results > may.ndjson

It takes the project's secret key, ASSAY_ARCHIVE_URL (s3://<bucket>/<prefix>) and the bucket's keys
in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; ASSAY_ARCHIVE_ENDPOINT for a server that is not
Amazon's.

exit codes: 0 done, or nothing is due; 1 an archive is damaged; 2 usage; 3 Supabase or the bucket
cannot be reached: run it again, it goes on where it was
"""

Command = Callable[[ArchiveStore, argparse.Namespace], Coroutine[Any, Any, int]]
Part = dict[str, Any]


def add_parsers(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    run_async: Callable[[Coroutine[Any, Any, int]], int],
) -> None:
    """Add ``archive`` to *commands*."""
    text = "write evidence that is due to be dropped to a bucket, and read it back"
    parser = commands.add_parser(
        "archive",
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def does(one: argparse.ArgumentParser, command: Command) -> None:
        one.set_defaults(func=lambda args: run_async(_with_store(command, args)))

    parser.add_argument("--dry-run", action="store_true", help="say what is due, write nothing")
    parser.add_argument(
        "--part-bytes",
        type=int,
        default=_PART_BYTES,
        metavar="N",
        help="begin another object after N compressed bytes (default: 16 MiB)",
    )
    does(parser, _write_due)
    actions = parser.add_subparsers(metavar="ACTION", required=False)
    does(actions.add_parser("list", help="where each month of evidence stands, as JSON"), _list)
    verify = actions.add_parser("verify", help="read an archive and check it")
    _add_month(verify, required=True)
    does(verify, _verify)
    read = actions.add_parser("read", help="print rows of archives as lines of JSON")
    _add_month(read, required=False)
    read.add_argument("--table", choices=SOURCES, help="only rows of this table")
    read.add_argument("--run", help="only rows of this run")
    read.add_argument("--result", help="only rows of this result")
    does(read, _read)


def _add_month(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--class", dest="kind", choices=("passed", "failed"), required=required, help="of attempts"
    )
    parser.add_argument("--month", type=_month, required=required, metavar="YYYY-MM")


def _month(text: str) -> str:
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a month, such as 2026-05")
    return f"{text}-01"


async def _with_store(command: Command, args: argparse.Namespace) -> int:
    async with ArchiveStore(read_settings(os.environ)) as store:
        return await command(store, args)


def _open_bucket() -> "Bucket":
    try:
        module = importlib.import_module("worker.cli_bucket")
    except ImportError:
        raise ConfigError(
            "archives need the extra \"archive\": pip install 'assay[archive]'"
        ) from None
    bucket: Bucket = module.Bucket.from_env(os.environ)
    return bucket


# Writing


async def _write_due(store: ArchiveStore, args: argparse.Namespace) -> int:
    due = [one for one in await store.list_archives() if one["status"] == "due"]
    if args.dry_run:
        for one in due:
            print(f"{_label(one)}: about {one['rows']} rows, {one['bytes']} bytes")  # noqa: T201
        return 0
    bucket = _open_bucket()
    damaged = False
    for one in due:
        try:
            month = one["retention_class"], str(one["month"])
            await Archiver(store, bucket, *month, args.part_bytes).archive()
        except DamagedArchive as error:
            # the next month may be well
            _tell(f"assay: {error}")
            damaged = True
    if not due:
        _tell("nothing is due")
    return _DAMAGED if damaged else 0


class Archiver:
    """Writes one class and month: parts in the order of keys, each kept before the next begins.

    What was kept is gone on from, so that it may be killed at any moment and started again.
    """

    def __init__(
        self, store: ArchiveStore, bucket: "Bucket", kind: str, month: str, part_bytes: int
    ) -> None:
        """Archive the *kind* (class) of *month*, its first day, in objects of *part_bytes*."""
        self._store, self._bucket, self._kind, self._month = store, bucket, kind, month
        self._part_bytes = part_bytes
        self._page_bytes = min(_PAGE_BYTES, part_bytes)

    async def archive(self) -> None:
        """Write what is missing, read all of it back, and say that it is whole."""
        opened = await _patiently(lambda: self._store.open_archive(self._kind, self._month))
        parts: list[Part] = opened["parts"]
        for source in SOURCES:
            kept = [part for part in parts if part["table"] == source]
            parts += [part async for part in self._write(source, kept)]
        manifest = {"retention_class": self._kind, "month": self._month, "parts": parts}
        await self._check(parts)
        name = manifest_name(self._kind, self._month)
        written = jsontext.dumps(manifest).encode()
        await self._bucket.put(name, written)
        if b"".join([piece async for piece in self._bucket.read(name)]) != written:
            raise DamagedArchive(f"{name} does not read as it was written")
        await self._store.finish_archive(self._kind, self._month, {"parts": parts})
        rows = sum(part["rows"] for part in parts)
        _tell(f"{self._kind} {self._month[:7]}: {rows} rows in {len(parts)} parts, verified")

    async def _write(self, source: str, kept: list[Part]) -> AsyncIterator[Part]:
        number = len(kept) + 1
        after = kept[-1]["last_key"] if kept else None
        is_last = False
        while not is_last:
            draft = Draft()
            while not is_last and draft.size < self._part_bytes:
                page = await self._store.read_archive_page(
                    self._kind, self._month, source, after, self._page_bytes
                )
                is_last = page["is_last"]
                if page["lines"]:
                    draft.add(page["lines"], page["next"])
                    after = page["next"]
            if not draft.rows:
                return
            content = draft.finish()
            name = f"{self._kind}/{self._month[:7]}/{source}-{number:05}.ndjson.gz"
            await self._bucket.put(name, content)
            part = {
                "table": source,
                "number": number,
                "object": name,
                "rows": draft.rows,
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
                "first_key": draft.first_key,
                "last_key": draft.last_key,
            }
            await self._store.keep_archive_part(self._kind, self._month, part)
            _tell(f"{name}: {draft.rows} rows, {len(content)} bytes")
            yield part
            number += 1

    async def _check(self, parts: Iterable[Part]) -> None:
        for part in parts:
            try:
                await check_part(self._bucket, part)
            except DamagedArchive:
                # it and what comes after it is written anew the next time
                await self._store.discard_archive_parts(
                    self._kind, self._month, part["table"], part["number"]
                )
                raise


class Draft:
    """Lines on their way into one object, compressed as they come."""

    def __init__(self) -> None:
        """Begin with none."""
        self._buffer = io.BytesIO()
        # without the time: the same rows are the same object
        self._gzip = gzip.GzipFile(fileobj=self._buffer, mode="wb", compresslevel=_LEVEL, mtime=0)
        self.rows = 0
        self.first_key: list[Any] = []
        self.last_key: list[Any] = []

    @property
    def size(self) -> int:
        """Bytes so far, less what the compressor still holds."""
        return self._buffer.tell()

    def add(self, lines: list[str], last_key: list[Any]) -> None:
        """Add rows as lines; *last_key* is that of the last one."""
        if not self.rows:
            self.first_key = _key_of(lines[0])
        self._gzip.write("".join(f"{line}\n" for line in lines).encode())
        self.rows += len(lines)
        self.last_key = last_key

    def finish(self) -> bytes:
        """Return the object."""
        self._gzip.close()
        return self._buffer.getvalue()


def _key_of(line: str) -> list[Any]:
    row = json.loads(line)
    last = row["lease"] if "lease" in row else row["assertion_index"]
    return [row["planned_on"], row["result_id"], row["attempt"], last]


async def _patiently(call: Callable[[], Coroutine[Any, Any, dict[str, Any]]]) -> dict[str, Any]:
    """Make a *call* that may find its tables in use, again after a pause; the last one counts."""
    for pause_s in _PAUSES_S:
        try:
            return await call()
        except StoreUnavailable as error:
            if error.code != "55P03":
                raise
            await asyncio.sleep(pause_s)
    return await call()


# Reading


def manifest_name(kind: str, month: str) -> str:
    """Return the object that lists the parts of a class and month."""
    return f"{kind}/{month[:7]}/manifest.json"


async def check_part(bucket: "Bucket", part: Part) -> None:
    """Read a part, and raise ``DamagedArchive`` unless it is what was written."""
    tally = Tally()
    async for _ in read_lines(bucket, part, tally):
        pass
    if (tally.sha256.hexdigest(), tally.rows) != (part["sha256"], part["rows"]):
        raise DamagedArchive(
            f"{part['object']} is damaged: {tally.rows} rows and SHA-256"
            f" {tally.sha256.hexdigest()}, not {part['rows']} and {part['sha256']}"
        )


@dataclasses.dataclass
class Tally:
    """What was seen of an object."""

    rows: int = 0
    sha256: Any = dataclasses.field(default_factory=hashlib.sha256)


async def read_lines(bucket: "Bucket", part: Part, tally: Tally) -> AsyncIterator[bytes]:
    """Yield the lines of a part, in bounded memory, and count them in *tally*."""
    unzip = zlib.decompressobj(_GZIP_WBITS)
    rest = b""
    try:
        async for piece in bucket.read(part["object"]):
            tally.sha256.update(piece)
            left = piece
            while left:
                text = rest + unzip.decompress(left, _INFLATED_BYTES)
                left = unzip.unconsumed_tail
                *lines, rest = text.split(b"\n")
                tally.rows += len(lines)
                for line in lines:
                    yield line
    except (FileNotFoundError, zlib.error) as error:
        raise DamagedArchive(
            f"{part['object']} cannot be read: {str(error).partition(chr(10))[0]}"
        ) from error
    if rest or not unzip.eof:
        raise DamagedArchive(f"{part['object']} ends in its middle")


async def _manifest(bucket: "Bucket", kind: str, month: str) -> list[Part] | None:
    name = manifest_name(kind, month)
    try:
        parts: list[Part] = json.loads(b"".join([piece async for piece in bucket.read(name)]))[
            "parts"
        ]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedArchive(f"{name} is damaged: {error}") from error
    return parts


async def _verify(store: ArchiveStore, args: argparse.Namespace) -> int:
    del store
    bucket = _open_bucket()
    parts = await _manifest(bucket, args.kind, args.month)
    if parts is None:
        raise BadInput(f"there is no archive of {args.kind} {args.month[:7]}")
    for part in parts:
        await check_part(bucket, part)
        _tell(f"{part['object']}: whole")
    return 0


async def _list(store: ArchiveStore, args: argparse.Namespace) -> int:
    del args
    for one in await store.list_archives():
        print(jsontext.dumps(one))  # noqa: T201
    return 0


async def _read(store: ArchiveStore, args: argparse.Namespace) -> int:
    planned_on = None
    if not args.month:
        planned_on = await store.planned_on(args.run, args.result)
        if not planned_on:
            raise BadInput("it is not known when that was planned: give --month")
        args.month = f"{planned_on[:7]}-01"
    bucket = _open_bucket()
    found = False
    for kind in (args.kind,) if args.kind else ("passed", "failed"):
        for part in await _manifest(bucket, kind, args.month) or ():
            found = True
            if args.table not in {None, part["table"]} or not _may_hold(part, planned_on):
                continue
            async for line in read_lines(bucket, part, Tally()):
                if _is_of(line, {"run_id": args.run, "result_id": args.result}):
                    sys.stdout.write(line.decode() + "\n")
    if not found:
        raise BadInput(f"there is no archive of {args.month[:7]}")
    return 0


def _may_hold(part: Part, planned_on: str | None) -> bool:
    return not planned_on or part["first_key"][0] <= planned_on <= part["last_key"][0]


def _is_of(line: bytes, wanted: Mapping[str, str | None]) -> bool:
    ids = {name: one for name, one in wanted.items() if one}
    # most lines are of others, and need not be read
    if not all(one.encode() in line for one in ids.values()):
        return False
    row = json.loads(line) if ids else {}
    return all(row[name] == one for name, one in ids.items())


def _label(one: Mapping[str, Any]) -> str:
    return f"{one['retention_class']} {str(one['month'])[:7]}"


def _tell(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
