#!/usr/bin/env python3
"""Runs the commands of a document: test_systemd_docs.py [--check] FILE

Each fenced block of `sh` stands under a comment that says what becomes of it:

    <!-- run -->                 as root, with `bash -e`
    <!-- run as NAME -->         as that user
    <!-- run if COMMAND -->      as root, when the command succeeds; otherwise it is named and left out
    <!-- skip: REASON -->        not run

Lines that begin with `#` are comments. Exits with 1 when a block fails or has no such comment.
--check looks at the comments alone.
"""
import re
import subprocess
import sys
import time

MARK = re.compile(r"<!-- (?:(run)(?: as (?P<user>\w+))?(?: if (?P<test>.+?))?|skip: (?P<reason>.+?)) -->")


def blocks(text):
    """(line, mark or None, commands) of every fenced block of sh."""
    mark, start, lines = None, None, []
    for number, line in enumerate(text.splitlines(), 1):
        if start is not None:
            if line.startswith("```"):
                yield start, mark, "\n".join(lines)
                mark, start, lines = None, None, []
            else:
                lines.append(line)
        elif line.startswith("```sh"):
            start = number
        elif line.startswith("<!--"):
            mark = MARK.fullmatch(line.strip())
        elif line.strip():
            mark = None


def main() -> None:
    check = sys.argv[1] == "--check"
    path = sys.argv[-1]
    with open(path, encoding="utf-8") as file:
        found = list(blocks(file.read()))
    unmarked = [line for line, mark, _ in found if mark is None]
    if unmarked or not found:
        sys.exit(f"{path}: blocks without a mark at lines {unmarked}; {len(found)} blocks in all")
    ran = 0
    for line, mark, commands in found:
        if mark["reason"] or check:
            if mark["reason"]:
                print(f"  line {line}: left out: {mark['reason']}", flush=True)
            continue
        if mark["test"] and subprocess.run(
            ["bash", "-c", mark["test"]], capture_output=True, check=False
        ).returncode:
            print(f"  line {line}: left out: not so here: {mark['test']}", flush=True)
            continue
        who = ["runuser", "-u", mark["user"], "--"] if mark["user"] else []
        begin = time.monotonic()
        done = subprocess.run(
            who + ["bash", "-euo", "pipefail", "-c", commands],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=300, check=False)
        if done.returncode:
            sys.exit(f"{path}:{line}: exit {done.returncode}\n{commands}\n---\n{done.stdout}")
        print(f"  line {line}: {time.monotonic() - begin:.1f} s", flush=True)
        ran += 1
    print(f"  {ran} of {len(found)} blocks were run", flush=True)


main()
