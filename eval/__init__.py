"""The evaluator: compares ways of adding knowledge to a model, and measures each part separately.

Experiments: `experiment.py` (the stages in order), `config.py` and `systems.py` (settings), `resolved.py` (inputs read
and hashed), `plan.py` (estimated cost), `setup.py` (index and adapters), `finish.py` (metrics), `tasks` (questions),
`arms` (contexts and answers), `runs` (records and tables), `report` (the HTML page), `statistics` (intervals, tests).

Parts that are measured separately, each in a folder with a `measure.py`: `communities`, `extraction`, `mine`,
`resolution`, `retrieval`. `types.py` has the values that stages exchange.

Uses kg, retrieval, training and models; none of them imports this package.
"""
