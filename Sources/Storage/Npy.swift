/// The header of a NumPy `.npy` file, format 1.0: little-endian, C order, always 128 bytes when
/// written, so that a file's row count can be written after its rows.
///
/// Source: numpy.lib.format, "NumPy array file format".
package struct NpyHeader: Sendable, Equatable {
    /// The element types this package publishes.
    package enum Element: String, Sendable, CaseIterable {
        /// NumPy's `int64`.
        case int64 = "<i8"
        /// NumPy's `float16`.
        case float16 = "<f2"
        /// NumPy's `float64`.
        case float64 = "<f8"

        /// Bytes of one element.
        package var byteCount: Int {
            switch self {
            case .int64, .float64: 8
            case .float16: 2
            }
        }
    }

    /// Bytes of every header that `encoded` gives.
    package static let byteCount = 128

    package let element: Element
    /// Sizes, outermost first; one or two of them.
    package let shape: [Int]

    /// The header of an `int64` array `[count]`.
    package static func int64(count: Int) -> Self { Self(element: .int64, shape: [count]) }

    /// The header of an `int64` array `[rows, columns]`, C order.
    package static func int64(rows: Int, columns: Int) -> Self {
        Self(element: .int64, shape: [rows, columns])
    }

    /// The header of a `float16` array `[rows, columns]`, C order.
    package static func float16(rows: Int, columns: Int) -> Self {
        Self(element: .float16, shape: [rows, columns])
    }

    /// The header of a `float64` array `[rows, columns]`, C order.
    package static func float64(rows: Int, columns: Int) -> Self {
        Self(element: .float64, shape: [rows, columns])
    }

    private init(element: Element, shape: [Int]) {
        precondition(shape.allSatisfy { $0 >= 0 }, "NpyHeader: shape \(shape)")
        self.element = element
        self.shape = shape
    }

    /// The header's 128 bytes.
    package func encoded() -> [UInt8] {
        let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        let text = "{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': (\(sizes)), }"
        let length = Self.byteCount - 10
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length), 0]
        bytes += Array(text.utf8)
        bytes += Array(repeating: UInt8(ascii: " "), count: Self.byteCount - 1 - bytes.count)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// Reads a header that `encoded` could have written, and no other.
    ///
    /// - Parameter bytes: the file's first 128 bytes, or more.
    /// - Throws: `truncated` or `badHeader`.
    package init(decoding bytes: [UInt8]) throws(NpyError) {
        guard bytes.count >= Self.byteCount else {
            throw .truncated(byteCount: Int64(bytes.count), wanted: Int64(Self.byteCount))
        }
        let head = Array(bytes[..<Self.byteCount])
        let text = String(decoding: head[10...], as: UTF8.self)
        guard head.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]),
            let element = Element.allCases.first(where: { text.contains("'\($0.rawValue)'") }),
            let open = text.firstIndex(of: "("), let close = text.firstIndex(of: ")"), open < close
        else { throw .badHeader(text) }
        let sizes = text[text.index(after: open)..<close].split(separator: ",")
            .map { Int($0.drop { $0 == " " }) }
        let shape = sizes.compactMap { $0 }
        guard (1...2).contains(shape.count), shape.count == sizes.count,
            shape.allSatisfy({ $0 >= 0 })
        else { throw .badHeader(text) }
        self.init(element: element, shape: shape)
        guard encoded() == head else { throw .badHeader(text) }
    }

    /// Bytes of header and data together; nil when that overflows.
    package var fileByteCount: Int64? {
        var count = Int64(element.byteCount)
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int64(size))
            guard !overflow else { return nil }
            count = product
        }
        let (sum, overflow) = count.addingReportingOverflow(Int64(Self.byteCount))
        return overflow ? nil : sum
    }
}

