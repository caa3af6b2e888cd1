import ArgumentParser
import EventLog
import Foundation
import Import
import Storage

/// `ubpd import`: a table of events → segments of a log.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Write a table of events into a log.",
        discussion: "docs/import.md says what becomes of ids, prices, names and bad rows.")

    /// Kinds of table that can be read.
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case csv
    }

    @Option(help: "What kind of table it is.")
    var format = Format.csv

    @Option(
        name: .customLong("in"), help: "The table: a file, plain or LZ4, or - for standard input.",
        completion: .file())
    var input: String

    @Option(help: "Directory of the log; made when it is missing.", completion: .directory)
    var logDir: String

    @Option(help: "What an event name means: NAME=EVENT, or NAME=drop. May be repeated.")
    var map: [String] = []

    @Option(help: "Which column holds a field: FIELD=COLUMN. May be repeated.")
    var column: [String] = []

    @Option(help: "What becomes of names and queries that are words: hash or drop.")
    var textVectors = ImportOptions.TextVectors.hash

    @Option(help: "What prices are: quantiles (money, made buckets), buckets (0...99), or drop.")
    var prices = ImportOptions.Prices.quantiles

    @Option(help: "Rows that may be held in memory, some 64 bytes each.")
    var maxRows = ImportOptions().rowLimit

    @Flag(help: "Write behind what the log holds already; events older than that fold as late.")
    var append = false

    @Flag(help: "Report as one JSON object.")
    var json = false

    func run() throws {
        let host = Host.real
        try checkLog(on: host.disk)
        var options = ImportOptions()
        for text in map { try options.addMapping(text) }
        for text in column { try options.addColumn(text) }
        options.textVectors = textVectors
        options.prices = prices
        options.rowLimit = maxRows
        let source: any ByteSource =
            input == "-" ? StandardInput() : try tableSource(input, on: host.disk)
        var sink = LogSink(try SegmentWriter(host: host, directory: logDir))
        let importer = Importer(options: options, directory: logDir, host: host) { progress in
            FileHandle.standardError.write(Data("\(progress)\n".utf8))
        }
        let report = try importer.run(source, into: &sink)
        try standardOutput(json ? report.json : report.description)
    }
}

extension ImportCommand {
    /// Refuses a log that has segments: an import that is run twice would double every event.
    private func checkLog(on disk: any Disk) throws {
        guard !append, try disk.status(logDir) != nil else { return }
        let segments = try disk.names(in: logDir).filter { SegmentName.sequence($0) != nil }
        guard let first = segments.first else { return }
        throw ValidationError(
            "\(logDir) holds \(segments.count) segments already, the first is \(first); give "
                + "another directory, or --append to write behind them")
    }
}

extension ImportOptions.TextVectors: ExpressibleByArgument {}
extension ImportOptions.Prices: ExpressibleByArgument {}

/// Standard input as a table.
private struct StandardInput: ByteSource {
    private var byteCount: Int64 = 0
    var progress: (done: Int64, total: Int64?) { (byteCount, nil) }

    mutating func read(_ count: Int, into buffer: inout [UInt8]) throws(ImportError) -> Int {
        let data: Data?
        do { data = try FileHandle.standardInput.read(upToCount: count) } catch {
            throw .storage(.malformed(path: "standard input", reason: "\(error)"))
        }
        buffer += data ?? Data()
        byteCount += Int64(data?.count ?? 0)
        return data?.count ?? 0
    }
}
