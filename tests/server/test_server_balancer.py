"""The rendered HAProxy in front of a server: clients get the address that they used."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath

import httpx
import pytest
import trio
from ports import free_port
from running import running

from zelitrio.deploy import Target, render
from zelitrio.settings import ServerSettings

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(60)]


@pytest.mark.parametrize("root_path", ["", "/tts"])
async def test_the_address_has_the_scheme_host_and_prefix_in_front_of_the_balancer(
    root_path: str, tmp_path: Path
) -> None:
    spoofed = {
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.example",
        "x-forwarded-prefix": "/evil",
    }
    async with running(keys=["k"], trusted_proxies=("127.0.0.1",), root_path=root_path) as server:
        balancer_port = free_port()
        target = Target(
            balancer_port=balancer_port, server=ServerSettings(port=server.port, root_path=root_path)
        )
        config = tmp_path / "haproxy.cfg"
        text = render("haproxy", target)[PurePosixPath("haproxy.cfg")]
        config.write_text(text.replace(f"bind :{balancer_port}", f"bind 127.0.0.1:{balancer_port}"))
        balancer = await trio.lowlevel.open_process(
            ["haproxy", "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{balancer_port}", trust_env=False, timeout=10
            ) as http:
                headers = {"host": "tts.example.com", **spoofed}
                document = await first_answer(http, f"{root_path}/openapi.json", headers)
        finally:
            balancer.kill()
            await balancer.wait()
    assert document["servers"][0]["url"] == f"http://tts.example.com{root_path}"


async def first_answer(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> dict[str, list[dict]]:
    """Repeat a request until the balancer has found the server."""
    with trio.fail_after(20):
        while True:
            try:
                answer = await http.get(path, headers=headers)
                if answer.status_code == 200:
                    return dict(answer.json())
            except httpx.HTTPError:
                pass
            await trio.sleep(0.2)
