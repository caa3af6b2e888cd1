import Storage
import TestSupport
import Testing

@Suite struct NpyTests {
    // numpy 2.4: np.save(f, np.zeros(3, "<i8")); f.getvalue()[:128]
    @Test func `writes NumPy's header in 128 bytes`() {
        let text = "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }"
        let padding = String(repeating: " ", count: 117 - text.count)
        #expect(
            NpyHeader.int64(count: 3).encoded()
                == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 118, 0] + Array((text + padding).utf8)
                + [0x0A])
    }

    @Test func `keeps the header's size whatever the count`() throws {
        for count in [0, 1, 9, 10, 123_456, 1 << 40, Int.max] {
            for header in [
                NpyHeader.int64(count: count), .float16(rows: count, columns: 1048),
                .float16(rows: count, columns: Int.max),
            ] {
                let bytes = header.encoded()
                #expect(bytes.count == 128 && bytes.last == 0x0A)
                #expect(try NpyHeader(decoding: bytes) == header)
            }
        }
    }

    @Test func `reads rows back`() throws {
        let disk = MemoryDisk()
        let rows = try disk.open("/rows", .create)
        try rows.write(NpyHeader.float16(rows: 3, columns: 2).encoded(), at: 0)
        try rows.write([1, 0, 2, 0, 3, 0, 4, 0, 5, 1, 0xFF, 0xFF], at: 128)
        let reader = try NpyReader("/rows", on: disk)
        #expect(reader.header == .float16(rows: 3, columns: 2))
        #expect(try reader.halfs(rows: 0..<3) == [1, 2, 3, 4, 0x105, 0xFFFF])
        #expect(try reader.halfs(rows: 2..<3) == [0x105, 0xFFFF])
        #expect(try reader.halfs(rows: 1..<1) == [])
        let ids = try disk.open("/ids", .create)
        try ids.write(NpyHeader.int64(count: 2).encoded(), at: 0)
        try ids.write(
            [0xFE] + Array(repeating: 0xFF, count: 7) + [7, 1, 0, 0, 0, 0, 0, 0], at: 128)
        #expect(try NpyReader("/ids", on: disk).int64s(rows: 0..<2) == [-2, 263])
    }

    @Test func `refuses a file whose size is not what its header says`() throws {
        let disk = MemoryDisk()
        let file = try disk.open("/ids", .create)
        for byteCount in [Int64(144), 0, 9, 127, 128, 143, 145] {
            try file.write(NpyHeader.int64(count: 2).encoded(), at: 0)
            try file.truncate(to: byteCount)
            if byteCount == 144 {
                _ = try NpyReader("/ids", on: disk)
                continue
            }
            let error: NpyError =
                byteCount > 144
                ? .trailingBytes(count: 1)
                : .truncated(byteCount: byteCount, wanted: byteCount < 128 ? 128 : 144)
            #expect(throws: StorageError.malformed(path: "/ids", reason: error.description)) {
                try NpyReader("/ids", on: disk)
            }
        }
        try file.write(NpyHeader.float16(rows: Int.max, columns: Int.max).encoded(), at: 0)
        #expect(throws: StorageError.self) { try NpyReader("/ids", on: disk) }
    }

    @Test func `refuses every header it would not have written`() throws {
        let bytes = NpyHeader.float16(rows: 12, columns: 744).encoded()
        for position in bytes.indices {
            for change: UInt8 in [0x01, 0x10, 0x80] {
                var damaged = bytes
                damaged[position] ^= change
                // Only a digit turned into another digit is still a header.
                if let header = try? NpyHeader(decoding: damaged) {
                    #expect(header.encoded() == damaged)
                    #expect((0x30...0x39).contains(damaged[position]))
                }
            }
        }
        #expect(throws: NpyError.truncated(byteCount: 127, wanted: 128)) {
            try NpyHeader(decoding: Array(bytes[..<127]))
        }
    }
}
