"""The surface of a body: its parts, and maps of which point each pixel shows, how far away it is, which way it faces.

Maps come from a z-buffer rasteriser; its kernels are in `surface_kernels.py`. Camera axes: x right, y down, z away from
the lens, m. Pixel centres lie at integers + 0.5, the principal point in the middle (docs/conventions.md).

Kernels run on PyTorch's tensors, on a CPU (one thread) or a CUDA device. warp-lang compiles them when they are first
launched on a kind of device, which takes seconds, and keeps the result under ~/.cache/warp (or `WARP_CACHE_PATH`). It
is imported late: a command without a body need not wait.

Shapes: H, W pixels; V vertices; F triangles; P parts; T frames.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from threading import Lock
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from choreograft.body.model import Body
from choreograft.errors import DependencyError
from choreograft.system import quiet_stderr
from choreograft.video.size import Size

Labels = NDArray[np.int32]

_SIDES: Final = {"L": "left", "R": "right"}
PARTS: Final = (
    *("head", "neck", "torso", "pelvis"),
    *(f"{side}_{name}" for side in _SIDES.values() for name in ("upper_arm", "forearm", "hand")),
    *(f"{side}_{name}" for side in _SIDES.values() for name in ("thigh", "shin", "foot")),
)
"""Names; a part's label is its index. Left and right are the person's own."""

NO_PART: Final = -1
"""The label where there is no body."""

_BONES: Final[Mapping[str, tuple[str, ...]]] = {
    "head": ("head", "eye"),
    "neck": ("neck",),
    "pelvis": ("spine05", "root", "pelvis"),
    "torso": ("spine", "clavicle", "shoulder"),
    "upper_arm": ("upperarm",),
    "forearm": ("lowerarm",),
    "hand": ("wrist", "metacarpal", "finger"),
    "thigh": ("upperleg",),
    "shin": ("lowerleg",),
    "foot": ("foot", "toe"),
}
"""What bones carry, and how their names begin; the first that fits counts."""
_CHAINS: Final = (
    ("head", "neck", "torso", "pelvis"),
    ("head", "torso"),
    *((f"{side}_upper_arm", f"{side}_forearm", f"{side}_hand") for side in _SIDES.values()),
    *(("pelvis", f"{side}_thigh", f"{side}_shin", f"{side}_foot") for side in _SIDES.values()),
    ("left_thigh", "right_thigh"),
)
"""Parts between which clothes and hair hang, one after another; an arm that hangs beside the torso is not meant."""


def _mirrored(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)


MIRRORED_PARTS: Final = tuple(PARTS.index(_mirrored(name)) for name in PARTS)
"""(P,) which part each becomes in a mirror."""


def mirror_vertices(body: Body) -> NDArray[np.intp]:
    """(V,) which vertex of a body each becomes in a mirror: the one nearest to its image at rest."""
    return np.asarray(cKDTree(body.vertices).query(body.vertices * [-1, 1, 1])[1])


def part_of_bone(bone: str) -> int:
    """The label of the part that a bone carries.

    Raises:
        KeyError: no part is known for a bone of this name.
    """
    name = next((part for part, prefixes in _BONES.items() if bone.startswith(prefixes)), None)
    if name is None:
        raise KeyError(f"found bone {bone!r}; expected one that begins with {', '.join(sum(_BONES.values(), ()))}")
    side = _SIDES.get(bone.rpartition(".")[2])
    return PARTS.index(name if name in PARTS else f"{side}_{name}")


def adjoining_parts() -> Labels:
    """(P, P) 1 for a part and itself, and for two that clothes or hair join; 0 elsewhere."""
    table = np.eye(len(PARTS), dtype=np.int32)
    for chain in _CHAINS:
        for one, other in pairwise(PARTS.index(name) for name in chain):
            table[one, other] = table[other, one] = 1
    return table


def vertex_parts(body: Body) -> Labels:
    """(V,) the part that each vertex hangs on most."""
    return np.asarray(part_weights(body).argmax(axis=1), dtype=np.int32)


def face_parts(body: Body) -> Labels:
    """(F,) the part that the three corners of each triangle, together, hang on most."""
    return np.asarray(part_weights(body)[body.faces].sum(axis=1).argmax(axis=1), dtype=np.int32)


def part_weights(body: Body) -> NDArray[np.float64]:
    """(V, P) skinning weights summed over the bones of a part."""
    carries = np.zeros((len(body.bones), len(PARTS)))
    carries[np.arange(len(body.bones)), [part_of_bone(bone) for bone in body.bones]] = 1
    return np.asarray(body.weights @ carries)


NO_FACE = -1
"""The face index where there is no body."""
NEAR_M: Final = 0.05
"""Triangles with a corner nearer to the lens, or behind it, are not drawn."""
_EMPTY = torch.iinfo(torch.int64).max
_ERRORS_ONLY = 40
"""warp's log level; below, it greets on standard output."""
_TURN = Lock()
"""warp loads and compiles what is launched first, and is not made for two threads that do."""


