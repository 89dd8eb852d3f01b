"""The methods that can be compared, behind one seam (method.py).

Whoever adds a renderer adds a plan here, and it has its row in every table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.assets import VGG19, cached
from choreograft.config import DiscriminatorConfig, GeneratorConfig, LossConfig, NormalisationConfig, TranslationConfig
from choreograft.errors import OptionError
from choreograft.evaluate.method import Footage, Method, MethodPlan, Terms
from choreograft.evaluate.scores import TRUTH
from choreograft.evaluate.translate.method import TranslatedMethod
from choreograft.files import content_hash, fit_name, text_hash
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer
from choreograft.performer.store import load_performer
from choreograft.pipeline import read_shown_bodies
from choreograft.presets import CANVAS_STEP, PERCEPTUAL_NAMES, PRESETS, Preset
from choreograft.progress import Progress
from choreograft.render.nearest import NearestFrames
from choreograft.render.session import choose_size, render_frames
from choreograft.retarget.body import BodyStage
from choreograft.retarget.carry import Motion, Standing
from choreograft.retarget.stance import Stance
from choreograft.training.recording import Clip, prepare_recording
from choreograft.training.train import TrainingPlan, hold_folder, train_performer
from choreograft.video.size import Size

NEAREST: Final = "nearest"
AT: Final = "@"
"""Between a method's name and the height of its results, px: `draft@256` makes the decisions that `draft` makes and
draws them at the canvas's size."""
PAPER_SMALL: Final = replace(
    PRESETS["paper"].without_face().without_enhancer(),
    name="paper-small",
    description="the paper's method with networks of a CPU's size: what a CPU can train in minutes",
    generator=GeneratorConfig(base_channels=32, downsamplings=3, residual_blocks=6),
    discriminator=PRESETS["draft"].discriminator,
)
"""The paper's whole frames, losses and temporal smoothing; in a comparison of minutes its own networks, twenty times
larger, see too few images to say anything about the method. One generator draws the whole height: frames of a CPU's
size are no taller than the paper's coarse ones, so there is nothing that an enhancer would have to add."""
PAPER_SMALL_FACE: Final = replace(
    PAPER_SMALL.with_face(),
    name="paper-small-face",
    description="paper-small and the face GAN: the last row of the paper's ablation",
    face=replace(
        PRESETS["paper"].face,
        generator=replace(PRESETS["paper"].face.generator, base_channels=16),
        discriminator=PRESETS["draft"].face.discriminator,
    ),
)
DRAFT_FACE: Final = replace(
    PRESETS["draft"].with_face(),
    name="draft-face",
    description="draft with a network for faces, in the last fifth of its time",
)
FRAME_BY_FRAME: Final = replace(
    PAPER_SMALL,
    name="frame-by-frame",
    description="paper-small without temporal smoothing: the paper's ablation FBF",
    temporal=False,
)
PIX2PIX: Final = replace(
    FRAME_BY_FRAME,
    name="pix2pix",
    description="Isola et al. 2017: a U-Net, one 70x70 discriminator, L1 with weight 100",
    perceptual="none",
    generator=GeneratorConfig("unet", base_channels=64, downsamplings=5, residual_blocks=0),
    discriminator=DiscriminatorConfig(scales=1, base_channels=PAPER_SMALL.discriminator.base_channels),
    losses=LossConfig(feature_matching=0.0, perceptual=0.0, pixel=100.0),
)
"""The published eight halvings, which end in one pixel of 256x256, have three times the weights."""
CRN: Final = replace(
    FRAME_BY_FRAME,
    name="crn",
    description="Chen & Koltun 2017: a cascaded refinement network, trained with a feature loss alone",
    generator=GeneratorConfig("crn", base_channels=32, downsamplings=5, residual_blocks=0),
    losses=LossConfig(adversarial=0.0, feature_matching=0.0, perceptual=10.0, pixel=10.0),
)
"""The L1 of the pixels is that of the features' level 0, the picture itself."""
TRAINED: Final[Mapping[str, Preset]] = {
    **{name: preset for name, preset in PRESETS.items() if name != NEAREST},
    **{preset.name: preset for preset in (PAPER_SMALL, PAPER_SMALL_FACE, FRAME_BY_FRAME, PIX2PIX, CRN, DRAFT_FACE)},
}
"""Those that are made like a performer; `NearestMethod` has all frames to choose from, not a bank of them."""
CYCLEGAN: Final = TranslationConfig(cycle=10.0)
"""Zhu et al. 2017: what is translated there and back is as it was."""
RECYCLE_GAN: Final = TranslationConfig(recurrent=10.0, recycle=10.0, history=0)
"""Bansal et al. 2018: the frame that follows two translated ones, predicted and translated back, is the true one."""
TRANSLATIONS: Final[Mapping[str, TranslationConfig]] = {"cyclegan": CYCLEGAN, "recycle-gan": RECYCLE_GAN}
"""Those that draw from a source's frames instead of its poses."""
METHOD_NAMES: Final = (NEAREST, *TRAINED, *TRANSLATIONS)
METHOD_SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "ablation": (FRAME_BY_FRAME.name, PAPER_SMALL.name, PAPER_SMALL_FACE.name),
    "baselines": (NEAREST, PIX2PIX.name, CRN.name),
}
"""ablation: the paper's rows, frame by frame, + temporal smoothing, + face GAN; baselines: others' ways to do it."""


