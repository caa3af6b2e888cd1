import EventLog
import Events
import Features
import Learning
import Pipeline
import Sessions
import Storage

/// What examples are made with, besides the log and its fold.
package struct ExampleFoldOptions: Sendable {
    /// The cut T and what comes after it.
    package var window: LabelWindow
    /// `train.max_rows`: the latest rows before the cut that an example keeps, 1…65,535.
    package var rowLimit = 512
    /// The first rows of the future that an example keeps, 0…65,535; 0 when nobody trains on them.
    package var futureRowLimit = 512
    /// Estimated bytes of users' states; with more, the log is read again for the rest of them.
    package var memoryByteCount: Int64 = 2 << 30

    package init(window: LabelWindow) { self.window = window }
}

/// What a fold of examples came to; none of it depends on how many passes it took but `passCount`.
package struct ExampleFoldReport: Sendable, Equatable {
    /// Users with a row before the cut: one example each.
    package var exampleCount = 0
    /// Users who are only known from later, and so have no example.
    package var leftOutCount = 0
    package var rowCount: Int64 = 0
    package var futureRowCount: Int64 = 0
    /// Examples with a purchase in the label horizon.
    package var buyerCount = 0
    /// The log clock at the log's end: labels are complete when the horizon is before it.
    package var endSeconds: Int64 = 0
    /// Passes over the log.
    package var passCount = 0

    package init() {}
}

