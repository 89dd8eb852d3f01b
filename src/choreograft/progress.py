"""How long work tells that it is alive: a task has a name, a total and a few live figures.

Library code takes a `Progress` and knows nothing of terminals; `silent` is the default everywhere.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

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
