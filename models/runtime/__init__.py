"""The running process: progress, processors, batches, names to import."""
