import Foundation
import Storage

/// Frozen statistics as files, in formats that numpy and any JSON reader load (docs/rows.md §6).
package enum StatisticsFiles {
    /// What a space freezes: `scalers.json` and `centroids.safetensors`, by name.
    package static func spaceFiles(
        _ statistics: FrozenStatistics
    ) throws(FeatureError) -> [String: [UInt8]] {
        let scalers = Dictionary(
            uniqueKeysWithValues: statistics.scalers.map { ($0.table.name, $0.scalers) })
        var tensors: [NamedTensor] = []
        for (name, values) in [
            ("names", statistics.nameCentroids), ("queries", statistics.queryCentroids),
        ] where !values.isEmpty {
            tensors.append(NamedTensor(name: name, shape: [values.count / 16, 16], values: values))
        }
        do {
            return [
                "scalers.json": try json(scalers),
                "centroids.safetensors": try SafetensorsFile(tensors).encoded(),
            ]
        } catch {
            throw .unwritable("\(error)")
        }
    }

    /// What a generation freezes: the key tables and the top lists, by name below `tables/`.
    package static func generationFiles(
        _ statistics: FrozenStatistics
    ) throws(FeatureError) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for table in KeyTable.allCases {
            let entries = (statistics.tables[table] ?? [:]).sorted { $0.key < $1.key }
            var keys = NpyHeader.int64(count: entries.count).encoded()
            var values = NpyHeader.float64(rows: entries.count, columns: 4).encoded()
            for (key, statistic) in entries {
                append(UInt64(bitPattern: key), &keys)
                for lane in 0..<3 {
                    append(Double(statistic.counts[lane]).bitPattern, &values)
                }
                append(statistic.entropy.bitPattern, &values)
            }
            files["tables/\(table.rawValue).keys.npy"] = keys
            files["tables/\(table.rawValue).values.npy"] = values
        }
        let top = [
            "items": statistics.topItems.sorted().map(String.init),
            "categories": statistics.topCategories.sorted().map(String.init),
        ]
        do {
            files["tables/top.json"] = try json(top)
        } catch {
            throw .unwritable("\(error)")
        }
        return files
    }

    /// Loads what the two functions above wrote, from the directories of space and generation.
    package static func read(
        space: String, generation: String, on disk: any Disk
    ) throws(FeatureError) -> FrozenStatistics {
        do {
            let named = try decode([String: [Scaler]].self, "\(space)/scalers.json", disk)
            var scalers: [RowScalers] = []
            for table in RowTable.allCases {
                guard let list = named[table.name], list.count == RowLayout.width else {
                    throw FeatureError.unreadable(
                        path: "\(space)/scalers.json", reason: "no 64 scalers of \(table.name)")
                }
                scalers.append(RowScalers(table: table, scalers: list))
            }
            let tensors = try SafetensorsFile.read("\(space)/centroids.safetensors", on: disk)
                .floats()
            let top = try decode([String: [String]].self, "\(generation)/tables/top.json", disk)
            var tables: [KeyTable: [Int64: KeyStatistic]] = [:]
            for table in KeyTable.allCases {
                tables[table] = try read(table, in: generation, on: disk)
            }
            return FrozenStatistics(
                tables: tables, topItems: Set((top["items"] ?? []).compactMap { Int64($0) }),
                topCategories: Set((top["categories"] ?? []).compactMap { Int64($0) }),
                nameCentroids: tensors.first { $0.name == "names" }?.values ?? [],
                queryCentroids: tensors.first { $0.name == "queries" }?.values ?? [],
                scalers: scalers)
        } catch let error as FeatureError {
            throw error
        } catch {
            throw .unreadable(path: generation, reason: "\(error)")
        }
    }

    private static func read(
        _ table: KeyTable, in generation: String, on disk: any Disk
    ) throws -> [Int64: KeyStatistic] {
        let path = "\(generation)/tables/\(table.rawValue)"
        let keys = try NpyReader("\(path).keys.npy", on: disk)
        let values = try NpyReader("\(path).values.npy", on: disk)
        let count = keys.header.shape[0]
        guard values.header.shape == [count, 4] else {
            throw FeatureError.unreadable(path: path, reason: "keys and values differ in length")
        }
        var entries: [Int64: KeyStatistic] = [:]
        entries.reserveCapacity(count)
        for start in stride(from: 0, to: count, by: 1 << 16) {
            let rows = start..<min(count, start + 1 << 16)
            let ids = try keys.int64s(rows: rows)
            let numbers = try values.doubles(rows: rows)
            for (index, id) in ids.enumerated() {
                let row = numbers[4 * index..<4 * index + 4]
                let lanes = row.prefix(3).compactMap { Int64(exactly: $0) }
                guard lanes.count == 3, let entropy = row.last, entropy.isFinite else {
                    throw FeatureError.unreadable(path: path, reason: "key \(id): no counts")
                }
                entries[id] = KeyStatistic(
                    buy: lanes[0], add: lanes[1], remove: lanes[2], entropy: entropy)
            }
        }
        return entries
    }

    private static func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ path: String, _ disk: any Disk
    ) throws -> Value {
        let bytes = try disk.bytes(of: path, limit: 1 << 26)
        return try JSONDecoder().decode(type, from: Data(bytes))
    }

    private static func append(_ word: UInt64, _ bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> shift))
        }
    }
}

/// Why frozen statistics cannot be read or written.
package enum FeatureError: Error, Equatable, CustomStringConvertible {
    case unreadable(path: String, reason: String)
    case unwritable(String)

    package var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "\(path): \(reason); make the generation again with `ubpd refresh`"
        case .unwritable(let reason): "statistics cannot be written: \(reason)"
        }
    }
}
