import EventLog
import Snapshots
import Storage

/// Owns the quarantine, which all running generations share, on a thread of its own.
actor QuarantineKeeper {
    private nonisolated let executor: ThreadExecutor
    private let registry: Registry
    private let host: Host
    private let seconds: Int64
    /// The quarantine as it was opened.
    nonisolated let firstCondition: QuarantineCondition
    let store: QuarantineStore

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(
        registry: Registry, host: Host, options: PipelineOptions
    ) throws(PipelineError) {
        executor = ThreadExecutor(name: "quarantine")
        self.registry = registry
        self.host = host
        seconds = options.quarantineDays * 86_400
        do {
            store = try QuarantineStore(
                host: host, directory: "\(options.stateDirectory)/quarantine",
                options: QuarantineStore.Options(
                    byteCount: options.quarantineByteCount, entryCount: options.quarantineCount,
                    // So that the file that makes way for a new one is old enough to.
                    fileSeconds: seconds / Int64(QuarantineStore.fileCount - 1)))
            try store.expire(before: host.clock.seconds() - seconds)
            firstCondition = QuarantineCondition(store)
        } catch {
            throw .storage("\(error)")
        }
    }

    /// Makes refused records durable; one that is kept already stays as it is.
    func keep(_ refused: [QuarantineEntry]) throws(PipelineError) -> QuarantineCondition {
        do {
            for entry in refused { _ = try store.put(entry) }
            if !refused.isEmpty { try store.sync() }
        } catch {
            throw .storage("\(error)")
        }
        return QuarantineCondition(store)
    }

    /// Lets entries go that are older than `quarantine.days`.
    func expire() throws(PipelineError) -> QuarantineCondition {
        do { try store.expire(before: host.clock.seconds() - seconds) } catch {
            throw .storage("\(error)")
        }
        return QuarantineCondition(store)
    }

    /// A page of quarantined records.
    func page(_ query: QuarantineQuery) throws(PipelineError) -> QuarantinePage {
        do {
            // One more than asked for tells whether there is a next page.
            let found = try store.list(
                after: query.after, segment: query.segment, code: query.code,
                limit: query.limit + 1)
            let items = try items(Array(found.prefix(query.limit)))
            return QuarantinePage(
                items: items, next: found.count > query.limit ? items.last?.entry.key : nil,
                condition: QuarantineCondition(store))
        } catch {
            throw .storage("\(error)")
        }
    }

    /// Quarantined records by their places, in the order asked; those that are not there left out.
    func items(at places: [RecordPlace]) throws(PipelineError) -> [QuarantineItem] {
        do {
            return try items(places.compactMap { try store.entry($0) })
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
