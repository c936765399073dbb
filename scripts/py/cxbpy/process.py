# SPDX-License-Identifier: Apache-2.0
"""What a running process holds."""

import collections
import os
import re


def descriptors(pid):
    """How many descriptors it has of each kind: socket, memfd:…, /dev/null, ..."""
    kinds = collections.Counter()
    for n in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{n}")
        except FileNotFoundError:  # a connection that just went
            continue
        kinds[re.split(r":?\[", target)[0]] += 1
    return dict(kinds)


def mappings(pid):
    """Mappings that others can share: of backends, that is, in and out of windows. Libraries' files
    come and go as they like."""
    found = collections.Counter()
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as f:
        for line in f:
            fields = line.rstrip("\n").split(maxsplit=5)
            if "s" in fields[1] and not fields[-1].startswith("/usr/"):
                found[fields[-1]] += 1
    return dict(found)


def status(pid, field):
    """A number of /proc/PID/status: VmRSS in KiB, Threads, ..."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            name, value = line.split(":", 1)
            if name == field:
                return int(value.split()[0])
    raise KeyError(field)


def resources(pid):
    """What must be the same again after what leaves nothing behind."""
    return {"descriptors": descriptors(pid), "mappings": mappings(pid),
            "threads": status(pid, "Threads")}
