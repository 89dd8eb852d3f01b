"""Every default of the method, once: the command line, Python and the run folder all read this file.

Each dataclass configures the module of the same name. Presets, which choose among them, are in presets.py; what the
verbs of the command line take is in options.py. No torch here.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

ASSUMED_RATE = Fraction(25)
"""Frames per second of what does not say: a folder of pictures, a stream without a rate. FFmpeg assumes it too."""


@dataclass(frozen=True)
class StickFigureConfig:
    """Drawing a pose (pose/draw.py)."""

    body_threshold: float = 0.3
    hand_threshold: float = 0.05
    face_threshold: float = 0.2
    """For the face the mean score of its points decides, for all of them together."""
    limb_width: float = 1 / 100
    """Share of the picture's height, as are the next three."""
    joint_dot: float = 1 / 80
    """Diameter."""
    hand_width: float = 1 / 256
    face_dot: float = 1 / 200
    """Diameter."""
    supersample_to: int = 1024
    """Smaller pictures are drawn at a whole multiple of their size, at least this tall, and averaged down."""


Upsampling = Literal["transposed", "nearest"]
"""transposed: the paper's strided transposed convolutions; nearest: enlarge, then convolve, which costs a little more
and leaves no chequerboard in short trainings (Odena et al. 2016)."""


@dataclass(frozen=True)
class GeneratorConfig:
    """What draws (performer/networks.py)."""

    family: Literal["pix2pixhd", "refiner", "unet", "crn"] = "pix2pixhd"
    """pix2pixhd: the paper's global generator; refiner: a small U-Net without convolutions at the full resolution;
    unet: pix2pix's; crn: a cascaded refinement network. The last two are baselines (evaluate/methods.py)."""
    base_channels: int = 64
    downsamplings: int = 4
    """Halvings of the picture; a crn begins that many doublings below it."""
    residual_blocks: int = 9
    """Of pix2pixhd and refiner; the others have none."""
    upsampling: Upsampling = "transposed"
    """Of pix2pixhd."""

    @property
    def step(self) -> int:
        """What both sides of a picture must divide by, px; unet and crn take any that leave a pixel."""
        return 2**self.downsamplings if self.family in ("pix2pixhd", "refiner") else 1


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Multi-scale 70x70 PatchGAN (performer/networks.py)."""

    scales: int = 3
    base_channels: int = 64
    layers: int = 3
    """Stride-2 layers; 3 make the 70x70 patch."""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the generator's objective (training/step.py); zero switches a term off."""

    adversarial: float = 1.0
    feature_matching: float = 10.0
    perceptual: float = 5.0
    """Per frame; the paper's 10, halved in the global stage."""
    pixel: float = 0.0
    """L1 to the real frame; not in the paper."""
    matte: float = 0.0
    """1 - overlap of matte and person mask; only where the background is a plate."""

    @property
    def judged(self) -> bool:
        """Whether discriminators have a say at all; where they have none, they are neither run nor trained."""
        return bool(self.adversarial or self.feature_matching)


@dataclass(frozen=True)
class OptimiserConfig:
    """Adam with a constant, then linearly decaying learning rate (training/loop.py)."""

    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    constant_share: float = 0.5
    """Share of the budget at the full rate; the rest decays linearly to zero."""


StageName = Literal["global", "local", "face"]
"""global: the generator of whole frames, or, where there is a stage `local`, the coarse one that draws them at half
size; local: that one and its enhancer together, at full size; face: the network that mends their faces, with all of
that frozen."""


@dataclass(frozen=True)
class EnhancerConfig:
    """What draws at full size around a coarse generator (performer/networks.py), and its training.

    Its channels follow from that generator's; discriminators and optimiser are those of the stage `global`, begun anew.
    """

    residual_blocks: int = 3
    losses: LossConfig = field(default_factory=lambda: LossConfig(perceptual=10.0))


@dataclass(frozen=True)
class FaceConfig:
    """The network that mends faces, and its training (performer/region.py, training/step.py)."""

    box: float = 1 / 3
    """Side of the square about the face, as a share of the person's upright height (head to ankles). Somebody who fills
    three quarters of the picture, as in the paper's footage, has the paper's 128 px in 512 px."""
    edge: float = 1 / 8
    """Share of that side over which what is pasted fades out, at each edge."""
    generator: GeneratorConfig = field(
        default_factory=lambda: GeneratorConfig(base_channels=32, downsamplings=3, residual_blocks=5)
    )
    """Always of the family pix2pixhd."""
    discriminator: DiscriminatorConfig = field(default_factory=lambda: DiscriminatorConfig(scales=1))
    losses: LossConfig = field(default_factory=lambda: LossConfig(feature_matching=0.0, perceptual=10.0))
    """`matte` is not asked for: a face has none of its own."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    """At the paper's rate in every preset: at the draft's 5e-4 faces gained less (docs/method.md, section 5)."""


@dataclass(frozen=True)
class TrainingStage:
    """One part of a training, after those before it (training/loop.py)."""

    name: StageName
    share: float
    """Of the budget, beside the shares of the other stages."""


@dataclass(frozen=True)
class VideoConfig:
    """How results are encoded (video/write.py)."""

    crf: int = 18
    """x264's quality: lower is better and larger; 18 is hard to tell from the original."""
    encoder_preset: str = "veryfast"
    """x264's speed: before a background that stands still slower ones take three times as long for files as large."""


DeviceChoice = Literal["auto", "cpu", "cuda"]
"""What to compute on; auto: a GPU where there is one."""
DEFAULT_DEVICE: DeviceChoice = "auto"
Precision = Literal["bf16", "float32"]
"""What networks compute in; bf16 is mixed: weights and losses stay float32."""
PrecisionChoice = Literal["auto", "bf16", "float32"]
"""auto: bf16 where the device has instructions for it; a training goes on in the precision it was begun in."""
DEFAULT_PRECISION: PrecisionChoice = "auto"
