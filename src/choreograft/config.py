"""Every default of the method, once: the command line, Python and the run folder all read this file.

Each dataclass configures the module of the same name. Presets, which choose among them, are in presets.py; what the
verbs of the command line take is in options.py. No torch here.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, cast

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


@dataclass(frozen=True)
class Limit:
    """From where on a measure deserves a hint, and from where on a warning."""

    hint: float
    warning: float
    """On the other side of `hint` than the good values."""

    def rate(self, value: float) -> Literal["fine", "hint", "warning"]:
        """What a value deserves; NaN is fine, for nothing was seen that could be wrong."""
        sign = 1 if self.warning >= self.hint else -1
        for name, limit in (("warning", self.warning), ("hint", self.hint)):
            if sign * value >= sign * limit:
                return cast(Literal["hint", "warning"], name)
        return "fine"


@dataclass(frozen=True)
class CheckConfig:
    """What `check` looks at and from where on it speaks up (check/); docs/filming.md says how each is measured."""

    measured_height_px: int = 512
    """Taller pictures are looked at in this height: finer detail is not learned either."""
    length_s: Limit = Limit(10.0, 5.0)
    """Seconds with the target in them."""
    person_share: Limit = Limit(0.9, 0.5)
    """Share of the frames with the person."""
    person_height: Limit = Limit(0.4, 0.25)
    """Upright height of the person as a share of the picture's."""
    person_height_px: Limit = Limit(240.0, 140.0)
    """The same in pixels of the file."""
    cut_share: Limit = Limit(0.1, 0.3)
    """Share of the frames in which head, a hand or a foot leaves the picture."""
    cut_margin: float = 0.02
    """A joint this share of the picture's height outside of it counts as cut off."""
    crowd_share: Limit = Limit(0.1, 0.3)
    """Share of the frames looked at that show a second person."""
    turned: Limit = Limit(0.5, 0.9)
    """Share of the frames in which the person is not upright in the picture."""
    blur_px: Limit = Limit(1.2, 1.7)
    """Standard deviation of the blur about the person's outline, px of the measured picture."""
    smear: Limit = Limit(0.1, 0.3)
    """Share of the frames in which fast arms or legs are smeared."""
    smear_lost: float = 0.6
    """Share of a limb's edges that has to be lost to motion for it to count as smeared."""
    fast: float = 1.2
    """Body heights a second from which a limb counts as fast."""
    slow: float = 0.3
    """Body heights a second below which a limb counts as slow."""
    dark: Limit = Limit(70.0, 45.0)
    """Grey level that the brightest tenth of the person reaches, 0..255."""
    clipped: Limit = Limit(0.25, 0.45)
    """Share of the person with two of three colour channels at their end."""
    flicker: Limit = Limit(1.5, 4.0)
    """Usual step of the background's brightness from frame to frame, %."""
    shake: Limit = Limit(0.15, 0.4)
    """Usual distance from the camera's slow path, % of the picture's height."""
    drift: Limit = Limit(1.0, 4.0)
    """How far the camera gets from where it began, % of the picture's height."""
    steady_span_s: float = 1.0
    """What is slower than this is drift, what is faster is shaking."""
    background_change: Limit = Limit(0.03, 0.12)
    """Share of the background that changes over the clip."""
    background_levels: float = 20.0
    """Grey levels from which a background pixel counts as changed."""
    background_samples: int = 120
    """Frames that the background is judged by, spread over the clip."""
    frame_rate: Limit = Limit(20.0, 12.0)
    """Frames a second."""
    uneven: Limit = Limit(0.05, 0.3)
    """Share of the frames that stay a fifth shorter or longer than usual."""
    repaired: Limit = Limit(0.05, 0.2)
    """Share of the frames that cleaning had to drop or to fill."""
    move_s: float = 0.3
    """A kind of movement counts as shown from this long on, s."""
    moves_shown: Limit = Limit(3, 1)
    """Kinds of movement in the clip, of those in check/moves.py."""
    pose_distance: float = 9.0
    """A part of the body farther than this from the target's nearest pose, % of body height, was never shown so."""
    view_angle_deg: float = 45.0
    """A part turned farther than this from how the target ever showed it shows a side that was never seen."""
    unseen_s: float = 0.2
    """Shorter times without a model are not worth mentioning, s."""
    join_s: float = 0.4
    """Times closer together than this are told as one, s."""
    unseen_share: Limit = Limit(0.02, 0.15)
    """Share of the source's frames with a pose or a side that the target never showed."""


Upsampling = Literal["transposed", "nearest"]
"""transposed: the paper's strided transposed convolutions; nearest: enlarge, then convolve, which costs a little more
and leaves no chequerboard in short trainings (Odena et al. 2016)."""


@dataclass(frozen=True)
class GeneratorConfig:
    """What draws (performer/networks/)."""

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
    """Multi-scale 70x70 PatchGAN (performer/networks/discriminator.py)."""

    scales: int = 3
    base_channels: int = 64
    layers: int = 3
    """Stride-2 layers; 3 make the 70x70 patch."""


@dataclass(frozen=True)
class LossConfig:
    """Weights of the generator's objective (training/objective.py); zero switches a term off."""

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
    """What draws at full size around a coarse generator (performer/networks/generators.py), and its training.

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
