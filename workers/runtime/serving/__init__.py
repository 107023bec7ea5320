"""A replica: one model and its preprocessor behind `POST /predict`. Run by `python -m workers.runtime.serving`."""
