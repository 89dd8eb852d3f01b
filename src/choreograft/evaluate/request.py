"""What `evaluate` is asked for, refused before anything heavy is imported or begun.

Options are looked at first, then the output, then inputs, as in choreograft.request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from choreograft.errors import FileFormatError, OptionError, OutputError, VideoError
from choreograft.evaluate.roster import TRANSLATIONS, check_methods, list_methods
from choreograft.evaluate.scores import RATE_TOLERANCE, Kind
from choreograft.files import check_place, content_hash, fit_name
from choreograft.machine import check_device
from choreograft.options import BASELINE_METHODS, DEFAULT_METHODS, EVALUATION_HOLD_OUT, EvaluateOptions
from choreograft.performer.header import expect_performer, is_performer, read_header, read_training
from choreograft.pose.openpose_files import hash_keypoints
from choreograft.presets import DEFAULT_PRESET, Budget, find_preset, preset_from_dict
from choreograft.request import check_all_keypoints, check_people, probe_clip
from choreograft.video.read import probe

if TYPE_CHECKING:
    from choreograft.studio.pairs import Pair

DOCUMENT_NAME: Final = "evaluation.json"


@dataclass(frozen=True)
class Lesson:
    """What a performer learns from, and what is kept back."""

    videos: tuple[Path, ...]
    person: int
    hold_out: float
    keypoints: tuple[Path | None, ...] = ()
    """Of each video, where another program found the joints; empty where none has any."""


@dataclass(frozen=True)
class Field:
    """Which methods take part, and on what terms."""

    names: tuple[str, ...]
    given: Path | None
    """A performer file that takes part as it is."""
    budget: Budget
    """Of each method that trains."""
    height_px: int
    """Of the frames that all of them draw."""


@dataclass(frozen=True)
class EvaluationRequest:
    """What the options of an evaluation come to."""

    kind: Kind
    field: Field | None = None
    """None for a finished result."""
    pairs: tuple["Pair", ...] = ()
    lesson: Lesson | None = None
    """Whose held-out frames are redrawn."""


def check_evaluation(options: EvaluateOptions) -> EvaluationRequest:
    """Refuse an evaluation that cannot be.

    Raises:
        OptionError: options that make no sense, together or with these files. OutputError: the output folder cannot be
            written, or an earlier evaluation lies in it. VideoError, FileFormatError: an input cannot be read.
            PersonError: the keypoints hold nobody.
    """
    kind = choose_kind(options)
    check_device(options.device)
    check_people(person=options.person)
    field = None if kind == "result" else _settle_field(options)
    _check_folder(options)
    if kind == "pair":
        pairs = find_pairs(options.pair)
        name_cases(pairs)
        for performer in options.inputs:
            _check_performer(performer, pairs)
        return EvaluationRequest(kind, field, pairs=tuple(pairs))
    if field is not None:
        lesson = Lesson(options.inputs, options.person, EVALUATION_HOLD_OUT, options.keypoints)
        if field.given is not None:
            lesson = read_lesson(field.given)
        for video in lesson.videos:
            probe_clip(video)
        if options.keypoints:
            check_all_keypoints(options.keypoints, options.inputs)
        return EvaluationRequest(kind, field, lesson=lesson)
    _check_result(options)
    if options.keypoints:
        check_all_keypoints(options.keypoints, options.inputs[1:])
    return EvaluationRequest(kind)


def choose_kind(options: EvaluateOptions) -> Kind:
    """Which of the three evaluations the options ask for.

    Raises:
        OptionError: none of them, or two at once.
    """
    performers = [path for path in options.inputs if is_performer(path)]
    if options.holdout and options.pair:
        raise OptionError("found both --holdout and --pair; give one of them")
    if options.target is not None and (options.holdout or options.pair):
        raise OptionError("--as belongs to RESULT SOURCE; leave it out with --holdout and --pair")
    if options.keypoints and (options.pair or (options.holdout and performers)):
        raise OptionError("--keypoints belongs to RESULT SOURCE, or to videos with --holdout; leave it out")
    if options.pair:
        if len(options.inputs) != len(performers) or len(performers) > 1:
            raise OptionError(f"--pair takes one performer file at most beside it, found {_list(options.inputs)}")
        return "pair"
    if options.holdout:
        if not options.inputs or (performers and len(options.inputs) > 1):
            raise OptionError(f"--holdout takes one performer file or some videos, found {_list(options.inputs)}")
        return "holdout"
    if len(options.inputs) != 2:
        raise OptionError(
            f"expected RESULT SOURCE, a performer with --holdout, or --pair DIR; found {_list(options.inputs)}"
        )
    if options.compare is not None:
        raise OptionError("--compare needs a truth: --holdout or --pair")
    return "result"


def read_lesson(performer: Path) -> Lesson:
    """What a performer file says of its training.

    Raises:
        OptionError: nothing was held out, or its clips or keypoints are no longer where they were.
        FileFormatError: not a performer file.
    """
    with expect_performer(performer):
        training = read_training(performer)
        hold_out, person = float(training.get("hold_out", 0)), int(training.get("person", 1))
        clips = {Path(path): sha for path, sha in training.get("clips", {}).items()}
        given = {Path(path): (Path(place), sha) for path, (place, sha) in training.get("keypoints", {}).items()}
    if not hold_out:
        raise OptionError(
            f"{performer} was trained on all of its footage, so nothing is left to test it on; train it with"
            " --hold-out 0.15, or give the video instead of the performer"
        )
    for path, sha in clips.items():
        if not path.exists() or content_hash(path) != sha:
            raise OptionError(
                f"{performer} was trained on {path}, which is {'another file now' if path.exists() else 'not there'};"
                " expected the same video at that place; run this where it was trained"
            )
    for place, sha in given.values():
        if not place.exists() or hash_keypoints(place) != sha:
            raise OptionError(
                f"{performer} was trained with the keypoints {place}, which are"
                f" {'others now' if place.exists() else 'not there'}; expected the same ones at that place; run this"
                " where it was trained"
            )
    return Lesson(tuple(clips), person, hold_out, tuple(given[path][0] if path in given else None for path in clips))


def _settle_field(options: EvaluateOptions) -> Field:
    """Agree on methods and terms; a performer file sets the usual ones."""
    given = next(filter(is_performer, options.inputs), None)
    names: tuple[str, ...] = DEFAULT_METHODS if given is None else BASELINE_METHODS
    if options.compare is not None:
        names = list_methods(options.compare)
    usual, minutes = find_preset(DEFAULT_PRESET), options.minutes
    preset = usual
    if given is not None:
        with expect_performer(given):
            preset = preset_from_dict(read_header(given)["preset"])
            if preset.trains and options.minutes is None and options.images is None:
                minutes = round(float(read_training(given)["seconds"]) / 60, 2)
    height_px = preset.height_px if options.height is None else options.height
    if height_px < 1:
        raise OptionError(f"--height is {height_px}; expected a number above zero")
    check_methods(names, height_px)
    translation = next((name for name in names if name in TRANSLATIONS), None)
    if options.holdout and translation is not None:
        raise OptionError(
            f"{translation} translates a source's frames, and --holdout has none; give --pair DIR or leave it out of"
            " --compare"
        )
    return Field(names, given, Budget.choose(preset if preset.trains else usual, minutes, options.images), height_px)


def _check_folder(options: EvaluateOptions) -> None:
    document = options.output / DOCUMENT_NAME
    check_place(document)
    if document.exists() and not options.overwrite:
        raise OutputError(f"{document} exists already; choose another folder with -o, or add --overwrite to replace it")


def find_pairs(folders: Sequence[Path]) -> list["Pair"]:
    """The pairs in folders: each is a pair itself or holds some, in the order of the standard set, others after it.

    Raises:
        FileFormatError: a folder holds none, or a damaged one.
    """
    from choreograft.studio.pairs import CASES, PAIR_FILE, load_pair  # the studio takes half a second

    pairs = []
    for folder in folders:
        inside = sorted(path.parent for path in folder.glob(f"*/{PAIR_FILE}"))
        inner = [folder] if (folder / PAIR_FILE).exists() else inside
        if not inner:
            raise FileFormatError(
                f"{folder}: found no {PAIR_FILE} in it or in its folders; expected a pair; render one with"
                f" choreograft studio {folder}"
            )
        pairs += [load_pair(path) for path in inner]
    order = list(CASES)
    return sorted(pairs, key=lambda pair: (order.index(pair.name) if pair.name in order else len(order), pair.name))


def _check_performer(performer: Path, pairs: Sequence["Pair"]) -> None:
    """Refuse a performer that is not the pairs' target.

    Raises:
        OptionError: it was trained on other footage. FileFormatError: not a performer file.
    """
    known = set(read_training(performer).get("clips", {}).values())
    for pair in pairs:
        if content_hash(pair.target) not in known:
            raise OptionError(
                f"{performer} was not trained on {pair.target}; expected a performer of the pair's own target; train"
                f" one with choreograft train {pair.target}, or leave it out"
            )


def name_cases(pairs: Sequence["Pair"]) -> list[str]:
    """What the cases are called: as the pairs, with the folder before it where several share a name (other seeds).

    Raises:
        OptionError: one pair is given twice.
    """
    names = [pair.name for pair in pairs]
    unique = [
        name if names.count(name) == 1 else fit_name(f"{pair.folder.resolve().parent.name}-{name}", "")
        for name, pair in zip(names, pairs, strict=True)
    ]
    twice = sorted({name for name in unique if unique.count(name) > 1})
    if twice:
        raise OptionError(f"--pair: found {', '.join(twice)} more than once; give every pair once")
    return unique


def _check_result(options: EvaluateOptions) -> None:
    """Refuse videos that cannot be read, and two whose rates already say that they do not belong together."""
    result, source = (probe(path) for path in options.inputs)
    if options.target is not None:
        if is_performer(options.target):
            read_header(options.target)
        else:
            probe(options.target)
    if abs(result.rate / source.rate - 1) > RATE_TOLERANCE:
        raise VideoError(
            f"{result.path} has {float(result.rate):g} frames a second, {source.path} {float(source.rate):g}; expected"
            " a result with its source's frames; give the source it was made from"
        )


def _list(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths)) or "nothing"
