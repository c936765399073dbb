# SPDX-License-Identifier: Apache-2.0
"""Every system call and every allocation that may fail, made to fail one after the other: what was
asked for is then either done or refused with an error and nothing changed, and works when asked for
again. FAULTS_STRIDE=n tries each nth point of a program's life only."""

import os
import subprocess
import tempfile
import unittest

from cxbpy.inject import Injector, binary
from cxbpy.machine import TUTORIAL, connect
from cxbpy.process import resources
from cxbpy.qmp import Qmp, QmpError
from cxbpy.qtest import Qtest, QtestError

MIB = 1 << 20
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"
WINDOW = 0x3d0000000
EXTENTS = [{"offset": 0, "len": 4 * MIB}, {"offset": 12 * MIB, "len": 4 * MIB}]
STRIDE = int(os.environ.get("FAULTS_STRIDE", "1"))
# What a whole run must meet at least; the rest depends on the system (no large pages, say).
EXPECTED = {"accept4", "bind", "fallocate64", "fcntl64", "flock", "fopen64", "fstat64",
            "fstatfs64", "ftruncate64", "g_try_realloc", "listen", "lseek64", "madvise",
            "memfd_create", "mmap64", "open64", "posix_fallocate64", "recv", "send",
            "sendfile64", "socket", "stat64"}
hits = {}
fails = {}


