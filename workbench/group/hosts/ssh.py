"""Have the processes of other machines started over ssh, as the user would by hand."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from workbench.errors import TrainingError, WorkbenchError
from workbench.sentence import last_line

_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=8")  # nobody is there to be asked for a password
_END = 5.0  # seconds for a process to go by itself


def hosts_in(text: str) -> tuple[str, ...]:
    """The names in a list such as `gpu1, gpu2`."""
    return tuple(dict.fromkeys(name for each in text.split(",") if (name := each.strip())))


def ssh_command(ssh: str, host: str, command: str) -> list[str]:
    """What runs a command in a shell of another machine.

    Args:
        ssh: the command that reaches it, with its options.

    Raises:
        WorkbenchError: the host is no name, or a quote in `ssh` is not closed.
    """
    if host.startswith("-"):  # it would be an option of ssh
        raise WorkbenchError(f"'{host}' is no name of a machine.", where="--hosts")
    try:
        words = shlex.split(ssh)
    except ValueError:
        raise WorkbenchError("a quote is not closed.", where=f"--ssh {ssh}") from None
    if not words:
        raise WorkbenchError("it is empty.", where="--ssh", hint="Without the option it is 'ssh'.")
    return [*words, *_OPTIONS, host, command]


def kwb_there(arguments: str) -> str:
    """What runs `kwb ARGUMENTS` in a shell of another machine: the kwb of the same folder, else that of its path."""
    here = shlex.quote(str(Path(sys.executable).with_name("kwb")))
    return f"k={here}; [ -x $k ] || k=kwb; exec $k {arguments}"


class SshStarter:
    """Processes of other machines, started over ssh; see `pool.Starter`.

    Args:
        hosts: as ssh knows them.
        ssh: the command and its options.
        address: `host:port` where they join.
        token: the file; they get what is in it.
        folder: the current folder on each of them.

    Raises:
        WorkbenchError: there is no such command.
    """

    def __init__(self, hosts: Sequence[str], ssh: str, address: str, token: Path, folder: Path) -> None:
        join = f"worker --join {shlex.quote(address)} --token-file - --wait 20"
        command = f"cd {shlex.quote(str(folder))} && {{ {kwb_there(join)}; }}"
        self._started: list[tuple[str, subprocess.Popen[bytes], IO[bytes]]] = []
        for host in hosts:
            words = ssh_command(ssh, host, command)
            said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
            try:
                process = subprocess.Popen(
                    words,
                    stdin=subprocess.PIPE,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,  # Ctrl-C is ours to understand
                )
            except OSError as error:
                self.close()
                raise WorkbenchError(f"cannot start: {error.strerror}.", where=ssh) from None
            assert process.stdin is not None
            with process.stdin:
                process.stdin.write(token.read_bytes())
            self._started.append((host, process, said))

    def error(self) -> WorkbenchError | None:
        """Why one of them does not come; None where all may."""
        for host, process, said in self._started:
            if process.poll() is not None:
                said.seek(0)
                why = (
                    last_line(said.read().decode(errors="replace"))
                    or f"it ended with code {process.returncode}"
                )
                return TrainingError(
                    f"no process was started on {host}: {why}",
                    where="--hosts",
                    hint=f"Try it by hand: `ssh {host} kwb --version`.",
                )
        return None

    def close(self) -> None:
        """Wait for them to go by themselves, which they do when the training has ended; then end ssh."""
        for _, process, said in self._started:
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            said.close()
