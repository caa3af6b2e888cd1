import Glibc

/// The system's journal, by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram an
/// entry, so that priority and fields arrive as such.
package struct Journal: Sendable {
    /// Where journald listens (systemd-journald.service(8)).
    package static let standardPath = "/run/systemd/journal/socket"

    /// Longest value that is sent, bytes; the rest of a longer one is left out.
    ///
    /// A datagram has room for several of them.
    package static let valueByteLimit = 16_384

    private let address: UnixAddress

    /// - Parameter path: of the journal's socket; nil is answered when it is no socket's path.
    package init?(path: String = Self.standardPath) {
        guard let address = UnixAddress(path) else { return nil }
        self.address = address
    }

    /// The journal, when it is what standard error goes to (`JOURNAL_STREAM`, systemd.exec(5));
    /// nil on a terminal, in a pipe, in a file.
    package static func ofStandardError() -> Journal? {
        guard let stream = EnvironmentVariable.value("JOURNAL_STREAM") else { return nil }
        var status = stat()
        // SAFETY: fstat writes into `status` only, which outlives the call.
        guard unsafe fstat(STDERR_FILENO, &status) == 0,
            stream == "\(status.st_dev):\(status.st_ino)"
        else { return nil }
        return Journal()
    }

    /// Sends one entry; false when the journal did not take it, and the text should go elsewhere.
    ///
    /// Never waits. A field whose name is none (capitals, digits, underscores, a capital first, at
    /// most 64 bytes) is left out.
    @discardableResult
    package func send(_ fields: [(name: String, value: String)]) -> Bool {
        let bytes = Self.entry(fields)
        return !bytes.isEmpty && address.send(bytes)
    }

    /// The datagram: `NAME=value\n`, or with a length before the value where it has several lines.
    package static func entry(_ fields: [(name: String, value: String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in fields where isName(field.name) {
            let value = Array(field.value.utf8.prefix(valueByteLimit))
            bytes += Array(field.name.utf8)
            if value.contains(UInt8(ascii: "\n")) {
                bytes.append(UInt8(ascii: "\n"))
                bytes.append(littleEndian: UInt64(value.count))
            } else {
                bytes.append(UInt8(ascii: "="))
            }
            bytes += value
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    private static func isName(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = bytes.first, bytes.count <= 64, capitals.contains(first) else {
            return false
        }
        return bytes.allSatisfy {
            capitals.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_")
        }
    }
}
