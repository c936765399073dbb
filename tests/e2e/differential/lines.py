# SPDX-License-Identifier: Apache-2.0
"""Command lines that must fail: the exit status, and what stands on standard error behind the name
of the program. A line that does not fail serves QMP on standard input, which says quit."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

BASE = ["-nodefaults", "-display", "none", "-accel", "qtest", "-qmp", "stdio"]
CXL = ["-M", "q35,cxl=on"]
QUIT = '{"execute": "qmp_capabilities"} {"execute": "quit"}'
# First words of the keys.
PREFIXES = ["line"]
RAM = "memory-backend-ram"
PXB = ["-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1"]
PORT = PXB + ["-device", "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2,acpi-index=3"]
MEM = ["-object", f"{RAM},id=m,size=256M"]


def options(name, values, *before):
    """The same option with one value after the other: each a command line."""
    return [(f"{name[1:]}/{label}", [*before, name, value]) for label, value in values]


LINES = [
    ("option/unknown", ["-nosuch"]), ("option/dashes", ["--nosuch"]),
    ("option/no-argument", ["-m"]), ("option/stray", ["nosuch"]),
    *options("-M", [
        ("unknown", "nosuch"), ("unknown-property", "q35,foo=1"),
        ("cxl-bad", "q35,cxl=maybe"), ("cxl-short", "q35,cxl"), ("empty-key", "q35,=on"),
        ("below-4g-5g", "q35,max-ram-below-4g=5G"), ("below-4g-text", "q35,max-ram-below-4g=x"),
        ("oem-id-7", "q35,x-oem-id=7777777"), ("oem-table-id-9", "q35,x-oem-table-id=999999999"),
        ("smp-unknown", "q35,smp.foo=1"), ("smp-alone", "q35,smp=4"),
        ("boot-unknown", "q35,boot.foo=1"), ("memory-unknown", "q35,memory.foo=1"),
        ("memory-text", "q35,memory.size=x"), ("memory-slots-text", "q35,memory.slots=x"),
        ("pic-text", "q35,pic=x"), ("hpet-text", "q35,hpet=x"),
        ("nvdimm-persistence", "q35,nvdimm-persistence=x"),
        ("version-0", "pc-q35-0.1"),
        ("window-no-targets", "q35,cxl=on,cxl-fmw.0.size=4G"),
        ("window-no-size", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1"),
        ("window-from-1", "q35,cxl=on,cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.size=4G"),
        ("target-from-1", "q35,cxl=on,cxl-fmw.0.targets.1=cxl.1,cxl-fmw.0.size=4G"),
        ("window-no-bridge", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G"),
        ("window-size-odd", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=100M"),
        ("window-size-text", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=big"),
        ("window-granularity", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G,"
                               "cxl-fmw.0.interleave-granularity=100"),
        ("window-unknown-key", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G,"
                               "cxl-fmw.0.foo=1"),
        ("window-no-number", "q35,cxl=on,cxl-fmw.x.size=4G"),
        ("window-scalar", "q35,cxl=on,cxl-fmw=1"),
        ("no-backend", "q35,memory-backend=nope"),
    ]),
    ("M/backend-of-another-size", [*MEM, "-M", "q35,memory-backend=m", "-m", "1G"]),
    ("M/bridge-without-cxl", ["-M", "q35", *PXB]),
    *options("-m", [
        ("text", "lots"), ("negative", "-1"), ("huge", "99999999T"),
        ("unknown-key", "1G,foo=1"), ("maxmem-small", "1G,maxmem=512M"),
        ("slots-alone", "1G,slots=4"), ("slots-500", "1G,maxmem=2G,slots=500"),
        ("slots-text", "1G,maxmem=2G,slots=x"), ("maxmem-text", "1G,maxmem=x"),
        ("maxmem-same-slots", "1G,maxmem=1G,slots=1"),
    ]),
    *options("-device", [
        ("none", ""), ("unknown", "nosuch"), ("abstract", "pci-device"),
        ("not-a-device", RAM), ("no-driver", "id=x"),
        ("unknown-property", "pxb-cxl,foo=1"), ("bad-id", "pxb-cxl,id=1"),
        ("bus-unknown", "pxb-cxl,bus=nobus"), ("bool", "pxb-cxl,hdm_for_passthrough=x"),
        ("bus-nr-text", "pxb-cxl,bus_nr=x"), ("bus-nr-256", "pxb-cxl,bus_nr=256"),
        ("bus-nr-negative", "pxb-cxl,bus_nr=-1"), ("addr-text", "pxb-cxl,addr=x"),
        ("addr-40", "pxb-cxl,addr=40"), ("addr-function-8", "pxb-cxl,addr=1.8"),
        ("slot-taken", "pxb-cxl,bus_nr=12,bus=pcie.0,addr=0"),
        ("slot-of-the-bridge", "pxb-cxl,addr=1f"),
        ("type3-nowhere", "cxl-type3"),
        ("json-broken", '{"driver": "pxb-cxl"'), ("json-array", '["pxb-cxl"]'),
        ("json-no-driver", '{"id": "x"}'), ("json-bool-text", '{"driver": "pxb-cxl", '
                                            '"hdm_for_passthrough": "on"}'),
        ("json-number-text", '{"driver": "pxb-cxl", "bus_nr": "12"}'),
        ("json-duplicate", '{"driver": "pxb-cxl", "driver": "pxb-cxl"}'),
        ("json-unknown", '{"driver": "pxb-cxl", "foo": 1}'),
        ("json-trailing", '{"driver": "pxb-cxl"} x'),
    ], *CXL),
    *options("-device", [
        ("duplicate-id", "pxb-cxl,bus_nr=20,id=cxl.1"),
        ("bus-nr-taken", "pxb-cxl,bus_nr=12,id=x,bus=pcie.0"),
        ("chassis-taken", "cxl-rp,bus=cxl.1,id=x,chassis=0,slot=2"),
        ("port-text", "cxl-rp,bus=cxl.1,port=x"), ("port-256", "cxl-rp,bus=cxl.1,port=256"),
        ("slot-65536", "cxl-rp,bus=cxl.1,slot=65536"), ("width-3", "cxl-rp,bus=cxl.1,x-width=3"),
        ("speed-7", "cxl-rp,bus=cxl.1,x-speed=7"),
        ("type3-on-the-bridge", "cxl-type3,bus=cxl.1,volatile-memdev=m"),
        ("bridge-on-a-port", "pxb-cxl,bus=rp0"),
        ("type3-no-memory", "cxl-type3,bus=rp0"),
        ("type3-unknown-memory", "cxl-type3,bus=rp0,volatile-memdev=nomem"),
        ("type3-no-lsa", "cxl-type3,bus=rp0,persistent-memdev=m"),
        ("type3-both-names", "cxl-type3,bus=rp0,persistent-memdev=m,memdev=m"),
        ("type3-same-twice", "cxl-type3,bus=rp0,persistent-memdev=m,volatile-memdev=m,lsa=m"),
        ("type3-regions-9", "cxl-type3,bus=rp0,num-dc-regions=9,volatile-dc-memdev=m"),
        ("type3-regions-text", "cxl-type3,bus=rp0,num-dc-regions=x"),
        ("type3-regions-no-memory", "cxl-type3,bus=rp0,num-dc-regions=1"),
        ("type3-dc-no-regions", "cxl-type3,bus=rp0,volatile-dc-memdev=m"),
        ("type3-dc-not-divisible", "cxl-type3,bus=rp0,num-dc-regions=3,volatile-dc-memdev=m"),
        ("type3-no-cdat", "cxl-type3,bus=rp0,volatile-memdev=m,cdat=nosuch"),
        ("type3-sn-text", "cxl-type3,bus=rp0,volatile-memdev=m,sn=x"),
        ("acpi-index-large", "cxl-type3,bus=rp0,volatile-memdev=m,acpi-index=16384"),
        ("acpi-index-taken", "cxl-rp,bus=cxl.1,acpi-index=3,chassis=1"),
        ("rom-size", "cxl-type3,bus=rp0,volatile-memdev=m,romsize=3"),
        ("rom-bar-text", "cxl-type3,bus=rp0,volatile-memdev=m,rombar=x"),
        ("bus-number", "cxl-type3,bus=rp0,volatile-memdev=m,busnr=3"),
        ("aer-log-max", "cxl-rp,bus=cxl.1,aer_log_max=129"),
        ("memory-reserve", "cxl-rp,bus=cxl.1,chassis=1,mem-reserve=4G"),
        ("prefetch-reserve", "cxl-rp,bus=cxl.1,chassis=1,pref32-reserve=4G"),
        ("two-reserves", "cxl-rp,bus=cxl.1,chassis=1,pref32-reserve=1M,pref64-reserve=1M"),
        ("numa-node-129", "pxb-cxl,bus_nr=20,bus=pcie.0,numa_node=129"),
        ("coherent-without-flits", "cxl-type3,bus=rp0,volatile-memdev=m,hdm-db=on"),
        ("type3-slot-1", "cxl-type3,bus=rp0,volatile-memdev=m,addr=1"),
    ], *CXL, *PORT, *MEM),
    ("device/memory-used", [*CXL, *PORT, *MEM, "-device",
                            "cxl-rp,port=1,bus=cxl.1,id=rp1,chassis=0,slot=3",
                            "-device", "cxl-type3,bus=rp0,volatile-memdev=m",
                            "-device", "cxl-type3,bus=rp1,volatile-memdev=m"]),
    ("device/odd-memory", [*CXL, *PORT, "-object", f"{RAM},id=m,size=100M",
                           "-device", "cxl-type3,bus=rp0,volatile-memdev=m"]),
    *options("-object", [
        ("none", ""), ("unknown", "nosuch,id=x"), ("abstract", "memory-backend,id=x"),
        ("no-type", "id=x,size=1M"),
        ("no-id", f"{RAM},size=1M"), ("bad-id", f"{RAM},id=1,size=1M"),
        ("no-size", f"{RAM},id=x"), ("size-0", f"{RAM},id=x,size=0"),
        ("size-text", f"{RAM},id=x,size=big"), ("size-negative", f"{RAM},id=x,size=-1"),
        ("share-text", f"{RAM},id=x,size=1M,share=maybe"),
        ("unknown-key", f"{RAM},id=x,size=1M,foo=1"),
        ("file-no-path", "memory-backend-file,id=x,size=1M"),
        ("file-no-directory", "memory-backend-file,id=x,size=1M,mem-path=/nodir/x"),
        ("file-odd-size", "memory-backend-file,id=x,size=1000,mem-path=odd"),
        ("json-broken", '{"qom-type": "x"'), ("json-no-id", f'{{"qom-type": "{RAM}", "size": 4096}}'),
        ("json-size-text", f'{{"qom-type": "{RAM}", "id": "x", "size": "4096"}}'),
        ("json-size-negative", f'{{"qom-type": "{RAM}", "id": "x", "size": 4096.5}}'),
        ("json-unknown", f'{{"qom-type": "{RAM}", "id": "x", "size": 4096, "foo": 1}}'),
        ("json-type-number", '{"qom-type": 1, "id": "x"}'),
        ("monitor-no-chardev", "monitor-qmp,id=x"),
        ("monitor-unknown-chardev", "monitor-qmp,id=x,chardev=nochr"),
    ]),
    ("object/duplicate", [*MEM, *MEM]),
    *options("-chardev", [
        ("none", ""), ("unknown", "nosuch,id=c"), ("no-id", "null"), ("bad-id", "null,id=1"),
        ("socket-nothing", "socket,id=c"), ("socket-host-alone", "socket,id=c,host=localhost"),
        ("unknown-key", "null,id=c,foo=1"), ("file-no-path", "file,id=c"),
        ("server-no-directory", "socket,id=c,path=/nodir/x,server=on,wait=off"),
        ("client-no-server", "socket,id=c,path=/nodir/x"),
        ("file-no-directory", "file,id=c,path=/nodir/x"),
        ("server-text", "socket,id=c,path=x,server=maybe"),
        ("path-too-long", "socket,id=c,server=on,wait=off,path=" + "x" * 200),
        ("wait-of-a-client", "socket,id=c,path=/nodir/x,wait=on"),
        ("mux-twice-no-such", "null,id=c,mux=x"),
        ("short-boolean", "socket,id=c,path=/nodir/x,server,nowait"),
    ]),
    ("chardev/duplicate", ["-chardev", "null,id=c", "-chardev", "null,id=c"]),
    *options("-qmp", [("unknown", "nosuch:x"), ("no-chardev", "chardev:nochr"), ("no-directory", "unix:/nodir/x")]),
    *options("-mon", [("unknown-chardev", "nochr"), ("no-chardev", "mode=control"),
                      ("unknown-key", "nochr,foo=1")]),
    ("mon/mode", ["-chardev", "null,id=c", "-mon", "c,mode=bad"]),
    ("mon/pretty-readline", ["-chardev", "null,id=c", "-mon", "c,mode=readline,pretty=on"]),
    ("mon/pretty-text", ["-chardev", "null,id=c", "-mon", "c,mode=control,pretty=x"]),
    ("mon/used", ["-chardev", "null,id=c", "-mon", "c,mode=control", "-mon", "c,mode=control"]),
    *options("-qtest", [("no-directory", "unix:/nodir/x")]),
    *options("-name", [("unknown-key", "x,foo=1"), ("debug-threads", "x,debug-threads=x")]),
    *options("-uuid", [("bad", "x"), ("short", "4da0a8a5-1d8b-4c8b-9f4e")]),
    *options("-msg", [("unknown-key", "foo=1"), ("text", "timestamp=x")]),
    *options("-global", [("no-property", "x"), ("unknown-key", "driver=x,foo=1"),
                         ("no-value", "driver=x,property=y")]),
    *options("-set", [("no-value", "x"), ("no-group", "nosuch.a.b=c"),
                      ("no-id", "device.nosuch.b=c")]),
    *options("-action", [("unknown-key", "foo=1"), ("reboot", "reboot=x"),
                         ("shutdown", "shutdown=x")]),
    *options("-run-with", [("unknown-key", "foo=1"), ("text", "exit-with-parent=x")]),
    *options("-watchdog-action", [("bad", "nosuch")]),
    *options("-D", [("no-directory", "/nodir/x")]),
    *options("-pidfile", [("no-directory", "/nodir/x")]),
    *options("-readconfig", [("no-file", "nosuch"), ("directory", "/")]),
]
# Files that -readconfig must refuse.
FILES = [
    ("unknown-group", '[nosuch]\n'), ("no-group", 'a = "b"\n'),
    ("no-quotes", '[machine]\ntype = q35\n'), ("open-group", '[machine\n'),
    ("text", 'hello\n'), ("trailing", '[machine]\ntype = "q35" x\n'),
    ("unknown-property", '[machine]\ntype = "q35"\nfoo = "1"\n'),
    ("unknown-driver", '[device "x"]\ndriver = "nosuch"\n'),
    ("no-driver", '[device "x"]\nbus = "pcie.0"\n'),
    ("bad-id", '[device "1"]\ndriver = "pxb-cxl"\n'),
    ("duplicate", '[chardev "x"]\nbackend = "null"\n[chardev "x"]\nbackend = "null"\n'),
    ("bad-size", '[memory]\nsize = "x"\n'),
    ("object-no-size", f'[object "x"]\nqom-type = "{RAM}"\n'),
    ("object-unknown", '[object "x"]\nqom-type = "nosuch"\n'),
    ("key-twice", '[machine]\ntype = "q35"\ntype = "nosuch"\n'),
    ("chardev-no-backend", '[chardev "x"]\npath = "x"\n'),
    ("chardev-unknown-key", '[chardev "x"]\nbackend = "null"\nfoo = "x"\n'),
]


NAME = re.compile(r"^\S*\b(qemu-system-x86_64|cxlbox):( (?!$)|(?=\S))")


def outcome(program, args, cwd):
    """Exit status and messages, without the program's name in front of each."""
    ended = subprocess.run([*program, *BASE, *args], cwd=cwd, input=QUIT, capture_output=True,
                           text=True, timeout=60, check=False)
    text = [NAME.sub("", line).rstrip() for line in ended.stderr.splitlines()]
    return "; ".join([f"status {ended.returncode}", *text]).replace("|", "!")


def outcomes(program, directory):
    """What each of LINES and FILES comes to."""
    cases = dict(LINES)
    assert len(cases) == len(LINES)
    for name, text in FILES:
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text)
        cases[f"readconfig/{name}"] = ["-readconfig", name]
    with ThreadPoolExecutor(4) as pool:
        ends = pool.map(lambda args: outcome(program, args, directory), cases.values())
        return {f"line/{name}": end for name, end in zip(cases, ends)}
