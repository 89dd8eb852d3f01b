"""How the tracker's joints differ from the body model's: makes src/choreograft/body/keypoint_offsets.py.

    python benchmarks/keypoint_offsets.py            # twenty minutes on 2 cores

Performers dance before cameras all around them, the tracker follows them, and each joint's mean offset from where the
body model has it is found in the frame of the bone that carries it: robust least squares over all frames, left and
right together as mirror images (keypoint_fit.py). Some of the clips are held out; on them the offsets are tested.

Shapes: T frames, N frames of all clips, J = 23 joints of body and feet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from choreograft.body.energy import LIMBS
from choreograft.body.keypoint_offsets import LimbDepth
from choreograft.files import atomic_path
from choreograft.pose import skeleton
from choreograft.pose.tracking import TrackingConfig, load_or_track
from choreograft.studio.costume import costume_of
from choreograft.studio.filming import Camera, find_joints
from choreograft.studio.render import Take, perform, render_clip
from choreograft.video.size import Size
from keypoint_fit import (
    J,
    Sample,
    World,
    bone_of,
    fit_flat,
    fit_world,
    is_right,
    kind_of,
    pairs,
    place_flat,
    place_world,
)

Array = NDArray[np.float64]

TABLE = Path(__file__).parents[1] / "src/choreograft/body/keypoint_offsets.py"
SECONDS, RATE = 4.8, Fraction(15)
SIZE = Size(360, 480)
SEEN = 0.5


def _take(
    performer: str, routine: str, seed: int, room: str, light: str, height_m: float, pitch: float, azimuth: float
) -> Take:
    camera = Camera(SIZE, height_m, distance_m=4.4, view_m=2.9, pitch_deg=pitch, azimuth_deg=azimuth)
    return Take(performer, routine, room, camera, SECONDS, RATE, seed=seed, light=light)


FITTED = (
    _take("seed-101", "improvise", 101, "studio", "soft", 1.1, 0.0, 0.0),
    _take("seed-102", "improvise", 102, "hall", "warm side", 1.4, 5.0, 35.0),
    _take("seed-103", "improvise", 103, "brick", "soft", 0.6, -6.0, -35.0),
    _take("seed-104", "improvise", 104, "living room", "dim", 1.2, 1.0, 75.0),
    _take("seed-105", "improvise", 105, "studio", "warm side", 1.3, 3.0, -75.0),
    _take("seed-106", "improvise", 106, "hall", "soft", 1.9, 12.0, 15.0),
    _take("seed-107", "dance", 0, "living room", "soft", 1.0, 0.0, -15.0),
    _take("seed-108", "improvise", 108, "brick", "warm side", 1.1, 0.0, 110.0),
    _take("seed-109", "showcase", 109, "studio", "soft", 1.2, 2.0, 50.0),
)  # fmt: skip
HELD_OUT = (
    _take("seed-111", "improvise", 111, "brick", "soft", 1.1, 0.0, 10.0),
    _take("seed-112", "improvise", 112, "studio", "warm side", 1.5, 6.0, -50.0),
    _take("seed-113", "dance", 0, "hall", "soft", 0.8, -4.0, 25.0),
)


@dataclass(frozen=True)
class Options:
    """Where to work."""

    folder: Path = Path("benchmark_runs/keypoint_offsets")
    """For clips and tracks; those that are there already are used."""
    table: Path = TABLE


def main(options: Options) -> None:
    """Film, track, fit, test, write."""
    options.folder.mkdir(parents=True, exist_ok=True)
    fitted, held_out = ([film(take, options.folder) for take in takes] for takes in (FITTED, HELD_OUT))
    flat, world = fit_flat(fitted), fit_world(fitted)
    tell(fitted, held_out, flat, world)
    write_table(options.table, flat, world, tell_depths([*fitted, *held_out], world))


def film(take: Take, folder: Path) -> Sample:
    """Render and track a clip."""
    name = f"{take.performer}-{take.routine}"
    clip = render_clip(take, folder / f"{name}.mp4")
    track = load_or_track(clip.video, folder, TrackingConfig(max_people=1))
    body = costume_of(take.performer).body
    poses = perform(body, take)
    bones = [body.bone(bone_of(joint)) for joint in range(J)]
    mirror = np.where([is_right(joint) for joint in range(J)], -1.0, 1.0)[:, None, None]
    turns = take.camera.axes @ poses.rotations[:, bones]
    turns[..., :1] *= mirror
    unseen = ~track.seen(SEEN)[:, :J, None]
    print(f"{name}: {len(track)} frames, {np.mean(~unseen):.0%} of the joints seen", flush=True)
    return Sample(
        name, take.camera.place(find_joints(body, poses)[:, :J]), turns, take.camera.pitch_deg, take.camera.focal_px,
        np.asarray(take.camera.size) / 2, body.height_m,
        np.where(unseen, np.nan, track.xy[:, :J]), np.where(unseen, np.nan, track.world[:, :J]),
    )  # fmt: skip


def tell(fitted: Sequence[Sample], held_out: Sequence[Sample], flat: Array, world: World) -> None:
    """Print errors before and after, in % of the body height, and what the depths are worth."""
    nothing = np.zeros((J, 3))
    lean = f"{world.lean_deg:.1f} degrees and {world.lean_per_pitch:+.2f} a degree of pitch"
    print(f"\nworld landmarks: {world.height_m:.3f} m tall, leaning {lean}")
    print("| joint | picture, before | after | world, before | right size | and lean | after |")
    print("|---|---|---|---|---|---|---|")
    columns = [
        flat_errors(held_out, nothing),
        flat_errors(held_out, flat),
        world_errors(held_out, None),
        world_errors(held_out, World(world.height_m, 0.0, 0.0, nothing)),
        world_errors(held_out, World(world.height_m, world.lean_deg, world.lean_per_pitch, nothing)),
        world_errors(held_out, world),
    ]
    for pair in pairs():
        cells = [f"{np.nanmean(column[:, list(pair)]):.2f}" for column in columns]
        print(f"| {kind_of(pair[0]).replace('_', ' ')} | {' | '.join(cells)} |")
    body = [f"{np.nanmean(np.nanmean(column[:, skeleton.BODY], axis=0)):.2f}" for column in columns]
    print(f"| mean of the 17 body joints | {' | '.join(body)} |")
    in_sample = [np.nanmean(np.nanmean(flat_errors(fitted, o)[:, skeleton.BODY], axis=0)) for o in (nothing, flat)]
    print(f"the same in the pictures of the fitted clips: {in_sample[0]:.2f}, {in_sample[1]:.2f}")


def flat_errors(samples: Sequence[Sample], offsets: Array) -> Array:
    """(N, J) distance in the picture, % of the body height."""
    parts = []
    for s in samples:
        px_per_height = s.focal_px * s.height_m / s.hips[..., 2]
        parts.append(100 * np.linalg.norm(s.xy - place_flat(s, offsets), axis=-1) / px_per_height)
    return np.concatenate(parts)


def world_errors(samples: Sequence[Sample], world: World | None) -> Array:
    """(N, J) distance in space, % of the body height; of the landmarks as they come where `world` is None."""
    parts = []
    for s in samples:
        expected = world or World(s.height_m, 0.0, 0.0, np.zeros((J, 3)))
        parts.append(100 * np.linalg.norm(s.world / expected.height_m - place_world(s, expected), axis=-1))
    return np.concatenate(parts)


def tell_depths(samples: Sequence[Sample], world: World) -> Mapping[str, LimbDepth]:
    """How found depths of limbs follow the true ones once the lean is taken out; printed, too."""
    print("\n| limb | slope of depth on true depth | offset, % of height | scatter |\n|---|---|---|---|")
    depths = {}
    for name in dict.fromkeys(limb for limb, _, _ in LIMBS):
        ways = [(list(starts), list(ends)) for limb, starts, ends in LIMBS if limb == name]
        true, found = (
            np.concatenate([d[:, ends].mean(1) - d[:, starts].mean(1) for d in of for starts, ends in ways])
            for of in ([s.joints[..., 2] / s.height_m for s in samples], [_upright(s, world) for s in samples])
        )
        known = np.isfinite(found)
        slope, offset = np.polyfit(true[known], found[known], 1)
        scatter = float((found[known] - slope * true[known] - offset).std())
        depths[name] = LimbDepth(float(slope), float(offset), scatter)
        print(f"| {name} | {slope:.2f} | {100 * offset:+.1f} | {100 * scatter:.1f} |")
    return depths


def _upright(sample: Sample, world: World) -> Array:
    """(N, J) depth of the landmarks in body heights, their lean undone."""
    lean = np.deg2rad(world.lean_deg + world.lean_per_pitch * sample.pitch_deg)
    return np.asarray((np.cos(lean) * sample.world[..., 2] - np.sin(lean) * sample.world[..., 1]) / world.height_m)


HEADER = '''"""How the tracker's joints differ from the body model's; made by benchmarks/keypoint_offsets.py.

