"""Evidence to a prompt, and a chat model's reply to an answer with checked citations.

It knows evidence, a tokenizer and a chat model; it does not know which retriever found the evidence, or how.

- `pack.py`: evidence that fits a token budget, as numbered lines with provenance.
- `answer.py`: an answer of one sentence. **Which citations are kept is decided in `answer.supported_lines`.**
- `long_answer.py`: several sentences. **There it is decided in `long_answer.checked_claim`**, sentence by sentence.
- `confidence.py`: how probably the evidence contains an answer; below a threshold, the answer is withheld.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from retrieval.answering.answer import Answer, Citation
    from retrieval.answering.long_answer import Claim, LongAnswer, answer_at_length
    from retrieval.answering.pack import PackSettings

__all__ = ["Answer", "Citation", "Claim", "LongAnswer", "PackSettings", "answer_at_length"]

__getattr__ = lazy_exports(
    __name__,
    {
        "answer": ["Answer", "Citation"],
        "long_answer": ["Claim", "LongAnswer", "answer_at_length"],
        "pack": ["PackSettings"],
    },
)
