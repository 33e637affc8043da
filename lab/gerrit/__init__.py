"""A stand-in for a Gerrit server, for tests and demos. It IS NOT Gerrit.

It answers like the real server that the recorded exchanges in ``tests/contract/exchanges``
came from, on loopback, from one process, and can be told to misbehave. See README.md beside
this file for what it supports and what it does not.
"""

try:
    from ._packaged import DEFECT, VERSION  # what ``python -m lab.gerrit package`` wrote
except ImportError:
    DEFECT, VERSION = "", "3.14.0-standin"
BANNER = f"THIS IS NOT GERRIT: a stand-in for tests and demos ({VERSION})"
