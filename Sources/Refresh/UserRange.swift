import Events
import Storage

/// The users of a pass: those whose mixed id lies between two numbers, both inclusive.
struct UserRange: Equatable, Sendable {
    let first: UInt64
    private(set) var last: UInt64

    init(first: UInt64, last: UInt64) {
        self.first = first
        self.last = last
    }

    /// What users are ordered by: a bijection of the id, so that ranges hold about equally many.
    static func rank(_ user: UserID) -> UInt64 {
        SeededRandom.mix(UInt64(bitPattern: user.rawValue))
    }

    func contains(_ user: UserID) -> Bool { contains(rank: Self.rank(user)) }

    func contains(rank: UInt64) -> Bool { rank >= first && rank <= last }

    /// Gives up the users after `last`.
    mutating func shrink(to last: UInt64) { self.last = last }

    /// The users after these, as many as these if there are so many; nil when none are left.
    var next: UserRange? {
        guard last < .max else { return nil }
        let start = last + 1
        let (end, overflow) = start.addingReportingOverflow(last - first)
        return UserRange(first: start, last: overflow ? .max : end)
    }

    /// Share of all users that stand before these, and that these are.
    var fractionBefore: Double { Double(first) * 0x1p-64 }
    var fraction: Double { (Double(last - first) + 1) * 0x1p-64 }
}

extension UserRange {
    /// Everybody.
    static let all = UserRange(first: 0, last: .max)
}
