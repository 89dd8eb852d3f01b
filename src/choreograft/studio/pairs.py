"""Pairs: two performers of different build, the same motion, so that the true result of a transfer exists.

A pair is three clips, each with its true track beside it: `target` shows one performer's range of motion, `source`
another performer's dance, and `truth` the first performer dancing it before the first camera, frame for frame.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from choreograft.errors import FileFormatError
from choreograft.files import atomic_path, check_writable, content_hash, write_json
from choreograft.progress import Progress, silent
from choreograft.studio.camera import Camera
from choreograft.studio.render import Take, is_whole, receipt_of, render_clip
from choreograft.video.size import Size

FORMAT = "choreograft-pair"
VERSION = 1
PAIR_FILE = "pair.json"
CLIPS = ("target", "source", "truth")


@dataclass(frozen=True)
class PairSpec:
    """What a pair shows: two performers, one motion, and how each of them is filmed."""

    name: str
    target: str
    """The performer who is learnt; one that `costume_of` knows, like the source."""
    source: str
    motion: str
    """One of `routines.ROUTINES`, or the path of a track (.npz) whose motion both imitate."""
    target_camera: Camera
    source_camera: Camera
    target_room: str
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
        target = Take(
            performer=self.target, routine=self.shown, room=self.target_room, camera=self.target_camera,
            seconds=self.showcase_seconds, rate=self.rate, light=self.target_light,
        )  # fmt: skip
        motion: dict[str, Any] = {"routine": self.motion, "seconds": self.seconds, "rate": self.rate, "seed": self.seed}
        source = Take(
            performer=self.source, room=self.source_room, camera=self.source_camera, light=self.source_light, **motion
        )
        truth = Take(
            performer=self.target, room=self.target_room, camera=self.target_camera, light=self.target_light, **motion
        )
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
