"""Objectives: which batches a run reads and what their loss is.

An objective implements `training.runs.loop.Objective`. It knows nothing of checkpoints, logs or the optimiser.

    language_modelling.py   the next token of texts (`LanguageModelling`)
    hop_ranking.py          the next passage, ranked above all others (`HopRanking`)

Both are imported from their files, since they load the encoder's side of retrieval only where it is needed.
"""
