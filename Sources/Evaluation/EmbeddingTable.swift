import Events
import Foundation
import Storage

/// A challenge submission on disk, `client_ids.npy` int64 `[n]` and `embeddings.npy` float16
/// `[n, E]`, row i of one belonging to row i of the other; a snapshot's directory is one.
///
/// Row order is the file's, and is the order in which the downstream network sees the users. Ids are
/// held in memory, 8 bytes a row; embeddings are read by blocks.
package struct EmbeddingTable: Sendable {
    /// Most columns that the challenge takes.
    package static let largestWidth = 2048

    /// Columns `start..<end` of a snapshot's profiles.
    package struct Part: Sendable, Hashable, Codable {
        package var name: String
        package var start: Int
        package var end: Int

        package init(name: String, start: Int, end: Int) {
            self.name = name
            self.start = start
            self.end = end
        }
        package var columns: Range<Int> { start..<end }
    }

    /// Of the embeddings' file, for messages.
    package let path: String
    /// Row by row.
    package let ids: [UserID]
    /// E.
    package let width: Int
    /// Of `manifest.json` beside the files, in column order; empty without one.
    package let parts: [Part]
    let embeddings: NpyReader

    package var rowCount: Int { ids.count }
}

extension EmbeddingTable {
    /// A snapshot's directory, or any with the two files under their usual names.
    package init(directory: String, on disk: any Disk) throws(EvaluationError) {
        try self.init(
            idsPath: "\(directory)/client_ids.npy", embeddingsPath: "\(directory)/embeddings.npy",
            manifestPath: "\(directory)/manifest.json", on: disk)
    }

    /// A pair of files.
    ///
    /// - Parameters:
    ///   - idsPath: int64 `[n]`.
    ///   - embeddingsPath: float16 `[n, E]`.
    ///   - manifestPath: whose `parts` are taken, when there is such a file.
    ///   - disk: where they are.
    /// - Throws: `flawedTable` with all that is wrong with types, shapes and counts; contents are
    ///   looked at by `flaws(users:)`.
    package init(
        idsPath: String, embeddingsPath: String, manifestPath: String? = nil, on disk: any Disk
    ) throws(EvaluationError) {
        var flaws: [Flaw] = []
        let idsReader = Self.reader(idsPath, on: disk, &flaws)
        let reader = Self.reader(embeddingsPath, on: disk, &flaws)
        if let header = idsReader?.header { flaws += Self.flaws(ofIDs: header) }
        if let header = reader?.header { flaws += Self.flaws(ofEmbeddings: header) }
        if flaws.isEmpty, let ids = idsReader?.header.shape[0], let rows = reader?.header.shape[0],
            ids != rows
        {
            flaws.append(.rowCounts(ids: ids, embeddings: rows))
        }
        guard flaws.isEmpty, let idsReader, let reader else {
            throw .flawedTable(path: embeddingsPath, flaws: flaws)
        }
        path = embeddingsPath
        width = reader.header.shape[1]
        embeddings = reader
        ids = try Self.users(idsReader)
        if let manifestPath {
            parts = try Self.parts(manifestPath, width: width, on: disk)
        } else {
            parts = []
        }
    }

    private static func reader(
        _ path: String, on disk: any Disk, _ flaws: inout [Flaw]
    ) -> NpyReader? {
        do throws(StorageError) {
            return try NpyReader(path, on: disk)
        } catch {
            flaws.append(.unreadable(reason: error.description))
            return nil
        }
    }

    private static func flaws(ofIDs header: NpyHeader) -> [Flaw] {
        // Each chain stops at its first failure, as the validator's does.
        if header.shape.count != 1 { return [.idsShape(header.shape)] }
        return header.element == .int64 ? [] : [.idsType(header.element.rawValue)]
    }

    private static func flaws(ofEmbeddings header: NpyHeader) -> [Flaw] {
        if header.shape.count != 2 { return [.embeddingsShape(header.shape)] }
        if header.shape[1] > largestWidth { return [.tooWide(header.shape[1])] }
        if header.element != .float16 { return [.embeddingsType(header.element.rawValue)] }
        return header.shape[1] == 0 ? [.noColumns] : []
    }

    private static func users(_ reader: NpyReader) throws(EvaluationError) -> [UserID] {
        var ids: [UserID] = []
        ids.reserveCapacity(reader.header.shape[0])
        do throws(StorageError) {
            while ids.count < reader.header.shape[0] {
                let end = min(reader.header.shape[0], ids.count + 1 << 20)
                ids += try reader.int64s(rows: ids.count..<end).map(UserID.init(rawValue:))
            }
        } catch {
            throw .storage(error)
        }
        return ids
    }

    private struct Manifest: Decodable {
        var parts: [Part]
    }

    /// Largest manifest that is read, bytes.
    private static let manifestByteLimit = 64 << 20

    private static func parts(
        _ path: String, width: Int, on disk: any Disk
    ) throws(EvaluationError) -> [Part] {
        let bytes: [UInt8]
        do throws(StorageError) {
            guard try disk.status(path) != nil else { return [] }
            bytes = try disk.bytes(of: path, limit: manifestByteLimit)
        } catch {
            throw .storage(error)
        }
        let parts: [Part]
        do {
            parts = try JSONDecoder().decode(Manifest.self, from: Data(bytes)).parts
        } catch {
            throw .badManifest(path: path, reason: "\(error)")
        }
        for part in parts where part.start < 0 || part.end <= part.start || part.end > width {
            throw .badManifest(
                path: path, reason: "'\(part.name)' is \(part.start)..<\(part.end) of \(width)")
        }
        return parts
    }

    /// Columns of a part; nil when the manifest names none.
    package func columns(of part: String) -> Range<Int>? {
        parts.first { $0.name == part }?.columns
    }
}
