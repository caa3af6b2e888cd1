import EventLog
import Events
import Simulation
import Storage
import TestSupport
import Testing

/// A simulation on a disk in memory.
struct SimulatedShop {
    static let directory = "/shop"

    let disk = MemoryDisk()
    let options: SimulationOptions
    let report: SimulationReport

    init(_ options: SimulationOptions, clockSeconds: Int64 = 1_667_952_000) throws {
        self.options = options
        let clock = SimulatedClock(seconds: clockSeconds)
        let host = Host.simulated(disk: disk, clock: clock)
        report = try ShopSimulator(options: options, directory: Self.directory, host: host).run()
    }

    /// Path and content of every file, the writer's lock included.
    var files: [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: disk.contents().map { ($0.path, $0.bytes) })
    }

    /// The log's lines, each parsed by the daemon's own parser.
    func records() throws -> [Record] {
        let log = Self.directory + "/log"
        var bytes: [UInt8] = []
        for name in try disk.names(in: log) where SegmentName.sequence(name) != nil {
            let reader = try LZ4FileReader(log + "/" + name, on: disk)
            while try reader.read(into: &bytes) > 0 {}
        }
        let parser = RecordParser(
            earliest: options.startSeconds,
            latest: options.startSeconds + Int64(options.dayCount) * 86_400 - 1)
        var unknown = 0
        let records = try bytes.split(separator: 0x0A).map { line in
            try parser.parse(Array(line).span, unknownFieldCount: &unknown)
        }
        #expect(unknown == 0)
        return records
    }

    /// The log's events.
    func events() throws -> [Event] {
        try records().compactMap { record in
            if case .event(let event) = record { event } else { nil }
        }
    }

    /// An array of the truth.
    func array(_ name: String) throws -> NpyReader {
        try NpyReader(Self.directory + "/truth/" + name + ".npy", on: disk)
    }

    /// All of an int64 array of the truth, flat.
    func integers(_ name: String) throws -> [Int64] {
        let reader = try array(name)
        return try reader.int64s(rows: 0..<reader.header.shape[0])
    }
}

/// Options of a small shop.
func smallShop(
    users: Int = 2000, days: Int = 28, seed: UInt64 = 7, shift: Bool = false
) -> SimulationOptions {
    var options = SimulationOptions(userCount: users, dayCount: days, seed: seed)
    options.hasShift = shift
    return options
}
