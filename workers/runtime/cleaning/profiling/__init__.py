"""What is in the columns of a dataset version, and how they hang together. `profile.py` puts it together."""
