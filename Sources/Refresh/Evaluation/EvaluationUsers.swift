import Events
import Storage

/// A list of users in a file.
enum EvaluationUsers {
    /// Largest list of lines, bytes.
    private static let byteLimit = 1 << 30

    /// An int64 `.npy`, or one id a line; ascending, each once.
    static func read(_ path: String, on disk: any Disk) throws -> [UserID] {
        let ids = path.hasSuffix(".npy") ? try array(path, on: disk) : try lines(path, on: disk)
        guard !ids.isEmpty else {
            throw EvaluationRunError.badList(path: path, reason: "it names nobody")
        }
        return Set(ids).sorted().map(UserID.init(rawValue:))
    }

    private static func array(_ path: String, on disk: any Disk) throws -> [Int64] {
        do {
            let reader = try NpyReader(path, on: disk)
            guard reader.header.element == .int64, reader.header.shape.count == 1 else {
                throw EvaluationRunError.badList(
                    path: path,
                    reason: "it is \(reader.header.element.rawValue) of shape "
                        + "\(reader.header.shape)")
            }
            var ids: [Int64] = []
            while ids.count < reader.header.shape[0] {
                let end = min(reader.header.shape[0], ids.count + 1 << 20)
                ids += try reader.int64s(rows: ids.count..<end)
            }
            return ids
        } catch let error as StorageError {
            throw EvaluationRunError.badList(path: path, reason: error.description)
        }
    }

    private static func lines(_ path: String, on disk: any Disk) throws -> [Int64] {
        let text: String
        do { text = try disk.text(of: path, limit: byteLimit) } catch {
            throw EvaluationRunError.badList(path: path, reason: error.description)
        }
        var ids: [Int64] = []
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            let word = line.filter { $0 != " " && $0 != "\r" && $0 != "\t" }
            if word.isEmpty { continue }
            guard let id = Int64(word) else {
                throw EvaluationRunError.badList(
                    path: path, reason: "line \(number) is '\(word.prefix(40))'")
            }
            ids.append(id)
        }
        return ids
    }
}
