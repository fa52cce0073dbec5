"""A PostgreSQL server for the tests, of Debian's programs."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

PASSWORD = "s3cr:t/@ word"
USER = "me"
DATABASE = "postgres"


@dataclass
class PostgresServer:
    """A server on loopback, of a user with a password; it can be stopped and started again."""

    programs: Path
    folder: Path
    port: int
    own: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def login(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "password": PASSWORD,
            "dbname": DATABASE,
        }

    def url(self, password: str = PASSWORD, scheme: str = "postgresql") -> str:
        return f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        import psycopg

        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [
                    *(self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port)),
                    *("-k", str(self.folder), "-F", "-c", "listen_addresses=127.0.0.1"),
                ],
                cwd=self.folder, stdout=subprocess.DEVNULL, stderr=log, **self.own,
            )  # fmt: skip
        for _ in range(600):
            try:
                psycopg.connect(**self.login).close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.1)

    def stop(self) -> None:
        """End it at once: connections are cut off."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            self.process = None


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A new server; the test is skipped where there can be none."""
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    at = shutil.which("initdb")
    if not found and at is None:
        pytest.skip("PostgreSQL is not installed")
    programs = found[-1].parent if found else Path(str(at)).parent
    folder = Path(tempfile.mkdtemp(prefix="kwb-postgres-"))  # below pytest's own folders only root may go
    own: dict[str, int] = {}
    if os.getuid() == 0:  # it refuses to run as root
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres'")
        own = {"user": user.pw_uid, "group": user.pw_gid}
        os.chown(folder, user.pw_uid, user.pw_gid)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    subprocess.run(
        [
            *(programs / "initdb", "-D", folder / "data", "-U", USER, "-A", "scram-sha-256", "--no-sync"),
            f"--pwfile={folder / 'password'}",
        ],
        check=True, capture_output=True, cwd=folder, **own,
    )  # fmt: skip
    server = PostgresServer(programs, folder, port, own)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
