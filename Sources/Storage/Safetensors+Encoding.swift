extension SafetensorsFile {
    /// The file's bytes; equal contents give equal bytes.
    package func encoded() throws(SafetensorsError) -> [UInt8] {
        for (tensor, next) in zip(tensors, tensors.dropFirst()) where tensor.name == next.name {
            throw .duplicateName(tensor.name)
        }
        var offset = 0
        var offsets: [String: (begin: Int, end: Int)] = [:]
        // Wide types first, so that each tensor is aligned to its element without gaps.
        let byWidth = [8, 4, 2].flatMap { width in tensors.filter { $0.width == width } }
        for tensor in byWidth {
            guard tensor.name != "__metadata__" else { throw .duplicateName(tensor.name) }
            let byteCount = tensor.values.count * tensor.width
            guard Self.elementCount(tensor.shape) == tensor.values.count else {
                throw .badShape(name: tensor.name, shape: tensor.shape, byteCount: byteCount)
            }
            offsets[tensor.name] = (offset, offset + byteCount)
            offset += byteCount
        }
        var header = Array(headerText(offsets).utf8)
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        guard header.count <= Limit.headerByteCount else {
            throw .oversizedHeader(
                byteCount: UInt64(header.count), limit: Limit.headerByteCount)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.count + offset)
        Self.append(UInt64(header.count), to: &bytes)
        bytes += header
        for tensor in byWidth {
            switch tensor.values {
            case .float32(let values): for x in values { Self.append(x.bitPattern, to: &bytes) }
            case .float16(let values): for x in values { Self.append(x, to: &bytes) }
            case .int64(let values): for x in values { Self.append(x, to: &bytes) }
            }
        }
        return bytes
    }

    /// Elements of a tensor of this shape; nil when a size is negative or the product overflows.
    static func elementCount(_ shape: [Int]) -> Int? {
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else { return nil }
            count = product
        }
        return count
    }

    private func headerText(_ offsets: [String: (begin: Int, end: Int)]) -> String {
        var entries: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
            entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        for tensor in tensors {
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let (begin, end) = offsets[tensor.name] ?? (0, 0)
            entries.append(
                "\(Self.quoted(tensor.name)):{\"dtype\":\"\(tensor.values.typeName)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(begin),\(end)]}")
        }
        return "{\(entries.joined(separator: ","))}"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func append<Word: FixedWidthInteger>(_ word: Word, to bytes: inout [UInt8]) {
        var rest = word
        for byte in 0..<(Word.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            if byte + 1 < Word.bitWidth / 8 { rest >>= 8 }
        }
    }
}

extension SafetensorsFile.Tensor {
    /// Bytes of one element.
    var width: Int {
        switch values {
        case .float32: 4
        case .float16: 2
        case .int64: 8
        }
    }
}
