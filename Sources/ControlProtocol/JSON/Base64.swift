/// Standard base64 with padding (RFC 4648 §4).
package enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The text for `bytes`, 4 characters for each 3 bytes begun.
    package static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var group = 0
            for k in 0..<3 { group = group << 8 | (k < count ? Int(bytes[index + k]) : 0) }
            for k in 0..<4 {
                text.append(
                    k <= count ? alphabet[group >> (18 - 6 * k) & 63] : UInt8(ascii: "="))
            }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text; nil when it is not canonical base64.
    package static func bytes(of text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count % 4 == 0 else { return nil }
        let padding = characters.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        var group = 0
        for (index, character) in characters.enumerated() {
            var digit = 0
            if index < characters.count - padding {
                guard let found = alphabet.firstIndex(of: character) else { return nil }
                digit = found
            }
            group = (group << 6 | digit) & 0xFF_FFFF
            if index % 4 == 3 {
                bytes.append(UInt8(group >> 16))
                bytes.append(UInt8(group >> 8 & 255))
                bytes.append(UInt8(group & 255))
            }
        }
        let spare = bytes.suffix(padding)
        guard spare.allSatisfy({ $0 == 0 }) else { return nil }
        return Array(bytes.dropLast(padding))
    }
}
