import Events
import Storage

/// A table of events → records of a log, in time order, with the dictionary of its ids.
///
/// All rows are read and held before the first record is written, because price buckets need all
/// prices and the log needs time order. Ties keep the table's order. Before an event whose row says
/// something else about its item than the catalogue does, one `product_update` is written with the
/// fields that differ; nothing of a later row is ever told earlier.
package struct Importer {
    private let options: ImportOptions
    private let directory: String
    private let host: Host
    private let report: (ImportProgress) -> Void

    /// An importer into the log at `directory`, which exists.
    ///
    /// `report` is told of progress about twice a second.
    package init(
        options: ImportOptions, directory: String, host: Host,
        report: @escaping (ImportProgress) -> Void = { _ in }
    ) {
        self.options = options
        self.directory = directory
        self.host = host
        self.report = report
    }

    /// Imports all of `source`.
    ///
    /// The dictionary is durable before the first record is written, so a log never holds an id
    /// whose text is lost; after a throw the log holds a prefix of the import, or nothing of it.
    package func run(
        _ source: some ByteSource, into sink: inout some RecordSink
    ) throws(ImportError) -> ImportReport {
        let start = host.clock.monotonicNanoseconds()
        var rejects = RejectsFile(directory: directory, disk: host.disk)
        var (rows, translator, result) = try read(source, &rejects)
        do throws(StorageError) { try rejects.finish() } catch { throw .storage(error) }
        do throws(DictionaryError) {
            if translator.dictionary.count > 0 {
                try translator.dictionary.save(to: directory, on: host.disk)
            }
        } catch { throw .dictionary(error) }
        sort(&rows, &result)
        try write(rows, translator, into: &sink, &result)
        result.elapsedSeconds = Double(host.clock.monotonicNanoseconds() - start) / 1e9
        return result
    }
}

/// The three phases.
extension Importer {
    private func read(
        _ source: some ByteSource, _ rejects: inout RejectsFile
    ) throws(ImportError) -> ([ImportedRow], RowTranslator, ImportReport) {
        var ticker = Ticker(.reading, host.clock, report)
        var reader = try CSVReader(source)
        var row = CSVRow()
        guard try reader.next(&row) else { throw .badHeader(reason: "the table is empty") }
        var result = ImportReport()
        let stored = try loadDictionary()
        var translator = try RowTranslator(header: row, options: options, dictionary: stored)
        result.ignoredColumns = translator.ignoredColumns(of: row)
        var rows: [ImportedRow] = []
        while try reader.next(&row) {
            if row.isBlank {
                result.blankLineCount += 1
                continue
            }
            result.rowCount += 1
            guard result.rowCount <= options.rowLimit else {
                throw .tooManyRows(limit: options.rowLimit)
            }
            do throws(TranslationError) {
                if let imported = try translator.translate(row) {
                    rows.append(imported)
                } else {
                    result.droppedCount += 1
                }
            } catch {
                try refuse(row, error, translator, &rejects, &result)
            }
            ticker.tick(result.rowCount, reader.source.progress)
        }
        translator.finish()
        for kind in IDKind.allCases {
            let count = translator.dictionary.count(kind) - stored.count(kind)
            if count > 0 { result.hashedIDCounts["\(kind)"] = count }
        }
        result.dictionaryCount = translator.dictionary.count
        result.pricePairCount = translator.buckets.pairCount
        result.textVectorCount = translator.vectors.reduce(0) { $0 + ($1 == nil ? 0 : 1) }
        return (rows, translator, result)
    }

    private func loadDictionary() throws(ImportError) -> IDDictionary {
        do throws(DictionaryError) {
            return try IDDictionary.load(from: directory, on: host.disk)
        } catch { throw .dictionary(error) }
    }

    private func refuse(
        _ row: CSVRow, _ error: TranslationError, _ translator: RowTranslator,
        _ rejects: inout RejectsFile, _ result: inout ImportReport
    ) throws(ImportError) {
        switch error {
        case .dictionary(let error): throw .dictionary(error)
        case .row(let fault):
            result.rejectedCounts[fault.reasonCode, default: 0] += 1
            if fault == .unknownEventType {
                result.noteUnknownEvent(translator.eventName(of: row))
            }
            do throws(StorageError) { try rejects.append(row, fault) } catch {
                throw .storage(error)
            }
        }
    }

