"""What a training script may use beside `job_context`: loading a split, measuring a model, exporting it, resuming.

Nothing here is needed: a script may read the Parquet files and write its artifacts in any way it likes.
"""