The pose estimator "mediapipe" was trained on points that people marked, the body model names weighted means of its
vertices: shoulders, hips or heels of the two lie apart, by a constant step in the frame of the bone that carries them.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Offset(NamedTuple):
    """Where the tracker has a joint, seen from where the body model has it, for the person's left one."""

    bone: str
    """That carries the joint. For the right one its partner carries it, and x is turned round."""
    step: tuple[float, float, float]
    """x to the person's left, y backwards, z up, in the rest pose, in body heights."""


OFFSETS: Final[Mapping[str, Offset]] = {
@flat
}
"""By the joint's name without its side, from pictures. The tracker has no small toe."""

WORLD_LEAN_DEG: Final = @lean
WORLD_LEAN_PER_PITCH: Final = @more
"""The tracker's metric landmarks lean to the camera, turned about the picture's x by `WORLD_LEAN_DEG` where the camera
is level, and by `WORLD_LEAN_PER_PITCH` more for each degree that it looks down: the tracker takes part of the pitch
out."""


class LimbDepth(NamedTuple):
    """How the world landmarks see a limb's way in depth: found = `slope` * true + `offset`, give or take `scatter`."""

    slope: float
    offset: float
    """In body heights, as is the scatter."""
    scatter: float


LIMB_DEPTHS: Final[Mapping[str, LimbDepth]] = {
@limbs
}
"""Once the lean is taken out. The tracker flattens limbs that point to the camera or away from it; shoulders, hips and
head turn as they should."""
'''


def write_table(path: Path, flat: Array, world: World, depths: Mapping[str, LimbDepth]) -> None:
    """Write the module that holds the tables."""
    values = {
        "@flat": _rows(flat),
        "@lean": f"{world.lean_deg:.1f}",
        "@more": f"{world.lean_per_pitch:.2f}",
        "@limbs": "\n".join(
            f'    "{name}": LimbDepth({d.slope:.2f}, {d.offset:.3f}, {d.scatter:.3f}),' for name, d in depths.items()
        ),
    }
    text = HEADER
    for mark, value in values.items():
        text = text.replace(mark, value)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _rows(offsets: Array) -> str:
    rows = []
    for first, *_ in pairs():
        step = ", ".join(f"{value:.4f}" for value in np.round(offsets[first], 4) + 0.0)
        rows.append(f'    "{kind_of(first)}": Offset("{bone_of(first)}", ({step})),')
    return "\n".join(rows)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
