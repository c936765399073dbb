# SPDX-License-Identifier: Apache-2.0
"""What cxl-guest needs of a guest's QEMU: a QMP server with hidden root ports, memory backends and devices
that takes memory at an address. Any step can be made to fail or to wait."""

import contextlib
import json
import os
import socket
import threading


class Failure(Exception):
    """What a command answers."""


class FakeQemu:
    def __init__(self, path, ports=8):
        self.path = path
        self.ports = [f"ha{n}" for n in range(ports)]
        self.lock = threading.Condition()
        self.objects, self.devices = {}, {}
        self.commands = []  # names, as they came
        self.fail = None    # called with the number of the command and its name: whether it fails
        self.waiting = False  # no command is answered
        self.ends = False
        self.conn = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        self.conn, _ = self.listener.accept()
        self.tell({"QMP": {"version": {}, "capabilities": []}})
        with contextlib.suppress(ConnectionError):  # a client that goes in the middle
            for line in self.conn.makefile("r"):
                request = json.loads(line)
                with self.lock:
                    self.lock.wait_for(lambda: not self.waiting or self.ends)
                    if self.ends:
                        return
                    answer = self.answer(request)
                    self.lock.notify_all()
                self.tell({**answer, **({"id": request["id"]} if "id" in request else {})})

    def tell(self, message):
        self.conn.sendall(json.dumps(message).encode() + b"\r\n")

    def answer(self, request):
        name = request["execute"]
        number = len(self.commands)
        self.commands.append(name)
        try:
            if self.fail and self.fail(number, name):
                raise Failure(f"{name} was made to fail")
            return {"return": getattr(self, name.replace("-", "_"))(**{
                key.replace("-", "_"): value for key, value in request.get("arguments", {}).items()})}
        except Failure as failure:
            return {"error": {"class": "GenericError", "desc": str(failure)}}

    # --- commands ---

    def qmp_capabilities(self):
        return {}

    def qom_list(self, path):
        assert path == "/machine/peripheral"
        return [{"name": "type", "type": "string"}, {"name": "rp0", "type": "child<cxl-rp>"}] + [
            {"name": port, "type": "child<pcie-root-port>"} for port in self.ports]

    def object_add(self, qom_type, id, **args):
        if id in self.objects:
            raise Failure("duplicate")
        self.objects[id] = {"type": qom_type, **args}
        return {}

    def object_del(self, id):
        if any(d.get("memdev") == id for d in self.devices.values()):
            raise Failure(f"object '{id}' is in use")
        del self.objects[id]
        return {}

    def device_add(self, driver, id, bus, addr, memdev=None, memaddr=None, multifunction=None):
        if any((d["bus"], d["addr"]) == (bus, addr) for d in self.devices.values()):
            raise Failure("the slot is taken")
        if memdev is not None:
            assert (driver, addr) == ("virtio-pmem-pci", "0.1")
            if memdev not in self.objects:
                raise Failure(f"Device '{memdev}' not found")
        else:
            assert (driver, addr, multifunction) == ("pci-testdev", "0.0", True)
        self.devices[id] = {"bus": bus, "addr": addr, "memdev": memdev, "memaddr": memaddr}
        return {}

    def device_del(self, id):
        """A slot without power loses all its functions."""
        bus = self.devices[id]["bus"]
        self.devices = {i: d for i, d in self.devices.items() if d["bus"] != bus}
        return {}

    # --- for tests ---

    def memory(self):
        """{address: (file, offset, size)} of what is mapped."""
        with self.lock:
            return {d["memaddr"]: tuple(self.objects[d["memdev"]].get(key) for key in ("mem_path", "offset", "size"))
                    for d in self.devices.values() if d["memdev"]}

    def wait(self, condition):
        with self.lock:
            assert self.lock.wait_for(condition, 20), (self.commands, self.objects, self.devices)

    def hold(self, waiting):
        with self.lock:
            self.waiting = waiting
            self.lock.notify_all()

    def end(self):
        with self.lock:
            self.ends = True
            self.lock.notify_all()
        if self.conn:
            with contextlib.suppress(OSError):  # it has gone already
                self.conn.shutdown(socket.SHUT_RDWR)
        else:  # wakes whoever waits for a client
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(self.path)
        self.thread.join(20)
        for s in (self.conn, self.listener):
            if s:
                s.close()
        os.unlink(self.path)
