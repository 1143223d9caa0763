"""`python -m kit.conformance --command "python my_subscriber.py"`: play the whole channel to it and say what it breaks.

Without --bootstrap an embedded broker is started and ended. The command gets KAFKA_BOOTSTRAP, KAFKA_USERNAME, KAFKA_PASSWORD,
KAFKA_SECURITY, KAFKA_READ_TOPIC, KAFKA_WRITE_TOPIC, KAFKA_GROUP and STATE (a file it may use) and must take on (or give back)
whatever it is offered by itself. It is killed once in the middle and started again. Ends with 1 if a rule was broken.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.conformance.play import play, stage
from kit.conformance.rules import RULES, Finding, judge
from kit.conformance.sandbox import Sandbox, embedded, running


async def examine(sandbox: Sandbox, command: str) -> list[Finding]:
    """What the subscriber breaks; it is started with a fresh state and killed afterwards."""
    with TemporaryDirectory(prefix="qianshao-conformance-") as folder:
        async with stage(sandbox, Path(folder), command) as (on, program):
            return judge(await play(on, program))


async def _main(given: argparse.Namespace) -> list[Finding]:
    if given.bootstrap:
        there = running(given.bootstrap, given.department, given.passwords, given.security)
        return await examine(there, given.command)
    async with embedded() as sandbox:
        return await examine(sandbox, given.command)


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True, help="starts the subscriber")
    parser.add_argument("--bootstrap", help="a running sandbox; then --department and --passwords too")
    parser.add_argument("--department", default="sandbox")
    parser.add_argument("--passwords", type=Path, help="JSON, by user: dept.CODE and dispatch of the sandbox")
    parser.add_argument("--security", default="SASL_SSL", choices=["SASL_SSL", "SASL_PLAINTEXT"])
    given = parser.parse_args(arguments)
    if given.bootstrap and given.passwords is None:
        parser.error("--passwords: needed with --bootstrap")
    findings = asyncio.run(_main(given))
    for rule, asked in RULES.items():
        broken = [finding.text for finding in findings if finding.rule == rule]
        print(f"{'✗' if broken else '✓'} {rule}: {asked}", *(f"\n    {text}" for text in broken))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
