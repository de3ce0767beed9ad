"""The training set that the settings want: the texts of a store, and rewritings of them.

dataset = training_set(workspace.store, config, chat, ThreadExecutor(2))
train("smollm2-135m", dataset.texts, config, out)
"""

from __future__ import annotations

from dataclasses import dataclass

from kg.session import Session
from kg.stores.protocol import GraphStore
from models.calls.executor import Executor, ThreadExecutor
from models.errors import ConfigError
from models.factory import calls_in_parallel
from models.protocols import ChatModel
from models.runtime.progress import SILENT, Progress
from training.config import TrainConfig
from training.data.paraphrase import ParaphraseResult, paraphrase
from training.data.texts import TrainingText, raw_texts, texts_to_rewrite


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What to train on.

    Attributes:
        texts: Raw texts first, then their rewritings.
        paraphrased: How the rewriting went, or None where none was wanted.
    """

    texts: tuple[TrainingText, ...]
    paraphrased: ParaphraseResult | None = None


def training_set(
    store: GraphStore,
    config: TrainConfig,
    chat: ChatModel | None = None,
    executor: Executor | None = None,
    progress: Progress = SILENT,
) -> TrainingSet:
    """Make the training set of a store.

    Args:
        store: Documents and chunks.
        config: `whole_documents`, `raw`, `paraphrases` and `paraphrase_share` count here.
        chat: The model that `config.paraphraser` names; needed where paraphrases are wanted.
        executor: Spreads the calls; None makes one at a time.
        progress: Progress callback, of finished calls.
    Raises:
        ConfigError: Paraphrases are wanted without a chat model, or more than there are styles.
        ModelError: The chat model cannot be reached.
        BudgetError: The budget is used up; a second run continues.
    """
    texts = raw_texts(store, config.whole_documents)
    if not config.paraphrases:
        return TrainingSet(texts)
    if chat is None:
        raise ConfigError(f"Expected a chat model that writes {config.paraphrases} paraphrases of each text, got none.")
    # Not simply `texts`: a document that is too long to be rewritten in one go is rewritten by its chunks.
    originals, executor = texts_to_rewrite(store, config.whole_documents), executor or ThreadExecutor(1)
    result = paraphrase(originals, chat, config.paraphrases, executor, progress, share=config.paraphrase_share)
    raw = texts if config.raw else ()
    return TrainingSet((*raw, *result.texts), result)


def open_training_set(config: TrainConfig, session: Session) -> TrainingSet:
    """The training set of a session's workspace; opens the paraphraser only if paraphrases are wanted.

    Raises:
        ConfigError: More paraphrases are wanted than there are styles.
        ModelError: The paraphraser cannot be reached.
        BudgetError: The budget is used up; a second run continues.
    """
    store = session.workspace.store
    if not config.paraphrases:
        return training_set(store, config)
    with session.open_chat(config.paraphraser) as chat:
        executor = ThreadExecutor(calls_in_parallel(config.paraphraser))
        return training_set(store, config, chat, executor, session.progress)
