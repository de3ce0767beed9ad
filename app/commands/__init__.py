"""One file a subcommand of `graft`; each reads options, calls `app.api`, prints."""
