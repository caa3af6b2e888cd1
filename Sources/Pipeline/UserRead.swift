import Events
import Profiles

/// The users of one read as they were at its cursor, settled piece by piece.
struct UserRead {
    /// Users who are settled between two looks at whether somebody else waits.
    private static let pieceCount = 8

    /// The time that profiles speak for.
    let asOf: Int64
    /// Whether the caller named the time.
    let isDated: Bool
    /// The profiler's, when the users were found.
    let evictionCount: Int
    /// In the order asked; all below go by it.
    private(set) var ids: [UserID] = []
    /// What each was remembered under.
    private(set) var versions: [UInt64] = []
    /// Those who are settled already; nil also for a user nobody knows.
    var found: [SettledUser?] = []
    /// What the others are made of; nil once they are.
    var inputs: [ProfileBuilder.Input?] = []

    init(asOf: Int64, isDated: Bool, evictionCount: Int) {
        self.asOf = asOf
        self.isDated = isDated
        self.evictionCount = evictionCount
    }

    /// Adds a user, remembered or to be made.
    mutating func append(
        _ id: UserID, version: UInt64, _ known: SettledUser?, _ input: ProfileBuilder.Input?
    ) {
        ids.append(id)
        versions.append(version)
        found.append(known)
        inputs.append(input)
    }

    /// The places of the users, some at a time.
    var pieces: [Range<Int>] {
        stride(from: 0, to: ids.count, by: Self.pieceCount).map {
            $0..<min(ids.count, $0 + Self.pieceCount)
        }
    }
}
