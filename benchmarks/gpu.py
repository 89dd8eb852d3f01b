"""`standard` against `paper` on a GPU: images a second in training, frames a second in drawing, and quality held out.

    python benchmarks/gpu.py prepare VIDEO -o prepared.npz
    python benchmarks/gpu.py run prepared.npz --minutes 10
    python benchmarks/gpu.py performer VIDEO prepared-standard.npz -o standard.performer
    choreograft evaluate standard.performer --holdout

The first command and the last two run where Choreograft is installed. The second needs PyTorch, NumPy, SciPy, OpenCV,
PyAV, safetensors and tyro, the file and this repository's `src`: the file carries frames, stick figures, guides drawn
from references, and the weights of the perceptual network. Both methods train with that network, for equal times and
without a face; the stages of a generator share its time, and its row has images and rate of each. It prints rows for
docs/benchmarks.md, judged on the canvas, and writes contact sheets and what was learned beside the file. With that the
third makes a performer, which draws at full size and is judged there.
"""

import argparse
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from choreograft.config import TrainingStage
from choreograft.performer.device import Compute, choose_compute
from choreograft.performer.perceptual import EfficientNetLite0, FeatureNetwork
from choreograft.performer.performer import Performer, PerformerCard
from choreograft.performer.region import REGION_MARGIN, REGION_STEP, Region
from choreograft.performer.staging import Conditioning, to_image, to_tensor
from choreograft.presets import PRESETS, Budget, Preset
from choreograft.retarget.normalise import Stance, Torso
from choreograft.training.lessons import IMAGES_PER_PAIR, Lessons, TrainingFrame
from choreograft.training.loop import descend, learning_rate, plan_spans
from choreograft.training.state import Journal
from choreograft.training.step import PerformerTraining, add_pair_gradients
from choreograft.video.size import Size

Image = NDArray[np.uint8]

GROUPS = 4
"""Pictures of three channels that a guide is stored as: colour; matte, confidence, nothing; normals; usual colours."""
SHEET_COLUMNS = 6


def prepare(options: argparse.Namespace) -> None:
    """Track, fit and draw everything that training and drawing will need."""
    from choreograft.evaluate.metrics.regions import find_boxes
    from choreograft.footage.bodies import read_bodies
    from choreograft.footage.clip import read_clip
    from choreograft.performer.atlas import Atlas
    from choreograft.performer.header import canvas_size
    from choreograft.performer.perceptual import fetch_weights
    from choreograft.performer.references import ReferenceBank
    from choreograft.performer.warp import Warper, pose_frames
    from choreograft.pose.draw import draw_track_frame
    from choreograft.training.lessons import Guides
    from choreograft.training.recording import prepare_recording

    preset = PRESETS["standard"]
    clip, _ = read_clip(options.video, 1, options.runs)
    preset = replace(preset, height_px=options.height)
    size = canvas_size(preset, clip.track.size)
    recording = prepare_recording(options.runs / f"gpu-{options.video.stem}-{options.height}", [clip], size)
    track, body = recording.tracks[0], read_bodies([clip], 1, options.runs)[0].select(recording.kept[0]).on_canvas(size)
    N = len(track)
    first = N - round(options.hold_out * N)
    shown = body.select(np.arange(first))
    bank = ReferenceBank.choose(recording.frames[:first], recording.masks[:first], [shown], recording.faces[:first])[0]
    guides = Guides(bank, [shown], recording.faces[:first], seed=0)
    drawn = [guides.draw(n, occasion) for occasion in range(options.occasions) for n in range(first)]
    held = np.arange(first, N)
    dance = Warper(Atlas.of(bank)).draw_dance(partial(pose_frames, body.select(held), track.select(held)))
    drawn += [warped.as_guide() for warped in dance if warped is not None]
    weights = fetch_weights("efficientnet_lite0")
    assert weights is not None
    boxes = [(b.left, b.top, b.right, b.bottom) if b else (0, 0, 0, 0) for b in find_boxes(track, size)["person"]]
    pictures = {
        "real": [np.asarray(frame) for frame in recording.frames],
        "plate": [recording.plate_at(n) for n in range(N)],
        "stick": [draw_track_frame(track, n, preset.stick_figure) for n in range(N)],
        "guide": [picture for guide in drawn for picture in _split(guide)],
    }
    packed = {name: _pack(images, options.quality) for name, images in pictures.items()}
    arrays = {f"{name}_{part}": array for name, parts in packed.items() for part, array in parts.items()}
    np.savez(
        options.output, **arrays, masks=np.packbits(np.asarray(recording.masks) > 127, axis=-1), size=np.array(size),
        pairs=recording.pairs[recording.pairs + 1 < first], first=first, boxes=np.array(boxes),
        places=body.camera.project(body.points).astype(np.float32),
        weights=np.frombuffer(weights.read_bytes(), np.uint8),
    )  # fmt: skip
    print(f"{options.output}: {N} frames of {size}, {options.output.stat().st_size / 2**20:.0f} MiB")


