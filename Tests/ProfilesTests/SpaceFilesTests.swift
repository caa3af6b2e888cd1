import Encoders
import Features
import Kernels
import Learning
import Profiles
import Storage
import TestSupport
import Testing

/// What a space and a generation freeze comes back from disk as it was.
@Suite struct SpaceFilesTests {
    private func write(
        _ files: [String: [UInt8]], below directory: String, on disk: MemoryDisk
    ) throws {
        for (name, bytes) in files {
            let path = "\(directory)/\(name)"
            if let parent = path.parentPath { try disk.makeDirectory(parent) }
            try disk.open(path, .create).write(bytes, at: 0)
        }
    }

    @Test func `a space reads back as it was written`() throws {
        let disk = MemoryDisk()
        let tensors = SRAEncoder.seededTensors(
            seed: 3, inputWidth: 64, hiddenWidth: 8, latentWidth: 4
        ).sorted { $0.name < $1.name }
        let space = SpaceFiles(
            vocabulary: RowVocabulary(
                categories: [5, -7], items: [9_007_199_254_740_993], urls: []),
            targets: TargetLists(categories: [5], items: [9_007_199_254_740_993, 1]),
            encoders: [.sra: tensors, .previousSRA: tensors],
            scaling: ColumnScaling([
                .esa: ColumnScaling.Columns(centres: [0.5, -3], factors: [1.25, 0.125])
            ]))
        try write(try space.encoded(metadata: ["trained": "false"]), below: "/space", on: disk)
        let read = try SpaceFiles(space: "/space", on: disk)
        #expect(read.vocabulary == space.vocabulary)
        #expect(read.targets == space.targets)
        #expect(read.encoders == space.encoders)
        #expect(read.scaling == space.scaling)
    }

    @Test func `which networks read END is what the manifest says, none where it says nothing`()
        throws
    {
        let space = TinySpace.space([.sra, .mtl, .mtlChurn, .previousMTL])
        #expect(space.endRowNames == ["mtl", "mtl-churn"])
        for (manifest, wanted) in [
            (#"{"end_row":["mtl","previous-mtl"],"schema":2}"#, [.mtl, .previousMTL]),
            (#"{"end_row":[],"schema":2}"#, []), (#"{"schema":1}"#, []),
            // Of a network that is not there, nothing is said.
            (#"{"end_row":["mtl-propensity","mtl"]}"#, [.mtl]), (nil, []),
        ] as [(String?, Set<EncoderName>)] {
            let disk = MemoryDisk()
            var files = try space.encoded()
            files["manifest.json"] = manifest.map { Array($0.utf8) }
            try write(files, below: "/space", on: disk)
            #expect(try SpaceFiles(space: "/space", on: disk).endRowNetworks == wanted)
        }
        let disk = MemoryDisk()
        var files = try space.encoded()
        files["manifest.json"] = Array(#"{"end_row":["sra"]}"#.utf8)
        try write(files, below: "/space", on: disk)
        #expect {
            try SpaceFiles(space: "/space", on: disk)
        } throws: { error in
            "\(error)".contains("/space/manifest.json") && "\(error)".contains("`sra`")
        }
    }

    @Test func `a list that names an id twice is refused with its path`() throws {
        let disk = MemoryDisk()
        let space = SpaceFiles(
            vocabulary: RowVocabulary(categories: [], items: [], urls: []),
            targets: TargetLists(categories: [], items: []), encoders: [:])
        var files = try space.encoded()
        files["targets.json"] = Array(#"{"items":["4","4"]}"#.utf8)
        try write(files, below: "/space", on: disk)
        #expect {
            try SpaceFiles(space: "/space", on: disk)
        } throws: { error in
            "\(error)".contains("/space/targets.json") && "\(error)".contains("distinct")
        }
    }

    @Test func `factors read back to the same folded-in vectors`() throws {
        let options = BPROptions(factorCount: 6, rate: 0.05, regularization: 0.01, epochCount: 3)
        let items = Matrix<Float>(
            rows: 4, columns: BPRKernels.rowWidth(factorCount: options.factorCount))
        var random = SeededRandom(seed: 8, stream: 0)
        for item in 0..<4 {
            for column in 0...6 { items[item, column] = Float(random.nextUnit() - 0.5) }
        }
        let factors = BPRFactors(
            ids: [-4, 2, 3, 80], items: items, popularity: [3, 1, 0, 9], options: options,
            weights: .item)
        let disk = MemoryDisk()
        let made = GenerationFiles(itemFactors: factors, categoryFactors: nil)
        try write(try made.encoded(), below: "/generation", on: disk)
        let read = try GenerationFiles(generation: "/generation", on: disk)
        #expect(read.categoryFactors == nil && read.heads.isEmpty)
        let found = try #require(read.itemFactors)
        #expect(found.ids == factors.ids && found.weights == .item)
        #expect(found.foldIn([0, 2]) == factors.foldIn([0, 2]))
        #expect(found.foldIn([0, 2]) != nil)
        #expect(
            found.scores(try #require(found.foldIn([3])), items: [1])
                == factors.scores(try #require(factors.foldIn([3])), items: [1]))
    }
}
