import EventLog
import Events
import Features
import Learning
import Profiles
import Sessions
import Snapshots
import Storage

/// Snapshots: a consistent cut, written out in slices between micro-batches.
extension Profiler {
    /// Users taken out of the cut at once; a slice takes several such runs.
    private static let runUserCount = 32

    /// Hands a user over to the cut as it is, before it changes for the first time after it.
    func handOver(_ slot: Int) {
        guard let cut else { return }
        let user = users[slot]
        guard cut.needs(user.user), user.state.firstOffset < cut.offset else { return }
        self.cut?.handOver(user.user, user.input)
    }

    /// Writes and publishes a snapshot of the state at the applied cursor; its version.
    func writeSnapshot(_ request: SnapshotRequest) async throws(PipelineError) -> Int64 {
        if let bytes = request.waitForLagBytes {
            try await waitForLag(bytes, seconds: request.timeoutSeconds)
        }
        await snapshots.takeTurn()
        guard isLeading || phase == .live || phase == .catchingUp else {
            await snapshots.endTurn()
            throw .superseded
        }
        let plan = beginCut(request)
        defer { cut = nil }
        do throws(PipelineError) {
            try await snapshots.begin(plan)
            while cut?.next != nil {
                let (users, values) = try takeSlice()
                try await snapshots.append(users, values)
            }
            let version = try await snapshots.finish()
            await snapshots.endTurn()
            return version
        } catch {
            await snapshots.cancel()
            await snapshots.endTurn()
            throw error
        }
    }

    /// Waits until at most `bytes` compressed bytes are unread, all before them folded.
    private func waitForLag(_ bytes: Int64, seconds: Double) async throws(PipelineError) {
        let start = host.clock.monotonicNanoseconds()
        // Two rounds on, the reader has looked at the log again after this request came.
        let freshRound = roundCount + 2
        while true {
            if let failure { throw failure }
            guard phase != .stopped else { throw isLeading ? .stopping : .superseded }
            let lag = (readerCondition?.lagByteCount ?? .max / 2) + unappliedBytes
            let isNear = bytes == 0 ? isCaughtUp : lag <= bytes
            if roundCount >= freshRound, isNear { return }
            let elapsed = Double(host.clock.monotonicNanoseconds() - start) / 1e9
            if elapsed > seconds {
                throw .timedOut(what: "catching up to a lag of \(bytes) bytes", seconds: seconds)
            }
            // Later rounds end by themselves, soon where there is something to read.
            if roundCount < freshRound { source.wake() }
            await withCheckedContinuation { roundWaiters.add($0) }
        }
    }

    private func beginCut(_ request: SnapshotRequest) -> SnapshotPlan {
        let asOf = intake.asOf
        let listed = request.users.map { Set($0).sorted() }
        cut = SnapshotCut(
            offset: applied.recordCount, asOf: asOf,
            activeSince: listed == nil ? asOf - options.snapshotActiveDays * 86_400 : nil,
            listed: listed, unstored: unstoredUsers)
        return SnapshotPlan(
            space: generation.space, generation: generation.id, trained: generation.trained,
            parts: builder.layout.parts,
            targets: SnapshotTargets(
                categories: generation.model.targets.categories,
                items: generation.model.targets.items),
            cursor: applied,
            asOf: intake.counters.read == 0 ? nil : asOf,
            population: listed == nil
                ? .activeDays(Int(options.snapshotActiveDays))
                : .list(count: Int64(listed?.count ?? 0)),
            expectedUsers: listed.map { Int64($0.count) } ?? userCount)
    }

    /// The next rows of the cut: users ascending, `[users, width]`, within a micro-batch's time.
    private func takeSlice() throws(PipelineError) -> (users: [UserID], values: [Float]) {
        let deadline = host.clock.monotonicNanoseconds() + options.batchMicroseconds * 1000
        var taken: [UserID] = []
        var values: [Float] = []
        repeat {
            let (run, rows) = try takeRun()
            taken += run
            values += rows
        } while cut?.next != nil && taken.count < options.snapshotSliceUserCount
            && host.clock.monotonicNanoseconds() < deadline
        return (taken, values)
    }

    private func takeRun() throws(PipelineError) -> (users: [UserID], values: [Float]) {
        guard var cut, let next = cut.next else { return ([], []) }
        let limit = Self.runUserCount
        let candidates =
            cut.listed != nil
            ? cut.takeListed(limit: limit)
            : cut.take(stored: try store.users(from: next, limit: limit), limit: limit)
        var run: [UserID] = []
        var inputs: [ProfileBuilder.Input] = []
        var known: [Bool] = []
        for user in candidates {
            var input = cut.takeHandedOver(user)
            if input == nil { input = try self.input(of: user) }
            let belongs = input.map { $0.state.firstOffset < cut.offset } ?? false
            if let since = cut.activeSince {
                guard belongs, let input, (input.state.window.newestSeconds ?? .min) >= since
                else { continue }
            }
            run.append(user)
            known.append(belongs)
            if belongs, let input { inputs.append(input) }
        }
        let made = builder.profiles(inputs, asOf: cut.asOf).values
        stepCount += Int64(builder.stepCount)
        cut.writtenCount += Int64(run.count)
        self.cut = cut
        return (run, spread(made, known))
    }

    /// Puts rows of zeros where a listed user is unknown.
    private func spread(_ values: [Float], _ known: [Bool]) -> [Float] {
        guard known.contains(false) else { return values }
        let width = builder.layout.width
        var out: [Float] = []
        var place = 0
        for isKnown in known {
            if isKnown {
                out += values[place * width..<(place + 1) * width]
                place += 1
            } else {
                out += repeatElement(0, count: width)
            }
        }
        return out
    }
}
