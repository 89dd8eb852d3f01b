"""Which pair of consecutive frames each training step sees, and that pair as tensors.

The order is a function of the seed and the step alone, so a resumed run goes on exactly where it stopped.
Shapes: B = 1, H x W pixels.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count

import numpy as np

from choreograft.performer.device import run_ahead
from choreograft.performer.images import to_tensor
from choreograft.performer.region import Region
from choreograft.performer.staging import Staging
from choreograft.training.frames import TrainingFrame, TrainingPair
from choreograft.training.guides import Guides
from choreograft.training.recording import Recording


def pair_at(step: int, pairs: int, seed: int) -> int:
    """The pair of a step: every epoch is a permutation of its own, seeded by (seed, epoch)."""
    epoch, place = divmod(step, pairs)
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

    def load_pair(self, n: int, occasion: int = 0) -> TrainingPair:
        """Frames n and n + 1, cut to the same region."""
        pair = self.load_frame(n, occasion), self.load_frame(n + 1, occasion)
        if self.region_of is None:
            return pair
        region = self.region_of(n)
        return pair[0].crop(region), pair[1].crop(region)

    def load_frame(self, n: int, occasion: int = 0) -> TrainingFrame:
        """Frame n of the recording, whole, on the CPU; `occasion` as in `Guides.draw`."""
        recording = self.recording
        track, t = recording.pose_at(n)
        plate = to_tensor(recording.plate_at(n))
        guide = None if self.guides is None else self.guides.draw(n, occasion)
        return TrainingFrame(
            self.staging.describe(track, t, plate, guide),
            to_tensor(recording.frames[n])[None],
            to_tensor(recording.masks[n])[None],
        )


def load_pair(lessons: Lessons, step: int, seed: int) -> TrainingPair:
    """The pair of consecutive frames that belongs to a step."""
    pairs = lessons.recording.pairs
    return lessons.load_pair(int(pairs[pair_at(step, len(pairs), seed)]), step)


def stream_pairs(lessons: Lessons, first_step: int, seed: int) -> Generator[TrainingPair]:
    """The pairs of `first_step` and all steps after it; the next one is drawn while the present one is trained on."""
    return run_ahead((load_pair(lessons, step, seed) for step in count(first_step)), "pairs")
