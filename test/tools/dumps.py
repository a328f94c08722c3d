# SPDX-License-Identifier: Apache-2.0
"""Dumps as JSON that a file has, one after the other."""
import json


def each(path):
    with open(path) as file:
        text = file.read().rstrip()
    at, decoder = 0, json.JSONDecoder()
    while at < len(text):
        dump, at = decoder.raw_decode(text, at)
        at += 1
        yield dump
