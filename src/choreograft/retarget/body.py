"""Retargeting in 3D: the source's joint rotations, the target's shape, the target's camera and floor.

`carry_over` is the one call for all who draw or judge; without bodies, or where the user asks for it, it is the paper's
global normalisation (normalise.py). What that cannot know comes out right by construction: limbs keep the target's
lengths, a camera from the side or from below makes no difference, a squat stays a squat. What is decided here is where
the target stands, which way the dance faces, and that standing feet stand:

- Distances on the floor are counted in leg lengths. The source's usual place comes to lie on the target's usual place.
- The dance is turned about the vertical so that it faces where the target's footage faces, unless one of them turns
  about too much to face anywhere.
- Whoever would leave the target's picture, or come nearer or go farther than the target ever was plus some steps,
  travels less; the body does not shrink for it (docs/method.md, section 2).
- Feet that stand are held where they stand, the lowest sole on the floor; the legs follow by inverse kinematics.
- Hands that rest on the body in the source rest on it in the result.
- Where a clip does not show the feet, its legs are guessed, and with them the floor and the place on it. Then hips take
  the place of feet: their usual place comes to lie on the target's, and legs that were never seen are at rest.

Shapes: T frames. World axes of `choreograft.body`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from choreograft.body.body_track import BodyTrack, FloorCamera, join_bodies
from choreograft.body.shape import BodyShape
from choreograft.errors import FileFormatError
from choreograft.pose import skeleton
from choreograft.pose.clean import CARRIED
from choreograft.pose.shots import frames_by_shot
from choreograft.pose.track import PoseTrack
from choreograft.retarget.limbs import (
    LEG_JOINTS,
    SMOOTHING_S,
    hold_feet,
    put_on_floor,
    raise_pelvis,
    reach_with_arms,
    spread_legs,
    stand_still,
    step_s,
    usual_legs,
)
from choreograft.retarget.normalise import Stance, map_to_target, shrink_into

Array = NDArray[np.float64]

_TUPLES: Final = {"place_m": 2, "pelvis_m": 3, "legs_rad": 3 * len(LEG_JOINTS)}
"""Fields of a stage that are tuples of numbers, and of how many."""
_SHOWN_AS_A_RULE: Final = 0.5
"""Share of the frames in which the feet must be in the picture to tell where a body stands."""
_OUTSIDE: Final = 0.1
"""Share of the frames, from which on it is told that most of the person is not in them."""
_LEAST_FACING: Final = 0.5
"""Share of the frames that must face one way, give or take 50 degrees, for a clip to face anywhere."""
_LEAST_TURN_DEG: Final = 4.0
"""Smaller differences between where two clips face are the fit's own error."""
_DEPTH_SLACK_M: Final = 1.0
"""How much nearer or farther than the target ever was the result may come."""
_REST_S: Final = 0.5
"""Over which the hips are averaged where feet that were never seen stand below them."""
_CONTACT_M: Final = 0.1
"""Wrists nearer than this to a joint of the body rest on it."""


@dataclass(frozen=True)
class BodyStage:
    """All that retargeting has to know of the target's footage."""

    shape: BodyShape
    camera: FloorCamera
    place_m: tuple[float, ...]
    """Usual place on the floor: x, y of the world."""
    heading_rad: float
    """Where the person faces as a rule, about the vertical; 0 is towards the camera."""
    faces: float
    """How much they face one way, 0 (turning about) to 1."""
    near_m: float
    """The y at which they came nearest to the camera, outliers aside."""
    far_m: float
    pelvis_m: tuple[float, ...] | None = None
    """Usual place of the pelvis; None in performers of earlier versions."""
    shows_feet: bool = True
    """Whether the feet are in the picture as a rule; else `place_m`, `near_m` and `far_m` are those of the pelvis."""
    legs_rad: tuple[float, ...] = ()
    """How they usually stand: 24 numbers of `usual_legs`, none in performers of earlier versions."""

    @staticmethod
    def measure(body: BodyTrack) -> "BodyStage":
        """The stage of a fitted clip."""
        shown = body.present if body.present.any() else np.ones(len(body), np.bool_)
        heading, faces = _dominant(find_headings(body)[shown])
        shows_feet = _shows_feet(body, shown)
        places = (_floor_places(body) if shows_feet else body.pelvis[:, :2])[shown]
        near, far = np.percentile(places[:, 1], (2, 98))
        return BodyStage(
            shape=body.shape,
            camera=body.camera,
            place_m=_usual_place(places),
            heading_rad=heading,
            faces=faces,
            near_m=float(near),
            far_m=float(far),
            pelvis_m=_usual_place(body.pelvis[shown]),
            shows_feet=shows_feet,
            legs_rad=tuple(usual_legs(body, shown).ravel().tolist()),
        )

    def at_pelvis(self) -> "BodyStage":
        """The same stage, its places those of the pelvis."""
        assert self.pelvis_m is not None
        beyond = self.pelvis_m[1] - self.place_m[1]
        return replace(self, place_m=self.pelvis_m[:2], near_m=self.near_m + beyond, far_m=self.far_m + beyond)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        plain = asdict(self) | {"shape": self.shape.as_dict(), "camera": self.camera.as_dict()}
        numbers = {name: plain.pop(name) for name in _TUPLES}
        return plain | {name: list(values) for name, values in numbers.items() if values}

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> "BodyStage":
        """What `as_dict` wrote.

        Raises:
            FileFormatError: fields are missing or unknown.
        """
        try:
            numbers = {
                name: tuple(float(content[name][n]) for n in range(count))
                for name, count in _TUPLES.items()
                if name in content
            }
            shape, camera = BodyShape.from_dict(content["shape"]), FloorCamera.from_dict(content["camera"])
            return BodyStage(**{**content, "shape": shape, "camera": camera, **numbers})
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise FileFormatError(
                f"expected a body stage with shape, camera and place, found {error}; train the performer again"
            ) from error


