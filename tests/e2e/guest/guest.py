# SPDX-License-Identifier: Apache-2.0
"""A real Linux in a real QEMU, both from the tree of peers, under TCG: about four seconds from start
to the first command.

    with Guest(["-M", "q35,cxl=on", "-m", "1G"]) as guest:
        guest.check("cxl list")
        guest.qmp.cmd("query-status")

A guest that does not come up, or goes, raises with the end of its console in the text; nothing waits
without a limit."""

import base64
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile

import image
from cxbpy import peers
from cxbpy.lines import Lines
from cxbpy.qmp import Qmp

TREE = peers.need()  # whoever imports this is skipped without it

BOOT_SECONDS = 240  # a limit, not what it takes
COMMAND_SECONDS = 60
CONSOLE_LINES = 60  # a panic's whole text
SLACK_SECONDS = 30  # for an answer to come that the guest's own limit has ended


class GuestError(Exception):
    """The guest is lost, or a command that had to succeed has not."""


class Guest:
    """A running guest; ends with the with block.

    @args:    of QEMU: machine, RAM and devices, and what is to differ from the defaults
    @modules: what is loaded, in this order; see image.MODULES
    @append:  added to the kernel's command line
    @front:   bytes in front of the initramfs: archives that stand in for ACPI tables
    @files:   {path: bytes, or (mode, bytes)} for the guest to find
    @program: instead of the tree's QEMU: a list, @args and the rest follow
    """

    def __init__(self, args, *, modules=image.MODULES, append="", front=b"", files=None, program=None):
        self.held = contextlib.ExitStack()
        try:
            self.dir = tempfile.mkdtemp(prefix="cxlbox-guest-")
            self.held.callback(shutil.rmtree, self.dir, ignore_errors=True)
            with open(self.path("initrd"), "wb") as f:
                f.write(front + image.base(TREE) + image.archive(files or {}))
            self._start([*(program or [peers.SCRIPT, "qemu"]), *self._options(modules, append),
                         *args])
            self.await_boot()
        except BaseException:
            self.close()
            raise

    def _options(self, modules, append):
        kernel = os.path.realpath(os.path.join(TREE, "usr/lib/modules/current/vmlinuz"))
        append = f"console=ttyS0 quiet panic=-1 guest.modules={','.join(modules)} {append}"
        # Where Linux sees a hypervisor it does not commit regions.
        return ["-nodefaults", "-display", "none", "-accel", "tcg", "-cpu", "max,-hypervisor",
                "-kernel", kernel, "-initrd", self.path("initrd"), "-append", append.rstrip(),
                "-serial", f"file:{self.path('console')}", "-action", "reboot=shutdown",
                "-device", "virtio-serial-pci,id=guest-serial,bus=pcie.0,addr=1e.0",
                "-device", "virtserialport,bus=guest-serial.0,chardev=guest-agent,name=guest.agent"]

    def _start(self, argv):
        """QEMU, connected already to both of its sockets."""
        (self.agent, agent), (qmp, monitor) = socket.socketpair(), socket.socketpair()
        for sock in (self.agent, qmp):
            self.held.callback(sock.close)
        with agent, monitor, open(self.path("stderr"), "wb") as stderr:
            there = (agent.fileno(), monitor.fileno())
            argv += ["-chardev", f"socket,id=guest-agent,fd={there[0]}",
                     "-chardev", f"socket,id=guest-qmp,fd={there[1]}",
                     "-mon", "chardev=guest-qmp,mode=control"]
            self.process = subprocess.Popen(argv, cwd=self.dir, stdin=subprocess.DEVNULL, stderr=stderr,
                                            pass_fds=there)
        self.held.callback(self.process.wait, 30)
        self.held.callback(self.process.kill)
        qmp.settimeout(COMMAND_SECONDS)
        try:
            self.qmp = Qmp(sock=qmp)
        except (OSError, EOFError) as error:
            raise self.lost(error) from error

    def path(self, name):
        """In this guest's own folder, which goes with it."""
        return os.path.join(self.dir, name)

    def await_boot(self):
        """Until the guest takes commands."""
        self.answers = Lines(self.agent)
        self.agent.settimeout(BOOT_SECONDS)
        if self._answer() != b"ready":
            raise self.lost("it says something else than 'ready'")

    def _answer(self):
        try:
            return self.answers.next()
        except (OSError, EOFError) as error:
            raise self.lost(error) from error

    def lost(self, why):
        """What to raise: with what QEMU and the guest have said last."""
        said = []
        for name in ("stderr", "console"):
            with contextlib.suppress(FileNotFoundError), \
                    open(self.path(name), encoding="utf-8", errors="replace") as f:
                said += [f"--- {name}", *f.read().splitlines()[-CONSOLE_LINES:]]
        return GuestError("\n".join([f"the guest is lost: {why}", *said]))

    def run(self, script, seconds=COMMAND_SECONDS):
        """Run a shell script in the guest: (status, what it wrote to stdout and stderr). One that
        takes longer than @seconds is ended, and its status is 143."""
        self.agent.settimeout(seconds + SLACK_SECONDS)
        try:
            self.agent.sendall(b"%d %s\n" % (seconds, base64.b64encode(script.encode())))
        except OSError as error:
            raise self.lost(error) from error
        status, length = map(int, self._answer().split())
        return status, self._take(length).decode(errors="replace")

    def _take(self, length):
        buffer = self.answers.buffer
        while len(buffer) < length:
            try:
                data = self.agent.recv(1 << 16)
            except OSError as error:
                raise self.lost(error) from error
            if not data:
                raise self.lost("it ended in the middle of an answer")
            buffer += data
        taken = bytes(buffer[:length])
        del buffer[:length]
        return taken

    def check(self, script, seconds=COMMAND_SECONDS):
        """As run(), for what has to succeed: what it wrote."""
        status, output = self.run(script, seconds)
        if status:
            raise GuestError(f"status {status} of: {script}\n{output}")
        return output

    def dmesg(self, level=7):
        """The kernel's messages of @level or more urgent (3: errors), without their times."""
        found = re.findall(r"^<(\d+)>(?:\[ *[\d.]+\] )?(.*)$", self.check("dmesg -r"), re.MULTILINE)
        return [text for number, text in found if int(number) & 7 <= level]

    def reboot(self):
        """Reset the machine, and wait until its guest takes commands again."""
        self.qmp.cmd("set-action", reboot="reset")
        self.qmp.cmd("system_reset")
        self.qmp.wait_event("RESET")
        self.await_boot()
        self.qmp.cmd("set-action", reboot="shutdown")

    def close(self):
        """End it, whatever it does."""
        self.held.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
