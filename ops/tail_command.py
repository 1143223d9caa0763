"""`qianshao tail`: events as they come, one line each."""

import json
from typing import Annotated

import typer

from ops import output
from ops.installation import Installation
from ops.output import Format, Output
from ops.tail import follow


def tail(
    topics: Annotated[list[str] | None, typer.Argument(help="none: all topics but dead letters")] = None,
    incident: Annotated[str | None, typer.Option(help="only what speaks of this incident: its id or code")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="what stands there already, too")] = False,
    no_follow: Annotated[bool, typer.Option("--no-follow", help="end where the topics end now")] = False,
    output_: Output = Format.TEXT,
) -> None:
    """看事件流 · Show events as they come; Ctrl-C ends. With `-o json` one whole event a line. Leaves no trace in Kafka."""

    async def show() -> None:
        kafka = Installation.known().access.kafka
        async for heard in follow(kafka, topics or (), from_start=from_start, forever=not no_follow):
            if incident is None or heard.about(incident):
                told = json.loads(output.as_json(heard.whole())) if output_ is Format.JSON else None
                typer.echo(json.dumps(told, ensure_ascii=False) if told else heard.line())

    try:
        output.carry_out(show)
    except KeyboardInterrupt:
        raise typer.Exit(output.FINE) from None
