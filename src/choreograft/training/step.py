"""A step of a performer's training: what its stages train, and what a pair of frames has to say to the gradients.

The stages "global" and "local" train the generator of whole frames, coarse to fine (docs/method.md, sections 3 and 4);
"face" trains the network that mends faces, with the generator frozen (section 5). As in pix2pixHD both losses are taken
before either update, so the discriminators run once on each picture.

The full objective (Chan et al. 2019, eq. 5) comes first. For it the discriminators see a pair of frames as 12 channels:
x(t-1), x(t), y(t-1), y(t); frame by frame each of its frames as 6: x(t), y(t).

Shapes: B batch, 1 in a step, C channels, H x W pixels, S side of the face's square; losses are scalars in float32.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from choreograft.config import DiscriminatorConfig, LossConfig, StageName
from choreograft.performer.networks import FACE_CHANNELS, MultiScaleDiscriminator, join_face, trained_part
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.performer import Performer
from choreograft.performer.region import Region
from choreograft.performer.staging import Composite, Conditioning, to_image
from choreograft.presets import Preset
from choreograft.training.lessons import IMAGES_PER_PAIR, Lessons, TrainingFrame, TrainingPair, face_pairs, pair_at
from choreograft.training.state import Terms, Training
from choreograft.video.size import tile_pictures

PAIR_CHANNELS: Final = 12
FRAME_CHANNELS: Final = 6
Activations = Sequence[Sequence[Tensor]]
"""[scale][layer] as MultiScaleDiscriminator returns them."""


def join_pair(pair: TrainingPair, first: Tensor, second: Tensor) -> Tensor:
    """(B, 12, H, W): the stick figures of a pair with two frames, real or drawn, each (B, 3, H, W)."""
    joined = torch.cat([pair[0].conditioning.stick, pair[1].conditioning.stick, first, second], dim=1)
    return joined.contiguous(memory_format=torch.channels_last)


def join_frames(pair: TrainingPair, first: Tensor, second: Tensor) -> Tensor:
    """(2 B, 6, H, W): each frame of a pair, real or drawn, (B, 3, H, W), with its own stick figure alone."""
    joined = [torch.cat([at.conditioning.stick, frame], dim=1) for at, frame in zip(pair, (first, second), strict=True)]
    return torch.cat(joined).contiguous(memory_format=torch.channels_last)


def verdict_terms(real: Activations, fake: Activations, looks: int, weights: LossConfig) -> dict[str, Tensor]:
    """What the discriminators add to the generator's loss, weighted, by name.

    Args:
        real, fake: their activations on what is real and on what is drawn.
        looks: how often they look at a pair: once, or at each of its frames. The losses average, the objective adds up.
    """
    terms = {}
    if weights.adversarial:
        terms["adversarial"] = looks * weights.adversarial * adversarial_loss(fake)
    if weights.feature_matching:
        terms["matching"] = looks * weights.feature_matching * feature_matching_loss(real, fake)
    return terms


def picture_terms(
    pair: TrainingPair, drawn: tuple[Composite, Composite], perceptual: FeatureNetwork | None, weights: LossConfig
) -> dict[str, Tensor]:
    """What the difference between drawn and real frames adds to the generator's loss, weighted, by name."""
    frames = torch.cat([drawn[0].frame, drawn[1].frame])
    terms = likeness_terms(frames, torch.cat([pair[0].real, pair[1].real]), perceptual, weights, looks=2)
    if weights.matte and drawn[0].matte is not None and drawn[1].matte is not None:
        mattes = torch.cat([drawn[0].matte, drawn[1].matte])
        terms["matte"] = 2 * weights.matte * matte_loss(mattes, torch.cat([pair[0].mask, pair[1].mask]))
    return terms


def likeness_terms(
    drawn: Tensor, wanted: Tensor, perceptual: FeatureNetwork | None, weights: LossConfig, looks: int = 1
) -> dict[str, Tensor]:
    """What the difference between pictures (N, 3, H, W) in [-1, 1] adds to a generator's loss, weighted, by name.

    Args:
        looks: how many of the N belong to one sample: means are taken over all, the objective adds those up.
    """
    terms = {}
    if perceptual is not None and weights.perceptual:
        terms["perceptual"] = looks * weights.perceptual * perceptual(drawn, wanted)
    if weights.pixel:
        terms["pixel"] = looks * weights.pixel * F.l1_loss(drawn, wanted)
    return terms


def discriminator_loss(real: Activations, fake: Activations) -> Tensor:
    """LSGAN (Mao et al. 2017, eq. 9 with a = 0, b = 1): real to 1, fake to 0; summed over scales."""
    return torch.stack(
        [0.5 * (_distance_to(r[-1], 1.0) + _distance_to(f[-1], 0.0)) for r, f in zip(real, fake, strict=True)]
    ).sum()


