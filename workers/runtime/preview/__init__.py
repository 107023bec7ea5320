"""A warm process that applies recipes to a sample of a dataset version while somebody edits them."""
