import Storage

/// A directory of the real disk that goes away with its owner.
package struct TemporaryDirectory: ~Copyable {
    /// Absolute path, without a slash at its end.
    package let path: String
    private let disk = RealDisk()

    /// Makes an empty directory below /tmp.
    package init() throws(StorageError) {
        let name = String(RealRandomness().next(), radix: 16)
        path = "/tmp/ubpd-test-\(name)"
        try disk.makeDirectory(path)
    }

    deinit {
        // What cannot be removed is left for the system to clean; a test's result stands.
        try? disk.remove(path)
    }
}
