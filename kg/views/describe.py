"""What an entity is, in one or two sentences, written by a chat model on demand.

The model is given the sentences of the entity's facts, or the chunks that name it where it has no facts, up to a budget
of tokens. The description carries the digest of what it was written from; one with another digest is out of date and is
written again. The same sentences make the same prompt, so a recorded reply is free.
"""

from __future__ import annotations

from kg.language.sentences import count_tokens
from kg.schema import Chunk, Description, Entity, make_id
from kg.stores.protocol import GraphStore
from kg.views.dossier import Dossier
from models.calls.prompt import Prompt, load_prompt
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest

MAX_TOKENS = 800
_MAX_REPLY_TOKENS = 120


def describe(store: GraphStore, dossier: Dossier, chat: ChatModel, max_tokens: int = MAX_TOKENS) -> Description:
    """The description of an entity: the one in the store, if it is up to date, or else a new one, which is kept.

    Args:
        store: Where descriptions are kept; the caller holds the right to write.
        dossier: What the store knows of the entity.
        chat: Model that writes the description.
        max_tokens: Maximum number of tokens of the sentences that the model is given.
    Raises:
        ModelError: The model cannot be reached, or its reply is empty.
        BudgetError: The budget allows no further call.
    """
    prompt = load_prompt("describe")
    sentences = _first_within(_texts(store, dossier), max_tokens)
    entity = dossier.entity
    basis = digest(prompt.template, chat.digest, entity.name, entity.type, sentences)
    row_id = make_id("n", entity.id)
    # The basis holds model and prompt too: another model's description is out of date as well.
    for stored in store.read(Description, [row_id]):
        if stored.basis == basis:
            return stored
    completion = chat.complete(_request(prompt, entity, sentences))
    description = Description(row_id, entity.id, basis, " ".join(completion.text.split()))
    store.put([description])
    return description


def _request(prompt: Prompt, entity: Entity, sentences: list[str]) -> ChatRequest:
    values = {
        "name": entity.name,
        "type": entity.type,
        "sentences": "\n".join(f"- {' '.join(text.split())}" for text in sentences),
    }
    return ChatRequest(prompt.fill(values), max_tokens=_MAX_REPLY_TOKENS, template=prompt.template)


def _texts(store: GraphStore, dossier: Dossier) -> list[str]:
    """Sentences of the facts in reading order, each once; without facts the chunks that name the entity."""
    if dossier.facts:
        sentences = sorted({sentence for stated in dossier.facts for sentence in stated.sentences})
        return list(dict.fromkeys(sentence.text for sentence in sentences))
    chunks = store.read(Chunk, sorted({span.chunk_id for span in dossier.entity.evidence}))
    return [chunk.text for chunk in chunks]


def _first_within(texts: list[str], max_tokens: int) -> list[str]:
    """As many of the first texts as fit, but at least one."""
    kept: list[str] = []
    left = max_tokens
    for text in texts:
        left -= count_tokens(text)
        if kept and left < 0:
            break
        kept.append(text)
    return kept
