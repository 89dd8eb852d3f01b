"""Unpaired translation between two domains, the source's frames X and the target's Y: frames, networks, losses, steps.

Losses are those of Zhu et al. 2017 (CycleGAN), section 3.2 and 5.2, and of Bansal et al. 2018 (Recycle-GAN), section 3;
all are L1 and scalars in float32. Shapes: T consecutive frames, H x W pixels; frames are (T, 3, H, W) in [-1, 1].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from choreograft.config import StageName, TrainingStage
from choreograft.errors import PersonError
from choreograft.evaluate.roster import TranslationConfig
from choreograft.files import atomic_path
from choreograft.footage.clip import Clip
from choreograft.footage.split import MAX_FRAMES, choose_frames, find_pairs
from choreograft.performer.device import Compute
from choreograft.performer.networks import GlobalGenerator, MultiScaleDiscriminator
from choreograft.performer.staging import to_image, to_tensor
from choreograft.performer.translators import UNet
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.training.lessons import pair_at
from choreograft.training.state import Terms, Training
from choreograft.training.step import adversarial_loss, discriminator_loss
from choreograft.video.read import sample_frames
from choreograft.video.size import Canvas, Size, tile_pictures

MIN_RUNS: Final = 8
"""Fewer runs of consecutive frames are no material to learn from."""


@dataclass(frozen=True)
class Domain:
    """The frames of one person, in runs that never span a gap."""

    frames: NDArray[np.uint8]
    """(N, H, W, 3), memory-mapped."""
    starts: NDArray[np.intp]
    """The first frame of every run."""
    length: int
    """Frames of a run."""

    @staticmethod
    def prepare(path: Path, clips: Sequence[Clip], length: int, size: Size, progress: Progress = silent) -> "Domain":
        """The frames that show the person, laid onto the canvas and stored at `path`, or what is stored there.

        Args:
            path: an .npy file. length: of the runs, 1 to 3.
        Raises:
            PersonError: there are hardly any runs. VideoError: a clip cannot be read.
        """
        kept = [choose_frames(clip.track, MAX_FRAMES // len(clips)) for clip in clips]
        starts = find_runs([clip.track.select(at) for clip, at in zip(clips, kept, strict=True)], length)
        if len(starts) < MIN_RUNS:
            names = ", ".join(str(clip.path) for clip in clips)
            raise PersonError(
                f"{names}: found {len(starts)} runs of {length} consecutive frames with the person in them; expected at"
                f" least {MIN_RUNS}; give a clip without gaps that is a few minutes long at most"
            )
        if not path.exists():
            _store_frames(path, clips, kept, size, progress)
        return Domain(np.load(path, mmap_mode="r"), starts, length)

    def run_at(self, step: int, seed: int) -> Tensor:
        """(T, 3, H, W) in [-1, 1], channels last: the run of a step."""
        first = int(self.starts[pair_at(step, len(self.starts), seed)])
        run = torch.stack([to_tensor(self.frames[n]) for n in range(first, first + self.length)])
        return run.contiguous(memory_format=torch.channels_last)


def load_runs(source: Domain, target: Domain, sample: int, seed: int) -> tuple[Tensor, Tensor]:
    """A run of each domain, (T, 3, H, W) in [-1, 1]; the orders of both know nothing of each other."""
    first, second = np.random.SeedSequence(seed).generate_state(2).tolist()
    return source.run_at(sample, first), target.run_at(sample, second)


def find_runs(tracks: Sequence[PoseTrack], length: int) -> NDArray[np.intp]:
    """Every n, counted through all tracks, that begins a run of 1 to 3 consecutive frames which show the person."""
    if length == 1:
        return np.flatnonzero(np.concatenate([track.present for track in tracks]))
    pairs = find_pairs(tracks)
    return pairs if length == 2 else np.intersect1d(pairs, pairs - 1)


def _store_frames(
    path: Path, clips: Sequence[Clip], kept: Sequence[NDArray[np.intp]], size: Size, progress: Progress
) -> None:
    total, n = sum(map(len, kept)), 0
    shape = (total, size.height, size.width, 3)
    with atomic_path(path) as temporary, progress.task("Preparing frames", total) as advance:
        frames = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        for clip, at in zip(clips, kept, strict=True):
            canvas = Canvas(clip.track.size, size)
            for image in sample_frames(clip.path, at):
                frames[n] = canvas.place_image(image)
                n += 1
                advance(n)
        frames.flush()
        del frames  # Windows renames no file that is mapped into memory


class History(nn.Module):
    """Up to `capacity` old drawn pictures for a discriminator; buffers, so that they are saved with the networks.

    Shrivastava et al. 2017, "Updating discriminator using a history of images": a generator that goes back to what it
    drew before is still found out.
    """

    pictures: Tensor
    """(capacity, 3, H, W) in [-1, 1], float32."""
    stored: Tensor
    """() how many of them are there yet."""

    def __init__(self, capacity: int, size: Size) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(capacity, 3, size.height, size.width))
        self.register_buffer("stored", torch.zeros((), dtype=torch.long))

    def exchange(self, drawn: Tensor, lots: np.random.Generator) -> Tensor:
        """What a discriminator is shown instead of drawn pictures (B, 3, H, W): the same shape, without gradients.

        Until the history is full each is kept and shown. From then on, with probability 1/2, an old one is shown and
        the new one takes its place; otherwise the new one is shown and forgotten.
        """
        return torch.stack([self._exchange_one(picture, lots) for picture in drawn.detach().float()])

    def _exchange_one(self, picture: Tensor, lots: np.random.Generator) -> Tensor:
        capacity, stored = len(self.pictures), int(self.stored)
        if stored < capacity:
            self.pictures[stored] = picture
            self.stored += 1
            return picture
        if not capacity or lots.random() < 0.5:
            return picture
        at = int(lots.integers(capacity))
        old = self.pictures[at].clone()
        self.pictures[at] = picture
        return old


@dataclass(frozen=True)
class Direction:
    """One of the two directions, as its losses see it; `here` is the domain that it begins in."""

    there: nn.Module
    """(B, 3, H, W) to the other domain."""
    back: nn.Module
    """(B, 3, H, W) from there."""
    next_here: nn.Module
    """(B, 6, H, W), two consecutive frames of this domain, to the third (B, 3, H, W)."""
    next_there: nn.Module
    """The same of the other domain."""


class Translators(nn.Module):
    """G and F of CycleGAN and, where a third frame is predicted, P_X and P_Y of Recycle-GAN."""

    next_source: nn.Module
    next_target: nn.Module

    def __init__(self, config: TranslationConfig) -> None:
        super().__init__()
        self.to_target = GlobalGenerator(3, 3, config.generator)
        self.to_source = GlobalGenerator(3, 3, config.generator)
        self.next_source = UNet(6, 3, config.predictor) if config.predicts else nn.Identity()
        self.next_target = UNet(6, 3, config.predictor) if config.predicts else nn.Identity()
        self.eval()  # nothing but the predictors' dropout knows the difference, and Recycle-GAN trains without it

    @property
    def from_source(self) -> Direction:
        """Source to target and back."""
        return Direction(self.to_target, self.to_source, self.next_source, self.next_target)

    @property
    def from_target(self) -> Direction:
        """Target to source and back."""
        return Direction(self.to_source, self.to_target, self.next_target, self.next_source)


class Judges(nn.Module):
    """D_X and D_Y, one 70x70 PatchGAN for each domain, and the drawn pictures that each has seen."""

    def __init__(self, config: TranslationConfig, size: Size) -> None:
        super().__init__()
        self.of_source = MultiScaleDiscriminator(3, config.discriminator)
        self.of_target = MultiScaleDiscriminator(3, config.discriminator)
        self.drawn_source = History(config.history, size)
        self.drawn_target = History(config.history, size)


def build_networks(config: TranslationConfig, size: Size, seed: int) -> tuple[Translators, Judges]:
    """Both, with weights drawn from `seed`, on the CPU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Translators(config), Judges(config, size)