class Faults(unittest.TestCase):
    def setUp(self):
        self.injector = Injector()
        self.addCleanup(self.injector.close)
        directory = tempfile.TemporaryDirectory(prefix="cxlbox-faults-")
        self.addCleanup(directory.cleanup)
        self.dir = directory.name
        self.qmp_path = self.path("qmp.sock")
        self.qtest_path = self.path("qtest.sock")
        with open(self.path("content"), "wb") as f:
            f.write(b"content" + bytes(MIB - 7))
        with open(self.path("extra.cfg"), "w", encoding="ascii") as f:
            f.write('[object "cfg"]\n  qom-type = "memory-backend-ram"\n  size = "2M"\n')
        self.given = set(os.listdir(self.dir))
        self.argv = [
            binary(), *TUTORIAL, "-readconfig", "extra.cfg", "-pidfile", "pid", "-D", "log",
            "-object", "memory-backend-file,id=shared,size=2M,share=on,mem-path=new",
            "-object", "memory-backend-file,id=copy,size=1M,share=off,mem-path=content",
            "-object", "memory-backend-ram,id=filled,size=1M,prealloc=on,dump=off",
            "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
            "-qtest", f"unix:{self.qtest_path},server=on,wait=off"]

    def tearDown(self):
        self.assertTrue(any(self.injector.fails().values()))
        for counts, here in ((hits, self.injector.hits()), (fails, self.injector.fails())):
            for name, n in here.items():
                counts[name] = counts.get(name, 0) + n

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self):
        return subprocess.Popen(self.argv, cwd=self.dir, stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True,
                                env=self.injector.environment())

    def end(self, process):
        """It must end by itself: (status, all it said)."""
        err = process.communicate(timeout=60)[1]
        self.assertNotRegex(err, "Sanitizer|runtime error|assertion")
        return process.returncode, err

    # --- from the start to the end of the program ---

    def one_life(self, n):
        """Point n of it fails; the call that did, or None if there are fewer."""
        self.injector.arm(n)
        process = self.start()
        # A connection may be what fails; the next one does not.
        while process.poll() is None:
            try:
                qmp = connect(Qmp, self.qmp_path, process)
            except (RuntimeError, EOFError, OSError):
                continue
            try:
                qmp.cmd("quit")
                process.wait(30)
            except (EOFError, OSError):
                pass
            finally:
                qmp.close()
        status, err = self.end(process)
        failed = self.injector.disarm()
        if status:
            self.assertEqual(status, 1, (failed, err))
            self.assertRegex(err, r"^cxlbox-inject:.", failed)
            self.assertIsNotNone(failed, err)
        left = set(os.listdir(self.dir)) - self.given
        allowed = {"log", "new"}
        if failed in ("flock", "fstat64", "stat64"):
            allowed.add("pid")  # not known to be ours
        self.assertLessEqual(left, allowed, failed)
        for name in left:
            os.unlink(self.path(name))
        with open(self.path("content"), "rb") as f:
            self.assertEqual(f.read(8), b"content\0")
        return failed

    def test_a_life_with_one_failure(self):
        n = 1
        while self.one_life(n):
            n += STRIDE
        self.assertGreater(n, 30)
        print(f"{n} points in a life, each {STRIDE} tried")

    # --- each request on its own ---

    def connect_all(self):
        self.qmp = connect(Qmp, self.qmp_path, self.process)
        self.qtest = connect(Qtest, self.qtest_path, self.process)
        self.qtest.cmd("endianness")  # and it is accepted

    def close_all(self):
        for client in (self.qmp, self.qtest):
            if client:
                client.close()
        self.qmp = self.qtest = None

    def state(self):
        host = self.qmp.cmd("query-cxl-host")
        del host["events"]  # a history
        capacity = self.qmp.cmd("query-cxl-dynamic-capacity")
        for device in capacity:
            del device["answers"]  # another
        return (resources(self.process.pid), self.qmp.cmd("qom-list", path="/objects"),
                self.qmp.cmd("qom-list", path="/machine/peripheral"),
                self.qmp.cmd("query-memdev"), capacity,
                host, sorted(os.listdir(self.dir)))

    def ram(self):
        self.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=8 * MIB,
                     share=True, tag=TAG)

    def offer(self):
        self.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0, tag=TAG,
                     selection_policy="prescriptive", extents=EXTENTS)

    def offered(self):
        self.ram()
        self.offer()

    def release(self):
        self.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0, tag=TAG,
                     removal_policy="tag-based")

    def sanitize(self):
        self.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0, tag=TAG,
                     removal_policy="tag-based", forced_removal=True, sanitize_on_release=True)

    def delete(self):
        self.qmp.cmd("object-del", id="tm0")

    def file(self, **more):
        self.qmp.cmd("object-add", qom_type="memory-backend-file", id="tm0", tag=TAG, **more)

    def new_file(self):
        self.file(size=2 * MIB, share=True, mem_path="file")

    def file_copy(self):
        self.file(size=MIB, share=False, mem_path="content")

    def filled_file(self):
        self.file(size=2 * MIB, share=True, mem_path="file", prealloc=True)

    def discarded_file(self):
        self.file(size=2 * MIB, share=True, mem_path="file", discard_data=True)

    def access(self):
        self.qtest.write(WINDOW + MIB, b"x" * 100000)
        self.assertEqual(self.qtest.read(WINDOW + MIB, 100000), b"x" * 100000)

    def plug(self):
        self.qmp.cmd("device_add", driver="cxl-type3", id="hot", bus="root_port14",
                     num_dc_regions=1, dc_regions_total_size=256 * MIB)

    def unplug(self):
        self.qmp.cmd("device_del", id="hot")
        while self.qmp.wait_event("DEVICE_DELETED")["data"].get("device") != "hot":
            pass

    def reset(self):
        self.qmp.cmd("system_reset")
        self.qmp.cmd("query-status")

    def reconnect(self):
        self.close_all()
        self.connect_all()

    def clean(self):
        """Back to how it began, whatever was done or not."""
        # An offer that the host had no memory to answer goes by force; what could not be zeroed is
        # tried again with the next offer.
        for tidy in (self.release, self.sanitize, self.offer, self.release):
            if not any(b["id"] == "tm0" for b in self.qmp.cmd("query-memdev")):
                break
            for step in (tidy, self.delete):
                try:
                    step()
                except QmpError:
                    pass
        self.assertNotIn("tm0", [b["id"] for b in self.qmp.cmd("query-memdev")])
        if any(o["name"] == "hot" for o in self.qmp.cmd("qom-list", path="/machine/peripheral")):
            self.unplug()
        if os.path.exists(self.path("file")):
            os.unlink(self.path("file"))
        self.qmp.events.clear()

    def attempt(self, n, prepare, act):
        prepare()
        before = self.state()
        self.injector.arm(n)
        try:
            act()
            outcome = "done"
        except (QmpError, QtestError) as error:
            outcome = "refused"
            self.assertTrue(str(error))
        except (EOFError, OSError):
            outcome = "cut"  # the connection was what failed
        failed = self.injector.disarm()
        what = (act.__name__, n, failed, outcome)
        if outcome == "cut":
            self.assertIn(failed, {"recv", "send", "accept4", "poll", "g_try_realloc"}, what)
            self.close_all()
            self.connect_all()
        if act == self.reset:  # the host may have had no memory for a device: it starts anew
            self.reset()
        if outcome == "refused":
            self.assertIsNotNone(failed, what)
            self.assertEqual(self.state(), before, what)
            act()
        self.clean()
        self.assertEqual(self.state(), self.base, what)
        return failed

    def test_a_request_with_one_failure(self):
        def nothing():
            pass

        self.argv += ["-device", "cxl-rp,port=1,bus=cxl.1,id=root_port14,chassis=0,slot=3"]
        self.process = self.start()
        self.addCleanup(self.process.kill)
        self.qmp = self.qtest = None
        self.connect_all()
        self.addCleanup(self.close_all)
        steps = [(nothing, self.ram), (nothing, self.new_file), (nothing, self.file_copy),
                 (nothing, self.filled_file), (self.ram, self.offer), (self.ram, self.delete),
                 (self.discarded_file, self.delete), (self.offered, self.release),
                 (self.offered, self.sanitize), (self.offered, self.access),
                 (nothing, self.plug), (self.plug, self.unplug), (self.offered, self.reset),
                 (self.offered, self.reconnect)]
        for prepare, act in steps:  # once as usual: what is made only once is then there
            prepare()
            act()
            self.clean()
        self.base = self.state()
        points = 0
        for prepare, act in steps:
            n = 1
            while self.attempt(n, prepare, act):
                n += 1
            self.assertGreater(n, 1, act.__name__)
            points += n - 1
        print(f"{points} points in {len(steps)} requests")
        self.qmp.cmd("quit")
        self.close_all()
        self.assertEqual(self.end(self.process)[0], 0)


def tearDownModule():
    print("points that failed: " + ", ".join(f"{n} {name}" for name, n in fails.items() if n))
    missing = {name for name in EXPECTED if not hits.get(name)}
    if missing:
        raise AssertionError(f"never called: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    unittest.main()
