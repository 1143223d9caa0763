"""The embedded stack of `./run` and of the integration tests: real brokers and services as plain processes, no Docker."""
