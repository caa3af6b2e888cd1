import Events
import Storage

/// Which users no network trains on: one half for early stopping, the other for the gate.
///
/// A user's part is a function of its id and a constant, so that it is the same in every refresh,
/// and a gate never meets users whom an earlier encoder of the space was trained on.
package struct HoldOut: Sendable, Hashable {
    /// What a user is used for.
    package enum Part: Sendable, Hashable, CaseIterable {
        case training
        case earlyStopping
        case gate
    }

    /// Changing it would let encoders be judged by users they were trained on.
    private static let salt: UInt64 = 0x5B1D_93A7_2C64_E80F

    /// Share of users held out, 0…1; half of them in each half.
    package let share: Double

    package init(share: Double = 0.1) {
        precondition((0...1).contains(share), "HoldOut: a share of \(share)")
        self.share = share
    }

    /// What the user is used for.
    package func part(of user: UserID) -> Part {
        let bits = SeededRandom.mix(UInt64(bitPattern: user.rawValue) ^ Self.salt)
        // Mixed twice: the file of examples is ordered by a single mix of the id.
        let draw = Double(SeededRandom.mix(bits) >> 11) * 0x1p-53
        guard draw < share else { return .training }
        return draw < share / 2 ? .earlyStopping : .gate
    }
}
