"""How fast the parts are, measured side by side in one process: in turns, so that a busy machine slows all alike.

    python benchmarks/speed.py

Prints rows for docs/benchmarks.md. `benchmarks/run.py` calls it after measuring quality.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import torch
import tyro

from choreograft.body.fit import fit_bodies
from choreograft.config import StageName
from choreograft.evaluate.metrics.judge import judge_against_truth, load_tools
from choreograft.evaluate.roster import TRAINED, adapt_preset
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute, choose_compute
from choreograft.performer.perceptual import load_perceptual
from choreograft.performer.performer import Performer, PerformerCard
from choreograft.performer.references import ReferenceBank
from choreograft.performer.staging import GUIDE_CHANNELS, Conditioning
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import Tracker, TrackingConfig
from choreograft.presets import Budget, Preset
from choreograft.render.session import render_frames
from choreograft.retarget.body import Motion
from choreograft.retarget.normalise import Stance, Torso
from choreograft.studio.render import TARGET_TAKE, render_clip
from choreograft.training.lessons import Lessons, TrainingFrame
from choreograft.training.loop import descend
from choreograft.training.recording import prepare_recording
from choreograft.training.state import Journal
from choreograft.training.step import PerformerTraining, add_pair_gradients
from choreograft.video.size import Size

CLIP_SIZE, SIZE = Size(360, 480), Size(192, 256)
"""Of the clip that is filmed and tracked, and of the frames that are trained on, drawn and judged."""
CLIP_FRAMES = 24


@dataclass(frozen=True)
class Options:
    """How much to measure."""

    rounds: int = 3
    """Each part is timed once a round; the median counts."""
    methods: tuple[str, ...] = ("draft", "paper-small", "paper")
    """Whose training and drawing are timed."""


Job = tuple[str, int, Callable[[], object]]
"""What it is called, how many frames or images one call handles, and the call."""


def measure_speed(rounds: int, methods: Sequence[str]) -> str:
    """Markdown tables: images trained, frames drawn, and frames of everything else, a second, with their ratios."""
    compute = choose_compute()
    with tempfile.TemporaryDirectory() as folder:
        clip = _film(Path(folder))
        presets = [adapt_preset(TRAINED[name], SIZE.height) for name in methods]
        motion, bank = _pose(clip, Path(folder))
        performers = {preset.name: _performer(preset, bank) for preset in presets}
        training = [job for performer in performers.values() for job in _steps(performer)]
        drawing = [
            (f"drawing, {name}", CLIP_FRAMES, _drawer(performer.eval(), motion, compute))
            for name, performer in performers.items()
        ]
        tools = load_tools(compute)
        others: list[Job] = [
            ("tracking", CLIP_FRAMES, Tracker(clip.path, TrackingConfig()).track),
            ("judging", CLIP_FRAMES, lambda: judge_against_truth(clip, clip, tools)),
            ("studio", CLIP_FRAMES, lambda: _film(Path(folder) / "again")),
        ]
        return "\n".join(_table(_take_turns(jobs, rounds)) for jobs in (training, drawing, others))


def _take_turns(jobs: list[Job], rounds: int) -> Mapping[str, float]:
    """Median frames a second of each job; every job is called once before the clock starts."""
    spent: dict[str, list[float]] = {name: [] for name, _, _ in jobs}
    for turn in range(rounds + 1):
        for name, frames, call in jobs:
            began = time.perf_counter()
            call()
            if turn:
                spent[name].append((time.perf_counter() - began) / frames)
    return {name: 1 / statistics.median(seconds) for name, seconds in spent.items()}


def _table(rates: Mapping[str, float]) -> str:
    slowest = min(rates.values())
    rows = [f"| {name} | {rate:.1f} | {rate / slowest:.1f} |" for name, rate in rates.items()]
    return "\n".join(["| | a second | times the slowest |", "|---|--:|--:|", *rows, ""])


def _film(folder: Path) -> Clip:
    """A second of a studio performer, rendered anew, with its true track."""
    camera = replace(TARGET_TAKE.camera, size=CLIP_SIZE)
    take = replace(TARGET_TAKE, routine="dance", seconds=1.0, rate=Fraction(CLIP_FRAMES), camera=camera)
    path = folder / "clip.mp4"
    path.with_suffix(".json").unlink(missing_ok=True)  # the receipt by which a clip counts as rendered
    clip = render_clip(take, path)
    return Clip(clip.video, PoseTrack.load(clip.track))


def _pose(clip: Clip, folder: Path) -> tuple[Motion, ReferenceBank]:
    """The clip's own motion on the canvas, and its frames to draw from."""
    body = fit_bodies([clip.track], exact=True)[0]
    placed = body.on_canvas(SIZE)
    recording = prepare_recording(folder / "recording", [clip], SIZE)
    shown = placed.select(recording.kept[0])
    bank, _ = ReferenceBank.choose(recording.frames, recording.masks, [shown], recording.faces)
    return Motion(clip.track.on_canvas(SIZE), placed), bank


def _performer(preset: Preset, bank: ReferenceBank) -> Performer:
    card = PerformerCard(
        "speed", preset, SIZE, Stance(SIZE, None, Torso(SIZE.height / 4, SIZE.width / 2, SIZE.height / 2))
    )
    return Performer(card, torch.zeros(3, SIZE.height, SIZE.width), bank)


def _steps(performer: Performer) -> list[Job]:
    """A step of each stage in which the generator is trained."""
    preset = performer.card.preset
    stages = [stage.name for stage in preset.without_face().stages]
    names = [f"training, {preset.name}" + f", stage {stage}" * preset.enhances for stage in stages]
    return [(name, 2, _step(performer, stage)) for name, stage in zip(names, stages, strict=True)]


def _step(performer: Performer, stage: StageName) -> Callable[[], object]:
    preset = performer.card.preset
    nothing = Lessons(SimpleNamespace(pairs=None), performer.staging)
    training = PerformerTraining(
        compute=choose_compute(), seed=0, budget=Budget(images=2), journal=Journal(Path()), key="",
        performer=performer, lessons=nothing, perceptual=load_perceptual(preset.perceptual),
    )  # fmt: skip
    training.enter(stage)
    shape = (1, 3, SIZE.height, SIZE.width)

    def frame() -> TrainingFrame:
        stick, plate, real = (torch.rand(shape) * 2 - 1 for _ in range(3))
        guide = torch.rand(1, GUIDE_CHANNELS, *shape[2:]) if performer.staging.guided else None
        whole = TrainingFrame(Conditioning(stick, plate, guide), real, torch.rand(1, 1, *shape[2:]))
        given = whole.halve() if preset.halves(stage) else whole
        return given.to(training.compute.device)

    pair = (frame(), frame())

    def step() -> None:
        add_pair_gradients(training, pair)
        descend(training, preset.optimiser.learning_rate)

    return step


def _drawer(performer: Performer, motion: Motion, compute: Compute) -> Callable[[], object]:
    return lambda: list(render_frames(performer, motion, compute))


def main(options: Options) -> None:
    """Print the tables."""
    print(measure_speed(options.rounds, options.methods))


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
