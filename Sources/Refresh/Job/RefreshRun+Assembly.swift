import Encoders
import Features
import Learning
import Pipeline
import Profiles
import Snapshots
import Storage

/// Space and generation as directories of the inner state directory.
extension RefreshRun {
    /// What the step leaves beside the directories: that they are there.
    private struct AssemblyRecord: Codable {
        var space: Int64
        var generation: Int64
    }

    /// Publishes both below `state/`, without anybody's state as yet.
    func assemble(to aside: String) throws {
        // Of an attempt that was killed.
        try host.disk.remove(directory.statePath)
        if options.kind == .newSpace { try publishSpace() } else { try copySpace() }
        let span = try span(.statisticsNow)
        var contents = try factors(.factorsNow)
        contents.heads = try heads()
        var files = try StatisticsFiles.generationFiles(try statistics(.statisticsNow))
        files.merge(try contents.encoded()) { $1 }
        let numbers = numbers.merging(try factorNumbers()) { $1 }
        let isTrained = options.kind == .newSpace || live?.manifest.trained == true
        _ = try made.publishGeneration(
            GenerationManifest(
                id: plan.generation, space: plan.space, trained: isTrained,
                seed: options.refresh.seed, fitFrom: span.from, fitTo: span.to, numbers: numbers),
            files: files)
        try directory.write(
            AssemblyRecord(space: plan.space, generation: plan.generation),
            to: aside + "/assembly.json")
    }

    /// Heads that take the place of the encoders' own: a new space's come with their encoders.
    func heads() throws -> [EncoderName: [NamedTensor]] {
        guard options.kind == .sameSpace else { return [:] }
        var heads: [EncoderName: [NamedTensor]] = [:]
        for name in try networks() { heads[name] = try tensors(.heads(name), name) }
        return heads
    }

    /// A new space's encoders, those of the space before it included, and which of them read END:
    /// the new ones do, the previous space's as it did there.
    private func encoders() throws -> (
        tensors: [EncoderName: [NamedTensor]], endRowNetworks: Set<EncoderName>
    ) {
        var encoders: [EncoderName: [NamedTensor]] = [:]
        for name in try networks() { encoders[name] = try tensors(.train(name), name) }
        var endRowNetworks = Set(EncoderName.multiTask)
        guard previous != nil else { return (encoders, endRowNetworks) }
        let known = try liveSpace()
        if encoders[.sra] != nil {
            encoders[.previousSRA] = blended(known.encoders[.sra], encoders[.sra])
        }
        if encoders[.mtl] != nil {
            encoders[.previousMTL] = blended(known.encoders[.mtl], encoders[.mtl])
            if known.endRowNetworks.contains(.mtl) { endRowNetworks.insert(.previousMTL) }
        }
        return (encoders, endRowNetworks)
    }

    /// What a new space freezes, its scaling excepted.
    func newSpace() throws -> SpaceFiles {
        let fitted = try statistics(.statisticsThen)
        let (encoders, endRowNetworks) = try encoders()
        return SpaceFiles(
            vocabulary: RowVocabulary(fitted), targets: TargetLists(fitted), encoders: encoders,
            endRowNetworks: endRowNetworks)
    }

    /// The space that regularises a new one: the live one, if it was trained.
    private var previous: Int64? {
        live.flatMap { $0.space.manifest.trained ? $0.space.manifest.id : nil }
    }

    /// An encoder of the live space, if its latent vectors can be blended with the new one's.
    private func blended(_ old: [NamedTensor]?, _ new: [NamedTensor]?) -> [NamedTensor]? {
        func width(_ tensors: [NamedTensor]?) -> Int? {
            tensors?.first { $0.name == "latent.weight" }?.shape.first
        }
        return width(old) == width(new) ? old : nil
    }

    private func publishSpace() throws {
        let span = try span(.statisticsThen)
        var space = try newSpace()
        space.scaling = try ColumnScaling(path: scalingPath, on: host.disk)
        var files = try StatisticsFiles.spaceFiles(try statistics(.statisticsThen))
        let metadata = [
            "trained": "true", "seed": String(options.refresh.seed),
            "quick": String(options.isQuick),
        ]
        files.merge(try space.encoded(metadata: metadata)) { $1 }
        let isBlended =
            space.encoders[.previousSRA] != nil || space.encoders[.previousMTL] != nil
        _ = try made.publishSpace(
            SpaceManifest(
                id: plan.space, trained: true, seed: options.refresh.seed, fitFrom: span.from,
                fitTo: span.to, numbers: numbers, previous: isBlended ? previous : nil,
                endRow: space.endRowNames),
            files: files)
    }

    /// The kept space, file by file: retention may remove the other while this runs.
    private func copySpace() throws {
        guard let live else {
            throw RefreshError.noSpace(directory: options.refresh.stateDirectory)
        }
        let disk = host.disk
        for name in try disk.filesBelow(live.space.path) {
            let target = made.path(ofSpace: plan.space) + "/" + name
            if let parent = target.parentPath { try disk.makeDirectory(parent) }
            let bytes = try disk.bytes(of: live.space.path + "/" + name, limit: 1 << 32)
            try disk.open(target, .create).write(bytes, at: 0)
        }
        _ = try made.verifySpace(plan.space)
    }

    /// What both manifests say of the fold and of the windows.
    private var numbers: [String: Double] {
        var numbers = options.refresh.fold.numbers
        numbers["refresh.cut_seconds"] = Double(plan.cutSeconds)
        numbers["refresh.now_seconds"] = Double(plan.nowSeconds)
        numbers["refresh.horizon_seconds"] = Double(plan.horizonSeconds)
        if options.isQuick { numbers["refresh.quick"] = 1 }
        return numbers
    }
}
