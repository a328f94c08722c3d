# SPDX-License-Identifier: Apache-2.0
"""A module for truth.py whose import never ends."""
import sys


class Body(object):
    sys.modules['__main__'].park()
