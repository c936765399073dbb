# SPDX-License-Identifier: Apache-2.0
"""Running cxlbox-host, for the tests that do."""

import os
import queue
import re
import subprocess
import threading

from cxbpy.machine import binary

HOST = os.environ.get("CXLBOX_HOST") or os.path.join(os.path.dirname(binary()), "cxlbox-host")


class Host:
    """A running cxlbox-host; its lines as they come."""

    def __init__(self, bus, *args):
        self.process = subprocess.Popen([HOST, "--bus", bus, *args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.said = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def until(self, pattern):
        """The lines up to the first with @pattern."""
        start = len(self.said)
        while True:
            line = self.lines.get(timeout=60)
            if line is None:
                raise EOFError(f"no '{pattern}': {self.said} {self.process.stderr.read()}")
            self.said.append(line)
            if re.search(pattern, line):
                return self.said[start:]

    def end(self, number=None):
        """Let it end, or end it by a signal; (status, lines not seen yet, stderr)."""
        if number:
            self.process.send_signal(number)
        status = self.process.wait(60)
        self.reader.join(60)
        rest = []
        while (line := self.lines.get_nowait()) is not None:
            rest.append(line)
        return status, rest, self.process.stderr.read()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


def comparable(lines):
    """What must be equal on QEMU and on cxlbox: but for the LPC bridge, AHCI and SMBus at 00:1f of
    QEMU's q35, and the firmware's name."""
    lines = [line for line in lines if not re.match(r"function 00:1f\.[023] other ", line)]
    return [re.sub(r" firmware .*", "", line) for line in lines]
