"""Fresh reports against the committed ones, number by number."""
