"""Record the figures of a `graft eval` command in `benchmarks/results/NAME.jsonl`.

    python -m benchmarks.record retrieval -- graft eval retrieval sets/popqa -r bm25 -r graph --against bm25
    python -m benchmarks.record own_hops --label adapter=none -- graft eval retrieval sets/musique100 -r graph \
        --set graph.hops.adapter=none
    python -m benchmarks.record demo -- graft eval run configs/experiments/demo.yaml

The command runs as it stands, with `--json` behind it, and its document is passed on to standard output. Figures are
taken from the document by the command's function in `READERS`:

    eval run         an arm's accuracy, p, recall, seconds      labels arm
    eval retrieval   metrics and milliseconds                   labels set, questions, encoder, retriever; against for
                                                                differences, which are "METRIC gain"
    eval extraction  F1 of every measure, speed, tokens         labels set, documents, extractor
    eval mine        share of the facts kept                    labels essays, system

Of any other command every number is taken (`leaves`): its name is its keys joined by dots, texts beside it or above it
are its labels, a mapping of mean, low and high is one figure with its interval. `--label KEY=VALUE` adds a label to
each figure.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import Figure, add_options, append, figures_of, run_now
from eval.statistics.stats import Interval
from models.errors import InputError

Document = Mapping[str, Any]
Reader = Callable[[Document, Sequence[str]], list[Figure]]
"""From the JSON document of a command and the command's own words to figures."""


def experiment_figures(document: Document, _words: Sequence[str]) -> list[Figure]:
    """`graft eval run`: a row of its table for every arm."""
    units = {"accuracy": "share", "p": "p", "recall": "share", "seconds": "s"}
    # Against the floor alone, and before Holm's correction, as the printed table has it.
    p_values = {pair["a"]: pair["p_value"] for pair in document["comparisons"] if pair["b"] == "closed-book"}
    figures = []
    for arm in document["arms"]:
        values = {
            "accuracy": Interval(arm["accuracy"], arm["ci_low"], arm["ci_high"]),
            "p": p_values.get(arm["name"]),
            "recall": arm["context_recall"],
            "seconds": arm["seconds"],
        }
        figures += figures_of(values, units, arm=arm["name"])
    return figures


def retrieval_figures(document: Document, _words: Sequence[str]) -> list[Figure]:
    """`graft eval retrieval`: metrics and milliseconds of every retriever, and differences between them."""
    figures = []
    questions = {row["retriever"]: row["n"] for row in document["retrievers"]}
    corpus = {"set": document["folder"], "encoder": document["encoder"]}
    for row in document["retrievers"]:
        labels = {**corpus, "questions": row["n"], "retriever": row["retriever"]}
        metrics = {name: _interval(value) for name, value in row["metrics"].items()}
        figures += figures_of(metrics, dict.fromkeys(metrics, "share"), **labels)
        figures += figures_of(row, {"ms_median": "ms", "ms_p95": "ms", "failed": "count"}, **labels)
    for base, others in document["differences"].items():
        for name, metrics in others.items():
            labels = {**corpus, "questions": questions[name], "retriever": name, "against": base}
            gains = {f"{metric} gain": _interval(value) for metric, value in metrics.items()}
            figures += figures_of(gains, dict.fromkeys(gains, "share"), **labels)
    return figures


def extraction_figures(document: Document, words: Sequence[str]) -> list[Figure]:
    """`graft eval extraction`: F1 of every measure, and what reading cost."""
    labels = {"set": Path(document["file"]).stem, "documents": document["n"], "extractor": _extractor(words)}
    scores = {f"{name} F1": _interval(row["f1"]) for name, row in document["measures"].items()}
    units = {"chunks_per_minute": "a minute", "tokens_out_per_corpus_token": "tokens a token"}
    return [*figures_of(scores, dict.fromkeys(scores, "share"), **labels), *figures_of(document, units, **labels)]


def _extractor(words: Sequence[str]) -> str:
    return words[words.index("--extractor") + 1] if "--extractor" in words else "qwen-1.5b"


