import Encoders
import Features
import Foundation
import Learning
import Storage

/// What a space freezes beside its statistics' scalers and centroids, and where that lies.
///
/// `vocabulary.json` and `targets.json` hold lists of ids as decimal strings, most frequent first;
/// `encoders/<name>.safetensors` holds a network's tensors under PyTorch's names. `manifest.json`, which
/// publishing writes, says under `end_row` which of the networks read END; `scaling.safetensors` says how
/// the columns of the extensions are scaled.
package struct SpaceFiles: Sendable {
    package var vocabulary: RowVocabulary
    package var targets: TargetLists
    /// A space of untrained weights has them too; `EncoderName.trained` are as a refresh made them.
    package var encoders: [EncoderName: [NamedTensor]]
    /// The multi-task encoders that were trained on rows with END after them (docs/rows.md §7).
    package var endRowNetworks: Set<EncoderName>
    /// nil in a space of an older version or of untrained weights, whose columns are served as they are.
    package var scaling: ColumnScaling?

    /// The contents of a space; its own networks read END unless something else is said.
    package init(
        vocabulary: RowVocabulary, targets: TargetLists,
        encoders: [EncoderName: [NamedTensor]],
        endRowNetworks: Set<EncoderName> = Set(EncoderName.multiTask),
        scaling: ColumnScaling? = nil
    ) {
        self.vocabulary = vocabulary
        self.targets = targets
        self.encoders = encoders
        self.endRowNetworks = endRowNetworks
        self.scaling = scaling
    }

    /// What the space's manifest says under `end_row`: names, ascending.
    package var endRowNames: [String] {
        endRowNetworks.intersection(encoders.keys).map(\.rawValue).sorted()
    }

    /// Path of an encoder below a space's directory.
    package static func path(_ encoder: EncoderName) -> String {
        "encoders/\(encoder.rawValue).safetensors"
    }

    /// The files by path below the space's directory, to be published with those of
    /// `StatisticsFiles.spaceFiles`; `metadata` goes into each safetensors file.
    package func encoded(
        metadata: [String: String] = [:]
    ) throws(FeatureError) -> [String: [UInt8]] {
        do {
            var files = [
                "vocabulary.json": try Self.json([
                    "categories": vocabulary.categories, "items": vocabulary.items,
                    "urls": vocabulary.urls,
                ]),
                "targets.json": try Self.json([
                    "categories": targets.categories, "items": targets.items,
                ]),
            ]
            files[ColumnScaling.path] = try scaling?.encoded()
            for (name, tensors) in encoders {
                files[Self.path(name)] = try SafetensorsFile(tensors, metadata: metadata).encoded()
            }
            return files
        } catch {
            throw .unwritable("\(error)")
        }
    }

    /// Reads what `encoded` gave from a space's directory; an encoder without a file is absent, and
    /// lists without a file, as in a space of an older version, are empty.
    ///
    /// A space whose manifest says nothing of END is one whose networks do not read it.
    package init(space: String, on disk: any Disk) throws(FeatureError) {
        do {
            let ids = try Self.lists("\(space)/vocabulary.json", RowVocabulary.limit, disk)
            let targets = try Self.lists("\(space)/targets.json", TargetLists.limit, disk)
            vocabulary = RowVocabulary(
                categories: ids["categories"] ?? [], items: ids["items"] ?? [],
                urls: ids["urls"] ?? [])
            self.targets = TargetLists(
                categories: targets["categories"] ?? [], items: targets["items"] ?? [])
            encoders = [:]
            for name in EncoderName.allCases {
                let path = "\(space)/\(Self.path(name))"
                guard try disk.status(path) != nil else { continue }
                encoders[name] = try SafetensorsFile.read(path, on: disk).floats()
            }
            endRowNetworks = try Self.endRowNetworks("\(space)/manifest.json", disk)
                .intersection(encoders.keys)
            let scalingPath = "\(space)/\(ColumnScaling.path)"
            scaling =
                try disk.status(scalingPath) == nil
                ? nil : try ColumnScaling(path: scalingPath, on: disk)
        } catch let error as FeatureError {
            throw error
        } catch {
            throw .unreadable(path: space, reason: "\(error)")
        }
    }

    /// The part of a space's manifest that says how its networks are read.
    private struct ManifestPart: Decodable {
        var endRow: [String]?

        enum CodingKeys: String, CodingKey { case endRow = "end_row" }
    }

    private static func endRowNetworks(
        _ path: String, _ disk: any Disk
    ) throws -> Set<EncoderName> {
        guard try disk.status(path) != nil else { return [] }
        let bytes = try disk.bytes(of: path, limit: 1 << 24)
        let names = try JSONDecoder().decode(ManifestPart.self, from: Data(bytes)).endRow ?? []
        return try Set(
            names.map { name in
                guard let known = EncoderName(rawValue: name),
                    EncoderBank.trailingNames.contains(known)
                else {
                    throw FeatureError.unreadable(
                        path: path, reason: "end_row names `\(name)`, no multi-task network")
                }
                return known
            })
    }

    private static func json(_ lists: [String: [Int64]]) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(lists.mapValues { $0.map(String.init) }))
            + [UInt8(ascii: "\n")]
    }

    /// Lists of distinct ids, each at most `limit` long.
    private static func lists(
        _ path: String, _ limit: Int, _ disk: any Disk
    ) throws -> [String: [Int64]] {
        guard try disk.status(path) != nil else { return [:] }
        let bytes = try disk.bytes(of: path, limit: 1 << 24)
        let texts = try JSONDecoder().decode([String: [String]].self, from: Data(bytes))
        return try texts.mapValues { list in
            let ids = list.compactMap { Int64($0) }
            guard ids.count == list.count, Set(ids).count == ids.count, ids.count <= limit else {
                throw FeatureError.unreadable(
                    path: path, reason: "not lists of at most \(limit) distinct ids")
            }
            return ids
        }
    }
}
