"""The verbs as functions: what the command line and Python call.

Each checks what it can before it works for minutes, says what it found, and leaves its results where it says.
"""

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Final

from choreograft.body.body_track import BodyTrack
from choreograft.files import atomic_path, content_hash, fit_name, write_json
from choreograft.footage.bodies import read_bodies
from choreograft.footage.clip import Clip, choose_all_frames, read_clip, read_clips
from choreograft.machine import list_versions
from choreograft.options import DanceOptions, DemoOptions, TrackOptions, TrainOptions
from choreograft.performer.device import Compute, choose_compute, one_thread, use_one_thread
from choreograft.performer.header import is_performer
from choreograft.performer.perceptual import check_weights
from choreograft.performer.performer import Performer, load_performer
from choreograft.performer.staging import to_image
from choreograft.pose.clean import CleaningReport
from choreograft.pose.openpose import write_openpose
from choreograft.pose.openpose_files import JSON_ENDING, hash_keypoints
from choreograft.progress import Progress, side_by_side, silent, warn
from choreograft.render.preview import estimate_target_plate, render_overlay, save_overlay_sheet, write_preview
from choreograft.render.session import choose_size
from choreograft.render.transfer import render_dance
from choreograft.request import SUMMARY, check_dance, check_demo, check_tracking, check_training, dance_folder
from choreograft.retarget.body import BodyStage, describe_absence, describe_legs, retarget_body, to_pose_track
from choreograft.training.state import CHECKPOINT, keep_precision
from choreograft.training.team import Team, alone, check_devices, launch
from choreograft.training.train import TrainingPlan, train_performer
from choreograft.video.sound import Retiming
from choreograft.video.sound_trial import try_sound

CLIPS: Final = Path(__file__).parent / "clips"
"""Of the demo: they travel with the package; `scripts/demo_clips.py` renders them with the studio."""
TARGET, SOURCE = "target.mp4", "source.mp4"
"""A performer who shows her range of motion, and one who dances: another camera, room, size, shape and frame rate."""


@dataclass(frozen=True)
class Dance:
    """What a dance left behind."""

    video: Path
    performer: Path | None
    """None for a preview, which needs none."""
    side_by_side: Path | None
    sheet: Path
    """A contact sheet of source, stick figures and result."""
    summary: Path


def dance(options: DanceOptions, progress: Progress = silent) -> Dance:
    """Write the video in which the person of the target performs the source's motion.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user; nothing is left half-written.
    """
    # refuse first what would be refused after minutes of work
    request = check_dance(options)
    compute = choose_compute(options.device, options.precision, progress)
    if options.preview_retarget:
        return preview_retarget(options, compute, progress)
    _try_sound(options.source, options.output, progress, request.retiming)
    if is_performer(options.target):
        path = options.target
        performer = load_performer(path, compute.device)
        choose_size(performer, options.height)
        clip, report, body = _read_source(options, performer, progress)
    else:
        plan = TrainingPlan(
            (options.target,), options.as_person, request.preset, request.budget, options.seed,
            weights=request.weights, keypoints=(options.as_keypoints,),
        )  # fmt: skip
        check_weights(plan.preset.perceptual, progress, plan.weights)
        compute = keep_precision(compute, plan.folder(options.runs) / CHECKPOINT, plan.key, progress)
        (clip, report, body), footage = _read_both(options, plan, progress)
        if body is not None and footage is not None and plan.preset.trains:
            _retarget(clip, body, BodyStage.measure(footage[1][0]), progress)  # to tell before a training what is wrong
        path = obtain_performer(plan, options.runs, compute, progress, footage=footage)
        performer = load_performer(path, compute.device)
    if options.face == "no":
        performer.face = None

    folder = dance_folder(options.output, options.runs)
    sheet = folder / "sheet.png"
    began = time.monotonic()
    rendering = render_dance(
        performer, clip.path, clip.track, options.output, compute, request.beside, sheet, progress, request.timing,
        body, options.height,
    )  # fmt: skip
    took_s = time.monotonic() - began
    facts = {
        "options": asdict(options),
        "source_sha256": content_hash(options.source),
        "keypoints_sha256": options.keypoints and hash_keypoints(options.keypoints),
        "performer": path,
        "performer_training": performer.card.training,
        "compute": str(compute),
        "versions": list_versions(),
        **asdict(rendering),
        "retarget": "global" if body is None else "body",
        "camera": body and body.camera,
        "render_seconds": round(took_s, 1),
        "cleaning": asdict(report),
    }
    write_json(folder / SUMMARY, facts)
    return Dance(options.output, path, request.beside, sheet, folder / SUMMARY)


