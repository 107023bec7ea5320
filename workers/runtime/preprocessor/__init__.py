"""The fitted transform of a cleaning run, applied to raw records where a model is served.

NumPy and the standard library; Arrow where a recipe has steps on text, dates or types, which are then done by the very
functions that cleaned the data (`workers/runtime/transforms`). A module per family of steps, imported when a document
has one of them; `document.py` has the format.
"""

from workers.runtime.preprocessor.columns import Columns, RecordError
from workers.runtime.preprocessor.document import FORMAT, FORMATS, Preprocessor
from workers.runtime.preprocessor.families import SERVED

__all__ = ["FORMAT", "FORMATS", "SERVED", "Columns", "Preprocessor", "RecordError"]
