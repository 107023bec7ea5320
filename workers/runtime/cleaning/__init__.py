"""The data jobs: `python -m workers.runtime.cleaning JOB`, for which jobs see `__main__`.

DuckDB parses uploads and reads what statistics are taken of; Daft transforms Parquet, and its kernels hash rows for
digests. No step loops over rows.
"""

from workers.runtime.context import prepare_engines

prepare_engines()  # before Arrow and Daft are imported anywhere
