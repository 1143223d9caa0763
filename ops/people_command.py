"""`qianshao people`: what is kept of somebody, as one file; and to have somebody forgotten. Both through the front door."""

import asyncio
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from ops import output
from ops.installation import RUNNING
from ops.local.state import state_folder
from ops.look import CannotLook
from ops.output import Format, Output

SERVICES = ("intake", "dispatch", "points", "notify")
_SECONDS = 60.0

app = typer.Typer(no_args_is_help=True, help="个人信息 · Export or forget a person")
Account = Annotated[str, typer.Argument(help="账号编号 account id")]
Front = Annotated[
    str | None, typer.Option(envvar="QIANSHAO_FRONT", help="https://… of the front door; default: ./run's")
]
Token = Annotated[str | None, typer.Option(envvar="QIANSHAO_TOKEN", help="an administrator's access token")]


@app.command()
def export(
    account: Account,
    out: Annotated[Path, typer.Option(help="ZIP file to write")],
    front: Front = None,
    token: Token = None,
) -> None:
    """导出 · All that the four services keep of a person, as one ZIP file that only you can read."""
    found = output.carry_out(lambda: _collect(*_access(front, token), account), httpx2.HTTPError)
    write_zip(out, found)
    typer.echo(f"{out}  {len(found)} files")


@app.command()
def forget(
    account: Account,
    reason: Annotated[str, typer.Option(help="own_wish, left, order")] = "left",
    yes: Annotated[bool, typer.Option("--yes", help="do it; without it only shows what there is")] = False,
    front: Front = None,
    token: Token = None,
    output_: Output = Format.TEXT,
) -> None:
    """遗忘 · Have a person forgotten in all services, for good. Run again, it says how far that is."""
    access = _access(front, token)
    if yes:
        said = output.carry_out(lambda: _forget(*access, account, reason), httpx2.HTTPError)
    else:
        said = output.carry_out(lambda: _dry_run(*access, account), httpx2.HTTPError)
    typer.echo(output.as_json(said) if output_ is Format.JSON else "\n".join(f"{k}: {v}" for k, v in said.items()))
    if not yes and not said.get("asked_at"):
        typer.echo("仅试算，加 --yes 执行，不可恢复 · dry run: add --yes; it cannot be undone")


def write_zip(out: Path, files: Mapping[str, bytes]) -> None:
    """Readable by its owner alone."""
    out.touch(mode=0o600)
    out.chmod(0o600)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def _access(front: str | None, token: str | None) -> tuple[str, str]:
    """Where and as whom: as told, else of the embedded stack. Raises `typer.Exit`."""
    if front and token:
        return front, token
    try:
        running = json.loads((state_folder() / RUNNING).read_text())
        return front or running["front"], token or running["tokens"]["administrator"]
    except (OSError, ValueError, KeyError):
        raise output.cannot("需要 QIANSHAO_FRONT 和 QIANSHAO_TOKEN needed, or a running ./run") from None


async def _collect(front: str, token: str, account: str) -> dict[str, bytes]:
    """Files by name: one JSON document a service, and the photos."""
    async with _client(front, token) as http:
        answers = await asyncio.gather(*(_kept(http, service, account) for service in SERVICES))
        found = {service: document for service, document in zip(SERVICES, answers, strict=True) if document}
        files = {f"{name}.json": output.as_json(document).encode() for name, document in found.items()}
        for photo in found.get("intake", {"sections": {"photos": []}})["sections"]["photos"]:
            picture = await http.get(photo["url"])
            if picture.is_success:  # not everyone who may export may look at pictures; their links are in intake.json
                files[f"photos/{photo['_id']}.jpg"] = picture.content
        return files


async def _dry_run(front: str, token: str, account: str) -> dict[str, Any]:
    """How much of each kind each service keeps, or how far forgetting is if it was asked for."""
    async with _client(front, token) as http:
        state = await http.get(f"/intake/v1/accounts/{account}/forgetting")
        if state.is_success:
            return dict(state.json())
        counts: dict[str, Any] = {}
        for service in SERVICES:
            document = await _kept(http, service, account) or {"sections": {}}
            counts |= {f"{service}.{kind}": len(found) for kind, found in document["sections"].items()}
        return counts


async def _forget(front: str, token: str, account: str, reason: str) -> dict[str, Any]:
    async with _client(front, token) as http:
        answer = await http.post(f"/intake/v1/accounts/{account}/forget", json={"reason": reason})
        return dict(_good(answer).json())


def _client(front: str, token: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=front, headers={"Authorization": f"Bearer {token}"}, timeout=_SECONDS)


async def _kept(http: httpx2.AsyncClient, service: str, account: str) -> dict[str, Any] | None:
    """What a service keeps of somebody, None if that is nothing."""
    answer = await http.get(f"/{service}/v1/export/{account}")
    return None if answer.status_code == 404 else dict(_good(answer).json())


def _good(answer: httpx2.Response) -> httpx2.Response:
    """Raises `CannotLook` with what the service said."""
    if not answer.is_success:
        raise CannotLook(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer
