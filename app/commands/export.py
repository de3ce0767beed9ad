"""`graft export`: the graph, taken away."""

from __future__ import annotations

from pathlib import Path

import click

from app.options import json_option, print_json, workspace_option


@click.command(short_help="Take the graph away as GraphML or JSON lines.")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@workspace_option
@click.option("--format", "kind", default="graphml", show_default=True, metavar="NAME", help="graphml or jsonl.")
@json_option
def export(path: Path, workspace: str | None, kind: str, as_json: bool) -> None:
    """Write the workspace's graph to PATH.

    \b
    graft export graph.graphml --workspace kb
    """
    from app.api import find_workspace
    from kg.export import export as write
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        write(space.store, path, kind)
        digest = space.store.digest()
    if as_json:
        print_json({"path": str(path), "format": kind, "digest": digest, "bytes": path.stat().st_size})
    else:
        click.echo(f"{path}: {path.stat().st_size:,} bytes of {kind}")
