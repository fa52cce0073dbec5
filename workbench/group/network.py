"""A network of its own for the processes of one training: a network namespace of Linux.

TensorFlow's server has no password, and listens on every interface of its network. In a network that holds nothing but
these processes nobody else can reach it, on this machine or from another.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

from workbench.errors import TrainingError

_NEW_USER = 0x10000000  # from <linux/sched.h>
_NEW_NETWORK = 0x40000000
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914  # from <linux/sockios.h>
_UP = 0x1  # from <linux/if.h>


def make_own_network() -> None:
    """Put this process, which must have no other thread, into a network of its own, with loopback and nothing else.

    Raises:
        TrainingError: this system does not allow it.
    """
    if sys.platform != "linux":
        raise _impossible("only Linux has networks for single processes")
    user, group = os.getuid(), os.getgid()
    try:
        _call("unshare", _NEW_NETWORK)  # root may, without more
    except OSError:
        try:
            _call("unshare", _NEW_USER | _NEW_NETWORK)
            _keep_user(user, group)
        except OSError as error:
            raise _impossible(error.strerror or str(error)) from None
    _bring_up_loopback()


def join_network(pid: int) -> None:
    """Put this process, which must have no other thread, into the network of another one.

    Raises:
        TrainingError: this system does not allow it, or the process has ended.
    """
    try:
        if os.stat(f"/proc/{pid}/ns/user").st_ino != os.stat("/proc/self/ns/user").st_ino:
            _enter(f"/proc/{pid}/ns/user", _NEW_USER)
        _enter(f"/proc/{pid}/ns/net", _NEW_NETWORK)
    except OSError as error:
        raise _impossible(error.strerror or str(error)) from None


def _enter(path: str, kind: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("setns", descriptor, kind)
    finally:
        os.close(descriptor)


def _call(name: str, *arguments: int) -> None:
    """A function of the C library: `os` has these from Python 3.12 on."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _keep_user(user: int, group: int) -> None:
    """Stay who we are: files are read and written as before."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def _impossible(why: str) -> TrainingError:
    return TrainingError(
        f"the processes of a training cannot have a network of their own here: {why}.",
        where="train.workers",
        hint="TensorFlow's ports, over which they add up gradients, have no password and are open on every interface "
        "of this machine. Where nobody else can reach it, `KWB_OPEN_PORTS=1` uses them all the same.",
    )
