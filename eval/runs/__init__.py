"""The run folder: records, rankings, results."""
