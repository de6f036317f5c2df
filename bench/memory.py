"""What a measurement took of memory."""

import resource
import sys


def peak_mib() -> float:
    """The largest resident size of this process so far, in MiB. Its unit is bytes on macOS, and KiB elsewhere."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
