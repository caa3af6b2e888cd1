"""Writes one log segment in the forms of Python's lz4.frame.

usage: python3 python_lz4_forms.py DIR

DIR/lines holds the lines; DIR/<form>.lz4 the same lines in each form: one frame with each mixture of
options, several frames appended, and a stream that is flushed between records.
"""

import itertools
import sys

import lz4.frame as frame


def options(block_size, linked, content_sum, block_sum):
    return {"block_size": block_size, "block_linked": linked,
            "content_checksum": content_sum, "block_checksum": block_sum}


def streamed(lines, auto_flush, **given):
    """Frames written bit by bit: with `auto_flush` an LZ4 block at every hundredth record, else a
    frame of its own.
    """
    made = frame.LZ4FrameCompressor(auto_flush=auto_flush, **given)
    out = [made.begin()]
    for start in range(0, len(lines), 100):
        for line in [b"".join(lines[start:start + 100])] if auto_flush else lines[start:start + 100]:
            out.append(made.compress(line))
        if not auto_flush:
            out.append(made.flush())
            made.reset()
            out.append(made.begin())
    out.append(made.flush())
    return b"".join(out)


def main(directory):
    with open(directory + "/lines", "rb") as file:
        data = file.read()
    lines = data.splitlines(keepends=True)

    def save(name, content):
        with open(f"{directory}/{name}.lz4", "wb") as file:
            file.write(content)

    sizes = (4, 5, 6, 7)
    switches = (False, True)
    for form in itertools.product(sizes, switches, switches, switches, switches):
        name = "-".join(str(int(part)) for part in form)
        save("whole-" + name, frame.compress(data, store_size=form[4], **options(*form[:4])))
    for size, linked, auto_flush in itertools.product(sizes, switches, switches):
        save(f"stream-{size}-{int(linked)}-{int(auto_flush)}",
             streamed(lines, auto_flush, **options(size, linked, True, linked)))
    parts = [b"".join(lines[start:start + 700]) for start in range(0, len(lines), 700)]
    save("appended", b"".join(frame.compress(part) for part in parts))


main(sys.argv[1])
