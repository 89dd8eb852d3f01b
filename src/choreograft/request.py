"""What `dance`, `train`, `track` and `demo` are asked for, refused before anything heavy is imported or begun.

Options are looked at first, then outputs, then inputs. What only torch, a model or the machine can tell is refused by
pipeline.py, still before any tracking. Nothing in here may need torch: importing it takes seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Final, cast

from choreograft.errors import OptionError, PersonError, VideoError, count_of
from choreograft.files import check_place, fit_name, text_hash
from choreograft.footage.split import MIN_PAIRS, check_hold_out
from choreograft.machine import Processes, check_device, choose_batch
from choreograft.options import DanceOptions, DemoOptions, TrackOptions, TrainOptions
from choreograft.performer.header import (
    SUFFIX,
    canvas_size,
    expect_performer,
    full_size,
    is_performer,
    pick_size,
    read_header,
    read_sizes,
)
from choreograft.pose.openpose_files import check_keypoint_folder
from choreograft.pose.openpose_fit import check_keypoints
from choreograft.presets import (
    DEFAULT_PRESET,
    PERCEPTUAL_NAMES,
    Budget,
    Perceptual,
    Preset,
    find_preset,
    preset_from_dict,
)
from choreograft.render.timing import TimingRequest
from choreograft.video.read import VideoInfo, measure_held, measure_length, probe
from choreograft.video.sound import Retiming
from choreograft.video.write import check_output

SUMMARY: Final = "summary.json"
"""Of a dance: how it came about."""


@dataclass(frozen=True)
class DanceRequest:
    """What the options of a dance come to."""

    preset: Preset
    """Of a performer that is trained for it."""
    weights: Path | None
    """The user's own, for the preset's perceptual loss."""
    budget: Budget
    timing: TimingRequest
    retiming: Retiming | None
    """Of the sound; None where it stays as it is."""
    beside: Path | None
    """The side-by-side video to write."""


@dataclass(frozen=True)
class TrainRequest:
    """What the options of a training come to."""

    preset: Preset
    weights: Path | None
    """The user's own, for the preset's perceptual loss."""
    budget: Budget
    processes: Processes
    batch: int
    """Pairs of frames a step, over all processes."""


def check_dance(options: DanceOptions) -> DanceRequest:
    """Refuse a dance that cannot be.

    Raises:
        OptionError: options that make no sense, together or with these videos. OutputError: the output may not be
            written. VideoError, FileFormatError: source, target or keypoints cannot be read. PersonError: the keypoints
            hold nobody, or the target has too few frames to learn from.
    """
    preset, weights = _choose_preset(options)
    if options.as_keypoints is not None and is_performer(options.target):
        raise OptionError(
            f"{options.target} is a performer, which knows its footage; leave out --as-keypoints, or name the video"
        )
    budget = Budget.choose(preset, options.minutes, options.images)
    check_device(options.device)
    check_people(person=options.person, as_person=options.as_person)
    timing = TimingRequest.parse(options.duration, options.fps)
    beside = None
    if options.side_by_side:
        name = fit_name(options.output.stem, f".side_by_side{options.output.suffix}")
        beside = options.output.with_name(name)
    for path in (options.output, beside):
        if path is not None:
            check_output(path, [options.source, options.target], options.overwrite)
    check_place(dance_folder(options.output, options.runs) / SUMMARY)
    source = probe_clip(options.source)
    if is_performer(options.target):
        rate = _check_performer(options)
    else:
        filmed = probe_clip(options.target)
        rate = filmed.rate
        if not options.preview_retarget:
            _check_retarget(options, preset)
            full = full_size(filmed.size) if preset.refers else None
            pick_size(options.target.stem, canvas_size(preset, filmed.size), full, options.height)
            _check_pairs([filmed])
    for keypoints, video in ((options.keypoints, options.source), (options.as_keypoints, options.target)):
        if keypoints is not None:
            check_keypoints(keypoints, video)
    retiming = None
    if not options.preview_retarget:
        timing.find_rate(source.rate, rate)
        length = measure_length(options.source)
        tempo = timing.find_tempo(length)
        if not timing.keeps_times(tempo):
            timing.check_held(measure_held(options.source), tempo)
        retiming = None if tempo == 1 else Retiming(tempo, length / tempo)
    return DanceRequest(preset, weights, budget, timing, retiming, beside)


def dance_folder(output: Path, runs: Path) -> Path:
    """Where contact sheet and summary of a dance lie: of each output in a folder of its own, be their names alike."""
    place = output.parent.resolve() / output.name
    return runs / fit_name(f"dance-{output.stem}", f"-{text_hash(str(place))}")


def check_training(options: TrainOptions) -> TrainRequest:
    """Refuse a training that cannot be.

    Raises:
        OptionError: options that make no sense. OutputError: the output may not be written. VideoError,
            FileFormatError: a clip or its keypoints cannot be read. PersonError: the keypoints hold nobody, or the
            clips have too few frames to learn from.
    """
    preset, weights = _choose_preset(options)
    budget = Budget.choose(preset, options.minutes, options.images)
    check_device(options.device)
    check_people(person=options.person)
    processes = Processes.choose(options.devices, options.num_nodes)
    batch = choose_batch(options.batch, processes, preset)
    check_hold_out(options.hold_out)
    if options.output is not None:
        if not is_performer(options.output):
            raise OptionError(f"{options.output}: expected a name that ends in {SUFFIX}")
        check_output(options.output, list(options.target), options.overwrite, suffixes=(SUFFIX,))
    _check_pairs([probe_clip(video) for video in options.target])
    if options.keypoints:
        check_all_keypoints(options.keypoints, options.target)
    return TrainRequest(preset, weights, budget, processes, batch)


def check_demo(options: DemoOptions) -> None:
    """Refuse a demo that cannot be; one that is there already is replaced.

    Raises:
        OptionError: options that make no sense. OutputError: the output may not be written.
    """
    Budget.choose(find_preset(DEFAULT_PRESET), options.minutes, None)
    check_device(options.device)
    check_output(options.output, [], overwrite=True)


def check_all_keypoints(keypoints: Sequence[Path], videos: Sequence[Path]) -> None:
    """Refuse keypoints that are not one of each of some videos, in their order.

    Raises:
        OptionError: too many or too few. FileFormatError, PersonError: as `check_keypoints`.
    """
    if len(keypoints) != len(videos):
        raise OptionError(
            f"found --keypoints of {count_of(len(keypoints), 'video')}; expected them of {len(videos)}, as many"
            " as there are videos and in their order"
        )
    for place, video in zip(keypoints, videos, strict=True):
        check_keypoints(place, video)


def check_tracking(options: TrackOptions) -> None:
    """Refuse a tracking that cannot be.

    Raises:
        OptionError: an output is an input or another output, or has another suffix than it must. OutputError: it may
            not be written. VideoError, FileFormatError: the video or its keypoints cannot be read. PersonError: the
            keypoints hold nobody.
    """
    check_people(person=options.person)
    check_output(options.output, [options.video], options.overwrite, suffixes=(".npz",))
    if options.overlay is not None:
        check_output(options.overlay, [options.video, options.output], options.overwrite)
    if options.write_openpose is not None:
        keypoints = [] if options.openpose is None else [options.openpose]
        check_keypoint_folder(options.write_openpose, keypoints, options.overwrite)
    _check_apart(options.output, options.overlay, options.write_openpose)
    probe_clip(options.video)
    if options.openpose is not None:
        check_keypoints(options.openpose, options.video)


def _check_apart(*outputs: Path | None) -> None:
    """Refuse outputs of which one would take the other's place, or lie in it."""
    for one, other in combinations([path for path in outputs if path is not None], 2):
        place, other_place = one.resolve(), other.resolve()
        if place.is_relative_to(other_place) or other_place.is_relative_to(place):
            raise OptionError(f"the outputs {one} and {other} are in each other's way; choose names that are apart")


