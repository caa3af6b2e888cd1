import Storage

/// Rounds of lives and damages, each checked, each a function of its seed and number.
package struct LogTorture: Sendable {
    /// A round that went wrong, and what is left of it when everything else is taken out.
    package struct Failure: Sendable {
        package var seed: UInt64
        package var round: Int
        package var faults: [String]
        /// Steps of the round that are not needed for it.
        package var without: [Int]
        /// What is still done.
        package var steps: [String]
    }

    let seed: UInt64
    /// A directory of the real disk to work in; nil for a disk in memory.
    let work: String?
    /// Called with the number of each round before it begins.
    let willBegin: @Sendable (Int) -> Void

    package init(
        seed: UInt64, work: String? = nil, willBegin: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.seed = seed
        self.work = work
        self.willBegin = willBegin
    }

    /// Runs one round, some of its steps left out; says what was wrong.
    package func faults(round: Int, without: Set<Int> = []) throws -> [String] {
        try run(round, without) { try $0.run() }
    }

    /// What the oracle says of a round when something wrong is put into what came out of it; nil
    /// where nobody could tell.
    package func faults(round: Int, with mutation: LogMutation) throws -> [String]? {
        var isMutated = false
        let faults = try run(round, []) { run in
            run.mutation = mutation
            let faults = try run.run()
            isMutated = run.isMutated
            return faults
        }
        return isMutated ? faults : nil
    }

    /// What one round wrote, what was left of it on the disk, and what came out.
    package func explanation(round: Int, without: Set<Int>) throws -> [String] {
        try run(round, without) { run in
            _ = try run.run()
            return run.explanation()
        }
    }

    private func run(
        _ round: Int, _ without: Set<Int>, _ body: (LogRun) throws -> [String]
    ) throws -> [String] {
        willBegin(round)
        var plan = try LogPlan(seed: seed, round: round, isOnRealDisk: work != nil)
        plan.steps = plan.steps.indices.filter { !without.contains($0) }.map { plan.steps[$0] }
        guard let work else { return try body(LogRun(plan, work: nil)) }
        let directory = work + "/round"
        let disk = RealDisk()
        try disk.makeDirectory(directory)
        defer { try? disk.remove(directory) }
        return try body(LogRun(plan, work: directory))
    }

    /// Leaves out what is not needed for a round to fail.
    package func shrink(round: Int) throws -> Failure {
        let plan = try LogPlan(seed: seed, round: round, isOnRealDisk: work != nil)
        var without: Set<Int> = []
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            var size = plan.steps.count
            while size >= 1 {
                let left = plan.steps.indices.filter { !without.contains($0) }
                for start in stride(from: 0, to: left.count, by: size) {
                    let tried = without.union(left[start..<min(start + size, left.count)])
                    guard tried.count > without.count,
                        try !faults(round: round, without: tried).isEmpty
                    else { continue }
                    without = tried
                    hasChanged = true
                }
                size /= 2
            }
        }
        return Failure(
            seed: seed, round: round, faults: try faults(round: round, without: without),
            without: without.sorted(),
            steps: plan.steps.indices.filter { !without.contains($0) }.map {
                "\($0): \(plan.steps[$0])"
            })
    }
}
