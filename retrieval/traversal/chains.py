"""Chains of passages: from a question to its first passage, and from question and passage to the next.

"Where was the designer of the bridge born?" resembles the article on the bridge. With that article behind it, the
question resembles the article on the designer, to an encoder that was trained to see this (`training.hops`). Each step
is a distribution over all passages, so that chains can be compared: a passage is as likely as the likeliest chain that
contains it. Words that a passage shares with the question make it likelier at every step, since an encoder blurs names
and numbers. Passages keep the vectors that the index has; only the question is encoded again at each step.

Source: the step from question and passage to the next is that of Xiong et al., ICLR 2021 (multi-hop dense retrieval);
training the side of the question alone against all passages that of Lee et al., ACL 2021 (DensePhrases).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.errors import ConfigError
from models.protocols import Encoder, HopEncoder, Vectors
from retrieval.index.graph_index import GraphIndex
from retrieval.index.nearest import SMALL, products
from retrieval.index.rank import ScoredId, highest
from retrieval.text.texts import with_heading

SCALE = 20.0
"""Cosines are multiplied by this before the softmax, in training as in search: an inverse temperature."""
AUTO, NONE = "auto", "none"
_MATCHING = 200
"""Number of passages, best by BM25, whose shared words count."""
_VISITED = -1e9
"""Log-probability of a passage that the chain already contains: finite, so that sums with it stay numbers."""

LogProbabilities = NDArray[np.float64]


class HopSettings(BaseModel):
    """Settings of chains.

    Attributes:
        adapter: Adapter for hops. "auto" takes the workspace's own one if it was trained, else the one that comes with
            the encoder; "none" leaves chains out; anything else is the folder of an adapter.
        length: Number of passages of a chain.
        beam: Number of chains that are followed at each step.
        lexical: Amount that the best match by BM25 adds to the logit of a passage, others in proportion; 0 adds none.
        words: Number of words of a passage, title included, that are encoded behind the question; None for all that
            fit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: str = AUTO
    length: int = Field(default=2, ge=1)
    beam: int = Field(default=2, ge=1)
    lexical: float = Field(default=2.0, ge=0)
    words: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, slots=True)
class PassageChains:
    """The likeliest chains of a question.

    Attributes:
        scores: Array (chunks,): natural logarithm of the probability of the best chain that contains each passage.
        best: Rows of the best chain's passages, in order.
        length: Number of passages of a chain.
    """

    scores: LogProbabilities
    best: tuple[int, ...]
    length: int

    @property
    def likelihood(self) -> LogProbabilities:
        """For each passage the geometric mean of its best chain's step probabilities, array (chunks,), in [0, 1].

        The mean makes chains of different lengths comparable, and 1 certain, whatever the length.
        """
        mean: LogProbabilities = np.exp(self.scores / self.length)
        return mean


@dataclass(frozen=True, slots=True)
class _PartialChain:
    """A chain while it is made longer: chunk rows in order, and the logarithm of its probability."""

    rows: tuple[int, ...]
    score: float


def hop_text(question: str, passages: Sequence[str]) -> str:
    """A question with the passages of its chain so far, as encoded.

    Example:
        >>> hop_text("Who designed it?", ["Bridge: A bridge."])
        'Who designed it? [SEP] Bridge: A bridge.'
    """
    return " [SEP] ".join([question, *passages])


def open_hops(index: GraphIndex, settings: HopSettings) -> Encoder | None:
    """The encoder of chains for an index; None if chains are left out, or the encoder knows no adapters.

    Raises:
        ConfigError: An adapter was named that the index's encoder cannot take.
    """
    if settings.adapter == NONE:
        return None
    adapter = index.own_hops if settings.adapter == AUTO else Path(settings.adapter)
    if isinstance(index.encoder, HopEncoder):
        return index.encoder.for_hops(adapter)
    if settings.adapter != AUTO:
        raise ConfigError(
            f"The encoder {index.encoder.name} takes no adapter for hops. Use an encoder of the backend "
            "sentence-transformers, or set hops.adapter: none."
        )
    return None


