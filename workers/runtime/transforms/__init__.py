"""What row-wise steps do to values, on Arrow arrays: the same code where data is cleaned and where a model is served.

Every function takes an array of a house type and gives one of the same length; a value that cannot be made is null.
"""
