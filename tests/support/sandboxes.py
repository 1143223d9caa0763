"""A department of its own for one subscriber, so that none finds another one's group; nothing of it stays behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kit.conformance.sandbox import Sandbox
from tests.support.stack import Stack


@asynccontextmanager
async def sandbox(stack: Stack, department: str) -> AsyncIterator[Sandbox]:
    """Topics, user and rights of a new department, while it lasts."""
    await stack.kafka.declare([department])
    users = (f"dept.{department}", "dispatch")
    passwords = {user: stack.kafka.settings(user).password.get_secret_value() for user in users}
    try:
        yield Sandbox(stack.kafka.bootstrap, department, passwords)
    finally:
        await stack.kafka.withdraw([department])
