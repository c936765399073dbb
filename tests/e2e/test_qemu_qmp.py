# SPDX-License-Identifier: Apache-2.0
"""The tagged-memory tutorial by QEMU's own clients: the qemu.qmp library and its qmp-shell."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

from cxbpy import peers
from cxbpy.machine import Machine

peers.need()
# Behind everything else: only what this python3 does not have itself comes from the tree.
sys.path.append(peers.python_path())

from qemu.qmp import EventListener, ExecuteError, QMPClient
from qemu.qmp.message import Message

GIB = 1 << 30
TAGS = ["5be13bce-ae34-4a77-b6c3-16df975fcf1a", "6be13bce-ae34-4a77-b6c3-16df975fcf1a"]
DEVICE = "/machine/peripheral/cxl-vmem0"
STEPS = ["offer", "accept", "request-release", "release"]


def backend(i, size=GIB):
    return {"qom-type": "memory-backend-ram", "id": f"tm{i}", "size": size, "share": True,
            "tag": TAGS[i]}


def extents(*ranges):
    return [{"offset": o, "len": n} for o, n in ranges]


class Library(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.m = Machine()
        self.addCleanup(self.m.end)
        self.m.qmp.close()  # it is there; from now on the library speaks
        self.client = await self.connect()

    async def connect(self):
        client = QMPClient("cxlbox")
        await client.connect(self.m.qmp_path)
        self.addAsyncCleanup(client.disconnect)
        return client

    async def add(self, tag, *ranges, **more):
        return await self.client.execute("cxl-add-dynamic-capacity", {
            "path": DEVICE, "host-id": 0, "selection-policy": "prescriptive", "region": 0,
            "tag": tag, "extents": extents(*ranges), **more})

    async def release(self, policy, tag, **more):
        return await self.client.execute("cxl-release-dynamic-capacity", {
            "path": DEVICE, "host-id": 0, "removal-policy": policy, "region": 0, "tag": tag,
            **more})

    async def status(self, tag):
        return (await self.client.execute("cxl-release-dynamic-capacity-status", {
            "path": DEVICE, "host-id": 0, "region": 0, "tag": tag}))["status"]

    async def refused(self, error_class, text, call):
        with self.assertRaises(ExecuteError) as caught:
            await call
        self.assertEqual(caught.exception.error_class, error_class)
        self.assertIn(text, str(caught.exception))

    async def test_greeting_and_negotiation_satisfy_the_library(self):
        version = self.client.greeting.QMP.version["qemu"]
        self.assertEqual(set(version), {"major", "minor", "micro"})
        self.assertIn("oob", self.client.greeting.QMP.capabilities)
        self.assertEqual((await self.client.execute("query-version"))["qemu"], version)

    async def test_the_tutorial(self):
        with self.client.listener("CXL_DYNAMIC_CAPACITY") as events:
            for i in range(2):
                self.assertEqual(await self.client.execute("object-add", backend(i)), {})
            self.assertEqual(await self.status(TAGS[0]), "not-found")
            self.assertEqual(await self.add(TAGS[0], (0, GIB)), {})
            self.assertEqual(await self.status(TAGS[0]), "committed")
            # not in order, not adjacent
            await self.add(TAGS[1], (3 * GIB, GIB // 2), (2 * GIB, GIB // 2))
            self.assertEqual(await self.status(TAGS[1]), "committed")
            query = await self.client.execute("query-cxl-dynamic-capacity", {"path": DEVICE})
            self.assertEqual(
                {e["dpa"]: (e["tag"], e["backend-offset"]) for e in query[0]["extents"]},
                {0: (TAGS[0], 0), 3 * GIB: (TAGS[1], 0), 2 * GIB: (TAGS[1], GIB // 2)})

            self.assertEqual(await self.release("tag-based", TAGS[0]), {})
            self.assertEqual(await self.status(TAGS[0]), "not-found")
            await self.add(TAGS[0], (GIB, GIB))
            await self.release("tag-based", TAGS[0], extents=[])
            self.assertEqual(await self.status(TAGS[0]), "not-found")
            await self.add(TAGS[0], (0, GIB))
            await self.release("tag-based", TAGS[0], extents=extents((0, GIB)))
            self.assertEqual(await self.status(TAGS[0]), "not-found")
            await self.release("prescriptive", TAGS[1],
                               extents=extents((2 * GIB, GIB // 2), (3 * GIB, GIB // 2)))
            self.assertEqual(await self.status(TAGS[1]), "not-found")
            for i in range(2):
                await self.client.execute("object-del", {"id": f"tm{i}"})

            # What a command set off came before its answer.
            seen = {tag: [] for tag in TAGS}
            released = []
            while not events.empty():
                data = (await events.get())["data"]
                self.assertEqual((data["path"], data["region"]), (DEVICE, 0))
                if data["tag"] == TAGS[1] and data["operation"] == "release":
                    released += [(e["dpa"], e["len"]) for e in data["extents"]]
                else:
                    seen[data["tag"]].append(data["operation"])
        self.assertEqual(seen[TAGS[0]], STEPS * 3)
        self.assertEqual(seen[TAGS[1]], STEPS[:3])
        # The host gives extents back one by one.
        self.assertEqual(sorted(released), [(2 * GIB, GIB // 2), (3 * GIB, GIB // 2)])

    async def test_errors_are_execute_errors_of_the_right_class(self):
        await self.client.execute("object-add", backend(0))
        await self.refused("GenericError", "does not match extent length",
                           self.add(TAGS[0], (0, GIB // 2)))
        await self.refused("GenericError", "must have a backing device",
                           self.add(TAGS[1], (0, GIB)))
        await self.refused("GenericError", "does not accept value 'any'",
                           self.add(TAGS[0], (0, GIB), **{"selection-policy": "any"}))
        await self.refused("GenericError", "", self.release("tag-based", TAGS[0]))
        await self.refused("GenericError", "Parameter 'path' is missing",
                           self.client.execute("cxl-add-dynamic-capacity", {}))
        await self.refused("CommandNotFound", "The command nosuch has not been found",
                           self.client.execute("nosuch"))
        await self.refused("CommandNotFound", "already complete",
                           self.client.execute("qmp_capabilities"))
        await self.refused("DeviceNotFound", "", self.client.execute(
            "qom-list", {"path": "/nosuch"}))
        self.assertEqual(await self.status(TAGS[0]), "not-found")

    async def test_many_commands_at_once_each_get_their_own_answer(self):
        await self.client.execute("object-add", backend(0))
        await self.add(TAGS[0], (0, GIB))
        answers = await asyncio.gather(*(self.status(TAGS[i % 2]) for i in range(64)))
        self.assertEqual(answers, ["committed", "not-found"] * 32)

    async def test_pasted_text_is_taken_as_it_is(self):
        pasted = json.dumps({"execute": "object-add", "arguments": backend(0)}, indent=4)
        self.assertEqual(await self.client.execute_msg(Message(pasted.encode())), {})
        reply = await self.client._raw(
            b'{ "execute" :\n "query-memdev" , "id": "paste-7" }\r\n', assign_id=False)
        self.assertEqual(reply["id"], "paste-7")
        self.assertIn(TAGS[0], [b.get("tag") for b in reply["return"]])
        await self.refused("GenericError", "'foo' is unexpected", self.client.execute_msg(
            Message(b'{"execute": "query-status", "foo": 1}')))

    async def test_a_client_that_leaves_and_comes_back_finds_the_same_machine(self):
        await self.client.execute("object-add", backend(0))
        await self.add(TAGS[0], (0, GIB))
        await self.client.disconnect()
        self.client = await self.connect()
        self.assertEqual(await self.status(TAGS[0]), "committed")

    async def test_two_listeners_share_what_comes(self):
        other = EventListener("RESET")
        self.client.register_listener(other)
        with self.client.listener() as everything:
            await self.client.execute("system_reset")
            reset = await asyncio.wait_for(other.get(), 30)
            self.assertEqual(reset["data"]["reason"], "host-qmp-system-reset")
            self.assertIn("seconds", reset["timestamp"])
            while (await asyncio.wait_for(everything.get(), 30))["event"] != "RESET":
                pass

    async def test_quit_is_answered_before_the_end(self):
        self.assertEqual(await self.client.execute("quit"), {})
        self.assertEqual(self.m.process.wait(30), 0)
        with contextlib.suppress(EOFError):
            await self.client.disconnect()


class Shell(unittest.TestCase):
    def shell(self, m, *lines):
        """What qmp-shell prints for commands typed: one answer each, or None if not JSON."""
        with tempfile.TemporaryDirectory() as home:
            path = [p for p in (os.environ.get("PYTHONPATH"), peers.python_path()) if p]
            result = subprocess.run(
                [sys.executable, "-m", "qemu.qmp.qmp_shell", m.qmp_path],
                input="".join(line + "\n" for line in lines), capture_output=True, text=True,
                timeout=60, check=False,
                env=dict(os.environ, HOME=home, PYTHONPATH=os.pathsep.join(path)))
        self.assertEqual(result.returncode, 0, result.stderr)
        banner, *rest = result.stdout.split("(QEMU) ")
        self.assertIn("Connected to QEMU 11.1", banner)
        return [json.loads(answer) for answer in rest if answer.strip()]

    def test_the_tutorial_typed(self):
        with Machine() as m:
            m.qmp.close()
            where = f"path={DEVICE} host-id=0 region=0 tag={TAGS[0]}"
            status = f"cxl-release-dynamic-capacity-status {where}"
            answers = self.shell(
                m,
                "query-status",
                f"object-add qom-type=memory-backend-ram id=tm0 size={GIB} share=true "
                f"tag={TAGS[0]}",
                status,
                f"cxl-add-dynamic-capacity {where} selection-policy=prescriptive "
                f'extents=[{{"offset":0,"len":{GIB}}}]',
                status,
                "nosuch",
                f"cxl-release-dynamic-capacity {where} removal-policy=tag-based",
                status,
                "object-del id=tm0")
        self.assertEqual(answers[0]["return"]["status"], "running")
        self.assertEqual([a.get("return") for a in (answers[1], answers[3], answers[6],
                                                    answers[8])], [{}] * 4)
        self.assertEqual([a["return"]["status"] for a in (answers[2], answers[4], answers[7])],
                         ["not-found", "committed", "not-found"])
        self.assertEqual(answers[5]["error"]["class"], "CommandNotFound")


if __name__ == "__main__":
    unittest.main()
