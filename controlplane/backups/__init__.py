"""A whole installation in one folder, and back: database, object store, keys."""
