import EventLog
import Events
import Import
import Storage
import TestSupport
import Testing

/// Keeps records as text.
struct ArraySink: RecordSink {
    var bytes: [UInt8] = []
    var isFinished = false

    var lines: [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    mutating func append(_ record: [UInt8]) throws(ImportError) {
        bytes += record
        bytes.append(0x0A)
    }

    mutating func finish() throws(ImportError) { isFinished = true }
}

/// A log directory in memory, into which tables are imported.
struct ImportBench {
    let disk = MemoryDisk()
    let directory = "/log"
    var options = ImportOptions()

    init() throws { try disk.makeDirectory(directory) }

    var host: Host { .simulated(disk: disk) }

    func run(_ table: [UInt8], into sink: inout ArraySink) throws -> ImportReport {
        let path = "/table.csv"
        try disk.remove(path)
        try disk.open(path, .create).write(table, at: 0)
        let importer = Importer(options: options, directory: directory, host: host)
        return try importer.run(tableSource(path, on: disk), into: &sink)
    }

    func run(_ table: String) throws -> (report: ImportReport, lines: [String]) {
        var sink = ArraySink()
        let report = try run(Array(table.utf8), into: &sink)
        #expect(sink.isFinished)
        return (report, sink.lines)
    }

    func text(_ name: String) throws -> String {
        try disk.text(of: directory + "/" + name, limit: 1 << 24)
    }
}

/// CRC-32 as zlib computes it (RFC 1952 §8), bit by bit: for golden numbers made by Python.
func crc32(_ bytes: [UInt8]) -> UInt32 {
    let table = (0..<256).map { (index: UInt32) in
        (0..<8).reduce(index) { word, _ in word & 1 == 1 ? word >> 1 ^ 0xEDB8_8320 : word >> 1 }
    }
    return ~bytes.reduce(~0) { crc, byte in
        table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8
    }
}
