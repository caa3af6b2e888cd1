/// Numbers that begin at a cache line, so that no vector load of packed weights crosses one.
///
/// The contents are written once, while the owner is made, and only read afterwards.
// Sendable because the memory never changes once `init` has returned.
@safe final class AlignedBuffer<Element: BitwiseCopyable & Numeric>: @unchecked Sendable {
    let count: Int
    private let storage: UnsafeMutableBufferPointer<Element>

    /// Makes `count` zeros and lets `fill` write them.
    init(count: Int, fill: (inout MutableSpan<Element>) -> Void) {
        self.count = count
        // SAFETY: fresh memory of max(count, 1) numbers, initialised before anything reads it, and
        // freed only in deinit.
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Element>.stride, alignment: 64)
        let start = unsafe raw.initializeMemory(
            as: Element.self, repeating: 0, count: max(count, 1))
        unsafe storage = UnsafeMutableBufferPointer(start: start, count: count)
        var span = unsafe storage.mutableSpan
        fill(&span)
    }

    deinit {
        // SAFETY: allocated in init; numbers need no deinitialisation.
        unsafe UnsafeMutableRawPointer(storage.baseAddress)?.deallocate()
    }

    /// Where the numbers begin; valid while this object lives.
    var start: UnsafePointer<Element>? {
        // SAFETY: the pointer is used only under `withExtendedLifetime` or while `self` is held.
        unsafe UnsafePointer(storage.baseAddress)
    }
}

extension AlignedBuffer where Element == Float {
    /// The same numbers as bit patterns of binary16, or nil when it does not hold each exactly.
    func halfs() -> AlignedBuffer<UInt16>? {
        var isExact = true
        let halfs = AlignedBuffer<UInt16>(count: count) { target in
            for index in target.indices where isExact {
                // SAFETY: both hold `count` numbers.
                let value = unsafe storage[index]
                target[index] = halfBits(value)
                isExact =
                    value.isFinite && float(fromHalf: target[index]).bitPattern == value.bitPattern
            }
        }
        return isExact ? halfs : nil
    }
}
