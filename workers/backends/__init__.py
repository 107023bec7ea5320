"""Where jobs run. `base` is the interface, `registry` finds a backend by name. Nothing here knows Django.

This file and `local/__init__.py` import nothing: the supervisor of a local job passes through them on its way
to its own modules, and its start is part of every job's start.
"""
