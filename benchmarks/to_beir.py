"""Write a multi-hop set, as its publisher wrote it, in the form that `graft eval retrieval` reads.

    python -m benchmarks.to_beir musique100 ../shared/data/musique100 sets/musique100
    python -m benchmarks.to_beir hotpot_dev ../shared/data/hotpot_dev sets/hotpot_train --part train

Gold are the passages that the set calls supporting. Triples go with the passage that they were extracted from. Of
2WikiMultihopQA the gold titles of 51 questions are given; of the others they follow from the evidence: the passages
whose title is the subject of one of its triples (`--derived`).

`--part train` writes `hops.jsonl`, which `graft train hops` reads, for four fifths of the questions; `--part test` the
other fifth, to measure on. Where a question belongs follows from its id alone, but the 51 are all of the test. The
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


@dataclass(slots=True)
class Set:
    """A corpus with questions and facts, by passages' texts."""

    passages: dict[tuple[str, str], str] = field(default_factory=dict)
    queries: list[tuple[str, str, list[str]]] = field(default_factory=list)
    first: dict[str, list[str]] = field(default_factory=dict)
    held_out: set[str] = field(default_factory=set)
    facts: list[tuple[str, list[str]]] = field(default_factory=list)

    def passage(self, title: str, text: str) -> str:
        """The id of a passage, a new one where it is not there yet."""
        return self.passages.setdefault((title, text), f"p{len(self.passages)}")

    def titled(self) -> dict[str, list[str]]:
        """Ids of passages by title, in lower case."""
        found: dict[str, list[str]] = {}
        for (title, _), key in self.passages.items():
            found.setdefault(title.lower(), []).append(key)
        return found

    def is_of(self, part: str, key: str) -> bool:
        """Whether a question belongs to a part."""
        fold = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") % FOLDS
        return part == "all" or (part == "test") == (fold == 0 or key in self.held_out)

    def write(self, folder: Path, part: str) -> int:
        """Write the files of one part and return the number of its queries; those without gold are left out."""
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        _write(folder / "corpus.jsonl", ({"_id": k, "title": t, "text": x} for (t, x), k in self.passages.items()))
        asked = [(key, text, [*dict.fromkeys(gold)]) for key, text, gold in self.queries if gold]
        asked = [row for row in asked if self.is_of(part, row[0])]
        _write(folder / "queries.jsonl", ({"_id": key, "text": text} for key, text, _ in asked))
        lines = [f"{key}\t{passage}\t1\n" for key, _, gold in asked for passage in gold]
        (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(lines), encoding="utf-8")
        if part == "train":
            rows = ({"question": q, "first": self.first.get(key, gold), "passages": gold} for key, q, gold in asked)
            _write(folder / "hops.jsonl", rows)
        if self.facts:
            names = ("subject", "predicate", "object")
            triples = ({"passage_id": key, **dict(zip(names, triple, strict=True))} for key, triple in self.facts)
            _write(folder / "facts.jsonl", triples)
        return len(asked)


def musique(source: Path, _derived: bool) -> Set:
    """MuSiQue with HippoRAG's triples."""
    made = Set()
    for row in _json(source / "corpus.json"):
        made.passage(row["title"], row["text"])
    for row in _json(source / "questions.json"):
        gold = [made.passage(p["title"], p["paragraph_text"]) for p in row["paragraphs"] if p["is_supporting"]]
        made.queries.append((row["id"], row["question"], gold))
    for row in _json(source / "openie_gpt-3.5-turbo.json")["docs"]:
        key = made.passage(row["title"], row["text"])
        made.facts += [(key, triple) for triple in row["extracted_triples"] if len(triple) == 3 and all(triple)]
    return made


