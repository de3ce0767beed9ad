"""`graft report`: the HTML report of a run, written again from its records."""

from __future__ import annotations

from pathlib import Path

import click

from app.options import json_option, print_json


@click.command(short_help="Write the HTML report of a run again.")
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@json_option
def report(run: Path, as_json: bool) -> None:
    """Write report.html of the run folder RUN from its records; no model is called.

    \b
    graft report workspaces/demo/runs/20310304T081500Z-demo-1f2e3d4c
    """
    from eval.report.page import write_report

    path = write_report(run)
    if as_json:
        print_json({"run": str(run), "report": str(path)})
    else:
        click.echo(str(path))
