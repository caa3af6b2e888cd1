import Evaluation
import EventLog
import Events
import Features
import Foundation
import Kernels
import Pipeline
import Refresh
import Sessions
import Storage
import Synchronization
import TestSupport

/// A shop where every user throws the same coins every day: nothing foretells who buys.
///
/// Its log has records that stand behind later ones, a refused one, and updates of items with and
/// without a time, before the cutoff and after it.
struct CoinShop {
    static let start: Int64 = 1_672_531_200
    static let days: Int64 = 77
    static let userCount: Int64 = 240
    static let cutoff = start + (days - 28) * 86_400

    let root: String

    /// Writes the log below `root`, an empty directory that outlives the shop.
    init(root: String) throws {
        self.root = root
        let writer = try SegmentWriter(
            host: .real, directory: root + "/log",
            options: SegmentWriter.Options(segmentDecodedByteCount: 200_000))
        for record in Self.records { try writer.append(record) }
        try writer.close()
    }

    private static var records: [[UInt8]] {
        var random = SeededRandom(seed: 6, stream: 1)
        var records = (0..<40 as Range<Int64>).map {
            update($0, seconds: $0 % 2 == 0 ? start : nil)
        }
        var delayed: [[UInt8]] = []
        for day in 0..<days {
            let midnight = start + day * 86_400
            if day == 20 || day == 60 { records.append(update(day, seconds: midnight)) }
            if day == 21 || day == 61 { records.append(update(day, seconds: nil)) }
            for user in 0..<userCount where random.next() % 100 < 12 {
                let line = event(user, midnight + user * 300, &random)
                // One in fifty comes a day late.
                if random.next() % 50 == 0 { delayed.append(line) } else { records.append(line) }
            }
            if day % 2 == 1 {
                records += delayed
                delayed = []
            }
        }
        // The last day ends with a purchase, so that the cutoff is where it should be.
        records.append(buy(1, start + days * 86_400 - 60))
        records.append(Array("{\"client_id\": 1, \"event_type\": 3".utf8))
        return records
    }

    private static func event(
        _ user: Int64, _ seconds: Int64, _ random: inout SeededRandom
    ) -> [UInt8] {
        let item = Int64(random.next() % 40)
        let coin = random.next() % 100
        if coin < 40 { return buy(user, seconds, item: item) }
        let kind: EventKind = coin < 60 ? .addToCart : coin < 90 ? .pageVisit : .searchQuery
        return line(user, seconds, kind, item)
    }

    private static func buy(_ user: Int64, _ seconds: Int64, item: Int64 = 3) -> [UInt8] {
        line(user, seconds, .productBuy, item)
    }

    private static func line(
        _ user: Int64, _ seconds: Int64, _ kind: EventKind, _ item: Int64
    ) -> [UInt8] {
        var line: [UInt8] = []
        RecordWriter.append(
            Event(
                user: UserID(rawValue: 1000 - user), seconds: seconds, kind: kind, key: item),
            to: &line)
        return Array(line.dropLast())
    }

    private static func update(_ item: Int64, seconds: Int64?) -> [UInt8] {
        var line: [UInt8] = []
        RecordWriter.append(
            CatalogueUpdate(
                item: ItemID(rawValue: item), category: item % 7, price: UInt8(item % 100)),
            seconds: seconds, to: &line)
        return Array(line.dropLast())
    }

    /// An evaluation of small networks with few epochs, in a directory of its own.
    func options(_ name: String) -> EvaluationOptions {
        var refresh = RefreshOptions(
            logDirectory: root + "/log", stateDirectory: "\(root)/\(name)", seed: 3)
        refresh.fold.rowWindow = 16
        refresh.reader.sealGraceMilliseconds = 5
        refresh.reader.listMilliseconds = 5
        var job = RefreshJobOptions(kind: .newSpace, refresh: refresh)
        job.makeQuick()
        job.sizes = JobFixture.sizes
        var pipeline = PipelineOptions(
            logDirectory: refresh.logDirectory, stateDirectory: refresh.stateDirectory)
        pipeline.reader = refresh.reader
        pipeline.fold = refresh.fold
        pipeline.idleMilliseconds = 5
        var options = EvaluationOptions(job: job, pipeline: pipeline)
        options.network = DownstreamConfiguration(
            name: "tiny", width: 16, hiddenWidth: 16, blockCount: 1)
        return options
    }

    /// Runs an evaluation to its end, or as far as it comes.
    func run(
        _ options: EvaluationOptions, disk: any Disk = RealDisk(), said: SaidLines = SaidLines()
    ) async throws -> EvaluationDocument {
        let host = Storage.Host(disk: disk, clock: RealClock(), randomness: RealRandomness())
        var run = try Self.open(host, options, said)
        while run == nil {
            // What an earlier run left behind in memory is about to let go of the directory.
            try await Task.sleep(for: .milliseconds(1))
            run = try Self.open(host, options, said)
        }
        guard let run else { throw EvaluationRunError.cancelled }
        return try await run.run()
    }

    /// Nil while another run holds the directory.
    private static func open(
        _ host: Storage.Host, _ options: EvaluationOptions, _ said: SaidLines
    ) throws -> EvaluationRun? {
        let say: @Sendable (String) -> Void = { said.add($0) }
        do {
            return try EvaluationRun(host: host, options: options, say: say)
        } catch {
            if case .busy = error { return nil }
            throw error
        }
    }
}

/// Lines for the operator.
final class SaidLines: Sendable {
    private let told = Mutex<[String]>([])
    var lines: [String] { told.withLock { $0 } }
    func add(_ line: String) { told.withLock { $0.append(line) } }
}

extension EvaluationDocument {
    /// The same without what a clock said.
    var timeless: EvaluationDocument {
        var copy = self
        copy.report.seconds = 0
        for index in copy.report.rows.indices { copy.report.rows[index].seconds = 0 }
        return copy
    }

    func result(_ row: String, _ task: EvaluationTask) -> EvaluationReport.TaskResult? {
        report.rows.first { $0.name == row }?.tasks.first { $0.task == task }
    }
}
