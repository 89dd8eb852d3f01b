"""Pairs: two performers of different build, the same motion, so that the true result of a transfer exists.

A pair is three clips, each with its true track beside it: `target` shows one performer's range of motion, `source`
another performer's dance, and `truth` the first performer dancing it before the first camera, frame for frame. The
standard pairs, by which motion transfer is measured, are each hard in a way of their own.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from choreograft.errors import FileFormatError, OptionError
from choreograft.files import atomic_path, check_writable, content_hash, write_json
from choreograft.options import STANDARD_SET, StudioOptions
from choreograft.progress import Progress, silent
from choreograft.studio import read_table
from choreograft.studio.filming import Camera
from choreograft.studio.performers import find_performer
from choreograft.studio.render import Take, check_routine, is_whole, look_up, receipt_of, render_clip
from choreograft.studio.room import ROOMS
from choreograft.video.size import Size

FORMAT = "choreograft-pair"
VERSION = 1
PAIR_FILE = "pair.json"
CLIPS = ("target", "source", "truth")
TARGET_CAMERA = Camera(Size(360, 480), height_m=1.1, distance_m=4.6, view_m=2.85)


@dataclass(frozen=True, kw_only=True)
class PairSpec:
    """What a pair shows: two performers, one motion, and how each of them is filmed."""

    name: str
    target: str = "ada"
    """The performer who is learnt; one that `costume_of` knows, like the source."""
    source: str
    motion: str
    """One of `routines.ROUTINES`, or the path of a track (.npz) whose motion both imitate."""
    target_camera: Camera = TARGET_CAMERA
    source_camera: Camera
    target_room: str = "living room"
    source_room: str
    target_light: str = "soft"
    source_light: str = "soft"
    seconds: float = 4.0
    """Of the motion."""
    rate: Fraction = Fraction(24)
    """Of all three clips."""
    seed: int = 0
    """Which motion a routine draws that has more than one."""
    shown: str = "showcase"
    """What the target clip shows, one of `routines.ROUTINES`: all sides and many moves, or less."""
    showcase_seconds: float = 20.0
    """Of the target clip."""

    def takes(self) -> dict[str, Take]:
        """The three clips as takes, by the names in `CLIPS`."""
        source = Take(
            self.source, self.motion, self.source_room, self.source_camera, self.seconds, self.rate, seed=self.seed,
            light=self.source_light,
        )  # fmt: skip
        truth = replace(
            source, performer=self.target, room=self.target_room, camera=self.target_camera, light=self.target_light
        )
        target = replace(truth, routine=self.shown, seconds=self.showcase_seconds, seed=0)
        return {"target": target, "source": source, "truth": truth}


@dataclass(frozen=True)
class Pair:
    """A rendered pair: three videos, and the true track of each beside it."""

    folder: Path
    spec: PairSpec

    @property
    def name(self) -> str:
        """The spec's."""
        return self.spec.name

    @property
    def target(self) -> Path:
        """The video of the performer who is learnt."""
        return self.folder / "target.mp4"

    @property
    def source(self) -> Path:
        """The video whose motion is read."""
        return self.folder / "source.mp4"

    @property
    def truth(self) -> Path:
        """The video that a perfect transfer would make."""
        return self.folder / "truth.mp4"

    @property
    def truth_track(self) -> Path:
        """The true track of `truth`."""
        return self.folder / "truth.npz"


def render_pair(spec: PairSpec, folder: Path, progress: Progress = silent) -> Pair:
    """Render a pair into `folder`; clips that are there and whole stay as they are.

    A target clip that the folder beside has already is taken over byte by byte, so that pairs with the same target
    share trained performers.

    Raises:
        OptionError: there is no such performer or routine.
        FileFormatError: the motion names a file that is no track.
        DependencyError: the studio's libraries are missing.
        OutputError: the folder cannot be written.
    """
    pair = Pair(folder, spec)
    check_writable(folder / PAIR_FILE)
    (folder / PAIR_FILE).unlink(missing_ok=True)  # until the clips are what it says
    for name, take in spec.takes().items():
        path = folder / f"{name}.mp4"
        if name == "target":
            _take_over(take, path)
        render_clip(take, path, progress)
    write_json(folder / PAIR_FILE, _describe(pair))
    return pair


def load_pair(folder: Path) -> Pair:
    """Read a pair that `render_pair` wrote.

    Raises:
        FileFormatError: the folder holds no pair, one of another version, or one of which a file is missing.
    """
    path = folder / PAIR_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError(f"{content['format']} version {content['version']}")
        pair = Pair(folder, _spec_from(content["spec"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = error.strerror if isinstance(error, OSError) else repr(error)
        raise FileFormatError(
            f"{path}: expected a {FORMAT} of version {VERSION}, found {found}; make it with choreograft studio"
        ) from error
    for name in CLIPS:
        for file in (folder / f"{name}.mp4", folder / f"{name}.npz"):
            if not file.is_file():
                raise FileFormatError(f"{folder}: expected a whole pair, found no {file.name}; render it again")
    return pair


def _take_over(take: Take, path: Path) -> None:
    """Link or copy an equal clip, with its track and receipt, out of a neighbouring pair's folder."""
    if is_whole(take, path):
        return
    for other in sorted(path.parent.parent.glob(f"*/{path.name}")):
        if other.parent != path.parent and is_whole(take, other):
            for file, here in (
                (other, path),
                (other.with_suffix(".npz"), path.with_suffix(".npz")),
                (receipt_of(other), receipt_of(path)),
            ):
                _link(file, here)
            return


def _link(file: Path, here: Path) -> None:
    with atomic_path(here) as temporary:
        temporary.unlink()
        try:
            os.link(file, temporary)
        except OSError:  # another file system, or one without hard links
            shutil.copy2(file, temporary)


def _describe(pair: Pair) -> dict[str, Any]:
    files = [pair.folder / f"{name}{suffix}" for name in CLIPS for suffix in (".mp4", ".npz")]
    return {
        "format": FORMAT,
        "version": VERSION,
        "spec": asdict(pair.spec) | {"rate": str(pair.spec.rate)},
        "sha256": {file.name: content_hash(file) for file in files},
    }


def _spec_from(plain: dict[str, Any]) -> PairSpec:
    cameras = {}
    for name in ("target_camera", "source_camera"):
        cameras[name] = Camera(**(plain[name] | {"size": Size(*plain[name]["size"])}))
    return PairSpec(**(plain | cameras | {"rate": Fraction(plain["rate"])}))


MIN_HEIGHT = 120
"""Of rendered clips, px: in smaller ones nobody is found."""


_USUAL = {"rate": 24, "target_camera": asdict(TARGET_CAMERA)}
CASES: Mapping[str, PairSpec] = {
    name: _spec_from({"name": name, **_USUAL, **case}) for name, case in read_table("cases.toml").items()
}
"""All but `front_only` and `close_up` share one target clip, so one trained performer serves them."""

DEFINED_BY_SOURCE = ("same_build", "short_to_tall", "broad_to_slim")
"""Cases about who the source is; the others are about camera or motion."""


def find_case(name: str) -> PairSpec:
    """Look up one of `CASES`.

    Raises:
        OptionError: there is none of that name.
    """
    return look_up(CASES, name, "case")


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
