"""How exact the flow between two bodies is, on the studio's truth: end-point error where the true flow is visible.

    python benchmarks/correspondence.py

For each case, frames of the truth (the target dancing the source's dance) are matched with frames of the target clip,
both 512 px tall. Prints a markdown table: the share of the true body's pixels that the reference frame shows, and the
median and the 90th percentile of the error over these pixels, as far as the estimated body covers them, in px. Bodies
that are the true ones leave the rounding of the kernels; drawn at half the size, that of the pixels, too; fitted
to the true tracks, they leave the error of the fit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import tyro
from numpy.typing import NDArray

from choreograft.body.correspond import correspond
from choreograft.body.fit import fit_bodies
from choreograft.body.surface import Mesh, SurfaceMap, render_surface
from choreograft.body.track import BodyTrack
from choreograft.studio.cases import CASES, find_case
from choreograft.studio.performers import costume_of
from choreograft.studio.render import Take, perform
from choreograft.studio.truth import find_joints, true_track
from choreograft.video.size import Size

HEIGHT_PX = 512
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Options:
    """What to measure."""

    cases: tuple[str, ...] = tuple(CASES)
    """Names of standard cases."""
    pairs: int = 12
    """Pairs of frames of each, spread over the clips."""


@dataclass(frozen=True)
class View:
    """A posed body before a camera."""

    vertices: Array
    """(V, 3) m, camera axes."""
    focal_px: float
    size: Size

    def draw(self, mesh: Mesh, share: int = 1) -> SurfaceMap:
        """Its surface, in a picture of a whole share of the size."""
        size = Size(self.size.width // share, self.size.height // share)
        return render_surface(self.vertices, mesh, self.focal_px * size.height / self.size.height, size)


@dataclass(frozen=True)
class FramePair:
    """A frame to be drawn, and the frame of which it is to be drawn."""

    new: View
    reference: View


@dataclass(frozen=True)
class Errors:
    """Of one pair, or of many together."""

    error_px: Array
    """(N,) of the pixels where the true flow is visible and the estimated body is, too."""
    covered: int
    """Pixels of the true body."""
    visible: int
    """Those of them that the reference shows."""

    def row(self) -> str:
        """The columns of the table."""
        median, most = np.percentile(self.error_px, [50, 90])
        return f"{self.visible / self.covered:.0%} | {median:.3f} | {most:.3f}"

    @staticmethod
    def join(parts: list["Errors"]) -> "Errors":
        """All pixels together."""
        error_px = np.concatenate([part.error_px for part in parts])
        return Errors(error_px, sum(part.covered for part in parts), sum(part.visible for part in parts))


def flow_errors(estimated: FramePair, true: FramePair, mesh: Mesh, share: int = 1) -> Errors:
    """Hold the flow between two estimated bodies against the flow between the true ones.

    Args:
        estimated, true: the same frames; pictures of equal size, bodies and focal lengths may differ.
        mesh: of all four bodies.
        share: draw the estimated bodies in pictures of 1 / `share` of the size, and enlarge the flow.
    """
    new, reference = true.new.draw(mesh), true.reference.draw(mesh)
    visible = correspond(new, reference).visible.numpy()
    drawn = estimated.new.draw(mesh, share)
    flow = correspond(drawn, estimated.reference.draw(mesh, share))
    covered = _enlarge(drawn.covered, new.size).numpy()
    xy = torch.stack([_enlarge(flow.xy[..., axis] * share, new.size) for axis in (0, 1)], dim=-1).numpy()
    judged = visible & covered
    error = np.linalg.norm(xy[judged] - true_places(new, true.reference)[judged], axis=-1)
    return Errors(error, int(new.covered.sum()), int(visible.sum()))


def true_places(new: SurfaceMap, reference: View) -> Array:
    """(H, W, 2) where the new picture's points lie in the reference, in double precision; NaN where there is no body.

    A ray through each pixel meets the plane of its triangle; the point's shares of the corners carry it over.
    """
    places = np.full((*new.face.shape, 2), np.nan)
    y, x = np.nonzero(new.covered.numpy())
    corners = new.mesh.faces.numpy()[new.face.numpy()[y, x]]
    a, b, c = np.moveaxis(new.vertices.numpy().astype(np.float64)[corners], 1, 0)
    middle = np.array(new.size) / 2
    rays = np.column_stack(
        [(x + 0.5 - middle[0]) / new.focal_px, (y + 0.5 - middle[1]) / new.focal_px, np.ones(len(x))]
    )
    normal = np.cross(b - a, c - a)
    point = rays * ((a * normal).sum(-1) / (rays * normal).sum(-1))[:, None]
    weights = [np.cross(q - p, point - p) for p, q in ((b, c), (c, a), (a, b))]
    shares = np.stack([(weight * normal).sum(-1) for weight in weights], axis=-1) / (normal**2).sum(-1)[:, None]
    there = (shares[..., None] * reference.vertices[corners]).sum(1)
    places[y, x] = there[:, :2] / there[:, 2:] * reference.focal_px + np.array(reference.size) / 2
    return places


def _enlarge(values: torch.Tensor, size: Size) -> torch.Tensor:
    """(h, w) to (H, W): smooth for flow, nearest for masks."""
    target = (size.height, size.width)
    if values.shape == target:
        return values
    if values.dtype == torch.bool:
        return torch.nn.functional.interpolate(values[None, None].float(), target, mode="nearest")[0, 0] > 0
    return torch.nn.functional.interpolate(values[None, None], target, mode="bilinear")[0, 0]


def posed_views(take: Take, frames: Array, height_px: int = HEIGHT_PX) -> Iterator[View]:
    """The true body of a take at some frames, given as shares of its length, 0..1."""
    body = costume_of(take.performer).body
    poses = perform(body, take)
    scale = height_px / take.camera.size.height
    size = Size(round(take.camera.size.width * scale), height_px)
    for frame in np.round(frames * (len(poses) - 1)).astype(int):
        vertices = body.skin(body.vertices, body.weights, poses.rotations[frame], poses.origins[frame])
        yield View(take.camera.place(vertices), take.camera.focal_px * scale, size)


def true_pairs(case: str, count: int) -> list[FramePair]:
    """Frames of a case's truth, each with a frame of its target clip."""
    takes = find_case(case).takes()
    along = (np.arange(count) + 0.5) / count
    mixed = along[np.random.default_rng(0).permutation(count)]
    return [
        FramePair(new, reference)
        for new, reference in zip(posed_views(takes["truth"], along), posed_views(takes["target"], mixed), strict=True)
    ]


