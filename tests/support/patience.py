"""How long tests wait for what processes do. Those of a build with sanitizers (MILLRACE_SANITIZED, set by ./test) need
more time, and more memory, since what they free stays set aside for a while."""

import os

SANITIZED = "MILLRACE_SANITIZED" in os.environ


def patient(seconds):
    """For what is waited for and ends as soon as it is there."""
    return seconds * (5 if SANITIZED else 1)
