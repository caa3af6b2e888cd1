import Storage
import Testing

@Suite struct ByteCodecTests {
    private static let words: [UInt64] =
        [0, 1, 127, 128, 255, 16_383, 16_384, .max, .max - 1, 1 << 63, (1 << 63) - 1]
        + (0..<64).map { 1 << UInt64($0) } + (0..<64).map { SeededRandom.mix($0) }

    @Test(arguments: words)
    func `integers come back in as few bytes as they need`(word: UInt64) throws {
        var out = ByteWriter()
        out.put(word)
        let bits = 64 - word.leadingZeroBitCount
        #expect(out.bytes.count == max(1, (bits + 6) / 7))
        var input = ByteReader(out.bytes)
        #expect(try input.unsigned() == word)
        #expect(input.isAtEnd)
        let signed = Int64(bitPattern: word)
        out = ByteWriter()
        out.put(signed)
        out.put(~signed)
        input = ByteReader(out.bytes)
        #expect(try input.signed() == signed)
        #expect(try input.signed() == ~signed)
    }

    // DWARF 5, appendix C, and the zigzag of Protocol Buffers' encoding page.
    @Test func `bytes are those of LEB128 and zigzag`() {
        var out = ByteWriter()
        for value in [2, 127, 128, 129, 12_857] as [UInt64] { out.put(value) }
        #expect(out.bytes == [2, 127, 0x80, 1, 0x81, 1, 0xB9, 0x64])
        out = ByteWriter()
        for value in [0, -1, 1, -2, .max, .min] as [Int64] { out.put(value) }
        let max: [UInt8] = [0xFE] + Array(repeating: 0xFF, count: 8) + [1]
        let min: [UInt8] = [0xFF] + Array(repeating: 0xFF, count: 8) + [1]
        #expect(out.bytes == [0, 1, 2, 3] + max + min)
    }

    @Test func `everything else comes back bit for bit`() throws {
        var out = ByteWriter()
        out.put(byte: 200)
        out.put(word: 0x0102_0304_0506_0708)
        out.put(-0.0)
        out.put(Double(bitPattern: 0x7FF8_0000_0000_1234))
        out.put(optional: nil)
        out.put(optional: -7)
        out.put(halves: [0x3C00, 0xFFFF])
        out.put(floats: [1.5, -.infinity])
        #expect(out.bytes[1] == 8)
        var input = ByteReader(out.bytes)
        #expect(try input.byte() == 200)
        #expect(try input.word() == 0x0102_0304_0506_0708)
        #expect(try input.double().sign == .minus)
        #expect(try input.double().bitPattern == 0x7FF8_0000_0000_1234)
        #expect(try input.optionalSigned() == nil)
        #expect(try input.optionalSigned() == -7)
        #expect(try input.halves(2) == [0x3C00, 0xFFFF])
        #expect(try input.floats(2) == [1.5, -.infinity])
        #expect(input.isAtEnd)
    }

    @Test func `what ends too soon is truncated`() {
        expect(.truncated(at: 0), []) { input in _ = try input.byte() }
        expect(.truncated(at: 2), [0x80, 0xFF]) { input in
            _ = try input.unsigned()
        }
        expect(.truncated(at: 7), Array(repeating: 1, count: 7)) {
            input in _ = try input.word()
        }
        expect(.truncated(at: 3), [1, 2, 3]) { input in
            _ = try input.halves(2)
        }
        expect(.truncated(at: 3), [1, 2, 3]) { input in
            _ = try input.floats(1)
        }
        expect(.truncated(at: 1), [1]) { input in
            _ = try input.optionalSigned()
        }
    }

    @Test(arguments: [
        // Ten bytes whose last says more than the 64th bit; eleven bytes; a last byte of nothing.
        Array(repeating: UInt8(0xFF), count: 9) + [2],
        Array(repeating: UInt8(0xFF), count: 10) + [0], [0x80, 0], [0x81, 0x80, 0],
    ])
    func `integers that no writer writes are malformed`(bytes: [UInt8]) {
        var input = ByteReader(bytes)
        #expect {
            _ = try input.unsigned()
        } throws: { error in
            if case .malformed? = error as? ByteReader.Failure { true } else { false }
        }
    }

    @Test func `a count sizes nothing that the bytes cannot hold`() throws {
        var out = ByteWriter()
        out.put(UInt64.max)
        out.put(word: 0)
        var input = ByteReader(out.bytes)
        #expect(throws: ByteReader.Failure.self) { _ = try input.count(ofAtLeast: 8) }
        out = ByteWriter()
        out.put(UInt64(2))
        out.put(word: 0)
        input = ByteReader(out.bytes)
        #expect(try input.count(ofAtLeast: 4) == 2)
        input = ByteReader(out.bytes)
        #expect(throws: ByteReader.Failure.self) { _ = try input.count(ofAtLeast: 5) }
        input = ByteReader([3])
        #expect(throws: ByteReader.Failure.self) { _ = try input.count(ofAtLeast: 0) }
        input = ByteReader([5])
        #expect(throws: ByteReader.Failure.self) { _ = try input.optionalSigned() }
    }

    private func expect(
        _ failure: ByteReader.Failure, _ bytes: [UInt8],
        _ read: (inout ByteReader) throws -> Void
    ) {
        var input = ByteReader(bytes)
        #expect(throws: failure) { try read(&input) }
    }
}
