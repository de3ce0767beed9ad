"""`graft eval …`, one file a subcommand."""
