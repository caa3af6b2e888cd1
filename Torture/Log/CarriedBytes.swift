import Storage

/// Bytes of a file, each with the place in the written segment that it came from.
struct CarriedBytes {
    private(set) var bytes: [UInt8]
    /// Index in the written segment; nil for what its writer did not write there.
    private(set) var origins: [Int?]

    /// All of a written segment.
    init(_ segment: WrittenSegment) {
        bytes = segment.bytes
        origins = segment.bytes.indices.map { $0 }
    }

    /// No bytes.
    init() {
        bytes = []
        origins = []
    }

    var count: Int { bytes.count }

    mutating func append(_ other: CarriedBytes) {
        bytes += other.bytes
        origins += other.origins
    }

    /// Takes up to `count` bytes off the front.
    mutating func takeFirst(_ count: Int) -> CarriedBytes {
        var taken = self
        taken.remove(min(count, self.count)..<self.count)
        remove(0..<min(count, self.count))
        return taken
    }

    mutating func remove(_ range: Range<Int>) {
        bytes.removeSubrange(range)
        origins.removeSubrange(range)
    }

    mutating func insert(_ noise: [UInt8], at index: Int) {
        bytes.insert(contentsOf: noise, at: index)
        origins.insert(contentsOf: repeatElement(nil, count: noise.count), at: index)
    }

    /// Writes over what is there; a byte that stays the same stays what it was.
    mutating func overwrite(_ noise: [UInt8], at index: Int) {
        for (place, byte) in zip(index..., noise) where bytes[place] != byte {
            bytes[place] = byte
            origins[place] = nil
        }
    }

    /// Notes what a crash left of the file: `left` stands there now.
    mutating func become(_ left: [UInt8]) {
        if left.count < count { remove(left.count..<count) }
        overwrite(Array(left.prefix(count)), at: 0)
        insert(Array(left.dropFirst(count)), at: count)
    }
}

/// One thing that happened to the bytes of a segment on their way to the disk.
struct LogDamage {
    enum Kind: CaseIterable {
        case flip
        case cutOut
        case insertion
        case zeros
        case noise
        case tornEnd
    }

    var kind: Kind
    /// Where, as a fraction of the segment; an exact place instead when `isAtBound`.
    var place: Double
    /// At the bound of a piece or of an LZ4 block rather than anywhere.
    var isAtBound: Bool
    var byteCount: Int
    var seed: UInt64

    init(_ random: inout SeededRandom) {
        kind = Kind.allCases.randomElement(using: &random) ?? .flip
        place = random.nextUnit()
        isAtBound = random.nextUnit() < 0.3
        byteCount =
            random.nextUnit() < 0.5
            ? Int.random(in: 1...8, using: &random) : Int.random(in: 1...400, using: &random)
        seed = random.next()
    }

    /// Damages `carried`, which came from `segment`.
    func apply(to carried: inout CarriedBytes, of segment: WrittenSegment) {
        guard carried.count > 0 else { return }
        var random = SeededRandom(seed: seed, stream: 1)
        var start = min(carried.count - 1, Int(place * Double(carried.count)))
        if isAtBound {
            let bounds = segment.pieces.flatMap { piece in
                [piece.bytes.lowerBound, piece.headerEnd] + piece.blocks.map(\.bytes.lowerBound)
            }
            let bound = bounds.isEmpty ? 0 : bounds[Int(place * Double(bounds.count))]
            start = min(carried.count - 1, bound + Int.random(in: 0...3, using: &random))
        }
        let end = min(carried.count, start + byteCount)
        var noise: [UInt8] {
            (start..<start + byteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        switch kind {
        case .flip:
            let bit = UInt8(1) << UInt8.random(in: 0...7, using: &random)
            carried.overwrite([carried.bytes[start] ^ bit], at: start)
        case .cutOut: carried.remove(start..<end)
        case .insertion: carried.insert(noise, at: start)
        case .zeros: carried.overwrite([UInt8](repeating: 0, count: end - start), at: start)
        case .noise: carried.overwrite(Array(noise.prefix(end - start)), at: start)
        case .tornEnd: carried.remove(start..<carried.count)
        }
    }
}
