"""The baseline without training: every frame is the real frame of the target whose pose is nearest to the wanted one.

Retrieval of existing frames is the idea of Video Rewrite (Bregler et al. 1997) and a baseline of Chan et al. 2019. Each
picture is real, so sharpness and identity are perfect; what is wrong is the pose between the poses that were filmed,
and that nothing ties one frame to the next.

Shapes: N frames of the target, T wanted ones, H x W pixels of the canvas.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.performer.references import ReferenceBank
from choreograft.pose import skeleton
from choreograft.pose.estimator import SEEN
from choreograft.pose.track import PoseTrack

MIN_SHARED: Final = 0.5
"""Share of the wanted joints that a frame of the target must show to be a candidate."""


class NearestFrames:
    """Draws a track with the frames of a recording."""

    def __init__(
        self, frames: NDArray[np.uint8], xy: NDArray[np.float32], seen: NDArray[np.bool_], empty: NDArray[np.uint8]
    ) -> None:
        """Keep the frames to choose from.

        Args:
            frames: (N, H, W, 3) RGB; may be a memory map.
            xy: (N, 17, 2) px the body joints in them. seen: (N, 17) which of those are known.
            empty: (H, W, 3) what is shown where nobody is to be seen.
        """
        self._frames, self._xy, self._seen, self._empty = frames, xy, seen, empty

    @staticmethod
    def of_tracks(frames: NDArray[np.uint8], tracks: Sequence[PoseTrack], empty: NDArray[np.uint8]) -> "NearestFrames":
        """With frames whose tracks, clip after clip, are known in canvas pixels."""
        xy = np.concatenate([track.xy[:, skeleton.BODY] for track in tracks])
        return NearestFrames(
            frames, xy, np.concatenate([track.seen(SEEN)[:, skeleton.BODY] for track in tracks]), empty
        )

    @staticmethod
    def of_bank(bank: ReferenceBank, empty: NDArray[np.uint8]) -> "NearestFrames":
        """With the references of a performer, whose poses are those of their bodies."""
        joints = [body.camera.project(body.points[:, skeleton.BODY]) for body in bank.bodies]
        xy = np.concatenate(joints).astype(np.float32)
        return NearestFrames(bank.frames, xy, np.ones(xy.shape[:2], np.bool_), empty)

    def draw(self, track: PoseTrack) -> Iterator[NDArray[np.uint8]]:
        """(H, W, 3) for every frame of a track in canvas pixels."""
        for n in self.choose(track):
            yield self._empty if n is None else self._frames[n]

    def choose(self, track: PoseTrack) -> Iterator[int | None]:
        """The frame for every one of a track in canvas pixels; None where nobody is to be seen."""
        seen = track.seen(SEEN)[:, skeleton.BODY]
        for xy, wanted in zip(track.xy[:, skeleton.BODY], seen, strict=True):
            yield self.find(xy, wanted) if wanted.any() else None

    def find(self, xy: NDArray[np.float32], wanted: NDArray[np.bool_]) -> int:
        """The frame with the smallest mean distance over the joints seen in both.

        Args:
            xy: (17, 2) body joints, canvas px. wanted: (17,) which of them are known; at least one.
        """
        shared = self._seen & wanted
        gaps = np.linalg.norm(np.where(shared[..., None], self._xy - xy, 0), axis=-1)  # (N, 17) px
        count = shared.sum(axis=1)
        mean = gaps.sum(axis=1) / np.maximum(count, 1)
        return int(np.lexsort((mean, count < MIN_SHARED * wanted.sum()))[0])
