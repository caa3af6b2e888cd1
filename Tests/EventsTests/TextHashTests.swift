import Events
import Storage
import Testing

@Suite struct TextHashTests {
    // Tests/Golden/import_table.py: text_hash(text)
    @Test(arguments: [
        ("", UInt64(0xE220_A839_7B1D_CDAF)), ("a", 0xA5D7_F36F_3490_1AC5),
        ("12345678", 0xCE7F_A27B_FD1B_84AB), ("85123A", 0xCCA3_75AC_4598_9D1E),
        ("product:1234567890-abcdefgh", 0xD4AD_5210_B18F_A345),
    ])
    func `matches an independent implementation`(text: String, hash: UInt64) {
        #expect(TextHash.hash(Array(text.utf8).span) == hash)
    }

    @Test func `tells near texts apart`() {
        var hashes: Set<UInt64> = []
        for number in 0..<100_000 { hashes.insert(TextHash.hash(Array("\(number)".utf8).span)) }
        for length in 1...64 {
            hashes.insert(TextHash.hash([UInt8](repeating: 0, count: length).span))
        }
        #expect(hashes.count == 100_064)
    }
}

@Suite struct RawWordsTests {
    @Test func `reads words anywhere, zeros past the end`() {
        for count in 0..<20 {
            let bytes = (0..<count).map { UInt8($0 + 1) }
            for offset in 0..<24 {
                var expected: UInt64 = 0
                for index in 0..<8 where offset + index < count {
                    expected |= UInt64(bytes[offset + index]) << UInt64(8 * index)
                }
                #expect(bytes.span.word(at: offset) == expected)
            }
        }
    }

    @Test func `reads literals as it reads bytes`() {
        #expect(literalWord("client_i") == Array("client_i".utf8).span.word(at: 0))
        #expect(literalWord("url\"") == Array("url\"".utf8).span.word(at: 0))
    }
}
