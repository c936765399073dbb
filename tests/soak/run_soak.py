#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Long runs on one machine: what repetition must not add up, and what abuse must not disturb.

    run_soak.py PART COUNT     PART: leaks, plug, kill, hostile, faults, fabric,
                           vfio-user

Prints figures; ends with status 0 only if nothing was left over."""

import json
import os
import random
import socket
import sys
import tempfile
import threading

import soak_fabric
import soak_vfio_user
from cxbpy.inject import Injector
from cxbpy.inject import binary as inject_binary
from cxbpy.machine import Machine
from cxbpy.process import resources, status
from cxbpy.qmp import Qmp, QmpError

MIB = 1 << 20
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"
SECOND_PORT = ["-device", "cxl-rp,port=1,bus=cxl.1,id=root_port14,chassis=0,slot=3"]
WARM_UP = 20         # cycles until allocators have what they keep
RSS_SLACK = 8 << 10  # KiB: an allocator's own


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def object_count(qmp, path="/"):
    """Objects of the tree below @path, links not followed."""
    children = [o["name"] for o in qmp.cmd("qom-list", path=path)
                if o["type"].startswith("child<")]
    return 1 + sum(object_count(qmp, path.rstrip("/") + "/" + name) for name in children)


def held(m):
    objects = object_count(m.qmp)  # before the rest: what is queued runs with each request
    return dict(resources(m.process.pid), objects=objects)


def offer(qmp, size=8 * MIB):
    qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0, tag=TAG,
            selection_policy="prescriptive", extents=[{"offset": 0, "len": size}])


def release(qmp):
    qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0, tag=TAG,
            removal_policy="tag-based")


def plug(qmp):
    qmp.cmd("device_add", driver="cxl-type3", id="hot", bus="root_port14", num_dc_regions=1,
            dc_regions_total_size=256 * MIB)


def unplug(qmp):
    qmp.cmd("device_del", id="hot")
    while qmp.wait_event("DEVICE_DELETED")["data"].get("device") != "hot":
        pass


def repeated(m, count, cycle):
    """Run cycle(i) COUNT times; what the process holds must be the same before and after."""
    for i in range(WARM_UP):
        cycle(i)
    before, rss_before = held(m), status(m.process.pid, "VmRSS")
    for i in range(count):
        cycle(i)
    after, rss_after = held(m), status(m.process.pid, "VmRSS")
    for name in before:
        print(f"{name}: {before[name]} before, {after[name]} after")
    print(f"RSS: {rss_before} KiB before, {rss_after} KiB after {count} cycles")
    check(before == after, "not what it was")
    check(rss_after - rss_before <= RSS_SLACK, "memory grew")


def leaks(count):
    """Backends, capacity, hot plug, resets and clients come and go."""
    with Machine(SECOND_PORT, qtest=True) as m:
        path = os.path.join(m.dir, "backing")

        def cycle(i):
            more = {"qom_type": "memory-backend-ram"}
            if i % 2:
                more = {"qom_type": "memory-backend-file", "mem_path": path}
            m.qmp.cmd("object-add", id="tm0", size=8 * MIB, share=True, tag=TAG, **more)
            offer(m.qmp)
            m.qtest.write(0x3d0000000 + 4096, b"soak")
            if i % 5 == 1:
                m.qmp.cmd("system_reset")
            release(m.qmp)
            m.qmp.cmd("object-del", id="tm0")
            if i % 3 == 0:
                plug(m.qmp)
                unplug(m.qmp)
            m.qmp.close()
            m.qmp = Qmp(m.qmp_path)

        repeated(m, count, cycle)
        check(m.quit() == 0, "status of the process")


def hot_plug(count):
    """device_add and device_del, the second while capacity is offered and accepted next to it."""
    with Machine(SECOND_PORT) as m:
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=8 * MIB, tag=TAG)

        def cycle(i):
            plug(m.qmp)
            if i % 2:
                offer(m.qmp)
                m.qmp.cmd("device_del", id="hot")
                release(m.qmp)
                while m.qmp.wait_event("DEVICE_DELETED")["data"].get("device") != "hot":
                    pass
            else:
                unplug(m.qmp)
            m.qmp.events.clear()

        repeated(m, count, cycle)
        check(m.quit() == 0, "status of the process")


def kill(count):
    """kill -9 in the middle of whatever was going on, on a file with share=on."""
    shm = set(os.listdir("/dev/shm"))
    rand = random.Random(count)
    requests = [
        {"execute": "object-add", "arguments": {
            "qom-type": "memory-backend-file", "id": "f", "size": 8 * MIB, "share": True,
            "mem-path": "backing", "tag": TAG}},
        {"execute": "cxl-add-dynamic-capacity", "arguments": {
            "path": DEVICE, "host-id": 0, "region": 0, "tag": TAG,
            "selection-policy": "prescriptive", "extents": [{"offset": 0, "len": 8 * MIB}]}},
        {"execute": "cxl-release-dynamic-capacity", "arguments": {
            "path": DEVICE, "host-id": 0, "region": 0, "tag": TAG,
            "removal-policy": "tag-based"}},
        {"execute": "object-del", "arguments": {"id": "f"}}]
    line = "".join(json.dumps(r) for r in requests)
    answered = 0
    with tempfile.TemporaryDirectory(prefix="cxlbox-kill-") as directory:
        for _ in range(count):
            m = Machine(cwd=directory)
            # The file is free at once, and offered and released like any other.
            m.qmp.cmd(requests[0]["execute"], **requests[0]["arguments"])
            m.qmp.cmd("object-del", id="f")
            m.qmp.send_raw(line * 5)
            for _ in range(rand.randrange(20)):
                check("error" not in m.qmp.reply(), "a request failed")
                answered += 1
            m.process.kill()
            m.process.wait()
            m.end()
            left = set(os.listdir(directory))
            check(left <= {"backing", "qmp.sock"}, f"left behind: {left}")
    check(set(os.listdir("/dev/shm")) == shm, "something is left in /dev/shm")
    print(f"{count} deaths after {answered} answers; only the file and the socket were there")


def misbehave(path, rand):
    """One connection that does one bad thing and goes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.connect(path)
        what = rand.randrange(8)
        if what == 0:
            return  # gone at once
        if what == 1:
            s.recv(rand.randrange(1, 40))  # in the middle of the greeting
        elif what == 2:
            s.sendall(b'{"execute": "query-st')
        elif what == 3:
            for byte in b'{"execute":"qmp_capabilities"}\n':
                s.sendall(bytes([byte]))
            s.recv(4096)
        elif what == 4:
            s.sendall(b'{"execute": "' + b"x" * rand.randrange(1 << 18))  # a string without end
        elif what == 5:
            s.sendall(b"[" * rand.randrange(1 << 14))
        elif what == 6:
            s.sendall(rand.randbytes(rand.randrange(4096)))
        else:  # asks and asks and does not read
            s.sendall(b'{"execute":"qmp_capabilities"}')
            s.setblocking(False)
            try:
                for _ in range(200):
                    s.sendall(b'{"execute":"qom-list-types"}')
            except BlockingIOError:
                pass


