import Storage

/// Spaces and generations that were made aside, in a store of their own, and move in whole.
extension GenerationStore {
    /// Adds files to a generation that nobody uses yet, and changes its manifest.
    ///
    /// Its space need not be here. Killed in between, it verifies as before or as after; the same
    /// again gives the same bytes.
    package func amendGeneration(
        _ id: Int64, files: [String: [UInt8]],
        _ change: @Sendable (inout GenerationManifest) -> Void
    ) throws(SnapshotError) {
        let directory = path(ofGeneration: id)
        try onDisk { () throws(StorageError) in
            guard try host.disk.status(directory) != nil else { return }
            _ = try AtomicFile.removeLeftovers(in: directory, on: host.disk)
        }
        var manifest = try verifyFiles(ofGeneration: id)
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            manifest.files[name] = FileDigest(
                byteCount: Int64(bytes.count), sha256: ContentHash.hex(of: bytes))
        }
        change(&manifest)
        let bytes = ManifestCoding.encode(manifest)
        try onDisk { () throws(StorageError) in
            for (name, content) in files.sorted(by: { $0.key < $1.key }) {
                // A manifest that names it may be there already, from before a kill.
                try AtomicFile.write(content, to: directory + "/" + name, on: host)
            }
            try AtomicFile.write(bytes, to: directory + "/manifest.json", on: host)
        }
        _ = try verifyFiles(ofGeneration: id)
    }

    /// Moves a space in from another store on the same file system, or finds it moved already.
    package func takeSpace(
        _ id: Int64, from other: GenerationStore
    ) throws(SnapshotError) -> PublishedSpace {
        let source = other.path(ofSpace: id)
        if try isThere(source) {
            _ = try other.verifySpace(id)
            try move(source, to: path(ofSpace: id), in: spacesDirectory)
        }
        return try verifySpace(id)
    }

    /// Moves a generation in, `state.sqlite` and all; its space must be here.
    package func takeGeneration(
        _ id: Int64, from other: GenerationStore
    ) throws(SnapshotError) -> PublishedGeneration {
        let source = other.path(ofGeneration: id)
        if try isThere(source) {
            _ = try other.verifyFiles(ofGeneration: id)
            try move(source, to: path(ofGeneration: id), in: generationsDirectory)
        }
        return try verifyGeneration(id)
    }

    private func isThere(_ path: String) throws(SnapshotError) -> Bool {
        try onDisk { () throws(StorageError) in try host.disk.status(path) != nil }
    }

    private func move(
        _ source: String, to target: String, in directory: String
    ) throws(SnapshotError) {
        guard try !isThere(target) else {
            throw .fill(
                path: target,
                reason: "something of this number is there already; `ubpd refresh --restart` takes "
                    + "the next number")
        }
        try onDisk { () throws(StorageError) in
            try host.disk.makeDurableDirectory(directory)
            try host.disk.syncTree(source)
            try host.disk.rename(source, to: target)
            try host.disk.syncDirectory(directory)
        }
    }
}
