"""Progress on a terminal, or in a file that standard error is sent to."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from choreograft.errors import in_one_line
from choreograft.progress import Advance

COUNT: Final = "{task.completed:.0f}/{task.fields[of]}"
"""How much is done: '17/288', or '12/300 s' where it is time that is spent."""


def _list_figures(figures: Mapping[str, float]) -> str:
    """The live figures of a task: '  l1 0.031  gan 0.52'."""
    return "".join(f"  {name} {value:.3g}" for name, value in figures.items())


class ConsoleProgress:
    """Bars on a terminal; where the output is a file or a pipe, a plain line every `plain_every_s` seconds."""

    def __init__(self, plain_every_s: float = 20.0, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self.plain_every_s = plain_every_s
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn(COUNT, style="progress.download"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", style="dim"),
            console=self.console,
        )
        self._lock = Lock()

    @contextmanager
    def task(self, name: str, total: float | None, unit: str = "frames") -> Iterator[Advance]:
        name = in_one_line(name)
        inner = self._bar(name, total, unit) if self.console.is_terminal else self._lines(name, total, unit)
        with inner as advance:
            yield advance

    def say(self, sentence: str) -> None:
        self.console.print(in_one_line(sentence), markup=False, emoji=False)

    @contextmanager
    def _bar(self, name: str, total: float | None, unit: str) -> Iterator[Advance]:
        bars = self._bars  # one display for all that is under way: a terminal has one last line
        with self._lock:
            bars.start()
            of = ("?" if total is None else f"{total:.0f}") + (" s" if unit == "s" else "")
            task = bars.add_task(name, total=total, of=of, figures="")
        try:
            yield lambda done, **figures: bars.update(task, completed=done, figures=_list_figures(figures).strip())
        finally:
            with self._lock:
                bars.stop_task(task)
                if all(other.stop_time is not None for other in bars.tasks):
                    bars.stop()  # leaves the bars as they are
                    for other in bars.task_ids:
                        bars.remove_task(other)

    @contextmanager
    def _lines(self, name: str, total: float | None, unit: str) -> Iterator[Advance]:
        began = last = time.monotonic()
        done_now = 0.0
        done_before: float | None = None  # a resumed task begins with what an earlier run did
        figures_now: dict[str, float] = {}

        def line() -> str:
            of = f" of {total:.0f}" if total else ""
            spent = time.monotonic() - began
            own = done_now - (done_before or 0)
            left = f", {spent * (total - done_now) / own:.0f} s left" if total and own > 0 and done_now < total else ""
            return f"{name}: {done_now:.0f}{of} {unit} in {spent:.0f} s{left}{_list_figures(figures_now)}"

        def advance(done: float, **figures: float) -> None:
            nonlocal last, done_now, done_before, figures_now
            done_before = done - 1 if done_before is None else done_before
            done_now, figures_now = done, figures
            if time.monotonic() - last >= self.plain_every_s:
                last = time.monotonic()
                self.say(line())

        yield advance
        self.say(line())
        sys.stderr.flush()
