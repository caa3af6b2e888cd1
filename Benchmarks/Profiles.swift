import ArgumentParser
import Encoders
import Events
import Features
import Kernels
import Learning
import Profiles
import Sessions
import Snapshots
import Storage

/// What building one whole profile costs, by the user's rows and by part.
extension Bench {
    /// Rows of the users that are asked for; the last has more than the window.
    private static let rowCounts = [2, 9, 64, 200]

    mutating func profiles() throws {
        let (log, _) = try mixedLog(users: size(2000, small: 200))
        say("profiles: one user at a time")
        let model = try wholeModel(log)
        var builder = ProfileBuilder(model: model)
        for count in Self.rowCounts {
            let state = Self.user(rows: count, model)
            let cold = ProfileBuilder.Input(state: state, hidden: [], steppedCount: 0)
            let resident = Self.stepped(state, model)
            let group = "one profile, \(count) product events"
            let inputs = count <= model.rowWindow ? [("cold", cold)] : []
            var columns: [[Float]] = []
            for (name, input) in inputs + [("resident", resident)] {
                var values: [Float] = []
                report.add(
                    group, name, "us",
                    microseconds {
                        let settled = builder.settle([input], asOf: Self.asOf, withLogits: false)
                        values.removeAll(keepingCapacity: true)
                        builder.append(settled, to: &values)
                    })
                columns.append(values)
            }
            // A cold user of more rows is stepped through them all, which `stepped` has not.
            report.check(
                "profiles: \(count) events: numbers that differ between cold and resident",
                wanted: 0,
                got: Int64(zip(columns[0], columns[columns.count - 1]).count { $0 != $1 }))
            parts(group, state, resident, model)
        }
    }

    private static let asOf: Int64 = 1_700_000_000

    /// Each part of the work by itself.
    private mutating func parts(
        _ group: String, _ state: UserState, _ resident: ProfileBuilder.Input,
        _ model: ProfileModel
    ) {
        let length = Int(min(state.rows.totalCount, Int64(model.rowWindow)))
        var rows: [UInt16] = []
        for row in state.rows.totalCount - Int64(length)..<state.rows.totalCount {
            rows += state.rows.row(row)
        }
        let none: [Float] = []
        for name in EncoderBank.trailingNames {
            guard let encoder = model.bank.multiTaskEncoder(name) else { continue }
            report.add(
                group, "of that \(name.rawValue)", "us",
                microseconds {
                    _ = encoder.latents(
                        rows: rows.span, lengths: [length], states: none.span)
                })
        }
        var replay = RaggedReplay(model.bank)
        if state.rows.totalCount <= Int64(model.rowWindow) {
            report.add(
                group, "of that GRU steps of a cold user", "us",
                microseconds {
                    replay.removeAll()
                    replay.addUser([], steppedCount: 0, state.rows)
                    replay.run()
                })
        }
        for (name, factors, counts) in [
            ("items", Self.factors(.item), state.items),
            ("categories", Self.factors(.category), state.categories),
        ] {
            let liked = counts.entries.compactMap { factors.index(of: $0.key) }
            report.add(
                group, "of that fold-in of \(name)", "us",
                microseconds { _ = factors.foldIn(liked) })
        }
    }

    /// Microseconds of each of many calls, after one that makes its memory; on a busy machine the
    /// least of them is what to compare.
    private func microseconds(_ body: () -> Void) -> [Double] {
        body()
        return (0..<size(200, small: 3)).map { _ in
            let start = host.clock.monotonicNanoseconds()
            body()
            return Double(host.clock.monotonicNanoseconds() - start) / 1e3
        }
    }

    /// All parts there are: seeded networks, the previous space's among them, and factors.
    private func wholeModel(_ log: PreparedLog) throws -> ProfileModel {
        let store = GenerationStore(stateDirectory: log.fitted, on: host)
        guard let published = try store.scan().good.last else {
            throw BenchError.wrong(["no generation was fitted"])
        }
        var space = try SpaceFiles(space: published.space.path, on: host.disk)
        space.encoders[.previousSRA] = space.encoders[.sra]
        space.encoders[.previousMTL] = space.encoders[.mtl]
        return try ProfileModel(
            statistics: try StatisticsFiles.read(
                space: published.space.path, generation: published.path, on: host.disk),
            fold: FoldOptions(), space: space,
            generation: GenerationFiles(
                itemFactors: Self.factors(.item), categoryFactors: Self.factors(.category)),
            hybrid: .extended, level: .best)
    }

    /// Factors of 2000 keys, of the published width.
    private static func factors(_ options: BPROptions) -> BPRFactors {
        let count = 2000
        let width = BPRKernels.rowWidth(factorCount: options.factorCount)
        var random = SeededRandom(seed: seed, stream: 1 << 56)
        var values: [Float] = []
        for _ in 0..<count {
            for column in 0..<width {
                let draw = Float(random.nextUnit() - 0.5)
                values.append(column <= options.factorCount ? draw : 0)
            }
        }
        return BPRFactors(
            ids: (0..<Int64(count)).map { $0 }, items: Matrix(values, rows: count, columns: width),
            popularity: (0..<count).map { Int32(1 + 20_000 / ($0 + 1)) }, options: options,
            weights: options == .item ? .item : .category)
    }

    /// A user of so many carts, each of which is a row.
    private static func user(rows: Int, _ model: ProfileModel) -> UserState {
        var state = UserState(firstOffset: 0, options: FoldOptions())
        var scratch = FoldScratch()
        for offset in 0..<Int64(rows) {
            let event = Event(
                user: UserID(rawValue: 1), seconds: 1_667_952_000 + offset * 4000,
                kind: .addToCart, key: offset * 7 % 2000)
            let item = CatalogueEntry(category: offset * 3 % 200, price: UInt8(offset % 100))
            model.reducer.admit(
                EnrichedEvent(event, item), at: offset, into: &state, &scratch)
        }
        return model.reducer.settled(state, &scratch)
    }

    /// The user as it stands in memory after its last row.
    private static func stepped(
        _ state: UserState, _ model: ProfileModel
    ) -> ProfileBuilder.Input {
        var early = RowWindow(limit: model.rowWindow)
        var replay = RaggedReplay(model.bank)
        let first = max(0, state.rows.totalCount - Int64(model.rowWindow))
        for row in first..<state.rows.totalCount {
            early.append(state.rows.row(row).span, state.rows.key(row))
        }
        replay.addUser([], steppedCount: 0, early)
        replay.run()
        return ProfileBuilder.Input(
            state: state, hidden: replay.state(0), steppedCount: state.rows.totalCount)
    }
}

struct ProfilesCommand: GroupCommand {
    static let configuration = CommandConfiguration(
        commandName: "profiles", abstract: "What one whole profile costs, part by part.")
    @OptionGroup var common: CommonOptions

    static func measure(_ bench: inout Bench) async throws { try bench.profiles() }
}
