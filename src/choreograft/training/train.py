"""From a person's clips to a performer file: setup (what is to be done, and where), main (build, fit, save)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import numpy as np
import torch
from filelock import FileLock, Timeout

from choreograft.body.body_track import BodyTrack
from choreograft.errors import BusyError, OptionError
from choreograft.files import check_writable, content_hash, fit_name, remove_partial, text_hash, write_json
from choreograft.footage.clip import Clip
from choreograft.machine import DEFAULT_BATCH, list_versions, return_memory
from choreograft.options import DEFAULT_HOLD_OUT
from choreograft.performer.cutouts import Cutouts
from choreograft.performer.device import Compute
from choreograft.performer.header import SUFFIX, canvas_size
from choreograft.performer.perceptual import load_perceptual
from choreograft.performer.performer import Performer, PerformerCard, save_performer
from choreograft.performer.references import ReferenceBank
from choreograft.performer.staging import to_tensor
from choreograft.pose.openpose_files import hash_keypoints
from choreograft.presets import PERCEPTUAL_NAMES, PRESETS, Budget, Preset
from choreograft.progress import Progress, silent
from choreograft.retarget.body import BodyStage
from choreograft.retarget.normalise import Stance
from choreograft.training.lessons import Guides, Lessons, shows_faces
from choreograft.training.loop import fit
from choreograft.training.recording import Recording, cut_references, place_bodies, prepare_recording
from choreograft.training.state import CHECKPOINT, Journal, JournalConfig, keep_precision
from choreograft.training.step import PerformerTraining
from choreograft.training.swaying import measure_sway
from choreograft.training.team import Team, alone

DRAWING_RECIPE: Final = 10
"""Raise when what references are kept as, or how people are drawn from them, changes: runs before are other runs."""


@dataclass(frozen=True)
class TrainingPlan:
    """What a performer is made from. Equal plans share a run folder, so they resume or reuse each other's work."""

    videos: tuple[Path, ...]
    """Clips of one person; the first sets the stage: its background, and where and how large the person stands."""
    person: int
    """Which of the people in them, 1 = who fills most of the frame."""
    preset: Preset
    budget: Budget
    seed: int
    hold_out: float = DEFAULT_HOLD_OUT
    """Share of every clip, at its end, that is not trained on (footage/split.py)."""
    batch: int = DEFAULT_BATCH
    """Pairs of frames a step, over all processes."""
    weights: Path | None = None
    """The user's own file for the perceptual network; None for the published one."""
    keypoints: tuple[Path | None, ...] = ()
    """Of each video, where another program found the joints; empty where none has any."""

    @property
    def name(self) -> str:
        """What the performer is called: as the first video."""
        return self.videos[0].absolute().stem  # "." has none

    @cached_property
    def clips(self) -> dict[str, str]:
        """SHA-256 of each video, by path."""
        return {str(path): content_hash(path) for path in self.videos}

    @cached_property
    def key(self) -> str:
        """Names this plan: changes with the footage and with every option."""
        mends_faces, enhances = self.preset.mends_faces, self.preset.enhances
        left_out = {
            "images": True,  # it is the budget's
            "temporal": self.preset.temporal,  # runs from before there was a choice keep their name
            "face": not mends_faces,  # as do those from before there were faces
            "enhancer": not enhances,  # or enhancers
            "stages": not (mends_faces or enhances),
        }
        preset = {name: value for name, value in asdict(self.preset).items() if not left_out.get(name)}
        added = {
            "drawing": self.preset.refers and DRAWING_RECIPE,
            "hold_out": self.hold_out,
            "batch": self.batch != DEFAULT_BATCH and self.batch,
            "weights": self.weights and content_hash(self.weights),
            "keypoints": any(self.keypoints) and [place and hash_keypoints(place) for place in self.keypoints],
        }
        options = [list(self.clips.values()), self.person, preset, asdict(self.budget), self.seed]
        return text_hash([*options, *({name: value} for name, value in added.items() if value)])

    @property
    def substitute(self) -> str | None:
        """A sentence where the perceptual loss is not that of the preset of this name."""
        published = PRESETS.get(self.preset.name, self.preset).perceptual
        used = self.preset.perceptual
        if used == published:
            return None
        return (
            f"preset {self.preset.name} was trained with {PERCEPTUAL_NAMES[used]} in its perceptual loss instead of"
            f" {PERCEPTUAL_NAMES[published]}; results are not those of the preset as it stands"
        )

    def folder(self, runs: Path) -> Path:
        """The run folder."""
        return runs / fit_name(self.name, f"-{self.key}")

    def performer_path(self, runs: Path) -> Path:
        """Where the finished performer lies unless the user names another place."""
        return self.folder(runs) / fit_name(self.name, SUFFIX)


