"""Progress on a terminal, or in a file that standard error is sent to."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from choreograft.errors import in_one_line
from choreograft.progress import Advance


class _CountColumn(TextColumn):
    """How much is done: '17/288', or '12/300 s' where it is time that is spent."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{task.total:.0f}"
        return Text(f"{task.completed:.0f}/{total}{task.fields['suffix']}", style="progress.download")


class _FiguresColumn(TextColumn):
    """The live figures of a task: 'l1 0.031  gan 0.52'."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        figures: dict[str, float] = task.fields.get("figures", {})
        return Text("  ".join(f"{name} {value:.3g}" for name, value in figures.items()), style="dim")


class ConsoleProgress:
    """Bars on a terminal; where the output is a file or a pipe, a plain line every `plain_every_s` seconds."""

    def __init__(self, plain_every_s: float = 20.0, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self.plain_every_s = plain_every_s
        columns = (BarColumn(), _CountColumn(), TimeElapsedColumn(), TimeRemainingColumn(), _FiguresColumn())
        self._bars = RichProgress(TextColumn("{task.description}", markup=False), *columns, console=self.console)
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
            task = bars.add_task(name, total=total, suffix=" s" if unit == "s" else "")
        try:
            yield lambda done, **figures: bars.update(task, completed=done, figures=figures)
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
            figures = "".join(f"  {key} {value:.3g}" for key, value in figures_now.items())
            return f"{name}: {done_now:.0f}{of} {unit} in {spent:.0f} s{left}{figures}"

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
