"""Archives of arrays: whatever is wrong inside is refused in one line that names the file."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from choreograft.errors import FileFormatError
from choreograft.files import check_times, open_archive, take_arrays, write_archive

KINDS = {"a": np.float32}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.npz"
    write_archive(path, "some-kind", 3, {"rate": "24"}, {"a": np.arange(6, dtype=np.float32)})
    return path


def read(path: Path) -> list[float]:
    with open_archive(path, "some-kind", 3, "make it again") as (facts, archive):
        assert facts["rate"] == "24"
        return take_arrays(archive, KINDS)["a"].tolist()


def replace_member(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as old:
        members = {member: old.read(member) for member in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for member, data in (members | {name: content}).items():
            new.writestr(member, data)


def array_file(described: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(described).to_bytes(2, "little") + described.encode()


def test_what_was_written_is_read(path):
    assert read(path) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", b"not an array"),
        ("a.npy", b""),
        ("a.npy", array_file("{'descr': '<f4', 'fortran_order': False, 'shape': (6,\n")),
        ("a.npy", array_file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }\n")),
        ("a.npy", array_file("{'descr': '|O', 'fortran_order': False, 'shape': (6,), }\n")),
        ("a.npy", array_file("\x00\n")),
        ("header.npy", b"\xff" * 40),
        ("header.npy", array_file("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n") + b"[]"),
        ("header.npy", array_file("{'descr': '|u1', 'fortran_order': False, 'shape': (20000,), }\n") + b"[" * 20000),
    ],
)
def test_damage_within_is_refused_in_one_line(path, name, content):
    replace_member(path, name, content)
    with pytest.raises(FileFormatError, match=r"some\.npz: expected a some-kind file of version 3, found .*; make it"
                       r" again") as caught:  # fmt: skip
        read(path)
    assert "\n" not in str(caught.value)


def test_other_kinds_and_versions_are_refused(path):
    header = json.dumps({"format": "some-kind", "version": 4}).encode()
    described = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({len(header)},), }}\n"
    replace_member(path, "header.npy", array_file(described) + header)
    with pytest.raises(FileFormatError, match="found some-kind version 4"):
        read(path)


@pytest.mark.parametrize("times", [[], [0, 1, 1], [0, np.nan, 2], [0, np.inf], [[0, 1]]])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(ValueError, match="times"):
        check_times(np.array(times, dtype=np.float64))
