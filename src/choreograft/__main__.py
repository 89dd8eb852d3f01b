"""`python -m choreograft` is `choreograft`; both can be interrupted from the first moment on."""

import os
import signal
from typing import NoReturn

from choreograft.errors import INTERRUPTED
from choreograft.machine import local_rank


def main() -> None:
    """Import the command line and run it: an interruption meanwhile is one line, as it is later."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    _calm_threads()
    from choreograft.cli import main as run

    run()


def _calm_threads() -> None:
    """Have NumPy and PyTorch, which read this when they are loaded, leave the cores to each other and to the rest.

    PyTorch's threads spin while they wait for each other, and where anything else uses a core they spin for its whole
    time slice: beside one busy process a training step takes up to five times as long. Asleep they cost a third of a
    step on two free cores; GOMP_SPINCOUNT=2000000 has them spin. NumPy's matrices here are small; OpenBLAS would take
    the cores from PyTorch's threads for them. A program that calls Choreograft decides for itself.
    """
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _leave(*_: object) -> NoReturn:
    """End at once: an exception could be swallowed by what is being imported, and there is nothing to tidy up."""
    if local_rank() == 0:
        os.write(2, b"choreograft: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
