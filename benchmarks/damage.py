"""What becomes of damaged files: prints a table for docs/robustness.md.

    python benchmarks/damage.py FOLDER

Makes a second of a synthetic performer in every format and what Choreograft itself keeps of it (tracks, keypoints, a
body, a performer), damages each in numbered ways, and gives it to what reads it and, some of them, to the commands. A
process of its own reads one file after another and is started anew when it dies. A case ends well where the work goes
on, or where it is refused in one line and leaves no file behind. Linux and macOS.
"""

import contextlib
import io
import multiprocessing
import os
import resource
import shutil
import sys
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import av
import numpy as np
import tyro
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from choreograft import cli
from choreograft.body.body_track import BodyTrack
from choreograft.errors import ChoreograftError
from choreograft.files import PARTIAL
from choreograft.performer.performer import load_performer
from choreograft.pose.clean import clean_track
from choreograft.pose.openpose_fit import check_keypoints
from choreograft.pose.track import PoseTrack
from choreograft.video.read import count_frames, measure_length, probe, read_frames, read_pictures
from choreograft.video.write import VideoWriter

Damage = Callable[[bytes, np.random.Generator], bytes]
LONGEST_S: Final = 60.0
"""From which on a case counts as hung."""
MOST_MB: Final = 2000.0
"""Of resident memory, from which on a case counts as too hungry."""
OUTCOMES: Final = (
    "went on", "refused in one line", "traceback", "abort", "hang", "partial file", "over 2 GB",
)  # fmt: skip
GOOD: Final = OUTCOMES[:2]
CODECS: Final = {
    ".mp4": ("libx264", "yuv420p", "aac"),
    ".mov": ("mpeg4", "yuv420p", "pcm_s16le"),
    ".mkv": ("libx264", "yuv420p", "libopus"),
    ".webm": ("libvpx-vp9", "yuv420p", "libopus"),
    ".avi": ("mpeg4", "yuv420p", "libmp3lame"),
    ".gif": ("gif", "rgb8", None),
}
"""Suffix: pictures, their format, sound."""
SOUND_HZ: Final = 48_000
MAGICS: Final = (
    b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", b"\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f",
    b"GIF89a\x40\x00\x40", b"RIFF\x00\x10\x00\x00AVI LIST", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", b"PK\x03\x04\x14\x00\x00\x00\x08\x00", b"\x93NUMPY\x01\x00v\x00",
    b"ID3\x04\x00\x00", b"OggS\x00\x02", b'{"people": [', b"%PDF-1.7\n", bytes(64),
)  # fmt: skip
"""Beginnings of files of other formats."""


EXTREMES: Final = (bytes(4), b"\0\0\0\1", b"\1\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff")
"""Numbers of four bytes, in either order."""


@dataclass(frozen=True)
class Options:
    """What to damage, and where."""

    folder: tyro.conf.Positional[Path]
    """An empty or new one for the files; what was made whole stays there for the next run."""
    seeds: int = 3
    """How often each kind of file is damaged in each way."""
    first_seed: int = 0
    commands_every: int = 8
    """Of these cases one goes through a whole command, too."""
    kinds: tuple[str, ...] = ()
    """Only these kinds of file; all if left out."""
    damages: tuple[str, ...] = ()
    """Only these ways; all if left out."""


@dataclass(frozen=True)
class Case:
    """One damaged file, and who is to read it."""

    kind: str
    path: Path
    way: str
    """One of `READERS`, or a command."""
    whole: Path
    """The folder of undamaged files."""
    room: Path
    """An empty folder for what comes of it."""


def flip_bits(data: bytes, random: np.random.Generator) -> bytes:
    """Up to 64 bits anywhere."""
    return _flip(data, random.integers(0, len(data), random.integers(1, 65)), random)


def flip_ends(data: bytes, random: np.random.Generator) -> bytes:
    """Up to 16 bits of the first or last kilobyte, where formats keep headers and indices."""
    places = random.integers(0, min(1024, len(data)), random.integers(1, 17))
    return _flip(data, places if random.random() < 0.6 else len(data) - 1 - places, random)


def _flip(data: bytes, places: np.ndarray, random: np.random.Generator) -> bytes:
    flipped = np.frombuffer(data, np.uint8).copy()
    flipped[places] ^= (1 << random.integers(0, 8, len(places))).astype(np.uint8)
    return flipped.tobytes()


