import Storage
import TestSupport
import Testing

@Suite struct SafetensorsDamageTests {
    @Test func `refuses every truncation of a file`() throws {
        let bytes = try RealDisk().bytes(of: goldenPath("sra_tiny.safetensors"), limit: 1 << 20)
        for count in 0..<bytes.count {
            #expect(throws: SafetensorsError.self) {
                try SafetensorsFile(decoding: Array(bytes[..<count]))
            }
        }
        #expect(throws: SafetensorsError.trailingBytes(count: 1)) {
            try SafetensorsFile(decoding: bytes + [0])
        }
    }

    @Test func `survives any byte being any other`() throws {
        let bytes = try RealDisk().bytes(of: goldenPath("sra_tiny.safetensors"), limit: 1 << 20)
        var refused = 0
        for position in bytes.indices {
            for change: UInt8 in [0x01, 0x02, 0x10, 0x80, 0xFF] {
                var damaged = bytes
                damaged[position] ^= change
                do throws(SafetensorsError) {
                    // Names, texts and values carry no checksum; what is read must be writable.
                    _ = try SafetensorsFile(decoding: damaged).encoded()
                } catch {
                    refused += 1
                }
            }
        }
        #expect(refused > 1000)
    }

    @Test func `refuses a header longer than its limit before reading it`() {
        let bytes: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0x7B, 0x7D]
        #expect(throws: SafetensorsError.oversizedHeader(byteCount: .max >> 1, limit: 1 << 20)) {
            try SafetensorsFile(decoding: bytes)
        }
    }

    static let damages: [(header: String, byteCount: Int, error: SafetensorsError)] = [
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
                + #""b":{"dtype":"F32","shape":[2],"data_offsets":[2,10]}}"#, 10,
            .badOffsets(name: "b", begin: 2, end: 10, expected: 4)
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#, 12,
            .badOffsets(name: "b", begin: 8, end: 12, expected: 4)
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4,
            .badOffsets(name: "a", begin: 4, end: 0, expected: 0)
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4,
            .truncated(byteCount: 4, wanted: 8)
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 6,
            .trailingBytes(count: 2)
        ),
        (
            #"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#, 8,
            .unknownType(name: "a", type: "F64")
        ),
        (
            #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}"#, 4,
            .badShape(name: "a", shape: [3], byteCount: 4)
        ),
        (
            #"{"a":{"dtype":"F32","shape":[4294967296,4294967296,1],"data_offsets":[0,4]}}"#, 4,
            .badShape(name: "a", shape: [4_294_967_296, 4_294_967_296, 1], byteCount: 4)
        ),
        (
            #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"#
                + #""\u0061":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}"#, 8,
            .duplicateName("a")
        ),
        (#"{"__metadata__":{"x":"1","x":"2"}}"#, 0, .duplicateName("__metadata__.x")),
    ]

    @Test(arguments: damages.indices)
    func `says what is wrong with the tensors`(index: Int) {
        let damage = Self.damages[index]
        #expect(throws: damage.error) {
            try SafetensorsFile(decoding: file(damage.header, damage.byteCount))
        }
    }

    @Test(arguments: [
        "", "[]", "{", "{}x", #"{"a"}"#, #"{"a":1}"#, #"{"a":{}}"#, #"{"a":{"dtype":"F32"}}"#,
        #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
        #"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#,
        #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#,
        #"{"__metadata__":{"x":1}}"#, #"{"\ud800":{}}"#, #"{"\ud83dx":{}}"#, #"{"\u12":{}}"#,
        #"{"\q":{}}"#, #"{"a"#, #"{"a\"#, #"{"a\u"#, #"{"__metadata__":{"x":"y"},}"#,
    ])
    func `refuses a header that is not the format's`(header: String) {
        #expect { try SafetensorsFile(decoding: file(header, 4)) } throws: { error in
            guard case .badHeader? = error as? SafetensorsError else { return false }
            return true
        }
    }

    @Test func `refuses too many tensors and text that is no UTF-8`() {
        let many = (0...4096).map { #""\#($0)":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"# }
        #expect(throws: SafetensorsError.tooManyTensors(count: 4097, limit: 4096)) {
            try SafetensorsFile(decoding: file("{\(many.joined(separator: ","))}", 0))
        }
        let bytes = file("{\"?\":{}}", 0).map { $0 == UInt8(ascii: "?") ? 0xFF : $0 }
        #expect(throws: SafetensorsError.badHeader(offset: 4, reason: "text is not UTF-8")) {
            try SafetensorsFile(decoding: bytes)
        }
    }

    @Test func `reads escapes and any order of fields`() throws {
        let header =
            #" { "\ud83d\ude00\u00e9\/\t" : { "data_offsets" : [ 0 , 4 ] , "shape" : [ ] , "#
            + #""dtype" : "F32" } , "__metadata__" : { } } "#
        let read = try SafetensorsFile(decoding: file(header, 4))
        #expect(read.tensors == [.init(name: "😀é/\t", shape: [], values: .float32([0]))])
    }

    @Test func `tells the path of a file it refuses`() throws {
        let disk = MemoryDisk()
        try disk.open("/a", .create).write([1, 2, 3], at: 0)
        let error = SafetensorsError.truncated(byteCount: 3, wanted: 8)
        #expect(throws: StorageError.malformed(path: "/a", reason: error.description)) {
            try SafetensorsFile.read("/a", on: disk)
        }
        #expect(throws: StorageError.missing(path: "/b")) {
            try SafetensorsFile.read("/b", on: disk)
        }
    }

    /// A file with this header and zeros after it.
    private func file(_ header: String, _ byteCount: Int) -> [UInt8] {
        let text = Array(header.utf8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return length + text + [UInt8](repeating: 0, count: byteCount)
    }
}