def preview_retarget(options: DanceOptions, compute: Compute, progress: Progress = silent) -> Dance:
    """Write the target's body doing the source's motion over the target's background, the source beside it.

    Raises:
        ChoreograftError: as `dance`, which has checked the options.
    """
    performer = load_performer(options.target, compute.device) if is_performer(options.target) else None
    _try_sound(options.source, options.output, progress)
    clip, report = read_clip(options.source, options.person, options.runs, progress, options.keypoints)
    target: tuple[Path, BodyTrack] | None = None
    if performer is not None:
        assert performer.card.stage is not None  # else the request was refused
        stage, plate = performer.card.stage, to_image(performer.plate)
    else:
        filmed, _ = read_clip(options.target, options.as_person, options.runs, progress, options.as_keypoints)
        target = (options.target, read_bodies([filmed], options.as_person, options.runs, progress)[0])
        stage = BodyStage.measure(target[1])
        absent_is_empty = options.as_keypoints is None
        plate = estimate_target_plate(options.target, filmed.track, absent_is_empty=absent_is_empty)
    body = read_bodies([clip], options.person, options.runs, progress)[0]
    result = _retarget(clip, body, stage, progress)
    write_preview(options.source, body, result, plate, options.output, progress)
    folder = dance_folder(options.output, options.runs)
    sheet = folder / "bodies.png"
    save_overlay_sheet(sheet, (options.source, body), target, result, plate)
    summary = folder / "preview.json"
    facts = {"source": body.camera, "target": stage.camera, "shape": stage.shape.as_dict(), "cleaning": asdict(report)}
    write_json(summary, {"options": asdict(options), "versions": list_versions(), **facts})
    return Dance(options.output, None, None, sheet, summary)


def _retarget(clip: Clip, body: BodyTrack, stage: BodyStage, progress: Progress) -> BodyTrack:
    """The target's body doing the source's motion, with a word where most of it would be outside of the picture."""
    result = retarget_body(body, stage)
    warn(progress, describe_absence(to_pose_track(result, body, clip.track)))
    return result


def train(options: TrainOptions, progress: Progress = silent) -> Path:
    """Learn one person from their clips; returns the performer file.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user.
    """
    request = check_training(options)
    compute = choose_compute(options.device, options.precision, progress)
    check_devices(request.processes, compute)
    team, compute = launch(request.processes, compute)
    team.check_shared(options.runs)
    team.lead(lambda: check_weights(request.preset.perceptual, progress, request.weights))
    plan = TrainingPlan(
        options.target, options.person, request.preset, request.budget, options.seed, options.hold_out, request.batch,
        request.weights, options.keypoints,
    )  # fmt: skip
    return obtain_performer(plan, options.runs, compute, progress, options.output, team)


def track(options: TrackOptions, progress: Progress = silent) -> Path:
    """Track one person through a video; returns the track file.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user.
    """
    check_tracking(options)
    if options.overlay is not None:
        _try_sound(options.video, options.overlay, progress)
    clip, _ = read_clip(options.video, options.person, options.runs, progress, options.openpose)
    clip.track.save(options.output)
    if options.write_openpose is not None:
        longest = f"_{0:012d}{JSON_ENDING}"
        write_openpose(clip.track, options.write_openpose, fit_name(options.video.stem, longest).removesuffix(longest))
    if options.overlay is not None:
        render_overlay(clip.path, clip.track, options.overlay, progress)
    return options.output


def _try_sound(source: Path, output: Path, progress: Progress, retiming: Retiming | None = None) -> None:
    """Find out, before any work, whether the source's sound can be carried into the output, and say if it cannot."""
    warn(progress, try_sound(source, output.suffix.lower(), retiming).note)


