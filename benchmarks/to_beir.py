"""Write a multi-hop set, as its publisher wrote it, in the form that `graft eval retrieval` reads.

    python -m benchmarks.to_beir musique100 ../shared/data/musique100 sets/musique100
    python -m benchmarks.to_beir hotpot_dev ../shared/data/hotpot_dev sets/hotpot_train --part train

The gold passages are those that the set calls supporting. Triples go with the passage that they were extracted from.
Of 2WikiMultihopQA the gold titles of 51 questions are given; those of the others follow from the evidence: the passages
whose title is the subject of one of its triples (`--derived`).

`--part train` writes `hops.jsonl`, which `graft train hops` reads, for four fifths of the questions; `--part test` the
other fifth, to measure on. A question's part follows from its id alone, but the 51 all belong to the test part. The
passages that a question leads to at once are those that its evidence begins with; in HotpotQA, where no order is given,
the one whose text names the other's title, or both if neither or each does, or the question names both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDS = 5
"""One of them is the test part."""


@dataclass(slots=True)
class MultiHopSet:
    """A corpus with questions and facts.

    Attributes:
        passages: Ids of passages by title and text.
        queries: Id, text and ids of the gold passages of each question.
        first: Ids of the passages that a question leads to at once, by its id.
        held_out: Ids of questions that belong to the test part whatever their fold.
        facts: Id of a passage and a triple that was extracted from it.
    """

    passages: dict[tuple[str, str], str] = field(default_factory=dict)
    queries: list[tuple[str, str, list[str]]] = field(default_factory=list)
    first: dict[str, list[str]] = field(default_factory=dict)
    held_out: set[str] = field(default_factory=set)
    facts: list[tuple[str, list[str]]] = field(default_factory=list)

    def add_passage(self, title: str, text: str) -> str:
        """The id of a passage, a new one if the passage is new."""
        return self.passages.setdefault((title, text), f"p{len(self.passages)}")

    def ids_by_title(self) -> dict[str, list[str]]:
        """Ids of passages by title, in lower case."""
        ids: dict[str, list[str]] = {}
        for (title, _), key in self.passages.items():
            ids.setdefault(title.lower(), []).append(key)
        return ids

    def belongs_to(self, part: str, key: str) -> bool:
        """Whether a question belongs to a part."""
        fold = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") % FOLDS
        return part == "all" or (part == "test") == (fold == 0 or key in self.held_out)

    def write(self, folder: Path, part: str) -> int:
        """Write the files of one part and return the number of its queries; those without gold are left out."""
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        _write(folder / "corpus.jsonl", ({"_id": k, "title": t, "text": x} for (t, x), k in self.passages.items()))
        usable = [(key, text, [*dict.fromkeys(gold)]) for key, text, gold in self.queries if gold]
        chosen = [query for query in usable if self.belongs_to(part, query[0])]
        _write(folder / "queries.jsonl", ({"_id": key, "text": text} for key, text, _ in chosen))
        lines = [f"{key}\t{passage}\t1\n" for key, _, gold in chosen for passage in gold]
        (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")
        if part == "train":
            rows = ({"question": q, "first": self.first.get(key, gold), "passages": gold} for key, q, gold in chosen)
            _write(folder / "hops.jsonl", rows)
        if self.facts:
            names = ("subject", "predicate", "object")
            triples = ({"passage_id": key, **dict(zip(names, triple, strict=True))} for key, triple in self.facts)
            _write(folder / "facts.jsonl", triples)
        return len(chosen)


def musique(source: Path, _derived: bool) -> MultiHopSet:
    """MuSiQue with HippoRAG's triples."""
    hop_set = MultiHopSet()
    for passage in _json(source / "corpus.json"):
        hop_set.add_passage(passage["title"], passage["text"])
    for question in _json(source / "questions.json"):
        gold = [
            hop_set.add_passage(p["title"], p["paragraph_text"]) for p in question["paragraphs"] if p["is_supporting"]
        ]
        hop_set.queries.append((question["id"], question["question"], gold))
    for document in _json(source / "openie_gpt-3.5-turbo.json")["docs"]:
        key = hop_set.add_passage(document["title"], document["text"])
        hop_set.facts += [(key, triple) for triple in document["extracted_triples"] if len(triple) == 3 and all(triple)]
    return hop_set


def hotpot(source: Path, _derived: bool) -> MultiHopSet:
    """HotpotQA in its own form, with the corpus of HippoRAG."""
    hop_set = MultiHopSet()
    for title, sentences in _json(source / "corpus.json").items():
        hop_set.add_passage(title, "".join(sentences))
    titled = hop_set.ids_by_title()
    for question in _json(source / "questions.json"):
        titles = dict.fromkeys(title for title, _ in question["supporting_facts"])
        hop_set.queries.append(
            (question["_id"], question["question"], [key for title in titles for key in titled[title.lower()]])
        )
    return hop_set