def mine_figures(document: Document, _words: Sequence[str]) -> list[Figure]:
    """`graft eval mine`: the share of the facts that every system's graph keeps."""
    figures = []
    for row in document["systems"]:
        kept = {"facts kept": Interval(row["kept"], row["ci_low"], row["ci_high"])}
        figures += figures_of(kept, {"facts kept": "share"}, essays=row["essays"], system=row["name"])
    return figures


def leaves(document: Any, path: tuple[str, ...] = (), labels: Mapping[str, str] | None = None) -> Iterator[Figure]:
    """Every number of a document.

    Args:
        document: Parsed JSON.
        path: Keys that lead to it.
        labels: Texts beside those keys.
    Example:
        >>> [figure] = leaves({"set": "beer", "scores": {"f1": {"mean": 0.5, "low": 0.4, "high": 0.6}}})
        >>> figure.name, figure.setting, figure.value, figure.high
        ('scores.f1', {'set': 'beer'}, 0.5, 0.6)
    """
    if isinstance(document, Mapping) and document.keys() == {"mean", "low", "high"}:
        yield Figure(
            name=".".join(path), setting=dict(labels or {}), value=document["mean"], low=document["low"],
            high=document["high"],
        )  # fmt: skip
    elif isinstance(document, Mapping):
        texts = {key: value for key, value in document.items() if isinstance(value, str)}
        for key, value in document.items():
            yield from leaves(value, (*path, key), {**(labels or {}), **texts})
    elif isinstance(document, list):
        for value in document:
            yield from leaves(value, path, labels)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield Figure(name=".".join(path), setting=dict(labels or {}), value=document)


def _interval(value: Document) -> Interval:
    return Interval(value["mean"], value["low"], value["high"])


READERS: dict[str, Reader] = {
    "run": experiment_figures,
    "retrieval": retrieval_figures,
    "extraction": extraction_figures,
    "mine": mine_figures,
}
"""By the word behind `graft eval`."""


def figures_from(document: Document, words: Sequence[str]) -> list[Figure]:
    """The figures of a command's document.

    Args:
        document: What the command printed.
        words: The command: "graft", "eval", "retrieval", ...
    """
    reader = READERS.get(words[2]) if len(words) > 2 and words[1] == "eval" else None
    return reader(document, words) if reader else list(leaves(document))


def run_command(words: Sequence[str]) -> Document:
    """Run a command with `--json` and return its document.

    Raises:
        InputError: It failed, or printed no JSON object.
    """
    done = subprocess.run([*words, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise InputError(f"{shlex.join(words)} ended with exit code {done.returncode}, so nothing was recorded.")
    try:
        document = json.loads(done.stdout)
    except ValueError as error:
        raise InputError(f"{shlex.join(words)} --json printed no JSON document: {error}.") from error
    if not isinstance(document, dict):
        raise InputError(f"{shlex.join(words)} --json printed a {type(document).__name__}; expected a JSON object.")
    return document


def labelled(figures: Sequence[Figure], labels: Sequence[str]) -> list[Figure]:
    """The figures with more labels, each "KEY=VALUE".

    Raises:
        InputError: A label has no "=".
    """
    for label in labels:
        if "=" not in label:
            raise InputError(f"Expected a label as KEY=VALUE, got {label!r}.")
    more = dict(label.split("=", 1) for label in labels)
    return [figure.model_copy(update={"setting": {**figure.setting, **more}}) for figure in figures]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and record its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", help="the file in benchmarks/results, without .jsonl")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="on every figure; repeat it")
    parser.add_argument("command", nargs="+", help="the command, behind --")
    add_options(parser)
    arguments = parser.parse_args(argv)
    try:
        document = run_command(arguments.command)
        figures = labelled(figures_from(document, arguments.command), arguments.label)
    except InputError as error:
        parser.error(str(error))
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    if figures and not arguments.no_record:
        file = append(arguments.results, run_now(arguments.name, shlex.join(arguments.command), figures))
        sys.stderr.write(f"{len(figures)} figures recorded in {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