def retarget_body(source: BodyTrack, target: BodyStage) -> BodyTrack:
    """The target's body doing what the source's body does, before the target's camera.

    Args:
        source: fitted to the source's clip. target: measured on the target's.
    Returns:
        A body of the source's times, with the target's shape and camera; a source retargeted onto its own stage comes
        back as it was, up to a standing foot's tremble.
    """
    stage = BodyStage.measure(source)
    by_feet = _go_by_feet(stage, target)
    if not by_feet:
        stage, target = stage.at_pelvis(), target.at_pelvis()
    stature = _find_stature(source.shape, target.shape, by_feet)
    turn = _turn_between(stage, target)
    places = _floor_places(source) if by_feet else source.pelvis[:, :2].astype(np.float64)
    steps = ((places - np.asarray(stage.place_m)) @ turn[:2, :2].T) * stature  # (T, 2) m
    over_place = ((source.pelvis[:, :2] - places) @ turn[:2, :2].T) * stature
    moved = replace(source, shape=target.shape, camera=target.camera, root=(turn @ source.root).astype(np.float32))
    kept = np.asarray(target.place_m) + _keep_on_stage(steps, over_place, moved, source, target) + over_place
    moved = replace(moved, pelvis=np.column_stack([kept, np.zeros(len(source))]).astype(np.float32))
    moved = spread_legs(moved, source, turn, stature)
    shots = frames_by_shot(source.shot)
    return join_bodies([_settle(moved.select(at), source.select(at), stage, target, stature) for at in shots])


def _settle(moved: BodyTrack, source: BodyTrack, stage: BodyStage, target: BodyStage, stature: float) -> BodyTrack:
    """All that looks at neighbouring frames, of one shot."""
    if _go_by_feet(stage, target):
        moved = hold_feet(put_on_floor(moved, source, stature))
    else:
        assert stage.pelvis_m is not None
        assert target.pelvis_m is not None
        height = target.pelvis_m[2] + (source.pelvis[:, 2] - stage.pelvis_m[2]) * stature  # as far from the usual one
        moved = raise_pelvis(moved, height - moved.pelvis[:, 2])
        if not stage.shows_feet:
            legs = np.asarray(target.legs_rad).reshape(-1, 3)
            moved = stand_still(moved, legs, find_headings(moved), _REST_S / step_s(moved))
    return _keep_contacts(moved, source, stature)


def _go_by_feet(source: BodyStage, target: BodyStage) -> bool:
    """Whether both show where they stand, or an earlier version's performer knows nothing else."""
    return (source.shows_feet and target.shows_feet) or target.pelvis_m is None