    private func sort(_ rows: inout [ImportedRow], _ result: inout ImportReport) {
        result.wasSorted = zip(rows, rows.dropFirst()).allSatisfy { $0.seconds <= $1.seconds }
        if result.wasSorted { return }
        report(ImportProgress(phase: .sorting, rowCount: rows.count, elapsedSeconds: 0))
        // Swift promises no stable sort, so the place in the table is part of the key.
        let order = rows.indices.sorted {
            (rows[$0].seconds, $0) < (rows[$1].seconds, $1)
        }
        rows = order.map { rows[$0] }
    }

    private func write(
        _ rows: [ImportedRow], _ translator: RowTranslator, into sink: inout some RecordSink,
        _ result: inout ImportReport
    ) throws(ImportError) {
        var ticker = Ticker(.writing, host.clock, report)
        var catalogue = Catalogue()
        var usedBuckets: Set<UInt8> = []
        var line: [UInt8] = []
        for (index, row) in rows.enumerated() {
            let vector = row.vector < 0 ? nil : translator.vectors[Int(row.vector)]
            if row.hasItem {
                let price = translator.price(of: row)
                if let price { usedBuckets.insert(price) }
                let news = catalogue.news(
                    CatalogueUpdate(
                        item: ItemID(rawValue: row.key),
                        category: row.hasCategory ? row.category : nil, price: price,
                        name: vector))
                if let news {
                    line.removeAll(keepingCapacity: true)
                    RecordWriter.append(news, seconds: row.seconds, to: &line)
                    line.removeLast()
                    try sink.append(line)
                    result.catalogueUpdateCount += 1
                }
            }
            guard let kind = row.kind else {
                result.catalogueRowCount += 1
                continue
            }
            line.removeAll(keepingCapacity: true)
            RecordWriter.append(
                Event(
                    user: UserID(rawValue: row.user), seconds: row.seconds, kind: kind,
                    key: row.key, query: kind == .searchQuery ? vector : nil),
                eventID: row.eventID < 0 ? nil : translator.eventIDs[Int(row.eventID)],
                to: &line)
            line.removeLast()
            try sink.append(line)
            result.writtenCounts[kind.name, default: 0] += 1
            ticker.tick(index + 1, (Int64(index), Int64(rows.count)))
        }
        result.priceBucketCount = usedBuckets.count
        try sink.finish()
    }
}

extension Catalogue {
    /// What of `update` is not known yet, which is then known; nil when it is nothing.
    fileprivate mutating func news(_ update: CatalogueUpdate) -> CatalogueUpdate? {
        let old = self[update.item] ?? CatalogueEntry()
        var news = update
        if news.category == old.category { news.category = nil }
        if news.price == old.price { news.price = nil }
        if news.name == old.name { news.name = nil }
        if news.category == nil && news.price == nil && news.name == nil { return nil }
        apply(news)
        return news
    }
}

extension ImportReport {
    /// Remembers a name, unless sixteen are known already.
    fileprivate mutating func noteUnknownEvent(_ name: String) {
        guard unknownEventNames.count < 16, !unknownEventNames.contains(name) else { return }
        unknownEventNames.append(name)
        unknownEventNames.sort()
    }
}

/// Tells of progress, not too often.
private struct Ticker {
    private let phase: ImportProgress.Phase
    private let clock: any Clock
    private let report: (ImportProgress) -> Void
    private let start: UInt64
    private var last: UInt64

    init(
        _ phase: ImportProgress.Phase, _ clock: any Clock,
        _ report: @escaping (ImportProgress) -> Void
    ) {
        self.phase = phase
        self.clock = clock
        self.report = report
        start = clock.monotonicNanoseconds()
        last = start
    }

    mutating func tick(_ rowCount: Int, _ progress: (done: Int64, total: Int64?)) {
        guard rowCount & 8_191 == 0 else { return }
        let now = clock.monotonicNanoseconds()
        guard now - last >= 500_000_000 else { return }
        last = now
        let share = progress.total.flatMap { $0 > 0 ? Double(progress.done) / Double($0) : nil }
        report(
            ImportProgress(
                phase: phase, rowCount: rowCount, share: share,
                elapsedSeconds: Double(now - start) / 1e9))
    }
}
