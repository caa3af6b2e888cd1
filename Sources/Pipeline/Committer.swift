import Storage

/// Writes a generation's commits durably on a thread of its own, in spare time.
///
/// A commit is thousands of writes of a page, for which nobody waits but the one who wants the next.
/// On few cores they would keep who asks for a profile from a core for up to 5 ms; so the thread runs
/// when no other does (`ThreadExecutor.setSpareTime`), until somebody says `hurry`.
actor Committer {
    private nonisolated let executor: ThreadExecutor
    private let store: StateStore
    private let quarantine: QuarantineKeeper

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.unowned }

    init(store: StateStore, quarantine: QuarantineKeeper) {
        executor = ThreadExecutor(name: "committer")
        self.store = store
        self.quarantine = quarantine
        relax()
    }

    /// Somebody waits for the commit: from now on the thread runs as all others do.
    nonisolated func hurry() { executor.setSpareTime(false) }

    /// Nobody waits any more.
    nonisolated func relax() { executor.setSpareTime(true) }

    /// Makes the refused records durable, then everything else in one transaction.
    ///
    /// Takes the commit over: to free the records of 20,000 users takes 10 ms, on this thread.
    func write(
        _ commit: consuming StateCommit
    ) async throws(PipelineError) -> QuarantineCondition {
        let condition = try await quarantine.keep(commit.refused)
        try store.commit(commit)
        return condition
    }

    /// Empties the write-ahead log, so that nothing deleted is left in it.
    func empty() throws(PipelineError) { try store.emptyLog() }
}
