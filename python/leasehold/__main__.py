"""Runs the command line with `python -m leasehold`."""

import sys

from .cli import main

sys.exit(main())
