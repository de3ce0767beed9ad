"""Files made at random, for every reader: with words that a reader must find, and words that it must not.

Half of the files are left as they were made: then every visible word is in the documents and no hidden word is there.
The other half is damaged (bytes flipped, cut out, repeated, put in): then nothing may crash, and no word may appear
that is not in the file.

    python -m tests.kg.documents.fuzz --inputs 100000 --processes 2 html csv

prints one line a format: files, documents, files that failed, seconds; and every file that broke a rule.
"""

from __future__ import annotations

import argparse
import csv
import email.message
import html
import io
import json
import re
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from kg.documents.load import LoadedFile, load_file
from kg.documents.readers import READERS
from tests.kg.pdf import pdf_of

_LETTERS = ("bcdfgklmnprstvz", "aeiou")
_SCRIPTS = ("", "", "", "ą", "ž", "ё", "д", "λ", "한", "語", "ا", "न")
_SPECIAL = (
    b"\x00",
    b"\xff",
    b"<",
    b">",
    b"<!--",
    b"-->",
    b"]]>",
    b'"',
    b"\n",
    b"\r",
    b"\t",
    b",",
    b"{",
    b"}",
    b"&",
    b"&#0;",
    b"\xed\xa0\x80",
)
_WORD = re.compile(r"[A-Za-z]{7,}")


@dataclass
class Made:
    """A file made at random.

    Attributes:
        visible: Words that a reader must find.
        hidden: Words that are no text: comments, scripts, deleted passages.
        parts: Number of documents that the file must give or name as lost; None if that is not known.
        data: Content of the file.
    """

    visible: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    parts: int | None = None
    data: bytes = b""


class Words:
    """Makes distinct words; a hidden one begins with "xh", so that it differs from every visible one."""

    def __init__(self, random: Random, made: Made, ascii_only: bool = False) -> None:
        self.random, self.made, self.ascii_only = random, made, ascii_only
        self.count = 0

    def _word(self, head: str) -> str:
        self.count += 1
        consonants, vowels = _LETTERS
        body = "".join(self.random.choice(consonants) + self.random.choice(vowels) for _ in range(3))
        number = "".join(consonants[int(digit)] for digit in str(self.count))
        script = "" if self.ascii_only else self.random.choice(_SCRIPTS)
        return head + body + number + "q" + script

    def seen(self) -> str:
        word = self._word("w")
        self.made.visible.append(word)
        return word

    def unseen(self) -> str:
        word = self._word("xh")
        self.made.hidden.append(word)
        return word

    def line(self, least: int = 3, most: int = 12) -> str:
        return " ".join(self.seen() for _ in range(self.random.randint(least, most)))


Maker = Callable[[Random], Made]


