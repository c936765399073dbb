# SPDX-License-Identifier: Apache-2.0
"""A cxl-type2 that a cxlbox serves, where tests of passthrough expect an Accelerator."""

import os
import re
import signal

from accelerator import MEMORY
from cxbpy.machine import Machine

NAME = "/machine/peripheral/gpu"


class Log:
    """Accesses to its registers, in order, as ("r", offset) and ("w", offset, value)."""

    LINE = re.compile(r"cxl_type2_regs_(read|write): \S+ offset 0x([0-9a-f]+) value 0x([0-9a-f]+)")

    def __init__(self, path):
        self.path, self.start = path, 0

    def clear(self):
        self.start = os.path.getsize(self.path)

    def text(self):
        with open(self.path, encoding="utf-8") as f:
            f.seek(self.start)
            return f.read()

    def __iter__(self):
        for kind, off, value in self.LINE.findall(self.text()):
            off, value = int(off, 16), int(value, 16)
            yield ("w", off, value) if kind == "write" else ("r", off)

    def __eq__(self, other):
        return list(self) == other

    def __repr__(self):
        return repr(list(self))


class ServedType2:
    """Serves at path until end(). props are the device's."""

    def __init__(self, path, size=MEMORY, **props):
        self.path, self.size, self.props = path, size, props
        self.file, self.stderr = path + ".mem", path + ".log"
        self.mem = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self.mem, size)
        with open(self.stderr, "w", encoding="utf-8"):
            pass
        self.log = Log(self.stderr)
        self.start()

    def start(self):
        more = "".join(f",{k.replace('_', '-')}={v}" for k, v in self.props.items())
        with open(self.stderr, "a", encoding="utf-8") as stderr:
            self.m = Machine(["-M", "x-remote", "-trace", "cxl_type2_*", "-object",
                              f"memory-backend-file,id=m0,mem-path={self.file},share=on,size={self.size}",
                              "-device", f"cxl-type2,id=gpu,memdev=m0,component-at=middle{more}",
                              "-object", f"x-vfio-user-server,id=s0,path={self.path},device=gpu"],
                             tutorial=False, stderr=stderr)

    def end(self):
        self.m.end()
        os.close(self.mem)

    def kill(self):
        self.m.process.send_signal(signal.SIGKILL)
        self.m.process.wait()

    def revive(self):
        """Another one with the same memory, once nobody else has that any more."""
        self.m.end()
        self.start()

    def set(self, **props):
        for name, value in props.items():
            self.m.qmp.cmd("qom-set", path=NAME, property=name.replace("_", "-"), value=value)

    def reads_fail(self, fail):
        self.set(fault="access-eio" if fail else "none")

    def pattern(self, off, data):
        os.pwrite(self.mem, data, off)

    def bytes_at(self, off, n):
        return os.pread(self.mem, n, off)

    def bar_at(self, off, n):
        """Of the file that lies below BAR 0."""
        fds = f"/proc/{self.m.process.pid}/fd"
        for fd in os.listdir(fds):
            if "cxlbox-bar" in os.readlink(f"{fds}/{fd}"):
                with open(f"{fds}/{fd}", "rb") as f:
                    f.seek(off)
                    return f.read(n)
        raise AssertionError("no file below BAR 0")

    @property
    def resets(self):
        """How often its registers were begun anew."""
        with open(self.stderr, encoding="utf-8") as f:
            return f.read().count("cxl_type2_regs_taken: ")