def find_chains(index: GraphIndex, encoder: Encoder, question: str, settings: HopSettings) -> PassageChains:
    """Follow the likeliest chains of a question by beam search.

    Args:
        index: Index of at least one passage.
        encoder: Encoder of `open_hops`.
        question: Any text.
        settings: Length, beam and weight of shared words.
    """
    length = min(settings.length, len(index.chunk_ids))
    shared = settings.lexical * _shared_words(index, question) if settings.lexical else 0.0
    step = _log_softmax(index.chunk_vectors, encoder.encode([question], "query"), shared)  # (1, chunks)
    beam = [_PartialChain((), 0.0)]
    for _ in range(length - 1):
        beam = _extend(beam, step, settings.beam)
        texts = _chain_texts(index, question, beam, settings.words)
        step = _log_softmax(index.chunk_vectors, encoder.encode(texts, "query"), shared)  # (beam, chunks)
    # The last step isn't cut to a beam: every passage gets the score of its best chain, not only the best few.
    scores = np.full(len(index.chunk_ids), -np.inf)
    finished: list[tuple[float, tuple[int, ...]]] = []
    for chain, log_probabilities in zip(beam, step, strict=True):
        end_scores = log_probabilities + chain.score
        end_scores[list(chain.rows)] = _VISITED
        np.maximum(scores, end_scores, out=scores)
        end = int(end_scores.argmax())
        finished.append((float(end_scores[end]), (*chain.rows, end)))
    # Passages in front of the last one get the score of the best finished chain that leads through them.
    for score, rows in finished:
        scores[list(rows)] = np.maximum(scores[list(rows)], score)
    return PassageChains(scores, max(finished)[1], length)


def _extend(beam: Sequence[_PartialChain], step: LogProbabilities, width: int) -> list[_PartialChain]:
    """The likeliest `width` chains one passage longer.

    Args:
        beam: Chains so far.
        step: Array (beam, chunks): logarithms of the probabilities of the next passage of each chain.
        width: Number of chains to keep.
    Returns:
        Chains, best first. Of those with the same passages only the likeliest order is kept: both orders lead on from
        the same passages, and would halve the beam.
    """
    longer: list[_PartialChain] = []
    for chain, log_probabilities in zip(beam, step, strict=True):
        scores = log_probabilities + chain.score
        scores[list(chain.rows)] = _VISITED
        best = highest(scores, width)
        longer += [_PartialChain((*chain.rows, int(row)), float(scores[row])) for row in best]
    longer.sort(key=lambda chain: (-chain.score, chain.rows))
    distinct: dict[frozenset[int], _PartialChain] = {}
    for chain in longer:
        distinct.setdefault(frozenset(chain.rows), chain)
    return list(distinct.values())[:width]


def _chain_texts(index: GraphIndex, question: str, beam: Sequence[_PartialChain], words: int | None) -> list[str]:
    """The question with the passages of each chain, as `hop_text`."""
    rows = sorted({row for chain in beam for row in chain.rows})
    passages = index.passages([ScoredId(index.chunk_ids[row].decode("ascii"), 0.0) for row in rows])
    text_of: dict[int, str] = {}
    for row, passage in zip(rows, passages, strict=True):
        text = with_heading(passage.title, passage.date, passage.text)
        text_of[row] = " ".join(text.split()[:words])
    texts = []
    for chain in beam:
        texts.append(hop_text(question, [text_of[row] for row in chain.rows]))
    return texts


def _shared_words(index: GraphIndex, question: str) -> NDArray[np.float64]:
    """BM25 of each passage divided by that of the best, array (chunks,), in [0, 1]; 0 beyond the first `_MATCHING`."""
    shares = np.zeros(len(index.chunk_ids))
    matches = index.search.matching_passages(question, _MATCHING)
    if matches:
        scores = np.array([match.score for match in matches])
        shares[index.chunk_rows([match.id for match in matches])] = scores / scores.max()
    return shares


def _log_softmax(passages: Vectors, queries: Vectors, shared: NDArray[np.float64] | float) -> LogProbabilities:
    """Logarithms of the probabilities of the next passage.

    Args:
        passages: Array (chunks, dimension), unit length.
        queries: Array (queries, dimension), unit length.
        shared: Array (chunks,) added to the logits of every query, or 0.
    Returns:
        Array (queries, chunks): log softmax of SCALE * cosine + shared.
    """
    cosines = products(passages, queries) if len(passages) > SMALL else queries @ passages.T
    logits = SCALE * cosines.astype(np.float64) + shared
    logits -= logits.max(axis=1, keepdims=True)  # the usual shift, so that `exp` cannot overflow
    log_probabilities: LogProbabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return log_probabilities
