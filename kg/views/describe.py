"""What an entity is, in one or two sentences, written by a chat model when somebody asks.

The model reads the sentences of the entity's facts, or where it has none the passages that name it, up to a budget of
tokens. The description carries the digest of what it was written from; one with another digest is out of date and is
written again. The same sentences give the same question, so the records answer it for free.
"""

from __future__ import annotations

from kg.language.sentences import count_tokens
from kg.schema import Chunk, Description, make_id
from kg.stores.protocol import GraphStore
from kg.views.dossier import Dossier
from models.calls.prompt import Prompt, load_prompt
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest

MOST_TOKENS = 800
_ANSWER_TOKENS = 120


def describe(store: GraphStore, known: Dossier, chat: ChatModel, most_tokens: int = MOST_TOKENS) -> Description:
    """The description of an entity: the one that the store has, if it is up to date, or a new one, which is kept.

    Args:
        store: Where descriptions are kept; the caller holds the right to write.
        known: What the store knows of the entity.
        chat: Writes it.
        most_tokens: Most tokens of sentences that the model reads.
    Raises:
        ModelError: The model cannot be reached, or answers with nothing.
        BudgetReached: The budget allows no further call.
    """
    prompt = load_prompt("describe")
    sentences = _within(_texts(store, known), most_tokens)
    entity = known.entity
    basis = digest(prompt.template, chat.digest, entity.name, entity.type, sentences)
    row_id = make_id("n", entity.id)
    for row in store.read(Description, [row_id]):
        if row.basis == basis:
            return row
    answer = chat.complete(_request(prompt, known, sentences))
    row = Description(row_id, entity.id, basis, " ".join(answer.text.split()))
    store.put([row])
    return row


def _request(prompt: Prompt, known: Dossier, sentences: list[str]) -> ChatRequest:
    values = {
        "name": known.entity.name,
        "type": known.entity.type,
        "sentences": "\n".join(f"- {' '.join(text.split())}" for text in sentences),
    }
    return ChatRequest(prompt.fill(values), max_tokens=_ANSWER_TOKENS, template=prompt.template)


def _texts(store: GraphStore, known: Dossier) -> list[str]:
    """Sentences of the facts in reading order, each once; without facts the passages that name the entity."""
    if known.facts:
        sentences = sorted({sentence for told in known.facts for sentence in told.sentences})
        return list(dict.fromkeys(sentence.text for sentence in sentences))
    chunks = store.read(Chunk, sorted({span.chunk_id for span in known.entity.evidence}))
    return [chunk.text for chunk in chunks]


def _within(texts: list[str], most_tokens: int) -> list[str]:
    """As many of the first texts as fit, but one at least."""
    kept: list[str] = []
    left = most_tokens
    for text in texts:
        left -= count_tokens(text)
        if kept and left < 0:
            break
        kept.append(text)
    return kept
