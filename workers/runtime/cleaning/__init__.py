"""The data jobs: `python -m workers.runtime.cleaning JOB`, for which jobs see `__main__`.

DuckDB parses uploads and reads what statistics are taken of; Daft transforms Parquet, and its kernels hash rows for
digests. No step loops over rows.
"""

from workers.runtime.context import refuse_telemetry, take_small_pages

refuse_telemetry()  # before Daft is imported anywhere
take_small_pages()  # before Arrow is
