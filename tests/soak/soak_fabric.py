# SPDX-License-Identifier: Apache-2.0
"""Load from the fabric manager's side: several clients at once, many tags, many extents. Called by
run_soak.py. What the host accepted and gave back is counted in the fabric manager's log: nothing may be
lost, and nothing be left."""

import collections
import os
import resource
import struct
import sys
import threading
import uuid

from cxbpy.machine import TUTORIAL, Machine
from cxbpy.process import resources, status
from cxbpy.qmp import Qmp, QmpError

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))
import fabric  # noqa: E402  pylint: disable=wrong-import-position

MIB, GIB = 1 << 20, 1 << 30
SIZE = 2 * MIB  # of an extent: Linux takes no smaller ones
GROUP = 100     # extents that fit a message
CLIENTS = 4     # half of them over MCTP, half over QMP
DRAIN = 64      # cycles between two looks at the log
OK, INVALID, LIST = 0, 2, 0x1E
DEVICE = "/machine/peripheral/cxl-vmem0"
RSS_SLACK = 8 << 10  # KiB: an allocator's own


def slack(pid, before):
    """A sanitizer's allocator keeps more for itself; what is lost it tells at the end, to the byte."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return RSS_SLACK + (before // 4 if "libasan" in f.read() else 0)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def tag(n):
    return uuid.UUID(int=0x5be13bceae344a77b6c3 << 48 | n)


def start(window, before, device):
    """A machine with the clients' doors."""
    links = []
    for i in range(CLIENTS // 2):
        links += ["-chardev", f"socket,id=fm{i},path=fm{i},server=on,wait=off",
                  "-device", f"cxl-mctp,chardev=fm{i},target=cxl-vmem0",
                  "-qmp", f"unix:qmp{i},server=on,wait=off"]
    args = [a.replace("size=6G", f"size={window}") for a in TUTORIAL[:-1]]
    return Machine([*before, *args, f"cxl-type3,bus=root_port13,id=cxl-vmem0,{device}", *links],
                   tutorial=False)


def manager(m, i=0):
    return fabric.Cci(fabric.Link.unix(os.path.join(m.dir, f"fm{i}")))


def command(cci, opcode, payload, expected=(OK,)):
    rc, out = cci.command(opcode, payload)
    check(rc in expected, f"{opcode:04x}h returned {rc:04x}h")
    return rc, out


def total(cci):
    return fabric.extents_of(command(cci, 0x5603, struct.pack("<HHII", 0, 0, 0, 0))[1])[1]


class Log:
    """What the fabric manager's log has told, by tag."""

    def __init__(self, cci):
        self.cci = cci
        self.counts = {4: collections.Counter(), 5: collections.Counter()}

    def drain(self):
        while True:
            _, out = command(self.cci, 0x0100, b"\x04")
            check(not out[0] & 1, "the log overflowed")
            records = fabric.events_of(out)
            if not records:
                return
            for _, kind, _, _, name, _ in records:
                self.counts[kind][name] += 1
            command(self.cci, 0x0101, struct.pack("<BBB3x", 4, 0, len(records)) + b"".join(
                struct.pack("<H", r[0]) for r in records))


class Client(threading.Thread):
    """Adds and releases each tag of its own in turn, so often."""

    def __init__(self, tags, count):
        super().__init__()
        self.tags, self.count, self.error = tags, count, None

    def run(self):
        try:
            for i in range(self.count):
                n = self.tags[i % len(self.tags)]
                for change in (self.add, self.release):
                    while not change(n):  # the host has not come so far yet
                        pass
                self.done(i)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def done(self, i):
        pass


class ManagerClient(Client):
    def __init__(self, cci, log, *args):
        super().__init__(*args)
        self.cci, self.log = cci, log

    def add(self, n):
        extent = fabric.extent(n * SIZE, SIZE, tag(n).bytes)
        return command(self.cci, 0x5604, fabric.change(2, [extent]), (OK, LIST))[0] == OK

    def release(self, n):
        return command(self.cci, 0x5605, fabric.change(0, length=SIZE, tag=tag(n).bytes),
                       (OK, INVALID))[0] == OK

    def done(self, i):
        if self.log and i % DRAIN == 0:
            self.log.drain()


class QmpClient(Client):
    def __init__(self, qmp, *args):
        super().__init__(*args)
        self.qmp = qmp

    def change(self, name, **more):
        try:
            self.qmp.cmd(name, path=DEVICE, host_id=0, region=0, **more)
            return True
        except QmpError as error:
            check("pending" in error.desc or "already accessible" in error.desc, error.desc)
            return False
        finally:
            self.qmp.events.clear()

    def add(self, n):
        return self.change("cxl-add-dynamic-capacity", selection_policy="prescriptive",
                           tag=str(tag(n)), extents=[{"offset": n * SIZE, "len": SIZE}])

    def release(self, n):
        return self.change("cxl-release-dynamic-capacity", removal_policy="tag-based",
                           tag=str(tag(n)))


def lives(m, ccis, count, tags):
    """All clients at once; none that does not read the events."""
    m.qmp.close()
    log = Log(ccis[0])
    qmps = [Qmp(os.path.join(m.dir, f"qmp{i}")) for i in range(CLIENTS // 2)]
    share = [range(i, tags, CLIENTS) for i in range(CLIENTS)]
    clients = [ManagerClient(cci, log if cci is ccis[0] else None, share.pop(), count // CLIENTS)
               for cci in ccis]
    clients += [QmpClient(qmp, share.pop(), count // CLIENTS) for qmp in qmps]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
        check(not client.error, f"{type(client).__name__}: {client.error!r}")
    for qmp in qmps:
        qmp.close()
    m.qmp = Qmp(m.qmp_path)
    m.qmp.cmd("query-status")  # the host has released
    log.drain()
    want = collections.Counter()
    for client in clients:
        for i in range(client.count):
            want[tag(client.tags[i % len(client.tags)]).bytes] += 1
    check(log.counts[4] == want, "accepted extents are missing in the log")
    check(log.counts[5] == want, "released extents are missing in the log")
    check(total(ccis[0]) == 0, "extents are left")


def live_tags(m, cci, count):
    """So many at one time, several in each request."""
    for at in range(0, count, GROUP):
        command(cci, 0x5604, fabric.change(2, [
            fabric.extent(n * SIZE, SIZE, tag(n).bytes)
            for n in range(at, min(at + GROUP, count))]))
        m.qmp.cmd("query-status")
    check(total(cci) == count, f"{total(cci)} of {count} tags are accepted")
    for at in range(0, count, GROUP):
        command(cci, 0x5605, fabric.change(1, [
            fabric.extent(n * SIZE, SIZE, tag(n).bytes)
            for n in range(at, min(at + GROUP, count))]))
    m.qmp.cmd("query-status")
    check(total(cci) == 0, "extents are left")
    Log(cci).drain()


def backends(qmp, count, add):
    for n in range(count):
        if add:
            qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"m{n}", size=SIZE,
                    tag=str(tag(n)))
        else:
            qmp.cmd("object-del", id=f"m{n}")


def held(m):
    return resources(m.process.pid), status(m.process.pid, "VmRSS")


def same(m, before):
    """Nothing is left but what allocators keep."""
    after = held(m)
    print(f"descriptors: {sum(before[0]['descriptors'].values())} before, "
          f"{sum(after[0]['descriptors'].values())} after; "
          f"RSS: {before[1]} KiB before, {after[1]} KiB after")
    check(before[0] == after[0], "not what it was")
    check(after[1] - before[1] <= slack(m.process.pid, before[1]), "memory grew")


def tagged(count):
    cycled, alive = max(CLIENTS, count // 100), max(GROUP, count // 25)
    with start(12 * GIB, [], "dc-regions-total-size=12G,num-dc-regions=1,dc-event-log-size=32768") as m:
        ccis = [manager(m, i) for i in range(CLIENTS // 2)]

        def everything(n):
            backends(m.qmp, alive, True)
            lives(m, ccis, n, cycled)
            live_tags(m, ccis[0], alive)
            backends(m.qmp, alive, False)

        everything(count // 10)
        before = held(m)
        everything(count)
        print(f"{count} lives by {CLIENTS} clients on {cycled} tags, {alive} tags alive at once")
        same(m, before)
        for cci in ccis:
            cci.link.close()
        check(m.quit() == 0, "status of the process")


def adjacent(count):
    """As many extents of one static backing side by side."""
    size = -(-count * SIZE // (256 * MIB)) * 256 * MIB
    backing = ["-object", f"memory-backend-ram,id=dc,size={size}"]
    with start(size, backing, "volatile-dc-memdev=dc,num-dc-regions=1") as m:
        cci = manager(m)

        empty = status(m.process.pid, "VmRSS")

        def everything():
            for opcode, policy, want in ((0x5604, 2, count), (0x5605, 1, 0)):
                for at in range(0, count, GROUP):
                    command(cci, opcode, fabric.change(policy, [
                        fabric.extent(i * SIZE, SIZE)
                        for i in range(at, min(at + GROUP, count))]))
                    m.qmp.cmd("query-status")
                check(total(cci) == want, f"{total(cci)} extents, not {want}")
                if want:
                    each = (status(m.process.pid, "VmRSS") - empty) * 1024 / count
                    print(f"{count} adjacent extents, {each:.0f} bytes each")

        everything()
        before = held(m)
        everything()
        same(m, before)
        cci.link.close()
        check(m.quit() == 0, "status of the process")


def run(count):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # each tag's backend has one
    tagged(count)
    adjacent(count)
