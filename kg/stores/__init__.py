"""Where rows live: the protocol, the journal, and what implements them."""
