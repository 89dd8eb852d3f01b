"""What long work says where there is no terminal to draw bars on."""

from io import StringIO
from threading import Event, get_ident

import pytest
from rich.console import Console

from choreograft.console import ConsoleProgress
from choreograft.errors import PersonError
from choreograft.progress import Progress, side_by_side, silent


def test_without_a_terminal_a_task_ends_in_one_plain_line(capsys: pytest.CaptureFixture[str]):
    with ConsoleProgress().task("Training", 40, "images") as advance:
        for done in range(1, 41):
            advance(done, pixel=0.5)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Training: 40 of 40 images in 0 s  pixel 0.5\n"


def test_lines_come_at_intervals_and_tell_what_is_left(capsys: pytest.CaptureFixture[str]):
    with ConsoleProgress(plain_every_s=0).task("Rendering", 4) as advance:
        for done in range(1, 5):
            advance(done)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("Rendering: 2 of 4 frames")
    assert lines[1].endswith("s left")


def test_a_sentence_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]):
    ConsoleProgress().say("[bold] file:/a/b[/bold] 100%")
    assert capsys.readouterr().err == "[bold] file:/a/b[/bold] 100%\n"


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_name_of_several_lines_is_told_in_one(is_terminal: bool):
    screen = StringIO()
    console = Console(file=screen, force_terminal=is_terminal, color_system=None, width=100, soft_wrap=True)
    progress = ConsoleProgress(console=console)
    with progress.task("following two\nlines.mp4", 2):
        pass
    progress.say("two\nlines\x1b[31m.mp4 is done")
    assert "following two\\nlines.mp4" in screen.getvalue()
    assert "two\\nlines\\x1b[31m.mp4 is done" in screen.getvalue()


@pytest.mark.parametrize("name", ["take [/b] 2", "a [red]b :dancer: {task} 100%.mp4"])
def test_a_terminal_shows_a_name_as_it_is(name: str):
    screen = StringIO()
    progress = ConsoleProgress(console=Console(file=screen, force_terminal=True, color_system=None, width=100))
    with progress.task(name, 2):
        pass
    progress.say(f"{name} is done")
    assert screen.getvalue().count(name) >= 2
    assert f"{name} is done" in screen.getvalue()


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]):
    with silent.task("Training", None) as advance:
        advance(1, pixel=1.0)
    silent.say("anything")
    assert capsys.readouterr() == ("", "")


def test_two_pieces_of_work_go_on_at_once():
    met = Event()

    def wait(_: Progress) -> int:
        assert met.wait(10)
        return get_ident()

    def meet(_: Progress) -> int:
        met.set()
        return get_ident()

    first, second = side_by_side(wait, meet, silent)
    assert first == get_ident() != second


@pytest.mark.parametrize("failing", ["first", "second"])
@pytest.mark.parametrize("error", [PersonError("nobody"), KeyboardInterrupt()], ids=["refused", "interrupted"])
def test_where_one_fails_the_other_ends_with_its_next_step(failing: str, error: BaseException):
    began = Event()

    def fail(_: Progress) -> None:
        assert began.wait(10)
        raise error

    def go_on(progress: Progress) -> None:
        with progress.task("endless", None) as advance:
            began.set()
            while True:
                advance(1)

    with pytest.raises(type(error)):
        side_by_side(*((fail, go_on) if failing == "first" else (go_on, fail)), silent)


def test_a_terminal_shows_tasks_that_overlap_one_below_the_other():
    screen = StringIO()
    progress = ConsoleProgress(console=Console(file=screen, force_terminal=True, color_system=None, width=100))
    with progress.task("source", 8) as of_source, progress.task("target", 300, "s") as of_target:
        of_source(3)
        of_target(12, pixel=0.5)
    source, target = screen.getvalue().split("\n")[-3:-1]
    assert "source" in source
    assert " 3/8 " in source
    assert target.startswith("target")
    assert " 12/300 s " in target
    assert "pixel 0.5" in target
