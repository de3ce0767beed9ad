"""Cloze items from a corpus' own sentences: the sentence up to a name, and that name among others of its kind.

Tells "the adapter learnt nothing" from "it learnt, and cannot use it": the items want no more than the wording of the
texts, so that a model which was trained on them and still fails here has not learnt them.

    answer_items("smollm2-135m", adapter, cloze_items(workspace.store)).adapter

Source: Petroni et al., Language Models as Knowledge Bases?, EMNLP 2019 (recall by completing a sentence).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kg.language.sentences import RuleSentences
from kg.language.spans import FoldedText, Span
from kg.schema import Chunk, Entity, Evidence
from kg.stores.protocol import GraphStore
from models.errors import InputError
from models.factory import open_scorer
from models.protocols import ChoiceScorer
from models.runtime.progress import SILENT, Progress, Step

OPTIONS = 4
MIN_WORDS = 5
"""Minimum number of words before the name: with fewer, nothing says what is to come."""


@dataclass(frozen=True, slots=True)
class ClozeItem:
    """A sentence that stops before a name.

    Attributes:
        prefix: The sentence up to the name, without the space before it.
        options: Names of one type, `OPTIONS` of them.
        answer: Index of the right one.
    """

    prefix: str
    options: tuple[str, ...]
    answer: int


@dataclass(frozen=True, slots=True)
class ClozeResult:
    """Shares of items whose right name has the highest log-probability a token, in [0, 1]; chance is 1 / `OPTIONS`.

    Attributes:
        items: Number of items.
        base: Share right under the base model.
        adapter: Share right under the base model with the adapter.
    """

    items: int
    base: float
    adapter: float


def cloze_items(store: GraphStore, limit: int = 200, seed: int = 0) -> tuple[ClozeItem, ...]:
    """Items from the sentences of a store, at most one a sentence.

    Args:
        store: Chunks and entities.
        limit: Maximum number of items; those left out are drawn by chance.
        seed: Seed of the draw, of the wrong options and of their order.
    Returns:
        Items in the order of the draw; none if no type has `OPTIONS` entities.
    """
    draw = random.Random(seed)
    # Sorted, so that the draw does not depend on the store's order.
    entities = sorted(store.read(Entity), key=lambda entity: entity.id)
    names: dict[str, list[str]] = defaultdict(list)
    for entity in entities:
        names[entity.type].append(entity.name)
    # A corpus that changed since its names were resolved has evidence in chunks that are gone.
    chunks = {chunk.id: chunk for chunk in store.read(Chunk)}
    mentions = [(entity, mention) for entity in entities for mention in entity.evidence if mention.chunk_id in chunks]
    draw.shuffle(mentions)
    splitter = RuleSentences()
    chunk_ids = sorted({mention.chunk_id for _, mention in mentions})
    sentences = {key: splitter.split(chunks[key].text) for key in chunk_ids}
    items: dict[tuple[str, int], ClozeItem] = {}
    for entity, mention in mentions:
        chunk = chunks[mention.chunk_id]
        span = next(span for span in sentences[chunk.id] if mention.start < span[1])
        sentence = chunk.document_id, chunk.start + span[0]  # chunks that overlap share a sentence
        if len(items) < limit and sentence not in items:
            others = [name for name in names[entity.type] if name != entity.name]
            if item := _item(chunk.text, span, mention, others, draw):
                items[sentence] = item
    return tuple(items.values())


def _item(text: str, sentence: Span, mention: Evidence, others: list[str], draw: random.Random) -> ClozeItem | None:
    """The item of a name in a sentence, or None where too little comes before it or too few names could replace it."""
    prefix = " ".join(text[sentence[0] : mention.start].split())
    folded = FoldedText(text[slice(*sentence)])
    wrong = [name for name in others if folded.find(name) is None]
    if len(prefix.split()) < MIN_WORDS or len(wrong) < OPTIONS - 1:
        return None
    right = " ".join(text[mention.start : mention.end].split())
    # The right name as this sentence writes it: under its main name it would be a sentence that was never read.
    options = [right, *draw.sample(wrong, OPTIONS - 1)]
    draw.shuffle(options)
    return ClozeItem(prefix, tuple(options), options.index(right))


def answer_items(base: str, adapter: Path, items: Sequence[ClozeItem], progress: Progress = SILENT) -> ClozeResult:
    """Have a model answer the items without and with an adapter.

    Args:
        base: Name of the model configuration that the adapter was trained on.
        adapter: Folder of the adapter.
        items: At least one.
        progress: Progress callback, of finished items.
    Raises:
        InputError: There are no items.
        ConfigError: The base cannot score options, or there is no adapter.
        ModelError: The base cannot be loaded, or the adapter does not fit it.
    """
    if not items:
        raise InputError(
            f"No sentence gives a cloze item: expected a graph with {OPTIONS} entities of one type, some of them named "
            "late in a sentence. Index with an extractor, or more documents."
        )
    with progress.step("complete sentences", total=2 * len(items), unit="sentences") as bar:
        shares = [_share(items, open_scorer(base, folder, progress=progress), bar) for folder in (None, adapter)]
    return ClozeResult(len(items), *shares)


def _share(items: Sequence[ClozeItem], scorer: ChoiceScorer, bar: Step) -> float:
    right = 0
    for item in items:
        scored = scorer.score(item.prefix, [f" {option}" for option in item.options]).options
        # A mean a token, as in the experiments: a sum would favour short names.
        means = [option.logprob / option.tokens for option in scored]
        right += means.index(max(means)) == item.answer
        bar.advance()
    scorer.close()
    return right / len(items)
