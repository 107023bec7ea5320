"""Which text is a number: where data is cleaned, profiled, and where a model is served. Imports nothing."""

NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
