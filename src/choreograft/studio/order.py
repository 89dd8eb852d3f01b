"""`choreograft studio` as a function: which pairs are ordered, with what changed, rendered."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from choreograft.config import STANDARD_SET, StudioOptions
from choreograft.errors import OptionError
from choreograft.progress import Progress, silent
from choreograft.studio.cases import CASES, find_case, render_cases, with_seed
from choreograft.studio.pairs import Pair, PairSpec
from choreograft.studio.performers import find_performer
from choreograft.studio.render import TRACK_SUFFIX
from choreograft.studio.routines import ROUTINES


def render_order(options: StudioOptions, progress: Progress = silent) -> list[Pair]:
    """Render the chosen cases, each into a folder of its own; clips that are there and whole stay.

    Raises:
        OptionError: there is no such case, performer or motion. FileFormatError: the motion is no track file.
        DependencyError: the studio's libraries are missing. OutputError: the folder cannot be written.
    """
    return render_cases(choose_specs(options), options.folder, progress)


def choose_specs(options: StudioOptions) -> list[PairSpec]:
    """The chosen cases with everything replaced that the options replace.

    Raises:
        OptionError: there is no such case, performer or motion.
    """
    names = tuple(CASES) if STANDARD_SET in options.case else options.case
    changes: dict[str, Any] = {
        name: value
        for name in ("target", "source", "motion", "seconds")
        if (value := getattr(options, name)) is not None
    }
    for performer in (options.target, options.source):
        if performer is not None:
            find_performer(performer)
    if options.motion is not None:
        _check_motion(options.motion)
    if options.seconds is not None and not options.seconds > 0:
        raise OptionError(f"--seconds is {options.seconds:g}; expected a number above zero")
    if options.seed < 0:
        raise OptionError(f"--seed is {options.seed}; expected 0 or a number above it")
    return [replace(with_seed(find_case(name), options.seed), **changes) for name in dict.fromkeys(names)]


def _check_motion(motion: str) -> None:
    if motion not in ROUTINES and not (motion.endswith(TRACK_SUFFIX) and Path(motion).is_file()):
        raise OptionError(
            f"--motion: found {motion!r}; expected one of {', '.join(ROUTINES)}, or a track file made with"
            " choreograft track"
        )
