#!/usr/bin/env python3
"""Writes the man pages: what people wrote in man/*.in, and what the programs say of themselves.

    man.py BINARIES OUT        writes OUT/ubpd.8, OUT/ubpctl.1, OUT/ubpd.yaml.5

Commands and options come from the programs' own --experimental-dump-help (swift-argument-parser),
keys from config/ubpd.yaml, so that no page can lag behind. Roff as in man(7).
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Options of every command, described once.
COMMON = {"version", "help"}


def text(words):
    """Plain words as roff: no escape, no request at a line's beginning."""
    words = words.replace("\\", "\\e").replace("-", "\\-")
    words = "".join(c if c < "\x80" else "\\[u%04X]" % ord(c) for c in words)
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in words.split("\n"))


def option_names(argument):
    names = []
    for name in argument.get("names", []):
        names.append(("-" if name["kind"] == "short" else "--") + name["name"])
    return names


def described(argument):
    names = ", ".join("\\fB%s\\fR" % text(name) for name in option_names(argument))
    if argument["kind"] == "positional":
        names = "\\fI%s\\fR" % text(argument["valueName"])
    elif argument["kind"] == "option":
        names += " \\fI%s\\fR" % text(argument["valueName"])
    meaning = argument.get("abstract", "")
    if argument.get("defaultValue") and "default" not in meaning:
        meaning += " Default: %s." % argument["defaultValue"]
    return ".TP\n%s\n%s\n" % (names, text(meaning))


def own(command):
    for argument in command.get("arguments", []):
        name = argument.get("valueName", "")
        if argument.get("shouldDisplay", True) and name not in COMMON:
            yield argument


def leaves(command, path=()):
    for one in command.get("subcommands", []):
        if one["commandName"] == "help" or not one.get("shouldDisplay", True):
            continue
        below = list(leaves(one, path + (one["commandName"],)))
        yield from below
        if not below:
            yield path + (one["commandName"],), one


def commands(program, shared):
    """A sub-section for each command; options that many share are left to OPTIONS."""
    out = []
    for path, command in leaves(program):
        positional = [a for a in own(command) if a["kind"] == "positional"]
        options = [a for a in own(command) if a["kind"] != "positional" and key(a) not in shared]
        usage = " ".join(path)
        for argument in positional:
            name = "\\fI%s\\fR" % text(argument["valueName"])
            repeated = " ..." if argument["isRepeating"] else ""
            usage += " [%s%s]" % (name, repeated) if argument["isOptional"] else " " + name + repeated
        out.append(".SS %s\n%s\n" % (usage, text(command.get("abstract", ""))))
        if command.get("discussion"):
            out.append(".PP\n%s\n" % text(command["discussion"]))
        out += [described(argument) for argument in positional + options]
    return "".join(out)


def key(argument):
    return (argument["valueName"], argument.get("abstract", ""))


def common_options(program):
    """Options that at least half of the commands have."""
    counts, first = {}, {}
    found = list(leaves(program))
    for _, command in found:
        for argument in own(command):
            if argument["kind"] != "positional":
                counts[key(argument)] = counts.get(key(argument), 0) + 1
                first.setdefault(key(argument), argument)
    return {k: first[k] for k in counts if 2 * counts[k] >= len(found)}


def dumped(program):
    output = subprocess.run(
        [program, "--experimental-dump-help"], check=True, capture_output=True).stdout
    return json.loads(output)["command"]


def page(template, values):
    with open(os.path.join(ROOT, "man", template), encoding="utf-8") as file:
        words = file.read()
    for name, value in values.items():
        words = words.replace("@%s@\n" % name, value).replace("@%s@" % name, value)
    left = re.search(r"@[A-Z]+@", words)
    if left:
        sys.exit("man.py: man/%s: nothing is known for %s" % (template, left.group()))
    return words


def program_page(binaries, name, template, version):
    command = dumped(os.path.join(binaries, name))
    shared = common_options(command)
    return page(template, {
        "VERSION": version,
        "COMMANDS": commands(command, shared),
        "OPTIONS": "".join(described(argument) for argument in shared.values()),
    })


def keys():
    """config/ubpd.yaml as a list of keys with their defaults and meanings."""
    out, comment, section = [], [], []
    with open(os.path.join(ROOT, "config", "ubpd.yaml"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    # The head of the file ends with its first blank line.
    for line in lines[lines.index("") + 1:]:
        stripped = line.strip()
        if not stripped:
            comment = []
        elif stripped.startswith("#"):
            comment.append(stripped[1:].strip())
        else:
            depth = (len(line) - len(line.lstrip())) // 2
            name, _, value = stripped.partition(":")
            section = section[:depth] + [name]
            meaning = text(" ".join(comment))
            if value.strip():
                out.append(".TP\n\\fB%s\\fR: %s\n%s\n" % (
                    text(".".join(section)), text(value.strip()), meaning))
            else:
                out.append(".SS %s\n%s\n" % (text(".".join(section)), meaning))
            comment = []
    return "".join(out)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    binaries, out = sys.argv[1:]
    shown = subprocess.run(
        [os.path.join(binaries, "ubpd"), "--version"], check=True, capture_output=True, text=True)
    version = shown.stdout.split()[-1]
    os.makedirs(out, exist_ok=True)
    pages = {
        "ubpd.8": program_page(binaries, "ubpd", "ubpd.8.in", version),
        "ubpctl.1": program_page(binaries, "ubpctl", "ubpctl.1.in", version),
        "ubpd.yaml.5": page("ubpd.yaml.5.in", {"VERSION": version, "KEYS": keys()}),
    }
    for name, words in pages.items():
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(words)


main()
