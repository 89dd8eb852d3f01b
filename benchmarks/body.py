"""How well bodies are fitted and motions carried over in 3D: the tables of docs/benchmarks.md, "Bodies".

    python benchmarks/body.py --pairs DIR [--clips VIDEO ...] [--runs DIR]

DIR holds the standard set (`choreograft studio DIR`). For each of its pairs the source's motion is carried over by both
retargeters, once from the true tracks and once from those that the tracker finds, and held against the target's true
joints. The videos after --clips are tracked and fitted: error in the picture, overlap with the mask, frames a second.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.body.fit import fit_bodies
from choreograft.body.placement import measure_height_px
from choreograft.body.shape import SOLES, load_shape_space
from choreograft.body.surface import Mesh, render_surface
from choreograft.console import ConsoleProgress
from choreograft.footage.clip import read_clip
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.retarget.body import BodyStage, retarget_body
from choreograft.retarget.normalise import Stance, map_to_target
from choreograft.studio.costume import costume_of
from choreograft.studio.filming import find_joints
from choreograft.studio.pairs import Pair, load_pair
from choreograft.studio.render import perform
from choreograft.video.size import Size

BODY = skeleton.BODY
CONFIDENT = 0.5
OVERLAP_FRAMES = 24


@dataclass(frozen=True)
class Carried:
    """What one pair says, in % of the target's body height."""

    by_global: float
    by_body: float
    slide: float
    """Per second, of soles that truly stand."""
    own: float
    """How much the source changes if it is carried onto its own stage."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, help="folder of the standard set")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="videos of a person")
    parser.add_argument("--runs", type=Path, default=Path("benchmark_runs"), help="where tracks are kept")
    options = parser.parse_args(arguments)
    load_shape_space()
    if options.pairs:
        pairs = [load_pair(path.parent) for path in sorted(options.pairs.glob("*/pair.json"))]
        for title, read, exact in (
            ("true tracks", PoseTrack.load, True),
            ("tracked videos", lambda path: read_clip(path.with_suffix(".mp4"), 1, options.runs)[0].track, False),
        ):
            print_pairs(title, pairs, read, exact)
    if options.clips:
        print_clips(options.clips, options.runs)


def print_pairs(title: str, pairs: Sequence[Pair], read: Callable[[Path], PoseTrack], exact: bool) -> None:
    """The table of one kind of track."""
    print(f"\n{title}:\n")
    print("| case | global % | body % | body / global | sliding %/s | onto itself % |\n|---|--:|--:|--:|--:|--:|")
    stages: dict[str, tuple[PoseTrack, BodyStage]] = {}
    rows = []
    for pair in pairs:
        key = str(pair.spec.target_camera)
        if key not in stages:
            filmed = read(pair.folder / "target.npz")
            stages[key] = filmed, BodyStage.measure(fit_bodies([filmed], exact=exact)[0])
        row = carry(pair, read(pair.folder / "source.npz"), *stages[key], exact)
        rows.append((row.by_global, row.by_body, row.slide, row.own))
        print_row(pair.name, rows[-1])
    print_row("**mean**", tuple(np.mean(rows, axis=0)))


def print_row(name: str, row: tuple[float, ...]) -> None:
    """One line of the table."""
    by_global, by_body, slide, own = row
    print(
        f"| {name} | {by_global:.2f} | {by_body:.2f} | {by_body / by_global:.2f} | {slide:.2f} | {own:.2f} |",
        flush=True,
    )


def carry(pair: Pair, source: PoseTrack, filmed: PoseTrack, stage: BodyStage, exact: bool) -> Carried:
    """Both retargeters on one pair."""
    truth = PoseTrack.load(pair.folder / "truth.npz")
    body = fit_bodies([source], exact=exact)[0]
    result = retarget_body(body, stage)
    found = result.camera.project(result.points[:, BODY])
    scaled = map_to_target(source, Stance.measure(source), Stance.measure(filmed))
    height = measure_height_px(truth)
    own = retarget_body(body, BodyStage.measure(body))
    change = np.linalg.norm(
        own.camera.project(own.points[:, BODY]) - body.camera.project(body.points[:, BODY]), axis=-1
    )
    return Carried(
        by_global=joint_error(scaled.xy[:, BODY], truth, height),
        by_body=joint_error(found, truth, height),
        slide=sliding(pair, result),
        own=100 * float(change.mean()) / measure_height_px(source),
    )


def joint_error(xy: NDArray[np.floating], truth: PoseTrack, height_px: float) -> float:
    """Mean distance from the true body joints inside the picture, % of the height."""
    inside = truth.in_frame()[:, BODY] & np.isfinite(xy).all(-1)
    return 100 * float(np.linalg.norm(xy - truth.xy[:, BODY], axis=-1)[inside].mean()) / height_px


def sliding(pair: Pair, result: BodyTrack) -> float:
    """Mean speed along the floor of heel and toe of feet that truly stand, % of the body height a second."""
    take = pair.spec.takes()["truth"]
    body = costume_of(take.performer).body
    joints = find_joints(body, perform(body, take))
    rate = float(take.rate)
    speeds = []
    soles = result.points[:, SOLES].reshape(len(result), 2, 4, 3)
    for foot, (heel, toe) in enumerate(
        ((skeleton.LEFT_HEEL, skeleton.LEFT_BIG_TOE), (skeleton.RIGHT_HEEL, skeleton.RIGHT_BIG_TOE))
    ):
        true = joints[:, [heel, toe]]
        still = (np.linalg.norm(np.diff(true, axis=0), axis=-1) * rate < 0.02).all(1)
        moved = np.linalg.norm(np.diff(soles[:, foot, :, :2], axis=0), axis=-1).mean(1) * rate
        speeds.append(moved[still])
    standing = np.concatenate(speeds)
    return 100 * float(standing.mean()) / body.height_m if len(standing) else float("nan")


def print_clips(clips: Sequence[Path], runs: Path) -> None:
    """Error, overlap and speed of the fit on videos."""
    print("\n| clip | frames | error % | overlap | frames/s | focal / long side | pitch | lens height |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for clip in clips:
        track = read_clip(clip, 1, runs, ConsoleProgress())[0].track
        began = time.monotonic()
        body = fit_bodies([track])[0]
        rate = len(track) / (time.monotonic() - began)
        camera = body.camera
        print(
            f"| {clip.stem} | {len(track)} | {fit_error(body, track):.2f} | {overlap(body, track):.2f} | {rate:.0f} |"
            f" {camera.focal_px / max(camera.size):.2f} | {camera.pitch_deg:.1f}° | {camera.height_m:.2f} m |",
            flush=True,
        )


def fit_error(body: BodyTrack, track: PoseTrack) -> float:
    """Mean distance of confident body joints from the body's, % of the height."""
    off = np.linalg.norm(body.camera.project(body.points[:, BODY]) - track.xy[:, BODY], axis=-1)
    return 100 * float(off[track.seen(CONFIDENT)[:, BODY]].mean()) / measure_height_px(track)


def overlap(body: BodyTrack, track: PoseTrack) -> float:
    """Mean intersection over union of the body's silhouette and the person mask."""
    if track.masks is None:
        return float("nan")
    frames = np.flatnonzero(track.present)
    frames = frames[np.linspace(0, len(frames) - 1, OVERLAP_FRAMES).round().astype(int)]
    size: Size = track.masks.size
    camera = body.camera.resized(size, size.height / track.size.height)
    mesh, shares = Mesh.of(body.shape.build()), []
    for t, vertices in zip(frames, body.skin(frames), strict=True):
        seen = torch.from_numpy(camera.place(vertices).astype(np.float32))
        covered = render_surface(seen, mesh, camera.focal_px, size).covered.numpy()
        mask = track.masks[int(t)] > 127
        shares.append((covered & mask).sum() / max(1, (covered | mask).sum()))
    return float(np.mean(shares))


if __name__ == "__main__":
    main(sys.argv[1:])