def change_fields(data: bytes, random: np.random.Generator) -> bytes:
    """Up to three numbers of the first or last kilobytes are as large or small as such numbers can be, or anything."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 4)):
        place = int(random.integers(0, max(1, min(4096, len(data) - 4))))
        place = place if random.random() < 0.5 else max(0, len(data) - 4 - place)
        changed[place : place + 4] = [*EXTREMES, random.bytes(4)][random.integers(0, len(EXTREMES) + 1)]
    return bytes(changed[: len(data)])


def drop_block(data: bytes, random: np.random.Generator) -> bytes:
    """A part from the middle is missing."""
    start, length = _block(data, random)
    return data[:start] + data[start + length :]


def fill_block(data: bytes, random: np.random.Generator) -> bytes:
    """A part is noise, or zeros."""
    start, length = _block(data, random)
    return data[:start] + (random.bytes(length) if random.random() < 0.5 else bytes(length)) + data[start + length :]


def _block(data: bytes, random: np.random.Generator) -> tuple[int, int]:
    length = max(1, int(len(data) * random.uniform(0.01, 0.25)))
    return int(random.integers(0, len(data) - length + 1)), length


def cut_off(data: bytes, random: np.random.Generator) -> bytes:
    """Only the beginning is there."""
    return data[: int(len(data) * random.uniform(0, 1))]


def swap_boxes(data: bytes, random: np.random.Generator) -> bytes:
    """Two neighbouring boxes of an MP4 file, or two halves of a block of any other, in the wrong order."""
    boxes = _find_boxes(data)
    if len(boxes) > 1:
        start, middle, end = boxes[random.integers(0, len(boxes))]
    else:
        start, length = _block(data, random)
        middle, end = start + length // 2, start + length
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def _find_boxes(data: bytes) -> list[tuple[int, int, int]]:
    """Where pairs of neighbouring boxes begin, meet and end, those within others too."""
    found, todo = [], [(0, len(data))] if data[4:8] == b"ftyp" else []
    while todo:
        at, end = todo.pop()
        starts = [at]
        while at + 8 <= end and (size := int.from_bytes(data[at : at + 4])) >= 8 and at + size <= end:
            if data[at + 4 : at + 8] in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"):
                todo.append((at + 8, at + size))
            starts.append(at := at + size)
        found += list(zip(starts, starts[1:], starts[2:], strict=False))
    return found


def change_header(data: bytes, random: np.random.Generator) -> bytes:
    """It begins as a file of another format does."""
    magic = MAGICS[random.integers(0, len(MAGICS))]
    return magic + data[len(magic) :]


def change_text(data: bytes, random: np.random.Generator) -> bytes:
    """Digits and brackets within the first 16 kilobytes are others."""
    text = bytearray(data)
    places = [n for n, byte in enumerate(text[: 1 << 14]) if byte in b'0123456789[]{}",:.']
    for place in random.choice(places, min(len(places), int(random.integers(1, 6))), replace=False) if places else ():
        text[place] = random.choice(list(b'0123456789[]{}"-e. '))
    return bytes(text)


DAMAGES: Final[Mapping[str, Damage]] = {
    "bits": flip_bits, "ends": flip_ends, "fields": change_fields, "drop": drop_block, "fill": fill_block,
    "cut": cut_off, "swap": swap_boxes, "header": change_header, "text": change_text,
}  # fmt: skip


def damage_archive(data: bytes, damage: Damage, random: np.random.Generator) -> bytes:
    """One member of a zip archive damaged, the archive's own checksums right: what a program wrote wrongly."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        spoilt = random.choice(old.namelist())
        for name in old.namelist():
            new.writestr(name, damage(old.read(name), random) if name == spoilt else old.read(name))
    return written.getvalue()


def damage_file(whole: Path, damaged: Path, name: str, seed: int) -> None:
    """Write a damaged copy of a file, or of a folder with one file damaged; equal seeds, equal damage."""
    random = np.random.default_rng([seed, *name.encode(), *whole.name.encode()])
    if whole.is_dir():
        shutil.copytree(whole, damaged)
        spoilt = sorted(damaged.iterdir())[random.integers(0, len(list(damaged.iterdir())))]
        damage_file(spoilt, spoilt, name, seed)
        return
    data, damage = whole.read_bytes(), DAMAGES[name]
    within = whole.suffix == ".npz" and seed % 2
    damaged.write_bytes(damage_archive(data, damage, random) if within else damage(data, random))


