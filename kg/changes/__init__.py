"""Update, delete, and rulings on names."""
