import EventLog
import Snapshots
import Storage

/// Writes commits durably on a thread of its own, and owns the quarantine.
actor Committer {
    private nonisolated let executor: ThreadExecutor
    private let store: StateStore
    private let registry: Registry
    private let host: Host
    private let quarantineSeconds: Int64
    /// The quarantine as it was opened.
    nonisolated let firstCondition: QuarantineCondition
    private let quarantine: QuarantineStore

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(
        store: StateStore, registry: Registry, host: Host, options: PipelineOptions
    ) throws(PipelineError) {
        executor = ThreadExecutor(name: "committer")
        self.store = store
        self.registry = registry
        self.host = host
        quarantineSeconds = options.quarantineDays * 86_400
        do {
            quarantine = try QuarantineStore(
                host: host, directory: "\(options.stateDirectory)/quarantine",
                options: QuarantineStore.Options(
                    byteCount: options.quarantineByteCount, entryCount: options.quarantineCount,
                    // So that the file that makes way for a new one is old enough to.
                    fileSeconds: quarantineSeconds / Int64(QuarantineStore.fileCount - 1)))
            try quarantine.expire(before: host.clock.seconds() - quarantineSeconds)
            firstCondition = QuarantineCondition(quarantine)
        } catch {
            throw .storage("\(error)")
        }
    }

    /// Makes the refused records durable, then everything else in one transaction.
    func write(_ commit: StateCommit) throws(PipelineError) -> QuarantineCondition {
        do {
            for entry in commit.refused { _ = try quarantine.put(entry) }
            if !commit.refused.isEmpty { try quarantine.sync() }
        } catch {
            throw .storage("\(error)")
        }
        try store.commit(commit)
        return QuarantineCondition(quarantine)
    }

    /// Lets entries go that are older than `quarantine.days`.
    func expire() throws(PipelineError) -> QuarantineCondition {
        do { try quarantine.expire(before: host.clock.seconds() - quarantineSeconds) } catch {
            throw .storage("\(error)")
        }
        return QuarantineCondition(quarantine)
    }

    /// A page of quarantined records.
    func page(_ query: QuarantineQuery) throws(PipelineError) -> QuarantinePage {
        do {
            // One more than asked for tells whether there is a next page.
            let found = try quarantine.list(
                after: query.after, segment: query.segment, code: query.code,
                limit: query.limit + 1)
            let items = try items(Array(found.prefix(query.limit)))
            return QuarantinePage(
                items: items, next: found.count > query.limit ? items.last?.entry.key : nil,
                condition: QuarantineCondition(quarantine))
        } catch {
            throw .storage("\(error)")
        }
    }

    /// Quarantined records by their places, in the order asked; those that are not there left out.
    func items(at places: [RecordPlace]) throws(PipelineError) -> [QuarantineItem] {
        do {
            return try items(places.compactMap { try quarantine.entry($0) })
        } catch {
            throw .storage("\(error)")
        }
    }

    private func items(_ entries: [QuarantineEntry]) throws -> [QuarantineItem] {
        let replayed = try registry.knownSubjects(.replay, among: entries.map(\.key.description))
        return entries.map {
            QuarantineItem(entry: $0, isReplayed: replayed.contains($0.key.description))
        }
    }
}

extension QuarantineCondition {
    /// How full a store is.
    init(_ store: QuarantineStore) {
        self.init()
        entryCount = Int64(store.count)
        byteCount = store.byteCount
        droppedCount = Int64(store.droppedCount)
    }
}
