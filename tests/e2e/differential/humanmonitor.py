# SPDX-License-Identifier: Apache-2.0
"""What the human monitor prints: texts of short commands and of errors, and of the long ones what
is said of the parts that both machines have."""

import re

# First words of the keys.
PREFIXES = ["text", "lines", "pci", "qtree", "qom-tree", "mtree"]
# Whole texts.
TEXTS = [
    "", "   ", "# x", "info status", "info version", "info name", "info uuid", "info kvm",
    "info memory_size_summary", "info memory-devices", "info block", "info network",
    "info iothreads", "info migrate", "info tpm", "info vnc", "info mice", "info nothing",
    "info status x", "info  status", "info mtree -x", "info mtree x", "info mtree -f x",
    "info qom-tree /nosuch", "info qom-tree /objects/mem x", "nothing", "nothing x", "Stop",
    "stop x", "stop", "info status # x", "info status", "c", "info status", "cont",
    "system_reset x", "system_wakeup", "system_wakeup x", "quit x",
    "help nosuch", "help info nosuch", "help stop", "? stop", "help cont", "help quit",
    "object_add", "object_add nosuch,id=x", "object_add memory-backend-ram",
    "object_add memory-backend-ram,id=x", "object_add memory-backend-ram,id=1x,size=4k",
    "object_add memory-backend-ram,id=mem,size=4k", "object_add memory-backend-ram,id=x,size=big",
    "object_add memory-backend-ram,id=x,size=4k,foo=1", "object_add id=x,size=4k",
    "object_add memory-backend-ram,id=x,size=4k,share=maybe",
    "object_add memory-backend-ram,id=x,size=8k", "qom-get /objects/x size", "object_del x",
    "object_del", "object_del nosuch", "object_del mem", "object_del x y",
    'object_del "nosuch', 'object_del "a\\nb"', 'object_del ""',
    "device_add", "device_add nosuch", "device_add id=x", "device_add cxl-type3,bus=nosuch",
    "device_add cxl-type3,bus=root_port13,foo=1", "device_add cxl-type3,bus=root_port13,id=1x",
    "device_add cxl-type3,bus=root_port13,id=cxl-vmem0", "device_add pxb-cxl,bus=pcie.0",
    "device_del", "device_del nosuch", "device_del cxl.1", "device_del x y",
    "qom-list", "qom-list /nosuch", "qom-list /objects x", "qom-get", "qom-get /objects/mem",
    "qom-get /nosuch size", "qom-get /objects/mem nosuch", "qom-get /objects/mem size",
    "qom-get /objects/mem share", "qom-get /machine/peripheral/cxl-vmem0 type",
    "qom-get /objects/mem size x", "qom-set", "qom-set /objects/mem size",
    "qom-set /objects/mem size 1", "qom-set /objects/mem nosuch 1", "qom-set /nosuch size 1",
    "qom-set /machine/peripheral/cxl-vmem0 sn 1",
]
# Lines in any order: QEMU has them in that of a hash table.
LINES = ["info memdev", "info chardev", "qom-list /objects"]
# Functions and devices that both have.
OURS = re.compile(r'"(cxl\.1|root_port13|cxl-vmem0)"')


def run(o, command):
    return o.qmp.cmd("human-monitor-command", command_line=command).replace(o.dir, "DIR")


def told(text):
    """@text in one line."""
    return text.replace("\r\n", "\\n").replace("|", "!").replace("`", "'") or "nothing"


def texts(o):
    """Each of TEXTS in turn; one that is there again is counted."""
    times = {}
    for command in TEXTS:
        times[command] = times.get(command, 0) + 1
        key = command.strip() or f"blanks-{len(command)}"
        if times[command] > 1:
            key += f" ({times[command]})"
        # Keys are split at slashes, but for the first word that does no harm.
        o.note(f"text/{key}", told(run(o, command)))


def lines(o):
    for command in LINES:
        o.note(f"lines/{command}", told("\r\n".join(sorted(run(o, command).split("\r\n")))))


def pci(o):
    """Each function that both have."""
    for block in re.split(r"(?=^  Bus)", run(o, "info pci"), flags=re.M):
        if OURS.search(block):
            o.note(f"pci/{OURS.search(block)[1]}", told(block))


def tree(o):
    """Devices that both have, and the buses they are on."""
    buses = []
    for line in run(o, "info qtree").split("\r\n"):
        depth = len(line) - len(line.lstrip())
        buses = [(d, name) for d, name in buses if d < depth]
        if line.lstrip().startswith("bus: "):
            buses.append((depth, line.split()[1]))
        elif line.lstrip().startswith("dev: ") and OURS.search(line):
            o.note(f"qtree/{OURS.search(line)[1]}", f"{line.strip()} on {buses[-1][1]}")


def composition(o):
    """Objects but for pieces of the memory map, which are none here."""
    for path in ("/machine/peripheral", "/objects", "/chardevs"):
        found = [line for line in run(o, f"info qom-tree {path}").split("\r\n")
                 if "(memory-region)" not in line]
        o.note(f"qom-tree/{path.strip('/')}", told("\r\n".join(found)))


def mtree(o):
    """Where windows and the registers of the host bridge are in the flat view."""
    text = run(o, "info mtree -f")
    for name, pattern in [
            ("head", r"^FlatView #\d+\r\n( AS \"memory\", root: system)"),
            ("windows", r"^  (\w+-\w+ \(prio \d+, i/o\)): cxl-fixed-memory"),
            ("registers", r"^  (\w+)-\w+ \(prio \d+, i/o\): (?:\.io|cxl-host-bridge)"),
            ("ram", r"^  \w+-(\w+) \(prio \d+, ram\): [\w.-]+(?: @\w+)?\r\n(?:.*ioapic|.*pcie-mmcfg)")]:
        found = re.search(pattern, text, re.M)
        o.note(f"mtree/{name}", told(found[found.re.groups]) if found else "nothing")


def commands(o, prefix=""):
    """Names of commands in the help: "info " for those of info."""
    names = re.findall(rf"^{prefix}([\w?|-]+)(?= |\r)", run(o, f"help {prefix}"), re.M)
    return {name for alternatives in names for name in alternatives.split("|")}


LOOKS = [texts, lines, pci, tree, composition, mtree]
