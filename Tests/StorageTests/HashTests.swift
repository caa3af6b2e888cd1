import Storage
import Testing

@Suite struct HashTests {
    // FIPS 180-4's examples; sha256sum(1) prints the same.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `hashes the published examples`(text: String, expected: String) {
        #expect(ContentHash.hex(of: Array(text.utf8)) == expected)
    }

    // python3: hashlib.sha256(bytes(i % 251 for i in range(1000000))).hexdigest()
    @Test(arguments: [1, 63, 64, 65, 999_999])
    func `pieces do not matter`(pieceByteCount: Int) {
        let bytes = (0..<1_000_000).map { UInt8($0 % 251) }
        var hash = ContentHash()
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + pieceByteCount)
            hash.update(bytes[start..<end].span)
            start = end
        }
        #expect(
            hash.finishHex() == "2c030d49ec131bfbbb446ad21e7a2f12cdb4f2f4f3fda3ac709dd2e68a4646c7")
    }

    // The test vectors of draft-eastlake-fnv, appendix C: FNV-1a, 64 bits.
    @Test(
        arguments: [
            ("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C),
            ("foobar", 0x8594_4171_F739_67E8),
        ] as [(String, UInt64)])
    func `gives the published FNV values`(text: String, expected: UInt64) {
        #expect(StableHash64.hash(text) == expected)
    }

    @Test func `a word counts as its eight bytes`() {
        var word = StableHash64()
        word.update(0x0807_0605_0403_0201)
        #expect(word.value == StableHash64.hash([1, 2, 3, 4, 5, 6, 7, 8].span))
    }
}
