import Storage

/// Which snapshots stay, beside `current`, a held one and those that are pinned.
package struct RetentionPolicy: Sendable, Equatable {
    /// The newest so many; at least 1.
    package var newest: Int
    /// The last snapshot of each of the newest so many days (UTC) of `as_of` that have one; 0: none.
    package var days: Int

    /// A policy; traps unless `newest` ≥ 1 and `days` ≥ 0.
    package init(newest: Int, days: Int = 0) {
        precondition(newest >= 1 && days >= 0, "at least one snapshot stays")
        self.newest = newest
        self.days = days
    }
}

/// What retention did, or would do.
package struct Retention: Sendable, Equatable {
    /// Why a snapshot stays; the raw values are the wire's.
    package enum Reason: String, Sendable {
        case current, held, pinned, newest, daily
    }

    /// One that goes.
    package struct Removed: Sendable, Equatable {
        package var version: Int64
        package var byteCount: Int64

        package init(version: Int64, byteCount: Int64) {
            self.version = version
            self.byteCount = byteCount
        }
    }

    /// One that stays.
    package struct Kept: Sendable, Equatable {
        package var version: Int64
        /// At least one.
        package var reasons: [Reason]

        package init(version: Int64, reasons: [Reason]) {
            self.version = version
            self.reasons = reasons
        }
    }

    /// Ascending by version, both.
    package var removed: [Removed]
    package var kept: [Kept]

    package init(removed: [Removed], kept: [Kept]) {
        self.removed = removed
        self.kept = kept
    }
}

extension SnapshotStore {
    /// Removes what `policy` does not keep.
    ///
    /// A parent may go: every snapshot is whole by itself.
    package func prune(
        _ policy: RetentionPolicy, dryRun: Bool = false
    ) throws(SnapshotError) -> Retention {
        let (retention, asides) = try exclusively { () throws(SnapshotError) in
            let retention = try choose(policy)
            var asides: [String] = []
            if dryRun || retention.removed.isEmpty { return (retention, asides) }
            let old = retention.removed.map(\.version)
            try registry.markRemoved(old, seconds: host.clock.seconds())
            for version in old {
                if let aside = try moveAside(version) { asides.append(aside) }
            }
            return (retention, asides)
        }
        // The bytes go after the lock, so that a rollback need not wait for them.
        for aside in asides {
            try onDisk { () throws(StorageError) in try host.disk.remove(aside) }
        }
        return retention
    }

    /// Removes all but the newest `count` snapshots and what `prune` never removes.
    ///
    /// - Returns: versions removed, ascending.
    package func retain(_ count: Int, dryRun: Bool = false) throws(SnapshotError) -> [Int64] {
        try prune(RetentionPolicy(newest: count), dryRun: dryRun).removed.map(\.version)
    }

    /// Has retention pass a snapshot over from now on; the pin there was before, if any.
    ///
    /// - Throws: `unknownVersion`.
    package func pin(
        _ version: Int64, reason: String, dryRun: Bool = false
    ) throws(SnapshotError) -> SnapshotPin? {
        try exclusively { () throws(SnapshotError) in
            _ = try known(version)
            let before = try registry.pins().first { $0.version == version }
            if !dryRun, before?.reason != reason {
                try registry.add(
                    SnapshotPin(
                        version: version, reason: reason, pinnedSeconds: host.clock.seconds()))
            }
            return before
        }
    }

    /// Ends a pin; the pin there was, if any.
    ///
    /// - Throws: `unknownVersion`.
    package func unpin(
        _ version: Int64, dryRun: Bool = false
    ) throws(SnapshotError) -> SnapshotPin? {
        try exclusively { () throws(SnapshotError) in
            _ = try known(version)
            let before = try registry.pins().first { $0.version == version }
            if !dryRun, before != nil { try registry.removePin(version) }
            return before
        }
    }

    private func choose(_ policy: RetentionPolicy) throws(SnapshotError) -> Retention {
        let records = try registry.snapshots()
        let current = try current()
        let held = try registry.hold()?.version
        let pinned = Set(try registry.pins().map(\.version))
        let newest = Set(records.suffix(policy.newest).map(\.version))
        var manifests: [SnapshotManifest] = []
        for record in records { manifests.append(try record.manifest()) }
        let dailies = Self.dailies(manifests, days: policy.days)
        var retention = Retention(removed: [], kept: [])
        for manifest in manifests {
            let version = manifest.version
            var reasons: [Retention.Reason] = []
            if version == current { reasons.append(.current) }
            if version == held { reasons.append(.held) }
            if pinned.contains(version) { reasons.append(.pinned) }
            if newest.contains(version) { reasons.append(.newest) }
            if dailies.contains(version) { reasons.append(.daily) }
            if reasons.isEmpty {
                retention.removed.append(.init(version: version, byteCount: manifest.byteCount))
            } else {
                retention.kept.append(.init(version: version, reasons: reasons))
            }
        }
        return retention
    }

    /// The last version of each of the newest `days` days that have one.
    private static func dailies(_ manifests: [SnapshotManifest], days: Int) -> Set<Int64> {
        var last: [Int64: Int64] = [:]
        for manifest in manifests {
            guard let asOf = manifest.asOf else { continue }
            // The day of an event time before 1970 begins below it, too.
            let day = asOf >= 0 ? asOf / 86_400 : (asOf - 86_399) / 86_400
            last[day] = max(last[day] ?? 0, manifest.version)
        }
        return Set(last.keys.sorted().suffix(days).compactMap { last[$0] })
    }
}
