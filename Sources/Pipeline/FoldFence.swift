import EventLog
import Synchronization

/// How far the active generation has folded; the others go no further (docs/generations.md).
///
/// So whatever the active one accepts where it stands, such as a replay, takes effect at the same
/// place in every generation that runs, and a swap finds the new one at or before the old one.
final class FoldFence: Sendable {
    /// Where the active generation stands, and the highest input it knows of.
    struct Standing: Sendable, Equatable {
        /// The place of the record it takes next.
        var place: RecordPlace
        var input: Int64
    }

    /// What `changed(since:)` compares with.
    struct Mark: Sendable {
        var standing: Standing
        fileprivate var version: UInt64
    }

    private struct State {
        var standing: Standing
        var version: UInt64 = 0
        var waiters = Waiters()
    }

    private let state = Mutex(
        State(standing: Standing(place: RecordPlace(segment: -1, recordIndex: 0), input: 0)))

    /// Says where the active generation stands now; only it calls this.
    func advance(to standing: Standing) {
        let woken = state.withLock { state -> Waiters? in
            guard state.standing != standing else { return nil }
            state.standing = standing
            return Self.take(&state)
        }
        woken?.resume()
    }

    /// Lets everybody who waits look again: their role has changed, or they are to stop.
    func wake() {
        state.withLock { Self.take(&$0) }.resume()
    }

    /// Where things stand, to decide and then to wait for a change since.
    func mark() -> Mark {
        state.withLock { Mark(standing: $0.standing, version: $0.version) }
    }

    /// Returns when the standing is another than at `mark`, or `wake` was called since.
    func changed(since mark: Mark) async {
        await withCheckedContinuation { continuation in
            let isOld = state.withLock { state in
                guard state.version == mark.version else { return true }
                state.waiters.add(continuation)
                return false
            }
            if isOld { continuation.resume() }
        }
    }

    private static func take(_ state: inout State) -> Waiters {
        state.version += 1
        defer { state.waiters = Waiters() }
        return state.waiters
    }
}

/// Tells the desk of generations that something may be there to do; rings add up to one.
final class Bell: Sendable {
    let rings: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (rings, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Makes the desk look.
    func ring() { continuation.yield() }
}
