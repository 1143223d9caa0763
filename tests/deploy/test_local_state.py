"""The state folder: ports, passwords, demo keys, and that only one stack runs on it."""

import json
import os
import socket
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.local import keys
from ops.local.state import InUse, State, choose_ports, is_free
from ops.local.toolchain import link_bundled_curl
from shared.errors import Refused
from shared.web.auth import Role, TokenVerifier, read_jwks

NOW = datetime.now(UTC)


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_ports_stay_the_same(tmp_path: Path) -> None:
    first = State.at(tmp_path / "s").ports(["kafka", "mongo"])
    assert State.at(tmp_path / "s").ports(["kafka", "mongo"]) == first
    assert len(set(first.values())) == 2


def test_a_port_that_somebody_else_took_is_replaced_and_the_others_are_not(tmp_path: Path) -> None:
    state = State.at(tmp_path / "s")
    first = state.ports(["kafka", "mongo"])
    with socket.create_server(("127.0.0.1", first["kafka"])):
        second = state.ports(["kafka", "mongo"])
    assert second["kafka"] != first["kafka"]
    assert second["mongo"] == first["mongo"]
    assert state.ports(["kafka"])["kafka"] == second["kafka"]


def test_new_ports_are_below_the_ephemeral_range() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    chosen = choose_ports([f"p{n}" for n in range(200)], {}, lambda _: True)
    assert len(set(chosen.values())) == 200
    assert max(chosen.values()) < lowest


def test_the_front_door_has_its_wish_unless_taken() -> None:
    assert choose_ports(["front"], {}, lambda _: True) == {"front": 8080}
    assert choose_ports(["front"], {}, lambda port: port != 8080)["front"] != 8080
    assert choose_ports(["front"], {"front": 9999}, lambda _: True) == {"front": 9999}


def test_a_listening_port_is_not_free_and_a_closed_one_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_passwords_are_made_once_and_kept_private(tmp_path: Path) -> None:
    state = State.at(tmp_path / "s")
    first = state.passwords(["broker", "admin"])
    assert state.passwords(["broker", "admin", "intake"]).items() >= first.items()
    assert len(set(first.values())) == 2
    assert min(map(len, first.values())) >= 32
    assert mode(state.root / "passwords.json") == 0o600
    assert mode(state.root) == 0o700


def test_two_stacks_cannot_share_a_folder(tmp_path: Path) -> None:
    state = State.at(tmp_path / "s")
    held = state.lock()
    with pytest.raises(InUse, match=f"in use by process {os.getpid()}"):
        state.lock()
    os.close(held)
    os.close(state.lock())


def test_demo_tokens_are_what_the_services_accept(tmp_path: Path) -> None:
    verifier = TokenVerifier(read_jwks(keys.jwks(tmp_path, "access"), "development"), keys.ISSUER, keys.AUDIENCE)
    for login in keys.LOGINS:
        principal = verifier.verify(keys.token(tmp_path, login, NOW, "140302003"))
        assert principal.role == Role(login)
        assert principal.subdistrict == "140302003"
    assert verifier.verify(keys.token(tmp_path, "department", NOW, "140302003")).department == "municipal"


def test_demo_tokens_end(tmp_path: Path) -> None:
    verifier = TokenVerifier(read_jwks(keys.jwks(tmp_path, "access"), "development"), keys.ISSUER, keys.AUDIENCE)
    with pytest.raises(Refused, match="expired"):
        verifier.verify(keys.token(tmp_path, "rider", NOW - keys.VALID - timedelta(minutes=1), "140302003"))


def test_keys_are_made_once_two_are_live_and_no_private_part_is_public(tmp_path: Path) -> None:
    file = keys.jwks(tmp_path, "receipt")
    text = file.read_text()
    assert keys.jwks(tmp_path, "receipt").read_text() == text
    published = json.loads(text)["keys"]
    assert [key["kid"] for key in published] == ["demo-receipt-1", "demo-receipt-2"]
    assert all("d" not in key for key in published)
    assert {mode(f) for f in tmp_path.iterdir()} == {0o600}
    assert keys.private_key(tmp_path, "receipt").read_text().startswith("-----BEGIN PRIVATE KEY")


def test_the_libcurl_of_the_pycurl_wheel_is_found(tmp_path: Path) -> None:
    bundle = tmp_path / "site/pycurl.libs"
    bundle.mkdir(parents=True)
    (bundle / "libcurl-0a1b2c3d.so.4.8.0").write_bytes(b"ELF")
    assert link_bundled_curl([str(tmp_path / "empty"), str(tmp_path / "site")], tmp_path / "lib")
    assert (tmp_path / "lib/libcurl.so.4").read_bytes() == b"ELF"
    assert not link_bundled_curl([str(tmp_path / "empty")], tmp_path / "other")


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    state = State.at(tmp_path / "s")
    code = (
        "import os, signal; from pathlib import Path; from ops.local.state import State;"
        f"State.at(Path({str(state.root)!r})).lock(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    os.close(state.lock())
