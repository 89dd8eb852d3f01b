"""The methods that can be compared, by name, and what they are; methods.py makes them. Known without loading torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from choreograft.assets import VGG19, cached
from choreograft.config import DiscriminatorConfig, GeneratorConfig, LossConfig, OptimiserConfig
from choreograft.errors import OptionError
from choreograft.presets import CANVAS_STEP, PERCEPTUAL_NAMES, PRESETS, Preset

NEAREST: Final = "nearest"
AT: Final = "@"
"""Between a method's name and the height of its results, px: `draft@256` makes the decisions that `draft` makes and
draws them at the canvas's size."""
PAPER_SMALL: Final = replace(
    PRESETS["paper"],
    name="paper-small",
    description="the paper's method with networks of a CPU's size: what a CPU can train in minutes",
    generator=GeneratorConfig(base_channels=32, downsamplings=3, residual_blocks=6),
    discriminator=PRESETS["draft"].discriminator,
    stages=PRESETS["draft"].stages,
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
"""Those that are made like a performer; `plan_nearest` has all frames to choose from, not a bank of them."""


_GENERATOR: Final = GeneratorConfig(base_channels=32, downsamplings=2, residual_blocks=3)
_PREDICTOR: Final = GeneratorConfig("unet", base_channels=32, downsamplings=5, residual_blocks=0)
_DISCRIMINATOR: Final = DiscriminatorConfig(scales=1, base_channels=32)


@dataclass(frozen=True)
class TranslationConfig:
    """Unpaired translation between the frames of two people (evaluate/baselines/); a weight of zero drops its term.

    Networks are of a CPU's size. Published are 64 channels in all of them, 9 residual blocks at 256 px in CycleGAN, 6
    in Recycle-GAN, and a U-Net of 8 halvings.
    """

    generator: GeneratorConfig = _GENERATOR
    """Of both directions; always of the family pix2pixhd."""
    predictor: GeneratorConfig = _PREDICTOR
    """Of a domain's next frame; always of the family unet."""
    discriminator: DiscriminatorConfig = _DISCRIMINATOR
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """Published as it is: 2e-4, beta1 0.5, constant for half of the training, then linear to zero."""
    history: int = 50
    """Drawn pictures that each discriminator is shown old ones from; 0 for the new ones alone."""
    cycle: float = 0.0
    """Of F(G(x)) - x; 10 in CycleGAN."""
    identity: float = 0.0
    """Of G(y) - y, CycleGAN's option (section 5.2, half of `cycle`); it makes a step half as long again."""
    recurrent: float = 0.0
    """Of P(x(t-1), x(t)) - x(t+1), what the predictors learn from; 10 in Recycle-GAN."""
    recycle: float = 0.0
    """Of F(P(G(x(t-1)), G(x(t)))) - x(t+1); 10 in Recycle-GAN."""

    @property
    def predicts(self) -> bool:
        """Whether a third frame is predicted from two."""
        return bool(self.recurrent or self.recycle)

    @property
    def shown(self) -> int:
        """Real frames of each domain that a step translates."""
        return 2 if self.predicts else 1

    @property
    def loaded(self) -> int:
        """Consecutive real frames of each domain that a step needs: those, and the one to be predicted."""
        return self.shown + self.predicts

    @property
    def images_per_step(self) -> int:
        """What a step counts for: the real frames that it shows to the generators."""
        return 2 * self.shown


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
    named = {name: split_name(name) for name in names if name not in METHOD_NAMES}
    unknown = [name for name, (base, height) in named.items() if not (height and base in TRAINED)]
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


def adapt_preset(preset: Preset, height_px: int) -> Preset:
    """A preset drawn at another height; without VGG-19 in the cache it is judged by EfficientNet-Lite0 instead."""
    perceptual = preset.perceptual
    if perceptual == "vgg19" and cached(VGG19) is None:
        perceptual = "efficientnet_lite0"
    return replace(preset, height_px=height_px, perceptual=perceptual)


def describe_substitutes(names: Sequence[str], height_px: int) -> list[str]:
    """A sentence for every preset of that name that is not compared as it stands."""
    notes = []
    for name in names:
        preset = TRAINED.get(split_name(name)[0])
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


def split_name(name: str) -> tuple[str, int | None]:
    """A method's name without the height of its results, and that height, px, if it asks for any."""
    base, _, height = name.partition(AT)
    return base, int(height) if height.isdecimal() else None


def _height_step(name: str) -> int:
    """What the height of a method's frames must divide by, px."""
    if name in TRANSLATIONS:
        return max(CANVAS_STEP, TRANSLATIONS[name].generator.step)
    preset = TRAINED.get(split_name(name)[0])
    return preset.canvas_step if preset is not None and preset.trains else 1
