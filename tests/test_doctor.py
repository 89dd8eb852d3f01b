"""What the doctor says of machines that lack something."""

import io
from importlib import metadata
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from choreograft import doctor
from choreograft.assets import HAND_LANDMARKER, VGG19
from choreograft.doctor import Check
from choreograft.options import DoctorOptions
from choreograft.system import SYSTEM_LIBRARIES


def load_all_but(*absent: str):
    def load(name: str) -> None:
        if name in absent:
            raise OSError(f"{name}: cannot open shared object file")

    return load


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CHOREOGRAFT_CACHE", str(tmp_path))
    return tmp_path


def test_a_missing_system_library_fails_with_the_command_that_brings_its_package():
    check = doctor.check_system_libraries(load_all_but("libEGL.so.1", "libGL.so.1"))
    assert check.state == "fail"
    assert "libEGL.so.1" in check.found
    assert "libGLESv2" not in check.found
    assert check.advice.endswith("apt-get install --no-install-recommends libgl1 libegl1")


def test_a_machine_with_all_system_libraries_passes():
    check = doctor.check_system_libraries(load_all_but())
    assert check == Check("system libraries", "ok", ", ".join(library.name for library in SYSTEM_LIBRARIES))


def test_a_missing_package_fails_and_a_missing_studio_package_only_warns():
    def version(name: str) -> str:
        if name in ("mediapipe", "pyvista"):
            raise PackageNotFoundError(name)
        return metadata.version(name)

    states = {check.name: check.state for check in doctor.check_packages(version)}
    assert states.pop("mediapipe") == "fail"
    assert states.pop("pyvista") == "warn"
    assert set(states.values()) == {"ok"}


def test_a_package_of_another_version_than_is_expected_warns_and_says_which_to_install():
    checks = {check.name: check for check in doctor.check_packages(lambda name: "0.1")}
    assert checks["torch"].state == "warn"
    assert checks["torch"].advice.startswith("pip install 'torch>=")


def test_a_model_that_is_not_cached_is_a_warning_that_says_how_to_get_it(empty_cache: Path):
    check = doctor.check_model(HAND_LANDMARKER, may_fetch=False)
    assert check.state == "warn"
    assert "doctor --fetch" in check.advice


def test_a_model_with_a_wrong_checksum_does_not_count_as_cached(empty_cache: Path):
    (empty_cache / HAND_LANDMARKER.file).write_bytes(b"half a file")
    assert doctor.check_model(HAND_LANDMARKER, may_fetch=False).state == "warn"


def test_the_weights_of_the_paper_preset_may_be_absent(empty_cache: Path):
    assert doctor.check_model(VGG19, may_fetch=False).state == "ok"


def test_a_model_that_cannot_be_fetched_fails_with_the_reason(empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(asset, progress):
        raise doctor.AssetError("no hand model; get it by hand")

    monkeypatch.setattr(doctor, "fetch", refuse)
    check = doctor.check_model(HAND_LANDMARKER, may_fetch=True)
    assert (check.state, check.advice) == ("fail", "no hand model; get it by hand")


def test_a_driver_without_a_usable_card_is_a_warning_and_no_card_at_all_is_not():
    assert doctor.check_cards(["H100, 80 GB"], "2.13.0", driver_found=True).state == "ok"
    assert doctor.check_cards([], "2.13.0+cpu", driver_found=True).state == "warn"
    assert doctor.check_cards([], "2.13.0+cpu", driver_found=False).state == "ok"


@pytest.mark.parametrize(("free_bytes", "state"), [(10**8, "fail"), (2 * 10**9, "warn"), (10**11, "ok")])
def test_free_space_is_judged_by_how_many_runs_fit(tmp_path, monkeypatch, free_bytes, state):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=free_bytes))
    check = doctor.check_space(tmp_path / "not" / "made" / "yet")
    assert check.state == state
    assert str(tmp_path) in check.found


def test_this_machine_which_runs_the_tests_can_do_the_main_job(tmp_path: Path):
    checks = doctor.examine(DoctorOptions(runs=tmp_path))
    assert [check for check in checks if check.state == "fail" and check.name != "free space"] == []
    assert {"torch", "system libraries", "video encoder", "training runs on", "body model"} <= {c.name for c in checks}


def test_the_exit_code_is_one_only_where_a_check_fails():
    checks = [Check("video encoder", "ok", "H.264"), Check("hand model", "warn", "missing", "fetch it")]
    assert doctor.print_checks(checks, Console(file=io.StringIO())) == 0
    assert doctor.print_checks([*checks, Check("torch", "fail", "not installed")], Console(file=io.StringIO())) == 1


def test_advice_is_printed_on_one_line_however_narrow_the_terminal():
    output = io.StringIO()
    command = "sudo apt-get install --no-install-recommends libgl1 libegl1 libgles2 libglib2.0-0 libxcb1"
    doctor.print_checks([Check("system libraries", "fail", "[missing]", command)], Console(file=output, width=40))
    assert command in [line.strip() for line in output.getvalue().splitlines()]
    assert "[missing]" in output.getvalue()
