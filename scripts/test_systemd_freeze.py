#!/usr/bin/env python3
"""Stops one thread of a process for as long as this runs: test_systemd_freeze.py PID NAME

The others go on, as they would if that thread waited for a disk that does not answer: ptrace(2) with
PTRACE_SEIZE and PTRACE_INTERRUPT, which reaches threads where a signal reaches the whole process.
Prints a line when the thread stands still.
"""
import ctypes
import glob
import os
import signal
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000


def main() -> None:
    pid, name = int(sys.argv[1]), sys.argv[2]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    threads = []
    for path in glob.glob(f"/proc/{pid}/task/*/comm"):
        with open(path, encoding="ascii") as file:
            if file.read().strip() == name:
                threads.append(int(path.split("/")[4]))
    if not threads:
        sys.exit(f"process {pid} has no thread named {name}")
    for thread in threads:
        for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
            if libc.ptrace(request, thread, None, None) != 0:
                sys.exit(f"ptrace {request:#x} of {thread}: {os.strerror(ctypes.get_errno())}")
        os.waitpid(thread, WALL)
    print(f"threads {threads} stand still", flush=True)
    # Whatever comes, they are not let go: the end of the process ends this.
    try:
        os.waitpid(-1, WALL)
    except ChildProcessError:
        signal.pause()


main()
