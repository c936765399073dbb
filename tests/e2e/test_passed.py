# SPDX-License-Identifier: Apache-2.0
"""The tests of a machine's own memory devices once more, with the devices in a process of their own and passed
through: what works in one process works in two."""

import unittest

import test_capacity
import test_cdat
import test_dax
import test_host_rules
import test_poison
import test_records
import test_regions
import test_sanitize
import test_static
from passed import Passed

MODULES = (test_capacity, test_cdat, test_dax, test_host_rules, test_poison, test_records, test_regions, test_sanitize, test_static)
# What cannot be the same, and why.
WAY = "the process that has the device says that it maps nothing of it"
EXCEPT = {
    "capacity.ByBuiltInHost.test_beside_a_device_whose_capacity_comes_with_tags": WAY,
    "capacity.ByQtest.test_a_piece_cut_out_leaves_the_rest_where_it_was": WAY,
    "poison.Poison.test_without_power_the_persistent_part_keeps_it": "a reset of the machine is one over a link",
    "regions.Regions.test_blocks_of_64_bytes_are_decoded": WAY,
    "regions.Regions.test_what_is_read_only_is_mapped_so": WAY,
}


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def load_tests(loader, tests, pattern):
    suite, left = unittest.TestSuite(), dict(EXCEPT)
    for module in MODULES:
        module.Machine = Passed
        for test in flat(loader.loadTestsFromModule(module)):
            if left.pop(test.id().removeprefix("test_"), None) is None:
                suite.addTest(test)
    if left:
        raise AssertionError(f"there are no such tests: {', '.join(left)}")
    return suite


if __name__ == "__main__":
    unittest.main()
