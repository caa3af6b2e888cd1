import Encoders
import Features
import Learning
import Sessions

/// Makes profiles out of users' states: the parts side by side, in the layout's order.
package struct ProfileBuilder: Sendable {
    /// What the builder needs of one user.
    package struct Input: Sendable {
        package var state: UserState
        /// `[S]` after the first `steppedCount` committed rows (`EncoderBank`); empty when all is 0.
        package var hidden: [Float]
        package var steppedCount: Int64
        /// Rows that the encoders have still to read and that have left the window.
        package var departed: DepartedRows

        /// A user as it is in memory; the window and what has departed from it hold all rows that
        /// the encoders have still to read.
        ///
        /// With `steppedCount` 0 and nothing departed, any window of at least N rows will do that
        /// holds all of the user's.
        package init(
            state: UserState, hidden: [Float], steppedCount: Int64,
            departed: DepartedRows = DepartedRows()
        ) {
            self.state = state
            self.hidden = hidden
            self.steppedCount = steppedCount
            self.departed = departed
        }
    }

    /// Weight of the space's own encoder where the previous space has one too, and of the latter's
    /// (the paper's regularisation by the first phase's model).
    private static let ownShare: Float = 0.7
    private static let previousShare: Float = 0.3

    package let model: ProfileModel
    private var scratch = FoldScratch()
    private var replay: RaggedReplay
    let endRow: EndRow

    /// A builder of the model's profiles.
    package init(model: ProfileModel) {
        self.model = model
        replay = RaggedReplay(model.bank)
        endRow = EndRow(model.reducer.statistics)
    }

    /// Columns of a profile.
    package var layout: ProfileLayout { model.layout }

    /// GRU steps that the last `settle` took, of all encoders.
    package private(set) var stepCount = 0

    /// Profiles at `asOf`, pending events folded and open sessions closed on copies.
    ///
    /// A profile is the same bytes alone and in any batch (DESIGN §1, invariant 5).
    /// - Returns: the settled states and `[users, D]`, in the order given.
    package mutating func profiles(
        _ inputs: [Input], asOf: Int64
    ) -> (settled: [UserState], values: [Float]) {
        let settled = settle(inputs, asOf: asOf, withLogits: false)
        var values: [Float] = []
        values.reserveCapacity(inputs.count * layout.width)
        append(settled, to: &values)
        return (settled.map(\.state), values)
    }

    /// What a profile and a prediction are read off from, at one time.
    package struct Settled: Sendable {
        /// Pending events folded, open sessions closed.
        package var state: UserState
        /// The time it speaks for, seconds since 1970; `move` takes it to another.
        package internal(set) var asOf: Int64
        /// z of each encoder that has one, `[Z]`.
        var latents: [EncoderName: [Float]] = [:]
        /// The multi-task encoders' states before the rows that they read anew, `[S]` each.
        var windowStates: [EncoderName: [Float]] = [:]
        /// ESA's hidden state after the last row, `[H]`; empty when the part is not served.
        var tokenState: [Float] = []
        /// The same after END, and END's class of time.
        var ended: [Float] = []
        var endBucket: UInt8?
        /// Empty when `settle` was not asked for them.
        package var logits = Logits()
        /// BPR's scores of the target items and categories; nil for a user who has none.
        package var itemScores: [Float]?
        package var categoryScores: [Float]?

        init(state: UserState, asOf: Int64) {
            self.state = state
            self.asOf = asOf
        }
    }

    /// What the heads say before the sigmoid.
    package struct Logits: Sendable {
        /// MTL Churn's; nil without it.
        package var churn: Float?
        /// MTL Propensity's, in the order of the targets; empty without it.
        package var categories: [Float] = []
        package var items: [Float] = []
    }

    /// Folds pending events and closes open sessions, on copies, in the order given.
    ///
    /// - Parameters:
    ///   - inputs: the users.
    ///   - asOf: the time that is looked from.
    ///   - withLogits: whether the heads are asked as well; no column depends on them, and their
    ///     weights are larger than all the others of a multi-task network.
    /// - Returns: the users, from each of which profiles can be read off.
    package mutating func settle(
        _ inputs: [Input], asOf: Int64, withLogits: Bool = true
    ) -> [Settled] {
        var settled = settledStates(inputs, asOf: asOf)
        guard !settled.isEmpty else { return settled }
        fillNetworks(&settled)
        readWindows(&settled, by: EncoderBank.trailingNames)
        readEnds(&settled)
        for index in settled.indices {
            fillScores(&settled[index])
            if withLogits { settled[index].logits = logits(of: settled[index]) }
        }
        return settled
    }

    /// Takes settled users to another time: what reads END is asked again, the rest stays.
    ///
    /// Logits, if they were there, are gone.
    package func move(_ users: inout [Settled], to asOf: Int64) {
        for index in users.indices {
            users[index].asOf = asOf
            users[index].logits = Logits()
        }
        guard !users.isEmpty else { return }
        readWindows(&users, by: EncoderBank.trailingNames.filter(model.endRowNetworks.contains))
        readEnds(&users)
    }

    /// Appends profiles, `[users, D]`, to `values`, each of the time its user speaks for.
    package func append(_ users: [Settled], to values: inout [Float]) {
        for user in users {
            for part in model.parts where part.isPublished { values += columns(part, user) }
            var ended = user.ended
            model.scaling.apply(.esa, &ended)
            values.append(contentsOf: ended)
            if model.parts.contains(.stats) {
                var stats = StatsPart.values(user.state, asOf: user.asOf)
                model.scaling.apply(.stats, &stats)
                values.append(contentsOf: stats)
            }
        }
    }

    /// Appends a profile, `[D]`, to `values`.
    package func append(_ user: Settled, to values: inout [Float]) {
        append([user], to: &values)
    }

    private mutating func settledStates(_ inputs: [Input], asOf: Int64) -> [Settled] {
        replay.removeAll()
        let settled = inputs.map { input in
            scratch.removeRows()
            let state = model.reducer.settled(input.state, &scratch)
            var departed = input.departed
            departed.append(scratch.departed)
            replay.addUser(
                input.hidden, steppedCount: input.steppedCount, departed: departed, state.rows)
            return Settled(state: state, asOf: asOf)
        }
        stepCount = replay.run()
        return settled
    }

    /// What the encoders make of the rows that the replay has stepped them over, in its order.
    private func fillNetworks(_ users: inout [Settled]) {
        func row(_ values: [Float], _ index: Int) -> [Float] {
            let width = values.count / users.count
            return Array(values[index * width..<(index + 1) * width])
        }
        for name in [EncoderName.sra, .fip, .previousSRA] {
            guard let encoder = model.bank.rowEncoder(name) else { continue }
            let hidden = replay.states(of: name)
            var latents = [Float](repeating: 0, count: users.count * encoder.latentWidth)
            var span = latents.mutableSpan
            encoder.latent(hidden: hidden.span, into: &span)
            for index in users.indices { users[index].latents[name] = row(latents, index) }
        }
        for name in EncoderBank.trailingNames where model.bank.multiTaskEncoder(name) != nil {
            let states = replay.states(of: name)
            for index in users.indices { users[index].windowStates[name] = row(states, index) }
        }
        guard model.parts.contains(.esa) else { return }
        let states = replay.states(of: .esa)
        for index in users.indices { users[index].tokenState = row(states, index) }
    }

    /// z of multi-task encoders, each over the users' last N rows, and END if it reads that.
    private func readWindows(_ users: inout [Settled], by names: [EncoderName]) {
        for readsEndRow in [false, true] {
            let encoders = names.filter {
                model.endRowNetworks.contains($0) == readsEndRow
                    && model.bank.multiTaskEncoder($0) != nil
            }
            guard !encoders.isEmpty else { continue }
            var rows: [UInt16] = []
            let lengths = users.map { user in
                appendWindow(of: user, withEndRow: readsEndRow, to: &rows)
            }
            for name in encoders {
                guard let encoder = model.bank.multiTaskEncoder(name) else { continue }
                let states = users.flatMap { $0.windowStates[name] ?? [] }
                let latents = encoder.latents(
                    rows: rows.span, lengths: lengths, states: states.span)
                let width = encoder.latentWidth
                for index in users.indices {
                    users[index].latents[name] = Array(
                        latents[index * width..<(index + 1) * width])
                }
            }
        }
    }

    /// Appends the rows that a multi-task encoder reads of a user; how many they are.
    private func appendWindow(
        of user: Settled, withEndRow readsEndRow: Bool, to rows: inout [UInt16]
    ) -> Int {
        let window = user.state.rows
        let count = min(window.totalCount, Int64(model.bank.rowWindow))
        for row in window.totalCount - count..<window.totalCount { rows += window.row(row) }
        guard readsEndRow else { return Int(count) }
        rows += endRow.halves(user.state, asOf: user.asOf)
        return Int(count) + 1
    }

    private func fillScores(_ user: inout Settled) {
        user.itemScores = model.itemScores.scores(user.state.items)
        user.categoryScores = model.categoryScores.scores(user.state.categories)
    }

    /// The columns of a published part.
    private func columns(_ part: ProfilePart, _ user: Settled) -> [Float] {
        func latents(_ name: EncoderName) -> [Float] { user.latents[name] ?? [] }
        return switch part {
        case .sra: blended(latents(.sra), latents(.previousSRA))
        case .mtl: blended(latents(.mtl), latents(.previousMTL))
        case .mtlPropensity: latents(.mtlPropensity)
        case .fip: latents(.fip)
        case .mtlChurn: latents(.mtlChurn)
        case .bprItems: padded(user.itemScores)
        case .bprCategories: padded(user.categoryScores)
        case .esa, .stats: []
        }
    }

    /// 0.7 × own + 0.3 × previous, each product rounded, then the sum; own alone without the other.
    private func blended(_ own: [Float], _ previous: [Float]) -> [Float] {
        guard !previous.isEmpty else { return own }
        return zip(own, previous).map { own, previous in
            let first = Self.ownShare * own
            let second = Self.previousShare * previous
            return first + second
        }
    }

    /// 100 columns: scores of the targets there are, then zeros.
    private func padded(_ scores: [Float]?) -> [Float] {
        let scores = scores ?? []
        return scores + repeatElement(0, count: TargetLists.limit - scores.count)
    }

    /// ESA's states after END, which says how long ago the newest event was, of those users for whom
    /// it says another class of time than before.
    private func readEnds(_ users: inout [Settled]) {
        guard model.parts.contains(.esa), let encoder = model.bank.tokenEncoder else { return }
        var places: [Int] = []
        var buckets: [UInt8] = []
        var states: [Float] = []
        for (place, user) in users.enumerated() {
            let newest = user.state.window.newestSeconds ?? user.asOf
            let bucket = LogBuckets.index(seconds: user.asOf - newest)
            guard bucket != user.endBucket else { continue }
            places.append(place)
            buckets.append(bucket)
            states.append(contentsOf: user.tokenState)
        }
        guard !places.isEmpty else { return }
        var scratch = encoder.makeScratch()
        let ended = encoder.ended(hidden: states.span, buckets: buckets, scratch: &scratch)
        let width = ended.count / places.count
        for (index, place) in places.enumerated() {
            users[place].ended = Array(ended[index * width..<(index + 1) * width])
            users[place].endBucket = buckets[index]
        }
    }
}
