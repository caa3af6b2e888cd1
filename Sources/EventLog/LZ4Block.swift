import CLZ4

/// One LZ4 block through liblz4's block decoder.
enum LZ4Block {
    /// Decodes `source` of `input` to `output[start...]`, at most `limit` bytes.
    ///
    /// The frame's earlier decoded bytes, which a linked LZ4 block refers back to (at most 64 KiB),
    /// stand in `output[historyStart..<start]`.
    ///
    /// - Returns: decoded bytes; nil when the block is malformed or decodes to more than `limit`.
    static func decode(
        _ input: [UInt8], _ source: Range<Int>, into output: inout [UInt8], at start: Int,
        limit: Int, historyStart: Int
    ) -> Int? {
        precondition(source.lowerBound >= 0 && source.upperBound <= input.count)
        precondition(historyStart >= 0 && historyStart <= start && start + limit <= output.count)
        let history = min(start - historyStart, 65_536)
        // SAFETY: source, history and target lie in their arrays by the checks above, and liblz4's
        // `safe` decoder reads and writes only inside the lengths it is given.
        let count = unsafe input.withUnsafeBytes { from in
            unsafe output.withUnsafeMutableBytes { to in
                guard let from = from.baseAddress, let to = to.baseAddress else {
                    return Int32(-1)
                }
                return unsafe LZ4_decompress_safe_usingDict(
                    from + source.lowerBound, to + start, Int32(source.count), Int32(limit),
                    to + (start - history), Int32(history))
            }
        }
        return count < 0 ? nil : Int(count)
    }

    /// Copies a block that was stored without compression.
    static func copy(
        _ input: [UInt8], _ source: Range<Int>, into output: inout [UInt8], at start: Int
    ) {
        precondition(source.lowerBound >= 0 && source.upperBound <= input.count)
        precondition(start >= 0 && start + source.count <= output.count)
        // SAFETY: both ranges lie in their arrays, which are distinct.
        unsafe input.withUnsafeBytes { from in
            unsafe output.withUnsafeMutableBytes { to in
                guard let from = from.baseAddress, let to = to.baseAddress else {
                    return
                }
                unsafe (to + start).copyMemory(
                    from: from + source.lowerBound, byteCount: source.count)
            }
        }
    }

    /// Moves the last `count` bytes before `end` to the start of `output`.
    static func keepHistory(_ output: inout [UInt8], count: Int, before end: Int) {
        precondition(count >= 0 && count <= end && end <= output.count)
        // SAFETY: both ranges lie in the array; memmove's semantics allow them to overlap.
        unsafe output.withUnsafeMutableBytes { raw in
            guard let base = raw.baseAddress else { return }
            unsafe base.copyMemory(from: base + (end - count), byteCount: count)
        }
    }
}
