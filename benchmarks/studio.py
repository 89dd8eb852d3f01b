"""How well the studio's performers are seen: the estimator's joints against the true ones, on every clip of the pairs.

    python benchmarks/studio.py FOLDER

Renders what is missing into FOLDER and prints a markdown table. `found` is the share of frames in which the person was
found; `error` the mean distance of the body joints found (score 0.5 or more, their true place inside the picture) from
the true ones, in % of the body height: head to ankle, 95th percentile over the clip.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from choreograft.console import ConsoleProgress
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import TrackingConfig, load_or_track
from choreograft.studio.pairs import CASES, CLIPS, Pair, find_case, render_pair
from choreograft.studio.render import is_whole

SEEN = 0.5
"""Score from which a joint counts as found."""


@dataclass(frozen=True)
class Options:
    """What to measure."""

    folder: tyro.conf.Positional[Path]
    """Where the pairs are, or are rendered to; tracks are kept beside them."""
    cases: tuple[str, ...] = tuple(CASES)
    """Names of standard cases."""
    joints: bool = False
    """Print the error of every joint, too."""


def main(options: Options) -> None:
    """Render, track, compare."""
    progress = ConsoleProgress()
    print("| case | clip | frames | found | error | joints found | rendered frames/s |")
    print("|---|---|---|---|---|---|---|")
    measured: set[object] = set()
    for name in options.cases:
        spec = find_case(name)
        takes = spec.takes()
        folder = options.folder / name
        began = time.monotonic()
        missing = sum(
            round(take.seconds * take.rate)
            for clip, take in takes.items()
            if not is_whole(take, folder / f"{clip}.mp4")
        )
        pair = render_pair(spec, folder, progress)
        speed = f"{missing / (time.monotonic() - began):.1f}" if missing else "kept"
        for clip in CLIPS:
            if takes[clip] not in measured:
                measured.add(takes[clip])
                print(f"| {name} | {clip} | {_measure(pair, clip, options, progress)} | {speed} |", flush=True)


def _measure(pair: Pair, clip: str, options: Options, progress: ConsoleProgress) -> str:
    """The middle columns of a clip's row."""
    video, truth = pair.folder / f"{clip}.mp4", PoseTrack.load(pair.folder / f"{clip}.npz")
    found = load_or_track(video, options.folder / "tracks", TrackingConfig(), progress=progress)
    visible = truth.in_frame()[:, skeleton.BODY]
    seen = found.seen(SEEN)[:, skeleton.BODY] & visible
    distance = np.linalg.norm(found.xy - truth.xy, axis=-1)[:, skeleton.BODY]
    ankles = truth.xy[:, list(skeleton.ANKLES)].mean(axis=1)
    height = np.percentile(np.linalg.norm(truth.xy[:, skeleton.NOSE] - ankles, axis=-1), 95)
    if options.joints:
        known = [i for i in range(skeleton.BODY.stop) if seen[:, i].any()]
        error = {skeleton.NAMES[i]: f"{distance[seen[:, i], i].mean() / height:.1%}" for i in known}
        worst = np.argsort(-np.where(seen, distance, 0).sum(axis=1))[:5]
        progress.say(f"{pair.name} {clip}: {error}; worst frames {sorted(worst.tolist())}")
    return (
        f"{len(truth)} | {found.present.mean():.1%} | {distance[seen].mean() / height:.2%} |"
        f" {seen.sum() / visible.sum():.1%}"
    )


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
