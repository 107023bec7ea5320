"""What is in the files of a model, read and never executed: formats, and what a pickle would call."""
