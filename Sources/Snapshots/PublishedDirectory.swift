import Storage

/// A directory of numbered directories that appear whole: written aside, fsynced, read back,
/// renamed (invariant 6).
struct PublishedDirectory {
    let path: String
    let host: Host

    init(_ path: String, _ host: Host) {
        self.path = path
        self.host = host
    }

    /// Numbers of the directories there, ascending; none when there is no directory.
    func ids() throws(SnapshotError) -> [Int64] {
        try onDisk { () throws(StorageError) in
            guard try host.disk.status(path) != nil else { return [] }
            return try host.disk.names(in: path).compactMap(Self.number).sorted()
        }
    }

    /// The number that a directory's name means; nil unless it is written as we write it.
    static func number(_ name: String) -> Int64? {
        guard let number = Int64(name), number > 0, String(number) == name else { return nil }
        return number
    }

    /// Removes what publications and removals that were killed left aside; their names, ascending.
    ///
    /// Only those of ids up to the newest that is published: the one after it may be being written
    /// by another process at this moment.
    func removeLeftovers() throws(SnapshotError) -> [String] {
        guard let newest = try ids().last else { return [] }
        return try onDisk { () throws(StorageError) in
            let leftovers = try host.disk.names(in: path).filter { name in
                guard AtomicFile.isLeftover(name),
                    let id = Self.number(String(name.prefix { $0 != "." }))
                else { return false }
                return id <= newest
            }
            for name in leftovers { try host.disk.remove(path + "/" + name) }
            if !leftovers.isEmpty { try host.disk.syncDirectory(path) }
            return leftovers
        }
    }

    /// Publishes `files` under the manifest's id.
    func publish<Manifest: DirectoryManifest>(
        _ manifest: Manifest, files: [String: [UInt8]]
    ) throws(SnapshotError) -> (Manifest, sha256: String) {
        for name in files.keys.sorted() where !Self.isGoodName(name) { throw .badName(name) }
        let expected = files.mapValues { bytes in
            FileDigest(byteCount: Int64(bytes.count), sha256: ContentHash.hex(of: bytes))
        }
        let disk = host.disk
        return try publish(manifest, expected: expected) { directory in
            for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
                let target = directory + "/" + name
                if let parent = target.parentPath { try disk.makeDirectory(parent) }
                try disk.open(target, .create).write(bytes, at: 0)
            }
        }
    }

    /// Publishes what `fill` writes, under the manifest's id; `expected` says what some of the
    /// files must turn out to be when read back.
    func publish<Manifest: DirectoryManifest>(
        _ manifest: Manifest, expected: [String: FileDigest], fill: (String) throws -> Void
    ) throws(SnapshotError) -> (Manifest, sha256: String) {
        precondition(manifest.id > 0, "published ids start at 1")
        precondition(manifest.numbers.values.allSatisfy(\.isFinite), "a number is not finite")
        let disk = host.disk
        try onDisk { () throws(StorageError) in try disk.makeDurableDirectory(path) }
        let target = "\(path)/\(manifest.id)"
        let aside = AtomicFile.temporaryName(for: target, host.randomness)
        do throws(SnapshotError) {
            try onDisk { () throws(StorageError) in try disk.makeDirectory(aside) }
            do { try fill(aside) } catch {
                throw .fill(path: target, reason: "\(error)")
            }
            var manifest = manifest
            manifest.files = try digests(of: aside, expected)
            let bytes = ManifestCoding.encode(manifest)
            try onDisk { () throws(StorageError) in
                try disk.open(aside + "/manifest.json", .create).write(bytes, at: 0)
                try disk.syncTree(aside)
            }
            _ = try verify(Manifest.self, at: aside, id: manifest.id)
            try onDisk { () throws(StorageError) in
                try disk.rename(aside, to: target)
                try disk.syncDirectory(path)
            }
            return (manifest, ContentHash.hex(of: bytes))
        } catch {
            // Best effort: the next start removes it by its name; the first error matters.
            try? disk.remove(aside)
            throw error
        }
    }

    /// Reads all files that the manifest of directory `id` names.
    func verify<Manifest: DirectoryManifest>(
        _ type: Manifest.Type, _ id: Int64
    ) throws(SnapshotError) -> (Manifest, sha256: String) {
        try verify(type, at: "\(path)/\(id)", id: id)
    }

    private func verify<Manifest: DirectoryManifest>(
        _ type: Manifest.Type, at directory: String, id: Int64
    ) throws(SnapshotError) -> (Manifest, sha256: String) {
        let file = directory + "/manifest.json"
        let bytes = try inPublished { () throws(StorageError) in
            try host.disk.bytes(of: file, limit: ManifestCoding.byteLimit)
        }
        let manifest = try ManifestCoding.decode(type, bytes, path: file, schema: type.schema)
        if manifest.id != id {
            throw .damaged(path: file, reason: "it is the manifest of \(manifest.id)")
        }
        for (name, expected) in manifest.files.sorted(by: { $0.key < $1.key }) {
            if !Self.isGoodName(name) { throw .badName(name) }
            try check(expected, at: directory + "/" + name)
        }
        return (manifest, ContentHash.hex(of: bytes))
    }

    private func check(_ expected: FileDigest, at file: String) throws(SnapshotError) {
        let found = try inPublished { () throws(StorageError) in
            try host.disk.contentHash(of: file)
        }
        if found.byteCount != expected.byteCount {
            throw .damaged(
                path: file, reason: "\(found.byteCount) bytes instead of \(expected.byteCount)")
        }
        if found.sha256 != expected.sha256 {
            throw .damaged(path: file, reason: "its SHA-256 is not the manifest's")
        }
    }

    /// Sizes and hashes of all files below `directory`.
    private func digests(
        of directory: String, _ expected: [String: FileDigest]
    ) throws(SnapshotError) -> [String: FileDigest] {
        let names = try onDisk { () throws(StorageError) in
            try host.disk.filesBelow(directory)
        }
        var digests: [String: FileDigest] = [:]
        for name in names {
            if !Self.isGoodName(name) { throw .badName(name) }
            let digest = try onDisk { () throws(StorageError) in
                try host.disk.contentHash(of: directory + "/" + name)
            }
            if let wanted = expected[name], wanted != digest {
                throw .damaged(path: directory + "/" + name, reason: "reads back differently")
            }
            digests[name] = digest
        }
        return digests
    }

    /// Relative, without `.` or `..`, no leftover, and not the manifest itself.
    private static func isGoodName(_ name: String) -> Bool {
        name != "manifest.json" && !AtomicFile.isLeftover(name)
            && name.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }
}
