"""What long work says where there is no terminal to draw bars on."""

import pytest

from choreograft.console import ConsoleProgress
from choreograft.progress import silent


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


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]):
    with silent.task("Training", None) as advance:
        advance(1, pixel=1.0)
    silent.say("anything")
    assert capsys.readouterr() == ("", "")
