"""Looking at entities and deciding which names they have, as typed functions: what `graft entities` calls.

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
    from kg.changes.curate import AppliedRuling, ResolutionHistory
    from kg.schema import Entity
    from kg.views.dossier import Dossier
    from kg.workspace import Workspace


@dataclass(frozen=True, slots=True)
class EntityView:
    """One entity, ready to be shown.

    Attributes:
        dossier: What the knowledge base knows of it.
        description: Two sentences by a chat model; "" if none was requested.
    """

    dossier: Dossier
    description: str = ""


def find_entities(query: str = "", workspace: PathLike | None = None) -> list[Entity]:
    """Find entities by name.

    Args:
        query: Text within one of their names; "" for all entities.
        workspace: Folder of the knowledge base; None finds the only one.
    Returns:
        The entities, those with most mentions first.
    Raises:
        ConfigError: The workspace does not exist.
    """
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
) -> list[EntityView]:
    """Show every entity of a name.

    Args:
        name: One of its names, in upper or lower case.
        workspace: Folder of the knowledge base; None finds the only one.
        model: Chat model that describes each entity; None for no description.
        context_tokens: Maximum number of tokens that a description is written from.
        spending: Budget and progress; only descriptions cost anything.
    Raises:
        InputError: No entity has that name.
        ModelError: The model cannot be reached.
    """
    from kg.views.describe import describe
    from kg.views.dossier import dossier as compile_dossier
    from kg.views.dossier import named
    from kg.workspace import Workspace

    spending = spending or Spending(retry_failed=True)
    with Workspace.open(find_workspace(workspace)) as space:
        dossiers = [compile_dossier(space.store, entity) for entity in named(space.store, name)]
        if model is None:
            return [EntityView(dossier) for dossier in dossiers]
        with space.writing(), session(space, spending) as paid, paid.open_chat(model) as chat:
            views = []
            for dossier in dossiers:
                description = describe(space.store, dossier, chat, context_tokens)
                views.append(EntityView(dossier, description.text))
            return views


def merge_entities(
    name: str, other: str, workspace: PathLike | None = None, progress: Progress = SILENT
) -> AppliedRuling:
    """Decide that two names mean one entity.

    Args:
        name: A name of one entity.
        other: A name of the other; the same name twice decides that it never means two entities.
        workspace: Folder of the knowledge base; None finds the only one.
        progress: Where progress is shown.
    Raises:
        InputError: No entity has one of the names.
    """
    from kg.changes.curate import merge

    with _open_for_ruling(workspace, progress) as (space, models):
        return merge(space, models, name, other)


def split_entities(
    name: str,
    other: str | None = None,
    source: str | None = None,
    workspace: PathLike | None = None,
    progress: Progress = SILENT,
) -> AppliedRuling:
    """Decide that two names mean two entities, or that a name means another entity in one document.

    Args:
        name: A name of the entity.
        other: The name that means another entity.
        source: The document in which `name` means another entity; takes the place of `other`.
        workspace: Folder of the knowledge base; None finds the only one.
        progress: Where progress is shown.
    Raises:
        InputError: No entity has one of the names, or the document does not contain the name.
    """
    from kg.changes.curate import split, split_source

    with _open_for_ruling(workspace, progress) as (space, models):
        return split_source(space, models, name, source) if source else split(space, models, name, other or name)


def undo_ruling(workspace: PathLike | None = None, progress: Progress = SILENT) -> AppliedRuling:
    """Undo the latest decision that is in force; raises InputError if there is none."""
    from kg.changes.curate import undo

    with _open_for_ruling(workspace, progress) as (space, models):
        return undo(space, models)


def entity_history(name: str | None = None, workspace: PathLike | None = None) -> ResolutionHistory:
    """Merges with their reasons, and all decisions in order, of one name or of all names."""
    from kg.changes.curate import history
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        return history(space.store, name)


@contextmanager
def _open_for_ruling(workspace: PathLike | None, progress: Progress) -> Iterator[tuple[Workspace, BuildModels]]:
    """A workspace with the models that resolving it again needs; a judge's replies come from its records."""
    from kg.build import BuildModels
    from kg.language.sentences import RuleSentences
    from kg.session import open_judge
    from kg.workspace import Workspace
    from models.factory import open_encoder

    with ExitStack() as stack:
        space = stack.enter_context(Workspace.open(find_workspace(workspace)))
        judge = stack.enter_context(open_judge(stack.enter_context(session(space, Spending(progress=progress)))))
        yield space, BuildModels(None, open_encoder(space.config.encoder, progress), RuleSentences(), judge=judge)