def hostile(count):
    """Bad clients on one socket while a good one on another is answered, each time."""
    with tempfile.TemporaryDirectory(prefix="cxlbox-hostile-") as directory:
        bad = os.path.join(directory, "bad.sock")
        with Machine(["-qmp", f"unix:{bad},server=on,wait=off"]) as m:
            done, wrong = threading.Event(), []

            def attack():
                rand = random.Random(count)
                for i in range(count):
                    try:
                        misbehave(bad, rand)
                    except (ConnectionResetError, BrokenPipeError):
                        pass  # it was let go
                    except OSError as error:
                        wrong.append(f"connection {i}: {error}")
                        break
                done.set()

            def decent(path):
                client = Qmp(path)
                check(client.cmd("query-status")["running"], "not running")
                client.close()

            decent(bad)
            before = held(m)
            thread = threading.Thread(target=attack)
            thread.start()
            answers = 0
            while not done.is_set():
                check(m.qmp.cmd("query-status")["running"], "not running")
                answers += 1
            thread.join()
            check(not wrong, wrong)
            decent(bad)  # behind all of them in the queue
            while held(m) != before:  # until it has seen that the last one left
                decent(bad)
            print(f"{count} bad connections, {answers} answers to the good client meanwhile")
            check(answers > 0, "no answer")
            check(m.quit() == 0, "status of the process")


