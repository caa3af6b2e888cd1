import Events

/// The users that a record's bytes name, whether or not they are a record.
///
/// Quarantined bytes are what could not be read, so this looks for `"client_id"` and a number
/// behind it, wherever they stand.
struct NamedUsers: Sequence, IteratorProtocol {
    private static let name = Array("\"client_id\"".utf8)
    private let bytes: [UInt8]
    private var index = 0

    init(in bytes: [UInt8]) { self.bytes = bytes }

    mutating func next() -> UserID? {
        while let end = nextName() {
            index = end
            if let user = number(at: end) { return user }
        }
        index = bytes.count
        return nil
    }

    /// The index behind the next `"client_id"`.
    private func nextName() -> Int? {
        var start = index
        while start + Self.name.count <= bytes.count {
            if bytes[start] == 0x22, bytes[start..<start + Self.name.count].elementsEqual(Self.name)
            {
                return start + Self.name.count
            }
            start += 1
        }
        return nil
    }

    private func number(at start: Int) -> UserID? {
        let rest = bytes[start...].prefix(64).drop { Self.isFiller($0) }
        let digits = rest.prefix { ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D }
        return Int64(String(decoding: digits, as: UTF8.self)).map(UserID.init(rawValue:))
    }

    /// White space, a colon, a quotation mark.
    private static func isFiller(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x3A || byte == 0x22
    }
}
