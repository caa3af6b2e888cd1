"""Writes one log segment in many forms of the LZ4 frame format, with liblz4 itself.

usage: python3 log_forms.py OUT_DIR

OUT_DIR/lines.ndjson holds the lines; OUT_DIR/<form>.lz4 the same lines in each form. Only the
standard library and liblz4.so.1 are used (ctypes), none of this project's code. The lines come from
a fixed generator, long enough for several LZ4 blocks of 64 KiB.
"""

import ctypes
import json
import os
import struct
import sys

lz4 = ctypes.CDLL("liblz4.so.1")


class FrameInfo(ctypes.Structure):
    _fields_ = [
        ("blockSizeID", ctypes.c_int),
        ("blockMode", ctypes.c_int),
        ("contentChecksumFlag", ctypes.c_int),
        ("frameType", ctypes.c_int),
        ("contentSize", ctypes.c_ulonglong),
        ("dictID", ctypes.c_uint),
        ("blockChecksumFlag", ctypes.c_int),
    ]


class Preferences(ctypes.Structure):
    _fields_ = [
        ("frameInfo", FrameInfo),
        ("compressionLevel", ctypes.c_int),
        ("autoFlush", ctypes.c_uint),
        ("favorDecSpeed", ctypes.c_uint),
        ("reserved", ctypes.c_uint * 3),
    ]


lz4.LZ4F_compressFrameBound.restype = ctypes.c_size_t
lz4.LZ4F_compressFrame.restype = ctypes.c_size_t
lz4.LZ4F_compressFrame.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
lz4.LZ4F_compressFrameBound.argtypes = [ctypes.c_size_t, ctypes.c_void_p]
lz4.LZ4F_isError.argtypes = [ctypes.c_size_t]


def frame(data, size=4, independent=True, block_sum=False, content_sum=False, content_size=False,
          level=0):
    preferences = Preferences()
    preferences.frameInfo.blockSizeID = size
    preferences.frameInfo.blockMode = int(independent)
    preferences.frameInfo.contentChecksumFlag = int(content_sum)
    preferences.frameInfo.blockChecksumFlag = int(block_sum)
    preferences.frameInfo.contentSize = len(data) if content_size else 0
    preferences.compressionLevel = level
    bound = lz4.LZ4F_compressFrameBound(len(data), ctypes.byref(preferences))
    target = ctypes.create_string_buffer(bound)
    count = lz4.LZ4F_compressFrame(
        target, bound, data, len(data), ctypes.byref(preferences))
    assert not lz4.LZ4F_isError(count)
    return target.raw[:count]


def skippable(data, number=0):
    return struct.pack("<II", 0x184D2A50 + number, len(data)) + data


def lines(count):
    state = 12345
    out = []
    for index in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        record = {"client_id": state % 100003, "timestamp": 1660000000 + 5 * index,
                  "event_type": ["page_visit", "add_to_cart", "search_query"][state % 3],
                  "sku": state // 7 % 50021}
        if state % 5 == 0:
            record["query"] = [(state >> k) % 256 for k in range(16)]
        out.append(json.dumps(record))
    return out


def main(out):
    text = "".join(line + "\n" for line in lines(3000)).encode()
    cut = [0, 10, 100, 30000, 30001, 150000, len(text)]
    parts = [text[a:b] for a, b in zip(cut, cut[1:])]
    noise = bytes((i * 7919 >> 3) % 251 for i in range(5000))
    forms = {}
    for size in (4, 5, 6, 7):
        for independent in (False, True):
            name = f"size{size}-{'independent' if independent else 'linked'}"
            forms[name] = frame(text, size, independent)
    forms["block-checksums"] = frame(text, block_sum=True)
    forms["linked-block-checksums"] = frame(text, independent=False, block_sum=True)
    forms["content-checksum"] = frame(text, content_sum=True)
    forms["content-size"] = frame(text, content_size=True)
    forms["everything"] = frame(
        text, 5, False, block_sum=True, content_sum=True, content_size=True, level=9)
    forms["several-frames"] = b"".join(frame(part, content_sum=True) for part in parts)
    forms["mixed-frames"] = b"".join(
        frame(part, 4 + i % 4, i % 2 == 0, i % 3 == 0, i % 3 == 1, i % 2 == 1)
        for i, part in enumerate(parts))
    forms["empty-frames"] = frame(b"") + frame(parts[0] + parts[1] + parts[2]) + frame(
        b"", content_sum=True) + frame(parts[3] + parts[4] + parts[5]) + frame(b"")
    forms["skippable"] = skippable(noise) + frame(parts[0]) + skippable(b"", 15) + frame(
        text[cut[1]:]) + skippable(noise, 7)
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "lines.ndjson"), "wb") as file:
        file.write(text)
    for name, data in forms.items():
        with open(os.path.join(out, name + ".lz4"), "wb") as file:
            file.write(data)


main(sys.argv[1])
