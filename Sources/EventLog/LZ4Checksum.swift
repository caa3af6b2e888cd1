/// xxHash32, the checksum of the LZ4 frame format, fed in pieces.
///
/// Source: xxHash fast digest algorithm, version 0.1.1 (doc/xxhash_spec.md, section "XXH32").
package struct LZ4Checksum: Sendable {
    private static let prime: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F, 0x1656_67B1
    )

    private var lanes: SIMD4<UInt32>
    private var waiting: [UInt8] = []
    private var byteCount: UInt64 = 0

    /// The empty message; the frame format uses seed 0 throughout.
    package init() {
        lanes = SIMD4(
            Self.prime.0 &+ Self.prime.1, Self.prime.1, 0, 0 &- Self.prime.0)
        waiting.reserveCapacity(16)
    }

    /// Adds `range` of `bytes` to the message.
    package mutating func update(_ bytes: [UInt8], _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        byteCount &+= UInt64(range.count)
        var next = range.lowerBound
        if !waiting.isEmpty {
            let taken = min(16 - waiting.count, range.count)
            waiting.append(contentsOf: bytes[next..<next + taken])
            next += taken
            guard waiting.count == 16 else { return }
            stripes(waiting, 0..<16)
            waiting.removeAll(keepingCapacity: true)
        }
        let whole = (range.upperBound - next) & ~15
        stripes(bytes, next..<next + whole)
        waiting.append(contentsOf: bytes[next + whole..<range.upperBound])
    }

    /// The checksum of all that was added.
    package var value: UInt32 {
        var hash: UInt32
        if byteCount >= 16 {
            hash =
                Self.rotate(lanes[0], 1) &+ Self.rotate(lanes[1], 7) &+ Self.rotate(lanes[2], 12)
                &+ Self.rotate(lanes[3], 18)
        } else {
            hash = Self.prime.4
        }
        hash &+= UInt32(truncatingIfNeeded: byteCount)
        var next = 0
        while next + 4 <= waiting.count {
            let word = (0..<4).reduce(0) { $0 | UInt32(waiting[next + $1]) << UInt32(8 * $1) }
            hash = Self.rotate(hash &+ word &* Self.prime.2, 17) &* Self.prime.3
            next += 4
        }
        for byte in waiting[next...] {
            hash = Self.rotate(hash &+ UInt32(byte) &* Self.prime.4, 11) &* Self.prime.0
        }
        hash = (hash ^ (hash >> 15)) &* Self.prime.1
        hash = (hash ^ (hash >> 13)) &* Self.prime.2
        return hash ^ (hash >> 16)
    }

    /// The checksum of `range` of `bytes`.
    package static func of(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        var checksum = LZ4Checksum()
        checksum.update(bytes, range)
        return checksum.value
    }

    /// Folds whole 16-byte stripes in; four scalar lanes, which the compiler interleaves.
    private mutating func stripes(_ bytes: [UInt8], _ range: Range<Int>) {
        var (a, b, c, d) = (lanes[0], lanes[1], lanes[2], lanes[3])
        let (prime1, prime2) = (Self.prime.0, Self.prime.1)
        // SAFETY: `update` checked that the range lies in the array; every load is of 4 bytes at
        // most 12 past a stripe's start, and the range is a whole number of 16-byte stripes.
        unsafe bytes.withUnsafeBytes { raw in
            var next = range.lowerBound
            while next < range.upperBound {
                a = Self.round(a, unsafe Self.load(raw, next), prime1, prime2)
                b = Self.round(b, unsafe Self.load(raw, next + 4), prime1, prime2)
                c = Self.round(c, unsafe Self.load(raw, next + 8), prime1, prime2)
                d = Self.round(d, unsafe Self.load(raw, next + 12), prime1, prime2)
                next += 16
            }
        }
        lanes = SIMD4(a, b, c, d)
    }

    @inline(__always)
    private static func load(_ raw: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        // SAFETY: the caller keeps `offset + 4` inside the buffer.
        UInt32(littleEndian: unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    private static func round(
        _ lane: UInt32, _ word: UInt32, _ prime1: UInt32, _ prime2: UInt32
    )
        -> UInt32
    {
        rotate(lane &+ word &* prime2, 13) &* prime1
    }

    @inline(__always)
    private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
        value << count | value >> (32 - count)
    }
}