def train_performer(
    plan: TrainingPlan,
    clips: Sequence[Clip],
    runs: Path,
    compute: Compute,
    output: Path | None = None,
    progress: Progress = silent,
    journal_config: JournalConfig = JournalConfig(),  # noqa: B008 - frozen
    bodies: Sequence[BodyTrack] | None = None,
    team: Team = alone,
) -> Path:
    """Train the performer of a plan, or go on with it where an earlier run of the same plan stopped.

    Args:
        clips: the plan's videos with their cleaned tracks, whole: what is held out is left out here.
        compute: of this process; the precision of the checkpoint counts where this one is not stated.
        output: the performer file to write; in the run folder where None.
        bodies: fitted to what each clip shows to training, in its pixels; the first one's stage is kept for
            retargeting, and presets that draw from references need them.
        team: the processes that train it together, each of which calls this; the main one writes.
    Returns:
        The performer file.
    Raises:
        PersonError: too little of the person is seen. BusyError: another process trains the same plan.
        OptionError: the plan was begun in another precision than the one stated.
        AssetError: the perceptual network's weights are not to be had. OutputError: a folder cannot be written.
    """
    folder, output = plan.folder(runs), output or plan.performer_path(runs)
    check_writable(output)
    check_writable(folder / "options.json")
    return_memory()  # of looking for people
    with hold_folder(folder) if team.is_main else nullcontext():
        compute = team.lead(partial(keep_precision, compute, folder / CHECKPOINT, plan.key, progress))
        where = team.describe(compute)
        if team.is_main:
            remove_partial(folder)
            facts = {"compute": where, "versions": list_versions()}
            write_json(folder / "options.json", describe_plan(plan) | facts)
        if plan.preset.trains:
            progress.say(f"Training {plan.name} for {plan.budget} with preset {plan.preset.name} on {where}")
        performer = _make(plan, clips, bodies, Journal(folder, journal_config), compute, progress, team)
        if team.is_main:
            _finish(performer, plan, folder, output, where)
    return output


def _make(
    plan: TrainingPlan, clips: Sequence[Clip], bodies: Sequence[BodyTrack] | None, journal: Journal, compute: Compute,
    progress: Progress, team: Team,
) -> Performer:  # fmt: skip
    """The performer of a plan, trained where its preset trains, in a folder that is held.

    Once this returns nothing holds on to the recording: Windows removes no file that is mapped into memory.
    """
    perceptual = load_perceptual(plan.preset.perceptual, progress, plan.weights)
    performer, recording, placed = _prepare(plan, clips, journal.folder / "recording", bodies, progress, team)
    if not plan.preset.trains:
        return performer
    training = PerformerTraining(
        compute=compute, seed=plan.seed, budget=plan.budget, journal=journal, key=plan.key, batch=plan.batch, team=team,
        performer=performer, perceptual=perceptual,
        lessons=plan_lessons(performer, recording, placed, plan.seed),
    )  # fmt: skip
    fit(training, progress)
    if team.is_main:
        journal.plot_losses()
    performer.card.training.update(training.facts, **journal.latest)
    return performer


def _prepare(
    plan: TrainingPlan, clips: Sequence[Clip], folder: Path, bodies: Sequence[BodyTrack] | None, progress: Progress,
    team: Team,
) -> tuple[Performer, Recording, Sequence[BodyTrack]]:  # fmt: skip
    """The untrained performer, what it learns from, stored in a folder, and its bodies where the preset draws from it.

    Raises:
        OptionError: the preset needs bodies and there are none.
    """
    if plan.preset.refers and bodies is None:
        raise OptionError(f"preset {plan.preset.name} draws from fitted bodies, and none were given; train another")
    size = canvas_size(plan.preset, clips[0].track.size)
    shown = [clip.shown(plan.hold_out) for clip in clips]
    fitted = bodies if plan.preset.refers else None
    recording = team.lead(lambda: prepare_recording(folder, shown, size, progress, fitted))
    stage = None if bodies is None else BodyStage.measure(bodies[0].on_canvas(size))
    placed = [] if fitted is None else place_bodies(fitted, recording.kept, size)
    bank, cutouts = None, None
    if placed:
        bank, chosen = ReferenceBank.choose(recording.frames, recording.masks, placed, recording.faces)
        if recording.has_background:
            cutouts = cut_references(recording, shown, chosen, progress)
            return_memory()
            bank = bank.refined(cutouts)
        if plan.preset.draws_bodies:
            bank = measure_sway(bank, progress)
    performer = build_performer(plan, recording, stage, bank, cutouts)
    if plan.preset.mends_faces and not performer.card.preset.mends_faces:
        progress.say(f"{plan.name}: the face is hardly ever seen, so there is no stage for it")
    return performer, recording, placed


