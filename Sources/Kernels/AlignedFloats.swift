/// Floats that begin at a cache line, so that no vector load of packed weights crosses one.
///
/// The contents are written once, while the owner is made, and only read afterwards.
// Sendable because the memory never changes once `init` has returned.
@safe final class AlignedFloats: @unchecked Sendable {
    let count: Int
    private let storage: UnsafeMutableBufferPointer<Float>

    /// Makes `count` zeros and lets `fill` write them.
    init(count: Int, fill: (inout MutableSpan<Float>) -> Void) {
        self.count = count
        // SAFETY: fresh memory of max(count, 1) floats, initialised before anything reads it, and
        // freed only in deinit.
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
        let start = unsafe raw.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
        unsafe storage = UnsafeMutableBufferPointer(start: start, count: count)
        var span = unsafe storage.mutableSpan
        fill(&span)
    }

    deinit {
        // SAFETY: allocated in init; floats need no deinitialisation.
        unsafe UnsafeMutableRawPointer(storage.baseAddress)?.deallocate()
    }

    /// Where the floats begin; valid while this object lives.
    var start: UnsafePointer<Float>? {
        // SAFETY: the pointer is used only under `withExtendedLifetime` or while `self` is held.
        unsafe UnsafePointer(storage.baseAddress)
    }
}
