extension [UInt8] {
    /// Appends numbers as little-endian bytes, in one copy.
    package mutating func append(littleEndian words: Span<UInt16>) {
        #if _endian(big)
        for index in words.indices {
            append(UInt8(truncatingIfNeeded: words[index]))
            append(UInt8(truncatingIfNeeded: words[index] >> 8))
        }
        #else
        // SAFETY: a buffer of UInt16 is as many initialised bytes as it says.
        unsafe words.withUnsafeBytes { unsafe append(contentsOf: $0) }
        #endif
    }

    /// Appends a number as eight bytes, the lowest first.
    package mutating func append(littleEndian word: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }
}
