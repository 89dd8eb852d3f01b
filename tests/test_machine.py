"""Memory that goes back to the system."""

import sys
import threading
from pathlib import Path

import pytest

from choreograft.machine import return_memory

PIECES, PIECE = 1000, 100_000
"""Small enough to lie in a heap, 100 MB together."""


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel")
def test_what_a_thread_freed_goes_back_to_the_system() -> None:
    kept = []

    def work() -> None:
        pieces = [bytearray(b"x") * PIECE for _ in range(PIECES)]
        kept.append(pieces.pop())  # at the heap's end, which keeps all before it

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = resident_bytes()
    return_memory()
    assert before - resident_bytes() > PIECES * PIECE / 2
