"""`choreograft evaluate` as a function: everything that each of its three kinds does (request.py says which it is).

No truth exists for a transfer between real people. So Chan et al. 2019, "Evaluation", measure how well a performer
draws held-out frames of the same person; and a finished result is held against the pose that was asked for.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from choreograft.body.body_track import BodyTrack
from choreograft.config import VideoConfig
from choreograft.errors import OptionError, VideoError, count_of
from choreograft.evaluate.baselines.translated import plan_translated
from choreograft.evaluate.compare import Case, Comparison, Judged, trace_motion
from choreograft.evaluate.methods import Conditions, Footage, MethodPlan, plan_given, plan_nearest, plan_trained
from choreograft.evaluate.metrics.faces import FaceGallery
from choreograft.evaluate.metrics.judge import judge_without_truth, load_tools
from choreograft.evaluate.report.page import Report, write_report
from choreograft.evaluate.request import EvaluationRequest, Field, Lesson, check_evaluation, name_cases
from choreograft.evaluate.roster import NEAREST, TRAINED, TRANSLATIONS, adapt_preset, describe_substitutes, split_name
from choreograft.evaluate.scores import RATE_TOLERANCE, Entry, Evaluation
from choreograft.files import content_hash, fit_name
from choreograft.footage.bodies import read_bodies
from choreograft.footage.clip import Clip, read_clip, read_clips
from choreograft.footage.split import held_out_frames
from choreograft.machine import describe_machine, list_versions
from choreograft.options import EvaluateOptions
from choreograft.performer.device import Compute, choose_compute
from choreograft.performer.header import is_performer
from choreograft.performer.performer import load_performer
from choreograft.pose.clean import clean_track
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import TrackingConfig, load_or_track
from choreograft.progress import Progress, silent
from choreograft.retarget.body import BodyStage, Standing, carry_over
from choreograft.retarget.normalise import Stance
from choreograft.video.read import probe, read_frames
from choreograft.video.write import VideoWriter

MIN_FRAMES: Final = 8
"""Fewer held-out frames are no measurement."""
TRUTH_CRF: Final = 8
"""The real frames are written again with hardly any loss."""
RESULT: Final = "result"
"""The method's name in the table."""


def evaluate(options: EvaluateOptions, progress: Progress = silent) -> Report:
    """Measure, and write table, page and JSON into the output folder.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user.
    """
    request = check_evaluation(options)
    compute = choose_compute(options.device, options.precision, progress)
    for path in (*options.inputs, options.target):
        if path is not None and is_performer(path):
            load_performer(path)  # a damaged one is refused before any tracking
    if request.field is None:
        evaluation = _evaluate_result(options, compute, progress)
    else:
        evaluation = _evaluate_methods(options, request, request.field, compute, progress)
    return write_report(evaluation, options.output, progress)


def _evaluate_methods(
    options: EvaluateOptions, request: EvaluationRequest, field: Field, compute: Compute, progress: Progress
) -> Evaluation:
    conditions = Conditions(field.budget, field.height_px, options.runs, compute, options.seed)
    tools = load_tools(compute, progress)
    comparison = Comparison(options.output, options.runs, tools, progress)
    judged: list[list[Judged]] = []
    for case in _read_cases(options, request, progress):
        plans = [] if field.given is None else [plan_given(field.given, compute)]
        source = None if case.source is None else Clip(case.source, case.motion)
        plans += [plan_method(name, case.footage, conditions, source) for name in field.names]
        judged.append(comparison.run(case, plans))
    sources = [
        load_or_track(pair.source, options.runs / "tracks", TrackingConfig(), 1, progress) for pair in request.pairs
    ]
    return Evaluation(
        request.kind,
        tuple(entry for case in judged for entry, _ in case),
        trace_motion(judged, sources),
        (*tools.notes, *describe_substitutes(field.names, field.height_px)),
        {
            "budget of each method": str(field.budget),
            "height": f"{field.height_px} px",
            **_describe_run(options, compute),
        },
    )


def plan_method(name: str, footage: Footage, conditions: Conditions, source: Clip | None = None) -> MethodPlan:
    """The plan of a method by its name (see `check_methods`), at the height that all methods are compared at.

    Args:
        source: the video to be danced with its cleaned track; those of `TRANSLATIONS` need it.
    """
    if name == NEAREST:
        return plan_nearest(footage, conditions)
    if name in TRANSLATIONS:
        assert source is not None
        return plan_translated(name, TRANSLATIONS[name], source, footage, conditions)
    base, height_px = split_name(name)
    return plan_trained(adapt_preset(TRAINED[base], conditions.height_px), footage, conditions, height_px)


def _read_cases(options: EvaluateOptions, request: EvaluationRequest, progress: Progress) -> Iterator[Case]:
    """What is held out, or pair by pair target and source, tracked as a user's would be: methods get no truth."""
    if request.lesson is not None:
        footage = read_footage(request.lesson, options.runs, progress)
        yield from make_cases(footage, options.output / "truth", options.runs, progress)
    for number, (name, pair) in enumerate(zip(name_cases(request.pairs), request.pairs, strict=True), start=1):
        progress.say(f"Case {number} of {len(request.pairs)}: {name}")
        target, _ = read_clip(pair.target, 1, options.runs, progress)
        source, _ = read_clip(pair.source, 1, options.runs, progress)
        body = read_bodies([source], 1, options.runs, progress)[0]
        true_track = PoseTrack.load(pair.truth_track)
        yield Case(name, Footage((target,), 1, 0.0), source.track, pair.source, pair.truth, true_track, body)


