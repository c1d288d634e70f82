"""The programs read the files rendered for them.  `just test-fleet` installs these programs."""

import subprocess
from pathlib import Path

import attrs
import pytest

from zelitrio.deploy import Target, render
from zelitrio.settings import ServerSettings

pytestmark = pytest.mark.fleet
TARGET = Target(replicas=3, server=ServerSettings(port=8030))


def write(kind: str, folder: Path, target: Target = TARGET) -> Path:
    for name, text in render(kind, target).items():
        (folder / name).write_text(text)
    return folder


def run(*words: str | Path) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("cuda", [False, True])
def test_systemd_accepts_the_service_and_calls_it_ok(cuda: bool, tmp_path: Path) -> None:
    unit = write("systemd", tmp_path, Target(cuda=cuda)) / "zelitrio.service"
    text = unit.read_text()
    # The program is not installed here; use one that is.
    unit.write_text(text.replace("/opt/zelitrio/bin/zelitrio", "/bin/true"))
    assert "zelitrio.service" not in run("systemd-analyze", "verify", "--man=no", unit)
    report = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert "OK" in report.splitlines()[-1]


def test_promtool_accepts_scraping_and_rules(tmp_path: Path) -> None:
    run("promtool", "check", "config", write("prometheus", tmp_path) / "prometheus.yml")


def test_haproxy_accepts_the_balancer(tmp_path: Path) -> None:
    target = attrs.evolve(TARGET, domain="tts.example.com", server=ServerSettings(port=8030, agent_port=9030))
    config = write("haproxy", tmp_path, target) / "haproxy.cfg"
    certificate = tmp_path / "tts.example.com.pem"
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tts.example.com"),
        *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"),
    )
    certificate.write_text((tmp_path / "cert.pem").read_text() + (tmp_path / "key.pem").read_text())
    config.write_text(config.read_text().replace("/etc/haproxy/certs", str(tmp_path)))
    run("haproxy", "-c", "-f", config)
