"""MediaWiki's markup as a reader sees it: `wikitext`, with what inline `templates` show."""