def probe_clip(path: Path) -> VideoInfo:
    """Look at a video that a person is to be followed through.

    Raises:
        OptionError: it is a performer. VideoError: as `probe`, or it is known to have a single frame.
    """
    if is_performer(path):
        raise OptionError(f"{path} is a performer, which belongs after --as; name a video here")
    info = probe(path)
    if info.listed == 1:
        raise VideoError(f"{path}: found a single frame; expected a video of some seconds")
    return info


def check_people(**numbers: int) -> None:
    """Refuse numbers of people that nobody can have.

    Args:
        numbers: by the option's name.
    Raises:
        OptionError: one is not above zero.
    """
    for name, number in numbers.items():
        if number < 1:
            option = f"--{name.replace('_', '-')}"
            raise OptionError(f"{option} is {number}; people are counted from 1, the one who fills most of the video")


def _choose_preset(options: TrainOptions | DanceOptions) -> tuple[Preset, Path | None]:
    """The preset of that name as the options change it, and the user's own weights for its perceptual loss.

    Raises:
        OptionError: there is none, it is not trained and cannot be changed, or nothing has the name that `--perceptual`
            gives.
    """
    preset = find_preset(options.preset)
    if options.face == "no":
        preset = preset.without_face()
    elif options.face == "yes":
        if not preset.trains:
            raise OptionError(f"preset {preset.name} is not trained; leave out --face yes")
        preset = preset.with_face()
    if options.perceptual is None:
        return preset, None
    if not preset.trains:
        raise OptionError(f"preset {preset.name} is not trained; leave out --perceptual")
    if options.perceptual in PERCEPTUAL_NAMES:
        return replace(preset, perceptual=cast(Perceptual, options.perceptual)), None
    weights = Path(options.perceptual)
    if not weights.is_file():
        names = ", ".join(PERCEPTUAL_NAMES)
        raise OptionError(f"--perceptual: found {weights}; expected one of {names}, or a file of VGG-19's weights")
    return replace(preset, perceptual="vgg19"), weights


