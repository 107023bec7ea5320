"""The data jobs: `python -m workers.runtime.cleaning ingest | profile | clean`.

DuckDB parses uploads and computes statistics and digests; Daft transforms Parquet. No step loops over rows.
"""

from workers.runtime.context import refuse_telemetry

refuse_telemetry()  # before Daft is imported anywhere
