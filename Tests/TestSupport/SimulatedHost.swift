import Storage
import Synchronization

/// A clock that moves only when told to.
package final class SimulatedClock: Clock {
    private let nanoseconds: Mutex<UInt64>

    /// - Parameter seconds: the time of day at the start, seconds since 1970.
    package init(seconds: Int64 = 0) {
        nanoseconds = Mutex(UInt64(seconds) * 1_000_000_000)
    }

    /// The simulated time of day.
    package func seconds() -> Int64 {
        Int64(monotonicNanoseconds() / 1_000_000_000)
    }

    /// The simulated time of day as a stopwatch.
    package func monotonicNanoseconds() -> UInt64 {
        nanoseconds.withLock { $0 }
    }

    /// Moves both clocks on.
    package func advance(seconds: Double) {
        precondition(seconds >= 0, "a monotonic clock cannot go back \(-seconds) s")
        nanoseconds.withLock { $0 += UInt64(seconds * 1e9) }
    }
}

/// Random bits that repeat with their seed.
package final class SeededRandomness: Randomness {
    private let random: Mutex<SeededRandom>

    /// The sequence that `seed` names.
    package init(seed: UInt64) {
        random = Mutex(SeededRandom(seed: seed, stream: 0))
    }

    /// The next 64 bits of the sequence.
    package func next() -> UInt64 {
        random.withLock { $0.next() }
    }
}

extension Host {
    /// A machine of its own: `disk`, a clock that stands at 2022-11-09 (the published data's last
    /// day) and random bits that repeat.
    package static func simulated(
        disk: MemoryDisk, clock: SimulatedClock = SimulatedClock(seconds: 1_667_952_000),
        seed: UInt64 = 1
    ) -> Host {
        Host(disk: disk, clock: clock, randomness: SeededRandomness(seed: seed))
    }
}