def encode(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """RGB pictures at 24 a second in the format of the suffix, with a tone where it has sound."""
    codec, pixels, sound = CODECS[path.suffix]
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream(codec, rate=24)
        video.width, video.height, video.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], pixels
        audio = container.add_stream(sound, rate=SOUND_HZ, layout="mono") if sound else None
        for picture in pictures:
            container.mux(video.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        if audio is not None:
            tone = np.sin(np.arange(SOUND_HZ * len(pictures) // 24) / 20).astype(np.float32)
            samples = (tone * 16_000).astype(np.int16)
            frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = SOUND_HZ
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))


def make_whole(folder: Path) -> Mapping[str, Path]:
    """The undamaged files by kind."""
    from choreograft.studio.filming import Camera
    from choreograft.studio.render import SOURCE_TAKE, render_clip
    from choreograft.video.size import Size

    clip, pngs = folder / "clip.mp4", folder / "pictures"
    if not clip.exists():
        camera = Camera(Size(180, 240), 1.08, 4.2, 2.6)
        render_clip(replace(SOURCE_TAKE, routine="dance", camera=camera, seconds=1.0), clip)
    pictures = [frame.image for frame in read_frames(clip)]
    videos = {suffix[1:]: folder / f"video{suffix}" for suffix in CODECS}
    for video in videos.values():
        encode(video, pictures)
    pngs.mkdir(exist_ok=True)
    for number, picture in enumerate(pictures):
        VideoFrame.from_ndarray(picture, format="rgb24").save(str(pngs / f"{number:04d}.png"))
    runs, keypoints, frames = folder / "runs", folder / "keypoints", folder / "keypoints.json"
    run(["track", clip, "-o", folder / "track.npz", "--write-openpose", keypoints, "--overwrite", "--runs", runs])
    frames.write_text(f"[{', '.join(path.read_text() for path in sorted(keypoints.iterdir()))}]")
    run(["dance", clip, "--as", clip, "-o", folder / "out.mp4", "--preset", "preview", "--overwrite", "--runs", runs])
    found = {"performer": next(runs.rglob("*.performer")), "body npz": next((runs / "bodies").glob("*.npz"))}
    kept = {"png folder": pngs, "json": frames, "json folder": keypoints, "track npz": folder / "track.npz"}
    return {**videos, **kept, **found}


def run(arguments: Sequence[object]) -> str:
    """What a command says last on standard error."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            cli.main([str(argument) for argument in arguments])
    except SystemExit:
        return (said.getvalue().splitlines() or [""])[-1]
    raise AssertionError("the command line always exits")


def read_video(case: Case) -> None:
    """As commands do: look, measure, count, and write what is read with its sound."""
    info = probe(case.path)
    measure_length(case.path)
    count_frames(case.path)
    times = []
    with VideoWriter(case.room / "out.mp4", info.size, info.rate, case.path, info.time_base) as writer:
        for frame in read_frames(case.path):
            writer.write(frame.image, frame.time, frame.duration)
            times.append(frame.time)
    assert times == [picture.time for picture in read_pictures(case.path)], "another reading gives other frames"


def read_keypoints(case: Case) -> None:
    """Read keypoint files as those of the undamaged clip."""
    check_keypoints(case.path, case.whole / "clip.mp4")


def read_track(case: Case) -> None:
    """Load a track, decode its masks, and clean it."""
    track = PoseTrack.load(case.path)
    for t in range(len(track) if track.masks is not None else 0):
        track.masks[t]
    clean_track(track)


def read_body(case: Case) -> None:
    """Load a body, and move it."""
    _ = BodyTrack.load(case.path).points


def read_performer(case: Case) -> None:
    """Load a performer, and decode the references that it draws from."""
    performer = load_performer(case.path)
    for n in range(len(performer.cutouts or ())):
        performer.cutouts.look(n, 1.0)


READERS: Final[Mapping[str, Callable[[Case], None]]] = {
    "video": read_video, "json": read_keypoints, "track": read_track, "body": read_body, "performer": read_performer,
}  # fmt: skip
VERBS: Final[Mapping[str, tuple[str, ...]]] = {
    "video": ("track", "check", "dance", "dance --as"), "json": ("track",), "track": (), "body": (),
    "performer": ("dance --as",),
}  # fmt: skip
"""The commands that a file goes through, by its reader."""


def reader_of(kind: str) -> str:
    """Which of `READERS` reads a kind of file."""
    return next((name for name in READERS if kind.startswith(name)), "video")


def settle(case: Case) -> tuple[str, str]:
    """The outcome of a case within this process, and the sentence or traceback that came with it."""
    room, clip, runs = case.room, case.whole / "clip.mp4", ["--runs", case.room / "runs"]
    said = ""
    try:
        if case.way in READERS:
            READERS[case.way](case)
        elif case.way == "choreograft track":
            keypoints = ["--openpose", case.path] if case.kind.startswith("json") else []
            video = clip if keypoints else case.path
            said = run(["track", video, *keypoints, "-o", room / "out.npz", *runs])
        elif case.way == "choreograft check":
            said = run(["check", case.path, "-o", room / "check", *runs])
        else:
            pair = [clip, "--as", case.path] if case.way.endswith("--as") else [case.path, "--as", clip]
            said = run(["dance", *pair, "-o", room / "out.mp4", "--preset", "preview", *runs])
    except ChoreograftError as error:
        said = f"error: {error}"
        if "\n" in said:
            return "traceback", f"more than one line: {said}"
    except Exception:  # noqa: BLE001 - this is what is counted
        return "traceback", traceback.format_exc()
    partial, refused = list(room.rglob(f"{PARTIAL}*")), "error: " in said
    if partial or (refused and any(room.glob("out.*"))):
        return "partial file", f"{partial} {said}"
    return ("refused in one line" if refused else "went on"), said


def work(link: Connection, log: Path) -> None:
    """A process's loop: cases in, outcomes and peak memory out."""
    with log.open("ab") as stream:  # libraries complain here
        os.dup2(stream.fileno(), 2)
    unit = 1024**2 if sys.platform == "darwin" else 1024
    while True:
        outcome, said = settle(link.recv())
        link.send((outcome, said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit))


class Worker:
    """A process that reads damaged files."""

    peak_mb = 0.0
    """Resident memory, after a case."""

    def __init__(self, log: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._link, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, log), daemon=True)
        self._process.start()
        theirs.close()

    def settle(self, case: Case) -> tuple[str, str, bool]:
        """Outcome, sentence, and whether the process can go on."""
        self._link.send(case)
        if not self._link.poll(LONGEST_S):
            return "hang", "", False
        try:
            outcome, said, self.peak_mb = self._link.recv()
        except EOFError:
            self._process.join()
            return "abort", f"exit code {self._process.exitcode}", False
        if self.peak_mb > MOST_MB:
            return "over 2 GB", f"{self.peak_mb:.0f} MB; {outcome}: {said}", False
        return outcome, said, True

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()


