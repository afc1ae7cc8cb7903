"""Templates, written down once more: a scanner instead of regular expressions, and no SQL."""

import base64
import dataclasses
import hashlib
import hmac
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NoReturn

from reference_support import jsonb_text

SPACE = " \t\n\r\f\v"
MOST_DIGITS = 131_072  # of a numeric before the point
DYNAMIC = {"$uuid", "$timestamp", "$isoTimestamp", "$randomInt"}
WITH_ARGUMENT = {"default", "hmac_sha256"}
WITHOUT_ARGUMENT = {"urlencode", "base64", "json", "lower", "upper", "sha256", "raw"}
HEAD = re.compile(
    r"(?P<name>\$?[A-Za-z_][A-Za-z0-9_-]*)(?P<path>(\.[A-Za-z0-9_-]+|\[[0-9]+\])*)", re.ASCII
)


class TemplateError(ValueError):
    """The text is no template."""


@dataclasses.dataclass(frozen=True)
class Placeholder:
    """What stands between two pairs of braces."""

    name: str
    path: tuple[str, ...]
    filters: tuple[tuple[str, ...], ...]

    @property
    def has_default(self) -> bool:
        """Whether the first filter gives a value where there is none."""
        return bool(self.filters) and self.filters[0][0] == "default"

    def as_json(self) -> dict[str, Any]:
        """Return it as private.parse_template does."""
        return {
            "name": self.name,
            "path": list(self.path),
            "filters": [list(each) for each in self.filters],
        }


Part = str | Placeholder


def parse(source: str) -> list[Part]:
    """Return the parts of *source*; text between placeholders in one piece."""
    parts: list[Part] = []
    text = ""
    at = text_from = 0

    def flush() -> None:
        nonlocal text
        if "{{" in source[text_from:at]:
            raise TemplateError(source)
        text += source[text_from:at]

    while at < len(source):
        if source.startswith("\\{{", at):
            flush()
            text += "{{"
            at = text_from = at + 3
        elif source.startswith("{{", at) and (end := find_end(source, at + 2)) is not None:
            flush()
            parts += [*([text] if text else []), parse_placeholder(source[at + 2 : end])]
            text = ""
            at = text_from = end + 2
        else:
            at += 1
    flush()
    return [*parts, text] if text or not parts else parts


def find_end(source: str, at: int) -> int | None:
    """Return where the braces opened before *at* are closed; braces count but within quotes."""
    while at < len(source):
        if source[at] == '"':
            closed = skip_quoted(source, at)
            if closed is None:
                return None
            at = closed
        elif source[at] in "{}":
            return at if source.startswith("}}", at) else None
        else:
            at += 1
    return None


def skip_quoted(source: str, at: int) -> int | None:
    """Return what follows the quoted text that begins at *at*; None if it has no end."""
    at += 1
    while at < len(source):
        if source[at] == '"':
            return at + 1
        at += 2 if source[at] == "\\" else 1
    return None


def split_pipes(source: str) -> list[str]:
    """Return the pieces between pipes that are not within quotes."""
    pieces = [""]
    at = 0
    while at < len(source):
        after = (skip_quoted(source, at) if source[at] == '"' else None) or at + 1
        if source[at] == "|":
            pieces.append("")
        else:
            pieces[-1] += source[at:after]
        at = after
    return pieces


def parse_placeholder(source: str) -> Placeholder:
    """Return what *source*, without its braces, says."""
    head, *filters = split_pipes(source)
    found = HEAD.fullmatch(head.strip(SPACE))
    if found is None or (found["name"].startswith("$") and found["name"] not in DYNAMIC):
        raise TemplateError(source)
    path = re.findall(r"[A-Za-z0-9_-]+", found["path"])
    return Placeholder(found["name"], tuple(path), tuple(parse_filter(each) for each in filters))


