#!/usr/bin/env python3
"""Claim: the emulator does what the tests of the gateway take for granted.

Every limit, shape and fault that upstream services have, and every counter that
judges a client, once: test/upstream/selftest.py.
"""
import os
import sys

TEST = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "upstream", "selftest.py")

sys.stdout.flush()
os.execv(sys.executable, [sys.executable, TEST])