/// Folds a log into a file of training examples (DESIGN §6, steps 1 and 2; docs/training.md).
///
/// The rows are those that a read would see when the log clock reaches T, out of the same `Intake`
/// and `Reducer` that serve live. Users stand in the file by a mix of their ids; a pass over the
/// log takes as many of them, in this order, as fit into memory. So the bytes do not depend on it.
package struct ExampleFold {
    /// Users whose examples are made together.
    private static let sliceCount = 1024

    private let host: Host
    private let options: RefreshOptions
    private let examples: ExampleFoldOptions
    private let reducer: Reducer
    private let vocabulary: RowVocabulary
    private let targets: TargetLists
    private let report: (RefreshProgress) -> Void

    /// - Parameters:
    ///   - host: where the log is, and the file will be.
    ///   - options: the log and the rules of the fold.
    ///   - examples: cut, limits and memory.
    ///   - statistics: of fit(T).
    ///   - vocabulary: of the space.
    ///   - targets: of the space.
    ///   - progress: called after each chunk of the log.
    package init(
        host: Host, options: RefreshOptions, examples: ExampleFoldOptions,
        statistics: FrozenStatistics, vocabulary: RowVocabulary, targets: TargetLists,
        progress: @escaping (RefreshProgress) -> Void = { _ in }
    ) {
        precondition(
            (1...65_535).contains(examples.rowLimit)
                && (0...65_535).contains(examples.futureRowLimit),
            "ExampleFold: \(examples.rowLimit) rows, \(examples.futureRowLimit) of the future")
        self.host = host
        self.options = options
        self.examples = examples
        var fold = options.fold
        // One row more, whose time the first row's gap is measured from.
        fold.rowWindow = examples.rowLimit + 1
        // Those who repeat an id do not come as far.
        fold.order.eventIDLimit = 0
        reducer = Reducer(statistics: statistics, options: fold)
        self.vocabulary = vocabulary
        self.targets = targets
        report = progress
    }

    /// Writes the file of examples at `path`, whole or not at all.
    package func run(to path: String) throws(RefreshError) -> ExampleFoldReport {
        let writer: ExampleFileWriter
        do throws(LearningError) {
            writer = try ExampleFileWriter(path, window: examples.window, on: host)
        } catch {
            throw .examples(error)
        }
        do throws(RefreshError) {
            return try run(writer)
        } catch {
            writer.abandon()
            throw error
        }
    }

    private func run(_ writer: ExampleFileWriter) throws(RefreshError) -> ExampleFoldReport {
        let meter = LogMeter(host: host, logDirectory: options.logDirectory)
        let crew = WorkCrew(threadCount: options.threadCount)
        defer { crew.stop() }
        var sums = ExampleFoldReport()
        var users = UserRange.all
        while true {
            var pass = RangePass(
                users: users, crew: crew, memoryByteCount: examples.memoryByteCount,
                eventIDLimit: options.fold.order.eventIDLimit
            ) {
                ExampleFolder(
                    examples: examples, reducer: reducer, vocabulary: vocabulary, targets: targets)
            }
            sums.endSeconds = try read(&pass, meter, passCount: sums.passCount)
            do throws(LearningError) {
                try write(pass, crew, to: writer, &sums)
            } catch {
                throw .examples(error)
            }
            sums.passCount += 1
            guard let next = pass.users.next else { break }
            users = next
        }
        do throws(LearningError) {
            try writer.finish()
        } catch {
            throw .examples(error)
        }
        return sums
    }

    /// Reads the log once for a pass; the log clock at its end.
    private func read(
        _ pass: inout RangePass<ExampleFolder>, _ meter: LogMeter, passCount: Int
    ) throws(RefreshError) -> Int64 {
        var intake = Intake(options: options.clock)
        var isCut = false
        try LogPass(host: host, options: options).forEach(
            { entry, offset in
                _ = intake.take(entry, at: offset) { event, place in
                    pass.take(event, at: place)
                }
                if !isCut, let now = intake.clock.seconds, now >= examples.window.cutSeconds {
                    isCut = true
                    pass.reachCut()
                }
                return true
            },
            progress: { decoded, left in
                pass.endChunk()
                let reading = meter.reading(decoded: decoded, left: left)
                note(reading, pass.users, meter, passCount: passCount)
            })
        pass.end()
        guard isCut else {
            throw .noFuture(
                cutSeconds: examples.window.cutSeconds, clockSeconds: intake.clock.seconds)
        }
        return intake.asOf
    }

    /// Appends a pass's examples by rank of their users, and adds up what they come to.
    private func write(
        _ pass: RangePass<ExampleFolder>, _ crew: WorkCrew, to writer: ExampleFileWriter,
        _ sums: inout ExampleFoldReport
    ) throws(LearningError) {
        pass.onEach { $0.beginMaking() }
        var ranks: [UInt64] = []
        pass.inTurn { folder in
            ranks += folder.table.ranks
            sums.leftOutCount += folder.leftOut.count
        }
        ranks.sort()
        // A slice is written while the next one is made.
        var made: [ExampleFolder.Made] = []
        for start in stride(from: 0, to: ranks.count, by: Self.sliceCount) {
            let last = ranks[min(ranks.count, start + Self.sliceCount) - 1]
            pass.beginOnEach { $0.make(upTo: last) }
            try append(made, to: writer, &sums)
            crew.finish()
            made = []
            pass.inTurn { made += $0.takeMade() }
            made.sort { $0.rank < $1.rank }
        }
        try append(made, to: writer, &sums)
    }

    private func append(
        _ made: [ExampleFolder.Made], to writer: ExampleFileWriter, _ sums: inout ExampleFoldReport
    ) throws(LearningError) {
        for one in made {
            let example = one.example
            try writer.append(example, of: one.user)
            sums.exampleCount += 1
            sums.rowCount += Int64(example.rows.count / RowLayout.width)
            sums.futureRowCount += Int64(example.futureRows.count / RowLayout.width)
            if example.labels?.churned == false { sums.buyerCount += 1 }
        }
    }

    private func note(
        _ reading: LogMeter.Reading, _ users: UserRange, _ meter: LogMeter, passCount: Int
    ) {
        let done = users.fractionBefore + reading.fraction * users.fraction
        report(
            RefreshProgress(
                step: passCount == 0 ? "examples" : "examples, pass \(passCount + 1)",
                stepIndex: 0, stepCount: 1, fraction: done,
                bytesPerSecond: reading.bytesPerSecond,
                secondsLeft: done > 0 ? meter.seconds / done - meter.seconds : nil))
    }
}
