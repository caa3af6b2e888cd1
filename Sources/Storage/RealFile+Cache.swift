import Glibc

extension DiskFile {
    /// Asks that the next reads come from the device instead of the page cache, where there is one.
    package func dropCache() {
        (self as? RealFile)?.adviseNoLongerNeeded()
    }
}

extension RealFile {
    /// posix_fadvise(2) with POSIX_FADV_DONTNEED; advice, so that a refusal does not matter.
    fileprivate func adviseNoLongerNeeded() {
        withDescriptor { number in _ = posix_fadvise(number, 0, 0, POSIX_FADV_DONTNEED) }
    }
}
