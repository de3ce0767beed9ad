"""RTF documents: their text, by striprtf; one document a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.documents.office.archive import readable
from kg.documents.office.blocks import stated_title
from kg.documents.parts import Part, RawDocument, SourceFile
from kg.documents.signature import wrong_content
from kg.documents.web.formulas import shifted
from kg.language.text import normalise
from models.errors import InputError

_KIND = "an RTF document"
_TITLE = re.compile(r"\{\\title ([^{}]*)\}")
_CREATED = re.compile(r"\{\\creatim\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")
_TOKEN = re.compile(r"\\([a-z]+)(-?\d+)? ?|\\'..|\\.|[{}]|[^\\{}]+|\\", re.DOTALL)
_SCRIPT = re.compile(r"\{\\(super|sub) ([^{}\\]{1,12})\}")
_FOOTNOTE = re.compile(r"\{(?:\\\*)?\\footnote\b ?")
_CODE_PAGE = re.compile(r"\\ansicpg(\d+)")


def read_rtf(file: SourceFile) -> Iterator[Part]:
    """An RTF document."""
    from striprtf.striprtf import rtf_to_text

    data = file.path.read_bytes()
    if not data.lstrip(b"\xef\xbb\xbf\r\n ").startswith(b"{\\rtf"):
        raise InputError(wrong_content(file.name, _KIND, data[:4096]))
    with readable(file, _KIND):
        page = _CODE_PAGE.search(data.decode("latin-1"))
        encoding = f"cp{page[1]}" if page and page[1] not in ("0", "65001") else "cp1252"
        # RTF is ASCII; bytes beyond it are characters of its code page.
        source = _without_hidden(data.decode(encoding, "replace"))
        source = _FOOTNOTE.sub("{ ", source)
        source = _SCRIPT.sub(lambda match: _shifted(match[2], "sup" if match[1] == "super" else "sub"), source)
        text = normalise(rtf_to_text(source, encoding=encoding, errors="replace")).strip()  # type: ignore[no-untyped-call]
        title, created = _TITLE.search(source), _CREATED.search(source)
        title_text = stated_title(rtf_to_text("{\\rtf1 " + title[1] + "}", encoding=encoding)) if title else ""  # type: ignore[no-untyped-call]
    if not text:
        raise InputError(f"{file.name} holds no text.")
    lines = [line.strip(" \t") for line in text.split("\n")]
    date = f"{created[1]}-{int(created[2]):02}-{int(created[3]):02}" if created else ""
    yield RawDocument(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)), title_text, date)


def _without_hidden(source: str) -> str:
    """RTF without deleted and hidden text, which ends with its group or where it is switched off."""
    pieces: list[str] = []
    outer: list[bool] = []
    hidden = False
    for match in _TOKEN.finditer(source):
        word = match[1]
        if match[0] == "{":
            outer.append(hidden)
        elif match[0] == "}":
            hidden = outer.pop() if outer else False
        elif word in ("v", "deleted"):
            hidden = match[2] != "0"
        elif word == "plain":
            hidden = False
        elif hidden and (not word or word in ("u", "tab", "cell")):
            continue
        pieces.append(match[0])
    return "".join(pieces)


def _shifted(text: str, script: str) -> str:
    """Raised or lowered text, as RTF writes characters beyond ASCII."""
    return "".join(c if c.isascii() else f"\\u{ord(c)}?" for c in shifted(text, script))
