import Encoders
import Events
import Features
import Kernels
import Storage
import TestSupport
import Testing

/// Users stepped together, with runs of rows of any lengths, through every encoder of a space,
/// against each user and each encoder alone.
@Suite struct RaggedReplayTests {
    /// N.
    private static let window = 6
    private let tensors = TinySpace.encoders()
    private let bank: EncoderBank

    init() throws {
        bank = try EncoderBank(
            tensors: tensors, vocabulary: TinySpace.vocabulary, rowWindow: Self.window, level: .best
        )
    }

    private struct User {
        var rows: [[UInt16]]
        var keys: [RowKey]
        /// Rows that the state has seen.
        var steppedCount: Int

        func window(limit: Int, upTo count: Int) -> (departed: DepartedRows, window: RowWindow) {
            var window = RowWindow(limit: limit)
            var departed = DepartedRows()
            for index in 0..<count {
                if index - limit >= max(0, steppedCount - RaggedReplayTests.window) {
                    departed.appendNext(of: window)
                }
                let row = rows[index]
                window.append(row.span, keys[index])
            }
            return (departed, window)
        }
    }

    private func user(_ random: inout SeededRandom, rowCount: Int) -> User {
        let rows = (0..<rowCount).map { _ in
            (0..<RowLayout.width).map { _ in halfBits(Float(2 * random.nextUnit() - 1)) }
        }
        let keys = (0..<rowCount).map { _ in
            RowKey(
                kind: EventKind.allCases.randomElement(using: &random) ?? .pageVisit,
                seconds: Int64.random(in: 0...2_000_000_000, using: &random),
                key: Int64.random(in: 0...40, using: &random),
                category: random.nextUnit() < 0.5 ? nil : Int64.random(in: 0...40, using: &random),
                price: random.nextUnit() < 0.5 ? nil : UInt8.random(in: 0...99, using: &random),
                gap: UInt8.random(in: 0...31, using: &random))
        }
        return User(
            rows: rows, keys: keys, steppedCount: Int.random(in: 0...rowCount, using: &random))
    }

    /// The state after the first `count` rows, encoder by encoder and row by row: the definition.
    private func alone(_ user: User, _ count: Int) throws -> [Float] {
        var all: [Float] = []
        for name in [EncoderName.sra, .fip, .esa, .previousSRA] {
            all += name == .esa ? try tokens(user, count) : try rows(name, user, count)
        }
        for name in [EncoderName.mtl, .mtlPropensity, .mtlChurn, .previousMTL] {
            let encoder = try MTLEncoder(tensors: tensors[name] ?? [], level: .best)
            var scratch = encoder.makeScratch()
            var states = [Float](repeating: 0, count: encoder.stateWidth)
            for row in user.rows.prefix(max(0, count - Self.window)) {
                var span = states.mutableSpan
                encoder.step(rows: row.span, states: &span, scratch: &scratch)
            }
            all += states
        }
        return all
    }

    private func rows(_ name: EncoderName, _ user: User, _ count: Int) throws -> [Float] {
        let encoder = try SRAEncoder(tensors: tensors[name] ?? [], level: .best)
        var scratch = encoder.makeScratch()
        var hidden = [Float](repeating: 0, count: encoder.hiddenWidth)
        for row in user.rows.prefix(count) {
            var span = hidden.mutableSpan
            encoder.step(rows: row.span, hidden: &span, scratch: &scratch)
        }
        return hidden
    }

