import ControlProtocol
import Foundation

/// Files of user ids, one a line.
enum UserFile {
    /// Bytes of such a file, at most.
    static let byteCount = 256 << 20

    /// Reads a file of at least one id, or standard input for `-`; blank lines are skipped.
    ///
    /// - Parameter path: the file's path.
    /// - Returns: the users in the file's order, never none.
    /// - Throws: `Failure.usage`.
    static func readSome(_ path: String) throws -> [UserReference] {
        let users = try read(path)
        guard !users.isEmpty else { throw Failure.usage("\(path): no user ids in it") }
        return users
    }

    private static func read(_ path: String) throws -> [UserReference] {
        let handle = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
        guard let handle else { throw Failure.usage("\(path): cannot be read") }
        let data: Data
        do { data = try handle.read(upToCount: byteCount + 1) ?? Data() } catch {
            throw Failure.usage("\(path): \(error)")
        }
        guard data.count <= byteCount else {
            throw Failure.usage("\(path): more than \(byteCount) bytes")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Failure.usage("\(path): not UTF-8 text")
        }
        return text.split { $0.isNewline }
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
            .map(UserReference.init)
    }
}
