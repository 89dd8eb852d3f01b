"""What the verbs of the command line take, with their defaults; the docstrings are its help.

What is set for the method rather than for a command is in config.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional
from tyro.conf import arg as option

from choreograft.config import DEFAULT_DEVICE, DEFAULT_PRECISION, DeviceChoice, PrecisionChoice
from choreograft.presets import DEFAULT_PRESET, PRESETS

DEFAULT_RUNS = Path("choreograft_runs")
"""Where tracks, performers and run folders go unless `--runs` says otherwise."""
FaceChoice = Literal["preset", "yes", "no"]
"""Whether faces have a network of their own: where the preset has one for them, in any preset that trains, or never."""

DEFAULT_FPS = "source"
DEFAULT_SEED = 0
DEFAULT_HOLD_OUT = 0.0
EVALUATION_HOLD_OUT = 0.15
"""Share kept back where `evaluate --holdout` trains by itself."""


@dataclass(frozen=True)
class TrainOptions:
    """Learn one person from videos of them: writes a performer file. Interrupted, it goes on when run again."""

    target: Annotated[tuple[Path, ...], Positional, option(metavar="VIDEO [VIDEO ...]")]
    """One or several clips of the same person; the first sets the background and the place in the frame."""
    output: Annotated[Path | None, option(name="output", aliases=["-o"], metavar="NAME.performer")] = None
    """The performer file to write; in the runs folder if left out."""
    preset: Annotated[str, option(metavar="|".join(PRESETS))] = DEFAULT_PRESET
    """Size, architecture and losses."""
    minutes: Annotated[float | None, option(metavar="N")] = None
    """Training time; the preset's own if left out."""
    images: Annotated[int | None, option(metavar="N")] = None
    """Training length in images shown, instead of minutes: the same on every machine."""
    perceptual: Annotated[str | None, option(metavar="vgg19|efficientnet_lite0|none|FILE")] = None
    """The network of the perceptual loss, instead of the preset's; FILE: VGG-19's weights as torchvision names them."""
    face: FaceChoice = "preset"
    """Whether the face gets a network of its own in the last part of the training: as the preset has it, yes, or no."""
    person: int = 1
    """Which of the people in the clips, counted by how much of the frame they fill over time."""
    keypoints: Annotated[tuple[Path, ...], option(metavar="DIR|FILE [DIR|FILE ...]")] = ()
    """Joints that OpenPose, or another program that writes its JSON, found in the clips: one of each, in their order.
    Masks and depth, and hands and face where there are none, are found besides."""
    runs: Path = DEFAULT_RUNS
    """Where tracks, run folders and performers are kept."""
    hold_out: float = DEFAULT_HOLD_OUT
    """Share of each clip, at its end, not to train on, so that `choreograft evaluate --holdout` can measure there."""
    device: DeviceChoice = DEFAULT_DEVICE
    """What to compute on."""
    precision: PrecisionChoice = DEFAULT_PRECISION
    """What to compute in; auto: bf16 if the hardware has it, else float32, and whatever a resumed run was begun in."""
    devices: Annotated[int | None, option(metavar="N")] = None
    """GPUs of each machine to train on, or processes on its CPU; as torchrun has started them if left out, else 1."""
    num_nodes: Annotated[int | None, option(metavar="N")] = None
    """Machines that train together; as torchrun has started them if left out, else 1."""
    batch: Annotated[int | None, option(metavar="N")] = None
    """Pairs of frames a step, over all devices; one for each of them if left out."""
    seed: int = DEFAULT_SEED
    """Equal seeds and options give equal training, as far as the device allows."""
    overwrite: bool = False
    """Replace the output if it exists."""


