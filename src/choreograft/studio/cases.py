"""The standard pairs by which motion transfer is measured, each hard in a way of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from choreograft.errors import OptionError
from choreograft.options import STANDARD_SET, StudioOptions
from choreograft.progress import Progress, silent
from choreograft.studio.camera import Camera
from choreograft.studio.pairs import Pair, PairSpec, render_pair
from choreograft.studio.performers import find_performer
from choreograft.studio.render import check_routine
from choreograft.studio.room import ROOMS
from choreograft.video.size import Size

TARGET_CAMERA = Camera(Size(360, 480), height_m=1.1, distance_m=4.6, view_m=2.85)
CLOSE_CAMERA = Camera(Size(360, 480), height_m=1.36, distance_m=3.0, view_m=1.4)
TARGET_ROOM = "living room"
MIN_HEIGHT = 120
"""Of rendered clips, px: in smaller ones nobody is found."""

_SPECS = (
    PairSpec(
        name="same_build", target="ada", source="dina", motion="improvise", seed=11,
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(432, 576), height_m=1.2, distance_m=4.4, view_m=2.6, pitch_deg=2.0),
        source_room="studio",
    ),
    PairSpec(
        name="short_to_tall", target="ada", source="fay", motion="dance",
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(640, 360), height_m=1.1, distance_m=4.2, view_m=2.2, pitch_deg=4.0),
        source_room="hall",
    ),
    PairSpec(
        name="broad_to_slim", target="ada", source="emil", motion="improvise", seed=12,
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(400, 560), height_m=1.15, distance_m=4.8, view_m=3.0),
        source_room="brick", source_light="warm side",
    ),
    PairSpec(
        name="camera_30", target="ada", source="gus", motion="kicks",
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(640, 480), height_m=1.3, distance_m=4.4, view_m=2.6, pitch_deg=3.0, azimuth_deg=30.0),
        source_room="studio", source_light="warm side",
    ),
    PairSpec(
        name="camera_low", target="ada", source="bruno", motion="squats",
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(576, 480), height_m=0.22, distance_m=3.2, view_m=2.1, pitch_deg=-12.0),
        source_room="hall", source_light="dim",
    ),
    PairSpec(
        name="walk_in_depth", target="ada", source="seed-3", motion="walk",
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(600, 450), height_m=1.4, distance_m=4.6, view_m=2.5, pitch_deg=5.0),
        source_room="brick",
    ),
    PairSpec(
        name="fast_turn", target="ada", source="seed-8", motion="turns",
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(480, 640), height_m=1.25, distance_m=4.2, view_m=2.9, pitch_deg=3.0),
        source_room="studio", source_light="dim",
    ),
    PairSpec(
        name="front_only", target="ada", source="seed-8", motion="turns", shown="gestures",
        target_camera=TARGET_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(480, 640), height_m=1.25, distance_m=4.2, view_m=2.9, pitch_deg=3.0),
        source_room="studio", source_light="dim",
    ),
    PairSpec(
        name="close_up", target="ada", source="seed-5", motion="gestures",
        target_camera=CLOSE_CAMERA, target_room=TARGET_ROOM,
        source_camera=Camera(Size(512, 384), height_m=1.3, distance_m=2.8, view_m=1.3),
        source_room="hall", source_light="warm side",
    ),
)  # fmt: skip

CASES: Mapping[str, PairSpec] = {spec.name: spec for spec in _SPECS}
"""All but `front_only` and `close_up` share one target clip, so one trained performer serves them."""

DEFINED_BY_SOURCE = ("same_build", "short_to_tall", "broad_to_slim")
"""Cases about who the source is; the others are about camera or motion."""


def find_case(name: str) -> PairSpec:
    """Look up one of `CASES`.

    Raises:
        OptionError: there is none of that name.
    """
    if name not in CASES:
        raise OptionError(f"no case is called {name!r}; there are {', '.join(CASES)}")
    return CASES[name]


def with_seed(spec: PairSpec, seed: int) -> PairSpec:
    """Another instance of a case: another dance in another room, by another person unless the case is about them.

    Seed 0 is the standard case; the target and its clip stay as they are. The scripted `dance`, which has one form
    only, gives way to an improvised one.
    """
    if seed == 0:
        return spec
    random = np.random.default_rng([seed, *spec.name.encode()])
    motion = "improvise" if spec.motion == "dance" else spec.motion
    source = spec.source if spec.name in DEFINED_BY_SOURCE else f"seed-{random.integers(1000, 10**6)}"
    rooms = [room for room in ROOMS if room not in (spec.target_room, spec.source_room)]
    return replace(
        spec,
        motion=motion,
        source=source,
        source_room=str(rooms[random.integers(len(rooms))]),
        seed=int(random.integers(1000, 10**6)),
    )


def _at_height(spec: PairSpec, height_px: int) -> PairSpec:
    """The same pair in more or fewer pixels: so many rows of the target, the source in proportion."""
    factor = height_px / spec.target_camera.size.height
    target, source = (
        replace(camera, size=Size(*(2 * round(side * factor / 2) for side in camera.size)))
        for camera in (spec.target_camera, spec.source_camera)
    )
    return replace(spec, target_camera=target, source_camera=source)


def render_cases(specs: Iterable[PairSpec], folder: Path, progress: Progress = silent) -> list[Pair]:
    """Render each pair into `folder`/name; what is there and whole stays.

    Raises:
        As `render_pair`.
    """
    return [render_pair(spec, folder / spec.name, progress) for spec in specs]


def render_chosen(options: StudioOptions, progress: Progress = silent) -> list[Pair]:
    """Render the cases that the command line names, with what it changes about them.

    Raises:
        OptionError: there is no such case, performer or routine; a length or seed that makes no sense.
        As `render_pair`.
    """
    if options.seconds is not None and not options.seconds > 0:
        raise OptionError(f"--seconds is {options.seconds:g}; expected a number above zero")
    if options.seed < 0:
        raise OptionError(f"--seed is {options.seed}; expected 0, the standard set, or a number above it")
    names = tuple(CASES) if STANDARD_SET in options.case else options.case
    given = {"target": options.target, "source": options.source, "motion": options.motion, "seconds": options.seconds}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    specs = [replace(with_seed(find_case(name), options.seed), **changes) for name in names]
    if options.height is not None:
        if options.height < MIN_HEIGHT:
            raise OptionError(f"--height is {options.height}; expected at least {MIN_HEIGHT} px")
        specs = [_at_height(spec, options.height) for spec in specs]
    for spec in specs:  # a wrong name is told before the first clip is rendered
        find_performer(spec.target)
        find_performer(spec.source)
        check_routine(spec.motion)
    return render_cases(specs, options.folder, progress)
