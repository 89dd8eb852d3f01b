"""Native code that writes to standard error past Python, and past every setting of its own."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock

_TURN = RLock()
"""There is one standard error for all threads."""


@contextmanager
def quiet_stderr(unwanted: Callable[[bytes], object]) -> Iterator[None]:
    """Keep some lines off standard error for a while; all else that is written meanwhile gets through at the end.

    Args:
        unwanted: whether a line is to be dropped.
    """
    with _TURN, tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            caught.seek(0)
            os.write(kept, b"".join(line for line in caught if not unwanted(line)))
            os.close(kept)
