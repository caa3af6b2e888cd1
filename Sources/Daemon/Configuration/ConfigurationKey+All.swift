extension ConfigurationKey {
    /// Every key there is, in the order of the file.
    package static let all: [ConfigurationKey] =
        places + foldKeys + paceKeys + outputKeys + refreshKeys + controlKeys + journalKeys

    private static let places: [ConfigurationKey] = [
        .path(
            "log_dir", \.logDirectory, atMost: 4000,
            "Directory of the log's segments, NNNNNNNNNNNNNNNNNNNN.ndjson.lz4; only read."),
        .path(
            "state_dir", \.stateDirectory, atMost: 4000,
            "Directory of everything the daemon writes: registry, states, snapshots, quarantine."),
        .path(
            "socket", \.socketPath, atMost: 90,
            "Path of the control socket that ubpctl connects to."),
    ]

    private static let foldKeys: [ConfigurationKey] = [
        .integer(
            "events.earliest_seconds", \.events.earliestSeconds, 0...253_402_300_799,
            "Earliest event time taken, seconds since 1970 UTC; records before it are quarantined."),
        .integer(
            "events.latest_seconds", \.events.latestSeconds, 0...253_402_300_799,
            "Latest event time taken, seconds since 1970 UTC; records after it are quarantined."),
        .integer(
            "order.lateness_seconds", \.order.latenessSeconds, 0...2_592_000,
            "Seconds an event may be behind its own user's newest event and still be put in order."),
        .integer(
            "order.pending_events", \.order.pendingEvents, 1...65_536,
            "Events of one user that wait to be put in order; when full, the oldest is folded."),
        .integer(
            "clock.users", \.clock.users, 1...1000,
            "Users whose events must have reached a time before the log clock shows it."),
        .integer(
            "clock.max_jump_seconds", \.clock.maxJumpSeconds, 60...3_153_600_000,
            "Seconds ahead of the log clock from which an event is held until others agree."),
        .integer(
            "clock.held_events", \.clock.heldEvents, 1...10_000_000,
            "Events held for a clock jump, a sixteenth of one user; further ones are quarantined."),
        .choice(
            "sessions.rule", \.sessions.rule,
            "What ends a session: a gap (inactivity) or the time since its start (cap)."),
        .integer(
            "sessions.gap_seconds", \.sessions.gapSeconds, 1...2_592_000,
            "Seconds without an event, or since the start under cap, after which a session ends."),
        .integer(
            "sessions.max_duration_seconds", \.sessions.maxDurationSeconds, 1...31_536_000,
            "Seconds after which a session ends under either rule."),
        .integer(
            "sessions.tail_seconds", \.sessions.tailSeconds, 0...86_400,
            "Seconds after a session's end in which product events still count as near it."),
        .integer(
            "features.map_keys", \.features.mapKeys, 1...65_536,
            "Keys kept of a user in each map (item, category, cluster, url, query)."),
        .integer(
            "features.row_window", \.features.rowWindow, 1...4096,
            "Newest rows kept of a user, in rows."),
        .integer(
            "features.event_ids", \.features.eventIDs, 0...65_536,
            "Newest event_ids remembered of a user, to drop duplicates; 0 remembers none."),
    ]

    private static let paceKeys: [ConfigurationKey] = [
        .integer(
            "batch.max_microseconds", \.batch.maxMicroseconds, 50...1_000_000,
            "Microseconds a micro-batch may take; requests are answered between two of them."),
        .integer(
            "batch.records", \.batch.records, 1...1_048_576,
            "Records in a micro-batch, at most."),
        .integer(
            "commit.interval_milliseconds", \.commit.intervalMilliseconds, 10...3_600_000,
            "Milliseconds between two commits when caught up."),
        .integer(
            "commit.catch_up_bytes", \.commit.catchUpBytes, 65_536...1_099_511_627_776,
            "Decoded bytes of log between two commits while catching up."),
        .integer(
            "commit.users", \.commit.users, 1...100_000_000,
            "Changed users after which a commit starts in any case."),
        .integer(
            "memory.resident_bytes", \.memory.residentBytes, 16_777_216...17_592_186_044_416,
            "Bytes of user states in memory; colder users live in SQLite. Other generations: 1/4."),

        .choice(
            "encoders.kernels", \.encoders.kernels,
            "Instruction set of the kernels; results are the same bytes at every level."),
        .choice(
            "encoders.stepping", \.encoders.stepping,
            "Step hidden states as rows commit (resident) or derive them when needed (lazy)."),
    ]

    private static let outputKeys: [ConfigurationKey] = [
        .choice(
            "profile.hybrid", \.profile.hybrid,
            "Parts of a profile: all (extended), or the published 744 columns alone (published)."),
        .integer(
            "snapshot.active_days", \.snapshot.activeDays, 1...36_500,
            "Days of event time in which a user must have had an event to be in a snapshot."),
        .integer(
            "snapshot.retain", \.snapshot.retain, 1...10_000,
            "Newest snapshots kept; `current` and pinned ones are never removed."),
        .integer(
            "snapshot.retain_days", \.snapshot.retainDays, 0...36_500,
            "Newest days of event time whose last snapshot is kept as well; 0 keeps none for it."),
        .integer(
            "snapshot.slice_users", \.snapshot.sliceUsers, 1...1_048_576,
            "Users written to a snapshot between two micro-batches."),
        .integer(
            "snapshot.handover_users", \.snapshot.handoverUsers, 1...100_000_000,
            "Users changed during a snapshot whose earlier state is kept for it; then ingest waits."
        ),
        .integer(
            "generations.retain", \.generations.retain, 0...1000,
            "Newest generations kept beside those that run and those `current` and a hold need."),
        .integer(
            "space.overlap_days", \.space.overlapDays, 0...3650,
            "Days that another space's last generation goes on being served; 0 ends it at once."),
    ]

    private static let controlKeys: [ConfigurationKey] = [
        .mode(
            "control.mode", \.control.mode,
            "Permission bits of the socket file, octal: who may connect at all."),
        .principals(
            "control.readers", \.control.readers,
            "Users and groups that may ask (status, profiles, lists)."),
        .principals(
            "control.operators", \.control.operators,
            "Users and groups that may also change; root and the daemon's user always may."),
        .integer(
            "control.request_bytes", \.control.requestBytes, 1024...67_108_864,
            "Bytes of one request line."),
        .integer(
            "control.operator_request_bytes", \.control.operatorRequestBytes,
            1024...1_073_741_824,
            "Bytes of one request line of an operator, who may list a snapshot's users."),
        .integer(
            "control.connections", \.control.connections, 1...4096,
            "Connections at a time."),
        .integer(
            "control.requests_in_flight", \.control.requestsInFlight, 1...4096,
            "Requests being answered at a time, over all connections."),
        .integer(
            "control.idle_seconds", \.control.idleSeconds, 1...86_400,
            "Seconds after which a connection that moves no byte is closed."),
        .integer(
            "control.profile_batch", \.control.profileBatch, 1...10_000,
            "Users in one profile.batch."),
        .integer(
            "control.profile_cache", \.control.profileCache, 0...1_048_576,
            "Users whose profile is remembered after a read, until they change; 0 remembers none."),
        .integer(
            "control.watches", \.control.watches, 1...4096,
            "Requests of profile.watch at a time, beside the other requests."),
        .integer(
            "control.watch_changes", \.control.watchChanges, 1024...67_108_864,
            "Last changes of users remembered for profile.watch, 16 bytes each."),
    ]

    private static let journalKeys: [ConfigurationKey] = [
        .integer(
            "quarantine.days", \.quarantine.days, 1...3650,
            "Days that refused records are kept."),
        .integer(
            "quarantine.bytes", \.quarantine.bytes, 65_536...1_099_511_627_776,
            "Bytes of refused records kept; the oldest leave first."),
        .optionalPath(
            "metrics.textfile", \.metrics.textfile, atMost: 4000,
            "File of metrics for node_exporter's textfile collector, NAME.prom."),
        .integer(
            "metrics.interval_seconds", \.metrics.intervalSeconds, 1...3600,
            "Seconds after which that file is written anew."),
        .choice(
            "log.level", \.log.level,
            "Least important messages that the daemon writes to its journal."),
        .integer(
            "log.reader.chunk_bytes", \.log.reader.chunkBytes, 65_536...67_108_864,
            "Decoded bytes of the event log handed on at a time."),
        .integer(
            "log.reader.record_bytes", \.log.reader.recordBytes, 256...16_777_216,
            "Bytes of the longest record; longer ones are quarantined."),
        .integer(
            "log.reader.grace_seconds", \.log.reader.graceSeconds, 0...86_400,
            "Seconds a half-written tail is waited for once a newer segment exists."),
    ]
}
