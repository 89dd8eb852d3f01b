"""What a pose estimator has to offer, so that MediaPipe is one of several.

An estimator works in two steps, because only one of the people in a frame deserves the costly second one:
`find_people` is run on every frame in order, `add_detail` on the frames and the person that were chosen.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

SEEN: Final = 0.3
"""Score from which a joint says where its person is."""


@dataclass(frozen=True)
class Person:
    """One person in one frame; J = 133 joints in COCO-WholeBody order, px of that frame."""

    xy: NDArray[np.float32]
    """(J, 2), NaN where unseen."""
    score: NDArray[np.float32]
    """(J,) 0..1, 0 where unseen."""
    depth: NDArray[np.float32]
    """(J,) see `PoseTrack.depth`."""
    world: NDArray[np.float32]
    """(J, 3) see `PoseTrack.world`."""
    mask: NDArray[np.uint8] | None = None
    """(h, w) 255 = person, any resolution of the frame's shape."""


class PoseEstimator(Protocol):
    """Finds people and their joints. Use as a context manager: models hold native resources."""

    @property
    def name(self) -> str:
        """Names the estimator and its models' versions: part of the key under which tracks are cached."""
        ...

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        """Everybody in an RGB frame (H, W, 3), body and feet; frames come in order of `time_s`."""
        ...

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        """The same person with hands and face; joints that cannot be found stay as they are."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
