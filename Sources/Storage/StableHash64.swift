/// A small, fast hash for identities, the same on every machine and in every release.
///
/// FNV-1a, 64 bits (draft-eastlake-fnv): `h ← (h ⊕ byte) · 1099511628211` from
/// `0xCBF29CE484222325`. Not for integrity or against an adversary: that is `ContentHash`.
package struct StableHash64: Sendable, Equatable {
    /// The hash of all that was taken.
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The hash of nothing.
    package init() {}

    /// Takes the next bytes.
    package mutating func update(_ bytes: Span<UInt8>) {
        var hash = value
        for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* prime }
        value = hash
    }

    /// Takes the eight bytes of `word`, the lowest first.
    package mutating func update(_ word: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            value = (value ^ (word >> shift & 0xFF)) &* prime
        }
    }

    /// The hash of `bytes`.
    package static func hash(_ bytes: Span<UInt8>) -> UInt64 {
        var hash = StableHash64()
        hash.update(bytes)
        return hash.value
    }

    /// The hash of the text's UTF-8 bytes.
    package static func hash(_ text: String) -> UInt64 {
        hash(Array(text.utf8).span)
    }
}

private let prime: UInt64 = 0x100_0000_01B3
