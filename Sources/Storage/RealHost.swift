import Glibc

/// The machine's clocks (clock_gettime(2)).
package struct RealClock: Clock {
    /// The kernel's clocks.
    package init() {}

    /// CLOCK_REALTIME, whole seconds.
    package func seconds() -> Int64 {
        Int64(read(CLOCK_REALTIME).tv_sec)
    }

    /// CLOCK_MONOTONIC.
    package func monotonicNanoseconds() -> UInt64 {
        let time = read(CLOCK_MONOTONIC)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        // SAFETY: `time` outlives the call, which fails only for a clock that does not exist.
        let result = unsafe clock_gettime(clock, &time)
        precondition(result == 0, "clock_gettime: \(SystemCall.text(errno))")
        return time
    }
}

/// The kernel's random numbers, through the standard library's generator.
package struct RealRandomness: Randomness {
    /// The kernel's generator.
    package init() {}

    /// 64 bits of getrandom(2).
    package func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

extension Host {
    /// The machine itself.
    package static let real = Host(
        disk: RealDisk(), clock: RealClock(), randomness: RealRandomness())
}
