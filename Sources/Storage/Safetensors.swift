/// A tensor of floats with its name, as PyTorch's `state_dict` holds them.
package struct NamedTensor: Sendable, Equatable {
    /// PyTorch's name, such as `encoder.weight_ih_l0`.
    package let name: String
    /// Sizes, outermost first; empty for a scalar.
    package let shape: [Int]
    /// The product of `shape` values, row-major.
    package let values: [Float]

    /// A tensor; traps when `shape` and `values` disagree.
    package init(name: String, shape: [Int], values: [Float]) {
        precondition(shape.reduce(1, *) == values.count, "\(name): \(shape) of \(values.count)")
        self.name = name
        self.shape = shape
        self.values = values
    }
}

/// The contents of a safetensors file: named tensors and text metadata.
///
/// The format (github.com/huggingface/safetensors): the header's length as a little-endian UInt64,
/// a JSON header, then the tensors' bytes without gaps. Written here with names ascending, data
/// from the widest type to the narrowest, and a header padded so that the data is 8-byte aligned;
/// so equal contents give equal bytes.
package struct SafetensorsFile: Sendable, Equatable {
    /// The values of one tensor, by the types this package uses.
    package enum Values: Sendable, Equatable {
        /// `F32`.
        case float32([Float])
        /// `F16`, as bit patterns.
        case float16([UInt16])
        /// `I64`.
        case int64([Int64])
    }

    /// One tensor.
    package struct Tensor: Sendable, Equatable {
        package let name: String
        /// Sizes, outermost first; empty for a scalar.
        package let shape: [Int]
        package let values: Values

        /// A tensor; `SafetensorsFile.encoded` refuses a shape that does not fit its values.
        package init(name: String, shape: [Int], values: Values) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// Limits on what is read; a file beyond one is refused before anything is allocated for it.
    package enum Limit {
        /// Bytes of the JSON header.
        package static let headerByteCount = 1 << 20
        /// Tensors in a file.
        package static let tensorCount = 4096
        /// Bytes of a whole file.
        package static let fileByteCount = 1 << 30
    }

    /// Ascending by name.
    package let tensors: [Tensor]
    /// `__metadata__`.
    package let metadata: [String: String]

    /// Contents to be written; the order of `tensors` does not matter.
    package init(tensors: [Tensor], metadata: [String: String] = [:]) {
        self.tensors = tensors.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        self.metadata = metadata
    }

    /// Contents to be written, all Float32.
    package init(_ tensors: [NamedTensor], metadata: [String: String] = [:]) {
        self.init(
            tensors: tensors.map {
                Tensor(name: $0.name, shape: $0.shape, values: .float32($0.values))
            },
            metadata: metadata)
    }

    /// The tensors as Float32, ascending by name; throws when one has another type.
    package func floats() throws(SafetensorsError) -> [NamedTensor] {
        var named: [NamedTensor] = []
        for tensor in tensors {
            guard case .float32(let values) = tensor.values else {
                throw .wrongType(name: tensor.name, type: tensor.values.typeName, wanted: "F32")
            }
            named.append(NamedTensor(name: tensor.name, shape: tensor.shape, values: values))
        }
        return named
    }

    /// Reads and checks a whole file.
    ///
    /// - Throws: `malformed` with the `SafetensorsError`'s text, or what the disk throws.
    package static func read(_ path: String, on disk: any Disk) throws(StorageError) -> Self {
        let file = try disk.open(path, .read)
        let byteCount = try file.status().byteCount
        guard byteCount <= Int64(Limit.fileByteCount) else {
            let error = SafetensorsError.oversizedFile(
                byteCount: byteCount, limit: Limit.fileByteCount)
            throw .malformed(path: path, reason: error.description)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(byteCount))
        while bytes.count < Int(byteCount) {
            let some = min(Int(byteCount) - bytes.count, 1 << 24)
            let position = Int64(bytes.count)
            if try file.read(some, at: position, into: &bytes) == 0 { break }
        }
        do throws(SafetensorsError) {
            return try Self(decoding: bytes)
        } catch {
            throw .malformed(path: path, reason: error.description)
        }
    }

    /// Creates the file and syncs it; a file that exists is an error, and nothing is renamed.
    ///
    /// - Throws: what the disk throws; an incomplete file may then be left at `path`.
    package func write(to path: String, on disk: any Disk) throws(StorageError) {
        let bytes: [UInt8]
        do throws(SafetensorsError) {
            bytes = try encoded()
        } catch {
            throw .malformed(path: path, reason: error.description)
        }
        let file = try disk.open(path, .create)
        try file.write(bytes, at: 0)
        try file.sync()
    }
}

extension SafetensorsFile.Values {
    /// The format's name of the type.
    var typeName: String {
        switch self {
        case .float32: "F32"
        case .float16: "F16"
        case .int64: "I64"
        }
    }

    var count: Int {
        switch self {
        case .float32(let values): values.count
        case .float16(let values): values.count
        case .int64(let values): values.count
        }
    }

    /// Bytes of one element of a type; nil for a type this package does not read.
    static func width(of typeName: String) -> Int? {
        switch typeName {
        case "F32": 4
        case "F16": 2
        case "I64": 8
        default: nil
        }
    }
}

/// Why bytes are no safetensors file that this package reads, or contents cannot be written as one.
package enum SafetensorsError: Error, Equatable, CustomStringConvertible {
    case truncated(byteCount: Int, wanted: Int)
    case oversizedFile(byteCount: Int64, limit: Int)
    case oversizedHeader(byteCount: UInt64, limit: Int)
    case badHeader(offset: Int, reason: String)
    case tooManyTensors(count: Int, limit: Int)
    case duplicateName(String)
    case unknownType(name: String, type: String)
    case wrongType(name: String, type: String, wanted: String)
    case badShape(name: String, shape: [Int], byteCount: Int)
    /// The tensors' bytes overlap, leave a gap, or do not end where the file ends.
    case badOffsets(name: String, begin: Int, end: Int, expected: Int)
    case trailingBytes(count: Int)

    package var description: String {
        switch self {
        case .truncated(let byteCount, let wanted):
            "safetensors: \(byteCount) bytes, \(wanted) wanted; the file was cut, fetch it again"
        case .oversizedFile(let byteCount, let limit):
            "safetensors: \(byteCount) bytes; the limit is \(limit)"
        case .oversizedHeader(let byteCount, let limit):
            "safetensors: header of \(byteCount) bytes; the limit is \(limit)"
        case .badHeader(let offset, let reason):
            "safetensors: header, byte \(offset): \(reason)"
        case .tooManyTensors(let count, let limit):
            "safetensors: \(count) tensors; the limit is \(limit)"
        case .duplicateName(let name):
            "safetensors: two entries named \(name)"
        case .unknownType(let name, let type):
            "safetensors: \(name) has type \(type); F32, F16 and I64 are read, convert it"
        case .wrongType(let name, let type, let wanted):
            "safetensors: \(name) has type \(type), \(wanted) wanted"
        case .badShape(let name, let shape, let byteCount):
            "safetensors: \(name): shape \(shape) does not fit \(byteCount) bytes"
        case .badOffsets(let name, let begin, let end, let expected):
            "safetensors: \(name): bytes \(begin) to \(end) should begin at \(expected)"
        case .trailingBytes(let count):
            "safetensors: \(count) bytes after the last tensor"
        }
    }
}