@dataclass(frozen=True)
class TrainedMethod:
    """A preset, trained on the footage."""

    preset: Preset
    footage: Footage
    terms: Terms
    height_px: int | None = None
    """Of its results; the target's own where None."""

    @property
    def name(self) -> str:
        """The preset's, and the height where one was asked for."""
        return self.preset.name if self.height_px is None else f"{self.preset.name}{AT}{self.height_px}"

    @property
    def _plan(self) -> TrainingPlan:
        videos = tuple(clip.path for clip in self.footage.clips)
        return TrainingPlan(
            videos, self.footage.person, self.preset, self.terms.budget, self.terms.seed, self.footage.hold_out
        )

    @property
    def identity(self) -> str:
        """See MethodPlan."""
        return self._plan.key if self.height_px is None else f"{self._plan.key}{AT}{self.height_px}"

    def build(self, progress: Progress) -> Method:
        """See MethodPlan."""
        plan = self._plan
        path = plan.performer_path(self.terms.runs)
        if not path.exists():
            clips, runs = self.footage.clips, self.terms.runs
            bodies = read_shown_bodies(clips, self.footage.person, plan.hold_out, runs, progress)
            train_performer(plan, clips, runs, self.terms.compute, progress=progress, bodies=bodies)
        performer = load_performer(path, self.terms.compute.device)
        return _as_method(performer, self.terms.compute, self.height_px)


@dataclass(frozen=True)
class GivenMethod:
    """A performer file."""

    path: Path
    compute: Compute

    @property
    def name(self) -> str:
        """The file's, without its suffix unless that is a method's name or the truth's."""
        return self.path.name if self.path.stem in (*METHOD_NAMES, TRUTH) else self.path.stem

    @property
    def identity(self) -> str:
        """See MethodPlan."""
        return content_hash(self.path, 16)

    def build(self, progress: Progress) -> Method:  # noqa: ARG002
        """See MethodPlan."""
        return _as_method(load_performer(self.path, self.compute.device), self.compute)


@dataclass(frozen=True)
class NearestMethod:
    """Retrieval of the target's own frames (render/nearest.py)."""

    footage: Footage
    terms: Terms
    name: str = NEAREST

    @property
    def identity(self) -> str:
        """See MethodPlan."""
        return text_hash([self.name, self.footage.key, self._size])

    @property
    def _size(self) -> Size:
        return self.footage.canvas(self.terms.height_px)

    def build(self, progress: Progress) -> Method:
        """See MethodPlan."""
        folder = self.terms.runs / fit_name(self.footage.clips[0].path.stem, f"-{self.identity}")
        folder.mkdir(parents=True, exist_ok=True)
        with hold_folder(folder):
            recording = prepare_recording(folder / "recording", self.footage.shown(), self._size, progress)
        footage = self.footage
        shown = read_shown_bodies(footage.clips, footage.person, footage.hold_out, self.terms.runs, progress)
        stance = Stance.measure(recording.tracks[0], NormalisationConfig())
        standing = Standing(stance, BodyStage.measure(shown[0].on_canvas(self._size)))
        nearest = NearestFrames.of_tracks(recording.frames, recording.tracks, recording.plates[0])
        return Method(
            self._size,
            standing,
            lambda motion: nearest.draw(motion.track),
            {"frames to choose from": len(recording.frames)},
        )


