import Glibc

/// Byte searches at the speed of memchr(3).
package enum LZ4ByteScan {
    /// Index of the first `byte` in `range` of `bytes`; nil when there is none.
    @inline(__always)
    package static func first(_ byte: UInt8, in bytes: [UInt8], _ range: Range<Int>) -> Int? {
        guard !range.isEmpty else { return nil }
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        // SAFETY: the range lies in the array, and the pointer does not leave the closure.
        return unsafe bytes.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return nil }
            let start = unsafe base + range.lowerBound
            guard let hit = unsafe memchr(start, Int32(byte), range.count) else { return nil }
            return unsafe UnsafeRawPointer(hit) - base
        }
    }
}
