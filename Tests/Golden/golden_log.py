"""Reads a log directory: docs/import.md's records, rows.md section 1 up to the fold.

Independent of the Swift sources: `lz4 -dc`, Python's json, and plain dictionaries.
"""

import bisect
import calendar
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field

VISIT, SEARCH, ADD, REMOVE, BUY = range(5)
KINDS = {"page_visit": VISIT, "search_query": SEARCH, "add_to_cart": ADD,
         "remove_from_cart": REMOVE, "product_buy": BUY}
KNOWN_FIELDS = {"client_id", "timestamp", "event_type", "sku", "url", "category", "price",
                "query", "name", "event_id"}
CALENDAR = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
DECIMAL = re.compile(r"-?\d+", re.ASCII)
SEGMENT = re.compile(r"\d{20}\.ndjson\.lz4", re.ASCII)


@dataclass
class Settings:
    """The configuration's defaults that rows.md names."""

    earliest: int = 0
    latest: int = 4_102_444_800
    clock_users: int = 3
    max_jump: int = 604_800
    lateness: int = 300
    pending: int = 256
    event_ids: int = 64
    gap: int = 2400
    max_duration: int = 43_200
    tail: int = 300
    rule: str = "inactivity"
    table_keys: int = 256


@dataclass
class Event:
    """One event with what the catalogue said of its item at the event's place in the log."""

    __slots__ = ("user", "t", "kind", "key", "category", "price", "name", "query", "event_id",
                 "place")
    user: int
    t: int
    kind: int
    key: int
    category: int | None
    price: int | None
    name: int
    query: int
    event_id: str | None
    place: int


class Texts:
    """Distinct 16-component vectors, numbered as they are first met."""

    def __init__(self):
        self.number = {}
        self.vectors = []

    def add(self, vector):
        n = self.number.get(vector)
        if n is None:
            n = self.number[vector] = len(self.vectors)
            self.vectors.append(vector)
        return n


@dataclass
class Log:
    """Everything read, and what became of it."""

    events: list = field(default_factory=list)
    names: Texts = field(default_factory=Texts)
    queries: Texts = field(default_factory=Texts)
    catalogue: dict = field(default_factory=dict)
    counters: dict = field(default_factory=lambda: dict.fromkeys(
        ("read", "applied", "late", "duplicate", "suppressed", "quarantined", "pending",
         "held", "catalogue", "blank"), 0))


class BadRecord(Exception):
    """A record that the daemon sets aside."""


def integer(value):
    if type(value) is int:
        n = value
    elif type(value) is str and DECIMAL.fullmatch(value):
        n = int(value)
    else:
        raise BadRecord(f"no integer: {value!r}")
    if not -(1 << 63) <= n < 1 << 63:
        raise BadRecord(f"beyond 64 bits: {value!r}")
    return n


def seconds(value, settings):
    if type(value) is str:
        if not CALENDAR.fullmatch(value):
            raise BadRecord(f"no time: {value!r}")
        try:
            t = calendar.timegm(time.strptime(value, "%Y-%m-%d %H:%M:%S"))
        except ValueError as error:
            raise BadRecord(str(error)) from None
    elif type(value) is int:
        t = value
    else:
        raise BadRecord(f"no time: {value!r}")
    if not settings.earliest <= t <= settings.latest:
        raise BadRecord(f"time {t} out of range")
    return t


def vector(value):
    if type(value) is str:
        try:
            value = [int(x) for x in value.strip().strip("[]").replace(",", " ").split()]
        except ValueError:
            raise BadRecord(f"no vector: {value!r}") from None
    if type(value) is not list or len(value) != 16:
        raise BadRecord("a vector has 16 components")
    for x in value:
        if type(x) is not int or not 0 <= x <= 255:
            raise BadRecord(f"component {x!r}")
    return tuple(value)


def distinct(pairs):
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs if name in KNOWN_FIELDS]
        if len(names) != len(set(names)):
            raise BadRecord("a field stands twice")
    return record


def refuse_constant(text):
    raise BadRecord(f"{text} is not JSON")


DECODER = json.JSONDecoder(object_pairs_hook=distinct, parse_constant=refuse_constant)


