extension DropoutMask {
    /// Whether number `index` stays: its draw is at least p · 2³².
    package func isKept(_ index: UInt64) -> Bool {
        Self.draw(key: key, counter: firstCounter &+ index) >= threshold
    }

    /// p · 2³², rounded to nearest, so that a uniform draw lies below it with probability p.
    var threshold: UInt32 { UInt32(min(probability * 0x1p32, 0x1p32 - 1).rounded()) }

    /// 32 uniform bits, a pure function of key and counter: a word of a block of Philox4x32-10.
    ///
    /// Salmon, Moraes, Dror and Shaw 2011, doi:10.1145/2063384.2063405. Counter c takes word
    /// ⌊c / 16⌋ mod 4 of block ⌊c / 64⌋ · 16 + c mod 16, so that 64 consecutive counters are the
    /// four words of 16 blocks, each word's side by side.
    package static func draw(key: UInt64, counter: UInt64) -> UInt32 {
        let block = (counter >> 6) << 4 | counter & 15
        let words = philox(
            key: [UInt32(truncatingIfNeeded: key), UInt32(key >> 32)],
            counter: [UInt32(truncatingIfNeeded: block), UInt32(block >> 32), 0, 0])
        return words[Int(counter >> 4 & 3)]
    }

    /// A block of Philox4x32-10: four words from a key of two and a counter of four.
    package static func philox(
        key: InlineArray<2, UInt32>, counter: InlineArray<4, UInt32>
    ) -> InlineArray<4, UInt32> {
        var key = key
        var words = counter
        for _ in 0..<10 {
            let left = UInt64(words[0]) * 0xD251_1F53
            let right = UInt64(words[2]) * 0xCD9E_8D57
            words = [
                UInt32(right >> 32) ^ words[1] ^ key[0], UInt32(truncatingIfNeeded: right),
                UInt32(left >> 32) ^ words[3] ^ key[1], UInt32(truncatingIfNeeded: left),
            ]
            key[0] &+= 0x9E37_79B9
            key[1] &+= 0xBB67_AE85
        }
        return words
    }
}
