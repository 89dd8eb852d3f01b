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
    from choreograft.cli import main as run

    run()


def _leave(*_: object) -> NoReturn:
    """End at once: an exception could be swallowed by what is being imported, and there is nothing to tidy up."""
    if local_rank() == 0:
        os.write(2, b"choreograft: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
