"""How performers are filmed: the camera, the lamps, the beat, and the true pose track of what the camera saw.

Lamps are so far away that their light is parallel; only the direction from their place to where they point counts. The
true track is the skeleton itself, projected, instead of an estimate.
The beat is a drum on the beat, a brush between the beats, a chord that changes every bar.

Shapes: T frames, N sound samples, J = 133 joints; ... any leading axes. Stage axes in, pixels out
(docs/conventions.md, "Pixels").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.body.model import Body
from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.studio import read_table
from choreograft.studio.performers import Colour
from choreograft.studio.posing import Poses
from choreograft.studio.routines import BAR_BEATS, BEAT_S
from choreograft.video.size import Size

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Looks at the vertical line over the performer's spot, the stage's origin, without roll."""

    size: Size
    """Of its pictures, px."""
    height_m: float
    """Of the lens above the floor."""
    distance_m: float
    """From the performer's spot."""
    view_m: float
    """How much height it sees at the performer's spot."""
    pitch_deg: float = 0.0
    """How far it looks down."""
    azimuth_deg: float = 0.0
    """How far it has walked around the performer's spot: 0 in front, positive towards +x, a performer's left."""

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.size.height * self.distance_m / self.view_m

    @property
    def position(self) -> Array:
        """(3,) m, stage axes."""
        return np.asarray(self._walk @ [0.0, -self.distance_m, self.height_m])

    @property
    def axes(self) -> Array:
        """(3, 3) rows: the picture's x, its y (down) and the viewing direction, in stage axes."""
        angle = np.deg2rad(self.pitch_deg)
        ahead = np.array([[1, 0, 0], [0, -np.sin(angle), -np.cos(angle)], [0, np.cos(angle), -np.sin(angle)]])
        return np.asarray(ahead @ self._walk.T)

    @property
    def _walk(self) -> Array:
        """(3, 3) the turn about the vertical that takes the place in front of the performer to the camera's."""
        cosine, sine = np.cos(np.deg2rad(self.azimuth_deg)), np.sin(np.deg2rad(self.azimuth_deg))
        return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])

    def place(self, points: Array) -> Array:
        """Stage points (..., 3) in the camera's axes: x right, y down, z away, m from the lens."""
        return np.asarray((points - self.position) @ self.axes.T)

    def project(self, points: Array) -> Array:
        """Stage points (..., 3) to pixels (..., 2); NaN stays NaN."""
        x, y, z = np.moveaxis(self.place(points), -1, 0)
        return np.stack(
            [self.size.width / 2 + self.focal_px * x / z, self.size.height / 2 + self.focal_px * y / z], axis=-1
        )


Place = tuple[float, float, float]
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Lamp:
    """One source of parallel light."""

    place: Place
    """m, stage axes."""
    aim: Place
    """Where it points, m."""
    intensity: float
    colour: Colour = WHITE


@dataclass(frozen=True)
class Light:
    """How a scene is lit."""

    performer: tuple[Lamp, ...]
    room: tuple[Lamp, ...]
    shadow_slant: tuple[float, float]
    """How far the shadow of a point falls to the right and away, per metre of its height."""
    shadow_darkness: float
    """The share of its light that the floor loses under the performer."""
    ambient: float = 1.0
    """Light from everywhere, as a share of what each surface takes in soft light."""


def _light(performer: Sequence[Sequence[Any]], room: Sequence[Sequence[Any]], **how: Any) -> Light:
    return Light(tuple(Lamp(*lamp) for lamp in performer), tuple(Lamp(*lamp) for lamp in room), **how)


LIGHTS: Mapping[str, Light] = {name: _light(**light) for name, light in read_table("rooms.toml")["lights"].items()}


def switch_on(plotter: Any, pv: Any, lamps: Sequence[Lamp]) -> None:
    """Add lamps to a plotter's scene."""
    for lamp in lamps:
        colour = [value / 255 for value in lamp.colour]
        plotter.add_light(pv.Light(position=lamp.place, focal_point=lamp.aim, color=colour, intensity=lamp.intensity))


def find_joints(body: Body, poses: Poses) -> Array:
    """(T, J, 3) m, stage axes."""
    joints = []
    for rotations, origins in zip(poses.rotations, poses.origins, strict=True):
        joints.append(body.joints(body.skin(body.vertices, body.weights, rotations, origins), rotations, origins))
    return np.stack(joints)


def true_track(joints: Array, camera: Camera, rate: Fraction, masks: MaskSequence | None) -> PoseTrack:
    """What a perfect estimator would have found.

    Args:
        joints: (T, J, 3) m, stage axes, NaN where unknown.
        camera: that saw them.
        rate: frames per second.
        masks: of the person, or None.
    """
    T = len(joints)
    seen = camera.place(joints)  # camera axes, m
    hips = seen[:, list(skeleton.HIPS)].mean(axis=1, keepdims=True)
    px_per_m = camera.focal_px / hips[..., 2]
    return PoseTrack(
        size=camera.size,
        rate=rate,
        time_s=np.arange(T) / float(rate),
        xy=camera.project(joints).astype(np.float32),
        score=np.asarray(np.isfinite(joints).all(axis=-1), dtype=np.float32),
        depth=((seen - hips)[..., 2] * px_per_m).astype(np.float32),
        world=(seen - hips).astype(np.float32),
        present=np.ones(T, dtype=np.bool_),
        masks=masks,
    )


RATE_HZ = 48_000
CHORDS_HZ = ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (196.0, 246.94, 293.66), (164.81, 196.0, 246.94))
LOUDNESS = 0.5
"""Peak of the whole, 0..1."""


def make_rhythm(seconds: float) -> NDArray[np.float32]:
    """(N,) mono samples, -1..1, at `RATE_HZ`; the first beat falls on the first sample."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    since_beat = time_s % BEAT_S
    since_off_beat = (time_s + BEAT_S / 2) % BEAT_S
    sound = 0.9 * _drum(since_beat) + 0.12 * _brush(since_off_beat) + 0.35 * _chords(time_s)
    fade = np.clip((seconds - time_s) / 0.2, 0, 1)
    return np.asarray(LOUDNESS * fade * sound / np.abs(sound).max(), dtype=np.float32)


def _drum(since_s: Array) -> Array:
    """A drum's skin: a tone that falls from 110 to 50 Hz while it dies away."""
    phase = 2 * np.pi * (50 * since_s + 60 * 0.04 * (1 - np.exp(-since_s / 0.04)))
    return np.asarray(np.sin(phase) * np.exp(-since_s / 0.12))


def _brush(since_s: Array) -> Array:
    noise = np.random.default_rng(7).standard_normal(len(since_s))
    return np.asarray(np.diff(noise, prepend=0.0) * np.exp(-since_s / 0.03))


def _chords(time_s: Array) -> Array:
    bar_s = BAR_BEATS * BEAT_S
    bar = (time_s // bar_s).astype(int) % len(CHORDS_HZ)
    swell = np.sin(np.pi * (time_s % bar_s) / bar_s)
    tones = np.sin(2 * np.pi * np.asarray(CHORDS_HZ)[bar].T * time_s)
    return np.asarray(swell * tones.mean(axis=0))
