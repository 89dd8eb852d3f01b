"""Which real frames of both domains each step sees: at random, so that nothing pairs one with the other.

The order is a function of the seed and the step alone. Shapes: T frames, H x W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.errors import PersonError
from choreograft.files import atomic_path
from choreograft.performer.images import to_tensor
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.training.pairs import pair_at
from choreograft.training.recording import MAX_FRAMES, Clip, choose_frames, find_pairs
from choreograft.video.sample import sample_frames
from choreograft.video.size import Canvas, Size

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