def _check_performer(options: DanceOptions) -> Fraction | None:
    """Refuse a performer file that cannot do what the options ask for; returns the rate of its footage if it says."""
    header = read_header(options.target)
    with expect_performer(options.target):
        preset = preset_from_dict(header["preset"])
        rates = header["training"].get("rates")
        rate = Fraction(rates[0]) if rates else None
    if options.preview_retarget:
        if header.get("stage") is None:
            raise OptionError(f"{options.target}: knows no body to preview; expected one trained by this version; "
                              "name the target's video instead")  # fmt: skip
        return rate
    _check_retarget(options, preset)
    if options.face == "yes" and not preset.mends_faces:
        raise OptionError(f"{options.target}: has no network for faces; leave out --face yes, or train with it")
    pick_size(header["name"], *read_sizes(options.target), options.height)
    return rate


def _check_pairs(clips: Sequence[VideoInfo]) -> None:
    """Refuse a target that is known to have too few frames to learn from."""
    listed = [clip.listed for clip in clips if clip.listed is not None]
    pairs = sum(listed) - len(listed)
    if len(listed) == len(clips) and pairs < MIN_PAIRS:
        raise PersonError(
            f"{', '.join(str(clip.path) for clip in clips)}: found {count_of(sum(listed), 'frame')},"
            f" {count_of(pairs, 'pair')} of consecutive ones; expected at least {MIN_PAIRS} pairs; film a longer clip"
            " in which the whole person is seen"
        )


def _check_retarget(options: DanceOptions, preset: Preset) -> None:
    """Refuse the global normalisation, which knows no body, for a preset that draws bodies."""
    if options.retarget == "global" and preset.draws_bodies:
        raise OptionError(
            f"found --retarget global with preset {preset.name}, which draws bodies; leave it out or use --preset paper"
        )
