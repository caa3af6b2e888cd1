import Foundation
import Storage

/// Manifests as JSON: keys ascending, indented, a newline at the end; equal values, equal bytes.
enum ManifestCoding {
    /// Largest manifest that is read, bytes; erasures and metrics are what makes one grow.
    static let byteLimit = 64 << 20

    static func encode(_ manifest: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(manifest)) + [UInt8(ascii: "\n")]
        } catch {
            // Manifests hold text, integers and numbers that were checked to be finite.
            preconditionFailure("a manifest that cannot be written: \(error)")
        }
    }

    static func decode<Manifest: Decodable>(
        _ type: Manifest.Type, _ bytes: [UInt8], path: String, schema: Int
    ) throws(SnapshotError) -> Manifest {
        let data = Data(bytes)
        do {
            let found = try JSONDecoder().decode(Schema.self, from: data).schema
            if found <= schema { return try JSONDecoder().decode(type, from: data) }
            throw SnapshotError.newerSchema(path: path, found: found, supported: schema)
        } catch let error as SnapshotError {
            throw error
        } catch {
            throw .damaged(path: path, reason: "not a manifest (\(Self.reason(error)))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context),
            DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            (context.codingPath.map(\.stringValue) + [context.debugDescription])
                .joined(separator: ": ")
        default: "\(error)"
        }
    }

    private struct Schema: Decodable {
        let schema: Int
    }
}
