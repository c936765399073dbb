# SPDX-License-Identifier: Apache-2.0
"""A small synchronous QMP client."""

import json

from .lines import Lines, connect_unix


class QmpError(Exception):
    """An error reply."""

    def __init__(self, error):
        super().__init__(error["desc"])
        self.error_class = error["class"]
        self.desc = error["desc"]


class Qmp:
    """One connection. Events collect in .events in order of arrival."""

    def __init__(self, path=None, timeout=30, negotiate=True, sock=None):
        self.sock = connect_unix(path, timeout) if sock is None else sock
        self.lines = Lines(self.sock)
        self.events = []
        try:
            self.greeting = self.read()
            if negotiate:
                self.cmd("qmp_capabilities")
        except BaseException:
            self.sock.close()
            raise

    def send_raw(self, data):
        """Bytes as they are: what a person pastes."""
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def read(self):
        """The next object of any kind."""
        return json.loads(self.lines.next())

    def reply(self):
        """The next reply; events on the way are kept."""
        while True:
            obj = self.read()
            if "event" not in obj:
                return obj
            self.events.append(obj)

    def cmd(self, name, **arguments):
        """Run a command; underscores in argument names stand for dashes."""
        request = {"execute": name}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.send_raw(json.dumps(request))
        reply = self.reply()
        if "error" in reply:
            raise QmpError(reply["error"])
        return reply["return"]

    def wait_event(self, name):
        """The first event called name, waiting for it if need be."""
        while True:
            for i, event in enumerate(self.events):
                if event["event"] == name:
                    return self.events.pop(i)
            obj = self.read()
            if "event" not in obj:
                raise ValueError(f"unexpected reply {obj}")
            self.events.append(obj)

    def close(self):
        self.sock.close()
