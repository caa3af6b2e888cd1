import EventLog
import Storage

/// How far a re-fold is.
package struct RefoldProgress: Sendable {
    package var counters: RecordCounters
    package var userCount: Int64
    package var rowCount: Int64
    /// Compressed log bytes that are left to read, of the log as it is now.
    package var lagByteCount: Int64
    /// Behind the last record that was folded.
    package var cursor: Cursor
    /// Log clock, seconds since 1970; 0 before any user was seen.
    package var asOf: Int64
}

/// A batch instead of a service: the log to its end, and no further (DESIGN §6, step 4).
extension LivePipeline {
    /// Rounds without anything to read after which a log is taken as shorter than it was.
    private static let idleRoundLimit = 40

    /// Folds up to `PipelineOptions.end`, or to what the log ends with now, commits, and stops.
    ///
    /// Goes on from the last commit of an earlier call. A cancelled task commits what it has and
    /// throws `stopping`. Instead of `run`, not beside it.
    package func foldToEnd(
        _ report: (RefoldProgress) -> Void
    ) async throws(PipelineError) -> RefoldProgress {
        // The only generation there is: nobody else activates one in a directory of its own.
        let profiler = served.active.profiler
        let work = Task.detached { () -> PipelineError? in
            do throws(PipelineError) { try await self.run() } catch { return error }
            return nil
        }
        var isCancelled = false
        var (standing, idleCount) = (Int64(-1), 0)
        while await !profiler.hasFoldedAll {
            let progress = await profiler.refoldProgress()
            report(progress)
            isCancelled = Task.isCancelled
            if isCancelled { break }
            let isIdle =
                progress.cursor.recordCount == standing && progress.lagByteCount == 0
            idleCount = isIdle ? idleCount + 1 : 0
            // A log that has lost its end would never come to it.
            if idleCount >= Self.idleRoundLimit { break }
            standing = progress.cursor.recordCount
            await profiler.nextRound()
        }
        let isShort = idleCount >= Self.idleRoundLimit
        do throws(PipelineError) { try await drain() } catch {
            // What `run` ended with says more.
            throw await work.value ?? error
        }
        if let failure = await work.value { throw failure }
        if isCancelled { throw .stopping }
        if isShort { throw .state("the log ends before the place up to which it is to be folded") }
        let end = await profiler.refoldProgress()
        report(end)
        return end
    }
}

extension LivePipeline {
    /// How far a snapshot is that waits for the log's end, after another round of the fold.
    ///
    /// The compressed bytes that are unread, and the users written, nil before the first; nothing
    /// when the pipeline has stopped, or has failed and is about to.
    package func snapshotProgress() async -> (lagByteCount: Int64, writtenUserCount: Int64?)? {
        let profiler = served.active.profiler
        await profiler.nextRound()
        guard await profiler.hasRounds else { return nil }
        return (await profiler.refoldProgress().lagByteCount, await profiler.cut?.writtenCount)
    }
}

extension Profiler {
    /// Whether nothing is left to fold, or never will be.
    var hasFoldedAll: Bool { isCaughtUp || !hasRounds }

    /// Whether `run` goes on.
    var hasRounds: Bool { phase != .stopped && failure == nil }

    /// Returns after the next round of `run`, or at once when there will be none.
    func nextRound() async {
        guard hasRounds else { return }
        await withCheckedContinuation { roundWaiters.add($0) }
    }

    func refoldProgress() -> RefoldProgress {
        RefoldProgress(
            counters: intake.counters, userCount: userCount, rowCount: rowCount,
            lagByteCount: (readerCondition?.lagByteCount ?? 0) + unappliedBytes, cursor: applied,
            asOf: intake.asOf)
    }
}
