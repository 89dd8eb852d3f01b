"""Which pair of consecutive frames each sample of a training is, and that pair as tensors.

The order is a function of the seed and the sample's number alone, so a resumed run goes on exactly where it stopped.
Shapes: B = 1, H x W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from choreograft.performer.region import Region
from choreograft.performer.staging import Staging, to_tensor
from choreograft.training.frames import TrainingFrame, TrainingPair
from choreograft.training.guides import Guides
from choreograft.training.recording import Recording
from choreograft.video.size import Size


def pair_at(sample: int, pairs: int, seed: int) -> int:
    """The pair of a sample: every epoch is a permutation of its own, seeded by (seed, epoch)."""
    epoch, place = divmod(sample, pairs)
    return int(np.random.default_rng((seed, epoch)).permutation(pairs)[place])


@dataclass(frozen=True)
class Lessons:
    """What a training run reads its frames from."""

    recording: Recording
    staging: Staging
    guides: Guides | None = None
    """For a staging that is guided."""
    region_of: Callable[[int], Region] | None = None
    """The part of the canvas that is trained on in frames n and n + 1; all of it where None."""
    halved: bool = False
    """Whether frames are given at half the canvas's size, all of it, as a coarse generator draws them."""

    def load_pair(self, n: int, occasion: int = 0) -> TrainingPair:
        """Frames n and n + 1, cut to the same region."""
        (first, second), region = self.load_whole(n, occasion)
        return first.crop(region), second.crop(region)

    def load_whole(self, n: int, occasion: int = 0) -> tuple[TrainingPair, Region]:
        """Frames n and n + 1 uncut, and the region of the canvas that the generator works on."""
        pair = self.load_frame(n, occasion), self.load_frame(n + 1, occasion)
        height, width = pair[0].real.shape[-2:]
        return pair, Region.whole(Size(width, height)) if self.region_of is None else self.region_of(n)

    def load_frame(self, n: int, occasion: int = 0) -> TrainingFrame:
        """Frame n of the recording, uncut, on the CPU; `occasion` as in `Guides.draw`."""
        recording = self.recording
        track, t = recording.pose_at(n)
        plate = to_tensor(recording.plate_at(n))
        guide = None if self.guides is None else self.guides.draw(n, occasion)
        frame = TrainingFrame(
            self.staging.describe(track, t, plate, guide),
            to_tensor(recording.frames[n])[None],
            to_tensor(recording.masks[n])[None],
        )
        return frame.halve() if self.halved else frame


def load_pair(lessons: Lessons, sample: int, seed: int) -> TrainingPair:
    """The pair of consecutive frames that is a sample."""
    pairs = lessons.recording.pairs
    return lessons.load_pair(int(pairs[pair_at(sample, len(pairs), seed)]), sample)
