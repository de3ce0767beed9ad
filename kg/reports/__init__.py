"""Reports on communities, written by a chat model on request.

It decides which facts a report is written from; it does not know how communities are found.

    prompt.py   what the model is given of a community, and the form of its reply
    basis.py    when a report is out of date
    write.py    the missing reports of a plan, under a budget

`write` needs a session and is not re-exported: import `write_reports` from `kg.reports.write`.
"""

from kg.reports.basis import keep_valid
from kg.reports.prompt import ReportInput, ReportReply, select_input

__all__ = ["ReportInput", "ReportReply", "keep_valid", "select_input"]