    private func tokens(_ user: User, _ count: Int) throws -> [Float] {
        let encoder = try ESAEncoder(tensors: tensors[.esa] ?? [], level: .best)
        var scratch = encoder.makeScratch()
        var hidden = [Float](repeating: 0, count: encoder.hiddenWidth)
        for key in user.keys.prefix(count) {
            let token = RowToken(key, vocabulary: TinySpace.vocabulary)
            let indices = [
                token.type, token.category, token.price, token.item, token.url, token.weekday,
                token.gap,
            ]
            var span = hidden.mutableSpan
            encoder.step(tokens: indices, hidden: &span, scratch: &scratch)
        }
        return hidden
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func `gives every user the bytes it gets alone`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed, stream: 2)
        var replay = RaggedReplay(bank)
        // The same replay takes batch after batch.
        for _ in 0..<4 {
            let longest = Int.random(in: 0...24, using: &random)
            let users = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                user(&random, rowCount: Int.random(in: 0...longest, using: &random))
            }
            replay.removeAll()
            var steps = 0
            for user in users {
                // As wide as N, wider, and wide enough for all.
                let limit = Self.window + [0, 3, 100][Int.random(in: 0...2, using: &random)]
                let (departed, window) = user.window(limit: limit, upTo: user.rows.count)
                let state = user.steppedCount == 0 ? [] : try alone(user, user.steppedCount)
                replay.addUser(
                    state, steppedCount: Int64(user.steppedCount), departed: departed, window)
                let (from, to) = (user.steppedCount, user.rows.count)
                steps += 4 * (to - from) + 4 * (max(0, to - 6) - max(0, from - 6))
            }
            #expect(replay.count == users.count)
            let taken = replay.run()
            #expect(taken == steps)
            for (index, user) in users.enumerated() {
                let wanted = try alone(user, user.rows.count).map(\.bitPattern)
                let isSame = replay.state(index).map(\.bitPattern) == wanted
                #expect(isSame, "user \(index) of \(users.count)")
                for name in EncoderName.allCases {
                    let columns = try #require(bank.columns(name))
                    let width = columns.count
                    let found = replay.states(of: name)[index * width..<(index + 1) * width]
                    #expect(found.map(\.bitPattern) == Array(wanted[columns]), "\(name)")
                }
            }
        }
    }

    @Test func `rows in one run or in many are the same`() throws {
        var random = SeededRandom(seed: 8, stream: 2)
        let user = user(&random, rowCount: 23)
        var replay = RaggedReplay(bank)
        for step in [1, 2, 5, 9] {
            var state: [Float] = []
            var now = user
            now.steppedCount = 0
            while now.steppedCount < user.rows.count {
                let next = min(now.steppedCount + step, user.rows.count)
                let (departed, window) = now.window(limit: Self.window, upTo: next)
                replay.removeAll()
                replay.addUser(
                    state, steppedCount: Int64(now.steppedCount), departed: departed, window)
                replay.run()
                state = replay.state(0)
                now.steppedCount = next
            }
            #expect(state == (try alone(user, user.rows.count)), "\(step) at a time")
        }
    }

    @Test(arguments: EncoderName.allCases)
    func `any encoder may be missing, and the others are as they were`(name: EncoderName) throws {
        var random = SeededRandom(seed: 9, stream: 2)
        let user = user(&random, rowCount: 15)
        let wanted = try alone(user, 15)
        var some = tensors
        some[name] = nil
        let bank = try EncoderBank(
            tensors: some, vocabulary: TinySpace.vocabulary, rowWindow: Self.window, level: .best)
        var replay = RaggedReplay(bank)
        replay.addUser(
            [], steppedCount: 0, user.window(limit: 100, upTo: 15).window)
        replay.run()
        #expect(bank.columns(name) == nil && replay.states(of: name).isEmpty)
        let columns = try #require(self.bank.columns(name))
        var rest = wanted
        rest.removeSubrange(columns)
        #expect(replay.state(0) == rest && bank.stateWidth == rest.count)
    }

    @Test func `without users or rows nothing is stepped`() {
        var replay = RaggedReplay(bank)
        let none = replay.run()
        #expect(none == 0)
        let state = (0..<bank.stateWidth).map { Float($0) }
        let window = RowWindow(limit: Self.window)
        replay.addUser(state, steppedCount: 0, window)
        replay.addUser([], steppedCount: 0, window)
        let still = replay.run()
        #expect(still == 0)
        #expect(replay.state(0) == state)
        #expect(replay.state(1).allSatisfy { $0 == 0 })
        let empty = EncoderBank(rowWindow: 3)
        #expect(empty.isEmpty && empty.stateWidth == 0 && !bank.isEmpty)
    }

    @Test func `an encoder of another space is refused by the tensor that tells`() throws {
        func failure(_ change: (inout [EncoderName: [NamedTensor]]) -> Void) -> EncoderError? {
            var changed = tensors
            change(&changed)
            do throws(EncoderError) {
                _ = try EncoderBank(
                    tensors: changed,
                    vocabulary: RowVocabulary(
                        categories: Array(0..<40), items: [], urls: []),
                    rowWindow: 1, level: .portable)
                return nil
            } catch {
                return error
            }
        }
        // 30 categories of the tiny space have numbers, 40 are asked for.
        let short = failure { _ in }
        #expect(
            short
                == .wrongShape(name: "heads.category.weight", shape: [30, 18], wanted: [41, 18]))
        let narrow = failure {
            $0[.sra] = SRAEncoder.seededTensors(
                seed: 1, inputWidth: 59, hiddenWidth: 8, latentWidth: 4)
        }
        #expect(
            narrow
                == .wrongShape(
                    name: "encoder.weight_ih_l0", shape: [-1, 59], wanted: [-1, RowLayout.width]))
    }
}