def take(log, line, place, settings):
    """Adds one line to the log; raises BadRecord."""
    try:
        record = DECODER.decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadRecord(str(error)) from None
    if type(record) is not dict:
        raise BadRecord("not an object")
    kind_name = record.get("event_type")
    if kind_name == "product_update":
        update(log, record, settings)
        return
    kind = KINDS.get(kind_name) if type(kind_name) is str else None
    if kind is None:
        raise BadRecord(f"event type {kind_name!r}")
    user = integer(record.get("client_id"))
    t = seconds(record.get("timestamp"), settings)
    key, category, price, name, query = 0, None, None, -1, -1
    if kind == VISIT:
        key = integer(record.get("url"))
    elif kind == SEARCH:
        if record.get("query") is not None:
            query = log.queries.add(vector(record["query"]))
    else:
        key = integer(record.get("sku"))
        category, price, name = log.catalogue.get(key, (None, None, -1))
    event_id = record.get("event_id")
    if type(event_id) is int:
        event_id = str(event_id)
    if event_id is not None:
        if type(event_id) is not str or len(event_id.encode()) > 64:
            raise BadRecord("event_id")
        event_id = event_id or None
    log.events.append(
        Event(user, t, kind, key, category, price, name, query, event_id, place))
    log.counters["read"] += 1


def update(log, record, settings):
    """A `product_update`: an absent field keeps the earlier value."""
    key = integer(record.get("sku"))
    if record.get("timestamp") is not None:
        seconds(record["timestamp"], settings)
    category, price, name = log.catalogue.get(key, (None, None, -1))
    if record.get("category") is not None:
        category = integer(record["category"])
    if record.get("price") is not None:
        price = record["price"]
        if type(price) is not int or not 0 <= price <= 99:
            raise BadRecord(f"price {price!r}")
    if record.get("name") is not None:
        name = log.names.add(vector(record["name"]))
    log.catalogue[key] = (category, price, name)
    log.counters["catalogue"] += 1


def lines_of(directory):
    """Lines of the segments, in order; a last line without its end is still being written."""
    segments = sorted(name for name in os.listdir(directory) if SEGMENT.fullmatch(name))
    if not segments:
        raise SystemExit(f"{directory}: no segments")
    for number, name in enumerate(segments):
        path = os.path.join(directory, name)
        data = subprocess.run(["lz4", "-dc", path], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False).stdout
        lines = data.split(b"\n")
        rest = lines.pop()
        yield from lines
        if rest and number + 1 < len(segments):
            yield rest


def read_log(directory, settings):
    log = Log()
    for place, line in enumerate(lines_of(directory)):
        if not line or line.isspace():
            log.counters["blank"] += 1
            continue
        try:
            take(log, line, place, settings)
        except BadRecord:
            log.counters["read"] += 1
            log.counters["quarantined"] += 1
    return log


class TopTimes:
    """The largest newest time of `count` distinct users; times only rise."""

    def __init__(self, count):
        self.count = count
        self.newest = {}
        self.top = {}

    def see(self, user, t):
        if t <= self.newest.get(user, t - 1):
            return
        self.newest[user] = t
        if user in self.top or len(self.top) < self.count:
            self.top[user] = t
            return
        least = min(self.top, key=self.top.get)
        if t > self.top[least]:
            del self.top[least]
            self.top[user] = t

    def agreed(self):
        """The count-th largest; None before there are so many users."""
        return min(self.top.values()) if len(self.top) == self.count else None


def admitted(log, settings):
    """Events by user, in order of arrival, and how many are held at the end.

    An event is held while it is more than `max_jump` ahead of the clock and fewer than K users,
    their held events included, have reached its time less `max_jump`.
    """
    clock, agreement = TopTimes(settings.clock_users), TopTimes(settings.clock_users)
    users, held = {}, []

    def admit(event):
        clock.see(event.user, event.t)
        users.setdefault(event.user, []).append(event)

    def is_ahead(event, now):
        return now is not None and event.t > now + settings.max_jump

    for event in log.events:
        ahead = is_ahead(event, clock.agreed())
        agreement.see(event.user, event.t)
        if ahead:
            held.append(event)
        else:
            admit(event)
        if held:
            now = agreement.agreed()
            ready = [e for e in held if not is_ahead(e, now)]
            if ready:
                held = [e for e in held if is_ahead(e, now)]
                for e in ready:
                    admit(e)
    log.counters["held"] = len(held)
    return users


def ordered(events, counters, settings):
    """One user's events as they fold: (event, time at which it folds, whether it is late)."""
    result, pending, ids = [], [], []
    newest = folded = None

    def fold_first():
        nonlocal folded
        t, _, _, event = pending.pop(0)
        result.append((event, t, False))
        folded = t if folded is None else max(folded, t)

    for event in events:
        if event.event_id is not None:
            if event.event_id in ids:
                counters["duplicate"] += 1
                continue
            ids.append(event.event_id)
            del ids[:-settings.event_ids]
        t = event.t
        newest = t if newest is None else max(newest, t)
        if folded is not None and t < folded:
            result.append((event, folded, True))
            counters["late"] += 1
            continue
        bisect.insort(pending, (t, event.kind, event.place, event))
        while pending and (newest - pending[0][0] > settings.lateness
                           or len(pending) > settings.pending):
            fold_first()
            counters["applied"] += 1
    counters["pending"] += len(pending)
    while pending:
        fold_first()
    return result
