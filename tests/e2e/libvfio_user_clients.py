#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the tests of libvfio-user that are those of a client, from a copy of it, against cxlbox.

    libvfio_user_clients.py DIR [MODULE...]     DIR: test/py of the copy

Those tests load the library and serve themselves; here what they ask of the library does nothing, and
what they connect to is a cxl-type3 of machine x-remote. Prints a line for each test and a sum, and
ends with status 0: docs/vfio-user.md says which cannot pass and why."""

import ctypes
import gc
import importlib
import inspect
import os
import socket
import sys
import unittest.mock

from cxbpy.machine import Machine

MODULES = ["negotiate", "device_get_info", "device_get_irq_info", "device_get_region_info",
           "device_get_region_info_zero_size", "device_set_irqs", "dma_map", "dma_unmap", "request_errors"]
PATIENCE = 3


class Library:
    """What stands for the library: a server that begins anew with each of its contexts."""

    def __init__(self, machine):
        self.qmp, self.path = machine.qmp, os.path.join(machine.dir, "s0")
        self.there = False

    def create(self, *_, **__):
        self.destroy()
        self.qmp.cmd("object-add", qom_type="x-vfio-user-server", id="s0", device="t3", path=self.path)
        self.there = True
        return self

    def destroy(self, *_):
        if self.there:
            self.qmp.cmd("object-del", id="s0")
        self.there = False

    @staticmethod
    def call(*_, expect=0, **__):
        """Done by the server on its own."""
        ctypes.set_errno(expect)
        return -1 if expect else 0


def load(folder, library):
    """Their module, with the library taken out of it."""
    sys.path.insert(0, folder)
    os.environ.setdefault("LIBVFIO_SO_DIR", folder)
    with unittest.mock.patch("ctypes.CDLL"):
        theirs = importlib.import_module("libvfio_user")
    theirs.eventfd = lambda initval=0, flags=0: os.eventfd(initval, flags)
    for name in dir(theirs):
        if name.startswith("vfu_") and inspect.isfunction(getattr(theirs, name)):
            setattr(theirs, name, library.call)
    theirs.vfu_create_ctx = library.create
    theirs.vfu_destroy_ctx = library.destroy
    theirs.prepare_ctx_for_dma = library.create
    theirs.SOCK_PATH = library.path
    return theirs


def run(module, name, function):
    """None, or what went wrong."""
    try:
        if hasattr(module, "setup_function"):
            module.setup_function(function)
        try:
            function()
        finally:
            if hasattr(module, "teardown_function"):
                module.teardown_function(function)
    except Exception as error:  # pylint: disable=broad-except
        trace = error.__traceback__
        while trace.tb_next:
            trace = trace.tb_next
        where = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        return f"{type(error).__name__} {error} at {where}".replace("\n", " ")
    return None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    socket.setdefaulttimeout(PATIENCE)
    passed = failed = inside = 0
    with Machine(["-M", "x-remote", "-object", "memory-backend-ram,id=m0,size=256M", "-device",
                  "cxl-type3,id=t3,volatile-memdev=m0"], tutorial=False) as m:
        library = Library(m)
        load(sys.argv[1], library)
        for name in sys.argv[2:] or MODULES:
            module = importlib.import_module(f"test_{name}")
            for test, function in list(vars(module).items()):
                if not test.startswith("test_") or not callable(function):
                    continue
                if hasattr(function, "patchings"):
                    inside += 1
                    continue
                wrong = run(module, test, function)
                gc.collect()  # connections that a failed one left open
                passed, failed = passed + (wrong is None), failed + (wrong is not None)
                print(f"{'ok  ' if wrong is None else 'not '} {name}: {test}{' # ' + wrong if wrong else ''}")
        library.destroy()
    print(f"{passed} passed, {failed} did not, {inside} look into the library")


if __name__ == "__main__":
    main()
