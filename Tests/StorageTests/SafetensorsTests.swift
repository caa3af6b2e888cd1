import Storage
import TestSupport
import Testing

@Suite struct SafetensorsTests {
    private let contents = SafetensorsFile(
        tensors: [
            .init(name: "half", shape: [3], values: .float16([0x3800, 0xC000, 0x7BFF])),
            .init(name: "count", shape: [2], values: .int64([-1, 1 << 62])),
            .init(name: "encoder.weight", shape: [2, 3], values: .float32([0, 1, 2, 3, 4, 5])),
            .init(name: "none", shape: [0, 4], values: .float32([])),
            .init(name: "encoder.bias", shape: [3], values: .float32([1.5, -0.25, 3e-5])),
        ],
        metadata: ["trained": "false", "text": "quote \" slash \\ é\n"])

    // Tests/Golden/sra_safetensors.py (safetensors 0.8, Hugging Face's library)
    @Test func `reads what the reference library wrote`() throws {
        let path = goldenPath("sra_tiny.safetensors")
        #expect(try SafetensorsFile.read(path, on: RealDisk()) == contents)
    }

    @Test func `reads what it wrote, through a disk`() throws {
        let disk = MemoryDisk()
        try disk.makeDirectory("/weights")
        try contents.write(to: "/weights/a", on: disk)
        #expect(try SafetensorsFile.read("/weights/a", on: disk) == contents)
        #expect(throws: StorageError.exists(path: "/weights/a")) {
            try contents.write(to: "/weights/a", on: disk)
        }
        disk.checkInvariants()
    }

    @Test func `writes equal bytes for equal contents, aligned to eight`() throws {
        let bytes = try contents.encoded()
        let reversed = SafetensorsFile(
            tensors: contents.tensors.reversed(), metadata: contents.metadata)
        #expect(try reversed.encoded() == bytes)
        let headerByteCount = Int(bytes[0]) + Int(bytes[1]) << 8
        #expect(headerByteCount % 8 == 0 && bytes[2..<8].allSatisfy { $0 == 0 })
        #expect(bytes.count == 8 + headerByteCount + 16 + 24 + 12 + 6)
        let header = String(decoding: bytes[8..<8 + headerByteCount], as: UTF8.self)
        let names = ["__metadata__", "count", "encoder.bias", "encoder.weight", "half", "none"]
        let places = names.compactMap { header.firstRange(of: "\"\($0)\":")?.lowerBound }
        #expect(places.count == names.count && places == places.sorted())
    }

    @Test func `gives floats by name, and only floats`() throws {
        let floats = SafetensorsFile([
            NamedTensor(name: "b", shape: [1], values: [2]),
            NamedTensor(name: "a", shape: [], values: [1]),
        ])
        let read = try SafetensorsFile(decoding: floats.encoded()).floats()
        #expect(read.map(\.name) == ["a", "b"])
        #expect(read.map(\.values) == [[1], [2]])
        #expect(throws: SafetensorsError.wrongType(name: "count", type: "I64", wanted: "F32")) {
            try contents.floats()
        }
    }

    @Test func `refuses to write what could not be read`() {
        let twice = SafetensorsFile(tensors: [contents.tensors[0], contents.tensors[0]])
        #expect(throws: SafetensorsError.duplicateName("count")) { try twice.encoded() }
        let bent = SafetensorsFile(tensors: [
            .init(name: "a", shape: [2, 2], values: .float32([1]))
        ])
        #expect(throws: SafetensorsError.badShape(name: "a", shape: [2, 2], byteCount: 4)) {
            try bent.encoded()
        }
        let reserved = SafetensorsFile(tensors: [
            .init(name: "__metadata__", shape: [], values: .float32([1]))
        ])
        #expect(throws: SafetensorsError.duplicateName("__metadata__")) { try reserved.encoded() }
    }
}
