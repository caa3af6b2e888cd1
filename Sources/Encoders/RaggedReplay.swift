import Features
import Kernels

/// Advances many users' hidden states over runs of rows of different lengths, together, through
/// every encoder of a bank.
///
/// The rows are gathered once; each encoder then steps wave after wave of them. The result of a
/// user is the same bytes whatever else is in the batch (`SRAEncoder.step`).
package struct RaggedReplay: Sendable {
    private let bank: EncoderBank
    private var rowScratch: [SRAScratch?]
    private var tokenScratch: GRUScratch?
    private var trailingScratch: [MTLScratch]
    /// What the stepped encoders read, and what the trailing ones do.
    private var newest = RaggedRows()
    private var oldest = RaggedRows()
    /// `[users, S]`, in order of arrival; after `run` the new states.
    private var states: [Float] = []

    /// Encoders that have stepped the users of this batch, of the bank's in order.
    private var steppedEncoderCount = 0

    /// Users added since the last `removeAll`.
    package private(set) var count = 0

    package init(_ bank: EncoderBank) {
        self.bank = bank
        rowScratch = bank.stepped.map { member in
            if case .rows(let encoder) = member.encoder { encoder.makeScratch() } else { nil }
        }
        tokenScratch = bank.tokenEncoder?.makeScratch()
        trailingScratch = bank.trailing.map { $0.encoder.makeScratch() }
    }

    /// Starts a new batch.
    package mutating func removeAll() {
        newest.removeAll()
        oldest.removeAll()
        states.removeAll(keepingCapacity: true)
        count = 0
        steppedEncoderCount = 0
    }

    /// Adds a user, to be brought up to the last row of the window.
    ///
    /// - Parameters:
    ///   - hidden: `[S]` at `steppedCount`, or empty when all is 0.
    ///   - steppedCount: rows that the stepped encoders have read.
    ///   - departed: rows max(0, steppedCount − N) ..< the window's oldest, if there are any.
    ///   - window: the user's latest rows; at least N of them, or all.
    package mutating func addUser(
        _ hidden: [Float], steppedCount: Int64, departed: DepartedRows = DepartedRows(),
        _ window: RowWindow
    ) {
        precondition(hidden.isEmpty || hidden.count == bank.stateWidth, "RaggedReplay: state")
        if hidden.isEmpty {
            states.append(contentsOf: repeatElement(0, count: bank.stateWidth))
        } else {
            states.append(contentsOf: hidden)
        }
        let limit = Int64(bank.rowWindow)
        precondition(window.limit >= bank.rowWindow, "RaggedReplay: window of \(window.limit)")
        if !bank.stepped.isEmpty {
            newest.addUser(
                steppedCount..<window.totalCount, departed, window,
                vocabulary: bank.tokenEncoder == nil ? nil : bank.vocabulary)
        }
        if !bank.trailing.isEmpty {
            oldest.addUser(
                max(0, steppedCount - limit)..<max(0, window.totalCount - limit), departed, window,
                vocabulary: nil)
        }
        count += 1
    }

    /// Steps every user through its rows.
    ///
    /// - Returns: GRU steps taken, of all encoders.
    @discardableResult
    package mutating func run() -> Int {
        while runNextEncoder() {}
        return stepCount
    }

    /// GRU steps that the batch takes, of all encoders.
    package var stepCount: Int {
        newest.rowCount * bank.stepped.count + oldest.rowCount * bank.trailing.count
    }

    /// Steps every user through its rows in one encoder, the next of the bank.
    ///
    /// - Returns: whether an encoder is left; only then are the states of no use yet.
    package mutating func runNextEncoder() -> Bool {
        let index = steppedEncoderCount
        if index == 0 {
            newest.arrange()
            oldest.arrange()
        }
        let trailing = index - bank.stepped.count
        if bank.stepped.indices.contains(index) {
            runStepped(index)
        } else if bank.trailing.indices.contains(trailing) {
            runTrailing(trailing)
        }
        steppedEncoderCount += 1
        return steppedEncoderCount < bank.stepped.count + bank.trailing.count
    }

    private mutating func runStepped(_ index: Int) {
        let member = bank.stepped[index]
        var sorted = gathered(newest.order, member.columns)
        switch member.encoder {
        case .rows(let encoder):
            // A local, so that the encoder may borrow it beside the rows.
            var scratch = rowScratch[index] ?? encoder.makeScratch()
            advance(&sorted, encoder, &scratch)
            rowScratch[index] = scratch
        case .tokens(let encoder): advance(&sorted, encoder)
        }
        scatter(newest.order, member.columns, sorted)
    }

    private mutating func runTrailing(_ index: Int) {
        let member = bank.trailing[index]
        guard !oldest.order.isEmpty else { return }
        var sorted = gathered(oldest.order, member.columns)
        var scratch = trailingScratch[index]
        advance(&sorted, member.encoder, &scratch)
        trailingScratch[index] = scratch
        scatter(oldest.order, member.columns, sorted)
    }

    /// The hidden state of the `index`-th user added, `[S]`.
    package func state(_ index: Int) -> [Float] {
        Array(states[index * bank.stateWidth..<(index + 1) * bank.stateWidth])
    }

    /// One encoder's hidden states of all users, `[users, H]`, in order of arrival; empty for an
    /// encoder that is not there.
    package func states(of name: EncoderName) -> [Float] {
        guard let columns = bank.columns(name) else { return [] }
        return gathered(Array(0..<count), columns)
    }

    private func advance(
        _ sorted: inout [Float], _ encoder: SRAEncoder, _ scratch: inout SRAScratch
    ) {
        var start = 0
        for users in newest.waveCounts {
            let end = start + users * RowLayout.width
            var span = sorted.mutableSpan
            var prefix = span._mutatingExtracting(first: users * encoder.hiddenWidth)
            encoder.step(
                rows: newest.waveHalves.span.extracting(start..<end), hidden: &prefix,
                scratch: &scratch)
            start = end
        }
    }

    private mutating func advance(_ sorted: inout [Float], _ encoder: ESAEncoder) {
        var work = tokenScratch ?? encoder.makeScratch()
        var start = 0
        for users in newest.waveCounts {
            let end = start + users * ESAEncoder.fields.count
            var span = sorted.mutableSpan
            var prefix = span._mutatingExtracting(first: users * encoder.hiddenWidth)
            encoder.step(
                tokens: Array(newest.waveTokens[start..<end]), hidden: &prefix, scratch: &work)
            start = end
        }
        tokenScratch = work
    }

    private func advance(
        _ sorted: inout [Float], _ encoder: MTLEncoder, _ scratch: inout MTLScratch
    ) {
        var start = 0
        for users in oldest.waveCounts {
            let end = start + users * RowLayout.width
            var span = sorted.mutableSpan
            var prefix = span._mutatingExtracting(first: users * encoder.stateWidth)
            encoder.step(
                rows: oldest.waveHalves.span.extracting(start..<end), states: &prefix,
                scratch: &scratch)
            start = end
        }
    }

    private func gathered(_ order: [Int], _ columns: Range<Int>) -> [Float] {
        var sorted: [Float] = []
        sorted.reserveCapacity(order.count * columns.count)
        for index in order {
            let start = index * bank.stateWidth
            sorted.append(
                contentsOf: states[start + columns.lowerBound..<start + columns.upperBound])
        }
        return sorted
    }

    private mutating func scatter(
        _ order: [Int], _ columns: Range<Int>, _ sorted: [Float]
    ) {
        for (place, index) in order.enumerated() {
            let from = place * columns.count
            let to = index * bank.stateWidth + columns.lowerBound
            for i in 0..<columns.count { states[to + i] = sorted[from + i] }
        }
    }
}
