"""The stages "global" and "local": the generator of whole frames, coarse to fine (docs/method.md, sections 3 and 4)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.config import OptimiserConfig
from choreograft.performer.region import Region
from choreograft.performer.staging import Composite, Conditioning
from choreograft.training.frames import IMAGES_PER_PAIR, TrainingFrame, TrainingPair
from choreograft.training.pairs import Lessons, load_pair
from choreograft.training.preview import draw_pairs
from choreograft.training.setup import Materials, Setup, set_up
from choreograft.training.state import TrainingState
from choreograft.training.step import Terms, add_pair_gradients


@dataclass(frozen=True)
class GeneratorStage:
    """See loop.Stage."""

    setup: Setup
    lessons: Lessons
    seed: int

    @staticmethod
    def begin(materials: Materials) -> "GeneratorStage":
        """The stage "global", with the performer's generator as it is; where that is enhanced, the coarse one alone.

        A coarse one is trained on frames of half the size, and each follows on its own drawing.
        """
        setup = set_up(materials.performer, materials.perceptual, materials.compute, materials.seed)
        lessons = replace(materials.lessons, halved=materials.preset.halves("global"))
        return GeneratorStage(setup, lessons, materials.seed)

    @staticmethod
    def begin_local(materials: Materials) -> "GeneratorStage":
        """The stage "local": the enhancer and the coarse generator together, as they are, at full size."""
        setup = set_up(materials.performer, materials.perceptual, materials.compute, materials.seed, "local")
        return GeneratorStage(setup, materials.lessons, materials.seed)

    @property
    def state(self) -> TrainingState:
        """See loop.Stage."""
        return self.setup.state

    @property
    def optimiser(self) -> OptimiserConfig:
        """See loop.Stage."""
        return self.setup.preset.optimiser

    @property
    def images(self) -> int:
        """See loop.Stage."""
        return IMAGES_PER_PAIR

    def prepare(self, sample: int) -> Callable[[float], Terms]:
        """See loop.Stage."""
        return partial(self._learn, load_pair(self.lessons, sample, self.seed))

    def draw_preview(self, count: int) -> NDArray[np.uint8]:
        """See loop.Stage."""
        return draw_pairs(self.show, self.lessons.recording.pairs, count)

    def show(self, n: int) -> tuple[TrainingFrame, Tensor]:
        """See preview.Show."""
        device = self.setup.fabric.device
        (first, second), region = self.lessons.load_whole(n)
        self.state.generator.eval()
        with torch.no_grad():
            drawn = draw_second(self.setup.draw, (first.to(device), second.to(device)), region)
        self.state.generator.train()
        return second, drawn

    def _learn(self, pair: TrainingPair, share: float) -> Terms:
        device = self.setup.fabric.device
        return add_pair_gradients(self.setup, (pair[0].to(device), pair[1].to(device)), share)


def draw_second(draw: Callable[[Conditioning, Tensor], Composite], pair: TrainingPair, region: Region) -> Tensor:
    """(1, 3, H, W) frame t of a pair as rendering draws it: after frame t - 1, in the region, before its plate.

    Args:
        pair: on the device of the drawing, uncut.
    """
    given = [frame.conditioning.crop(region) for frame in pair]
    first = draw(given[0], torch.zeros_like(given[0].plate))
    return region.paste(draw(given[1], first.frame).frame, pair[1].conditioning.plate)
