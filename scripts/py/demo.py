# SPDX-License-Identifier: Apache-2.0
"""The tagged-memory tutorial, told as it happens. Run by scripts/demo."""

import json
import mmap
import re
import shlex
import sys

from cxbpy.machine import Machine, TUTORIAL

GIB = 1 << 30
MIB = 1 << 20
T0 = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
T1 = "6be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"
TYPES = {0: "add", 1: "release", 2: "forced release", 3: "region updated"}


def size(n):
    if n == 0:
        return "0"
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if n % unit == 0:
            return f"{n // unit} {name}"
    return f"{n} B"


def span(base, length):
    return f"0x{base:x}-0x{base + length - 1:x}"


def title(text):
    print(f"\n== {text}")


class Story:
    """One machine and what has been told of it."""

    def __init__(self, machine):
        self.m = machine
        self.events_seen = 0

    def ask(self, name, quiet=False, **arguments):
        request = {"execute": name}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        print(f"-> {json.dumps(request)}")
        result = self.m.qmp.cmd(name, **arguments)
        if not quiet:
            print(f"<- {json.dumps({'return': result})}")
        return result

    def host(self):
        return self.m.qmp.cmd("query-cxl-host")

    def records(self):
        """The event records the host has seen since the last time."""
        events = self.host()["events"]
        for e in events[self.events_seen:]:
            print(f"   host: event record, log {e['log']}, {TYPES[e['type']]:7} "
                  f"dpa {span(e['dpa'], e['len'])} tag {e['tag'][:8]}… seq {e['seq']} "
                  f"more {int(e['more'])}")
        self.events_seen = len(events)

    def extents(self):
        dev = self.m.qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]
        for e in dev["extents"]:
            place = f"hpa {span(e['hpa'], e['len'])}, {e['access']}" if "hpa" in e else "no hpa"
            print(f"   extent: dpa {span(e['dpa'], e['len'])} ({size(e['len'])}) {e['state']}, "
                  f"backend {e['backend']} +{size(e['backend-offset'])}, {place}")
        if not dev["extents"]:
            print("   no extents")
        return dev["extents"]

    def status(self, tag, want):
        result = self.m.qmp.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0,
                                region=0, tag=tag)
        print(f"   status of {tag[:8]}…: {result['status']} ({result['message']})")
        if result["status"] != want:
            sys.exit(f"demo: expected status {want}")

    def add(self, tag, extents):
        return self.ask("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                        selection_policy="prescriptive", region=0, tag=tag, extents=extents)

    def release(self, policy, tag, extents=None):
        arguments = {"path": DEVICE, "host_id": 0, "removal_policy": policy, "region": 0,
                     "tag": tag}
        if extents is not None:
            arguments["extents"] = extents
        return self.ask("cxl-release-dynamic-capacity", **arguments)


def show_machine(s):
    title("The machine, as its built-in host found it")
    host = s.host()
    if host["state"] != "ready":
        sys.exit(f"demo: the host is {host['state']}: {host.get('error')}")
    for f in host["functions"]:
        name = f.get("path", "").rsplit("/", 1)[-1]
        print(f"   {'   ' * f['depth']}{f['bdf']} {f['vendor']:04x}:{f['device']:04x} "
              f"{f['role']} {name}")
    for i, w in enumerate(host["windows"]):
        print(f"   window {i}: hpa {span(w['base'], w['size'])} ({size(w['size'])}) to host "
              f"bridge {', '.join(str(t) for t in w['targets'])}")
    for r in host["regions"]:
        print(f"   mem{r['memdev']} {r['kind']} region {r.get('region', '-')}: "
              f"dpa {span(r['dpa'], r['len'])} ({size(r['len'])}), blocks of "
              f"{size(r['block-size'])}, hpa {span(r['hpa'], r['len'])}, decoder {r['decoder']}")


def paste(s):
    """Several objects in one write, line breaks anywhere, as a person pastes them."""
    title("Two tagged backends, pasted in one go")
    text = "".join(
        '{"execute":"object-add","arguments":{"qom-type":"memory-backend-ram",\n'
        f'  "id":"{name}","size":{GIB},"share":true,\n  "tag":"{tag}"}}}}'
        for name, tag in (("tm0", T0), ("tm1", T1)))
    print("-> " + text.replace("\n", "\n   "))
    s.m.qmp.send_raw(text)
    for _ in range(2):
        reply = s.m.qmp.reply()
        print(f"<- {json.dumps(reply)}")
        if "return" not in reply:
            sys.exit("demo: object-add failed")


def prove(s, extents):
    title("The same bytes from another process and through the window")
    first = extents[0]
    backend = next(b for b in s.m.qmp.cmd("query-memdev") if b["id"] == first["backend"])
    shown = re.sub(r"\d+", "N", backend["path"])
    print(f"   backend {backend['id']} is {shown}, opened by this script: another process")
    message = b"written by another process"
    answer = b"written through the window"
    with open(backend["path"], "r+b") as f, mmap.mmap(f.fileno(), backend["size"]) as memory:
        offset = first["backend-offset"] + 4096
        memory[offset:offset + len(message)] = message
        got = s.m.qtest.read(first["hpa"] + 4096, len(message))
        print(f"   hpa 0x{first['hpa'] + 4096:x} reads     {got.decode()!r}")
        s.m.qtest.write(first["hpa"] + 8192, answer)
        back = memory[first["backend-offset"] + 8192:][:len(answer)]
        print(f"   backend +0x{first['backend-offset'] + 8192:x} reads {back.decode()!r}")
    if got != message or back != answer:
        sys.exit("demo: the bytes differ")


def tour():
    print("$ cxlbox " + " \\\n    ".join(
        " ".join(shlex.quote(w) for w in TUTORIAL[i:i + 2]) for i in range(0, len(TUTORIAL), 2)) +
        " \\\n    -qmp unix:qmp.sock,server=on,wait=off -qtest unix:qtest.sock,server=on,wait=off")
    with Machine(qtest=True) as m:
        s = Story(m)
        show_machine(s)
        paste(s)

        title("Offer the first: one extent; the host accepts")
        s.status(T0, "not-found")
        s.add(T0, [{"offset": 0, "len": GIB}])
        s.records()
        extents = s.extents()
        s.status(T0, "committed")
        prove(s, extents)

        title("Offer the second: two extents, out of order, not adjacent")
        s.add(T1, [{"offset": 3 * GIB, "len": GIB // 2}, {"offset": 2 * GIB, "len": GIB // 2}])
        s.records()
        s.extents()

        title("Release by tag, and by extent")
        s.release("tag-based", T0)
        s.records()
        s.status(T0, "not-found")
        s.release("prescriptive", T1, [{"offset": 2 * GIB, "len": GIB // 2},
                                       {"offset": 3 * GIB, "len": GIB // 2}])
        s.records()
        s.status(T1, "not-found")
        s.extents()
        print(f"   cxlbox ended with status {m.quit()}")


def stages():
    title("A second machine that asks: -accel host,accept=ask,release=ask")
    with Machine(["-accel", "host,accept=ask,release=ask"]) as m:
        s = Story(m)
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=GIB, share=True,
                  tag=T0)
        s.status(T0, "not-found")
        s.add(T0, [{"offset": 0, "len": GIB}])
        s.status(T0, "pending")
        s.ask("cxl-host-respond", tag=T0, response="accept")
        s.status(T0, "committed")
        s.release("tag-based", T0, [])
        s.status(T0, "releasing")
        s.ask("cxl-host-respond", tag=T0, response="release")
        s.status(T0, "not-found")
        print(f"   cxlbox ended with status {m.quit()}")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    tour()
    stages()
    print("\nDone: nothing is left running, no file is left behind.")
