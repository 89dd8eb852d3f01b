"""How long work tells that it is alive: a task has a name, a total and a few live figures.

And work that is done in a thread of its own, beside other work or ahead of who asks for it.
Library code takes a `Progress` and knows nothing of terminals; `silent` is the default everywhere.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Protocol, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

Advance = Callable[..., None]
"""`advance(done, **figures)`: `done` of the total are done by now; figures, such as losses, are shown as they are."""


class Progress(Protocol):
    """Something that can show tasks and say a sentence."""

    def task(self, name: str, total: float | None, unit: str = "frames") -> AbstractContextManager[Advance]:
        """Show `name` while the context is open; `total` is None where it is unknown."""
        ...

    def say(self, sentence: str) -> None:
        """Tell the user one finished fact."""
        ...


class SilentProgress:
    """Shows nothing: tests and library use."""

    @contextmanager
    def task(self, name: str, total: float | None, unit: str = "frames") -> Iterator[Advance]:  # noqa: ARG002
        yield lambda done=0, **figures: None  # noqa: ARG005

    def say(self, sentence: str) -> None:
        pass


silent = SilentProgress()


def warn(progress: Progress, note: str | None) -> None:
    """Say what the user may have to mend, if there is any such thing."""
    if note is not None:
        progress.say(f"NOTE: {note}")


class _StoppedError(Exception):
    """Work that is given up because the work beside it failed."""


@dataclass(frozen=True)
class _Stoppable:
    """A progress whose work ends, the next time it advances, once `stopped` is set."""

    inner: Progress
    stopped: Event

    @contextmanager
    def task(self, name: str, total: float | None, unit: str = "frames") -> Iterator[Advance]:
        with self.inner.task(name, total, unit) as advance:

            def go_on(done: float, **figures: float) -> None:
                if self.stopped.is_set():
                    raise _StoppedError(name)
                advance(done, **figures)

            yield go_on

    def say(self, sentence: str) -> None:
        self.inner.say(sentence)


def side_by_side(first: Callable[[Progress], T], second: Callable[[Progress], R], progress: Progress) -> tuple[T, R]:
    """What two pieces of work make that do not need each other, the second of them done in a thread of its own.

    If either fails, or the user interrupts, the other ends the next time it tells how far it is.

    Args:
        first, second: are given what to tell of their progress.
    Raises:
        What either of them raises; of two errors the earlier.
    """
    stopped = Event()
    told = _Stoppable(progress, stopped)
    with ThreadPoolExecutor(1, "second") as worker:
        coming = worker.submit(second, told)
        coming.add_done_callback(lambda done: stopped.set() if done.exception() else None)
        try:
            return first(told), coming.result()
        except _StoppedError:
            coming.result()  # raises what the second failed with
            raise
        except BaseException:
            stopped.set()
            raise


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
