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

    /// A builder of the model's profiles.
    package init(model: ProfileModel) {
        self.model = model
        replay = RaggedReplay(model.bank)
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
        let settled = settle(inputs, withLogits: false)
        var values: [Float] = []
        values.reserveCapacity(inputs.count * layout.width)
        append(settled, asOf: asOf, to: &values)
        return (settled.map(\.state), values)
    }

    /// What a profile is made of whatever `as_of` is.
    package struct Settled: Sendable {
        /// Pending events folded, open sessions closed.
        package var state: UserState
        /// The columns of the parts before ESA's.
        package var columns: [Float] = []
        /// ESA's hidden state after the last row, `[H]`; empty when the part is not served.
        package var tokenState: [Float] = []
        /// z of MTL Propensity and of MTL Churn, which the heads read; empty without the network.
        package var propensityLatents: [Float] = []
        package var churnLatents: [Float] = []
        /// Empty when `settle` was not asked for them.
        package var logits = Logits()
        /// BPR's scores of the target items and categories; nil for a user who has none.
        package var itemScores: [Float]?
        package var categoryScores: [Float]?

        init(state: UserState) { self.state = state }
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
    ///   - withLogits: whether the heads are asked as well; no column depends on them, and their
    ///     weights are larger than all the others of a multi-task network.
    /// - Returns: the users, from each of which profiles can be read off.
    package mutating func settle(_ inputs: [Input], withLogits: Bool = true) -> [Settled] {
        var settled = settledStates(inputs)
        guard !settled.isEmpty else { return settled }
        let networks = Networks(model, replay, settled.map(\.state))
        for index in settled.indices {
            networks.fill(&settled[index], index)
            fillScores(&settled[index])
            if withLogits { settled[index].logits = logits(of: settled[index]) }
            for part in model.parts where part.isPublished {
                settled[index].columns += columns(part, settled[index], index, networks)
            }
        }
        return settled
    }

    /// Appends profiles, `[users, D]`, to `values`.
    package func append(_ users: [Settled], asOf: Int64, to values: inout [Float]) {
        let ended = model.parts.contains(.esa) ? endedStates(users, asOf: asOf) : []
        let width = users.isEmpty ? 0 : ended.count / users.count
        for (index, user) in users.enumerated() {
            values.append(contentsOf: user.columns)
            values.append(contentsOf: ended[index * width..<(index + 1) * width])
            if model.parts.contains(.stats) {
                values.append(contentsOf: StatsPart.values(user.state, asOf: asOf))
            }
        }
    }

    /// Appends a profile, `[D]`, to `values`.
    package func append(_ user: Settled, asOf: Int64, to values: inout [Float]) {
        append([user], asOf: asOf, to: &values)
    }

    private mutating func settledStates(_ inputs: [Input]) -> [Settled] {
        replay.removeAll()
        let settled = inputs.map { input in
            scratch.removeRows()
            let state = model.reducer.settled(input.state, &scratch)
            var departed = input.departed
            departed.append(scratch.departed)
            replay.addUser(
                input.hidden, steppedCount: input.steppedCount, departed: departed, state.rows)
            return Settled(state: state)
        }
        stepCount = replay.run()
        return settled
    }

    private func fillScores(_ user: inout Settled) {
        user.itemScores = model.itemScores.scores(user.state.items)
        user.categoryScores = model.categoryScores.scores(user.state.categories)
    }

    /// The columns of a published part.
    private func columns(
        _ part: ProfilePart, _ user: Settled, _ index: Int, _ networks: Networks
    ) -> [Float] {
        switch part {
        case .sra: blended(networks.latents(.sra, index), networks.latents(.previousSRA, index))
        case .mtl: blended(networks.latents(.mtl, index), networks.latents(.previousMTL, index))
        case .mtlPropensity: networks.latents(.mtlPropensity, index)
        case .fip: networks.latents(.fip, index)
        case .mtlChurn: networks.latents(.mtlChurn, index)
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

    /// `[users, H]` ESA's states after END, which says how long ago the newest event was.
    private func endedStates(_ users: [Settled], asOf: Int64) -> [Float] {
        guard let encoder = model.bank.tokenEncoder else { return [] }
        var states: [Float] = []
        states.reserveCapacity(users.count * encoder.hiddenWidth)
        for user in users { states.append(contentsOf: user.tokenState) }
        var scratch = encoder.makeScratch()
        return encoder.ended(
            hidden: states.span,
            buckets: users.map { user in
                LogBuckets.index(seconds: asOf - (user.state.window.newestSeconds ?? asOf))
            }, scratch: &scratch)
    }
}

/// What the encoders make of a batch of users after their last rows.
private struct Networks {
    /// `[users, Z]` of each encoder that was asked.
    private var all: [EncoderName: [Float]] = [:]
    private let tokenStates: [Float]
    private let count: Int

    /// - Parameters:
    ///   - model: whose encoders are asked.
    ///   - replay: has stepped them to the users' last rows.
    ///   - states: settled, in the replay's order.
    init(_ model: ProfileModel, _ replay: RaggedReplay, _ states: [UserState]) {
        let bank = model.bank
        count = states.count
        tokenStates = model.parts.contains(.esa) ? replay.states(of: .esa) : []
        for name in [EncoderName.sra, .fip, .previousSRA] {
            guard let encoder = bank.rowEncoder(name) else { continue }
            let hidden = replay.states(of: name)
            var latents = [Float](repeating: 0, count: count * encoder.latentWidth)
            var span = latents.mutableSpan
            encoder.latent(hidden: hidden.span, into: &span)
            all[name] = latents
        }
        var rows: [UInt16] = []
        var lengths: [Int] = []
        if EncoderBank.trailingNames.contains(where: { bank.multiTaskEncoder($0) != nil }) {
            for state in states {
                let length = min(state.rows.totalCount, Int64(bank.rowWindow))
                for row in state.rows.totalCount - length..<state.rows.totalCount {
                    rows += state.rows.row(row)
                }
                lengths.append(Int(length))
            }
        }
        for name in EncoderBank.trailingNames {
            guard let encoder = bank.multiTaskEncoder(name) else { continue }
            let hidden = replay.states(of: name)
            all[name] = encoder.latents(
                rows: rows.span, lengths: lengths, states: hidden.span)
        }
    }

    /// One user's latent vector of an encoder, `[Z]`; empty for an encoder that is not there.
    func latents(_ name: EncoderName, _ index: Int) -> [Float] {
        row(all[name] ?? [], index)
    }

    /// Sets what does not come by way of a part's columns.
    func fill(_ user: inout ProfileBuilder.Settled, _ index: Int) {
        user.tokenState = row(tokenStates, index)
        user.propensityLatents = latents(.mtlPropensity, index)
        user.churnLatents = latents(.mtlChurn, index)
    }

    private func row(_ values: [Float], _ index: Int) -> [Float] {
        let width = values.count / count
        return Array(values[index * width..<(index + 1) * width])
    }
}
