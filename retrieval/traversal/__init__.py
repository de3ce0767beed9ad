"""Ways through an index: seeds, walks, chains, steps along relations."""
