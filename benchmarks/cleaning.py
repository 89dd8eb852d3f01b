"""What cleaning is worth: true tracks, damaged as bad estimators damage them, cleaned, and held against the truth.

    python benchmarks/cleaning.py PAIRS

PAIRS is a folder that `choreograft studio PAIRS` filled. Every source and truth in it gets 5 px of noise on every
joint, loses 10 % of its joints, and has left and right exchanged in 2 % of its frames. Prints rows for
docs/benchmarks.md over the 17 body joints, after divided by before: the error of a joint's place, and jitter, the
error of its acceleration (second difference). Before counts the joints that the damage left, after all that came back.
The last columns tell what cleaning does to a track that needs none.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.clean import CleaningReport, clean_track
from choreograft.pose.flips import exchange_sides
from choreograft.pose.track import PoseTrack

Array = NDArray[np.float64]
BODY = skeleton.BODY
WRISTS = [skeleton.LEFT_WRIST, skeleton.RIGHT_WRIST]
ROLES = ("source", "truth")


@dataclass(frozen=True)
class Options:
    """What to damage, and how badly."""

    pairs: tyro.conf.Positional[Path]
    noise_px: float = 5.0
    dropped: float = 0.1
    """Share of the joints."""
    swapped: float = 0.02
    """Share of the frames."""
    seeds: int = 3
    """How many times each clip is damaged anew."""


@dataclass(frozen=True)
class Result:
    """Means over one clip and all seeds."""

    error_px: tuple[float, float]
    """Before, after."""
    jitter_px: tuple[float, float]
    came_back: float
    """Share of the truly visible joints that the cleaned track has."""
    repaired: float
    """Share of the swapped frames that were found; frames wrongly taken for swapped count against it."""
    untouched: float
    """Mean change of a track without damage, in body heights."""
    peak: float
    """Highest wrist speed in that track, cleaned by true."""
    frames_per_s: float


def main(options: Options) -> None:
    """Print the table."""
    paths = sorted(path for role in ROLES for path in options.pairs.glob(f"*/{role}.npz"))
    results = {f"{path.parent.name}/{path.stem}": measure(PoseTrack.load(path), options) for path in paths}
    print("| clip | error px | after/before | jitter px | after/before | came back | swaps found |")
    print("|---|---|---|---|---|---|---|")
    for name, result in results.items():
        print(row(name, result))
    print(summary(list(results.values())))


def row(name: str, result: Result) -> str:
    """One clip as a row of the table."""
    cells = [name]
    for before, after in (result.error_px, result.jitter_px):
        cells += [f"{before:.1f} -> {after:.1f}", f"{after / before:.2f}"]
    return f"| {' | '.join(cells)} | {result.came_back:.1%} | {result.repaired:.0%} |"


def summary(results: list[Result]) -> str:
    """The last row, means over the clips, and what happens to tracks without damage."""
    error, jitter = (np.mean([r[1] / r[0] for r in pairs]) for pairs in
                     ([r.error_px for r in results], [r.jitter_px for r in results]))  # fmt: skip
    came, swaps = (np.mean([getattr(r, name) for r in results]) for name in ("came_back", "repaired"))
    changed, peak = [r.untouched for r in results], [r.peak for r in results]
    return (
        f"| mean | | {error:.3f} | | {jitter:.3f} | {came:.1%} | {swaps:.0%} |\n\n"
        f"undamaged tracks: changed by {np.mean(changed):.2%} of body height (at most {max(changed):.2%}); "
        f"fastest wrist {np.mean(peak):.2f} of the truth (at least {min(peak):.2f}); "
        f"{np.mean([r.frames_per_s for r in results]):.0f} frames a second"
    )


def measure(true: PoseTrack, options: Options) -> Result:
    """Damage and clean one true track a few times."""
    rows = []
    for seed in range(options.seeds):
        damaged, swapped = damage(true, options, seed)
        began = time.process_time()
        cleaned, report = clean_track(damaged)
        seconds = time.process_time() - began
        before, after = errors(damaged, true), errors(cleaned, true)
        came_back = np.isfinite(cleaned.xy[:, BODY]).all(-1)[np.isfinite(true.xy[:, BODY]).all(-1)].mean()
        found = found_swaps(report, swapped)
        rows.append([before[0], after[0], before[1], after[1], came_back, found, len(true) / seconds])
    mean = np.mean(rows, axis=0)
    untouched, _ = clean_track(true)
    height_px = float(np.nanpercentile(np.ptp(true.xy[:, BODY, 1], axis=1), 90))
    return Result(
        error_px=(mean[0], mean[1]),
        jitter_px=(mean[2], mean[3]),
        came_back=mean[4],
        repaired=mean[5],
        untouched=errors(untouched, true)[0] / height_px,
        peak=wrist_speed(untouched) / wrist_speed(true),
        frames_per_s=mean[6],
    )


def damage(true: PoseTrack, options: Options, seed: int) -> tuple[PoseTrack, NDArray[np.intp]]:
    """A track as a bad estimator would have found it, and which frames have their sides exchanged.

    World coordinates get the same noise in metres: an estimator that errs in the picture errs in space.
    """
    random = np.random.default_rng(seed)
    noise = random.normal(0, options.noise_px, (*true.xy.shape[:2], 3))
    spread_px, spread_m = (np.nanmedian(np.abs(v - np.nanmedian(v, axis=1, keepdims=True)), axis=1)
                           for v in (true.xy[:, BODY, 1], true.world[:, BODY, 1]))  # fmt: skip
    px_per_m = float(np.median(spread_px / spread_m))
    lost = random.random(true.score.shape) < options.dropped
    noisy = replace(
        true,
        xy=np.where(lost[..., None], np.nan, true.xy + noise[..., :2]).astype(np.float32),
        depth=np.where(lost, np.nan, true.depth + noise[..., 2]).astype(np.float32),
        world=np.where(lost[..., None], np.nan, true.world + noise / px_per_m).astype(np.float32),
        score=np.where(lost, 0, true.score).astype(np.float32),
    )
    swapped = random.permutation(len(true))[: round(options.swapped * len(true))]
    return exchange_sides(noisy, swapped), np.sort(swapped)


def errors(found: PoseTrack, true: PoseTrack) -> tuple[float, float]:
    """Mean distance of the body joints from the truth, and of their second differences, px."""
    off = (found.xy[:, BODY] - true.xy[:, BODY]).astype(np.float64)
    error, jitter = (np.linalg.norm(v, axis=-1) for v in (off, np.diff(off, n=2, axis=0)))
    return float(np.nanmean(error)), float(np.nanmean(jitter))


def found_swaps(report: CleaningReport, swapped: NDArray[np.intp]) -> float:
    """Overlap of the frames found swapped with those that are: intersection by union."""
    found = {frame for flip in report.flips for frame in range(flip.first_frame, flip.last_frame + 1)}
    either = found | set(swapped.tolist())
    return len(found & set(swapped.tolist())) / len(either) if either else 1.0


def wrist_speed(track: PoseTrack) -> float:
    """Highest speed of either wrist, px a frame."""
    return float(np.nanmax(np.linalg.norm(np.diff(track.xy[:, WRISTS], axis=0), axis=-1)))


if __name__ == "__main__":
    main(tyro.cli(Options))
