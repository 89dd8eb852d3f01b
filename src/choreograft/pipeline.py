"""The verbs as functions: what the command line, Python and the demo call.

Each checks what it can before it works for minutes, says what it found, and leaves its results where it says.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from choreograft.config import (
    Budget,
    CleaningConfig,
    DanceOptions,
    TrackingConfig,
    TrackOptions,
    TrainOptions,
    find_preset,
)
from choreograft.errors import OptionError
from choreograft.files import content_hash, write_json
from choreograft.performer.device import Compute, choose_compute
from choreograft.performer.perceptual import fetch_weights
from choreograft.performer.performer import Performer
from choreograft.performer.store import SUFFIX, is_performer, load_performer
from choreograft.pose.clean import CleaningReport, clean_track
from choreograft.pose.tracking import load_or_track
from choreograft.progress import Progress, silent
from choreograft.render.overlay import render_overlay
from choreograft.render.timing import TimingRequest
from choreograft.render.transfer import render_dance
from choreograft.training.holdout import check_hold_out
from choreograft.training.recording import Clip
from choreograft.training.train import TrainingPlan, list_versions, train_performer
from choreograft.video.read import measure_length, probe
from choreograft.video.write import check_output


@dataclass(frozen=True)
class Dance:
    """What a dance left behind."""

    video: Path
    performer: Path
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
    preset, compute = find_preset(options.preset), choose_compute(options.device)
    budget = Budget.choose(preset, options.minutes, options.images)
    timing = TimingRequest.parse(options.duration, options.fps)
    beside = options.output.with_suffix(f".side_by_side{options.output.suffix}") if options.side_by_side else None
    for path in (options.output, beside):
        if path is not None:
            check_output(path, [options.source, options.target], options.overwrite)
    probe(options.source)
    timing.find_tempo(measure_length(options.source))
    plan, performer = None, None
    if is_performer(options.target):
        performer = load_performer(options.target, compute.device)
    else:
        probe(options.target)
        plan = TrainingPlan((options.target,), options.as_person, preset, budget, options.seed)
        fetch_weights(preset.perceptual, progress)

    clip, report = read_clip(options.source, options.person, options.runs, progress)
    performer_path = options.target
    if plan is not None:
        performer_path = obtain_performer(plan, options.runs, compute, progress)
        performer = load_performer(performer_path, compute.device)
    assert performer is not None

    folder = options.runs / f"dance-{options.output.stem}"
    sheet = folder / "sheet.png"
    began = time.monotonic()
    rendering = render_dance(
        performer, clip.path, clip.track, options.output, compute, beside, sheet, progress, request=timing
    )
    facts = {**asdict(rendering), "render_seconds": round(time.monotonic() - began, 1), "cleaning": asdict(report)}
    summary = _summarise_dance(folder, options, performer, performer_path, compute, facts)
    return Dance(options.output, performer_path, beside, sheet, summary)


def train(options: TrainOptions, progress: Progress = silent) -> Path:
    """Learn one person from their clips; returns the performer file.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user.
    """
    preset, compute = find_preset(options.preset), choose_compute(options.device)
    budget = Budget.choose(preset, options.minutes, options.images)
    check_hold_out(options.hold_out)
    if options.output is not None:
        if not is_performer(options.output):
            raise OptionError(f"{options.output}: expected a name that ends in {SUFFIX}")
        check_output(options.output, list(options.target), options.overwrite, suffixes=(SUFFIX,))
    for video in options.target:
        probe(video)
    fetch_weights(preset.perceptual, progress)
    plan = TrainingPlan(options.target, options.person, preset, budget, options.seed, options.hold_out)
    return obtain_performer(plan, options.runs, compute, progress, options.output)


def track(options: TrackOptions, progress: Progress = silent) -> Path:
    """Track one person through a video; returns the track file.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user.
    """
    check_output(options.output, [options.video], options.overwrite, suffixes=(".npz",))
    if options.overlay is not None:
        check_output(options.overlay, [options.video, options.output], options.overwrite)
    clip, _ = read_clip(options.video, options.person, options.runs, progress)
    clip.track.save(options.output)
    if options.overlay is not None:
        render_overlay(clip.path, clip.track, options.overlay, progress)
    return options.output


def read_clip(video: Path, person: int, runs: Path, progress: Progress = silent) -> tuple[Clip, CleaningReport]:
    """A video with its cleaned track; the raw track is cached in the runs folder, so no video is tracked twice."""
    raw = load_or_track(video, runs / "tracks", TrackingConfig(), person, progress)
    cleaned, report = clean_track(raw, CleaningConfig())
    progress.say(f"{video.name}: {report.sentence()}")
    return Clip(video, cleaned), report


def obtain_performer(
    plan: TrainingPlan, runs: Path, compute: Compute, progress: Progress = silent, output: Path | None = None
) -> Path:
    """The performer of a plan: found finished in the runs folder, or trained (on from the last checkpoint)."""
    finished = plan.performer_path(runs)
    if output is None and finished.exists():
        progress.say(f"Using the performer trained earlier: {finished} (remove it to train again)")
        return finished
    progress.say(f"Training {plan.name} for {plan.budget} with preset {plan.preset.name} on {compute}")
    clips = [read_clip(video, plan.person, runs, progress)[0] for video in plan.videos]
    path = train_performer(plan, clips, runs, compute, output, progress)
    progress.say(f"Performer: {path} (previews and losses in {plan.folder(runs)})")
    return path


def _summarise_dance(
    folder: Path, options: DanceOptions, performer: Performer, path: Path, compute: Compute, facts: dict[str, Any]
) -> Path:
    summary = folder / "summary.json"
    content = {
        "options": asdict(options),
        "source_sha256": content_hash(options.source),
        "performer": path,
        "performer_training": performer.card.training,
        "compute": str(compute),
        "versions": list_versions(),
        **facts,
    }
    write_json(summary, content)
    return summary