def list_cases(options: Options, files: Mapping[str, Path]) -> list[Case]:
    """Every kind of file, damaged in every way, for its reader; some of them for a command, too."""
    whole, cases, number = options.folder / "whole", [], 0
    for kind in options.kinds or files:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for name in options.damages or DAMAGES:
                place = options.folder / "damaged" / kind.replace(" ", "_") / f"{name}-{seed}"
                path = place / f"file{files[kind].suffix}"
                shutil.rmtree(place, ignore_errors=True)
                (place / "room").mkdir(parents=True)
                damage_file(files[kind], path, name, seed)
                reader = reader_of(kind)
                ways = [reader]
                if number % options.commands_every == 0 and VERBS[reader]:
                    verb = VERBS[reader][number // options.commands_every % len(VERBS[reader])]
                    ways.append(f"choreograft {verb}")
                cases += [Case(kind, path, way, whole, place / "room") for way in ways]
                number += 1
    return cases


def main(options: Options) -> None:
    """Make the files, damage them, count what becomes of them."""
    whole = options.folder / "whole"
    whole.mkdir(parents=True, exist_ok=True)
    counts: Counter[tuple[str, str]] = Counter()
    worker, peak_mb = None, 0.0
    for case in list_cases(options, make_whole(whole)):
        worker = worker or Worker(options.folder / "log.txt")
        outcome, said, alive = worker.settle(case)
        peak_mb = max(peak_mb, worker.peak_mb)
        if not alive:
            worker.close()
            worker = None
        row = case.kind if case.way in READERS else f"`{case.way}`"
        counts[row, outcome] += 1
        if outcome not in GOOD:
            print(f"{case.way} {case.path}: {outcome}: {said}", file=sys.stderr, flush=True)
        shutil.rmtree(case.room)
        case.room.mkdir()
    if worker is not None:
        worker.close()
    print_table(counts)
    print(f"\nAt most {peak_mb:.0f} MB.")


def print_table(counts: Mapping[tuple[str, str], int]) -> None:
    """Kinds of file and commands down, outcomes across."""
    print(f"| file | cases | {' | '.join(OUTCOMES)} |\n|---|{'--:|' * (1 + len(OUTCOMES))}")
    rows = [*dict.fromkeys(row for row, _ in counts)]
    for row in [*rows, "all"]:
        of = [sum(n for (r, o), n in counts.items() if row in (r, "all") and o == outcome) for outcome in OUTCOMES]
        print(f"| {row} | {sum(of)} | {' | '.join(map(str, of))} |")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