@dataclass(frozen=True)
class Mesh:
    """The triangles that all poses and shapes of a body share."""

    faces: Tensor
    """(F, 3) int32 into the vertices, counter-clockwise seen from outside."""
    face_part: Tensor
    """(F,) int32 labels, see `PARTS`."""
    corner_starts: Tensor
    """(V + 1,) int32: vertex v is a corner of `corner_faces[corner_starts[v] : corner_starts[v + 1]]`."""
    corner_faces: Tensor
    """(3 F,) int32 indices of triangles."""

    @staticmethod
    def of(body: Body, device: torch.device | str = "cpu") -> "Mesh":
        """The mesh of a body."""
        return Mesh.build(body.faces, face_parts(body), len(body.vertices), device)

    @staticmethod
    def build(
        faces: NDArray[np.integer], face_part: NDArray[np.integer], vertices: int, device: torch.device | str = "cpu"
    ) -> "Mesh":
        """A mesh from faces (F, 3), part labels (F,) and the number of vertices."""
        corners = np.asarray(faces).ravel()
        order = np.argsort(corners, kind="stable")
        starts = np.searchsorted(corners[order], np.arange(vertices + 1))
        arrays = (faces, face_part, starts, order // 3)
        return Mesh(*(torch.from_numpy(np.ascontiguousarray(array, dtype=np.int32)).to(device) for array in arrays))

    def __len__(self) -> int:
        """How many vertices it has."""
        return len(self.corner_starts) - 1


@dataclass(frozen=True)
class SurfaceMap:
    """A posed body as one camera sees it; all tensors are on the device of its vertices."""

    mesh: Mesh
    vertices: Tensor
    """(V, 3) float32, m, camera axes: the body that was drawn."""
    vertex_normals: Tensor
    """(V, 3) float32 of length one, outwards, camera axes."""
    focal_px: float
    face: Tensor
    """(H, W) int32 the triangle that each pixel's centre shows, `NO_FACE` where it shows none."""
    barycentric: Tensor
    """(H, W, 3) float32 the point on that triangle: shares of its corners, in space rather than in the picture."""
    depth_m: Tensor
    """(H, W) float32 z in camera axes; infinite where there is no body."""
    normal: Tensor
    """(H, W, 3) float32 of length one, interpolated from the vertices' normals; zero where there is no body."""
    part: Tensor
    """(H, W) int32 labels, `NO_PART` where there is no body."""

    @property
    def size(self) -> Size:
        """Of the picture."""
        return Size(self.face.shape[1], self.face.shape[0])

    @cached_property
    def covered(self) -> Tensor:
        """(H, W) bool: where there is body."""
        return self.face >= 0

    @cached_property
    def corners(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of the M pixels where there is body: (M,) which they are, counted row by row, (M, 3) int64 the vertices at
        the corners of what they show, and (M, 3) their shares.
        """
        at = self.covered.flatten().nonzero()[:, 0]
        faces = self.mesh.faces.index_select(0, self.face.flatten().index_select(0, at))
        return at, faces.long(), self.barycentric.view(-1, 3).index_select(0, at)


def render_surface(vertices: Tensor | NDArray[np.floating], mesh: Mesh, focal_px: float, size: Size) -> SurfaceMap:
    """Draw one posed body.

    Triangles that face away are left out, as are those with a corner nearer than `NEAR_M` or one that is NaN.
    Where two triangles are equally near, the one of lower index is shown: equal input gives equal maps.

    Args:
        vertices: (V, 3) in camera axes, m; what is not a float32 tensor on the mesh's device is converted.
        mesh: its triangles; its device is where the map is drawn.
        focal_px: of a camera whose pictures are of this size.
        size: of the map.
    Raises:
        ValueError: the mesh has another number of vertices.
        DependencyError: warp-lang is not installed.
    """
    return next(render_surfaces([vertices], mesh, focal_px, size))


def render_surfaces(
    frames: Iterable[Tensor | NDArray[np.floating]], mesh: Mesh, focal_px: float, size: Size
) -> Iterator[SurfaceMap]:
    """Draw the frames (T, V, 3) of a body one by one, as `render_surface` does each; only one is held in memory."""
    kernels = _import_kernels()
    device = mesh.faces.device
    keys = torch.empty((size.height, size.width), dtype=torch.int64, device=device)
    for frame in frames:
        vertices = torch.as_tensor(frame).to(device, torch.float32).contiguous()
        if vertices.shape != (len(mesh), 3):
            raise ValueError(f"found vertices of shape {tuple(vertices.shape)}; the mesh needs ({len(mesh)}, 3)")
        keys.fill_(_EMPTY)
        _launch(kernels.fill, len(mesh.faces), [vertices, mesh.faces, focal_px, NEAR_M, keys])
        normals, corners = torch.empty_like(vertices), [mesh.corner_starts, mesh.corner_faces]
        _launch(kernels.face_vertices, len(mesh), [vertices, mesh.faces, *corners, normals])
        # the winners in `keys` (H, W) are written down as face, barycentric, depth_m, normal and part
        face, part = (torch.full_like(keys, none, dtype=torch.int32) for none in (NO_FACE, NO_PART))
        barycentric, normal = (vertices.new_zeros((*keys.shape, 3)) for _ in range(2))
        maps = [face, barycentric, vertices.new_full(keys.shape, torch.inf), normal, part]
        drawn = [vertices, normals, mesh.faces, mesh.face_part]
        _launch(kernels.resolve, tuple(keys.shape), [keys, *drawn, focal_px, *maps])
        yield SurfaceMap(mesh, vertices, normals, focal_px, *maps)


@cache
def _import_kernels() -> Any:
    """`surface_kernels.py`, with warp ready to launch them."""
    with _TURN:
        try:
            settings: Any = importlib.import_module("warp.config")
            settings.log_level = _ERRORS_ONLY
            from choreograft.body import surface_kernels
        except ImportError as error:
            raise DependencyError("cannot import warp; install it with: pip install warp-lang") from error
        kernels: Any = surface_kernels
        # it misses a CUDA driver at any log level
        with nullcontext() if torch.cuda.is_available() else quiet_stderr(bool):
            kernels.wp.init()
        return kernels


def _launch(kernel: Any, threads: int | tuple[int, ...], arguments: Sequence[Tensor | float]) -> None:
    """Run a kernel, in order with what PyTorch does on the same device.

    Args:
        threads: how many, along each axis.
        arguments: in the kernel's order; contiguous tensors of one device, and numbers. The kernel may write to them.
            A float32 tensor stands for an array of vectors where the kernel asks for one.
    """
    warp = _import_kernels().wp
    device = next(argument for argument in arguments if isinstance(argument, Tensor)).device
    passed = [
        warp.from_torch(value.detach(), dtype=parameter.type.dtype, return_ctype=True)
        if isinstance(value, Tensor)
        else value
        for value, parameter in zip(arguments, kernel.adj.args, strict=True)
    ]
    stream = warp.stream_from_torch(torch.cuda.current_stream(device)) if device.type == "cuda" else None
    with _TURN:
        warp.launch(kernel, dim=threads, inputs=passed, device=warp.device_from_torch(device), stream=stream)


def find_nearest(covered: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """(H, W) the distance of each pixel to the body, px, and the number, row by row, of the body's pixel nearest to it.

    Where there is no body, every pixel is nearest to itself.
    """
    if not covered.any():
        own = np.arange(covered.size, dtype=np.int32).reshape(covered.shape)
        return np.full(covered.shape, np.inf, np.float32), own
    away, label = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    pixel_of = np.zeros(int(label.max()) + 1, np.int32)  # OpenCV numbers the body's pixels in an order of its own
    pixel_of[label[covered]] = np.flatnonzero(covered)
    return np.asarray(away, dtype=np.float32), pixel_of[label]