def translate(network: nn.Module, frames: Tensor) -> Tensor:
    """Each of the frames (T, 3, H, W) for itself, the same shape; one by one is how `InstanceNorm` is fast."""
    return torch.cat([network(frame) for frame in torch.split(frames, 1)])


def direction_terms(
    direction: Direction, here: Tensor, there: Tensor, drawn: Tensor, config: TranslationConfig
) -> Terms:
    """The weighted losses of one direction by name.

    Args:
        here, there: `config.loaded` consecutive real frames of the domain it begins in, and of the other.
        drawn: the first `config.shown` of `here`, translated.
    """
    shown = config.shown
    found_and_wanted: dict[str, Callable[[], tuple[Tensor, Tensor]]] = {
        "cycle": lambda: (translate(direction.back, drawn), here[:shown]),
        "identity": lambda: (translate(direction.there, there[:shown]), there[:shown]),
        "recurrent": lambda: (direction.next_here(_join(here[:2])), here[2:]),
        "recycle": lambda: (direction.back(direction.next_there(_join(drawn))), here[2:]),
    }
    weights = {name: getattr(config, name) for name in found_and_wanted}
    return {name: weight * _l1(*found_and_wanted[name]()) for name, weight in weights.items() if weight}


def _join(frames: Tensor) -> Tensor:
    """(2, 3, H, W) to (1, 6, H, W), the earlier frame first."""
    return frames.flatten(0, 1)[None].contiguous(memory_format=torch.channels_last)