@dataclass(frozen=True)
class DanceOptions:
    """Write the video in which the person of TARGET dances the dance of SOURCE, with SOURCE's sound and timing."""

    source: Annotated[Path, Positional, option(metavar="SOURCE")]
    """The video whose motion is read."""
    target: Annotated[Path, option(name="as", metavar="TARGET")]
    """Who is to dance: a video (a performer is trained first and kept) or a .performer file."""
    output: Annotated[Path, option(name="output", aliases=["-o"], metavar="OUT.mp4")]
    """The video to write."""
    side_by_side: bool = False
    """Also write OUT.side_by_side.mp4: source, stick figure and result beside each other."""
    duration: Annotated[float | None, option(metavar="SECONDS")] = None
    """Dance faster or slower, so that the result lasts this long; its sound keeps its pitch."""
    fps: Annotated[str, option(metavar="source|target|N")] = DEFAULT_FPS
    """Frame rate of the result: the source's (its very frame times), that of the target's footage, or a number."""
    height: Annotated[int | None, option(metavar="PX")] = None
    """Of the result; as tall as TARGET was filmed (up to 1080 px on the shorter side) if left out."""
    person: int = 1
    """Which of the people in SOURCE, counted by how much of the frame they fill over time."""
    as_person: int = 1
    """Which of the people in TARGET."""
    keypoints: Annotated[Path | None, option(metavar="DIR|FILE")] = None
    """Joints that OpenPose, or another program that writes its JSON, found in SOURCE: a file for every frame, or one
    for all. Masks and depth, and hands and face where there are none, are found besides."""
    as_keypoints: Annotated[Path | None, option(metavar="DIR|FILE")] = None
    """The same of TARGET, where it is a video."""
    preset: Annotated[str, option(metavar="|".join(PRESETS))] = DEFAULT_PRESET
    """Size, architecture and losses of a performer that is trained for this dance."""
    minutes: Annotated[float | None, option(metavar="N")] = None
    """Training time; the preset's own if left out."""
    images: Annotated[int | None, option(metavar="N")] = None
    """Training length in images shown, instead of minutes."""
    perceptual: Annotated[str | None, option(metavar="vgg19|efficientnet_lite0|none|FILE")] = None
    """The network of the perceptual loss in that training, instead of the preset's; FILE: VGG-19's weights."""
    face: FaceChoice = "preset"
    """Whether faces are drawn by a network of their own: as the preset, or the performer file, has it, yes, or no."""
    retarget: Literal["body", "global"] = "body"
    """How the motion is carried over: body, in 3D with the target's limbs, camera and floor; or global, the paper's."""
    preview_retarget: bool = False
    """Train and draw nothing: write, in seconds, the target's body doing the motion, the source beside it."""
    runs: Path = DEFAULT_RUNS
    """Where tracks, run folders and performers are kept."""
    device: DeviceChoice = DEFAULT_DEVICE
    """What to compute on."""
    precision: PrecisionChoice = DEFAULT_PRECISION
    """What to compute in; auto: bf16 if the hardware has it, else float32, and whatever a resumed run was begun in."""
    seed: int = DEFAULT_SEED
    """Equal seeds and options give equal training, as far as the device allows."""
    overwrite: bool = False
    """Replace the output if it exists."""


@dataclass(frozen=True)
class TrackOptions:
    """Find one person's body, hands, face and mask in every frame of a video: writes a track file."""

    video: Annotated[Path, Positional, option(metavar="VIDEO")]
    """The video to read."""
    output: Annotated[Path, option(name="output", aliases=["-o"], metavar="TRACK.npz")]
    """The track file to write."""
    person: int = 1
    """Which of the people in it, counted by how much of the frame they fill over time."""
    overlay: Path | None = None
    """Also write the video with the cleaned track drawn over it, to look at."""
    openpose: Annotated[Path | None, option(metavar="DIR|FILE")] = None
    """Take the joints that OpenPose, or another program that writes its JSON, found in VIDEO: a file for every frame,
    or one for all. Masks and depth, and hands and face where there are none, are found besides."""
    write_openpose: Annotated[Path | None, option(metavar="DIR")] = None
    """Also write the cleaned track as OpenPose's JSON: BODY_25, face and hands, a file for every frame."""
    runs: Path = DEFAULT_RUNS
    """Where tracks are cached: no video is tracked twice."""
    overwrite: bool = False
    """Replace the output if it exists."""


@dataclass(frozen=True)
class CheckOptions:
    """Is this footage good enough, and which moves of the source did the target never show? Sentences and a picture.

    Exit code 0: nothing to warn of; 3: there are warnings, listed first. Nothing is forbidden by a warning.
    """

    video: Annotated[Path, Positional, option(metavar="VIDEO")]
    """The target's video: the person who is to be learned."""
    source: Annotated[Path | None, option(metavar="SOURCE")] = None
    """The video whose dance they are to do: checked too, and held against what VIDEO shows."""
    output: Annotated[Path | None, option(name="output", aliases=["-o"], metavar="DIR")] = None
    """The folder for check.json and the pictures; check/VIDEO-..., for each video or pair another one, if left out."""
    json: bool = False
    """Print the JSON and nothing else, and leave the folder alone."""
    person: int = 1
    """Which of the people in VIDEO, counted by how much of the frame they fill over time."""
    source_person: int = 1
    """Which of the people in SOURCE."""
    keypoints: Annotated[Path | None, option(metavar="DIR|FILE")] = None
    """Joints that OpenPose, or another program that writes its JSON, found in VIDEO."""
    source_keypoints: Annotated[Path | None, option(metavar="DIR|FILE")] = None
    """The same of SOURCE."""
    runs: Path = DEFAULT_RUNS
    """Where tracks are cached: no video is tracked twice."""
    overwrite: bool = False
    """Replace a check that lies in the output folder."""


