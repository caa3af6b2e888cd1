/// Everything this package takes from the machine it runs on: files, time and chance.
///
/// It is handed down from `main`; no target reaches for a file, a clock or a random number in
/// another way, so that a simulated disk and clock can stand in (DESIGN §1, Tests/TidyTests).
package struct Host: Sendable {
    package let disk: any Disk
    package let clock: any Clock
    package let randomness: any Randomness

    package init(disk: any Disk, clock: any Clock, randomness: any Randomness) {
        self.disk = disk
        self.clock = clock
        self.randomness = randomness
    }
}

/// The time of day and a stopwatch, neither of which ever enters a user's state.
package protocol Clock: Sendable {
    /// Seconds since 1970 UTC.
    func seconds() -> Int64
    /// Nanoseconds since an arbitrary start; never goes back.
    func monotonicNanoseconds() -> UInt64
}

/// Unpredictable bits for names and nonces; results come from `SeededRandom` instead.
package protocol Randomness: Sendable {
    /// 64 random bits.
    func next() -> UInt64
}

/// A counter-based generator: the k-th number is a pure function of (seed, stream, k).
///
/// SplitMix64's finalizer (Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195) over a Weyl
/// sequence; streams are separated by hashing them into the starting point.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64, stream: UInt64) {
        state = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15) ^ Self.mix(stream &* 0xD1B5_4A32_D192_ED03)
    }

    /// The next 64 bits of the stream.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A number in [0, 1): the top 53 bits of the next draw, scaled.
    package mutating func nextUnit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// SplitMix64's finalizer: a bijection of the 64-bit integers.
    package static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
