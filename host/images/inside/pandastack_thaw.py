"""New random numbers for this process whenever its sandbox is restored from a snapshot, hence cloned.

`import pandastack_thaw` is enough. It registers the process with the sandbox's agent, which sends SIGURG at each thaw;
the handler then seeds `random`, `numpy.random` and OpenSSL anew, as far as they are loaded. Whatever else has a seed of
its own (a `random.Random`, a numpy `Generator`) is for `on_thaw`. Outside of a sandbox nothing happens.

Like every handler in Python it runs in the main thread, as soon as that executes Python code again. Import it there.
"""

import _thread
import atexit
import os
import random
import signal
import sys
import threading
import traceback
import warnings

__all__ = ["on_thaw", "registered", "reseed"]

_DIRECTORY = os.path.join(os.environ.get("PANDASTACK_RUN", "/run/pandastack"), "reseed")
_SIGNAL = signal.SIGURG  # ignored by every program that does not wait for it
_PATIENCE_S = 0.1

#: Whether this process is told of thaws.
registered = False

_callbacks = []
_previous = None


def on_thaw(callback):
    """Calls `callback()` after each thaw, once the generators known here are seeded. Can be used as a decorator."""
    _callbacks.append(callback)
    return callback


def reseed():
    """Takes new seeds from the kernel, whose random numbers are never cloned."""
    random.seed()
    ssl = sys.modules.get("ssl")
    if hasattr(ssl, "RAND_add"):
        ssl.RAND_add(os.urandom(64), 64.0)
    seed = getattr(sys.modules.get("numpy.random"), "seed", None)
    if seed is not None:
        _beside(seed)


def _beside(work):
    # numpy's lock may be held by the very code that the handler interrupts. A thread can wait for it, the handler
    # cannot; and the module `threading` takes locks for a start that may be held in the same way.
    done = _thread.allocate_lock()
    done.acquire()

    def run():
        try:
            work()
        except Exception:
            _complain()
        done.release()

    _thread.start_new_thread(run, ())
    done.acquire(timeout=_PATIENCE_S)


def _complain():
    try:
        traceback.print_exc()
    except RuntimeError:
        pass  # the interrupted code is just writing to stderr itself


def _thawed(number, frame):
    reseed()
    for callback in list(_callbacks):
        try:
            callback()
        except Exception:
            _complain()
    if callable(_previous):
        _previous(number, frame)


def _started():
    """What tells this process from a later one with the same id."""
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()[19]


def _own_file():
    return os.path.join(_DIRECTORY, str(os.getpid()))


def _register():
    global registered
    registered = False
    try:
        text = f"{int(_SIGNAL)} {_started()}\n"
        _unregister()
        file = os.open(_own_file(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        os.write(file, text.encode())
        registered = True
    finally:
        os.close(file)


def _unregister():
    try:
        os.unlink(_own_file())
    except OSError:
        pass


def _begin():
    global _previous
    if not os.path.isdir(_DIRECTORY):
        return
    if threading.current_thread() is not threading.main_thread():
        warnings.warn("pandastack_thaw has to be imported in the main thread", RuntimeWarning, stacklevel=3)
        return
    _previous = signal.signal(_SIGNAL, _thawed)
    _register()
    os.register_at_fork(after_in_child=_register)
    atexit.register(_unregister)


_begin()
