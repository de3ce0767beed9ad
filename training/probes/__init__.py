"""What an adapter has learnt."""
