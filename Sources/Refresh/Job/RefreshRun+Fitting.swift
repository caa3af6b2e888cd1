import Encoders
import Features
import Learning
import Profiles
import Storage

/// Statistics, and the examples that are made with them.
extension RefreshRun {
    /// What a fit came to, beside its tables.
    private struct FitRecord: Codable {
        var from: Int64
        var to: Int64
        var users: Int
        var rows: Int64
    }

    /// Fits statistics to a window, in a given space or with scalers and centroids of their own.
    func fit(_ window: FitWindow, space: FrozenStatistics?, to aside: String) throws {
        var options = options.refresh
        options.memoryByteCount = self.options.memoryByteCount
        let count = space == nil ? 3 : 1
        let first = space == nil ? 0 : 1
        let fitted = try StatisticsPasses(
            host: host, options: options, window: window, space: space
        ) { step, reading in
            reporter.note(reading, done: step.rawValue - first, of: count)
        }.run()
        var files = try StatisticsFiles.spaceFiles(fitted.statistics)
        files.merge(try StatisticsFiles.generationFiles(fitted.statistics)) { $1 }
        try directory.write(files, to: aside)
        try directory.write(
            FitRecord(
                from: fitted.from, to: fitted.to, users: fitted.userCount, rows: fitted.rowCount),
            to: aside + "/fit.json")
    }

    /// The statistics that a step left.
    func statistics(_ step: RefreshStep) throws -> FrozenStatistics {
        let path = directory.output(step)
        return try StatisticsFiles.read(space: path, generation: path, on: host.disk)
    }

    /// The event times that a step's fit read, `[from, to)`.
    func span(_ step: RefreshStep) throws -> (from: Int64, to: Int64) {
        let record = try directory.read(FitRecord.self, directory.output(step) + "/fit.json")
        return (record.from, record.to)
    }

    /// Vocabulary and target lists: the kept space's, or those of fit(T).
    func lists() throws -> (vocabulary: RowVocabulary, targets: TargetLists) {
        if options.kind == .sameSpace {
            let space = try liveSpace()
            return (space.vocabulary, space.targets)
        }
        let fitted = try statistics(.statisticsThen)
        return (RowVocabulary(fitted), TargetLists(fitted))
    }

    /// Where the file of examples is, once they are folded.
    var examplesPath: String { directory.output(.examples) + "/examples" }

    /// Folds the examples of all users with a row before the cut.
    func foldExamples(to aside: String) throws {
        var examples = ExampleFoldOptions(window: plan.window)
        examples.rowLimit = options.rowLimit
        let trainsFuture = options.kind == .newSpace && options.parts.contains(.fip)
        examples.futureRowLimit = trainsFuture ? options.rowLimit : 0
        examples.memoryByteCount = options.memoryByteCount
        let (vocabulary, targets) = try lists()
        let report = try ExampleFold(
            host: host, options: options.refresh, examples: examples,
            statistics: try statistics(.statisticsThen), vocabulary: vocabulary, targets: targets
        ) { progress in
            reporter.note(
                progress.fraction, detail: "\(Int(progress.bytesPerSecond / 1e6)) MB/s",
                secondsLeft: progress.secondsLeft)
        }.run(to: aside + "/examples")
        guard report.exampleCount > 0 else {
            throw RefreshError.training(
                LearningError.noExamples(network: "the refresh").description)
        }
    }
}
