"""A document as a file: small, honest examples of each format, the same bytes for the same text."""

from __future__ import annotations

import html
import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Format in the path -> extension of the file.
FORMATS = {
    "docx": "docx",
    "pdf": "pdf",
    "pdfa": "pdf",
    "htm": "htm",
    "html": "html",
    "rtf": "rtf",
    "xml": "xml",
    "odt": "odt",
    "txt": "txt",
}
_EPOCH = (1980, 1, 1, 0, 0, 0)


def render(file_format: str, title: str, lines: Sequence[str]) -> bytes:
    """Return the bytes of a file that shows *lines* under *title*."""
    return _RENDERERS[file_format](title, lines)


def _txt(title: str, lines: Sequence[str]) -> bytes:
    return "\n".join([title, *lines]).encode()


def _html(title: str, lines: Sequence[str]) -> bytes:
    body = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return f"<!doctype html><title>{html.escape(title)}</title>{body}".encode()


def _xml(title: str, lines: Sequence[str]) -> bytes:
    head = f'<?xml version="1.0" encoding="UTF-8"?><document title="{html.escape(title)}">'
    body = "".join(f"<line>{html.escape(line)}</line>" for line in lines)
    return f"{head}{body}</document>".encode()


def _rtf(title: str, lines: Sequence[str]) -> bytes:
    shown = r"\par ".join(_escaped(line, "{}\\") for line in (title, *lines))
    return (r"{\rtf1\ansi " + shown + "}").encode("ascii")


def _docx(title: str, lines: Sequence[str]) -> bytes:
    return _zip({"word/document.xml": _xml(title, lines)})


def _odt(title: str, lines: Sequence[str]) -> bytes:
    mime = b"application/vnd.oasis.opendocument.text"
    return _zip({"mimetype": mime, "content.xml": _xml(title, lines)})


def _pdf(title: str, lines: Sequence[str]) -> bytes:
    shown = " ".join(f"({_escaped(line, '()' + chr(92))}) '" for line in (title, *lines))
    stream = f"BT /F1 11 Tf 14 TL 50 800 Td {shown} ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources 6 0 R>>",
        f"<</Length {len(stream)}>>\nstream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        "<</Font<</F1 5 0 R>>>>",
    ]
    out, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    tail = f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF\n"
    return f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}{tail}".encode("ascii")


def _escaped(line: str, special: str) -> str:
    """Return *line* in ASCII with a backslash before each *special* character."""
    plain = line.encode("ascii", "replace").decode()
    return "".join(f"\\{char}" if char in special else char for char in plain)


def _zip(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()


_RENDERERS: dict[str, Callable[[str, Sequence[str]], bytes]] = {
    "docx": _docx,
    "pdf": _pdf,
    "pdfa": _pdf,
    "htm": _html,
    "html": _html,
    "rtf": _rtf,
    "xml": _xml,
    "odt": _odt,
    "txt": _txt,
}