def _finish(performer: Performer, plan: TrainingPlan, folder: Path, output: Path, compute: str) -> None:
    """Save a performer and say how it was made; recording and checkpoint have served."""
    training = performer.card.training
    training.update(compute=compute, versions=list_versions())
    save_performer(performer, output)
    write_json(folder / "summary.json", {**describe_plan(plan), **training, "output": output})
    rmtree(folder / "recording")
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return_memory()


def build_performer(
    plan: TrainingPlan, recording: Recording, stage: BodyStage | None = None, bank: ReferenceBank | None = None,
    cutouts: Cutouts | None = None,
) -> Performer:  # fmt: skip
    """An untrained performer: stance and plate of the first clip, weights drawn from the plan's seed.

    Its preset is the plan's as far as the recording allows: see `Background` for cameras that were lost, and nothing is
    there for faces where none is seen.
    """
    stance = Stance.measure(recording.tracks[0])
    height, width = recording.plates.shape[1:3]
    rates = [str(track.rate) for track in recording.tracks]
    facts: dict[str, Any] = {"clips": plan.clips, "rates": rates}
    facts |= {name: getattr(plan, name) for name in ("person", "hold_out", "seed", "batch")}
    if any(plan.keypoints):
        facts["keypoints"] = describe_keypoints(plan)
    if plan.substitute is not None:
        facts["substitute"] = plan.substitute
    preset = plan.preset
    if preset.background == "warp" and not recording.has_background:
        preset = replace(preset, background="frame_around_warp")
    if preset.mends_faces and not shows_faces(recording, stance, preset):
        preset = preset.without_face()
    card = PerformerCard(plan.name, preset, recording.tracks[0].size, stance, facts, stage)
    assert (width, height) == tuple(card.size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return Performer(card, to_tensor(recording.plates[0]), bank, cutouts)


def plan_lessons(
    performer: Performer, recording: Recording, bodies: Sequence[BodyTrack] = (), seed: int = 0
) -> Lessons:
    """What the training loop reads its frames from.

    Args:
        bodies: of the recording's frames, on the canvas, where the performer's staging is guided.
    """
    if not performer.staging.guided:
        return Lessons(recording, performer.staging)
    assert performer.bank is not None
    guides = Guides(performer.bank, bodies, recording.faces, seed)
    places = np.concatenate([body.camera.project(body.points) for body in bodies])
    return Lessons(recording, performer.staging, guides, lambda n: performer.region_around(places[n : n + 2]))


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder; the system lets go of it if this process is killed.

    Raises:
        BusyError: another process holds it.
    """
    try:
        held = FileLock(folder / ".lock", timeout=0).acquire()
    except Timeout as error:
        raise BusyError(f"{folder}: another process is training this performer; wait for it or stop it") from error
    with held:
        yield


def describe_plan(plan: TrainingPlan) -> dict[str, Any]:
    """The resolved options of a plan, for options.json and summary.json."""
    return {
        "clips": plan.clips,
        "person": plan.person,
        "preset": asdict(plan.preset),
        "perceptual_weights": plan.weights,
        "budget": str(plan.budget),
        "seed": plan.seed,
        "hold_out": plan.hold_out,
        "batch": plan.batch,
        "keypoints": describe_keypoints(plan),
    }


def describe_keypoints(plan: TrainingPlan) -> dict[str, tuple[str, str]]:
    """Place and SHA-256 of keypoints by the path of their video, of the videos that have some."""
    given = zip(plan.videos, plan.keypoints, strict=False)
    return {str(video): (str(place), hash_keypoints(place)) for video, place in given if place is not None}
