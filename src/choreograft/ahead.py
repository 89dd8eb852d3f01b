"""Work that is done, in a thread of its own, ahead of who asks for it."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

T = TypeVar("T")


def run_ahead(items: Iterator[T], name: str, depth: int = 1, prepare: Callable[[], None] | None = None) -> Generator[T]:
    """The same items; each is made, in a thread of that name, while those before it are worked with.

    Args:
        depth: how many are made before they are asked for.
        prepare: is called in that thread before the first one is made.
    """
    end = object()
    with ThreadPoolExecutor(1, name, initializer=prepare) as worker:
        coming = deque(worker.submit(next, items, end) for _ in range(depth))
        while (present := coming.popleft().result()) is not end:
            coming.append(worker.submit(next, items, end))
            yield cast(T, present)