def _evaluate_result(options: EvaluateOptions, compute: Compute, progress: Progress) -> Evaluation:
    """Hold a finished video against the motion of its source.

    Without a target the wanted place and size are the result's own, so only the pose is judged.
    """
    (result, source), runs = options.inputs, options.runs
    tools = load_tools(compute, progress)
    wanted, _ = read_clip(source, options.person, runs, progress, next(iter(options.keypoints), None))
    found = load_or_track(result, runs / "tracks", TrackingConfig(), 1, progress)
    _check_alike(result, found, source, wanted.track)
    standing, shown = _know_target(result, found, options.target, runs, progress)
    body = None if standing.stage is None else read_bodies([wanted], options.person, runs, progress)[0]
    asked = carry_over(wanted.track, body, standing).track.on_canvas(found.size)
    gallery = None if shown is None else FaceGallery.from_clip(shown, tools.faces, tools.batch)
    scores = judge_without_truth(Clip(result, found), asked, tools, gallery, progress)
    entry = Entry(result.stem, RESULT, found.size, found.time_s, result, None, source, scores)
    return Evaluation("result", (entry,), notes=tools.notes, facts=_describe_run(options, compute))


def _describe_run(options: EvaluateOptions, compute: Compute) -> dict[str, Any]:
    return {
        "options": asdict(options),
        "compute": str(compute),
        "machine": describe_machine(),
        "versions": list_versions(),
    }


def make_cases(footage: Footage, folder: Path, runs: Path, progress: Progress) -> list[Case]:
    """One case for each clip: its held-out frames, written as a video of their own into `folder`.

    Raises:
        OptionError: a clip is too short for that.
    """
    stems = [clip.path.stem for clip in footage.clips]
    alike = len({stem.casefold() for stem in stems}) < len(stems)  # some file systems tell no case
    files = [fit_name(stem, f"-{n}.mp4" if alike else ".mp4") for n, stem in enumerate(stems, start=1)]
    bodies = read_bodies(footage.clips, footage.person, runs, progress)
    return [
        _held_out_case(Path(file).stem, clip, body, footage, folder / file, progress)
        for file, clip, body in zip(files, footage.clips, bodies, strict=True)
    ]


def read_footage(lesson: Lesson, runs: Path, progress: Progress) -> Footage:
    """The clips of a lesson with their cleaned tracks."""
    clips = read_clips(lesson.videos, lesson.keypoints, lesson.person, runs, progress)
    return Footage(tuple(clips), lesson.person, lesson.hold_out)


def _held_out_case(name: str, clip: Clip, body: BodyTrack, footage: Footage, truth: Path, progress: Progress) -> Case:
    held = held_out_frames(clip.track, footage.hold_out)
    if len(held) < MIN_FRAMES:
        raise OptionError(
            f"{clip.path}: {footage.hold_out:.0%} of it are {count_of(len(held), 'frame')}; expected at least"
            f" {MIN_FRAMES} held-out frames; use a longer clip or a larger --hold-out"
        )
    info, wanted, start = probe(clip.path), set(held.tolist()), None
    with (
        VideoWriter(truth, info.size, info.rate, time_base=info.time_base, config=VideoConfig(crf=TRUTH_CRF)) as video,
        progress.task(f"Cutting out what {clip.path.name} kept back", len(held)) as advance,
    ):
        for frame in read_frames(clip.path):
            if frame.index in wanted:
                start = frame.time if start is None else start
                video.write(frame.image, frame.time - start, frame.duration)
                advance(frame.index - held[0] + 1)
    return Case(name, footage, clip.track.select(held), None, truth, None, body.select(held))


def _know_target(
    result: Path, found: PoseTrack, target: Path | None, runs: Path, progress: Progress
) -> tuple[Standing, Clip | None]:
    """Where who should be seen stands, and a video of theirs for the face."""
    if target is None:
        own = Clip(result, clean_track(found)[0])
        return _stand(own, 1, runs, progress), None
    if not is_performer(target):
        clip, _ = read_clip(target, 1, runs, progress)
        return _stand(clip, 1, runs, progress), clip
    card = load_performer(target).card
    for name, sha in card.training.get("clips", {}).items():
        if Path(name).exists() and content_hash(Path(name)) == sha:
            clip, _ = read_clip(Path(name), int(card.training["person"]), runs, progress)
            return card.standing, clip
    progress.say(f"{target}: its footage is not where it was, so the identity in {result.name} is not judged")
    return card.standing, None


def _stand(clip: Clip, person: int, runs: Path, progress: Progress) -> Standing:
    return Standing(Stance.measure(clip.track), BodyStage.measure(read_bodies([clip], person, runs, progress)[0]))


def _check_alike(result: Path, found: PoseTrack, source: Path, wanted: PoseTrack) -> None:
    if len(found) != len(wanted) or abs(found.rate / wanted.rate - 1) > RATE_TOLERANCE:
        raise VideoError(
            f"{result} has {len(found)} frames at {float(found.rate):g} fps, {source} has {len(wanted)} at"
            f" {float(wanted.rate):g}; expected a result with its source's frames; give the source it was made from"
        )
