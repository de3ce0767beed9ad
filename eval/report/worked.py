"""Prints a few worked examples: the options, the answer of every arm, and the evidence it was given.

For people who want to see how an answer came about. Questions on which arms disagree and whose evidence was found come
first, one of each kind before a second of any, so that they show the difference that evidence makes. Nothing is
computed; everything is in the run's files.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from eval.runs.records import read_records
from eval.types import Context, Item, Sample

SHOWN = ("rag", "graph", "oracle")
WIDTH = 110


def worked_examples(run: Path, count: int) -> list[str]:
    """Texts of at most `count` worked examples of a run folder."""
    items = read_records(Item, run / "items.jsonl")
    frozen = read_records(Context, run / "contexts.jsonl")
    contexts = {(context.retriever, context.item_id): context for context in frozen}
    samples: dict[str, dict[str, Sample]] = {}
    for sample in read_records(Sample, run / "samples.jsonl"):
        samples.setdefault(sample.item_id, {})[sample.arm] = sample
    chosen = _choose(items, contexts, samples, count)
    return [_text(item, list(samples.get(item.id, {}).values()), contexts) for item in chosen]


def _choose(
    items: Sequence[Item],
    contexts: dict[tuple[str, str], Context],
    samples: dict[str, dict[str, Sample]],
    count: int,
) -> list[Item]:
    """Items on which arms disagree first, each kind once before any kind again."""

    def interest(item: Item) -> tuple[bool, float]:
        correct = {sample.correct for sample in samples.get(item.id, {}).values()}
        recall = max((c.recall or 0.0 for key in SHOWN if (c := contexts.get((key, item.id)))), default=0.0)
        # False sorts first: disagreement before agreement, then the better evidence.
        return len(correct) < 2, -recall

    ranked = sorted(items, key=interest)
    seen: dict[str, int] = {}
    order = []
    for item in ranked:
        seen[item.kind] = seen.get(item.kind, 0) + 1
        order.append((seen[item.kind], item))
    order.sort(key=lambda pair: pair[0])
    return [item for _, item in order[:count]]


def _text(item: Item, samples: Sequence[Sample], contexts: dict[tuple[str, str], Context]) -> str:
    lines = [f"{item.question}   ({item.kind or 'question'} {item.id})"]
    for position, choice in enumerate(item.choices):
        arms = [sample.arm for sample in samples if sample.prediction == str(position)]
        mark = "*" if position in item.right_options else " "
        lines.append(f"  {mark} {choice:<32} {', '.join(arms)}".rstrip())
    if not item.choices:
        lines.append(f"  * {item.answers[0]}")
        lines += [f"    {sample.arm}: {sample.prediction}" for sample in samples]
    for quote in item.evidence:
        lines += _wrapped(f"  gold  {quote.document}: ", quote.quote)
    context = next((c for key in SHOWN if (c := contexts.get((key, item.id))) and c.text), None)
    if context is not None:
        lines.append(f"  given to the arms with {context.retriever} ({context.tokens} tokens):")
        for line in context.text.splitlines():
            lines += _wrapped("    ", line)
    return "\n".join(lines)


def _wrapped(lead: str, text: str) -> list[str]:
    return textwrap.wrap(lead + text, WIDTH, subsequent_indent=" " * 6, break_long_words=False) or [lead.rstrip()]
