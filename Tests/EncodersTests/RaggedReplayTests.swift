import Encoders
import Kernels
import Storage
import Testing

/// Users stepped together, with runs of rows of any lengths, against each user stepped alone.
@Suite struct RaggedReplayTests {
    private static let width = 64
    private let encoder: SRAEncoder

    init() throws {
        encoder = try SRAEncoder(
            tensors: SRAEncoder.seededTensors(
                seed: 3, inputWidth: Self.width, hiddenWidth: 40, latentWidth: 12), level: .best)
    }

    private struct User {
        var rows: [[UInt16]]
        /// Empty for a fresh user.
        var state: [Float]
    }

    private func user(_ random: inout SeededRandom, rowCount: Int) -> User {
        let rows = (0..<rowCount).map { _ in
            (0..<Self.width).map { _ in halfBits(Float(2 * random.nextUnit() - 1)) }
        }
        let state = (0..<encoder.hiddenWidth).map { _ in Float(2 * random.nextUnit() - 1) }
        return User(rows: rows, state: random.nextUnit() < 0.5 ? [] : state)
    }

    /// Row by row, alone: the definition.
    private func alone(_ user: User) -> [Float] {
        var scratch = encoder.makeScratch()
        var hidden =
            user.state.isEmpty
            ? [Float](repeating: 0, count: encoder.hiddenWidth) : user.state
        for row in user.rows {
            var state = hidden.mutableSpan
            encoder.step(rows: row.span, hidden: &state, scratch: &scratch)
        }
        return hidden
    }

    @Test(arguments: 0..<25 as Range<UInt64>)
    func `gives every user the bytes it gets alone`(seed: UInt64) {
        var random = SeededRandom(seed: seed, stream: 2)
        var replay = RaggedReplay(encoder: encoder)
        // The same replay takes batch after batch.
        for _ in 0..<4 {
            let longest = Int.random(in: 0...9, using: &random)
            let users = (0..<Int.random(in: 0...20, using: &random)).map { _ in
                user(&random, rowCount: Int.random(in: 0...longest, using: &random))
            }
            replay.removeAll()
            for user in users {
                replay.addUser(user.state)
                for row in user.rows { replay.addRow(row[...]) }
            }
            let rowCount = users.reduce(0) { $0 + $1.rows.count }
            #expect(replay.count == users.count)
            #expect(replay.rowCount == rowCount)
            let steps = replay.run()
            #expect(steps == rowCount)
            let latents = replay.latents()
            for (index, user) in users.enumerated() {
                let wanted = alone(user)
                let isSame = replay.state(index).map(\.bitPattern) == wanted.map(\.bitPattern)
                #expect(isSame, "user \(index) of \(users.count)")
                var latent = [Float](repeating: 0, count: encoder.latentWidth)
                var span = latent.mutableSpan
                encoder.latent(hidden: wanted.span, into: &span)
                let range = index * encoder.latentWidth..<(index + 1) * encoder.latentWidth
                #expect(latents[range].map(\.bitPattern) == latent.map(\.bitPattern))
            }
        }
    }

    @Test func `rows in one run or in two are the same`() {
        var random = SeededRandom(seed: 8, stream: 2)
        let users = (0..<9).map { user(&random, rowCount: $0) }
        var replay = RaggedReplay(encoder: encoder)
        for user in users {
            replay.addUser(user.state)
            for row in user.rows.prefix(user.rows.count / 2) { replay.addRow(row[...]) }
        }
        _ = replay.run()
        let between = users.indices.map { replay.state($0) }
        replay.removeAll()
        for (user, state) in zip(users, between) {
            replay.addUser(state)
            for row in user.rows.dropFirst(user.rows.count / 2) { replay.addRow(row[...]) }
        }
        _ = replay.run()
        for index in users.indices { #expect(replay.state(index) == alone(users[index])) }
    }

    @Test func `without users or rows nothing is stepped`() {
        var replay = RaggedReplay(encoder: encoder)
        let none = replay.run()
        #expect(none == 0)
        #expect(replay.latents().isEmpty)
        let state = (0..<encoder.hiddenWidth).map { Float($0) }
        replay.addUser(state)
        replay.addUser([])
        let still = replay.run()
        #expect(still == 0)
        #expect(replay.state(0) == state)
        #expect(replay.state(1).allSatisfy { $0 == 0 })
    }
}
