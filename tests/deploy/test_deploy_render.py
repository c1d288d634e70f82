"""Every kind renders for every valid setting; an error names contradictory settings."""

import json
import tomllib
from pathlib import Path, PurePosixPath

import kubernetes_validate
import pytest
import yaml

from zelitrio.deploy import (
    Target,
    render,
)
from zelitrio.deploy.render import KINDS
from zelitrio.errors import LocalError
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings, hash_key

STATE = ServerSettings(state_dir=Path("/data/state"))


def text_of(kind: str, name: str, target: Target) -> str:
    return render(kind, target)[PurePosixPath(name)]


@pytest.mark.parametrize("cuda", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_renders_without_a_placeholder_left(kind: str, cuda: bool) -> None:
    for name, text in render(kind, Target(cuda=cuda, replicas=3)).items():
        assert not name.is_absolute() and ".." not in name.parts
        assert "<<" not in text and "{%" not in text
        assert text.endswith("\n")


@pytest.mark.parametrize("kind", KINDS)
def test_yaml_and_json_files_can_be_read(kind: str) -> None:
    for name, text in render(kind, Target()).items():
        if name.suffix in (".yaml", ".yml"):
            assert list(yaml.safe_load_all(text))
        elif name.suffix == ".json":
            assert json.loads(text)


def test_the_settings_of_a_service_are_those_that_differ_from_the_defaults() -> None:
    target = Target(
        server=ServerSettings(port=8090, cors_origins=("https://a.example", "null")),
        session=SessionSettings(max_contexts=9),
        engine=EngineSettings(graphs=False, device="cpu"),
    )
    assert tomllib.loads(text_of("systemd", "zelitrio.toml", target)) == {
        "port": 8090,
        "cors_origins": ["https://a.example", "null"],
        "max_contexts": 9,
        "graphs": False,
        "device": "cpu",
    }


def test_a_service_waits_longer_than_the_drain() -> None:
    target = Target(server=ServerSettings(drain_s=120))
    assert "TimeoutStopSec=135" in text_of("systemd", "zelitrio.service", target)
    pods = yaml.safe_load_all(text_of("kubernetes", "zelitrio.yaml", target))
    pod = next(pods)["spec"]["template"]["spec"]
    assert pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
    assert pod["terminationGracePeriodSeconds"] == 135 + 5
    compose = yaml.safe_load(text_of("compose", "compose.yaml", target))
    assert compose["services"]["zelitrio"]["stop_grace_period"] == "135s"


def test_kubernetes_objects_follow_the_published_schemas() -> None:
    target = Target(
        cuda=True,
        replicas=2,
        server=ServerSettings(api_key_hashes=frozenset({hash_key("k")})),
    )
    kinds = []
    for item in yaml.safe_load_all(text_of("kubernetes", "zelitrio.yaml", target)):
        kinds.append(item["kind"])
        if item["kind"] != "ServiceMonitor":  # its schema is Prometheus Operator's, not Kubernetes'
            kubernetes_validate.validate(item, "1.31", strict=True)
    assert kinds == [
        "Deployment",
        "Service",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "ServiceMonitor",
    ]


def test_a_pod_with_a_state_directory_keeps_it_on_a_volume_of_its_own() -> None:
    items = list(yaml.safe_load_all(text_of("kubernetes", "zelitrio.yaml", Target(server=STATE))))
    for item in items:
        if item["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(item, "1.31", strict=True)
    deployment = items[0]["spec"]
    assert deployment["strategy"] == {"type": "Recreate"}
    pod = deployment["template"]["spec"]
    claims = {volume["name"]: volume.get("persistentVolumeClaim") for volume in pod["volumes"]}
    assert claims["state"] == {"claimName": "zelitrio-state"}
    container = pod["containers"][0]
    assert {"name": "state", "mountPath": "/data/state"} in container["volumeMounts"]
    assert {"name": "ZELITRIO_STATE_DIR", "value": "/data/state"} in container["env"]
    kinds = {item["kind"]: item["metadata"]["name"] for item in items}
    assert kinds["PersistentVolumeClaim"] == "zelitrio-state" and "HorizontalPodAutoscaler" not in kinds


def test_the_balancer_overwrites_a_clients_forwarding_headers() -> None:
    plain = text_of("haproxy", "haproxy.cfg", Target())
    assert "set-header x-forwarded-proto http\n" in plain and "del-header x-forwarded-prefix" in plain
    target = Target(domain="tts.example.com", server=ServerSettings(root_path="/tts"))
    outer = text_of("haproxy", "haproxy.cfg", target)
    assert "set-header x-forwarded-prefix /tts\n" in outer
    assert outer.index("x-forwarded-proto http\n") < outer.index("x-forwarded-proto https if { ssl_fc }")
    assert "--trusted-proxy 127.0.0.1 --root-path /tts" in outer


def test_no_key_is_written() -> None:
    digest = hash_key("a secret key")
    target = Target(server=ServerSettings(api_key_hashes=frozenset({digest})))
    for kind in KINDS:
        assert "a secret key" not in "".join(render(kind, target).values())


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        ("nomad", Target(), "expected one of systemd, .*found 'nomad'"),
        ("haproxy", Target(replicas=0), "replicas: expected 1 to 1000, found 0"),
        ("haproxy", Target(replicas=-3), "found -3"),
        ("container", Target(cuda=True, engine=EngineSettings(device="cpu")), "contradict each other"),
        ("kubernetes", Target(engine=EngineSettings(device="cuda:1")), "only with --cuda"),
        ("systemd", Target(server=ServerSettings(port=0)), "expected a fixed port, found 0"),
        ("container", Target(image="a b"), "image: expected a name without spaces"),
        ("kubernetes", Target(replicas=2, server=STATE), "one volume serves one pod"),
        ("haproxy", Target(balancer_port=8021, replicas=2), "found 8021, taken by balancer_port"),
        (
            "haproxy",
            Target(domain="a.b", server=ServerSettings(port=443)),
            "found 443, taken by the balancer's",
        ),
        (
            "haproxy",
            Target(replicas=2, server=ServerSettings(agent_port=8021)),
            "agent_port: .*8021, taken by port",
        ),
        (
            "haproxy",
            Target(replicas=2, server=ServerSettings(port=65535)),
            "port: expected 2 ports from 65535",
        ),
        ("haproxy", Target(server=ServerSettings(host=("10.0.0.5",))), "host: .*found 10.0.0.5"),
        ("haproxy", Target(domain=""), "domain: expected"),
        ("haproxy", Target(domain="x\nbackend y"), "domain: expected"),
    ],
)
def test_a_contradiction_is_one_clear_line(kind: str, target: Target, message: str) -> None:
    with pytest.raises(LocalError, match=message):
        render(kind, target)


def test_tls_belongs_to_the_balancer(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()
    server = ServerSettings(tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "cert.pem")
    for kind in ("haproxy", "container", "kubernetes", "compose"):
        with pytest.raises(LocalError, match="tls_cert"):
            render(kind, Target(server=server))
    assert "scheme: https" in text_of("prometheus", "prometheus.yml", Target(server=server))
