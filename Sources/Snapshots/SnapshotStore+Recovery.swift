import Storage

extension SnapshotStore {
    /// What a start found and mended.
    package struct Recovery: Sendable, Equatable {
        /// Names of half-written directories that were removed.
        package var leftovers: [String] = []
        /// Versions that were complete and had not been registered.
        package var adopted: [Int64] = []
        /// Versions that had been rewritten for an erasure, which the registry did not know yet.
        package var revised: [Int64] = []
        /// What `current` was moved to; nil when it was right.
        package var repairedCurrent: Int64?
        /// One line for each snapshot that is damaged or missing, with what to do.
        package var degraded: [String] = []

        /// Nothing was found amiss.
        package init() {}
    }

    /// Brings directories, registry and `current` into agreement after a start; run once, first.
    ///
    /// Registered snapshots get the quick check, unregistered ones the full one.
    package func recover() throws(SnapshotError) -> Recovery {
        var recovery = Recovery()
        recovery.leftovers = try onDisk { () throws(StorageError) in
            try host.disk.makeDurableDirectory(directory)
            return try AtomicFile.removeLeftovers(in: directory, on: host.disk)
        }
        for version in try PublishedDirectory(directory, host).ids() {
            try adopt(version, &recovery)
        }
        for record in try registry.snapshots() where try finishRevision(of: record) {
            recovery.revised.append(record.version)
        }
        for record in try registry.snapshots() {
            do { try checkQuickly(record) } catch {
                recovery.degraded.append("snapshot \(record.version): \(error)")
            }
        }
        try repairCurrent(&recovery)
        return recovery
    }

    /// Registers a directory that the registry does not know, when it verifies.
    private func adopt(_ version: Int64, _ recovery: inout Recovery) throws(SnapshotError) {
        if let record = try registry.snapshot(version) {
            // Retention was interrupted between the registry and the directory.
            if record.removedSeconds != nil, let aside = try moveAside(version) {
                try onDisk { () throws(StorageError) in try host.disk.remove(aside) }
            }
            return
        }
        do throws(SnapshotError) {
            let (manifest, bytes) = try readManifest(version)
            try audit(manifest, in: path(of: version))
            try registry.add(manifest, bytes: bytes, createdSeconds: host.clock.seconds())
            recovery.adopted.append(version)
        } catch {
            switch error {
            case .registry, .registryDisk, .damagedRegistry: throw error
            default:
                recovery.degraded.append("snapshot \(version), not in the registry: \(error)")
            }
        }
    }

    /// Points `current` at the held version, or else at the newest that is whole.
    private func repairCurrent(_ recovery: inout Recovery) throws(SnapshotError) {
        var target = try newestWhole()
        if let hold = try registry.hold() {
            do {
                try checkQuickly(known(hold.version))
                target = hold.version
            } catch {
                recovery.degraded.append(
                    "snapshot \(hold.version) is held and not whole, so `current` is at "
                        + "\(target.map(String.init) ?? "none"): \(error)")
            }
        }
        if try current() == target && target != nil { return }
        try point(at: target)
        recovery.repairedCurrent = target
    }
}
