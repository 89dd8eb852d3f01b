"""Where iBUG's 68 face points lie on the body model's head: makes src/choreograft/body/face_points.csv.

    python benchmarks/face_points.py            # about three minutes on 2 cores

Heads of dressed performers are rendered from near the front, the face model of the tracker marks its points on them,
and each is cast back onto the triangle that it lies on. All heads share one mesh, so the marks of all pictures meet on
the head of the mean body, where their robust mean is taken and made symmetric.

Shapes: V vertices, F triangles, K = 68 points, P pictures.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from choreograft.assets import FACE_LANDMARKER, fetch
from choreograft.body.model import FACE_POINTS, Body, make_body
from choreograft.files import atomic_path
from choreograft.pose import skeleton
from choreograft.pose.mediapipe import FACE_FROM_MESH
from choreograft.studio.costume import Costume, costume_of
from choreograft.studio.filming import Camera
from choreograft.studio.posing import Poses
from choreograft.studio.render import Stage
from choreograft.studio.room import ROOMS
from choreograft.video.size import Size

Array = NDArray[np.float64]

MEAN_SHAPE = {"gender": 0.5, "age": 0.67, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.5}
DISTANCE_M, VIEW_M = 1.5, 0.38
GRAZING = 0.25
"""Cosine between surface and line of sight below which a mark slides too far along the surface to count."""
TRIMMED_M = 0.006
"""Scale of the robust mean: marks farther off than this from the mean lose weight."""
JAW_SIDE = np.sign(8 - np.arange(17))
"""Of the jaw's points: 1 the person's right, 0 the chin, -1 the left."""
ON_MIDLINE_M = 1e-5


@dataclass(frozen=True)
class Options:
    """Whose heads are marked, seen how."""

    performers: tuple[str, ...] = ("ada", "bruno", "dina", "emil", "fay", "gus", "seed-101", "seed-102", "seed-103")
    yaw_deg: tuple[float, ...] = (-35.0, -25.0, -12.0, 0.0, 12.0, 25.0, 35.0)
    pitch_deg: tuple[float, ...] = (-10.0, 0.0, 10.0)
    table: Path = FACE_POINTS


@dataclass(frozen=True)
class Marks:
    """The face points of one picture, on the mesh."""

    face: NDArray[np.int64]
    """(K,) the triangle each lies on, -1 where it misses the head."""
    share: Array
    """(K, 3) of the triangle's corners."""
    trust: Array
    """(K,) cosine between surface and line of sight, 0 below `GRAZING`."""


def main(options: Options) -> None:
    """Mark all heads, merge the marks, write the table."""
    mean = make_body(MEAN_SHAPE)
    marks = [mark for name in options.performers for mark in mark_head(costume_of(name), options)]
    places, trust = place_on(mean, marks)
    points = merge(places, trust)
    off = np.linalg.norm(places - points[:, None], axis=2)
    spread = [np.median(o[t > 0]) if (t > 0).any() else np.nan for o, t in zip(off, trust, strict=True)]
    print(f"{len(marks)} pictures; median distance of a mark from its mean, mm: {1e3 * np.mean(spread):.1f}")
    print("a point:", " ".join(f"{1e3 * s:.1f}" for s in spread))
    write_table(options.table, *snap(mean, points))


def mark_head(costume: Costume, options: Options) -> Iterator[Marks]:
    """Render a performer's head from all sides and mark it."""
    body = costume.body
    middle = (body.head("head") + body.head("eye.L") * [0, 1, 1]) / 2
    poses = turn_about(body, middle, options)
    camera = Camera(Size(512, 512), height_m=middle[2], distance_m=DISTANCE_M, view_m=VIEW_M)
    with Stage(costume, ROOMS["studio"], camera) as stage, open_face_model() as face_model:
        for frame in range(len(poses)):
            pixels = find_face(face_model, stage.draw(poses, frame)[0])
            vertices = body.skin(body.vertices, body.weights, poses.rotations[frame], poses.origins[frame])
            if pixels is None:
                print(f"no face at view {frame}")
                continue
            yield cast_back(body, vertices, camera, pixels, nearer_side(poses.rotations[frame, 0]))


