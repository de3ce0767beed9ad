"""Benchmarks: speed, memory and quality, compared with other systems in the same run. They never fail a test.

Each module with a command line says in its docstring what it times or measures and how it is called. No package imports
from here, and results are only printed and recorded:

    results, record    append one JSON line per run to `benchmarks/results/`; `record` does so for `graft eval` commands
    layout, tables     the tables of the documentation, written from those lines
    memory             resident memory of a process
    to_beir            converts multi-hop sets to the format that `graft eval retrieval` reads; measures nothing
"""
