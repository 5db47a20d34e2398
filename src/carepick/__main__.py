"""`python -m carepick`, and the `carepick` command."""

from __future__ import annotations

import sys

from carepick.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
