import Features

/// Advances many users' hidden states over runs of rows of different lengths, together.
///
/// Users are ordered by length, longest first, so that wave t holds the users with more than t
/// rows as a prefix: no padding, no work on absent rows. The result of a user is the same bytes
/// whatever else is in the batch (`SRAEncoder.step`).
package struct RaggedReplay: Sendable {
    private struct User {
        var firstRow: Int
        var rowCount: Int
        var hiddenStart: Int
    }

    private let encoder: SRAEncoder
    private var scratch: SRAScratch
    /// `[rows, D]` float16 bits of all users, each user's rows contiguous.
    private var halves: [UInt16] = []
    /// `[users, H]`, in order of arrival; after `run` the new states.
    private var hidden: [Float] = []
    private var users: [User] = []

    package init(encoder: SRAEncoder) {
        self.encoder = encoder
        scratch = encoder.makeScratch()
    }

    /// Users added since the last `removeAll`.
    package var count: Int { users.count }
    /// Rows added since the last `removeAll`.
    package var rowCount: Int { halves.count / encoder.inputWidth }

    /// Starts a new batch.
    package mutating func removeAll() {
        halves.removeAll(keepingCapacity: true)
        hidden.removeAll(keepingCapacity: true)
        users.removeAll(keepingCapacity: true)
    }

    /// Adds a user whose state before the rows to come is `state`, `[H]`, or empty for h = 0.
    package mutating func addUser(_ state: [Float]) {
        precondition(state.isEmpty || state.count == encoder.hiddenWidth, "RaggedReplay: state")
        users.append(User(firstRow: rowCount, rowCount: 0, hiddenStart: hidden.count))
        if state.isEmpty {
            hidden.append(contentsOf: repeatElement(0, count: encoder.hiddenWidth))
        } else {
            hidden.append(contentsOf: state)
        }
    }

    /// Appends a row, `[D]` float16 bits, to the user added last.
    package mutating func addRow(_ row: ArraySlice<UInt16>) {
        precondition(row.count == encoder.inputWidth && !users.isEmpty, "RaggedReplay: row")
        halves.append(contentsOf: row)
        users[users.count - 1].rowCount += 1
    }

    /// Steps every user through its rows.
    ///
    /// - Returns: GRU steps taken.
    @discardableResult
    package mutating func run() -> Int {
        let order = users.indices.filter { users[$0].rowCount > 0 }
            .sorted {
                users[$0].rowCount != users[$1].rowCount
                    ? users[$0].rowCount > users[$1].rowCount : $0 < $1
            }
        guard let longest = order.first else { return 0 }
        // Locals, so that the encoder may borrow them beside its own scratch.
        var sorted = gathered(order)
        var wave: [UInt16] = []
        var active = order.count
        for step in 0..<users[longest].rowCount {
            while users[order[active - 1]].rowCount <= step { active -= 1 }
            wave.removeAll(keepingCapacity: true)
            for index in order[..<active] {
                let start = (users[index].firstRow + step) * encoder.inputWidth
                wave.append(contentsOf: halves[start..<start + encoder.inputWidth])
            }
            var states = sorted.mutableSpan
            var prefix = states._mutatingExtracting(first: active * encoder.hiddenWidth)
            encoder.step(rows: wave.span, hidden: &prefix, scratch: &scratch)
        }
        scatter(order, sorted)
        return rowCount
    }

    /// The state of the `index`-th user added, `[H]`.
    package func state(_ index: Int) -> [Float] {
        let start = users[index].hiddenStart
        return Array(hidden[start..<start + encoder.hiddenWidth])
    }

    /// The latent vectors of all users, `[users, Z]`, in order of arrival.
    package mutating func latents() -> [Float] {
        var out = [Float](repeating: 0, count: users.count * encoder.latentWidth)
        var span = out.mutableSpan
        encoder.latent(hidden: hidden.span, into: &span)
        return out
    }

    private func gathered(_ order: [Int]) -> [Float] {
        var sorted: [Float] = []
        sorted.reserveCapacity(order.count * encoder.hiddenWidth)
        for index in order {
            let start = users[index].hiddenStart
            sorted.append(contentsOf: hidden[start..<start + encoder.hiddenWidth])
        }
        return sorted
    }

    private mutating func scatter(_ order: [Int], _ sorted: [Float]) {
        for (place, index) in order.enumerated() {
            let from = place * encoder.hiddenWidth
            let to = users[index].hiddenStart
            for i in 0..<encoder.hiddenWidth { hidden[to + i] = sorted[from + i] }
        }
    }
}
