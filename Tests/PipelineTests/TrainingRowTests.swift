import Encoders
import EventLog
import Events
import Features
import Kernels
import Learning
import Pipeline
import Profiles
import Refresh
import Sessions
import Storage
import TestSupport
import Testing

/// What training reads is what serving reads (DESIGN §1, invariant 2).
@Suite(.serialized, .timeLimit(.minutes(5)))
struct TrainingRowTests {
    private static let cut = ShopLog.start + 40_000

    @Test(arguments: [1, 2] as [UInt64])
    func `rows of examples are those of a live profile at the same place in the log, bit for bit`(
        seed: UInt64
    ) async throws {
        let directory = try TemporaryDirectory()
        var fixture = try PipelineFixture(root: directory.path, seed: seed)
        let (place, early) = try crossing(fixture)
        #expect(place > 500)
        let examples = try fold(fixture)
        // A pipeline that has read everything before the record that takes the clock to the cut.
        fixture.options.logDirectory = directory.path + "/before"
        try fixture.log.write(to: fixture.options.logDirectory, count: place)
        let running = try await fixture.open(fixture.options)
        try await running.catchUp(to: place)
        let users = fixture.log.users
        let reply = try await running.pipeline.profiles(of: users, asOf: Self.cut)
        try await running.drain()
        let part = try #require(reply.parts.first { $0.name == "fip" })
        let tokenPart = try #require(reply.parts.first { $0.name == "esa" })
        let tensors = TinySpace.encoders([.fip, .esa])
        let encoder = try SRAEncoder(tensors: tensors[.fip] ?? [], level: .best)
        let tokenEncoder = try ESAEncoder(tensors: tensors[.esa] ?? [], level: .best)
        let multiTask = try [EncoderName.mtlPropensity, .mtlChurn].map { name in
            let part = try #require(reply.parts.first { $0.name == name.rawValue })
            let tensors = TinySpace.encoders([name])[name] ?? []
            return (name, try MTLEncoder(tensors: tensors, level: .best), part)
        }
        var comparedCount = 0
        for (user, row) in zip(users, reply.rows) where !early.contains(user) {
            #expect(row.isKnown == (examples[user] != nil), "user \(user)")
            guard let example = examples[user] else { continue }
            let rows = example.rows
            let count = rows.count / RowLayout.width
            #expect(row.rowCount == Int64(count), "user \(user)")
            let latent = encoder.encode(rows: rows.span, count: count)
            #expect(
                latent.map(\.bitPattern) == row.values[part.start..<part.end].map(\.bitPattern),
                "user \(user)")
            for (name, encoder, part) in multiTask {
                let before = max(0, count - 24)
                var states = [Float](repeating: 0, count: encoder.stateWidth)
                var scratch = encoder.makeScratch()
                for index in 0..<before {
                    var span = states.mutableSpan
                    encoder.step(
                        rows: rows.span.extracting(
                            index * RowLayout.width..<(index + 1) * RowLayout.width),
                        states: &span, scratch: &scratch)
                }
                let read = try #require(example.latestRows(24, readsEndRow: true))
                let z = encoder.latents(
                    rows: read.span, lengths: [count - before + 1], states: states.span)
                #expect(
                    z.map(\.bitPattern) == row.values[part.start..<part.end].map(\.bitPattern),
                    "\(name) of user \(user)")
            }
            let ended = ended(example, tokenEncoder)
            #expect(
                ended.map(\.bitPattern)
                    == row.values[tokenPart.start..<tokenPart.end].map(\.bitPattern),
                "user \(user)")
            comparedCount += 1
        }
        #expect(comparedCount > 40 && early.count < 3)
    }

    /// What ESA makes of an example's tokens, END included.
    private func ended(_ example: TrainingExample, _ encoder: ESAEncoder) -> [Float] {
        var scratch = encoder.makeScratch()
        var hidden = [Float](repeating: 0, count: encoder.hiddenWidth)
        for token in example.tokens {
            var span = hidden.mutableSpan
            encoder.step(tokens: ESAEncoder.indices(token), hidden: &span, scratch: &scratch)
        }
        return encoder.ended(
            hidden: hidden.span, buckets: [example.endBucket], scratch: &scratch)
    }

    /// Every user's example from the whole log, with all its rows.
    private func fold(_ fixture: PipelineFixture) throws -> [UserID: TrainingExample] {
        var options = RefreshOptions(
            logDirectory: fixture.options.logDirectory, stateDirectory: fixture.root, seed: 1)
        options.clock = fixture.options.clock
        options.fold = fixture.options.fold
        var examples = ExampleFoldOptions(window: LabelWindow(cutSeconds: Self.cut))
        examples.rowLimit = 60_000
        let statistics = PipelineFixture.statistics
        let path = fixture.root + "/examples"
        let report = try ExampleFold(
            host: .real, options: options, examples: examples, statistics: statistics,
            vocabulary: RowVocabulary(statistics), targets: TargetLists(statistics)
        ).run(to: path)
        let file = try ExampleFile(path, on: RealDisk())
        #expect(file.count == report.exampleCount)
        let all = try file.examples(Array(0..<file.count))
        #expect(all.contains { $0.rows.count > 24 * RowLayout.width }, "nobody fills the window")
        return Dictionary(
            uniqueKeysWithValues: all.enumerated().map { (file.user($0), $1) })
    }

    /// Records before the one that takes the log clock to the cut, and the users who were ahead.
    private func crossing(_ fixture: PipelineFixture) throws -> (place: Int, early: Set<UserID>) {
        let reader = try LogReader(
            host: .real, directory: fixture.options.logDirectory, options: LogReaderOptions())
        let parser = RecordParser(earliest: 0, latest: 4_102_444_799)
        var intake = Intake(options: fixture.options.clock)
        var ahead: Set<UserID> = []
        while let chunk = try reader.next() {
            for (index, entry) in parser.parse(chunk).entries.enumerated() {
                let offset = chunk.firstOffset + LogOffset(index)
                let before = ahead
                _ = intake.take(entry, at: offset) { event, _ in
                    if event.event.seconds >= Self.cut { ahead.insert(event.event.user) }
                    return Reducer.Outcome(admission: .pending, foldedCount: 1)
                }
                if let now = intake.clock.seconds, now >= Self.cut {
                    return (Int(offset), before)
                }
            }
        }
        return (-1, [])
    }
}
