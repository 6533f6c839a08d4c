"""What a process has used so far, by its own account; a file that `worker.py` takes along (Python 3.7)."""

import contextlib
import sys
import time

try:
    import resource
except ImportError:  # on Windows, where children and memory are not counted
    resource = None  # type: ignore[assignment]


def processor_seconds() -> float:
    """Processor time in seconds, user and system, of this process with all its threads, and of its children that have ended."""
    if resource is None:
        return time.process_time()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def peak_bytes() -> int:
    """The most memory that this process held at once so far; 0 where the system does not tell.

    Linux counts into `getrusage` what the process held that started this one, so its own page is read there.
    """
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"VmHWM:"):
                return 1024 * int(line.split()[1])
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else 1024 * int(peak)
