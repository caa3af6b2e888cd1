import Storage

/// The package's hash of a text: 64 bits, the same on every machine and in every release.
package enum TextHash {
    /// Hashes `text`.
    ///
    /// With `mix` the finalizer of SplitMix64 (`SeededRandom.mix`): h ← mix(seed ⊕ byteCount), then
    /// for every eight bytes, little-endian, the last ones padded with zeros: h ← mix(h ⊕ word) ⊕
    /// rotate(h, 23), and at the end mix(h + 0x9E3779B97F4A7C15). Not for adversaries: who wants a
    /// collision can make one, so whoever relies on texts being told apart keeps them.
    package static func hash(_ text: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
        var hash = SeededRandom.mix(seed ^ UInt64(text.count))
        var offset = 0
        while offset < text.count {
            let rotated = hash &<< 23 | hash &>> 41
            hash = SeededRandom.mix(hash ^ text.word(at: offset)) ^ rotated
            offset &+= 8
        }
        return SeededRandom.mix(hash &+ 0x9E37_79B9_7F4A_7C15)
    }

    /// The hash of an event id; never 0, which stands for "none" in `Event.eventIDHash`.
    package static func eventID(_ text: Span<UInt8>) -> UInt64 {
        let hash = hash(text)
        return hash == 0 ? 1 : hash
    }
}
