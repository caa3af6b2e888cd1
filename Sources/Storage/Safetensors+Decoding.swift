extension SafetensorsFile {
    /// Reads a whole file's bytes; every length in them is checked before it is used.
    package init(decoding bytes: [UInt8]) throws(SafetensorsError) {
        guard bytes.count >= 8 else { throw .truncated(byteCount: bytes.count, wanted: 8) }
        let length: UInt64 = Self.word(bytes, 0)
        guard length <= UInt64(Limit.headerByteCount) else {
            throw .oversizedHeader(byteCount: length, limit: Limit.headerByteCount)
        }
        let start = 8 + Int(length)
        guard bytes.count >= start else {
            throw .truncated(byteCount: bytes.count, wanted: start)
        }
        let header = try SafetensorsHeader(parsing: Array(bytes[8..<start]))
        // The format wants the tensors' bytes to follow each other without gap or overlap.
        let ordered = header.entries.sorted {
            ($0.begin, $0.end) < ($1.begin, $1.end)
        }
        var position = 0
        for entry in ordered {
            guard entry.begin == position, entry.end >= entry.begin else {
                throw .badOffsets(
                    name: entry.name, begin: entry.begin, end: entry.end, expected: position)
            }
            guard entry.end <= bytes.count - start else {
                throw .truncated(byteCount: bytes.count - start, wanted: entry.end)
            }
            position = entry.end
        }
        guard position == bytes.count - start else {
            throw .trailingBytes(count: bytes.count - start - position)
        }
        var tensors: [Tensor] = []
        for entry in header.entries { tensors.append(try Self.tensor(entry, bytes, start)) }
        self.init(tensors: tensors, metadata: header.metadata)
    }

    private static func tensor(
        _ entry: SafetensorsHeader.Entry, _ bytes: [UInt8], _ start: Int
    ) throws(SafetensorsError) -> Tensor {
        guard let width = Values.width(of: entry.type) else {
            throw .unknownType(name: entry.name, type: entry.type)
        }
        let byteCount = entry.end - entry.begin
        guard byteCount % width == 0, elementCount(entry.shape) == byteCount / width else {
            throw .badShape(name: entry.name, shape: entry.shape, byteCount: byteCount)
        }
        let first = start + entry.begin
        let count = byteCount / width
        let values: Values =
            switch entry.type {
            case "F32":
                .float32((0..<count).map { Float(bitPattern: word(bytes, first + $0 * 4)) })
            case "F16": .float16((0..<count).map { word(bytes, first + $0 * 2) })
            default: .int64((0..<count).map { word(bytes, first + $0 * 8) })
            }
        return Tensor(name: entry.name, shape: entry.shape, values: values)
    }

    /// The little-endian integer at `position`.
    private static func word<Word: FixedWidthInteger>(_ bytes: [UInt8], _ position: Int) -> Word {
        var value: Word = 0
        for byte in 0..<(Word.bitWidth / 8) {
            value |= Word(truncatingIfNeeded: bytes[position + byte]) << (8 * byte)
        }
        return value
    }
}
