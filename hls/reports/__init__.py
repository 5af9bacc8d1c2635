"""From numbers and their provenance to a verdict, and the forms in which people read it."""