def _split(guide: Tensor) -> list[Image]:
    """A guide (11, H, W) as pictures (H, W, 3)."""
    shades = torch.cat([guide[3:5] * 2 - 1, -torch.ones_like(guide[:1])])
    return [to_image(part) for part in (guide[:3], shades, guide[5:8], guide[8:])]


def _join(pictures: list[Image]) -> Tensor:
    """The inverse of `_split`."""
    colour, shades, normal, usual = (to_tensor(picture) for picture in pictures)
    return torch.cat([colour, (shades[:2] + 1) / 2, normal, usual])


def _pack(images: list[Image], quality: int) -> dict[str, NDArray[Any]]:
    """JPEGs end to end, and where each begins."""
    coded = [cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for image in images]
    return {"bytes": np.concatenate(coded), "starts": np.cumsum([0, *map(len, coded)])}


def make_performer(options: argparse.Namespace) -> None:
    """A performer of the video with weights that `run` trained, the same frames held out."""
    from choreograft.performer.performer import load_performer, save_performer
    from choreograft.pipeline import obtain_performer
    from choreograft.training.train import TrainingPlan

    name = options.weights.stem.rsplit("-", 1)[-1]
    preset, compute = PRESETS[name].without_face(), choose_compute()
    plan = TrainingPlan((options.video,), 1, preset, Budget(images=IMAGES_PER_PAIR), 0, options.hold_out)
    performer = load_performer(obtain_performer(plan, options.runs, compute), compute.device)
    with np.load(options.weights, allow_pickle=False) as arrays:
        learned = {key: torch.from_numpy(arrays[key]) for key in arrays.files if key != "images"}
        performer.card.training["images"] = int(arrays["images"])
    performer.generator.load_state_dict(learned)
    save_performer(performer, options.output)
    print(
        f"{options.output}: {performer.card.training['images']} images; choreograft evaluate {options.output} --holdout"
    )