def _l1(found: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(found.float(), wanted.float())


def translate_picture(network: nn.Module, picture: NDArray[np.uint8], compute: Compute) -> NDArray[np.uint8]:
    """A picture (H, W, 3) of one domain as it looks in the other, the same shape."""
    frame = to_tensor(picture)[None].to(compute.device, memory_format=torch.channels_last)
    with torch.inference_mode(), compute.autocast():
        return to_image(network(frame)[0])


def draw_sheet(translators: Translators, source: Domain, compute: Compute, count: int) -> NDArray[np.uint8]:
    """A contact sheet with a column each for `count` frames spread over the source: real, translated, back again."""
    real = [source.frames[n] for n in np.linspace(0, len(source.frames) - 1, count).round().astype(int)]
    there = [translate_picture(translators.to_target, picture, compute) for picture in real]
    back = [translate_picture(translators.to_source, picture, compute) for picture in there]
    return tile_pictures([real, there, back])


@dataclass(kw_only=True)
class Translation(Training):
    """The training of both directions at once."""

    config: TranslationConfig
    source: Domain
    target: Domain
    translators: Translators = field(init=False)
    """The generators; the weights of both directions share an optimiser, as published."""
    judges: Judges = field(init=False)

    def __post_init__(self) -> None:
        self.stages, self.images = (TrainingStage("global", 1.0),), self.config.images_per_step

    def enter(self, stage: StageName) -> None:
        """See Training."""
        height, width = self.source.frames.shape[1:3]
        self.translators, self.judges = build_networks(self.config, Size(width, height), self.seed)
        self.set_up(stage, self.translators, self.judges, self.config.optimiser)

    def prepare(self, sample: int) -> Callable[[], Terms]:
        """See Training."""
        return partial(self._learn, *load_runs(self.source, self.target, sample, self.seed), sample)

    def draw_preview(self, count: int) -> NDArray[np.uint8]:
        """See Training."""
        return draw_sheet(self.translators, self.source, self.compute, count)

    def _learn(self, source: Tensor, target: Tensor, sample: int) -> Terms:
        """Add what consecutive frames of each domain, (T, 3, H, W), have to say to the gradients; the losses by name.

        All gradients are taken before any update.
        """
        config, shown, networks, judges = self.config, self.config.shown, self.translators, self.judges
        source, target = source.to(self.compute.device), target.to(self.compute.device)
        with self.compute.autocast():
            drawn_target = translate(networks.to_target, source[:shown])
            drawn_source = translate(networks.to_source, target[:shown])
            forth = direction_terms(networks.from_source, source, target, drawn_target, config)
            back = direction_terms(networks.from_target, target, source, drawn_source, config)
            terms = {name: term + back[name] for name, term in forth.items()}
            judges.requires_grad_(False)
            verdicts = judges.of_target(drawn_target), judges.of_source(drawn_source)
            judges.requires_grad_(True)
        terms["adversarial"] = shown * torch.stack([adversarial_loss(verdict) for verdict in verdicts]).sum()
        (self.share * torch.stack(list(terms.values())).sum()).backward()  # type: ignore[no-untyped-call]

        lots = np.random.default_rng((self.seed, sample))
        old_target = judges.drawn_target.exchange(drawn_target, lots)
        old_source = judges.drawn_source.exchange(drawn_source, lots)
        with self.compute.autocast():
            judged = shown * (
                discriminator_loss(judges.of_target(target[:shown]), judges.of_target(old_target))
                + discriminator_loss(judges.of_source(source[:shown]), judges.of_source(old_source))
            )
        (self.share * judged).backward()  # type: ignore[no-untyped-call]
        return {**terms, "discriminator": judged}
