#!/usr/bin/env python
"""Commands of the control plane: `manage.py help`."""

import sys

from django.core.management import execute_from_command_line

from controlplane import loading
from controlplane.embedded.offline import NotRunning
from controlplane.env import SettingsRefused, choose_settings

INTERRUPTED = 130


def main() -> int:
    loading.begin()
    choose_settings()
    try:
        execute_from_command_line(sys.argv)
    except SettingsRefused as refused:
        sys.stderr.write("".join(f"bedplate: {problem}\n" for problem in refused.problems))
        return 2
    except NotRunning as error:
        sys.stderr.write(f"bedplate: {error}\n")
        return 1
    except KeyboardInterrupt:  # nothing is started yet, or it is stopped: a traceback would say nothing
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
