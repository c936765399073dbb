# SPDX-License-Identifier: Apache-2.0
"""The demo prints what the README says it prints, leaves no process and no file."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


class Demo(unittest.TestCase):
    def test_prints_what_the_readme_shows_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as directory:
            env = dict(os.environ, TMPDIR=directory)
            result = subprocess.run([sys.executable, f"{TOP}/scripts/py/demo.py"], env=env,
                                    capture_output=True, text=True, timeout=100, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(os.listdir(directory), [])
        with open(f"{TOP}/README.md", encoding="utf-8") as f:
            shown = re.search(r"```console\n(.*?)```", f.read(), re.S).group(1)
        self.assertEqual(result.stdout, shown)


if __name__ == "__main__":
    unittest.main()
