"""`graft neo4j`: knowledge bases in a Neo4j database."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.options import json_option, print_json, print_table, quiet_option, workspace_option

if TYPE_CHECKING:
    from app.database import Compared

_name_option = click.option("--name", metavar="NAME", help="Name in the database  [the folder's, with a suffix]")


@click.group(short_help="Copy a knowledge base to Neo4j and back, and compare.")
def neo4j() -> None:
    """Copy knowledge bases to a Neo4j database and back, and compare both.

    The database is the one of NEO4J_URI (neo4j://localhost:7687), NEO4J_USERNAME (neo4j), NEO4J_PASSWORD and
    NEO4J_DATABASE (the server's default). Several knowledge bases share it, told apart by the property `workspace`. One
    whose graft.yaml says `store: neo4j` lives there alone.

    \b
    graft neo4j push --workspace kb
    graft neo4j diff --workspace kb
    """


@neo4j.command()
@workspace_option
@_name_option
@json_option
@quiet_option
def push(workspace: str | None, name: str | None, as_json: bool, quiet: bool) -> int:
    """Copy the workspace into the database; only what differs is written, and what it no longer has goes.

    \b
    graft neo4j push --workspace kb
    """
    from app.database import push as copy
    from app.progress import open_progress

    return _print(copy(workspace, name, open_progress(quiet)), as_json, ("added", "changed", "removed"))


@neo4j.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--name", required=True, metavar="NAME", help="Name in the database, as `graft neo4j ls` shows it.")
@json_option
@quiet_option
def pull(folder: Path, name: str, as_json: bool, quiet: bool) -> int:
    """Copy a workspace of the database into FOLDER, a new one or one that was pulled before.

    \b
    graft neo4j pull kb2 --name kb-1f2e3d4c
    """
    from app.database import pull as copy
    from app.progress import open_progress

    return _print(copy(folder, name, open_progress(quiet)), as_json, ("added", "changed", "removed"))


@neo4j.command()
@workspace_option
@_name_option
@json_option
def diff(workspace: str | None, name: str | None, as_json: bool) -> int:
    """Compare the workspace's folder with its copy in the database; exit code 1 where they differ.

    \b
    graft neo4j diff --workspace kb
    """
    from app.database import diff as compare

    return _print(compare(workspace, name), as_json, ("only here", "otherwise", "only there"))


@neo4j.command("ls")
@json_option
def list_copies(as_json: bool) -> None:
    """List the workspaces of the database.

    \b
    graft neo4j ls
    """
    from app.database import copies

    found = copies()
    if as_json:
        print_json({"workspaces": [asdict(each) for each in found]})
        return
    rows = [[each.name, *(f"{number:,}" for number in list(asdict(each).values())[1:])] for each in found]
    print_table(["workspace", "documents", "passages", "entities", "facts"], rows, right={1, 2, 3, 4})


@neo4j.command("rm")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove the workspace NAME from the database; folders stay as they are.

    \b
    graft neo4j rm kb-1f2e3d4c
    """
    from app.database import remove_copy

    gone = remove_copy(name)
    if as_json:
        print_json({"removed": asdict(gone)})
    else:
        click.echo(f"{name}: {gone.documents:,} documents, {gone.entities:,} entities and {gone.facts:,} facts removed")


@neo4j.command()
@click.argument("cypher")
@click.option("--name", default="", metavar="NAME", help="Workspace in the database: `$workspace` in the query.")
@click.option("--limit", "-n", default=100, show_default=True, type=click.IntRange(min=1), help="Most rows.")
@click.option(
    "--timeout", default=10.0, show_default=True, type=click.FloatRange(min=0.1), metavar="S", help="Most seconds."
)
@json_option
def query(cypher: str, name: str, limit: int, timeout: float, as_json: bool) -> None:
    """Run a query of CYPHER that reads; whatever writes, loads files or calls procedures is refused.

    \b
    graft neo4j query "MATCH (a:Entity)-[f:FACT]->(b) RETURN a.name, f.predicate, b.name LIMIT 9"
    """
    from app.database import query as ask

    found = ask(cypher, name, limit, timeout)
    if as_json:
        print_json(asdict(found))
        return
    print_table(list(found.columns), [list(map(_cell, row)) for row in found.rows])
    if found.cut:
        click.echo(f"The first {limit} rows; --limit shows more.", err=True)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _print(found: Compared, as_json: bool, headers: tuple[str, str, str]) -> int:
    if as_json:
        print_json({**asdict(found), "same": found.same})
    else:
        rows = [
            [each.kind, *(f"{number:,}" for number in (each.rows, each.missing, each.changed, each.surplus))]
            for each in found.rows
        ]
        print_table(["kind", "rows", *headers], rows, right={1, 2, 3, 4}, title=f"{found.name} in Neo4j")
        click.echo(
            f"digest here {found.digest_here}, there {found.digest_there}: {'the same' if found.same else 'DIFFERENT'}"
        )
    return 0 if found.same else 1
