/// Loads of eight bytes at once: the one place where parsers outside this target reach raw memory.
extension Span<UInt8> {
    /// The eight bytes at `offset` as a little-endian number; bytes past the end read as zero.
    ///
    /// `offset` is not negative; at or past `count` the word is 0.
    @inlinable
    @inline(__always)
    package func word(at offset: Int) -> UInt64 {
        let last = count &- 8
        if offset <= last {
            // SAFETY: the load checks 0 <= offset <= count - 8, and every bit pattern is a UInt64.
            let raw = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            return UInt64(littleEndian: raw)
        }
        return tailWord(at: offset, last: last)
    }

    /// The rare half of `word(at:)`: fewer than eight bytes are left.
    @inlinable
    package func tailWord(at offset: Int, last: Int) -> UInt64 {
        precondition(offset >= 0, "word(at:): offset \(offset)")
        guard offset < count else { return 0 }
        if last >= 0 {
            // SAFETY: 0 <= last = count - 8, so the word lies inside; any bits are a UInt64.
            let raw = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: last, as: UInt64.self)
            return UInt64(littleEndian: raw) &>> UInt64(8 &* (offset &- last))
        }
        var word: UInt64 = 0
        for index in offset..<count { word |= UInt64(self[index]) << UInt64(8 * (index - offset)) }
        return word
    }
}

/// The bytes of a literal as `Span.word(at:)` reads them; folded to a constant by the compiler.
///
/// `text` has one to eight ASCII characters; missing ones are zero.
@inlinable
@inline(__always)
package func literalWord(_ text: StaticString) -> UInt64 {
    precondition(text.utf8CodeUnitCount <= 8, "literalWord: more than eight bytes")
    var word: UInt64 = 0
    for index in 0..<text.utf8CodeUnitCount {
        // SAFETY: a literal of two or more characters has a pointer to utf8CodeUnitCount bytes,
        // and `index` is below that; utf8Start itself traps for the one-scalar representation.
        word |= unsafe UInt64(text.utf8Start[index]) &<< UInt64(8 &* index)
    }
    return word
}