def adversarial_loss(fake: Activations) -> Tensor:
    """LSGAN for the generator (c = 1): verdicts on fake pull to 1; summed over scales."""
    return torch.stack([_distance_to(scale[-1], 1.0) for scale in fake]).sum()


def feature_matching_loss(real: Activations, fake: Activations) -> Tensor:
    """L1 between discriminator activations on real and fake (Wang et al. 2018, eq. 4), the verdicts left out.

    Summed over layers and scales with pix2pixHD's weights: 4 / (stride-2 layers + 1) a layer, mean over scales.
    """
    terms = []
    for real_scale, fake_scale in zip(real, fake, strict=True):
        weight = 4.0 / (len(real_scale) - 1) / len(real)
        pairs = zip(real_scale[:-1], fake_scale[:-1], strict=True)
        terms += [weight * F.l1_loss(f.float(), r.detach().float()) for r, f in pairs]
    return torch.stack(terms).sum()


def matte_loss(matte: Tensor, mask: Tensor) -> Tensor:
    """1 - soft Dice overlap (Milletari et al. 2016, eq. 1, first powers) of (B, 1, H, W) in [0, 1], mean over B.

    L1 would be content with an empty matte while the person fills a tenth of the frame; the overlap is not.
    """
    both = (matte * mask).sum((1, 2, 3))
    either = matte.sum((1, 2, 3)) + mask.sum((1, 2, 3))
    return (1 - 2 * both / either.clamp_min(1e-6)).mean()


def _distance_to(verdicts: Tensor, value: float) -> Tensor:
    return (verdicts.float() - value).square().mean()


