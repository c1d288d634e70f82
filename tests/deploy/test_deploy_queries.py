"""The dashboard's queries and the alerts, run by a real Prometheus that scrapes a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import httpx
import pytest
import trio
from ports import free_port

from zelitrio.deploy import Target, render
from zelitrio.settings import ServerSettings

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(180)]
SERVER = (
    "import sys, trio\n"
    "from scripted_engine import ScriptedEngine\n"
    "from zelitrio.server import serve\n"
    "from zelitrio.settings import ServerSettings, hash_key\n"
    "from zelitrio.text import load_front_end\n"
    "settings = ServerSettings(port=int(sys.argv[1]), api_key_hashes=frozenset({hash_key('k')}))\n"
    "trio.run(serve, ScriptedEngine(), load_front_end(), settings)\n"
)
WITHOUT_DATA = ("histogram_quantile", "zelitrio_voice", "connections_refused", "underruns")
"""These may be empty here: the scripted engine reports no stages, and no request is refused."""


def test_a_real_prometheus_answers_every_query_of_the_dashboard(tmp_path: Path) -> None:
    port, own_port = free_port(), free_port()
    target = Target(server=ServerSettings(port=port))
    for name, text in render("prometheus", target).items():
        faster = text.replace("scrape_interval: 5s", "scrape_interval: 1s")
        (tmp_path / name).write_text(faster)
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    server = [sys.executable, "-c", SERVER, str(port)]
    prometheus = [
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{own_port}",
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with (
        subprocess.Popen(server, env={**os.environ, "PYTHONPATH": path}, **quiet) as serving,  # type: ignore[call-overload]
        subprocess.Popen(prometheus, **quiet) as scraping,  # type: ignore[call-overload]
    ):
        try:
            trio.run(check_queries, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own_port}")
        finally:
            serving.kill()
            scraping.kill()


async def check_queries(url: str, prometheus: str) -> None:
    dashboard = json.loads(render("grafana", Target())[PurePosixPath("zelitrio.dashboard.json")])
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:

        async def ask(query: str) -> list[object]:
            answer = await http.get(f"{prometheus}/api/v1/query", params={"query": query})
            assert answer.status_code == 200, (query, answer.text)
            return list(answer.json()["data"]["result"])

        async def is_up() -> bool:
            try:
                return bool([one for one in await ask("up == 1") if one])
            except httpx.HTTPError:
                return False

        with trio.fail_after(60):
            while not await is_up():  # noqa: ASYNC110 - another process has no event for it
                await trio.sleep(0.5)
        speech = f"{url}/v1/text-to-speech/zeli-voice-1"
        for _ in range(16):
            await http.post(speech, json={"text": "Hello there."}, headers={"xi-api-key": "k"})
            await http.post(speech, json={"text": "Hello there."})  # refused
            await trio.sleep(0.5)
        for query in queries:
            result = await ask(query.replace("$__rate_interval", "30s"))
            assert result or any(word in query for word in WITHOUT_DATA), query
        rules = (await http.get(f"{prometheus}/api/v1/rules")).json()["data"]["groups"][0]["rules"]
        assert rules and all(not rule.get("lastError") for rule in rules)
