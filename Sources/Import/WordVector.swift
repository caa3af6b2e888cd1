import Events
import Storage

/// Words → sixteen integers 0…255, by hashing: texts that share words get similar vectors.
///
/// 1. A word is a longest run of ASCII letters, ASCII digits and bytes above ASCII; ASCII letters
///    are lower-cased.
/// 2. With h = `TextHash.hash(word)`, component i of the word's vector is −1, 0, 0 or +1 for the
///    two bits h >> 2i & 3 being 0, 1, 2 or 3 (sparse random projection, Achlioptas 2003,
///    doi:10.1016/S0022-0000(03)00025-4, with density 1/2).
/// 3. The vectors of all words, repeated ones too, are summed to s. Component i of the result is
///    ⌊127.5 + 127.5 · sᵢ / ‖s‖₂ + 0.5⌋ at most 255, in Float64; 128 throughout when s is zero.
///
/// A text without a word has no vector.
package enum WordVector {
    /// The vector of a UTF-8 text; nil when it holds no word.
    package static func vector(_ text: Span<UInt8>) -> TextVector? {
        var sums = [Int](repeating: 0, count: 16)
        var word: [UInt8] = []
        var hasWord = false
        for index in 0...text.count {
            if index < text.count, let byte = folded(text[index]) {
                word.append(byte)
            } else if !word.isEmpty {
                hasWord = true
                let hash = TextHash.hash(word.span)
                for i in 0..<16 {
                    let bits = hash >> UInt64(2 * i) & 3
                    sums[i] += bits == 0 ? -1 : bits == 3 ? 1 : 0
                }
                word.removeAll(keepingCapacity: true)
            }
        }
        return hasWord ? scaled(sums) : nil
    }

    private static func folded(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte | 0x20
        case 0x30...0x39, 0x61...0x7A, 0x80...0xFF: byte
        default: nil
        }
    }

    private static func scaled(_ sums: [Int]) -> TextVector {
        let square = sums.reduce(0) { $0 + $1 * $1 }
        guard square > 0 else { return TextVector([UInt8](repeating: 128, count: 16)) }
        let norm = Double(square).squareRoot()
        return TextVector(
            sums.map { sum in
                UInt8(min(255, (127.5 + 127.5 * Double(sum) / norm + 0.5).rounded(.down)))
            })
    }
}
