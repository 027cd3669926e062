"""Run the command ``wmcl`` as ``python -m wmcl``."""

import sys

from wmcl.command_line import main

if __name__ == "__main__":
    sys.exit(main())
