"""Which pair of consecutive frames each training step sees, and that pair as tensors.

The order is a function of the seed and the step alone, so a resumed run goes on exactly where it stopped.
Shapes: B = 1, H x W pixels.
"""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from choreograft.performer.images import to_tensor
from choreograft.performer.staging import Conditioning, Staging
from choreograft.training.recording import Recording

IMAGES_PER_STEP: Final = 2


@dataclass(frozen=True)
class TrainingFrame:
    """One real frame with all that its drawing is given and judged by."""

    conditioning: Conditioning
    real: Tensor
    """(1, 3, H, W) in [-1, 1]."""
    mask: Tensor
    """(1, 1, H, W) in [0, 1]."""

    def to(self, device: torch.device) -> "TrainingFrame":
        """The same on another device."""
        return TrainingFrame(self.conditioning.to(device), self.real.to(device), self.mask.to(device))


TrainingPair = tuple[TrainingFrame, TrainingFrame]
"""The frames t - 1 and t of the method."""


def pair_at(step: int, pairs: int, seed: int) -> int:
    """The pair of a step: every epoch is a permutation of its own, seeded by (seed, epoch)."""
    epoch, place = divmod(step, pairs)
    return int(np.random.default_rng((seed, epoch)).permutation(pairs)[place])


def load_frame(recording: Recording, n: int, staging: Staging) -> TrainingFrame:
    """Frame n of the recording, on the CPU."""
    track, t = recording.pose_at(n)
    plate = to_tensor(recording.plates[recording.clip_of[n]])
    conditioning = staging.describe(track, t, plate)
    return TrainingFrame(conditioning, to_tensor(recording.frames[n])[None], to_tensor(recording.masks[n])[None])


def load_pair(recording: Recording, step: int, seed: int, staging: Staging) -> TrainingPair:
    """The pair of consecutive frames that belongs to a step."""
    n = int(recording.pairs[pair_at(step, len(recording.pairs), seed)])
    return load_frame(recording, n, staging), load_frame(recording, n + 1, staging)


def stream_pairs(recording: Recording, first_step: int, seed: int, staging: Staging) -> Generator[TrainingPair]:
    """The pairs of `first_step` and all steps after it; the next one is drawn while the present one is trained on."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pairs") as worker:
        step = first_step
        coming = worker.submit(load_pair, recording, step, seed, staging)
        while True:
            present = coming.result()
            step += 1
            coming = worker.submit(load_pair, recording, step, seed, staging)
            yield present
