"""Models: chat models, scorers of options, encoders and rerankers, each behind a protocol.

Knows nothing of the graph, of retrieval or of evaluation.

- `protocols` holds what a caller sees; `factory` opens a model by name; `config` reads `configs/models/`.
- `errors` is the tree of errors of the project.
- `redaction` takes secrets out of text; `network` knows addresses, proxies and keys.
- `files` and `runtime` serve every other package; `weights` finds the files of models.
- `calls` surrounds a call: prompt, form of the reply, retries, records, budget, threads.
- `local` runs models in this process, `servers` talks to models behind HTTP.

The names below are loaded when they are first used, so that `import models` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.runtime.lazy import lazy_exports

if TYPE_CHECKING:
    from models.config import known_models, load_model
    from models.errors import GraftError
    from models.factory import open_chat, open_encoder, open_reranker, open_scorer
    from models.protocols import ChatModel, ChoiceScorer, Encoder, Reranker

__all__ = [
    "ChatModel",
    "ChoiceScorer",
    "Encoder",
    "GraftError",
    "Reranker",
    "known_models",
    "load_model",
    "open_chat",
    "open_encoder",
    "open_reranker",
    "open_scorer",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "config": ["known_models", "load_model"],
        "errors": ["GraftError"],
        "factory": ["open_chat", "open_encoder", "open_reranker", "open_scorer"],
        "protocols": ["ChatModel", "ChoiceScorer", "Encoder", "Reranker"],
    },
)