def list_methods(text: str) -> tuple[str, ...]:
    """The names in what the user listed with commas, each once, with sets spelled out; any words may be among them."""
    words = (word.strip() for word in text.split(","))
    names = (name for word in words if word for name in METHOD_SETS.get(word, (word,)))
    return tuple(dict.fromkeys(names))


def check_methods(names: Sequence[str], height_px: int) -> None:
    """Refuse names that no method has, and a height that one of the methods cannot draw.

    Raises:
        OptionError: one of them, or no name at all.
    """
    unknown = [name for name in names if name not in METHOD_NAMES and not (_height_of(name) and _base(name) in TRAINED)]
    if unknown or not names:
        found = ", ".join(map(repr, unknown)) or "nothing"
        known = (
            f"some of {', '.join(METHOD_NAMES)}, draft{AT}256 and the like for results of a height, or the sets"
            f" {', '.join(METHOD_SETS)}"
        )
        raise OptionError(f"--compare: found {found}; expected {known}, with commas between")
    for name in names:
        step = _height_step(name)
        if height_px % step:
            nearest = max(1, round(height_px / step)) * step
            raise OptionError(
                f"{name} draws heights that divide by {step}, found {height_px} px; try --height {nearest}"
            )


def plan_method(name: str, footage: Footage, terms: Terms, source: Clip | None = None) -> MethodPlan:
    """The plan of a method by its name (see `check_methods`), at the height that all methods are compared at.

    Args:
        source: the video to be danced with its cleaned track; those of `TRANSLATIONS` need it.
    """
    if name == NEAREST:
        return NearestMethod(footage, terms)
    if name in TRANSLATIONS:
        assert source is not None
        return TranslatedMethod(name, TRANSLATIONS[name], source, footage, terms)
    return TrainedMethod(adapt_preset(TRAINED[_base(name)], terms.height_px), footage, terms, _height_of(name))


def _base(name: str) -> str:
    """A method's name without the height of its results."""
    return name.partition(AT)[0]


def _height_of(name: str) -> int | None:
    """The height, px, of its results that a method's name asks for, if any."""
    height = name.partition(AT)[2]
    return int(height) if height.isdecimal() else None


def adapt_preset(preset: Preset, height_px: int) -> Preset:
    """A preset drawn at another height; without VGG-19 in the cache it is judged by EfficientNet-Lite0 instead."""
    perceptual = preset.perceptual
    if perceptual == "vgg19" and cached(VGG19) is None:
        perceptual = "efficientnet_lite0"
    return replace(preset, height_px=height_px, perceptual=perceptual)


def _height_step(name: str) -> int:
    """What the height of a method's frames must divide by, px."""
    if name in TRANSLATIONS:
        return max(CANVAS_STEP, TRANSLATIONS[name].generator.step)
    preset = TRAINED.get(_base(name))
    return preset.canvas_step if preset is not None and preset.trains else 1


def describe_substitutes(names: Sequence[str], height_px: int) -> list[str]:
    """A sentence for every preset of that name that is not compared as it stands."""
    notes = []
    for name in names:
        preset = TRAINED.get(_base(name))
        if preset is None:
            continue
        adapted = adapt_preset(preset, height_px)
        if adapted.height_px != preset.height_px:
            notes.append(f"{name} draws {height_px} px tall frames here instead of its {preset.height_px} px.")
        if adapted.perceptual != preset.perceptual:
            notes.append(
                f"{name} is trained with {PERCEPTUAL_NAMES[adapted.perceptual]} features:"
                f" {PERCEPTUAL_NAMES[preset.perceptual]}'s weights are not on this machine."
            )
    return notes


def _as_method(performer: Performer, compute: Compute, height_px: int | None = None) -> Method:
    training = performer.card.training
    facts: dict[str, Any] = {name: training[name] for name in ("images", "seconds") if name in training}
    facts["parameters"] = sum(weight.numel() for weight in performer.generator.parameters())

    def draw(motion: Motion) -> Iterator[NDArray[np.uint8]]:
        return (frame.image for frame in render_frames(performer, motion, compute, size))

    size = choose_size(performer, height_px)
    return Method(performer.card.size, performer.card.standing, draw, facts, size)