def _read_source(
    options: DanceOptions, performer: Performer | None, progress: Progress
) -> tuple[Clip, CleaningReport, BodyTrack | None]:
    """The source's clip, and its body where it is asked for and the performer can take it up.

    Args:
        performer: None where it is yet to be made, and will know a body.
    """
    clip, report = read_clip(options.source, options.person, options.runs, progress, options.keypoints)
    if options.retarget == "global":
        return clip, report, None
    if performer is not None and performer.card.stage is None:
        progress.say(f"{performer.card.name}: this performer file knows no body, so the motion is carried over as with "
                     "--retarget global; train it again to gain from the body")  # fmt: skip
        return clip, report, None
    body = read_bodies([clip], options.person, options.runs, progress)[0]
    warn(progress, describe_legs(clip.path.name, body))
    return clip, report, body


FittedClips = tuple[list[Clip], list[BodyTrack]]
"""Clips of one person, and the bodies fitted to what is shown of them."""


def _read_both(
    options: DanceOptions, plan: TrainingPlan, progress: Progress
) -> tuple[tuple[Clip, CleaningReport, BodyTrack | None], FittedClips | None]:
    """The source, and what the performer is to be made from; None where it is there already or both are one video."""
    read_source = partial(_read_source, options, None)
    if plan.performer_path(options.runs).exists() or content_hash(options.source) in plan.clips.values():
        return read_source(progress), None

    def read_footage(told: Progress) -> FittedClips:
        use_one_thread()
        return _read_footage(plan, options.runs, told)

    with one_thread():  # each of the two has a processor of its own
        return side_by_side(read_source, read_footage, progress)


def _read_footage(plan: TrainingPlan, runs: Path, progress: Progress) -> FittedClips:
    clips = read_clips(plan.videos, plan.keypoints, plan.person, runs, progress)
    shown = [clip.shown(plan.hold_out) for clip in clips]
    choose_all_frames(shown)  # too little to learn from is refused before bodies are fitted to it
    return clips, read_bodies(shown, plan.person, runs, progress)


def obtain_performer(
    plan: TrainingPlan,
    runs: Path,
    compute: Compute,
    progress: Progress = silent,
    output: Path | None = None,
    team: Team = alone,
    footage: FittedClips | None = None,
) -> Path:
    """The performer of a plan: found finished in the runs folder, or trained (on from the last checkpoint).

    Args:
        footage: what it is made from, where that is read already.
    """
    finished = plan.performer_path(runs)
    if output is None and finished.exists():
        progress.say(f"Using the performer trained earlier: {finished} (remove it to train again)")
        return finished
    clips, bodies = footage or team.lead(lambda: _read_footage(plan, runs, progress))
    path = train_performer(plan, clips, runs, compute, output, progress, bodies=bodies, team=team)
    left = f" (previews and losses in {plan.folder(runs)})" if plan.preset.trains else ""
    progress.say(f"Performer: {path}{left}")
    warn(progress, plan.substitute)
    return path


def demo(options: DemoOptions, progress: Progress = silent) -> Path:
    """The whole job with no video of one's own: of two synthetic performers one learns the other's dance.

    Their clips are laid beside the result; that of an earlier demo is replaced.

    Returns:
        The finished video; clips, performer, contact sheet and the side-by-side video lie beside it.
    Raises:
        As `check_demo`.
    """
    check_demo(options)
    folder = options.output.parent
    clips = folder / "clips"
    for name in (TARGET, SOURCE):
        with atomic_path(clips / name) as temporary:
            copyfile(CLIPS / name, temporary)
    done = dance(
        DanceOptions(
            source=clips / SOURCE, target=clips / TARGET, output=options.output, side_by_side=True,
            minutes=options.minutes, runs=folder / "runs", device=options.device, precision=options.precision,
            overwrite=True,
        ),
        progress,
    )  # fmt: skip
    progress.say(f"Look at {done.side_by_side}: the source, its stick figure, and the target dancing the same dance")
    return done.video
