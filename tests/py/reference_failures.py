"""Failures told apart, written down once more: what of a message is chance, and the fingerprint.

Where the database goes over a message with one pattern after the other, this cuts it into words and
quotations and looks at each.
"""

import hashlib
import re
from collections.abc import Callable

LEVELS = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL"
PREFIX = re.compile(
    rf"""[ \t\n]*
    ([\[(]? \d{{4}}-\d\d-\d\d [T\ ] \d\d:\d\d (:\d\d ([.,]\d+)?)?
      (Z|[+-]\d\d:?\d\d)? [\])]? [\ \t:|-]+)?
    (([\[(]? ({LEVELS}) [\])]? | \[[A-Za-z0-9_.:\#-]+\]) [\ \t:|-]+)*""",
    re.VERBOSE | re.ASCII,
)
TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:[ \t\n/][^<>]*)?>|<![^<>]*>")
URL = re.compile(
    r"""(?:https?|wss?)://
    (?:[^\]\[ \t\n"'<>/@?\#\\]*@)?
    (?P<host>[^\]\[ \t\n"'<>/@?\#\\:]+)
    (?::[0-9]+)?
    (?P<path>/[^ \t\n"'<>?\#\\]*)?
    (?:\?[^ \t\n"'<>\#\\]*)?
    (?:\#[^ \t\n"'<>\\]*)?""",
    re.VERBOSE,
)
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
JWT = re.compile(r"(?<![0-9A-Za-z])eyJ[\w-]+\.[\w-]+(\.[\w-]*)?", re.ASCII)
SCHEME = re.compile(r"(Bearer|Basic|Token) (?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{8,}")
WORD = re.compile(r"[A-Za-z0-9]+")
IPV4 = re.compile(
    r"(?<![0-9A-Za-z.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![0-9A-Za-z]|\.[0-9])", re.ASCII
)
IPV6 = re.compile(r"(?<![0-9A-Za-z:])[0-9A-Fa-f:]+(?![0-9A-Za-z:])")
DATE = re.compile(
    r"""(?<![0-9A-Za-z])
    (?: \d{4}-\d\d-\d\d
      (?: [T ]\d\d:\d\d (?: :\d\d (?:[.,]\d+)? )? (?: \ ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))? )?
    | (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),\ \d\d?\ [A-Z][a-z][a-z]\ \d{4}\ \d\d:\d\d:\d\d
      (?:\ (?:GMT|UTC|[+-]\d{4}))?
    | \d\d?:\d\d:\d\d (?:[.,]\d+)? )
    (?![0-9A-Za-z])""",
    re.VERBOSE | re.ASCII,
)
QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)*)"', re.DOTALL)
APOSTROPHES = re.compile(r"(?<![0-9A-Za-z])'(?:[^'\\\n]|\\.){33,}'(?![0-9A-Za-z])", re.DOTALL)
PHRASES = (
    "Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed|Not Acceptable|"
    "Request Time-?out|Conflict|Gone|Payload Too Large|Unsupported Media Type|Unprocessable|"
    "Too Many Requests|Internal Server Error|Not Implemented|Bad Gateway|Service Unavailable|"
    "Gateway Time-?out"
)
NUMBER = re.compile(
    rf"""(?P<kept>
    status\ [a-z ]+(?:\[[0-9,\ ]*\]|[0-9]+);\ got\ [0-9]+
    | (?:HTTP|[Ss]tatus|[Cc]ode)[A-Za-z/"'\ _]{{0,10}}(?:[0-9]\.[0-9]\ )?[:=\ ]{{0,3}}
      [1-5][0-9]{{2}}(?![0-9A-Za-z])
    | (?<![0-9A-Za-z.,])[1-5][0-9]{{2}}\ (?:{PHRASES.replace(" ", chr(92) + " ")})
    | \$(?:\.\.?[A-Za-z_][A-Za-z0-9_-]*|\.?\[(?:-?[0-9]+|\*|'[^']*'|"[^"]*")\]|\.\*)+
    ) | (?P<list>[0-9]+(?:[.,][0-9]+)*(?:[eE][+-]?[0-9]+)?)""",
    re.VERBOSE,
)


def is_id(word: str) -> bool:
    """Return whether nobody chose *word*: hexadecimal, or letters and digits in turns."""
    if re.fullmatch("0x[0-9A-Fa-f]+", word):
        return True
    has_digit = re.search("[0-9]", word) is not None
    if re.fullmatch("[0-9A-Fa-f]{8,}", word):
        return has_digit
    turns = re.search("[0-9][A-Za-z]+[0-9]", word) is not None
    return (len(word) >= 8 and turns) or (len(word) >= 20 and has_digit)


def is_ipv6(text: str) -> bool:
    """Return whether *text* is eight groups, or fewer with one gap."""
    group = "[0-9A-Fa-f]{1,4}"
    groups = f"({group}(:{group})*)?"
    return re.search("[0-9]", text) is not None and (
        re.fullmatch(f"({group}:){{7}}{group}", text) is not None
        or re.fullmatch(f"{groups}::{groups}", text) is not None
    )


def by(check: Callable[[str], bool], kind: str) -> Callable[[re.Match[str]], str]:
    """Return what replaces a match by *kind* if it passes *check*."""
    return lambda match: kind if check(match[0]) else match[0]


def length_of(text: str) -> int:
    """Return how many characters *text* has, an escaped one being one."""
    return len(re.sub(r"\\.", "x", text, flags=re.DOTALL))


def hide_numbers(message: str) -> str:
    """Return *message* with numbers replaced, and kept where they are a status or an index."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        if match["kept"] is None:
            return "{n}"
        kept.append(match[0])
        return "\ue000"

    message = NUMBER.sub(keep, message)
    message = re.sub(r"(^|[ \t\n\[(=:,])-\{n\}", r"\1{n}", message)
    message = re.sub(r"\{n\}(?:(?:[.,]|, )\{n\})+", "{n}", message)
    return re.sub("\ue000", lambda _: kept.pop(0), message)


def normalize_message(message: str) -> str:
    """Return *message* as it would read in any run."""
    message = message[:1000].replace("\ue000", "").replace("\ue001", "")
    message = message.replace("\r\n", "\n").replace("\r", "\n")
    prefix = PREFIX.match(message)
    message = TAG.sub(" ", message[prefix.end() if prefix else 0 :])
    message = URL.sub(lambda match: match["host"] + (match["path"] or ""), message)
    message = EMAIL.sub("{email}", message)
    message = JWT.sub("{token}", UUID.sub("{uuid}", message))
    message = WORD.sub(by(is_id, "{n}"), SCHEME.sub(r"\1 {token}", message))
    message = IPV6.sub(by(is_ipv6, "{ip}"), IPV4.sub("{ip}", message))
    message = DATE.sub("{date}", message)
    message = QUOTED.sub(
        lambda match: match[0] if length_of(match[1]) <= 32 else '"{text}"', message
    )
    message = hide_numbers(APOSTROPHES.sub("'{text}'", message))
    return re.sub("[ \t\n\f\v]+", " ", message).lstrip(" ")[:500].rstrip(" ")


def fingerprint(kind: str, location: str, message: str) -> str:
    """Return by which a failure is known again."""
    return hashlib.md5(f"{kind}\x1f{location}\x1f{message}".encode()).hexdigest()  # noqa: S324
