"""Looks for planted values in every byte below a directory, in each form they could be stored in.

    planted_bytes.py DIRECTORY int:4711 text:e-17 word:9f3c...

Prints a line `VALUE FORM PATH COUNT` for each form that occurs. Knows nothing of the formats: integers
are looked for as decimal text, as 8 bytes of either byte order, and as a zigzag LEB128 number; words
(hexadecimal, 64 bits) as 8 bytes of either order. Only values whose forms are all at least 6 bytes long
mean anything.
"""

import os
import struct
import sys


def leb128(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def forms(planted):
    kind, text = planted.split(":", 1)
    if kind == "text":
        return {"text": text.encode()}
    if kind == "word":
        value = int(text, 16)
        return {"little": struct.pack("<Q", value), "big": struct.pack(">Q", value)}
    value = int(text)
    zigzag = (value << 1 ^ value >> 63) & (1 << 64) - 1
    return {
        "text": text.encode(),
        "little": struct.pack("<q", value),
        "big": struct.pack(">q", value),
        "leb128": leb128(zigzag),
    }


def main():
    directory, planted = sys.argv[1], sys.argv[2:]
    patterns = [(name, form, bytes_) for name in planted for form, bytes_ in forms(name).items()]
    for name, form, bytes_ in patterns:
        assert len(bytes_) >= 6, f"{name} as {form} is too short to be told from chance"
    for folder, _, names in sorted(os.walk(directory)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            with open(path, "rb") as file:
                content = file.read()
            for planted_name, form, bytes_ in patterns:
                count = content.count(bytes_)
                if count:
                    print(planted_name, form, os.path.relpath(path, directory), count)


main()