def turn_about(body: Body, middle: Array, options: Options) -> Poses:
    """The resting body as a whole, turned about the middle of its head, which is brought before the camera."""
    angles = [(pitch, yaw) for yaw in options.yaw_deg for pitch in options.pitch_deg]
    turns = np.asarray(Rotation.from_euler("xz", angles, degrees=True).as_matrix())
    rotations = np.repeat(turns[:, None], len(body.bones), axis=1)
    origins = np.einsum("tij,bj->tbi", turns, body.heads - middle) + middle * [0, 0, 1]
    return Poses(rotations, origins)


def open_face_model() -> Any:
    """MediaPipe's face task for single pictures."""
    tasks = importlib.import_module("mediapipe.tasks.python")
    vision = importlib.import_module("mediapipe.tasks.python.vision")
    options = vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(fetch(FACE_LANDMARKER))), num_faces=1
    )
    return vision.FaceLandmarker.create_from_options(options)


def find_face(face_model: Any, picture: NDArray[np.uint8]) -> Array | None:
    """(K, 2) px, or None."""
    mediapipe = importlib.import_module("mediapipe")
    found = face_model.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture)).face_landmarks
    if not found:
        return None
    height_px, width_px = picture.shape[:2]
    return np.array([(found[0][i].x * width_px, found[0][i].y * height_px) for i in FACE_FROM_MESH])


def nearer_side(rotation: Array) -> float:
    """1 where the person's right is turned to the camera, -1 where the left is, 0 for a view from the front."""
    ahead = float((rotation @ [0, -1, 0])[0])
    return float(np.sign(round(ahead, 6)))


def cast_back(body: Body, vertices: Array, camera: Camera, pixels: Array, nearer: float) -> Marks:
    """The nearest triangle of the head under each pixel (K, 2).

    The jaw counts on the nearer side only: on the other one the face model follows the outline, which is not the jaw.
    """
    chosen = np.flatnonzero(head_faces(body))
    corners = vertices[body.faces[chosen]]  # (n, 3, 3)
    flat = camera.project(corners)
    share = barycentric(flat, pixels)  # (K, n, 3)
    sight = corners.mean(axis=1) - camera.position
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    cosine = -np.einsum("ni,ni->n", normal, sight) / np.linalg.norm(normal, axis=1) / np.linalg.norm(sight, axis=1)
    depth = np.where((share >= 0).all(axis=2) & (cosine > 0), np.linalg.norm(sight, axis=1), np.inf)  # (K, n)
    hit = depth.argmin(axis=1)
    missed = np.isinf(depth.min(axis=1))
    trust = np.where(missed | (cosine[hit] < GRAZING), 0, cosine[hit])
    trust[: len(JAW_SIDE)] *= (nearer == JAW_SIDE) | (JAW_SIDE == 0)
    return Marks(np.where(missed, -1, chosen[hit]), share[np.arange(len(pixels)), hit], trust)


