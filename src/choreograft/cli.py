"""The command line: one short function per verb, which returns its exit code where that may be another than 0.

What a verb needs is imported when it is called.

Whatever can be refused without torch is refused before it is imported, which takes seconds; the verbs, which Python
calls too, check it again.

A mistake of the user's ends in one line on standard error and a non-zero exit; a defect of ours in a traceback.
"""

import contextlib
import io
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import tyro

from choreograft import __version__
from choreograft.console import ConsoleProgress
from choreograft.errors import INTERRUPTED, ChoreograftError, OptionError, in_one_line
from choreograft.machine import is_main, local_rank
from choreograft.options import (
    CheckOptions,
    DanceOptions,
    DemoOptions,
    DoctorOptions,
    EvaluateOptions,
    StudioOptions,
    TrackOptions,
    TrainOptions,
)
from choreograft.progress import silent
from choreograft.system import explain_missing_library

DESCRIPTION: Final = "Graft one person's dance onto another. `choreograft VERB --help` explains a verb."


def run_dance(options: DanceOptions) -> None:
    """Choreograft's main job."""
    from choreograft.request import check_dance

    check_dance(options)
    from choreograft.pipeline import dance

    done = dance(options, ConsoleProgress())
    beside = f"; side by side: {done.side_by_side}" if done.side_by_side else ""
    performer = f"performer: {done.performer}; " if done.performer else ""
    _answer(f"{done.video} ({performer}contact sheet: {done.sheet}{beside})")


def run_train(options: TrainOptions) -> None:
    """Learn one person."""
    from choreograft.request import check_training

    check_training(options)
    from choreograft.pipeline import train

    performer = train(options, ConsoleProgress() if is_main() else silent)
    if is_main():
        _answer(str(performer))


def run_track(options: TrackOptions) -> None:
    """Follow one person through a video."""
    from choreograft.request import check_tracking

    check_tracking(options)
    from choreograft.pipeline import track

    _answer(str(track(options, ConsoleProgress())))


def run_check(options: CheckOptions) -> int:
    """Is the footage good enough?"""
    from choreograft.check.request import DOCUMENT_NAME, check_footage

    check_footage(options)
    from choreograft.check.run import check

    done = check(options, silent if options.json else ConsoleProgress())
    sys.stdout.write(done.json if options.json else done.text)
    if done.pictures:
        numbers = done.pictures[0].with_name(DOCUMENT_NAME)
        _answer(f"{', '.join(map(str, done.pictures))} (numbers: {numbers})")
    return done.exit_code


def run_evaluate(options: EvaluateOptions) -> None:
    """How good it is."""
    from choreograft.evaluate.request import check_evaluation

    check_evaluation(options)
    from choreograft.evaluate.report.table import print_tables
    from choreograft.evaluate.run import evaluate

    done = evaluate(options, ConsoleProgress())
    print_tables(done.evaluation, done.summary)
    _answer(f"{done.page} (numbers: {done.json})")


def run_studio(options: StudioOptions) -> None:
    """Pairs with a known truth."""
    from choreograft.studio.pairs import render_chosen

    for pair in render_chosen(options, ConsoleProgress()):
        _answer(str(pair.folder))


def run_demo(options: DemoOptions) -> None:
    """The whole job on synthetic performers."""
    from choreograft.request import check_demo

    check_demo(options)
    from choreograft.pipeline import demo

    _answer(str(demo(options, ConsoleProgress())))


def run_doctor(options: DoctorOptions) -> int:
    """What this machine has and lacks."""
    from choreograft.doctor import examine, print_checks

    return print_checks(examine(options, ConsoleProgress()))


VERBS: Final[dict[str, tuple[type[Any], Callable[[Any], int | None]]]] = {
    "dance": (DanceOptions, run_dance),
    "train": (TrainOptions, run_train),
    "track": (TrackOptions, run_track),
    "check": (CheckOptions, run_check),
    "evaluate": (EvaluateOptions, run_evaluate),
    "studio": (StudioOptions, run_studio),
    "demo": (DemoOptions, run_demo),
    "doctor": (DoctorOptions, run_doctor),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the arguments, run the verb, and exit with its code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may have characters that the terminal has not
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _interrupt)
        options = parse(sys.argv[1:] if arguments is None else arguments)
        run = next(run for kind, run in VERBS.values() if isinstance(options, kind))
        code = run(options)
    except ChoreograftError as error:
        _complain(f"error: {error}")
        code = error.exit_code
    except ImportError as error:
        advice = explain_missing_library(error)
        if advice is None:
            raise
        _complain(f"error: {advice}")
        code = 1
    except OSError as error:
        if error.strerror is None:
            raise
        place = "" if error.filename is None else f"{error.filename}: "
        _complain(f"error: {place}{error.strerror}; check the name, the permissions and the free space there")
        code = 1
    except KeyboardInterrupt as interruption:
        _complain("; ".join(["interrupted", *map(str, interruption.args)]))
        code = INTERRUPTED
    sys.exit(code)


def parse(arguments: Sequence[str]) -> Any:
    """The options of the verb that the arguments name.

    Raises:
        OptionError: arguments that make no sense, in one line. SystemExit: help was asked for and printed.
    """
    if list(arguments) == ["--version"]:
        sys.stdout.write(f"choreograft {__version__}\n")
        sys.exit(0)
    if any(word == "" or (word.startswith("--") and word.endswith("=")) for word in arguments):
        raise OptionError(
            "found an empty argument; expected a name or a value; look at the quotes and the variables of the shell"
        )
    verbs: dict[str, Callable[..., Any]] = {name: kind for name, (kind, _) in VERBS.items()}
    config = (tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes)
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.extras.subcommand_cli_from_dict(
                verbs, prog="choreograft", description=DESCRIPTION, args=list(arguments), config=config
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise OptionError(_one_line(complaint.getvalue()) + _advise_on_dashes(arguments)) from None


def _advise_on_dashes(arguments: Sequence[str]) -> str:
    """What to write instead of names that were taken for options."""
    dashed = [word for word in arguments if word.startswith("-") and Path(word).suffix[1:2].isalpha()]
    return "".join(f"; if {word} is a file's name, write ./{word}" for word in dashed)


def _answer(sentence: str) -> None:
    """Say what was made, and where."""
    sys.stdout.write(f"{in_one_line(sentence)}\n")


def _complain(sentence: str) -> None:
    """Say why the program ends; of several processes that train together one on each machine does."""
    if local_rank() == 0:
        sys.stderr.write(f"choreograft: {in_one_line(sentence)}\n")


def _one_line(box: str) -> str:
    """The parser's framed complaint as one sentence: without frame, title and its inner reasons."""
    words = " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯─]+|-{3,}", " ", box).split())
    words = re.sub(r"Got errors:.*?(?=For full helptext)", "", words)
    return re.sub(
        r"^(Parsing error|Value error|Unrecognized options|Required options|Missing subcommand):? ", "", words
    )


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
