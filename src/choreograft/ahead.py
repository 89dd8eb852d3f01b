"""Work that is done, in a thread of its own, ahead of who asks for it."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")


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


def share_out(
    work: Callable[[T], R], items: Iterable[T], name: str, threads: int = 2, prepare: Callable[[], None] | None = None
) -> Generator[R]:
    """What is made of each item, in their order; some are worked on at a time, in threads of that name.

    The next item is taken while they are; memory holds one more than there are threads.

    Args:
        prepare: is called in each thread before its first item.
    """
    with ThreadPoolExecutor(threads, name, initializer=prepare) as workers:
        coming: deque[Future[R]] = deque()
        for item in items:
            coming.append(workers.submit(work, item))
            del item
            if len(coming) > threads:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