def ircot(source: Path, _derived: bool) -> MultiHopSet:
    """HotpotQA in IRCoT's form: the corpus is what stands beside the questions."""
    hop_set = MultiHopSet()
    for line in (source / "first250.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        gold, supporting = [], {}
        for paragraph in question["contexts"]:
            title, text = paragraph["title"], paragraph["paragraph_text"]
            key = hop_set.add_passage(title, text)
            if paragraph["is_supporting"]:
                gold.append(key)
                supporting[title] = text
        hop_set.queries.append((question["question_id"], question["question_text"], gold))
        first = _first_titles(question["question_text"], supporting)
        hop_set.first[question["question_id"]] = [hop_set.add_passage(title, supporting[title]) for title in first]
    return hop_set


def _first_titles(question: str, supporting: dict[str, str]) -> list[str]:
    """Titles of the passages that a question leads to at once.

    Args:
        question: Its text.
        supporting: Text of each gold passage by its title.
    """
    # "Dune (film)" is called "Dune" in a running text.
    names = {title: title.partition(" (")[0].lower() for title in supporting}
    naming = []
    for title, text in supporting.items():
        others = [name for other, name in names.items() if other != title]
        if any(name in text.lower() for name in others):
            naming.append(title)
    in_question = [title for title, name in names.items() if name in question.lower()]
    return naming if len(naming) == 1 and len(in_question) < len(supporting) else list(supporting)


def twowiki(source: Path, derived: bool) -> MultiHopSet:
    """2WikiMultihopQA with the corpus of HippoRAG."""
    hop_set = MultiHopSet()
    for passage in _json(source / "corpus.json"):
        hop_set.add_passage(passage["title"], passage["text"])
    titled = hop_set.ids_by_title()
    if derived:
        for question in _json(source / "questions_first500.json"):
            titles = dict.fromkeys(subject.lower() for subject, _, _ in question["evidence"])
            gold = [key for title in titles for key in titled.get(title, [])]
            hop_set.queries.append(
                (question["id"], question["question"], gold if all(t in titled for t in titles) else [])
            )
            # What no triple leads to is where the evidence begins.
            objects = {object_.lower() for _, _, object_ in question["evidence"]}
            first = [key for title in titles if title not in objects for key in titled.get(title, [])]
            hop_set.first[question["id"]] = first or gold
        labelled = {question["question"] for question in _json(source / "gold_titles_51.json")}
        hop_set.held_out = {key for key, question, _ in hop_set.queries if question in labelled}
        return hop_set
    for number, question in enumerate(_json(source / "gold_titles_51.json")):
        gold = [key for title in question["ground_truth"] for key in titled.get(title.lower(), [])]
        hop_set.queries.append((f"g{number}", question["question"], gold))
    return hop_set


def popqa(source: Path, _derived: bool) -> MultiHopSet:
    """PopQA with two gold paragraphs a question; the corpus is what stands beside the questions."""
    hop_set = MultiHopSet()
    for question in _json(source / "first500_with_passages.json"):
        passages = (
            question["paragraphs"] if isinstance(question["paragraphs"], list) else json.loads(question["paragraphs"])
        )
        keys = [hop_set.add_passage(passage["title"], passage["text"]) for passage in passages]
        gold = [key for key, passage in zip(keys, passages, strict=True) if passage["is_supporting"]]
        hop_set.queries.append((str(question["id"]), question["question"], gold))
    return hop_set


SETS = {"musique100": musique, "hotpot100": hotpot, "hotpot_dev": ircot, "twowiki": twowiki, "popqa": popqa}
"""Readers by name of the set: from its folder, and whether gold is to be derived, to the set."""


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(_lines(rows))


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for question in rows:
        yield json.dumps(question, ensure_ascii=False) + "\n"


def main() -> int:
    """Write one set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("set", choices=SETS)
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--derived", action="store_true", help="gold of twowiki from the evidence of its 500 questions")
    parser.add_argument("--part", choices=("all", "train", "test"), default="all", help="which questions")
    arguments = parser.parse_args()
    hop_set = SETS[arguments.set](arguments.source, arguments.derived)
    gold = hop_set.write(arguments.folder, arguments.part)
    sys.stdout.write(
        f"{arguments.folder}: {len(hop_set.passages):,} passages, {gold:,} of {len(hop_set.queries):,} queries, "
        f"{len(hop_set.facts):,} facts\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
