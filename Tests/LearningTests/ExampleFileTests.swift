import Events
import Features
import Learning
import Storage
import TestSupport
import Testing

@Suite struct ExampleFileTests {
    private let window = LabelWindow(cutSeconds: 1_660_000_000)

    /// Any example that a fold could make.
    private static func example(_ index: Int, rows: Int? = nil) -> TrainingExample {
        var random = SeededRandom(seed: 21, stream: UInt64(index))
        func halves(_ count: Int) -> [UInt16] {
            (0..<count * RowLayout.width).map { _ in UInt16(truncatingIfNeeded: random.next()) }
        }
        let count = rows ?? 1 + Int(random.nextUnit() * 9)
        var example = TrainingExample(rows: halves(count))
        if index % 3 != 0 { example.futureRows = halves(Int(random.nextUnit() * 4)) }
        if index % 7 > 2 { example.endRow = halves(1) }
        if index % 2 == 0 {
            for row in 0..<Int32(count) {
                example.tokens.append(
                    RowToken(
                        type: row % 5, category: row * 700 % 5001, item: 5000, weekday: row % 7,
                        gap: 31))
            }
        }
        example.endBucket = UInt8(index % 32)
        let categories: [UInt8] = index % 4 == 0 ? [0, 7, 99] : []
        let items: [UInt8] = index % 4 == 2 ? [98] : []
        if index % 5 != 1 {
            example.labels = TaskLabels(
                churned: index % 2 == 1, categories: categories, items: items)
        }
        return example
    }

    private static func user(_ index: Int) -> UserID {
        UserID(rawValue: Int64(index) * (index % 2 == 0 ? 1 : -0x7_0000_0001))
    }

    private func write(
        _ path: String, count: Int, on host: Host, rows: Int? = nil
    ) throws -> [TrainingExample] {
        let writer = try ExampleFileWriter(path, window: window, on: host)
        let examples = (0..<count).map { Self.example($0, rows: rows) }
        for (index, example) in examples.enumerated() {
            try writer.append(example, of: Self.user(index))
        }
        try writer.finish()
        return examples
    }

    @Test(arguments: [0, 1, 250]) func `reads back what was written, in any order`(
        count: Int
    ) throws {
        let disk = MemoryDisk()
        let written = try write("/examples", count: count, on: .simulated(disk: disk))
        let file = try ExampleFile("/examples", on: disk)
        #expect(file.count == count && file.window == window)
        for index in written.indices {
            #expect(file.user(index) == Self.user(index))
            #expect(file.rowCount(index) == written[index].rows.count / RowLayout.width)
        }
        let order = written.indices.map { ($0 * 77 + 13) % count }
        #expect(try file.examples(order) == order.map { written[$0] })
    }