def to_pose_track(body: BodyTrack, source: BodyTrack, track: PoseTrack) -> PoseTrack:
    """The stick figure's joints of a retargeted body, in its camera's pixels.

    What the fit does not know, expressions and the tracker's own idea of a finger, is carried over in the picture:
    points of hands and face keep the source's small differences from its fitted body.

    Args:
        source: the body that was retargeted. track: the cleaned track it was fitted to; its scores, presence and times
            are kept, so that a joint that was not seen is not drawn.
    Returns:
        A track of the body's camera's size; depth and world landmarks are the body's.
    """
    joints = body.points[:, : skeleton.JOINTS].astype(np.float64)
    seen = body.camera.place(joints)
    hips = seen[:, list(skeleton.HIPS)].mean(1, keepdims=True)
    known = track.seen(float(np.finfo(np.float32).tiny))
    px_per_m = body.camera.focal_px / hips[..., 2]  # (T, 1)
    xy = body.camera.project(joints) + _find_details(source, track, px_per_m)
    local = seen - hips
    return replace(
        track,
        size=body.camera.size,
        xy=np.where(known[..., None], xy, np.nan).astype(np.float32),
        score=np.where(known, track.score, 0).astype(np.float32),
        depth=np.where(known, local[..., 2] * px_per_m, np.nan).astype(np.float32),
        world=np.where(known[..., None], local, np.nan).astype(np.float32),
        masks=None,
    )


def _find_details(source: BodyTrack, track: PoseTrack, px_per_m: Array) -> Array:
    """(T, 133, 2) px of the result: how hands and face differ from the source's body, seen from wrist and nose."""
    joints = source.points[:, : skeleton.JOINTS].astype(np.float64)
    off = np.nan_to_num(track.xy - source.camera.project(joints))
    hips = source.camera.place(joints)[:, list(skeleton.HIPS), 2].mean(1, keepdims=True)
    details = np.zeros_like(off)
    for part, carrier in CARRIED:
        details[:, part] = off[:, part] - off[:, carrier, None]
    return np.asarray(details * (px_per_m * hips / source.camera.focal_px)[..., None])


def describe_legs(name: str, source: BodyTrack) -> str | None:
    """A sentence about a source, of that name, whose feet are hardly ever in the picture; None about all others."""
    if BodyStage.measure(source).shows_feet:
        return None
    return (
        f"{name}: the feet are hardly ever in the picture, so nobody knows what the legs do; the result stands as"
        " the target usually does and moves from the hips up"
    )


def _find_stature(source: BodyShape, target: BodyShape, by_feet: bool) -> float:
    """How much longer the target's legs are than the source's; the trunks, where legs were not seen."""
    own, other = target.build(), source.build()
    return own.leg_m / other.leg_m if by_feet else own.trunk_m / other.trunk_m


def find_headings(body: BodyTrack) -> Array:
    """(T,) rad: which way the pelvis faces about the vertical, 0 towards the camera's side, positive to its right."""
    ahead = body.root @ np.array([0.0, -1.0, 0.0])
    return np.asarray(np.arctan2(ahead[:, 0], -ahead[:, 1]))


def _dominant(headings: Array) -> tuple[float, float]:
    """The direction most headings agree on, and how much they do, 0..1."""
    around = np.exp(1j * headings)
    middle = np.angle(np.median(around.real) + 1j * np.median(around.imag))
    close = np.abs(np.angle(around * np.exp(-1j * middle))) < np.deg2rad(50)
    if close.any():
        middle = np.angle(around[close].mean())
    return float(middle), float(close.mean())


def _turn_between(source: BodyStage, target: BodyStage) -> Array:
    """(3, 3) about the vertical: from where the source's dance faces to where the target's footage does."""
    angle = 0.0
    if source.faces >= _LEAST_FACING:
        towards = target.heading_rad if target.faces >= _LEAST_FACING else 0.0
        angle = float(np.angle(np.exp(1j * (towards - source.heading_rad))))
    if abs(angle) < np.deg2rad(_LEAST_TURN_DEG):
        angle = 0.0
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _shows_feet(body: BodyTrack, shown: NDArray[np.bool_]) -> bool:
    """Whether an ankle is in the picture in most of the shown frames (T,)."""
    ankles = body.camera.project(body.points[:, list(skeleton.ANKLES)])
    inside: NDArray[np.bool_] = np.all((ankles >= 0) & (ankles <= np.asarray(body.camera.size)), axis=-1)
    return bool(np.any(inside[shown], axis=1).mean() > _SHOWN_AS_A_RULE)


def _usual_place(places: NDArray[np.floating]) -> tuple[float, ...]:
    """Of places (T, C)."""
    return tuple(float(value) for value in np.median(places, axis=0))


def _floor_places(body: BodyTrack) -> Array:
    """(T, 2) where the body stands: between the ankles."""
    return np.asarray(body.points[:, list(skeleton.ANKLES), :2].mean(1), dtype=np.float64)


