"""A little corpus in BEIR's form: two hops from a bridge to where its designer was born."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PASSAGES = (
    ("p1", "Bridge", "The Aldermoon Bridge was designed by Ivo Tarn."),
    ("p2", "Tarn", "Ivo Tarn was born in Pellin. He keeps bees."),
    ("p3", "Pellin", "The mayor of Pellin is Runa Fisk, who was elected by nine votes."),
    ("p4", "Harbour", "The harbour of Quenn was dredged in autumn."),
)
QUERIES = (
    ("q1", "Where was the designer of the Aldermoon Bridge born?"),
    ("q2", "Who is the mayor of Pellin?"),
    ("q3", "What is never asked?"),
)
QRELS = (("q1", "p1", 1), ("q1", "p2", 1), ("q2", "p3", 2), ("q2", "p4", 0))
FACTS = (
    ("p1", "Ivo Tarn", "designed", "Aldermoon Bridge"),
    ("p2", "Ivo Tarn", "was born in", "Pellin"),
    ("p2", "ivo tarn.", "Was  born in", "Pellin"),
    ("p3", "Runa Fisk", "is mayor of", "Pellin"),
    ("p3", "...", "is", "Pellin"),
)


def write_folder(folder: Path) -> Path:
    """Write the files; returns the folder."""
    (folder / "qrels").mkdir(parents=True)
    _write(folder / "corpus.jsonl", ({"_id": i, "title": title, "text": text} for i, title, text in PASSAGES))
    _write(folder / "queries.jsonl", ({"_id": i, "text": text} for i, text in QUERIES))
    names = ("passage_id", "subject", "predicate", "object")
    _write(folder / "facts.jsonl", (dict(zip(names, fact, strict=True)) for fact in FACTS))
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in QRELS)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
