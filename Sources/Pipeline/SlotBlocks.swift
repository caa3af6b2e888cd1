import Events
import Features
import Storage

/// Users in blocks of 1024 that never move, so that growing costs no pause however many there are.
struct SlotBlocks: Sendable {
    private static let shift = 10
    private static let blockCount = 1 << shift
    private var blocks: [[ResidentUser]] = []

    /// Slots in use or free.
    private(set) var count = 0

    /// Reads or changes a slot in place.
    subscript(slot: Int) -> ResidentUser {
        _read { yield blocks[slot >> Self.shift][slot & (Self.blockCount - 1)] }
        _modify { yield &blocks[slot >> Self.shift][slot & (Self.blockCount - 1)] }
    }

    /// Adds a slot behind the others.
    mutating func append(_ user: ResidentUser) {
        if count & (Self.blockCount - 1) == 0 {
            var block: [ResidentUser] = []
            block.reserveCapacity(Self.blockCount)
            blocks.append(block)
        }
        blocks[count >> Self.shift].append(user)
        count += 1
    }
}

/// User → slot, in 256 tables, each of which grows by itself.
struct UserIndex: Sendable {
    private var shards = [[UserID: Int]](repeating: [:], count: 256)

    /// Users in the index.
    private(set) var count = 0

    /// The slot of a user; nil takes it out.
    subscript(user: UserID) -> Int? {
        get { shards[shard(user)][user] }
        set {
            let shard = shard(user)
            let old = shards[shard].updateOrRemove(user, newValue)
            count += (newValue == nil ? 0 : 1) - (old == nil ? 0 : 1)
        }
    }

    /// All users with their slots, in no order.
    var all: [(user: UserID, slot: Int)] {
        shards.flatMap { $0.map { (user: $0.key, slot: $0.value) } }
    }

    private func shard(_ user: UserID) -> Int {
        Int(SeededRandom.mix(UInt64(bitPattern: user.rawValue)) & 0xFF)
    }
}

extension Dictionary {
    /// Sets or removes a value; the old one.
    fileprivate mutating func updateOrRemove(_ key: Key, _ value: Value?) -> Value? {
        if let value { updateValue(value, forKey: key) } else { removeValue(forKey: key) }
    }
}