def hotpot(source: Path, _derived: bool) -> Set:
    """HotpotQA in its own form, with the corpus of HippoRAG."""
    made = Set()
    for title, sentences in _json(source / "corpus.json").items():
        made.passage(title, "".join(sentences))
    titled = made.titled()
    for row in _json(source / "questions.json"):
        titles = dict.fromkeys(title for title, _ in row["supporting_facts"])
        made.queries.append((row["_id"], row["question"], [key for title in titles for key in titled[title.lower()]]))
    return made


def ircot(source: Path, _derived: bool) -> Set:
    """HotpotQA in IRCoT's form: the corpus is what stands beside the questions."""
    made = Set()
    for line in (source / "first250.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        keys = [
            (made.passage(each["title"], each["paragraph_text"]), each["is_supporting"]) for each in row["contexts"]
        ]
        gold = [key for key, is_gold in keys if is_gold]
        made.queries.append((row["question_id"], row["question_text"], gold))
        told = {each["title"]: each["paragraph_text"] for each in row["contexts"] if each["is_supporting"]}
        first = _first(row["question_text"], told)
        made.first[row["question_id"]] = [made.passage(title, told[title]) for title in first]
    return made


def _first(question: str, told: dict[str, str]) -> list[str]:
    """Titles of the passages that a question leads to at once."""
    names = {title: title.partition(" (")[0].lower() for title in told}
    naming = [title for title in told if any(names[t] in told[title].lower() for t in told if t != title)]
    asked = [title for title in told if names[title] in question.lower()]
    return naming if len(naming) == 1 and len(asked) < len(told) else list(told)


def twowiki(source: Path, derived: bool) -> Set:
    """2WikiMultihopQA with the corpus of HippoRAG."""
    made = Set()
    for row in _json(source / "corpus.json"):
        made.passage(row["title"], row["text"])
    titled = made.titled()
    if derived:
        for row in _json(source / "questions_first500.json"):
            titles = dict.fromkeys(subject.lower() for subject, _, _ in row["evidence"])
            gold = [key for title in titles for key in titled.get(title, [])]
            made.queries.append((row["id"], row["question"], gold if all(t in titled for t in titles) else []))
            found = {object_.lower() for _, _, object_ in row["evidence"]}
            firsts = [key for title in titles if title not in found for key in titled.get(title, [])]
            made.first[row["id"]] = firsts or gold
        given = {row["question"] for row in _json(source / "gold_titles_51.json")}
        made.held_out = {key for key, question, _ in made.queries if question in given}
        return made
    for number, row in enumerate(_json(source / "gold_titles_51.json")):
        gold = [key for title in row["ground_truth"] for key in titled.get(title.lower(), [])]
        made.queries.append((f"g{number}", row["question"], gold))
    return made


def popqa(source: Path, _derived: bool) -> Set:
    """PopQA with two gold paragraphs a question; the corpus is what stands beside the questions."""
    made = Set()
    for row in _json(source / "first500_with_passages.json"):
        passages = row["paragraphs"] if isinstance(row["paragraphs"], list) else json.loads(row["paragraphs"])
        keys = [(made.passage(each["title"], each["text"]), each["is_supporting"]) for each in passages]
        made.queries.append((str(row["id"]), row["question"], [key for key, is_gold in keys if is_gold]))
    return made


SETS = {"musique100": musique, "hotpot100": hotpot, "hotpot_dev": ircot, "twowiki": twowiki, "popqa": popqa}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(_lines(rows))


def _lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n"


def main() -> int:
    """Write one set."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("set", choices=SETS)
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--derived", action="store_true", help="gold of twowiki from the evidence of its 500 questions")
    parser.add_argument("--part", choices=("all", "train", "test"), default="all", help="which questions")
    asked = parser.parse_args()
    made = SETS[asked.set](asked.source, asked.derived)
    gold = made.write(asked.folder, asked.part)
    sys.stdout.write(
        f"{asked.folder}: {len(made.passages):,} passages, {gold:,} of {len(made.queries):,} queries, "
        f"{len(made.facts):,} facts\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
