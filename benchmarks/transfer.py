"""The main job on two videos, measured: time of each phase, and how well the result holds the pose asked for.

    python benchmarks/transfer.py SOURCE TARGET

Prints rows for docs/benchmarks.md. The pose error is the distance between the joints of the stick figures that were
asked for and the joints found in the result, over body joints seen in both, in % of the body height.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from choreograft.footage.bodies import read_bodies
from choreograft.footage.clip import read_clip
from choreograft.options import DanceOptions
from choreograft.performer.performer import load_performer
from choreograft.pose import skeleton
from choreograft.pose.clean import clean_track
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import TrackingConfig, load_or_track
from choreograft.request import dance_folder
from choreograft.retarget.body import carry_over
from choreograft.video.read import probe

SEEN = 0.5
"""Score from which a joint counts as found."""


@dataclass(frozen=True)
class Options:
    """What to measure with."""

    source: tyro.conf.Positional[Path]
    target: tyro.conf.Positional[Path]
    minutes: float | None = None
    """Training time; the preset's if left out."""
    images: int | None = None
    """Training length in images instead: the same beside other work."""
    height: int | None = None
    """Of the result; the target's own if left out."""
    runs: Path = Path("choreograft_runs")
    """Tracks and performers that are there already are used: give an empty folder to time everything."""


def main(options: Options) -> None:
    """Run the command line as a user would, then measure its result."""
    output = options.runs / f"{options.source.stem}_as_{options.target.stem}.mp4"
    arguments = ["dance", options.source, "--as", options.target, "-o", output, "--runs", options.runs, "--overwrite"]
    for name in ("minutes", "images", "height"):
        if (value := getattr(options, name)) is not None:
            arguments += [f"--{name}", value]
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "choreograft", *map(str, arguments)], check=True)
    wall_s = time.monotonic() - began

    summary = json.loads((dance_folder(output, options.runs) / "summary.json").read_text())
    training = summary["performer_training"]
    before, after = probe(options.source), probe(output)
    error, missed = measure_pose(options, output, Path(summary["performer"]))
    print("| source as target | size | wall | images trained | images/s | frames/s | pose error | joints missed |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {options.source.stem} as {options.target.stem} | {after.size} | {wall_s:.0f} s | {training['images']} |"
        f" {training['images'] / training['seconds']:.1f} | {summary['frames'] / summary['render_seconds']:.1f} |"
        f" {error:.1%} | {missed:.1%} |"
    )
    print(f"rate {before.rate} -> {after.rate}, duration {before.duration_s:.3f} -> {after.duration_s:.3f} s", end="")
    print(f", sound {before.has_sound} -> {after.has_sound}")


def measure_pose(options: Options, output: Path, performer: Path) -> tuple[float, float]:
    """Mean error of the body joints found in the result, in body heights, and the share of joints not found."""
    clip, _ = read_clip(options.source, DanceOptions(options.source, options.target, output).person, options.runs)
    body = read_bodies([clip], 1, options.runs)[0]  # as `dance` carries motion over unless told otherwise
    asked = carry_over(clip.track, body, load_performer(performer).card.standing).track
    found, _ = clean_track(load_or_track(output, options.runs / "tracks", TrackingConfig()))
    wanted = _body(asked)
    both = wanted & _body(found)
    distance = np.linalg.norm(asked.xy - found.on_canvas(asked.size).xy, axis=-1)
    height = np.nanpercentile(np.ptp(asked.xy[:, skeleton.BODY, 1], axis=1), 95)
    return float(distance[both].mean() / height), float(1 - both.sum() / wanted.sum())


def _body(track: PoseTrack) -> np.ndarray:
    """(T, J) body joints that are seen, inside the picture."""
    seen = track.seen(SEEN) & track.in_frame()
    seen[:, skeleton.BODY.stop :] = False
    return seen


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
