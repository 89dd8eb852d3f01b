"""What a training is made of, as a whole: presets, each with a one-line description, and how long to train.

A preset picks from the settings of config.py and is stored in the performer file. No torch here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final, Literal

from choreograft.config import (
    DiscriminatorConfig,
    EnhancerConfig,
    FaceConfig,
    GeneratorConfig,
    LossConfig,
    OptimiserConfig,
    StageName,
    StickFigureConfig,
    TrainingStage,
)
from choreograft.errors import OptionError

Background = Literal["warp", "plate", "frame", "frame_around_warp"]
"""warp: the generator refines a person drawn from references, over the estimated background; plate: it draws the person
and a matte over that background; frame: it draws everything; frame_around_warp: it refines that person and draws
everything else, which is what `warp` becomes where the camera moved and could not be followed."""
Perceptual = Literal["efficientnet_lite0", "vgg19", "none"]
PERCEPTUAL_NAMES: Mapping[Perceptual, str] = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "vgg19": "VGG-19",
    "none": "no network",
}
"""As sentences call them."""
Renderer = Literal["generator", "warp", "nearest"]
"""generator: a network, trained; warp: the target's own pixels, moved over the body's surface; nearest: the target's
frame in the most similar pose. The last two need no training."""


CANVAS_STEP = 8
"""Where no generator asks for more, the canvas's width is a multiple of it, px, as the draft's."""


@dataclass(frozen=True)
class Preset:
    """All that defines how a performer is trained; stored in the performer file."""

    name: str
    description: str
    height_px: int
    """Of the canvas, what the networks see and draw; its width follows the target video's shape. Who draws from the
    target's frames shows results at the size these were filmed at."""
    minutes: float
    """Default training budget."""
    background: Background
    perceptual: Perceptual
    images: int | None = None
    """After which the default budget ends in any case: frames that were held out get no better."""
    renderer: Renderer = "generator"
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    stick_figure: StickFigureConfig = field(default_factory=StickFigureConfig)
    temporal: bool = True
    """Whether each frame is drawn from the one before and judged beside it; False is the paper's frame-by-frame (FBF).
    Performer files from before there was a choice are temporal."""
    stages: tuple[TrainingStage, ...] = (TrainingStage("global", 1.0),)
    """What is trained, one after the other."""
    face: FaceConfig = field(default_factory=FaceConfig)
    """Of the stage of that name, where it is one."""
    enhancer: EnhancerConfig = field(default_factory=EnhancerConfig)
    """Of the stage `local`, where it is one."""

    def __post_init__(self) -> None:
        """Refuse to enhance what cannot be enhanced.

        Raises:
            OptionError: a stage `local` for another family than pix2pixhd, or for a generator that refines a warp.
        """
        if self.enhances and (self.generator.family != "pix2pixhd" or self.draws_bodies):
            raise OptionError(
                f"preset {self.name}: found a stage local with generator {self.generator.family} and background"
                f" {self.background}; expected pix2pixhd and frame or plate; leave that stage out"
            )

    @property
    def enhances(self) -> bool:
        """Whether its generator is a coarse one with an enhancer around it."""
        return self.trains and any(stage.name == "local" for stage in self.stages)

    def halves(self, stage: StageName) -> bool:
        """Whether a stage trains on frames of half the canvas's size: a coarse generator's own."""
        return self.enhances and stage == "global"

    @property
    def mends_faces(self) -> bool:
        """Whether it has a network for faces."""
        return self.trains and any(stage.name == "face" for stage in self.stages)

    def with_face(self) -> "Preset":
        """The same with a network for faces, trained in the last part of the budget."""
        others = self.without_face().stages
        share = FACE_SHARE * sum(stage.share for stage in others)
        return replace(self, stages=(*others, TrainingStage("face", share)))

    def without_face(self) -> "Preset":
        """The same with nothing for faces; the other stages have its share of the budget."""
        return replace(self, stages=tuple(stage for stage in self.stages if stage.name != "face"))

    @property
    def trains(self) -> bool:
        """Whether there is a network to train."""
        return self.renderer == "generator"

    @property
    def canvas_step(self) -> int:
        """What both sides of the canvas divide by, px."""
        if not self.trains:
            return CANVAS_STEP
        return max(CANVAS_STEP, 2 * self.generator.step if self.enhances else self.generator.step)

    @property
    def draws_bodies(self) -> bool:
        """Whether it needs a body in every frame that it draws."""
        return self.background in ("warp", "frame_around_warp")

    @property
    def refers(self) -> bool:
        """Whether frames are drawn from the target's own."""
        return self.draws_bodies or not self.trains


FACE_SHARE = 0.25
"""Of the face's stage, as a share of all before it: the generator has the most to learn, and the face's steps are
short. `draft` and `standard` have it on request alone: in equal times it gains little there (docs/method.md, 5)."""
COARSE_TO_FINE = (TrainingStage("global", 0.5), TrainingStage("local", 0.5))
"""A step at half size takes about half as long, so the coarse generator sees most of the images."""


