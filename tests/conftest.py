"""Fixtures for every test. Servers start only when a test asks for them, once per session."""

pytest_plugins = ["tests.support.stack", "tests.support.house"]