def _keep_on_stage(steps: Array, over_place: Array, moved: BodyTrack, source: BodyTrack, target: BodyStage) -> Array:
    """Steps (T, 2) m about the target's place, shrunk by one factor for depth and one for breadth where they must."""
    steps = steps.copy()
    nearest = min(target.near_m - _DEPTH_SLACK_M, target.place_m[1])
    farthest = max(target.far_m + _DEPTH_SLACK_M, target.place_m[1])
    low, high = np.percentile(steps[source.present, 1], (1, 99)) if source.present.any() else (0.0, 0.0)
    room = [
        (nearest - target.place_m[1]) / low if low < 0 else 1.0,
        (farthest - target.place_m[1]) / high if high > 0 else 1.0,
    ]
    steps[:, 1] *= min(1.0, *room)
    # breadth: the core of whoever is inside of the source's picture stays inside of the target's
    core = source.camera.project(source.points[:, skeleton.TRUNK])[..., 0]
    inside = ((core >= 0) & (core <= source.camera.size.width)).all(1) & source.present
    offsets = moved.points[:, skeleton.TRUNK] - moved.pelvis[:, None]
    depth = target.place_m[1] + steps[:, 1] + over_place[:, 1]
    half = target.camera.size.width / 2 / target.camera.focal_px * (depth[:, None] + offsets[..., 1])
    side = np.sign(steps[:, :1])
    bound = half - side * (target.place_m[0] + over_place[:, :1] + offsets[..., 0])  # how far to the side there is room
    steps[:, 0] *= shrink_into(bound, steps[:, :1], inside[:, None] & (np.abs(steps[:, :1]) > 1e-6))
    return steps


def _keep_contacts(moved: BodyTrack, source: BodyTrack, stature: float) -> BodyTrack:
    """Bring wrists that rest on head, shoulders, hips, knees or each other to the same place on the target's body."""
    anchors = [skeleton.NOSE, *skeleton.TRUNK, *skeleton.KNEES]
    wrists = list(skeleton.WRISTS)
    now, was = moved.points.astype(np.float64), source.points.astype(np.float64)
    turn = moved.root[0] @ source.root[0].T  # about the vertical, the same in every frame
    wanted = now[:, wrists].copy()
    for index, wrist in enumerate(wrists):
        other = wrists[1 - index]
        for anchor in (*anchors, other):
            offset = was[:, wrist] - was[:, anchor]
            weight = np.clip(1 - np.linalg.norm(offset, axis=1) / _CONTACT_M, 0, 1)[:, None] ** 0.5
            goal = now[:, anchor] + stature * offset @ turn.T
            if anchor == other:  # both hands go half of the way
                goal = (goal + now[:, wrist]) / 2
            wanted[:, index] += weight * (goal - wanted[:, index])
    sigma = SMOOTHING_S / step_s(moved)
    wanted = now[:, wrists] + gaussian_filter1d(wanted - now[:, wrists], sigma, axis=0, mode="nearest")
    return reach_with_arms(moved, wanted)


@dataclass(frozen=True)
class Standing:
    """All that retargeting knows of the target, in the pixels of one picture."""

    stance: Stance
    stage: BodyStage | None
    """None where no body was fitted to the target's footage."""


@dataclass(frozen=True)
class Motion:
    """What is to be drawn, in the pixels of one picture."""

    track: PoseTrack
    body: BodyTrack | None = None
    """The target's body doing it, of the same frames; None where nobody knows it."""


def carry_over(track: PoseTrack, body: BodyTrack | None, target: Standing) -> Motion:
    """A cleaned source track where, and how, the target would do it.

    Args:
        track: in the source's pixels. body: fitted to it; None for the global normalisation.
    Returns:
        The same frames in the pixels of the target's picture, without masks; with a body where one was given.
    Raises:
        PersonError: without a body, where the two people show no common measure.
    """
    if body is not None and target.stage is not None:
        moved = retarget_body(body, target.stage)
        return Motion(to_pose_track(moved, body, track), moved)
    return Motion(map_to_target(track, Stance.measure(track), target.stance))


def describe_absence(track: PoseTrack) -> str | None:
    """A sentence about somebody of whom most is outside of the picture; None about all others.

    Args:
        track: in the pixels of the picture that is asked for.
    """
    known = track.seen(float(np.finfo(np.float32).tiny))[:, : skeleton.FEET.start] & track.present[:, None]
    xy = track.xy[:, : skeleton.FEET.start]
    inside = known & (xy >= 0).all(-1) & (xy <= track.size).all(-1)
    shown = known.any(1)
    outside = float((inside.sum(1) < 0.5 * known.sum(1))[shown].mean()) if shown.any() else 0.0
    if outside <= _OUTSIDE:
        return None
    return (
        f"most of the person is outside of the picture in {outside:.0%} of the frames: the source or the target"
        " lies, is turned, or is followed wrongly; look at both with --preview-retarget"
    )
