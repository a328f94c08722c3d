# SPDX-License-Identifier: Apache-2.0
# Prints this interpreter's _Py_DebugOffsets as a row for offsets.h.
import ctypes

words = (ctypes.c_uint64 * 111).in_dll(ctypes.pythonapi, "_PyRuntime")
words = list(words)[1:]
while words and not words[-1] < 1 << 20:
    words.pop()
print("\t{ " + ", ".join(str(w if i == 0 or w < 1 << 20 else 0) for i, w in enumerate(words)) + " },")
