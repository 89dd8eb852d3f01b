"""The people of keypoint files, completed by an estimator's own.

The files bring places in the picture. Masks, depth and landmarks, and joints that the files never have (hands, face,
feet), are those of an estimator's person who stands where theirs does: their *double*.

Shapes: T frames, K = 17 body joints, J = 133 joints.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.estimator import Person, PoseEstimator
from choreograft.pose.limbs import PARENT
from choreograft.pose.sighting import SEEN

DOUBLES_RECIPE: Final = 1
"""Counts changes of this module that change tracks: part of the key under which they are cached."""
_NEAR: Final = 0.1
"""Of the longer side of the person's box: joints no farther apart are one, and people whose usual joint is not."""
_FEWEST_JOINTS: Final = 4
"""In common, of people who are held against each other."""
_EXCHANGE: Final = 0.05
"""By how much, in the same unit, exchanging sides must bring the usual joint nearer to be right."""


def find_lacking(frames: Iterable[Sequence[Person]]) -> NDArray[np.bool_]:
    """(J,) joints of hands, face and feet that nobody has in any frame: the other program's model has none."""
    lacking = ~np.any([one.score > 0 for frame in frames for one in frame], axis=0)
    lacking[skeleton.BODY] = False
    return np.asarray(lacking)


def _carrier(joint: int) -> int:
    while joint >= skeleton.BODY.stop:
        joint = PARENT[joint]
    return joint


_CARRIER: Final = np.array([_carrier(joint) for joint in range(skeleton.JOINTS)])
"""(J,) each body joint itself, wrist, nose or ankle of all others."""
DETAIL: Final = slice(skeleton.FACE.start, skeleton.JOINTS)
"""What a closer look finds."""


@dataclass(frozen=True)
class _Doubled(Person):
    """A person of the files with all that an estimator knows of them."""

    double: Person | None = None
    """As the estimator has them, without the mask."""


class Doubles:
    """An estimator that finds the people of keypoint files, each completed by what another one knows of their double.

    `find_people` has to be shown all frames, once.
    """

    def __init__(self, people: Sequence[Sequence[Person]], lacking: NDArray[np.bool_], models: PoseEstimator) -> None:
        """T frames of people, (J,) joints that none of them has, and who looks for doubles."""
        self._coming, self._lacking, self._models = iter(people), lacking, models

    @property
    def name(self) -> str:
        """The other one's."""
        return self._models.name

    def __enter__(self) -> Self:
        self._models = self._models.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._models.__exit__(kind, error, trace)

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        """The people whom the files have in the next frame."""
        found = self._models.find_people(image, time_s)
        return [self._complete(one, find_double(one, found)) for one in next(self._coming, ())]

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        """The same person with the double's hands and face, where the files have none."""
        if not isinstance(person, _Doubled) or person.double is None or not self._lacking[DETAIL].any():
            return person
        return self._complete(person, self._models.add_detail(image, person.double))

    def _complete(self, one: Person, double: Person | None) -> Person:
        if double is None:
            return one
        near = (_measure_off(one, double) <= _NEAR)[_CARRIER]
        added = near & self._lacking & (double.score > 0)
        known = near & ((one.score > 0) | added)
        return _Doubled(
            xy=np.where(added[:, None], double.xy, one.xy),
            score=np.where(added, double.score, one.score),
            depth=np.where(known, double.depth, np.float32(np.nan)),
            world=np.where(known[:, None], double.world, np.float32(np.nan)),
            mask=double.mask,
            double=replace(double, mask=None),
        )


def find_double(one: Person, found: Sequence[Person]) -> Person | None:
    """Who of an estimator's people is one of another's: whose joints, as a rule, lie where theirs do.

    Returns:
        That person, left and right exchanged where only then the joints lie there; None where nobody's do.
    """
    offs = [(usual, person) for person in found if (usual := _usual_off(one, person)) <= _NEAR]
    mirrored = [_exchange_sides(person) for person in found]
    offs += [(usual, person) for person in mirrored if (usual := _usual_off(one, person) + _EXCHANGE) <= _NEAR]
    return min(offs, key=lambda off: off[0])[1] if offs else None


def _usual_off(one: Person, other: Person) -> float:
    """The median of `_measure_off`; infinite where too few joints tell."""
    off = _measure_off(one, other)
    return float(np.nanmedian(off)) if np.isfinite(off).sum() >= _FEWEST_JOINTS else np.inf


def _measure_off(one: Person, other: Person) -> NDArray[np.float32]:
    """(K,) how far apart body joints are, in longer sides of the box of `one`'s; NaN where one of the two is unseen."""
    seen = (one.score >= SEEN) & (other.score >= SEEN)
    joints = one.xy[skeleton.BODY][one.score[skeleton.BODY] >= SEEN]
    size_px = np.ptp(joints, axis=0).max() if len(joints) else 0.0
    off = np.linalg.norm(one.xy - other.xy, axis=-1) / max(size_px, 1.0)
    return np.where(seen, off, np.float32(np.nan))[skeleton.BODY]


def _exchange_sides(person: Person) -> Person:
    at = list(skeleton.MIRROR)
    return replace(
        person, xy=person.xy[at], score=person.score[at], depth=person.depth[at], world=person.world[at]
    )  # fmt: skip
