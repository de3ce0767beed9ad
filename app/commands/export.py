"""`graft export`: the graph, taken away."""

from __future__ import annotations

from pathlib import Path

import click

from app.options import json_option, print_json, workspace_option


@click.command(short_help="Take the graph away: GraphML, JSON lines, Cypher, CSV.")
@click.argument("path", type=click.Path(path_type=Path))
@workspace_option
@click.option(
    "--format", "kind", default="graphml", show_default=True, metavar="NAME", help="graphml, jsonl, cypher or csv."
)
@json_option
def export(path: Path, workspace: str | None, kind: str, as_json: bool) -> None:
    """Write the workspace's graph to PATH.

    Cypher is a script for a running Neo4j; csv makes PATH a folder for `neo4j-admin database import`, whose command is
    in its import.txt.

    \b
    graft export graph.graphml --workspace kb
    graft export graph.cypher --workspace kb --format cypher
    graft export graph-csv --workspace kb --format csv
    """
    from app.opening import find_workspace
    from kg.views.export import export as write
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        write(space.store, path, kind)
        digest = space.store.digest()
    files = list(path.iterdir()) if path.is_dir() else [path]
    size = sum(each.stat().st_size for each in files)
    if as_json:
        print_json({"path": str(path), "format": kind, "digest": digest, "bytes": size})
    else:
        click.echo(f"{path}: {size:,} bytes of {kind}")
