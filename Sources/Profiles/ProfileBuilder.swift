import Encoders
import Features

/// Makes profiles out of users' states: the parts side by side, in the layout's order.
package struct ProfileBuilder: Sendable {
    /// What the builder needs of one user.
    package struct Input: Sendable {
        package var state: UserState
        /// `[H]` after the first `steppedCount` committed rows; empty for h = 0 before them all.
        ///
        /// The row window must hold the rest.
        package var hidden: [Float]
        package var steppedCount: Int64

        package init(state: UserState, hidden: [Float], steppedCount: Int64) {
            self.state = state
            self.hidden = hidden
            self.steppedCount = steppedCount
        }
    }

    package let layout: ProfileLayout
    private let reducer: Reducer
    private var scratch = FoldScratch()
    private var replay: RaggedReplay?
    private let latentWidth: Int

    /// Without an encoder, as in generation 0, a profile is the stats part alone.
    package init(reducer: Reducer, encoder: SRAEncoder?) {
        self.reducer = reducer
        replay = encoder.map { RaggedReplay(encoder: $0) }
        latentWidth = encoder?.latentWidth ?? 0
        let encoded = encoder.map { [(name: "sra", width: $0.latentWidth)] } ?? []
        layout = ProfileLayout(encoded + [(name: "stats", width: StatsPart.width)])
    }

    /// GRU steps that the last `profiles` took.
    package private(set) var stepCount = 0

    /// Profiles at `asOf`, pending events folded and open sessions closed on copies.
    ///
    /// A profile is the same bytes alone and in any batch (DESIGN §1, invariant 5).
    /// - Returns: the settled states and `[users, D]`, in the order given.
    package mutating func profiles(
        _ inputs: [Input], asOf: Int64
    ) -> (settled: [UserState], values: [Float]) {
        let settled = settle(inputs)
        var values: [Float] = []
        values.reserveCapacity(inputs.count * layout.width)
        for user in settled { append(user, asOf: asOf, to: &values) }
        return (settled.map(\.state), values)
    }

    /// What a profile is made of whatever `as_of` is.
    package struct Settled: Sendable {
        /// Pending events folded, open sessions closed.
        package var state: UserState
        /// `[Z]`, empty without an encoder.
        package var latents: [Float]
    }

    /// Folds pending events and closes open sessions, on copies, in the order given.
    package mutating func settle(_ inputs: [Input]) -> [Settled] {
        let states = settledStates(inputs)
        let latents = replay?.latents() ?? []
        return states.enumerated().map { index, state in
            Settled(
                state: state,
                latents: Array(latents[index * latentWidth..<(index + 1) * latentWidth]))
        }
    }

    /// Appends a profile, `[D]`, to `values`.
    package func append(_ user: Settled, asOf: Int64, to values: inout [Float]) {
        values.append(contentsOf: user.latents)
        values.append(contentsOf: StatsPart.values(user.state, asOf: asOf))
    }

    private mutating func settledStates(_ inputs: [Input]) -> [UserState] {
        replay?.removeAll()
        let settled = inputs.map { input in
            scratch.removeRows()
            let state = reducer.settled(input.state, &scratch)
            guard replay != nil else { return state }
            replay?.addUser(input.hidden)
            let rows = input.state.rows
            for index in input.steppedCount..<rows.totalCount { replay?.addRow(rows.row(index)) }
            for index in scratch.keys.indices {
                let start = index * RowLayout.width
                replay?.addRow(scratch.halves[start..<start + RowLayout.width])
            }
            return state
        }
        stepCount = replay?.run() ?? 0
        return settled
    }
}
