import Storage

/// Spaces and generations on disk: `<state_dir>/spaces/<id>/` and `<state_dir>/generations/<id>/`.
///
/// `ubpd refresh` publishes here and the daemon reads; neither needs the registry for it. Ids are
/// 1, 2, 3… by directory; whoever deletes old ones keeps the newest, so that no id comes twice.
package struct GenerationStore: Sendable {
    /// What `scan` found.
    package struct Scan: Sendable {
        /// Generations that verify together with their space, ascending by id.
        package var good: [PublishedGeneration] = []
        /// One line for each that does not, with what to do.
        package var degraded: [String] = []
    }

    package let stateDirectory: String
    let host: Host

    /// The spaces and generations of `stateDirectory`, which need not exist yet.
    package init(stateDirectory: String, on host: Host) {
        self.stateDirectory = stateDirectory
        self.host = host
    }

    /// `<state_dir>/spaces`.
    package var spacesDirectory: String { stateDirectory + "/spaces" }
    /// `<state_dir>/generations`.
    package var generationsDirectory: String { stateDirectory + "/generations" }

    /// Path of a generation's directory, where the daemon keeps its `state.sqlite` too.
    package func path(ofGeneration id: Int64) -> String { "\(generationsDirectory)/\(id)" }

    /// Path of a space's directory.
    package func path(ofSpace id: Int64) -> String { "\(spacesDirectory)/\(id)" }

    /// The id that a new space should take.
    package func nextSpaceID() throws(SnapshotError) -> Int64 { try nextID(in: spacesDirectory) }

    /// The id that a new generation should take.
    package func nextGenerationID() throws(SnapshotError) -> Int64 {
        try nextID(in: generationsDirectory)
    }

    /// Publishes a space of the files that `fill` writes into the directory it is given.
    ///
    /// - Throws: nothing was published; what was written aside is removed.
    package func publishSpace(
        _ manifest: SpaceManifest, fill: (String) throws -> Void
    ) throws(SnapshotError) -> PublishedSpace {
        let (manifest, hash) = try PublishedDirectory(spacesDirectory, host)
            .publish(manifest, expected: [:], fill: fill)
        return PublishedSpace(
            manifest: manifest, path: path(ofSpace: manifest.id), manifestSHA256: hash)
    }

    /// Publishes a space of `files`, by relative path.
    package func publishSpace(
        _ manifest: SpaceManifest, files: [String: [UInt8]]
    ) throws(SnapshotError) -> PublishedSpace {
        let (manifest, hash) = try PublishedDirectory(spacesDirectory, host)
            .publish(manifest, files: files)
        return PublishedSpace(
            manifest: manifest, path: path(ofSpace: manifest.id), manifestSHA256: hash)
    }

    /// Publishes a generation of the files that `fill` writes into the directory it is given.
    ///
    /// Its space must be published.
    /// - Throws: nothing was published; what was written aside is removed.
    package func publishGeneration(
        _ manifest: GenerationManifest, fill: (String) throws -> Void
    ) throws(SnapshotError) -> PublishedGeneration {
        let space = try verifySpace(manifest.space)
        let (manifest, hash) = try PublishedDirectory(generationsDirectory, host)
            .publish(manifest, expected: [:], fill: fill)
        return PublishedGeneration(
            manifest: manifest, path: path(ofGeneration: manifest.id), manifestSHA256: hash,
            space: space)
    }

    /// Publishes a generation of `files`, by relative path; its space must be published.
    package func publishGeneration(
        _ manifest: GenerationManifest, files: [String: [UInt8]]
    ) throws(SnapshotError) -> PublishedGeneration {
        let space = try verifySpace(manifest.space)
        let (manifest, hash) = try PublishedDirectory(generationsDirectory, host)
            .publish(manifest, files: files)
        return PublishedGeneration(
            manifest: manifest, path: path(ofGeneration: manifest.id), manifestSHA256: hash,
            space: space)
    }

    /// Reads every file of a space and compares it with the manifest.
    package func verifySpace(_ id: Int64) throws(SnapshotError) -> PublishedSpace {
        let (manifest, hash) = try PublishedDirectory(spacesDirectory, host)
            .verify(SpaceManifest.self, id)
        return PublishedSpace(manifest: manifest, path: path(ofSpace: id), manifestSHA256: hash)
    }

    /// Reads every file of a generation and of its space and compares them with the manifests.
    ///
    /// Files that the manifest does not name, such as `state.sqlite`, are not looked at.
    package func verifyGeneration(_ id: Int64) throws(SnapshotError) -> PublishedGeneration {
        let (manifest, hash) = try PublishedDirectory(generationsDirectory, host)
            .verify(GenerationManifest.self, id)
        return PublishedGeneration(
            manifest: manifest, path: path(ofGeneration: id), manifestSHA256: hash,
            space: try verifySpace(manifest.space))
    }

    /// The same without its space, which may be in another store already.
    func verifyFiles(ofGeneration id: Int64) throws(SnapshotError) -> GenerationManifest {
        try PublishedDirectory(generationsDirectory, host).verify(GenerationManifest.self, id).0
    }

    /// Ids of the generations there are, ascending, whole or not.
    package func generationIDs() throws(SnapshotError) -> [Int64] {
        try PublishedDirectory(generationsDirectory, host).ids()
    }

    /// Ids of the spaces there are, ascending, whole or not.
    package func spaceIDs() throws(SnapshotError) -> [Int64] {
        try PublishedDirectory(spacesDirectory, host).ids()
    }

    /// Removes generations, each with its state, and spaces; one that is gone is fine.
    ///
    /// Each is renamed away first, so that no reader finds half of one; a kill leaves at most what
    /// `removeLeftovers` finds.
    package func remove(generations: [Int64], spaces: [Int64]) throws(SnapshotError) {
        try onDisk { () throws(StorageError) in
            for (directory, ids) in [
                (generationsDirectory, generations), (spacesDirectory, spaces),
            ] {
                for id in ids {
                    let path = "\(directory)/\(id)"
                    guard try host.disk.status(path) != nil else { continue }
                    let aside = AtomicFile.temporaryName(for: path, host.randomness)
                    try host.disk.rename(path, to: aside)
                    try host.disk.syncDirectory(directory)
                    try host.disk.remove(aside)
                }
            }
        }
    }

    /// Verifies everything there is; a damaged piece is named and skipped, never thrown.
    package func scan() throws(SnapshotError) -> Scan {
        var scan = Scan()
        for id in try PublishedDirectory(spacesDirectory, host).ids() {
            do { _ = try verifySpace(id) } catch { scan.degraded.append("space \(id): \(error)") }
        }
        for id in try PublishedDirectory(generationsDirectory, host).ids() {
            do {
                scan.good.append(try verifyGeneration(id))
            } catch {
                scan.degraded.append("generation \(id): \(error)")
            }
        }
        return scan
    }

    /// The newest generation that verifies; nil when the built-in one is all there is.
    package func newestGood() throws(SnapshotError) -> PublishedGeneration? {
        for id in try PublishedDirectory(generationsDirectory, host).ids().reversed() {
            if let generation = try? verifyGeneration(id) { return generation }
        }
        return nil
    }

    /// Removes what publications and removals that were killed left aside, states of users among it.
    ///
    /// Only the daemon calls it, when it starts. `ubpd refresh` may run meanwhile: what is above the
    /// newest id there is, it may be writing at this moment, and that stays.
    /// - Returns: the names that were removed.
    package func removeLeftovers() throws(SnapshotError) -> [String] {
        try PublishedDirectory(spacesDirectory, host).removeLeftovers()
            + PublishedDirectory(generationsDirectory, host).removeLeftovers()
    }

    private func nextID(in directory: String) throws(SnapshotError) -> Int64 {
        (try PublishedDirectory(directory, host).ids().last ?? 0) + 1
    }
}
