"""One mongod as the replica set rs0, with keyFile and users as in production, on loopback."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient, WriteConcern
from pymongo.errors import OperationFailure, PyMongoError

from ops.local.process import Program
from ops.local.state import State, write_private

ADMIN = "admin"
KEY_FILE = "keyfile"
PASSWORDS = (ADMIN, KEY_FILE)
PORTS = ("mongo",)
REPLICA_SET = "rs0"

_USER_EXISTS = 51003
# Nobody gets in without a login, not even from this machine and not even before the first user is made.
# A process killed inside a transaction leaves it open on the server, and what it wrote locked. 60 s by default, in which
# a repeated report is told 503; ours end within 5 s.
_ORPHANS = ("--setParameter", "transactionLifetimeLimitSeconds=8")
_NO_EXCEPTION = ("--auth", "--setParameter", "enableLocalhostAuthBypass=false")
Client = MongoClient[dict[str, Any]]


class MongoAway(RuntimeError):
    """mongod did not become primary in time; the text holds the last answer."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database, and the connection string of the one user who may read and write it."""

    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class Mongo:
    """Where the database of one state folder lives. `passwords` holds those of `PASSWORDS`."""

    state: State
    program_file: Path
    libraries: str
    ports: Mapping[str, int]
    passwords: Mapping[str, str]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.ports['mongo']}"

    @property
    def folder(self) -> Path:
        return self.state.data / "mongo"

    def _uri(self, user: str, password: str, database: str) -> str:
        """A connection string for `user`, who is known in `database`."""
        return f"mongodb://{quote(user)}:{quote(password)}@{self.address}/{database}?replicaSet={REPLICA_SET}"

    def admin_uri(self) -> str:
        """For set-up and fault tests: every right on every database."""
        return self._uri(ADMIN, self.passwords[ADMIN], "admin")

    def program(self) -> Program:
        """mongod as a process. Journal on and w:majority by default, as in production; a small cache and oplog."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._member.exists():
            write_private(self._member, self.address)
        # Photos shrink the oplog's window: see platform.md.
        return self._mongod("--replSet", REPLICA_SET, "--oplogSize", "256", "--oplogMinRetentionHours", "48")

    def moved(self) -> bool:
        """Whether the data were made at another port, which the set remembers and would wait for: see `rename`."""
        return self._member.exists() and self._member.read_text() != self.address

    def rename(self) -> None:
        """Call between start and stop of `standalone()`: write the present address into the set's configuration.

        `replSetReconfig` by force does the same on a running set, but a set first asks its old port whether that is
        itself, and if a silent stranger listens there it waits 30 s for an answer.
        """
        _until(self._rename, 20.0)

    def standalone(self) -> Program:
        """mongod on the same data without its set, for `rename` alone."""
        return self._mongod("--setParameter", "disableLogicalSessionCacheRefresh=true")

    @property
    def _member(self) -> Path:
        return self.folder / "member"

    def _rename(self) -> None:
        with self._connect() as client:
            durable = client.local.get_collection("system.replset", write_concern=WriteConcern(j=True))
            durable.update_one({"_id": REPLICA_SET}, {"$set": {"members.0.host": self.address}})
        write_private(self._member, self.address)

    def _mongod(self, *more: str) -> Program:
        key = self.folder / "keyfile"
        write_private(key, self.passwords[KEY_FILE])
        arguments = {
            "--dbpath": self.folder,
            "--bind_ip": "127.0.0.1",
            "--port": self.ports["mongo"],
            "--keyFile": key,
            "--wiredTigerCacheSizeGB": "0.25",
        }
        flat = tuple(str(part) for pair in arguments.items() for part in pair)
        return Program(
            "mongod",
            (str(self.program_file), *flat, "--nounixsocket", "--quiet", *_NO_EXCEPTION, *_ORPHANS, *more),
            log=self.state.logs / "mongod.log",
            env={"LD_LIBRARY_PATH": self.libraries} if self.libraries else {},
            stop_seconds=20.0,
        )

    def settle(self, seconds: float = 30.0) -> None:
        """Wait for mongod and make it the primary of rs0 at its present address, with the admin user. Idempotent.

        Raises `MongoAway`.
        """
        _until(self._step, seconds)

    def database(self, name: str, password: str) -> Database:
        """A database with a user of its name, who may read and write it and nothing else. Idempotent."""
        with self._connect() as client:
            _put_user(client[name], name, password, "readWrite", name)
        return Database(name, self._uri(name, password, name))

    def _step(self) -> str | None:
        """Bring it one step nearer to a primary with an admin. Returns None when it is one, else what is lacking."""
        with self._connect() as client:
            hello = client.admin.command("hello")
            if "setName" not in hello:
                client.admin.command("replSetInitiate", self._config())
            if not hello["isWritablePrimary"]:
                return f"{self.address} is not primary yet"
            _put_user(client["admin"], ADMIN, self.passwords[ADMIN], "root", "admin")
            return None

    def _config(self) -> dict[str, Any]:
        members = [{"_id": 0, "host": self.address}]
        return {"_id": REPLICA_SET, "version": 1, "members": members, "settings": {"electionTimeoutMillis": 1000}}

    def _connect(self) -> Client:
        """As members of a set log in to each other: by the key file, before and without any user."""
        return MongoClient(
            f"mongodb://{self.address}/",
            username="__system",
            password=self.passwords[KEY_FILE],
            authSource="local",
            directConnection=True,
            serverSelectionTimeoutMS=500,
            connectTimeoutMS=1_000,
            socketTimeoutMS=10_000,
        )


def _put_user(database: Any, name: str, password: str, role: str, on: str) -> None:
    wanted = {"pwd": password, "roles": [{"role": role, "db": on}]}
    try:
        database.command("createUser", name, **wanted)
    except OperationFailure as error:
        if error.code != _USER_EXISTS:
            raise
        database.command("updateUser", name, **wanted)


def _until(step: Callable[[], str | None], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    lacking: str | None = "no answer"
    while time.monotonic() < deadline:
        try:
            lacking = step()
        except PyMongoError as error:
            lacking = str(error)
        if lacking is None:
            return
        time.sleep(0.05)
    raise MongoAway(f"mongod did not settle within {seconds:.0f} s: {lacking} (./run --reset starts afresh)")