def _short_face(channels: int, judge_channels: int) -> FaceConfig:
    """Of the face where minutes must do; the pixel loss as for whole frames."""
    generator = GeneratorConfig(base_channels=channels, downsamplings=3, residual_blocks=5, upsampling="nearest")
    judge = DiscriminatorConfig(scales=1, base_channels=judge_channels)
    losses = LossConfig(feature_matching=0.0, perceptual=10.0, pixel=10.0)
    return FaceConfig(generator=generator, discriminator=judge, losses=losses)


def _untrained(name: str, description: str, background: Background, renderer: Renderer) -> Preset:
    """What draws from the target's own frames, found at 256 px, without a network."""
    return Preset(name, description, 256, minutes=0.0, background=background, perceptual="none", renderer=renderer)


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            name="draft",
            description="a CPU, about five minutes; decides at 256 px, drawn at the target's own size",
            height_px=256,
            minutes=5.0,
            images=1200,
            background="warp",
            perceptual="efficientnet_lite0",
            generator=GeneratorConfig("refiner", base_channels=24, downsamplings=3, residual_blocks=4),
            discriminator=DiscriminatorConfig(scales=2, base_channels=32),
            losses=LossConfig(perceptual=5.0, pixel=10.0, matte=2.0),
            optimiser=OptimiserConfig(learning_rate=5e-4),
            face=_short_face(16, 32),
        ),
        Preset(
            name="standard",
            description="one GPU, about ten minutes; decides at 512 px, drawn at the target's own size",
            height_px=512,
            minutes=10.0,
            background="warp",
            perceptual="efficientnet_lite0",
            generator=GeneratorConfig("refiner", base_channels=48, downsamplings=4, residual_blocks=6),
            losses=LossConfig(perceptual=5.0, pixel=10.0, matte=2.0),
            face=_short_face(32, 64),
        ),
        Preset(
            name="paper",
            description="the paper's: whole frames, coarse to fine, then faces; VGG-19, 512 px tall; one GPU, hours",
            height_px=512,
            minutes=240.0,
            background="frame",
            perceptual="vgg19",
            stages=COARSE_TO_FINE,
        ).with_face(),
        _untrained(
            "preview", "no training: the target's own pixels moved with the body, at their own size", "warp", "warp"
        ),
        _untrained(
            "nearest", "no training: the target's frame in the most similar pose, at its own size", "plate", "nearest"
        ),
    )
}
DEFAULT_PRESET = "draft"


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        OptionError: there is none.
    """
    if name not in PRESETS:
        raise OptionError(f"unknown preset {name!r}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]


def preset_from_dict(content: Mapping[str, Any]) -> Preset:
    """The inverse of `dataclasses.asdict`, JSON on the way allowed.

    Fields that are unknown, or missing without a default, raise TypeError: files are older than some fields.
    """
    return Preset(**_build_parts(content))


_PARTS: Final[Mapping[str, Any]] = {part.name: part.type for part in fields(Preset) if is_dataclass(part.type)}
"""Fields, of a preset or of such a part of one, that are settings themselves, and their kinds."""


def _build_parts(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with those values built that are settings themselves."""
    built = {key: _PARTS[key](**_build_parts(value)) if key in _PARTS else value for key, value in content.items()}
    if "stages" in built:
        built["stages"] = tuple(TrainingStage(**stage) for stage in built["stages"])
    return built


@dataclass(frozen=True)
class Budget:
    """How long to train: by the clock, by images shown to the generator, or until the first of both is spent."""

    minutes: float | None = None
    images: int | None = None

    @staticmethod
    def choose(preset: Preset, minutes: float | None, images: int | None) -> "Budget":
        """The user's budget, or the preset's own.

        Raises:
            OptionError: both are given, or one that is not positive, or any for a preset that does not train.
        """
        if not preset.trains:
            if minutes is not None or images is not None:
                raise OptionError(f"preset {preset.name} is not trained; leave out --minutes and --images")
            return Budget(minutes=0.0)
        if minutes is not None and images is not None:
            raise OptionError(f"found both --minutes {minutes:g} and --images {images}; give one of them")
        for name, value in (("--minutes", minutes), ("--images", images)):
            if value is not None and not value > 0:
                raise OptionError(f"{name} is {value:g}; expected a number above zero")
        stated = minutes is not None or images is not None
        return Budget(minutes, images) if stated else Budget(preset.minutes, preset.images)

    @property
    def unit(self) -> Literal["s", "images"]:
        """What it is told in."""
        return "images" if self.minutes is None else "s"

    @property
    def total(self) -> float:
        """All of it, in its unit."""
        if self.minutes is not None:
            return 60 * self.minutes
        assert self.images is not None
        return self.images

    def spent(self, seconds: float, images: int) -> float:
        """Share of the budget that is used up, 0 to 1 and beyond."""
        by_clock = 0.0 if self.minutes is None else seconds / (60 * self.minutes)
        return max(by_clock, 0.0 if self.images is None else images / self.images)

    def __str__(self) -> str:
        limits = (self.minutes, "min"), (self.images, "images")
        return " or ".join(f"{limit:g} {unit}" for limit, unit in limits if limit is not None)
