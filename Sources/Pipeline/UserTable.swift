import EventLog
import Events
import Features
import Profiles
import Sessions

/// A user held in memory.
struct ResidentUser: Sendable {
    var user: UserID
    var state: UserState
    /// `[S]` after the first `steppedCount` rows (`EncoderBank`); empty while it is derived on demand.
    var hidden: [Float] = []
    var steppedCount: Int64 = 0
    /// Rows that have left the window since; none after `step`.
    var departed = DepartedRows()
    /// Rows that are durable in the store.
    var storedRowCount: Int64 = 0
    /// Whether the store has a record of the user.
    var isStored = false
    /// Whether something changed since the last commit began.
    var isDirty = false
    /// Whether a commit has begun that must take the user as it is now.
    var awaitsEncoding = false
    /// Whether rows wait to be stepped at the end of the micro-batch.
    var isQueued = false
    /// Value of the table's touch counter when the user came in or was last changed: its version,
    /// which no other user and no other time has.
    var touched: UInt64 = 0
    /// `Revision.count` of the last change since the user came into memory; 0 before the first.
    var changeCount: Int64 = 0
    /// Whether the slot holds nobody.
    var isFree = false

    /// What a profile is built from.
    var input: ProfileBuilder.Input {
        ProfileBuilder.Input(
            state: state, hidden: hidden, steppedCount: steppedCount, departed: departed)
    }
}

/// The users in memory, in slots that stay put, with those that changed since the last commit.
struct UserTable: Sendable {
    private var slots = SlotBlocks()
    /// Slots changed since `takeDirty`, in order of their first change.
    private(set) var dirty: [Int] = []
    private var index = UserIndex()
    private var free: [Int] = []
    private var touchCount: UInt64 = 0
    private var hand = 0

    /// Users in memory.
    var count: Int { index.count }

    /// The slot of a resident user.
    func slot(of user: UserID) -> Int? { index[user] }

    /// Puts a user into a free slot.
    mutating func insert(_ user: ResidentUser) -> Int {
        precondition(index[user.user] == nil, "user \(user.user) is resident already")
        let slot: Int
        if let last = free.popLast() {
            slot = last
            slots[slot] = user
        } else {
            slot = slots.count
            slots.append(user)
        }
        touchCount += 1
        slots[slot].touched = touchCount
        index[user.user] = slot
        return slot
    }

    /// Reads or changes a resident user in place.
    subscript(slot: Int) -> ResidentUser {
        _read { yield slots[slot] }
        _modify { yield &slots[slot] }
    }

    /// Notes that a user was used, and that it changed.
    mutating func touch(_ slot: Int) {
        touchCount += 1
        slots[slot].touched = touchCount
        if !slots[slot].isDirty {
            slots[slot].isDirty = true
            dirty.append(slot)
        }
    }

    /// The changed slots, which a commit takes as they are now; from now on they are unchanged.
    mutating func takeDirty() -> [Int] {
        for slot in dirty {
            slots[slot].isDirty = false
            slots[slot].awaitsEncoding = true
        }
        defer { dirty = [] }
        return dirty
    }

    /// Lets up to `count` clean users go, least recently used first by a sweeping hand.
    ///
    /// Only while no commit is on its way, so that what the store has is what the slot had.
    mutating func evict(_ count: Int) {
        var remaining = count
        var steps = 0
        let spread = UInt64(max(1, index.count))
        while remaining > 0, steps < 2 * slots.count {
            defer {
                hand = (hand + 1) % max(1, slots.count)
                steps += 1
            }
            guard mayLeave(hand) else { continue }
            // First round: those not used for as many touches as there are users.
            if steps < slots.count, touchCount - slots[hand].touched < spread { continue }
            release(hand)
            remaining -= 1
        }
    }

    /// Takes a user out, changed or not; none of its rows waits, and no commit for it.
    mutating func remove(_ slot: Int) {
        precondition(!slots[slot].isQueued && !slots[slot].awaitsEncoding, "somebody waits for it")
        if slots[slot].isDirty { dirty.removeAll { $0 == slot } }
        release(slot)
    }

    private mutating func release(_ slot: Int) {
        index[slots[slot].user] = nil
        slots[slot] = ResidentUser(
            user: UserID(rawValue: 0), state: UserState(firstOffset: 0, options: FoldOptions()))
        slots[slot].isFree = true
        free.append(slot)
    }

    private func mayLeave(_ slot: Int) -> Bool {
        !slots[slot].isFree && !slots[slot].isDirty && !slots[slot].isQueued
            && slots[slot].isStored && !slots[slot].awaitsEncoding
    }

    /// Estimated bytes by part, from about `sampleCount` users at a fixed stride.
    ///
    /// A sampled user costs some 1.6 µs, most of it waiting for memory.
    func byteCounts(sampleCount: Int = 2000) -> [(name: String, byteCount: Int64)] {
        var sums = ResidentBytes()
        let stride = max(1, slots.count / sampleCount)
        var sampled: Int64 = 0
        for slot in Swift.stride(from: 0, to: slots.count, by: stride) {
            if slots[slot].isFree { continue }
            slots[slot].addBytes(to: &sums)
            sampled += 1
        }
        return sums.scaled(by: sampled == 0 ? 0 : Double(index.count) / Double(sampled))
    }

    /// Traps when the table breaks its own rules.
    func checkInvariants() {
        precondition(index.count + free.count == slots.count, "slots are lost")
        for (user, slot) in index.all {
            precondition(slots[slot].user == user, "the index points at another user")
        }
        precondition(Set(dirty).count == dirty.count, "a slot is dirty twice")
    }
}

/// Bytes of resident users by part.
private struct ResidentBytes {
    private static let arrayHeader = 32
    var record: Int64 = 0
    var tables: Int64 = 0
    var rows: Int64 = 0
    var hidden: Int64 = 0
    var pending: Int64 = 0

    func scaled(by factor: Double) -> [(name: String, byteCount: Int64)] {
        [
            ("record", record), ("tables", tables), ("rows", rows), ("hidden", hidden),
            ("pending", pending),
        ].map { (name: $0.0, byteCount: Int64(Double($0.1) * factor)) }
    }

    static func of<Element>(_ array: [Element]) -> Int64 {
        array.capacity == 0
            ? 0 : Int64(array.capacity * MemoryLayout<Element>.stride + arrayHeader)
    }

    static func of(_ table: KeyedCounts) -> Int64 {
        table.keys.isEmpty ? 0 : Int64(table.byteCount + 3 * arrayHeader)
    }
}

extension ResidentUser {
    /// Adds what this user takes; in place, because a copy retains each of its arrays.
    fileprivate func addBytes(to sums: inout ResidentBytes) {
        sums.record += Int64(MemoryLayout<ResidentUser>.stride + MemoryLayout<UserID>.stride + 16)
        sums.record += ResidentBytes.of(state.weeks.counts)
        sums.tables += ResidentBytes.of(state.items) + ResidentBytes.of(state.categories)
        sums.tables += ResidentBytes.of(state.nameClusters) + ResidentBytes.of(state.urls)
        sums.tables += ResidentBytes.of(state.queries) + ResidentBytes.of(state.queryClusters)
        sums.rows += ResidentBytes.of(state.rows.halves) + ResidentBytes.of(state.rows.keys)
        sums.rows += ResidentBytes.of(departed.halves) + ResidentBytes.of(departed.keys)
        sums.hidden += ResidentBytes.of(hidden)
        sums.pending += ResidentBytes.of(state.window.pending)
        sums.pending += ResidentBytes.of(state.window.eventIDs)
    }
}
