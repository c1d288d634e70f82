"""`zelitrio deploy`: it writes all files or none, and reports each fault in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from one_line import only_line
from unprivileged import unprivileged

from zelitrio.cli.app import run
from zelitrio.deploy import Target, render
from zelitrio.deploy.render import KINDS


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZELITRIO_TRACEBACK", "ZELITRIO_PORT", "ZELITRIO_DEVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_a_kind_are_written_and_named(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "folder"
    assert run(["deploy", kind, "--out", str(out)]) == 0
    names = [str(out / name) for name in render(kind, Target())]
    assert capsys.readouterr().out.splitlines() == names
    assert sorted(str(path) for path in out.iterdir()) == sorted(names)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nomad"], "kind: expected one of systemd, container"),
        ([], "parameter --kind requires an argument"),
        (["container", "--cuda", "--device", "cpu"], "--cuda and device cpu contradict each other"),
        (["kubernetes", "--device", "cuda:1"], "only with --cuda"),
        (["kubernetes", "--replicas", "2", "--state-dir", "/data"], "one volume serves one pod"),
        (["haproxy", "--replicas", "-1"], "replicas: expected 1 to 1000, found -1"),
        (["haproxy", "--balancer-port", "8020"], "port: expected an unused port, found 8020"),
        (["systemd", "--port", "0"], "port: expected a fixed port, found 0"),
        (["systemd", "--port", "70000"], "port: expected 0 to 65535, found 70000"),
        (["systemd", "--prot", "8020"], "--prot"),
        (["systemd", "--config", "missing.toml"], "missing.toml"),
    ],
)
def test_a_fault_is_one_error_line_and_writes_nothing(
    words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", *words, "--out", str(tmp_path / "out")]) == 2
    assert line in only_line(capsys)
    assert not (tmp_path / "out").exists()


def test_a_file_of_the_same_name_stays_unless_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "zelitrio.toml"
    kept.write_text("port = 1\n")
    assert run(["deploy", "systemd", "--out", str(tmp_path)]) == 2
    assert "zelitrio.toml: expected no file of that name; give --force" in only_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["zelitrio.toml"]
    assert kept.read_text() == "port = 1\n"
    assert run(["deploy", "systemd", "--out", str(tmp_path), "--force"]) == 0
    assert "port" not in kept.read_text()


def test_a_folder_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with unprivileged() as folder:
        folder.chmod(0o500)
        assert run(["deploy", "systemd", "--out", str(folder)]) == 2
        assert f"--out: cannot write {folder}/zelitrio.service" in only_line(capsys)
        assert run(["deploy", "systemd", "--out", str(folder / "below")]) == 2
        assert f"--out: cannot write {folder}/below: Permission denied" in only_line(capsys)
        folder.chmod(0o700)


def test_an_out_that_is_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("mine")
    assert run(["deploy", "systemd", "--out", str(tmp_path / "out")]) == 2
    assert f"--out: cannot write {tmp_path}/out" in only_line(capsys)
    assert (tmp_path / "out").read_text() == "mine"


def test_a_disk_that_fails_half_way_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", "systemd", "--out", str(tmp_path)]) == 0
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    capsys.readouterr()
    real = Path.write_text

    def write_text(self: Path, text: str, **how: str) -> int:
        if "toml" in self.name:
            real(self, text[:10], **how)
            raise OSError(28, "No space left on device", str(self))
        return real(self, text, **how)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", write_text)
        assert run(["deploy", "systemd", "--out", str(tmp_path), "--port", "9000", "--force"]) == 2
    assert "No space left on device" in only_line(capsys)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
