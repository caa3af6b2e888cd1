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
    /// The table's epoch in which it changed last; 0: never since it came into memory.
    fileprivate(set) var changedEpoch: UInt64 = 0
    /// The last epoch whose changes were encoded for a commit.
    fileprivate(set) var encodedEpoch: UInt64 = 0
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
///
/// An epoch ends when a commit takes what changed in it. So that this costs the same however many
/// users that are, a slot tells by its own epochs whether it changed and whether it still waits.
struct UserTable: Sendable {
    private var slots = SlotBlocks()
    /// Slots changed since `takeDirty`, in order of their first change.
    private(set) var dirty: [Int] = []
    private var index = UserIndex()
    private var free: [Int] = []
    private var touchCount: UInt64 = 0
    private var hand = 0
    private var epoch: UInt64 = 1
    private var samples = ResidentSamples()

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
        if !isDirty(slot) {
            slots[slot].changedEpoch = epoch
            dirty.append(slot)
        }
    }

    /// Whether something changed since the last commit began.
    private func isDirty(_ slot: Int) -> Bool { slots[slot].changedEpoch == epoch }

    /// Whether a commit has begun that must take the user as it is now.
    func awaitsEncoding(_ slot: Int) -> Bool {
        slots[slot].changedEpoch + 1 == epoch && slots[slot].encodedEpoch < epoch - 1
    }

    /// Notes that the commit has the user.
    mutating func noteEncoded(_ slot: Int) { slots[slot].encodedEpoch = epoch - 1 }

    /// The changed slots, which a commit takes as they are now; from now on they are unchanged.
    ///
    /// Nobody may await the commit before: whom it has not taken, none would take.
    mutating func takeDirty() -> [Int] {
        epoch += 1
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
        precondition(!slots[slot].isQueued && !awaitsEncoding(slot), "somebody waits for it")
        if isDirty(slot) { dirty.removeAll { $0 == slot } }
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
        !slots[slot].isFree && !isDirty(slot) && !slots[slot].isQueued
            && slots[slot].isStored && !awaitsEncoding(slot)
    }

    /// Weighs some users, for `byteCounts`; others the next time.
    ///
    /// A user costs some 1.6 µs, most of it waiting for memory.
    mutating func weighSome() {
        var sums = ResidentBytes()
        var userCount = 0
        for slot in samples.nextPlaces(of: slots.count) where !slots[slot].isFree {
            slots[slot].addBytes(to: &sums)
            userCount += 1
        }
        samples.keep(sums, userCount: userCount, of: slots.count)
    }

    /// Estimated bytes by part, from those who were weighed lately.
    mutating func byteCounts() -> [(name: String, byteCount: Int64)] {
        if samples.userCount == 0 { weighSome() }
        return samples.sums.scaled(
            by: samples.userCount == 0 ? 0 : Double(index.count) / Double(samples.userCount))
    }

    /// Traps when the table breaks its own rules.
    func checkInvariants() {
        precondition(index.count + free.count == slots.count, "slots are lost")
        for (user, slot) in index.all {
            precondition(slots[slot].user == user, "the index points at another user")
        }
        precondition(Set(dirty).count == dirty.count, "a slot is dirty twice")
        precondition(dirty.allSatisfy(isDirty), "a slot has changed in no epoch")
    }
}
