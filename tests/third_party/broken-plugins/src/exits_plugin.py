"""Ends the process when imported."""

import sys

KWB_API = 1

sys.exit("no licence found")