@dataclass(kw_only=True)
class PerformerTraining(Training):
    """The training of a performer, through the stages of its preset."""

    performer: Performer
    lessons: Lessons
    perceptual: FeatureNetwork | None
    losses: LossConfig = field(init=False)
    """The stage's."""
    faces: Sequence[Region | None] = ()
    """In the stage "face", the squares of all frames of the recording."""
    pairs: NDArray[np.intp] = field(init=False)
    """(P,) the first frames of the pairs that the stage learns from."""

    def __post_init__(self) -> None:
        self.stages, self.images = self.preset.stages, IMAGES_PER_PAIR

    @property
    def preset(self) -> Preset:
        """The performer's."""
        return self.performer.card.preset

    def enter(self, stage: StageName) -> None:
        """See Training; the performer's networks are as they are, the discriminators new.

        A coarse generator is trained on frames of half the size, and each follows on its own drawing.
        """
        preset, performer, recording = self.preset, self.performer, self.lessons.recording
        for module in (performer, self.perceptual):
            if module is not None:
                module.to(self.compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.lessons = replace(self.lessons, halved=preset.halves(stage))
        if stage == "face":
            assert performer.face is not None
            self.finished, self.losses = performer.generator.eval(), preset.face.losses
            self.faces = [face for track in recording.tracks for face in performer.find_faces(track)]
            self.pairs = face_pairs(recording, self.faces)
            judges = self._new_judges(FACE_CHANNELS, preset.face.discriminator)
            self.set_up(stage, performer.face, judges, preset.face.optimiser)
        else:
            self.losses, self.pairs = preset.enhancer.losses if stage == "local" else preset.losses, recording.pairs
            judges = self._new_judges(PAIR_CHANNELS if preset.temporal else FRAME_CHANNELS, preset.discriminator)
            self.set_up(stage, trained_part(performer.generator, stage), judges, preset.optimiser)

    def _new_judges(self, channels: int, config: DiscriminatorConfig) -> MultiScaleDiscriminator:
        """Discriminators whose weights are drawn from the seed, so that equal options make equal runs."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return MultiScaleDiscriminator(channels, config)

    def prepare(self, sample: int) -> Callable[[], Terms]:
        """See Training."""
        n = int(self.pairs[pair_at(sample, len(self.pairs), self.seed)])
        if self.stage != "face":
            return partial(add_pair_gradients, self, self.lessons.load_pair(n, sample))
        face = self.faces[n + 1]
        assert face is not None
        return partial(add_face_gradients, self, *self.lessons.load_whole(n, sample), face)

    def draw(self, conditioning: Conditioning, previous: Tensor) -> Composite:
        """Frames from their conditioning and the frames before them, on the training device, to learn from."""
        generator = partial(self.compute.run, self.generator)
        return self.performer.staging.draw(generator, conditioning, previous)

    @torch.no_grad()
    def draw_second(self, pair: TrainingPair, region: Region) -> Tensor:
        """(1, 3, H, W) frame t of an uncut pair as rendering draws it, after frame t - 1, in the region."""
        first, second = (frame.to(self.compute.device).conditioning for frame in pair)
        network = self.generator if self.finished is None else self.finished
        draw = partial(self.performer.staging.draw, network)
        with self.compute.autocast():
            before = draw(first.crop(region), torch.zeros_like(region.crop(first.plate))).frame
            return region.paste(draw(second.crop(region), before).frame, second.plate)

    def show(self, n: int) -> tuple[TrainingFrame, Tensor]:
        """Frame n + 1 of the recording and how it is drawn after frame n: (1, 3, H, W) in [-1, 1]."""
        pair, region = self.lessons.load_whole(n)
        self.generator.eval()
        drawn = self.draw_second(pair, region)
        if self.stage == "face":
            stick = pair[1].conditioning.stick.to(self.compute.device)
            with torch.no_grad(), self.compute.autocast():
                drawn = self.performer.mend_face(drawn, stick, self.faces[n + 1])
        self.generator.train()
        return pair[1], drawn

    def draw_preview(self, count: int) -> NDArray[np.uint8]:
        """See Training; a column each for frames spread over the recording: real, given, drawn.

        Given is the stick figure, and below it the guide where there is one.
        """
        columns, pairs = [], self.lessons.recording.pairs
        for n in pairs[np.linspace(0, len(pairs) - 1, count).round().astype(int)].tolist():
            frame, drawn = self.show(n)
            given = frame.conditioning
            guide = [] if given.guide is None else [given.guide[:, :3]]
            columns.append([to_image(picture[0]) for picture in (frame.real, given.stick, *guide, drawn)])
        return tile_pictures([list(row) for row in zip(*columns, strict=True)])


def add_pair_gradients(training: PerformerTraining, pair: TrainingPair) -> Terms:
    """Add what a pair of consecutive frames has to say to the gradients; returns the losses by name."""
    before, frame = pair = pair[0].to(training.compute.device), pair[1].to(training.compute.device)
    # G(x(t-1), 0), then G(x(t), G(x(t-1))); frame by frame the staging leaves the second argument out
    first = training.draw(before.conditioning, torch.zeros_like(before.real))
    second = training.draw(frame.conditioning, first.frame)

    join = join_pair if training.preset.temporal else join_frames
    truth, drawn = join(pair, before.real, frame.real), join(pair, first.frame, second.frame)
    with training.compute.autocast():
        terms = picture_terms(pair, (first, second), training.perceptual, training.losses)
    return _add_gradients(training, terms, truth, drawn)


def add_face_gradients(training: PerformerTraining, pair: TrainingPair, region: Region, face: Region) -> Terms:
    """Add what the face in frame t of an uncut pair has to say to G_f and D_f: (x_F, y_F) against (x_F, G(x)_F + r).

    Args:
        region: of the canvas, in which the generator works. face: its square in frame t.
    """
    drawn = face.crop(training.draw_second(pair, region))
    frame = pair[1].crop(face).to(training.compute.device)
    stick = frame.conditioning.stick
    mended = training.compute.run(training.generator, stick, drawn)
    with training.compute.autocast():
        terms = likeness_terms(mended, frame.real, training.perceptual, training.losses)
    terms = _add_gradients(training, terms, join_face(stick, frame.real), join_face(stick, mended))
    return {f"face_{name}": value for name, value in terms.items()}


def _add_gradients(training: PerformerTraining, terms: Terms, truth: Tensor, drawn: Tensor) -> Terms:
    """Add a sample's gradients to those of a generator and of its discriminators; returns the losses by name.

    The discriminators are left alone where their verdicts have no weight.

    Args:
        terms: of the generator's loss, apart from what the discriminators add to it.
        truth, drawn: (looks, C, H, W) what the discriminators tell apart, in one look at a sample or several; `drawn`
            hangs on the generator's graph.
    """
    judged = None
    if training.losses.judged:
        verdicts, judged = _judge(training, truth, drawn)
        terms = verdicts | terms
    (training.share * torch.stack(list(terms.values())).sum()).backward()  # type: ignore[no-untyped-call]
    if judged is None:
        return terms
    (training.share * judged).backward()  # type: ignore[no-untyped-call]
    return {**terms, "discriminator": judged}


def _judge(training: PerformerTraining, truth: Tensor, drawn: Tensor) -> tuple[Terms, Tensor]:
    """The discriminators' part of the generator's loss, and their own loss."""
    looks, judge = len(truth), partial(training.compute.run, training.discriminator)
    # with gradients for themselves on real and drawn, for the generator on what it drew
    real = judge(truth)
    judged = looks * discriminator_loss(real, judge(drawn.detach()))
    training.discriminator.requires_grad_(False)
    fake = judge(drawn)
    training.discriminator.requires_grad_(True)
    with training.compute.autocast():
        return verdict_terms(real, fake, looks, training.losses), judged
