"""Org files: headings, text and code without planning, drawers and comments; one document a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kg.documents.encoding import read_decoded
from kg.documents.office.archive import readable
from kg.documents.parts import Part, RawDocument, SourceFile
from kg.language.dates import normalise_date
from models.errors import InputError

_BLOCK = re.compile(r"^[^\S\n]*#\+(begin|end)_(\w+)[^\n]*$", re.IGNORECASE)
_LANGUAGE = re.compile(r"#\+begin_src\s+(\S+)", re.IGNORECASE)
_UNSEEN_BLOCKS = ("comment", "export")
_CODE_BLOCKS = ("src", "example")
_KEYWORD = re.compile(r"^\s*#\+(\w+):\s*(.*)$")
_TEXT_KEYWORDS = ("caption",)
_COMMENT = re.compile(r"^\s*#(?:\s|$)")
_RULE = re.compile(r"^\s*(?:\|[-+|\s]+\||-{5,})\s*$")
_DRAWER = re.compile(r"^\s*:([\w-]+):\s*$")
_UNSEEN = re.compile(r"@@[\w-]+:.*?@@|\bfile:\S+\.(?:png|jpe?g|gif|svg|webp)\b", re.IGNORECASE)
"""Markup for one format of export, and pictures."""
_PLANNING = re.compile(r"^\s*(?:CLOCK|SCHEDULED|DEADLINE|CLOSED):")


def read_org(file: SourceFile) -> Iterator[Part]:
    """An Org file; headings marked COMMENT are left out with all below them."""
    from orgparse import loads

    decoded = read_decoded(file)
    yield from decoded.notices
    with readable(file, "an Org file"):
        root = loads(decoded.text)
        # orgparse knows headings, their state, tags and links; what is text within a body is decided here.
        pieces = [_body(root.get_body(format="plain"))]
        hidden = 0
        for node in root[1:]:
            if hidden and node.level > hidden:
                continue
            heading = node.get_heading(format="plain")
            hidden = node.level if re.match(r"COMMENT\b", heading) else 0
            if not hidden:
                pieces += [f"{'#' * min(node.level, 6)} {heading}", _body(node.get_body(format="plain"))]
    text = "\n\n".join(piece for piece in pieces if piece.strip("# \n"))
    if not text:
        raise InputError(f"{file.name} holds no text.")
    settings = {match[1].lower(): match[2] for line in decoded.text.split("\n") if (match := _KEYWORD.match(line))}
    heading = text.partition("\n")[0].lstrip("# ") if text.startswith("#") else ""
    date = normalise_date(re.sub(r"[<>\[\]]| [^\W\d]+.*", "", settings.get("date", "")).strip()) or normalise_date(
        settings.get("date", "")
    )
    yield RawDocument(text, settings.get("title", "") or heading, date)


def _body(body: str) -> str:
    lines: list[str] = []
    block = drawer = ""
    for line in body.split("\n"):
        if match := _BLOCK.match(line):
            name = match[2].lower()
            if match[1].lower() == "begin" and not block:
                block = name
                language = _LANGUAGE.search(line)
                lines += [f"```{language[1] if language else ''}"] if name in _CODE_BLOCKS else []
                continue
            if match[1].lower() == "end" and name == block:
                lines += ["```"] if name in _CODE_BLOCKS else []
                block = ""
                continue
            if match[1].lower() == "end" and not block:
                continue  # a line of code that begins with a star has cut the block: it is a heading
        if block in _UNSEEN_BLOCKS:
            continue
        if block in _CODE_BLOCKS:
            lines.append(re.sub(r"^(\s*),(?=[*#,])", r"\1", line))
        elif (match := _DRAWER.match(line)) and (drawer or match[1].lower() != "end"):
            drawer = "" if match[1].lower() == "end" else match[1]
        elif match := _KEYWORD.match(line):
            lines += [match[2]] if match[1].lower() in _TEXT_KEYWORDS else []
        elif not (drawer or _COMMENT.match(line) or _RULE.match(line) or _PLANNING.match(line)):
            lines.append(_UNSEEN.sub("", line))
    lines += ["```"] if block in _CODE_BLOCKS else []
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