def parse_filter(source: str) -> tuple[Any, ...]:
    """Return a filter's name, and its argument if it takes one."""
    name, bracket, rest = source.strip(SPACE).partition("(")
    name = name.rstrip(SPACE)
    if not bracket and name in WITHOUT_ARGUMENT:
        return (name,)
    if bracket and name in WITH_ARGUMENT and rest.endswith(")"):
        argument = parse_argument(rest[:-1].strip(SPACE))
        if name == "hmac_sha256" and argument is None:
            raise TemplateError(source)
        return (name, argument)
    raise TemplateError(source)


def parse_argument(source: str) -> Any:
    """Return the JSON value *source*, if jsonb can hold it."""

    def refuse(text: str) -> NoReturn:
        raise TemplateError(text)

    def read(text: str) -> Decimal:
        return Decimal(text) if Decimal(text).adjusted() < MOST_DIGITS else refuse(text)

    try:
        value = json.loads(source, parse_float=read, parse_int=read, parse_constant=refuse)
        text = jsonb_text(value)
        text.encode()
    except ValueError as error:
        raise TemplateError(source) from error
    if "\\u0000" in text.replace("\\\\", ""):
        raise TemplateError(source)
    return value


def percent_encode(text: str) -> str:
    """Return *text* with everything but unreserved characters encoded."""
    return urllib.parse.quote(text, safe="~")


def text_of(value: Any) -> str:
    """Return *value* as it reads inside a text."""
    return value if isinstance(value, str) else jsonb_text(value)


def sign(text: str, key: Any) -> str:
    """Return the signature of *text* in hexadecimal."""
    return hmac.new(text_of(key).encode(), text.encode(), hashlib.sha256).hexdigest()


ON_TEXT: dict[str, Callable[..., str]] = {
    "urlencode": percent_encode,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "lower": str.lower,
    "upper": str.upper,
    "sha256": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "hmac_sha256": sign,
}


class UnresolvedError(Exception):
    """A name has no value."""


def walk(value: Any, step: str) -> Any:
    """Return the member or element *step* of *value*; a negative number counts from the end."""
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and re.fullmatch("-?[0-9]+", step):
        index = int(step)
        if -len(value) <= index < len(value):
            return value[index]
    raise UnresolvedError


def fill(placeholder: Placeholder, variables: Mapping[str, Any]) -> Any:
    """Return the value of *placeholder*."""
    try:
        if placeholder.name not in variables:
            raise UnresolvedError  # noqa: TRY301 - a missing name and a missing member are the same
        value = variables[placeholder.name]
        for step in placeholder.path:
            value = walk(value, step)
    except UnresolvedError:
        if not placeholder.has_default:
            raise UnresolvedError(placeholder.name) from None
        value = placeholder.filters[0][1]
    for name, *arguments in placeholder.filters:
        if name == "json":
            value = jsonb_text(value)
        elif name in ON_TEXT:
            value = ON_TEXT[name](text_of(value), *arguments)
    return value


def render_parts(parts: Sequence[Part], variables: Mapping[str, Any], *, encode: bool) -> str:
    """Return *parts* as one text; *encode*: as part of a URL, but for values marked raw."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            value = text_of(fill(part, variables))
            is_raw = ("raw",) in part.filters or not encode
            text += value if is_raw else percent_encode(value)
    return text


def render_text(source: str, variables: Mapping[str, Any]) -> Any:
    """Return what *source* stands for; exactly one placeholder keeps the type of its value."""
    parts = parse(source)
    if len(parts) == 1 and isinstance(parts[0], Placeholder):
        return fill(parts[0], variables)
    return render_parts(parts, variables, encode=False)


def render(document: Any, variables: Mapping[str, Any]) -> Any:
    """Return *document* with its templates filled in; keys are no templates."""
    match document:
        case str() if "{{" in document:
            return render_text(document, variables)
        case list():
            return [render(entry, variables) for entry in document]
        case dict():
            return {key: render(entry, variables) for key, entry in document.items()}
        case _:
            return document


def find_placeholders(document: Any) -> list[Placeholder]:
    """Return every placeholder of *document*."""
    match document:
        case str() if "{{" in document:
            return [part for part in parse(document) if isinstance(part, Placeholder)]
        case list():
            return [each for entry in document for each in find_placeholders(entry)]
        case dict():
            return find_placeholders(list(document.values()))
        case _:
            return []
