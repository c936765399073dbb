# SPDX-License-Identifier: Apache-2.0
"""Starting and ending a cxlbox process."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

from .qmp import Qmp
from .qtest import Qtest

# The machine of the tagged-memory tutorial.
TUTORIAL = [
    "-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
    "-m", "1G,maxmem=8G,slots=4",
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=true",
    "-device", "cxl-rp,port=0,bus=cxl.1,id=root_port13,chassis=0,slot=2",
    "-device", "cxl-type3,bus=root_port13,id=cxl-vmem0,num-dc-regions=1,"
               "dc-regions-total-size=4G",
]


def binary():
    """The cxlbox under test: $CXLBOX, else build/src/tools/cxlbox of this checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("CXLBOX") or os.path.normpath(
        os.path.join(here, "../../../build/src/tools/cxlbox"))


def connect(make, path, process, timeout=20):
    """Connect to a socket that a process just started is about to open."""
    end = time.monotonic() + timeout
    while True:
        try:
            return make(path)
        except (FileNotFoundError, ConnectionRefusedError):
            if process.poll() is not None:
                raise RuntimeError(f"the process ended with status {process.returncode}") from None
            if time.monotonic() > end:
                raise
            time.sleep(0.001)


class Machine:
    """A running cxlbox in a directory of its own; ends with the with block."""

    def __init__(self, args=(), *, tutorial=True, qmp=True, qtest=False, program=None,
                 cwd=None, stderr=None, env=None):
        self.dir = tempfile.mkdtemp(prefix="cxlbox-") if cwd is None else cwd
        self.own_dir = cwd is None
        self.qmp_path = os.path.join(self.dir, "qmp.sock")
        self.qtest_path = os.path.join(self.dir, "qtest.sock")
        self.argv = list(program or [binary()])
        self.argv += (TUTORIAL if tutorial else []) + list(args)
        if qmp:
            self.argv += ["-qmp", f"unix:{self.qmp_path},server=on,wait=off"]
        if qtest:
            self.argv += ["-qtest", f"unix:{self.qtest_path},server=on,wait=off"]
        self.process = subprocess.Popen(self.argv, cwd=self.dir, stdin=subprocess.DEVNULL,
                                        stderr=stderr, env=env)
        self.qmp = None
        self.qtest = None
        try:
            if qmp:
                self.qmp = connect(Qmp, self.qmp_path, self.process)
            if qtest:
                self.qtest = connect(Qtest, self.qtest_path, self.process)
        except BaseException:
            self.end()
            raise

    def quit(self):
        """Ask it to end; its exit status."""
        self.qmp.cmd("quit")
        return self.process.wait(30)

    def end(self):
        """End it if it still runs. A status other than 0 is an error (a sanitizer's report at exit
        would pass unseen), unless it was killed."""
        for client in (self.qmp, self.qtest):
            if client:
                client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("the process did not end when asked to") from None
        if self.own_dir:
            shutil.rmtree(self.dir, ignore_errors=True)
        if self.process.returncode not in (0, -signal.SIGKILL):
            raise RuntimeError(f"the process ended with status {self.process.returncode}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end()