def fitted_pairs(case: str, count: int) -> list[FramePair]:
    """The same frames as `true_pairs`, with bodies fitted to the true tracks of both clips instead of the true ones."""
    takes, along = find_case(case).takes(), (np.arange(count) + 0.5) / count
    mixed = along[np.random.default_rng(0).permutation(count)]
    tracks = []
    for name in ("truth", "target"):
        body = costume_of(takes[name].performer).body
        joints = find_joints(body, perform(body, takes[name]))
        tracks.append(true_track(joints, takes[name].camera, takes[name].rate, None))
    truth, target = fit_bodies(tracks, exact=True)
    news, references = (
        list(_fitted_views(fitted, np.round(at * (len(fitted) - 1)).astype(int)))
        for fitted, at in ((truth, along), (target, mixed))
    )
    return [FramePair(new, reference) for new, reference in zip(news, references, strict=True)]


def _fitted_views(body: BodyTrack, frames: NDArray[np.intp]) -> Iterator[View]:
    scale = HEIGHT_PX / body.camera.size.height
    size = Size(round(body.camera.size.width * scale), HEIGHT_PX)
    for vertices in body.skin(frames):
        yield View(body.camera.place(vertices), body.camera.focal_px * scale, size)


def main(options: Options) -> None:
    """Print the table."""
    print("| case | bodies | visible | median px | 90 % px |")
    print("|---|---|--:|--:|--:|")
    measures: dict[str, Callable[[FramePair, Mesh], Errors]] = {
        "true": lambda pair, mesh: flow_errors(pair, pair, mesh),
        "true, drawn at half the size": lambda pair, mesh: flow_errors(pair, pair, mesh, share=2),
    }
    for case in options.cases:
        mesh = Mesh.of(costume_of(find_case(case).target).body)
        pairs = true_pairs(case, options.pairs)
        for bodies, measure in measures.items():
            errors = Errors.join([measure(pair, mesh) for pair in pairs])
            print(f"| {case} | {bodies} | {errors.row()} |", flush=True)
        fitted = fitted_pairs(case, options.pairs)
        errors = Errors.join([flow_errors(*both, mesh) for both in zip(fitted, pairs, strict=True)])
        print(f"| {case} | fitted to true tracks | {errors.row()} |", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
