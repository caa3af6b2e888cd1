import Evaluation
import Events
import Snapshots
import Storage

/// Scores each row for each downstream seed, and puts the document together.
struct EvaluationScoring {
    let host: Host
    let options: EvaluationOptions
    let directory: EvaluationDirectory
    let reporter: EvaluationReporter
    let subject: EvaluationSubject
    let targets: EvaluationTargets

    /// The seed that the challenge's own training uses.
    private static let firstSeed: UInt64 = 1278

    /// Scores everything.
    func document() async throws -> EvaluationDocument {
        let tables = try subject.profiles.map {
            try EmbeddingTable(directory: $0.path, on: host.disk)
        }
        guard let latest = tables.last else {
            throw EvaluationRunError.work("no profiles were made")
        }
        let rows =
            options.rows
            ?? EvaluationRow.all(
                of: latest.parts.map(\.name), hasTruth: options.truthDirectory != nil)
        // Before anything is trained: an option that cannot be is said at once.
        for row in rows { try check(row, tables) }
        var reports: [EvaluationReport] = []
        let seeds = (0..<UInt64(options.seedCount)).map { Self.firstSeed + $0 }
        let oracle = try oracleRow(rows)
        for (index, seed) in seeds.enumerated() {
            let start = host.clock.monotonicNanoseconds()
            var scored: [EvaluationReport.Row] = []
            for (place, row) in rows.enumerated() {
                try Task.checkCancellation()
                reporter.begin(title(row, place, of: rows.count, seed: index, of: seeds.count))
                if row.content == .oracle, var oracle {
                    oracle.name = row.name
                    scored.append(oracle)
                } else {
                    scored.append(try await score(row, tables, seed: seed, isFirst: index == 0))
                }
            }
            reports.append(
                EvaluationReport(
                    targets: targets, network: options.network, rows: scored,
                    seconds: Double(host.clock.monotonicNanoseconds() - start) / 1e9))
        }
        return EvaluationDocument(
            reports: reports, seeds: seeds, settings: settings(latest),
            warnings: subject.warnings, map: options.wantsPage ? try map(latest) : nil)
    }

    private func title(
        _ row: EvaluationRow, _ place: Int, of count: Int, seed: Int, of seeds: Int
    ) -> String {
        "row \(place + 1) of \(count), \(row.name)"
            + (seeds > 1 ? ", seed \(seed + 1) of \(seeds)" : "")
    }

    /// Throws for a row that these tables or options do not have.
    private func check(
        _ row: EvaluationRow, _ tables: [EmbeddingTable]
    ) throws(EvaluationRunError) {
        switch row.content {
        case .parts(_, let isFirst):
            let table = isFirst ? tables[0] : tables[tables.count - 1]
            _ = try row.columns(in: table.parts, path: table.path)
        case .baseline, .oracle: break
        }
    }

    private func score(
        _ row: EvaluationRow, _ tables: [EmbeddingTable], seed: UInt64, isFirst isFirstSeed: Bool
    ) async throws -> EvaluationReport.Row {
        var evaluator = ProfileEvaluator.Options()
        evaluator.network = options.network
        evaluator.seed = seed
        evaluator.threadCount = max(1, options.job.threadCount)
        evaluator.niceness = options.job.niceness
        evaluator.wantsCurves = options.wantsPage && isFirstSeed
        let table: EmbeddingTable
        let columns: [Range<Int>]?
        if case .parts(_, let isFirst) = row.content {
            table = isFirst ? tables[0] : tables[tables.count - 1]
            columns = try row.columns(in: table.parts, path: table.path)
        } else {
            table = try baselineTable()
            columns = nil
        }
        let reporter = reporter
        let count = Double(options.tasks.count)
        let shares = TaskShares(options.tasks)
        return try await ProfileEvaluator(host: host, targets: targets, options: evaluator)
            .evaluate(table, columns: columns, name: row.name, tasks: options.tasks) { progress in
                let all = shares.note(progress)
                reporter.note(all / count, detail: progress.task.shortName)
            }
    }

    // MARK: The rest of the document

    private func map(_ table: EmbeddingTable) throws -> ProfileMap {
        reporter.begin("the map of profiles")
        let cutoff = subject.split.cutoffSeconds
        let categories = ProfileMap.topCategories(subject.shop, before: cutoff)
        var places: [UserID: Int] = [:]
        for (row, id) in table.ids.enumerated() { places[id] = row }
        let reader = try NpyReader(table.path, on: host.disk)
        var values: [Float] = []
        var shown: [Int64?] = []
        for index in ProfileMap.sample(categories, seed: options.job.refresh.seed) {
            guard let row = places[subject.shop.users[index]] else { continue }
            values += try reader.halfs(rows: row..<row + 1).map { Float(Float16(bitPattern: $0)) }
            shown.append(categories[index])
        }
        return ProfileMap(
            rows: values, width: table.width, categories: shown, seed: options.job.refresh.seed)
    }
}