    @Test func `same examples, same bytes, whatever they replace`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        _ = try write("/a", count: 9, on: host)
        _ = try write("/b", count: 40, on: host)
        _ = try write("/a", count: 40, on: host)
        let files = disk.contents()
        #expect(files.map(\.path) == ["/a", "/b"] && files[0].bytes == files[1].bytes)
        let left = try ExampleFile("/a", on: disk)
        _ = try write("/b", count: 39, on: host)
        #expect(try ExampleFile("/b", on: disk).fingerprint != left.fingerprint)
    }

    @Test func `a file that was cut anywhere is refused`() throws {
        let disk = MemoryDisk()
        _ = try write("/examples", count: 12, on: .simulated(disk: disk))
        let bytes = try #require(disk.contents().first?.bytes)
        for count in stride(from: 0, to: bytes.count, by: 13) {
            let path = "/cut\(count)"
            try disk.open(path, .create).write(Array(bytes.prefix(count)), at: 0)
            let error = #expect(throws: LearningError.self) { try ExampleFile(path, on: disk) }
            guard case .truncatedExamples(path, _, _) = error else {
                Issue.record("\(count): \(String(describing: error))")
                return
            }
        }
    }

    @Test func `a flipped bit anywhere is found, in its own example`() throws {
        let disk = MemoryDisk()
        let written = try write("/examples", count: 12, on: .simulated(disk: disk))
        let bytes = try #require(disk.contents().first?.bytes)
        let file = try disk.open("/damaged", .create)
        try file.write(bytes, at: 0)
        var damagedRecords: Set<Int> = []
        for index in stride(from: 0, to: bytes.count, by: 5) {
            try file.write([bytes[index] ^ 1 << UInt8(index % 8)], at: Int64(index))
            do {
                let opened = try ExampleFile("/damaged", on: disk)
                for place in 0..<opened.count {
                    do {
                        #expect(try opened.examples([place]) == [written[place]])
                    } catch .damagedExamples(_, let record, _) {
                        #expect(record == place)
                        damagedRecords.insert(place)
                    }
                }
                #expect(throws: LearningError.self) {
                    try opened.examples(Array(0..<opened.count))
                }
            } catch {
                switch error {
                case .notExamples, .damagedExamples(_, _, _), .truncatedExamples: break
                default: Issue.record("byte \(index): \(error)")
                }
            }
            try file.write([bytes[index]], at: Int64(index))
        }
        #expect(damagedRecords.count == 12)
    }

    @Test func `a fault of the disk leaves the old file`() throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        _ = try write("/examples", count: 5, on: host)
        try disk.syncDirectory("/")
        let before = disk.operationCount
        _ = try write("/other", count: 6, on: host)
        let count = disk.operationCount - before
        for operation in 0..<count {
            disk.inject(.powerLoss, at: disk.operationCount + operation)
            #expect(throws: LearningError.self) { try write("/examples", count: 6, on: host) }
            disk.crash(.some(seed: UInt64(operation)))
            disk.removeFaults()
            let found = try ExampleFile("/examples", on: disk)
            // The last operation syncs the directory: the new name may be there already.
            #expect(found.count == 5 || (operation == count - 1 && found.count == 6))
            if found.count == 6 { _ = try write("/examples", count: 5, on: host) }
        }
    }

    /// Resident memory of this process, bytes.
    private func residentByteCount() throws -> Int {
        let file = try RealDisk().open("/proc/self/statm", .read)
        var bytes: [UInt8] = []
        _ = try file.read(256, at: 0, into: &bytes)
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        return (Int(fields[1]) ?? 0) * 4096
    }

    @Test func `reading and training take memory for an index and a batch, not for the file`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/examples"
        let writer = try ExampleFileWriter(path, window: window, on: .real)
        let example = TrainingExample(
            rows: LinearToy.example(3).rows
                + Array(repeating: 0, count: 40 * RowLayout.width))
        let before = try residentByteCount()
        for index in 0..<30_000 { try writer.append(example, of: Self.user(index)) }
        try writer.finish()
        #expect(try residentByteCount() - before < 16 << 20)
        let file = try ExampleFile(path, on: RealDisk())
        let byteCount = try #require(try RealDisk().status(path)?.byteCount)
        #expect(byteCount > 150 << 20)
        var options = TrainerOptions(
            name: "toy", seed: 1, epochCount: 1, sizes: .init(batchCount: 128, windowCount: 50))
        options.threadCount = 2
        let result = try await Trainer(
            network: LinearToy(), source: file, training: Array(0..<file.count),
            options: options, host: .real
        ).run()
        #expect(result.stepCount == (30_000 + 127) / 128)
        // 0.5 MB of index, batches of 0.7 MB, and what the allocator keeps.
        #expect(try residentByteCount() - before < 32 << 20)
    }

    @Test func `a label beyond the heads stops the training and names the user`() async throws {
        let disk = MemoryDisk()
        let host = Host.simulated(disk: disk)
        _ = try write("/examples", count: 1, on: host)
        var configuration = MTLConfiguration.mtl
        configuration.categoryCount = 50
        let trainer = try Trainer(
            network: MTLNetwork<Float>(configuration),
            source: ExampleFile("/examples", on: disk), training: [0],
            options: TrainerOptions(
                name: "mtl", seed: 1, epochCount: 1, sizes: .init(batchCount: 1)), host: host)
        let wanted = LearningError.unfitExample(
            network: "mtl", example: 0, user: Self.user(0),
            reason: "category label 99 of 50: examples of other target lists")
        await #expect(throws: wanted) { _ = try await trainer.run() }
        #expect(wanted.description.contains("of user 0: category label 99 of 50"))
    }

    @Test func `examples without what a network reads stop its training`() async throws {
        let rows = LinearToy.example(1)
        var other = rows
        other.tokens = [RowToken(type: 3, url: 8, weekday: 0, gap: 0)]
        var configuration = ESAConfiguration(categoryCount: 2)
        configuration.urlCount = 8
        let network = ESANetwork<Float>(configuration)
        for (example, reason) in [
            (rows, "it has no tokens"), (other, "a url beyond 8: examples of another vocabulary"),
        ] {
            let trainer = try Trainer(
                network: network, source: MemorySource(all: [example]), training: [0],
                options: TrainerOptions(
                    name: "esa", seed: 1, epochCount: 1, sizes: .init(batchCount: 1)),
                host: .simulated(disk: MemoryDisk()))
            let wanted = LearningError.unfitExample(
                network: "esa", example: 0, user: nil, reason: reason)
            await #expect(throws: wanted) { _ = try await trainer.run() }
        }
        other.tokens[0].url = 7
        #expect(network.flaw(of: other) == nil)
        #expect(MTLNetwork<Float>(.mtl).flaw(of: rows) == "it has no labels")
    }
}
