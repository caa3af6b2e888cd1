import Foundation

/// Writes a line to standard error.
func standardError(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
}

extension Encodable {
    /// This as one JSON document.
    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return Array(try encoder.encode(self))
    }
}
