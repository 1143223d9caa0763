"""The front door of the embedded stack: Caddy with the one Caddyfile, on loopback."""

from collections.abc import Mapping
from pathlib import Path

from ops.local.process import Program
from ops.local.state import REPOSITORY, State

CADDYFILE = REPOSITORY / "deploy/local/Caddyfile"
PORTS = ("front",)


def program(state: State, caddy: Path, ports: Mapping[str, int], apis: Mapping[str, int]) -> Program:
    """Caddy as a process. `apis` maps each service to the port of its api."""
    home = state.data / "caddy"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    upstreams = {f"QIANSHAO_{service.upper()}_API": f"127.0.0.1:{port}" for service, port in apis.items()}
    return Program(
        "caddy",
        (str(caddy), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"),
        log=state.logs / "caddy.log",
        env={
            "QIANSHAO_FRONT": f":{ports['front']}",
            "QIANSHAO_FRONT_BIND": "127.0.0.1",
            "QIANSHAO_WEB": str(REPOSITORY / "web"),
            "XDG_DATA_HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            **upstreams,
        },
        stop_seconds=6.0,
    )
