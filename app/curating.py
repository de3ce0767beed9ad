"""Looking at entities and ruling about them, as typed functions: what `graft entities` calls.

from app.curating import show_entity
show_entity("Ines Volkarra", "kb")
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.opening import PathLike, Spending, find_workspace, session
from models.runtime.progress import SILENT, Progress

if TYPE_CHECKING:
    from kg.build import BuildModels
    from kg.changes.curate import History, Ruled
    from kg.schema import Entity
    from kg.views.dossier import Dossier
    from kg.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Shown:
    """What a workspace knows of an entity, with its description if one was asked for, else ""."""

    dossier: Dossier
    description: str = ""


def find_entities(query: str = "", workspace: PathLike | None = None) -> list[Entity]:
    """Entities with `query` in a name, those named most often first."""
    from kg.views.dossier import search
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        return search(space.store, query)


def show_entity(
    name: str,
    workspace: PathLike | None = None,
    model: str | None = None,
    context_tokens: int = 800,
    spending: Spending | None = None,
) -> list[Shown]:
    """Every entity of that name, described by `model` if one is named.

    Raises:
        InputError: There is none.
        ModelError: The model cannot be reached.
    """
    from kg.views.describe import describe
    from kg.views.dossier import dossier, named
    from kg.workspace import Workspace

    spending = spending or Spending(retry_failed=True)
    with Workspace.open(find_workspace(workspace)) as space:
        found = [dossier(space.store, entity) for entity in named(space.store, name)]
        if model is None:
            return [Shown(each) for each in found]
        with space.writing(), session(space, spending) as paid, paid.open_chat(model) as chat:
            return [Shown(each, describe(space.store, each, chat, context_tokens).text) for each in found]


def merge_entities(name: str, other: str, workspace: PathLike | None = None, progress: Progress = SILENT) -> Ruled:
    """Rule that two names mean one thing; raises InputError for a name that no entity has."""
    from kg.changes.curate import merge

    with _ruling(workspace, progress) as (space, models):
        return merge(space, models, name, other)


def split_entities(
    name: str,
    other: str | None = None,
    source: str | None = None,
    workspace: PathLike | None = None,
    progress: Progress = SILENT,
) -> Ruled:
    """Rule that `name` and `other` mean two things, or that `name` means another thing in the document `source`."""
    from kg.changes.curate import split, split_source

    with _ruling(workspace, progress) as (space, models):
        return split_source(space, models, name, source) if source else split(space, models, name, other or name)


def undo_ruling(workspace: PathLike | None = None, progress: Progress = SILENT) -> Ruled:
    """Take back the newest ruling that stands; raises InputError if none does."""
    from kg.changes.curate import undo

    with _ruling(workspace, progress) as (space, models):
        return undo(space, models)


def entity_history(name: str | None = None, workspace: PathLike | None = None) -> History:
    """Merges with their reasons and rulings in order, of one name or of all."""
    from kg.changes.curate import history
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        return history(space.store, name)


@contextmanager
def _ruling(workspace: PathLike | None, progress: Progress) -> Iterator[tuple[Workspace, BuildModels]]:
    """A workspace with the models that resolving again needs: a judge's answers come from its records."""
    from kg.build import BuildModels
    from kg.language.sentences import RuleSentences
    from kg.session import open_judge
    from kg.workspace import Workspace
    from models.factory import open_encoder

    with ExitStack() as stack:
        space = stack.enter_context(Workspace.open(find_workspace(workspace)))
        judge = stack.enter_context(open_judge(stack.enter_context(session(space, Spending(progress=progress)))))
        yield space, BuildModels(None, open_encoder(space.config.encoder, progress), RuleSentences(), judge=judge)