class Faults:
    """Random requests while about one call in ONE_IN fails, against what must hold."""

    ONE_IN = 20
    TAGS = 6

    def __init__(self, m, rand):
        self.m, self.rand = m, rand
        self.refused = self.cut = 0

    def tag(self, n):
        return TAG[:-2] + f"{n:02x}"

    def request(self):
        """(what it is, arguments): most have a chance to succeed."""
        n, rand = self.rand.randrange(self.TAGS), self.rand
        size = (1 + n % 3) * 4 * MIB
        what = rand.randrange(6)
        common = {"path": DEVICE, "host-id": 0, "region": 0, "tag": self.tag(n)}
        if what == 0:
            kind = "ram" if n % 2 else "file"
            more = {} if n % 2 else {"mem-path": os.path.join(self.m.dir, f"f{n}")}
            return "object-add", {"qom-type": f"memory-backend-{kind}", "id": f"b{n}",
                                  "size": size, "share": True, "tag": self.tag(n), **more}
        if what == 1:
            return "object-del", {"id": f"b{n}"}
        if what in (2, 3):
            at = rand.randrange(8) * 16 * MIB
            half = size // 2
            return "cxl-add-dynamic-capacity", dict(
                common, **{"selection-policy": "prescriptive", "extents": [
                    {"offset": at + half, "len": half}, {"offset": at + 256 * MIB, "len": half}]})
        return "cxl-release-dynamic-capacity", dict(
            common, **{"removal-policy": "tag-based", "forced-removal": what == 5,
                       "sanitize-on-release": rand.random() < 0.2})

    def run(self, command, arguments):
        """True if it was done, False if refused; None if the connection went."""
        try:
            self.m.qmp.cmd(command, **arguments)
            return True
        except QmpError:
            self.refused += 1
            return False
        except (EOFError, OSError):
            self.cut += 1
            return None

    def again(self):
        """A new connection, for one that failed."""
        self.m.qmp.close()
        while True:
            try:
                self.m.qmp = Qmp(self.m.qmp_path)
                return
            except (EOFError, OSError):
                continue

    def judge(self, before, command, arguments, done):
        qmp = self.m.qmp
        backends = {b["id"]: b["size"] for b in qmp.cmd("query-memdev")}
        capacity = qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]["extents"]
        extents = sorted((e["dpa"], e["len"], e["tag"]) for e in capacity)
        end, by_tag = 0, {}
        for dpa, length, tag in extents:
            check(dpa >= end, "extents overlap")
            end = dpa + length
            by_tag[tag] = by_tag.get(tag, 0) + length
        # The host gives back extent by extent, and may have had no memory for the next.
        going = {e["tag"] for e in capacity if e["state"] == "releasing"}
        for tag, length in by_tag.items():
            check(tag in going or backends.get(f"b{int(tag[-2:], 16)}") == length,
                  f"half of tag {tag}")
        what = (command, arguments, done)
        name = arguments.get("id")
        if done is False and before:
            check(before[0] == backends, what)
        if command == "object-add" and done:
            check(name in backends, what)
        if command == "object-del" and done:
            check(name not in backends, what)
        return backends, extents

    def restore(self):
        """With nothing failing any more, all of it can be given back."""
        for n in range(self.TAGS):
            for policy in ({"forced-removal": False}, {"forced-removal": True}):
                self.run("cxl-release-dynamic-capacity", {
                    "path": DEVICE, "host-id": 0, "region": 0, "tag": self.tag(n),
                    "removal-policy": "tag-based", **policy})
            if self.run("object-del", {"id": f"b{n}"}) is False and f"b{n}" in {
                    b["id"] for b in self.m.qmp.cmd("query-memdev")}:
                # Held because it could not be zeroed: the next offer tries again.
                size = (1 + n % 3) * 4 * MIB
                self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                               tag=self.tag(n), selection_policy="prescriptive",
                               extents=[{"offset": 0, "len": size}])
                self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                               tag=self.tag(n), removal_policy="tag-based",
                               forced_removal=True)
                self.m.qmp.cmd("object-del", id=f"b{n}")


def faults(count):
    """Calls that fail at random under random requests; whatever happened can be undone."""
    injector = Injector()
    os.environ.update(injector.environment())
    with Machine(program=[inject_binary()]) as m:
        before = held(m)
        world, seen = Faults(m, random.Random(count)), None
        for i in range(count):
            command, arguments = world.request()
            injector.random(world.ONE_IN, seed=i + 1)
            done = world.run(command, arguments)
            injector.random(0)
            # An event behind the answer may be what could not be sent.
            if done is None or world.run("query-status", {}) is None:
                world.again()
            seen = world.judge(seen, command, arguments, done)
            m.qmp.events.clear()
        world.restore()
        fails = injector.fails()
        print(f"{count} requests, {sum(fails.values())} calls failed "
              f"({', '.join(f'{n} {name}' for name, n in fails.items() if n)}); "
              f"{world.refused} refused, {world.cut} connections lost")
        check(sum(fails.values()) > 0, "no call failed")
        after = held(m)
        check(before == after, f"{before} before, {after} after")
        check(m.quit() == 0, "status of the process")
    injector.close()


PARTS = {"faults": faults, "leaks": leaks, "plug": hot_plug, "kill": kill, "hostile": hostile,
         "fabric": soak_fabric.run, "vfio-user": soak_vfio_user.run}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in PARTS:
        sys.exit(__doc__)
    # What is freed would stay: that is not a leak.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    PARTS[sys.argv[1]](int(sys.argv[2]))


if __name__ == "__main__":
    main()