class Prepared:
    """What `prepare` wrote."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}
        self.width, self.height = (int(side) for side in self.arrays["size"])
        self.first = int(self.arrays["first"])
        self.occasions = (len(self.arrays["guide_starts"]) // GROUPS - (len(self) - self.first)) // self.first

    def __len__(self) -> int:
        return len(self.arrays["boxes"])

    def picture(self, name: str, n: int) -> Image:
        """(H, W, 3) RGB."""
        start, end = self.arrays[f"{name}_starts"][n : n + 2]
        return np.ascontiguousarray(cv2.imdecode(self.arrays[f"{name}_bytes"][start:end], cv2.IMREAD_COLOR)[..., ::-1])

    def frame(self, n: int, occasion: int) -> TrainingFrame:
        """Frame n with a guide of some occasion; held-out frames have one."""
        row = occasion % self.occasions * self.first + n if n < self.first else (self.occasions - 1) * self.first + n
        guide = _join([self.picture("guide", GROUPS * row + k) for k in range(GROUPS)])
        stick, plate, real = (to_tensor(self.picture(name, n))[None] for name in ("stick", "plate", "real"))
        mask = np.unpackbits(self.arrays["masks"][n], axis=-1)[:, : self.width] * np.uint8(255)
        return TrainingFrame(Conditioning(stick, plate, guide[None]), real, to_tensor(mask)[None])

    def region(self, n: int) -> Region:
        """Around the person in frames n and n + 1."""
        places, size = self.arrays["places"][n : n + 2], Size(self.width, self.height)
        return Region.around(places, size, REGION_MARGIN, REGION_STEP)

    def perceptual(self, folder: Path) -> FeatureNetwork:
        """The network that both methods are trained and measured with."""
        file = folder / "efficientnet_lite0.pth"
        file.write_bytes(self.arrays["weights"].tobytes())
        network = EfficientNetLite0()
        network.load(file)
        return network.freeze()


def _begin(preset: Preset, data: Prepared, perceptual: FeatureNetwork, compute: Compute, minutes: float, folder: Path):
    """The training of an untrained performer, which is given its pairs from elsewhere."""
    size = Size(data.width, data.height)
    stance = Stance(size, None, Torso(size.height / 4, size.width / 2, size.height / 2))  # asked for by faces alone
    torch.manual_seed(0)
    performer = Performer(PerformerCard(preset.name, preset, size, stance), torch.zeros(3, size.height, size.width))
    return PerformerTraining(
        compute=compute, seed=0, budget=Budget(minutes=minutes), journal=Journal(folder), key="", performer=performer,
        lessons=Lessons(SimpleNamespace(pairs=data.arrays["pairs"]), performer.staging), perceptual=perceptual,
    )  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Train and measure both methods."""
    data, compute = Prepared(options.prepared), choose_compute()
    device = compute.device
    network = data.perceptual(options.prepared.parent)
    print(f"{compute}; {len(data)} frames of {data.width}x{data.height}, {len(data) - data.first} held out\n")
    print("| method | images | images/s | memory GiB | frames/s drawn | SSIM person | perceptual person |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    print(_describe("warp", data, [_warp(data, n) for n in range(data.first, len(data))], network, device, ["–"] * 4))
    for name in options.methods:
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        preset = PRESETS[name].without_face()
        training = _begin(preset, data, network, compute, options.minutes, options.prepared.parent)
        spans = zip(preset.stages, plan_spans(preset.stages), strict=True)
        done = [_train(training, data, stage, span, options.compiled) for stage, span in spans]
        memory = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else float("nan")
        pictures, rate = _draw(training, data, device, compute)
        images = " + ".join(str(images) for images, _ in done)
        rates = " + ".join(f"{images / seconds:.1f}" for images, seconds in done)
        facts = [images, rates, f"{memory:.1f}", f"{rate:.1f}"]
        print(_describe(name, data, pictures, network, device, facts), flush=True)
        beside = options.prepared.with_name(f"{options.prepared.stem}-{name}.png")
        _save_sheet(beside, data, pictures)
        learned = {
            key: weight.detach().float().cpu().numpy()
            for key, weight in training.performer.generator.state_dict().items()
        }
        np.savez(beside.with_suffix(".npz"), **learned, images=sum(images for images, _ in done))


def _train(
    training: PerformerTraining, data: Prepared, stage: TrainingStage, span: tuple[float, float], compiled: bool
) -> tuple[int, float]:
    """Images seen and seconds spent in a stage; loading is not counted, as every pair is loaded before."""
    training.enter(stage.name)
    if compiled:
        training.generator = torch.compile(training.generator)
        training.discriminator = torch.compile(training.discriminator)
    training.span, training.seconds = span, span[0] * training.budget.total
    loaded: dict[tuple[int, int], Any] = {}
    order, step, begun = np.random.default_rng(0), 0, training.seconds
    while training.done < 1:
        n, occasion = int(training.pairs[order.integers(len(training.pairs))]), int(order.integers(data.occasions))
        if (n, occasion) not in loaded:
            frames = data.frame(n, occasion), data.frame(n + 1, occasion)
            if training.performer.staging.guided:
                region = data.region(n)
                frames = frames[0].crop(region), frames[1].crop(region)
            if training.lessons.halved:
                frames = frames[0].halve(), frames[1].halve()
            loaded[n, occasion] = frames
        began = time.monotonic()
        losses = add_pair_gradients(training, loaded[n, occasion])
        descend(training, learning_rate(training.done, training.optimiser))
        if step % 20 == 0 and not torch.stack([loss.detach() for loss in losses.values()]).isfinite().all():
            raise SystemExit(f"{training.preset.name}: training diverged after {step} steps")
        training.seconds += time.monotonic() - began
        step += 1
    return IMAGES_PER_PAIR * step, training.seconds - begun


@torch.inference_mode()
def _draw(
    training: PerformerTraining, data: Prepared, device: torch.device, compute: Compute
) -> tuple[list[Image], float]:
    """The held-out frames, each from the one before it, and how many a second the networks draw."""
    plate = data.frame(data.first, 0).conditioning.plate.to(device)
    previous = torch.zeros_like(plate)
    pictures, spent = [], 0.0
    for n in range(data.first, len(data)):
        whole = data.frame(n, 0).conditioning.to(device)
        region = data.region(n) if training.performer.staging.guided else Region(0, 0, data.height, data.width)
        began = time.monotonic()
        with compute.autocast():
            frame = training.draw(whole.crop(region), region.crop(previous)).frame
        previous = region.paste(frame, plate)
        pictures.append(to_image(previous[0]))
        spent += time.monotonic() - began
    return pictures, len(pictures) / spent


def _warp(data: Prepared, n: int) -> Image:
    """The guide alone, over the plate."""
    given = data.frame(n, 0).conditioning
    assert given.guide is not None
    colour, matte = given.guide[0, :3], given.guide[0, 3:4]
    return to_image(matte * colour + (1 - matte) * given.plate[0])


def _describe(
    name: str, data: Prepared, pictures: list[Image], network: FeatureNetwork, device: torch.device, facts: list[str]
) -> str:
    """A row of the table."""
    likeness, distances = [], []
    for n, picture in enumerate(pictures, start=data.first):
        left, top, right, bottom = (int(side) for side in data.arrays["boxes"][n])
        if right - left < 16 or bottom - top < 16:
            continue
        there = slice(top, bottom), slice(left, right)
        truth = data.picture("real", n)
        likeness.append(float(_ssim(picture, truth)[there].mean()))
        both = (to_tensor(np.ascontiguousarray(image[there]))[None].to(device) for image in (picture, truth))
        with torch.inference_mode():
            distances.append(float(network(*both)))
    return f"| {name} | {' | '.join(facts)} | {np.mean(likeness):.3f} | {np.mean(distances):.3f} |"


def _ssim(picture: Image, truth: Image) -> NDArray[np.float32]:
    """(H, W) as evaluate.metrics.similarity.ssim_map, which needs scikit-image."""
    x, y = (image.astype(np.float32) for image in (picture, truth))

    def mean(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5))

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    full = (2 * mx * my + one) * (2 * both + two) / ((mx * mx + my * my + one) * (vx + vy + two))
    return np.asarray(full.mean(axis=-1), dtype=np.float32)