def _txt(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    newline = random.choice(["\n", "\r\n", "\n\n"])
    made.data = newline.join(words.line() + "." for _ in range(random.randint(1, 6))).encode(
        random.choice(["utf-8", "utf-8-sig", "utf-16"])
    )
    return made


def _md(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    blocks = [
        lambda: "# " + words.line(),
        lambda: words.line() + ".",
        lambda: f"<!-- {words.unseen()} -->",
        lambda: f"- {words.line()}\n- {words.line()}",
        lambda: f"```\n# {words.line()}\n```",
        lambda: f"![{words.seen()}](data:image/png;base64,{'iVBORw0KGgo' * random.randint(1, 20)}) {words.seen()}",
        lambda: f"[{words.seen()}](https://example.org/{random.randint(1, 9)})",
        lambda: f"{words.line()}.\n\n    <!-- {words.line()} -->\n    [{words.seen()}](a)",
        lambda: (
            f"[[{words.seen()}]] [[Note|{words.seen()}]] %%{words.unseen()}%% `{words.seen()} <!-- {words.seen()} -->`"
        ),
        lambda: f"<details><summary>{words.seen()}</summary>\n\n{words.line()}\n\n</details>",
        lambda: f"<div hidden>{words.unseen()}</div>\n\n{words.seen()}&nbsp;{words.seen()} {words.seen()}\\_x",
        lambda: f"[{words.seen()}][r]\n\n[r]: https://example.org/{words.unseen()}",
        lambda: f"{words.seen()}[^1]\n\n[^1]: {words.line()}",
        lambda: f"| {words.seen()} | {words.seen()} |\n|---|---|\n| {words.seen()} | {words.seen()} |",
    ]
    front = f"---\ntitle: {random.choice('abc')}\n---\n" if random.random() < 0.3 else ""
    body = [words.line() + "."] + [random.choice(blocks)() for _ in range(random.randint(1, 8))]
    made.data = (front + "\n\n".join(body)).encode()
    return made


def _html(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    blocks = [
        lambda: f"<p>{words.line(8, 30)}.</p>",
        lambda: f"<p>{words.line(8, 20)} <b>{words.seen()}</b> {words.line()}.</p>",
        lambda: f"<h2>{words.line()}</h2><p>{words.line(10, 30)}.</p>",
        lambda: f"<!-- {words.unseen()} -->",
        lambda: f"<script>var {words.unseen()} = 1;</script>",
        lambda: f"<style>.{words.unseen()} {{}}</style>",
        lambda: f"<template><p>{words.unseen()}</p></template>",
        lambda: f"<p hidden>{words.unseen()} {words.unseen()}</p>",
        lambda: f'<div style="display:none">{words.unseen()}</div>',
        lambda: f"<svg><title>{words.unseen()}</title></svg>",
        lambda: f"<select><option>{words.unseen()}</option></select>",
        lambda: f"<!--[if lt IE 9]><p>{words.unseen()}</p><![endif]-->",
        lambda: f"<![if !IE]><p>{words.line()}.</p><![endif]><!-- {words.unseen()} --!><p>{words.line()}.</p>",
        lambda: f"<p>{words.line()}</body></html><p>{words.line(8, 20)}.</p>",
        lambda: f"<details><summary>{words.line()}</summary>{words.line()}</details>",
        lambda: f"<pre><code># {words.line()}\n  &lt;{words.seen()}&gt;</code></pre>",
        lambda: f"<math><mfrac><mi>{words.seen()}</mi><mn>{words.seen()}</mn></mfrac></math> {words.line()}",
        lambda: f"<article><p>{words.line(8, 20)}.</p></article>",
        lambda: f'<p style="max-height:0;overflow:hidden">{words.unseen()}</p><noscript>{words.unseen()}</noscript>',
        lambda: f'<script type="application/json">{{"a": "{words.unseen()}"}}</script>',
        lambda: f"<p>{words.seen()}<sup>2</sup> <ruby>{words.seen()}<rt>{words.seen()}</rt></ruby> {words.line()}</p>",
        lambda: f"<ul><li>{words.line()}</li><li>{words.line()}</li></ul><p>{words.line(10, 20)}.</p>",
        lambda: f"<table><tr><td>{words.seen()}</td><td>{words.seen()}</td></tr></table><p>{words.line(9, 20)}.</p>",
    ]
    body = "".join(random.choice(blocks)() for _ in range(random.randint(1, 8)))
    body = f"<p>{words.line(10, 30)}.</p>" + body
    wrapper = random.choice(
        [
            "{}",
            "<main>{}</main>",
            "<article>{}</article>",
            "<div class='content'>{}</div>",
            "<main></main><div>{}</div>",
        ]
    )
    head = f"<!doctype html><html><head><title>t</title><!-- {words.unseen()} --></head><body>"
    made.data = (head + wrapper.format(body) + "</body></html>" if random.random() < 0.8 else body).encode()
    return made


def _rows(random: Random, made: Made) -> list[dict[str, str]]:
    words = Words(random, made)
    count = random.randint(1, 6)
    made.parts = count
    marks = ["", '"', ' "', "'", ", ", "; ", "\n", "|", '"']
    rows = []
    for number in range(count):
        rows.append({"id": str(number), "title": "t", "text": words.line() + random.choice(marks) + words.line()})
    return rows


def _csv(random: Random) -> Made:
    made = Made()
    rows = _rows(random, made)
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(
        stream, ["id", "title", "text"], delimiter=random.choice(",;"), lineterminator=random.choice(["\n", "\r\n"])
    )
    writer.writeheader()
    writer.writerows(rows)
    made.data = stream.getvalue().encode(random.choice(["utf-8", "utf-8-sig"]))
    return made


def _tsv(random: Random) -> Made:
    made = Made()
    lines = [f"{row['id']}\t{row['title']}\t" + row["text"].replace("\n", " ") for row in _rows(random, made)]
    made.data = "\n".join(["id\ttitle\ttext", *lines, ""]).encode()
    return made


def _jsonl(random: Random) -> Made:
    made = Made()
    made.data = "\n".join(json.dumps(row, ensure_ascii=random.random() < 0.5) for row in _rows(random, made)).encode()
    return made


def _json(random: Random) -> Made:
    made = Made()
    made.data = json.dumps(
        _rows(random, made), ensure_ascii=random.random() < 0.5, indent=random.choice([None, 2])
    ).encode()
    return made


def _pdf(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made, ascii_only=True)
    made.data = pdf_of(*(words.line(3, 8) for _ in range(random.randint(1, 4))))
    return made


def _zip(members: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_TYPES = (
    _XML + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>{}</Types>'
)
_RELATIONS = (
    _XML + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'


def _part(name: str, kind: str) -> str:
    return f'<Override PartName="{name}" ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/>'


def _docx(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)

    def run(text: str) -> str:
        return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'

    blocks = [
        lambda: f"<w:p>{run(words.line())}</w:p>",
        lambda: f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>{run(words.line())}</w:p>',
        lambda: (
            f'<w:p>{run(words.seen() + " ")}<w:del w:id="1" w:author="a"><w:r><w:delText>{words.unseen()}</w:delText></w:r></w:del>{run(words.seen())}</w:p>'
        ),
        lambda: f'<w:p><w:ins w:id="2" w:author="a">{run(words.line())}</w:ins></w:p>',
        lambda: f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>{words.unseen()}</w:t></w:r>{run(words.line())}</w:p>",
        lambda: f"<w:sdt><w:sdtContent><w:p>{run(words.line())}</w:p></w:sdtContent></w:sdt>",
        lambda: (
            f'<w:p><w:r><w:instrText>REF {words.unseen()}</w:instrText></w:r><w:fldSimple w:instr="{words.unseen()}">'
            f"{run(words.seen())}</w:fldSimple></w:p>"
        ),
        lambda: (
            f"<w:p>{run(words.line())}<w:r><w:pict><w:txbxContent><w:p>{run(words.line())}</w:p></w:txbxContent>"
            "</w:pict></w:r></w:p>"
        ),
        lambda: f"<w:p><!-- {words.unseen()} -->{run(words.line())}</w:p>",
        lambda: (
            f"<w:tbl><w:tr><w:tc><w:p>{run(words.seen())}</w:p></w:tc><w:tc><w:p>{run(words.seen())}</w:p></w:tc></w:tr></w:tbl>"
        ),
    ]
    body = "".join(random.choice(blocks)() for _ in range(random.randint(1, 6))) + f"<w:p>{run(words.line())}</w:p>"
    main = "wordprocessingml.document.main"
    made.data = _zip(
        {
            "[Content_Types].xml": _TYPES.format(_part("/word/document.xml", main)),
            "_rels/.rels": _RELATIONS.format(_relation(1, "officeDocument", "word/document.xml")),
            "word/document.xml": f'{_XML}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>',
        }
    )
    return made


def _pptx(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    space = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        + f'xmlns:r="{_OFFICE}"'
    )
    count = random.randint(1, 4)
    members = {}
    for number in range(1, count + 1):
        shape = f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="b"/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>{words.line()}</a:t></a:r></a:p></p:txBody></p:sp>'
        members[f"ppt/slides/slide{number}.xml"] = (
            f'{_XML}<p:sld {space}><!-- {words.unseen()} --><p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>{shape}</p:spTree></p:cSld></p:sld>'
        )
    numbers = range(1, count + 1)
    slides = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in numbers)
    types = "".join(_part(f"/ppt/slides/slide{number}.xml", "presentationml.slide") for number in numbers)
    relations = "".join(_relation(number, "slide", f"slides/slide{number}.xml") for number in numbers)
    members |= {
        "[Content_Types].xml": _TYPES.format(
            _part("/ppt/presentation.xml", "presentationml.presentation.main") + types
        ),
        "_rels/.rels": _RELATIONS.format(_relation(1, "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"{_XML}<p:presentation {space}><p:sldIdLst>{slides}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _RELATIONS.format(relations),
    }
    made.data = _zip(members)
    return made


def _xlsx(random: Random) -> Made:
    made = Made()
    words = Words(random, made)

    def cell(column: str, row: int, text: str) -> str:
        return f'<c r="{column}{row}" t="inlineStr"><is><t>{text}</t></is></c>'

    lines = []
    for row in range(1, random.randint(2, 6)):
        lines.append(f'<row r="{row}">{cell("A", row, words.seen())}{cell("B", row, words.line())}</row>')
    space = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{_OFFICE}"'
    types = _part("/xl/workbook.xml", "spreadsheetml.sheet.main") + _part(
        "/xl/worksheets/sheet1.xml", "spreadsheetml.worksheet"
    )
    made.data = _zip(
        {
            "[Content_Types].xml": _TYPES.format(types),
            "_rels/.rels": _RELATIONS.format(_relation(1, "officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'{_XML}<workbook {space}><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": _RELATIONS.format(_relation(1, "worksheet", "worksheets/sheet1.xml")),
            "xl/worksheets/sheet1.xml": f"{_XML}<worksheet {space}><!-- {words.unseen()} --><sheetData>{''.join(lines)}</sheetData></worksheet>",
        }
    )
    return made


def _odt(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    blocks = [
        lambda: f"<text:p>{words.line()}</text:p>",
        lambda: f'<text:h text:outline-level="1">{words.line()}</text:h>',
        lambda: f"<text:p>{words.seen()} <text:span>{words.seen()}</text:span><!-- {words.unseen()} --></text:p>",
        lambda: f'<text:section text:display="none"><text:p>{words.unseen()}</text:p></text:section>',
        lambda: f"<text:section><text:p>{words.line()}<text:tab/>{words.seen()}</text:p></text:section>",
        lambda: f"<text:list><text:list-item><text:p>{words.line()}</text:p></text:list-item></text:list>",
        lambda: (
            f"<text:p>{words.seen()}<office:annotation><text:p>{words.unseen()}</text:p></office:annotation></text:p>"
        ),
    ]
    body = "".join(random.choice(blocks)() for _ in range(random.randint(1, 6))) + f"<text:p>{words.line()}</text:p>"
    names = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f'{_XML}<office:document-content xmlns:office="{names}office:1.0" xmlns:text="{names}text:1.0" '
        f'office:version="1.2"><office:body><office:text>{body}</office:text></office:body></office:document-content>'
    )
    manifest = f'{_XML}<manifest:manifest xmlns:manifest="{names}manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    made.data = _zip(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": content,
            "META-INF/manifest.xml": manifest,
        }
    )
    return made


def _open_document(kind: str, body: str) -> bytes:
    names = "urn:oasis:names:tc:opendocument:xmlns:"
    spaces = " ".join(f'xmlns:{name}="{names}{name}:1.0"' for name in ("office", "text", "table", "presentation"))
    content = (
        f'{_XML}<office:document-content {spaces} xmlns:draw="{names}drawing:1.0"><office:body><office:{kind}>{body}'
        f"</office:{kind}></office:body></office:document-content>"
    )
    media = f"application/vnd.oasis.opendocument.{kind}"
    return _zip({"mimetype": media, "content.xml": content})


def _odp(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    slides = []
    for _ in range(random.randint(1, 4)):
        box = f"<draw:frame><draw:text-box><text:p>{words.line()}</text:p></draw:text-box></draw:frame>"
        if random.random() < 0.5:
            box += f'<draw:frame presentation:class="page-number"><text:p>{words.unseen()}</text:p></draw:frame>'
        if random.random() < 0.5:
            box += f'<draw:frame presentation:class="title"><text:p>{words.line()}</text:p></draw:frame>'
        slides.append(f"<draw:page>{box}</draw:page>")
    made.data = _open_document("presentation", "".join(slides))
    return made


def _ods(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    note = f"<office:annotation><text:p>{words.unseen()}</text:p></office:annotation>"
    rows = []
    for _ in range(random.randint(1, 5)):
        cells = "".join(
            f"<table:table-cell>{random.choice(['', note])}<text:p>{words.line()}</text:p></table:table-cell>"
            for _ in range(random.randint(1, 3))
        )
        rows.append(f"<table:table-row>{cells}</table:table-row>")
    made.data = _open_document("spreadsheet", f'<table:table table:name="s">{"".join(rows)}</table:table>')
    return made


def _epub(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    count = random.randint(1, 3)
    members = {"mimetype": "application/epub+zip"}
    for number in range(count):
        members[f"OEBPS/c{number}.xhtml"] = (
            f'{_XML}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title></head><body><!-- {words.unseen()} --><p>{words.line(8, 20)}.</p></body></html>'
        )
    items = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(count))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(count))
    members["META-INF/container.xml"] = (
        f'{_XML}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    members["OEBPS/content.opf"] = (
        f'{_XML}<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>t</dc:title></metadata><manifest>{items}</manifest><spine>{spine}</spine></package>'
    )
    made.data = _zip(members)
    return made


def _ipynb(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    cells = []
    for _ in range(random.randint(1, 5)):
        if random.random() < 0.6:
            marked = f"[{words.seen()}](https://example.org/{words.unseen()}) <!-- {words.unseen()} -->"
            cells.append({"cell_type": "markdown", "metadata": {}, "source": [words.line(), "\n", marked]})
        else:
            outputs = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBORw0KGgo" * 9}}]
            source = f"{words.seen()} = 1"
            cells.append(
                {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": outputs}
            )
    made.data = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()
    return made


def _rst(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    blocks = [
        lambda: words.line() + ".",
        lambda: f".. {words.unseen()}",
        lambda: f"* {words.line()}\n* {words.line()}",
        lambda: f".. note:: {words.line()}",
        lambda: f"``{words.seen()}`` *{words.seen()}* **{words.seen()}**",
        lambda: f"{words.seen()}::\n\n    {words.line()}",
    ]
    title = words.line()
    body = [f"{title}\n{'=' * 2 * len(title)}", words.line() + "."] + [
        random.choice(blocks)() for _ in range(random.randint(1, 6))
    ]
    made.data = "\n\n".join(body).encode()
    return made


def _org(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    blocks = [
        lambda: f"* {words.line()}\n{words.line()}",
        lambda: f"# {words.unseen()}",
        lambda: f"- {words.line()}",
        lambda: words.line(),
    ]
    made.data = "\n".join([words.line()] + [random.choice(blocks)() for _ in range(random.randint(1, 6))]).encode()
    return made


def _message(random: Random, made: Made) -> email.message.EmailMessage:
    words = Words(random, made)
    message = email.message.EmailMessage()
    before = len(made.visible)
    message["Subject"], message["From"], message["To"] = "t", "a@example.org", "b@example.org"
    message["Date"] = "Mon, 03 Feb 2031 10:00:00 +0000"
    start = random.choice(["", "", "From ", ">"])
    message.set_content(f"{words.line()}\n\n{start}{words.line()}\n", cte="8bit")  # as text, to be compared with
    if random.random() < 0.5:
        message.add_alternative(f"<p><!-- {words.unseen()} -->{made.visible[0]}</p>", subtype="html", cte="8bit")
    elif random.random() < 0.3:
        message.set_content("This message is in HTML.\n", cte="8bit")
        del made.visible[before:]
        page = f"<style>p {{{words.unseen()}}}</style><p>{words.line(6, 12)}</p>"
        message.add_alternative(page, subtype="html", cte="8bit")
    return message


def _eml(random: Random) -> Made:
    made = Made(parts=1)
    made.data = _message(random, made).as_bytes()
    return made


def _mbox(random: Random) -> Made:
    made = Made(parts=random.randint(1, 4))
    messages = (_message(random, made).as_bytes() for _ in range(made.parts or 0))
    made.data = b"".join(b"From a@example.org Mon Feb  3 10:00:00 2031\n" + message + b"\n" for message in messages)
    return made


def _srt(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    cues = [f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{words.line()}\n" for n in range(1, random.randint(2, 8))]
    made.data = "\n".join(cues).encode()
    return made


def _vtt(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made)
    starts = ["", "NOTE ", "<b>", "- ", "<c.red>", "{\\an8}"]
    cues = [
        f"00:0{n}.000 --> 00:0{n}.900 line:0\n{random.choice(starts)}{words.line()}\n"
        for n in range(1, random.randint(2, 8))
    ]
    made.data = ("WEBVTT\n\n" + f"NOTE {words.unseen()}\n\n" + "\n".join(cues)).encode()
    return made


def _xml(random: Random) -> Made:
    made = Made()
    words = Words(random, made)
    if random.random() < 0.5:
        made.parts = 1
        made.data = (
            f"{_XML}<r><!-- {words.unseen()} --><a>{words.line()}</a><b><![CDATA[{words.line()}]]></b></r>".encode()
        )
        return made
    made.parts = random.randint(1, 4)
    pages = []
    for number in range(made.parts):
        more = [
            lambda: f" {{{{lang|de|{words.seen()}}}}} {{{{nowrap|{words.line()}}}}}",
            lambda: f" {{{{box|a={words.unseen()}|{words.unseen()}}}}}",
            lambda: f" &lt;ref name=x&gt;{words.unseen()}&lt;/ref&gt;",
            lambda: f"\n\n[[File:{words.unseen()}.jpg|thumb|left|{words.line()}]]\n",
            lambda: f"\n{{|\n|+ {words.seen()}\n|-\n| {words.seen()} || {words.seen()}\n|}}\n",
            lambda: f"\n; {words.seen()} : {words.seen()}\n",
            lambda: f" [https://example.org/{words.unseen()} {words.seen()}]",
        ]
        text = f"'''{words.seen()}''' [[T|{words.seen()}]] &lt;!-- {words.unseen()} --&gt; {words.line()}."
        text += "".join(random.choice(more)() for _ in range(random.randint(0, 4)))
        pages.append(
            f"<page><title>t{number}</title><ns>0</ns><id>{number}</id><revision><text>{text}</text></revision></page>"
        )
    made.data = (
        f'{_XML}<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">{"".join(pages)}</mediawiki>'.encode()
    )
    return made


def _rtf(random: Random) -> Made:
    made = Made(parts=1)
    words = Words(random, made, ascii_only=True)
    blocks = [
        words.line,
        lambda: rf"{words.seen()} {{\v {words.unseen()} {{\b {words.unseen()}}}}}{words.seen()}",
        lambda: rf"\v {words.unseen()}\v0 {words.line()}",
        lambda: rf"{{\deleted {words.unseen()}}} {{\b {words.line()}}}",
        lambda: rf"{{\field{{\*\fldinst {words.unseen()}}}{{\fldrslt {words.seen()}}}}}",
    ]
    body = r"\par ".join(random.choice(blocks)() for _ in range(random.randint(1, 5)))
    made.data = (
        r"{\rtf1\ansi {\fonttbl{\f0 Arial;}}{\info{\comment " + words.unseen() + r"}}\f0 " + body + "}"
    ).encode()
    return made


MAKERS: dict[str, Maker] = {
    ".txt": _txt, ".md": _md, ".html": _html, ".csv": _csv, ".tsv": _tsv, ".jsonl": _jsonl, ".json": _json,
    ".pdf": _pdf, ".docx": _docx, ".pptx": _pptx, ".xlsx": _xlsx, ".odt": _odt, ".odp": _odp, ".ods": _ods, ".epub": _epub, ".ipynb": _ipynb,
    ".rst": _rst, ".org": _org, ".eml": _eml, ".mbox": _mbox, ".srt": _srt, ".vtt": _vtt, ".xml": _xml, ".rtf": _rtf,
}  # fmt: skip


def damage(data: bytes, random: Random) -> bytes:
    """The content with a few bytes flipped, cut out, repeated or put in; of an archive mostly that of one member."""
    if data.startswith(b"PK") and random.random() < 0.8:  # else its checksums alone are tried
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = random.choice(sorted(members))
        return _zip({**members, name: damage(members[name], random)})
    content = bytearray(data)
    for _ in range(random.randint(1, 6)):
        start = random.randrange(len(content) + 1)
        end = min(len(content), start + random.randint(1, 40))
        kind = random.randrange(5)
        if kind == 0 and start < len(content):
            content[start] = random.randrange(256)
        elif kind == 1:
            del content[start:end]
        elif kind == 2:
            content[start:start] = content[start:end]
        elif kind == 3:
            content[start:start] = random.choice(_SPECIAL)
        elif random.random() < 0.2:
            del content[start:]
    return bytes(content)


def problems(suffix: str, made: Made, data: bytes, loaded: LoadedFile) -> Iterator[str]:
    """Every rule that a loaded file breaks, in words."""
    messages = " ".join([loaded.error, loaded.skipped, *loaded.notices])
    if f"cannot be read as {suffix} (" in messages:
        yield f"the reader crashed: {messages[:300]}"
    if not loaded.documents and not loaded.errors and not loaded.skipped:
        yield "no document and no reason"
    text = "\n".join(document.text for document in loaded.documents)
    if data == made.data:
        shown = text + "\n" + "\n".join(document.title for document in loaded.documents)
        leaked = [word for word in made.hidden if word in shown]
        lost = [] if loaded.errors else [word for word in made.visible if word not in shown]
        if leaked:
            yield f"hidden words are text: {leaked[:3]}"
        if loaded.errors:
            yield f"a good file failed: {loaded.error[:200]}"
        if lost:
            yield f"visible words are lost: {lost[:3]}"
        if made.parts is not None and len(loaded.documents) + len(loaded.errors) != made.parts:
            yield f"{made.parts} parts, but {len(loaded.documents)} documents and {len(loaded.errors)} errors"
        return
    raw = _readable(data)
    new = [word for word in _WORD.findall(text) if not _stems_from(word, raw)]
    if new:
        yield f"words that are not in the file: {new[:3]}"


def _stems_from(word: str, raw: str, pieces: int = 3) -> bool:
    """Whether a word is in the file, or a few pieces of it are, between which damaged marks may have stood."""
    if word in raw:
        return True
    cuts = (cut for cut in range(1, len(word)) if pieces > 1 and word[:cut] in raw)
    return any(_stems_from(word[cut:], raw, pieces - 1) for cut in cuts)


def _readable(data: bytes) -> str:
    """All characters that a file may hold: as they are, out of its archive, and with entities replaced."""
    pieces = [data]
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            pieces += [archive.read(name) for name in archive.namelist()]
    except Exception:  # a damaged archive: what was read of it cannot be compared
        pieces = [data]
    texts = []
    for piece in pieces:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
            texts.append(piece.decode(encoding, "ignore"))
    # Readers join words that a line end, a soft hyphen or a control character cut.
    text = "\n".join(texts)
    # An escape of JSON that was damaged may stand for a letter now.
    text += "\n" + re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    joined = re.sub(r"=?[\r\n]+|[^\w\s]|[\x00-\x1f]", "", text)
    # RTF's control words stand between letters as its braces do.
    texts.append(re.sub(r"\\[a-z]+-?\d* ?|\\'..|[{}\\]", "", text))
    return "\n".join([text, html.unescape(text), re.sub(r"[\x00-\x08\x0b-\x1f]", "", text), joined, texts[-1]])


def check(suffix: str, number: int, folder: Path) -> tuple[int, bool, list[str]]:
    """Make the file of one number, load it, and return its documents, whether it failed, and the rules it breaks."""
    random = Random(f"{suffix}-{number}")
    made = MAKERS[suffix](random)
    data = made.data if number % 2 else damage(made.data, random)
    path = folder / f"f{suffix}"
    path.write_bytes(data)
    began = time.perf_counter()
    try:
        loaded = load_file(path, path.name)
    except BaseException as error:
        return 0, True, [f"load_file raised {type(error).__name__}: {error}"]
    found = list(problems(suffix, made, data, loaded))
    if time.perf_counter() - began > 20:
        found.append("it took more than 20 seconds")
    return len(loaded.documents), bool(loaded.errors), found


def _check_all(suffix: str, numbers: Sequence[int]) -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    broken: list[str] = []
    with TemporaryDirectory() as folder:
        for number in numbers:
            documents, failed, found = check(suffix, number, Path(folder))
            counts.update(files=1, documents=documents, failed=failed, broken=bool(found))
            broken += [f"{suffix} {number}: {problem}" for problem in found]
    return counts, broken[:20]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 1 if a rule was broken."""
    parser = argparse.ArgumentParser(description="Load files made at random and check what the readers make of them.")
    parser.add_argument("formats", nargs="*", help="suffixes without dot; all by default")
    parser.add_argument("--inputs", type=int, default=1000, help="number of files of each format")
    parser.add_argument("--processes", type=int, default=2, help="number of processes")
    options = parser.parse_args(arguments)
    suffixes = [f".{name}" for name in options.formats] or [suffix for suffix in MAKERS if suffix in READERS]
    all_broken = 0
    with ProcessPoolExecutor(options.processes) as pool:
        for suffix in suffixes:
            began = time.perf_counter()
            shares = [range(start, min(start + 500, options.inputs)) for start in range(0, options.inputs, 500)]
            counts: Counter[str] = Counter()
            broken: list[str] = []
            for part, lines in pool.map(_check_all, repeat(suffix), shares):
                counts += part
                broken += lines
            seconds = time.perf_counter() - began
            print(
                f"{suffix:8} {counts['files']:7,} files, {counts['documents']:8,} documents, {counts['failed']:7,} "
                f"files with errors, {counts['broken']:5,} broken rules, {seconds:7.1f} s",
                *broken[:8],
                sep="\n    ",
                flush=True,
            )
            all_broken += counts["broken"]
    return 1 if all_broken else 0


if __name__ == "__main__":
    sys.exit(main())