def barycentric(triangles: Array, points: Array) -> Array:
    """(K, n, 3) shares of the corners (n, 3, 2) in points (K, 2); negative outside."""
    a, b, c = np.moveaxis(triangles, 1, 0)
    double = np.cross(b - a, c - a)
    p = points[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [np.cross(v - u, p - u) / double for u, v in ((b, c), (c, a), (a, b))]
    return np.nan_to_num(np.stack(shares, axis=-1), nan=-1)


def head_faces(body: Body) -> NDArray[np.bool_]:
    """(F,) what can be seen of a head."""
    return np.asarray((body.weight_of("head", "eye")[body.faces].min(axis=1) > 0.5) & ~body.hidden_faces)


def place_on(mean: Body, marks: list[Marks]) -> tuple[Array, Array]:
    """(K, P, 3) m, where the marks lie on the mean body, and their trust (K, P)."""
    places = [np.einsum("kci,kc->ki", mean.vertices[mean.faces[mark.face]], mark.share) for mark in marks]
    return np.stack(places, axis=1), np.stack([mark.trust for mark in marks], axis=1)


def merge(places: Array, trust: Array) -> Array:
    """(K, 3) the symmetric robust mean of (K, P, 3): each point together with the mirror image of its partner."""
    partner = np.array(skeleton.MIRROR[skeleton.FACE]) - skeleton.FACE.start
    both = np.concatenate([places, places[partner] * [-1, 1, 1]], axis=1)
    weight = np.concatenate([trust, trust[partner]], axis=1) ** 2
    mean = np.einsum("kpi,kp->ki", both, weight) / weight.sum(axis=1, keepdims=True)
    for _ in range(50):
        off = np.linalg.norm(both - mean[:, None], axis=2)
        robust = weight / (1 + (off / TRIMMED_M) ** 2)
        mean = np.einsum("kpi,kp->ki", both, robust) / robust.sum(axis=1, keepdims=True)
    return np.asarray(mean)


def snap(mean: Body, points: Array) -> tuple[NDArray[np.int64], Array]:
    """The nearest places on the skin: three vertices (K, 3) and their shares (K, 3), the same left and right."""
    partner = np.array(skeleton.MIRROR[skeleton.FACE]) - skeleton.FACE.start
    mirrored = mirror_of_vertices(mean)
    corners, shares = np.zeros((len(points), 3), np.int64), np.zeros((len(points), 3))
    triangles = mean.faces[head_faces(mean) & (mean.weight_of("eye.")[mean.faces].max(axis=1) < 0.5)]
    for k, point in enumerate(points):
        if point[0] < -ON_MIDLINE_M:
            continue
        if abs(point[0]) <= ON_MIDLINE_M:
            corners[k], shares[k] = nearest_on_midline(mean.vertices, triangles, point)
        else:
            corners[k], shares[k] = nearest_on(mean.vertices, triangles, point)
            corners[partner[k]], shares[partner[k]] = mirrored[corners[k]], shares[k]
    return corners, shares


def mirror_of_vertices(body: Body) -> NDArray[np.int64]:
    """(V,) the vertex that each becomes in a mirror."""
    distance, index = cKDTree(body.vertices).query(body.vertices * [-1, 1, 1])
    seen = np.unique(body.faces[head_faces(body)])
    print(f"largest asymmetry of the head: {1e3 * distance[seen].max():.2f} mm")
    return np.asarray(index)


def nearest_on(vertices: Array, triangles: NDArray[np.int64], point: Array) -> tuple[NDArray[np.int64], Array]:
    """The nearest place on any triangle: inside of it, on an edge or in a corner."""
    best = (np.inf, triangles[0], np.zeros(3))
    for triangle in triangles[np.argsort(np.linalg.norm(vertices[triangles].mean(axis=1) - point, axis=1))[:60]]:
        share = nearest_share(vertices[triangle], point)
        distance = float(np.linalg.norm(share @ vertices[triangle] - point))
        if distance < best[0]:
            best = (distance, triangle, share)
    return best[1], best[2]


def nearest_share(corners: Array, point: Array) -> Array:
    """Shares (3,) of the corners (3, 3) in the nearest point of a triangle."""
    edges = (corners[1:] - corners[0]).T
    inner = np.linalg.lstsq(edges, point - corners[0], rcond=None)[0]
    share = np.array([1 - inner.sum(), *inner])
    if (share >= 0).all():
        return share
    sides = [on_segment(corners[i], corners[j], point) for i, j in ((0, 1), (1, 2), (2, 0))]
    places = np.zeros((3, 3))
    for row, ((i, j), t) in enumerate(zip(((0, 1), (1, 2), (2, 0)), sides, strict=True)):
        places[row, i], places[row, j] = 1 - t, t
    return np.asarray(places[np.linalg.norm(places @ corners - point, axis=1).argmin()])


def on_segment(a: Array, b: Array, point: Array) -> float:
    """How far along a segment, 0..1, the nearest place to a point lies."""
    return float(np.clip((point - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1))


def nearest_on_midline(vertices: Array, triangles: NDArray[np.int64], point: Array) -> tuple[NDArray[np.int64], Array]:
    """The nearest place on an edge that lies in the plane of symmetry; the third corner has no share."""
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])), axis=0
    )
    edges = edges[(np.abs(vertices[edges][..., 0]) < ON_MIDLINE_M).all(axis=1)]
    along = np.array([on_segment(vertices[a], vertices[b], point) for a, b in edges])[:, None]
    places = (1 - along) * vertices[edges[:, 0]] + along * vertices[edges[:, 1]]
    best = np.linalg.norm(places - point, axis=1).argmin()
    (a, b), t = edges[best], float(along[best, 0])
    return np.array([a, b, b]), np.array([1 - t, t, 0.0])


def write_table(path: Path, corners: NDArray[np.int64], shares: Array) -> None:
    """Write a row for each point: its corners and their shares."""
    last = np.round(shares[:, 1:], 3)
    rounded = np.column_stack([corners, 1 - last.sum(axis=1), last])
    with atomic_path(path) as temporary:
        np.savetxt(temporary, rounded, delimiter=",", fmt=["%d"] * 3 + ["%.3f"] * 3)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
