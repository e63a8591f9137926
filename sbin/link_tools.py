#!/usr/bin/env python3
"""Makes the links SBIN/<tool> -> oxtool, one per name in the OX_TOOL lines of the given sources.

Run by meson at configure time: link_tools.py SBIN-DIR SOURCE...
"""
import os
import re
import sys

directory, sources = sys.argv[1], sys.argv[2:]
os.makedirs(directory, exist_ok=True)
for source in sources:
    with open(source, encoding="utf-8") as file:
        found = re.search(r'^OX_TOOL\(\s*\w+\s*,\s*"(?:[^"\\]|\\.)*"\s*((?:"(?:[^"\\]|\\.)*"\s*)*),([^;]*?)\)\s*;?\s*$',
                          file.read(), re.M | re.S)
    if not found:
        sys.exit(f"{source}: no OX_TOOL line")
    for name in re.findall(r'"([^"]+)"', found.group(2)):
        link = os.path.join(directory, name)
        if not os.path.islink(link):
            os.symlink("oxtool", link)
