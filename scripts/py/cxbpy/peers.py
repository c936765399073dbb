# SPDX-License-Identifier: Apache-2.0
"""The tree of peers that scripts/peers makes, for tests that compare with what is in it."""

import os
import subprocess
import sys

SCRIPT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../peers"))


def skip(cause):
    """End this program as a skipped test."""
    print(f"SKIP: {cause}", flush=True)
    sys.exit(77)


def _ask(word):
    result = subprocess.run([SCRIPT, word], capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else None


def need(root=False):
    """The tree's path; a program that finds none, or may not use it, ends as skipped."""
    tree = _ask("--path")
    if not tree:
        skip("no tree of peers (scripts/peers makes it, as root)")
    if root and os.geteuid() != 0:
        skip("running a program in the tree of peers needs root")
    return tree


def python_path():
    """Where python3 finds the tree's modules, qemu.qmp among them."""
    return _ask("pythonpath")


def run(directory, *command):
    """Run @command in the tree, with @directory (there at the same path) to work in."""
    return subprocess.run([SCRIPT, "run", "--bind", directory, *command], cwd=directory,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
                          check=False)