def _save_sheet(path: Path, data: Prepared, pictures: list[Image]) -> None:
    """Real, warped, drawn, one below the other."""
    chosen = np.linspace(0, len(pictures) - 1, SHEET_COLUMNS).round().astype(int)
    columns = [
        np.vstack([data.picture("real", data.first + i), _warp(data, data.first + i), pictures[i]]) for i in chosen
    ]
    cv2.imwrite(str(path), np.hstack(columns)[..., ::-1])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("prepare")
    one.set_defaults(call=prepare)
    one.add_argument("video", type=Path)
    one.add_argument("-o", "--output", type=Path, default=Path("prepared.npz"))
    one.add_argument("--height", type=int, default=PRESETS["standard"].height_px)
    one.add_argument("--hold-out", type=float, default=0.15, help="share of the frames, at the end")
    one.add_argument("--occasions", type=int, default=2, help="guides of each training frame")
    one.add_argument("--quality", type=int, default=90, help="of the JPEGs that everything is kept as")
    one.add_argument("--runs", type=Path, default=Path("choreograft_runs"))
    two = commands.add_parser("run")
    two.set_defaults(call=run)
    two.add_argument("prepared", type=Path)
    two.add_argument("--minutes", type=float, default=10.0, help="of training, for each method")
    two.add_argument("--methods", nargs="+", default=["standard", "paper"])
    two.add_argument("--compiled", action="store_true", help="torch.compile the networks")
    three = commands.add_parser("performer")
    three.set_defaults(call=make_performer)
    three.add_argument("video", type=Path)
    three.add_argument("weights", type=Path, help="what `run` wrote for one of its methods")
    three.add_argument("-o", "--output", type=Path, required=True)
    three.add_argument("--hold-out", type=float, default=0.15, help="as it was prepared")
    three.add_argument("--runs", type=Path, default=Path("choreograft_runs"))
    options = parser.parse_args()
    options.call(options)


if __name__ == "__main__":
    main()
