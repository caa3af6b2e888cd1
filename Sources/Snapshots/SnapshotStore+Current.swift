import Storage

extension SnapshotStore {
    /// What `rollback` and `release` did, or would do.
    package struct Move: Sendable, Equatable {
        package var previous: Int64?
        package var current: Int64?
        /// The hold that stands from now on.
        package var hold: SnapshotHold?

        /// The outcome of one verb.
        package init(previous: Int64?, current: Int64?, hold: SnapshotHold?) {
            self.previous = previous
            self.current = current
            self.hold = hold
        }
    }

    /// Renames a verified directory to its version, registers it and moves `current` when free.
    func publish(
        _ manifest: SnapshotManifest, _ bytes: [UInt8], from aside: String
    ) throws(SnapshotError) {
        try exclusively { () throws(SnapshotError) in
            try onDisk { () throws(StorageError) in
                try host.disk.rename(aside, to: path(of: manifest.version))
                try host.disk.syncDirectory(directory)
            }
            try registry.add(manifest, bytes: bytes, createdSeconds: host.clock.seconds())
            if try registry.hold() == nil { try point(at: manifest.version) }
        }
    }

    /// Moves `current` back to `version` and holds it there; takes well under 50 ms.
    ///
    /// Checks the manifest and the files' sizes, not every byte: that is `verify`.
    /// - Parameters:
    ///   - version: what `current` is to be.
    ///   - reason: why, for whoever asks later.
    ///   - expected: what `current` must be now; nil takes whatever it is.
    ///   - dryRun: only checks.
    /// - Returns: what was done, or would be.
    /// - Throws: `notExpected`, `unknownVersion` or `damaged`; `current` is where it was.
    package func rollback(
        to version: Int64, reason: String, expecting expected: Int64? = nil, dryRun: Bool = false
    ) throws(SnapshotError) -> Move {
        try exclusively { () throws(SnapshotError) in
            let previous = try current(expecting: expected)
            try checkQuickly(known(version))
            let hold = SnapshotHold(
                version: version, reason: reason, heldSeconds: host.clock.seconds())
            let move = Move(previous: previous, current: version, hold: hold)
            if dryRun { return move }
            try change(move)
            return move
        }
    }

    /// Ends the hold; `current` moves to the newest snapshot that is whole.
    ///
    /// Without a hold it changes nothing.
    ///
    /// - Parameters:
    ///   - expected: what `current` must be now; nil takes whatever it is.
    ///   - dryRun: only checks.
    /// - Returns: what was done, or would be.
    /// - Throws: `notExpected`; nothing was changed.
    package func release(
        expecting expected: Int64? = nil, dryRun: Bool = false
    ) throws(SnapshotError) -> Move {
        try exclusively { () throws(SnapshotError) in
            let previous = try current(expecting: expected)
            let target = try registry.hold() == nil ? previous : newestWhole() ?? previous
            let move = Move(previous: previous, current: target, hold: nil)
            if dryRun { return move }
            try change(move)
            return move
        }
    }

    /// What `current` points at; of two who count on the same version, only the first passes, because
    /// this is asked while no other verb moves `current`.
    private func current(expecting expected: Int64?) throws(SnapshotError) -> Int64? {
        let version = try current()
        if let expected, expected != version {
            throw .notExpected(expected: expected, current: version)
        }
        return version
    }

    /// Moves `current` and the hold, both durable when it returns.
    ///
    /// The link first, which costs nothing, so that the disk is waited for once: where the registry
    /// grows, its fdatasync(2) has the file system write down the rename as well. A crash before that
    /// leaves the old hold, to which `recover` moves `current` back; a failure is undone here.
    private func change(_ move: Move) throws(SnapshotError) {
        let target = move.current == move.previous ? nil : move.current
        if let target { try setLink(to: target) }
        do { try registry.setHold(move.hold) } catch {
            if target != nil { try? setLink(to: move.previous) }
            throw error
        }
        if target != nil { try syncLink() }
    }

    /// Why `current` stands still; nil when it does not.
    package func hold() throws(SnapshotError) -> SnapshotHold? { try registry.hold() }

    /// Makes `current` point at `version`, nowhere with nil, durably.
    func point(at version: Int64?) throws(SnapshotError) {
        try setLink(to: version)
        try syncLink()
    }

    private func setLink(to version: Int64?) throws(SnapshotError) {
        let link = directory + "/current"
        try onDisk { () throws(StorageError) in
            guard let version else { return try host.disk.remove(link) }
            try host.disk.setLink(link, to: String(version))
        }
    }

    private func syncLink() throws(SnapshotError) {
        try onDisk { () throws(StorageError) in try host.disk.syncDirectory(directory) }
    }

    /// The newest registered version that passes the quick check.
    func newestWhole() throws(SnapshotError) -> Int64? {
        for record in try registry.snapshots().reversed() {
            do {
                try checkQuickly(record)
                return record.version
            } catch .damaged, .newerSchema {
                continue
            }
        }
        return nil
    }

    /// Renames a directory away, so that no reader finds half of one while it is removed.
    ///
    /// - Returns: where it is now; nil when it was not there.
    func moveAside(_ version: Int64) throws(SnapshotError) -> String? {
        let aside = AtomicFile.temporaryName(for: path(of: version), host.randomness)
        return try onDisk { () throws(StorageError) in
            if try host.disk.status(path(of: version)) == nil { return nil }
            try host.disk.rename(path(of: version), to: aside)
            try host.disk.syncDirectory(directory)
            return aside
        }
    }
}
