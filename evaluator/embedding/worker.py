"""Drives one HEAR module, alone in a process of its own that speaks over its standard streams.

This file, and `driver.py` and what that loads beside it, need Python 3.7 or later, numpy and the module, and nothing else of
ours, so that `PYTHON worker.py` works in any environment that a module of 2021 asks for.

A message is 8 bytes with the length of a JSON header (little endian), the header, and the arrays that it lists, each
as raw little-endian bytes. What a module prints goes to standard error and never into the messages.
"""

import sys

if sys.version_info < (3, 7):
    sys.exit("Python 3.7 or later is needed")

import contextlib
import faulthandler
import importlib.util
import json
import os
import queue
import struct
import threading
import traceback

import numpy as np


def send(stream, header, arrays=()):
    """Write one message; `arrays` are listed in its header.

    An array's shape and type stand in the header, its values follow row by row.
    """
    arrays = [np.ascontiguousarray(array) for array in arrays]
    header = dict(header, arrays=[[array.dtype.str, list(array.shape)] for array in arrays])
    text = json.dumps(header).encode()
    stream.write(struct.pack("<Q", len(text)) + text)
    for array in arrays:
        stream.write(array.tobytes())
    stream.flush()


def receive(read):
    """Read one message with `read(n)`, which gives n bytes or raises EOFError: its header and arrays.

    The header says the type and shape of each array, whose bytes follow it.
    """
    header = json.loads(read(struct.unpack("<Q", read(8))[0]).decode())
    arrays = []
    for dtype, shape in header.pop("arrays"):
        n_bytes = int(np.dtype(dtype).itemsize * np.prod(shape, dtype=np.int64))
        arrays.append(np.ndarray(shape, dtype, bytearray(read(n_bytes))))
    return header, arrays


def answer(driver, header, arrays):
    """Do what a message asks; gives (values, arrays).

    arrays: Audio: (n, n_samples) of equally long clips, or for "clips" (n_samples,) each. What comes back is scenes (n, size), frames
    (n, n_frames, size) with their times in ms, (n, n_frames), or the views of clips, (n, ...) each.
    """
    call = header["call"]
    if call == "scene":
        return {}, [driver.scene(arrays[0])]
    if call == "timestamps":
        return {}, list(driver.timestamps(arrays[0]))
    if call == "clips":
        views = driver.clips(arrays)
        return {"views": list(views)}, list(views.values())
    if call == "reuses_memory":
        return {"value": driver.reuses_memory(arrays[0])}, []
    if call == "raw_facts":
        return {"value": driver.raw_facts()}, []
    return {"value": driver.describe()}, []


def listen(requests, waiting):
    """Put messages into the queue `waiting`; end the whole process once the other end is gone.

    A call that never returns, or that nobody waits for any more, ends with it.
    """

    def read(n):
        data = requests.read(n)
        if len(data) < n:
            raise EOFError
        return data

    try:
        while True:
            waiting.put(receive(read))
    except EOFError:
        os._exit(0)
    except BaseException:
        with contextlib.suppress(Exception):  # the module may have closed standard error
            traceback.print_exc()
        os._exit(1)


def _driver_file():
    """`driver.py` as a module. Beside it lie other files of ours, whose names must shadow nobody's: its folder stays out of the path."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "driver.py")
    spec = importlib.util.spec_from_file_location("hear_eval_driver", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def complaint(error):
    """What is answered when the driver fails: a sentence, and what else is known."""
    return {
        "ok": False,
        "error": str(error),
        **{name: getattr(error, name, "") for name in ("cause", "traceback", "missing", "kind")},
    }


def _mend_streams(kept):
    """Open standard output and error again, at the copy `kept` of the latter, if the module closed them."""
    for number in (1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(kept, number)


def serve():
    """Answer messages until the other end closes; the first one says what to load."""
    border = _driver_file()
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # whatever reads standard input finds nothing there
    kept = os.dup(2)
    os.dup2(2, 1)  # whatever prints to standard output, C code too, prints to standard error
    sys.stdout = sys.stderr
    faulthandler.enable()  # the last words of a crash in C say where it was
    waiting = queue.Queue()
    threading.Thread(target=listen, args=(requests, waiting), daemon=True).start()
    driver = None
    while True:
        header, arrays = waiting.get()
        try:
            if driver is None:
                sys.path[:] = header.get("path") or sys.path
                wanted = {name: header[name] for name in ("name", "weights", "options", "device", "free", "file")}
                driver = border.Driver(**wanted)
            values, out = answer(driver, header, arrays)
            told = dict(values, ok=True, framework=driver.framework)
        except border.ModuleTrouble as error:
            told, out = complaint(error), []
        except BaseException as error:  # Ctrl-C never gets here; a module may still raise KeyboardInterrupt by itself
            said = "module %s: %s" % (header.get("name", "here"), border.describe_error(error))
            told, out = complaint(border.ModuleTrouble(said, error)), []
        with contextlib.suppress(OSError):
            _mend_streams(kept)
        told["used"] = [border.usage.processor_seconds(), border.usage.peak_bytes()]
        send(replies, told, out)


if __name__ == "__main__":
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    serve()
