import Encoders
import EventLog
import Events
import Features
import Kernels
import Learning
import Pipeline
import Profiles
import Refresh
import Snapshots
import Storage
import TestSupport
import Testing

@Suite struct UntrainedRefreshTests {
    private let day: Int64 = 86_400

    /// A log of 40 users who buy, add, visit and search, and a catalogue of 12 items.
    private func writeLog(_ directory: String, on host: Host) throws {
        let writer = try SegmentWriter(host: host, directory: directory)
        func append(_ text: String) throws { try writer.append(Array(text.utf8)) }
        for item in 1...12 {
            let name = (0..<16).map { String(($0 * item * 7) % 256) }.joined(separator: ",")
            try append(
                #"{"event_type":"product_update","sku":\#(item),"category":\#(item % 3),"#
                    + #""price":\#(item * 5),"name":[\#(name)]}"#)
        }
        for step in 0..<400 {
            let user = step % 40
            let item = 1 + (step * step + user) % 12
            let seconds = 1_700_000_000 + Int64(step) * 4000
            let kind = ["product_buy", "add_to_cart", "page_visit", "search_query"][step % 4]
            let rest =
                switch step % 4 {
                case 0, 1: #""sku":\#(item)"#
                case 2: #""url":\#(item)"#
                default: #""query":[\#((0..<16).map { String($0 + item) }.joined(separator: ","))]"#
                }
            try append(
                #"{"client_id":\#(user),"timestamp":\#(seconds),"event_type":"\#(kind)",\#(rest)}"#)
        }
        try writer.close()
    }

    private func refresh(_ host: Host, _ state: String, seed: UInt64) throws -> RefreshReport {
        try UntrainedRefresh(
            host: host,
            options: RefreshOptions(logDirectory: "/log", stateDirectory: state, seed: seed)
        ) { _ in }.run()
    }

    @Test func `publishes a generation that verifies and says it is untrained`() throws {
        let host = Host.simulated(disk: MemoryDisk())
        try writeLog("/log", on: host)
        let report = try refresh(host, "/state", seed: 7)
        #expect(report.users == 40 && report.counters.read == 400)
        #expect(report.counters.catalogue == 12 && report.counters.isBalanced)
        let store = GenerationStore(stateDirectory: "/state", on: host)
        let published = try #require(try store.newestGood())
        #expect(!published.manifest.trained && !published.space.manifest.trained)
        #expect(FoldOptions(numbers: published.manifest.numbers) == FoldOptions())
        let statistics = try StatisticsFiles.read(
            space: published.space.path, generation: published.path, on: host.disk)
        let bought = (1...12).reduce(Int64(0)) {
            $0 + statistics.statistic(.items, Int64($1)).counts[0]
        }
        #expect(bought == 100)
        #expect(statistics.topItems.count <= 12 && statistics.nameCentroids.count == 12 * 16)
        #expect(statistics.scalers[RowTable.product.rawValue].scalers[8].treatment == .count)
    }

    @Test func `serves every part at the published widths, 744 columns of them published`() throws {
        let host = Host.simulated(disk: MemoryDisk())
        try writeLog("/log", on: host)
        _ = try refresh(host, "/state", seed: 7)
        let store = GenerationStore(stateDirectory: "/state", on: host)
        let published = try #require(try store.newestGood())
        let all = try LiveGeneration.load(published, level: .best, on: host.disk).model.layout
        #expect(all.parts.map(\.name) == ProfilePart.allCases.map(\.rawValue))
        #expect(all.parts.map { $0.end - $0.start } == [128, 128, 128, 128, 32, 100, 100, 256, 48])
        let hybrid = try LiveGeneration.load(
            published, hybrid: .published, level: .best, on: host.disk
        ).model.layout
        #expect(hybrid.width == 744 && hybrid.parts == Array(all.parts.prefix(7)))
        let space = try SpaceFiles(space: published.space.path, on: host.disk)
        #expect(Set(space.encoders.keys) == Set(EncoderName.trained))
        let statistics = try StatisticsFiles.read(
            space: published.space.path, generation: published.path, on: host.disk)
        #expect(space.targets == TargetLists(statistics) && !space.targets.items.isEmpty)
        #expect(space.vocabulary == RowVocabulary(statistics) && !space.vocabulary.urls.isEmpty)
        for (name, tensors) in space.encoders {
            #expect(tensors.contains { Set($0.values).count > 1000 }, "\(name)")
        }
    }

    @Test func `same log and seed give the same bytes, another seed other weights`() throws {
        let host = Host.simulated(disk: MemoryDisk())
        try writeLog("/log", on: host)
        for state in ["/a", "/b"] { _ = try refresh(host, state, seed: 7) }
        _ = try refresh(host, "/c", seed: 8)
        func files(_ state: String) throws -> [String: [UInt8]] {
            var all: [String: [UInt8]] = [:]
            for root in ["spaces/1", "generations/1"] {
                for name in try host.disk.filesBelow("\(state)/\(root)") {
                    all["\(root)/\(name)"] = try host.disk.bytes(
                        of: "\(state)/\(root)/\(name)", limit: 1 << 26)
                }
            }
            return all
        }
        let first = try files("/a")
        #expect(try files("/b") == first)
        let weights = "spaces/1/encoders/sra.safetensors"
        #expect(first[weights] != nil)
        #expect(try files("/c")[weights] != first[weights])
    }

    @Test func `a log without events is an error that says so`() throws {
        let host = Host.simulated(disk: MemoryDisk())
        try host.disk.makeDirectory("/log")
        #expect(throws: RefreshError.self) { try refresh(host, "/state", seed: 1) }
        #expect(try host.disk.status("/state/generations") == nil)
    }
}