/// Reads arrays back from `.npy` files, row by row, for verification.
package struct NpyReader: Sendable {
    /// What the file says it holds; its size agrees.
    package let header: NpyHeader
    private let file: any DiskFile
    private let path: String

    /// Opens a file and checks that its header and its size agree.
    ///
    /// - Throws: `malformed` with the `NpyError`'s text, or what the disk throws.
    package init(_ path: String, on disk: any Disk) throws(StorageError) {
        file = try disk.open(path, .read)
        self.path = path
        var head: [UInt8] = []
        while head.count < NpyHeader.byteCount {
            let position = Int64(head.count)
            let some = try file.read(NpyHeader.byteCount - head.count, at: position, into: &head)
            if some == 0 { break }
        }
        let byteCount = try file.status().byteCount
        do throws(NpyError) {
            header = try NpyHeader(decoding: head)
            guard let wanted = header.fileByteCount else { throw .badHeader("\(header.shape)") }
            guard byteCount >= wanted else {
                throw .truncated(byteCount: byteCount, wanted: wanted)
            }
            guard byteCount == wanted else { throw .trailingBytes(count: byteCount - wanted) }
        } catch {
            throw .malformed(path: path, reason: error.description)
        }
    }

    /// Elements of one row: the product of all sizes but the first.
    package var rowElementCount: Int { header.shape.dropFirst().reduce(1, *) }

    /// The little-endian bytes of rows `rows`, at most 64 MiB; traps on rows that are not there.
    package func bytes(ofRows rows: Range<Int>) throws(StorageError) -> [UInt8] {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= header.shape[0], "rows \(rows)")
        let width = rowElementCount * header.element.byteCount
        let wanted = rows.count * width
        precondition(wanted <= 1 << 26, "NpyReader: \(wanted) bytes at once")
        let start = Int64(NpyHeader.byteCount) + Int64(rows.lowerBound) * Int64(width)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(wanted)
        while bytes.count < wanted {
            let position = start + Int64(bytes.count)
            if try file.read(wanted - bytes.count, at: position, into: &bytes) == 0 {
                throw .malformed(path: path, reason: "npy: shrank while it was read")
            }
        }
        return bytes
    }

    /// Rows of an `int64` array; traps on another type.
    package func int64s(rows: Range<Int>) throws(StorageError) -> [Int64] {
        precondition(header.element == .int64, "NpyReader: \(header.element)")
        let bytes = try bytes(ofRows: rows)
        return stride(from: 0, to: bytes.count, by: 8).map { start in
            (0..<8).reduce(0) { $0 | Int64(bytes[start + $1]) << (8 * $1) }
        }
    }

    /// Rows of a `float64` array; traps on another type.
    package func doubles(rows: Range<Int>) throws(StorageError) -> [Double] {
        precondition(header.element == .float64, "NpyReader: \(header.element)")
        let bytes = try bytes(ofRows: rows)
        return stride(from: 0, to: bytes.count, by: 8).map { start in
            Double(
                bitPattern: (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) })
        }
    }

    /// Rows of a `float16` array as bit patterns; traps on another type.
    package func halfs(rows: Range<Int>) throws(StorageError) -> [UInt16] {
        precondition(header.element == .float16, "NpyReader: \(header.element)")
        let bytes = try bytes(ofRows: rows)
        return stride(from: 0, to: bytes.count, by: 2).map { start in
            UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8
        }
    }
}

/// Why a file is no `.npy` file of the kind this package writes.
package enum NpyError: Error, Equatable, CustomStringConvertible {
    case truncated(byteCount: Int64, wanted: Int64)
    case trailingBytes(count: Int64)
    case badHeader(String)

    package var description: String {
        switch self {
        case .truncated(let byteCount, let wanted):
            "npy: \(byteCount) bytes, \(wanted) wanted; the file was cut, make the snapshot again"
        case .trailingBytes(let count): "npy: \(count) bytes after the array"
        case .badHeader(let text): "npy: not a header that ubpd writes: \(text)"
        }
    }
}