@dataclass(frozen=True)
class DemoOptions:
    """The whole job on two synthetic performers, with no video of your own: trains, dances."""

    output: Annotated[Path, option(name="output", aliases=["-o"], metavar="OUT.mp4")] = Path("demo/dance.mp4")
    """The video to write; everything else of the demo lies beside it."""
    minutes: float = 4.0
    """Training time."""
    device: DeviceChoice = DEFAULT_DEVICE
    """What to compute on."""
    precision: PrecisionChoice = DEFAULT_PRECISION
    """What to compute in; auto: bf16 if the hardware has it, else float32, and whatever a resumed run was begun in."""


STANDARD_SET = "all"


@dataclass(frozen=True)
class StudioOptions:
    """Render pairs: a target, a source, and the truth, which is the target doing what the source does."""

    folder: Annotated[Path, Positional, option(metavar="DIR")]
    """Where the pairs go, a folder each; clips that are there already stay."""
    case: Annotated[tuple[str, ...], option(metavar="all|NAME [NAME ...]")] = (STANDARD_SET,)
    """Which cases of the standard set."""
    seed: int = 0
    """0 is the standard set; any other number changes the dances, the sources' clothes and the rooms."""
    target: Annotated[str | None, option(metavar="NAME|seed-N")] = None
    """Another target performer for all chosen cases."""
    source: Annotated[str | None, option(metavar="NAME|seed-N")] = None
    """Another source performer."""
    motion: Annotated[str | None, option(metavar="NAME|TRACK.npz")] = None
    """Another motion: a routine of the studio, or a track of any video, carried over in 3D."""
    seconds: Annotated[float | None, option(metavar="N")] = None
    """Another length of the motion."""
    height: Annotated[int | None, option(metavar="PX")] = None
    """Of the target's clip and of the truth, the source's in proportion; the case's own if left out."""


DEFAULT_METHODS = ("nearest", "preview", "draft")
"""What `evaluate` compares unless it is told."""
BASELINE_METHODS = ("nearest",)
"""What it sets beside a performer file unless it is told."""


@dataclass(frozen=True)
class EvaluateOptions:
    """Measure quality: `PERFORMER --holdout`, `--pair DIR`, or `RESULT SOURCE`. Writes a table, a page and JSON."""

    inputs: Annotated[tuple[Path, ...], Positional, option(metavar="[PERFORMER|VIDEO|RESULT SOURCE]")] = ()
    """A performer file or a target video with --holdout; a performer file, or nothing, with --pair; else a finished
    result and the video whose motion it shows."""
    holdout: bool = False
    """Redraw frames that were never trained on, and hold them against the real ones."""
    pair: Annotated[tuple[Path, ...], option(metavar="DIR [DIR ...]")] = ()
    """Pairs of `choreograft studio`, or folders of pairs: transfer, and hold the result against the rendered truth."""
    compare: Annotated[str | None, option(metavar="nearest,draft,...")] = None
    """Methods to measure in the same run: nearest (real frames of the target), preview (those moved with the body), and
    what is trained for equal times: presets, paper-small, frame-by-frame, pix2pix, crn; with --pair also cyclegan and
    recycle-gan, which translate the source's frames. Or sets: ablation (the paper's rows), baselines (others' ways)."""
    target: Annotated[Path | None, option(name="as", metavar="TARGET")] = None
    """For RESULT SOURCE: the target's video or performer file, to judge place and identity too."""
    output: Annotated[Path, option(name="output", aliases=["-o"], metavar="DIR")] = Path("evaluation")
    """The folder for evaluation.html, evaluation.json and the results."""
    minutes: Annotated[float | None, option(metavar="N")] = None
    """Training time of every method that trains; as long as PERFORMER's where one is given."""
    images: Annotated[int | None, option(metavar="N")] = None
    """Training length in images shown, instead of minutes."""
    height: Annotated[int | None, option(metavar="PX")] = None
    """Of the frames that methods draw; as PERFORMER's, or the draft preset's."""
    person: int = 1
    """Which of the people in the videos, counted by how much of the frame they fill over time."""
    keypoints: Annotated[tuple[Path, ...], option(metavar="DIR|FILE [DIR|FILE ...]")] = ()
    """Joints that OpenPose, or another program that writes its JSON, found in SOURCE, or in each VIDEO of --holdout;
    a performer file knows those that it was trained with."""
    runs: Path = DEFAULT_RUNS
    """Where tracks, run folders and performers are kept."""
    device: DeviceChoice = DEFAULT_DEVICE
    """What to compute on."""
    precision: PrecisionChoice = DEFAULT_PRECISION
    """What to compute in; auto: bf16 if the hardware has it, else float32, and whatever a resumed run was begun in."""
    seed: int = DEFAULT_SEED
    """Equal seeds and options give equal training, as far as the device allows."""
    overwrite: bool = False
    """Replace an evaluation that lies in the output folder."""


@dataclass(frozen=True)
class DoctorOptions:
    """Say what this machine has and what it lacks: versions, devices, model files, system libraries."""

    fetch: bool = False
    """Download the model files that are missing."""
    runs: Path = DEFAULT_RUNS
    """The folder whose free space is looked at."""
