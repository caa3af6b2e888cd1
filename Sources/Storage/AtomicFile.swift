/// Files that are there whole or not at all.
///
/// Written aside under a temporary name, fsynced, re-opened and compared, renamed, the directory
/// fsynced: a crash leaves the old file or the new one, and at worst a leftover beside it.
package enum AtomicFile {
    /// Makes `bytes` the content of `path`, in a directory that exists.
    ///
    /// - Throws: nothing has changed, unless the last fsync of the directory failed.
    package static func write(
        _ bytes: [UInt8], to path: String, on host: Host
    ) throws(StorageError) {
        let disk = host.disk
        let aside = temporaryName(for: path, host.randomness)
        do throws(StorageError) {
            let file = try disk.open(aside, .create)
            try file.write(bytes, at: 0)
            try file.sync()
            try check(bytes, at: aside, on: disk)
            try disk.rename(aside, to: path)
        } catch {
            // The leftover is harmless and `removeLeftovers` finds it; the first error matters.
            try? disk.remove(aside)
            throw error
        }
        try disk.syncDirectory(path.parentPath ?? ".")
    }

    /// A name beside `path` that `removeLeftovers` recognises.
    package static func temporaryName(for path: String, _ randomness: any Randomness) -> String {
        path + marker + String(randomness.next(), radix: 16)
    }

    /// Whether a crash left this name behind.
    package static func isLeftover(_ name: String) -> Bool {
        name.contains(marker)
    }

    /// Removes what writes that never finished left in `directory`.
    ///
    /// Only the directory's owner may call it, while nothing is being written there.
    /// - Returns: the names removed, ascending.
    package static func removeLeftovers(
        in directory: String, on disk: any Disk
    ) throws(StorageError) -> [String] {
        let leftovers = try disk.names(in: directory).filter(isLeftover)
        for name in leftovers { try disk.remove(directory + "/" + name) }
        if !leftovers.isEmpty { try disk.syncDirectory(directory) }
        return leftovers
    }

    private static func check(
        _ bytes: [UInt8], at path: String, on disk: any Disk
    ) throws(StorageError) {
        if try disk.bytes(of: path, limit: bytes.count) != bytes {
            throw .malformed(
                path: path, reason: "reads back differently from what was written; check the disk")
        }
    }
}

/// What tells unfinished files and directories from finished ones; `Disk.setLink` uses it too.
private let marker = ".partial-"
