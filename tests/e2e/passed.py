# SPDX-License-Identifier: Apache-2.0
"""A machine whose memory devices are in another process: started, driven and ended like a Machine."""

import json
import os

from cxbpy.machine import TUTORIAL, Machine
from cxbpy.qmp import QmpError

# Commands about devices and their memory: their process answers.
OF_DEVICES = ("cxl-", "object-", "query-memdev", "query-cxl-", "qom-")
OF_HOSTS = ("cxl-host-", "query-cxl-host")
ROUNDS = 3      # of the machine's loop, after which an interrupt that came has been worked off


def memory_device(text):
    """Properties of a -device that is one, its driver among them, else None."""
    given = json.loads(text) if text.startswith("{") else dict(
        item.split("=", 1) for item in ("driver=" + text).split(",") if "=" in item)
    return given if given.get("driver", "").startswith("cxl-type3") else None


class Qmp:
    """Both monitors as one, each command to whom it concerns."""

    def __init__(self, machine, devices, directory):
        self.machine, self.devices, self.dir = machine, devices, directory

    def owner(self, name):
        ours = name.startswith(OF_DEVICES) and not name.startswith(OF_HOSTS)
        return self.devices if ours else self.machine

    def cmd(self, name, **arguments):
        if name == "device_add" and arguments["driver"].startswith("cxl-type3"):
            arguments = self.add(**arguments)
        owner = self.owner(name)
        answer = owner.cmd(name, **arguments)
        for _ in range(ROUNDS):
            (self.machine if owner is self.devices else self.devices).cmd("query-status")
        return answer

    def add(self, bus, **arguments):
        """A device there, served; what adds it here."""
        name = arguments["id"]
        self.devices.cmd("device_add", **arguments)
        self.devices.cmd("object-add", qom_type="x-vfio-user-server", id=f"s-{name}",
                         path=f"{name}.sock", device=name)
        return {"driver": "vfio-user-pci", "bus": bus, "id": name,
                "socket": {"type": "unix", "path": os.path.join(self.dir, f"{name}.sock")}}

    def wait_event(self, name):
        return (self.devices if name.startswith("CXL_") else self.machine).wait_event(name)

    @property
    def events(self):
        return self.devices.events + self.machine.events

    def close(self):
        self.machine.close()
        self.devices.close()


class Qtest:
    """The machine's, whose clock is the devices' too."""

    def __init__(self, machine, devices):
        self.machine, self.devices = machine, devices

    def __getattr__(self, name):
        return getattr(self.machine, name)

    def cmd(self, line):
        if line.startswith("clock_"):
            self.devices.cmd(line)
        return self.machine.cmd(line)


class Passed(Machine):
    def __init__(self, args=(), *, tutorial=True, qmp=True, qtest=False, stderr=None):
        line = [*(TUTORIAL if tutorial else []), *args]
        here, there, servers = [], ["-M", "x-remote"], []
        while line:
            word = line.pop(0)
            value = line.pop(0) if word.startswith("-") and line and not line[0].startswith("-") else None
            given = memory_device(value) if word == "-device" else None
            if given:
                bus = given.pop("bus")
                name = given.setdefault("id", f"unnamed{len(servers) // 2}")
                path = f"{name}.sock"
                there += [word, json.dumps(given) if value.startswith("{") else
                          ",".join([given.pop("driver"), *(f"{k}={v}" for k, v in given.items())])]
                servers += ["-object", f"x-vfio-user-server,id=s-{name},path={path},device={name}"]
                here.append((word, name, bus, path))
            elif (word, (value or "").split("-")[0]) in (("-object", "memory"), ("-global", "cxl")):
                there += [word, value]
            else:
                here += [word] if value is None else [word, value]
        by_hand = "qtest" in here
        there += ["-accel", "qtest"] if by_hand else []
        self.devices = Machine([*there, *servers], tutorial=False, qtest=by_hand, stderr=stderr)
        try:
            line = []
            for item in here:
                if isinstance(item, tuple):
                    word, name, bus, path = item
                    path = os.path.join(self.devices.dir, path)
                    line += [word, f"vfio-user-pci,bus={bus},id={name},socket.type=unix,socket.path={path}"]
                else:
                    line.append(item)
            super().__init__(line, tutorial=False, qmp=qmp, qtest=qtest, stderr=stderr)
        except BaseException:
            self.devices.end()
            raise
        if self.devices.qtest and self.qtest:
            self.qtest = Qtest(self.qtest, self.devices.qtest)
        self.qmp = Qmp(self.qmp, self.devices.qmp, self.devices.dir)

    def end(self):
        try:
            super().end()
        finally:
            self.devices.end()


__all__ = ["Passed", "QmpError"]
