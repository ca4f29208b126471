"""Sets the source tree up and runs it: python3 dev.py setup | run | check | test | lock.

Needs nothing but Python 3.11 or newer. This file alone is kept readable to any older Python, so that one can
say what to do; the work is done in devtools/.
"""

import os
import subprocess
import sys

OLDEST = (3, 11)
NAMES = ["python3.14", "python3.13", "python3.12", "python3.11"]


def works(name):
    """Tell whether a command of this name is there and runs."""
    try:
        with open(os.devnull, "w") as nowhere:
            return subprocess.call([name, "-c", ""], stdout=nowhere, stderr=nowhere) == 0
    except OSError:
        return False


def advice(arguments):
    """Return the one line for a Python that is too old, naming a newer one when this machine has it."""
    found = [name for name in NAMES if works(name)]
    version = "OxyWatch needs Python %d.%d or newer and this is %d.%d; " % (OLDEST + sys.version_info[:2])
    if found:
        return version + "run: " + " ".join([found[0], "dev.py"] + arguments)
    return version + "install one, then run: python3.11 " + " ".join(["dev.py"] + arguments)


if __name__ == "__main__":
    if sys.version_info[:2] < OLDEST:
        sys.exit(advice(sys.argv[1:]))
    from devtools.main import main

    sys.exit(main(sys.argv[1:]))
