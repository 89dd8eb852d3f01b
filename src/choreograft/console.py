"""Progress on a terminal, or in a file that standard error is sent to."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from choreograft.progress import Advance


class _FiguresColumn(TextColumn):
    """The live figures of a task: 'l1 0.031  gan 0.52'."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        figures: dict[str, float] = task.fields.get("figures", {})
        return Text("  ".join(f"{name} {value:.3g}" for name, value in figures.items()), style="dim")


class ConsoleProgress:
    """Bars on a terminal; where the output is a file or a pipe, a plain line every `plain_every_s` seconds."""

    def __init__(self, plain_every_s: float = 20.0) -> None:
        self.console = Console(stderr=True, soft_wrap=True, highlight=False)
        self.plain_every_s = plain_every_s

    @contextmanager
    def task(self, name: str, total: float | None, unit: str = "frames") -> Iterator[Advance]:
        inner = self._bar(name, total, unit) if self.console.is_terminal else self._lines(name, total, unit)
        with inner as advance:
            yield advance

    def say(self, sentence: str) -> None:
        self.console.print(sentence, markup=False)

    @contextmanager
    def _bar(self, name: str, total: float | None, unit: str) -> Iterator[Advance]:
        count = TextColumn("{task.completed:.0f}/{task.total:.0f} s") if unit == "s" else MofNCompleteColumn()
        columns = (BarColumn(), count, TimeElapsedColumn(), TimeRemainingColumn(), _FiguresColumn())
        with RichProgress("{task.description}", *columns, console=self.console) as bars:
            task = bars.add_task(name, total=total)
            yield lambda done, **figures: bars.update(task, completed=done, figures=figures)

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
