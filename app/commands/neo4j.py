"""`graft neo4j`: knowledge bases in a Neo4j database."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import OrderedGroup, json_option, limit_option, progress_option, workspace_option
from app.output import print_json, print_table, warn

if TYPE_CHECKING:
    from app.database import StoreComparison
    from models.runtime.progress import Progress

_name_option = click.option(
    "--name",
    metavar="NAME",
    show_default="the folder's name with a suffix",
    help="Name of the knowledge base in the database.",
)


@click.group(cls=OrderedGroup)
def neo4j() -> None:
    """Copy a knowledge base to Neo4j and back, compare, query.

    The environment names the database: NEO4J_URI (default neo4j://localhost:7687), NEO4J_USERNAME (default neo4j),
    NEO4J_PASSWORD and NEO4J_DATABASE (default: the server's). Several knowledge bases can share a database; the
    property `workspace` of nodes and relationships says which one they belong to. A knowledge base with `store: neo4j`
    in its graft.yaml is kept in the database from the start and needs neither push nor pull.

    \b
    Examples:
      graft neo4j push --workspace kb
      graft neo4j diff --workspace kb
    """


@neo4j.command()
@workspace_option
@_name_option
@json_option
@progress_option
def push(workspace: str | None, name: str | None, as_json: bool, progress: Progress) -> int:
    """Copy a knowledge base into the database.

    Only differences are written, and what the knowledge base no longer contains is removed from the copy. Run it again
    after each update.

    \b
    Examples:
      graft neo4j push --workspace kb
    """
    from app.database import push as push_workspace

    return _print_comparison(push_workspace(workspace, name, progress), as_json, ("added", "changed", "removed"))


@neo4j.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--name",
    required=True,
    metavar="NAME",
    help="Name of the knowledge base in the database, as `graft neo4j ls` prints it.",
)
@json_option
@progress_option
def pull(folder: Path, name: str, as_json: bool, progress: Progress) -> int:
    """Copy a knowledge base from the database into a folder.

    FOLDER is a new folder, or one that was pulled before; then only differences are written.

    \b
    Examples:
      graft neo4j pull kb2 --name kb-1f2e3d4c
    """
    from app.database import pull as pull_workspace

    return _print_comparison(pull_workspace(folder, name, progress), as_json, ("added", "changed", "removed"))


@neo4j.command()
@workspace_option
@_name_option
@json_option
def diff(workspace: str | None, name: str | None, as_json: bool) -> int:
    """Compare a knowledge base with its copy in the database.

    Nothing is changed. The exit code is 1 if they differ.

    \b
    Examples:
      graft neo4j diff --workspace kb
    """
    from app.database import diff as compare

    return _print_comparison(compare(workspace, name), as_json, ("only in the folder", "different", "only in Neo4j"))


@neo4j.command("ls")
@json_option
def list_workspaces(as_json: bool) -> None:
    """List the knowledge bases in the database.

    \b
    Examples:
      graft neo4j ls
    """
    from app.database import stored_workspaces

    stored = stored_workspaces()
    if as_json:
        print_json({"workspaces": [asdict(workspace) for workspace in stored]})
        return
    rows = []
    for workspace in stored:
        counts = (workspace.documents, workspace.chunks, workspace.entities, workspace.facts)
        rows.append([workspace.name, *(f"{number:,}" for number in counts)])
    print_table(["knowledge base", "documents", "passages", "entities", "facts"], rows, right={1, 2, 3, 4})


@neo4j.command("rm")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove a knowledge base from the database.

    NAME is its name in the database, as `graft neo4j ls` prints it. Folders stay as they are.

    \b
    Examples:
      graft neo4j rm kb-1f2e3d4c
    """
    from app.database import remove_workspace

    removed = remove_workspace(name)
    if as_json:
        print_json({"removed": asdict(removed)})
    else:
        click.echo(
            f"Removed {name} from the database: {removed.documents:,} documents, {removed.entities:,} entities, "
            f"{removed.facts:,} facts."
        )


@neo4j.command()
@click.argument("cypher")
@click.option(
    "--name", default="", metavar="NAME", help="Name of a knowledge base, the value of `$workspace` in the query."
)
@limit_option("Maximum number of rows to return.", 100)
@click.option(
    "--timeout",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    help="Maximum time that the query may take on the server, in seconds.",
)
@json_option
def query(cypher: str, name: str, limit: int, timeout: float, as_json: bool) -> None:
    """Run a Cypher query that only reads.

    A query in CYPHER that writes, loads files or calls procedures is refused.

    \b
    Examples:
      graft neo4j query "MATCH (a:Entity)-[f:FACT]->(b) RETURN a.name, f.predicate, b.name LIMIT 9"
    """
    from app.database import query as run_query

    result = run_query(cypher, name, limit, timeout)
    if as_json:
        print_json(asdict(result))
        return
    print_table(list(result.columns), [list(map(_cell, row)) for row in result.rows])
    if result.cut:
        warn(f"The first {limit:,} rows are shown; --limit N shows more.")


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _print_comparison(comparison: StoreComparison, as_json: bool, headers: tuple[str, str, str]) -> int:
    """Print how two stores differ, or differed before a copy; returns the exit code, 1 where they are not the same."""
    if as_json:
        print_json({**asdict(comparison), "same": comparison.same})
        return 0 if comparison.same else 1
    rows = []
    for kind in comparison.rows:
        counts = (kind.rows, kind.missing, kind.changed, kind.surplus)
        rows.append([kind.kind, *(f"{number:,}" for number in counts)])
    title = f"{comparison.name} in Neo4j"
    print_table(["kind of row", "in total", *headers], rows, right={1, 2, 3, 4}, title=title)
    verdict = "The two are the same." if comparison.same else "The two DIFFER."
    click.echo(f"{verdict} Digest: folder {comparison.digest_here}, Neo4j {comparison.digest_there}.")
    return 0 if comparison.same else 1
